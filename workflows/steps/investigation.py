"""Questions that people must answer before there can be an RFC."""

from __future__ import annotations

from bot import comments
from bot.domain import Inquiry, Stage
from workflows import hands
from workflows.engine import step
from workflows.steps import lifecycle
from workflows.steps.records import INQUIRY


@step("is_designed")
def is_designed(run_id: str) -> bool:
    """Whether the conversation ended with a design, and not with questions."""
    return not hands.current().store.has_document(run_id, INQUIRY)


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
