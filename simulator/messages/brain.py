"""What thinks behind the simulated Messages API: the protocol, and a brain that reads its lines from a list."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Block = dict[str, Any]
Request = dict[str, Any]


class BrainError(Exception):
    """A brain cannot answer a request; the server says so with status 500 and keeps the sentence for the tests."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One turn: its content blocks (ids and signatures may be missing) and, where it is not the usual one, why it ended.

    `stop_details` goes with the stop reason `refusal`.
    """

    content: tuple[Block, ...]
    stop_reason: str | None = None
    stop_details: Block | None = None


class Brain(Protocol):
    def answer(self, request: Request) -> Sequence[Block] | Answer:
        """The blocks of the next turn. Equal requests get equal answers where the brain promises it; raises BrainError."""
        ...


def as_answer(given: Sequence[Block] | Answer) -> Answer:
    """Whatever a brain returned, as an `Answer`."""
    return given if isinstance(given, Answer) else Answer(tuple(given))


def say(text: str) -> Block:
    """A text block."""
    return {"type": "text", "text": text}


def call(name: str, /, **tool_input: Any) -> Block:
    """A tool call without an id; the server gives it one."""
    return {"type": "tool_use", "name": name, "input": tool_input}


class ScriptedBrain:
    """Answers with the next entry of a list, and fails loudly when the list is used up."""

    def __init__(self, answers: Iterable[Sequence[Block] | Answer]) -> None:
        self._answers = [as_answer(answer) for answer in answers]
        self._next = 0
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """Answers that nobody has asked for yet."""
        return len(self._answers) - self._next

    def answer(self, request: Request) -> Answer:
        with self._lock:
            if self._next == len(self._answers):
                raise BrainError(f"the script has only {len(self._answers)} answers")
            self._next += 1
            return self._answers[self._next - 1]
