"""How a run goes from stage to stage, and how it ends: always settled first, then said."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from bot import comments
from bot.domain import Actor, Plan, Run, RunKind, Stage
from bot.errors import Stopped, Unavailable, UserError
from bot.store import Store
from workflows import hands
from workflows.engine import step
from workflows.steps import budgets, steering
from workflows.steps.records import ACCOUNT, BEGAN, ENDED, ENDING, INQUIRY, REMARK

log = logging.getLogger("rfcsmith")
SEGMENTS = 60
"""How often a run may wait for a service before it is given up; its outcome may wait as often again."""
GIVEN_UP = "I have waited for too long and give up. Ask again when the service is back."
"""What a run says that has waited too often, behind what the service said."""
STATUS_URL = "status_url"
"""The name of the document with the address of the run's status comment."""
UNPRICED = "unpriced"
"""The name of the document with the sentence that a budget in money cannot be kept."""
FORGET = "forget"
"""The name of the document that says that nothing of a run is to be kept when it ends."""
UNSAID = "unsaid"
"""The name of the document that says that nobody could be told how a run ended."""
RESTED = "rested"
"""The name of the document with the segments that ended for another reason than a service that does not answer.

They waited for people, who may take as long as they like, or newer code took the run over.
"""
NEXT_SEGMENT = "next_segment"
"""The name of the document that holds the number of the segment that a waiting run goes on with."""
SAID_FROM = 8.0
"""Seconds from which a wait is worth a word in the status comment."""


def enter(run: Run, stage: Stage) -> Run:
    """Move the run to a stage and bring its status comment up to date; called inside other steps."""
    store = hands.current().store
    if run.stage is not stage:
        run = store.save_run(replace(run, stage=stage))
    speak(run)
    return run


def speak(run: Run, note: str = "", links: str = "", *, force: bool = False) -> None:
    """Edit the run's one status comment, not oftener than the operator allows unless it must be said now."""
    if run.kind is RunKind.WARM:
        return
    our_hands = hands.current()
    plan = our_hands.store.document(run.id, "plan", Plan)
    remarks = (our_hands.store.document(run.id, name, str) for name in (BEGAN, REMARK, UNPRICED))
    remark = "\n\n".join(each for each in remarks if each)
    text = comments.status_comment(run, plan, note, links=links, remark=remark)
    interval = 0.0 if force else our_hands.settings.status_interval
    if not our_hands.store.may_speak(run.id, text, interval):
        return
    github = our_hands.github.installation(run.target.repo.installation_id)
    number = run.pull_request if run.is_on_pull_request and run.pull_request else run.target.issue
    comment = github.ensure_comment(run.target.repo, number, f"status:{run.id}", text)
    if not our_hands.store.has_document(run.id, STATUS_URL):
        our_hands.store.put_document(run.id, STATUS_URL, comment.html_url)
    our_hands.store.spoke(run.id, text)


def remark_unpriced(run: Run) -> None:
    """Say in the status comment that a budget in money cannot be kept; called inside other steps."""
    model = budgets.unpriced(run)
    if model:
        hands.current().store.put_document(run.id, UNPRICED, comments.unpriced_remark(model))


@step("is_settled")
def is_settled(run_id: str) -> bool:
    return hands.current().store.run(run_id).stage.is_final


@step("heed_stop")
def heed_stop(run_id: str) -> None:
    """Raises `Stopped` where a human asked for it while the run waited for its turn or for a service.

    A run that failed, and waits only for its work to be kept, fails of the same again. Raises `UserError` as well where the
    repository has used up its day.
    """
    store = hands.current().store
    ending = store.document(run_id, ENDING, tuple[str, str])
    if ending is not None:
        raise UserError(*ending)
    if store.stop_of(run_id) is not None:
        raise Stopped("the run was stopped while it waited")
    budgets.refuse_to_begin(store.run(run_id))


@step("settle_done")
def settle_done(run_id: str) -> None:
    store = hands.current().store
    stage = Stage.ASKED if store.has_document(run_id, INQUIRY) else Stage.DONE
    _settle(run_id, stage, store.document(run_id, "note", str) or "")


@step("settle_stopped")
def settle_stopped(run_id: str) -> None:
    """Who asked is in the mailbox."""
    message = hands.current().store.stop_of(run_id)
    actor = message.author if message is not None else Actor("ghost")
    why = message.text if message is not None else ""
    _settle(run_id, Stage.STOPPED, why or comments.stopped_note(actor))


@step("settle_asked")
def settle_asked(run_id: str, message: str, hint: str) -> None:
    """People have to decide something first; what was done so far is kept with the run."""
    _settle(run_id, Stage.ASKED, comments.failed_note(message, hint))


@step("settle_failed")
def settle_failed(run_id: str, message: str, hint: str) -> None:
    _settle(run_id, Stage.FAILED, comments.failed_note(message, hint))


@step("settle_broken")
def settle_broken(run_id: str, error: str) -> None:
    log.error("run %s broke: %s", run_id, error)
    can_be_retried = hands.current().store.run(run_id).kind is RunKind.IMPLEMENT
    _settle(run_id, Stage.FAILED, comments.bug_note(run_id, can_be_retried=can_be_retried))


def _settle(run_id: str, stage: Stage, note: str) -> None:
    our_hands = hands.current()
    run = our_hands.store.run(run_id)
    if run.stage.is_final:
        return
    our_hands.store.put_document(run_id, ENDED, note)
    account = our_hands.store.document(run_id, ACCOUNT, str) if stage in (Stage.STOPPED, Stage.FAILED) else None
    our_hands.store.put_document(run_id, "outcome", "\n\n".join(part for part in (note, account) if part))
    our_hands.workbenches.discard(run)
    our_hands.store.save_run(replace(run, stage=stage))


@step("say_outcome")
def say_outcome(run_id: str) -> None:
    """Say the outcome in the status comment; the bench is gone by now, also where the worker died while settling."""
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    our_hands.workbenches.discard(run)
    if store.has_document(run_id, FORGET):
        # The App was taken away from the repository: there is nowhere left to say it, and nothing to keep.
        forget(run_id)
        return
    try:
        steering.tell_unread(run)
        speak(run, store.document(run_id, "outcome", str) or "", force=True)
    except UserError as error:
        # The issue was deleted or locked, or the App was suspended.
        log.warning("run %s: its outcome cannot be said: %s", run_id, error)
        store.put_document(run_id, UNSAID, True)


def say_late(run: Run) -> None:
    """Say an outcome that could not be said when the run ended; called inside other steps."""
    store = hands.current().store
    if run.stage.is_final and store.has_document(run.id, UNSAID):
        try:
            speak(run, store.document(run.id, "outcome", str) or "", force=True)
        except UserError as error:
            log.warning("run %s: its outcome still cannot be said: %s", run.id, error)
            return
        store.forget_document(run.id, UNSAID)


def forget(run_id: str) -> None:
    """Delete what an ended run left and the evidence of its repository; what else was kept there unless a run is at work."""
    our_hands = hands.current()
    run = our_hands.store.run(run_id)
    if not run.stage.is_final:
        return
    our_hands.store.forget([run])
    repository_id = run.target.repo.id
    our_hands.store.forget_bundles(repository_id)
    if all(other.target.repo.id != repository_id for other in our_hands.store.unfinished_runs()):
        our_hands.workbenches.forget_repository(repository_id)
        our_hands.git.remove(repository_id)
        our_hands.store.forget_ci(repository_id)


def note_rest(store: Store, run_id: str, segment: int) -> None:
    """Note that a segment has not waited for a service; whoever wakes the run finds the one that comes after it.

    Workers that take the run over at once both do, while the next segment may be noting its own end: what is noted only grows.
    """
    store.amend_document(run_id, RESTED, tuple[int, ...], lambda rested: tuple(sorted({*(rested or ()), segment})))
    _note_next(store, run_id, segment + 1)


def _note_next(store: Store, run_id: str, segment: int) -> None:
    store.amend_document(run_id, NEXT_SEGMENT, int, lambda known: max(known or 0, segment))


@step("pause")
def pause(run_id: str, segment: int, message: str, retry_after: float) -> dict[str, Any] | None:
    """How long to wait for a service before the next segment; None where the run, or what it says at its end, has waited too often."""
    our_hands = hands.current()
    run = our_hands.store.run(run_id)
    waits = segment - len(our_hands.store.document(run_id, RESTED, tuple[int, ...]) or ())
    if waits >= 2 * SEGMENTS:
        log.error("run %s: nobody could be told how it ended: %s", run_id, message)
        our_hands.store.put_document(run_id, UNSAID, True)
        return None
    if waits >= SEGMENTS and not run.stage.is_final:
        # A measurement that nobody waits for is made by the next run.
        level = logging.INFO if run.kind is RunKind.WARM else logging.ERROR
        log.log(level, "run %s gives up waiting: %s", run_id, message)
        return None
    our_hands.workbenches.pause(run_id)
    _note_next(our_hands.store, run_id, segment + 1)
    seconds = max(retry_after, min(2.0 ** min(waits, 9), 300.0))
    log.warning("run %s waits %.0f s: %s", run_id, seconds, message)
    if seconds >= SAID_FROM and not run.stage.is_final:
        _say_pause(run, message, seconds)
    return {"seconds": seconds, "partition": run.target.key, "priority": our_hands.store.priority(run_id)}


def _say_pause(run: Run, message: str, seconds: float) -> None:
    try:
        speak(run, comments.unavailable_note(message, max(1, round(seconds / 60))), force=True)
    except (Unavailable, UserError) as error:
        # It may be GitHub itself that does not answer; the outcome will be said all the same.
        log.warning("run %s: the wait could not be said: %s", run.id, error)
