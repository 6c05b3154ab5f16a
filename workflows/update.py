"""From `/update` to a pull request that holds its base as well, without a commit of a review rewritten."""

from __future__ import annotations

from bot.domain import Assignment
from workflows.agent import converse_until
from workflows.engine import workflow
from workflows.frame import run_to_its_end
from workflows.landing import land
from workflows.steps import preparation, proof, updating


@workflow("update")
def update(run_id: str, segment: int) -> None:
    run_to_its_end(run_id, segment, update, _road)


def _road(run_id: str) -> None:
    preparation.locate(run_id)
    if not updating.is_behind(run_id):
        return
    preparation.check_out(run_id)
    preparation.fetch_dependencies(run_id)
    preparation.measure_base(run_id)
    updating.merge(run_id)
    converse_until(run_id, Assignment.UPDATE, proof.prove_green)
    land(run_id, Assignment.UPDATE)
    updating.report(run_id)
