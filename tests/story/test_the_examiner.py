"""Before people see a change: what an examiner with fresh eyes shows to be wrong is mended, and what the author declines is told."""

from __future__ import annotations

import pytest

from simulator.messages.brain import call
from tests.story import crate
from tests.story.author import answer_every_thread, bash, check, submit_change, submit_examination, write
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
        "### Look here\n\n- `src/lib.rs:5`: It does not say so in the README. *Its author answers:* There is no README."
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


def test_what_is_left_of_an_examiners_findings_stays_before_people_until_a_round_mends_it(tester: Tester) -> None:
    where, gone = finding(severity="serious", problem="It does not say so.", test="", test_path=""), "src/notes.rs"
    other = where | {"place": f"{gone}:1", "problem": "Nobody reads this."}
    declined = [answer("declined", "Who asks?"), answer("declined", "I do.") | {"finding": "F2"}]
    tester.author_says(
        change=[
            [write(crate.LIBRARY_PATH, crate.SATURATING), write(gone, "// Notes.\n"), submit_change()],
            [submit_change(answers=declined)],
        ],
        examination=[[submit_examination(where, other)]],
        review=[[write(crate.LIBRARY_PATH, crate.REWORDED), bash(f"rm {gone}"), check()], answer_every_thread],
    )
    pull_request = tester.implement(tester.with_rfc())
    assert f"- `{gone}:1`: Nobody reads this. *Its author answers:* I do." in pull_request.issue.body
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert "F1 (serious), src/lib.rs:5: It does not say so." in tester.told_the_model()
    body = pull_request.issue.body
    assert "### Look here\n\n- `src/lib.rs`: It does not say so. *Its author answers:* Who asks?\n" in body, (
        "its line may have moved"
    )
    assert "Nobody reads this." not in body, "its file is gone"

    mended = call(
        "submit_review",
        summary="It says so.",
        answers=[{"thread": "R1", "kind": "done", "text": "It says so."}],
        mended=["F1"],
    )
    tester.author_says(review=[[write(crate.LIBRARY_PATH, crate.SATURATING), mended]])
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please say so.")
    tester.wait_for_status(pull_request.issue, "review", "is done", attempt=2)
    assert "Look here" not in pull_request.issue.body


def test_what_a_test_has_shown_is_mended_when_that_test_passes_in_the_suite_and_not_when_somebody_says_so(
    tester: Tester,
) -> None:
    tester.author_says(
        change=[
            [write(crate.LIBRARY_PATH, WRONG), submit_change()],
            [submit_change(answers=[answer("declined", "Seven is lucky.")])],
        ],
        examination=[[submit_examination(finding())]],
    )
    pull_request = tester.implement(tester.with_rfc())
    line = "A hundred becomes seven. *Its author answers:* Seven is lucky."
    assert line in pull_request.issue.body

    mended = call(
        "submit_review",
        summary="Mended.",
        answers=[{"thread": "R1", "kind": "done", "text": "Mended."}],
        mended=["F1"],
    )
    tester.author_says(review=[[write(crate.LIBRARY_PATH, crate.SATURATING), mended]])
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Seven is not lucky.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert "This test showed it, as tests/hundred.rs" in tester.told_the_model()
    assert line in pull_request.issue.body, "nobody has seen the test pass"

    tester.author_says(review=[[write("tests/doubling_more.rs", TEST), check()], answer_every_thread])
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please test it.")
    tester.wait_for_status(pull_request.issue, "review", "is done", attempt=2)
    assert line not in pull_request.issue.body
