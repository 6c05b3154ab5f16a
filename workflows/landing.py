"""What was proven goes onto its branch; where somebody pushed meanwhile, on top of what they pushed, and never by force."""

from __future__ import annotations

from bot.domain import Assignment
from workflows.agent import converse_until
from workflows.steps import joining, proof, publication

RACES = 4
"""How often a push may lose the race for the branch before the run gives up."""


def land(run_id: str, assignment: Assignment) -> None:
    """Push; each time that somebody was faster, join their work with the run's and prove the whole green again.

    What git cannot bring together is the next task of the conversation `assignment`. Where a proof stands already, as it
    does at first unless the road is walked again after a lost race, there is nothing to converse about.
    """
    for trial in range(1, RACES + 1):
        converse_until(run_id, assignment, proof.prove_green)
        if not publication.push(run_id, trial, RACES):
            return
        joining.join(run_id)
