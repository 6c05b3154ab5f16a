"""The host's own clones, one bare git directory for each repository, and everything that is done with trees.

A workspace is only read and written through `bot/git/workspace.py`; git itself never looks at it. So no attribute, filter,
nested repository or link in it means anything: trees hold exactly the bytes that lie there, and files get exactly the bytes
that trees hold. Object ids are 40 hexadecimal digits and checked before git sees them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock

import bot.git.objects as objects
from bot.caching import Hold, Item, discard, hold
from bot.disk import measure
from bot.domain import FileChange, FileMode
from bot.errors import Conflict, UserError
from bot.git.process import GitError, Remote, Repository
from bot.git.workspace import (
    OLD,
    SUBMODULE,
    SYMLINK,
    Bounds,
    Entry,
    Memory,
    Scan,
    lay_out,
    lay_out_fresh,
    opened,
    parents,
    read_path,
)


@dataclass(frozen=True, slots=True)
class FileStat:
    """How many lines of a file were added and removed; both None where it is binary."""

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True, slots=True)
class Merge:
    """What git makes of two sides: a tree, and the paths that do not fit together, which hold both sides between git's marks."""

    tree: str
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A commit in a history: `subject` is its first line."""

    commit: str
    author: str
    at: datetime
    subject: str


class Git:
    """The clones under `home/clones`; usable from several threads and processes at once."""

    def __init__(self, home: Path, *, ca_bundle: Path | None = None, allow_file: bool = False) -> None:
        self._clones = home.absolute() / "clones"
        self._ca_bundle = ca_bundle
        self._allow_file = allow_file
        self._memories: OrderedDict[Path, Memory] = OrderedDict()
        self._lock = Lock()

    # --- the clone ---------------------------------------------------------------------------------------------------

    def fetch(self, repository_id: int, clone_url: str, token: str | None, *, ref: str) -> str:
        """Brings `ref` (a branch, a full ref or a commit id) up to date and returns its commit.

        Only what is missing is transferred. Runs of the same repository wait for each other. Raises `UserError` where there
        is no such ref or no access, `GitHubUnavailable` where the same call may succeed later.
        """
        is_commit = objects.is_id(ref)
        if not is_commit and (ref.startswith("-") or re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{", ref)):
            raise UserError(f"`{ref}` is not the name of a branch.")
        with self._locked(repository_id):
            repository = self._created(repository_id)
            if is_commit and objects.has(repository, f"{ref}^{{commit}}"):
                return ref
            source = ref if is_commit or ref.startswith("refs/") else f"refs/heads/{ref}"
            stored = _fetched_ref(source)
            # All who write this ref wait for each other: a lock on it is left over from a machine that died.
            (repository.git_dir / f"{stored}.lock").unlink(missing_ok=True)
            repository.fetch(Remote(clone_url, token), f"+{source}:{stored}")
            return objects.resolve(repository, f"{stored}^{{commit}}")

    def fetched(self, repository_id: int, ref: str) -> str | None:
        """The commit that the full ref `ref` had when it was last fetched; None where it never was."""
        if not self._directory(repository_id).exists():
            return None
        printed = self._repository(repository_id).run("for-each-ref", "--format=%(objectname)", _fetched_ref(ref))
        return printed.decode().strip() or None

    def remove(self, repository_id: int) -> None:
        """Deletes the clone and everything kept in it."""
        with self._locked(repository_id):
            shutil.rmtree(self._directory(repository_id), ignore_errors=True)

    def hold(self, repository_id: int) -> Hold | None:
        """Keeps the clone from being evicted; None where there is none."""
        return hold(self._directory(repository_id))

    def items(self) -> Iterator[Item]:
        """All clones, for whoever keeps the budget."""
        for directory in sorted(self._clones.glob("*[0-9].git")):
            evict = partial(self._evict, int(directory.stem))
            yield Item(f"clones/{directory.name}", measure(directory).size, directory.stat().st_mtime, evict)

    def _evict(self, repository_id: int) -> bool:
        with self._locked(repository_id):
            return discard(self._directory(repository_id))

    def maintain(self, repository_id: int) -> None:
        """Packs the clone, if there is one, and drops what nothing has needed for two weeks."""
        if not self._directory(repository_id).exists():
            return
        with self._locked(repository_id):
            self._repository(repository_id).run("gc", "--quiet", "--prune=2.weeks.ago", timeout=1800.0)

    # --- workspaces --------------------------------------------------------------------------------------------------

    def export(
        self,
        repository_id: int,
        commit: str,
        destination: Path,
        *,
        newer: Collection[str] = (),
        newer_time: float = OLD,
    ) -> None:
        """Lays a commit (or tree) out in the directory `destination`, which is made or must be empty.

        All files get one constant old modification time, but for the paths in `newer`, which get `newer_time`; files belong
        to the owner of `destination`.
        """
        repository = self._repository(repository_id)
        destination.mkdir(parents=True, exist_ok=True)
        lay_out_fresh(
            destination,
            objects.entries(repository, commit),
            objects.contents_of(repository),
            newer=frozenset(map(os.fsencode, newer)),
            newer_time=newer_time,
        )

    def identities(self, repository_id: int, commit: str) -> dict[str, str]:
        """What stands at each path of a commit or tree: mode and object id, the same only for the same file."""
        entries = objects.entries(self._repository(repository_id), commit)
        return {os.fsdecode(path): f"{entry.mode.decode()} {entry.blob}" for path, entry in entries.items()}

    def restore(self, repository_id: int, tree: str, workspace: Path, *, bounds: Bounds | None = None) -> None:
        """Makes the workspace exactly the tree: what differs is removed or written anew, with the present time.

        Only a `.git` directory at the top, which is the sandbox's own, stays as it is.
        """
        repository = self._repository(repository_id)
        tree_entries = objects.entries(repository, tree)
        lay_out(workspace, tree_entries, objects.contents_of(repository), bounds or Bounds(), self._memory(workspace))

    def snapshot(
        self, repository_id: int, *, workspace: Path, run_id: str, number: int, bounds: Bounds | None = None
    ) -> str:
        """The tree of everything in the workspace, ignored files too, kept as snapshot `number` of the run.

        Left out is what cannot be or never is committed: pipes, sockets, devices, anything called `.git`, empty directories,
        and directories that are marked as caches (`CACHEDIR.TAG`, as cargo's target directories are). The files of a nested
        repository are taken as ordinary files, so that it hides nothing. Raises `UserError` beyond the bounds.
        """
        repository = self._repository(repository_id)
        bounds = bounds or Bounds()
        with opened(workspace) as root:
            entries = Scan(root, bounds, self._memory(workspace)).entries
            self._store(repository, root, entries, bounds)
        tree = objects.write_tree(repository, entries)
        self.keep(repository_id, run_id=run_id, number=number, tree=tree)
        return tree

    # --- what is kept ------------------------------------------------------------------------------------------------

    def keep(self, repository_id: int, *, run_id: str, number: int, tree: str) -> None:
        """Protects a tree from clean-up until `forget`."""
        repository, ref = self._repository(repository_id), _kept_ref(run_id, number)
        # Only this run's own step writes this ref: a lock on it is left over from a machine that died.
        (repository.git_dir / f"{ref}.lock").unlink(missing_ok=True)
        repository.run("update-ref", ref, objects.checked(tree))

    def forget(self, repository_id: int, run_id: str) -> None:
        """Lets the run's snapshots go; clean-up deletes them later."""
        repository = self._repository(repository_id)
        refs = repository.run("for-each-ref", "--format=delete %(refname)", _kept_ref(run_id)).decode()
        repository.run("update-ref", "--stdin", stdin=refs.encode())

    def pack(self, repository_id: int, tree: str, base: str) -> bytes:
        """What another machine that has the commit `base` needs to have `tree` too, compressed."""
        repository = self._repository(repository_id)
        # A fixed identity and time: the same snapshot gives the same commit again.
        commit = objects.write_commit(repository, tree, base)
        asked = f"{commit}\n^{objects.checked(base)}\n".encode()
        options = ("--revs", "--thin", "--stdout", "--delta-base-offset", "--quiet")
        return commit.encode() + b"\n" + repository.run("pack-objects", *options, stdin=asked)

    def unpack(self, repository_id: int, pack: bytes) -> str:
        """Takes in what `pack` gave on another machine and returns the tree; the base has to be fetched before."""
        with self._locked(repository_id):
            repository = self._created(repository_id)
        header, _, packed = pack.partition(b"\n")
        commit = objects.checked(header.decode("ascii", "replace"))
        repository.run("index-pack", "--stdin", "--fix-thin", stdin=packed)
        tree = self.tree_of(repository_id, commit)
        # Objects of the base are not in the pack; without this a missing one would show itself only much later.
        repository.run("rev-list", "--objects", "--quiet", "--end-of-options", tree)
        return tree

    # --- trees -------------------------------------------------------------------------------------------------------

    def publishable(self, repository_id: int, *, base: str, tree: str, exclude: Sequence[str] = ()) -> str:
        """The tree as it may be published on top of the commit `base`.

        Left out is what the ignore rules of the base hide and the base does not track. Paths in `exclude` stay as they are on
        the base. Submodules stay what they are: a workspace cannot hold them, so that their absence says nothing.
        """
        repository = self._repository(repository_id)
        old, new = objects.entries(repository, base), objects.entries(repository, tree)
        ignored = self._ignored(repository, old, [path for path in new if path not in old])
        submodules = {path: entry for path, entry in old.items() if entry.mode == SUBMODULE}
        result = {path: entry for path, entry in new.items() if path not in ignored}
        for path in (*map(os.fsencode, exclude), *submodules):
            result.pop(path, None)
            if path in old:
                result[path] = old[path]
        if both := sorted(parents(result) & result.keys()):
            # The files stand inside a submodule, or where a path that stays as it is has become a directory.
            raise UserError(f"`{os.fsdecode(both[0])}` cannot become a directory of files.")
        return objects.write_tree(repository, result)

    def filtered(self, repository_id: int, commit: str, paths: Collection[str]) -> frozenset[str]:
        """Those of the paths that the attributes at the commit put through a filter, as Git LFS does."""
        repository = self._repository(repository_id)
        with self._rules(repository, objects.entries(repository, commit), b".gitattributes") as directory:
            if directory is None or not paths:
                return frozenset()
            asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
            arguments = ("check-attr", "-z", "--stdin", "filter")
            fields = repository.run(*arguments, stdin=asked, work_tree=directory).split(b"\0")[:-1]
        unset = (b"unspecified", b"unset")
        return frozenset(
            os.fsdecode(path) for path, value in zip(fields[::3], fields[2::3], strict=True) if value not in unset
        )

    def changes(
        self, repository_id: int, old: str, new: str, *, max_bytes: int = 256 * 1024**2
    ) -> tuple[FileChange, ...]:
        """The paths that differ between two commits or trees, with their new content, sorted by path.

        A renamed file is one deletion and one addition. Raises `UserError` where the contents exceed `max_bytes`.
        """
        repository = self._repository(repository_id)
        arguments = ("-r", "--no-renames", "--raw", "-z", "--no-abbrev", "--end-of-options")
        raw = repository.run("diff-tree", *arguments, objects.tree_in(old), objects.tree_in(new))
        fields = iter(raw.split(b"\0")[:-1])
        found: list[tuple[str, bytes, str]] = []
        for description, path in zip(fields, fields, strict=True):
            _, mode, _, blob, _ = description.split(b" ")
            found.append((os.fsdecode(path), mode, blob.decode()))
        blobs = [blob for _, mode, blob in found if blob != objects.NONE and mode != SUBMODULE]
        sizes = objects.sizes(repository, blobs)
        if sum(sizes.values()) > max_bytes:
            raise UserError(f"The change holds more than {max_bytes} bytes.")
        contents = dict(objects.contents(repository, sizes))
        return tuple(_file_change(path, mode, blob, contents) for path, mode, blob in found)

    def diff(self, repository_id: int, old: str, new: str, *, context: int = 3, paths: Sequence[str] = ()) -> str:
        """The unified difference, of these paths only, if any; bytes that are not UTF-8 are replaced."""
        options = ("-r", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", f"--unified={context:d}")
        repository = self._repository(repository_id)
        trees = (objects.tree_in(old), objects.tree_in(new))
        return repository.run("diff-tree", *options, "--end-of-options", *trees, *_only(paths)).decode(
            "utf-8", "replace"
        )

    def patch(self, repository_id: int, old: str, new: str) -> bytes:
        """What makes the tree `new` of the tree `old`, byte for byte and binary files too, as `applied` and `git apply` take it."""
        options = (
            "-r",
            "-p",
            "--binary",
            "--full-index",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
        )
        repository = self._repository(repository_id)
        return repository.run("diff-tree", *options, "--end-of-options", objects.tree_in(old), objects.tree_in(new))

    def applied(self, repository_id: int, tree: str, patch: bytes) -> str:
        """The tree that the patch makes of a tree or commit. Raises `UserError` where it does not fit."""
        repository = self._repository(repository_id)
        with tempfile.TemporaryDirectory(prefix="index-", dir=self._clones) as directory:
            index = Path(directory) / "index"
            repository.run("read-tree", objects.tree_in(tree), index=index)
            if patch:
                try:
                    repository.run("apply", "--cached", "--whitespace=nowarn", "-", stdin=patch, index=index)
                except GitError as error:
                    raise UserError(f"A patch does not fit on the tree {tree}.", str(error)) from error
            return repository.run("write-tree", index=index).decode().strip()

    def diff_stat(self, repository_id: int, old: str, new: str) -> tuple[FileStat, ...]:
        """Added and removed lines of each path that differs."""
        options = ("-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--numstat", "-z", "--end-of-options")
        raw = self._repository(repository_id).run("diff-tree", *options, objects.tree_in(old), objects.tree_in(new))
        stats = []
        for line in raw.split(b"\0")[:-1]:
            added, removed, path = line.split(b"\t", 2)
            numbers = (None, None) if added == b"-" else (int(added), int(removed))
            stats.append(FileStat(os.fsdecode(path), *numbers))
        return tuple(stats)

    def tree_of(self, repository_id: int, commit: str) -> str:
        """The tree of a commit; a tree is its own."""
        repository = self._repository(repository_id)
        return objects.resolve(repository, objects.tree_in(commit))

    def merge_base(self, repository_id: int, one: str, other: str) -> str:
        """The newest commit that both histories hold. Raises `GitError` where they have none in common."""
        printed = self._repository(repository_id).run(
            "merge-base", "--end-of-options", objects.checked(one), objects.checked(other)
        )
        return objects.checked(printed.decode().strip())

    def merged(self, repository_id: int, *, base: str, ours: str, theirs: str) -> str | None:
        """The tree with what `ours` and what `theirs` changed since `base`; None where the two do not fit together.

        All three are commits or trees; histories do not count.
        """
        merge = self.merge(repository_id, base=base, ours=ours, theirs=theirs)
        return merge.tree if not merge.conflicts else None

    def merge(self, repository_id: int, *, base: str, ours: str, theirs: str) -> Merge:
        """As `merged`, but where the two do not fit together the files in conflict are in the tree with git's marks."""
        repository = self._repository(repository_id)
        # Commits of our own: git before 2.45 takes no trees here, and looks for the common ancestor itself.
        trunk = objects.write_commit(repository, self.tree_of(repository_id, base), None)
        sides = [objects.write_commit(repository, self.tree_of(repository_id, side), trunk) for side in (ours, theirs)]
        # Where they fit, the tree is all that is printed; else the files that do not follow it.
        printed = repository.test("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", *sides)
        tree, *conflicts = printed.split(b"\0")
        return Merge(objects.checked(tree.decode()), tuple(os.fsdecode(path) for path in conflicts if path))

    def is_ancestor(self, repository_id: int, one: str, other: str) -> bool:
        """Whether the commit `one` is `other` or in its history; what the clone does not hold is not."""
        repository = self._repository(repository_id)
        if not all(objects.has(repository, f"{objects.checked(commit)}^{{commit}}") for commit in (one, other)):
            return False
        arguments = ("--count", "--max-count=1", objects.checked(one), f"^{objects.checked(other)}")
        return repository.run("rev-list", *arguments).strip() == b"0"

    def overlay(self, repository_id: int, tree: str, *, source: str, paths: Sequence[str]) -> str:
        """The tree with these paths as the tree (or that of a commit) `source` has them, or without them as well.

        Raises `UserError` where one of them is a directory in the one and a file in the other.
        """
        repository = self._repository(repository_id)
        entries, others = dict(objects.entries(repository, tree)), objects.entries(repository, source)
        for path in map(os.fsencode, paths):
            entries.pop(path, None)
            if path in others:
                entries[path] = others[path]
        if both := sorted(parents(entries) & entries.keys()):
            raise UserError(f"`{os.fsdecode(both[0])}` cannot be a file and a directory of files.")
        return objects.write_tree(repository, entries)

    def with_files(self, repository_id: int, tree: str, files: Mapping[str, bytes]) -> str:
        """The tree (or that of a commit) in which these files, which it has, hold this instead; their modes stay."""
        repository = self._repository(repository_id)
        entries = dict(objects.entries(repository, tree))
        for path, content in files.items():
            blob = objects.write_blob(repository, content)
            entries[os.fsencode(path)] = replace(entries[os.fsencode(path)], blob=blob)
        return objects.write_tree(repository, entries)

    def with_changes(self, repository_id: int, tree: str, changes: Iterable[FileChange]) -> str:
        """The tree (or that of a commit) after these changes; those without a content delete their path."""
        repository = self._repository(repository_id)
        entries = dict(objects.entries(repository, tree))
        for change in changes:
            if change.content is None or change.mode is None:
                entries.pop(os.fsencode(change.path), None)
            else:
                blob = objects.write_blob(repository, change.content)
                entries[os.fsencode(change.path)] = Entry(change.mode.value.encode(), blob, len(change.content))
        return objects.write_tree(repository, entries)

    def has(self, repository_id: int, object_id: str) -> bool:
        """Whether the clone is there and holds the object."""
        if not self._directory(repository_id).exists():
            return False
        return objects.has(self._repository(repository_id), objects.checked(object_id))

    def paths(self, repository_id: int, commit: str) -> tuple[str, ...]:
        """The paths of all files and links, sorted; submodules are left out."""
        entries = objects.entries(self._repository(repository_id), commit)
        return tuple(os.fsdecode(path) for path, entry in entries.items() if entry.mode != SUBMODULE)

    def read(self, repository_id: int, commit: str, path: str) -> bytes | None:
        """A file's content at a commit or tree; None where there is no file (a link is none)."""
        return self.read_many(repository_id, commit, [path]).get(path)

    def read_many(self, repository_id: int, commit: str, paths: Collection[str]) -> dict[str, bytes]:
        """The contents of those of the paths that are files, in one go."""
        repository = self._repository(repository_id)
        tree = objects.entries(repository, commit)
        entries = {path: entry for path in paths if (entry := tree.get(os.fsencode(path))) is not None}
        files = {path: entry for path, entry in entries.items() if entry.mode not in (SUBMODULE, SYMLINK)}
        contents = dict(objects.contents(repository, {entry.blob: entry.size for entry in files.values()}))
        return {path: contents[entry.blob] for path, entry in files.items()}

    def texts(self, repository_id: int, commit: str, paths: Collection[str]) -> dict[str, str]:
        """As `read_many`, as text; bytes that are no UTF-8 become U+FFFD."""
        found = self.read_many(repository_id, commit, paths)
        return {path: content.decode(errors="replace") for path, content in found.items()}

    def log(
        self, repository_id: int, commit: str, *, count: int = 20, paths: Sequence[str] = (), timeout: float = 300.0
    ) -> tuple[LogEntry, ...]:
        """The newest `count` commits of the history that ends at `commit`, newest first; of these paths only, if any.

        Raises `GitError` where that takes more than `timeout` seconds, as it may for paths that hardly ever change.
        """
        options = ("-z", "--no-merges", f"--max-count={count:d}", "--format=%H%n%an%n%ct%n%s", "--end-of-options")
        repository = self._repository(repository_id)
        raw = repository.run("log", *options, objects.checked(commit), *_only(paths), timeout=timeout)
        printed = raw.decode("utf-8", "replace")
        entries = []
        for record in printed.split("\0"):
            if record.strip():
                sha, author, at, subject = (*record.strip("\n").split("\n", 3), "")[:4]
                entries.append(LogEntry(sha, author, datetime.fromtimestamp(int(at), UTC), subject))
        return tuple(entries)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _directory(self, repository_id: int) -> Path:
        return self._clones / f"{repository_id:d}.git"

    def _repository(self, repository_id: int) -> Repository:
        return Repository(self._directory(repository_id), self._ca_bundle, self._allow_file)

    def _created(self, repository_id: int) -> Repository:
        repository = self._repository(repository_id)
        if not (repository.git_dir / "HEAD").exists():
            repository.git_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            repository.run("init", "--quiet", "--bare", "--template=", "--object-format=sha1")
        return repository

    @contextmanager
    def _locked(self, repository_id: int) -> Iterator[None]:
        """Lets one fetch or removal of a clone happen at a time, across threads and processes."""
        self._clones.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._clones / f"{repository_id:d}.lock", "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _memory(self, workspace: Path) -> Memory:
        """What is remembered of a workspace; the sixteen used last are kept."""
        with self._lock:
            memory = self._memories.setdefault(workspace, Memory())
            self._memories.move_to_end(workspace)
            while len(self._memories) > 16:
                self._memories.popitem(last=False)
            return memory

    def _store(self, repository: Repository, root: int, entries: Mapping[bytes, Entry], bounds: Bounds) -> None:
        """Writes the blobs that git does not have yet."""
        places = {entry.blob: (path, entry) for path, entry in entries.items()}
        absent = objects.missing(repository, places)
        if sum(places[blob][1].size for blob in absent) > bounds.new_bytes:
            raise UserError(f"The workspace holds more than {bounds.new_bytes} new bytes.")
        contents = []
        for path, entry in map(places.__getitem__, absent):
            contents.append(read_path(root, path))
            if len(contents[-1]) != entry.size:
                raise Conflict(f"`{os.fsdecode(path)}` changed while it was read.")
        objects.write_blobs(repository, contents)

    def _ignored(
        self, repository: Repository, base: Mapping[bytes, Entry], paths: Collection[bytes]
    ) -> frozenset[bytes]:
        """Those of the paths that the `.gitignore` files of the base hide, and no others."""
        with self._rules(repository, base, b".gitignore") as directory:
            if directory is None or not paths:
                return frozenset()
            # The prefix keeps a name like `:(glob)x` from being read as a pattern; git repeats it in its answer.
            asked = b"".join(b"./" + path + b"\0" for path in paths)
            arguments = ("check-ignore", "--no-index", "-z", "--stdin")
            printed = repository.test(*arguments, stdin=asked, work_tree=directory)
        return frozenset(path.removeprefix(b"./") for path in printed.split(b"\0")[:-1])

    @contextmanager
    def _rules(self, repository: Repository, tree: Mapping[bytes, Entry], name: bytes) -> Iterator[Path | None]:
        """A directory with nothing but the tree's files of that name for git to read; None where there are none."""
        rules = {
            path: entry
            for path, entry in tree.items()
            if path.rpartition(b"/")[2] == name and entry.mode not in (SYMLINK, SUBMODULE)
        }
        if not rules:
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="rules-", dir=self._clones) as directory:
            lay_out_fresh(Path(directory), rules, objects.contents_of(repository))
            yield Path(directory)


def _file_change(path: str, mode: bytes, blob: str, contents: Mapping[str, bytes]) -> FileChange:
    if blob == objects.NONE:
        return FileChange(path, None, None, None)
    return FileChange(path, FileMode(mode.decode()), contents.get(blob), blob)


def _only(paths: Sequence[str]) -> tuple[str, ...]:
    """Git's arguments for these paths, taken word for word; none where all are meant."""
    return ("--", *(f":(literal){path}" for path in paths)) if paths else ()


def _fetched_ref(source: str) -> str:
    """Where the state of a remote's ref is noted, by a digest: `a/b` could not stand beside a deleted branch `a`."""
    return f"refs/fetched/{hashlib.sha256(source.encode()).hexdigest()}"


def _kept_ref(run_id: str, number: int | None = None) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,200}", run_id):
        raise ValueError(f"{run_id!r} is not a run's id")
    return f"refs/rfcsmith/{run_id}" + ("" if number is None else f"/{number:d}")
