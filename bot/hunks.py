"""The hunks of one file's difference, by the lines that they change on either side. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.domain import Side

_HEAD = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class Hunk:
    """A piece of a unified difference: its head, and its `lines` with git's first character.

    `old` and `new` are the numbers of its lines before and after; an empty one stands where the lines would be.
    """

    head: str
    old: range
    new: range
    lines: tuple[str, ...]

    def on(self, side: Side) -> range:
        return self.old if side is Side.LEFT else self.new

    def touches(self, side: Side, lines: range) -> bool:
        """Whether the two have a line in common."""
        own = self.on(side)
        return own.start < lines.stop and lines.start < own.stop

    def near(self, side: Side, lines: range, margin: int) -> tuple[str, ...]:
        """Its lines from `margin` lines before the first of `lines` to as many behind the last one."""
        return tuple(
            line for number, line in self._numbered(side) if lines.start - margin <= number < lines.stop + margin
        )

    def _numbered(self, side: Side) -> Iterator[tuple[int, str]]:
        """Each line with its number on this side; what only the other side has counts as the line that follows."""
        number = self.on(side).start
        foreign = "+" if side is Side.LEFT else "-"
        for line in self.lines:
            yield number, line
            if not line.startswith((foreign, "\\")):
                number += 1


def hunks(patch: str) -> tuple[Hunk, ...]:
    """The hunks of a file's unified difference as git prints it."""
    found: list[tuple[re.Match[str], str, list[str]]] = []
    for line in patch.removesuffix("\n").split("\n"):
        # Lines of the file begin with a sign or a blank, so that they cannot be taken for a head.
        if head := _HEAD.match(line):
            found.append((head, line, []))
        elif found:
            found[-1][2].append(line)
    return tuple(
        Hunk(line, _range(head[1], head[2]), _range(head[3], head[4]), tuple(lines)) for head, line, lines in found
    )


def moved(line: int, found: Sequence[Hunk]) -> int | None:
    """Where a line from before is after the `found` hunks of its file; None where they change it or take it out."""
    shift = 0
    for hunk in found:
        if line < hunk.old.start:
            break
        old, new = hunk.old.start, hunk.new.start
        for text in hunk.lines if line < hunk.old.stop else ():
            if text.startswith(("-", " ")) and old == line:
                return new if text.startswith(" ") else None
            old += text.startswith(("-", " "))
            new += text.startswith(("+", " "))
        shift = hunk.new.stop - hunk.old.stop
    return line + shift


def _range(start: str, count: str | None) -> range:
    """Git names the line before where a side has no lines."""
    size = 1 if count is None else int(count)
    first = int(start) + (size == 0)
    return range(first, first + size)
