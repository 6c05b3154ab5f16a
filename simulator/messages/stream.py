"""A finished message as server-sent events, in the order and the shapes of the Messages API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Event = tuple[str, dict[str, Any]]
CHUNK = 80


def encode(event: Event) -> bytes:
    """One event as it goes over the wire."""
    name, data = event
    return f"event: {name}\ndata: {json.dumps({'type': name} | data)}\n\n".encode()


def events(message: dict[str, Any]) -> Iterator[Event]:
    """The message, piece by piece; texts and tool inputs come in small deltas."""
    usage = message["usage"]
    start = message | {"content": [], "stop_reason": None, "stop_details": None, "usage": usage | {"output_tokens": 1}}
    yield "message_start", {"message": start}
    yield "ping", {}
    for index, block in enumerate(message["content"]):
        yield from _block_events(index, block)
    ending = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details", "container")}
    yield "message_delta", {"delta": ending, "usage": _final_usage(usage)}
    yield "message_stop", {}


def _final_usage(usage: dict[str, Any]) -> dict[str, Any]:
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    return {name: usage[name] for name in names}


def _block_events(index: int, block: dict[str, Any]) -> Iterator[Event]:
    empty, deltas = _opened(block)
    yield "content_block_start", {"index": index, "content_block": empty}
    for delta in deltas:
        yield "content_block_delta", {"index": index, "delta": delta}
    yield "content_block_stop", {"index": index}


def _opened(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match block["type"]:
        case "text":
            return block | {"text": ""}, [{"type": "text_delta", "text": part} for part in _chunks(block["text"])]
        case "thinking":
            thoughts = [{"type": "thinking_delta", "thinking": part} for part in _chunks(block["thinking"])]
            signature = {"type": "signature_delta", "signature": block["signature"]}
            return block | {"thinking": "", "signature": ""}, [*thoughts, signature]
        case "tool_use":
            text = json.dumps(block["input"], ensure_ascii=False)
            parts = ["", *_chunks(text)]
            return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]
        case _:
            return block, []


def _chunks(text: str) -> list[str]:
    # Long inputs come in longer pieces, so that a file of many kilobytes does not become thousands of events.
    size = max(CHUNK, len(text) // 40)
    return [text[start : start + size] for start in range(0, len(text), size)]
