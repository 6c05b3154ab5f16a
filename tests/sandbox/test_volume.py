"""The bounded disk of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.volume import RunVolume
from tests.sandbox.world import MIB, RUN, needs_root

KINDS = [pytest.param(True, marks=needs_root, id="mounted"), pytest.param(False, id="watched")]


@pytest.fixture(params=KINDS)
def is_mounted(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def volume(home: Path, is_mounted: bool) -> Iterator[RunVolume]:
    volume = RunVolume.create(home, RUN, size=100 * MIB, is_mounted=is_mounted)
    yield volume
    volume.remove()
    volume.remove()
    assert not volume.root.exists()


def test_its_directories_belong_to_the_sandbox(volume: RunVolume, is_mounted: bool) -> None:
    assert volume.is_mounted == is_mounted
    for directory in (volume.workspace, volume.cargo, volume.target("agent"), volume.scratch("x")):
        assert directory.stat().st_uid == volume.owner
        assert directory.is_relative_to(volume.disk)


def test_it_is_full_when_its_bound_is_reached(volume: RunVolume) -> None:
    assert not volume.is_full()
    with (volume.workspace / "filler").open("wb", buffering=0) as file:
        try:
            for _ in range(120):
                file.write(bytes(MIB))
        except OSError:
            assert volume.is_mounted
    assert volume.is_full()
    (volume.workspace / "filler").unlink()
    assert not volume.is_full()


def test_creating_it_again_keeps_what_is_there(volume: RunVolume, home: Path, is_mounted: bool) -> None:
    (volume.workspace / "kept").write_text("kept")
    again = RunVolume.create(home, RUN, size=100 * MIB, is_mounted=is_mounted)
    assert (again.workspace / "kept").read_text() == "kept"


def test_a_target_directory_can_be_thrown_away(volume: RunVolume) -> None:
    (volume.target("agent") / "debug").mkdir()
    volume.clear_target("agent")
    assert os.listdir(volume.target("agent")) == []


@needs_root
def test_a_mount_allows_no_devices_and_no_setuid(home: Path) -> None:
    volume = RunVolume.create(home, RUN, size=100 * MIB, is_mounted=True)
    line = next(line for line in Path("/proc/self/mounts").read_text().splitlines() if str(volume.disk) in line)
    volume.remove()
    assert "nosuid" in line
    assert "nodev" in line
