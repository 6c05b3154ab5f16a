"""The host's way to a workspace's files; what links do is in test_attacks.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.sandbox.workspace import WorkspaceFiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    root.mkdir()
    return root


@pytest.fixture
def files(root: Path) -> WorkspaceFiles:
    return WorkspaceFiles(root, largest=1000)


def test_what_was_written_is_read_listed_and_removed(files: WorkspaceFiles) -> None:
    files.write("src/lib.rs", b"pub fn one() {}\n")
    files.write("README.md", b"")
    assert files.read("src/lib.rs") == b"pub fn one() {}\n"
    assert files.read("/workspace/src/./lib.rs") == b"pub fn one() {}\n"
    assert files.list() == ("README.md", "src/")
    assert files.list("/workspace/src") == ("lib.rs",)
    assert files.exists("src")
    files.remove("src/lib.rs")
    assert not files.exists("src/lib.rs")


@pytest.mark.parametrize("path", ["../x", "src/../../x", "/etc/passwd", "/workspace/../etc/passwd", "/workspacex/y"])
def test_no_path_leads_out(files: WorkspaceFiles, path: str) -> None:
    with pytest.raises(PermissionError):
        files.read(path)
    with pytest.raises(PermissionError):
        files.write(path, b"")


def test_failures_say_in_words_what_is_wrong(files: WorkspaceFiles) -> None:
    files.write("src/lib.rs", b"")
    with pytest.raises(FileNotFoundError, match="it does not exist"):
        files.read("src/main.rs")
    with pytest.raises(FileNotFoundError, match="it does not exist"):
        files.read("nowhere/main.rs")
    with pytest.raises(IsADirectoryError, match="it is a directory"):
        files.read("src")
    with pytest.raises(IsADirectoryError, match="it is a directory"):
        files.write("src", b"")
    with pytest.raises(IsADirectoryError, match="the workspace itself"):
        files.write(".", b"")
    with pytest.raises(NotADirectoryError, match="no directory"):
        files.read("src/lib.rs/x")
    with pytest.raises(OSError, match="NUL"):
        files.read("src\0")
    with pytest.raises(OSError, match="larger than 1000 bytes"):
        files.write("large", bytes(1001))


def test_a_file_that_grew_too_large_is_not_read(files: WorkspaceFiles, root: Path) -> None:
    (root / "large").write_bytes(bytes(1001))
    with pytest.raises(OSError, match="larger than 1000 bytes"):
        files.read("large")


def test_a_failed_write_leaves_the_old_content_and_nothing_else(files: WorkspaceFiles, root: Path) -> None:
    files.write("file", b"old")
    os.mkfifo(root / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        files.write("pipe", b"new")
    assert files.list() == ("file", "pipe")
    assert files.read("file") == b"old"


def test_a_link_is_listed_and_can_be_removed_but_not_read(files: WorkspaceFiles, root: Path) -> None:
    files.write("file", b"content")
    (root / "link").symlink_to("file")
    assert files.list() == ("file", "link")
    with pytest.raises(OSError, match="symbolic link"):
        files.read("link")
    files.remove("link")
    assert files.read("file") == b"content"
