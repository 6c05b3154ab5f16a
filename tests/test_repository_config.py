"""`.github/rfcsmith.toml`: what it may say, and how it is told what it says wrong."""

from __future__ import annotations

import pytest

from bot.domain import Check, CheckKind, CheckScope
from bot.errors import UserError
from bot.repository import KEYS, RepositoryConfig, parse
from bot.rust.checks import ladder
from bot.rust.discovery import default_checks


def test_an_empty_file_says_nothing() -> None:
    assert parse("") == parse("# only a remark\n") == RepositoryConfig()


def test_everything_can_be_said() -> None:
    config = parse(
        """
        base_branch = "release/2.x"
        check_minutes = 12.5
        may_touch_workflows = true
        max_turns = 80
        max_minutes = 45
        mutants_minutes = 0
        max_dollars = 2.5
        update_on_conflict = false
        """
    )
    assert config == RepositoryConfig(
        "release/2.x", 12.5, True, 80, 45.0, 2.5, mutants_minutes=0.0, update_on_conflict=False
    )


def test_an_unknown_key_is_told_with_its_line_and_the_nearest_known_one() -> None:
    with pytest.raises(UserError, match=r"Line 3 .*`max_turn`.*nearest is `max_turns`"):
        parse('# mine\nbase_branch = "main"\nmax_turn = 3\n')


@pytest.mark.parametrize("text", ["\n[check]\nx = 1\n", '\n"check" = 1\n', "\n[[check]]\n", "\ncheck.x = 1\n"])
def test_an_unknown_table_is_told_with_its_line(text: str) -> None:
    with pytest.raises(UserError, match=r"Line 2 .*`check`.*nearest is `checks`"):
        parse(text)


@pytest.mark.parametrize(
    "line",
    [
        "base_branch = 3",
        'base_branch = ""',
        'base_branch = "--upload-pack=x"',
        'base_branch = "a..b"',
        'base_branch = "refs/heads/main"',
        'base_branch = "a b"',
        'may_touch_workflows = "yes"',
        "may_touch_workflows = 1",
        "max_turns = 0",
        "max_turns = 1.5",
        "max_turns = true",
        "max_turns = 1001",
        "max_minutes = -1",
        "mutants_minutes = 61",
        "mutants_minutes = -1",
        "max_minutes = nan",
        "max_minutes = inf",
        f"max_minutes = {10**400}",
        "max_dollars = 0",
        'max_dollars = "5 $"',
        "max_dollars = 10001",
        "check_minutes = 0",
        "check_minutes = false",
        'check_minutes = "3"',
        "check_minutes = [3]",
        "max_turns = {x = 1}",
    ],
)
def test_a_wrong_value_is_told_with_its_line_and_key(line: str) -> None:
    key = line.partition(" ")[0]
    with pytest.raises(UserError, match=rf"Line 2 .*`{key}` must be "):
        parse(f"# mine\n{line}\n")


@pytest.mark.parametrize("text", ["base_branch = ", "a = 1\na = 2", "\0", "x = " + "[" * 5000])
def test_what_is_no_toml_is_told_kindly(text: str) -> None:
    with pytest.raises(UserError, match="rfcsmith.toml"):
        parse(text)


def test_a_key_full_of_markdown_is_told_harmlessly() -> None:
    with pytest.raises(UserError) as caught:
        parse('"`@everyone` <img>" = 1\n')
    assert "@" not in caught.value.message
    assert "<" not in caught.value.message


def test_each_key_is_a_field_that_can_be_set() -> None:
    assert set(KEYS) == set(RepositoryConfig.__dataclass_fields__)


# --- checks ----------------------------------------------------------------------------------------------------------

FOUND = (
    Check(CheckKind.CLIPPY, "cargo clippy --workspace", source="ci.yml"),
    Check(CheckKind.TEST, "cargo test  --workspace", source="ci.yml"),
    Check(CheckKind.DOC, "cargo doc --no-deps", source="ci.yml"),
)

RULES = """
[checks]
remove = ["doc"]

[[checks.add]]
run = "cargo test --workspace --features slow"
env = { RUST_LOG = "debug" }
directory = "crates/core"
replaces = "cargo test*"

[[checks.add]]
run = "./scripts/lint.sh"
required = false
"""


def test_checks_of_ci_are_removed_replaced_and_added_to_and_say_where_they_come_from() -> None:
    clippy, tests, lint = parse(RULES).checks.apply(FOUND)
    assert clippy == FOUND[0]
    assert tests == Check(
        CheckKind.TEST,
        "cargo test --workspace --features slow",
        env=(("RUST_LOG", "debug"),),
        directory="crates/core",
        source=".github/rfcsmith.toml:6",
    )
    assert (lint.kind, lint.command, lint.required) == (CheckKind.OTHER, "./scripts/lint.sh", False)
    assert lint.source == ".github/rfcsmith.toml:12"


def test_ci_need_not_be_read_at_all_and_without_any_check_cargos_defaults_are_run() -> None:
    only = parse('checks = { discover = false, add = [{ run = "make check", kind = "test" }] }').checks.apply(FOUND)
    assert [(check.kind, check.command) for check in only] == [(CheckKind.TEST, "make check")]
    assert parse("[checks]\ndiscover = false\n").checks.apply(FOUND) == default_checks()


def test_a_rule_that_fits_nothing_is_known() -> None:
    assert parse('[checks]\nremove = ["cargo deny*", "clippy"]\n').checks.idle(FOUND) == ("cargo deny*",)


def test_a_check_that_is_asked_for_is_run_whatever_it_is() -> None:
    rules = parse('[[checks.add]]\nrun = "./scripts/lint.sh"\n').checks
    assert "./scripts/lint.sh" in [check.command for check in ladder(rules.apply(FOUND), scope=CheckScope.FULL)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[checks]\n\nremoves = []\n", "Line 3 .*no key `removes` in `checks`.*nearest is `remove`"),
        ('[[checks.add]]\nrun = "a"\n[[checks.add]]\nrun = "b"\nkinds = "test"\n', "Line 5 .*`kinds` in `checks.add`"),
        ('checks = { add = [{ rum = "a" }] }', "Line 1 .*`rum` in `checks.add`.*nearest is `run`"),
        ("[checks]\nadd = 3\n", r"Line 2 .*`checks.add` must be tables"),
        ("checks = true", "Line 1 .*`checks` must be a table"),
        ('[[checks.add]]\nkind = "test"\n', "`checks.add.run` must be a command"),
        ('[[checks.add]]\nrun = "a"\nkind = "tests"\n', "Line 3 .*`checks.add.kind` must be one of `fmt`"),
        ('[[checks.add]]\nrun = "a"\nenv = { "a b" = "1" }\n', "Line 3 .*must be a table of variables"),
        ('[[checks.add]]\nrun = "a"\ndirectory = "../x"\n', "Line 3 .*must be a path in this repository"),
        ("[checks]\nremove = [1]\n", "Line 2 .*`checks.remove` must be a list of texts"),
    ],
)
def test_what_is_said_wrongly_of_checks_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse(text)
