"""Climbs the ladder of checks in a sandbox: what `bot.rust` decides, carried out, timed and compared with the base."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain import (
    Check,
    CheckKind,
    CheckResult,
    CheckScope,
    CommandResult,
    Failure,
    Level,
    Success,
    TestOutcome,
)
from bot.errors import Stopped
from bot.rust import checks as rust_checks
from bot.rust import diagnostics
from bot.rust.compact import compact, does_not_compile, failures, known_of, new_diagnostics
from bot.rust.libtest import TEST_BINARY
from bot.rust.tests import TestItem
from bot.rust.verdicts import outcome_of
from bot.sandbox import Sandbox

CHECK_SECONDS = 900.0
"""How long one check may take where the repository does not say."""

FLAKY_MOST, FLAKY_CHANCES = 8, 2
"""So many failing tests at most are run again, so many times; more than that fail for a reason."""

TESTED = (CheckKind.TEST, CheckKind.NEXTEST, CheckKind.DOCTEST)
"""The kinds of checks that run tests."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the checks say of the base itself: findings that are not blamed on a change, and files that were unformatted.

    `rustc` is the version of the compiler that was used, such as `1.95.0`; `rewritten` are files that the checks write.
    """

    results: tuple[CheckResult, ...] = ()
    unformatted: tuple[str, ...] = ()
    rustc: str = ""
    rewritten: tuple[str, ...] = ()

    @property
    def passing(self) -> frozenset[str]:
        """The keys of the tests that pass on the base."""
        return passing(self.results)

    def summary(self) -> str:
        """A few lines for a prompt: what every check says of the base."""
        lines = [compact((result,)).split("\n\n")[0] for result in self.results]
        if self.unformatted:
            names = ", ".join(self.unformatted[:20]) + (" …" if len(self.unformatted) > 20 else "")
            lines.append(f"rustfmt would change these files of the base; format only your own lines there: {names}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Checker:
    """Runs checks in one sandbox, which has `tools` besides cargo's own; `seconds` bounds each check."""

    sandbox: Sandbox
    checks: tuple[Check, ...]
    should_stop: Callable[[], bool]
    seconds: float = CHECK_SECONDS
    tools: frozenset[str] = frozenset()

    def measure_base(self) -> Baseline:
        """Run everything on the untouched base, past every failure."""
        fmt = [check for check in self.checks if check.kind is CheckKind.FMT]
        listed = self._command(rust_checks.unformatted_line(fmt[0] if fmt else None), ".", {})
        unformatted = tuple(sorted(diagnostics.unformatted(listed)))
        version = re.match(r"rustc (\S+)", self._command("rustc --version", ".", {}).output)
        results = self.climb(CheckScope.FULL, Baseline(), stop_early=False)
        return Baseline(results, unformatted, version[1] if version else "")

    def rungs(self, scope: CheckScope, test_filter: str = "") -> tuple[Check, ...]:
        """The checks that `climb` runs, in order."""
        rungs = rust_checks.ladder(self.checks, scope=scope, tools=self.tools)
        return tuple(check for check in rungs if check.kind in TESTED) if test_filter else rungs

    def run_tests(self, tests: Collection[TestItem]) -> tuple[CheckResult, ...]:
        """The rungs that run tests, past every failure, until each of `tests` has failed.

        Documentation tests are left out where none of `tests` is one, because each is compiled by itself.
        """
        results: list[CheckResult] = []
        for check in self.rungs(CheckScope.FULL):
            narrow = check if any(test.is_doc for test in tests) else rust_checks.without_doc_tests(check)
            if check.kind not in TESTED or narrow is None:
                continue
            result = self.run(narrow)
            ran_as = result.ran_as or ("run without documentation tests" if narrow != check else "")
            results.append(replace(result, check=check, ran_as=ran_as))
            if all(outcome_of(test, results) is TestOutcome.FAILED for test in tests):
                break
        return tuple(results)

    def climb(
        self,
        scope: CheckScope,
        baseline: Baseline,
        *,
        test_filter: str = "",
        packages: Sequence[str] = (),
        stop_early: bool = True,
    ) -> tuple[CheckResult, ...]:
        """Run the rungs of `scope` in order; with `stop_early` not past the first that is worse than the base.

        `packages` narrows them to what a change can reach. In full, tests that fail have a second and a third chance.
        """
        results: list[CheckResult] = []
        for check in self.rungs(scope, test_filter):
            # A check in another directory is about another workspace, where these packages are not.
            reached = packages if check.directory == "." else ()
            result = self.run(check, test_filter=test_filter, packages=reached)
            if scope is CheckScope.FULL:
                result = self._with_second_chance(result, baseline)
            results.append(result)
            if stop_early and worse_than_base(results[-1:], baseline):
                break
        return tuple(results)

    def _with_second_chance(self, result: CheckResult, baseline: Baseline) -> CheckResult:
        """Run tests that fail again, by name: what passes then is flaky, and no change is blamed for it.

        Tests that the base does not have get no second chance: one that fails now and then is a mistake of the change. Where
        there is no base to compare with, this is the base.
        """
        # What fails on the base as well is blamed on nobody, and is not worth a second run.
        known = baseline.passing
        suspects = {
            test.key: test
            for test in failures(result)
            if test.target != "doc" and (not baseline.results or test.key in known)
        }
        if result.check.kind not in TESTED or not suspects or len(suspects) > FLAKY_MOST or _has_errors(result):
            return result
        names = sorted({test.name for test in suspects.values()})
        line = rust_checks.named_tests_line(result.check, names, tools=self.tools)
        passed: set[str] = set()
        for _ in range(FLAKY_CHANCES if baseline.results else 1):
            again = self._parsed(result.check, line)
            passed |= {test.key for test in again.tests if test.outcome is TestOutcome.OK}
            if passed >= suspects.keys():
                break
        return forgiven(result, frozenset(passed & suspects.keys()))

    def repeat(self, check: Check, names: Sequence[str], times: int) -> tuple[CheckResult, ...]:
        """Run exactly these tests so many times, each in a process of its own where the sandbox can do that.

        A test that does not pass each time passes in none of the results, or not in all of them.
        """
        alone, lines = rust_checks.repeated(check, names, times, self.tools)
        return tuple(self._parsed(alone, line) for line in lines)

    def run(self, check: Check, *, test_filter: str = "", packages: Sequence[str] = ()) -> CheckResult:
        """One check; where some test target does not compile, the others run all the same."""
        line = rust_checks.command_line(check, test_filter=test_filter, packages=packages, tools=self.tools)
        result = self._parsed(check, line)
        if isinstance(result.exit, Failure) and any(item.code == TEST_BINARY for item in result.diagnostics):
            result = self._one_by_one(check, line, result)
        result = replace(result, ran_as=rust_checks.stand_in(check, self.tools))
        if check.kind not in TESTED or result.tests or not does_not_compile(result) or test_filter:
            return result
        return self._salvage(check, result)

    def _one_by_one(self, check: Check, line: str, died: CheckResult) -> CheckResult:
        """A test program died, and did not say in which of the tests that ran side by side; now they run one by one."""
        again = self._parsed(check, rust_checks.one_by_one_line(line))
        if again.is_success:
            return died
        verdicts = {test.key: test for test in died.tests} | {test.key: test for test in again.tests}
        return replace(again, tests=tuple(verdicts.values()), seconds=died.seconds + again.seconds)

    def _salvage(self, check: Check, broken: CheckResult) -> CheckResult:
        """cargo test runs nothing if one target does not compile; build what can be built, and run that."""
        env = rust_checks.environment(check)
        built = self._command(rust_checks.salvage_build_line(check), check.directory, env)
        targets = diagnostics.test_targets(built)
        lines = rust_checks.salvage_test_lines(check, targets)
        return diagnostics.merge([broken, *(self._parsed(check, line) for line in lines)])

    def _parsed(self, check: Check, line: str) -> CheckResult:
        """What a line that was made of the check comes to."""
        return diagnostics.parse(check, self._command(line, check.directory, rust_checks.environment(check)))

    def format(self, paths: Sequence[str], editions: Mapping[str, str]) -> CommandResult:
        """Format exactly these files in place."""
        return self._command(rust_checks.format_line(paths, editions), ".", {})

    def _command(self, line: str, directory: str, env: Mapping[str, str]) -> CommandResult:
        result = self.sandbox.run(
            line, timeout=self.seconds, directory=directory, env=env, should_stop=self.should_stop
        )
        if self.should_stop():
            raise Stopped("the run was stopped during a check")
        return result


def forgiven(result: CheckResult, flaky: frozenset[str]) -> CheckResult:
    """The result in which these tests count as passed; it is a success if nothing else failed."""
    if not flaky:
        return result
    tests = tuple(
        replace(test, outcome=TestOutcome.OK) if test.outcome is TestOutcome.FAILED and test.key in flaky else test
        for test in result.tests
    )
    better = replace(result, tests=tests, flaky=tuple(sorted({*result.flaky, *flaky})))
    is_clean = isinstance(result.exit, Failure) and not failures(better) and not _has_errors(better)
    return replace(better, exit=Success()) if is_clean else better


def _has_errors(result: CheckResult) -> bool:
    return any(item.level is Level.ERROR for item in result.diagnostics)


def passing(results: Sequence[CheckResult]) -> frozenset[str]:
    """The keys of tests that passed at least once and failed nowhere."""
    passed = {test.key for result in results for test in result.tests if test.outcome is TestOutcome.OK}
    return frozenset(passed - {test.key for result in results for test in failures(result)})


def worse_than_base(results: Sequence[CheckResult], baseline: Baseline) -> tuple[CheckResult, ...]:
    """The results that fail for another reason than the base does: a new error, a new failing test, an end by force."""
    old = known_of(baseline.results)
    failed_before = {test.key for result in baseline.results for test in failures(result)}
    ends_before = {result.check: type(result.exit) for result in baseline.results if not result.is_success}
    worse = []
    for result in results:
        if result.is_success:
            continue
        fresh = [
            item
            for item in new_diagnostics(result.diagnostics, old)
            if item.level is Level.ERROR or result.check.kind is CheckKind.FMT
        ]
        fresh_failures = [test for test in failures(result) if test.key not in failed_before]
        # A check that failed on the base and is killed now has not come to the end where it would fail as before.
        ends_as_before = ends_before.get(result.check) is type(result.exit)
        is_explained = ends_as_before and (result.diagnostics or failures(result))
        if fresh or fresh_failures or not is_explained:
            worse.append(result)
    return tuple(worse)


def lost_tests(results: Sequence[CheckResult], baseline: Baseline, gone: Collection[str]) -> tuple[str, ...]:
    """Tests that passed on the base and do not now, leaving out those that the change removed from the source."""
    return tuple(sorted(baseline.passing - passing(results) - frozenset(gone)))
