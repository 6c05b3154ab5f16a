"""Runs a tree's tests in containers of the simulator's own and tells which of some named tests pass.

Nothing is taken over from the product: an own cargo home, filled by a container with a network that runs no code of the
repository; own target directories; the tests in a container without a network. Whatever is not seen to pass has not passed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any

import docker
from docker.errors import DockerException

from simulator.trees import Tree, write

IMAGE = "rfcsmith-sandbox:latest"
LABEL = "rfcsmith-simulator"
USER = 10001
PATIENCE = 900.0
MARK = "@@simulator@@"
TEST_LINE = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)")
BROKEN_LINE = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. ")
VERDICT = re.compile(r"^(ok|FAILED|ignored)\b")
EXACT_TARGET = re.compile(r"(?:^|/)(?:lib|bin/[^/]+|tests/[^/]+|[^/]+\.rs)$")
DOC_PLACE = re.compile(r"\s*\(line \d+\)")


class MeasureError(Exception):
    """Nothing could be measured; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something cargo can test: `flags` choose it, `aliases` are what a test's name may have in front of it."""

    flags: tuple[str, ...]
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A test that ran: where, its libtest name, and `ok`, `FAILED` or `ignored`."""

    target: Target
    name: str
    verdict: str


class Measure:
    """Containers for the measurements of one case; a context manager that takes away everything it made."""

    def __init__(self, *, image: str = IMAGE, ca_bundle: Path | None = None, directory: Path | None = None) -> None:
        self._image = image
        self._ca_bundle = ca_bundle
        self._directory = Path(mkdtemp(prefix="rfcsmith-measure-", dir=directory))
        self._cargo = self._make("cargo")
        self._number = 0
        try:
            self._client = docker.from_env(timeout=int(PATIENCE))
        except DockerException as error:
            raise MeasureError(f"Docker does not answer: {error}") from error

    def __enter__(self) -> Measure:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._client.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _make(self, name: str) -> Path:
        path = self._directory / name
        path.mkdir()
        _give_away(path)
        return path

    # --- the measurement ---------------------------------------------------------------------------------------------

    def passing(self, tree: Tree, names: Sequence[str]) -> list[str]:
        """Those of `names` that pass in this tree, each found and all of its meanings `ok`."""
        return passed(self.run(tree, names), names)

    def run(self, tree: Tree, names: Sequence[str] = (), *, everything: bool = False) -> list[Seen]:
        """The tests of the tree, all or at least where `names` are; with all features too where one did not occur."""
        self._number += 1
        workspace, target = self._make(f"tree-{self._number}"), self._make(f"target-{self._number}")
        write(tree, workspace)
        _give_away(workspace)
        self._fetch(workspace)
        targets = self._targets(workspace, target)
        first = likely(targets, names)
        seen = self._test(workspace, target, first, ())
        rest = [each for each in targets if each not in first]
        if rest and (everything or not all(matching(seen, name) for name in names)):
            seen += self._test(workspace, target, rest, ())
        if not all(matching(seen, name) for name in names):
            seen += self._test(workspace, target, targets, ("--all-features",))
        shutil.rmtree(target, ignore_errors=True)
        return seen

    def _fetch(self, workspace: Path) -> None:
        offline, _ = self._container("cargo fetch --offline", workspace, None, network=False, writable_cargo=True)
        if offline != 0:
            code, text = self._container("cargo fetch", workspace, None, network=True, writable_cargo=True)
            if code != 0:
                raise MeasureError(f"cargo fetch failed: {text.strip()[-600:]}")

    def _targets(self, workspace: Path, target: Path) -> list[Target]:
        code, text = self._container("cargo metadata --no-deps --offline --format-version 1", workspace, target)
        line = next((each for each in text.splitlines() if each.startswith("{")), None)
        if code != 0 or line is None:
            raise MeasureError(f"cargo metadata failed: {text.strip()[-600:]}")
        return list(targets_of(json.loads(line)))

    def _test(self, workspace: Path, target: Path, targets: Sequence[Target], more: Sequence[str]) -> list[Seen]:
        lines = ["set +e"]
        for number, each in enumerate(targets):
            command = shlex.join(["cargo", "test", "--offline", "--no-fail-fast", *more, *each.flags])
            lines += [f"echo; echo {MARK} {number}", f"timeout -k 5 300 {command} 2>&1"]
        _, text = self._container("\n".join(lines), workspace, target)
        return read_output(text, targets)

    def _container(
        self, command: str, workspace: Path, target: Path | None, *, network: bool = False, writable_cargo: bool = False
    ) -> tuple[int, str]:
        """Exit code and everything printed by one bash command in a fresh container."""
        user = USER if os.geteuid() == 0 else os.geteuid()
        volumes = {
            str(workspace): {"bind": "/workspace", "mode": "rw"},
            str(self._cargo): {"bind": "/cargo", "mode": "rw" if writable_cargo else "ro"},
        }
        if target is not None:
            volumes[str(target)] = {"bind": "/target", "mode": "rw"}
        environment = {
            "CARGO_NET_OFFLINE": "false" if network else "true",
            "CARGO_INCREMENTAL": "0",
            "INSTA_UPDATE": "no",
        }
        if network and self._ca_bundle is not None:
            volumes[str(self._ca_bundle)] = {"bind": "/etc/ca-bundle.crt", "mode": "ro"}
            environment |= {"CARGO_HTTP_CAINFO": "/etc/ca-bundle.crt", "SSL_CERT_FILE": "/etc/ca-bundle.crt"}
        try:
            container = self._client.containers.run(
                self._image, ["bash", "-c", command], detach=True, user=f"{user}:{user}", working_dir="/workspace",
                network_mode="bridge" if network else "none", volumes=volumes, environment=environment,
                cap_drop=["ALL"], security_opt=["no-new-privileges:true"], read_only=True, pids_limit=1024, mem_limit="4g",
                tmpfs={"/tmp": "rw,exec,size=1g,mode=1777", "/home/agent": "rw,size=64m,mode=1777"},
                labels={LABEL: "measure"}, init=True,
            )  # fmt: skip
        except DockerException as error:
            raise MeasureError(f"the measuring container does not start: {error}") from error
        return self._outcome(container)

    def _outcome(self, container: Any) -> tuple[int, str]:
        try:
            code = container.wait(timeout=PATIENCE)["StatusCode"]
            return int(code), container.logs().decode(errors="replace")
        except (DockerException, OSError) as error:
            raise MeasureError(f"the measuring container did not end: {error}") from error
        finally:
            container.remove(force=True)


def _give_away(path: Path) -> None:
    """To the user in the container, where the one who runs this may do that; else it is the same user anyway."""
    if os.geteuid() == 0:
        for each in (path, *path.rglob("*")):
            os.chown(each, USER, USER, follow_symlinks=False)


# --- reading ---------------------------------------------------------------------------------------------------------


def targets_of(metadata: Mapping[str, Any]) -> Iterator[Target]:
    """The testable targets of cargo's metadata: library, binaries, tests and examples, documentation."""
    for package in metadata["packages"]:
        name = package["name"]
        # With its version: a package may well depend, by way of others, on an older version of itself.
        chosen = f"{name}@{package['version']}" if "version" in package else name
        root = package["manifest_path"].rpartition("/")[0] + "/"
        top = metadata.get("workspace_root", "").rstrip("/") + "/"
        for target in package["targets"]:
            kinds, own = target["kind"], target["name"]
            path = target["src_path"].removeprefix(root)
            whole = target["src_path"].removeprefix(top)
            common = (own, path, path.removesuffix(".rs"), whole, whole.removesuffix(".rs"))
            if {"lib", "rlib", "cdylib", "dylib", "staticlib", "proc-macro"} & set(kinds):
                yield Target(("-p", chosen, "--lib"), ("lib", f"{name}/lib", *common, name, name.replace("-", "_")))
                if target.get("doctest", True):
                    yield Target(
                        ("-p", chosen, "--doc"), ("doc", "doctest", f"{name}/doc", name, name.replace("-", "_"))
                    )
            elif "bin" in kinds:
                yield Target(("-p", chosen, "--bin", own), ("bin", "main", f"bin/{own}", f"{name}/{own}", *common))
            elif "test" in kinds:
                yield Target(
                    ("-p", chosen, "--test", own), ("tests", "test", f"test/{own}", f"{name}/{own}", name, *common)
                )
            elif "example" in kinds and target.get("test"):
                yield Target(("-p", chosen, "--example", own), ("example", *common))


def likely(targets: Sequence[Target], names: Sequence[str]) -> list[Target]:
    """The targets that the names point at, or all where one of them points nowhere in particular."""
    wanted: list[Target] = []
    for name in names:
        head = name.strip().strip("`").split("::")[0]
        # `tests::a` is a module of the library more often than a folder.
        is_place = head == "lib" or "/" in head or head.endswith(".rs")
        found = [each for each in targets if head in each.aliases and "--doc" not in each.flags] if is_place else []
        if not found:
            return list(targets)
        wanted += found
    return [each for each in targets if each in wanted] or list(targets)


def read_output(text: str, targets: Sequence[Target]) -> list[Seen]:
    """The tests in the output of the commands, each behind its mark."""
    seen: list[Seen] = []
    for part in text.split(MARK)[1:]:
        head, _, body = part.partition("\n")
        target = targets[int(head)]
        pending: str | None = None
        for line in body.splitlines():
            if match := TEST_LINE.match(line):
                seen.append(Seen(target, match.group(1), match.group(2)))
                pending = None
            elif match := BROKEN_LINE.match(line):
                # The test printed something of its own behind its name; its verdict comes later.
                pending = match.group(1)
            elif pending and (match := VERDICT.match(line)):
                seen.append(Seen(target, pending, match.group(1)))
                pending = None
    return seen


def matching(seen: Iterable[Seen], name: str) -> list[Seen]:
    """The tests that a name may mean, by the most exact reading that finds any."""
    every, wanted = list(seen), name.strip().strip("`")
    if " - " in wanted:
        plain = _doc_name(wanted)
        return [each for each in every if _doc_name(each.name) == plain or plain.endswith("::" + _doc_name(each.name))]
    target, _, path = wanted.partition("::")
    if EXACT_TARGET.search(target):
        # Without this, a target that did not compile would be vouched for by a test of the same name in another one.
        return [each for each in every if target in each.target.aliases and each.name == path]
    parts = [part for part in re.split(r"::", wanted) if part]
    for start in range(len(parts)):
        prefix, rest = parts[:start], "::".join(parts[start:])
        found = [each for each in every if each.name == rest]
        if prefix:
            found = [each for each in found if all(part in each.target.aliases for part in prefix)] or (
                found if len(found) == 1 else []
            )
        if found:
            return found
    tails = [each for each in every if each.name.endswith("::" + parts[-1])] if parts else []
    return [each for each in tails if any(part in each.target.aliases for part in parts[:-1])] or tails


def _doc_name(name: str) -> str:
    return " ".join(DOC_PLACE.sub("", name).split())


def passed(seen: Sequence[Seen], names: Iterable[str]) -> list[str]:
    """The names that were found, and of which nothing failed or was passed over."""
    return [name for name in names if (found := matching(seen, name)) and all(each.verdict == "ok" for each in found)]
