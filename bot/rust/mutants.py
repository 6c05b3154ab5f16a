"""Mutants of a change: which command makes and tests them, and what its records say. Pure.

cargo-mutants 27 (https://mutants.rs) plants one small mistake after the other and runs the tests. Its files
(`outcomes.json`, the logs) are written in a container in which the change's own code runs: they are data.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot import hunks
from bot.domain import Check, Mutant, MutantFate, TestOutcome
from bot.rust import libtest
from bot.rust.cargo import parse

MUTANTS = "mutants"
"""The name of cargo-mutants among the tools of a sandbox."""
CONFIG = ".cargo/mutants.toml"
"""Where a repository configures it."""
SHOWN = 12
"""So many survivors at most are shown to the author in one round."""
LEAST_TIMEOUT, TIMEOUT_FACTOR = 20.0, 5.0
"""Seconds for the tests of one mutant: so many times what they take without it, as cargo-mutants itself has it."""

_FATES = {
    "CaughtMutant": MutantFate.CAUGHT,
    "MissedMutant": MutantFate.MISSED,
    "Timeout": MutantFate.TIMEOUT,
    "Unviable": MutantFate.UNVIABLE,
}
_NAME = re.compile(r"^(?P<path>.+?):(?P<line>\d+):(?P<column>\d+): (?P<what>.*)$", re.DOTALL)
_FEATURES = ("--all-features", "--no-default-features")
_FEATURE_VALUES = ("--features", "-F")


def list_line(check: Check, diff: str, config: str = "") -> str:
    """Lists, as JSON on standard output, the mutants of what the difference in the file `diff` adds or changes.

    `check` runs the tests: its features count. `config` is the path of the base's own configuration, "" where it has none;
    the one in the workspace is the change's, which must not exempt itself.
    """
    return f"cargo mutants --list --json {_common(check, diff, config)}"


def test_line(
    check: Check, diff: str, config: str, *, path: str, output: str, timeout: float, build_timeout: float
) -> str:
    """Tests the mutants of one file, each for at most `timeout` seconds; the records go to `output`/mutants.out.

    It mutates the workspace itself, which is thrown away afterwards, and takes for granted that the tests pass without
    a mutant: the proof has just shown it. What `caught_file` names there already is passed over.
    """
    words = [
        "--in-place --iterate --baseline=skip --colors=never --no-times",
        f"--timeout {timeout:.0f} --build-timeout {build_timeout:.0f}",
        f"--file {shlex.quote(path)} --output {shlex.quote(output)}",
    ]
    return f"cargo mutants {' '.join(words)} {_common(check, diff, config)} -- --no-fail-fast"


def _common(check: Check, diff: str, config: str) -> str:
    cargo = parse(check.command)
    words = [f"--in-diff {shlex.quote(diff)}", f"--config {shlex.quote(config)}" if config else "--no-config"]
    if cargo is not None:
        words += [flag for flag in _FEATURES if cargo.has(flag)]
        words += [f"--features {shlex.quote(value)}" for value in cargo.values(*_FEATURE_VALUES)]
    return " ".join(words)


def read_list(text: str) -> tuple[tuple[str, str], ...]:
    """The mutants that `list_line` printed: path and name, in the order of the source. Empty where it printed no JSON."""
    try:
        rows = json.loads(text)
    except ValueError:
        return ()
    rows = rows if isinstance(rows, list) else []
    return tuple((str(row["file"]), str(row["name"])) for row in rows if isinstance(row, dict) and "file" in row)


def read_outcomes(text: str) -> tuple[tuple[Mutant, str], ...]:
    """The mutants of an `outcomes.json`, also of an unfinished run, each with the path of its log below the output.

    Empty where the text is no such record.
    """
    try:
        rows = json.loads(text).get("outcomes", [])
    except (ValueError, AttributeError):
        return ()
    found = []
    for row in rows if isinstance(rows, list) else []:
        scenario = row.get("scenario") if isinstance(row, dict) else None
        given = scenario.get("Mutant") if isinstance(scenario, dict) else None
        if not isinstance(given, dict):
            continue
        fate, name = _FATES.get(str(row.get("summary"))), _NAME.match(str(given.get("name")))
        if fate is None or name is None:
            continue
        function = given.get("function")
        function_name = str(function.get("function_name") or "") if isinstance(function, dict) else ""
        what = name["what"].removesuffix(f" in {function_name}")
        mutant = Mutant(name["path"], int(name["line"]), int(name["column"]), function_name, what, fate)
        found.append((mutant, str(row.get("log_path") or "")))
    return tuple(found)


def caught_file(known: Sequence[Mutant], path: str) -> str:
    """The file `caught.txt` by which cargo-mutants passes over what an earlier pass had done with."""
    return "".join(
        f"{name}\n" for mutant in known if mutant.path == path and _is_done(mutant) for name in _names(mutant)
    )


def carried_over(
    known: Sequence[Mutant], listed: Sequence[tuple[str, str]], found: Sequence[Mutant]
) -> tuple[Mutant, ...]:
    """The known mutants that are still among those listed and were passed over this time."""
    names = {name for _, name in listed}
    tried = {name for mutant in found for name in _names(mutant)}
    return tuple(
        mutant for mutant in known if _is_done(mutant) and names & {*_names(mutant)} and not tried & {*_names(mutant)}
    )


def _is_done(mutant: Mutant) -> bool:
    return mutant.fate is not MutantFate.MISSED


def _names(mutant: Mutant) -> tuple[str, str]:
    """How cargo-mutants names it, which adds the function where the words do not hold it."""
    name = f"{mutant.path}:{mutant.line}:{mutant.column}: {mutant.what}"
    return name, f"{name} in {mutant.function}"


def moved(known: Sequence[Mutant], hunks_of: Mapping[str, Sequence[hunks.Hunk]]) -> tuple[Mutant, ...]:
    """The mutants where they are after a difference, by the hunks of each changed file; without those whose line it changed."""
    places = [(mutant, hunks.moved(mutant.line, hunks_of.get(mutant.path, ()))) for mutant in known]
    return tuple(replace(mutant, line=line) for mutant, line in places if line is not None)


def joined(before: Sequence[Mutant], now: Sequence[Mutant]) -> tuple[Mutant, ...]:
    """Those of both; of one that was tried twice what came of it now."""
    tried = {(mutant.line, mutant.column, identity(mutant)) for mutant in now}
    return (*(each for each in before if (each.line, each.column, identity(each)) not in tried), *now)


def with_killers(mutant: Mutant, log: str) -> Mutant:
    """The mutant with the names of the tests that its log shows as failed."""
    binaries = libtest.read(log, {})
    failed = [test.name for binary in binaries for test in binary.tests if test.outcome is TestOutcome.FAILED]
    return replace(mutant, killed_by=tuple(dict.fromkeys(failed)))


def timeout_for(seconds: float) -> float:
    """How long the tests of one mutant may take, if without it they take `seconds`."""
    return max(LEAST_TIMEOUT, TIMEOUT_FACTOR * seconds)


def named(survivors: Sequence[Mutant]) -> Mapping[str, Mutant]:
    """The survivors that are shown, by the ids M1, M2, …"""
    return {f"M{number}": mutant for number, mutant in enumerate(survivors[:SHOWN], 1)}


def at(mutant: Mutant) -> str:
    """Where a mutant is, for people: `src/lib.rs:7 in is_big`."""
    return f"{mutant.path}:{mutant.line}" + (f" in {mutant.function}" if mutant.function else "")


def identity(mutant: Mutant) -> tuple[str, str, str]:
    """What makes two mutants the same though lines were added above them."""
    return mutant.path, mutant.function, mutant.what
