"""Looks at a pull request, its base and its CI, between which nothing waits; and the run that mends what is red."""

from __future__ import annotations

from bot.domain import Assignment, RunKind
from bot.errors import Conflict, Unavailable, UserError
from workflows.agent import converse_until
from workflows.engine import enqueue_look, enqueue_run, workflow
from workflows.frame import run_to_its_end
from workflows.landing import land
from workflows.steps import ci, mending, preparation, proof, publication
from workflows.update import update

LOOKS = 8
"""How often a look is tried while GitHub does not answer."""


@workflow("look_at_ci")
def look_at_ci(repository_id: int, pull_request: int, trial: int) -> None:
    """Look once; the next look is another workflow, and so is the next trial."""
    try:
        due = ci.look(repository_id, pull_request)
        trial = 0
    except (Unavailable, Conflict) as error:
        ci.note(repository_id, pull_request, str(error))
        due = ci.look_later(repository_id, pull_request, trial) if trial < LOOKS else None
    except UserError as error:
        ci.note(repository_id, pull_request, error.message)
        return
    if due is None:
        return
    if due["kind"] == "look":
        enqueue_look(due, trial + 1)
        return
    road = update if due["kind"] == RunKind.UPDATE else mend_ci
    enqueue_run(road, due["id"], 1, partition=due["partition"], priority=due["priority"])


@workflow("ci")
def mend_ci(run_id: str, segment: int) -> None:
    run_to_its_end(run_id, segment, mend_ci, _road)


def _road(run_id: str) -> None:
    preparation.locate(run_id)
    mending.learn(run_id)
    preparation.check_out(run_id)
    preparation.fetch_dependencies(run_id)
    preparation.measure_base(run_id)
    converse_until(run_id, Assignment.CI, proof.prove_green)
    proof.look_at_added_tests(run_id)
    land(run_id, Assignment.CI)
    publication.report_mending(run_id)
