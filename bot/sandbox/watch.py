"""Who looks after a command while it runs: the clock, the person who may say stop, and the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bot.disk import measure
from bot.domain import DiskFull, Exit, Interrupted, Timeout
from bot.sandbox.volume import RunVolume

TICK = 0.25
"""Seconds between two looks at `should_stop` and at the clock while a command is silent."""

DISK_TICK = 2.0


class Watch:
    """The clock and the person who may say stop, while one command runs."""

    def __init__(self, timeout: float, should_stop: Callable[[], bool]) -> None:
        self._timeout = timeout
        self._should_stop = should_stop
        self._deadline = time.monotonic() + timeout
        self._next_look = time.monotonic() + TICK

    def pause(self) -> float:
        """Seconds until there is something to look at."""
        return min(self._next_look, self._deadline) - time.monotonic()

    def verdict(self) -> Exit | None:
        now = time.monotonic()
        if now >= self._deadline:
            return Timeout(self._timeout)
        if now >= self._next_look:
            self._next_look = now + TICK
            if self._should_stop():
                return Interrupted()
        return None


class DiskWatch:
    """Measures what the kernel does not bound: a volume without a mount, and the cargo home (`limit` bytes) in setup."""

    def __init__(self, volume: RunVolume, cargo_home: Path | None, limit: int) -> None:
        self._volume = volume
        self._is_watched = not volume.is_mounted
        self._cargo_home = cargo_home
        self._limit = limit
        self._next_look = time.monotonic() + DISK_TICK

    def verdict(self) -> Exit | None:
        now = time.monotonic()
        if now < self._next_look or not (self._is_watched or self._cargo_home):
            return None
        is_full = self._is_watched and self._volume.is_full()
        if self._cargo_home is not None and not is_full:
            is_full = measure(self._cargo_home).size > self._limit
        # A large tree takes long to measure: spend at most a tenth of the time on it.
        done = time.monotonic()
        self._next_look = done + max(DISK_TICK, 10 * (done - now))
        return DiskFull() if is_full else None
