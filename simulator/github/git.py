"""Plumbing over real bare git repositories: the simulator's only truth about commits, trees, blobs and refs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from simulator.github.patches import HUNK, FileDiff

ZERO = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
SHA = re.compile(r"[0-9a-f]{40}")
IDENTITY = re.compile(r"(?P<name>.*) <(?P<email>.*)> (?P<time>\d+) (?P<zone>[+-]\d{4})")
STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "T": "changed", "C": "copied"}


class GitError(Exception):
    """git refused; the message is its standard error."""


@dataclass(frozen=True)
class Identity:
    """Who wrote or committed; `time` in seconds since the epoch, UTC."""

    name: str
    email: str
    time: int

    def __str__(self) -> str:
        name = re.sub(r"[<>\n]", "", self.name).strip() or "unknown"
        email = re.sub(r"[<>\s]", "", self.email)
        return f"{name} <{email}> {self.time} +0000"


@dataclass(frozen=True)
class Commit:
    """A commit object; `signature` and `payload` as they stand in it, None where it is unsigned."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    message: str
    signature: str | None
    payload: str | None


@dataclass(frozen=True)
class TreeEntry:
    """One entry of a tree, as `ls-tree` names it; `size` only for blobs."""

    mode: str
    type: str
    sha: str
    size: int | None
    path: str


class BareRepository:
    """One bare repository on disk. Not thread-safe by itself: the world's lock is held around every call."""

    def __init__(self, path: Path, signing_key: bytes = b"") -> None:
        self.path = path
        self._signing_key = signing_key

    @classmethod
    def create(cls, path: Path, *, default_branch: str = "main", signing_key: bytes = b"") -> BareRepository:
        """Makes an empty bare repository that also answers partial clones and fetches of any object."""
        path.mkdir(parents=True)
        repository = cls(path, signing_key)
        repository.run("init", "--bare", "--quiet", f"--initial-branch={default_branch}", ".")
        config = {
            "http.receivepack": "true",
            "uploadpack.allowFilter": "true",
            "uploadpack.allowAnySHA1InWant": "true",
            "receive.advertisePushOptions": "false",
            "transfer.hideRefs": "refs/sim",
            "gc.auto": "0",
            "core.fsync": "none",
        }
        with (path / "config").open("a", encoding="utf-8") as file:
            for key, value in config.items():
                section, name = key.split(".")
                file.write(f"[{section}]\n\t{name} = {value}\n")
        return repository

    def run(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, check: bool = True
    ) -> bytes:
        """Runs git in this repository and returns its standard output; `GitError` unless it exits with 0."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            input=stdin,
            capture_output=True,
            env={**clean_environment(), **(env or {})},
            check=False,
        )
        if check and done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip())
        return done.stdout

    def text(self, *arguments: str) -> str:
        """Like `run`, as text."""
        return self.run(*arguments).decode(errors="replace")

    # --- refs --------------------------------------------------------------------------------------------------------

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Every ref that starts with `prefix` (not only whole path parts) and what it points at."""
        lines = self.text("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
        pairs = (line.split(" ", 1) for line in lines)
        return {ref: sha for sha, ref in pairs if ref.startswith(prefix)}

    def ref(self, name: str) -> str | None:
        """What the full ref `name` points at."""
        found = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", name, check=False).decode().strip()
        return found or None

    def resolve(self, expression: str) -> str | None:
        """The commit that a branch, tag or (possibly short) object id names."""
        if not expression or expression.startswith("-") or ".." in expression:
            return None
        for candidate in (f"refs/heads/{expression}", f"refs/tags/{expression}", expression):
            found = self.run(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}", check=False
            )
            if found:
                return found.decode().strip()
        return None

    def update_ref(self, ref: str, new: str, old: str | None = None) -> None:
        """Moves `ref`; with `old`, only from there (ZERO: only if it does not exist yet)."""
        self.run("update-ref", ref, new, *([old] if old else []))

    def delete_ref(self, ref: str) -> None:
        self.run("update-ref", "-d", ref)

    def is_valid_ref(self, ref: str) -> bool:
        """True for a full, well-formed ref name such as `refs/heads/x`."""
        if not ref.startswith("refs/") or ref.count("/") < 2:
            return False
        return subprocess.run(["git", "check-ref-format", ref], capture_output=True, check=False).returncode == 0

    def fetch(self, other: BareRepository, sha: str, ref: str) -> None:
        """Brings a commit of another repository (a fork) here and points `ref` at it."""
        if other.path == self.path:
            self.update_ref(ref, sha)
        else:
            self.run("fetch", "--quiet", "--no-tags", str(other.path), f"+{sha}:{ref}")

    # --- objects -----------------------------------------------------------------------------------------------------

    def kind(self, sha: str) -> str | None:
        """`blob`, `tree`, `commit`, `tag`, or None where there is no such object."""
        if not SHA.fullmatch(sha):
            return None
        return self.run("cat-file", "-t", sha, check=False).decode().strip() or None

    def blob(self, data: bytes) -> str:
        """Writes a blob."""
        return self.run("hash-object", "-w", "-t", "blob", "--stdin", stdin=data).decode().strip()

    def read(self, sha: str, kind: str = "blob") -> bytes:
        """The content of an object."""
        return self.run("cat-file", kind, sha)

    def file(self, commit: str, path: str) -> bytes | None:
        """The content of a file at a commit."""
        if self.run("rev-parse", "--verify", "--quiet", f"{commit}:{path}", check=False) == b"":
            return None
        return self.run("cat-file", "blob", f"{commit}:{path}", check=False)

    def tree(self, sha: str, *, recursive: bool = False) -> tuple[TreeEntry, ...]:
        """The entries of a tree (or of a commit's tree), recursive with the trees themselves as GitHub lists them."""
        options = ["-r", "-t"] if recursive else []
        entries = []
        for line in self.run("ls-tree", "-z", "-l", *options, sha).decode(errors="surrogateescape").split("\0"):
            if line:
                meta, path = line.split("\t", 1)
                mode, kind, object_id, size = meta.split()
                entries.append(TreeEntry(mode, kind, object_id, None if size == "-" else int(size), path))
        return tuple(entries)

    def make_tree(self, changes: Iterable[tuple[str, str, str | None]], base: str | None = None) -> str:
        """A tree from `base` with (path, mode, sha) put in; sha None deletes. `GitError` where a deletion finds nothing."""
        with tempfile.TemporaryDirectory(prefix="sim-index-") as directory:
            env = {"GIT_INDEX_FILE": f"{directory}/index"}
            self.run("read-tree", base or EMPTY_TREE, env=env) if base else self.run("read-tree", "--empty", env=env)
            lines = []
            for path, mode, sha in changes:
                if sha is None:
                    if not self.run("ls-files", "--", f":(literal){path}", env=env):
                        raise GitError(f"{path} is not in the tree")
                    for listed in (
                        self.run("ls-files", "-z", "--", f":(literal){path}", env=env)
                        .decode(errors="surrogateescape")
                        .split("\0")
                    ):
                        lines.extend([f"0 {ZERO}\t{listed}"] if listed else [])
                elif mode == "040000":
                    lines.extend(
                        f"{entry.mode} {entry.sha}\t{path}/{entry.path}"
                        for entry in self.tree(sha, recursive=True)
                        if entry.type != "tree"
                    )
                else:
                    lines.append(f"{mode} {sha}\t{path}")
            stdin = "".join(f"{line}\0" for line in lines).encode(errors="surrogateescape")
            self.run("update-index", "-z", "--add", "--replace", "--index-info", stdin=stdin, env=env)
            return self.run("write-tree", env=env).decode().strip()

    def make_commit(
        self,
        *,
        tree: str,
        parents: Iterable[str],
        author: Identity,
        committer: Identity,
        message: str,
        sign: bool = False,
    ) -> str:
        """Writes a commit object; `sign` puts GitHub's signature on it, so that it reads back as Verified."""
        head = "".join(
            [
                f"tree {tree}\n",
                *(f"parent {parent}\n" for parent in parents),
                f"author {author}\n",
                f"committer {committer}\n",
            ]
        )
        payload = f"{head}\n{message}"
        if sign:
            block = self._signature(payload).replace("\n", "\n ")
            payload = f"{head}gpgsig {block}\n\n{message}"
        data = payload.encode()
        return self.run("hash-object", "-w", "-t", "commit", "--stdin", stdin=data).decode().strip()

    def _signature(self, payload: str) -> str:
        digest = hmac.new(self._signing_key, payload.encode(), hashlib.sha512).digest()
        return f"-----BEGIN PGP SIGNATURE-----\n\n{base64.b64encode(digest).decode()}\n-----END PGP SIGNATURE-----"

    def is_signed_by_github(self, commit: Commit) -> bool:
        """True if the signature in the commit is the one this GitHub makes."""
        if commit.signature is None or commit.payload is None:
            return False
        return hmac.compare_digest(commit.signature, self._signature(commit.payload))

    def commit(self, sha: str) -> Commit:
        """A commit, parsed. `GitError` where there is none."""
        return _commit(self.path, sha)

    # --- history and differences -------------------------------------------------------------------------------------

    def history(self, *revisions: str, path: str | None = None, limit: int | None = None) -> tuple[str, ...]:
        """Commits reachable from the revisions (`^x` excludes), newest first."""
        options = [f"--max-count={limit}"] if limit else []
        paths = ["--", f":(literal){path}"] if path else ["--"]
        return tuple(self.text("rev-list", *options, *revisions, *paths).split())

    def merge_base(self, one: str, other: str) -> str | None:
        return self.run("merge-base", one, other, check=False).decode().strip() or None

    def is_ancestor(self, old: str, new: str) -> bool:
        return self.merge_base(old, new) == old

    def files(self, old: str, new: str) -> tuple[FileDiff, ...]:
        """How the tree of `new` differs from that of `old`, renames found."""
        return _files(self.path, old, new)

    def diff(self, old: str, new: str) -> str:
        """The whole difference as text."""
        return self.text("diff", "-M", old, new)

    def moved_line(self, path: str, line: int, old: str, new: str) -> int | None:
        """Where a line of a file went between two commits; None if it was changed or its file is gone."""
        return _moved_line(self.path, path, line, old, new)

    def merge(self, base: str, head: str) -> str | None:
        """The tree of merging the two, None where they conflict."""
        done = self.run("merge-tree", "--write-tree", "--no-messages", base, head, check=False).decode().split("\n")
        return done[0] if len(done) <= 2 and SHA.fullmatch(done[0]) else None


def clean_environment() -> dict[str, str]:
    """An environment in which git sees neither the user's nor the system's configuration."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "LC_ALL": "C.UTF-8",
        "GIT_AUTHOR_NAME": "nobody",
        "GIT_AUTHOR_EMAIL": "nobody@localhost",
        "GIT_COMMITTER_NAME": "nobody",
        "GIT_COMMITTER_EMAIL": "nobody@localhost",
    }


def _identity(text: str) -> Identity:
    found = IDENTITY.fullmatch(text)
    return Identity(found["name"], found["email"], int(found["time"])) if found else Identity(text, "", 0)


# Objects never change, so what is read of them by full id can be kept.
@lru_cache(maxsize=4096)
def _commit(path: Path, sha: str) -> Commit:
    raw = BareRepository(path).read(sha, "commit").decode(errors="replace")
    head, _, message = raw.partition("\n\n")
    lines, fields, parents = head.split("\n"), {}, []
    signature: list[str] = []
    unsigned: list[str] = []
    for line in lines:
        if line.startswith("gpgsig "):
            signature = [line[7:]]
        elif line.startswith(" ") and signature:
            signature.append(line[1:])
        else:
            unsigned.append(line)
            key, _, value = line.partition(" ")
            if key == "parent":
                parents.append(value)
            fields[key] = value
    payload = "\n".join(unsigned) + f"\n\n{message}" if signature else None
    return Commit(
        sha=sha,
        tree=fields["tree"],
        parents=tuple(parents),
        author=_identity(fields["author"]),
        committer=_identity(fields["committer"]),
        message=message,
        signature="\n".join(signature) or None,
        payload=payload,
    )


@lru_cache(maxsize=1024)
def _files(path: Path, old: str, new: str) -> tuple[FileDiff, ...]:
    repository = BareRepository(path)
    raw = repository.run("diff", "-M", "--raw", "--abbrev=40", "-z", old, new).decode(errors="replace").split("\0")
    numbers = repository.run("diff", "-M", "--numstat", "-z", old, new).decode(errors="replace").split("\0")
    patches = re.split(r"^diff --git ", repository.text("diff", "-M", old, new), flags=re.MULTILINE)[1:]
    files = []
    at = number = 0
    while at < len(raw) and raw[at].startswith(":"):
        meta = raw[at][1:].split()
        status = STATUS[meta[4][0]]
        moved = status in ("renamed", "copied")
        previous, name = (raw[at + 1], raw[at + 2]) if moved else (None, raw[at + 1])
        at += 3 if moved else 2
        added, deleted = numbers[number].split("\t")[:2]
        number += 3 if moved else 1
        patch = patches.pop(0)
        if status == "changed":  # a change of type is written as a deletion and a creation
            patch = patch + patches.pop(0)
        start = re.search(r"^@@ ", patch, flags=re.MULTILINE)
        sha = meta[3] if status != "removed" else meta[2]
        files.append(
            FileDiff(
                path=name,
                previous=previous,
                status=status,
                sha=sha,
                additions=int(added) if added != "-" else 0,
                deletions=int(deleted) if deleted != "-" else 0,
                patch=patch[start.start() :].rstrip("\n") if start else None,
            )
        )
    return tuple(files)


@lru_cache(maxsize=4096)
def _moved_line(repository_path: Path, path: str, line: int, old: str, new: str) -> int | None:
    repository = BareRepository(repository_path)
    if repository.file(new, path) is None or repository.file(old, path) is None:
        return None
    shift = 0
    for hunk in HUNK.finditer(repository.text("diff", "-U0", old, new, "--", f":(literal){path}")):
        start, removed = int(hunk[1]), int(hunk[2] if hunk[2] is not None else 1)
        added = int(hunk[4] if hunk[4] is not None else 1)
        if removed and start <= line < start + removed:
            return None
        if line >= start + removed and (removed or line > start):
            shift += added - removed
    return line + shift
