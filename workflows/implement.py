"""From an accepted RFC to a pull request whose tests were red without the change and are green with it."""

from __future__ import annotations

from bot.domain import Assignment
from bot.errors import UserError
from workflows.agent import converse, revise
from workflows.engine import workflow
from workflows.frame import run_to_its_end
from workflows.landing import TRIALS, land
from workflows.steps import design, mutation, parts, preparation, proof, publication, retrying


@workflow("implement")
def implement(run_id: str, segment: int) -> None:
    run_to_its_end(run_id, segment, implement, _road)


def _road(run_id: str) -> None:
    design.heed_rfc(run_id)
    preparation.locate(run_id)
    design.check_ground(run_id)
    preparation.check_out(run_id)
    preparation.fetch_dependencies(run_id)
    preparation.measure_base(run_id)
    retrying.take_up(run_id)
    parts.file_rfc(run_id)
    converse(run_id, Assignment.PLAN)
    design.trust_ground(run_id)
    revise(run_id, Assignment.PLAN_CRITIQUE)
    design.trust_ground(run_id)
    for trial in range(1, TRIALS + 1):
        converse(run_id, Assignment.TESTS)
        if proof.prove_red(run_id, trial, TRIALS):
            break
    retrying.take_up_change(run_id)
    for trial in range(1, TRIALS + 1):
        converse(run_id, Assignment.BUILD)
        if proof.prove_green(run_id, trial, TRIALS):
            break
    if mutation.test_tests(run_id):
        _ask_for_better_tests(run_id)
    design.heed_rfc(run_id)
    land(run_id, Assignment.BUILD)
    publication.open_pull_request(run_id)


def _ask_for_better_tests(run_id: str) -> None:
    """One round for what the mutants showed; if nothing comes of it, what was proven before stands."""
    try:
        for trial in range(1, TRIALS + 1):
            converse(run_id, Assignment.BUILD)
            if proof.prove_green(run_id, trial, TRIALS):
                break
    except UserError as error:
        mutation.keep_first_proof(run_id, f"The round for better tests came to nothing: {error.message}")
        return
    mutation.test_better_tests(run_id)
