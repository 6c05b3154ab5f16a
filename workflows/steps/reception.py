"""What one delivery comes to: a run that is opened, a message for the one at work, an answer in words, or nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, assert_never

from bot import comments, webhook
from bot.commands import parse_commands
from bot.domain import (
    CiCompleted,
    CiWatch,
    CommentCreated,
    CommentEdited,
    Event,
    InstallationChanged,
    IssueChanged,
    IssueLabeled,
    IssueSubject,
    Ping,
    PullRequestChanged,
    Pushed,
    RepositoriesChanged,
    ReviewCommentCreated,
    ReviewSubmitted,
    Run,
    RunKind,
    Target,
)
from bot.errors import UserError
from workflows import hands
from workflows.engine import step
from workflows.steps import changes, ci, reviewing, rounds, speech
from workflows.steps.place import Place, answer, is_ours, order_of

log = logging.getLogger("rfcsmith")

REVIEW_DELAY = 3.0
"""Seconds between a submitted review and its run: its inline remarks arrive in any order, and are read again anyway."""


@step("receive")
def receive(delivery_id: str) -> list[dict[str, Any]]:
    """Handle a delivery; returns what to enqueue: runs that begin or go on, and looks at CI (of the kind `look`).

    Repeating it changes nothing: every effect is looked for first.
    """
    our_hands = hands.current()
    headers, body = our_hands.store.delivery(delivery_id)
    event = webhook.parse(headers, body).event
    runs = [] if event is None else _handle(delivery_id, event)
    our_hands.store.handled(delivery_id, ", ".join(run.id for run in runs) or "no run")
    looks = [] if event is None else [ci.order(watch, delivery_id) for watch in _news(event)]
    return looks + [order_of(run, _delay(run)) for run in runs]


def _news(event: Event) -> Sequence[CiWatch]:
    """The watches over pull requests that are to be looked at: CI said something or has to begin anew, or the base moved."""
    if isinstance(event, Pushed):
        return ci.pushed(event)
    if isinstance(event, CommentCreated | ReviewSubmitted | ReviewCommentCreated):
        ci.spoken(event)
        return ()
    watch = None
    if isinstance(event, CiCompleted):
        watch = ci.heard(event)
    if isinstance(event, PullRequestChanged) and not is_ours(event.sender):
        watch = ci.changed(event)
    return () if watch is None else (watch,)


def _delay(run: Run) -> float:
    """How long a run waits for more to be said: nothing can be said yet to the first draft of an RFC."""
    match run.kind:
        case RunKind.REVIEW:
            return REVIEW_DELAY
        case RunKind.RFC:
            return rounds.quiet_seconds(run)
        case RunKind.IMPLEMENT | RunKind.CI | RunKind.UPDATE | RunKind.WARM:
            return 0.0


@step("apologise")
def apologise(delivery_id: str, error: str) -> None:
    """A delivery could not be handled: note it, and where somebody commanded, say so in one neutral sentence."""
    log.error("delivery %s broke: %s", delivery_id, error)
    hands.current().store.handled(delivery_id, "broken")
    _reply(delivery_id, comments.bug_note(delivery_id))


@step("explain")
def explain(delivery_id: str, message: str, hint: str) -> None:
    """A delivery cannot be handled for a reason that a human can mend: note it, and where somebody commanded, tell it."""
    log.warning("delivery %s cannot be handled: %s %s", delivery_id, message, hint)
    hands.current().store.handled(delivery_id, "refused")
    _reply(delivery_id, comments.failed_note(message, hint))


def _reply(delivery_id: str, text: str) -> None:
    """Answer the comment that a delivery is about, if it holds a command, and if there still is a way to answer."""
    our_hands = hands.current()
    headers, body = our_hands.store.delivery(delivery_id)
    event = webhook.parse(headers, body).event
    if not isinstance(event, CommentCreated) or is_ours(event.sender):
        return
    if not parse_commands(event.comment.body, app_slug=our_hands.github.slug):
        return
    number = event.issue.number
    place = Place(event.repo, number, Target(event.repo, number), event.sender, IssueSubject(number), delivery_id)
    try:
        answer(place, text, 0)
    except UserError as error:
        log.warning("delivery %s: nobody can be told: %s", delivery_id, error)


def _handle(delivery_id: str, event: Event) -> Sequence[Run]:
    match event:
        case IssueLabeled():
            return speech.labeled(delivery_id, event)
        case CommentCreated():
            return speech.commented(delivery_id, event, previous="")
        case CommentEdited():
            return speech.edited(delivery_id, event)
        case ReviewSubmitted():
            return reviewing.reviewed(delivery_id, event)
        case ReviewCommentCreated():
            return speech.remarked(delivery_id, event)
        case IssueChanged():
            return changes.issue_changed(delivery_id, event)
        case PullRequestChanged():
            return changes.pull_request_changed(delivery_id, event)
        case InstallationChanged():
            return changes.installation_changed(delivery_id, event)
        case RepositoriesChanged():
            return changes.repositories_removed(delivery_id, event)
        case CiCompleted() | Pushed() | Ping():
            return []
        case _:
            assert_never(event)
