"""The simulated Messages API as a server on a free port: real HTTP, real server-sent events, every request kept.

```python
server = MessagesServer(ScriptedBrain([[say("Hello.")]])).start()
anthropic.Anthropic(api_key="any", base_url=server.url)
```
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server

from simulator.messages import validate
from simulator.messages.binding import Bindings, Changed, digest
from simulator.messages.brain import Answer, Block, Brain, BrainError, as_answer, say
from simulator.messages.faults import STATUS, Fault, FaultKind, FaultPlan
from simulator.messages.stream import encode, events
from simulator.messages.tokens import PromptCache, count
from simulator.messages.validate import Refused

MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")
MAX_BODY = 32 * 1024 * 1024


@dataclass(slots=True)
class Exchange:
    """One request to `/v1/messages` and what came of it; `status` is the HTTP status, `message` the whole answer."""

    number: int
    body: dict[str, Any]
    headers: dict[str, str]
    status: int = 0
    error: str = ""
    message: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class _Broken(Exception):
    """Raised inside a stream so that the connection is dropped in the middle."""


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: the requests are kept, and broken streams are meant."""


def _no_log(*_: object) -> None:
    """Werkzeug's word on a dropped connection is not news: it was injected, or the client went away."""


class MessagesServer:
    """`start()`, `url`, `stop()`; `requests` holds every exchange, `faults` what will go wrong.

    `api_key` is the only key that is accepted (None: any), `pace` the seconds between two events of a stream.
    """

    def __init__(self, brain: Brain, *, api_key: str | None = None, pace: float = 0.0, port: int = 0) -> None:
        self.requests: list[Exchange] = []
        self.faults = FaultPlan()
        self.cache = PromptCache()
        self._brain = brain
        self._api_key = api_key
        self._pace = pace
        self._port = port
        self._bindings = Bindings()
        self._undelivered: dict[str, Answer] = {}
        self._lock = threading.Lock()
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> MessagesServer:
        self._server = make_server("127.0.0.1", self._port, self.app(), threaded=True, request_handler=_QuietHandler)
        self._server.daemon_threads = True
        self._server.log = _no_log
        self._thread = threading.Thread(target=self._server.serve_forever, name="messages", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def __enter__(self) -> MessagesServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def inject(self, kind: FaultKind | str, **details: Any) -> None:
        """Shorthand for `faults.add(Fault(kind, …))`."""
        self.faults.add(Fault(FaultKind(kind), **details))

    def app(self) -> Flask:
        """The WSGI application; for tests without a port."""
        app = Flask("messages")
        app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
        app.add_url_rule("/v1/messages", view_func=self._create, methods=["POST"])
        app.add_url_rule("/v1/messages/count_tokens", view_func=self._count, methods=["POST"])
        app.add_url_rule("/v1/models", view_func=self._models, endpoint="models")
        app.add_url_rule("/v1/models/<name>", view_func=self._model, endpoint="model")
        app.register_error_handler(Refused, _refused_response)
        app.register_error_handler(HTTPException, _http_response)
        return app

    def _check_headers(self) -> None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        key = bearer or request.headers.get("x-api-key", "")
        if not key:
            raise Refused(401, "authentication_error", "x-api-key or Authorization header is required")
        if self._api_key is not None and key != self._api_key:
            raise Refused(401, "authentication_error", "invalid x-api-key")
        if not request.headers.get("anthropic-version"):
            raise validate.bad("anthropic-version: header is required")

    def _body(self, *, counting: bool = False) -> dict[str, Any]:
        try:
            given = json.loads(request.get_data())
        except ValueError as error:
            raise validate.bad(f"the body is not JSON: {error}") from error
        body = validate.check(given, was_paused=self._bindings.was_paused, counting=counting)
        try:
            self._bindings.check(body)
        except Changed as changed:
            index, sentence = changed.args
            raise validate.bad(f"messages.{index}: {sentence}") from changed
        return body

    def _create(self) -> Response:
        exchange = self._keep()
        began = time.monotonic()
        try:
            self._check_headers()
            body = self._body()
            fault = self.faults.take(body)
            if fault is not None and fault.kind in STATUS:
                raise Refused(*STATUS[fault.kind])
            exchange.message = self._answer(body, fault, exchange.number)
        except Refused as refused:
            exchange.status, exchange.error = refused.status, refused.message
            raise
        exchange.status, exchange.seconds = 200, time.monotonic() - began
        headers = {"request-id": f"req_{exchange.number:06d}"}
        if not body.get("stream"):
            return Response(json.dumps(exchange.message), content_type="application/json", headers=headers)
        stream = self._stream(exchange.message, fault)
        return Response(stream, content_type="text/event-stream; charset=utf-8", headers=headers)

    def _keep(self) -> Exchange:
        raw = request.get_data()
        try:
            body = json.loads(raw)
        except ValueError:
            body = {}
        with self._lock:
            exchange = Exchange(len(self.requests) + 1, body, dict(request.headers))
            self.requests.append(exchange)
        return exchange

    def _answer(self, body: dict[str, Any], fault: Fault | None, number: int) -> dict[str, Any]:
        usage = self.cache.usage(body)
        answer = _unhappy_answer(fault) or self._think(body)
        if fault is not None and fault.kind in (FaultKind.BROKEN_STREAM, FaultKind.STREAM_ERROR):
            self._undelivered[digest(body["messages"])] = answer
        paused = answer.stop_reason == "pause_turn"
        content = self._bindings.complete(body, list(answer.content), paused=paused)
        has_calls = any(block["type"] == "tool_use" for block in content)
        return {
            "id": f"msg_{number:06d}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": answer.stop_reason or ("tool_use" if has_calls else "end_turn"),
            "stop_sequence": None,
            "stop_details": answer.stop_details,
            "container": None,
            "usage": usage | {"output_tokens": sum(count(block) for block in content), "service_tier": "standard"},
        }

    def _think(self, body: dict[str, Any]) -> Answer:
        undelivered = self._undelivered.pop(digest(body["messages"]), None)
        if undelivered is not None:
            return undelivered
        try:
            return as_answer(self._brain.answer(body))
        except BrainError as error:
            # 400, not 500: clients repeat a 500, and a brain at its wits' end stays there.
            raise validate.bad(f"the simulated model cannot answer: {error}") from error

    def _stream(self, message: dict[str, Any], fault: Fault | None) -> Iterator[bytes]:
        kind = fault.kind if fault else None
        for number, event in enumerate(events(message)):
            if fault and kind in (FaultKind.BROKEN_STREAM, FaultKind.STREAM_ERROR) and number == fault.after:
                if kind is FaultKind.BROKEN_STREAM:
                    raise _Broken
                yield encode(("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}}))
                return
            pause = fault.seconds if fault and kind is FaultKind.SLOW else self._pace
            if pause:
                time.sleep(pause)
            yield encode(event)

    def _count(self) -> Response:
        self._check_headers()
        body = self._body(counting=True)
        usage = PromptCache().usage({key: value for key, value in body.items() if key != "cache_control"})
        figures = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        return Response(
            json.dumps({"input_tokens": sum(usage[figure] for figure in figures)}), content_type="application/json"
        )

    def _models(self) -> Response:
        self._check_headers()
        data = [_model_entry(name) for name in MODELS]
        page = {"data": data, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
        return Response(json.dumps(page), content_type="application/json")

    def _model(self, name: str) -> Response:
        self._check_headers()
        if name not in MODELS:
            raise Refused(404, "not_found_error", f"model: {name}")
        return Response(json.dumps(_model_entry(name)), content_type="application/json")


def _unhappy_answer(fault: Fault | None) -> Answer | None:
    match fault.kind if fault else None:
        case FaultKind.MAX_TOKENS:
            return Answer((say("I will look at the code first, and then I"),), "max_tokens")
        case FaultKind.PAUSE_TURN:
            return Answer((say("This takes a moment."),), "pause_turn")
        case FaultKind.REFUSAL:
            details: Block = {"type": "refusal", "category": "general_harms", "explanation": "The simulator declines."}
            return Answer((say("I cannot help with that."),), "refusal", details)
        case _:
            return None


def _model_entry(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "type": "model",
        "display_name": name.replace("-", " ").title(),
        "created_at": "2026-10-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 1_000_000,
        "max_tokens": validate.MAX_OUTPUT,
    }


def _error(status: int, kind: str, message: str) -> Response:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_error"}
    headers = {"request-id": "req_error"}
    if status in (429, 529):
        headers["retry-after"] = "0"
    return Response(json.dumps(body), status=status, content_type="application/json", headers=headers)


def _refused_response(refused: Refused) -> Response:
    return _error(refused.status, refused.kind, refused.message)


def _http_response(error: HTTPException) -> Response:
    kinds = {404: "not_found_error", 405: "invalid_request_error", 413: "request_too_large"}
    status = error.code or 500
    return _error(status, kinds.get(status, "api_error"), error.description or "")
