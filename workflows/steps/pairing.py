"""Where a paired run waits for people: what is shown, who may let it go on, and what they want otherwise."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot import comments
from bot.agent import transcript
from bot.agent.submit import PlanDraft
from bot.domain import Assignment, Message, MessageKind, Plan, Run, Stage
from bot.errors import Conflict, Paused
from bot.store.codec import to_json
from workflows import hands
from workflows.engine import step
from workflows.steps import conversation, lifecycle, reading
from workflows.steps.place import Place, answer, github_of, rouse
from workflows.steps.records import Red, Submitted, agreed_criteria

log = logging.getLogger("rfcsmith")
SHOWN = "shown"
"""The name of the document with what a paired run showed last."""
APPROVED = "approved:{}"
"""The name of the document with the digest that was approved, by its part."""
# As it is shown, or as short as git takes it; what holds no figure may be a word.
_DIGEST = re.compile(r"`?(?P<digest>(?=[a-f]*[0-9])[0-9a-f]{7,64})`?(?=\s|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shown:
    """What people were shown: the plan or the tests, by digest; `shown_at` is by GitHub's clock, None while it is being posted."""

    part: Assignment
    digest: str
    url: str = ""
    shown_at: datetime | None = None


@step("await_approval")
def await_approval(run_id: str, part_name: str) -> bool:
    """Whether people have approved what stands; False: its author was sent back with what they want otherwise.

    Raises `Paused` where nobody has said anything yet. What comes before the approval is a correction, what comes after it a message
    to the agent at work.
    """
    part = Assignment(part_name)
    store = hands.current().store
    run = store.run(run_id)
    if not run.is_paired:
        return True
    digest = _digest(run_id, part)
    if not digest:
        return False
    if _is_approved(run_id, part, digest):
        return True
    if store.unread_steering(run_id):
        if part is Assignment.TESTS:
            # First: tests that were handed in anew must not find an old proof.
            store.forget_document(run_id, "red")
        else:
            reading.read_again(run_id, Assignment.PLAN_CRITIQUE)
        conversation.reopen(run_id, part, transcript.CORRECTED[part])
        return False
    _show(run, part, digest)
    raise Paused(f"the {part} of {run_id} waits for an approval")


@step("rest")
def rest(run_id: str, segment: int) -> dict[str, Any] | None:
    """Let the run hold nothing until people speak; what enqueues the next segment where they have spoken already.

    Whoever speaks leaves their words first, and looks then whether the run waits; here it waits first, and looks then for words.
    So one of the two sees the other.
    """
    our_hands = hands.current()
    store = our_hands.store
    lifecycle.note_rest(store, run_id, segment)
    our_hands.workbenches.put_away(run_id)
    log.info("run %s waits for people", run_id)
    if not _has_word(run_id):
        return None
    return {"seconds": 0.0, "partition": store.run(run_id).target.key, "priority": store.priority(run_id)}


def _has_word(run_id: str) -> bool:
    store = hands.current().store
    shown = store.document(run_id, SHOWN, Shown)
    is_approved = shown is not None and _is_approved(run_id, shown.part, shown.digest)
    return is_approved or bool(store.unread_steering(run_id)) or store.stop_of(run_id) is not None


# --- what is shown ---------------------------------------------------------------------------------------------------


def _show(run: Run, part: Assignment, digest: str) -> None:
    """Post what is to be approved, once, and say in the status comment what the run waits for."""
    our_hands = hands.current()
    store = our_hands.store
    shown = store.document(run.id, SHOWN, Shown)
    if shown is None or shown.digest != digest or shown.shown_at is None:
        store.put_document(run.id, SHOWN, Shown(part, digest))
        github = our_hands.github.installation(run.target.repo.installation_id)
        marker = f"pair:{run.id}:{part}:{digest[:12]}"
        text = _plan_text(run, digest) if part is Assignment.PLAN else _tests_text(run, digest)
        comment = github.ensure_comment(run.target.repo, run.target.issue, marker, text)
        store.put_document(run.id, SHOWN, Shown(part, digest, comment.html_url, comment.created_at))
    run = store.save_run(replace(run, stage=Stage.WAITING))
    lifecycle.speak(run, note_of(run), force=True)


def _plan_text(run: Run, digest: str) -> str:
    our_hands = hands.current()
    draft = our_hands.store.document(run.id, f"draft:{Assignment.PLAN}", PlanDraft)
    assert draft is not None, "only what stands is shown"
    slug = our_hands.github.slug
    return comments.plan_comment(run.requested_by, Plan(draft.tasks), draft.notes, digest=digest, slug=slug)


def _tests_text(run: Run, digest: str) -> str:
    our_hands = hands.current()
    red = our_hands.store.document(run.id, "red", Red)
    assert red is not None, "only what stands is shown"
    our_hands.workbenches.have_trees(run)
    return comments.red_tests_comment(
        run.requested_by,
        agreed_criteria(run),
        red.kinds,
        red.criteria,
        difference=our_hands.git.diff(run.target.repo.id, run.base_commit, red.tree),
        digest=digest,
        slug=our_hands.github.slug,
    )


def note_of(run: Run) -> str:
    """What the run waits for, in words; empty where it does not wait for people."""
    shown = hands.current().store.document(run.id, SHOWN, Shown) if run.stage is Stage.WAITING else None
    return comments.waiting_note(shown.part, shown.digest, shown.url) if shown is not None else ""


def _digest(run_id: str, part: Assignment) -> str:
    """Of what people would be shown now, "" where nothing stands.

    The turn that handed it in belongs to it: what is handed in again, even word for word, is shown and approved anew.
    """
    store = hands.current().store
    turn = store.document(run_id, Submitted.name(part), int)
    is_plan = part is Assignment.PLAN
    stands = store.document(run_id, f"draft:{part}", PlanDraft) if is_plan else store.document(run_id, "red", Red)
    if turn is None or stands is None:
        return ""
    content = json.dumps([part, turn, to_json(stands)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


# --- what people say to it -------------------------------------------------------------------------------------------


def approve(place: Place, argument: str, number: int) -> Sequence[Run]:
    """`/approve [digest] [words]`: let the paired run go on from what the person saw; their words reach the agent then."""
    store = hands.current().store
    run = next((run for run in store.active_runs(place.repo.id, place.target.issue) if run.is_paired), None)
    shown = store.document(run.id, SHOWN, Shown) if run is not None else None
    named = _DIGEST.match(argument)
    if run is None or shown is None or shown.digest != _digest(run.id, shown.part):
        answer(place, comments.nothing_to_approve_comment(place.sender, run), number)
        return []
    if not _is_approved(run.id, shown.part, shown.digest):
        refusal = _refusal(place, run, shown, named["digest"].lower() if named else "")
        if refusal:
            answer(place, refusal, number)
            return []
        store.put_document(run.id, APPROVED.format(shown.part), shown.digest)
    words = argument[named.end() :].strip() if named else argument
    if words:
        permission = github_of(place.repo).permission(place.repo, place.sender.login)
        message = Message(f"{place.delivery_id}:{number}", MessageKind.STEER, place.sender, permission, words)
        store.leave(run.id, message)
    answer(place, comments.approved_comment(place.sender, shown.part, has_words=bool(words)), number)
    return rouse(run)


def _refusal(place: Place, run: Run, shown: Shown, named: str) -> str:
    """Why the approval does not count, in words for the person; empty where it does.

    Raises `Conflict` where what is to be approved is just being posted: its time is not known yet.
    """
    if hands.current().store.unread_steering(run.id):
        return comments.corrected_meanwhile_comment(place.sender, shown.part)
    if shown.shown_at is None:
        raise Conflict(f"what {run.id} shows is being posted at this moment")
    has_seen = place.said_at is not None and place.said_at >= shown.shown_at
    if shown.digest.startswith(named) if named else has_seen:
        return ""
    return comments.not_what_waits_comment(place.sender, shown.part, shown.digest, shown.url)


def _is_approved(run_id: str, part: Assignment, digest: str) -> bool:
    return bool(digest) and hands.current().store.document(run_id, APPROVED.format(part), str) == digest


# --- a retry ---------------------------------------------------------------------------------------------------------


def may_take_over(earlier: Run, run: Run, part: Assignment) -> bool:
    """Whether a retry may go on from the plan, or the red tests, of an earlier run: where it is paired, if they were approved."""
    return not run.is_paired or _is_approved(earlier.id, part, _digest(earlier.id, part))


def take_over(run: Run, part: Assignment) -> None:
    """What was approved in the earlier run is approved in this one."""
    if run.is_paired:
        hands.current().store.put_document(run.id, APPROVED.format(part), _digest(run.id, part))
