"""A stream that the engine's API handed over: read with a deadline, from its first byte on."""

from __future__ import annotations

import select
import time
from types import TracebackType
from typing import Any, Self

from bot.sandbox.output import Frames

CHUNK = 1 << 16


class Wire:
    """Reads what the SDK's `exec_start(socket=True)` or `attach_socket` returned, and closes it."""

    def __init__(self, stream: Any) -> None:
        # The SDK hides the socket, and the response whose buffer may have swallowed the first frames with the headers.
        self._socket = stream._sock
        self._response = stream._response
        self._frames = Frames()
        self._socket.setblocking(False)
        buffer = self._response.raw._fp.fp
        self._early: bytes = buffer.read1(len(buffer.peek()))
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def read(self, timeout: float) -> list[tuple[int, bytes]] | None:
        """The payloads that came within `timeout` seconds, maybe none; None at the end of the stream."""
        if self._early:
            data, self._early = self._early, b""
            return self._frames.feed(data)
        if not self._poll.poll(max(timeout, 0.0) * 1000):
            return []
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return []
        except ConnectionError:
            return None
        return self._frames.feed(data) if data else None

    def send(self, word: bytes) -> bool:
        """Send a short word; False if the other end is gone."""
        try:
            self._socket.sendall(word)
        except OSError:
            return False
        return True

    def wait_for(self, word: bytes, timeout: float) -> bool:
        """Whether `word` came within `timeout` seconds; what comes before it is dropped."""
        deadline = time.monotonic() + timeout
        seen = b""
        while (left := deadline - time.monotonic()) > 0:
            payloads = self.read(left)
            if payloads is None:
                return False
            seen += b"".join(payload for _, payload in payloads)
            if word in seen:
                return True
        return False

    def close(self) -> None:
        self._response.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
