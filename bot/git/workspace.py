"""Reads and writes a directory that a sandbox could have filled, relative to open directories and following no link.

Nothing here runs git. Names and paths are bytes, as the file system and git have them. A file is a regular file or a
symbolic link; pipes, sockets and devices are no files, and neither is anything under a name that git keeps to itself.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from bot.errors import Conflict, UserError

# What every file gets when a commit is laid out: old, so that cargo takes later changes for changes.
OLD = 1_000_000_000

FILE, EXECUTABLE, SYMLINK, SUBMODULE = b"100644", b"100755", b"120000", b"160000"

_DEPTH = 100
# File systems stamp changes with a clock that ticks every few milliseconds: a file changed this recently (in nanoseconds)
# could change once more and look the same, so it is not remembered.
_TICK = 50_000_000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

# https://bford.info/cachedir/: cargo marks its target directories so.
_CACHE_TAG, _CACHE_SIGNATURE = b"CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55"

# Invisible characters that HFS+ drops from names, and what NTFS drops from their end.
_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_NTFS_END = re.compile(r"(?::.*|[ .]+)$")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a workspace is looked at: files, bytes of them in sum, and bytes that git does not hold yet."""

    files: int = 100_000
    bytes: int = 2 * 1024**3
    new_bytes: int = 128 * 1024**2


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree: git's mode and object id. `size` is in bytes, 0 where it is not known."""

    mode: bytes
    blob: str
    size: int = 0


@dataclass(slots=True)
class Memory:
    """Blob ids of files seen earlier, by path, each with the stat result that it holds for.

    The change time is part of it, which nobody can set: a file that was changed and given its old date is read again.
    """

    known: dict[bytes, tuple[tuple[int, ...], Entry]] = field(default_factory=dict)


def is_reserved(name: bytes) -> bool:
    """Whether some platform takes the name for `.git`, so that no tree may hold it."""
    text = _IGNORED.sub("", name.decode("utf-8", "replace")).casefold()
    text = _NTFS_END.sub("", text)
    return text in (".git", "git~1")


@contextmanager
def opened(root: Path) -> Iterator[int]:
    """A descriptor of the directory `root`; `root` itself may not be a link."""
    descriptor = os.open(root, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


# --- reading ---------------------------------------------------------------------------------------------------------


class Scan:
    """Looks through a workspace once: `entries` by path, `directories`, and the paths of `oddities` that are no files."""

    def __init__(self, root: int, bounds: Bounds, memory: Memory) -> None:
        self.entries: dict[bytes, Entry] = {}
        self.directories: set[bytes] = set()
        self.oddities: list[bytes] = []
        self._bounds = bounds
        self._memory = memory
        self._bytes = 0
        self._settled_before = time.time_ns() - _TICK
        self._fresh: dict[bytes, tuple[tuple[int, ...], Entry]] = {}
        self._look(root, b"", 0)
        memory.known = self._fresh

    def _look(self, directory: int, prefix: bytes, depth: int) -> None:
        if depth > _DEPTH:
            raise UserError(f"The workspace has directories nested more than {_DEPTH} deep.")
        for name in map(os.fsencode, os.listdir(directory)):
            path = prefix + name
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if is_reserved(name):
                self.oddities.append(path)
            elif stat.S_ISDIR(status.st_mode):
                self._enter(directory, name, path, depth)
            elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                self._take(directory, name, path, status)
            else:
                self.oddities.append(path)

    def _enter(self, parent: int, name: bytes, path: bytes, depth: int) -> None:
        try:
            directory = os.open(name, _DIRECTORY, dir_fd=parent)
        except PermissionError as error:
            raise _unreadable(path) from error
        try:
            if _is_cache(directory):
                self.oddities.append(path)
                return
            self.directories.add(path)
            self._look(directory, path + b"/", depth + 1)
        finally:
            os.close(directory)

    def _take(self, directory: int, name: bytes, path: bytes, status: os.stat_result) -> None:
        self._bytes += status.st_size
        if len(self.entries) >= self._bounds.files:
            raise UserError(f"The workspace holds more than {self._bounds.files} files.", _TOO_BIG_HINT)
        if self._bytes > self._bounds.bytes:
            raise UserError(f"The workspace holds more than {self._bounds.bytes} bytes.", _TOO_BIG_HINT)
        signature = (
            status.st_dev,
            status.st_ino,
            status.st_mode,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )
        known = self._memory.known.get(path)
        if known is not None and known[0] == signature:
            entry = known[1]
        else:
            entry = Entry(_mode(status.st_mode), _hash_file(directory, name, path), status.st_size)
        self.entries[path] = entry
        if status.st_ctime_ns < self._settled_before:
            self._fresh[path] = (signature, entry)


_TOO_BIG_HINT = (
    "Build output belongs into the target directory, and big generated files do not belong into the workspace."
)


def read_path(root: int, path: bytes) -> bytes:
    """A regular file's content, or where a link points, reached through directories only."""
    *folders, name = path.split(b"/")
    with _descended(root, folders) as directory, _opened_file(directory, name, path) as file:
        return file.read()


@contextmanager
def _opened_file(directory: int, name: bytes, path: bytes) -> Iterator[BinaryIO]:
    """A regular file, or for a link the text of its target; raises `UserError` where it may not be read."""
    try:
        descriptor = os.open(name, _READ, dir_fd=directory)
    except PermissionError as error:
        raise _unreadable(path) from error
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        yield BytesIO(os.readlink(name, dir_fd=directory))
        return
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Conflict(f"`{_shown(path)}` stopped being a file while it was read.")
        yield file


def _hash_file(directory: int, name: bytes, path: bytes) -> str:
    """The id that git gives to the file's content as it stands, without any conversion of line ends."""
    with _opened_file(directory, name, path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        while chunk := file.read(1024 * 1024):
            size -= len(chunk)
            digest.update(chunk)
    if size != 0:
        raise Conflict(f"`{_shown(path)}` changed while it was read.")
    return digest.hexdigest()


def _is_cache(directory: int) -> bool:
    with suppress(OSError), open(os.open(_CACHE_TAG, _READ, dir_fd=directory), "rb") as file:
        return file.read(len(_CACHE_SIGNATURE)) == _CACHE_SIGNATURE
    return False


def _mode(mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return SYMLINK
    return EXECUTABLE if mode & stat.S_IXUSR else FILE


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")[:200]


def _unreadable(path: bytes) -> UserError:
    return UserError(f"The workspace's `{_shown(path)}` may not be read.", "Its permissions were taken away.")


@contextmanager
def _descended(root: int, names: list[bytes]) -> Iterator[int]:
    """A descriptor of the directory below `root`, each step of the way being a directory and no link."""
    directory = os.dup(root)
    try:
        for name in names:
            deeper = os.open(name, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = deeper
        yield directory
    finally:
        os.close(directory)


# --- writing ---------------------------------------------------------------------------------------------------------


class Writer:
    """Makes a workspace equal to a tree. What it writes belongs to whom the workspace's root belongs to.

    `date` gives the modification time for what it writes by path, in seconds since 1970; None means now.
    """

    def __init__(self, root: int, date: Callable[[bytes], float | None]) -> None:
        self._root = root
        self._time_of = date
        status = os.fstat(root)
        self._owner = (status.st_uid, status.st_gid)
        self._is_foreign = os.geteuid() == 0 and self._owner != (0, 0)

    def clear(self, scan: Scan, tree: Mapping[bytes, Entry]) -> None:
        """Removes what the tree does not have, or has otherwise: files, directories, pipes, nested repositories.

        A `.git` directory at the top is left alone: it is the sandbox's own, and no tree can hold one.
        """
        needed = parents(tree)
        for path in scan.oddities:
            if path != b".git":
                self._remove(path)
        for path, entry in scan.entries.items():
            wanted = tree.get(path)
            if wanted is None or (wanted.mode, wanted.blob) != (entry.mode, entry.blob):
                self._remove(path)
        for path in sorted(scan.directories - needed, key=len, reverse=True):
            self._remove(path)

    def write(self, path: bytes, entry: Entry, content: bytes) -> None:
        """Makes one file that is not there yet; a submodule becomes an empty directory, as git makes it."""
        *folders, name = path.split(b"/")
        if any(folder in (b"", b".", b"..") or is_reserved(folder) for folder in (*folders, name)):
            raise UserError(f"The repository holds a path that I do not write: `{_shown(path)}`.")
        with self._made(folders) as directory:
            if entry.mode == SUBMODULE:
                with self._step(directory, name):
                    return
            if entry.mode == SYMLINK:
                os.symlink(content, name, dir_fd=directory)
                if self._is_foreign:
                    os.chown(name, *self._owner, dir_fd=directory, follow_symlinks=False)
                self._date(path, directory)
                return
            descriptor = os.open(name, _CREATE, 0o600, dir_fd=directory)
            with open(descriptor, "wb") as file:
                file.write(content)
                os.fchmod(descriptor, 0o755 if entry.mode == EXECUTABLE else 0o644)
                if self._is_foreign:
                    os.fchown(descriptor, *self._owner)
            self._date(path, directory)

    def date_directories(self, paths: Collection[bytes]) -> None:
        """Gives the directories the writer's time too; making their content has changed it."""
        for path in sorted(paths, key=len, reverse=True):
            with _descended(self._root, path.split(b"/")[:-1]) as directory:
                self._date(path, directory)

    def _date(self, path: bytes, directory: int) -> None:
        seconds = self._time_of(path)
        if seconds is not None:
            os.utime(path.rpartition(b"/")[2], (seconds, seconds), dir_fd=directory, follow_symlinks=False)

    @contextmanager
    def _made(self, folders: list[bytes]) -> Iterator[int]:
        directory = os.dup(self._root)
        try:
            for name in folders:
                with self._step(directory, name) as deeper:
                    os.close(directory)
                    directory = os.dup(deeper)
            yield directory
        finally:
            os.close(directory)

    @contextmanager
    def _step(self, parent: int, name: bytes) -> Iterator[int]:
        """The directory `name`, made where it is missing; whatever else has the name has to give way."""
        try:
            descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                os.unlink(name, dir_fd=parent)
            elif error.errno != errno.ENOENT:
                raise
            os.mkdir(name, 0o755, dir_fd=parent)
            descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
            os.fchmod(descriptor, 0o755)
            if self._is_foreign:
                os.fchown(descriptor, *self._owner)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _remove(self, path: bytes) -> None:
        *folders, name = path.split(b"/")
        with suppress(FileNotFoundError, NotADirectoryError), _descended(self._root, folders) as directory:
            if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                # Works with descriptors and follows no link (`shutil.rmtree.avoids_symlink_attacks`).
                shutil.rmtree(name, dir_fd=directory)
            else:
                os.unlink(name, dir_fd=directory)


def parents(paths: Collection[bytes]) -> set[bytes]:
    """All directories that the paths lie in."""
    found: set[bytes] = set()
    for path in paths:
        while (cut := path.rfind(b"/")) > 0 and (path := path[:cut]) not in found:
            found.add(path)
    return found


# Gives the content of each blob in the mapping of ids to sizes, in its order.
Contents = Callable[[Mapping[str, int]], Iterator[tuple[str, bytes]]]


def lay_out(root: Path, tree: Mapping[bytes, Entry], contents: Contents, bounds: Bounds, memory: Memory) -> None:
    """Makes the workspace at `root` exactly the tree; files that already are right keep their times, all others get now."""
    with opened(root) as descriptor:
        scan = Scan(descriptor, bounds, memory)
        writer = Writer(descriptor, lambda path: None)
        writer.clear(scan, tree)
        wanted = {path: entry for path, entry in tree.items() if not _is_same(scan.entries.get(path), entry)}
        _write_all(writer, wanted, contents)


def lay_out_fresh(
    root: Path,
    tree: Mapping[bytes, Entry],
    contents: Contents,
    *,
    newer: Collection[bytes] = (),
    newer_time: float = OLD,
) -> None:
    """Fills the empty directory `root` with the tree; all but the paths in `newer` get the constant old time."""
    with opened(root) as descriptor:
        if os.listdir(descriptor):
            raise ValueError("a commit is exported into an empty directory only")
        writer = Writer(descriptor, lambda path: newer_time if path in newer else OLD)
        _write_all(writer, tree, contents)
        writer.date_directories(parents(tree))


def _is_same(present: Entry | None, wanted: Entry) -> bool:
    return present is not None and (present.mode, present.blob) == (wanted.mode, wanted.blob)


def _write_all(writer: Writer, tree: Mapping[bytes, Entry], contents: Contents) -> None:
    places: dict[str, list[tuple[bytes, Entry]]] = {}
    for path, entry in tree.items():
        if entry.mode == SUBMODULE:
            writer.write(path, entry, b"")
        else:
            places.setdefault(entry.blob, []).append((path, entry))
    for blob, content in contents({blob: entries[0][1].size for blob, entries in places.items()}):
        for path, entry in places[blob]:
            writer.write(path, entry, content)
