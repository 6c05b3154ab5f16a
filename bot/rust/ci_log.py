"""Reads the log of a failed job of GitHub Actions: which step failed, what it ran, and the part of it that tells why. Pure.

The text is other people's, and a program can print whatever a runner prints: what is read here is shown and tried, not trusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain import Check
from bot.rust import cargo
from bot.rust.discovery import discover

LINES = 150
"""So many lines of a step are shown."""
_ERROR_LINES = 60
_WIDTH = 400
LEARNED = "learned from CI"
"""How the source of a check begins that was not found in the workflows, but in a log."""

_TIME = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ?")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ECHOED = re.compile(r"^\x1b\[36;1m(.*?)\x1b\[0m$")
_VARIABLE = re.compile(r"^  ([A-Z][A-Z0-9_]*): (.*)$")
# What decides how cargo builds; all else of a runner's environment is its own business, or somebody's secret.
_TELLING = re.compile(
    r"^(?:RUSTFLAGS|RUSTDOCFLAGS|CARGO_BUILD_RUSTFLAGS|CARGO_ENCODED_RUSTFLAGS|RUST_MIN_STACK|RUSTC_BOOTSTRAP)$"
)
_BEGINNING = re.compile(
    r"^(?:error(?:\[\w+\])?[:!]|error: |thread '.*' panicked|---- .* ----$|test .* \.\.\. FAILED|Diff in )"
)
_CERTAIN = re.compile(
    r"^(?:error\[E\d{4}\]|error: could not compile|Diff in |error: (?:this|unused|missing|unnecessary|used) )"
)
_END = re.compile(r"^##\[error\]")


@dataclass(frozen=True, slots=True)
class LoggedStep:
    """One step of a job: its title (`Run cargo test`), the lines of its script, what of its environment tells, its output."""

    title: str
    script: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def is_certain(self) -> bool:
        """Whether it failed for a reason that a second try cannot change: code that does not compile, lints, formatting."""
        return any(_CERTAIN.match(line) for line in self.lines)


def failing_step(log: str) -> LoggedStep:
    """The step in which the log reports the first error, else the last one."""
    steps = _steps(log)
    return next((step for step in steps if any(map(_END.match, step.lines))), steps[-1])


def _steps(log: str) -> list[LoggedStep]:
    steps = [LoggedStep("")]
    script: list[str] = []
    env: dict[str, str] = {}
    lines: list[str] = []
    is_heading = False

    def close() -> None:
        steps[-1] = replace(steps[-1], script=tuple(script), env=tuple(sorted(env.items())), lines=tuple(lines))

    for raw in log.splitlines():
        line = _TIME.sub("", raw)
        if line.startswith("##[group]Run "):
            close()
            steps.append(LoggedStep(line.removeprefix("##[group]")))
            script, env, lines, is_heading = [], {}, [], True
        elif is_heading and line.startswith("##[endgroup]"):
            is_heading = False
        elif is_heading and (echoed := _ECHOED.match(line)):
            script.append(echoed[1])
        elif is_heading and (variable := _VARIABLE.match(line)):
            if _TELLING.match(variable[1]) and "***" not in variable[2]:
                env[variable[1]] = variable[2]
        elif not is_heading:
            lines.append(_COLOURS.sub("", line)[:_WIDTH])
    close()
    return steps


def excerpt(step: LoggedStep, limit: int = LINES) -> str:
    """The part of a step's output that tells why it failed: the first errors, then its end, in at most `limit` lines."""
    lines = step.lines
    end = next((number + 1 for number, line in enumerate(lines) if _END.match(line)), len(lines))
    lines = lines[:end]
    if len(lines) <= limit:
        return "\n".join(lines).strip("\n")
    tail_from = len(lines) - (limit - _ERROR_LINES)
    first = next((number for number, line in enumerate(lines) if _BEGINNING.match(line)), tail_from)
    errors = lines[first : min(first + _ERROR_LINES, tail_from)]
    if not errors:
        return "\n".join(("[…]", *lines[-limit:]))
    return "\n".join((*errors, f"[… {tail_from - first - len(errors)} lines …]", *lines[tail_from:]))


def headline(step: LoggedStep) -> str:
    """The first line that says what is wrong, for people; empty where none does."""
    found = next((line for line in step.lines if _BEGINNING.match(line)), "")
    if not found:
        found = next((line.removeprefix("##[error]") for line in step.lines if _END.match(line)), "")
    return found.strip()[:200]


def checks_of(step: LoggedStep, files: Mapping[str, str], *, runner: str, place: str) -> tuple[Check, ...]:
    """The cargo commands of the step as checks, judged as if a workflow named them; `place` is `workflow / job`.

    `files` are the repository's own that `discovery.wanted` names. The directory in which the step ran is not in the log.
    """
    if not step.script:
        return ()
    path = ".github/workflows/log.yml"
    job = {"runs-on": runner or "ubuntu-latest", "env": dict(step.env), "steps": [{"run": "\n".join(step.script)}]}
    workflow = json.dumps({"on": "pull_request", "jobs": {"job": job}})
    others = {name: text for name, text in files.items() if not name.startswith(".github/workflows/")}
    found = discover({**others, path: workflow})
    return tuple(
        replace(check, source=f"{LEARNED}: {place}")
        for check in found
        if check.source.startswith(path) and cargo.parse(check.command) is not None
    )


def with_learned(checks: Sequence[Check], learned: Iterable[Check]) -> tuple[Check, ...]:
    """The discovered checks and those learned ones that are not among them."""
    known = {key_of(check) for check in checks}
    return (*checks, *(check for check in learned if key_of(check) not in known))


def key_of(check: Check) -> tuple[object, ...]:
    """What makes two checks the same command, wherever they were found."""
    telling = tuple((name, value) for name, value in check.env if _TELLING.match(name))
    return (" ".join(check.command.split()), check.directory, telling)


def is_learned(check: Check) -> bool:
    """Whether CI had to teach the check."""
    return check.source.startswith(LEARNED)
