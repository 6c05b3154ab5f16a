"""Deliveries come twice, late and in any order: each has one effect."""

from __future__ import annotations

import pytest

from simulator.github.webhooks import Delivery
from simulator.town import MAINTAINER
from tests.story import crate
from tests.story.author import answer_every_thread, check, write
from tests.story.tester import WRITER, Tester
from tests.story.world import FRIENDS

pytestmark = pytest.mark.docker


def test_the_same_delivery_five_times_and_once_more_after_the_end_has_one_effect(tester: Tester) -> None:
    tester.github.deliveries.hook.duplicate = 4
    issue = tester.with_rfc()
    tester.say(issue, "/status")
    tester.world.wait_until_quiet()
    before = tester.bot_comments(issue)
    tester.redeliver_everything()
    tester.world.wait_until_quiet()
    assert tester.bot_comments(issue) == before and len(before) == 3
    assert len(tester.runs()) == 1


def test_deliveries_in_any_order_and_twice_have_the_effect_of_each_once(tester: Tester) -> None:
    tester.github.deliveries.hook.duplicate, tester.github.deliveries.hook.reorder = 1, True
    issues = [tester.file_issue() for _ in range(3)]
    comments = [tester.say(issue, command) for issue in issues for command in ("/status", "/help")]
    assert all(tester.answer(comment) for comment in comments)


def test_a_delivery_with_a_wrong_signature_has_no_effect_until_it_comes_with_the_right_one(tester: Tester) -> None:
    tester.github.deliveries.hook.bad_signature = 2
    comment = tester.say(tester.file_issue(), "/help")
    tester.github.wait_for_deliveries()
    assert [each.status_code for each in tester.github.deliveries.log[-2:]] == [401, 401]
    assert tester.bot_comments(comment.issue) == []
    tester.redeliver_everything()
    assert "/implement" in tester.answer(comment)


def test_a_late_delivery_after_the_app_was_taken_away_is_noted_and_no_more(tester: Tester) -> None:
    tester.move_to(FRIENDS)
    tester.github.wait_for_deliveries()
    tester.github.deliveries.hook.drop = 2
    tester.mutter(tester.file_issue(), "/help")
    tester.uninstall()
    tester.redeliver_everything()
    tester.world.wait_until_quiet()
    assert "The App is not installed there any more." in tester.log()


def test_a_delivery_that_was_lost_can_be_delivered_again(tester: Tester) -> None:
    tester.github.deliveries.hook.drop = 2
    comment = tester.say(tester.file_issue(), "/help")
    tester.redeliver_everything()
    assert "/implement" in tester.answer(comment)


# --- reviews ---------------------------------------------------------------------------------------------------------


def _told(tester: Tester, name: str, who: str) -> list[Delivery]:
    """What GitHub told, or would have told, of what somebody did in this repository."""
    log = [each for each in tester.github.deliveries.log if each.event.repository is tester.repository]
    return [each for each in log if each.event.name == name and each.event.payload["sender"]["login"] == who]


def test_remarks_before_their_review_each_twice_and_a_review_an_hour_late_are_answered_once(tester: Tester) -> None:
    tester.author_says(review=[[write(crate.LIBRARY_PATH, crate.REWORDED), check()], answer_every_thread])
    pull_request = tester.implement(tester.with_rfc())
    tester.world.wait_until_quiet()
    before, hook, changes = pull_request.head_sha, tester.github.deliveries.hook, tester.town.changes
    remark = {"path": crate.LIBRARY_PATH, "line": 3, "side": "RIGHT"}
    hook.drop = 1_000
    with tester.github.world.lock:
        theirs = [{**remark, "body": "Please name the number."}, {**remark, "body": "And say what saturates."}]
        maintainer, writer = tester.person(MAINTAINER), tester.person(WRITER)
        changes.review(pull_request, maintainer, event="REQUEST_CHANGES", body="Two remarks.", comments=theirs)
        late = [{**remark, "body": "Is this tested?"}]
        changes.review(pull_request, writer, event="COMMENT", body="One question.", comments=late)
    tester.github.wait_for_deliveries()
    hook.drop = 0
    for name in ("pull_request_review_comment", "pull_request_review"):
        for delivery in _told(tester, name, MAINTAINER) * 2:
            tester.github.deliveries.redeliver(delivery)
    tester.wait_for_status(pull_request.issue, "review", "is done")
    tester.world.wait_until_quiet()
    for name in ("pull_request_review_comment", "pull_request_review"):
        for delivery in _told(tester, name, WRITER):
            tester.github.deliveries.redeliver(delivery)
    tester.world.wait_until_quiet()
    own = tester.town.bot
    with tester.github.world.lock:
        answers = [sum(each.author is own for each in thread.comments) for thread in pull_request.threads]
    assert answers == [1, 1, 1]
    assert [run.kind for run in tester.runs()].count("review") == 1
    assert tester.repository.git.commit(pull_request.head_sha).parents == (before,)
