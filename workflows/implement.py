"""From an accepted RFC to a pull request whose tests were red without the change and are green with it."""

from __future__ import annotations

from bot.domain import Assignment
from bot.errors import UserError
from workflows.agent import converse, converse_until, revise
from workflows.engine import workflow
from workflows.frame import run_to_its_end
from workflows.landing import land
from workflows.steps import (
    design,
    examination,
    mutation,
    pairing,
    parts,
    preparation,
    proof,
    publication,
    reading,
    retrying,
)


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
    while not pairing.await_approval(run_id, Assignment.PLAN):
        converse(run_id, Assignment.PLAN)
        design.trust_ground(run_id)
        revise(run_id, Assignment.PLAN_CRITIQUE)
        design.trust_ground(run_id)
    converse_until(run_id, Assignment.TESTS, proof.prove_red)
    while not pairing.await_approval(run_id, Assignment.TESTS):
        converse_until(run_id, Assignment.TESTS, proof.prove_red)
    retrying.take_up_change(run_id)
    if not mutation.is_proven(run_id):
        converse_until(run_id, Assignment.BUILD, proof.prove_green)
    if mutation.test_tests(run_id):
        _ask_for_better_tests(run_id)
    if examination.may_examine(run_id):
        _examine(run_id)
    design.heed_rfc(run_id)
    land(run_id, Assignment.BUILD)
    publication.open_pull_request(run_id)


def _ask_for_better_tests(run_id: str) -> None:
    """One round for what the mutants showed; if nothing comes of it, what was proven before stands."""
    try:
        converse_until(run_id, Assignment.BUILD, proof.prove_green)
    except UserError as error:
        mutation.keep_first_proof(run_id, f"The round for better tests came to nothing: {error.message}")
        return
    mutation.test_better_tests(run_id)


def _examine(run_id: str) -> None:
    """Let somebody with fresh eyes look for what is wrong, and the author answer; what was proven stands if that comes to nothing."""
    try:
        converse(run_id, Assignment.EXAMINATION)
    except UserError as error:
        reading.pass_over(run_id, Assignment.EXAMINATION, error.message)
    for number in range(1, examination.ROUNDS + 2):
        if not examination.ask_author(run_id, number):
            return
        try:
            converse_until(run_id, Assignment.BUILD, proof.prove_green)
        except UserError as error:
            examination.keep_proof(run_id, f"The round for it came to nothing: {error.message}")
            return
