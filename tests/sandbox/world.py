"""What the sandbox's tests share besides fixtures."""

from __future__ import annotations

import os

import pytest

from bot.sandbox.docker import DockerEngine, DockerSandbox

MIB = 1 << 20
RUN = "implement-1-1-1"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk, or be somebody else")


def processes(engine: DockerEngine, sandbox: DockerSandbox) -> int:
    """How many processes the engine sees in the container; one is its own first process."""
    return len(engine.api.top(sandbox.id)["Processes"] or [])
