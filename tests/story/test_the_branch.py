"""The branch is not the bot's alone: people push onto it, and nothing of theirs is lost or taken back."""

from __future__ import annotations

import pytest

from simulator.github.state import PullRequest
from tests.story import crate
from tests.story.author import submit_review, write
from tests.story.tester import WRITER, Tester
from tests.story.world import wait_for

pytestmark = pytest.mark.docker

HALVE = "//! Halves.\n\n/// Half of `number`.\npub fn halve(number: u8) -> u8 {\n    number / 2\n}\n"
HANDMADE = crate.SATURATING.replace("or the largest number there is", "but never more than `u8::MAX`")
BOTH = crate.SATURATING.replace("or the largest number there is", "at most (and never more than) `u8::MAX`")


def asked_for_changes(tester: Tester) -> PullRequest:
    """A pull request with a review, whose answer is held back until the gate `review` opens."""
    pull_request = tester.implement(tester.with_rfc())
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number.")
    return pull_request


def parents(tester: Tester, pull_request: PullRequest) -> list[str]:
    return list(tester.repository.git.commit(pull_request.head_sha).parents)


def test_what_somebody_pushes_during_a_round_stays_and_the_round_goes_on_top_of_it(tester: Tester) -> None:
    gate = tester.hold("review")
    pull_request = asked_for_changes(tester)
    gate.wait_until_reached()
    theirs = tester.push(pull_request.head, {"src/halve.rs": HALVE})
    gate.open()
    said = tester.wait_for_status(pull_request.issue, "review", "is done")
    assert f"Somebody pushed {theirs[:12]} meanwhile. My work is on top of it, and was verified again there." in said
    assert parents(tester, pull_request) == [theirs]
    head = tester.text_at(pull_request.head_sha)
    assert (head["src/halve.rs"], head[crate.LIBRARY_PATH]) == (HALVE, crate.REWORDED)
    assert tester.is_verified(pull_request.head_sha) and tester.turns("review") == 1
    # The next round begins at the head that is there, whoever made it.
    tester.push(pull_request.head, {"NOTES": "read me"})
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "And again.")
    tester.wait_for_status(pull_request.issue, "review", "Nothing had to change", attempt=2)
    assert tester.text_at(pull_request.head_sha)["NOTES"] == "read me"


def test_what_does_not_fit_together_is_the_agents_next_task_under_the_same_checks(tester: Tester) -> None:
    tester.author_says(
        review=[
            [write(crate.LIBRARY_PATH, crate.REWORDED), write("NOTES", "mine\n"), submit_review()],
            [write(crate.LIBRARY_PATH, BOTH), submit_review()],
            [write("NOTES", "theirs, then mine\n"), submit_review()],
        ]
    )
    gate = tester.hold("review")
    pull_request = asked_for_changes(tester)
    gate.wait_until_reached()
    theirs = tester.push(pull_request.head, {crate.LIBRARY_PATH: HANDMADE, "NOTES": "theirs\n"})
    gate.open()
    said = tester.wait_for_status(pull_request.issue, "review", "is done")
    assert "which did not fit with my work in 2 files" in said
    told = tester.told_the_model()
    assert f"In these files both changed the same place:\n- NOTES\n- {crate.LIBRARY_PATH}" in told
    # No check reads this file; its marks are found all the same.
    assert "Marks of the conflict still stand in these files:\n- NOTES" in told
    assert parents(tester, pull_request) == [theirs]
    head = tester.text_at(pull_request.head_sha)
    assert (head[crate.LIBRARY_PATH], head["NOTES"]) == (BOTH, "theirs, then mine\n")


def test_a_branch_that_never_rests_is_left_alone_with_a_sentence(tester: Tester) -> None:
    gate = tester.hold("review")
    pull_request = asked_for_changes(tester)
    gate.wait_until_reached()
    last = ""
    for number in range(1, 5):
        last = tester.push(pull_request.head, {"NOTES": f"{number}"})
        gate.open()
        if number < 4:
            wait_for("the next proof", lambda begun=2 + number: tester.proofs() >= begun)
    said = tester.wait_for_status(pull_request.issue, "review", "could not be finished")
    assert "each of the 4 times that I was about to, so I pushed nothing." in said
    assert pull_request.head_sha == last


def test_a_branch_whose_name_somebody_takes_while_it_is_built_is_left_to_them(tester: Tester) -> None:
    gate, issue = tester.hold("change"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    name = "rfcsmith/1-doubling-panics-on-large-numbers"
    theirs = tester.push(name, {"NOTES": "mine"}, WRITER)
    gate.open()
    tester.wait_for_status(issue, "implement", "is done")
    assert tester.the_pull_request().head == f"{name}-2"
    assert tester.repository.git.resolve(name) == theirs
