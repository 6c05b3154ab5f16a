"""A small world for the agent's tools: a workspace in a temporary directory and a sandbox that runs bash in it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bot.agent.toolbox import Toolbox, act
from bot.domain import (
    Assignment,
    CommandResult,
    Exit,
    Failure,
    Interrupted,
    StopReason,
    Success,
    Timeout,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
)
from bot.sandbox.workspace import WorkspaceFiles


def never() -> bool:
    return False


class LocalSandbox:
    """Runs commands with bash in `root`; /workspace is not there, so that commands must be relative."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self.root = root
        self.scratch = scratch
        self.commands: list[str] = []

    def run(
        self,
        command: str,
        *,
        timeout: float,
        directory: str = ".",
        env: Mapping[str, str] = {},
        keep: int = 32_768,
        should_stop: Callable[[], bool] = never,
    ) -> CommandResult:
        self.commands.append(command)
        started = time.monotonic()
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(self.scratch), **env}
        try:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.root / directory,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            return CommandResult(Timeout(timeout), "", timeout)
        exit: Exit = Success() if done.returncode == 0 else Failure(done.returncode)
        if should_stop():
            exit = Interrupted()
        text = done.stdout.decode(errors="replace")
        omitted = max(len(done.stdout) - keep, 0)
        if omitted:
            text = f"{text[: keep // 2]}\n[... {omitted} bytes of output left out here ...]\n{text[-keep // 2 :]}"
        return CommandResult(exit, text, time.monotonic() - started, omitted=omitted)

    def close(self) -> None:
        pass


class Bench:
    """One assignment's toolbox on a fresh workspace; `do` carries out calls as one turn."""

    def __init__(self, root: Path, scratch: Path, assignment: Assignment) -> None:
        self.root = root
        self.sandbox = LocalSandbox(root, scratch)
        self.toolbox = Toolbox(assignment, self.sandbox, WorkspaceFiles(root))
        self._count = 0

    def write(self, path: str, text: str | bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self, path: str) -> str:
        return (self.root / path).read_bytes().decode()

    def turn(self, *calls: tuple[str, dict[str, object]], stop: StopReason = StopReason.TOOLS) -> Turn:
        listed = []
        for name, given in calls:
            self._count += 1
            listed.append(ToolCall(f"toolu_{self._count}", name, given))
        return Turn((), stop, tuple(listed), "", Usage(), 0.0)

    def do(self, *calls: tuple[str, dict[str, object]], should_stop: Callable[[], bool] = never) -> list[ToolResult]:
        turn = self.turn(*calls)
        results = act(turn, self.toolbox, should_stop)
        assert [result.call_id for result in results] == [call.id for call in turn.calls]
        return list(results)

    def one(self, name: str, /, **given: object) -> ToolResult:
        return self.do((name, given))[0]

    def edit(self, command: str, path: str, /, **given: object) -> ToolResult:
        return self.one("str_replace_based_edit_tool", command=command, path=path, **given)


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[[Assignment], Bench]:
    def make(assignment: Assignment) -> Bench:
        root, scratch = tmp_path / "workspace", tmp_path / "scratch"
        root.mkdir()
        scratch.mkdir()
        return Bench(root, scratch, assignment)

    return make


@pytest.fixture
def bench(make_bench: Callable[[Assignment], Bench]) -> Bench:
    """A bench for the build assignment."""
    return make_bench(Assignment.BUILD)
