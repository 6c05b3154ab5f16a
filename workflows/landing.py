"""What was proven goes onto its branch; where somebody pushed meanwhile, on top of what they pushed, and never by force."""

from __future__ import annotations

from bot.domain import Assignment
from workflows.agent import converse
from workflows.steps import joining, proof, publication

TRIALS = 3
"""How often a proof may send the agent back to work."""
RACES = 4
"""How often a push may lose the race for the branch before the run gives up."""


def land(run_id: str, assignment: Assignment) -> None:
    """Push; each time that somebody was faster, join their work with the run's and prove the whole green again.

    What git cannot bring together is the next task of the conversation `assignment`.
    """
    for trial in range(1, RACES + 1):
        if not publication.push(run_id, trial, RACES):
            return
        joining.join(run_id)
        for again in range(1, TRIALS + 1):
            converse(run_id, assignment)
            if proof.prove_green(run_id, again, TRIALS):
                break
