"""What stands for a criterion after rounds that rename, replace and take out tests."""

from __future__ import annotations

from bot.domain import RedKind, TakenOut
from workflows.steps.records import Added, Red
from workflows.steps.tracing import standing

RED = Red("tree", {"a": RedKind.TODO, "b": RedKind.ASSERTION}, {"a": ("AC-1",), "b": ()}, "")


def test_a_test_that_is_renamed_twice_stands_for_its_criterion_and_tells_the_name_that_was_red() -> None:
    found = standing(RED, [Added({}, renamed={"a2": "a"}), Added({}, renamed={"a3": "a2"})])
    assert found.kinds == {"b": RedKind.ASSERTION, "a3": RedKind.TODO}
    assert found.criteria["a3"] == ("AC-1",) and found.shown_as == {"a3": "a"}
    assert found.taken_out == []


def test_a_test_that_a_review_had_taken_out_is_told_under_the_name_that_was_red() -> None:
    found = standing(RED, [Added({}, renamed={"a2": "a"}), Added({}, dropped=("a2",))])
    assert found.kinds == {"b": RedKind.ASSERTION}
    assert found.taken_out == [TakenOut("a", RedKind.TODO, ("AC-1",), in_review=True)]


def test_a_name_that_comes_back_stands_for_nothing_that_was_shown_of_the_test_before_it() -> None:
    found = standing(RED, [Added({}, dropped=("a",)), Added({}, pinned=("a",))])
    assert "a" not in found.kinds and found.pinned == {"a": ()}


def test_tests_of_a_round_stand_for_the_criteria_that_its_author_names() -> None:
    added = Added({"c": RedKind.COMPILE}, ("d",), {"c": ("AC-2",), "d": ("AC-1",)})
    found = standing(RED, [added])
    assert found.criteria["c"] == ("AC-2",) and found.pinned == {"d": ("AC-1",)}
    assert standing(None, [added]).kinds == {"c": RedKind.COMPILE}
