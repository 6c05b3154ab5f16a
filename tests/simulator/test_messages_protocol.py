"""The simulated Messages API against the real SDK: streams, counting, models, errors, faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from simulator.messages.brain import Answer, ScriptedBrain, call, say
from simulator.messages.server import MessagesServer
from tests.simulator.harness import BASH, MODEL, Bench

HELLO = [{"role": "user", "content": "Hello."}]
THINKING = {"type": "thinking", "thinking": "Let me see."}

Serve = Callable[..., MessagesServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers with scripted answers; they end with the test."""
    with ExitStack() as stack:
        yield lambda *answers, **settings: stack.enter_context(MessagesServer(ScriptedBrain(answers), **settings))


def client(server: MessagesServer, **settings: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.url, **{"api_key": "key", "max_retries": 0, **settings})


def ask(server: MessagesServer, messages: Any = None, **more: Any) -> anthropic.types.Message:
    return client(server).messages.create(model=MODEL, max_tokens=1000, messages=messages or HELLO, **more)


def test_an_answer_comes_as_json(serve: Serve) -> None:
    message = ask(serve([say("Good day.")]))
    assert (message.content[0].text, message.stop_reason) == ("Good day.", "end_turn")


def test_a_stream_carries_every_kind_of_block(serve: Serve) -> None:
    server = serve([THINKING, say("I look. " * 40), call("bash", command="ls " * 100)])
    seen = []
    with client(server).messages.stream(model=MODEL, max_tokens=1000, messages=HELLO, tools=[BASH]) as stream:
        for event in stream:
            seen.append(event.type)
        message = stream.get_final_message()
    thinking, text, tool_use = message.content
    assert (thinking.thinking, text.text) == ("Let me see.", "I look. " * 40)
    assert thinking.signature
    assert tool_use.input == {"command": "ls " * 100}
    assert message.stop_reason == "tool_use"
    assert (seen[0], seen[-1]) == ("message_start", "message_stop")
    assert seen.count("content_block_start") == seen.count("content_block_stop") == 3


def test_a_stream_and_json_say_the_same(serve: Serve) -> None:
    blocks = [THINKING, say("Both."), call("bash", command="true")]
    server = serve(blocks, blocks)
    plain = ask(server, tools=[BASH]).to_dict()
    with client(server).messages.stream(model=MODEL, max_tokens=1000, messages=HELLO, tools=[BASH]) as stream:
        streamed = stream.get_final_message().to_dict()
    assert [_bare(block) for block in streamed["content"]] == [_bare(block) for block in plain["content"]]
    assert streamed["usage"]["output_tokens"] == plain["usage"]["output_tokens"]


def _bare(block: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if value is not None}


def test_requests_are_kept_with_their_answers(serve: Serve) -> None:
    server = serve([say("One.")])
    ask(server)
    [exchange] = server.requests
    assert exchange.body["messages"] == HELLO
    assert (exchange.status, exchange.message["content"]) == (200, [say("One.")])


def test_tokens_are_counted_without_an_answer(serve: Serve) -> None:
    counted = client(serve()).messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "x" * 4000}])
    assert 1000 <= counted.input_tokens < 1050


def test_models_are_listed_and_found(serve: Serve) -> None:
    reached = client(serve())
    assert MODEL in [model.id for model in reached.models.list()]
    assert reached.models.retrieve(MODEL).lifecycle == "active"
    with pytest.raises(anthropic.NotFoundError):
        reached.models.retrieve("claude-none")


def test_a_wrong_key_is_refused(serve: Serve) -> None:
    server = serve([say("Never.")], api_key="the key")
    with pytest.raises(anthropic.AuthenticationError):
        ask(server)


def test_a_missing_key_is_refused(serve: Serve) -> None:
    response = httpx2.post(f"{serve().url}/v1/messages", json={}, headers={"anthropic-version": "2026-10-21"})
    assert (response.status_code, response.json()["error"]["type"]) == (401, "authentication_error")


def test_an_unknown_path_is_not_found(serve: Serve) -> None:
    assert httpx2.post(f"{serve().url}/v1/other", json={}).json()["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("rate_limit", anthropic.RateLimitError),
        ("overloaded", anthropic.APIStatusError),
        ("broken", anthropic.InternalServerError),
        ("authentication", anthropic.AuthenticationError),
        ("credit", anthropic.BadRequestError),
    ],
)
def test_a_refusing_service_is_told_by_its_status(serve: Serve, kind: str, error: type[Exception]) -> None:
    server = serve([say("Later.")])
    server.inject(kind)
    with pytest.raises(error):
        ask(server)
    assert ask(server).content[0].text == "Later."
    assert server.faults.pending == 0


def test_the_sdk_overcomes_an_overload_by_itself(serve: Serve) -> None:
    server = serve([say("At last.")])
    server.inject("overloaded", times=2)
    message = client(server, max_retries=2).messages.create(model=MODEL, max_tokens=10, messages=HELLO)
    assert message.content[0].text == "At last."
    assert [exchange.status for exchange in server.requests] == [529, 529, 200]


def test_a_broken_stream_drops_the_connection_and_the_answer_comes_again(serve: Serve) -> None:
    server = serve([say("Whole. " * 50)])
    server.inject("broken_stream", after=4)
    with pytest.raises(httpx2.RemoteProtocolError):
        _stream(server)
    assert _stream(server).content[0].text == "Whole. " * 50


def test_an_error_inside_a_stream_is_an_event(serve: Serve) -> None:
    server = serve([say("Whole. " * 50)])
    server.inject("stream_error", after=4)
    with pytest.raises(anthropic.APIStatusError, match="verloaded"):
        _stream(server)


def _stream(server: MessagesServer) -> anthropic.types.Message:
    with client(server).messages.stream(model=MODEL, max_tokens=1000, messages=HELLO) as stream:
        return stream.get_final_message()


def test_a_refusal_names_its_category(serve: Serve) -> None:
    server = serve()
    server.inject("refusal")
    message = ask(server)
    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert message.stop_details.category == "general_harms"


def test_a_turn_can_be_cut_off(serve: Serve) -> None:
    server = serve()
    server.inject("max_tokens")
    assert ask(server).stop_reason == "max_tokens"


def test_a_paused_turn_is_continued_by_sending_it_back(serve: Serve) -> None:
    server = serve([say("Now it is done.")])
    server.inject("pause_turn")
    paused = ask(server)
    assert paused.stop_reason == "pause_turn"
    more = [*HELLO, {"role": "assistant", "content": [{"type": "text", "text": paused.content[0].text}]}]
    assert ask(server, more).content[0].text == "Now it is done."


def test_a_fault_waits_for_the_request_it_is_meant_for(serve: Serve) -> None:
    server = serve([say("One.")])
    server.inject("broken", when=lambda request: "tools" in request)
    assert ask(server).content[0].text == "One."
    assert server.faults.pending == 1


def test_a_script_that_is_used_up_fails_loudly(serve: Serve) -> None:
    with pytest.raises(anthropic.BadRequestError, match="only 0 answers"):
        ask(serve())


def test_a_conversation_goes_back_and_forth(serve: Serve, tmp_path: Path) -> None:
    submit = {"name": "submit_x", "description": "hand in", "input_schema": {"type": "object"}}
    server = serve([THINKING, call("bash", command="echo here")], [THINKING, call("submit_x")])
    bench = Bench(server.url, tmp_path / "w", {})
    bench.run("Do it.", [BASH, submit])
    assert bench.submitted == {}
    assert bench.messages[2]["content"][0]["content"] == "here\n"


def test_the_brain_may_say_why_a_turn_ends(serve: Serve) -> None:
    assert (
        ask(serve(Answer((say("x"),), "model_context_window_exceeded"))).stop_reason == "model_context_window_exceeded"
    )
