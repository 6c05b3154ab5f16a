"""The disk of one run: a workspace and target directories that cannot outgrow a bound, given back at the end.

As root it is an ext4 file system in a sparse file, mounted through a loop device: the kernel keeps the bound, for bytes
and for files. Without root it is a plain directory that is measured while commands run. Nothing here follows a link.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bot.disk import copy_tree, measure, remove_tree
from bot.errors import SandboxUnavailable

AGENT_UID = 10001
"""The user of commands where the worker is root; the image knows it as `agent`."""

SIZE = 12 << 30
"""Bytes that a run may have on disk: target directories of a large workspace, twice."""

BYTES_PER_FILE = 16_384
"""A volume holds one file for so many bytes of its size (what ext4 reckons with)."""

FULL = 16 << 20
"""Bytes left under which a volume counts as used up: ext4 gives the last few to nobody."""

_LOG = logging.getLogger(__name__)


def sandbox_user() -> int:
    """The user id for commands in containers: the worker's own, or `AGENT_UID` where the worker is root."""
    return os.geteuid() or AGENT_UID


def runs_directory(home: Path) -> Path:
    """Where the volumes of all runs are."""
    return home / "runs"


@dataclass(frozen=True, slots=True)
class RunVolume:
    """The disk of the run `run_id` under `root`; `owner` is the user id that commands run as, `size` its bound in bytes."""

    run_id: str
    root: Path
    owner: int
    size: int

    @classmethod
    def create(
        cls, home: Path, run_id: str, *, size: int = SIZE, owner: int | None = None, is_mounted: bool | None = None
    ) -> RunVolume:
        """The volume of a run: the one at hand if it is still mounted or a directory, else a new, empty one.

        `is_mounted` says how the bound is kept; by default it is mounted where this process may mount. An image that is
        no longer mounted has survived a machine, not a process: it has no journal, and is made anew.
        """
        volume = cls(run_id, runs_directory(home) / run_id, sandbox_user() if owner is None else owner, size)
        wants_mount = os.geteuid() == 0 if is_mounted is None else is_mounted
        volume.disk.mkdir(parents=True, exist_ok=True)
        if wants_mount and not volume.is_mounted and not volume._mount() and is_mounted:
            raise SandboxUnavailable("The disk of a run cannot be mounted: no loop device, or no right to mount.")
        for directory in (volume.workspace, volume.cargo):
            volume.make_directory(directory)
        return volume

    @classmethod
    def fresh(cls, home: Path, run_id: str) -> RunVolume:
        """A new, empty volume; what another process left under that name is thrown away, since it may not be whole."""
        cls(run_id, runs_directory(home) / run_id, sandbox_user(), 0).remove()
        return cls.create(home, run_id)

    @property
    def disk(self) -> Path:
        """What the bound holds for: everything below."""
        return self.root / "disk"

    @property
    def workspace(self) -> Path:
        return self.disk / "ws"

    @property
    def cargo(self) -> Path:
        """A cargo home for this run alone, where no shared one is given."""
        return self.disk / "cargo"

    def target(self, variant: str) -> Path:
        """The target directory of that variant; made at first use."""
        return self.make_directory(self.disk / "target" / variant)

    def scratch(self, name: str) -> Path:
        """A new, empty directory beside the workspace, for files that the host itself writes."""
        directory = self.disk / "scratch" / name
        remove_tree(directory)
        return self.make_directory(directory)

    def make_directory(self, directory: Path) -> Path:
        """Make a directory that belongs to the sandbox's user; it stays as it is if it is there."""
        directory.mkdir(parents=True, exist_ok=True)
        if directory.stat().st_uid != self.owner:
            os.chown(directory, self.owner, self.owner)
        return directory

    def clear_target(self, variant: str) -> None:
        """Throw away what was built; the next command builds anew."""
        target = self.disk / "target" / variant
        _unmount_below(target)
        remove_tree(target)
        remove_tree(self._layer(variant))

    def sow(self, variant: str, seed: Path) -> None:
        """Let an empty target directory begin with the seed's files; whatever is written goes to this disk alone.

        Root lays a layer over the seed, which nothing can write through; else, and where that fails, the files are copied.
        """
        target = self.target(variant)
        if os.path.ismount(target) or any(target.iterdir()):
            return
        if os.geteuid() != 0 or not self._lay_over(seed, target, self._layer(variant)):
            copy_tree(seed, target)
            self.hand_over(target)

    def _layer(self, variant: str) -> Path:
        return self.disk / "layers" / variant

    def _lay_over(self, seed: Path, target: Path, layer: Path) -> bool:
        remove_tree(layer)
        upper, work = self.make_directory(layer / "upper"), self.make_directory(layer / "work")
        options = f"nosuid,nodev,noatime,lowerdir={seed},upperdir={upper},workdir={work}"
        if any(sign in str(path) for path in (seed, layer) for sign in ",:\\"):
            return _copies_instead("the path holds a comma, a colon or a backslash")
        command = ["mount", "-t", "overlay", "-o", options, "rfcsmith-target", str(target)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode == 0 or _copies_instead(done.stderr.strip())

    @property
    def is_mounted(self) -> bool:
        return os.path.ismount(self.disk)

    def is_full(self) -> bool:
        """Whether the bound is reached, in bytes or in files."""
        if self.is_mounted:
            status = os.statvfs(self.disk)
            return status.f_bavail * status.f_frsize < FULL or status.f_favail < 16
        used = measure(self.disk)
        return used.size > self.size or used.files > self.size // BYTES_PER_FILE

    def hand_over(self, directory: Path | None = None) -> None:
        """Give the workspace (or another directory) and all in it to the sandbox's user, where the host wrote it."""
        if self.owner != os.geteuid():
            command = ["chown", "-R", "-h", "-P", f"{self.owner}:{self.owner}", "--", str(directory or self.workspace)]
            subprocess.run(command, check=True, capture_output=True)

    def remove(self) -> None:
        """Give the disk back. Nothing happens if it is gone already."""
        _unmount_below(self.root)
        remove_tree(self.root)

    def _mount(self) -> bool:
        image = self.root / "disk.img"
        image.unlink(missing_ok=True)
        remove_tree(self.disk)
        self.disk.mkdir()
        with image.open("wb") as file:
            file.truncate(self.size)
        # Root keeps no reserve and no journal: the disk is thrown away, never repaired.
        options = ["-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=1", "-i", str(BYTES_PER_FILE)]
        commands = (
            ["mkfs.ext4", *options, str(image)],
            ["mount", "-o", "loop,nosuid,nodev,noatime", str(image), str(self.disk)],
        )
        try:
            for command in commands:
                subprocess.run(command, check=True, capture_output=True, text=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            image.unlink(missing_ok=True)
            reason = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
            _LOG.warning("run %s: its disk is watched instead of mounted (%s)", self.run_id, reason)
            return False
        (self.disk / "lost+found").rmdir()
        return True


@functools.cache
def _copies_instead(reason: str) -> bool:
    """False, after saying once for each reason that build output is copied where a layer would do."""
    _LOG.warning("build output is copied for each run, because no layer can be laid over it (%s)", reason)
    return False


def _unmount_below(directory: Path) -> None:
    """Take away what is mounted at or below the directory, the last one first."""
    lines = os.fsdecode(Path("/proc/self/mountinfo").read_bytes()).splitlines() if os.geteuid() == 0 else ()
    points = [Path(_unescaped(line.split()[4])) for line in lines]
    place = directory.resolve()
    for point in reversed([point for point in points if point.is_relative_to(place)]):
        # A container that is still dying may hold it: then the kernel lets go when that one does.
        subprocess.run(["umount", "--lazy", str(point)], check=True, capture_output=True)


def _unescaped(name: str) -> str:
    """A path as the kernel writes it into its tables, blanks and backslashes in octal."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), name)
