"""Which files must be newer than build output that was made of others."""

from __future__ import annotations

from bot.rust.freshness import outdated, package_of

BUILT = {
    "Cargo.toml": "1",
    "README.md": "1",
    "app/Cargo.toml": "1",
    "app/src/main.rs": "1",
    "app/sql/get.sql": "1",
    "base/Cargo.toml": "1",
    "base/src/lib.rs": "1",
    "base/src/deep/one.rs": "1",
}


def test_nothing_is_outdated_where_nothing_differs() -> None:
    assert outdated(BUILT, BUILT) == frozenset()


def test_a_changed_file_outdates_its_package_and_no_other() -> None:
    # A macro may have read the file without saying so: its package is built anew, whatever cargo knows.
    found = outdated(BUILT, BUILT | {"app/sql/get.sql": "2"})
    assert found == {"app", "app/sql", "app/Cargo.toml", "app/src/main.rs", "app/sql/get.sql"}


def test_a_deleted_file_outdates_its_package_and_the_directories_that_it_was_in() -> None:
    left = {path: identity for path, identity in BUILT.items() if path != "base/src/deep/one.rs"}
    assert outdated(BUILT, left) == {"base", "base/src", "base/src/deep", "base/Cargo.toml", "base/src/lib.rs"}


def test_a_file_outside_of_every_member_outdates_the_root_alone() -> None:
    assert outdated(BUILT, BUILT | {"README.md": "2"}) == {"README.md", "Cargo.toml"}


def test_a_package_that_moved_in_under_another_name_is_outdated() -> None:
    moved = {path.replace("app/", "cli/"): identity for path, identity in BUILT.items()}
    assert {path for path in moved if path.startswith("cli/")} <= outdated(BUILT, moved)
    assert "base/src/lib.rs" not in outdated(BUILT, moved)


def test_a_changed_mode_is_a_change() -> None:
    assert "base/src/lib.rs" in outdated({"base/src/lib.rs": "100644 a"}, {"base/src/lib.rs": "100755 a"})


def test_a_file_belongs_to_the_nearest_manifest_above_it() -> None:
    assert package_of("a/b/src/lib.rs", {"", "a", "a/b"}) == "a/b"
    assert package_of("a/c/src/lib.rs", {"", "a", "a/b"}) == "a"
    assert package_of("x/y", set()) == ""
