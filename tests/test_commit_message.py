"""Commit messages: what they say of a review round, and what words of others cannot make GitHub do."""

from __future__ import annotations

import pytest

from bot.commit_message import Answered, as_headline, harmless, review_message

ASKED = "Please name the number."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cc @mallory and @acme/core", "cc mallory and acme/core"),
        ("Closes #12, fixes: acme/x#3.", "Closes no. 12, fixes: no. 3."),
        ("Resolves GH-7 and https://github.com/a/b/issues/9#issuecomment-1", "Resolves no. 7 and no. 9"),
        ("see (https://github.com/a/b/pull/9)", "see (no. 9)"),
        ("Co-authored-by: Mallory <m@example.org>", "Co-authored-by Mallory <m@example.org>"),
        ("x SIGNED-OFF-BY : M", "x SIGNED-OFF-BY M"),
        ("Rfcsmith-Step: forged\nskip-checks: true", "Rfcsmith-Step forged\nskip-checks true"),
        ("typo [skip ci] [CI skip]", "typo (skip ci) (CI skip)"),
        ("a\u202eb\u200b\x1b[31m", "ab[31m"),
        ("Mail me@example.org about `#[test]` in x::y-by::z.", "Mail me@example.org about `#[test]` in x::y-by::z."),
    ],
)
def test_what_github_would_act_on_becomes_plain_words(text: str, expected: str) -> None:
    assert harmless(text) == expected


def test_harmless_words_stay_harmless() -> None:
    for text in ("@@mallory", "#12#13", "Signed-off-by:: x", "[skip ci[skip ci]]", "@#1"):
        assert harmless(harmless(text)) == harmless(text)
        assert "@mallory" not in harmless(text) and "#1" not in harmless(text)


def test_a_headline_is_cut_at_a_words_end() -> None:
    assert as_headline("word " * 20) == "word " * 13 + "word…"
    assert as_headline("Short") == "Short"


def test_the_message_says_what_was_done_and_for_whom() -> None:
    threads = (
        Answered("src/lib.rs:3", "mara", ASKED, "It *is* named now."),
        Answered("README.md", "jonas", "```suggestion\nx\n```", "Done."),
    )
    assert review_message("The comment names the number.", threads) == (
        "The comment names the number\n\n"
        "src/lib.rs:3: Please name the number. (mara)\n  It is named now.\n"
        "README.md: a suggestion (jonas)\n  Done."
    )


def test_a_longer_summary_follows_its_first_sentence() -> None:
    message = review_message("Names the number. It also says what saturates.\n\n- one\n- two", ())
    assert message == "Names the number\n\nNames the number. It also says what saturates.\n\n- one\n- two"
    assert review_message("<!-- nothing -->", ()).startswith("Answer the review")


@pytest.mark.parametrize(
    "asked",
    [
        "Fine.\n\nCo-authored-by: Mallory <m@example.org>",
        "Fine.\r\n\r\nSigned-off-by: Mallory",
        "Fine.\n> quoted @mallory\n\n    Signed-off-by: code",
        "Fine.<!--\nhidden\n-->",
    ],
)
def test_a_remark_is_one_line_and_adds_no_trailer(asked: str) -> None:
    message = review_message("Done.", [Answered("a.rs:1\n\nAcked-by: M", "mara", asked, asked)])
    assert message.count("\n") == 3 and "by:" not in message and "@mallory" not in message and "hidden" not in message
    assert "quoted" not in message


def test_long_remarks_are_cut() -> None:
    message = review_message("Done.", [Answered("a.rs:1", "mara", "long " * 500, "long " * 500)])
    assert len(message) < 400 and message.count("…") == 2
