"""Target directories to begin with: what was built of a repository's own base branch, kept for the runs that follow.

A seed is filled by the worker alone, from a build that no agent and no pull request took part in, and appears under its name
in one moment. Containers never see it: they see a layer over it, or a copy (`RunVolume.sow`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from bot.caching import LEFTOVER, Hold, Item, discard, hold
from bot.disk import copy_tree, measure, remove_tree

KEPT = 2
"""Seeds that are kept for one repository and one way to build it: the newest, and one that a run may still use."""

GROWTH = 2.0
"""A seed that grew out of others over and over is given up when it has so many times the size of the first."""

_NOTE = "seed.json"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Note:
    """What a seed is: the tree it was built from, what stood at each of its paths, when, and how large it is."""

    tree: str
    files: Mapping[str, str]
    made_at: float
    size: int
    first_size: int


@dataclass(slots=True)
class Seed:
    """A seed in use: it stays where it is until it is released."""

    target: Path
    note: Note
    _hold: Hold

    def remember(self, name: str, text: str) -> None:
        """Keep what was found out about the tree beside what was built of it."""
        beginning = self.target.with_name(f"{LEFTOVER}{secrets.token_hex(8)}")
        beginning.write_text(text)
        beginning.rename(self.target.with_name(f"{name}.json"))

    def recall(self, name: str) -> str | None:
        """What was remembered under this name, if anything."""
        try:
            return self.target.with_name(f"{name}.json").read_text()
        except FileNotFoundError:
            return None

    def release(self) -> None:
        """Let go; a second time, nothing happens."""
        self._hold.release()


def key_of(*parts: str) -> str:
    """The name for one way to build: image, environment, toolchain. Output of different ways is of no use to each other."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class Seeds:
    """The seeds under `home`, by repository, key and tree."""

    def __init__(self, home: Path) -> None:
        self._root = home / "seeds"

    def find(self, repository_id: int, key: str, tree: str) -> Seed | None:
        """The seed that was built from this tree, else the newest one; it is held until it is released."""
        found = self._notes(repository_id, key)
        for directory, note in sorted(found, key=lambda pair: (pair[1].tree == tree, pair[1].made_at), reverse=True):
            if note.size > GROWTH * note.first_size and note.tree != tree:
                continue
            held = hold(directory)
            if held is not None:
                return Seed(directory / "target", note, held)
        return None

    def publish(
        self, repository_id: int, key: str, tree: str, *, files: Mapping[str, str], built: Path, grown_from: Seed | None
    ) -> None:
        """Keep a copy of the target directory `built` as the seed for `tree`; nothing happens if there is one."""
        parent = self._root / str(repository_id) / key
        directory = parent / tree
        if directory.exists():
            return
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beginning = parent / f"{LEFTOVER}{secrets.token_hex(8)}"
        beginning.mkdir(mode=0o700)
        try:
            copy_tree(built, beginning / "target")
            size = measure(beginning).size
            first_size = grown_from.note.first_size if grown_from is not None else size
            note = Note(tree, files, time.time(), size, first_size)
            (beginning / _NOTE).write_text(json.dumps(asdict(note)))
            beginning.rename(directory)
        except (OSError, subprocess.CalledProcessError) as error:
            remove_tree(beginning)
            # Another run may have been faster. A run does well without a seed; a full disk is told by whatever needs it next.
            if not directory.exists():
                _LOG.warning("what was built could not be kept for later runs: %s", error)
            return
        older = sorted(self._notes(repository_id, key), key=lambda pair: pair[1].made_at)[:-KEPT]
        for old, _ in older:
            discard(old)

    def items(self) -> Iterator[Item]:
        """All seeds, for whoever keeps the budget."""
        for note_file in sorted(self._root.glob(f"*/*/*/{_NOTE}")):
            directory = note_file.parent
            if directory.name.startswith(LEFTOVER):
                continue
            note = _read(note_file)
            if note is not None:
                used_at = directory.stat().st_mtime
                yield Item(
                    str(directory.relative_to(self._root.parent)), note.size, used_at, partial(discard, directory)
                )

    def forget(self, repository_id: int) -> None:
        """Delete the seeds of a repository, whoever uses them."""
        remove_tree(self._root / str(repository_id))

    def _notes(self, repository_id: int, key: str) -> list[tuple[Path, Note]]:
        files = (self._root / str(repository_id) / key).glob(f"*/{_NOTE}")
        named = ((file.parent, _read(file)) for file in files if not file.parent.name.startswith(LEFTOVER))
        return [(directory, note) for directory, note in named if note is not None]


def _read(file: Path) -> Note | None:
    """The note, or None where the seed is just being discarded."""
    try:
        return Note(**json.loads(file.read_text()))
    except FileNotFoundError:
        return None
