"""Writes check results for a reader with little room: what is new against the base, root causes first, then counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from bot.domain import Check, CheckKind, CheckResult, Diagnostic, Failure, Level, Success, TestOutcome, TestRun
from bot.rust import cargo
from bot.rust.libtest import TEST_BINARY

LIMIT = 6_000
# Of what cargo would print: how much may be shown where more than so many findings are new.
_SHARES = ((30, 0.15), (5, 0.40))
_TESTS_IN_FULL = 4
_IN_FULL = 5
_ONE_LINE = 20
_RENDERED_LIMIT = 3_000
_TEST_OUTPUT_LINES = 30
_TESTED = (CheckKind.TEST, CheckKind.NEXTEST, CheckKind.DOCTEST)

# rustc stops before the borrow checker while types are wrong, and types mean little while names are unresolved.
_NAMES = cargo.words(
    """E0432 E0433 E0412 E0425 E0405 E0404 E0407 E0531 E0532 E0583 E0463 E0423 E0424 E0426 E0428 E0106 E0261 E0437 E0438
    E0408 E0422 E0429 E0430 E0431 E0434 E0435 E0416 E0573 E0574 E0576 E0603"""
)
_BORROWS = cargo.words(
    """E0373 E0381 E0382 E0384 E0492 E0493 E0499 E0500 E0501 E0502 E0503 E0504 E0505 E0506 E0507 E0508 E0509 E0510 E0515
    E0516 E0521 E0524 E0594 E0595 E0596 E0597 E0621 E0626 E0700 E0712 E0713 E0716 E0746"""
)
_LIFETIMES = re.compile(r"^lifetime may not live|^borrowed data escapes|does not live long enough|^captured variable")
# What rustc writes beside the place itself: `|  ^^^^ expected `u16`, found `&str``.
_LABEL = re.compile(r"^\s*\|.*\^ (\S.*)$", re.MULTILINE)
_CHATTER = re.compile(
    r"^\s*= (?:help: for further information visit https://rust-lang\.github\.io/rust-clippy|"
    r"note: .*`#\[(?:warn|deny)\(.*on by default|note: (?:requested on the command line|`-\w .*implied by)|"
    r"help: to override `-\w|note: this error originates in the macro)"
)


def compact(results: Sequence[CheckResult], baseline: Sequence[CheckResult] | None = None) -> str:
    """Plain text of at most `LIMIT` characters for a model or a person.

    Compared with `baseline` (the same checks on the base) by code, file, message and source text, never by line number.
    Where it is None nothing is called new.
    """
    old = known_of(baseline or ())
    failed_before = {test.key for result in baseline or () for test in failures(result)}
    word = "" if baseline is None else "new "
    new: list[Diagnostic] = []
    lines: list[str] = []
    shown: set[tuple[object, ...]] = set()
    failed: list[TestRun] = []
    for result in results:
        fresh = new_diagnostics(result.diagnostics, old)
        fresh_failures = [test for test in failures(result) if test.key not in failed_before]
        lines.append(_headline(result, fresh, fresh_failures, word))
        for item in fresh:
            if (place := (item.code, item.path, item.line, item.message)) not in shown:
                shown.add(place)
                new.append(item)
        failed += fresh_failures
    # Two configurations mostly fail in the same words.
    parts = ["\n".join(lines), *_findings(new), *_failed_tests(tuple(dict.fromkeys(failed)))]
    return _fit(parts)


def complete(results: Sequence[CheckResult], baseline: Sequence[CheckResult] = ()) -> str:
    """Everything that is new against the base, at whatever length: for a file that can be searched."""
    old = known_of(baseline)
    failed_before = {test.key for result in baseline for test in failures(result)}
    new = in_order([item for result in results for item in new_diagnostics(result.diagnostics, old)])
    parts = dict.fromkeys(item.rendered or _one_line([item]) for item in new)
    failed = [test for result in results for test in failures(result) if test.key not in failed_before]
    tests = dict.fromkeys(f"test {test.name} ({test.target}) failed:\n{test.output}".rstrip() for test in failed)
    return "\n\n".join([*parts, *tests])


def key_of(diagnostic: Diagnostic) -> tuple[str, str, str, str]:
    """What makes two findings the same on two trees: not the line, which moves with every edit above it."""
    return (diagnostic.code, diagnostic.path, diagnostic.message, " ".join(diagnostic.source_text.split()))


def known_of(baseline: Sequence[CheckResult]) -> Counter[tuple[str, str, str, str]]:
    """The findings of the base, for `new_diagnostics`: by meaning, with how often each is there."""
    return Counter(key_of(item) for result in baseline for item in result.diagnostics)


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
    if code in _BORROWS or _LIFETIMES.search(diagnostic.message):
        return 3
    if not code:
        return 0
    if code in _NAMES:
        return 1
    return 2 if re.match(r"E\d", code) else 4


# --- the parts -------------------------------------------------------------------------------------------------------


def _headline(result: CheckResult, new: Sequence[Diagnostic], new_failures: Sequence[TestRun], word: str) -> str:
    check = result.check
    errors = sum(item.level is Level.ERROR for item in new)
    words = [_verdict(result, errors, new_failures)]
    if new:
        warnings = len(new) - errors
        words.append(_count(errors, f"{word}error") + (f", {_count(warnings, f'{word}warning')}" if warnings else ""))
    if known := len(result.diagnostics) - len(new):
        words.append(f"{known} already on the base, not shown")
    if check.kind in _TESTED:
        words += _test_counts(result, new_failures)
    instead = f", {result.ran_as}" if result.ran_as else ""
    return f"{check.kind}: {'; '.join(words)} ({result.seconds:.1f} s) `{_flags(check)}{check.command}`{instead}"


def _flags(check: Check) -> str:
    """The variables that decide whether warnings fail, as they would stand before the command."""
    return "".join(f"{name}='{value}' " for name, value in check.env if name in ("RUSTFLAGS", "RUSTDOCFLAGS") and value)


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
    if result.flaky:
        names = ", ".join(result.flaky[:3]) + (" …" if len(result.flaky) > 3 else "")
        words.append(f"flaky (failed, then passed when run again): {names}")
    if not counts[TestOutcome.OK] and not counts[TestOutcome.FAILED]:
        words.append("WARNING: no test ran" + (", because nothing compiled" if does_not_compile(result) else ""))
    return words


def does_not_compile(result: CheckResult) -> bool:
    """Whether errors come from the build itself, rather than from a test program that was built and then died."""
    return any(item.level is Level.ERROR and item.code != TEST_BINARY for item in result.diagnostics)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _findings(new: Sequence[Diagnostic]) -> list[str]:
    """The root in full and as many more as the room allows, the next in one line each, the rest as counts by code."""
    groups: dict[tuple[str, str, str], list[Diagnostic]] = {}
    for item in in_order(new):
        groups.setdefault((item.level, item.code, _subject(item)), []).append(item)
    ordered = list(groups.values())
    if not ordered:
        return []
    room = _room(new)
    parts = [_in_full(ordered[0])]
    used = len(parts[0])
    while len(parts) < min(_IN_FULL, len(ordered)):
        if ordered[len(parts)][0].level is not ordered[0][0].level:
            # Warnings beside errors are mostly their echo (an import that nobody uses any more).
            break
        following = _in_full(ordered[len(parts)])
        brief = sum(len(_one_line(group)) + 1 for group in ordered[len(parts) + 1 :][:_ONE_LINE])
        if used + len(following) + brief > room:
            break
        parts.append(following)
        used += len(following) + 2
    lines: list[str] = []
    rest = ordered[len(parts) :]
    while rest and len(lines) < _ONE_LINE and (used < room or len(lines) < 3):
        lines.append(_one_line(rest.pop(0)))
        used += len(lines[-1]) + 1
    if rest:
        counts = Counter(item.code or "error" for group in rest for item in group)
        lines.append("and more: " + ", ".join(f"{count} × {code}" for code, count in counts.most_common()))
    return [*parts, "Also:\n" + "\n".join(lines)] if lines else parts


def _room(new: Sequence[Diagnostic]) -> int:
    """The characters for findings: a share of what cargo prints, so that long reports do not crowd out everything else."""
    level = Level.ERROR if any(item.level is Level.ERROR for item in new) else Level.WARNING
    printed = sum(len(item.rendered) + 2 for item in new if item.level is level)
    share = next((share for count, share in _SHARES if len(new) > count), None)
    # The headline of each check comes on top.
    return LIMIT - 1_000 if share is None else min(LIMIT - 1_000, int(share * printed) - 150)


def _subject(diagnostic: Diagnostic) -> str:
    """What a finding is about: the definition that its message names, else the whole message with its label."""
    text = f"{diagnostic.message}{_label(diagnostic)}"
    # Numbers of arguments or bytes may differ; `u8` and `u16` are two things.
    return re.sub(r"`[^`]*`|\d+", lambda found: found[0] if found[0].startswith("`") else "N", text)


def _label(diagnostic: Diagnostic) -> str:
    """The label of an error whose message names nothing: `mismatched types` alone is a hundred different mistakes."""
    if "`" in diagnostic.message or not re.match(r"E\d", diagnostic.code):
        return ""
    label = _LABEL.search(diagnostic.rendered)
    return f": {label[1]}" if label else ""


def _place(diagnostic: Diagnostic) -> str:
    if not diagnostic.path:
        return ""
    return f"{diagnostic.path}:{diagnostic.line}" if diagnostic.line else diagnostic.path


def _places(group: Sequence[Diagnostic]) -> str:
    """Places by file: `src/lib.rs:9, 12, 15; src/main.rs:3`."""
    lines: dict[str, list[str]] = {}
    for item in group:
        lines.setdefault(item.path, []).append(str(item.line))
    files = [
        f"{path}:{', '.join(dict.fromkeys(found[:12]))}{' …' if len(found) > 12 else ''}"
        for path, found in lines.items()
    ]
    more = f"; and in {len(files) - 6} more files" if len(files) > 6 else ""
    return "; ".join(files[:6]) + more


def _in_full(group: Sequence[Diagnostic]) -> str:
    first = group[0]
    text = first.rendered or f"{first.level}: {first.message}\n --> {_place(first)}"
    text = _plain(text)
    if first.code and first.code not in text.partition("\n")[0]:
        # A lint's name stands in the lines that were left out; whoever wants to allow it needs it.
        text = text.replace(": ", f"[{first.code}]: ", 1)
    if len(text) > _RENDERED_LIMIT:
        cut = text.rfind("\n", 0, _RENDERED_LIMIT)
        text = text[: cut if cut > 0 else _RENDERED_LIMIT] + "\n… (longer)"
    if len(group) > 1:
        text += f"\nThe same {len(group) - 1} more times: {_places(group[1:])}"
    return text


def _plain(rendered: str) -> str:
    """rustc's text without the lines that help nobody to mend anything."""
    lines = [line for line in rendered.splitlines() if not _CHATTER.match(line)]
    while lines and re.fullmatch(r"\s*\|?\s*", lines[-1]):
        lines.pop()
    return "\n".join(lines)


def _one_line(group: Sequence[Diagnostic]) -> str:
    first = group[0]
    code = f"[{first.code}]" if first.code else ""
    more = f" (and {len(group) - 1} more)" if len(group) > 1 else ""
    return f"{first.level}{code} {_place(first)}: {(first.message + _label(first))[:200]}{more}"


def _failed_tests(failures: Sequence[TestRun]) -> list[str]:
    # libtest runs tests in parallel: their order says nothing, and a reader compares two reports.
    failed = sorted(failures, key=lambda test: test.key)
    # Where dozens fail at once they fail for one reason, and the first few show it.
    in_full, one_line = (_TESTS_IN_FULL, _ONE_LINE) if len(failed) <= _SHARES[0][0] else (2, _ONE_LINE // 2)
    parts = [_failed_test(test) for test in failed[:in_full]]
    if rest := failed[in_full:]:
        lines = [f"test {test.name} ({test.target}): {_reason(test)}" for test in rest[:one_line]]
        more = [f"and {len(rest) - one_line} more"] if len(rest) > one_line else []
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
