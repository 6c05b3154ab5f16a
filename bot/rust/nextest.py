"""Reads what cargo-nextest prints (its libtest-like JSON beside its lines for people) into `Binary`s; runs nothing.

The JSON (https://nexte.st/docs/machine-readable/libtest-json/) names a test `package::binary$path`, which does not tell a
library from a program of the same name; the line for people before it does, by nextest's id of the binary
(https://nexte.st/docs/glossary/#binary-id).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from bot.domain import TestOutcome, TestRun
from bot.rust.libtest import DIED, Binary, trimmed

_LINE = re.compile(
    r"^ *(?:TRY \d+ )?(?P<status>[A-Z][A-Z0-9+-]*(?: \d+/\d+)?) +\[ *>? *[\d.]+s\] +(?:\[ *\d+/\d+\] +)?(?:\( *\d+/\d+\) +)?"
    r"(?P<binary>\S+) (?P<test>\S.*)$"
)
_NAME = re.compile(
    r"^(?P<package>[^$]+)::(?P<binary>[^$:@]+)(?:@stress-(?P<round>\d+))?\$(?P<test>.+?)(?P<retry>#\d+)?$"
)
_OUTCOMES = {"ok": TestOutcome.OK, "failed": TestOutcome.FAILED, "ignored": TestOutcome.IGNORED}
# What the harness prints around the captured output of its only test, where it prints anything.
_HARNESS = re.compile(r"^---- .+ stdout ----\n(.*?)\n+failures:$", re.MULTILINE | re.DOTALL)


def binary_id(package: str, kind: str, name: str) -> str:
    """nextest's name of a test binary, from what cargo says of its target."""
    if kind == "lib":
        return package
    return f"{package}::{name}" if kind == "test" else f"{package}::{kind}/{name}"


def read(
    lines: Iterable[str | Mapping[str, object]], sources: Mapping[str, str]
) -> tuple[tuple[Binary, ...], frozenset[str]]:
    """The binaries that ran, and the keys of tests that passed only when nextest itself ran them again.

    What failed in one of several rounds (`--stress-count`) failed. `lines` are the events of the JSON and the other lines,
    in order; `sources` gives the root file of a target by its binary's id.
    """
    binaries: dict[str, Binary] = {}
    found: dict[str, TestRun] = {}
    flaky: set[str] = set()
    settled: set[str] = set()
    told: list[tuple[str, str, str]] = []
    kinds: dict[tuple[str, str], str] = {}
    for line in lines:
        if isinstance(line, str):
            if match := _LINE.match(line):
                told.append((match["binary"], match["test"], match["status"]))
            continue
        if line.get("event") == "started" and isinstance(suite := line.get("nextest"), dict):
            package, binary = str(suite.get("crate")), str(suite.get("test_binary"))
            kinds[package, binary] = binary_id(package, str(suite.get("kind")), binary)
        name = _NAME.match(str(line.get("name"))) if line.get("type") == "test" else None
        outcome = _OUTCOMES.get(str(line.get("event")))
        if name is None or outcome is None:
            continue
        id, status = _told(told, name["package"], name["binary"], name["test"])
        # A test that is ignored has no line for people; its suite was the last to begin.
        id = id or kinds.get((name["package"], name["binary"]), "")
        target = sources.get(id, id)
        test = TestRun(target, name["test"], outcome)
        if outcome is TestOutcome.FAILED:
            test = replace(test, output=_said(line, status))
        elif outcome is TestOutcome.OK and name["retry"]:
            flaky.add(test.key)
        if test.key not in settled:
            found[test.key] = test
        if outcome is TestOutcome.FAILED and name["round"]:
            settled.add(test.key)
    for test in found.values():
        binaries.setdefault(test.target, Binary(test.target, finished=True)).tests.append(test)
    return tuple(binaries.values()), frozenset(flaky)


def _told(told: list[tuple[str, str, str]], package: str, binary: str, test: str) -> tuple[str, str]:
    """The id of the binary and the status that the last lines for people gave of this test; taken away from them."""
    for position in range(len(told) - 1, -1, -1):
        id, name, status = told[position]
        if name == test and (id == package or id == f"{package}::{binary}" or id.endswith(f"/{binary}")):
            del told[position]
            return id, status
    return "", ""


def _said(event: Mapping[str, object], status: str) -> str:
    """Why a test failed: what it printed, or how its process ended where it printed nothing."""
    printed = str(event.get("stdout") or "")
    captured = _HARNESS.search(printed)
    text = trimmed((captured[1] if captured else printed).splitlines())
    if event.get("reason"):
        return f"{text}\n{event['reason']}".strip()
    # Where there is little room nextest shortens the names of signals: ABRT, SEGV.
    has_died = status not in ("", "FAIL", "TIMEOUT", "TMT")
    return f"{text}\n{DIED} ({status})".strip() if has_died else text
