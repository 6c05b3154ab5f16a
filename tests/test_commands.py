"""What counts as a command, and what does not."""

from __future__ import annotations

import pytest

from bot.commands import Order, is_mentioned, parse_commands, parse_order
from bot.domain import Command, Verb
from bot.errors import UserError

SLUG = "rfcsmith-dev"


def parse(text: str, previous: str = "") -> list[Command | UserError]:
    return list(parse_commands(text, app_slug=SLUG, previous=previous))


def verbs(text: str) -> list[Verb]:
    found = parse(text)
    assert not any(isinstance(item, UserError) for item in found), found
    return [item.verb for item in found if isinstance(item, Command)]


@pytest.mark.parametrize("verb", list(Verb))
def test_each_verb_is_understood_after_a_slash_and_after_the_apps_name(verb: Verb) -> None:
    assert parse(f"/{verb}") == parse(f"@{SLUG} {verb}") == [Command(verb)]


@pytest.mark.parametrize(
    "text",
    [
        "Fine by me.\n/implement",
        "Fine by me.\r\n\r\n/implement\r\n",
        "  /implement",
        "/Implement",
        "/implement.",
        "/implement!\n-- \nAda",
        "@RFCsmith-Dev: implement",
        "@rfcsmith-dev, implement",
        "@rfcsmith-dev[bot] implement",
        "@rfcsmith-dev /implement",
        "@rfcsmith-dev Implement!",
        "- one\n- two\n\n/implement",
        "- one\n/implement",
        "> quoted\n\n/implement",
        "```\ncode\n```\n/implement",
        "`code`\n/implement",
        "**bold\n/implement text**",
        "<details>\n<summary>Why</summary>\n\n/implement\n</details>",
        "# Heading\n/implement",
        "[docs]: https://example.org\n\n/implement",
        "<!-- a remark -->\n\n/implement",
        "a\x0cb\n/implement",
        "Vec<String>\n/implement",
    ],
)
def test_a_command_at_the_start_of_a_line_of_plain_text_counts(text: str) -> None:
    assert verbs(text) == [Verb.IMPLEMENT]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Please /implement this",
        "`/implement`",
        "text `one\n/implement two`",
        "```\n/implement\n```",
        "~~~sh\n/implement\n~~~",
        "```\n/implement",
        "    /implement",
        "\t/implement",
        "- one\n\n      /implement",
        "> /implement",
        "> quoted\n/implement",
        "> - a\n>\n> /implement",
        "[see\n/implement](https://example.org)",
        "[/implement](https://example.org)",
        "![see\n/implement](https://example.org/x.png)",
        "[see]:\n/implement",
        "<!-- /implement -->",
        "<!--\n\n/implement\n\n-->",
        "text <!-- one\n/implement -->",
        "<pre>\n\n/implement\n</pre>",
        "text <code>\n/implement</code>",
        "<blockquote>\n\n/implement\n\n</blockquote>",
        "~~out\n/implement~~",
        "| a | b |\n|---|---|\n| /implement | c |",
        "a | b\n---|---\n/implement | c",
        "- /implement",
        "1. /implement",
        "# /implement",
        "\\/implement",
        "&#47;implement",
        "**/implement**",
        "/implement/this",
        "/implement.md is a file",
        "//implement",
        "/ implement",
        "https://example.org/implement",
        f"`@{SLUG} implement`",
        f"> @{SLUG} implement",
        f"@{SLUG}-two implement",
        f"@{SLUG}/team implement",
        f"Ask @{SLUG} implement",
        f"ada@{SLUG} implement",
    ],
)
def test_a_command_anywhere_else_does_not_count(text: str) -> None:
    assert parse(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "/cc @ada",
        "/assign @ada",
        "/lgtm",
        "/hold",
        "/retest",
        "/merge",
        "/close",
        "/label bug",
        "/start",
        "/usr/bin/env",
        "/etc",
        "/home/ada",
        "/",
        "/42",
        "/r",
    ],
)
def test_slashes_of_others_are_not_ours(text: str) -> None:
    assert parse(text) == []


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("/implment", "/implement"),
        ("/implements now", "/implement"),
        ("/imlpement", "/implement"),
        ("/rfcs", "/rfc"),
        ("/rcf", "/rfc"),
        ("/hlep", "/help"),
        ("/stauts", "/status"),
        ("/sotp", "/stop"),
        (f"@{SLUG} implment this", f"@{SLUG} implement"),
    ],
)
def test_a_near_miss_is_answered_with_the_nearest_command(text: str, nearest: str) -> None:
    (error,) = parse(text)
    assert isinstance(error, UserError)
    assert f"`{nearest}`" in error.hint


@pytest.mark.parametrize("text", [f"@{SLUG} thank you", f"@{SLUG}", f"@{SLUG} <b>`x`</b>", f"@{SLUG} /cc"])
def test_anything_unknown_after_the_apps_name_is_answered(text: str) -> None:
    (error,) = parse(text)
    assert isinstance(error, UserError)
    assert "help" in error.hint
    assert "<" not in error.message


def test_the_argument_is_the_rest_of_the_line_and_what_follows_up_to_the_next_command() -> None:
    text = "Hello.\n/rfc  use a `BTreeMap`\nand say why\n\n```rust\n/stop\n```\n/status\n\n/implement with care\n"
    assert parse(text) == [
        Command(Verb.RFC, "use a `BTreeMap`\nand say why\n\n```rust\n/stop\n```"),
        Command(Verb.STATUS),
        Command(Verb.IMPLEMENT, "with care"),
    ]


def test_the_argument_after_the_apps_name_is_kept_too() -> None:
    assert parse(f"@{SLUG} rfc again\nplease") == [Command(Verb.RFC, "again\nplease")]


def test_a_near_miss_ends_the_argument_before_it() -> None:
    first, second = parse("/rfc one\n/implment\ntwo")
    assert first == Command(Verb.RFC, "one")
    assert isinstance(second, UserError)


def test_equal_commands_count_once() -> None:
    assert parse("/status\n/status\n/STATUS\n@rfcsmith-dev status") == [Command(Verb.STATUS)]
    assert len(parse("/implment\n/implment")) == 1


def test_commands_with_different_arguments_all_count() -> None:
    assert [item.argument for item in parse("/rfc one\n/rfc two") if isinstance(item, Command)] == ["one", "two"]


def test_an_edit_runs_only_what_was_not_there_before() -> None:
    assert parse("/implement\n/status", previous="/implement") == [Command(Verb.STATUS)]
    assert parse("/implement", previous="/implement") == []
    assert parse("/implement", previous="`/implement`") == [Command(Verb.IMPLEMENT)]
    assert parse("/implement", previous="/implment") == [Command(Verb.IMPLEMENT)]
    assert parse("/implment", previous="/implment\n") == []


def test_mending_the_words_under_a_command_does_not_run_it_again() -> None:
    assert parse("/implement\n\nWith fewer typos.", previous="/implement\n\nWiht fewer tpyos.") == []
    assert parse("Hello.\n\n/rfc  Use a map", previous="/rfc use a map") == []


def test_another_argument_on_the_line_is_another_command() -> None:
    assert parse("/rfc use a set", previous="/rfc use a map") == [Command(Verb.RFC, "use a set")]


def test_without_the_apps_name_only_slashes_count() -> None:
    assert list(parse_commands("@ implement\n/stop", app_slug="")) == [Command(Verb.STOP)]


@pytest.mark.parametrize(
    "text", ["\ue000/stop\ue000", "\ue0000\ue000/stop", "[" * 3000, "> " * 500 + "/stop", "`" * 9999, "*a" * 9000]
)
def test_strange_texts_are_neither_commands_nor_errors(text: str) -> None:
    assert parse(text) == []


def test_a_mark_of_our_own_in_the_text_does_not_confuse() -> None:
    assert parse("\ue000 and \ue001\n/stop") == [Command(Verb.STOP)]


@pytest.mark.parametrize(
    "text", [f"@{SLUG}", f"Could @{SLUG} look?", f"a\nb (@{SLUG})", f"**@{SLUG}**", "@RFCSMITH-dev[bot]!"]
)
def test_a_mention_in_plain_text_is_seen(text: str) -> None:
    assert is_mentioned(text, SLUG)


@pytest.mark.parametrize("text", [f"`@{SLUG}`", f"> @{SLUG}", f"@{SLUG}s", f"me@{SLUG}", f"@{SLUG}/core", SLUG, ""])
def test_what_is_no_mention_is_not_seen(text: str) -> None:
    assert not is_mentioned(text, SLUG)
    assert not is_mentioned(text, "")


@pytest.mark.parametrize(
    ("argument", "order"),
    [
        ("", Order(None, False, "")),
        ("--pair", Order(None, True, "")),
        ("v3", Order(3, False, "")),
        ("--pair v3 use a map", Order(3, True, "use a map")),
        ("V3 --PAIR\nuse a map", Order(3, True, "use a map")),
        ("—pair v3", Order(3, True, "")),
        ("use v3 --pair", Order(None, False, "use v3 --pair")),
        ("v3 v2", Order(3, False, "v2")),
        ("v0", Order(None, False, "v0")),
    ],
)
def test_options_and_version_of_implement_stand_first_in_any_order(argument: str, order: Order) -> None:
    assert parse_order(argument) == order


@pytest.mark.parametrize("argument", ["--piar", "v3 --pairs", "--pair --fast now"])
def test_an_option_that_there_is_not_is_told_with_the_one_that_there_is(argument: str) -> None:
    with pytest.raises(UserError, match="--pair` shows you the plan"):
        parse_order(argument)
