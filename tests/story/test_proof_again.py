"""The archive of a run's evidence: handed out, run again from a clone, and found out where it was forged."""

from __future__ import annotations

import os
import re
import urllib.request
from dataclasses import replace

import pytest

from bot import evidence, verification
from bot.domain import RedKind
from bot.evidence import RED_LOCK, Archive, Facts, RedTest
from bot.settings import load_sandbox_settings
from simulator.github.state import PullRequest
from simulator.messages.brain import call
from tests.story import crate
from tests.story.author import submit_review, write
from tests.story.tester import Tester

pytestmark = pytest.mark.docker

NEW_TEST = "tests/doubling.rs::the_largest_number_stays"


def told_in(pull_request: PullRequest) -> str:
    """The digest that the pull request names."""
    found = re.search(r"flask --app app verify ([0-9a-f]{64})", pull_request.issue.body)
    assert found, pull_request.issue.body
    return found[1]


def run_again(tester: Tester, archive: Archive) -> tuple[evidence.Row, ...]:
    clone = verification.local_source(tester.repository.git.path)
    return verification.verify(archive, clone, load_sandbox_settings(os.environ))


def forged(facts: Facts) -> Facts:
    """A new test is hidden, another invented, a check that failed is told to have passed, and one was left out at last."""
    hidden = (RedTest("tests/doubling.rs::two_is_doubled", RedKind.ASSERTION),)
    red = replace(facts.red, checks=facts.base.checks[-1:])
    return replace(facts, red_tests=hidden, red=red, final=replace(facts.final, checks=facts.final.checks[-1:]))


def test_the_evidence_of_a_change_is_run_again_and_a_forged_one_is_found_out(tester: Tester) -> None:
    tester.has_files({"Cargo.lock": None, ".gitignore": "/target\nCargo.lock\n"})
    pull_request = tester.implement(tester.with_rfc())
    told = told_in(pull_request)
    assert told in tester.repository.check_runs[0].output["summary"]
    with urllib.request.urlopen(f"{tester.world.bot.url}/evidence/{told}") as answer:
        content = answer.read()
    assert evidence.digest_of(content) == told
    assert not tester.world.leaks("the evidence", content) and str(tester.world.home).encode() not in content

    archive = evidence.read(content)
    assert archive.facts.head_commit == pull_request.head_sha and RED_LOCK in archive.files
    rows = run_again(tester, archive)
    assert evidence.holds(rows), evidence.table(rows)

    lying = replace(archive, facts=forged(archive.facts))
    table = evidence.table(run_again(tester, evidence.read(evidence.build(lying))))
    assert f"{NEW_TEST} is red here (assertion), and the archive does not name it" in table
    assert "tests/doubling.rs::two_is_doubled: red there (assertion), not red here" in table
    assert "2 passed, 0 failed" not in table and "exit 0, 1 passed, 0 failed, 0 ignored there, exit 101" in table
    assert "`cargo check --workspace --all-targets` is required, and was not run" in table
    assert table.endswith("It does not hold: 4 differ.")

    other_source = archive.files[evidence.FINAL_PATCH].replace(b"saturating_mul(2)", b"wrapping_mul(2)")
    changed = replace(archive, files={**archive.files, evidence.FINAL_PATCH: other_source})
    table = evidence.table(run_again(tester, changed))
    assert f"differs  {evidence.FINAL_PATCH} gives the final tree" in table
    assert f"{NEW_TEST} does not pass here" in table
    assert crate.SATURATING.encode() not in other_source


MACRO = """\
macro_rules! doubles {
    ($($name:ident: $number:expr => $result:expr;)*) => {
        $(
            #[test]
            fn $name() {
                assert_eq!(doubler::double($number), $result);
            }
        )*
    };
}

doubles! {
    two_is_doubled: 2 => 4;
    two_hundred: 200 => 144;
}
"""


def test_tests_that_a_macro_makes_are_proven_like_any_other(tester: Tester) -> None:
    tester.has_files({crate.TESTS_PATH: MACRO})
    after = MACRO.replace("144", "u8::MAX").replace(
        "u8::MAX;\n", "u8::MAX;\n    the_largest_number_stays: u8::MAX => u8::MAX;\n"
    )
    named = [{"name": name, "criteria": ["AC-1"]} for name in ("the_largest_number_stays", "two_hundred")]
    tester.author_says(tests=[[write(crate.TESTS_PATH, after), call("submit_tests", tests=named, notes="")]])
    pull_request = tester.implement(tester.with_rfc())
    body = pull_request.issue.body
    assert "| `tests/doubling.rs::two_hundred` | 🔴 failed | 🟢 passes |" in body
    assert f"| `{NEW_TEST}` | 🔴 failed | 🟢 passes |" in body
    assert "not proven" not in body
    assert "- `tests/doubling.rs::two_hundred`: was changed after it had been accepted." in body
    status, said = tester.world.bot.verify(told_in(pull_request))
    assert status == 0 and "same     2 new tests are red without the change" in said, said


def test_after_a_review_the_newest_evidence_of_a_pull_request_holds_until_somebody_pushes(tester: Tester) -> None:
    pull_request = tester.implement(tester.with_rfc())
    first = told_in(pull_request)
    tripled = (
        crate.REWORDED + "\n/// Three times.\npub fn triple(number: u8) -> u8 {\n    number.saturating_mul(3)\n}\n"
    )
    test = "#[test]\nfn three_times() {\n    assert_eq!(doubler::triple(2), 6);\n}\n"
    renamed = crate.TESTS.replace("the_largest_number_stays", "no_number_is_too_large")
    writes = [write(crate.LIBRARY_PATH, tripled), write("tests/tripling.rs", test), write(crate.TESTS_PATH, renamed)]
    tester.author_says(review=[[*writes, submit_review()]])
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number, and triple as well.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert told_in(pull_request) != first
    name = f"{tester.repository.full_name}#{pull_request.issue.number}"
    status, said = tester.world.bot.verify(name)
    assert (status, "differs" in said) == (0, False), said
    assert f"evidence {told_in(pull_request)} of {tester.repository.full_name}" in said
    assert "same     the pull request stands at that commit" in said
    assert "same     round-1-tests.patch gives that with its tests" in said
    assert "same     1 tests of review 1 are red without it" in said
    assert f"{NEW_TEST} is not in the final tree" in said

    with tester.github.world.lock:
        tester.town.changes.push_files(
            tester.repository, tester.town.maintainer, pull_request.head, {"NOTES": "mine"}, "By hand"
        )
    status, said = tester.world.bot.verify(name)
    assert (status, said.count("differs")) == (1, 1), said
    assert "differs  the pull request stands at that commit" in said
