"""Who reads what before it counts: a conversation with a fresh context, which knows what was handed in but not how it came about.

Pure. What such a reader finds goes back to the author once, who answers each finding in a new submission.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Assignment


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what `author` handed in; `max_turns` are answers of the model, 0 for as many as any conversation has."""

    author: Assignment
    max_findings: int
    max_turns: int = 0


READERS = {
    Assignment.CRITIQUE: Reader(Assignment.RFC, max_findings=12),
    Assignment.PLAN_CRITIQUE: Reader(Assignment.PLAN, max_findings=6, max_turns=6),
    Assignment.EXAMINATION: Reader(Assignment.BUILD, max_findings=6, max_turns=30),
}
"""Each reader; whoever finds more than so many points has not chosen."""


def reader_of(author: Assignment) -> Assignment | None:
    """Who reads what comes of this assignment; None where nobody does."""
    return next((assignment for assignment, reader in READERS.items() if reader.author is author), None)
