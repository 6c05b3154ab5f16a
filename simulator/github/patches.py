"""Differences as values: files that differ, and the numbered lines of their patches."""

from __future__ import annotations

import re
from dataclasses import dataclass

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True)
class FileDiff:
    """How one file differs; `patch` holds its hunks, None where binary or empty."""

    path: str
    previous: str | None
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str | None


@dataclass(frozen=True)
class Line:
    """One line of a patch with its numbers on both sides; `kind` is ' ', '+', '-' or '@' for a hunk's head."""

    kind: str
    old: int | None
    new: int | None
    text: str


def patch_lines(patch: str | None) -> tuple[Line, ...]:
    """The lines of a patch's hunks, numbered."""
    lines: list[Line] = []
    old = new = 0
    for text in (patch or "").split("\n"):
        hunk = HUNK.match(text)
        if hunk:
            old, new = int(hunk[1]), int(hunk[3])
            lines.append(Line("@", None, None, text))
        elif text.startswith("+"):
            lines.append(Line("+", None, new, text[1:]))
            new += 1
        elif text.startswith("-"):
            lines.append(Line("-", old, None, text[1:]))
            old += 1
        elif text.startswith(" "):
            lines.append(Line(" ", old, new, text[1:]))
            old, new = old + 1, new + 1
    return tuple(lines)
