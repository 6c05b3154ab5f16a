"""The host's way to the files of a workspace that a container could have filled: it follows no link and opens no device.

Every path is walked name by name from an open directory, so that a directory that turns into a link in between leads
nowhere. Every refusal is an `OSError` whose `strerror` can be shown to whoever asked.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

INSIDE = "/workspace"
"""Where containers see the workspace; paths may begin with it."""

LARGEST = 16 << 20
"""Bytes of a file that is still read or written."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a named pipe would hold us until somebody writes into it.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class WorkspaceFiles:
    """The files under `root`, by paths relative to it or beginning with /workspace.

    New files and directories belong to whoever owns `root`, that is to the sandbox's user, and every write gives a fresh
    modification time, by which cargo knows that it has to build again.
    """

    def __init__(self, root: Path, *, largest: int = LARGEST) -> None:
        self._root = root
        self._largest = largest

    def read(self, path: str) -> bytes:
        """A regular file's content. Raises FileNotFoundError, IsADirectoryError or another OSError."""
        with self._parent(path) as (directory, name):
            try:
                file = os.open(name, _READ, dir_fd=directory)
            except OSError as error:
                raise _explained(error, path) from error
            try:
                _require_regular(os.fstat(file), path)
                with open(file, "rb", closefd=False) as stream:
                    content = stream.read(self._largest + 1)
            finally:
                os.close(file)
        if len(content) > self._largest:
            raise OSError(errno.EFBIG, f"it is larger than {self._largest} bytes", path)
        return content

    def write(self, path: str, data: bytes) -> None:
        """Make or replace a regular file, with the directories above it; its permissions stay as they were."""
        if len(data) > self._largest:
            raise OSError(errno.EFBIG, f"it would be larger than {self._largest} bytes", path)
        with self._parent(path, make=True) as (directory, name):
            mode = 0o644
            with suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                _require_regular(status, path)
                mode = stat.S_IMODE(status.st_mode) & 0o777
            self._replace(directory, name, data, mode)

    def list(self, path: str = ".") -> tuple[str, ...]:
        """The names in a directory, sorted; those of directories end with a slash."""
        with self._directory(_names(path), path) as directory:
            names = []
            for name in os.listdir(directory):
                with suppress(FileNotFoundError):
                    mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
                    names.append(f"{name}/" if stat.S_ISDIR(mode) else name)
        return tuple(sorted(names))

    def exists(self, path: str) -> bool:
        """Whether a regular file or a directory is there; a link is neither."""
        try:
            with self._parent(path) as (directory, name):
                mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        except OSError:
            return False
        return stat.S_ISREG(mode) or stat.S_ISDIR(mode)

    def remove(self, path: str) -> None:
        """Delete a file or a link, but no directory."""
        with self._parent(path) as (directory, name):
            try:
                os.unlink(name, dir_fd=directory)
            except OSError as error:
                raise _explained(error, path) from error

    def _replace(self, directory: int, name: str, data: bytes, mode: int) -> None:
        # Written beside and renamed, so that a full disk leaves the old content in place.
        partial = f".rfcsmith-{secrets.token_hex(8)}"
        file = os.open(partial, _CREATE, mode, dir_fd=directory)
        try:
            with open(file, "wb") as stream:
                stream.write(data)
                os.fchmod(file, mode)
                self._give(file)
            os.rename(partial, name, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            os.unlink(partial, dir_fd=directory)
            raise

    def _give(self, file: int) -> None:
        """Give a new file or directory to the workspace's owner, where that is somebody else than we."""
        owner = self._root.stat()
        if os.fstat(file).st_uid != owner.st_uid:
            os.fchown(file, owner.st_uid, owner.st_gid)

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        names = _names(path)
        if not names:
            raise IsADirectoryError(errno.EISDIR, "it is the workspace itself", path)
        with self._directory(names[:-1], path, make=make) as directory:
            yield directory, names[-1]

    @contextmanager
    def _directory(self, names: tuple[str, ...], path: str, *, make: bool = False) -> Iterator[int]:
        directory = os.open(self._root, _DIRECTORY)
        try:
            for name in names:
                inner = self._step(directory, name, path, make)
                os.close(directory)
                directory = inner
            yield directory
        finally:
            os.close(directory)

    def _step(self, directory: int, name: str, path: str, make: bool) -> int:
        try:
            return os.open(name, _DIRECTORY, dir_fd=directory)
        except FileNotFoundError as error:
            if not make:
                raise _explained(error, path) from error
        except OSError as error:
            # With O_DIRECTORY, the kernel calls a link "not a directory".
            mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
            raise _explained(OSError(errno.ELOOP, "") if stat.S_ISLNK(mode) else error, path) from error
        os.mkdir(name, 0o755, dir_fd=directory)
        made = os.open(name, _DIRECTORY, dir_fd=directory)
        self._give(made)
        return made


def _names(path: str) -> tuple[str, ...]:
    """The names on the way to `path`, none for the workspace itself. Raises PermissionError for one that leads out."""
    if "\0" in path:
        raise OSError(errno.EINVAL, "the path holds a NUL character", path)
    pure = PurePosixPath(path)
    if pure.is_absolute():
        if not pure.is_relative_to(INSIDE):
            raise PermissionError(errno.EACCES, f"it is outside {INSIDE}", path)
        pure = pure.relative_to(INSIDE)
    if ".." in pure.parts:
        raise PermissionError(errno.EACCES, "a path with .. is not followed", path)
    return pure.parts


def _require_regular(status: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise _explained(OSError(errno.EISDIR, ""), path)
    if stat.S_ISLNK(status.st_mode):
        raise _explained(OSError(errno.ELOOP, ""), path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", path)


def _explained(error: OSError, path: str) -> OSError:
    """The same error, in words about `path`. OSError itself picks the subclass by the number."""
    words = {
        errno.ENOENT: "it does not exist",
        errno.ENOTDIR: "a part of it is no directory",
        errno.EISDIR: "it is a directory",
        errno.ELOOP: "it is or goes through a symbolic link, which is not followed",
        errno.ENXIO: "it is no regular file",
    }
    number = error.errno or errno.EIO
    return OSError(number, words.get(number, os.strerror(number)), path)
