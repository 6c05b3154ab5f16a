"""Published crates as trees, brought by cargo from the crate registry; none of their code is executed here.

A scratch package depends on exactly one version, `cargo fetch` downloads it into a cargo home of our own, and the archive
is unpacked in memory. Archives are kept in a cache, so that the second time needs no network.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator.trees import File, Tree, unpack

NAME = re.compile(r"[A-Za-z0-9_-]+")
VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*")
NOT_SOURCE = {".cargo_vcs_info.json", ".cargo-ok", "Cargo.toml.orig"}
PATIENCE = 300.0


class CrateError(Exception):
    """A crate cannot be brought; the message says which, and what cargo said."""


def crate(name: str, version: str, cache: Path) -> dict[str, File]:
    """The files of a published version, without what cargo adds when it packs; raises CrateError."""
    archive = _archive(name, version, cache)
    tree = unpack(archive.read_bytes(), strip_top=True)
    return {path: file for path, file in tree.items() if path not in NOT_SOURCE}


def pair(name: str, base: str, head: str, cache: Path) -> tuple[dict[str, File], dict[str, File]]:
    """Two versions as before and after of one change: the later one keeps the earlier one's version number.

    A lock file that only one of them has is taken out: it says nothing about the change.
    """
    old, new = crate(name, base, cache), crate(name, head, cache)
    new = with_version(new, name, head, base)
    if ("Cargo.lock" in old) != ("Cargo.lock" in new):
        old.pop("Cargo.lock", None)
        new.pop("Cargo.lock", None)
    return old, new


def with_version(tree: Tree, name: str, version: str, wanted: str) -> dict[str, File]:
    """The tree with the package's own version number put to `wanted`, in its manifest and its lock file."""
    result = dict(tree)
    manifest = re.compile(rf'(?ms)(^\[package\].*?^version\s*=\s*"){re.escape(version)}(")')
    entry = re.compile(rf'(?m)(^name = "{re.escape(name)}"\r?\nversion = "){re.escape(version)}(")')
    for path, pattern in (("Cargo.toml", manifest), ("Cargo.lock", entry)):
        if path in result and (text := result[path].text) is not None:
            replaced = pattern.sub(rf"\g<1>{wanted}\g<2>", text, count=1)
            result[path] = File(replaced.encode(), result[path].mode)
    return result


def with_requirement(tree: Tree, name: str, version: str, wanted: str) -> dict[str, File]:
    """The tree with its requirement of the crate `name` put from `version` to `wanted`; an operator such as `=` stays."""
    text = tree["Cargo.toml"].text if "Cargo.toml" in tree else None
    if text is None:
        return dict(tree)
    # Published manifests are normalised: each dependency is a table of its own.
    table = rf"^\[(?:[^\]\n]+\.)?(?:dev-|build-)?dependencies\.{re.escape(name)}\]"
    requirement = re.compile(rf'(?ms)({table}[^\[]*?^version\s*=\s*"[^"\n]*?){re.escape(version)}"')
    return {**tree, "Cargo.toml": File(requirement.sub(rf'\g<1>{wanted}"', text).encode(), tree["Cargo.toml"].mode)}


def _archive(name: str, version: str, cache: Path) -> Path:
    if not NAME.fullmatch(name) or not VERSION.fullmatch(version):
        raise CrateError(f"{name} {version} is not a crate and an exact version")
    kept = cache / f"{name}-{version}.crate"
    if kept.exists():
        return kept
    if shutil.which("cargo") is None:
        raise CrateError(f"bringing {name} {version} from the crate registry needs cargo (https://rustup.rs)")
    with TemporaryDirectory(prefix="rfcsmith-crate-") as scratch:
        found = _fetch(name, version, Path(scratch))
        cache.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        shutil.copyfile(found, part)
        part.rename(kept)
    return kept


def _fetch(name: str, version: str, scratch: Path) -> Path:
    package, home = scratch / "package", scratch / "home"
    (package / "src").mkdir(parents=True)
    (package / "src/lib.rs").write_text("")
    (package / "Cargo.toml").write_text(
        '[package]\nname = "rfcsmith-scratch"\nversion = "0.0.0"\nedition = "2021"\n\n'
        f'[dependencies.{name}]\nversion = "={version}"\ndefault-features = false\n'
    )
    try:
        done = subprocess.run(
            ["env", f"CARGO_HOME={home}", "CARGO_NET_RETRY=5", "cargo", "fetch"],
            cwd=package, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise CrateError(f"{name} {version}: the crate registry did not answer within {PATIENCE:.0f} s") from error
    found = list(home.glob(f"registry/cache/*/{name}-{version}.crate"))
    if not found:
        raise CrateError(f"{name} {version} cannot be brought: {done.stderr.strip()[-500:]}")
    return found[0]


def package_name(tree: Tree) -> str | None:
    """The name in the tree's manifest, if it has one."""
    text = tree["Cargo.toml"].text if "Cargo.toml" in tree else None
    package = tomllib.loads(text or "").get("package", {})
    return str(package["name"]) if "name" in package else None
