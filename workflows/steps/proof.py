"""Red, then green: what fresh containers show of trees that the host made, and what goes back to the agent."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bot import comments
from bot.agent.submit import ChangeDraft, NewTest, ReviewDraft, TestsDraft
from bot.checking import Baseline, Checker, lost_tests, passing, worse_than_base
from bot.domain import (
    Assignment,
    CheckResult,
    CheckScope,
    Evidence,
    Failure,
    LookHere,
    Proof,
    Run,
    RunKind,
    Stage,
    Success,
    TestOutcome,
)
from bot.errors import UserError
from bot.rust import checks
from bot.rust.compact import compact, failures, known_of, new_diagnostics
from bot.rust.frozen import is_watched, weakened
from bot.rust.libtest import DOC_TARGET
from bot.rust.split import split
from bot.rust.tests import TestItem, new_tests, outside_of_tests, test_only_files, tests_of
from bot.rust.verdicts import has_compile_errors, has_passed, outcome_of, red_kind, red_kinds, there
from bot.workbench import Kept, Workbench
from workflows import hands
from workflows.engine import step
from workflows.steps import answering, bundle, conversation, lifecycle, rules, tracing
from workflows.steps.records import (
    ADDED,
    JOINED,
    Added,
    Green,
    Joined,
    Red,
    agreed_criteria,
    assignment_of,
    foot_of,
    sources,
    toolchain_remark,
)
from workflows.steps.tracing import added_before, red_of

AGAIN = 2
"""How often each new test is run once more when everything is green, to find what passes by chance."""


@step("prove_red")
def prove_red(run_id: str, trial: int, trials: int) -> bool:
    """Run the new tests on the base plus tests, in a fresh container: each must fail. False: the agent was told why not."""
    our_hands = hands.current()
    store = our_hands.store
    if store.has_document(run_id, "red"):
        return True
    run = lifecycle.enter(store.run(run_id), Stage.RED)
    bench = our_hands.workbenches.open(run)
    tree = bench.publishable(bench.take_snapshot())
    unasked = rules.complaint(run, tree)
    if unasked:
        return _back(run, Assignment.TESTS, unasked, trial, trials)
    base, tested = sources(run, _base_tree(run)), sources(run, tree)
    tests = new_tests(base, tested)
    if not tests:
        complaint = "No new test was found in the workspace: nothing differs from the base that libtest would run."
        return _back(run, Assignment.TESTS, complaint, trial, trials)
    results = _run_tests(bench, tree, tests)
    tests = there(tests, results)
    draft = store.document(run_id, f"draft:{Assignment.TESTS}", TestsDraft)
    named = draft.tests if draft is not None else ()
    green = [test for test in tests if outcome_of(test, results) is TestOutcome.OK]
    unseen = [test for test in tests if _is_unseen(test, results)]
    baseline = store.document(run_id, "baseline", Baseline) or Baseline()
    complaints = _green_complaint(green, named), _unseen_complaint(unseen), _broken_complaint(results, baseline, tested)
    complaint = "\n\n".join(part for part in complaints if part)
    if complaint:
        return _back(run, Assignment.TESTS, complaint, trial, trials)
    red_tests = [test for test in tests if test not in green]
    kinds = {test.key: red_kind(test, results) for test in red_tests}
    criteria = {test.key: _criteria(test, named) for test in red_tests}
    bench.keep(Kept.RED, tree)
    bundle.note(run, bundle.RED, tree, results)
    store.put_document(run_id, "red", Red(tree, kinds, criteria, compact(results, baseline.results)))
    return True


def _green_complaint(green: Sequence[TestItem], named: Sequence[NewTest]) -> str:
    """Tests that pass without the change prove nothing, if they were handed in as proof of a criterion."""
    proving = [test for test in green if _criteria(test, named)]
    if not proving:
        return ""
    names = "\n".join(f"- {test.key}" for test in proving)
    return (
        "These tests pass in a fresh container without the change, so they prove nothing about it:\n"
        f"{names}\n\nMake each of them fail on the base for the right reason, or take it out of the submission, and submit again."
    )


def _broken_complaint(results: Sequence[CheckResult], baseline: Baseline, sources: Mapping[str, str]) -> str:
    """Tests may fail to compile for want of what they test; the code that they test may not."""
    known = known_of(baseline.results)
    errors = [
        item for result in results for item in outside_of_tests(new_diagnostics(result.diagnostics, known), sources)
    ]
    if not errors:
        return ""
    shown = "\n\n".join(dict.fromkeys(item.rendered for item in errors[:3]))
    return (
        "Outside of tests the code does not compile any more, so that nobody can tell why the new tests fail:\n\n"
        f"{shown}\n\nAt this stage only signatures with `todo!()` bodies may be added there, and they must compile."
    )


def _is_unseen(test: TestItem, results: Sequence[CheckResult]) -> bool:
    """Whether the test neither ran nor was kept from it by code that does not compile: that is no failure of its own."""
    outcome = outcome_of(test, results)
    if outcome is TestOutcome.IGNORED:
        return True
    return outcome is None and not has_compile_errors(results) and not _has_ended_by_force(results)


def _has_ended_by_force(results: Sequence[CheckResult]) -> bool:
    return any(not isinstance(result.exit, Success | Failure) for result in results)


def _unseen_complaint(unseen: Sequence[TestItem]) -> str:
    if not unseen:
        return ""
    names = "\n".join(f"- {test.key}" for test in unseen)
    return (
        f"These tests were not run in the fresh container (ignored, switched off by a feature, or not reached):\n{names}\n\n"
        "A test that does not run proves nothing: let it run with the commands that CI requires."
    )


def _back(run: Run, assignment: Assignment, complaint: str, trial: int, trials: int) -> bool:
    if trial >= trials:
        said = _last_words(run, assignment)
        raise UserError(
            f"After {trials} tries the proof still does not stand.",
            f"What did not hold the last time:\n\n{comments.fenced(complaint[:3000])}"
            + (f"\n\nWhat the agent says to it:\n\n{comments.quoted(said)}" if said else ""),
        )
    conversation.complain(run.id, assignment, complaint)
    return False


def _last_words(run: Run, assignment: Assignment) -> str:
    """The notes of the last submission: an agent that cannot go on often says why."""
    store = hands.current().store
    if assignment is Assignment.TESTS:
        tests = store.document(run.id, f"draft:{assignment}", TestsDraft)
        return tests.notes if tests is not None else ""
    change = store.document(run.id, f"draft:{assignment}", ChangeDraft) if assignment is Assignment.BUILD else None
    return change.notes if change is not None else ""


@step("prove_green")
def prove_green(run_id: str, trial: int, trials: int) -> bool:
    """Verify the final tree in a fresh container: every check, every red test by name, nothing lost."""
    our_hands = hands.current()
    store = our_hands.store
    if store.has_document(run_id, "green"):
        return True
    run = lifecycle.enter(store.run(run_id), Stage.VERIFY)
    bench = our_hands.workbenches.open(run)
    tree = bench.publishable(bench.take_snapshot())
    if run.head_commit and tree == _base_tree(run):
        if trial == 1 and (idle := answering.idle_complaint(run, tree)):
            return _back(run, assignment_of(run), idle, trial, trials)
        # Nothing will be pushed: what was shown of the head before still holds.
        store.put_document(run_id, "green", Green(tree, Evidence()))
        return True
    unasked = rules.complaint(run, tree)
    if unasked:
        return _back(run, assignment_of(run), unasked, trial, trials)
    baseline = store.document(run_id, "baseline", Baseline) or Baseline()
    with bench.fresh(bench.complete(tree), "green") as fresh:
        results = fresh.checker.climb(CheckScope.FULL, baseline, stop_early=False)
        stale = [path for path in fresh.rewritten() if path not in baseline.rewritten]
        again = _again(fresh.checker, results, _new_keys(run, tree))
    bench.saw(results, baseline)
    complaints = (
        _conflict_complaint(run, tree),
        _complaint(run, results, baseline, tree),
        _stale_complaint(stale),
        _unsteady_complaint(again),
    )
    complaint = "\n\n".join(part for part in complaints if part)
    if complaint:
        return _back(run, assignment_of(run), complaint, trial, trials)
    bench.keep(Kept.GREEN, tree)
    bundle.note(run, bundle.GREEN, tree, results, baseline.results)
    evidence = replace(
        _evidence(run, results, baseline),
        look_here=_look_here(run, tree),
        runs=1 + AGAIN if again else 0,
        is_isolated=checks.NEXTEST in fresh.checker.tools,
    )
    store.put_document(run_id, "green", Green(tree, evidence))
    return True


@step("look_at_added_tests")
def look_at_added_tests(run_id: str) -> None:
    """Run the tests that a round on a pull request adds on the head before it: they are red there, or pin what was so already.

    What does not run with the round, or is not there without its source, is no proof of anything.
    """
    our_hands = hands.current()
    store = our_hands.store
    if store.has_document(run_id, ADDED):
        return
    run = store.run(run_id)
    green = store.document(run_id, "green", Green)
    assert green is not None, "the tests were proven green"
    # Where this is another machine than the one that proved it, the trees are here only with the bench.
    bench = our_hands.workbenches.open(run)
    before, after = sources(run, _base_tree(run)), sources(run, green.tree)
    added = Added({})
    if new_tests(before, after):
        run = lifecycle.enter(run, Stage.VERIFY)
        tree = _with_added_tests(run, before, green.tree)
        tests = new_tests(before, sources(run, tree))
        results = _run_tests(bench, tree, tests)
        bench.keep(Kept.ADDED, tree)
        bundle.note(run, bundle.ADDED, tree, results)
        passed = bundle.passed_of(run, green.tree)
        seen = [test for test in there(tests, results) if passed is None or has_passed(test.key, passed)]
        added = _added(run, seen, results)
        added = replace(added, before=run.start, tree=tree)
    earlier = tests_of(before)
    added = replace(added, pinned=tuple(key for key in added.pinned if key not in earlier))
    store.put_document(run_id, ADDED, tracing.traced(run, added, earlier, tests_of(after)))


def _with_added_tests(run: Run, before: Mapping[str, str], tree: str) -> str:
    """The head before the round, whose sources are `before`, with the tests of the round's `tree`."""
    git, repository_id = hands.current().git, run.target.repo.id
    changes = git.changes(repository_id, _base_tree(run), tree)
    old = git.read_many(repository_id, run.start, [change.path for change in changes])
    return git.with_changes(repository_id, run.start, split(changes, old, test_only=test_only_files(before)).test)


def _added(run: Run, tests: Sequence[TestItem], results: Sequence[CheckResult]) -> Added:
    """Which of the tests are red, which are green, and the criteria that the agent names for them."""
    kinds = red_kinds(tests, results)
    draft = hands.current().store.document(run.id, f"draft:{Assignment.REVIEW}", ReviewDraft)
    named = {test.key: _criteria(test, draft.tests) for test in tests} if draft is not None else {}
    return Added(kinds, tuple(test.key for test in tests if test.key not in kinds), named)


def _new_keys(run: Run, tree: str) -> set[str]:
    """The tests that were red without the change, and in a round on a pull request those that it adds."""
    red = red_of(run)
    keys = set(red.kinds) if red is not None else set()
    if run.is_on_pull_request:
        keys |= {test.key for test in new_tests(sources(run, _base_tree(run)), sources(run, tree))}
    return keys


def _again(
    checker: Checker, results: Sequence[CheckResult], open_keys: set[str]
) -> tuple[tuple[frozenset[str], tuple[CheckResult, ...]], ...]:
    """The new tests run again, for each check the keys of those that passed there, and what came of it."""
    found = []
    for result in results:
        runs = [
            run
            for run in result.tests
            if run.outcome is TestOutcome.OK
            and run.target != DOC_TARGET
            and any(run.key == key or run.key.startswith(f"{key}::") for key in open_keys)
        ]
        if runs:
            open_keys -= {
                key for key in open_keys if any(run.key == key or run.key.startswith(f"{key}::") for run in runs)
            }
            names = sorted({run.name for run in runs})
            found.append((frozenset(run.key for run in runs), checker.repeat(result.check, names, AGAIN)))
    return tuple(found)


def _unsteady_complaint(again: Sequence[tuple[frozenset[str], Sequence[CheckResult]]]) -> str:
    """A new test that passes now and then proves nothing, and a test that needs its neighbours will fail some day."""
    unsteady = {
        key: next((test.output for result in results for test in failures(result) if test.key == key), "it did not run")
        for keys, results in again
        for key in sorted(keys)
        if not all(key in passing([result]) and key not in result.flaky for result in results)
    }
    if not unsteady:
        return ""
    rows = "\n".join(f"- {key}: {said.strip()[:300]}" for key, said in list(unsteady.items())[:10])
    return (
        f"These new tests passed once, and not when they were run again {AGAIN} times, each by its name alone:\n{rows}\n\n"
        "Find out what they depend on: time, order, another test, a file that is left over."
    )


def _complaint(run: Run, results: Sequence[CheckResult], baseline: Baseline, tree: str) -> str:
    """What does not hold, in words for the agent; empty where everything does."""
    parts = []
    if worse_than_base(results, baseline):
        parts.append(f"In a fresh container the checks fail:\n\n{compact(results, baseline.results)}")
    passed = passing(results)
    still_there = set(tests_of(sources(run, tree)))
    missing = [key for key in _owed(run, still_there) if not has_passed(key, passed)]
    if missing:
        names = "\n".join(f"- {key}" for key in missing)
        parts.append(f"These tests were red without the change and do not pass with it:\n{names}")
    lost = [key for key in lost_tests(results, baseline, ()) if key in still_there]
    if lost and not parts:
        names = "\n".join(f"- {key}" for key in lost[:20])
        parts.append(f"These tests passed on the base and did not run or do not pass now:\n{names}")
    return "\n\n".join(parts)


def _owed(run: Run, still_there: Collection[str]) -> list[str]:
    """The tests that were red without the change and have to pass with it.

    Whoever reviews may want one renamed or gone, and that is shown to people; nobody else may, but what is gone stays gone.
    """
    red = red_of(run)
    keys = list(red.kinds) if red is not None else []
    if not run.is_on_pull_request:
        return keys
    if run.kind is not RunKind.REVIEW:
        git, repository_id = hands.current().git, run.target.repo.id
        still_there = tests_of(sources(run, git.tree_of(repository_id, foot_of(run))))
    return [key for key in keys if key in still_there]


_MARKS = re.compile(rb"^(?:<{7}|>{7}) ", re.MULTILINE)


def _conflict_complaint(run: Run, tree: str) -> str:
    """Git's own marks in a file that was in conflict: no check looks into every kind of file."""
    joined = hands.current().store.document(run.id, JOINED, Joined)
    paths = joined.conflicts if joined is not None else ()
    found = hands.current().git.read_many(run.target.repo.id, tree, paths)
    names = "\n".join(f"- {path}" for path in sorted(found) if _MARKS.search(found[path]))
    return f"Marks of the conflict still stand in these files:\n{names}" if names else ""


def _stale_complaint(stale: Sequence[str]) -> str:
    """Files that the checks write anew belong to the change as they come out; CI looks by `git diff --exit-code`."""
    if not stale:
        return ""
    names = "\n".join(f"- {path}" for path in stale[:20])
    return (
        f"The checks of CI write these files anew, and they differ from what you submitted:\n{names}\n\n"
        "Run a full check and keep what it writes, or mend what should not write into the source tree."
    )


def _evidence(run: Run, results: Sequence[CheckResult], baseline: Baseline) -> Evidence:
    red = red_of(run)
    passed = passing(results)
    proofs: tuple[Proof, ...] = ()
    if red is not None:
        proofs = tuple(Proof(key, kind, has_passed(key, passed), red.criteria[key]) for key, kind in red.kinds.items())
    if run.is_on_pull_request:
        proofs = tuple(proof for proof in proofs if proof.is_green)
    pinned = tuple(key for added in added_before(run) for key in added.pinned if has_passed(key, passed))
    bare = tuple(CheckResult(r.check, r.exit, r.seconds, flaky=r.flaky, ran_as=r.ran_as) for r in results)
    kept = _kept(run, baseline.passing & passed)
    return Evidence(
        proofs, kept, pinned, bare, len(baseline.passing), len(passed), baseline.rustc, toolchain_remark(run, baseline)
    )


def _look_here(run: Run, tree: str) -> tuple[LookHere, ...]:
    """Where the final tree weakens tests of the base or those that were proven red, or hides something from the proof.

    In a round on a pull request also what weakens the tests that stood there when it began.
    """
    red = red_of(run) if not run.is_on_pull_request else None
    base = hands.current().git.tree_of(run.target.repo.id, run.base_commit)
    earlier = [base, _base_tree(run), *([red.tree] if red is not None else [])]
    lines = [line for before in dict.fromkeys(earlier) for line in weakened(*_frozen_texts(run, before, tree))]
    return tuple(dict.fromkeys(lines))


def _frozen_texts(run: Run, old: str, new: str) -> tuple[dict[str, str], dict[str, str]]:
    """What `weakened` compares of two trees; of fixtures and the like only those that differ are read."""
    git, repository_id = hands.current().git, run.target.repo.id
    watched = [change.path for change in git.changes(repository_id, old, new) if is_watched(change.path)]

    def texts(tree: str) -> dict[str, str]:
        found = git.read_many(repository_id, tree, watched)
        # Bytes that are no text must differ in their text too.
        return {path: data.decode(errors="backslashreplace") for path, data in found.items()} | sources(run, tree)

    return texts(old), texts(new)


def _kept(run: Run, steady: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """The criteria whose named test passed before and passes still: promises that the change had to keep."""
    found = []
    for criterion in agreed_criteria(run):
        name = criterion.test.strip("` ").removeprefix("lib::")
        keys = sorted(key for key in steady if name and f"::{key}".endswith(f"::{name}"))
        found += [(criterion.id, key) for key in keys[:1]]
    return tuple(found)


# --- parts -----------------------------------------------------------------------------------------------------------


def _base_tree(run: Run) -> str:
    return hands.current().git.tree_of(run.target.repo.id, run.start)


def _run_tests(bench: Workbench, tree: str, tests: Sequence[TestItem]) -> tuple[CheckResult, ...]:
    with bench.fresh(bench.complete(tree), "red") as fresh:
        return fresh.checker.run_tests(tests)


def _criteria(test: TestItem, named: Sequence[NewTest]) -> tuple[str, ...]:
    """The criteria that the agent says this test proves; it may have named the test with or without its target.

    `lib::` is what people call the tests inside of a library, whose target is `src/lib.rs` here.
    """
    return tuple(
        dict.fromkeys(
            criterion
            for new_test in named
            if f"::{test.key}".endswith(f"::{new_test.name.removeprefix('lib::')}")
            for criterion in new_test.criteria
        )
    )
