"""Dependency caches, one for each repository: only setup containers write them, and a note says what they hold already."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bot.caching import Item, discard
from bot.disk import measure, remove_tree


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
