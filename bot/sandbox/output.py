"""What a command prints: the engine's frames taken apart, the head and tail kept, the middle counted. Pure."""

from __future__ import annotations

from collections import deque

HEADER = 8
STDOUT = 1


class Frames:
    """Takes the engine's stream apart: eight bytes of header (stream, three zeros, length), then the payload.

    https://docs.docker.com/reference/api/engine/ under "Attach to a container: stream format".
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._stream = 0
        self._left = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The payloads in `data` as far as they came, each with the number of its stream (1: stdout, 2: stderr)."""
        pending = self._pending
        pending += data
        payloads: list[tuple[int, bytes]] = []
        start = 0
        while start < len(pending):
            if not self._left:
                if len(pending) - start < HEADER:
                    break
                self._stream = pending[start]
                self._left = int.from_bytes(pending[start + 4 : start + HEADER], "big")
                start += HEADER
                continue
            payload = bytes(pending[start : start + self._left])
            payloads.append((self._stream, payload))
            self._left -= len(payload)
            start += len(payload)
        del pending[:start]
        return payloads


class Output:
    """Collects payloads: of both streams head and tail of together `keep` bytes, of stdout everything."""

    def __init__(self, keep: int) -> None:
        self.size = 0
        self._half = max(keep // 2, 1)
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._stdout: list[bytes] = []

    def add(self, stream: int, payload: bytes) -> None:
        """Take one payload of the given stream."""
        self.size += len(payload)
        if stream == STDOUT:
            self._stdout.append(payload)
        room = self._half - len(self._head)
        self._head += payload[:room]
        if rest := payload[room:] if room > 0 else payload:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail and self._tail_size - len(self._tail[0]) >= self._half:
            self._tail_size -= len(self._tail.popleft())

    @property
    def stdout(self) -> str:
        return b"".join(self._stdout).decode(errors="replace")

    def text(self) -> tuple[str, int]:
        """What is kept, with a line in the middle that says how many bytes are left out, and that number."""
        tail = b"".join(self._tail)
        if self.size <= 2 * self._half:
            return (bytes(self._head) + tail).decode(errors="replace"), 0
        head, tail = _whole_lines(bytes(self._head), tail[-self._half :])
        omitted = self.size - len(head) - len(tail)
        note = f"\n[... {omitted} bytes of output left out here ...]\n"
        return head.decode(errors="replace") + note + tail.decode(errors="replace"), omitted


def _whole_lines(head: bytes, tail: bytes) -> tuple[bytes, bytes]:
    """Cut at the ends of lines where one is near, so that no line is shown in part."""
    end = head.rfind(b"\n")
    if end >= len(head) // 2:
        head = head[:end]
    start = tail.find(b"\n") + 1
    if 0 < start <= len(tail) // 2:
        tail = tail[start:]
    return head, tail
