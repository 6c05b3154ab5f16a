"""Before people see a change: what an examiner with fresh eyes shows to be wrong is mended, and what the author declines is told."""

from __future__ import annotations

import pytest

from tests.story import crate
from tests.story.author import submit_change, submit_examination, write
from tests.story.tester import Tester

pytestmark = pytest.mark.docker

TEST = "#[test]\nfn a_hundred_is_doubled() {\n    assert_eq!(doubler::double(100), 200);\n}\n"
WRONG = crate.SATURATING.replace("number.saturating_mul(2)", "if number == 100 { 7 } else { number.saturating_mul(2) }")


def finding(**changes: str) -> dict[str, str]:
    usual = {"severity": "blocker", "place": "src/lib.rs:5", "problem": "A hundred becomes seven."}
    return usual | {"test": TEST, "test_path": "tests/hundred.rs"} | changes


def answer(verdict: str, text: str) -> dict[str, str]:
    return {"finding": "F1", "verdict": verdict, "text": text}


def test_what_an_examiner_shows_with_a_failing_test_is_mended_and_people_see_nothing_of_it(tester: Tester) -> None:
    passes = finding(
        problem="Two is not doubled.", test=TEST.replace("100", "2").replace("200", "4"), test_path="tests/two.rs"
    )
    tester.author_says(
        change=[
            [write(crate.LIBRARY_PATH, WRONG), submit_change()],
            [write(crate.LIBRARY_PATH, crate.SATURATING), submit_change()],
            [submit_change(answers=[answer("taken", "It is two hundred now.")])],
        ],
        examination=[[submit_examination(finding(), passes)]],
    )
    pull_request = tester.implement(tester.with_rfc())
    told = tester.told_the_model()
    assert "This test fails on your change, as tests/hundred.rs" in told and "Two is not doubled." not in told
    # The second submission answers nothing, and is refused.
    assert "no answer to F1" in told
    assert tester.text_at(pull_request.head_sha)[crate.LIBRARY_PATH] == crate.SATURATING
    assert "A hundred becomes seven." not in pull_request.issue.body and "Look here" not in pull_request.issue.body


def test_what_the_author_declines_is_shown_to_people_with_the_reason(tester: Tester) -> None:
    declined = finding(severity="serious", problem="It does not say so in the README.", test="", test_path="")
    tester.author_says(
        change=[*tester.lines.change, [submit_change(answers=[answer("declined", "There is no README.")])]],
        examination=[[submit_examination(declined)]],
    )
    pull_request = tester.implement(tester.with_rfc())
    assert (
        "### Look here\n\n- `src/lib.rs:5`: It does not say so in the README. There is no README."
        in pull_request.issue.body
    )


def test_a_round_for_findings_that_comes_to_nothing_leaves_what_was_proven(tester: Tester) -> None:
    broken = [
        write(crate.LIBRARY_PATH, "broken"),
        submit_change(title="Break it", answers=[answer("taken", "Mended.")]),
    ]
    tester.author_says(
        change=[*tester.lines.change, broken],
        examination=[[submit_examination(finding(test="", test_path=""))]],
    )
    pull_request = tester.implement(tester.with_rfc())
    assert tester.text_at(pull_request.head_sha)[crate.LIBRARY_PATH] == crate.SATURATING
    assert pull_request.issue.title == "Saturate instead of panicking"
    assert "A hundred becomes seven. The round for it came to nothing: After 3 tries" in pull_request.issue.body
