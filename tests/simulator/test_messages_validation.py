"""What the simulated Messages API refuses, and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.messages.validate import Refused, check
from tests.simulator.harness import BASH, EDITOR, MODEL

USER = {"role": "user", "content": "Hello."}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {"command": "ls"}}
ASSISTANT = {"role": "assistant", "content": [CALL]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]}
TOOL = {"name": "check", "description": "runs checks", "input_schema": {"type": "object", "properties": {}}}


def accepted(**changes: Any) -> dict[str, Any]:
    request = {"model": MODEL, "max_tokens": 100, "messages": [USER], **changes}
    return check({key: value for key, value in request.items() if value is not None}, was_paused=lambda content: False)


def test_a_whole_conversation_is_accepted() -> None:
    messages = [USER, ASSISTANT, RESULT, {"role": "assistant", "content": "Fine."}, USER]
    request = accepted(
        messages=messages,
        tools=[BASH, EDITOR, TOOL],
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        thinking={"type": "adaptive", "display": "summarized"},
        output_config={"effort": "high"},
        cache_control={"type": "ephemeral"},
        metadata={"user_id": "somebody"},
        tool_choice={"type": "auto"},
    )
    assert request["messages"] == messages


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature": 1.0}, "temperature"),
        ({"top_p": 0.5}, "top_p"),
        ({"colour": "red"}, "Extra inputs"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 500_000}, "max_tokens"),
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "first message"),
        ({"messages": [{"role": "system", "content": "x"}]}, "role"),
        ({"messages": [USER, USER]}, "alternate"),
        ({"messages": [USER, {"role": "assistant", "content": "I"}]}, "prefill"),
        ({"messages": [{"role": "user", "content": " "}]}, "non-empty"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "non-whitespace"),
        ({"messages": [USER, ASSISTANT, USER]}, "without `tool_result`"),
        ({"messages": [RESULT]}, "unexpected `tool_use_id`"),
        (
            {
                "messages": [
                    USER,
                    ASSISTANT,
                    {"role": "user", "content": [{"type": "text", "text": "a"}, *RESULT["content"]]},
                ]
            },
            "come first",
        ),
        ({"messages": [USER, ASSISTANT, {"role": "user", "content": RESULT["content"] * 2}]}, "single result"),
        ({"tool_choice": {"type": "any"}, "tools": [BASH]}, "forcing a tool"),
        ({"tool_choice": {"type": "auto"}}, "while providing tools"),
        ({"thinking": {"type": "disabled"}}, "thinking"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "thinking"),
        ({"tools": [BASH, BASH]}, "unique"),
        ({"tools": [{"type": "bash_20250124", "name": "shell"}]}, "must be 'bash'"),
        ({"tools": [{"type": "text_editor_20250728", "name": "editor"}]}, "str_replace_based_edit_tool"),
        ({"tools": [{"type": "bash_19990101", "name": "bash"}]}, "not a tool"),
        ({"tools": [{**TOOL, "input_schema": {"type": "array"}}]}, "must be 'object'"),
        ({"tools": [{**TOOL, "input_schema": {"type": "object", "required": 3}}]}, "not a JSON schema"),
        ({"tools": [{**TOOL, "name": "with space"}]}, "should match"),
        ({"tools": [{**TOOL, "examples": []}]}, "Extra inputs"),
        ({"output_config": {"effort": "huge"}}, "effort"),
        ({"metadata": {"name": "x"}}, "user_id"),
        ({"system": [{"type": "image"}]}, "text block"),
        ({"cache_control": {"type": "forever"}}, "cache_control"),
        ({"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5}, "maximum of 4"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as refusal:
        accepted(**changes)
    assert refusal.value.status == 400
    assert words in refusal.value.message


def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(Refused) as refusal:
        accepted(model="gpt")
    assert (refusal.value.status, refusal.value.kind) == (404, "not_found_error")


def test_an_older_model_may_be_told_to_use_a_tool() -> None:
    request = accepted(model="claude-haiku-4-5", tools=[BASH], tool_choice={"type": "tool", "name": "bash"})
    assert request["tool_choice"]["name"] == "bash"
