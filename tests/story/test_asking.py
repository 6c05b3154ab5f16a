"""What people may say, and what they hear: commands, near misses, edits, and everything that is none of the bot's business."""

from __future__ import annotations

import pytest

from simulator.github.state import Issue
from simulator.town import MAINTAINER, READER
from tests.story.tester import TRIAGER, WRITER, Tester
from tests.story.world import wait_for

pytestmark = pytest.mark.docker


@pytest.fixture
def issue(tester: Tester) -> Issue:
    return tester.file_issue()


def test_a_reader_may_ask_for_help(tester: Tester, issue: Issue) -> None:
    answer = tester.answer(tester.say(issue, "/help", READER))
    assert all(f"`/{verb}" in answer for verb in ("rfc", "implement", "stop", "status", "help"))


def test_a_reader_may_ask_how_things_stand(tester: Tester, issue: Issue) -> None:
    assert tester.answer(tester.say(issue, "/status", READER)) == "Nothing is running here."


def test_a_reader_is_told_in_one_sentence_that_an_rfc_needs_triage(tester: Tester, issue: Issue) -> None:
    answer = tester.answer(tester.say(issue, "/rfc", READER))
    assert answer == "@jonas Thank you, but `/rfc` needs triage permission in this repository."


def test_a_triager_is_told_that_implementing_needs_write(tester: Tester, issue: Issue) -> None:
    answer = tester.answer(tester.say(issue, "/implement", TRIAGER))
    assert answer == "@tilda Thank you, but `/implement` needs write permission in this repository."


def test_a_near_miss_by_someone_who_may_is_told_the_nearest_command(tester: Tester, issue: Issue) -> None:
    answer = tester.answer(tester.say(issue, "/implment", WRITER))
    assert "`/implment`" in answer and "Did you mean `/implement`?" in answer


def test_a_near_miss_by_a_reader_is_passed_over(tester: Tester, issue: Issue) -> None:
    tester.mutter(issue, "/implment", READER)


def test_an_unknown_word_after_the_mention_is_answered_with_a_hint(tester: Tester, issue: Issue) -> None:
    answer = tester.answer(tester.say(issue, "@rfcsmith dance"))
    assert "`dance`" in answer and "`@rfcsmith help`" in answer


def test_a_mention_with_a_verb_is_a_command(tester: Tester, issue: Issue) -> None:
    assert "Nothing is running" in tester.answer(tester.say(issue, "@rfcsmith status"))


def test_two_commands_in_a_comment_get_two_answers(tester: Tester, issue: Issue) -> None:
    comment = tester.say(issue, "/status\n/stop")
    assert tester.answer(comment, 0) == "Nothing is running here."
    assert "nothing to stop" in tester.answer(comment, 1)


@pytest.mark.parametrize(
    "body",
    ["```\n/help\n```", "> /help", "    /help", "see `/help`", "I like /help", "<!--\n/help\n-->"],
    ids=["fence", "quotation", "indented", "code", "middle", "hidden"],
)
def test_a_command_that_is_not_plain_text_is_passed_over(tester: Tester, issue: Issue, body: str) -> None:
    tester.mutter(issue, body)


def test_the_commands_of_others_are_passed_over(tester: Tester, issue: Issue) -> None:
    tester.mutter(issue, "/cc @walt\n/lgtm")


def test_a_command_that_its_author_adds_to_a_comment_runs_once(tester: Tester, issue: Issue) -> None:
    comment = tester.mutter(issue, "How is it going?")
    tester.edit(comment, "How is it going?\n/status", MAINTAINER)
    assert tester.answer(comment) == "Nothing is running here."
    tester.edit(comment, "How is it going today?\n/status", MAINTAINER)
    tester.world.wait_until_quiet()
    assert len(tester.bot_comments(issue)) == 1


def test_a_command_that_somebody_else_puts_into_a_comment_is_passed_over(tester: Tester, issue: Issue) -> None:
    comment = tester.mutter(issue, "How is it going?", READER)
    tester.edit(comment, "/status", MAINTAINER)


def test_what_the_bot_itself_says_starts_nothing(tester: Tester, issue: Issue) -> None:
    tester.mutter(issue, "/help", tester.town.bot.login)


def test_implementing_needs_an_rfc_first(tester: Tester, issue: Issue) -> None:
    assert "no RFC here to build yet" in tester.answer(tester.say(issue, "/implement"))


def test_stopping_says_so_where_nothing_runs(tester: Tester, issue: Issue) -> None:
    assert "nothing to stop" in tester.answer(tester.say(issue, "/stop"))


def test_nothing_is_started_on_a_closed_issue(tester: Tester, issue: Issue) -> None:
    tester.close(issue)
    assert "This issue is closed." in tester.answer(tester.say(issue, "/rfc"))
    assert tester.runs() == []


def test_nothing_happens_on_somebody_elses_pull_request(tester: Tester) -> None:
    tester.mutter(tester.foreign_pull_request().issue, "/implement")


def test_an_owner_who_is_not_listed_is_passed_over(tester: Tester) -> None:
    tester.move_to("strangers")
    issue = tester.file_issue()
    tester.mutter(issue, "/help")
    tester.label(issue)
    tester.world.wait_until_quiet()
    assert tester.runs() == [] and tester.bot_comments(issue) == []


def test_a_label_by_a_person_without_the_right_is_refused(tester: Tester, issue: Issue) -> None:
    tester.label(issue, who=READER)
    wait_for("a refusal", lambda: "`/rfc` needs triage" in "".join(tester.bot_comments(issue)))
    assert tester.runs() == []


def test_other_labels_are_passed_over(tester: Tester, issue: Issue) -> None:
    tester.label(issue, "bug")
    tester.world.wait_until_quiet()
    assert tester.bot_comments(issue) == [] and tester.runs() == []
