"""What a second reader finds goes back to the author, once; a reader that comes to nothing is passed over."""

from __future__ import annotations

import logging

from bot.agent import transcript
from bot.agent.readers import READERS
from bot.agent.submit import Critique
from bot.domain import Assignment
from workflows import hands
from workflows.engine import step
from workflows.steps import conversation
from workflows.steps.records import Submitted, critique_of, shown

log = logging.getLogger("rfcsmith")


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
