"""What became of a test that stands in the source, by what the checks saw of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bot.domain import CheckResult, Failure, Level, RedKind, Success, TestOutcome
from bot.rust.libtest import DIED
from bot.rust.tests import TestItem

_ENDED_BY_FORCE = re.compile(rf"{re.escape(DIED)} \(|time limit exceeded$")
"""The last line about a test that did not end by itself; the second is nextest's."""


def outcome_of(test: TestItem, results: Sequence[CheckResult]) -> TestOutcome | None:
    """Failed if it failed in any row, else ok if it ran at all; None where it did not run."""
    outcomes = {run.outcome for result in results for run in result.tests if test.matches(run)}
    for outcome in (TestOutcome.FAILED, TestOutcome.OK, TestOutcome.IGNORED):
        if outcome in outcomes:
            return outcome
    return None


def red_kind(test: TestItem, results: Sequence[CheckResult]) -> RedKind:
    """Why a test that does not pass does not."""
    if outcome_of(test, results) is TestOutcome.FAILED:
        said = [run.output for result in results for run in result.tests if test.matches(run) and run.output]
        if any(_ENDED_BY_FORCE.match(text.rpartition("\n")[2]) for text in said):
            return RedKind.ABORT
        # What std's todo!() and unimplemented!() panic with.
        is_stub = bool(said) and all(re.search(r"^not (?:yet )?implemented\b", text, re.MULTILINE) for text in said)
        return RedKind.TODO if is_stub else RedKind.ASSERTION
    return RedKind.COMPILE if has_compile_errors(results) else RedKind.ABORT


def red_kinds(tests: Sequence[TestItem], results: Sequence[CheckResult]) -> dict[str, RedKind]:
    """Of these tests the keys of those that do not pass, each with the reason."""
    return {test.key: red_kind(test, results) for test in tests if outcome_of(test, results) is not TestOutcome.OK}


def there(tests: Sequence[TestItem], results: Sequence[CheckResult]) -> tuple[TestItem, ...]:
    """These tests without those that a macro was read to make, and that did not run although all of the code was built."""
    is_built = not has_compile_errors(results) and all(isinstance(row.exit, Success | Failure) for row in results)
    return tuple(test for test in tests if not (test.is_made and is_built and outcome_of(test, results) is None))


def has_compile_errors(results: Sequence[CheckResult]) -> bool:
    """Whether any of the code that was built does not compile."""
    return any(item.level is Level.ERROR and item.path for result in results for item in result.diagnostics)


def has_passed(key: str, passed: Collection[str]) -> bool:
    """A test attribute may make several tests of one function; then all names begin with the function's."""
    return key in passed or any(name.startswith(f"{key}::") for name in passed)
