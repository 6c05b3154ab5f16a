"""A small client for tests of the simulated model: the real SDK, tools on a plain directory, a check that reads files only."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic

from simulator.trees import Tree, read, write

MODEL = "claude-opus-5-5"
BASH: dict[str, Any] = {"type": "bash_20250124", "name": "bash"}
EDITOR: dict[str, Any] = {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}
TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}


def tool(name: str, /, **properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"name": name, "description": f"{name} something", "input_schema": schema}


CHECK = tool("check", scope={"type": "string", "enum": ["quick", "full"]})
SUBMIT_RFC = tool("submit_rfc", title=TEXT, citations={"type": "array"}, criteria={"type": "array"}, extra=TEXT)
ANSWERING_RFC = tool(
    "submit_rfc", title=TEXT, citations={"type": "array"}, criteria={"type": "array"}, answers={"type": "array"}
)
SUBMIT_CRITIQUE = tool("submit_critique", findings={"type": "array"})
SUBMIT_PLAN = tool("submit_plan", tasks={"type": "array"}, answers={"type": "array"})
SUBMIT_PLAN_CRITIQUE = tool("submit_plan_critique", findings={"type": "array"})
SUBMIT_TESTS = tool("submit_tests", tests={"type": "array"}, notes=TEXT)
SUBMIT_CHANGE = tool("submit_change", title=TEXT, summary=TEXT)
SUBMIT_REVIEW = tool("submit_review", summary=TEXT, answers={"type": "array"})


class Refusal(Exception):
    """A tool call that cannot be carried out."""


class Bench:
    """A workspace and the loop of an agent; `submitted` is what was handed in, `calls` everything that was called."""

    def __init__(self, url: str, workspace: Path, tree: Tree, check: Callable[[Tree], str] = lambda tree: "ok") -> None:
        self.client = anthropic.Anthropic(api_key="key", base_url=url, max_retries=0)
        self.workspace = workspace
        self.check = check
        self.calls: list[dict[str, Any]] = []
        self.submitted: dict[str, Any] | None = None
        self.messages: list[dict[str, Any]] = []
        self.broken_edits = 0
        self.path = ""
        self.complain: Callable[[dict[str, Any]], str] = lambda given: ""
        workspace.mkdir(parents=True, exist_ok=True)
        write(tree, workspace)

    @property
    def tree(self) -> dict[str, Any]:
        return read(self.workspace)

    def request(self, tools: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {"model": MODEL, "max_tokens": 32_000, "messages": self.messages, "tools": tools, **more}

    def turn(self, tools: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
        """One request over a stream; the answer is put behind the messages and returned."""
        with self.client.messages.stream(**self.request(tools, **more)) as stream:
            message = stream.get_final_message()
        content = [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in message.content]
        self.messages.append({"role": "assistant", "content": content})
        return content

    def run(self, brief: str, tools: list[dict[str, Any]], turns: int = 60) -> None:
        """An assignment from its brief to its submission."""
        self.messages = [{"role": "user", "content": brief}]
        self.go_on(tools, turns)

    def go_on(self, tools: list[dict[str, Any]], turns: int = 60) -> None:
        """The conversation as it stands, to its submission."""
        self.submitted = None
        for _ in range(turns):
            calls = [block for block in self.turn(tools) if block["type"] == "tool_use"]
            assert calls, "the player stopped without handing in"
            results = [self._result(call) for call in calls]
            if self.submitted is not None:
                return
            self.messages.append({"role": "user", "content": results})
        raise AssertionError("the player did not come to an end")

    def accepted(self) -> dict[str, Any]:
        """The result of the submission that ended the conversation, for one that goes on."""
        return {"type": "tool_result", "tool_use_id": self.calls[-1]["id"], "content": "Accepted."}

    def _result(self, call: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(call)
        result = {"type": "tool_result", "tool_use_id": call["id"]}
        try:
            return result | {"content": self._carry_out(call["name"], call["input"]) or "(nothing)"}
        except Refusal as refusal:
            return result | {"content": str(refusal), "is_error": True}

    def _carry_out(self, name: str, given: dict[str, Any]) -> str:
        if name == "bash":
            # Never the machine's own cargo: what the player probes with it is the business of containers.
            command = ["env", f"PATH={self.path}:/usr/bin:/bin", "bash", "-c", given["command"]]
            done = subprocess.run(command, cwd=self.workspace, capture_output=True, text=True, check=False)
            return done.stdout + done.stderr
        if name == EDITOR["name"]:
            return self._edit(given)
        if name == "check":
            return self.check(self.tree)
        if name.startswith("submit"):
            if complaint := self.complain(given):
                raise Refusal(complaint)
            self.submitted = given
            return "Accepted."
        return "Noted."

    def _edit(self, given: dict[str, Any]) -> str:
        place = self.workspace / given["path"]
        if self.broken_edits and given["command"] != "view":
            self.broken_edits -= 1
            raise Refusal("the disk is full, or so")
        match given["command"]:
            case "view":
                return place.read_text()
            case "create":
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(given["file_text"])
            case "str_replace":
                text = place.read_text()
                if text.count(given["old_str"]) != 1:
                    raise Refusal(f"old_str occurs {text.count(given['old_str'])} times")
                place.write_text(text.replace(given["old_str"], given["new_str"]))
        return "Edited."
