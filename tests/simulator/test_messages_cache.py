"""Cache figures and the binding of earlier turns."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.messages.binding import Bindings, Changed
from simulator.messages.tokens import PromptCache

LONG = "word " * 1000  # 1,250 tokens
EPHEMERAL = {"type": "ephemeral"}
USER = {"role": "user", "content": "Hello."}


def request(*texts: str, automatic: bool = True, **more: Any) -> dict[str, Any]:
    roles = ["user", "assistant"] * len(texts)
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    cache = {"cache_control": EPHEMERAL} if automatic else {}
    return {"model": "m", "messages": messages, **cache, **more}


def read(usage: dict[str, Any]) -> int:
    return int(usage["cache_read_input_tokens"])


def test_the_longest_common_prefix_is_read_and_the_rest_is_written() -> None:
    cache = PromptCache()
    first = cache.usage(request(LONG))
    second = cache.usage(request(LONG, "answer", LONG))
    assert first["cache_creation_input_tokens"] == read(second) >= 1250
    assert second["cache_creation_input_tokens"] >= 1250
    assert first["input_tokens"] == second["input_tokens"] == 0


def test_a_change_at_the_beginning_finds_nothing() -> None:
    cache = PromptCache()
    cache.usage(request(LONG, system="A"))
    assert read(cache.usage(request(LONG, system="B"))) == 0


def test_a_short_prompt_is_not_cached() -> None:
    cache = PromptCache()
    for _ in range(2):
        usage = cache.usage(request("short"))
    assert (read(usage), usage["cache_creation_input_tokens"]) == (0, 0)
    assert usage["input_tokens"] > 0


def test_nothing_is_cached_without_asking() -> None:
    cache = PromptCache()
    cache.usage(request(LONG, automatic=False))
    assert read(cache.usage(request(LONG))) == 0


def test_only_what_stands_before_a_mark_is_kept() -> None:
    cache = PromptCache()
    system = [{"type": "text", "text": LONG, "cache_control": EPHEMERAL}]
    usage = cache.usage(request(LONG, automatic=False, system=system))
    assert usage["cache_creation_input_tokens"] < 1300 < usage["input_tokens"] + usage["cache_creation_input_tokens"]
    assert read(cache.usage(request("other", automatic=False, system=system))) == usage["cache_creation_input_tokens"]


def test_five_minutes_without_use_are_too_long_and_each_use_counts() -> None:
    now = [0.0]
    cache = PromptCache(lambda: now[0])
    cache.usage(request(LONG))
    now[0] = 290.0
    assert read(cache.usage(request(LONG))) > 0
    now[0] = 580.0
    assert read(cache.usage(request(LONG))) > 0
    now[0] = 881.0
    assert read(cache.usage(request(LONG))) == 0


def test_an_hour_can_be_asked_for() -> None:
    now = [0.0]
    cache = PromptCache(lambda: now[0])
    hour = request(LONG, automatic=False, cache_control={"type": "ephemeral", "ttl": "1h"})
    assert cache.usage(hour)["cache_creation"]["ephemeral_1h_input_tokens"] > 0
    now[0] = 3000.0
    assert read(cache.usage(hour)) > 0


def test_the_form_of_a_text_does_not_count() -> None:
    cache = PromptCache()
    cache.usage(request(LONG))
    blocks = [{"role": "user", "content": [{"type": "text", "text": LONG}]}]
    assert read(cache.usage({"model": "m", "messages": blocks, "cache_control": EPHEMERAL})) > 0


# --- binding ---------------------------------------------------------------------------------------------------------

TURN: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "Hm."},
    {"type": "tool_use", "name": "bash", "input": {"command": "ls"}},
]


def conversation(content: list[dict[str, Any]], first: dict[str, Any] = USER) -> dict[str, Any]:
    return {"model": "m", "messages": [first, {"role": "assistant", "content": content}, USER]}


def bound(turn: list[dict[str, Any]] = TURN) -> tuple[Bindings, list[dict[str, Any]]]:
    bindings = Bindings()
    return bindings, bindings.complete({"model": "m", "messages": [USER]}, turn, paused=False)


def test_an_unchanged_turn_is_recognised_also_by_another_server() -> None:
    bindings, content = bound()
    bindings.check(conversation(content))
    Bindings().check(conversation([{**block, "cache_control": EPHEMERAL} for block in content]))
    assert content[1]["id"].startswith("toolu_")


@pytest.mark.parametrize("change", [{"thinking": "Other."}, {"signature": "AAAA"}])
def test_a_changed_thought_is_found(change: dict[str, str]) -> None:
    bindings, content = bound()
    with pytest.raises(Changed):
        bindings.check(conversation([{**content[0], **change}, content[1]]))


def test_a_changed_call_is_found_with_and_without_thinking() -> None:
    for turn in (TURN, TURN[1:]):
        bindings, content = bound(turn)
        changed = [*content[:-1], {**content[-1], "input": {"command": "rm"}}]
        with pytest.raises(Changed):
            bindings.check(conversation(changed))


def test_a_changed_message_before_a_thought_is_found() -> None:
    bindings, content = bound()
    with pytest.raises(Changed):
        bindings.check(conversation(content, first={"role": "user", "content": "Something else."}))


def test_the_same_request_gets_the_same_ids() -> None:
    assert bound()[1] == bound()[1]
