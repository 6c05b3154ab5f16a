"""Spaces out writes: one token bucket for each installation, shared by every thread of the process.

GitHub asks for a second between writes and allows about 80 content-creating requests in a minute; who ignores that is
limited, and banned in the end. PyGithub's own pauses count for one object only, hence this.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

CAPACITY = 12.0
"""Writes that may follow one another without a pause: a run publishes in one burst, and stays far below 80 a minute."""


class TokenBucket:
    """Lets `capacity` writes through at once and then one in every `pause` seconds; 0 means no pacing at all."""

    def __init__(
        self,
        pause: float,
        *,
        capacity: float = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause = pause
        self._capacity = capacity
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._level = capacity
        self._filled_at = clock()

    def take(self, weight: float = 1.0) -> None:
        """Wait until a write of this weight is due; later callers queue behind earlier ones."""
        if self._pause <= 0:
            return
        wait = self._reserve(weight)
        if wait > 0:
            # Outside the lock: the place in the queue is already taken by the negative level.
            self._sleep(wait)

    def _reserve(self, weight: float) -> float:
        with self._lock:
            now = self._clock()
            self._level = min(self._capacity, self._level + (now - self._filled_at) / self._pause)
            self._filled_at = now
            self._level -= weight
            return max(0.0, -self._level * self._pause)
