"""What the agent gets wrong, and what the repository is not fit for: told, mended, or refused in a sentence."""

from __future__ import annotations

import pytest

from simulator.messages.brain import call
from tests.story import crate
from tests.story.author import bash, submit_change, submit_rfc, submit_tests, write
from tests.story.tester import Tester

pytestmark = pytest.mark.docker

CONFIG = ".github/rfcsmith.toml"


def test_green_tests_and_a_change_that_breaks_a_check_are_sent_back_and_mended(tester: Tester) -> None:
    green = [write(crate.TESTS_PATH, crate.GREEN_TESTS), submit_tests()]
    broken = crate.SATURATING.replace("saturating_mul(2)", "saturating_mul(2u32)")
    wrong = [write(crate.LIBRARY_PATH, broken), submit_change()]
    tester.author_says(tests=[green, *tester.lines.tests], change=[wrong, *tester.lines.change])
    pull_request = tester.implement(tester.with_rfc())
    assert "pass in a fresh container without the change" in tester.told_the_model()
    assert "E0308" in tester.told_the_model()
    head = tester.text_at(pull_request.head_sha)
    assert (head[crate.TESTS_PATH], head[crate.LIBRARY_PATH]) == (crate.TESTS, crate.SATURATING)
    assert len(tester.headlines(pull_request)) == 2


def test_a_file_that_a_check_writes_anew_has_to_be_in_the_change_as_it_comes_out(tester: Tester) -> None:
    rules = "[[checks.add]]\nrun = \"wc -c < src/lib.rs | tr -d ' ' > size.txt\"\n"
    before, after = (f"{len(text.encode())}\n" for text in (crate.CRATE[crate.LIBRARY_PATH], crate.SATURATING))
    tester.has_files({CONFIG: rules, "size.txt": before})
    forgotten = [write(crate.LIBRARY_PATH, crate.SATURATING), submit_change()]
    tester.author_says(change=[forgotten, [write("size.txt", after), submit_change()]])
    pull_request = tester.implement(tester.with_rfc())
    assert "write these files anew, and they differ from what you submitted:\n- size.txt" in tester.told_the_model()
    assert tester.text_at(pull_request.head_sha)["size.txt"] == after


def test_an_author_who_has_not_ticked_a_task_is_asked_once(tester: Tester) -> None:
    ticked = [call("plan", task="T1", state="done"), submit_change()]
    tester.author_says(change=[*tester.lines.change, ticked], insists=False)
    issue = tester.with_rfc()
    pull_request = tester.implement(issue)
    assert "Planned, but" not in pull_request.issue.body
    assert "Tasks of your plan are still open: T1 (Saturate)." in tester.told_the_model()
    assert "[x] Saturate" in tester.status(issue, "implement") and tester.turns("build") == 2


def test_an_author_who_insists_that_a_task_is_open_gets_through_with_it(tester: Tester) -> None:
    issue = tester.with_rfc()
    pull_request = tester.implement(issue)
    assert "[ ] Saturate" in tester.status(issue, "implement") and tester.turns("build") == 2
    assert "Planned, but never ticked: Saturate." in pull_request.issue.body


def test_an_agent_that_never_finishes_is_ended_by_its_budget_with_what_to_do(tester: Tester) -> None:
    tester.has_files({CONFIG: "max_turns = 2\n"})
    tester.author_says(rfc=[[bash("true")]])
    issue = tester.file_issue()
    tester.label(issue)
    said = tester.wait_for_status(issue, "rfc", "could not be finished")
    assert "I used up 2 turns" in said and "then ask again" in said


def test_proofs_that_never_stand_end_the_run_with_what_was_tried(tester: Tester) -> None:
    tester.author_says(tests=[[submit_tests()]])
    issue = tester.with_rfc()
    tester.say(issue, "/implement")
    said = tester.wait_for_status(issue, "implement", "could not be finished")
    assert "After 3 tries the proof still does not stand." in said and "No new test was found" in said
    assert tester.town.pull_requests() == []


def test_a_citation_that_is_wrong_is_sent_back_and_mended(tester: Tester) -> None:
    wrong = submit_rfc(citations=[{"path": "src/lib.rs", "line": 1, "quote": "number * 3"}])
    tester.author_says(rfc=[[wrong], *tester.lines.rfc])
    tester.with_rfc()
    assert "it stands nowhere in the file" in tester.told_the_model()


def test_a_change_of_a_workflow_is_refused_in_a_sentence(tester: Tester) -> None:
    tester.author_says(change=[[write(crate.CI_PATH, crate.STRICT_CI), *tester.lines.change[0]]])
    issue = tester.with_rfc()
    tester.say(issue, "/implement")
    said = tester.wait_for_status(issue, "implement", "could not be finished")
    assert "`.github/workflows/ci.yml` is a workflow of GitHub Actions" in said
    assert tester.town.pull_requests() == []


def test_a_repository_without_rust_is_told_so(tester: Tester) -> None:
    tester.has_files({"Cargo.toml": None})
    issue = tester.file_issue()
    tester.label(issue)
    assert "I find no `Cargo.toml` here" in tester.wait_for_status(issue, "rfc", "could not be finished")


def test_dependencies_that_cannot_be_fetched_are_told_with_cargos_words(tester: Tester) -> None:
    manifest = crate.CRATE["Cargo.toml"] + '\n[dependencies]\nghost = { path = "../ghost" }\n'
    tester.has_files({"Cargo.toml": manifest})
    issue = tester.file_issue()
    tester.label(issue)
    said = tester.wait_for_status(issue, "rfc", "could not be finished")
    assert "The dependencies of this repository cannot be fetched." in said and "ghost" in said


def test_an_archived_repository_is_left_alone(tester: Tester) -> None:
    issue = tester.file_issue()
    gate = tester.hold("rfc")
    tester.label(issue)
    gate.wait_until_reached()
    tester.archive()
    gate.open()
    tester.world.wait_until_quiet()
    assert [run.stage.value for run in tester.runs()] == ["failed"]
    tester.never_mind(issue)


def test_a_wrong_configuration_is_told_with_its_line(tester: Tester) -> None:
    tester.has_files({CONFIG: "\nmax_turn = 3\n"})
    issue = tester.file_issue()
    tester.label(issue)
    said = tester.wait_for_status(issue, "rfc", "could not be finished")
    assert (
        "Line 2 of `.github/rfcsmith.toml`: there is no key `max_turn`." in said
        and "The nearest is `max_turns`" in said
    )
