"""`/retry`: a new run that goes on from what the last one left, if that still fits the base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import comments
from bot.agent.submit import Critique, PlanDraft, TestsDraft
from bot.domain import Assignment, IssueState, PullRequest, Run, RunKind, Stage
from bot.errors import UserError
from bot.workbench import Kept
from workflows import hands
from workflows.engine import step
from workflows.steps import design, keeping, lifecycle, pairing, publication, rounds
from workflows.steps.place import Place, answer, github_of, open_run
from workflows.steps.records import (
    CONTINUES,
    REMARK,
    RESUMPTION,
    TAKEN_OVER,
    Red,
    Resumption,
    Submitted,
    Ticked,
    lay_out,
)

LAID_OUT = "laid_out"
"""The name of the document that says that the kept change was laid out over tests that were shown red again."""


def retry(place: Place, hint: str, number: int, comment_id: int | None) -> Sequence[Run]:
    """`/retry`: a run of the same kind and the same version of the RFC as the last one, which was stopped or failed."""
    store = hands.current().store
    refusal = rounds.not_now(place, goes_on=True)
    last = store.last_of_kind(place.repo.id, place.target.issue, RunKind.IMPLEMENT, not_by=place.delivery_id)
    if not refusal and (last is None or last.stage not in (Stage.STOPPED, Stage.FAILED)):
        refusal = comments.nothing_to_retry_comment(place.sender)
    concerns = [each for each in store.concerns(place.repo.id, place.target.issue) if each.is_open]
    if not refusal and concerns:
        refusal = comments.open_concerns_comment(place.sender, concerns)
    if refusal or last is None:
        answer(place, refusal, number)
        return []
    design.adopt_edits(place.target)
    latest = store.latest_rfc(place.repo.id, place.target.issue)
    draft = _open_draft(place, last)
    run = open_run(
        place,
        RunKind.IMPLEMENT,
        hint,
        comment_id=comment_id,
        rfc_version=last.rfc_version,
        rfc_digest=last.rfc_digest,
        # Who retries knows what stands there now, and wants the version that was begun.
        rfc_known=latest.version if latest is not None else last.rfc_known,
        retry_of=last.id,
        is_paired=last.is_paired,
        branch=draft.head_ref if draft is not None else "",
        pull_request=draft.number if draft is not None else None,
    )
    if draft is not None:
        tree = publication.tree_made(last, draft.head_sha)
        assert tree is not None, "a run that knows a draft made its head, or took it over"
        publication.note_tree(run, draft.head_sha, tree)
        commits = store.document(last.id, publication.COMMITS, tuple[tuple[str, str], ...]) or ()
        store.put_document(run.id, publication.COMMITS, commits)
        store.put_document(run.id, CONTINUES, draft.head_sha)
    if place.number != place.target.issue:
        answer(place, comments.going_on_comment(place.sender, place.target.issue), number)
    return [run]


def _open_draft(place: Place, last: Run) -> PullRequest | None:
    """The unfinished pull request that the last run left; None where it is closed by now, or somebody pushed onto it."""
    draft = keeping.draft_of(last)
    if draft is None:
        return None
    number, head = draft
    pull_request = github_of(place.repo).pull_request(place.repo, number)
    return pull_request if pull_request.state is IssueState.OPEN and pull_request.head_sha == head else None


@step("take_up")
def take_up(run_id: str) -> None:
    """Begin a retry's workspace with what the earlier run left, and take over its plan and its red proof where they still hold."""
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    if not run.retry_of or store.has_document(run_id, RESUMPTION):
        return
    earlier = _source(run)
    resumption = _resumption(run, earlier)
    if resumption.tree:
        bench = our_hands.workbenches.open(run)
        bench.keep(Kept.RESUMED, resumption.tree)
        if resumption.tests:
            bench.keep(Kept.RESUMED_TESTS, resumption.tests)
        has_to_prove = bool(resumption.tests) and not resumption.is_same_base
        lay_out(run, resumption.tests if has_to_prove else resumption.tree)
        if resumption.is_same_base:
            _take_over(earlier, run)
        has_red_tests = store.has_document(run_id, "red") if resumption.is_same_base else bool(resumption.tests)
        remark = comments.resumed_remark(
            earlier.attempt, is_same_base=resumption.is_same_base, has_red_tests=has_red_tests
        )
        store.put_document(run_id, REMARK, remark)
    elif resumption.does_not_fit:
        store.put_document(run_id, REMARK, comments.started_over_remark(earlier.attempt))
    store.put_document(run_id, RESUMPTION, resumption)
    lifecycle.speak(run)


@step("take_up_change")
def take_up_change(run_id: str) -> None:
    """Lay the kept change out again where its tests had to be shown red anew, on a base that has moved."""
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    resumption = store.document(run_id, RESUMPTION, Resumption)
    if resumption is None or resumption.is_same_base or not resumption.tests or store.has_document(run_id, LAID_OUT):
        return
    red = store.document(run_id, "red", Red)
    assert red is not None, "the red proof comes before the change"
    our_hands.workbenches.open(run)
    tree = our_hands.git.merged(run.target.repo.id, base=resumption.tests, ours=red.tree, theirs=resumption.tree)
    if tree is not None:
        lay_out(run, tree)
    store.put_document(run_id, LAID_OUT, tree is not None)


def _source(run: Run) -> Run:
    """The run whose work counts: a retry that ended before it had taken everything up left that of its own source."""
    store = hands.current().store
    earlier = store.run(run.retry_of)
    while earlier.retry_of and not _has_taken_up(earlier.id):
        earlier = store.run(earlier.retry_of)
    return earlier


def _has_taken_up(run_id: str) -> bool:
    """Whether a run's workspace has held all that it goes on from: on another base the change comes after its tests."""
    store = hands.current().store
    resumption = store.document(run_id, RESUMPTION, Resumption)
    if resumption is None:
        return False
    return resumption.is_same_base or not resumption.tests or store.has_document(run_id, LAID_OUT)


def _resumption(run: Run, earlier: Run) -> Resumption:
    our_hands = hands.current()
    git, repository_id = our_hands.git, run.target.repo.id
    nothing = Resumption(earlier.id)
    if not earlier.base_commit or our_hands.store.last_snapshot(earlier.id) is None:
        return nothing
    our_hands.workbenches.bring(earlier)
    if not git.has(repository_id, earlier.base_commit):
        # Somebody rewrote the history of the base branch, and what the work stood on is gone.
        return Resumption(earlier.id, does_not_fit=True)
    try:
        tree = keeping.unfinished_tree(earlier)
    except UserError:
        return Resumption(earlier.id, does_not_fit=True)
    if tree is None:
        return nothing
    red = our_hands.store.document(earlier.id, "red", Red)
    if earlier.base_commit == run.base_commit:
        return Resumption(earlier.id, tree, red.tree if red is not None else "", is_same_base=True)
    moved = [
        git.merged(repository_id, base=earlier.base_commit, ours=run.base_commit, theirs=kept)
        for kept in (tree, *([red.tree] if red is not None else []))
    ]
    if None in moved:
        return Resumption(earlier.id, does_not_fit=True)
    brought, *tests = (each or "" for each in moved)
    return Resumption(earlier.id, brought, "".join(tests))


def _take_over(earlier: Run, run: Run) -> None:
    """The plan with its ticks, and the tests that were shown red: on the same base both are as good as they were."""
    store = hands.current().store
    plan, draft = store.plan(earlier.id), store.document(earlier.id, f"draft:{Assignment.PLAN}", PlanDraft)
    if plan is None or draft is None or not pairing.may_take_over(earlier, run, Assignment.PLAN):
        return
    store.put_document(run.id, "plan", plan)
    store.put_document(run.id, f"draft:{Assignment.PLAN}", draft)
    store.put_document(run.id, Submitted.name(Assignment.PLAN), 0)
    pairing.take_over(run, Assignment.PLAN)
    if not run.request.strip():
        # It was read, and nothing is different: half of the work is done along it already.
        store.put_document(run.id, f"draft:{Assignment.PLAN_CRITIQUE}", Critique(()))
        store.put_document(run.id, Submitted.name(Assignment.PLAN_CRITIQUE), 0)
    red = store.document(earlier.id, "red", Red)
    tests = store.document(earlier.id, f"draft:{Assignment.TESTS}", TestsDraft)
    if red is None or tests is None or not pairing.may_take_over(earlier, run, Assignment.TESTS):
        return
    hands.current().workbenches.open(run).keep(Kept.RED, red.tree)
    store.put_document(run.id, f"draft:{Assignment.TESTS}", tests)
    store.put_document(run.id, Submitted.name(Assignment.TESTS), 0)
    store.put_document(run.id, "red", red)
    pairing.take_over(run, Assignment.TESTS)
    _take_over_ticked(earlier, run)


def _take_over_ticked(earlier: Run, run: Run) -> None:
    """The states in which tasks were ticked: each becomes a commit, as if this run had ticked it."""
    store = hands.current().store
    bench = hands.current().workbenches.open(run)
    ticked = store.document(earlier.id, "ticked", tuple[Ticked, ...]) or ()
    for number, each in enumerate(ticked):
        bench.keep(Kept.TASKS + number, each.tree)
    store.put_document(run.id, "ticked", tuple(replace(each, turn=TAKEN_OVER) for each in ticked))
