"""Suggestion blocks of a review: which of them can be applied, the files with their text, and whether it still stands later. Pure.

A suggestion replaces exactly the lines that its thread is written on, as GitHub's own button does. What that refuses is not
applied here either: outdated threads, lines that were taken out, several blocks in one remark, several for one line
(https://docs.github.com/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/incorporating-feedback-in-your-pull-request).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt

from bot.domain import ReviewThread, Side
from bot.hunks import Hunk

_MARKDOWN = MarkdownIt("commonmark")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`lines` in place of the lines `first` to `last` of `path`; where there are none, those are to go.

    `thread` is the short id of its thread; `has_words` tells whether its author says something besides.
    """

    thread: str
    path: str
    first: int
    last: int
    lines: tuple[str, ...]
    has_words: bool = False


def suggestion_of(id: str, thread: ReviewThread) -> Suggestion | None:
    """What the last remark of a thread suggests; None where it does not, or where that cannot be applied as it is.

    Whatever was said after a suggestion may be an objection to it, so that it takes a reader.
    """
    is_mixed = thread.start_side not in (None, thread.side)
    if thread.is_resolved or thread.is_outdated or thread.side is not Side.RIGHT or is_mixed or not thread.lines:
        return None
    tokens = [token for token in _MARKDOWN.parse(thread.comments[-1].body) if token.level == 0]
    blocks = [token.content for token in tokens if token.type == "fence" and token.info.strip() == "suggestion"]
    if len(blocks) != 1:
        return None
    lines = tuple(blocks[0].removesuffix("\n").split("\n")) if blocks[0] else ()
    if lines and not any(lines):
        # A deletion to some, and an empty line to others.
        return None
    return Suggestion(id, thread.path, thread.lines[0], thread.lines[-1], lines, len(tokens) > 1)


def apart(suggestions: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
    """Those that share no line with another one."""
    return tuple(
        one
        for one in suggestions
        if not any(
            one is not other and one.path == other.path and one.first <= other.last and other.first <= one.last
            for other in suggestions
        )
    )


def applied(content: bytes, suggestions: Sequence[Suggestion]) -> bytes | None:
    """A file with suggestions, which are apart, in place of their lines; None where it does not have such lines.

    Line ends stay those of the file, also a missing one at its end.
    """
    lines = _lines(content)
    for each in sorted(suggestions, key=lambda each: each.first, reverse=True):
        old = lines[each.first - 1 : each.last]
        if len(old) <= each.last - each.first:
            return None
        sample = next((line for line in (*old, *lines) if line.endswith(b"\n")), b"\n")
        end = b"\r\n" if sample.endswith(b"\r\n") else b"\n"
        new = [line.encode(errors="replace") + end for line in each.lines]
        if new and not old[-1].endswith(b"\n"):
            new[-1] = new[-1].removesuffix(end)
        lines[each.first - 1 : each.last] = new
    return b"".join(lines)


def _lines(content: bytes) -> list[bytes]:
    """As git and GitHub count them: a carriage return alone ends no line."""
    *whole, rest = content.split(b"\n")
    return [*(line + b"\n" for line in whole), *([rest] if rest else [])]


def places(suggestions: Sequence[Suggestion]) -> dict[str, range]:
    """Where the lines of each stand, by its thread, after all of them were applied; an empty range where lines went."""
    found, shifts = {}, dict.fromkeys((each.path for each in suggestions), 0)
    for each in sorted(suggestions, key=lambda each: each.first):
        start = each.first + shifts[each.path]
        found[each.thread] = range(start, start + len(each.lines))
        shifts[each.path] += len(each.lines) - (each.last + 1 - each.first)
    return found


def stands(place: range, changed: Sequence[Hunk]) -> bool:
    """Whether the lines at `place` are as they were, after what `changed` (without context) in their file since.

    Where lines went, nothing was put back.
    """
    return not any(
        hunk.touches(Side.LEFT, place)
        or (not place and hunk.old.start <= place.start <= hunk.old.stop and len(hunk.new) > len(hunk.old))
        for hunk in changed
    )
