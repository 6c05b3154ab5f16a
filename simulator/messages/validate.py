"""Whether a request is one that the Messages API would accept; as strict as the API, and a little stricter.

Rules of version 2026-10-21 of the API and of the newest models: no sampling parameters, no forced tools, no switched-off
thinking, no prefilled answer. Stricter than the API: roles must alternate even where it would merge turns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jsonschema_rs

Request = dict[str, Any]

KNOWN = {
    "model", "max_tokens", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control",
    "stop_sequences", "metadata", "service_tier", "speed", "container", "diagnostics", "inference_geo", "stream",
}  # fmt: skip
REMOVED = ("temperature", "top_p", "top_k")
TYPED_TOOLS = {
    "bash_20250124": "bash",
    "text_editor_20250728": "str_replace_based_edit_tool",
    "text_editor_20250429": "str_replace_based_edit_tool",
    "memory_20250818": "memory",
    "web_search_20260318": "web_search",
    "web_fetch_20260318": "web_fetch",
    "code_execution_20260521": "code_execution",
}
TYPED_KEYS = {"type", "name", "cache_control", "max_characters", "allowed_callers", "defer_loading", "strict"}
CUSTOM_KEYS = {
    "type", "name", "description", "input_schema", "cache_control", "strict", "defer_loading", "eager_input_streaming",
    "allowed_callers", "input_examples",
}  # fmt: skip
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
MODERN = re.compile(r"claude-(opus|sonnet|haiku|fable|mythos)-5-[0-9]+")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
BLOCKS = {
    "user": {"text", "image", "document", "tool_result", "search_result"},
    "assistant": {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use"},
}
MAX_OUTPUT = 128_000
MAX_MARKS = 4


class Refused(Exception):
    """The request is not acceptable; positional arguments: HTTP status, error type, message."""

    @property
    def status(self) -> int:
        return int(self.args[0])

    @property
    def kind(self) -> str:
        return str(self.args[1])

    @property
    def message(self) -> str:
        return str(self.args[2])


def bad(message: str) -> Refused:
    return Refused(400, "invalid_request_error", message)


def need(condition: object, message: str) -> None:
    if not condition:
        raise bad(message)


def check(request: object, *, was_paused: Callable[[Any], bool], counting: bool = False) -> Request:
    """The request itself if it is acceptable; raises Refused. `was_paused` tells which last turns may be continued."""
    if not isinstance(request, dict):
        raise bad("the body must be a JSON object")
    _top_level(request, counting)
    _system(request.get("system"))
    _tools(request.get("tools"))
    _model_rules(request)
    _messages(request["messages"], was_paused)
    _marks(request)
    return request


def _top_level(request: Request, counting: bool) -> None:
    for name in REMOVED:
        need(name not in request, f"{name}: this parameter is no longer supported")
    for name in request:
        need(name in KNOWN, f"{name}: Extra inputs are not permitted")
    for name in ("model", "messages", *(() if counting else ("max_tokens",))):
        need(name in request, f"{name}: Field required")
    need(isinstance(request["model"], str) and request["model"], "model: Input should be a non-empty string")
    if not request["model"].startswith("claude-"):
        raise Refused(404, "not_found_error", f"model: {request['model']}")
    if not counting:
        limit = request["max_tokens"]
        need(_is_int(limit) and 0 <= limit <= MAX_OUTPUT, f"max_tokens: {limit!r} is not between 0 and {MAX_OUTPUT}")
    need(isinstance(request.get("stream", False), bool), "stream: Input should be a boolean")
    metadata = request.get("metadata", {})
    need(isinstance(metadata, dict) and set(metadata) <= {"user_id"}, "metadata: only user_id is permitted")
    need(len(metadata.get("user_id") or "") <= 256, "metadata.user_id: at most 256 characters")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _model_rules(request: Request) -> None:
    choice, thinking, output = request.get("tool_choice"), request.get("thinking"), request.get("output_config")
    if choice is not None:
        need(request.get("tools"), "tool_choice may only be specified while providing tools")
        need(choice.get("type") in ("auto", "any", "tool", "none"), "tool_choice.type: unknown")
    if output is not None:
        need(isinstance(output, dict) and set(output) <= {"effort", "format", "task_budget"}, "output_config: unknown")
        need(output.get("effort") in (None, *EFFORTS), f"output_config.effort: one of {', '.join(EFFORTS)}")
    if MODERN.fullmatch(request["model"]):
        forced = choice is not None and choice["type"] in ("any", "tool")
        need(not forced, f"tool_choice: forcing a tool is not supported by {request['model']}")
        kind = thinking.get("type") if isinstance(thinking, dict) else None
        need(kind in (None, "adaptive", "between_tools"), f"thinking.type: {kind!r} is not supported by this model")


def _system(system: object) -> None:
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        raise bad("system: Input should be a string or a list of text blocks")
    for index, block in enumerate(system):
        need(isinstance(block, dict) and block.get("type") == "text", f"system.{index}: must be a text block")
        _text(block, f"system.{index}")


def _tools(tools: object) -> None:
    if tools is None:
        return
    if not isinstance(tools, list):
        raise bad("tools: Input should be a list")
    names = []
    for index, tool in enumerate(tools):
        place = f"tools.{index}"
        need(isinstance(tool, dict), f"{place}: Input should be an object")
        kind, name = tool.get("type", "custom"), tool.get("name")
        need(isinstance(name, str) and TOOL_NAME.fullmatch(name), f"{place}.name: should match {TOOL_NAME.pattern}")
        if kind in (None, "custom"):
            _custom_tool(tool, place)
        else:
            need(kind in TYPED_TOOLS, f"{place}.type: {kind!r} is not a tool that this API knows")
            need(name == TYPED_TOOLS[kind], f"{place}.name: must be {TYPED_TOOLS[kind]!r}")
            need(kind.startswith("web_") or set(tool) <= TYPED_KEYS, f"{place}: Extra inputs are not permitted")
        names.append(name)
    need(len(names) == len(set(names)), "tools: Tool names must be unique.")


def _custom_tool(tool: Request, place: str) -> None:
    extra = set(tool) - CUSTOM_KEYS
    need(not extra, f"{place}: Extra inputs are not permitted: {', '.join(sorted(extra))}")
    schema = tool.get("input_schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise bad(f"{place}.input_schema.type: must be 'object'")
    for word in ("oneOf", "anyOf", "allOf"):
        need(word not in schema, f"{place}.input_schema: does not support {word} at the top level")
    need(jsonschema_rs.meta.is_valid(schema), f"{place}.input_schema: is not a JSON schema of draft 2020-12")
    description = tool.get("description", "")
    need(isinstance(description, str), f"{place}.description: Input should be a string")


def _messages(messages: object, was_paused: Callable[[Any], bool]) -> None:
    if not isinstance(messages, list) or not messages:
        raise bad("messages: at least one message is required")
    open_calls: list[str] = []
    previous: Request | None = None
    for index, message in enumerate(messages):
        place = f"messages.{index}"
        need(isinstance(message, dict) and set(message) == {"role", "content"}, f"{place}: needs role and content only")
        role = message["role"]
        need(role in BLOCKS, f"{place}.role: must be 'user' or 'assistant'")
        if previous is None:
            need(role == "user", "messages.0: the first message must use the user role")
        elif role == previous["role"]:
            need(was_paused(previous["content"]), f"{place}: roles must alternate")
        blocks = _content(message["content"], role, place)
        if role == "user":
            _answers(blocks, open_calls, place)
        open_calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        need(len(open_calls) == len(set(open_calls)), f"{place}: `tool_use` ids must be unique")
        previous = message
    if previous is not None and previous["role"] == "assistant":
        need(was_paused(previous["content"]), "messages: this model does not support assistant message prefill")


def _content(content: object, role: str, place: str) -> list[Request]:
    if isinstance(content, str):
        need(content.strip(), f"{place}: text content blocks must be non-empty")
        return [{"type": "text", "text": content}]
    if not isinstance(content, list) or not content:
        raise bad(f"{place}.content: must be a non-empty string or list")
    for number, block in enumerate(content):
        where = f"{place}.content.{number}"
        need(isinstance(block, dict) and block.get("type") in BLOCKS[role], f"{where}: not a block of role {role}")
        _block(block, where)
    return content


def _block(block: Request, place: str) -> None:
    match block["type"]:
        case "text":
            _text(block, place)
        case "thinking":
            has = isinstance(block.get("thinking"), str) and isinstance(block.get("signature"), str)
            need(has and block["signature"], f"{place}: thinking blocks need `thinking` and `signature`")
        case "tool_use":
            complete = isinstance(block.get("id"), str) and isinstance(block.get("input"), dict)
            need(
                complete and isinstance(block.get("name"), str), f"{place}: tool_use needs id, name and an input object"
            )
        case "tool_result":
            _tool_result(block, place)


def _text(block: Request, place: str) -> None:
    text = block.get("text")
    need(isinstance(text, str) and text.strip(), f"{place}.text: text content blocks must contain non-whitespace text")
    need(not block.get("citations"), f"{place}.citations: are not permitted here")


def _tool_result(block: Request, place: str) -> None:
    allowed = {"type", "tool_use_id", "content", "is_error", "cache_control"}
    need(set(block) <= allowed, f"{place}: Extra inputs are not permitted")
    need(isinstance(block.get("tool_use_id"), str), f"{place}.tool_use_id: Field required")
    need(isinstance(block.get("is_error", False), bool), f"{place}.is_error: Input should be a boolean")
    content = block.get("content", "")
    need(isinstance(content, str | list), f"{place}.content: Input should be a string or a list of blocks")
    for number, part in enumerate(content if isinstance(content, list) else []):
        known = isinstance(part, dict) and part.get("type") in ("text", "image", "document", "search_result")
        need(known, f"{place}.content.{number}: not a block of a tool result")
        if part["type"] == "text":
            _text(part, f"{place}.content.{number}")


def _answers(blocks: list[Request], open_calls: list[str], place: str) -> None:
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    missing = [call for call in open_calls if call not in results]
    need(not missing, f"{place}: `tool_use` ids were found without `tool_result` blocks: {', '.join(missing)}")
    stray = [call for call in results if call not in open_calls]
    need(not stray, f"{place}: unexpected `tool_use_id` in `tool_result` blocks: {', '.join(stray)}")
    need(len(results) == len(set(results)), f"{place}: each tool_use must have a single result")
    first_other = next((n for n, block in enumerate(blocks) if block["type"] != "tool_result"), len(blocks))
    need(first_other >= len(results), f"{place}: `tool_result` blocks must come first in the content")


def _marks(request: Request) -> None:
    holders = [request, *(request.get("tools") or [])]
    holders += request["system"] if isinstance(request.get("system"), list) else []
    for message in request["messages"]:
        holders += message["content"] if isinstance(message["content"], list) else []
    marks = [holder["cache_control"] for holder in holders if holder.get("cache_control") is not None]
    for mark in marks:
        right = isinstance(mark, dict) and mark.get("type") == "ephemeral" and mark.get("ttl", "5m") in ("5m", "1h")
        need(right, "cache_control: must be {'type': 'ephemeral'} with ttl '5m' or '1h'")
    need(
        len(marks) <= MAX_MARKS,
        f"A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {len(marks)}.",
    )
