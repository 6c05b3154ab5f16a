"""Between the first draft of an RFC and what people see of it: the second reader's findings, or questions instead."""

from __future__ import annotations

from bot import comments
from bot.agent import transcript
from bot.domain import Assignment, Inquiry, Stage
from workflows import hands
from workflows.engine import step
from workflows.steps import conversation, lifecycle
from workflows.steps.records import INQUIRY, REVISED, critique_of


@step("is_designed")
def is_designed(run_id: str) -> bool:
    """Whether the conversation ended with a design, and not with questions."""
    return not hands.current().store.has_document(run_id, INQUIRY)


@step("show_findings")
def show_findings(run_id: str) -> None:
    """Let the author go on with what the second reader found, once; where nothing was found the draft stands."""
    store = hands.current().store
    findings = critique_of(run_id)
    if not findings or store.has_document(run_id, REVISED):
        return
    conversation.reopen(run_id, Assignment.RFC, transcript.findings_note(findings, Assignment.RFC))
    store.put_document(run_id, REVISED, True)


@step("ask_people")
def ask_people(run_id: str) -> None:
    """Put the questions under the issue; its labels stay as they are, because there is no RFC yet."""
    our_hands = hands.current()
    store = our_hands.store
    run = lifecycle.enter(store.run(run_id), Stage.PUBLISH)
    inquiry = store.document(run_id, INQUIRY, Inquiry)
    assert inquiry is not None, "the conversation ended with questions"
    github = our_hands.github.installation(run.target.repo.installation_id)
    asked = github.ensure_comment(
        run.target.repo, run.target.issue, f"questions:{run_id}", comments.inquiry_comment(inquiry)
    )
    store.put_document(run_id, "note", comments.inquired_note(asked.html_url))
