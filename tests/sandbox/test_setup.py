"""Fetching what a build needs, and adding a crate, so that the agent builds without a network."""

from __future__ import annotations

import fcntl
import tomllib

import pytest

from bot.domain import Failure
from bot.errors import Stopped, UserError
from bot.sandbox.docker import DockerEngine, DockerSandbox
from bot.sandbox.setup import dependency_manifest, fetch, fetch_dependency, resolved_version
from bot.sandbox.volume import RunVolume
from bot.sandbox.workspace import WorkspaceFiles

MANIFEST = b'[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\n'
SOURCE = b'#[test]\nfn works() {\n    assert_eq!(itoa::Buffer::new().format(7), "7");\n}\n'


@pytest.mark.docker
def test_a_crate_without_dependencies_needs_no_network(
    engine: DockerEngine, volume: RunVolume, files: WorkspaceFiles, sandbox: DockerSandbox
) -> None:
    files.write("Cargo.toml", MANIFEST)
    files.write("src/lib.rs", b"/// ```\n/// demo::one();\n/// ```\npub fn one() {}\n")
    fetched = fetch(engine, volume, volume.cargo)
    assert fetched.result.is_success, fetched.result.output
    assert fetched.is_lock_generated
    again = fetch(engine, volume, volume.cargo)
    assert again.result.is_success
    assert not again.is_lock_generated
    assert not again.is_lock_updated
    result = sandbox.run("cargo test --locked && cargo clippy && cargo fmt --check", timeout=120)
    assert result.is_success, result.output


@pytest.mark.docker
def test_a_manifest_that_cargo_refuses_is_a_result(
    engine: DockerEngine, volume: RunVolume, files: WorkspaceFiles
) -> None:
    files.write("Cargo.toml", b"not a manifest")
    fetched = fetch(engine, volume, volume.cargo)
    assert fetched.result.exit == Failure(101)
    assert not fetched.is_lock_generated


@pytest.mark.docker
@pytest.mark.registry
def test_a_crate_with_dependencies_is_tested_offline_and_can_get_another_one(
    engine: DockerEngine, volume: RunVolume, files: WorkspaceFiles, sandbox: DockerSandbox
) -> None:
    files.write("Cargo.toml", MANIFEST + b'itoa = "1"\n')
    files.write("src/lib.rs", SOURCE)
    assert not sandbox.run("cargo test", timeout=60).is_success

    fetched = fetch(engine, volume, volume.cargo)
    assert fetched.result.is_success, fetched.result.output
    assert fetched.is_lock_generated
    result = sandbox.run("cargo test --locked", timeout=120)
    assert "test works ... ok" in result.output

    dependency = fetch_dependency(engine, volume, volume.cargo, name="cfg-if", version="1")
    assert dependency.version.startswith("1."), dependency.result.output
    files.write("Cargo.toml", MANIFEST + f'itoa = "1"\ncfg-if = "{dependency.version}"\n'.encode())
    files.write("src/lib.rs", SOURCE + b"cfg_if::cfg_if! { if #[cfg(test)] {} }\n")
    result = sandbox.run("cargo test", timeout=120)
    assert "test works ... ok" in result.output
    assert not sandbox.run("touch /cargo/registry/x", timeout=20).is_success

    # The manifests moved on: the lock file follows them, and that is said.
    files.write("Cargo.toml", MANIFEST + b'cfg-if = "1"\n')
    files.write("src/lib.rs", b"")
    followed = fetch(engine, volume, volume.cargo)
    assert followed.result.is_success
    assert followed.is_lock_updated


@pytest.mark.docker
@pytest.mark.registry
def test_a_crate_that_does_not_exist_is_a_result_in_cargos_words(engine: DockerEngine, volume: RunVolume) -> None:
    dependency = fetch_dependency(engine, volume, volume.cargo, name="rfcsmith-no-such-crate")
    assert dependency.version == ""
    assert "rfcsmith-no-such-crate" in dependency.result.output


@pytest.mark.docker
@pytest.mark.registry
def test_an_unreadable_lock_file_does_not_hinder_a_new_dependency(
    engine: DockerEngine, volume: RunVolume, files: WorkspaceFiles
) -> None:
    files.write("Cargo.lock", b"<<<<<<< conflict\n")
    dependency = fetch_dependency(
        engine, volume, volume.cargo, name="itoa", version="=1.0.0", features=(), default_features=False
    )
    assert dependency.version == "1.0.0", dependency.result.output


@pytest.mark.docker
def test_waiting_for_the_cargo_home_can_be_stopped(engine: DockerEngine, volume: RunVolume) -> None:
    with volume.cargo.with_name("cargo.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(Stopped):
            fetch(engine, volume, volume.cargo, should_stop=lambda: True)


@pytest.mark.parametrize(
    ("name", "version", "features"),
    [
        ("serde\nevil = { git = 'x' }", "1", ()),
        ("../serde", "1", ()),
        ("", "1", ()),
        ("serde", '1", git = "https://example.com', ()),
        ("serde", "", ()),
        ("serde", "latest", ()),
        ("serde", "1", ('derive"], path = "/"',)),
        ("serde", "1", ("",)),
        ("sérde", "1", ()),
    ],
)
def test_what_is_no_plain_crate_is_refused(name: str, version: str, features: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="Only crates of the registry"):
        dependency_manifest(name, version, features, default_features=True)


@pytest.mark.parametrize(
    "version", ["*", "1", "1.2", "=1.2.3", "^0.4", "~1.2", ">=1.2, <2", "1.*", "2.0.0-rc.1", "1.0.0+x"]
)
def test_a_manifest_says_what_was_asked_for(version: str) -> None:
    manifest = tomllib.loads(dependency_manifest("serde_json", version, ("std", "raw_value"), default_features=False))
    assert manifest["dependencies"] == {
        "serde_json": {"version": version, "features": ["std", "raw_value"], "default-features": False}
    }


def test_the_meant_version_is_found_where_there_are_two() -> None:
    lock = b"""
version = 4
[[package]]
name = "syn"
version = "1.0.9"
[[package]]
name = "syn"
version = "2.0.1"
[[package]]
name = "rfcsmith-dependency"
version = "0.0.0"
dependencies = ["syn 2.0.1"]
"""
    assert resolved_version(lock, "syn") == "2.0.1"
    assert resolved_version(lock, "serde") == ""
    assert resolved_version(b"not toml [", "syn") == ""
