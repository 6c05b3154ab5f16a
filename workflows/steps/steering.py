"""What became of words that people said to a run at work: the answer to them is edited when the agent has read them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from bot import comments, webhook
from bot.domain import Actor, Assignment, CommentCreated, CommentEdited, Message, Run
from bot.errors import UserError
from workflows import hands

log = logging.getLogger("rfcsmith")


def tell_read(run: Run, assignment: Assignment, number: int) -> None:
    """Tell whoever spoke before turn `number` that the agent has read it, and what it says; called inside other steps."""
    store = hands.current().store
    messages = store.steering_of(run.id, f"{assignment}/{number}")
    if not messages:
        return
    blocks = store.turns(run.id, assignment)[number].assistant or ()
    said = "\n\n".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text").strip()
    _answer(run, messages, lambda actor: comments.heard_comment(actor, said))


def tell_unread(run: Run) -> None:
    """Tell whoever spoke too late that the run ended without reading it; called inside other steps."""
    _answer(run, hands.current().store.unread_steering(run.id), lambda actor: comments.unheard_comment(actor, run.kind))


def _answer(run: Run, messages: Iterable[Message], words: Callable[[Actor], str]) -> None:
    our_hands = hands.current()
    github = our_hands.github.installation(run.target.repo.installation_id)
    for message in messages:
        # What a command handed on has the id of its delivery with a number behind it, and gets its answer elsewhere.
        if not our_hands.store.has_delivery(message.id):
            continue
        headers, body = our_hands.store.delivery(message.id)
        event = webhook.parse(headers, body).event
        if not isinstance(event, CommentCreated | CommentEdited):
            continue
        try:
            github.ensure_comment(run.target.repo, event.issue.number, f"answer:{message.id}:0", words(message.author))
        except UserError as error:
            log.warning("run %s: nobody can be told what became of %s: %s", run.id, message.id, error)
