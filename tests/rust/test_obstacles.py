"""What keeps a repository from being built in a sandbox is told before any work starts, and nothing else is."""

from __future__ import annotations

import pytest

from bot.rust.obstacles import (
    debian_packages,
    kept_by_lfs,
    lfs_patterns,
    needed_lfs_file,
    needed_submodule,
    other_toolchain,
    pinned_toolchain,
    private_dependency,
    submodules,
)

GITMODULES = (
    '[submodule "corpus"]\n\tpath = tests/corpus\n\turl = ../corpus\n[submodule "core"]\n    path = vendor/core\n'
)


def test_submodules_are_read_as_git_writes_them() -> None:
    assert submodules(GITMODULES) == ("tests/corpus", "vendor/core")
    assert submodules("no ini file") == ()


@pytest.mark.parametrize(
    "manifest",
    [
        '[dependencies]\ncore = { path = "vendor/core" }\n',
        '[dependencies]\ncore = { path = "./vendor/core/crates/inner" }\n',
        '[workspace]\nmembers = ["a", "vendor/core/*"]\n',
        '[target."cfg(unix)".dev-dependencies]\ncore = { path = "vendor/core" }\n',
        '[patch.crates-io]\ncore = { path = "vendor/core" }\n',
        '[workspace.dependencies]\ncore = { path = "vendor/core" }\n',
    ],
)
def test_a_submodule_that_cargo_needs_is_told_with_the_manifest_that_leads_there(manifest: str) -> None:
    found = needed_submodule({".gitmodules": GITMODULES, "Cargo.toml": manifest})
    assert found is not None
    assert found.message.startswith("`Cargo.toml` leads into `vendor/core`, which is a git submodule")


def test_a_submodule_that_cargo_does_not_need_is_no_obstacle() -> None:
    manifest = '[dependencies]\ncore = { path = "vendor/core-2" }\n'
    assert needed_submodule({".gitmodules": GITMODULES, "Cargo.toml": manifest}) is None
    assert needed_submodule({"Cargo.toml": '[dependencies]\ncore = { path = "vendor/core" }\n'}) is None


def test_patterns_of_lfs_count_from_their_folder() -> None:
    patterns = lfs_patterns(
        {".gitattributes": "*.bin filter=lfs diff=lfs\n*.txt text\n", "data/.gitattributes": "/x filter=lfs\n"}
    )
    assert patterns == ("*.bin", "data/x")
    assert kept_by_lfs("a/b/model.bin", patterns) and kept_by_lfs("data/x", patterns)
    assert not kept_by_lfs("a/b/model.txt", patterns) and not kept_by_lfs("x", patterns)


def test_a_pointer_is_an_obstacle_only_where_the_code_names_it() -> None:
    sources = {"src/lib.rs": 'static MODEL: &[u8] = include_bytes!("../assets/model.bin");'}
    found = needed_lfs_file(["assets/model.bin"], sources)
    assert found is not None and "`assets/model.bin` is kept by Git LFS" in found.message
    assert needed_lfs_file(["docs/picture.png"], sources) is None
    assert needed_lfs_file(["src/tables.rs"], sources) is not None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Cargo.toml", '[dependencies]\nsecret = { git = "ssh://git@example.org/a/secret.git" }\n'),
        (
            "a/Cargo.toml",
            '[target."cfg(unix)".build-dependencies]\nsecret = { git = "git@example.org:a/secret.git" }\n',
        ),
        ("Cargo.toml", '[workspace.dependencies]\nsecret = { git = "ssh://git@example.org/a/secret.git" }\n'),
        (
            "Cargo.lock",
            '[[package]]\nname = "secret"\nversion = "1.0.0"\nsource = "git+ssh://git@example.org/a.git#1"\n',
        ),
    ],
)
def test_a_dependency_behind_a_key_is_told_by_name(path: str, text: str) -> None:
    found = private_dependency({path: text})
    assert found is not None and found.message.startswith(f"`{path}` takes `secret` from `")


def test_dependencies_from_public_places_are_no_obstacle() -> None:
    manifest = '[dependencies]\nopen = { git = "https://example.org/a/open.git" }\nserde = "1"\n'
    lock = '[[package]]\nname = "open"\nsource = "git+https://example.org/a/open.git#1"\n'
    assert private_dependency({"Cargo.toml": manifest, "Cargo.lock": lock}) is None


def test_a_toolchain_other_than_the_pinned_one_is_told() -> None:
    assert pinned_toolchain({"rust-toolchain": "1.70.0\n", "rust-toolchain.toml": ""}) == ("rust-toolchain", "1.70.0")
    pinned = pinned_toolchain({"rust-toolchain.toml": '[toolchain]\nchannel = "1.70"\ncomponents = ["clippy"]\n'})
    assert pinned == ("rust-toolchain.toml", "1.70")
    assert other_toolchain(pinned, "1.95.0") == (
        "`rust-toolchain.toml` pins Rust 1.70, which the sandbox does not have: Rust 1.95.0 was used instead."
    )
    assert other_toolchain(("rust-toolchain", "nightly-2026-01-01"), "1.95.0")
    for channel in ("stable", "1.95", "1.95.0"):
        assert other_toolchain(("rust-toolchain", channel), "1.95.0") == ""
    assert pinned_toolchain({"rust-toolchain": "<b>@everyone</b>"}) is None
    assert other_toolchain(None, "1.95.0") == ""


def test_packages_that_ci_installs_are_named_with_their_place() -> None:
    workflow = """
    steps:
      - run: sudo apt-get update && sudo apt-get install -y --no-install-recommends libssl-dev pkg-config
      - run: |
          sudo apt install libudev-dev \\
            protobuf-compiler  # for the tests
          sudo apt-get -qq install "$EXTRA"
    """
    path = ".github/workflows/ci.yml"
    assert debian_packages({path: workflow, "docs/x.yml": "apt install other"}) == (
        ("libssl-dev", path),
        ("libudev-dev", path),
        ("pkg-config", path),
        ("protobuf-compiler", path),
    )
