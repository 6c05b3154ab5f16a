"""The commands of cargo-mutants and its records; what the tool really does is in tests/sandbox/test_mutants.py."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.domain import Check, CheckKind, Mutant, MutantFate, Mutation
from bot.hunks import hunks
from bot.rust import mutants
from bot.rust.checks import main_tests

TEST = Check(CheckKind.TEST, "cargo test --workspace --features 'a b' --no-default-features")
BORDER = Mutant("src/lib.rs", 7, 7, "is_big", "replace > with >=", MutantFate.MISSED)
EMPTY = Mutant("src/lib.rs", 11, 5, "name", "replace name -> String with String::new()", MutantFate.CAUGHT, ("named",))


def record(*rows: dict[str, object]) -> str:
    return json.dumps({"outcomes": [{"scenario": "Baseline", "summary": "Success"}, *rows]})


def row(name: str, function: str, summary: str, log: str = "log/a.log") -> dict[str, object]:
    mutant = {"name": name, "function": {"function_name": function}}
    return {"scenario": {"Mutant": mutant}, "summary": summary, "log_path": log}


def test_the_features_of_the_check_count_and_the_changes_own_configuration_does_not() -> None:
    line = mutants.list_line(TEST, "/target/x.diff")
    assert line.startswith("cargo mutants --list --json --in-diff /target/x.diff --no-config")
    assert "--no-default-features" in line and "--features 'a b'" in line
    assert "--config /target/c.toml" in mutants.list_line(TEST, "/target/x.diff", "/target/c.toml")
    told = mutants.test_line(
        TEST, "/target/x.diff", "", path="src/a b.rs", output="/target/m", timeout=20.0, build_timeout=300.0
    )
    assert "--in-place --iterate --baseline=skip" in told and "--file 'src/a b.rs'" in told and "--timeout 20 " in told
    assert told.endswith(" -- --no-fail-fast")


def test_records_are_read_mutant_by_mutant_and_anything_else_is_passed_over() -> None:
    text = record(
        row("src/lib.rs:7:7: replace > with >= in is_big", "is_big", "MissedMutant"),
        row("src/lib.rs:11:5: replace name -> String with String::new()", "name", "CaughtMutant", "log/b.log"),
        row("no place", "name", "CaughtMutant"),
        row("src/lib.rs:1:1: replace f -> u8 with 0", "f", "NobodyKnows"),
    )
    found = mutants.read_outcomes(text)
    assert found == ((BORDER, "log/a.log"), (replace(EMPTY, killed_by=()), "log/b.log"))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"outcomes": 7}', '{"outcomes": [1, null]}', "null"])
def test_what_is_no_record_holds_no_mutant(text: str) -> None:
    assert mutants.read_outcomes(text) == ()
    assert mutants.read_list(text) == ()


def test_the_tests_that_fail_with_a_mutant_are_read_from_its_log() -> None:
    log = "*** cargo test\n     Running `/target/debug/deps/a-1f`\n\nrunning 2 tests\ntest named ... FAILED\ntest other ... ok\n"
    assert mutants.with_killers(replace(EMPTY, killed_by=()), log) == EMPTY


def test_what_an_earlier_pass_had_done_with_is_named_to_the_tool_and_carried_over() -> None:
    known = (EMPTY, BORDER)
    told = mutants.caught_file(known, "src/lib.rs")
    assert "src/lib.rs:11:5: replace name -> String with String::new()\n" in told and "is_big" not in told
    assert mutants.caught_file(known, "src/main.rs") == ""
    listed = [("src/lib.rs", "src/lib.rs:11:5: replace name -> String with String::new()")]
    assert mutants.carried_over(known, listed, []) == (EMPTY,)
    assert mutants.carried_over(known, listed, [EMPTY]) == ()
    assert mutants.carried_over(known, [], []) == (), "the line is another one now"


def test_the_main_tests_are_those_of_the_whole_workspace_at_the_top() -> None:
    fuzz = Check(CheckKind.TEST, "cargo test --workspace", directory="fuzz")
    part = Check(CheckKind.TEST, "cargo test -p core")
    assert main_tests((fuzz, part, TEST)) == TEST
    release = Check(CheckKind.TEST, "cargo test --release")
    assert main_tests((release,)) is None


def test_hanging_counts_as_noticed_and_what_cannot_be_built_does_not_count() -> None:
    hanging, unviable = replace(BORDER, fate=MutantFate.TIMEOUT), replace(BORDER, fate=MutantFate.UNVIABLE)
    mutation = Mutation((BORDER, EMPTY, hanging, unviable))
    assert mutation.survivors == (BORDER,) and mutation.killed == (EMPTY, hanging)


def test_mutants_move_with_their_lines_and_what_was_tried_again_counts_as_it_came_out_now() -> None:
    inserted = hunks("@@ -8,0 +9,2 @@\n+a\n+b\n")
    replaced = hunks("@@ -11 +11 @@\n-a\n+b\n")
    assert mutants.moved([BORDER, EMPTY], {"src/lib.rs": inserted}) == (BORDER, replace(EMPTY, line=13))
    assert mutants.moved([BORDER, EMPTY], {"src/lib.rs": replaced, "src/other.rs": inserted}) == (BORDER,)
    caught = replace(BORDER, fate=MutantFate.CAUGHT)
    assert mutants.joined([BORDER, EMPTY], [caught]) == (EMPTY, caught)
