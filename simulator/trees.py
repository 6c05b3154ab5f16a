"""Files in memory: what a case's base and its expected result consist of, and how they get on and off a disk."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

FILE, EXECUTABLE, SYMLINK = "100644", "100755", "120000"


class TreeError(Exception):
    """An archive or a patch is not usable; the message says which and why."""


@dataclass(frozen=True, slots=True)
class File:
    """A file's content and git mode; of a symbolic link, `data` is where it points."""

    data: bytes
    mode: str = FILE

    @property
    def text(self) -> str | None:
        """The content as text, or None where it is none (not UTF-8, or with NUL)."""
        if self.mode == SYMLINK or b"\0" in self.data:
            return None
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            return None


Tree = Mapping[str, File]


def changed(old: Tree, new: Tree) -> list[str]:
    """The paths that differ, sorted."""
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


def write(tree: Tree, directory: Path) -> None:
    """Puts the files under `directory`, which is made if it is not there."""
    for path, file in tree.items():
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.mode == SYMLINK:
            place.symlink_to(file.data.decode())
            continue
        place.write_bytes(file.data)
        place.chmod(0o755 if file.mode == EXECUTABLE else 0o644)


def read(directory: Path, *, leave_out: Iterable[str] = (".git",)) -> dict[str, File]:
    """The files under `directory`, without what stands in a folder (or is a file) named in `leave_out` at the top."""
    unwanted, tree = set(leave_out), {}
    for place in sorted(directory.rglob("*")):
        path = place.relative_to(directory)
        if path.parts[0] in unwanted or (place.is_dir() and not place.is_symlink()):
            continue
        if place.is_symlink():
            tree[path.as_posix()] = File(str(place.readlink()).encode(), SYMLINK)
        else:
            mode = EXECUTABLE if place.stat().st_mode & 0o100 else FILE
            tree[path.as_posix()] = File(place.read_bytes(), mode)
    return tree


def unpack(archive: bytes, *, strip_top: bool | None = None) -> dict[str, File]:
    """The files of a tar archive (compressed or not). The single folder at its top is taken off unless told otherwise."""
    tree: dict[str, File] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if path.is_absolute() or ".." in path.parts:
                    raise TreeError(f"the archive holds {member.name!r}, which is outside it")
                if member.issym():
                    tree[str(path)] = File(member.linkname.encode(), SYMLINK)
                elif member.isfile():
                    content = tar.extractfile(member)
                    mode = EXECUTABLE if member.mode & 0o100 else FILE
                    tree[str(path)] = File(content.read() if content else b"", mode)
    except tarfile.TarError as error:
        raise TreeError(f"not a tar archive: {error}") from error
    if strip_top is None:
        strip_top = "Cargo.toml" not in tree and len({path.split("/")[0] for path in tree}) == 1
    return {path.split("/", 1)[1]: file for path, file in tree.items() if "/" in path} if strip_top else tree


def patched(tree: Tree, patch: Path) -> dict[str, File]:
    """The tree with a git patch applied; tries paths with and without the `a/`, `b/` in front."""
    with TemporaryDirectory(prefix="rfcsmith-patch-") as scratch:
        directory = Path(scratch) / "tree"
        write(tree, directory)
        said = ""
        for strip in ("-p1", "-p0", "-p2"):
            command = ["git", "apply", "--whitespace=nowarn", strip, str(patch.resolve())]
            # A directory of its own outside any repository: git would skip paths that the repository around ignores.
            environment = ["env", "GIT_CEILING_DIRECTORIES=" + scratch, "GIT_CONFIG_NOSYSTEM=1"]
            done = subprocess.run([*environment, *command], cwd=directory, capture_output=True, text=True, check=False)
            result = read(directory)
            if done.returncode == 0 and changed(tree, result):
                return result
            said = said or done.stderr.strip()
    raise TreeError(f"{patch.name} does not apply: {said or 'it changes nothing'}")
