"""The round for better tests: what stands when nothing comes of it, and how a road that is walked again finds it."""

from __future__ import annotations

import pytest

from bench.proofs import HONEST_CODE, HONEST_TEST, court
from bot.agent import transcript
from bot.agent.submit import ChangeDraft, NewTest, TestsDraft
from bot.domain import Assignment, Mutation
from workflows import hands
from workflows.steps import mutation, proof
from workflows.steps.records import Green, Submitted, Ticked

pytestmark = pytest.mark.docker

WEAK_TEST = {"tests/rim.rs": (HONEST_TEST["tests/rim.rs"] or "").replace("rim(2, 3), 10", "rim(2, 2), 8")}
"""It does not tell `a + b` from `a * b`."""
DRAFT = f"draft:{Assignment.BUILD}"
FIRST = ChangeDraft("Rim", "Rims.", "", "")


def test_a_round_that_comes_to_nothing_leaves_proof_words_and_tasks_as_they_were_proven() -> None:
    with court() as made, made.trial() as run:
        store = hands.current().store
        made.write(run, WEAK_TEST)
        store.put_document(run.id, f"draft:{Assignment.TESTS}", TestsDraft((NewTest("rims", ("AC-1",)),), ""))
        assert proof.prove_red(run.id, 1, 3)
        made.write(run, HONEST_CODE)
        store.start_turn(run.id, Assignment.BUILD, 0, transcript.opening("Build it."))
        store.put_document(run.id, DRAFT, FIRST)
        store.put_document(run.id, Submitted.name(Assignment.BUILD), 0)
        assert proof.prove_green(run.id, 1, 3)
        green = store.document(run.id, "green", Green)
        assert green is not None
        ticked = (Ticked(0, ("Rims",), green.tree),)
        store.put_document(run.id, "ticked", ticked)
        assert not mutation.is_proven(run.id)

        assert mutation.test_tests(run.id)
        assert mutation.is_proven(run.id), "whatever comes now, there is a proof to fall back to"
        assert mutation.test_tests(run.id), "a road that is walked again goes on in the same round"
        assert store.document(run.id, Submitted.name(Assignment.BUILD), int) is None, "the agent is asked again"
        assert not store.has_document(run.id, "green")

        store.put_document(run.id, DRAFT, ChangeDraft("Better tests", "Only tests.", "", ""))
        store.put_document(run.id, "ticked", (*ticked, Ticked(1, ("Tests",), green.tree)))
        mutation.keep_first_proof(run.id, "It came to nothing.")

        assert store.document(run.id, "green", Green) == green
        assert store.document(run.id, DRAFT, ChangeDraft) == FIRST
        assert store.document(run.id, "ticked", tuple[Ticked, ...]) == ticked
        assert store.document(run.id, Submitted.name(Assignment.BUILD), int) is not None, "nobody is asked any more"
        found = store.document(run.id, mutation.LAST, Mutation)
        assert found is not None and found.remark == "It came to nothing."
        assert [mutant.what for mutant in found.survivors] == ["replace + with *"]
        assert not mutation.test_tests(run.id), "the round is over, also for a road that is walked again"
