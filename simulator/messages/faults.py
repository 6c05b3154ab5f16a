"""Misfortunes that can be injected into the simulated Messages API; they live in the world, never in the product."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """What goes wrong. The first five are answers with an HTTP status; the others are about the turn itself."""

    AUTHENTICATION = "authentication"
    CREDIT = "credit"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    BROKEN = "broken"
    STREAM_ERROR = "stream_error"
    BROKEN_STREAM = "broken_stream"
    MAX_TOKENS = "max_tokens"
    PAUSE_TURN = "pause_turn"
    REFUSAL = "refusal"
    SLOW = "slow"


STATUS = {
    FaultKind.AUTHENTICATION: (401, "authentication_error", "invalid bearer token"),
    FaultKind.CREDIT: (400, "invalid_request_error", "Your credit balance is too low to access the API."),
    FaultKind.RATE_LIMIT: (429, "rate_limit_error", "This request would exceed your rate limit."),
    FaultKind.OVERLOADED: (529, "overloaded_error", "Overloaded"),
    FaultKind.BROKEN: (500, "api_error", "Internal server error"),
}


@dataclass(slots=True)
class Fault:
    """A misfortune for the next `times` requests that `when` accepts.

    `after` is the number of events that a broken stream still sends, `seconds` the pause before each event of a slow one
    or the `retry-after` of a refused one.
    """

    kind: FaultKind
    times: int = 1
    when: Callable[[dict[str, Any]], bool] = lambda request: True
    after: int = 4
    seconds: float = 0.0


class FaultPlan:
    """The faults still to come; safe to use from several threads."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    @property
    def pending(self) -> int:
        """Requests that will still meet a fault, if they come."""
        with self._lock:
            return sum(fault.times for fault in self._faults)

    def take(self, request: dict[str, Any]) -> Fault | None:
        """The fault for this request, if any; it is used up by asking."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.when(request):
                    fault.times -= 1
                    return fault
        return None
