"""The only caller of the Messages API: one request streamed into one `Turn`, with its usage and its cost.

The API key lives inside the SDK's client and nowhere else: no error, log line or `repr` of this module carries it, and
no exception of the SDK (they hold the request with its headers) leaves it.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from socket import SHUT_RDWR, socket
from typing import Any, Protocol, cast

import anthropic
import httpx2
from anthropic.types import Message, MessageParam, MetadataParam, OutputConfigParam, TextBlockParam, ToolUnionParam

from bot.domain import Cost, StopReason, ToolCall, Turn, Usage
from bot.errors import ModelUnavailable, Stopped, Unavailable, UserError

DEFAULT_MODEL = "claude-opus-5-5"

# How a call may take its time, in seconds. The API sends a `ping` event at least every few seconds while it thinks, so
# that a silence of minutes means a dead connection; a whole turn is bounded as well.
CONNECT_TIMEOUT = 10.0
SILENCE_TIMEOUT = 300.0
TURN_TIMEOUT = 3600.0
POLL_SECONDS = 1.0

# Attempts at one turn within one call. More waiting than this belongs to the caller, who holds no slot while it waits.
RETRY_WAITS = (1.0, 5.0)
LONGEST_OWN_WAIT = 20.0


class Model(Protocol):
    """A model that answers one request."""

    def complete(self, request: ModelRequest, *, should_stop: Callable[[], bool]) -> Turn:
        """Answer `request`; `should_stop` is asked every second in the caller's own thread.

        Raises `ModelUnavailable` (try later), `Stopped` (`should_stop` said so) or `UserError` (the operator must act).
        """


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What is sent: `messages` and `tools` are the API's own JSON, `user_id` is an opaque id without names."""

    system: str
    tools: tuple[dict[str, object], ...] = field(hash=False)
    messages: tuple[dict[str, object], ...] = field(hash=False)
    max_tokens: int = 32_000
    user_id: str = ""


# --- prices ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens; `cache_write` is the five-minute cache.

    Above `long_above` tokens of prompt, the prices of `long` hold for the whole turn.
    """

    input: float
    output: float
    cache_write: float
    cache_read: float
    long_above: int = 0
    long: Price | None = None


# Source: the price list on platform.claude.com and the model pages there, read in November 2026. Sonnet 5.5's cache
# reads have cost 0.10 since 2026-10-07. A model that is not in the table has no price rather than a guessed one.
PRICES_AS_OF = "2026-11"
_OPUS_4 = Price(5.0, 25.0, 6.25, 0.50)
_SONNET_4 = Price(3.0, 15.0, 3.75, 0.30)
PRICES: dict[str, Price] = {
    "claude-opus-5-5": Price(4.0, 20.0, 5.0, 0.20),
    "claude-opus-5": Price(5.0, 25.0, 6.25, 0.50),
    "claude-opus-4-7": _OPUS_4,
    "claude-opus-4-6": _OPUS_4,
    "claude-opus-4-5": _OPUS_4,
    "claude-sonnet-5-5": Price(2.0, 10.0, 2.50, 0.10),
    "claude-sonnet-5": Price(2.0, 10.0, 2.50, 0.20),
    "claude-sonnet-4-6": _SONNET_4,
    "claude-sonnet-4-5": _SONNET_4,
    "claude-haiku-5-5": Price(0.10, 0.50, 0.125, 0.01, 100_000, Price(0.50, 2.50, 0.625, 0.05)),
    "claude-haiku-4-5": Price(1.0, 5.0, 1.25, 0.10),
}
_DATE_SUFFIX = re.compile(r"-20\d{6}$")


def cost(model: str, usage: Usage) -> Cost:
    """What ONE turn with `usage` costs; None where the model's price is not known.

    Add up the costs of turns, not their usages: some prices depend on the length of each prompt.
    """
    price = PRICES.get(_DATE_SUFFIX.sub("", model))
    if price is None:
        return Cost(None)
    if price.long is not None and usage.input + usage.cached + usage.cache_written > price.long_above:
        price = price.long
    dollars = (
        usage.input * price.input
        + usage.output * price.output
        + usage.cache_written * price.cache_write
        + usage.cached * price.cache_read
    )
    return Cost(dollars / 1_000_000)


def total(model: str, usages: Iterable[Usage]) -> Cost:
    """What turns with these usages cost together; None where the model's price is not known."""
    each = [cost(model, usage).dollars for usage in usages]
    known = [dollars for dollars in each if dollars is not None]
    return Cost(sum(known)) if len(known) == len(each) and is_priced(model) else Cost(None)


def is_priced(model: str) -> bool:
    """Whether the price of a model is known."""
    return cost(model, Usage()).dollars is not None


# --- the client ------------------------------------------------------------------------------------------------------


class AnthropicModel:
    """The Messages API through the anthropic SDK; safe to share between threads, not across a fork."""

    def __init__(
        self,
        *,
        api_key: str,
        model: str = DEFAULT_MODEL,
        effort: str | None = None,
        base_url: str | None = None,
        silence_timeout: float = SILENCE_TIMEOUT,
        turn_timeout: float = TURN_TIMEOUT,
        retry_waits: Sequence[float] = RETRY_WAITS,
    ) -> None:
        self.model = model
        self.effort = effort
        self._turn_timeout = turn_timeout
        self._retry_waits = tuple(retry_waits)
        self._client = anthropic.Anthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,  # the SDK's waits cannot be interrupted, ours can
            timeout=httpx2.Timeout(silence_timeout, connect=CONNECT_TIMEOUT),
        )

    def __repr__(self) -> str:
        return f"AnthropicModel(model={self.model!r}, effort={self.effort!r})"

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def complete(self, request: ModelRequest, *, should_stop: Callable[[], bool]) -> Turn:
        """Answer `request`, trying a broken turn again a few times; see `Model.complete`."""
        started = time.monotonic()
        for wait in (*self._retry_waits, None):
            outcome = self._attempt(request, should_stop, started + self._turn_timeout)
            if isinstance(outcome, Message):
                return _turn(outcome, time.monotonic() - started)
            error = _translate(outcome, self.model)
            if error is None:
                return _full_context(time.monotonic() - started)
            if wait is None or not isinstance(error, Unavailable) or error.retry_after > LONGEST_OWN_WAIT:
                raise error
            _pause(max(wait, error.retry_after), should_stop)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def ping(self) -> None:
        """Ask for the list of models, which costs nothing; raises `ModelUnavailable` or `UserError`."""
        try:
            with _own_errors_only(self.model):
                self._client.with_options(timeout=5.0).models.list(limit=1)
        except _NotServed:
            return  # a proxy that serves only the Messages endpoint: it answered, and that is what was asked

    def _attempt(self, request: ModelRequest, should_stop: Callable[[], bool], deadline: float) -> Message | Exception:
        """One streamed request in a thread of its own, so that a stop is noticed also before the first byte arrives."""
        exchange = _Exchange(lambda: self._stream(request))
        exchange.start()
        while not exchange.done.wait(POLL_SECONDS):
            if should_stop():
                exchange.cancel()
                raise Stopped("the run was stopped while the model was answering")
            if time.monotonic() > deadline:
                exchange.cancel()
                return TimeoutError(f"no answer within {self._turn_timeout:.0f} s")
        if exchange.outcome is None:
            raise RuntimeError("a bug ended the thread that reads the model's stream; its traceback is in the log")
        return exchange.outcome

    def _stream(self, request: ModelRequest) -> Any:
        system: list[TextBlockParam] = [{"type": "text", "text": request.system}]
        effort = cast(OutputConfigParam, {"effort": self.effort})
        metadata: MetadataParam = {"user_id": request.user_id}
        return self._client.messages.stream(
            model=self.model,
            max_tokens=request.max_tokens,
            system=system,
            tools=cast(Iterable[ToolUnionParam], request.tools),
            messages=cast(Iterable[MessageParam], request.messages),
            cache_control={"type": "ephemeral"},  # the mark sits on the last block and moves with the conversation
            output_config=effort if self.effort else anthropic.omit,
            metadata=metadata if request.user_id else anthropic.omit,
        )


class _Exchange(threading.Thread):
    """One streamed answer, read in the background; `outcome` is there when `done` is set, or None after a bug."""

    def __init__(self, open_stream: Callable[[], Any]) -> None:
        # A daemon: after a stop it may still hang on a connection that never answers, and must not hold up the process.
        super().__init__(name="model-stream", daemon=True)
        self._open_stream = open_stream
        self._socket: socket | None = None
        self._is_cancelled = False
        self.done = threading.Event()
        self.outcome: Message | Exception | None = None

    def run(self) -> None:
        try:
            self.outcome = self._read()
        except _TRANSPORT_ERRORS as error:
            self.outcome = error
        finally:
            self.done.set()

    def _read(self) -> Message | Exception:
        with self._open_stream() as stream:
            network_stream = stream.response.extensions.get("network_stream")
            self._socket = network_stream.get_extra_info("socket") if network_stream is not None else None
            is_complete = False
            try:
                for event in stream:
                    if self._is_cancelled:
                        return ConnectionAbortedError("the stream was given up")
                    is_complete = is_complete or event.type == "message_stop"
            except (ValueError, RuntimeError, AssertionError, IndexError) as error:
                # Garbled JSON, or events in an impossible order: what the SDK raises for a stream that is broken
                # inside.
                return ConnectionError(f"the stream is broken: {type(error).__name__}")
            # The SDK takes a stream that simply ends for a finished one: half an answer would pass for a whole one.
            if not is_complete or stream.current_message_snapshot.stop_reason is None:
                return ConnectionError("the stream broke off before its end")
            return cast(Message, stream.current_message_snapshot)

    def cancel(self) -> None:
        """Give the stream up. Closing a socket does not wake a thread that reads from it; shutting it down does."""
        self._is_cancelled = True
        if self._socket is not None:
            try:
                # The base class's own method: the one of an SSL socket would drop state that the reader is using.
                socket.shutdown(self._socket, SHUT_RDWR)
            except OSError:
                return  # it was closed in the meantime, which is what we wanted


# What talking to the API can raise: the SDK's errors, the transport's, and those of a broken socket under it.
_TRANSPORT_ERRORS = (anthropic.AnthropicError, httpx2.HTTPError, httpx2.StreamError, OSError)


def _pause(seconds: float, should_stop: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if should_stop():
            raise Stopped("the run was stopped while waiting for the model")
        time.sleep(min(left, POLL_SECONDS))


# --- what came back --------------------------------------------------------------------------------------------------

_STOP_REASONS = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.END,
    "tool_use": StopReason.TOOLS,
    "pause_turn": StopReason.PAUSE,
    "max_tokens": StopReason.LENGTH,
    "refusal": StopReason.REFUSAL,
    "model_context_window_exceeded": StopReason.CONTEXT,
}


def _turn(message: Message, seconds: float) -> Turn:
    # Exactly what the API sent: fields that it left out stay out, fields that this SDK does not know stay in.
    content = tuple(block.to_dict(mode="json", warnings=False) for block in message.content)
    stop = _STOP_REASONS.get(str(message.stop_reason), StopReason.END)
    calls = tuple(_call(block) for block in content if block.get("type") == "tool_use")
    if calls and stop is StopReason.END:
        stop = StopReason.TOOLS
    return Turn(
        content=content,
        stop=stop,
        calls=() if stop is StopReason.REFUSAL else calls,  # a refused answer's calls are not to be carried out
        text="\n\n".join(str(block["text"]) for block in content if block.get("type") == "text" and block.get("text")),
        usage=_usage(message),
        seconds=seconds,
        refusal=_refusal(message) if stop is StopReason.REFUSAL else "",
    )


def _call(block: dict[str, object]) -> ToolCall:
    given = block.get("input")
    return ToolCall(str(block.get("id")), str(block.get("name")), given if isinstance(given, dict) else {})


def _usage(message: Message) -> Usage:
    usage = message.usage
    return Usage(
        input=usage.input_tokens or 0,
        cached=usage.cache_read_input_tokens or 0,
        cache_written=usage.cache_creation_input_tokens or 0,
        output=usage.output_tokens or 0,
    )


def _refusal(message: Message) -> str:
    details = message.stop_details
    explanation = getattr(details, "explanation", None)
    category = getattr(details, "category", None)
    if explanation:
        return str(explanation)
    return f"The model declined to go on (category: {category})." if category else "The model declined to go on."


def _full_context(seconds: float) -> Turn:
    """The turn that stands for a prompt which the API refused as too long: nothing was said, nothing more can be."""
    return Turn(content=(), stop=StopReason.CONTEXT, calls=(), text="", usage=Usage(), seconds=seconds)


# --- errors ----------------------------------------------------------------------------------------------------------


class _NotServed(Exception):
    """The address answers, but does not know the endpoint."""


_MONEY_CODES = {
    "contract_spend_limit_reached",
    "enforced_spend_limit_reached",
    "linked_organization_spend_limit_reached",
    "linked_organization_billing_unavailable",
}
_BUSY_TYPES = {"overloaded_error", "api_error", "rate_limit_error", "timeout_error"}
_BUSY_STATUSES = {408, 409, 429}


@contextmanager
def _own_errors_only(model: str) -> Iterator[None]:
    failure: Exception
    try:
        yield
        return
    except anthropic.APIStatusError as error:
        failure = _NotServed() if error.status_code in (404, 405, 501) else _translate(error, model) or _NotServed()
    except _TRANSPORT_ERRORS as error:
        failure = _translate(error, model) or _NotServed()
    raise failure


def _translate(error: Exception, model: str) -> Exception | None:
    """The SDK's or the transport's `error` in this program's words; None where the prompt is too long."""
    if isinstance(error, anthropic.APIStatusError):
        return _translate_status(error, model)
    if isinstance(error, anthropic.APITimeoutError | TimeoutError | httpx2.TimeoutException):
        return ModelUnavailable("The Messages API did not answer in time.")
    if isinstance(error, anthropic.APIConnectionError):
        return ModelUnavailable(f"The Messages API cannot be reached ({type(error.__cause__ or error).__name__}).")
    return ModelUnavailable(f"The model's answer broke off ({type(error).__name__}).")


def _translate_status(error: anthropic.APIStatusError, model: str) -> Exception | None:
    status, said = error.status_code, _said(error)
    if error.error_code in _MONEY_CODES or error.type == "billing_error" or status == 402 or "credit balance" in said:
        return UserError(
            "The Messages API refuses to work because of a spend limit or missing credit.",
            f"Raise the limit or add credit in the Anthropic Console. It said: {said}",
        )
    if status in _BUSY_STATUSES or status >= 500 or error.type in _BUSY_TYPES:
        is_overloaded = status == 529 or error.type == "overloaded_error"
        # An error inside a stream comes under the status 200 of the stream itself.
        kind = "is overloaded" if is_overloaded else f"answered {error.type if status == 200 else status}"
        return ModelUnavailable(f"The Messages API {kind}: {said}", _retry_after(error))
    if status == 401:
        return UserError("The Messages API does not accept the API key.", "Set ANTHROPIC_API_KEY to a valid key.")
    if status == 403:
        return UserError("The Messages API refuses this API key.", f"It said: {said}")
    if status == 404:
        return UserError(f"The Messages API does not know the model `{model}`.", "Set RFCSMITH_MODEL to one it knows.")
    if status == 413 or (status == 400 and "prompt is too long" in said):
        return None
    if status == 400 and "effort" in said:
        return UserError("The Messages API refuses the configured effort.", f"Mend RFCSMITH_EFFORT. It said: {said}")
    # A request that the API calls invalid is a bug of ours; the error of the SDK itself must not travel, see the
    # module.
    return RuntimeError(f"the Messages API refused the request: {status} {error.type}: {said} ({error.request_id})")


def _said(error: anthropic.APIStatusError) -> str:
    return " ".join((error.api_message or error.message or "").split())[:500]


def _retry_after(error: anthropic.APIStatusError) -> float:
    """Seconds that the API asks to wait, 0.0 where it does not say, or says it as a date (which it never does)."""
    for header, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = error.response.headers.get(header, "")
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return float(value) * scale
    return 0.0
