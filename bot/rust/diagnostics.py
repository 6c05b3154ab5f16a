"""Reads what the checks print (cargo's JSON, libtest, rustfmt, cargo's own words) into a `CheckResult`; runs nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from posixpath import join, normpath, relpath

from bot.domain import (
    Check,
    CheckKind,
    CheckResult,
    CommandResult,
    Diagnostic,
    Failure,
    Fix,
    Level,
    Success,
    TestOutcome,
    TestRun,
)
from bot.rust import libtest, nextest
from bot.rust.checks import denied_lints
from bot.rust.compact import compact

__all__ = ["WORKSPACE", "compact", "merge", "parse", "test_targets", "unformatted"]

WORKSPACE = "/workspace"
# cargo's exit code for "something did not compile or a test failed", given to a check that only CI's denied lints fail.
CARGO_FAILED = 101
_EVENT = '{"reason":"compiler-'
_OUTPUT_KEPT = 8_000
_CARGO_ERROR = re.compile(r"^error(?:\[(E\d+)\])?: (.+)$")
# Cargo's summaries of what the JSON or the harness already told.
_SUMMARY_OF_OTHERS = re.compile(
    r"could not compile|aborting due to|test failed, to rerun|doctest failed, to rerun|\d+ targets? failed|"
    r"process didn't exit successfully|build failed|warnings? emitted|test run failed|exited with code \d+"
)
_DIFF = re.compile(r"^Diff in (.+?)(?::(\d+):| at line (\d+):)$")
_REQUESTED = re.compile(r"(?:requested on the command line with|implied by) `-W ([\w:-]+)`")


@dataclass(slots=True)
class _Cargo:
    """What the JSON lines of one command said; `plain` is everything that was not JSON, `tested` that with nextest's events.

    `executables` and `sources` give the root file of a test target, by its executable's name and by nextest's id of it.
    """

    diagnostics: list[Diagnostic] = field(default_factory=list)
    executables: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    targets: list[tuple[str, str, str]] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    tested: list[str | Mapping[str, object]] = field(default_factory=list)
    requested_by: dict[str, set[str]] = field(default_factory=dict)


def parse(check: Check, result: CommandResult, *, workspace: str = WORKSPACE) -> CheckResult:
    """The outcome of `checks.command_line(check)`.

    Lints that CI denies were only asked for as warnings; here they become errors, and a check that only they would fail
    gets the exit that CI's command would have had. Paths are relative to the repository.
    """
    cargo = _read(result.stdout or result.output, check.directory, workspace)
    denied = denied_lints(check)
    diagnostics = _deduplicated(_denied(item, denied, cargo.requested_by) for item in cargo.diagnostics)
    plain = "\n".join(cargo.plain)
    if check.kind is CheckKind.FMT:
        diagnostics += _rustfmt(plain, workspace)
    flaky: frozenset[str] = frozenset()
    if check.kind is CheckKind.NEXTEST and any(not isinstance(line, str) for line in cargo.tested):
        binaries, flaky = nextest.read(cargo.tested, cargo.sources)
    else:
        binaries = libtest.read(plain, cargo.executables)
    tests = tuple(test for binary in binaries for test in binary.tests)
    diagnostics += _about_tests(binaries)
    errors = [item for item in diagnostics if item.level is Level.ERROR]
    if not result.is_success and not errors and not any(test.outcome is TestOutcome.FAILED for test in tests):
        diagnostics += _cargo_errors(cargo.plain)
    exit_ = Failure(CARGO_FAILED) if result.is_success and errors else result.exit
    kept = plain[-_OUTPUT_KEPT:]
    return CheckResult(check, exit_, result.seconds, diagnostics, tests, kept, tuple(sorted(flaky)))


def merge(results: Sequence[CheckResult]) -> CheckResult:
    """Several commands of one check (targets run one by one) as one result: the first failure's exit, everything found."""
    bad = [result.exit for result in results if not isinstance(result.exit, Success)]
    diagnostics = _deduplicated(item for result in results for item in result.diagnostics)
    tests: dict[str, TestRun] = {}
    for test in (test for result in results for test in result.tests):
        tests.setdefault(test.key, test)
    return CheckResult(
        results[0].check,
        bad[0] if bad else results[0].exit,
        sum(result.seconds for result in results),
        diagnostics,
        tuple(tests.values()),
        "\n".join(result.output for result in results)[-_OUTPUT_KEPT:],
        ran_as=results[0].ran_as,
    )


def test_targets(result: CommandResult) -> tuple[tuple[str, str, str], ...]:
    """The test targets (package as `name@version`, kind, name) that were built by `checks.salvage_build_line`."""
    return tuple(_read(result.stdout or result.output, ".", WORKSPACE).targets)


def unformatted(result: CommandResult, *, workspace: str = WORKSPACE) -> frozenset[str]:
    """The files that `checks.unformatted_line` listed."""
    lines = (result.stdout or result.output).splitlines()
    return frozenset(_relative(line.strip(), workspace) for line in lines if line.strip().endswith(".rs"))


# --- cargo's JSON ----------------------------------------------------------------------------------------------------


def _read(text: str, directory: str, workspace: str) -> _Cargo:
    cargo = _Cargo()
    for line in text.splitlines():
        event, at = _event(line) if line.startswith('{"') else None, 0
        if event is None and (found := line.find(_EVENT)) > 0:
            # A word of cargo's, or what a test prints without a newline, can stand before a JSON line.
            event, at = _event(line[found:]), found
        if event is None or at > 0:
            printed = line if event is None else line[:at]
            cargo.plain.append(printed)
            cargo.tested.append(printed)
        if event is None:
            continue
        if "type" in event:
            cargo.plain.append(line)
            cargo.tested.append(event)
        elif event.get("reason") == "compiler-message":
            _message(event, cargo, directory, workspace)
        elif event.get("reason") == "compiler-artifact":
            _artifact(event, cargo, workspace)
    return cargo


def _event(line: str) -> dict[str, object] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and ("reason" in event or "type" in event) else None


def _object(value: object, *keys: str) -> dict[str, object]:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _artifact(event: dict[str, object], cargo: _Cargo, workspace: str) -> None:
    executable, target = event.get("executable"), _object(event, "target")
    if not isinstance(executable, str) or _object(event, "profile").get("test") is not True:
        return
    source = _relative(_text(target.get("src_path")), workspace)
    cargo.executables[executable.rsplit("/", 1)[-1]] = source
    kinds = target.get("kind")
    kind = str(kinds[0]) if isinstance(kinds, list) and kinds else "lib"
    kind = "lib" if kind.endswith("lib") or kind == "proc-macro" else kind
    package_id, name = _text(event.get("package_id")), _text(target.get("name"))
    cargo.sources[nextest.binary_id(_package(package_id), kind, name)] = source
    cargo.targets.append((_spec(package_id), kind, name))


def _package(package_id: str) -> str:
    """The name in a package id: `path+file:///workspace/crates/b#b-crate@0.1.0`, `path+file:///workspace/demo#0.1.0`."""
    location, _, fragment = package_id.partition("#")
    name = fragment.partition("@")[0]
    return name if "@" in fragment else location.rsplit("/", 1)[-1]


def _spec(package_id: str) -> str:
    """`name@version`: a package that depends on an older version of itself is ambiguous by name alone."""
    return f"{_package(package_id)}@{package_id.rpartition('#')[2].rpartition('@')[2]}"


def _message(event: dict[str, object], cargo: _Cargo, directory: str, workspace: str) -> None:
    message = _object(event, "message")
    level = _text(message.get("level"))
    if level not in ("error", "warning", "error: internal compiler error"):
        return
    spans = _objects(message.get("spans"))
    if not spans and _SUMMARY_OF_OTHERS.search(_text(message.get("message"))):
        return
    code = _text(_object(message, "code").get("code"))
    for child in _objects(message.get("children")):
        for lint in _REQUESTED.findall(_text(child.get("message"))):
            cargo.requested_by.setdefault(code, set()).add(lint)
    span = _user_span(spans)
    root = _cargo_root(event, span, directory, workspace)
    source = " ".join(_text(line.get("text")).strip() for line in _objects(span.get("text")))
    cargo.diagnostics.append(
        Diagnostic(
            level=Level.WARNING if level == "warning" else Level.ERROR,
            code=code,
            message=_text(message.get("message")),
            path=_relative(join(root, _text(span.get("file_name"))), workspace) if span else "",
            line=_int(span.get("line_start")),
            column=_int(span.get("column_start")),
            rendered=_text(message.get("rendered")).rstrip("\n"),
            source_text=source,
            package=_package(_text(event.get("package_id"))),
            fixes=_fixes(message, root, workspace),
        )
    )


def _fixes(message: dict[str, object], root: str, workspace: str) -> tuple[Fix, ...]:
    """What the compiler itself would replace, if it is certain of it and there is one way only.

    https://doc.rust-lang.org/rustc/json.html: alternatives are children of their own.
    """
    offers = []
    for child in _objects(message.get("children")):
        spans = _objects(child.get("spans"))
        suggested = [span for span in spans if span.get("suggested_replacement") is not None]
        if suggested:
            offers.append(suggested)
    certain = [
        offer
        for offer in offers
        if all(
            span.get("suggestion_applicability") == "MachineApplicable" and span.get("expansion") is None
            for span in offer
        )
    ]
    if len(offers) != 1 or not certain:
        return ()
    return tuple(
        Fix(
            _relative(join(root, _text(span.get("file_name"))), workspace),
            _int(span.get("byte_start")),
            _int(span.get("byte_end")),
            _text(span.get("suggested_replacement")),
        )
        for span in certain[0]
    )


def _user_span(spans: list[dict[str, object]]) -> dict[str, object]:
    """The primary span, followed out of macros into the code that called them."""
    span = next((span for span in spans if span.get("is_primary") is True), spans[0] if spans else {})
    while _text(span.get("file_name")).startswith(("/", "<")) and (outer := _object(span, "expansion", "span")):
        span = outer
    return span


def _cargo_root(event: dict[str, object], span: dict[str, object], directory: str, workspace: str) -> str:
    """The directory that a span's path is relative to: the root of cargo's workspace, which no message names.

    It is the topmost directory from which the file lies in the package that is being compiled.
    """
    home = _text(event.get("manifest_path")).removesuffix("/Cargo.toml")
    if not home.startswith(workspace):
        return normpath(join(workspace, directory))
    steps = [step for step in home.removeprefix(workspace).split("/") if step]
    for depth in range(len(steps) + 1):
        root = join(workspace, *steps[:depth])
        if normpath(join(root, _text(span.get("file_name")))).startswith(f"{home}/"):
            return root
    return normpath(join(workspace, directory))


def _relative(path: str, workspace: str) -> str:
    path = normpath(path)
    return relpath(path, workspace) if path.startswith(f"{workspace}/") else path


# --- judging ---------------------------------------------------------------------------------------------------------


def _denied(diagnostic: Diagnostic, denied: frozenset[str], requested_by: dict[str, set[str]]) -> Diagnostic:
    """The diagnostic at the level that it has in CI."""
    if diagnostic.level is Level.ERROR or not denied:
        return diagnostic
    lint = diagnostic.code.replace("_", "-")
    groups = {group.replace("_", "-") for group in requested_by.get(diagnostic.code, ())}
    if ("warnings" in denied and lint) or lint in denied or groups & denied:
        return replace(diagnostic, level=Level.ERROR, rendered=re.sub(r"^warning\b", "error", diagnostic.rendered))
    return diagnostic


def _deduplicated(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The library and its test build report the same finding; once is enough."""
    found: dict[tuple[object, ...], Diagnostic] = {}
    for item in diagnostics:
        key = (item.code, item.path, item.line, item.column, item.message)
        if key not in found or (found[key].level is Level.WARNING and item.level is Level.ERROR):
            found[key] = item
    return tuple(found.values())


def _about_tests(binaries: Sequence[libtest.Binary]) -> tuple[Diagnostic, ...]:
    """Binaries that died without saying in which test, and a filter that no test matched."""
    found = [
        Diagnostic(Level.ERROR, libtest.TEST_BINARY, binary.died, binary.target, 0, 0)
        for binary in binaries
        if binary.died
    ]
    filtered = sum(binary.filtered for binary in binaries)
    if filtered and not any(binary.tests for binary in binaries):
        message = f"no test ran: the filter matched none of {filtered}"
        found.append(Diagnostic(Level.WARNING, "no-tests", message, "", 0, 0))
    return tuple(found)


def _rustfmt(plain: str, workspace: str) -> tuple[Diagnostic, ...]:
    """One finding per file of `cargo fmt --check`; the differences themselves are rustfmt's to apply."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", plain).splitlines()
    places = [(match[1], int(match[2] or match[3])) for match in map(_DIFF.match, lines) if match]
    first: dict[str, int] = {}
    for path, line in places:
        first.setdefault(_relative(path, workspace), line)
    return tuple(
        Diagnostic(Level.ERROR, "rustfmt", "is not formatted as rustfmt would", path, line, 0)
        for path, line in first.items()
    )


def _cargo_errors(plain: list[str]) -> tuple[Diagnostic, ...]:
    """Cargo's own errors (manifest, resolver, lock file), which stay plain text, each with the lines under it."""
    found: list[Diagnostic] = []
    for position, line in enumerate(plain):
        match = _CARGO_ERROR.match(line)
        if match is None or _SUMMARY_OF_OTHERS.search(line):
            continue
        block = [line]
        for following in plain[position + 1 : position + 25]:
            if _CARGO_ERROR.match(following):
                break
            block.append(following)
        found.append(Diagnostic(Level.ERROR, match[1] or "", match[2], "", 0, 0, "\n".join(block).rstrip()))
    return tuple(found)
