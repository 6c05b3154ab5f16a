"""Directories that can be made again: whoever uses one holds it, and the least recently used go when there are too many.

A hold is the kernel's lock on the directory itself, so that it ends with the process, however that ends. The time of a
directory's last use is its modification time.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.disk import remove_tree
from bot.errors import Stopped

TICK = 0.25
"""Seconds between two looks at a lock that another process holds."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class Hold:
    """Keeps a directory from being discarded until it is released."""

    _descriptor: int | None

    def release(self) -> None:
        """Let go, which is the last use; a second time, nothing happens."""
        if self._descriptor is not None:
            os.utime(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None


def hold(directory: Path) -> Hold | None:
    """Keep the directory, which counts as used now; None where it is not there, or is being discarded."""
    descriptor = _locked(directory, fcntl.LOCK_SH)
    if descriptor is None:
        return None
    os.utime(descriptor)
    return Hold(descriptor)


def discard(directory: Path, before: Callable[[], None] = lambda: None) -> bool:
    """Delete the directory unless somebody holds it; `before` is called when nobody can hold it any more.

    It vanishes in one moment: what is found under its name is whole. False where it stays, or was not there.
    """
    descriptor = _locked(directory, fcntl.LOCK_EX)
    if descriptor is None:
        return False
    try:
        before()
        doomed = directory.with_name(f"{LEFTOVER}{secrets.token_hex(8)}")
        directory.rename(doomed)
        remove_tree(doomed)
    finally:
        os.close(descriptor)
    return True


LEFTOVER = ".partial-"
"""How the name of a directory begins that is being made or deleted: a process that died has left it."""


def sweep(root: Path, places: str) -> None:
    """Delete what a process that died has left half made or half deleted in the directories that match the pattern.

    Nobody may be at work there.
    """
    for directory in sorted(root.glob(f"{places}/{LEFTOVER}*")):
        remove_tree(directory)


def _locked(directory: Path, kind: int) -> int | None:
    """A descriptor of the directory that holds the lock; None where it is gone, or somebody holds it otherwise."""
    try:
        descriptor = os.open(directory, _DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        is_same = os.path.samestat(os.fstat(descriptor), os.stat(directory))
    except (BlockingIOError, FileNotFoundError):
        is_same = False
    if not is_same:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def alone(lock: Path, should_stop: Callable[[], bool], what: str) -> Iterator[None]:
    """Hold the lock file, made if it is not there: one process at a time, and the kernel gives it back if that dies.

    Raises `Stopped` where a human says so while another holds it; `what` names in words what is waited for.
    """
    with lock.open("w") as file:
        while not _is_locked(file.fileno()):
            if should_stop():
                raise Stopped(f"the run was stopped while it waited for {what}")
            time.sleep(TICK)
        yield


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Item:
    """Something that a cache keeps: its size in bytes, when it was last used, and how to discard it if nobody uses it."""

    name: str
    size: int
    used_at: float
    discard: Callable[[], bool]


def trim(items: Iterable[Item], budget: int, *, unused_before: float) -> tuple[Item, ...]:
    """Discard the least recently used items until all together fit into the budget; returns what went.

    What was used since `unused_before` stays, and what is in use, even if the budget is exceeded.
    """
    by_age = sorted(items, key=lambda item: item.used_at)
    total = sum(item.size for item in by_age)
    gone = []
    for item in by_age:
        if total <= budget or item.used_at >= unused_before:
            break
        if item.discard():
            total -= item.size
            gone.append(item)
    return tuple(gone)
