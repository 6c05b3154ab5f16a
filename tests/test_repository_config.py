"""`.github/rfcsmith.toml`: what it may say, and how it is told what it says wrong."""

from __future__ import annotations

import pytest

from bot.errors import UserError
from bot.repository import KEYS, RepositoryConfig, parse


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
        """
    )
    assert config == RepositoryConfig("release/2.x", 12.5, True, 80, 45.0)


def test_an_unknown_key_is_told_with_its_line_and_the_nearest_known_one() -> None:
    with pytest.raises(UserError, match=r"Line 3 .*`max_turn`.*nearest is `max_turns`"):
        parse('# mine\nbase_branch = "main"\nmax_turn = 3\n')


@pytest.mark.parametrize("text", ["\n[checks]\nx = 1\n", '\n"checks" = 1\n', "\n[[checks]]\n", "\nchecks.x = 1\n"])
def test_an_unknown_table_is_told_with_its_line(text: str) -> None:
    with pytest.raises(UserError, match=r"Line 2 .*`checks`.*nearest is `check_minutes`"):
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
        "max_minutes = nan",
        "max_minutes = inf",
        f"max_minutes = {10**400}",
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
