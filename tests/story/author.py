"""The model of the stories: a brain that knows its lines for each assignment, and reads off the request how far it is.

Equal requests get equal answers, also after a crash: nothing is counted but the answers that the request itself holds.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from simulator.messages.brain import Answer, Block, BrainError, Request, call
from tests.story import crate

EDITOR = "str_replace_based_edit_tool"
Line = Sequence[Block] | Answer | Callable[[Request], Sequence[Block]]
WAITING = 90.0


def bash(command: str) -> Block:
    return call("bash", command=command)


def write(path: str, text: str) -> Block:
    return call(EDITOR, command="create", path=f"/workspace/{path}", file_text=text)


def check(scope: str = "full") -> Block:
    return call("check", scope=scope)


def submit_rfc(**changes: Any) -> Block:
    design = {
        "title": "Let doubling stop at the largest number",
        "summary": "Doubling panics. It will saturate. Nothing else changes.",
        "vision": "A panic in a library is a surprise.",
        "what_changed": "It says more.",
        "example": "",
        "current_behaviour": "See src/lib.rs:5.",
        "design": "`double` uses `saturating_mul`.",
        "changes": [
            {
                "path": "src/lib.rs",
                "items": [{"name": "double", "change": "change", "semver": "patch"}],
                "note": "",
            },
            {"path": "tests/doubling.rs", "items": []},
        ],
        "alternatives": [
            {"design": "Return an `Option`.", "why_not": "It breaks callers."},
            {"design": "Document the panic.", "why_not": "The panic stays."},
        ],
        "criteria": [{"id": "AC-1", "text": "`double(u8::MAX)` is `u8::MAX`.", "test": "the_largest_number_stays"}],
        "non_goals": "",
        "risks": "",
        "questions": [],
        "citations": [{"path": "src/lib.rs", "line": 5, "quote": "number * 2"}],
        "tasks": [{"title": "Saturate", "files": ["src/lib.rs"], "criteria": ["AC-1"]}],
    }
    return call("submit_rfc", **(design | changes))


def submit_critique(*findings: dict[str, str]) -> Block:
    return call("submit_critique", findings=list(findings))


def submit_questions(*questions: str) -> Block:
    return call("submit_questions", findings="`double` is all there is.", questions=list(questions))


def submit_plan(title: str = "Saturate", **changes: Any) -> Block:
    task = {"id": "T1", "title": title, "files": ["src/lib.rs"], "criteria": ["AC-1"]}
    return call("submit_plan", **({"tasks": [task], "notes": ""} | changes))


def submit_plan_critique(*findings: dict[str, str]) -> Block:
    return call("submit_plan_critique", findings=list(findings))


def submit_examination(*findings: dict[str, str]) -> Block:
    return call("submit_examination", findings=list(findings))


def submit_tests() -> Block:
    return call("submit_tests", tests=[{"name": "the_largest_number_stays", "criteria": ["AC-1"]}], notes="")


def submit_change(**changes: Any) -> Block:
    change = {"title": "Saturate instead of panicking", "summary": "Doubling saturates.", "deviations": "", "notes": ""}
    return call("submit_change", **(change | changes))


def submit_review(kind: str = "done") -> Block:
    answer = {"thread": "R1", "kind": kind, "text": "It names the number now."}
    return call("submit_review", summary="The comment is exact now.", answers=[answer])


def submit_update() -> Block:
    return call("submit_update", summary="Both stay: first the base's words, then ours.")


def answer_every_thread(request: Request) -> Sequence[Block]:
    """Done, for each thread that the brief of the round shows."""
    ids = dict.fromkeys(re.findall(r"\bR[1-9]\b", str(request["messages"][0])))
    answers = [{"thread": id, "kind": "done", "text": "It names the number now."} for id in ids]
    return [call("submit_review", summary="The comment is exact now.", answers=answers)]


def submit_mend(verdict: str = "mended") -> Block:
    return call(
        "submit_mend",
        verdict=verdict,
        headline="a dead link in the docs",
        cause="The link leads nowhere.",
        summary="It is gone.",
    )


def _rfc(request: Request) -> Sequence[Block]:
    """As asked for: a request for more detail gets more detail."""
    if "more detail" in str(request["messages"][0]):
        return [submit_rfc(design="`double` uses `saturating_mul`, which is const and needs no branch.")]
    return [submit_rfc()]


@dataclass
class Lines:
    """What the author says, turn by turn, in each assignment; the last line is said again for ever.

    Who `insists` hands in the same again where it is asked about tasks of the plan that it has not ticked.
    """

    insists: bool = True

    rfc: list[Line] = field(default_factory=lambda: [_rfc])
    critique: list[Line] = field(default_factory=lambda: [[submit_critique()]])
    plan: list[Line] = field(default_factory=lambda: [[submit_plan()]])
    plan_critique: list[Line] = field(default_factory=lambda: [[submit_plan_critique()]])
    tests: list[Line] = field(default_factory=lambda: [[write(crate.TESTS_PATH, crate.TESTS), submit_tests()]])
    change: list[Line] = field(default_factory=lambda: [[write(crate.LIBRARY_PATH, crate.SATURATING), submit_change()]])
    examination: list[Line] = field(default_factory=lambda: [[submit_examination()]])
    review: list[Line] = field(default_factory=lambda: [[write(crate.LIBRARY_PATH, crate.REWORDED), submit_review()]])
    update: list[Line] = field(default_factory=lambda: [[submit_update()]])
    mend: list[Line] = field(default_factory=lambda: [[write(crate.LIBRARY_PATH, crate.SATURATING), submit_mend()]])


class Gate:
    """A place where the author thinks until it is let go on; `reached` says that it has come there."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def wait_until_reached(self) -> None:
        assert self.reached.wait(WAITING), "the model was not asked"

    def open(self) -> None:
        self.opened.set()


class Author:
    """Plays every repository's lines; a repository is known by its id in the run's id."""

    def __init__(self) -> None:
        self._lines: dict[int, Lines] = {}
        self._gates: dict[tuple[int, str], Gate] = {}

    def learn(self, repository_id: int, lines: Lines) -> None:
        self._lines[repository_id] = lines

    def hold(self, repository_id: int, assignment: str) -> Gate:
        """Think, at the next request of this assignment (`rfc`, `plan` …), until the gate is opened; once."""
        gate = self._gates[(repository_id, assignment)] = Gate()
        return gate

    def release(self) -> None:
        """Open every gate: the story is over."""
        for gate in list(self._gates.values()):
            gate.open()
        self._gates.clear()

    def answer(self, request: Request) -> Sequence[Block] | Answer:
        repository_id = int(request["metadata"]["user_id"].split("-")[1])
        offered = [tool["name"] for tool in request["tools"] if tool["name"].startswith("submit_")]
        assignment = offered[0].removeprefix("submit_")
        gate = self._gates.pop((repository_id, assignment), None)
        if gate is not None:
            gate.reached.set()
            gate.opened.wait(WAITING)
        lines: list[Line] = getattr(self._lines[repository_id], assignment)
        if not lines:
            raise BrainError(f"nothing to say in {assignment}")
        messages, insists = request["messages"], self._lines[repository_id].insists
        if insists and _is_asked_about_tasks(messages[-1]):
            return [call(each["name"], **each["input"]) for each in messages[-2]["content"] if _hands_in(each)]
        line = lines[min(_said(messages, insists=insists), len(lines) - 1)]
        return line(request) if callable(line) else line


def _said(messages: Sequence[dict[str, Any]], *, insists: bool) -> int:
    """How many of the answers so far called a tool: what was cut off or refused does not count as said, nor what was insisted on."""
    answers = [
        message["content"]
        for before, message in pairwise(messages)
        if message["role"] == "assistant" and not (insists and _is_asked_about_tasks(before))
    ]
    return sum(
        any(block["type"] == "tool_use" for block in content) for content in answers if isinstance(content, list)
    )


def _is_asked_about_tasks(message: dict[str, Any]) -> bool:
    return "Tasks of your plan are still open" in str(message["content"])


def _hands_in(block: dict[str, Any]) -> bool:
    return block["type"] == "tool_use" and block["name"].startswith("submit_")
