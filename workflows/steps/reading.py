"""What a second reader finds goes back to the author, once; a reader that comes to nothing is passed over."""

from __future__ import annotations

import logging

from bot.agent import transcript
from bot.agent.readers import READERS
from bot.agent.submit import Critique
from bot.domain import Assignment
from workflows import hands
from workflows.engine import step
from workflows.steps import budgets, conversation
from workflows.steps.records import Submitted, critique_of, shown

log = logging.getLogger("rfcsmith")
READINGS = 3
"""How often in one run a second reader reads what one author hands in, first and corrected."""


@step("show_findings")
def show_findings(run_id: str, reader_name: str) -> None:
    """Let the author go on with what the second reader found, once; where nothing was found the draft stands."""
    store = hands.current().store
    author = READERS[Assignment(reader_name)].author
    findings = critique_of(run_id, author)
    if not findings or store.has_document(run_id, shown(author)):
        return
    conversation.reopen(run_id, author, transcript.findings_note(findings, author))
    store.put_document(run_id, shown(author), True)


def read_again(run_id: str, reader: Assignment) -> None:
    """Let the reader, with another fresh context, read what its author hands in next; called inside other steps.

    Bounded: after `READINGS` what is changed at people's wish stands as its author leaves it.
    """
    store = hands.current().store
    has_read = store.document(run_id, Submitted.name(reader), int) is not None
    if not has_read or store.times_aside(run_id, reader) >= READINGS - 1:
        return
    store.forget_document(run_id, shown(READERS[reader].author))
    store.set_aside(run_id, reader)
    for name in (f"draft:{reader}", budgets.WARNED.format(reader)):
        store.forget_document(run_id, name)
    # Last: until here all of it is done again after a crash, to the same end.
    store.put_document(run_id, Submitted.name(reader), None)


@step("pass_over")
def pass_over(run_id: str, reader_name: str, why: str) -> None:
    """The reader ended without handing anything in: what it was to read stands as it is."""
    store = hands.current().store
    reader = Assignment(reader_name)
    if store.document(run_id, Submitted.name(reader), int) is not None:
        return
    log.warning("run %s: %s came to nothing: %s", run_id, reader, why)
    store.put_document(run_id, f"draft:{reader}", Critique(()))
    store.put_document(run_id, Submitted.name(reader), len(store.turns(run_id, reader)))
