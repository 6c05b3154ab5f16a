"""Counting tokens and the prompt cache: what the figures in `usage` are made of.

A token is four characters of a piece's JSON. A request falls into pieces in the order in which the API reads it: the
tools, each block of the system prompt, each block of each message. A request that asks for caching finds the longest
prefix of whole pieces that an earlier such request has left, if that is at least 512 tokens long and younger than five
minutes; each use makes it young again.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

MINIMUM = 512
LIFE = {"5m": 300.0, "1h": 3600.0}
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit of the cache: its text, and whether the request marks it as the end of a prefix to keep (for how long)."""

    text: str
    mark: str | None = None

    @property
    def tokens(self) -> int:
        return max(1, len(self.text) // CHARACTERS_PER_TOKEN)


def count(value: Any) -> int:
    """Tokens of any JSON value."""
    return Piece(value if isinstance(value, str) else json.dumps(value, sort_keys=True)).tokens


def pieces(request: dict[str, Any]) -> list[Piece]:
    """The request in prompt order."""
    result = []
    if request.get("tools"):
        result.append(_piece("tools", request["tools"]))
    result += [_piece("system", block) for block in _blocks(request.get("system") or [])]
    for message in request.get("messages", []):
        result += [_piece(message["role"], block) for block in _blocks(message["content"])]
    automatic = _life(request.get("cache_control"))
    if result and automatic:
        result[-1] = Piece(result[-1].text, automatic)
    return result


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _piece(role: str, value: Any) -> Piece:
    marks = [_life(part.get("cache_control")) for part in (value if isinstance(value, list) else [value])]
    return Piece(json.dumps([role, plain(value)], sort_keys=True), next((m for m in reversed(marks) if m), None))


def _life(control: Any) -> str | None:
    return control.get("ttl", "5m") if isinstance(control, dict) else None


def plain(value: Any) -> Any:
    """The value without cache marks: they are no part of the prompt."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if key != "cache_control"}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


class PromptCache:
    """Remembers prefixes of earlier requests; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._expires: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def usage(self, request: dict[str, Any]) -> dict[str, Any]:
        """The input side of `usage`; notes what the request leaves in the cache."""
        parts = pieces(request)
        totals = list(accumulate(part.tokens for part in parts))
        total = totals[-1] if totals else 0
        last = max((index for index, part in enumerate(parts) if part.mark), default=None)
        if last is None or totals[last] < MINIMUM:
            return _figures(total, 0, 0, "5m")
        life = parts[last].mark or "5m"
        keys = _keys(parts[: last + 1])
        with self._lock:
            read = self._read_and_keep(keys, totals, LIFE[life])
        return _figures(total - totals[last], totals[last] - read, read, life)

    def _read_and_keep(self, keys: list[bytes], totals: list[int], life: float) -> int:
        now, read = self._clock(), 0
        for key, tokens in zip(keys, totals, strict=False):
            if tokens >= MINIMUM and self._expires.get(key, 0.0) > now:
                read = tokens
        for key in keys:
            self._expires[key] = max(self._expires.get(key, 0.0), now + life)
        return read


def _keys(parts: list[Piece]) -> list[bytes]:
    digest, keys = hashlib.sha256(), []
    for part in parts:
        digest.update(part.text.encode() + b"\0")
        keys.append(digest.digest())
    return keys


def _figures(new: int, written: int, read: int, life: str) -> dict[str, Any]:
    return {
        "input_tokens": new,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": written if life == "5m" else 0,
            "ephemeral_1h_input_tokens": written if life == "1h" else 0,
        },
    }
