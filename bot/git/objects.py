"""Reads and writes the objects of one git directory: blobs, trees and commits by id, never a work tree."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from bot.git.process import GitError, Repository
from bot.git.workspace import Contents, Entry

# The id that stands where there is no object.
NONE = "0" * 40

# How much is asked of git at once, in bytes of content, to bound the worker's memory.
_BATCH = 32 * 1024**2
_ID = re.compile(r"[0-9a-f]{40}")


def is_id(text: str) -> bool:
    return bool(_ID.fullmatch(text))


def checked(text: str) -> str:
    """The object id that the text is; raises `ValueError` before git could take something else for an option or a path."""
    if not is_id(text):
        raise ValueError(f"{text[:80]!r} is not the id of an object")
    return text


def tree_in(identity: str) -> str:
    """Git's expression for the tree of a commit; a tree is its own."""
    return f"{checked(identity)}^{{tree}}"


def resolve(repository: Repository, expression: str) -> str:
    """The id that an expression stands for; raises `GitError` where there is none."""
    return repository.run("rev-parse", "--verify", "--end-of-options", expression).decode().strip()


def has(repository: Repository, expression: str) -> bool:
    return b" missing" not in repository.run("cat-file", "--batch-check", stdin=f"{expression}\n".encode())


def missing(repository: Repository, identities: Collection[str]) -> list[str]:
    """Those of the ids that the git directory has no object for."""
    asked = "".join(f"{identity}\n" for identity in identities).encode()
    printed = repository.run("cat-file", "--batch-check=%(objectname)", stdin=asked).decode()
    return [line.split()[0] for line in printed.splitlines() if line.endswith(" missing")]


def sizes(repository: Repository, blobs: Collection[str]) -> dict[str, int]:
    """The size of each blob in bytes."""
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    printed = repository.run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked)
    return {blob: int(size) for blob, size in map(str.split, printed.decode().splitlines())}


def entries(repository: Repository, tree: str) -> dict[bytes, Entry]:
    """All files, links and submodules of a tree or commit by path, sorted."""
    raw = repository.run("ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", tree_in(tree))
    found = {}
    for line in raw.split(b"\0")[:-1]:
        description, _, path = line.partition(b"\t")
        mode, _, blob, size = description.split()
        found[path] = Entry(mode, blob.decode(), 0 if size == b"-" else int(size))
    return found


def write_tree(repository: Repository, files: Mapping[bytes, Entry]) -> str:
    """Writes the tree and returns its id; git checks that each object in it exists."""
    lines = b"".join(b"%s %s\t%s\0" % (entry.mode, entry.blob.encode(), path) for path, entry in files.items())
    with tempfile.TemporaryDirectory(prefix="index-", dir=repository.git_dir.parent) as directory:
        index = Path(directory) / "index"
        repository.run("update-index", "-z", "--index-info", index=index, stdin=lines)
        return repository.run("write-tree", index=index).decode().strip()


def write_blob(repository: Repository, content: bytes) -> str:
    return repository.run("hash-object", "-w", "--stdin", stdin=content).decode().strip()


def write_blobs(repository: Repository, blobs: Sequence[bytes]) -> None:
    if blobs:
        stream = b"".join(b"blob\ndata %d\n%s\n" % (len(blob), blob) for blob in blobs)
        repository.run("fast-import", "--quiet", "--done", stdin=stream + b"done\n")


def write_commit(repository: Repository, tree: str, parent: str | None) -> str:
    """A commit that never leaves the machine as one: its people and time are fixed, so that it is the same each time."""
    lines = [f"tree {checked(tree)}", *([f"parent {checked(parent)}"] if parent is not None else [])]
    lines += [f"{role} rfcsmith <rfcsmith@localhost> 0 +0000" for role in ("author", "committer")]
    commit = "\n".join([*lines, "", ""]).encode()
    return repository.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=commit).decode().strip()


def contents_of(repository: Repository) -> Contents:
    return lambda wanted: contents(repository, wanted)


def contents(repository: Repository, wanted: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
    """The content of each blob, in order; their sizes decide how many are asked for at once."""
    batch: list[str] = []
    pending = 0
    for blob, size in wanted.items():
        if batch and pending + size > _BATCH:
            yield from _batch(repository, batch)
            batch, pending = [], 0
        batch.append(blob)
        pending += size
    if batch:
        yield from _batch(repository, batch)


def _batch(repository: Repository, blobs: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    printed = repository.run("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs).encode())
    position = 0
    for blob in blobs:
        end = printed.index(b"\n", position)
        header = printed[position:end].split()
        if len(header) != 3 or header[1] != b"blob":
            raise GitError(f"the clone does not hold the blob {blob}")
        size = int(header[2])
        yield blob, printed[end + 1 : end + 1 + size]
        position = end + 1 + size + 1
