"""From an issue to a published version of its RFC."""

from __future__ import annotations

from bot.domain import Assignment
from workflows.agent import converse, revise
from workflows.engine import workflow
from workflows.frame import run_to_its_end
from workflows.steps import design, investigation, preparation


@workflow("rfc")
def rfc(run_id: str, segment: int) -> None:
    run_to_its_end(run_id, segment, rfc, _road)


def _road(run_id: str) -> None:
    preparation.locate(run_id)
    preparation.check_out(run_id)
    preparation.fetch_dependencies(run_id)
    converse(run_id, Assignment.RFC)
    if investigation.is_designed(run_id):
        revise(run_id, Assignment.CRITIQUE)
    if investigation.is_designed(run_id):
        while not design.publish_rfc(run_id):
            converse(run_id, Assignment.RFC)
    else:
        investigation.ask_people(run_id)
