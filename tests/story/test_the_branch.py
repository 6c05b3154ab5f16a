"""The branch is not the bot's alone: people push onto it, and nothing of theirs is lost or taken back."""

from __future__ import annotations

import pytest

from simulator.github.state import PullRequest
from simulator.messages.brain import Block, Request
from simulator.town import READER
from tests.story import crate
from tests.story.author import answer_every_thread, submit_review, submit_update, write
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


def was_forced(pull_request: PullRequest) -> bool:
    return any(moment.kind == "head_ref_force_pushed" for moment in pull_request.issue.moments)


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


def test_two_reviews_at_once_and_a_push_at_the_same_moment_come_one_after_the_other(tester: Tester) -> None:
    def answer_both(request: Request) -> list[Block]:
        is_second = "And say what saturates." in str(request["messages"][0])
        text = HANDMADE if is_second else crate.REWORDED
        return [write(crate.LIBRARY_PATH, text), *answer_every_thread(request)]

    tester.author_says(review=[answer_both])
    gate = tester.hold("review")
    pull_request = asked_for_changes(tester)
    gate.wait_until_reached()
    remark = {"path": crate.LIBRARY_PATH, "line": 3, "side": "RIGHT", "body": "And say what saturates."}
    person = tester.person(WRITER)
    with tester.github.world.lock:
        tester.town.changes.review(pull_request, person, event="REQUEST_CHANGES", body="Mine.", comments=[remark])
    theirs = tester.push(pull_request.head, {"NOTES": "by hand\n"})
    gate.open()
    tester.wait_for_status(pull_request.issue, "review", "is done")
    tester.wait_for_status(pull_request.issue, "review", "is done", attempt=2)
    (first,) = parents(tester, pull_request)
    assert tester.repository.git.commit(first).parents == (theirs,)
    head = tester.text_at(pull_request.head_sha)
    assert (head["NOTES"], head[crate.LIBRARY_PATH]) == ("by hand\n", HANDMADE)
    assert not was_forced(pull_request)


def test_two_people_who_ask_for_an_update_at_once_get_one_merge_beside_a_push(tester: Tester) -> None:
    pull_request = tester.implement(tester.with_rfc())
    tester.has_files({"NOTES": "news\n"})
    tester.say(pull_request.issue, "/update")
    tester.say(pull_request.issue, "/update", WRITER)
    theirs = tester.push(pull_request.head, {"src/halve.rs": HALVE})
    tester.wait_for_status(pull_request.issue, "update", "is done")
    tester.world.wait_until_quiet()
    assert sum(line.startswith("Merge main into") for line in tester.headlines(pull_request)) == 1
    assert tester.repository.git.is_ancestor(theirs, pull_request.head_sha) and not was_forced(pull_request)
    head = tester.text_at(pull_request.head_sha)
    assert (head["NOTES"], head["src/halve.rs"]) == ("news\n", HALVE)


# --- the base moves on -----------------------------------------------------------------------------------------------

ON_BASE = crate.LIBRARY.replace("Twice `number`.", "Twice the `number`.")
RESOLVED = crate.SATURATING.replace("Twice `number`", "Twice the `number`")


def test_a_base_that_fits_is_merged_in_and_proven_without_a_word_of_the_model(tester: Tester) -> None:
    issue = tester.with_rfc()
    assert "There is no open pull request of mine here" in tester.answer(tester.say(issue, "/update"))
    pull_request = tester.implement(issue)
    before, asked = pull_request.head_sha, len(tester.world.messages.requests)
    tester.has_files({"NOTES": "news\n", crate.CI_PATH: crate.STRICT_CI})
    assert "`/update` needs write" in tester.answer(tester.say(pull_request.issue, "/update", READER))
    tester.say(pull_request.issue, "/update")
    said = tester.wait_for_status(pull_request.issue, "update", "is done")
    assert f"`main` at {tester.town.base[:12]} is merged in." in said and "Git found no conflict." in said
    assert parents(tester, pull_request) == [before, tester.town.base]
    head = tester.text_at(pull_request.head_sha)
    assert (head["NOTES"], head[crate.LIBRARY_PATH], head[crate.CI_PATH]) == (
        "news\n",
        crate.SATURATING,
        crate.STRICT_CI,
    )
    assert len(tester.world.messages.requests) == asked and tester.is_verified(pull_request.head_sha)
    assert tester.headlines(pull_request)[-1] == f"Merge main into {pull_request.head}"
    assert "cargo clippy" in pull_request.issue.body
    tester.say(issue, "/update")
    said = tester.wait_for_status(pull_request.issue, "update", "is done", attempt=2)
    assert f"Already up to date: `{pull_request.head}` holds everything that `main` has." in said
    # A review goes on from there as from any head.
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert tester.text_at(pull_request.head_sha)[crate.LIBRARY_PATH] == crate.REWORDED


def test_a_base_that_conflicts_is_merged_in_unasked_and_a_push_meanwhile_is_kept(tester: Tester) -> None:
    tester.author_says(update=[[submit_update()], [write(crate.LIBRARY_PATH, RESOLVED), submit_update()]])
    pull_request = tester.implement(tester.with_rfc())
    gate = tester.hold("update")
    tester.has_files({crate.LIBRARY_PATH: ON_BASE})
    gate.wait_until_reached()
    assert "The update is at work here" in tester.answer(tester.say(pull_request.issue, "/update"))
    theirs = tester.push(pull_request.head, {"NOTES": "by hand\n"})
    gate.open()
    said = tester.wait_for_status(pull_request.issue, "update", "is done")
    assert f"`main` moved to {tester.town.base[:12]} and does not merge cleanly" in said
    assert f"In conflict: `{crate.LIBRARY_PATH}`. Please look at how they were resolved." in said
    assert "Both stay: first the base's words, then ours." in said
    assert f"Marks of the conflict still stand in these files:\n- {crate.LIBRARY_PATH}" in tester.told_the_model()
    assert parents(tester, pull_request) == [theirs, tester.town.base]
    head = tester.text_at(pull_request.head_sha)
    assert (head[crate.LIBRARY_PATH], head["NOTES"]) == (RESOLVED, "by hand\n")
    assert tester.repository.git.merge(tester.town.base, pull_request.head_sha) is not None
    assert "Co-authored-by" not in tester.repository.git.commit(pull_request.head_sha).message
    tester.world.wait_until_quiet()
    assert [run.kind for run in tester.runs()].count("update") == 1


def test_a_conflict_that_comes_during_a_round_is_merged_in_after_it(tester: Tester) -> None:
    tester.author_says(update=[[write(crate.LIBRARY_PATH, RESOLVED), submit_update()]])
    gate = tester.hold("review")
    pull_request = asked_for_changes(tester)
    gate.wait_until_reached()
    tester.has_files({crate.LIBRARY_PATH: ON_BASE})
    tester.github.wait_for_deliveries()
    assert not tester.status(pull_request.issue, "update")
    gate.open()
    tester.wait_for_status(pull_request.issue, "review", "is done")
    reviewed = pull_request.head_sha
    tester.wait_for_status(pull_request.issue, "update", "is done")
    assert parents(tester, pull_request) == [reviewed, tester.town.base]


def test_an_hour_of_the_bots_own_echo_starts_nothing(tester: Tester) -> None:
    issue = tester.with_rfc()
    pull_request = tester.implement(issue)
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    wait_for("the draft is marked ready", lambda: not pull_request.draft)
    tester.world.wait_until_quiet()
    deliveries, own = tester.github.deliveries, tester.town.bot.login
    told = [each.event for each in deliveries.log if each.event.repository is tester.repository]
    echo = [event for event in told if event.payload["sender"]["login"] == own]
    assert {(event.name, event.action) for event in echo} >= {
        ("issue_comment", "created"),
        ("issue_comment", "edited"),
        ("issues", "labeled"),
        ("pull_request", "opened"),
        ("pull_request", "synchronize"),
        ("pull_request", "review_requested"),
        ("pull_request", "ready_for_review"),
        ("pull_request_review", "submitted"),
        ("pull_request_review_comment", "created"),
        ("check_run", "completed"),
    }
    runs, said = tester.runs(), [tester.bot_comments(each) for each in (issue, pull_request.issue)]
    first = len(deliveries.log)
    for event in echo * (1 + 300 // len(echo)):
        deliveries.send(event)
    tester.world.wait_until_quiet()
    assert len(deliveries.log) - first > 300 and {each.status for each in deliveries.log[first:]} == {"OK"}
    assert tester.runs() == runs
    assert [tester.bot_comments(each) for each in (issue, pull_request.issue)] == said
