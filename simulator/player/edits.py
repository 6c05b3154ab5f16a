"""From one text to another by replacements that an editor can carry out: each old string occurs exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True)
class Hunk:
    """A place where two texts differ: lines `start` to `end` (from 0, end excluded) of the old one become `new`."""

    start: int
    end: int
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    """`old` occurs once in the text as it is by then, and becomes `new`."""

    old: str
    new: str


def hunks(old: str, new: str) -> list[Hunk]:
    """The differences, in order."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [Hunk(a, b, tuple(after[c:d])) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]


def applied(old: str, some: Sequence[Hunk]) -> str:
    """The old text with some of its hunks applied."""
    lines = old.splitlines(keepends=True)
    for hunk in sorted(some, key=lambda each: each.start, reverse=True):
        lines[hunk.start : hunk.end] = hunk.new
    return "".join(lines)


def replacements(old: str, new: str) -> list[Replacement] | None:
    """How to get from `old` to `new`, to be done in this order; None where writing the file anew is simpler."""
    found = hunks(old, new)
    touched = sum(hunk.end - hunk.start for hunk in found)
    if not old.strip() or len(found) > 12 or touched > 0.6 * max(1, old.count("\n")):
        return None
    current, steps = old, []
    for hunk in reversed(found):
        step = _unique(current, hunk)
        if step is None:
            return None
        steps.append(step)
        current = current.replace(step.old, step.new, 1)
    return steps if current == new else None


def _unique(text: str, hunk: Hunk) -> Replacement | None:
    """The hunk with as much context as makes its old side occur once."""
    lines = text.splitlines(keepends=True)
    start, end = hunk.start, hunk.end
    while True:
        old = "".join(lines[start:end])
        if old.strip() and text.find(old) == text.rfind(old):
            before, behind = "".join(lines[start : hunk.start]), "".join(lines[hunk.end : end])
            return Replacement(old, before + "".join(hunk.new) + behind)
        if start == 0 and end == len(lines):
            return None
        start, end = max(0, start - 1), min(len(lines), end + 1)
