"""Before people see an RFC: a second reader's findings are answered, and a wish that nobody understands is asked about."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from simulator.messages.brain import Block, Request
from tests.story.author import bash, submit_critique, submit_plan, submit_plan_critique, submit_questions, submit_rfc
from tests.story.tester import Tester

pytestmark = pytest.mark.docker


def test_what_a_second_reader_finds_is_answered_before_the_rfc_is_posted(tester: Tester) -> None:
    finding = {
        "severity": "serious",
        "place": "design",
        "problem": "`double` is no longer const.",
        "suggestion": "Say.",
    }
    answer = {"finding": "F1", "verdict": "taken", "text": "It stays const."}
    wrong = submit_rfc(citations=[{"path": "src/lib.rs", "line": 5, "quote": "number * 3"}])
    tester.author_says(
        rfc=[[wrong], [submit_rfc()], [submit_rfc()], [submit_rfc(design="A const `double`.", answers=[answer])]],
        critique=[[submit_critique(finding)]],
    )
    issue = tester.with_rfc()
    rfc = tester.rfc(issue)
    assert "<sub>Version 1 " in rfc and "A const `double`." in rfc and "number * 3" not in rfc
    status = tester.status(issue, "rfc")
    assert "A second reader questioned 1 point of the draft before you: all taken in" in status
    assert "- **design**: `double` is no longer const.\n  *taken in*: It stays const." in status
    # The first draft cites what is not there, the third answers nothing: both are refused.
    assert "`number * 3` is not there" in tester.told_the_model()
    assert "no answer to F1" in tester.told_the_model()
    assert [comment for comment in tester.bot_comments(issue) if "number * 3" in comment] == []


def test_nobody_begins_among_the_scratch_files_of_somebody_else(tester: Tester) -> None:
    finding = {"severity": "serious", "place": "design", "problem": "It is vague.", "suggestion": "Say."}
    answer = {"finding": "F1", "verdict": "taken", "text": "Said."}
    tester.author_says(
        rfc=[
            [bash("cd /tmp && echo of the author > scratch && pwd")],
            [submit_rfc()],
            [bash("echo then $(pwd) $(cat scratch)")],
            [submit_rfc(design="Said.", answers=[answer])],
        ],
        critique=[[bash("echo first $(pwd) $(ls -A /tmp)")], [submit_critique(finding)]],
    )
    tester.with_rfc()
    told = tester.told_the_model()
    assert "\nfirst /workspace\n" in f"{told}\n" and "\nthen /tmp of the author" in told


def test_what_a_second_reader_finds_in_the_plan_is_answered_before_anybody_works_along_it(tester: Tester) -> None:
    finding = {"severity": "serious", "place": "T1", "problem": "No task documents it.", "suggestion": "Say so."}
    answer = {"finding": "F1", "verdict": "taken", "text": "T1 does both."}
    tester.author_says(
        plan=[
            [submit_plan("Saturate")],
            [submit_plan("Saturate")],
            [submit_plan("Saturate, and say so", answers=[answer])],
        ],
        plan_critique=[[submit_plan_critique(finding)]],
    )
    issue = tester.with_rfc()
    tester.implement(issue)
    status = tester.status(issue, "implement")
    assert "[ ] Saturate, and say so (AC-1)" in status and "] Saturate (AC-1)" not in status
    assert "A second reader questioned 1 point of the plan before you: all taken in" in status
    # The second submission answers nothing, and is refused.
    assert "no answer to F1" in tester.told_the_model()


def test_a_plan_that_a_retry_takes_over_with_a_hint_is_read_again_and_its_author_answers(tester: Tester) -> None:
    gate, issue = tester.hold("change"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.say(issue, "/stop")
    tester.wait_for_status(issue, "implement", "was stopped")
    gate.open()
    finding = {"severity": "serious", "place": "T1", "problem": "The hint is in no task.", "suggestion": "Say so."}
    answer = {"finding": "F1", "verdict": "taken", "text": "T1 does both."}
    tester.author_says(
        plan=[[submit_plan("Saturate, and say so", answers=[answer])]], plan_critique=[[submit_plan_critique(finding)]]
    )
    tester.say(issue, "/retry say so in the documentation")
    tester.wait_for_status(issue, "implement", "is done", attempt=2)
    status = tester.status(issue, "implement", 2)
    assert (
        "] Saturate, and say so (AC-1)" in status and "questioned 1 point of the plan before you: all taken" in status
    )
    told = tester.told_the_model()
    assert "# What is held against the plan" in told and "The hint is in no task." in told
    # The tests were shown red in the earlier run, and are not written again.
    assert (tester.turns("tests"), tester.turns("plan")) == (1, 2)


def test_a_second_reader_who_comes_to_no_end_holds_nothing_up(tester: Tester) -> None:
    tester.author_says(plan_critique=[[bash("true")]])
    issue = tester.with_rfc()
    tester.implement(issue)
    assert "second reader" not in tester.status(issue, "implement")
    assert tester.turns("plan_critique") == 6


def test_a_wish_that_nobody_understands_is_asked_about_and_the_answers_lead_to_an_rfc(tester: Tester) -> None:
    def design_once_answered(request: Request) -> Sequence[Block]:
        is_answered = "questions that you asked" in str(request["messages"][0])
        return [submit_rfc() if is_answered else submit_questions("Saturate or fail?")]

    tester.author_says(rfc=[design_once_answered])
    issue = tester.file_issue("Doubling", "")
    tester.label(issue)
    tester.wait_for_status(issue, "rfc", "waits for your answers")
    assert [label.name for label in issue.labels] == ["rfc-needed"] and tester.rfc(issue) == ""
    (asked,) = [body for body in tester.bot_comments(issue) if "1. Saturate or fail?" in body]
    assert "`double` is all there is." in asked
    tester.say(issue, "/rfc Saturate, please.")
    tester.wait_for_status(issue, "rfc", "is done", attempt=2)
    assert "<sub>Version 1 " in tester.rfc(issue) and "Saturate, please." in tester.told_the_model()
    assert [label.name for label in issue.labels] == ["rfc-in-review"]
