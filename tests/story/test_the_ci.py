"""The repository's own CI and the bot's pull request: when it is ready, and what becomes of a red one."""

from __future__ import annotations

import pytest

from tests.story import crate
from tests.story.author import submit_change, submit_mend, write
from tests.story.world import wait_for

pytestmark = pytest.mark.docker

COMMAND = "cargo doc --no-deps"
LOG = f"""\
2026-11-27T07:00:00.1234567Z ##[group]Run {COMMAND}
2026-11-27T07:00:00.1234567Z \x1b[36;1m{COMMAND}\x1b[0m
2026-11-27T07:00:00.1234567Z shell: /usr/bin/bash -e {{0}}
2026-11-27T07:00:00.1234567Z env:
2026-11-27T07:00:00.1234567Z   RUSTDOCFLAGS: -D warnings
2026-11-27T07:00:00.1234567Z ##[endgroup]
2026-11-27T07:00:01.1234567Z  Documenting doubler v0.1.0
2026-11-27T07:00:02.1234567Z \x1b[1m\x1b[91merror\x1b[0m: unresolved link to `nothing::at_all`
2026-11-27T07:00:02.1234567Z error: could not compile `doubler` (doc)
2026-11-27T07:00:02.1234567Z ##[error]Process completed with exit code 101.
"""


def test_a_red_job_is_mended_its_command_learned_and_the_draft_ready_when_all_is_green(make_tester) -> None:
    tester = make_tester(RFCSMITH_CI_PATIENCE="10")
    tester.requires("docs")
    tester.author_says(change=[[write(crate.LIBRARY_PATH, crate.DEAD_LINK), submit_change()]])
    issue = tester.with_rfc()
    pull_request = tester.implement(issue)
    assert "a draft until CI is green" in tester.status(issue, "implement")
    before = pull_request.head_sha
    run = tester.ci_start(pull_request, "docs", "slow")
    tester.world.wait_until_quiet()
    assert pull_request.draft and not pull_request.requested_reviewers
    tester.ci_finish(run, LOG, docs="failure", slow="success")
    said = tester.wait_for_status(pull_request.issue, "ci", "is done")
    for part in (
        "error: unresolved link",
        "I had not found this command",
        f"`{COMMAND}`",
        "The link leads nowhere.",
        "Pushed as",
    ):
        assert part in said
    told = tester.told_the_model()
    assert "What failed on the head of pull request" in told and "unresolved link to `nothing::at_all`" in told
    assert tester.headlines(pull_request)[-1] == "Mend CI: a dead link in the docs"
    assert tester.repository.git.is_ancestor(before, pull_request.head_sha)
    assert tester.text_at(pull_request.head_sha)[crate.LIBRARY_PATH] == crate.SATURATING
    assert f"`{COMMAND}` (learned from CI)" in pull_request.issue.body
    (learned,) = tester.world.store.learned_checks(tester.repository.id)
    assert (learned.command, learned.env) == (COMMAND, (("RUSTDOCFLAGS", "-D warnings"),))
    assert pull_request.draft
    tester.ci_finish(tester.ci_start(pull_request, "docs", "slow"), docs="success", slow="failure")
    wait_for("the draft is marked ready", lambda: not pull_request.draft)
    assert [person.login for person in pull_request.requested_reviewers] == ["mara"]
    tester.world.wait_until_quiet()
    assert [run.kind for run in tester.runs()] == ["rfc", "implement", "ci"]
    status, said = tester.world.bot.verify(f"{tester.repository.full_name}#{pull_request.issue.number}")
    assert status == 0 and "final tree: 3 checks" in said, said


def test_whoever_mends_ci_may_not_drop_a_test_that_proves_the_change(make_tester) -> None:
    tester = make_tester(RFCSMITH_CI_PATIENCE="10")
    tester.requires("docs")
    without = write(crate.TESTS_PATH, crate.CRATE[crate.TESTS_PATH])
    tester.author_says(
        change=[[write(crate.LIBRARY_PATH, crate.DEAD_LINK), submit_change()]],
        mend=[
            [write(crate.LIBRARY_PATH, crate.SATURATING), without, submit_mend()],
            [write(crate.TESTS_PATH, crate.TESTS), submit_mend()],
        ],
    )
    pull_request = tester.implement(tester.with_rfc())
    tester.ci_finish(tester.ci_start(pull_request, "docs"), LOG, docs="failure")
    tester.wait_for_status(pull_request.issue, "ci", "is done")
    complaint = "These tests were red without the change and do not pass with it:"
    assert f"{complaint}\n- tests/doubling.rs::the_largest_number_stays" in tester.told_the_model()
    assert tester.text_at(pull_request.head_sha)[crate.TESTS_PATH] == crate.TESTS
