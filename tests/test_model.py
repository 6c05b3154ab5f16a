"""The model's client against a Messages API over real HTTP: what a turn holds, what breaks, and what is never told."""

from __future__ import annotations

import json
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.domain import StopReason, ToolCall, Usage
from bot.errors import ModelUnavailable, Stopped, UserError
from bot.model import PRICES, AnthropicModel, ModelRequest, cost, total
from simulator.messages.brain import Answer, ScriptedBrain, call, say
from simulator.messages.faults import FaultKind
from simulator.messages.server import MessagesServer

KEY = "sk-ant-test-0123456789"


def never() -> bool:
    return False


def asking(text: str = "Hello?", **details: object) -> ModelRequest:
    messages = ({"role": "user", "content": [{"type": "text", "text": text}]},)
    return ModelRequest(system="You are terse.", tools=(), messages=messages, **details)  # type: ignore[arg-type]


def model_at(url: str, **details: object) -> AnthropicModel:
    settings = {"api_key": KEY, "base_url": url, "retry_waits": (0.0, 0.0)} | details
    return AnthropicModel(**settings)  # type: ignore[arg-type]


@pytest.fixture
def serve() -> Iterator[Callable[..., MessagesServer]]:
    servers: list[MessagesServer] = []

    def start(*answers: object, **details: object) -> MessagesServer:
        server = MessagesServer(ScriptedBrain(answers), api_key=KEY, **details).start()  # type: ignore[arg-type]
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


# --- what a turn holds -----------------------------------------------------------------------------------------------


def test_a_turn_holds_text_calls_and_usage(serve: Callable[..., MessagesServer]) -> None:
    server = serve([say("Looking."), call("bash", command="ls"), call("check", scope="quick")])
    turn = model_at(server.url).complete(asking(), should_stop=never)
    assert turn.stop is StopReason.TOOLS
    assert turn.text == "Looking."
    assert [(c.name, c.input) for c in turn.calls] == [("bash", {"command": "ls"}), ("check", {"scope": "quick"})]
    assert turn.usage.output > 0 and turn.usage.input + turn.usage.cache_written > 0
    assert turn.seconds > 0


def test_what_is_asked_for_reaches_the_api(serve: Callable[..., MessagesServer]) -> None:
    server = serve([say("Yes.")])
    model_at(server.url, model="claude-sonnet-5-5", effort="high").complete(
        asking(max_tokens=5_000, user_id="run-1"), should_stop=never
    )
    body, headers = server.requests[0].body, server.requests[0].headers
    assert (body["model"], body["max_tokens"], body["stream"]) == ("claude-sonnet-5-5", 5_000, True)
    assert body["output_config"] == {"effort": "high"} and body["metadata"] == {"user_id": "run-1"}
    assert body["cache_control"] == {"type": "ephemeral"}
    assert not {"thinking", "tool_choice", "temperature"} & set(body)
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_effort_is_left_to_the_model_unless_it_is_configured(serve: Callable[..., MessagesServer]) -> None:
    server = serve([say("Yes.")])
    model_at(server.url).complete(asking(), should_stop=never)
    assert not {"output_config", "metadata"} & set(server.requests[0].body)


def test_content_goes_back_exactly_as_it_came(serve: Callable[..., MessagesServer]) -> None:
    thinking = {"type": "thinking", "thinking": 'Ünïcode, "quotes" and\nlines.', "signature": ""}
    server = serve(
        [thinking, say("Héllo <T>"), call("bash", command="echo '&& ü \\n'", more={"b": [1, 2.5, None]})], [say("!")]
    )
    model = model_at(server.url)
    first = asking()
    turn = model.complete(first, should_stop=never)
    assert list(turn.content) == server.requests[0].message["content"]
    result = {"type": "tool_result", "tool_use_id": turn.calls[0].id, "content": "x"}
    stored = json.loads(json.dumps(turn.content))
    more = (*first.messages, {"role": "assistant", "content": stored}, {"role": "user", "content": [result]})
    model.complete(ModelRequest("You are terse.", (), more), should_stop=never)
    assert server.requests[1].body["messages"][1]["content"] == server.requests[0].message["content"]


def test_the_prefix_of_a_conversation_is_read_from_the_cache(serve: Callable[..., MessagesServer]) -> None:
    server = serve([call("bash", command="ls")], [say("!")])
    model, first = model_at(server.url), asking("word " * 3000)
    turn = model.complete(first, should_stop=never)
    result = {"type": "tool_result", "tool_use_id": turn.calls[0].id, "content": "x"}
    more = (
        *first.messages,
        {"role": "assistant", "content": list(turn.content)},
        {"role": "user", "content": [result]},
    )
    second = model.complete(ModelRequest("You are terse.", (), more), should_stop=never)
    assert turn.usage.cached == 0 and turn.usage.cache_written > 2_000
    assert second.usage.cached > 2_000


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", StopReason.END),
        ("stop_sequence", StopReason.END),
        ("pause_turn", StopReason.PAUSE),
        ("max_tokens", StopReason.LENGTH),
        ("model_context_window_exceeded", StopReason.CONTEXT),
        ("something_new", StopReason.END),
    ],
)
def test_each_reason_to_stop_is_known(serve: Callable[..., MessagesServer], reason: str, stop: StopReason) -> None:
    turn = model_at(serve(Answer((say("…"),), reason)).url).complete(asking(), should_stop=never)
    assert turn.stop is stop


def test_a_refusal_names_its_reason_and_its_calls_are_not_to_be_run(serve: Callable[..., MessagesServer]) -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "That is not for me."}
    server = serve(Answer((call("bash", command="rm -rf /"),), "refusal", details))
    turn = model_at(server.url).complete(asking(), should_stop=never)
    assert turn.stop is StopReason.REFUSAL
    assert turn.calls == ()
    assert turn.refusal == "That is not for me."


# --- what breaks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [FaultKind.RATE_LIMIT, FaultKind.OVERLOADED, FaultKind.BROKEN, FaultKind.STREAM_ERROR, FaultKind.BROKEN_STREAM],
)
def test_a_passing_fault_is_overcome_in_silence(serve: Callable[..., MessagesServer], kind: FaultKind) -> None:
    server = serve([say("Here.")])
    server.inject(kind)
    turn = model_at(server.url).complete(asking(), should_stop=never)
    assert turn.text == "Here."
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "kind",
    [FaultKind.RATE_LIMIT, FaultKind.OVERLOADED, FaultKind.BROKEN, FaultKind.STREAM_ERROR, FaultKind.BROKEN_STREAM],
)
def test_a_lasting_fault_means_later(serve: Callable[..., MessagesServer], kind: FaultKind) -> None:
    server = serve([say("Here.")])
    server.inject(kind, times=3)
    with pytest.raises(ModelUnavailable):
        model_at(server.url).complete(asking(), should_stop=never)
    assert len(server.requests) == 3


def test_a_dead_address_means_later() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        model_at(url).complete(asking(), should_stop=never)
    with pytest.raises(ModelUnavailable):
        model_at(url).ping()


def test_a_wrong_key_is_the_operators_to_mend(serve: Callable[..., MessagesServer]) -> None:
    server = serve([say("Here.")])
    with pytest.raises(UserError, match="ANTHROPIC_API_KEY") as caught:
        model_at(server.url, api_key="sk-wrong").complete(asking(), should_stop=never)
    assert "sk-wrong" not in str(caught.value)
    assert len(server.requests) == 1


def test_missing_credit_is_the_operators_to_mend(serve: Callable[..., MessagesServer]) -> None:
    server = serve()
    server.inject(FaultKind.CREDIT)
    with pytest.raises(UserError, match="credit"):
        model_at(server.url).complete(asking(), should_stop=never)


def test_an_unknown_model_is_the_operators_to_mend(serve: Callable[..., MessagesServer]) -> None:
    with pytest.raises(UserError, match="RFCSMITH_MODEL"):
        model_at(serve().url, model="gpt-9").complete(asking(), should_stop=never)


def test_an_unknown_effort_is_the_operators_to_mend(serve: Callable[..., MessagesServer]) -> None:
    with pytest.raises(UserError, match="RFCSMITH_EFFORT"):
        model_at(serve().url, effort="heroic").complete(asking(), should_stop=never)


def test_an_invalid_request_is_a_bug_and_carries_no_secret(serve: Callable[..., MessagesServer]) -> None:
    request = ModelRequest("s", (), ({"role": "assistant", "content": [{"type": "text", "text": "I begin"}]},))
    with pytest.raises(RuntimeError, match="messages.0") as caught:
        model_at(serve().url).complete(request, should_stop=never)
    error = caught.value
    assert KEY.encode() not in pickle.dumps(error)
    assert error.__cause__ is None and error.__context__ is None


def test_the_key_is_in_no_repr(serve: Callable[..., MessagesServer]) -> None:
    model = model_at(serve().url)
    assert KEY not in repr(model) + repr(vars(model))


def test_reachability_costs_nothing(serve: Callable[..., MessagesServer]) -> None:
    server = serve()
    model_at(server.url).ping()
    assert server.requests == []
    with pytest.raises(UserError):
        model_at(server.url, api_key="sk-wrong").ping()


# --- streams that a well-behaved API would not send ------------------------------------------------------------------


class RawServer:
    """Answers each POST with the next list of byte strings, or hangs on `None` until the test is over."""

    def __init__(self, *answers: list[bytes | None], status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.asked = threading.Event()
        self.gone = threading.Event()
        self._over = threading.Event()
        pending, raw = list(answers), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                raw.asked.set()
                pieces = pending.pop(0) if len(pending) > 1 else pending[0]
                if pieces and pieces[0] is None:
                    raw._over.wait(30)
                    return
                self.send_response(status)
                for name, value in ({"content-type": "text/event-stream"} | (headers or {})).items():
                    self.send_header(name, value)
                self.end_headers()
                for piece in pieces:
                    if piece is None:
                        raw._wait_for_client(self.connection)
                        return
                    self.wfile.write(piece)
                    self.wfile.flush()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def _wait_for_client(self, connection: socket.socket) -> None:
        connection.settimeout(0.1)
        while not self._over.is_set():
            try:
                if not connection.recv(1):
                    self.gone.set()
                    return
            except TimeoutError:
                continue
            except OSError:
                self.gone.set()
                return

    def __enter__(self) -> RawServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


def event(name: str, **data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name} | data)}\n\n".encode()


START = event(
    "message_start",
    message={
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 1},
    },
)
TEXT = [
    event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Half an ans"}),
]
END = [
    event("content_block_stop", index=0),
    event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 3}),
    event("message_stop"),
]


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5])
def test_half_an_answer_is_never_taken_for_a_whole_one(cut: int) -> None:
    whole = [START, *TEXT, *END]
    with RawServer(list(whole[:cut]), list(whole)) as server:
        turn = model_at(server.url).complete(asking(), should_stop=never)
    assert (turn.text, turn.stop) == ("Half an ans", StopReason.END)


@pytest.mark.parametrize(
    "broken",
    [
        b"event: message_delta\ndata: {not json\n\n",
        event("content_block_delta", index=9, delta={"type": "text_delta", "text": "nowhere"}),
        event(
            "content_block_start", index=1, content_block={"type": "tool_use", "id": "t", "name": "bash", "input": {}}
        )
        + event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"a": nope'}),
    ],
)
def test_a_garbled_stream_is_asked_for_again(broken: bytes) -> None:
    with RawServer([START, *TEXT, broken, *END], [START, *TEXT, *END]) as server:
        assert model_at(server.url).complete(asking(), should_stop=never).text == "Half an ans"


def test_blocks_and_fields_that_are_new_to_us_are_kept() -> None:
    block = {"type": "hologram", "light": {"rgb": [1, None]}}
    text = {"type": "text", "text": "", "mood": "calm"}
    pieces = [
        START,
        event("content_block_start", index=0, content_block=block),
        event("content_block_stop", index=0),
        event("content_block_start", index=1, content_block=text),
        event("content_block_delta", index=1, delta={"type": "text_delta", "text": "Hi"}),
        *END,
    ]
    with RawServer(pieces) as server:
        turn = model_at(server.url).complete(asking(), should_stop=never)
    assert list(turn.content) == [block, text | {"text": "Hi"}]
    assert turn.text == "Hi"


def test_a_call_that_was_cut_off_is_still_listed_so_that_it_can_be_answered() -> None:
    pieces = [
        START,
        event(
            "content_block_start",
            index=0,
            content_block={"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {}},
        ),
        event(
            "content_block_delta",
            index=0,
            delta={"type": "input_json_delta", "partial_json": '{"command": "cat > x <<E'},
        ),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "max_tokens", "stop_sequence": None}, usage={"output_tokens": 3}),
        event("message_stop"),
    ]
    with RawServer(pieces) as server:
        turn = model_at(server.url).complete(asking(), should_stop=never)
    assert turn.stop is StopReason.LENGTH
    assert [(c.id, c.name) for c in turn.calls] == [("toolu_1", "bash")]
    assert turn.usage == Usage(input=7, output=3)


def test_a_prompt_that_is_too_long_is_a_full_conversation_not_a_failure() -> None:
    body = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"},
    }
    with RawServer([json.dumps(body).encode()], status=400, headers={"content-type": "application/json"}) as server:
        turn = model_at(server.url).complete(asking(), should_stop=never)
    assert (turn.stop, turn.content) == (StopReason.CONTEXT, ())


def test_a_long_wait_is_left_to_the_caller() -> None:
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    headers = {"content-type": "application/json", "retry-after": "120"}
    slow_down = pytest.raises(ModelUnavailable, match="slow down")
    with RawServer([json.dumps(body).encode()], status=429, headers=headers) as server, slow_down as caught:
        model_at(server.url).complete(asking(), should_stop=never)
    assert caught.value.retry_after == 120.0


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (402, {"type": "billing_error", "message": "pay"}),
        (
            400,
            {
                "type": "invalid_request_error",
                "message": "no",
                "details": {"error_code": "enforced_spend_limit_reached"},
            },
        ),
        (429, {"type": "rate_limit_error", "message": "no", "details": {"error_code": "contract_spend_limit_reached"}}),
    ],
)
def test_a_spend_limit_is_the_operators_to_mend(status: int, error: dict[str, object]) -> None:
    body = json.dumps({"type": "error", "error": error}).encode()
    headers, refused = {"content-type": "application/json"}, pytest.raises(UserError, match="spend limit")
    with RawServer([body], status=status, headers=headers) as server, refused:
        model_at(server.url).complete(asking(), should_stop=never)


# --- stopping --------------------------------------------------------------------------------------------------------


def test_a_stop_closes_the_stream_while_the_model_is_silent() -> None:
    with RawServer([START, *TEXT, None]) as server:
        with pytest.raises(Stopped):
            model_at(server.url).complete(asking(), should_stop=server.asked.is_set)
        assert server.gone.wait(10), "the connection was left open"


def test_a_stop_is_noticed_before_the_first_byte() -> None:
    with RawServer([None]) as server, pytest.raises(Stopped):
        model_at(server.url).complete(asking(), should_stop=server.asked.is_set)


def test_a_stop_is_noticed_while_waiting_for_another_attempt(serve: Callable[..., MessagesServer]) -> None:
    server = serve()
    server.inject(FaultKind.OVERLOADED, times=9)
    with pytest.raises(Stopped):
        model_at(server.url, retry_waits=(600.0,)).complete(asking(), should_stop=lambda: bool(server.requests))
    assert len(server.requests) == 1


def test_should_stop_is_asked_in_the_callers_own_thread() -> None:
    asked_in: set[int] = set()

    def should_stop() -> bool:
        asked_in.add(threading.get_ident())
        return True

    with RawServer([None]) as server, pytest.raises(Stopped):
        model_at(server.url).complete(asking(), should_stop=should_stop)
    assert asked_in == {threading.get_ident()}


def test_a_silent_connection_is_given_up() -> None:
    with RawServer([START, None]) as server, pytest.raises(ModelUnavailable):
        model_at(server.url, silence_timeout=0.3, retry_waits=()).complete(asking(), should_stop=never)


def test_a_turn_without_end_is_given_up() -> None:
    with RawServer([START, None]) as server:
        with pytest.raises(ModelUnavailable):
            model_at(server.url, turn_timeout=0.0, retry_waits=()).complete(asking(), should_stop=never)
        assert server.gone.wait(10)


# --- cost ------------------------------------------------------------------------------------------------------------


def test_a_turn_costs_what_the_price_list_says() -> None:
    usage = Usage(input=1_000, cached=100_000, cache_written=10_000, output=2_000)
    assert cost("claude-opus-5-5", usage).dollars == pytest.approx(0.004 + 0.02 + 0.05 + 0.04)
    assert cost("claude-haiku-4-5-20251001", usage).dollars == pytest.approx(0.001 + 0.01 + 0.0125 + 0.01)


def test_turns_are_added_up_by_what_each_costs_and_not_at_all_at_an_unknown_price() -> None:
    usage = Usage(input=60_000, output=1_000)
    assert total("claude-haiku-5-5", [usage, usage]).dollars == pytest.approx(
        2 * (cost("claude-haiku-5-5", usage).dollars or 0)
    )
    assert total("claude-opus-5-5", []).dollars == 0
    assert total("somebody-elses", []).dollars is total("somebody-elses", [usage]).dollars is None


def test_a_model_without_a_known_price_costs_nobody_knows_what() -> None:
    assert cost("claude-opus-9", Usage(input=1)).dollars is None


def test_a_long_prompt_of_a_model_with_two_prices_costs_more() -> None:
    short, long = Usage(input=100_000, output=1_000), Usage(input=100_001, output=1_000)
    assert cost("claude-haiku-5-5", short).dollars == pytest.approx(0.01 + 0.0005)
    assert cost("claude-haiku-5-5", long).dollars == pytest.approx(0.0500005 + 0.0025)


def test_reading_the_cache_is_never_dearer_than_new_input() -> None:
    assert all(price.cache_read < price.input < price.cache_write < price.output for price in PRICES.values())


def test_a_call_compares_by_value() -> None:
    assert ToolCall("a", "b", {"c": 1}) == ToolCall("a", "b", {"c": 1})


def test_no_thread_is_left_behind(serve: Callable[..., MessagesServer]) -> None:
    server = serve([say("Yes.")])
    model_at(server.url).complete(asking(), should_stop=never)
    until = time.monotonic() + 10
    while any(thread.name == "model-stream" for thread in threading.enumerate()) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [thread.name for thread in threading.enumerate() if thread.name == "model-stream"]
