"""The whole road, once: label, RFC, a second version, implementation, pull request, review, updated pull request."""

from __future__ import annotations

import pytest

from simulator.town import MAINTAINER
from tests.story import crate
from tests.story.author import check, submit_change, submit_review, write
from tests.story.tester import Tester

pytestmark = pytest.mark.docker


def test_a_labelled_issue_gets_an_rfc_and_a_request_makes_version_2_in_the_same_comment(tester: Tester) -> None:
    issue = tester.with_rfc()
    assert "<sub>Version 1 " in tester.rfc(issue)
    assert "[`src/lib.rs:5`](http://" in tester.rfc(issue)
    assert [label.name for label in issue.labels] == ["rfc-in-review"]
    tester.say(issue, "/rfc more detail, please")
    tester.wait_for_status(issue, "rfc", "Version 2", attempt=2)
    assert "<sub>Version 2 " in tester.rfc(issue) and "needs no branch" in tester.rfc(issue)


def test_the_pull_request_holds_the_tests_and_then_the_change(tester: Tester) -> None:
    form = (
        "<!-- Thank you! -->\n## What\n\n## Issue\n\nFixes #\n\n## Checklist\n- [ ] tests added\n- [ ] read by my cat\n"
    )
    tester.has_files({crate.CI_PATH: crate.STRICT_CI, ".github/pull_request_template.md": form, "DCO": "1.1\n"})
    tester.author_says(change=[[write(crate.LIBRARY_PATH, crate.SATURATING), check()], [submit_change()]])
    pull_request = tester.implement(tester.with_rfc())
    tests, change = tester.town.commits(pull_request)
    assert tester.is_verified(tests) and tester.is_verified(change)
    assert tester.text_at(tests)[crate.LIBRARY_PATH] == crate.LIBRARY
    assert tester.text_at(tests)[crate.TESTS_PATH] == crate.TESTS
    assert tester.text_at(change)[crate.LIBRARY_PATH] == crate.SATURATING
    body = pull_request.issue.body
    assert "## Issue\n\nCloses #1.\n\n## Checklist\n\n- [x] tests added\n- [ ] read by my cat\n" in body
    assert "Thank you" not in body
    assert "asks for a sign-off (DCO)" in body and "cargo clippy" in body
    assert "### Contract\n\nNo public item, dependency or feature differs" in body
    assert (
        "| **AC-1** | `double(u8::MAX)` is `u8::MAX`. | `tests/doubling.rs::the_largest_number_stays` | 🔴 failed | 🟢 passes |"
        in body
    )
    assert "There is an open pull request for this already" in tester.answer(
        tester.say(pull_request.issue, "/implement")
    )
    (check_run,) = tester.repository.check_runs
    assert (check_run.conclusion, check_run.suite.head_sha) == ("success", change)


def test_a_review_is_answered_with_a_commit_and_a_request_to_look_again(tester: Tester) -> None:
    tester.has_files({"Cargo.lock": None, ".gitignore": "/target\nCargo.lock\n"})
    extended = crate.REWORDED + "\npub fn halve(number: u8) -> u8 {\n    number / 2\n}\n"
    tester.author_says(review=[[write(crate.LIBRARY_PATH, extended), check()], [submit_review()]])
    pull_request = tester.implement(tester.with_rfc())
    tester.edit_pull_request(pull_request, f"Mara: mind the overflow.\n\n{pull_request.issue.body}")
    before = pull_request.issue.body
    thread = tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert [comment.body.startswith("Done in ") for comment in thread.comments] == [False, True]
    assert len(tester.town.commits(pull_request)) == 3
    head = tester.text_at(pull_request.head_sha)
    assert head[crate.LIBRARY_PATH] == extended and "Cargo.lock" not in head
    assert [person.login for person in pull_request.requested_reviewers] == [MAINTAINER]
    # What the bot says there is about the whole change again; what Mara says stays.
    after = pull_request.issue.body
    assert after != before and after.startswith("Mara: mind the overflow.\n\n<!-- rfcsmith begins -->")
    assert after.count("### Every promise and its proof") == 1 and "🔴 failed" in after
    assert "`doubler` **minor**, `0.1.0` → `0.1.1`" in after
    assert "| public API | added `fn halve(number: u8) -> u8` (`src/lib.rs:8`) | minor |" in after

    tester.author_says(review=[[submit_review("question")]])
    question = tester.review(pull_request, crate.LIBRARY_PATH, 3, "Why not an Option?")
    tester.wait_for_status(pull_request.issue, "review", "Nothing had to change", attempt=2)
    assert question.comments[-1].body.startswith("It names the number now.")
    assert len(tester.town.commits(pull_request)) == 3


def test_the_report_counts_what_a_run_took(tester: Tester) -> None:
    tester.with_rfc()
    report = tester.world.bot.report()
    (run,) = [run for run in report["runs"] if run["repository"] == tester.repository.full_name]
    assert report["unfinished"] == 0 and run["stage"] == "done"
    assert run["turns"] == run["tool_calls"] == 2 and run["tokens"]["output"] > 0
    assert 0 < run["command_seconds"] + run["model_seconds"] + run["overhead_seconds"] <= run["seconds"] + 0.01
