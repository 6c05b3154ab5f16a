"""Writes check results for a reader with little room: what is new against the base, root causes first, then counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from bot.domain import CheckKind, CheckResult, Diagnostic, Failure, Level, Success, TestOutcome, TestRun
from bot.rust import cargo

LIMIT = 6_000
_IN_FULL = 4
_ONE_LINE = 20
_RENDERED_LIMIT = 1_600
_TEST_OUTPUT_LINES = 30
_TESTED = (CheckKind.TEST, CheckKind.NEXTEST, CheckKind.DOCTEST)

# rustc stops before the borrow checker while types are wrong, and types mean little while names are unresolved.
_NAMES = cargo.words("E0432 E0433 E0412 E0425 E0405 E0404 E0407 E0531 E0532 E0583 E0463 E0423 E0424 E0426 E0428")
_BORROWS = re.compile(r"E0(?:37[13]|38[1-4]|49[3-9]|5\d\d|59[4-9]|7(?:12|13|16))$")


def compact(results: Sequence[CheckResult], baseline: Sequence[CheckResult] = ()) -> str:
    """Plain text of at most `LIMIT` characters for a model or a person.

    Compared with `baseline` (the same checks on the base) by code, file, message and source text, never by line number.
    """
    old = Counter(key_of(item) for result in baseline for item in result.diagnostics)
    failed_before = {test.key for result in baseline for test in failures(result)}
    new: list[Diagnostic] = []
    lines: list[str] = []
    shown: set[tuple[object, ...]] = set()
    failed: list[TestRun] = []
    for result in results:
        fresh = new_diagnostics(result.diagnostics, old)
        fresh_failures = [test for test in failures(result) if test.key not in failed_before]
        lines.append(_headline(result, fresh, fresh_failures))
        for item in fresh:
            if (place := (item.code, item.path, item.line, item.message)) not in shown:
                shown.add(place)
                new.append(item)
        failed += fresh_failures
    parts = ["\n".join(lines), *_findings(new), *_failed_tests(failed)]
    return _fit(parts)


def key_of(diagnostic: Diagnostic) -> tuple[str, str, str, str]:
    """What makes two findings the same on two trees: not the line, which moves with every edit above it."""
    return (diagnostic.code, diagnostic.path, diagnostic.message, " ".join(diagnostic.source_text.split()))


def new_diagnostics(diagnostics: Sequence[Diagnostic], old: Counter[tuple[str, str, str, str]]) -> list[Diagnostic]:
    """Those that the base does not have; of equal ones as many count as old as the base had."""
    left = Counter(old)
    new = []
    for item in diagnostics:
        key = key_of(item)
        if left[key] > 0:
            left[key] -= 1
        else:
            new.append(item)
    return new


def failures(result: CheckResult) -> list[TestRun]:
    return [test for test in result.tests if test.outcome is TestOutcome.FAILED]


def in_order(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Errors before warnings; among errors syntax, names, types, borrows, because the former cause the latter."""
    return sorted(diagnostics, key=_phase)


def _phase(diagnostic: Diagnostic) -> int:
    if diagnostic.level is Level.WARNING:
        return 9
    code = diagnostic.code
    if not code:
        return 0
    if code in _NAMES:
        return 1
    if _BORROWS.match(code):
        return 3
    return 2 if re.match(r"E\d", code) else 4


# --- the parts -------------------------------------------------------------------------------------------------------


def _headline(result: CheckResult, new: Sequence[Diagnostic], new_failures: Sequence[TestRun]) -> str:
    check = result.check
    errors = sum(item.level is Level.ERROR for item in new)
    words = [_verdict(result, errors, new_failures)]
    if new:
        words.append(
            _count(errors, "new error") + (f", {_count(len(new) - errors, 'new warning')}" if errors < len(new) else "")
        )
    if known := len(result.diagnostics) - len(new):
        words.append(f"{known} already on the base, not shown")
    if check.kind in _TESTED:
        words += _test_counts(result, new_failures)
    return f"{check.kind}: {'; '.join(words)} ({result.seconds:.1f} s) `{check.command}`"


def _verdict(result: CheckResult, errors: int, new_failures: Sequence[TestRun]) -> str:
    match result.exit:
        case Success():
            return "ok"
        case Failure() if not errors and not new_failures and (result.diagnostics or failures(result)):
            return "fails as on the base"
        case Failure():
            return "FAILED"
        case other:
            return f"FAILED, {other}"


def _test_counts(result: CheckResult, new_failures: Sequence[TestRun]) -> list[str]:
    counts = Counter(test.outcome for test in result.tests)
    words = [
        f"{counts[TestOutcome.OK]} passed, {counts[TestOutcome.FAILED]} failed, {counts[TestOutcome.IGNORED]} ignored"
    ]
    if known := counts[TestOutcome.FAILED] - len(new_failures):
        words.append(f"{known} of the failures already on the base")
    if not counts[TestOutcome.OK] and not counts[TestOutcome.FAILED]:
        words.append("WARNING: no test ran" + (", because nothing compiled" if result.diagnostics else ""))
    return words


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _findings(new: Sequence[Diagnostic]) -> list[str]:
    """The first groups in full, the next in one line each, the rest as counts by code."""
    groups: dict[tuple[str, str, str], list[Diagnostic]] = {}
    for item in in_order(new):
        groups.setdefault((item.level, item.code, _subject(item)), []).append(item)
    ordered = list(groups.values())
    parts = [_in_full(group) for group in ordered[:_IN_FULL]]
    if brief := ordered[_IN_FULL : _IN_FULL + _ONE_LINE]:
        parts.append("Also:\n" + "\n".join(_one_line(group) for group in brief))
    if rest := ordered[_IN_FULL + _ONE_LINE :]:
        counts = Counter(item.code or "error" for group in rest for item in group)
        parts.append("And more: " + ", ".join(f"{count} × {code}" for code, count in counts.most_common()))
    return parts


def _subject(diagnostic: Diagnostic) -> str:
    """What a finding is about: the definition that its message names, else the whole message."""
    return re.sub(r"\d+", "N", diagnostic.message)


def _place(diagnostic: Diagnostic) -> str:
    if not diagnostic.path:
        return ""
    return f"{diagnostic.path}:{diagnostic.line}" if diagnostic.line else diagnostic.path


def _in_full(group: Sequence[Diagnostic]) -> str:
    first = group[0]
    text = first.rendered or f"{first.level}: {first.message}\n --> {_place(first)}"
    if len(text) > _RENDERED_LIMIT:
        cut = text.rfind("\n", 0, _RENDERED_LIMIT)
        text = text[: cut if cut > 0 else _RENDERED_LIMIT] + "\n… (longer)"
    if len(group) > 1:
        places = [_place(item) for item in group[1:]]
        more = f", and {len(places) - 12} more" if len(places) > 12 else ""
        text += f"\nThe same at: {', '.join(places[:12])}{more}"
    return text


def _one_line(group: Sequence[Diagnostic]) -> str:
    first = group[0]
    code = f"[{first.code}]" if first.code else ""
    more = f" (and {len(group) - 1} more)" if len(group) > 1 else ""
    return f"{first.level}{code} {_place(first)}: {first.message[:200]}{more}"


def _failed_tests(failed: Sequence[TestRun]) -> list[str]:
    parts = [_failed_test(test) for test in failed[:_IN_FULL]]
    if rest := failed[_IN_FULL:]:
        lines = [f"test {test.name} ({test.target}): {_reason(test)}" for test in rest[:_ONE_LINE]]
        more = [f"and {len(rest) - _ONE_LINE} more"] if len(rest) > _ONE_LINE else []
        parts.append("Also failed:\n" + "\n".join(lines + more))
    return parts


def _failed_test(test: TestRun) -> str:
    lines = test.output.splitlines()
    start = next((at for at, line in enumerate(lines) if " panicked at " in line), 0)
    # What the test printed before it panicked is the least telling part.
    kept = [*lines[max(0, start - 10) : start], *lines[start : start + _TEST_OUTPUT_LINES]]
    left_out = len(lines) - len(kept)
    note = f" ({left_out} lines of output left out)" if left_out > 0 else ""
    body = "\n".join(f"    {line[:400]}" for line in kept)
    return f"test {test.name} ({test.target}) failed{note}:\n{body}".rstrip()


def _reason(test: TestRun) -> str:
    lines = [line.strip() for line in test.output.splitlines() if line.strip()]
    start = next((at for at, line in enumerate(lines) if " panicked at " in line), None)
    return " | ".join(lines[start : start + 4])[:200] if start is not None else " | ".join(lines[:2])[:200]


def _fit(parts: Sequence[str]) -> str:
    """As many whole parts as there is room for; what is left out is said."""
    text = ""
    for position, part in enumerate(parts):
        candidate = f"{text}\n\n{part}" if text else part
        if len(candidate) > LIMIT - 60:
            if not text:
                return part[: LIMIT - 60] + "\n… (longer)"
            return f"{text}\n\n… and {_count(len(parts) - position, 'part')} more, left out for length"
        text = candidate
    return text
