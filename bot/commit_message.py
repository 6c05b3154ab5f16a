"""What stands in a commit's message: words of others, made short and harmless. Pure.

GitHub acts on messages: it notifies whom they mention, closes issues that they name, credits whom they name as an author,
and leaves CI out where they ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

HEADLINE = 72
"""Characters of a headline, as git's own guide asks."""
ASKED, ANSWERED = 100, 200
"""Characters of what somebody asked for in a thread of a review, and of the answer."""

_MARKDOWN = MarkdownIt("commonmark")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MENTION = re.compile(r"(?<![\w.+-])@+(?=[A-Za-z0-9])")
_ISSUE = re.compile(r"https?://\S+?/(?:issues|pull)/(\d+)[^\s)]*|\bgh-(\d+)|(?:[\w.-]+/[\w.-]+)?#(\d+)", re.IGNORECASE)
_TRAILER = re.compile(r"\b([\w-]+-by|skip-checks|rfcsmith-step)\s*:(?!:)", re.IGNORECASE)
_WITHOUT_CI = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answered:
    """A thread of a review in which something was done: where, what `person` asked for last, and the answer, in Markdown."""

    place: str
    person: str
    asked: str
    answer: str


def harmless(text: str) -> str:
    """The text without anything that GitHub would act on: mentions, references to issues, trailers, wishes about CI."""
    text = _UNSEEN.sub("", text.replace("\r\n", "\n"))
    text = _ISSUE.sub(lambda match: f"no. {next(number for number in match.groups() if number)}", text)
    return _WITHOUT_CI.sub(r"(\1)", _TRAILER.sub(r"\1", _MENTION.sub("", text)))


def as_headline(text: str) -> str:
    """A headline for a title, which is cut at a word's end where it is too long."""
    return _shortened(harmless(text), HEADLINE)


def review_message(summary: str, answered: Sequence[Answered], title: str = "") -> str:
    """Headline and body of the commit of a review round: what was done (`title`, else what the summary says first), and for whom."""
    whole = _words(summary)
    first = title or as_headline(re.split(r"(?<=[.!?])\s", whole)[0].removesuffix(".")) or "Answer the review"
    body = harmless(summary.strip()) if whole.removesuffix(".") != first else ""
    return "\n\n".join(part for part in (first, body, "\n".join(map(_entry, answered))) if part)


def _entry(answered: Answered) -> str:
    asked = _shortened(_words(answered.asked), ASKED) or "a suggestion"
    return f"{_line(answered.place)}: {asked} ({answered.person})\n  {_shortened(_words(answered.answer), ANSWERED)}"


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rsplit(' ', 1)[0]}…"


def _words(markdown: str) -> str:
    """What somebody says, in one line: without code blocks, quotations, and what GitHub does not display."""
    found, quotes = [], 0
    for token in _MARKDOWN.parse(markdown):
        quotes += (token.type == "blockquote_open") - (token.type == "blockquote_close")
        if token.type == "inline" and not quotes:
            found.append("".join(map(_text, token.children or ())))
    return _line(" ".join(found))


def _text(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return " "
    return token.content if token.type in ("text", "code_inline") else ""


def _line(text: str) -> str:
    return " ".join(harmless(text).split())
