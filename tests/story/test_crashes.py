"""SIGKILL at the worst moments: the bot that is started again goes on, and the end is the same."""

from __future__ import annotations

import time

import pytest

from tests.story import crate
from tests.story.author import bash, submit_tests, write
from tests.story.tester import Tester

pytestmark = pytest.mark.docker


def test_a_kill_during_the_models_turn_and_during_a_command_changes_nothing(tester: Tester) -> None:
    gate = tester.hold("rfc")
    tester.author_says(rfc=[[bash("sleep 3")], *tester.lines.rfc])
    issue = tester.file_issue()
    tester.label(issue)
    gate.wait_until_reached()
    tester.world.kill_bot()
    gate.open()
    tester.wait_for_container("agent")
    tester.world.kill_bot()
    tester.wait_for_status(issue, "rfc", "is done")
    assert "<sub>Version 1 " in tester.rfc(issue)


def test_a_bot_that_is_asked_to_leave_leaves_at_once_and_goes_on_at_its_next_start(tester: Tester) -> None:
    tester.author_says(rfc=[[bash("sleep 4")], *tester.lines.rfc])
    issue = tester.file_issue()
    tester.label(issue)
    tester.wait_for_container("agent")
    asked_at = time.monotonic()
    tester.world.bot.stop()
    assert time.monotonic() - asked_at < 5.0
    assert tester.world.containers() == []
    tester.world.bot.start()
    tester.wait_for_status(issue, "rfc", "is done")


def test_half_of_a_batch_that_was_cut_off_is_done_afresh(tester: Tester) -> None:
    twice = "grep -q half tests/doubling.rs && exit 1; echo '// half' >> tests/doubling.rs; sleep 3; sed -i '/half/d' tests/doubling.rs"
    tester.author_says(tests=[[write(crate.TESTS_PATH, crate.TESTS), bash(twice)], [submit_tests()]])
    issue = tester.with_rfc()
    tester.say(issue, "/implement")
    tester.wait_for_file_with("// half", crate.TESTS_PATH)
    tester.world.kill_bot()
    tester.wait_for_container("verify")
    tester.world.kill_bot()
    tester.wait_for_status(issue, "implement", "is done")
    assert tester.text_at(tester.town.commits(tester.the_pull_request())[0])[crate.TESTS_PATH] == crate.TESTS
    assert [result[:8] for result in tester.results_of_bash()] == ["[exit 0,"]


def test_kills_after_effects_that_the_bot_does_not_know_of_make_no_doubles(tester: Tester) -> None:
    issue = tester.with_rfc()
    operations = ["git/create-commit", "git/create-ref", "pulls/create", "checks/create"]
    slow = [tester.world.trouble("slow", operation, method="POST", seconds=5) for operation in operations]
    tester.say(issue, "/implement")
    for fault in slow:
        tester.world.wait_until_it_struck(fault)
        tester.world.kill_bot()
    tester.wait_for_status(issue, "implement", "is done")
    pull_request = tester.the_pull_request()
    assert [line[:15] for line in tester.headlines(pull_request)] == ["Tests for #1, r", "Saturate instea"]
    assert set(tester.repository.git.refs("refs/heads/")) == {"refs/heads/main", f"refs/heads/{pull_request.head}"}


def test_a_kill_right_after_the_status_comment_makes_no_second_one(tester: Tester) -> None:
    slow = tester.world.trouble("slow", "issues/create-comment", seconds=5)
    issue = tester.file_issue()
    tester.label(issue)
    tester.world.wait_until_it_struck(slow)
    tester.world.kill_bot()
    tester.wait_for_status(issue, "rfc", "is done")


def test_a_run_whose_machine_is_lost_goes_on_from_its_last_snapshot(tester: Tester) -> None:
    issue = tester.with_rfc()
    gate = tester.hold("change")
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.world.kill_bot(lost=("clones", "cargo", "runs"))
    gate.open()
    tester.wait_for_status(issue, "implement", "is done")
    commits = tester.town.commits(tester.the_pull_request())
    assert tester.text_at(commits[0])[crate.TESTS_PATH] == crate.TESTS
