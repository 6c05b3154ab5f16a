"""Dependency caches, one for each repository: only setup containers write them, and a note says what they hold already."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bot.caching import Item, discard
from bot.disk import measure, remove_tree
from bot.sandbox.workspace import WorkspaceFiles

_NAME, _VERSION = re.compile(r"[A-Za-z0-9_-]{1,64}"), re.compile(r"\d[0-9A-Za-z.+-]{0,63}")
_LICENCE = re.compile(r"^license\s*=\s*\"([A-Za-z0-9.+() /-]{1,80})\"\s*$", re.MULTILINE)
_LARGEST_MANIFEST = 256 << 10


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that says that everything was fetched; it holds the lock file where cargo had to make one."""

    path: Path

    def is_there(self) -> bool:
        return self.path.is_file()

    def lock(self) -> bytes | None:
        """The lock file that cargo made, or None where the repository's own was good."""
        return self.path.read_bytes() or None

    def remember(self, lock: bytes | None) -> None:
        """Write the note, whole or not at all."""
        if not self.is_there():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.path.with_suffix(f".{threading.get_ident()}")
            partial.write_bytes(lock or b"")
            partial.rename(self.path)


class CargoHomes:
    """The caches under `home`, by repository."""

    def __init__(self, home: Path) -> None:
        self._root = home / "cargo"

    def path(self, repository_id: int) -> Path:
        """Where the cache is, or will be."""
        return self._root / str(repository_id)

    def fetched(self, repository_id: int, digest: str) -> Fetched:
        """The note that the cache here has what manifests of this digest need."""
        return Fetched(self._notes(repository_id) / digest)

    def items(self) -> Iterator[Item]:
        """All caches, for whoever keeps the budget."""
        for directory in sorted(self._root.glob("*[0-9]")):
            # A note must never say of a cache that is gone that it holds something.
            forget_notes = partial(remove_tree, self._notes(int(directory.name)))
            used_at = directory.stat().st_mtime
            yield Item(
                f"cargo/{directory.name}", measure(directory).size, used_at, partial(discard, directory, forget_notes)
            )

    def forget(self, repository_id: int) -> None:
        """Delete the cache of a repository, whoever uses it."""
        remove_tree(self._notes(repository_id))
        remove_tree(self.path(repository_id))

    def _notes(self, repository_id: int) -> Path:
        return self._root / f"{repository_id}.fetched"


def licence(cargo_home: Path, name: str, version: str) -> str:
    """The licence that a published package's own manifest in the cache names; "" where none can be read.

    Without a version, that of the versions which are there, if it is one and the same. Setup containers write the cache, so
    that what it says is data: no link is followed, and only what looks like a licence counts.
    """
    if not _NAME.fullmatch(name) or (version and not _VERSION.fullmatch(version)):
        return ""
    files = WorkspaceFiles(cargo_home, largest=_LARGEST_MANIFEST)
    found = set()
    for place in _packages(files, name, version):
        try:
            text = files.read(f"{place}/Cargo.toml").decode(errors="replace")
        except OSError:
            continue
        match = _LICENCE.search(text.partition("[package]")[2].partition("\n[")[0])
        found.add(match[1] if match is not None else "")
    return found.pop() if len(found) == 1 else ""


def _packages(files: WorkspaceFiles, name: str, version: str) -> Iterator[str]:
    """The directories of a package's versions in the cache; cargo has one folder for each registry."""
    try:
        registries = [each for each in files.list("registry/src") if each.endswith("/")]
        for registry in registries[:8]:
            for each in files.list(f"registry/src/{registry}") if not version else [f"{name}-{version}/"]:
                rest = each.rstrip("/").removeprefix(f"{name}-")
                if each.startswith(f"{name}-") and _VERSION.fullmatch(rest):
                    yield f"registry/src/{registry}{each.rstrip('/')}"
    except OSError:
        return
