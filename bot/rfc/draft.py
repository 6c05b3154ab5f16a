"""A design as the model submits it: Markdown texts, and the parts that the host itself works with; pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Citation, Criterion, FindingAnswer, Foreseen, RfcPart, Task


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another design, and the reason that decided against it."""

    design: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Question:
    """Something that only people can decide: `to` names who (maintainers, the reporter, a team …)."""

    to: str
    text: str
    recommendation: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to what somebody asked in the discussion."""

    to: str
    text: str


@dataclass(frozen=True, slots=True)
class ConcernAnswer:
    """What the author proposes for a concern; only people resolve one."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section that the repository's own template asks for beyond the usual ones."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class RfcDraft:
    """What is handed in for an RFC.

    `what_changed` and `replies` are for the people who discussed the version before; they and `answers` (to the second
    reader's findings) are told beside the document, not in it. `unverified` are places that the host could not find
    although it said so more than once: they are marked where people read them.
    """

    title: str
    summary: str
    vision: str
    example: str
    current_behaviour: str
    design: str
    foreseen: Foreseen
    compatibility: str
    alternatives: tuple[Alternative, ...]
    criteria: tuple[Criterion, ...]
    non_goals: str
    risks: str
    questions: tuple[Question, ...]
    citations: tuple[Citation, ...]
    tasks: tuple[Task, ...]
    parts: tuple[RfcPart, ...] = ()
    sections: tuple[Section, ...] = ()
    what_changed: str = ""
    replies: tuple[Reply, ...] = ()
    concerns: tuple[ConcernAnswer, ...] = ()
    answers: tuple[FindingAnswer, ...] = ()
    unverified: tuple[str, ...] = ()
