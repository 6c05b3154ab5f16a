"""A home, an engine, a bounded disk and a sandbox for tests; afterwards no container, mount or process may be left."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.domain import SandboxPhase
from bot.sandbox import SandboxSpec
from bot.sandbox.container import Limits
from bot.sandbox.docker import DockerEngine, DockerSandbox
from bot.sandbox.image import IMAGE
from bot.sandbox.tools import TOOLS, Tools
from bot.sandbox.volume import RunVolume
from bot.sandbox.workspace import WorkspaceFiles
from bot.settings import load_sandbox_settings
from tests.sandbox.world import MIB, RUN


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def engine(home: Path) -> Iterator[DockerEngine]:
    cafile = ssl.get_default_verify_paths().cafile
    limits = Limits(memory=1024 * MIB, temporary=64 * MIB)
    engine = DockerEngine(image=IMAGE, home=home, ca_bundle=Path(cafile) if cafile else None, limits=limits)
    yield engine
    left_over = engine.count()
    engine.reap(())
    engine.close()
    assert left_over == 0


@pytest.fixture
def tools() -> Tools:
    """The tools of this machine, all of them."""
    tools = Tools(load_sandbox_settings(os.environ).tools)
    if missing := {tool.name for tool in TOOLS} - tools.names():
        pytest.skip(f"no {', '.join(sorted(missing))}: run `make image TOOLS=1`")
    return tools


@pytest.fixture
def volume(home: Path) -> Iterator[RunVolume]:
    volume = RunVolume.create(home, RUN, size=1024 * MIB)
    yield volume
    volume.remove()
    assert not os.path.ismount(volume.disk)
    assert not volume.root.exists()


@pytest.fixture
def open_sandbox(engine: DockerEngine, volume: RunVolume) -> Iterator[Callable[..., DockerSandbox]]:
    """Opens sandboxes of the run on its volume, and closes them all."""
    opened: list[DockerSandbox] = []

    def open_sandbox(
        phase: SandboxPhase = SandboxPhase.AGENT, *, read_only_workspace: bool = False, variant: str = "agent"
    ) -> DockerSandbox:
        spec = SandboxSpec(RUN, phase, volume, variant=variant, read_only_workspace=read_only_workspace)
        opened.append(engine.open(spec))
        return opened[-1]

    yield open_sandbox
    for sandbox in opened:
        sandbox.close()


@pytest.fixture
def sandbox(open_sandbox: Callable[..., DockerSandbox]) -> DockerSandbox:
    return open_sandbox()


@pytest.fixture
def files(volume: RunVolume) -> WorkspaceFiles:
    return WorkspaceFiles(volume.workspace)
