"""Mutants of a change that was not the last word: planted again after an examiner's findings, and after a review."""

from __future__ import annotations

import pytest

from simulator.messages.brain import call
from tests.story import crate
from tests.story.author import answer_every_thread, check, submit_change, submit_examination, write
from tests.story.tester import Tester

pytestmark = pytest.mark.docker

CLAMPED = crate.SATURATING.replace("number.saturating_mul(2)", "if number > 127 { u8::MAX } else { number * 2 }")
TRIPLED = CLAMPED.replace(
    "/// Twice",
    "/// Three times `number`.\npub fn triple(number: u8) -> u8 {\n    number.saturating_mul(3)\n}\n\n/// Twice",
)
TEST = "#[test]\nfn three_times() {\n    assert_ne!(doubler::triple(2), 0);\n}\n"


def test_mistakes_are_planted_again_after_an_examiners_findings_and_after_a_review(tester: Tester) -> None:
    tester.has_files({".github/rfcsmith.toml": "mutants_minutes = 3\n"})
    finding = {"severity": "serious", "place": "src/lib.rs:5", "problem": "It hides the number.", "test": ""}
    taken = {"finding": "F1", "verdict": "taken", "text": "It names it now."}
    tester.author_says(
        change=[
            [write(crate.LIBRARY_PATH, crate.SATURATING), call("plan", task="T1", state="done"), submit_change()],
            [write(crate.LIBRARY_PATH, CLAMPED), submit_change(answers=[taken])],
        ],
        examination=[[submit_examination(finding)]],
        review=[[write(crate.LIBRARY_PATH, TRIPLED), write("tests/tripling.rs", TEST), check()], answer_every_thread],
    )
    pull_request = tester.implement(tester.with_rfc())
    body = pull_request.issue.body
    assert "### Do the tests notice mistakes?" in body
    assert "- `src/lib.rs:5 in double`: `replace > with >=`. No reason was given." in body
    assert "Tried before" not in body, "they were planted into what is published"
    assert tester.turns("build") == 2, "nobody is asked about what survived then"

    gate = tester.hold("review")
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please triple as well.")
    gate.wait_until_reached()
    tester.push(pull_request.head, {"NOTES": "read me"})
    gate.open()
    tester.wait_for_status(pull_request.issue, "review", "is done")
    body = pull_request.issue.body
    assert "- `src/lib.rs:10 in double`: `replace > with >=`. No reason was given." in body, "at its new line"
    assert "- `src/lib.rs:5 in triple`: `replace triple -> u8 with 1`. No reason was given." in body
    assert "In what the last review round did not touch, they were tried before it." in body
    assert "Tried before somebody pushed; what they changed was not in it." in body
