"""What a build needs from the network, brought in by containers of the setup phase: no secret is in them.

Cargo reads the repository's own configuration, which can make it run programs; so it never runs on the host. The cargo home
of a repository has one writer at a time, and every other container sees it read-only.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.caching import alone
from bot.domain import CommandResult, Failure, SandboxPhase
from bot.errors import UserError
from bot.sandbox import Sandbox, SandboxSpec, never
from bot.sandbox.volume import RunVolume
from bot.sandbox.workspace import WorkspaceFiles

TIMEOUT = 900.0
LOCK_FILE = "Cargo.lock"
OWN_NAME = "rfcsmith-dependency"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_FEATURE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+.-]{0,63}")
_REQUIREMENT = re.compile(r"(?:\^|~|=|>=|<=|>|<)? ?\d+(?:\.(?:\d+|\*)){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")


class Engine(Protocol):
    """As much of the container engine as setup needs."""

    def open(self, spec: SandboxSpec) -> Sandbox: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """What `fetch` came to. A lock file that was missing is generated; one that did not fit the manifests is updated."""

    result: CommandResult
    is_lock_generated: bool = False
    is_lock_updated: bool = False


@dataclass(frozen=True, slots=True)
class Dependency:
    """What `fetch_dependency` came to: the exact `version` in the cargo home now, "" where it could not be had."""

    result: CommandResult
    name: str
    version: str


def fetch(
    engine: Engine,
    volume: RunVolume,
    cargo_home: Path,
    *,
    directory: str = ".",
    timeout: float = TIMEOUT,
    should_stop: Callable[[], bool] = never,
) -> Fetched:
    """Fetch everything that the manifest in `directory` of the workspace needs, and make its lock file if it has none."""
    files = WorkspaceFiles(volume.workspace)
    lock_file = LOCK_FILE if directory == "." else f"{directory}/{LOCK_FILE}"
    before = _content(files, lock_file)
    spec = _spec(volume, cargo_home, None)
    with _only_writer(volume, cargo_home, should_stop), closing(engine.open(spec)) as sandbox:
        if before is not None:
            result = sandbox.run("cargo fetch --locked", timeout=timeout, directory=directory, should_stop=should_stop)
            if result.is_success or "--locked" not in result.output:
                return Fetched(result)
            # Cargo names the option where the lock file does not fit: then it is the manifests that count.
        result = sandbox.run("cargo fetch", timeout=timeout, directory=directory, should_stop=should_stop)
    after = _content(files, lock_file)
    return Fetched(result, before is None and after is not None, before is not None and after != before)


def fetch_dependency(
    engine: Engine,
    volume: RunVolume,
    cargo_home: Path,
    *,
    name: str,
    version: str = "*",
    features: Sequence[str] = (),
    default_features: bool = True,
    should_stop: Callable[[], bool] = never,
) -> Dependency:
    """Bring one crate of the registry, and all that it needs, into the cargo home.

    The container sees a manifest of the host's own, and nothing of the repository but its lock file, so that versions that
    both need are the same. Raises UserError where the name, the version requirement or a feature is not well-formed.
    """
    manifest = dependency_manifest(name, version, features, default_features=default_features)
    lock = _content(WorkspaceFiles(volume.workspace), LOCK_FILE)
    scratch = volume.scratch("dependency")
    files = WorkspaceFiles(scratch)
    files.write("Cargo.toml", manifest.encode())
    files.write("src/lib.rs", b"")
    if lock is not None:
        files.write(LOCK_FILE, lock)
    spec = _spec(volume, cargo_home, scratch)
    with _only_writer(volume, cargo_home, should_stop), closing(engine.open(spec)) as sandbox:
        result = sandbox.run("cargo fetch", timeout=TIMEOUT, should_stop=should_stop)
        if isinstance(result.exit, Failure) and lock is not None:
            # The agent may have left a lock file that no cargo reads; then the newest versions it is.
            files.remove(LOCK_FILE)
            result = sandbox.run("cargo fetch", timeout=TIMEOUT, should_stop=should_stop)
    resolved = resolved_version(_content(files, LOCK_FILE) or b"", name) if result.is_success else ""
    return Dependency(result, name, resolved)


def dependency_manifest(name: str, version: str, features: Sequence[str], *, default_features: bool) -> str:
    """A manifest that depends on one crate of the registry: no git, path or other source can be said in it.

    Raises UserError where a part is not well-formed.
    """
    hint = "Only crates of the registry can be added, by name, version requirement and features."
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} is no crate name.", hint)
    if version != "*" and not all(_REQUIREMENT.fullmatch(part.strip()) for part in version.split(",")):
        raise UserError(f"{version!r} is no version requirement.", hint)
    for feature in features:
        if not _FEATURE.fullmatch(feature):
            raise UserError(f"{feature!r} is no feature name.", hint)
    # A string of JSON that is pure ASCII is one of TOML too.
    fields = [f"version = {json.dumps(version)}", f"features = {json.dumps(list(features))}"]
    if not default_features:
        fields.append("default-features = false")
    return (
        f'[package]\nname = "{OWN_NAME}"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n\n[dependencies]\n'
        f"{name} = {{ {', '.join(fields)} }}\n"
    )


def _spec(volume: RunVolume, cargo_home: Path, workspace: Path | None) -> SandboxSpec:
    return SandboxSpec(
        volume.run_id, SandboxPhase.SETUP, volume, variant="setup", cargo_home=cargo_home, workspace=workspace
    )


def _only_writer(volume: RunVolume, cargo_home: Path, should_stop: Callable[[], bool]) -> AbstractContextManager[None]:
    """Hold the cargo home's lock, a file beside it where no container reaches. Raises `Stopped`."""
    volume.make_directory(cargo_home)
    return alone(cargo_home.with_name(f"{cargo_home.name}.lock"), should_stop, "the cargo home")


def _content(files: WorkspaceFiles, path: str) -> bytes | None:
    try:
        return files.read(path)
    except OSError:
        return None


def resolved_version(lock: bytes, name: str) -> str:
    """The version of the crate `name` that the lock file of our own manifest pins, "" where it pins none."""
    try:
        packages = tomllib.loads(lock.decode()).get("package", [])
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return ""
    for package in packages:
        if package["name"] == OWN_NAME:
            # Where two versions of a crate are there, cargo writes the meant one after its name.
            for dependency, _, version in (entry.partition(" ") for entry in package.get("dependencies", [])):
                if dependency == name and version:
                    return str(version.split(" ")[0])
    return next((str(package["version"]) for package in packages if package["name"] == name), "")
