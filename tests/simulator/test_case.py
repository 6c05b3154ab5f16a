"""Reading cases, bringing their code, and the trees they consist of."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from simulator.case import CaseError, bring, load
from simulator.crates import CrateError, crate, pair, with_version
from simulator.trees import EXECUTABLE, SYMLINK, File, TreeError, changed, patched, read, unpack, write

ISSUE = {"title": "Shout", "body": "Add `shout()`."}
TREE = {"Cargo.toml": File(b'[package]\nname = "x"\n'), "src/lib.rs": File(b"pub fn a() {}\n")}
PATCH = "--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1 +1,2 @@\n pub fn a() {}\n+pub fn shout() {}\n"


def case_folder(folder: Path, **more: Any) -> Path:
    data = {"name": "x", "issue": ISSUE, "criteria": [], "red_green": ["a"], **more}
    (folder / "case.json").write_text(json.dumps(data))
    return folder


def archive(tree: dict[str, File], top: str = "") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for path, file in tree.items():
            member = tarfile.TarInfo(top + path)
            member.size, member.mode = len(file.data), 0o755 if file.mode == EXECUTABLE else 0o644
            tar.addfile(member, io.BytesIO(file.data))
    return stream.getvalue()


def test_a_case_is_read_with_everything_it_says(tmp_path: Path) -> None:
    folder = case_folder(
        tmp_path,
        criteria=[{"id": "AC-1", "text": "It shouts.", "tests": ["lib::tests::it_shouts"]}],
        review=[{"path": "src/lib.rs", "anchor": "shout", "body": "Louder."}],
        crate="shlex",
        base="1.2.0",
        head="1.3.0",
    )
    case = load(folder)
    assert (case.name, case.title, case.red_green) == ("x", "Shout", ("a",))
    assert case.criteria[0].tests == ("lib::tests::it_shouts",)
    assert case.review[0].anchor == "shout"
    assert case.source == {"crate": "shlex", "base": "1.2.0", "head": "1.3.0"}


def test_a_source_may_be_nested(tmp_path: Path) -> None:
    folder = case_folder(tmp_path, source={"crate": "shlex", "base": "1.2.0", "head": "1.3.0"})
    assert load(folder / "case.json").source["crate"] == "shlex"


def test_a_folder_without_a_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["nonsense", "{}", '{"issue": []}'])
def test_what_is_no_case_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "case.json").write_text(text)
    with pytest.raises(CaseError):
        load(tmp_path)


def test_an_archive_and_a_patch_make_two_trees(tmp_path: Path) -> None:
    (tmp_path / "base.tar.gz").write_bytes(archive(TREE, "x-1.0/"))
    (tmp_path / "gold.patch").write_text(PATCH)
    trees = bring(load(case_folder(tmp_path, base="base.tar.gz", gold="gold.patch")))
    assert trees.changed == ["src/lib.rs"]
    assert trees.gold["src/lib.rs"].data.endswith(b"pub fn shout() {}\n")


def test_a_patch_that_does_not_apply_is_told(tmp_path: Path) -> None:
    (tmp_path / "base.tar.gz").write_bytes(archive({**TREE, "src/lib.rs": File(b"other\n")}))
    (tmp_path / "gold.patch").write_text(PATCH)
    with pytest.raises(CaseError, match="does not apply"):
        bring(load(case_folder(tmp_path, base="base.tar.gz", gold="gold.patch")))


def test_modes_links_and_bytes_survive_the_disk(tmp_path: Path) -> None:
    tree = {
        "run.sh": File(b"#!/bin/sh\n", EXECUTABLE),
        "b": File(b"\0\xff"),
        "link": File(b"b", SYMLINK),
        "d/e": File(b""),
    }
    write(tree, tmp_path / "t")
    assert read(tmp_path / "t") == tree


def test_a_patch_may_touch_ignored_files(tmp_path: Path) -> None:
    (tmp_path / "p.patch").write_text(PATCH)
    tree = {**TREE, ".gitignore": File(b"src/\n")}
    assert changed(tree, patched(tree, tmp_path / "p.patch")) == ["src/lib.rs"]


def test_an_archive_that_leaves_its_folder_is_refused() -> None:
    with pytest.raises(TreeError, match="outside"):
        unpack(archive({"../evil": File(b"")}))


def test_the_version_is_put_back_only_where_it_is_the_packages_own() -> None:
    manifest = b'[package]\nname = "x"\nversion = "1.1.0"\n\n[dependencies.y]\nversion = "1.1.0"\n'
    lock = b'[[package]]\nname = "x"\nversion = "1.1.0"\n\n[[package]]\nname = "y"\nversion = "1.1.0"\n'
    tree = with_version({"Cargo.toml": File(manifest), "Cargo.lock": File(lock)}, "x", "1.1.0", "1.0.0")
    assert tree["Cargo.toml"].data == manifest.replace(b"1.1.0", b"1.0.0", 1)
    assert tree["Cargo.lock"].data == lock.replace(b"1.1.0", b"1.0.0", 1)


def test_only_exact_versions_are_brought(tmp_path: Path) -> None:
    for name, version in (("shlex", "1"), ("../x", "1.0.0"), ("shlex", "1.0.0/..")):
        with pytest.raises(CrateError, match="exact version"):
            crate(name, version, tmp_path)


@pytest.mark.registry
def test_a_published_crate_is_brought_once(tmp_path: Path) -> None:
    base, head = pair("shlex", "1.2.0", "1.2.1", tmp_path)
    assert "src/lib.rs" in base
    assert not {".cargo_vcs_info.json", "Cargo.toml.orig"} & (base.keys() | head.keys())
    assert b'version = "1.2.0"' in head["Cargo.toml"].data
    assert sorted(each.name for each in tmp_path.iterdir()) == ["shlex-1.2.0.crate", "shlex-1.2.1.crate"]
    assert pair("shlex", "1.2.0", "1.2.1", tmp_path) == (base, head)


@pytest.mark.registry
def test_a_version_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(CrateError, match="cannot be brought"):
        crate("shlex", "99.0.0", tmp_path)
