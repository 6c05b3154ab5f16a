"""From a submitted review to an updated pull request in which every thread is answered."""

from __future__ import annotations

from bot.domain import Assignment
from workflows.agent import converse_until
from workflows.engine import workflow
from workflows.frame import run_to_its_end
from workflows.landing import land
from workflows.steps import mutation, preparation, proof, publication, suggesting


@workflow("review")
def review(run_id: str, segment: int) -> None:
    run_to_its_end(run_id, segment, review, _road)


def _road(run_id: str) -> None:
    preparation.locate(run_id)
    preparation.check_out(run_id)
    preparation.fetch_dependencies(run_id)
    preparation.measure_base(run_id)
    suggesting.apply(run_id)
    converse_until(run_id, Assignment.REVIEW, proof.prove_green)
    proof.look_at_added_tests(run_id)
    mutation.test_round(run_id)
    land(run_id, Assignment.REVIEW)
    publication.answer_review(run_id)
