"""Deliveries come twice, late and in any order: each has one effect."""

from __future__ import annotations

import pytest

from tests.story.tester import Tester
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
