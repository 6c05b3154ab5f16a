"""Tests the tests of a change: mutants of it in a fresh container, file by file, for as long as there is time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bot.checking import Checker
from bot.domain import Check, Mutant, Mutation
from bot.errors import Stopped
from bot.rust import checks, mutants
from bot.sandbox.workspace import WorkspaceFiles

TARGET = "/target"
"""Where the container sees its target directory."""
DIFF, CONFIG = "rfcsmith-mutants.diff", "rfcsmith-mutants.toml"
LEAST = 5.0
"""Seconds below which it is not worth while to begin with another file."""
BUILD_SECONDS = 300.0
"""How long the build of one mutant may take."""
NO_TOOL = "cargo-mutants is not there on the worker (`make image TOOLS=1` brings it)."
NO_TESTS = "No check runs tests at the top of the repository."


@dataclass(frozen=True, slots=True)
class Mutator:
    """Mutates the tree of one fresh container, whose `target` directory is at hand; `seconds` is the time for everything."""

    checker: Checker
    target: WorkspaceFiles
    seconds: float

    def run(self, difference: str, config: bytes | None, test_seconds: float, known: Sequence[Mutant] = ()) -> Mutation:
        """Try mutants of what `difference` (unified, against the base) adds or changes.

        `config` is the base's own configuration of cargo-mutants; the tests take `test_seconds` without a mutant. Those of
        `known` that an earlier pass had done with, and that are still at their place, are not tried again.
        """
        check = checks.main_tests(self.checker.checks)
        if mutants.MUTANTS not in self.checker.tools:
            return Mutation(remark=NO_TOOL)
        if check is None:
            return Mutation(remark=NO_TESTS)
        self.target.write(DIFF, difference.encode())
        if config is not None:
            self.target.write(CONFIG, config)
        configured = f"{TARGET}/{CONFIG}" if config is not None else ""
        began = time.monotonic()
        listed = mutants.read_list(self._command(check, mutants.list_line(check, f"{TARGET}/{DIFF}", configured)))
        paths = list(dict.fromkeys(path for path, _ in listed))
        found: list[Mutant] = []
        for number, path in enumerate(paths):
            left = self.seconds - (time.monotonic() - began)
            if left < LEAST:
                break
            # Time that a file leaves over is the others'.
            share = left / (len(paths) - number)
            output = f"mutants-{number}"
            self.target.write(f"{output}/mutants.out/caught.txt", mutants.caught_file(known, path).encode())
            found += self._try(check, path, configured, test_seconds, share, output)
        found += mutants.carried_over(known, listed, found)
        return Mutation(tuple(found), max(len(listed) - len(found), 0), time.monotonic() - began)

    def _try(
        self, check: Check, path: str, config: str, test_seconds: float, seconds: float, output: str
    ) -> Sequence[Mutant]:
        line = mutants.test_line(
            check,
            f"{TARGET}/{DIFF}",
            config,
            path=path,
            output=f"{TARGET}/{output}",
            timeout=mutants.timeout_for(test_seconds),
            build_timeout=BUILD_SECONDS,
        )
        self._command(check, line, seconds)
        outcomes = mutants.read_outcomes(self._record(f"{output}/mutants.out/outcomes.json"))
        return [
            mutants.with_killers(mutant, self._record(f"{output}/mutants.out/{log}")) if log else mutant
            for mutant, log in outcomes
        ]

    def _record(self, path: str) -> str:
        """A file that cargo-mutants wrote; "" where it is not there or is no plain file."""
        try:
            return self.target.read(path).decode(errors="replace")
        except (OSError, ValueError):
            return ""

    def _command(self, check: Check, line: str, seconds: float = BUILD_SECONDS) -> str:
        """Standard output of a line; Raises `Stopped`."""
        result = self.checker.sandbox.run(
            line, timeout=seconds, env=checks.environment(check), should_stop=self.checker.should_stop
        )
        if self.checker.should_stop():
            raise Stopped("the run was stopped while its tests were tested")
        return result.stdout
