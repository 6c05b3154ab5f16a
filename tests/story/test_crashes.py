"""SIGKILL at the worst moments: the bot that is started again goes on, and the end is the same."""

from __future__ import annotations

import time

import pytest

from tests.story import crate
from tests.story.author import answer_every_thread, bash, submit_tests, write
from tests.story.tester import Tester
from workflows.steps.records import SUGGESTED

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


def test_kills_while_suggestions_are_applied_and_answered_apply_and_answer_them_once(tester: Tester) -> None:
    tester.author_says(review=[answer_every_thread])
    pull_request = tester.implement(tester.with_rfc())
    manifest = crate.CRATE["Cargo.toml"]
    tester.push(pull_request.head, {"Cargo.toml": manifest.replace("[lib]", 'description = "Doubles."\n\n[lib]')})
    before = len(tester.town.commits(pull_request))
    line = 1 + manifest.splitlines().index("[lib]")
    suggested = 'description = "Doubles numbers."\nlicense = "MIT"\n'
    slow = tester.world.trouble("slow", "pulls/create-reply-for-review-comment", seconds=5)
    threads = [
        tester.suggest(pull_request, "Cargo.toml", (line, line), suggested),
        tester.suggest(pull_request, crate.LIBRARY_PATH, (3, 3), "/// Twice `number`,\n/// at most 255.\n"),
    ]
    # The files are there, what the new manifest needs is being fetched, and nothing is written down.
    tester.wait_for_file_with(suggested, "Cargo.toml")
    tester.world.bot.kill()
    (run,) = [run for run in tester.runs() if run.kind == "review"]
    assert not tester.world.store.has_document(run.id, SUGGESTED)
    tester.world.bot.start()
    tester.world.wait_until_it_struck(slow)
    tester.world.kill_bot()
    tester.wait_for_status(pull_request.issue, "review", "is done")
    files = tester.text_at(pull_request.head_sha)
    assert files["Cargo.toml"] == manifest.replace("[lib]", f"{suggested}\n[lib]")
    assert files[crate.LIBRARY_PATH].count("/// at most 255.") == 1
    assert len(tester.town.commits(pull_request)) == before + 1
    for thread in threads:
        (answer,) = tester.town.answers(thread)
        assert answer.startswith("Applied as suggested in ")
