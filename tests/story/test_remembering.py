"""`/remember`: a rule becomes a commit that people can review, and without it nobody touches the rules of the house."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from simulator.github.state import PullRequest
from simulator.messages.brain import Block, Request
from simulator.town import READER
from tests.story import crate
from tests.story.author import answer_every_thread, bash, call, submit_change, submit_tests, write
from tests.story.tester import Tester

pytestmark = pytest.mark.docker

RULE = "Doubling never panics: it saturates."
RULES = f"# For whoever works here\n\n- {RULE}\n"


def _submit() -> Block:
    return call("submit_review", summary="The rule stands in AGENTS.md.", answers=[])


def _touched(tester: Tester, pull_request: PullRequest) -> list[str]:
    """The paths that the head differs in from its parent."""
    head = tester.repository.git.commit(pull_request.head_sha)
    return [file.path for file in tester.repository.git.files(head.parents[0], head.sha)]


def test_a_rule_becomes_a_commit_of_agents_md_and_of_nothing_else(tester: Tester) -> None:
    tester.author_says(
        tests=[
            [write(crate.TESTS_PATH, crate.TESTS), write("AGENTS.md", RULES), submit_tests()],
            [bash("rm AGENTS.md"), submit_tests()],
        ],
        change=[
            [write(crate.LIBRARY_PATH, crate.SATURATING), write("CLAUDE.md", RULES), submit_change()],
            [bash("rm CLAUDE.md"), submit_change()],
        ],
        review=[
            [write("AGENTS.md", RULES), write(crate.LIBRARY_PATH, crate.REWORDED), _submit()],
            [write(crate.LIBRARY_PATH, crate.SATURATING), _submit()],
        ],
    )
    issue = tester.with_rfc()
    assert "A rule goes into an open pull request of mine" in tester.answer(tester.say(issue, f"/remember {RULE}"))
    pull_request = tester.implement(issue)
    assert "CLAUDE.md" not in tester.text_at(pull_request.head_sha)
    assert "nobody asked you to change them:\n- CLAUDE.md" in tester.told_the_model()
    assert "nobody asked you to change them:\n- AGENTS.md" in tester.told_the_model()
    assert "needs write permission" in tester.answer(tester.say(pull_request.issue, f"/remember {RULE}", READER))
    assert "Which rule?" in tester.answer(tester.say(pull_request.issue, "/remember"))
    before = pull_request.head_sha
    tester.say(pull_request.issue, f"/remember {RULE}")
    said = tester.wait_for_status(pull_request.issue, "review", "is done")
    assert f"The rule stands in AGENTS.md.\n\nPushed as {pull_request.head_sha[:12]}." in said
    assert "only to write rules into `AGENTS.md`, but these files differ:\n- src/lib.rs" in tester.told_the_model()
    assert tester.repository.git.commit(pull_request.head_sha).parents == (before,)
    assert _touched(tester, pull_request) == ["AGENTS.md"]
    assert tester.text_at(pull_request.head_sha)["AGENTS.md"] == RULES
    assert tester.headlines(pull_request)[-1] == "Write a rule down"


def test_what_a_thread_taught_is_written_down_and_answered_there_with_the_commit(tester: Tester) -> None:
    def answer(request: Request) -> Sequence[Block]:
        brief = str(request["messages"])
        if "What is to be remembered" in brief:
            return [write("AGENTS.md", RULES), *answer_every_thread(request)]
        if "nobody asked you to change them" in brief:
            return [bash("rm AGENTS.md"), *answer_every_thread(request)]
        return [write(crate.LIBRARY_PATH, crate.REWORDED), write("AGENTS.md", RULES), *answer_every_thread(request)]

    tester.author_says(review=[answer])
    pull_request = tester.implement(tester.with_rfc())
    thread = tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number; we always do.")
    tester.wait_for_status(pull_request.issue, "review", "is done")
    assert _touched(tester, pull_request) == [crate.LIBRARY_PATH]
    with tester.github.world.lock:
        tester.town.changes.reply(thread, tester.town.maintainer, "/remember")
    tester.wait_for_status(pull_request.issue, "review", "is done", attempt=2)
    tester.world.wait_until_quiet()
    assert [run.kind for run in tester.runs()].count("review") == 2
    assert _touched(tester, pull_request) == ["AGENTS.md"]
    with tester.github.world.lock:
        answers = [comment.body for comment in thread.comments if comment.author is tester.town.bot]
    assert len(answers) == 2 and f"Done in {pull_request.head_sha[:12]}." in answers[-1]
    assert "that taught rule 1, remark 1" in tester.told_the_model()
