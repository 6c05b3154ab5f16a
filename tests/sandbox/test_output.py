"""The engine's frames and what is kept of them, without an engine."""

from __future__ import annotations

import pytest

from bot.sandbox.output import Frames, Output


def frame(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


@pytest.mark.parametrize("step", [1, 2, 7, 8, 9, 1000])
def test_frames_are_understood_however_they_are_cut(step: int) -> None:
    data = frame(1, b"out") + frame(2, b"") + frame(2, b"error") + frame(1, bytes(300))
    frames = Frames()
    streams = {1: b"", 2: b""}
    for start in range(0, len(data), step):
        for stream, payload in frames.feed(data[start : start + step]):
            streams[stream] += payload
    assert streams == {1: b"out" + bytes(300), 2: b"error"}


def test_short_output_is_kept_as_it_is() -> None:
    output = Output(100)
    output.add(1, b"one\n")
    output.add(2, b"two\n")
    assert output.text() == ("one\ntwo\n", 0)
    assert output.stdout == "one\n"


@pytest.mark.parametrize("size", [1, 10, 1000, 100_000])
def test_long_output_loses_its_middle_and_nothing_else(size: int) -> None:
    everything = b"".join(b"line %d\n" % number for number in range(20_000))
    output = Output(1000)
    for start in range(0, len(everything), size):
        output.add(1, everything[start : start + size])
    text, omitted = output.text()
    head, note, tail = text.partition(f"\n[... {omitted} bytes of output left out here ...]\n")
    assert note
    assert everything.startswith(head.encode())
    assert everything.endswith(tail.encode())
    assert len(head) + len(tail) + omitted == len(everything)
    assert len(head) + len(tail) <= 1000
    assert tail.startswith("line ")
    assert output.stdout.encode() == everything


def test_what_is_no_text_does_not_hurt() -> None:
    output = Output(10)
    output.add(1, b"\xff\xfe" * 100)
    text, omitted = output.text()
    assert omitted == 190
    assert "�" in text
