"""The durable loop of model and tools: ask, act, until a submission is accepted, the run is stopped or its budget is spent."""

from __future__ import annotations

from bot.agent.readers import READERS
from bot.domain import Assignment
from bot.errors import UserError
from workflows.steps import conversation, reading


def converse(run_id: str, assignment: Assignment) -> None:
    """Go on with the assignment's conversation from where it is; returns when its submission stands.

    Raises `Stopped`, `Unavailable`, and `UserError` where the budget is spent or the model refuses.
    """
    number = conversation.begin(run_id, assignment)
    while number is not None:
        conversation.ask(run_id, assignment, number)
        number = conversation.act(run_id, assignment, number)


def revise(run_id: str, reader: Assignment) -> None:
    """Let `reader` look at what its author has handed in, and the author answer what was found, once.

    Nothing depends on a reader: one that does not come to an end has found nothing.
    """
    try:
        converse(run_id, reader)
    except UserError as error:
        reading.pass_over(run_id, reader, error.message)
    reading.show_findings(run_id, reader)
    converse(run_id, READERS[reader].author)
