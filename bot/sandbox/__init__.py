"""Where a repository's code runs: containers, the bounded disk of a run, and the host's way to the files on it.

This module holds what the rest of the program sees: the protocol `Sandbox` and its `SandboxSpec`. `docker.py` makes
sandboxes, `volume.py` bounds their disk, `workspace.py` reads and writes their files, `setup.py` brings in what a build
needs from the network, `image.py` builds the image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.domain import CommandResult, SandboxPhase
from bot.sandbox.volume import RunVolume

KEEP = 32_768
"""Bytes of a command's output that are kept unless the caller says otherwise: half of its head, half of its tail."""


def never() -> bool:
    """The `should_stop` of what nobody can stop."""
    return False


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What a sandbox is opened with.

    `variant` names the target directory and, with the run and the phase, the container: opening the same again replaces
    it. `workspace` and `cargo_home` are the volume's own where they are None; `image` is the engine's where it is empty.
    The cargo home can be written in the setup phase only.
    """

    run_id: str
    phase: SandboxPhase
    volume: RunVolume
    image: str = ""
    variant: str = "agent"
    read_only_workspace: bool = False
    cargo_home: Path | None = None
    workspace: Path | None = None


class Sandbox(Protocol):
    """One container. Commands run one at a time, and nothing that they started outlives them."""

    def run(
        self,
        command: str,
        *,
        timeout: float,
        directory: str = ".",
        env: Mapping[str, str] = {},
        keep: int = KEEP,
        should_stop: Callable[[], bool] = never,
    ) -> CommandResult:
        """Run `bash -c command` in `directory` of the workspace for at most `timeout` seconds.

        However it ends, it ends as a value: also a time-out, too much output, too little memory or disk, or a stop,
        which is looked for four times a second. Raises SandboxUnavailable where the engine itself fails.
        """

    def close(self) -> None:
        """Remove the container; a second time, nothing happens."""
