"""What is never published."""

from __future__ import annotations

import pytest

from bot.domain import FileChange, FileMode
from bot.errors import UserError
from bot.policy import MAX_BYTES, MAX_FILES, holds_rules, refuse


def change(path: str, content: bytes | None = b"x", mode: FileMode | None = FileMode.FILE) -> FileChange:
    return FileChange(path, mode, content, None if content is None else "a" * 40)


def test_ordinary_changes_pass() -> None:
    refuse(
        [
            change("src/lib.rs"),
            change("old.rs", None, None),
            change("run me.sh", b"#!", FileMode.EXECUTABLE),
            change(".github/CODEOWNERS"),
            change("docs/workflows/x.yml"),
            change(".gitattributes", b"*.rs text diff=rust\n"),
            change("Füße.txt"),
        ]
    )


@pytest.mark.parametrize("path", [".github/workflows/ci.yml", ".GitHub/Workflows/ci.yml", ".github/workflows/a/b"])
@pytest.mark.parametrize("content", [b"on: push", None])
def test_workflows_are_refused_unless_the_repository_allows_them(path: str, content: bytes | None) -> None:
    changes = [change(path, content, None if content is None else FileMode.FILE)]
    with pytest.raises(UserError, match="workflow of GitHub Actions"):
        refuse(changes)
    refuse(changes, may_touch_workflows=True)


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (change(".gitmodules", None, None), "submodules"),
        (FileChange("vendored", FileMode.SUBMODULE, None, "a" * 40), "submodules"),
        (change("big.psd", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), "Git LFS"),
        (change("assets/.gitattributes", b"*.psd filter=lfs diff=lfs\n"), "names a filter"),
        (change("bad\udcff.rs"), "not plain text"),
        (change("bad\nname.rs"), "not plain text"),
        (change("bad\u202ename.rs"), "not plain text"),
    ],
)
def test_what_github_or_a_reader_could_not_follow_is_refused(refused: FileChange, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        refuse([refused])
    assert "\n" not in caught.value.message
    caught.value.message.encode()


def test_a_path_under_a_filter_is_refused() -> None:
    with pytest.raises(UserError, match=r"`a.psd` is kept by a filter"):
        refuse([change("a.psd"), change("a.rs")], filtered={"a.psd"})


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("link", b"src/lib.rs"),
        ("a/b/link", b"../../README.md"),
        ("a/link", b"./.././x"),
        ("a/link", b".."),
        ("link", b"..hidden/x"),
    ],
)
def test_a_link_inside_the_tree_passes(path: str, target: bytes) -> None:
    refuse([change(path, target, FileMode.SYMLINK)])


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("link", b"/etc/passwd"),
        ("link", b".."),
        ("a/link", b"../../x"),
        ("a/link", b"up/../../x"),
        ("link", b"a/../x"),
        ("link", b".git/config"),
        ("link", b".GIT/config"),
        ("link", b""),
    ],
)
def test_a_link_that_could_leave_the_tree_is_refused(path: str, target: bytes) -> None:
    with pytest.raises(UserError, match="leaves the repository"):
        refuse([change(path, target, FileMode.SYMLINK)])


def test_too_many_files_are_refused() -> None:
    refuse([change(f"f{number}") for number in range(MAX_FILES)])
    with pytest.raises(UserError, match="1001 files"):
        refuse([change(f"f{number}") for number in range(MAX_FILES + 1)])


def test_too_many_bytes_are_refused() -> None:
    half = bytes(MAX_BYTES // 2)
    refuse([change("one", half), change("two", half)])
    with pytest.raises(UserError, match="bytes"):
        refuse([change("one", half), change("two", half), change("three", b"x")])


def test_of_many_complaints_some_are_told_and_the_rest_counted() -> None:
    with pytest.raises(UserError) as caught:
        refuse([change(f".github/workflows/{number}.yml") for number in range(9)])
    assert caught.value.message.count("is a workflow") == 5
    assert "and 4 more" in caught.value.message


@pytest.mark.parametrize("path", ["AGENTS.md", "crates/a/AGENTS.md", "claude.md", ".github/copilot-instructions.md"])
def test_files_that_tell_agents_how_to_work_are_known(path: str) -> None:
    assert holds_rules(path)


@pytest.mark.parametrize("path", ["README.md", "AGENTS.md.txt", "agents/a.md", "copilot-instructions.md"])
def test_other_files_hold_no_rules(path: str) -> None:
    assert not holds_rules(path)
