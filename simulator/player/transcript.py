"""Reads a request: which assignment it is, which tools are on the table, and what has been done so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulator.messages.brain import Block, Request

BASH, EDITOR = "bash_", "text_editor_"


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool call came to, as the model sees it."""

    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """A turn with tool calls that is over: the calls, one result for each, in order, and what was said beside them."""

    calls: tuple[Block, ...]
    results: tuple[Result, ...]
    said: str = ""


class Offer:
    """The tools of a request by what they do; names and schemas are as the request gives them."""

    def __init__(self, request: Request) -> None:
        self._tools: Sequence[dict[str, Any]] = request.get("tools") or []
        self.bash = self._typed(BASH)
        self.editor = self._typed(EDITOR)
        self.submit = next((tool["name"] for tool in self._tools if tool["name"].startswith("submit")), None)

    def _typed(self, prefix: str) -> str | None:
        return next((t["name"] for t in self._tools if str(t.get("type", "")).startswith(prefix)), None)

    def has(self, name: str) -> bool:
        return any(tool["name"] == name for tool in self._tools)

    def schema(self, name: str) -> dict[str, Any]:
        """The input schema of a tool of the product's own; empty for a tool that the API itself describes."""
        return next((tool.get("input_schema", {}) for tool in self._tools if tool["name"] == name), {})


def brief(request: Request) -> str:
    """Everything that is said before the first answer: the system prompt and the first message."""
    system = request.get("system") or ""
    return _plain(system) + "\n" + _plain(request["messages"][0]["content"])


def past(request: Request) -> list[Past]:
    """The turns with tool calls, oldest first. Turns that were cut off, paused or only words are passed over."""
    turns = []
    messages = request["messages"]
    for message, answer in zip(messages, messages[1:], strict=False):
        if message["role"] != "assistant" or isinstance(message["content"], str) or answer["role"] != "user":
            continue
        calls = tuple(block for block in message["content"] if block["type"] == "tool_use")
        if calls:
            results = _results(answer["content"])
            matched = tuple(results.get(call["id"], Result("", True)) for call in calls)
            turns.append(Past(calls, matched, _plain(answer["content"])))
    return turns


def _results(content: Any) -> dict[str, Result]:
    blocks = [] if isinstance(content, str) else content
    return {
        block["tool_use_id"]: Result(_plain(block.get("content", "")), bool(block.get("is_error")))
        for block in blocks
        if block["type"] == "tool_result"
    }


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content if block.get("type") == "text")
