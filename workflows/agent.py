"""The durable loop of model and tools: ask, act, until a submission is accepted, the run is stopped or its budget is spent."""

from __future__ import annotations

from bot.domain import Assignment
from workflows.steps import conversation


def converse(run_id: str, assignment: Assignment) -> None:
    """Go on with the assignment's conversation from where it is; returns when its submission stands.

    Raises `Stopped`, `Unavailable`, and `UserError` where the budget is spent or the model refuses.
    """
    number = conversation.begin(run_id, assignment)
    while number is not None:
        conversation.ask(run_id, assignment, number)
        number = conversation.act(run_id, assignment, number)
