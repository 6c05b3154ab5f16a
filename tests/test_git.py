"""The host's clones with real git in temporary directories: round trips, attacks from a workspace, and the token."""

from __future__ import annotations

import base64
import os
import shutil
import ssl
import stat
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import CertificateBuilder, DNSName, Name, NameAttribute, SubjectAlternativeName
from cryptography.x509.oid import NameOID

from bot.domain import FileMode
from bot.errors import GitHubUnavailable, UserError
from bot.git import Bounds, Git, GitError
from bot.git.process import Remote

ID = 7
# Long and with every kind of character that GitHub's newer tokens hold.
TOKEN = "ghs_1234_" + "eyJhbGciOiJSUzI1NiJ9.abc-DEF_" * 8


@dataclass
class Origin:
    """A repository as a developer has it: a work tree with git's own commands, and its address."""

    path: Path

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        environment = {
            "PATH": os.defpath + ":/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.path.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }
        command = ["git", "-c", "init.defaultBranch=main", "-c", "core.autocrlf=false", *arguments]
        finished = subprocess.run(command, cwd=self.path, env=environment, input=stdin, capture_output=True, check=True)
        return finished.stdout.decode().strip()

    def commit(self, files: Mapping[str, bytes | None] = {}, message: str = "A change") -> str:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    @property
    def url(self) -> str:
        return self.path.as_uri()


BASE: Mapping[str, bytes] = {
    "Cargo.toml": b'[package]\nname = "tin"\n',
    "src/lib.rs": b"pub fn one() -> u32 { 1 }\n",
    "src/deep/er/mod.rs": b"// nothing\n",
    ".gitignore": b"Cargo.lock\n/target/\n*.log\n",
    "logs/.gitignore": b"!keep.log\n",
    "picture.bin": bytes(range(256)) * 8,
    "crlf.txt": b"one\r\ntwo\r\n",
    "tracked.log": b"tracked although ignored\n",
    "Füße und mehr.txt": "Grüße\n".encode(),
}


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    origin = Origin(tmp_path / "origin")
    origin.path.mkdir()
    origin.git("init", "-q")
    (origin.path / "run.sh").write_bytes(b"#!/bin/sh\n")
    (origin.path / "run.sh").chmod(0o755)
    (origin.path / "link").symlink_to("src/lib.rs")
    origin.commit(BASE)
    return origin


@pytest.fixture
def git(tmp_path: Path) -> Git:
    return Git(tmp_path / "home", allow_file=True)


@pytest.fixture
def base(git: Git, origin: Origin) -> str:
    return git.fetch(ID, origin.url, None, ref="main")


@pytest.fixture
def workspace(git: Git, base: str, tmp_path: Path) -> Path:
    workspace = tmp_path / "workspace"
    git.export(ID, base, workspace)
    return workspace


def snapshot(git: Git, workspace: Path, number: int = 1, bounds: Bounds | None = None) -> str:
    return git.snapshot(ID, workspace=workspace, run_id="implement-7-1-1", number=number, bounds=bounds)


def listing(root: Path) -> dict[str, tuple[str, bytes]]:
    """Every file and link below `root` with its kind and content."""
    found: dict[str, tuple[str, bytes]] = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory) / name
            if path.is_symlink():
                found[str(path.relative_to(root))] = ("link", os.fsencode(os.readlink(path)))
            else:
                kind = "executable" if path.stat().st_mode & stat.S_IXUSR else "file"
                found[str(path.relative_to(root))] = (kind, path.read_bytes())
    for path in list(found):
        if path.startswith(".git/"):
            del found[path]
    return found


# --- the road there and back -----------------------------------------------------------------------------------------


def test_an_exported_commit_is_byte_for_byte_what_was_committed(origin: Origin, workspace: Path) -> None:
    assert listing(workspace) == listing(origin.path)


def test_a_snapshot_of_an_untouched_export_has_the_commits_own_tree(
    git: Git, origin: Origin, workspace: Path, base: str
) -> None:
    assert snapshot(git, workspace) == origin.git("rev-parse", "HEAD^{tree}") == git.tree_of(ID, base)


def test_a_changed_workspace_gets_the_tree_that_a_developer_would_commit(
    git: Git, origin: Origin, workspace: Path
) -> None:
    (workspace / "src/lib.rs").write_bytes(b"pub fn one() -> u32 { 2 }\n")
    (workspace / "src/deep/er/mod.rs").unlink()
    (workspace / "run.sh").chmod(0o644)
    (workspace / "link").unlink()
    (workspace / "link").symlink_to("src/deep")
    (workspace / "crlf.txt").unlink()
    (workspace / "crlf.txt").mkdir()
    (workspace / "crlf.txt" / "new").write_bytes(b"\0\1\2")
    tree = snapshot(git, workspace)
    for name in listing(origin.path):
        (origin.path / name).unlink()
    shutil.rmtree(origin.path / "src")
    shutil.copytree(workspace, origin.path, symlinks=True, dirs_exist_ok=True)
    origin.git("add", "-A", "-f")
    assert tree == origin.git("write-tree")


def test_a_restored_workspace_is_exactly_the_snapshot(git: Git, workspace: Path) -> None:
    (workspace / "src/lib.rs").write_bytes(b"changed\n")
    (workspace / "Cargo.lock").write_bytes(b"# generated\n")
    tree, before = snapshot(git, workspace), listing(workspace)
    shutil.rmtree(workspace / "src")
    (workspace / "src").write_bytes(b"a file where a directory was")
    (workspace / "run.sh").unlink()
    (workspace / "run.sh").mkdir()
    (workspace / "link").unlink()
    (workspace / "left/over/deep").mkdir(parents=True)
    (workspace / "left/over/file").write_bytes(b"x")
    os.mkfifo(workspace / "left/pipe")
    git.restore(ID, tree, workspace)
    assert listing(workspace) == before
    assert not (workspace / "left").exists()


def test_restoring_gives_fresh_times_to_what_differs_and_leaves_the_rest_old(git: Git, workspace: Path) -> None:
    tree = snapshot(git, workspace)
    assert {path.lstat().st_mtime for path in workspace.rglob("*")} == {1_000_000_000}
    (workspace / "src/lib.rs").write_bytes(b"changed\n")
    os.utime(workspace / "src/lib.rs", (1_000_000_000, 1_000_000_000))
    git.restore(ID, tree, workspace)
    assert (workspace / "src/lib.rs").stat().st_mtime > 1_500_000_000
    assert (workspace / "Cargo.toml").stat().st_mtime == 1_000_000_000


def test_a_file_of_the_same_size_with_a_forged_time_is_still_seen_as_changed(git: Git, workspace: Path) -> None:
    path = workspace / "src/lib.rs"
    # What was written this instant is read again anyway; only older files are remembered.
    time.sleep(0.1)
    first, times = snapshot(git, workspace), path.stat()
    path.write_bytes(path.read_bytes().replace(b"1", b"9"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    second = snapshot(git, workspace, 2)
    assert git.changes(ID, first, second)[0].content == b"pub fn one() -> u32 { 9 }\n"


def test_an_export_needs_an_empty_directory(git: Git, base: str, workspace: Path) -> None:
    with pytest.raises(ValueError, match="empty directory"):
        git.export(ID, base, workspace)


def test_what_is_written_belongs_to_the_owner_of_the_workspace(git: Git, base: str, tmp_path: Path) -> None:
    # Only root can give files away; anybody else owns the workspace already.
    owner = (10001, 10001) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    workspace = tmp_path / "owned"
    workspace.mkdir()
    os.chown(workspace, *owner)
    git.export(ID, base, workspace)
    tree = snapshot(git, workspace)
    shutil.rmtree(workspace / "src")
    git.restore(ID, tree, workspace)
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in workspace.rglob("*")} == {owner}


# --- changes ---------------------------------------------------------------------------------------------------------


def test_changes_tell_modes_links_deletions_binaries_and_renames(git: Git, base: str, workspace: Path) -> None:
    (workspace / "picture.bin").write_bytes(b"\xff\xfe\0")
    (workspace / "run.sh").chmod(0o644)
    (workspace / "src/lib.rs").rename(workspace / "src/main.rs")
    (workspace / "new link").symlink_to("run.sh")
    (workspace / "tool").write_bytes(b"#!/bin/sh\n")
    (workspace / "tool").chmod(0o755)
    changes = {change.path: change for change in git.changes(ID, base, snapshot(git, workspace))}
    assert sorted(changes) == ["new link", "picture.bin", "run.sh", "src/lib.rs", "src/main.rs", "tool"]
    assert changes["picture.bin"].content == b"\xff\xfe\0"
    assert changes["run.sh"].mode is FileMode.FILE
    assert (changes["src/lib.rs"].mode, changes["src/lib.rs"].content) == (None, None)
    assert changes["src/main.rs"].content == BASE["src/lib.rs"]
    assert (changes["new link"].mode, changes["new link"].content) == (FileMode.SYMLINK, b"run.sh")
    assert changes["tool"].mode is FileMode.EXECUTABLE


def test_names_with_newlines_quotes_and_foreign_bytes_survive(git: Git, base: str, workspace: Path) -> None:
    names = [b"new\nline", b'quo"te', b"tab\there", b"not utf-8 \xff", b"-dash", b" blank ", b":(glob)*"]
    for name in names:
        (workspace / os.fsdecode(name)).write_bytes(name)
    tree = snapshot(git, workspace)
    changes = git.changes(ID, base, tree)
    assert {os.fsencode(change.path): change.content for change in changes} == {name: name for name in names}
    git.restore(ID, git.tree_of(ID, base), workspace)
    git.restore(ID, tree, workspace)
    assert all((workspace / os.fsdecode(name)).read_bytes() == name for name in names)


def test_more_content_than_allowed_is_no_list_of_changes(git: Git, base: str, workspace: Path) -> None:
    (workspace / "big").write_bytes(b"x" * 5000)
    with pytest.raises(UserError, match="more than 4999 bytes"):
        git.changes(ID, base, snapshot(git, workspace), max_bytes=4999)


def test_the_difference_and_its_figures_are_told(git: Git, base: str, workspace: Path) -> None:
    (workspace / "src/lib.rs").write_bytes(b"pub fn one() -> u32 { 1 }\npub fn two() -> u32 { 2 }\n")
    (workspace / "picture.bin").write_bytes(b"\0")
    tree = snapshot(git, workspace)
    assert "+pub fn two() -> u32 { 2 }" in git.diff(ID, base, tree)
    assert "picture.bin" not in git.diff(ID, base, tree, paths=["src/lib.rs"]) and not git.diff(
        ID, base, tree, paths=["src/*"]
    )
    figures = {item.path: (item.added, item.removed) for item in git.diff_stat(ID, base, tree)}
    assert figures == {"src/lib.rs": (1, 0), "picture.bin": (None, None)}


def test_files_of_a_tree_get_other_contents_and_keep_their_modes(git: Git, base: str, workspace: Path) -> None:
    (workspace / "run.sh").write_bytes(b"old")
    (workspace / "run.sh").chmod(0o755)
    tree = git.with_files(ID, snapshot(git, workspace), {"run.sh": b"new\r\n", "src/lib.rs": b""})
    assert git.read_many(ID, tree, ["run.sh", "src/lib.rs"]) == {"run.sh": b"new\r\n", "src/lib.rs": b""}
    changes = {change.path: change.mode for change in git.changes(ID, base, tree)}
    assert changes == {"run.sh": FileMode.EXECUTABLE, "src/lib.rs": FileMode.FILE}
    assert git.with_files(ID, base, {}) == git.tree_of(ID, base)


def test_changes_of_one_tree_can_be_made_to_another(git: Git, base: str, workspace: Path) -> None:
    (workspace / "run.sh").write_bytes(b"new")
    (workspace / "run.sh").chmod(0o755)
    (workspace / "src/lib.rs").unlink()
    tree = snapshot(git, workspace)
    changes = git.changes(ID, base, tree)
    assert git.with_changes(ID, base, changes) == tree
    assert git.with_changes(ID, base, [each for each in changes if each.content is None]) != tree
    assert git.with_changes(ID, base, ()) == git.tree_of(ID, base)


def test_a_patch_makes_the_very_tree_again_where_only_the_base_is_there(
    git: Git, origin: Origin, base: str, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "src/lib.rs").write_bytes(b"pub fn one() -> u32 { 1 }\r\nno end")
    (workspace / "picture.bin").write_bytes(bytes(range(256)))
    (workspace / "a b\n\xfc.rs").write_bytes(b"")
    (workspace / "link").unlink()
    (workspace / "link").symlink_to("elsewhere")
    (workspace / "run.sh").chmod(0o644)
    (workspace / "crlf.txt").unlink()
    tree = snapshot(git, workspace)
    patch = git.patch(ID, base, tree)
    other = Git(tmp_path / "other", allow_file=True)
    other.fetch(ID, origin.url, None, ref=base)
    assert other.applied(ID, base, patch) == tree
    assert other.applied(ID, base, b"") == other.tree_of(ID, base)
    with pytest.raises(UserError, match="does not fit"):
        other.applied(ID, tree, patch)


@pytest.mark.parametrize("path", ["../outside", ".git/config", "/etc/outside", "link/inside"])
def test_a_patch_that_leaves_the_tree_is_refused(git: Git, base: str, path: str) -> None:
    patch = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+evil\n"
    with pytest.raises(UserError):
        git.applied(ID, base, patch.encode())


def test_files_paths_and_history_of_a_commit_are_read(git: Git, origin: Origin) -> None:
    head = origin.commit({"notes/a b.md": b"# Notes\n"}, "Add notes\n\nWith a body.")
    git.fetch(ID, origin.url, None, ref="refs/heads/main")
    assert git.read(ID, head, "notes/a b.md") == b"# Notes\n"
    assert git.read(ID, head, "notes/none") is None
    assert git.read(ID, head, "link") is None
    assert git.read(ID, head, "notes") is None
    assert git.read_many(ID, head, ["Cargo.toml", "crlf.txt", "nowhere"]).keys() == {"Cargo.toml", "crlf.txt"}
    assert "Füße und mehr.txt" in git.paths(ID, head)
    entries = git.log(ID, head)
    assert [(entry.subject, entry.author) for entry in entries] == [("Add notes", "Ada"), ("A change", "Ada")]
    assert len(git.log(ID, head, count=1)) == 1
    assert [entry.subject for entry in git.log(ID, head, paths=["notes/a b.md", "*.toml"])] == ["Add notes"]


def test_the_newest_common_commit_of_two_histories_is_found(git: Git, origin: Origin, base: str) -> None:
    one = origin.commit({"one": b"1"})
    git.fetch(ID, origin.url, None, ref="main")
    origin.git("switch", "-q", "-c", "other", base)
    other = origin.commit({"other": b"2"})
    git.fetch(ID, origin.url, None, ref="other")
    assert git.merge_base(ID, one, other) == base


def test_paths_are_laid_over_a_tree(git: Git, origin: Origin, base: str, workspace: Path) -> None:
    (workspace / "src/lib.rs").write_bytes(b"changed\n")
    (workspace / "Cargo.lock").write_bytes(b"# generated\n")
    laid = git.overlay(ID, git.tree_of(ID, base), source=snapshot(git, workspace), paths=["Cargo.lock", "none"])
    assert [change.path for change in git.changes(ID, base, laid)] == ["Cargo.lock"]


def test_a_path_that_the_other_tree_lacks_is_gone_and_one_that_is_a_directory_there_is_refused(
    git: Git, origin: Origin, base: str, workspace: Path
) -> None:
    (workspace / "AGENTS.md").write_bytes(b"# Be brief\n")
    (workspace / "src/lib.rs").write_bytes(b"changed\n")
    laid = git.overlay(ID, snapshot(git, workspace), source=base, paths=["AGENTS.md"])
    assert [change.path for change in git.changes(ID, base, laid)] == ["src/lib.rs"]
    (workspace / "src/lib.rs").unlink()
    (workspace / "src/lib.rs").mkdir()
    (workspace / "src/lib.rs/mod.rs").write_bytes(b"\n")
    with pytest.raises(UserError):
        git.overlay(ID, snapshot(git, workspace), source=base, paths=["src/lib.rs"])


def test_two_changes_are_merged_where_they_fit_and_refused_where_they_do_not(
    git: Git, origin: Origin, base: str, workspace: Path
) -> None:
    (workspace / "kept.rs").write_bytes(b"// kept\n")
    (workspace / "src/lib.rs").write_bytes(b"// mine\n")
    kept = snapshot(git, workspace)
    apart = origin.commit({"other.rs": b"// other\n"})
    against = origin.commit({"src/lib.rs": b"// theirs\n"})
    git.fetch(ID, origin.url, None, ref="main")
    both = git.merged(ID, base=base, ours=apart, theirs=kept)
    assert both is not None
    assert git.read_many(ID, both, ["kept.rs", "src/lib.rs", "other.rs"]) == {
        "kept.rs": b"// kept\n",
        "src/lib.rs": b"// mine\n",
        "other.rs": b"// other\n",
    }
    assert git.merged(ID, base=base, ours=against, theirs=kept) is None
    assert git.merged(ID, base=base, ours=base, theirs=kept) == kept
    merge = git.merge(ID, base=base, ours=against, theirs=kept)
    assert merge.conflicts == ("src/lib.rs",)
    marked = git.read(ID, merge.tree, "src/lib.rs") or b""
    assert marked.startswith(b"<<<<<<< ") and b"// theirs\n=======\n// mine\n>>>>>>> " in marked


def test_a_history_is_asked_whether_it_holds_a_commit(git: Git, origin: Origin, base: str) -> None:
    later = origin.commit({"other.rs": b"// other\n"})
    assert not git.is_ancestor(ID, base, later)
    git.fetch(ID, origin.url, None, ref="main")
    assert git.is_ancestor(ID, base, later) and git.is_ancestor(ID, later, later)
    assert not git.is_ancestor(ID, later, base)


def test_an_identity_that_is_no_object_id_never_reaches_git(git: Git, base: str) -> None:
    for wrong in ("--help", "HEAD", base[:10], base.upper(), f"{base}:x"):
        with pytest.raises(ValueError, match="not the id"):
            git.tree_of(ID, wrong)
    with pytest.raises(GitError):
        git.tree_of(ID, "1" * 40)


# --- what is published -----------------------------------------------------------------------------------------------


def test_ignored_files_are_in_the_snapshot_but_are_not_published(git: Git, base: str, workspace: Path) -> None:
    (workspace / "Cargo.lock").write_bytes(b"# generated\n")
    (workspace / "target/debug").mkdir(parents=True)
    (workspace / "target/debug/out").write_bytes(b"binary")
    (workspace / "logs").mkdir(exist_ok=True)
    (workspace / "logs/keep.log").write_bytes(b"wanted\n")
    (workspace / "logs/drop.log").write_bytes(b"unwanted\n")
    (workspace / "tracked.log").write_bytes(b"tracked, so its change counts\n")
    (workspace / "src/target").mkdir()
    (workspace / "src/target/mod.rs").write_bytes(b"// not the root's target\n")
    (workspace / ":(glob)*.log").write_bytes(b"a name that looks like a pattern\n")
    tree = snapshot(git, workspace)
    assert {"Cargo.lock", "target/debug/out"} <= set(git.paths(ID, tree))
    published = git.publishable(ID, base=base, tree=tree)
    paths = [change.path for change in git.changes(ID, base, published)]
    assert paths == ["logs/keep.log", "src/target/mod.rs", "tracked.log"]


def test_only_the_bases_ignore_rules_count(git: Git, base: str, workspace: Path) -> None:
    (workspace / ".gitignore").write_bytes(b"src/\n")
    (workspace / "src/new.rs").write_bytes(b"// new\n")
    (workspace / "Cargo.lock").write_bytes(b"# generated\n")
    published = git.publishable(ID, base=base, tree=snapshot(git, workspace))
    assert [change.path for change in git.changes(ID, base, published)] == [".gitignore", "src/new.rs"]


def test_excluded_paths_stay_as_they_are_on_the_base(git: Git, origin: Origin, workspace: Path, base: str) -> None:
    (workspace / "generated.txt").write_bytes(b"new\n")
    (workspace / "Cargo.toml").write_bytes(b"changed\n")
    (workspace / "run.sh").unlink()
    tree = snapshot(git, workspace)
    published = git.publishable(ID, base=base, tree=tree, exclude=["generated.txt", "Cargo.toml", "run.sh", "none"])
    assert published == git.tree_of(ID, base)


def test_a_submodule_that_the_workspace_cannot_hold_is_published_unchanged(
    git: Git, origin: Origin, tmp_path: Path
) -> None:
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},vendored/thing")
    origin.git("commit", "-q", "-m", "Add a submodule")
    base = git.fetch(ID, origin.url, None, ref="main")
    workspace = tmp_path / "with submodule"
    git.export(ID, base, workspace)
    assert (workspace / "vendored/thing").is_dir()
    assert "vendored/thing" not in git.paths(ID, base)
    assert git.publishable(ID, base=base, tree=snapshot(git, workspace)) == git.tree_of(ID, base)
    (workspace / "vendored/thing/file").write_bytes(b"x")
    with pytest.raises(UserError, match="`vendored/thing` cannot become a directory"):
        git.publishable(ID, base=base, tree=snapshot(git, workspace, 2))


def test_paths_that_a_filter_keeps_elsewhere_are_found(git: Git, origin: Origin) -> None:
    attributes = {".gitattributes": b"*.psd filter=lfs\n", "raw/.gitattributes": b"*.psd -filter\n"}
    base = origin.commit({**attributes, "a.psd": b"x"})
    git.fetch(ID, origin.url, None, ref="main")
    assert git.filtered(ID, base, ["a.psd", "raw/b.psd", "deep/c.psd", "a.rs"]) == {"a.psd", "deep/c.psd"}
    assert git.filtered(ID, base, []) == frozenset()


def test_an_excluded_file_that_became_a_directory_is_told(git: Git, base: str, workspace: Path) -> None:
    (workspace / "Cargo.toml").unlink()
    (workspace / "Cargo.toml").mkdir()
    (workspace / "Cargo.toml/file").write_bytes(b"x")
    with pytest.raises(UserError, match="`Cargo.toml` cannot become a directory"):
        git.publishable(ID, base=base, tree=snapshot(git, workspace), exclude=["Cargo.toml"])


# --- snapshots on another machine, and what is kept ------------------------------------------------------------------


def test_a_packed_snapshot_comes_to_life_in_another_home(
    git: Git, origin: Origin, base: str, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "src/lib.rs").write_bytes(b"changed\n")
    (workspace / "Cargo.lock").write_bytes(b"# generated\n")
    tree = snapshot(git, workspace)
    packed = git.pack(ID, tree, base)
    assert packed == git.pack(ID, tree, base)
    elsewhere = Git(tmp_path / "second home", allow_file=True)
    assert elsewhere.fetch(ID, origin.url, None, ref=base) == base
    assert elsewhere.unpack(ID, packed) == tree
    elsewhere.keep(ID, run_id="implement-7-1-1", number=1, tree=tree)
    elsewhere.export(ID, tree, tmp_path / "there")
    assert listing(tmp_path / "there") == listing(workspace)


def test_a_pack_without_its_base_or_with_broken_bytes_is_refused(
    git: Git, base: str, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "src/lib.rs").write_bytes(b"changed\n")
    packed = git.pack(ID, snapshot(git, workspace), base)
    elsewhere = Git(tmp_path / "second home")
    with pytest.raises(GitError):
        elsewhere.unpack(ID, packed)
    with pytest.raises(GitError):
        git.unpack(ID, packed[:-5])
    with pytest.raises(ValueError, match="not the id"):
        git.unpack(ID, b"nonsense")


def test_a_pack_that_refers_to_what_is_not_there_is_refused(git: Git, origin: Origin, tmp_path: Path) -> None:
    # Two small files: too small for git to write one version as a difference from the other, so that the pack itself is whole.
    for name in listing(origin.path):
        (origin.path / name).unlink()
    base = origin.commit({"a": b"1", "b": b"1"})
    git.fetch(ID, origin.url, None, ref="main")
    git.export(ID, base, tmp_path / "small")
    (tmp_path / "small/a").write_bytes(b"2")
    packed = git.pack(ID, snapshot(git, tmp_path / "small"), base)
    with pytest.raises(GitError, match="rev-list"):
        Git(tmp_path / "second home").unpack(ID, packed)


def test_a_kept_snapshot_survives_clean_up_and_a_forgotten_run_has_no_refs(
    git: Git, base: str, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "src/lib.rs").write_bytes(b"changed\n")
    tree = snapshot(git, workspace)
    git.maintain(ID)
    assert git.has(ID, tree)
    git.forget(ID, "implement-7-1-1")
    git.forget(ID, "implement-7-1-1")
    refs = subprocess.run(
        ["git", "--git-dir", tmp_path / f"home/clones/{ID}.git", "for-each-ref", "refs/rfcsmith"],
        capture_output=True,
        check=True,
    )
    assert refs.stdout == b""


def test_a_removed_clone_is_gone_and_can_be_fetched_again(git: Git, origin: Origin, base: str, tmp_path: Path) -> None:
    git.remove(ID)
    git.remove(ID)
    assert not (tmp_path / f"home/clones/{ID}.git").exists()
    assert not git.has(ID, base)
    assert git.fetch(ID, origin.url, None, ref="main") == base


# --- bounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        (Bounds(files=5), "more than 5 files"),
        (Bounds(bytes=100), "more than 100 bytes"),
        (Bounds(new_bytes=2999), "more than 2999 new bytes"),
    ],
)
def test_a_workspace_beyond_its_bounds_is_refused(git: Git, workspace: Path, bounds: Bounds, sentence: str) -> None:
    (workspace / "new").write_bytes(b"n" * 3000)
    with pytest.raises(UserError, match=sentence):
        snapshot(git, workspace, bounds=bounds)


def test_a_sparse_giant_is_refused_by_its_size_without_being_read(git: Git, workspace: Path) -> None:
    with open(workspace / "giant", "wb") as file:
        file.truncate(2**42)
    with pytest.raises(UserError, match="more than"):
        snapshot(git, workspace)


def test_endless_nesting_is_refused(git: Git, workspace: Path) -> None:
    directory = os.open(workspace, os.O_RDONLY)
    for _ in range(150):
        os.mkdir("d", dir_fd=directory)
        deeper = os.open("d", os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = deeper
    os.close(directory)
    with pytest.raises(UserError, match="nested"):
        snapshot(git, workspace)


def test_a_cargo_target_directory_inside_the_workspace_is_left_out(git: Git, base: str, workspace: Path) -> None:
    target = workspace / "build-output"
    target.mkdir()
    (target / "CACHEDIR.TAG").write_bytes(b"Signature: 8a477f597d28d172789f06886806bc55\n# cargo\n")
    (target / "big.rlib").write_bytes(b"x" * 100_000)
    assert snapshot(git, workspace) == git.tree_of(ID, base)


# --- attacks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """A file that exists if something in the workspace managed to run on the host; checked after the test."""
    marker = tmp_path / "it-ran"
    yield marker
    assert not marker.exists()


def evil_config(marker: Path) -> str:
    run = f"touch {marker}"
    return f"""
[core]
    fsmonitor = {run}
    hooksPath = hooks
    sshCommand = {run}
    editor = {run}
    worktree = /
    attributesFile = /dev/null
[filter "evil"]
    clean = {run}
    smudge = {run}
    process = {run}
    required = true
[diff]
    external = {run}
[diff "evil"]
    textconv = {run}
    command = {run}
[gpg]
    program = {run}
[commit]
    gpgSign = true
[protocol "ext"]
    allow = always
"""


def plant_repository(directory: Path, marker: Path) -> None:
    """A valid repository in `directory` whose configuration and hooks run a command at every opportunity."""
    planted = Origin(directory)
    planted.git("init", "-q")
    planted.git("commit", "-q", "--allow-empty", "-m", "evil")
    with open(directory / ".git/config", "a", encoding="utf-8") as file:
        file.write(evil_config(marker))
    hooks = directory / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "post-checkout", "post-index-change", "pre-push", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (hooks / name).chmod(0o755)


@pytest.mark.parametrize("victim", ["status", "diff"])
def test_the_planted_repository_does_run_for_a_git_that_trusts_it(tmp_path: Path, victim: str) -> None:
    (tmp_path / "trap").mkdir()
    plant_repository(tmp_path / "trap", tmp_path / "it-did-run")
    (tmp_path / "trap/.git/config").write_text(evil_config(tmp_path / "it-did-run").replace("worktree = /", ""))
    command = ["git", "-C", tmp_path / "trap", victim]
    subprocess.run(command, capture_output=True, env={"PATH": "/usr/local/bin:/usr/bin:/bin"})
    assert (tmp_path / "it-did-run").exists()


def whole_round(git: Git, base: str, workspace: Path) -> str:
    """Everything that the host does with a workspace; returns the published tree."""
    tree = snapshot(git, workspace)
    published = git.publishable(ID, base=base, tree=tree)
    git.changes(ID, base, published)
    git.diff(ID, base, published)
    git.diff_stat(ID, base, published)
    git.filtered(ID, published, git.paths(ID, published))
    git.restore(ID, git.tree_of(ID, base), workspace)
    git.restore(ID, tree, workspace)
    git.pack(ID, tree, base)
    return published


def test_an_evil_repository_at_the_top_runs_nothing_and_is_no_content(
    git: Git, base: str, workspace: Path, marker: Path
) -> None:
    plant_repository(workspace, marker)
    (workspace / ".gitattributes").write_bytes(b"* filter=evil diff=evil text=auto\n")
    (workspace / "src/lib.rs").write_bytes(b"changed\r\n")
    published = whole_round(git, base, workspace)
    changes = {change.path: change.content for change in git.changes(ID, base, published)}
    assert changes == {".gitattributes": b"* filter=evil diff=evil text=auto\n", "src/lib.rs": b"changed\r\n"}
    assert (workspace / ".git").is_dir()


def test_a_nested_repository_hides_nothing_and_runs_nothing(git: Git, base: str, workspace: Path, marker: Path) -> None:
    plant_repository(workspace / "src", marker)
    (workspace / "src/hidden.rs").write_bytes(b"// seen\n")
    published = whole_round(git, base, workspace)
    changes = git.changes(ID, base, published)
    assert [(change.path, change.mode) for change in changes] == [("src/hidden.rs", FileMode.FILE)]
    assert not (workspace / "src/.git").exists()


@pytest.mark.parametrize("place", [".git", "src/.git", "src/.GIT", "git~1", ".g\u200dit", ".git. ", ".git::$INDEX"])
def test_a_file_that_poses_as_git_is_no_content(
    git: Git, base: str, workspace: Path, marker: Path, tmp_path: Path, place: str
) -> None:
    evil = tmp_path / "evil"
    evil.mkdir()
    plant_repository(evil, marker)
    (workspace / place).write_text(f"gitdir: {evil}/.git\n")
    assert whole_round(git, base, workspace) == git.tree_of(ID, base)


def test_links_are_kept_as_links_and_never_followed(git: Git, base: str, workspace: Path, tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    secret.mkdir()
    (secret / "lib.rs").write_bytes(b"secret\n")
    (secret / "mod.rs").write_bytes(b"secret\n")
    tree = snapshot(git, workspace)
    shutil.rmtree(workspace / "src")
    (workspace / "src").symlink_to(secret)
    (workspace / "Cargo.toml").unlink()
    (workspace / "Cargo.toml").symlink_to(secret / "lib.rs")
    (workspace / "loop").symlink_to("loop")
    with_links = snapshot(git, workspace, 2)
    changes = {change.path: change for change in git.changes(ID, base, with_links)}
    assert changes["src"].content == os.fsencode(secret)
    assert changes["Cargo.toml"].content == os.fsencode(secret / "lib.rs")
    assert not any(b"secret\n" in (change.content or b"") for change in changes.values())
    git.restore(ID, tree, workspace)
    assert not (workspace / "src").is_symlink()
    assert (workspace / "src/lib.rs").read_bytes() == BASE["src/lib.rs"]
    assert listing(secret) == {"lib.rs": ("file", b"secret\n"), "mod.rs": ("file", b"secret\n")}


def test_a_workspace_that_itself_became_a_link_is_refused(git: Git, base: str, workspace: Path, tmp_path: Path) -> None:
    workspace.rename(tmp_path / "moved")
    workspace.symlink_to(tmp_path / "origin")
    before = listing(tmp_path / "origin")
    with pytest.raises(OSError, match="Not a directory|Too many levels"):
        snapshot(git, workspace)
    with pytest.raises(OSError, match="Not a directory|Too many levels"):
        git.restore(ID, git.tree_of(ID, base), workspace)
    assert listing(tmp_path / "origin") == before


def test_pipes_sockets_and_devices_neither_block_nor_count(git: Git, base: str, workspace: Path) -> None:
    os.mkfifo(workspace / "pipe")
    os.mkfifo(workspace / "src/CACHEDIR.TAG")
    if os.geteuid() == 0:
        os.mknod(workspace / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    assert whole_round(git, base, workspace) == git.tree_of(ID, base)
    assert not (workspace / "pipe").exists()


def test_a_committed_tree_with_a_git_directory_in_it_is_not_written(git: Git, origin: Origin, tmp_path: Path) -> None:
    blob = origin.git("hash-object", "-w", "--stdin", stdin=b"evil\n")
    inner = origin.git("mktree", stdin=f"100644 blob {blob}\tconfig\n".encode())
    tree = origin.git("mktree", stdin=f"040000 tree {inner}\t.git\n".encode())
    commit = origin.git("commit-tree", tree, "-m", "evil")
    origin.git("branch", "evil", commit)
    git.fetch(ID, origin.url, None, ref="evil")
    with pytest.raises(UserError, match=r"\.git/config"):
        git.export(ID, commit, tmp_path / "target of evil")


def test_ignore_rules_that_are_a_link_are_not_read(git: Git, origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("*.rs\n")
    (origin.path / ".gitignore").unlink()
    (origin.path / ".gitignore").symlink_to(tmp_path / "rules")
    base = origin.commit()
    git.fetch(ID, origin.url, None, ref="main")
    workspace = tmp_path / "linked"
    git.export(ID, base, workspace)
    (workspace / "src/new.rs").write_bytes(b"// new\n")
    published = git.publishable(ID, base=base, tree=snapshot(git, workspace))
    assert [change.path for change in git.changes(ID, base, published)] == ["src/new.rs"]


# --- fetching, and the token -----------------------------------------------------------------------------------------


def test_fetching_is_incremental_and_follows_a_forced_branch(git: Git, origin: Origin, base: str) -> None:
    second = origin.commit({"two": b"2"})
    assert git.fetch(ID, origin.url, None, ref="main") == second
    origin.git("reset", "-q", "--hard", base)
    third = origin.commit({"three": b"3"})
    assert git.fetch(ID, origin.url, None, ref="main") == third
    assert git.fetch(ID, origin.url, None, ref=second) == second


def test_a_branch_may_become_a_folder_of_branches(git: Git, origin: Origin, base: str) -> None:
    origin.git("branch", "topic")
    assert git.fetch(ID, origin.url, None, ref="topic") == base
    origin.git("branch", "-D", "topic")
    origin.git("branch", "topic/one")
    assert git.fetch(ID, origin.url, None, ref="topic/one") == base


def test_a_branch_that_is_not_there_is_told(git: Git, origin: Origin) -> None:
    with pytest.raises(UserError, match="no branch `nowhere`"):
        git.fetch(ID, origin.url, None, ref="nowhere")


@pytest.mark.parametrize("ref", ["--upload-pack=touch x", "a b", "a..b", "a:b", "+main", "x\ny", "a*"])
def test_a_ref_that_git_would_understand_otherwise_is_refused(git: Git, origin: Origin, ref: str) -> None:
    with pytest.raises(UserError):
        git.fetch(ID, origin.url, None, ref=ref)


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c true", "ssh://example.org/x", "/etc", "--upload-pack=x", "https://user@example.org/x", "git@x:y"],
)
def test_an_address_that_is_not_plain_https_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError, match="clone address"):
        Git(tmp_path).fetch(ID, url, None, ref="main")


def test_a_token_is_not_sent_in_the_clear_to_another_machine(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="http://"):
        Git(tmp_path).fetch(ID, "http://example.org/x", TOKEN, ref="main")


def test_eight_threads_may_fetch_the_same_repository(tmp_path: Path, origin: Origin) -> None:
    head = origin.git("rev-parse", "HEAD")

    def fetch(_: int) -> str:
        return Git(tmp_path / "home", allow_file=True).fetch(ID, origin.url, None, ref="main")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(fetch, range(8))) == {head}


@dataclass
class SmartServer:
    """A git server over HTTP that wants the token and, while a fetch goes on, looks at the processes of this machine."""

    root: Path
    status: int = 0
    location: str = ""
    seen: list[str] = field(default_factory=list)
    command_lines: list[bytes] = field(default_factory=list)
    url: str = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *arguments: object) -> None:
                pass

            def answer(self) -> None:
                server.seen.append(self.headers.get("Authorization", ""))
                for process in Path("/proc").glob("[0-9]*/cmdline"):
                    try:
                        server.command_lines.append(process.read_bytes())
                    except OSError:
                        continue
                if server.status:
                    self.send_response(server.status)
                    if server.location:
                        self.send_header("Location", server.location + self.path)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                wanted = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
                if self.headers.get("Authorization") != wanted:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", "Basic")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.backend()

            do_GET = do_POST = answer

            def backend(self) -> None:
                path, _, query = self.path.partition("?")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                environment = {
                    "PATH": "/usr/local/bin:/usr/bin:/bin",
                    "GIT_PROJECT_ROOT": str(server.root),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "GIT_CONFIG_COUNT": "1",
                    "GIT_CONFIG_KEY_0": "safe.directory",
                    "GIT_CONFIG_VALUE_0": "*",
                }
                command = ["git", "http-backend"]
                answer = subprocess.run(command, env=environment, input=body, capture_output=True, check=True).stdout
                head, _, content = answer.partition(b"\r\n\r\n")
                self.send_response(200)
                for line in head.decode().split("\r\n"):
                    name, _, value = line.partition(": ")
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        return Handler


@contextmanager
def served(server: SmartServer, context: ssl.SSLContext | None = None) -> Iterator[SmartServer]:
    listener = ThreadingHTTPServer(("127.0.0.1", 0), server.handler())
    if context is not None:
        listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    server.url = f"{'https' if context else 'http'}://localhost:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


@pytest.fixture
def smart_server(origin: Origin) -> Iterator[SmartServer]:
    with served(SmartServer(origin.path.parent)) as server:
        yield server


def test_the_token_opens_the_door_and_is_left_nowhere(
    smart_server: SmartServer, origin: Origin, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    head = Git(home).fetch(ID, f"{smart_server.url}/origin/.git", TOKEN, ref="main")
    assert head == origin.git("rev-parse", "HEAD")
    basic = base64.b64encode(f"x-access-token:{TOKEN}".encode())
    commands = b"\n".join(smart_server.command_lines)
    assert b"fetch" in commands
    written = b"\n".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    for secret in (TOKEN.encode(), basic):
        assert secret not in commands
        assert secret not in written


def test_a_complaint_of_gits_is_told_without_token_header_or_user() -> None:
    basic = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    complaint = f"https://x-access-token:{TOKEN}@example.org/x Authorization: Basic {basic} bearer {TOKEN} {basic}"
    told = Remote("https://example.org/x", TOKEN).redact(complaint)
    assert TOKEN not in told
    assert basic not in told
    assert "https://***@example.org/x" in told
    assert TOKEN not in repr(Remote("https://example.org/x", TOKEN))


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, UserError), (403, UserError), (401, GitHubUnavailable), (500, GitHubUnavailable), (429, GitHubUnavailable)],
)
def test_a_refused_fetch_is_told_without_the_token(
    smart_server: SmartServer, tmp_path: Path, status: int, error: type[Exception]
) -> None:
    smart_server.status = status
    with pytest.raises(error) as caught:
        Git(tmp_path / "home").fetch(ID, f"{smart_server.url}/origin/.git", TOKEN, ref="main")
    told = f"{caught.value!r} {caught.value}"
    assert TOKEN not in told
    assert base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode() not in told


def test_a_redirect_does_not_take_the_token_to_another_host(
    smart_server: SmartServer, origin: Origin, tmp_path: Path
) -> None:
    with served(SmartServer(origin.path.parent)) as elsewhere:
        smart_server.status, smart_server.location = 302, elsewhere.url.replace("localhost", "127.0.0.1")
        with pytest.raises(GitHubUnavailable):
            Git(tmp_path / "home").fetch(ID, f"{smart_server.url}/origin/.git", TOKEN, ref="main")
    assert elsewhere.seen == []


def test_locks_that_a_dead_machine_left_behind_do_not_matter(
    git: Git, origin: Origin, base: str, workspace: Path, tmp_path: Path
) -> None:
    clone = tmp_path / f"home/clones/{ID}.git"
    snapshot(git, workspace)
    refs = [path for path in (clone / "refs").rglob("*") if path.is_file()]
    assert len(refs) == 2
    for ref in refs:
        ref.with_name(f"{ref.name}.lock").touch()
    second = origin.commit({"two": b"2"})
    assert git.fetch(ID, origin.url, None, ref="main") == second
    assert snapshot(git, workspace) == git.tree_of(ID, base)


@pytest.mark.parametrize("is_trusted", [True, False])
def test_the_machines_own_certificates_are_what_https_goes_by(origin: Origin, tmp_path: Path, is_trusted: bool) -> None:
    key = generate_private_key(65537, 2048)
    name = Name([NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    builder = builder.add_extension(SubjectAlternativeName([DNSName("localhost")]), critical=False)
    certificate = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    (tmp_path / "ca.pem").write_bytes(certificate)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "both.pem").write_bytes(certificate + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    server = SmartServer(origin.path.parent)
    with served(server, context):
        git = Git(tmp_path / "home", ca_bundle=tmp_path / "ca.pem" if is_trusted else None)
        if is_trusted:
            assert git.fetch(ID, f"{server.url}/origin/.git", TOKEN, ref="main") == origin.git("rev-parse", "HEAD")
        else:
            with pytest.raises(GitHubUnavailable, match="(?i)certificate"):
                git.fetch(ID, f"{server.url}/origin/.git", TOKEN, ref="main")
            assert server.seen == []


def test_a_service_that_is_not_there_may_be_asked_again(tmp_path: Path) -> None:
    with pytest.raises(GitHubUnavailable):
        Git(tmp_path).fetch(ID, "http://127.0.0.1:9/x", TOKEN, ref="main")
