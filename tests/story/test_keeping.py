"""What is left of a run that ends before its time: a branch, an account of where it stands, and the way on."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from simulator.github.state import Issue
from simulator.messages.brain import say
from tests.story import crate
from tests.story.author import bash, check, submit_change, submit_tests, write
from tests.story.tester import Tester
from tests.story.world import wait_for

pytestmark = pytest.mark.docker

SLEEP = [write(crate.LIBRARY_PATH, crate.SATURATING), bash("sleep 60")]
KEPT = "rfcsmith/1-doubling-panics-on-large-numbers-wip"


def kept(tester: Tester, branch: str = KEPT) -> dict[str, str]:
    """The files on a branch of unfinished work; nothing where there is no such branch."""
    commit = tester.repository.git.resolve(branch)
    return tester.text_at(commit) if commit else {}


def stopped_in_a_command(tester: Tester) -> Issue:
    """A run that was stopped in the middle of a command, after its tests were shown red."""
    tester.author_says(change=[SLEEP])
    issue = tester.with_rfc()
    tester.say(issue, "/implement")
    tester.wait_for_file_with("saturating_mul", crate.LIBRARY_PATH)
    tester.say(issue, "/stop")
    said_at = time.monotonic()
    wait_for("the container is gone", lambda: not tester.world.containers())
    assert time.monotonic() - said_at < 5.0
    return issue


def test_a_stop_during_a_command_keeps_the_work_as_a_branch_and_says_where_it_stands(tester: Tester) -> None:
    issue = stopped_in_a_command(tester)
    said = tester.wait_for_status(issue, "implement", "was stopped")
    assert "@mara asked me to stop." in said and f"kept on the branch [`{KEPT}`](http" in said
    assert "2 files changed." in said and "0 of 1 task of the plan is done." in said and "- [ ] Saturate" in said
    assert "1 new test was shown to fail without the change." in said and "`/retry` goes on from there" in said
    files = kept(tester)
    assert (files[crate.TESTS_PATH], files[crate.LIBRARY_PATH]) == (crate.TESTS, crate.SATURATING)
    git = tester.repository.git
    lines = git.run("log", "--format=%s", f"main..{KEPT}").decode().splitlines()
    assert lines == ["Unfinished work on #1, not verified", "Tests for #1, red without the change"]
    assert tester.is_verified(git.resolve(KEPT) or "") and tester.town.pull_requests() == []


def test_a_stop_while_the_model_answers_keeps_what_was_done_before(tester: Tester) -> None:
    gate, issue = tester.hold("change"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.say(issue, "/stop")
    said = tester.wait_for_status(issue, "implement", "was stopped")
    assert f"[`{KEPT}`]" in said and "1 file changed." in said
    assert kept(tester)[crate.TESTS_PATH] == crate.TESTS and kept(tester)[crate.LIBRARY_PATH] == crate.LIBRARY


def test_a_stop_before_any_change_says_that_there_is_nothing_to_keep(tester: Tester) -> None:
    gate, issue = tester.hold("plan"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.say(issue, "/stop")
    said = tester.wait_for_status(issue, "implement", "was stopped")
    assert "Nothing was changed yet, so there is nothing to keep." in said
    assert tester.repository.git.refs("refs/heads/") == {"refs/heads/main": tester.town.base}


def test_a_run_that_fails_keeps_its_work_also_where_github_does_not_answer_at_once(tester: Tester) -> None:
    tester.author_says(tests=[[write(crate.TESTS_PATH, crate.GREEN_TESTS), submit_tests()]])
    issue = tester.with_rfc()
    broken = tester.world.trouble("unavailable", "git/create-ref", times=5)
    tester.say(issue, "/implement")
    said = tester.wait_for_status(issue, "implement", "could not be finished")
    assert broken.struck
    assert "After 3 tries the proof still does not stand." in said and "pass in a fresh container without" in said
    assert f"kept on the branch [`{KEPT}`]" in said and "`/retry <hint>` tells the agent what to mind" in said
    assert kept(tester)[crate.TESTS_PATH] == crate.GREEN_TESTS
    assert len(tester.runs()) == 2


def test_what_is_never_published_is_not_kept_as_a_branch_either(tester: Tester) -> None:
    tester.author_says(
        change=[[write(crate.CI_PATH, crate.STRICT_CI), write(crate.LIBRARY_PATH, crate.SATURATING), submit_change()]]
    )
    issue = tester.with_rfc()
    tester.say(issue, "/implement")
    said = tester.wait_for_status(issue, "implement", "could not be finished")
    assert "cannot be kept as a branch: I must not publish this change: `.github/workflows/ci.yml`" in said
    assert kept(tester) == {}


# --- going on --------------------------------------------------------------------------------------------------------


def stages_of(tester: Tester, attempt: int) -> list[str]:
    """The stages that an implementation went through."""
    (run,) = [run for run in tester.runs() if run.kind == "implement" and run.attempt == attempt]
    return [span.stage for span in tester.world.store.spans(run.id) if span.kind == "stage"]


def test_a_retry_goes_on_from_what_was_kept_and_proves_nothing_twice(tester: Tester) -> None:
    issue = stopped_in_a_command(tester)
    tester.wait_for_status(issue, "implement", "was stopped")
    tester.author_says(change=[[submit_change()]])
    gate = tester.hold("change")
    tester.say(issue, "/retry mind the *documentation*")
    gate.wait_until_reached()
    assert "Goes on from attempt 1, with its work in the workspace; its tests are proven red already." in tester.status(
        issue, "implement", 2
    )
    gate.open()
    tester.wait_for_status(issue, "implement", "is done", attempt=2)
    assert (
        "mind the *documentation*" in tester.told_the_model() and "@mara asked me to stop." in tester.told_the_model()
    )
    # With the hint the plan is another one to its second reader.
    assert stages_of(tester, 2) == ["prepare", "critique", "build", "verify", "mutate", "examine", "publish", "done"]
    assert tester.turns("plan_critique") == 2
    pull_request = tester.the_pull_request()
    assert tester.text_at(pull_request.head_sha)[crate.LIBRARY_PATH] == crate.SATURATING
    assert [line[:15] for line in tester.headlines(pull_request)] == ["Tests for #1, r", "Saturate instea"]
    assert "🔴 failed | 🟢 passes |" in pull_request.issue.body
    assert "open pull request for this already" in tester.answer(tester.say(issue, "/retry"))


def test_a_retry_brings_the_work_onto_a_base_that_has_moved_and_proves_it_again(tester: Tester) -> None:
    issue = stopped_in_a_command(tester)
    tester.wait_for_status(issue, "implement", "was stopped")
    tester.has_files({"NOTES": "new"})
    tester.author_says(tests=[[submit_tests()]], change=[[submit_change()]])
    gate = tester.hold("tests")
    tester.say(issue, "/retry")
    gate.wait_until_reached()
    remark = "Goes on from attempt 1, whose work was brought onto the present base, and its tests have to be shown red"
    assert remark in tester.status(issue, "implement", 2)
    # The change waits aside for the proof meanwhile: a stop now must not lose it.
    tester.say(issue, "/stop")
    tester.wait_for_status(issue, "implement", "was stopped", attempt=2)
    gate.open()
    tester.say(issue, "/retry")
    tester.wait_for_status(issue, "implement", "is done", attempt=3)
    assert stages_of(tester, 3) == [
        "prepare",
        "plan",
        "critique",
        "tests",
        "red",
        "build",
        "verify",
        "mutate",
        "examine",
        "publish",
        "done",
    ]
    pull_request = tester.the_pull_request()
    tests, change = tester.town.commits(pull_request)
    assert tester.text_at(tests)[crate.LIBRARY_PATH] == crate.LIBRARY
    assert tester.text_at(change)[crate.LIBRARY_PATH] == crate.SATURATING and tester.text_at(change)["NOTES"] == "new"


def test_a_retry_starts_over_where_the_work_does_not_fit_the_base_any_more(tester: Tester) -> None:
    issue = stopped_in_a_command(tester)
    tester.wait_for_status(issue, "implement", "was stopped")
    tester.has_files({crate.LIBRARY_PATH: crate.LIBRARY.replace("number * 2", "2 * number")})
    tester.author_says(**vars(type(tester.lines)()))
    gate = tester.hold("plan")
    tester.say(issue, "/retry")
    gate.wait_until_reached()
    assert "Starts over: the base has moved, and what attempt 1 left" in tester.status(issue, "implement", 2)
    tester.say(issue, "/stop")
    assert "nothing to keep" in tester.wait_for_status(issue, "implement", "was stopped", attempt=2)


def test_a_retry_of_what_had_not_begun_is_an_implementation_and_of_nothing_a_kind_word(tester: Tester) -> None:
    issue = tester.with_rfc()
    assert "Nothing was stopped or failed here that I could go on with." in tester.answer(tester.say(issue, "/retry"))
    gate = tester.hold("plan")
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.say(issue, "/stop")
    tester.wait_for_status(issue, "implement", "was stopped")
    tester.say(issue, "/retry")
    tester.wait_for_status(issue, "implement", "is done", attempt=2)
    assert len(tester.headlines(tester.the_pull_request())) == 2


# --- at the end of a budget ------------------------------------------------------------------------------------------

CONFIG = ".github/rfcsmith.toml"


def test_a_budget_that_is_used_up_ends_in_an_unfinished_draft_that_a_retry_finishes(tester: Tester) -> None:
    tester.has_files({CONFIG: "max_turns = 2\n"})
    unasked = write("AGENTS.md", "# Always reword\n")
    tester.author_says(change=[[write(crate.LIBRARY_PATH, crate.REWORDED), unasked], [check("quick")]])
    issue = tester.with_rfc()
    tester.say(issue, "/implement")
    said = tester.wait_for_status(issue, "implement", "could not be finished")
    draft = tester.the_pull_request()
    assert "I used up 2 turns on this part" in said and f"[pull request #{draft.number}](http" in said
    assert "The checks showed last: `cargo check --workspace --all-targets` ✅, `cargo test` ✅." in said
    assert "this work has 100% of its turns used up, at most 0 answers are left" in tester.told_the_model()
    assert draft.draft and draft.issue.title == "[unfinished] Let doubling stop at the largest number"
    body = draft.issue.body
    assert "This is not finished: I used up 2 turns" in body and "Closes" not in body and "do not merge it" in body
    assert "Left as before, because nobody asked for a change of the rules there: `AGENTS.md`." in body
    assert "AGENTS.md" not in tester.text_at(draft.head_sha)
    assert "- Not done: Saturate" in body and "- The new test was not shown to pass with the change." in body
    assert "| `tests/doubling.rs::the_largest_number_stays` | 🔴 failed | not shown |" in body
    assert tester.headlines(draft) == ["Tests for #1, red without the change", "Unfinished work on #1, not verified"]
    assert "`/retry` goes on with it" in tester.answer(tester.say(issue, "/implement"))

    tester.edit_pull_request(draft, f"Mara: nearly there.\n\n{body}")
    tester.has_files({"NOTES": "new"})
    tester.author_says(change=[[write(crate.LIBRARY_PATH, crate.SATURATING), submit_change()]])
    assert "I go on with it." in tester.answer(tester.say(draft.issue, "/retry"))
    tester.wait_for_status(issue, "implement", "is done", attempt=2)
    finished = tester.the_pull_request()
    wait_for("the pull request is ready for review", lambda: not finished.draft)
    assert finished.issue.title == "Saturate instead of panicking"
    assert finished.issue.body.startswith("Mara: nearly there.\n\n") and "not finished" not in finished.issue.body
    assert "Closes #1." in finished.issue.body and "🔴 failed | 🟢 passes |" in finished.issue.body
    assert [line[:15] for line in tester.headlines(finished)] == [
        "Tests for #1, r",
        "Unfinished work",
        "Saturate instea",
    ]
    assert tester.text_at(finished.head_sha)[crate.LIBRARY_PATH] == crate.SATURATING


def test_a_budget_that_is_used_up_before_any_change_fails_with_a_sentence(tester: Tester) -> None:
    tester.has_files({CONFIG: "max_dollars = 0.001\n"})
    tester.author_says(rfc=[[bash("true")]])
    issue = tester.file_issue()
    tester.label(issue)
    said = tester.wait_for_status(issue, "rfc", "could not be finished")
    assert "I used up the $0.001 that this repository gives to one run." in said
    assert "this work has 100% of its dollars used up" in tester.told_the_model()
    assert tester.town.pull_requests() == []


def test_a_repository_that_has_used_up_its_day_is_told_so_before_anything_is_done(
    make_tester: Callable[..., Tester],
) -> None:
    tester = make_tester(RFCSMITH_DAILY_DOLLARS="0.001")
    tester.author_says(rfc=[[bash("true")]])
    issue = tester.file_issue()
    tester.label(issue)
    assert "has used up the $0.001" in tester.wait_for_status(issue, "rfc", "could not be finished")
    tester.say(issue, "/rfc")
    said = tester.wait_for_status(issue, "rfc", "could not be finished", attempt=2)
    assert "A new day begins at midnight UTC" in said
    assert tester.world.store.all_turns(tester.runs()[1].id) == ()


# --- while it works --------------------------------------------------------------------------------------------------


def test_words_to_a_run_are_answered_when_the_agent_has_read_them_or_came_to_its_end_before(tester: Tester) -> None:
    lines = [[say("Right, a sentence for it."), write(crate.LIBRARY_PATH, crate.SATURATING)], [submit_change()]]
    tester.author_says(change=[[check("quick")], *lines])
    gate, issue = tester.hold("change"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    asked = tester.say(issue, "@rfcsmith please document the largest number")
    assert "I have passed this on" in tester.answer(asked)
    status = tester.answer(tester.say(issue, "/status"))
    assert (
        "building until every check is green" in status and "- [ ] Saturate" in status and "so far, about $" in status
    )
    assert "No check was run yet." in status and "[How it goes on](http" in status
    gate.open()
    answer = wait_for("an answer by the agent", lambda: a if "has read this" in (a := tester.answer(asked)) else "")
    assert answer == "@mara The agent has read this. It says:\n\n> Right, a sentence for it."
    tester.wait_for_status(issue, "implement", "is done")
    assert "please document the largest number" in tester.told_the_model()


def test_words_that_come_too_late_are_told_so(tester: Tester) -> None:
    gate, issue = tester.hold("change"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    asked = tester.say(issue, "@rfcsmith please document the largest number")
    assert "I have passed this on" in tester.answer(asked)
    tester.say(issue, "/stop")
    wait_for("word of the end", lambda: "before the agent could read this. `/retry <hint>`" in tester.answer(asked))
    said = tester.wait_for_status(issue, "implement", "was stopped")
    assert f"Its unfinished work is on [`{KEPT}`]" in tester.answer(tester.say(issue, "/status")) and KEPT in said
