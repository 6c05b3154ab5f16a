"""What the report says of a played case, and when that is a good end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import outcome
from simulator.__main__ import main
from simulator.case import Case, Trees
from simulator.github.server import GitHubServer
from simulator.town import Town
from simulator.trees import EXECUTABLE, File

RUNS = [
    {
        "stages": {"prepare": 1.0, "build": 2.5},
        "turns": 3,
        "tool_calls": 4,
        "tokens": {"input": 10, "cached": 5, "output": 1},
        "cargo_seconds": 1.5,
        "model_seconds": 0.5,
        "overhead_seconds": 0.25,
    }
]
TREE = {
    "Cargo.toml": File(b'[package]\nname = "x"\n'),
    "src/lib.rs": File(b"fn a() {}\n"),
    "run.sh": File(b"#!/bin/sh\n", EXECUTABLE),
}


def case(red_green: tuple[str, ...] = ("a",)) -> Case:
    return Case("x", "Title", "Body", (), red_green, (), {}, Path())


def good_entry(**changes: Any) -> dict[str, Any]:
    return (
        outcome.empty("x")
        | {"tree_equals_gold": True, "verified_commits": True, "red": ["a"], "green": ["a"]}
        | changes
    )


@pytest.fixture
def town() -> Iterator[Town]:
    with GitHubServer() as github:
        made = Town(github, "x", TREE)
        made.invite()
        yield made


def test_figures_are_summed_over_runs() -> None:
    figures = outcome.figures({"runs": RUNS * 2})
    assert figures["stages"] == {"prepare": 2.0, "build": 5.0}
    assert (figures["turns"], figures["tokens"]["input"], figures["overhead_seconds"]) == (6, 20, 0.5)


def test_a_prompt_that_could_have_come_from_the_cache_and_did_not_is_a_problem() -> None:
    fine = {**outcome.empty("x"), "rfc": {"cached_share_of_what_was_read_before": 0.97}}
    assert outcome.rfc_problems(fine, [], has_model=False) == []
    poor = {**outcome.empty("x"), "rfc": {"cached_share_of_what_was_read_before": 0.9}}
    assert outcome.rfc_problems(poor, [], has_model=False) == [
        "only 90% of what the RFC's prompts repeat came from the cache after the second turn"
    ]


def test_an_entry_has_exactly_the_agreed_keys() -> None:
    keys = "name outcome seconds stages turns tool_calls tokens cargo_seconds model_seconds overhead_seconds tree_equals_gold"
    keys += " verified_commits rfc proof mutants red red_kinds green duplicates unanswered force_pushes interruption left_over"
    keys += " review"
    assert set(outcome.empty("x")) == set(keys.split())


def test_a_mistake_that_stands_on_the_check_run_no_more_was_noticed_later() -> None:
    shown = ["src/a.rs:3 in f: replace > with >=", "src/a.rs:9 in g: replace + with -"]
    found = outcome.mutants(shown, ["src/a.rs:12 No test notices it: replace + with -. The author says: so."])
    assert found == {"shown": shown, "noticed_later": shown[:1]}


def test_a_good_end_has_no_problems() -> None:
    assert (
        outcome.problems(good_entry(), case(), ["the fault format does not show in this crate"], has_model=False) == []
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tree_equals_gold": False}, "tree"),
        ({"verified_commits": False}, "Verified"),
        ({"red": []}, "not red before: a"),
        ({"green": []}, "not green after: a"),
        ({"duplicates": 2}, "2 duplicates"),
        ({"unanswered": 1}, "1 unanswered"),
        ({"force_pushes": 1}, "1 force_pushes"),
        ({"interruption": {"requests_before_heard": 0, "stop_seconds": 5.2}}, "`/stop` took 5.2 s"),
        ({"interruption": {"requests_before_heard": 1, "stop_seconds": 1.0}}, "before it was told"),
        ({"left_over": {"containers": 1, "workflows": 0}}, "1 containers left over"),
    ],
)
def test_each_shortcoming_is_named(changes: dict[str, Any], words: str) -> None:
    assert any(words in problem for problem in outcome.problems(good_entry(**changes), case(), [], has_model=False))


def test_a_mistake_that_was_never_shown_is_no_good_end() -> None:
    assert outcome.problems(good_entry(), case(), ["diagnostic for type never shown"], has_model=False)


def test_another_model_need_not_find_the_same_tree() -> None:
    assert outcome.problems(good_entry(tree_equals_gold=False), case(), [], has_model=True) == []


def test_hidden_tests_win_over_those_of_the_same_name() -> None:
    base = {"src/lib.rs": File(b"fn a() {}\n")}
    gold = {
        "src/lib.rs": File(b"fn a() {}\n\n#[cfg(test)]\nmod tests {\n    // hidden\n}\n"),
        "tests/api.rs": File(b"// hidden\n"),
    }
    head = {
        "src/lib.rs": File(b"fn a() { 1; }\n\n#[cfg(test)]\nmod tests {\n    // own\n}\n\n#[cfg(test)]\nmod more {}\n"),
        "tests/api.rs": File(b"// own\n"),
        "tests/other.rs": File(b"// own\n"),
    }
    laid = outcome.with_hidden_tests(head, Trees(base, gold))
    assert laid["tests/api.rs"].data == b"// hidden\n"
    assert laid["tests/other.rs"].data == b"// own\n"
    text = laid["src/lib.rs"].text or ""
    assert "fn a() { 1; }" in text
    assert ("// hidden" in text, "// own" in text, "mod more" in text) == (True, False, True)


def test_the_first_commit_holds_the_tree_as_it_is(town: Town) -> None:
    assert town.tree(town.base) == TREE


def test_a_command_without_a_word_from_the_bot_is_unanswered(town: Town) -> None:
    issue = town.file_issue("Title", "Body")
    command = town.comment(issue, town.maintainer, "/implement")
    silent = outcome.on_github(town, None, [command], [], Trees(TREE, TREE))
    town.comment(issue, town.bot, "Done.")
    with town.world.lock:
        town.changes.react(command, town.bot, "eyes")
    spoken = outcome.on_github(town, None, [command], [], Trees(TREE, TREE))
    assert (silent["unanswered"], spoken["unanswered"]) == (1, 0)


def test_the_same_marker_twice_is_a_double(town: Town) -> None:
    issue = town.file_issue("Title", "Body")
    for text in ("One.\n\n<!-- rfcsmith:a -->", "Two.\n\n<!-- rfcsmith:b -->"):
        town.comment(issue, town.bot, text)
    assert town.doubles() == []
    town.comment(issue, town.bot, "Three.\n\n<!-- rfcsmith:a -->")
    assert town.doubles() == ["comment on #1: <!-- rfcsmith:a -->"]


def test_a_comment_that_still_says_it_is_at_work_is_seen(town: Town) -> None:
    issue = town.file_issue("Title", "Body")
    town.comment(issue, town.bot, "⏳ **Working on the RFC**: reading.")
    assert [each.issue for each in town.at_work()] == [issue]


def test_the_table_names_what_is_not_good() -> None:
    table = outcome.table({"cases": [good_entry(), good_entry(outcome="the bot died")]})
    assert "good" in table
    assert "    the bot died" in table


def test_a_case_that_is_none_ends_with_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err
