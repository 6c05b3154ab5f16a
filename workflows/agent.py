"""The durable loop of model and tools: ask, act, until a submission is accepted, the run is stopped or its budget is spent."""

from __future__ import annotations

from collections.abc import Callable

from bot.agent.readers import READERS
from bot.domain import Assignment
from bot.errors import UserError
from workflows.steps import conversation, reading

TRIALS = 3
"""How often a proof is asked for before a run ends without one."""


def converse_until(run_id: str, assignment: Assignment, prove: Callable[[str, int, int], bool]) -> None:
    """Converse until what is handed in is proven; `prove` is a step that sends the agent back, and the last time ends the run.

    Raises what `converse` raises, and `UserError` where the last trial does not stand either.
    """
    for trial in range(1, TRIALS + 1):
        converse(run_id, assignment)
        if prove(run_id, trial, TRIALS):
            return


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
