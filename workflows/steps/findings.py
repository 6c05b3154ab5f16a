"""What an examiner found of a change and nobody has mended yet, from its first proof to its last round."""

from __future__ import annotations

from collections.abc import Iterator

from bot.agent.submit import ChangeDraft, ReviewDraft
from bot.domain import Assignment, Finding, LookHere, Run, RunKind, Stage
from bot.rust.tests import tests_of
from bot.rust.verdicts import has_passed
from workflows import hands
from workflows.steps import bundle
from workflows.steps.records import Green, critique_of, sources

FAILED = "examined:failed"
"""The name of the document with the reason why a round for findings came to nothing."""


def taken(run_id: str) -> frozenset[str]:
    """The findings that the author of a change says to have mended."""
    change = hands.current().store.document(run_id, f"draft:{Assignment.BUILD}", ChangeDraft)
    return (
        frozenset(answer.finding for answer in change.answers if answer.is_taken) if change is not None else frozenset()
    )


def still_open(run: Run, tree: str) -> tuple[tuple[Finding, LookHere], ...]:
    """What people must judge, with the line that tells it: what the author did not take in, with the reason, or did not mend.

    On a pull request those of its implementation that still apply to `tree`, without the number of a line that may have moved.
    """
    if not run.is_on_pull_request:
        return tuple((finding, _line(finding, reason)) for finding, reason in _left(run.id))
    store = hands.current().store
    built = store.last_done(run.target.repo.id, run.target.issue, RunKind.IMPLEMENT)
    green = store.document(built.id, "green", Green) if built is not None else None
    if built is None or green is None:
        return ()
    found = []
    for finding, reason in _left(built.id):
        place = _place_in(run, finding, green.tree, tree)
        if place and not _is_mended(run, finding, tree):
            found.append((finding, _line(finding, reason, place)))
    return tuple(found)


def _left(run_id: str) -> Iterator[tuple[Finding, str]]:
    """The findings that the implementation left, each with what its author says to it, or why the round for it failed."""
    store = hands.current().store
    change = store.document(run_id, f"draft:{Assignment.BUILD}", ChangeDraft)
    reasons = {answer.finding: answer.text for answer in change.answers} if change is not None else {}
    mended, failed = taken(run_id), store.document(run_id, FAILED, str) or ""
    for finding in critique_of(run_id, Assignment.BUILD):
        if finding.id not in mended or finding.is_confirmed:
            answer = reasons.get(finding.id, "")
            yield finding, f"*Its author answers:* {answer}" if answer else failed


def _line(finding: Finding, reason: str, place: str = "") -> LookHere:
    return LookHere(place or finding.place, finding.problem, reason, finding.severity)


def _place_in(run: Run, finding: Finding, before: str, tree: str) -> str:
    """Where the finding is in a later tree; "" where its file is gone."""
    git, repository_id = hands.current().git, run.target.repo.id
    path = finding.place.partition(":")[0].strip("` ")
    was = git.read(repository_id, before, path) if git.has(repository_id, before) else None
    now = git.read(repository_id, tree, path)
    if was is None or was == now:
        return finding.place
    return path if now is not None else ""


def _is_mended(run: Run, finding: Finding, tree: str) -> bool:
    """A finding that a test has shown is mended when that test passes in the tree, any other when a review's round says so."""
    if not finding.is_confirmed:
        return finding.id in _mended_since(run)
    files, passed = sources(run, tree), bundle.passed_of(run, tree)
    given = tests_of({**files, finding.test_path: finding.test}, within=frozenset([finding.test_path]))
    there = {test.text for key, test in tests_of(files).items() if passed is None or has_passed(key, passed)}
    return bool(given) and all(test.text in there for test in given.values())


def _mended_since(run: Run) -> frozenset[str]:
    store = hands.current().store
    rounds = [
        each
        for each in store.runs_of_kind(run.target.repo.id, run.target.issue, RunKind.REVIEW)
        if each.pull_request == run.pull_request and (each.stage is Stage.DONE or each.id == run.id)
    ]
    drafts = [store.document(each.id, f"draft:{Assignment.REVIEW}", ReviewDraft) for each in rounds]
    return frozenset(id for draft in drafts if draft is not None for id in draft.mended)
