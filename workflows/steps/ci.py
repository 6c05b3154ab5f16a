"""A pull request that the bot opened: whether its base still fits and CI lets it be marked ready, looked at whenever there is news."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.domain import (
    CiCheck,
    CiCompleted,
    CiState,
    CiStatus,
    CiWatch,
    CommentCreated,
    IssueState,
    Permission,
    PullRequest,
    PullRequestChanged,
    Pushed,
    ReviewCommentCreated,
    ReviewSubmitted,
    Run,
    RunKind,
    Stage,
)
from workflows import hands
from workflows.engine import step
from workflows.steps import conflicts, failures
from workflows.steps.place import github_of, is_allowed, is_ours

log = logging.getLogger("rfcsmith")

SETTLING = 0.2
"""The part of the patience in which nothing is concluded from a new head: more checks may still be on their way."""
DONE = (CiState.GREEN, CiState.SKIPPED)


def watch(run: Run, pull_request: PullRequest, head_sha: str, *, finishes: bool = False) -> None:
    """From now on look after the CI of this head of the bot's pull request; called inside publishing steps.

    With `finishes` it was an unfinished draft until now, which nobody would have marked ready.
    """
    store = hands.current().store
    repo = run.target.repo
    known = store.ci_watch(repo.id, pull_request.number)
    if known is None or finishes:
        made = CiWatch(
            run.target, pull_request.number, head_sha, datetime.now(UTC), run.requested_by, pull_request.is_draft
        )
        # One that was opened before there were watches is as its people have it.
        store.put_ci_watch(replace(made, is_settled=run.kind is not RunKind.IMPLEMENT))
    elif known.head_sha != head_sha:
        store.put_ci_watch(_on_new_head(known, head_sha))


def heard(event: CiCompleted) -> CiWatch | None:
    """The watch that a result is news for; None where it is the bot's own, or about something else."""
    our_hands = hands.current()
    if str(event.app_id) == our_hands.settings.app_id or not is_allowed(event.repo):
        return None
    return our_hands.store.ci_watch_of(event.repo.id, event.head_sha)


def changed(event: PullRequestChanged) -> CiWatch | None:
    """What a person did to the bot's pull request: whether it is a draft is theirs to say, and a push is looked at anew."""
    store = hands.current().store
    known = store.ci_watch(event.repo.id, event.pull_request.number)
    if known is None:
        return None
    if event.action in ("converted_to_draft", "ready_for_review"):
        store.put_ci_watch(replace(known, is_settled=True))
        return None
    if event.action == "synchronize" and event.pull_request.head_sha != known.head_sha:
        acted = known if event.sender.is_bot else person_acted(known)
        return _moved(acted, event.pull_request.head_sha)
    return None


def pushed(event: Pushed) -> Sequence[CiWatch]:
    """The watches over pull requests that go to the branch which somebody else has moved."""
    watches = hands.current().store.ci_watches(event.repo.id)
    if not watches or is_ours(event.sender) or not is_allowed(event.repo):
        return ()
    onto = {pull.number for pull in github_of(event.repo).pull_requests_onto(event.repo, event.branch)}
    return [watch for watch in watches if watch.pull_request in onto]


def spoken(event: CommentCreated | ReviewSubmitted | ReviewCommentCreated) -> None:
    """A person with a say in the repository spoke on the pull request."""
    number = event.issue.number if isinstance(event, CommentCreated) else event.pull_request.number
    known = hands.current().store.ci_watch(event.repo.id, number)
    if known is None or event.sender.is_bot or is_ours(event.sender):
        return
    if github_of(event.repo).permission(event.repo, event.sender.login) >= Permission.TRIAGE:
        person_acted(known)


def person_acted(known: CiWatch) -> CiWatch:
    """A person pushed, reviewed or commented: rounds of mending, and updates, are counted anew from here."""
    acted = replace(known, rounds_before=_opened(known, RunKind.CI), updates_before=_opened(known, RunKind.UPDATE))
    return known if acted == known else hands.current().store.put_ci_watch(acted)


def _opened(known: CiWatch, kind: RunKind) -> int:
    runs = hands.current().store.runs_of_kind(known.target.repo.id, known.target.issue, kind)
    return runs[-1].attempt if runs else 0


def order(known: CiWatch, cause: str, delay: float = 0.0) -> dict[str, Any]:
    """The look that `cause` is the reason for, as the workflow that enqueues it wants it; the same cause means one look."""
    repository_id, number = known.target.repo.id, known.pull_request
    return {
        "kind": "look",
        "repository_id": repository_id,
        "pull_request": number,
        "id": f"ci/{repository_id}/{number}/{cause}",
        "partition": known.target.key,
        "delay": delay,
    }


@step("ci_after_run")
def after_run(run_id: str) -> dict[str, Any] | None:
    """The look that is due when a run has ended: results that came meanwhile were left for it."""
    store = hands.current().store
    run = store.run(run_id)
    record = store.target(run.target.repo.id, run.target.issue)
    if record is None or record.pull_request is None:
        return None
    known = store.ci_watch(run.target.repo.id, record.pull_request)
    return order(known, run_id) if known is not None else None


@step("look_at_ci")
def look(repository_id: int, number: int) -> dict[str, Any] | None:
    """See how base and CI stand, do what follows, and return what is to be enqueued: a run that mends it, or the next look."""
    our_hands = hands.current()
    known = our_hands.store.ci_watch(repository_id, number)
    if known is None or _is_at_work(known):
        # The run that is at work has the word; when it ends there is another look.
        return None
    repo = known.target.repo
    github = github_of(repo)
    pull_request = github.pull_request(repo, number)
    if pull_request.state is not IssueState.OPEN:
        return None
    if pull_request.head_sha != known.head_sha:
        known = _moved(known, pull_request.head_sha)
    due = conflicts.respond(known, pull_request)
    if due is not None:
        return due
    known = our_hands.store.ci_watch(repository_id, number) or known
    status = github.ci_status(repo, number)
    if status.head_sha != known.head_sha:
        # The head moves at this moment; that is told in a delivery of its own.
        return None
    if not known.is_settled and known.was_draft and not pull_request.is_draft:
        known = our_hands.store.put_ci_watch(replace(known, is_settled=True))
    patience = our_hands.settings.ci_patience
    age = (datetime.now(UTC) - known.since).total_seconds()
    settling = patience * SETTLING
    if age < settling:
        return order(known, f"{known.head_sha}/settled", settling - age)
    failed = red_checks(status)
    is_left = False
    if failed:
        answer = failures.respond(known, pull_request, failed)
        if isinstance(answer, dict):
            return answer
        is_left = answer == failures.LEFT
        known = our_hands.store.ci_watch(repository_id, number) or known
    elif status.checks and all(check.state in DONE for check in relevant(status)):
        known = failures.say_flaky(known)
    if not known.is_settled and may_be_ready(status, is_patience_over=age >= patience, is_left=is_left):
        # In this order: after a crash in between the draft is still one, and both are done again.
        github.request_review(repo, number, [known.asked_by.login])
        github.mark_ready(pull_request)
        our_hands.store.put_ci_watch(replace(known, is_settled=True))
    elif not known.is_settled and not status.checks and age < patience:
        return order(known, f"{known.head_sha}/patience", patience - age)
    return None


def _is_at_work(known: CiWatch) -> bool:
    """Whether a run has the word. One that only waits and that a look has opened has not: that look may have to be repeated."""
    running = hands.current().store.active_runs(known.target.repo.id, known.target.issue)
    return any(not (run.is_own_doing and run.stage is Stage.QUEUED) for run in running)


@step("look_at_ci_later")
def look_later(repository_id: int, number: int, trial: int) -> dict[str, Any] | None:
    """The look that is tried again because GitHub did not answer."""
    known = hands.current().store.ci_watch(repository_id, number)
    now = datetime.now(UTC)
    return order(known, f"again/{now.timestamp():.0f}", min(2.0**trial, 300.0)) if known is not None else None


@step("note_ci_trouble")
def note(repository_id: int, number: int, message: str) -> None:
    """A look could not be finished; the next result, or the end of the next run, is the reason for another one."""
    log.warning("the CI of pull request %d in repository %d cannot be seen: %s", number, repository_id, message)


def red_checks(status: CiStatus) -> tuple[CiCheck, ...]:
    """The checks that failed, as soon as everything that counts has come to its end: one round mends them all."""
    counted = relevant(status)
    if any(check.state is CiState.RUNNING for check in counted):
        return ()
    if status.is_running and not any(check.is_required for check in counted):
        return ()
    return tuple(check for check in counted if check.state is CiState.FAILED)


def may_be_ready(status: CiStatus, *, is_patience_over: bool, is_left: bool = False) -> bool:
    """Whether a draft may ask for review: what is required is green; nothing is required and all is; or nothing runs.

    Where nothing is required, red checks that the bot does nothing more about (`is_left`) are left to the reviewer.
    """
    if status.is_waiting:
        return False
    if not status.checks:
        return is_patience_over and not status.is_running
    required = relevant(status)
    if any(check.is_required for check in required):
        return all(check.state in DONE for check in required)
    ended = (*DONE, CiState.FAILED) if is_left else DONE
    return not status.is_running and all(check.state in ended for check in required)


def relevant(status: CiStatus) -> tuple[CiCheck, ...]:
    """The checks that count: those that are required, or all where none is."""
    return tuple(check for check in status.checks if check.is_required) or status.checks


def _moved(known: CiWatch, head_sha: str) -> CiWatch:
    """Somebody else than the bot made another commit the head."""
    return hands.current().store.put_ci_watch(_on_new_head(known, head_sha))


def _on_new_head(known: CiWatch, head_sha: str) -> CiWatch:
    return replace(known, head_sha=head_sha, since=datetime.now(UTC), rerun=(), rerun_jobs=())
