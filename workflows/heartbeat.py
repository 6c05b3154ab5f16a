"""The heartbeat of a worker: it tells that it is alive, and ends itself long before others count it as lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa

log = logging.getLogger("rfcsmith")
PAUSE = 10.0
"""Seconds between two beats."""
SILENT = 240.0
"""Seconds without a beat after which a worker that may have others beside it ends itself; see `workflows.takeover.LOST`."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that nobody sets, and that counts sleep; only Linux has it."""


class Heartbeat:
    """Calls `beat` again and again; where it has not succeeded for `silent` seconds, calls `die`, once.

    `beat` may raise `DBAPIError`, and may hang. `silent` is None where no other worker can be there, which nobody needs to
    make way for. Time goes on while the machine sleeps, where the system can tell; `die` runs in a thread of its own.
    """

    def __init__(
        self, beat: Callable[[], None], die: Callable[[], None], *, silent: float | None, pause: float = PAUSE
    ) -> None:
        self._tell, self._die = beat, die
        self._silent, self._pause = silent, pause
        self._last = self._now()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._beat, name="heartbeat", daemon=True)]
        if silent is not None:
            self._threads.append(threading.Thread(target=self._watch, name="watch", daemon=True))

    def start(self) -> None:
        self._last = self._now()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No beat begins any more; one that has begun comes to its end."""
        self._stopping.set()

    def _beat(self) -> None:
        while not self._stopping.is_set():
            # A beat after a long sleep, or one that slept itself, must not hide from the watch that there was one.
            if not self._is_silent():
                began = self._now()
                try:
                    self._tell()
                except sa.exc.DBAPIError as error:
                    log.warning("no heartbeat: %s", error.orig)
                else:
                    self._last = self._last if self._is_silent() else began
            self._stopping.wait(self._pause)

    def _watch(self) -> None:
        while not self._stopping.wait(self._pause / 2):
            if self._is_silent():
                log.error(
                    "no heartbeat for %.0f s: another worker may go on with what is at work here",
                    self._now() - self._last,
                )
                self._stopping.set()
                self._die()

    def _now(self) -> float:
        return time.clock_gettime(_CLOCK)

    def _is_silent(self) -> bool:
        return self._silent is not None and self._now() - self._last > self._silent
