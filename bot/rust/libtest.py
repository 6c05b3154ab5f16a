"""Reads what the test harness prints, as interleaved with cargo's `Running …` lines, into `TestRun`s; runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bot.domain import TestOutcome, TestRun

DOC_TARGET = "doc"
TEST_BINARY = "test-binary"
"""The code of the finding that a test program died before its tests had ended."""
DIED = "the test's process died"
"""How the output of a test begins its last line where it was not the test's own verdict that ended it."""
_RUNNING = re.compile(r"^\s+Running (?:unittests )?(\S.*?)(?: \((.+)\))?$")
_DOCTESTS = re.compile(r"^\s+Doc-tests (\S+)$")
_START = re.compile(r"^running (\d+) tests?$")
_TEST = re.compile(r"^test (.+?)(?: - should panic)?(?: - compile(?: fail)?)? \.\.\. (.*)$")
_OUTCOME = re.compile(r"(ok|FAILED|ignored)(?:, .*| <[^>]*>)?")
_LAST_WORD = re.compile(r"(ok|FAILED)$")
_SUMMARY = re.compile(
    r"^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored; \d+ measured; (\d+) filtered out"
)
_OUTPUT_OF = re.compile(r"^---- (.+) stdout ----$")
_DOC_LINE = re.compile(r"^(.*) \(line (\d+)\)$")
_BACKTRACE_HINT = "note: run with `RUST_BACKTRACE="
_ABORT = re.compile(r"\(signal: (\d+), (SIG\w+)[^)]*\)|process didn't exit successfully: .*\((exit status: \d+)\)")


@dataclass(slots=True)
class Binary:
    """What one test executable printed: `filtered` counts tests that the filter left out.

    `pending` is the test that has begun and not ended; `before` is the last line since, or the first that is a verdict.
    """

    target: str
    announced: int = 0
    tests: list[TestRun] = field(default_factory=list)
    filtered: int = 0
    finished: bool = False
    pending: str = ""
    before: str = ""
    abort: str = ""

    @property
    def died(self) -> str:
        """What happened where the binary ended before its tests did; empty where all is well."""
        missing = self.announced - len(self.tests)
        if self.finished or not (self.announced and missing > 0):
            return ""
        how = f" ({self.abort})" if self.abort else ""
        return f"the test binary died{how}: {missing} of its {self.announced} tests gave no verdict"


def doc_names(printed: Iterable[str]) -> dict[str, str]:
    """Doc tests' names without their line numbers; the second and later of one item are numbered, in the order of lines.

    The harness prints them in the order in which they end, which differs from run to run.
    """
    lines: dict[str, list[tuple[int, str]]] = {}
    for name in printed:
        match = _DOC_LINE.match(name)
        lines.setdefault(match[1] if match else name, []).append((int(match[2]) if match else 0, name))
    return {
        name: item if number == 1 else f"{item} #{number}"
        for item, found in lines.items()
        for number, (_, name) in enumerate(sorted(found), 1)
    }


def read(text: str, executables: dict[str, str]) -> tuple[Binary, ...]:
    """The binaries that ran, in order.

    `executables` maps the file name of an executable to the root file of its target (from cargo's JSON); where it is
    not known, cargo's own words are taken. A test that was started and never ended is reported as failed, because the
    harness died in it (an abort prints no FAILED line).
    """
    binaries: list[Binary] = []
    outputs: dict[str, list[str]] = {}
    current: list[str] | None = None

    def close() -> None:
        if binaries:
            _finish(binaries[-1], outputs)
        outputs.clear()

    for line in text.splitlines():
        if match := _RUNNING.match(line):
            close()
            current = None
            binaries.append(Binary(executables.get((match[2] or "").rsplit("/", 1)[-1], match[1])))
        elif _DOCTESTS.match(line):
            close()
            current = None
            binaries.append(Binary(DOC_TARGET))
        elif not binaries:
            continue
        elif match := _START.match(line):
            binaries[-1].announced += int(match[1])
        elif match := _SUMMARY.match(line):
            _settle(binaries[-1])
            binaries[-1].finished = True
            binaries[-1].filtered += int(match[4])
            current = None
        elif match := _OUTPUT_OF.match(line):
            current = outputs.setdefault(match[1], [])
        elif line == "failures:":
            _settle(binaries[-1])
            current = None
        elif current is not None:
            current.append(line)
        elif match := _ABORT.search(line):
            binaries[-1].abort = match[2] or match[3] or ""
        else:
            _test_line(line, binaries[-1])
    close()
    return tuple(binaries)


def _test_line(line: str, binary: Binary) -> None:
    """`test x ... ok`, also where the test's own output stands between the name and the verdict."""
    match = _TEST.match(line)
    if match is None:
        if binary.pending and line.strip() and not _OUTCOME.fullmatch(binary.before):
            binary.before = line
        return
    _settle(binary)
    name, rest = match[1], match[2]
    verdict = _verdict(rest)
    if verdict:
        _record(binary, name, verdict)
    else:
        binary.pending = name


def _settle(binary: Binary) -> None:
    """The harness went on, so the test that was pending has ended, and its verdict stands right before.

    Nowhere else: what a test prints, a backtrace above all (`…::default_hook`), has many lines that end like one.
    """
    if binary.pending:
        _record(binary, binary.pending, _verdict(binary.before) or "FAILED")


def _verdict(text: str) -> str:
    match = _OUTCOME.fullmatch(text) or _LAST_WORD.search(text)
    return match[1] if match else ""


def _record(binary: Binary, name: str, verdict: str) -> None:
    binary.pending = binary.before = ""
    binary.tests.append(TestRun(binary.target, name, TestOutcome(verdict.lower())))


def _finish(binary: Binary, outputs: dict[str, list[str]]) -> None:
    """Joins each failure with its captured output, and ends what an abort left open."""
    if binary.pending:
        _record(binary, binary.pending, "FAILED")
        outputs.setdefault(binary.tests[-1].name, []).append(f"{DIED} ({binary.abort or 'no verdict was printed'})")
    names = doc_names(test.name for test in binary.tests) if binary.target == DOC_TARGET else {}
    binary.tests = [
        replace(test, name=names.get(test.name, test.name), output=trimmed(outputs.get(test.name, [])))
        for test in binary.tests
    ]


def trimmed(lines: list[str]) -> str:
    """The captured output without backtraces, hints about them, and blank edges."""
    kept: list[str] = []
    in_backtrace = False
    for line in lines:
        if line.startswith("stack backtrace:"):
            in_backtrace = True
        elif in_backtrace and re.match(r"\s+(\d+:|at )", line):
            continue
        elif not line.startswith((_BACKTRACE_HINT, "note: Some details are omitted")):
            in_backtrace = False
            kept.append(re.sub(r"^(thread '.*?') \(\d+\) panicked", r"\1 panicked", line))
    return "\n".join(kept).strip("\n")
