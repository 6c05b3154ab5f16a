"""Binds what was answered to the conversation it was answered in: earlier turns must come back unchanged.

A thinking block's signature covers the model, the messages before it and the whole turn. Turns without thinking are
remembered by the ids of their tool calls. So an edited, reordered or shortened history is found at the next request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from typing import Any

from simulator.messages.tokens import plain

KEY = b"the simulator's own signature key; it protects nothing"
MEANT = {"text": ("text",), "thinking": ("thinking",), "tool_use": ("id", "name", "input")}


class Changed(Exception):
    """An earlier assistant turn is not what was sent; positional arguments: index of the message, a sentence."""


class Bindings:
    """Signs turns and recognises them again; safe to use from several threads."""

    def __init__(self) -> None:
        self._sent: dict[str, str] = {}
        self._paused: set[str] = set()
        self._lock = threading.Lock()

    def complete(self, request: dict[str, Any], content: list[dict[str, Any]], *, paused: bool) -> list[dict[str, Any]]:
        """The blocks with the ids and signatures that they lack; remembered for `check`.

        Ids are drawn from the request itself, so that a repeated request gets the same ids.
        """
        seed = digest(request["messages"])
        blocks = []
        for index, given in enumerate(content):
            block = dict(given)
            if block["type"] == "tool_use":
                block.setdefault("id", "toolu_" + hashlib.sha256(f"{seed}/{index}".encode()).hexdigest()[:24])
            blocks.append(block)
        signature = sign(request["model"], request["messages"], blocks)
        for block in blocks:
            if block["type"] == "thinking":
                block["signature"] = signature
        self._remember(blocks, paused)
        return blocks

    def _remember(self, blocks: list[dict[str, Any]], paused: bool) -> None:
        with self._lock:
            for block in blocks:
                if block["type"] == "tool_use":
                    self._sent[block["id"]] = digest(blocks)
            if paused:
                self._paused.add(digest(blocks))

    def was_paused(self, content: Any) -> bool:
        """Whether this is a turn that ended with `pause_turn`: it may be the last message, to be continued."""
        with self._lock:
            return digest(content) in self._paused

    def check(self, request: dict[str, Any]) -> None:
        """Raises Changed where an assistant turn of this request is not what was sent."""
        for index, message in enumerate(request["messages"]):
            if message["role"] != "assistant" or isinstance(message["content"], str):
                continue
            content = message["content"]
            expected = sign(request["model"], request["messages"][:index], content)
            for block in content:
                if block["type"] == "thinking" and not hmac.compare_digest(block["signature"], expected):
                    raise Changed(index, "`thinking` blocks cannot be modified, nor what stands before or beside them")
                with self._lock:
                    sent = self._sent.get(block.get("id", ""))
                if sent is not None and sent != digest(content):
                    raise Changed(index, f"the turn with {block['id']} is not the one that was sent")


def meaning(content: Any) -> Any:
    """Content in one form: what counts of each block, without cache marks and fields that clients add."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    blocks = []
    for block in content:
        names = MEANT.get(block.get("type", ""))
        blocks.append({name: block.get(name) for name in ("type", *names)} if names else plain(block))
    return blocks


def digest(value: Any) -> str:
    """A fingerprint of messages or of one message's content."""
    if isinstance(value, list) and value and "role" in value[0]:
        value = [[message["role"], meaning(message["content"])] for message in value]
    else:
        value = meaning(value)
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def sign(model: str, before: list[dict[str, Any]], content: list[dict[str, Any]]) -> str:
    """The signature of a turn."""
    text = "\n".join([model, digest(before), digest(content)])
    return base64.b64encode(hmac.new(KEY, text.encode(), hashlib.sha256).digest()).decode()
