"""What a repository's manifests, lock file and tests say of it, in a few lines for a prompt: packages, versions, test layout.

Pure: path -> text in, lines out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from posixpath import basename, dirname, join

from bot.rust.manifests import Target, package_field, read, table, tables, targets_of, text_of

_TEST = re.compile(r"#\s*\[\s*(?:\w+\s*::\s*)*(?:test|rstest|test_case|test_matrix|quickcheck|proptest|gtest)\b")
_ATTRIBUTE = re.compile(r"^#!\[(.+?)\]\s*$", re.MULTILINE)
_DOC_FENCE = re.compile(r"^\s*//[/!]\s*```", re.MULTILINE)
_KINDS = ("dependencies", "dev-dependencies", "build-dependencies")
_LONGEST = 400


def toolchain(files: Mapping[str, str]) -> list[str]:
    """What a toolchain file at the top asks for, which the sandbox does not follow."""
    for path in ("rust-toolchain.toml", "rust-toolchain"):
        if path in files:
            channel = text_of(table(read(files[path]), "toolchain").get("channel")) or files[path].strip()[:40]
            return [f"{path} asks for {channel}"]
    return []


# --- packages --------------------------------------------------------------------------------------------------------


def packages(paths: Sequence[str], files: Mapping[str, str], lock: str) -> list[list[str]]:
    """A group of lines for each package: version, edition, minimum Rust, features, dependencies with versions, targets."""
    known = frozenset(paths)
    manifests = [
        path for path in paths if basename(path) == "Cargo.toml" and table(read(files.get(path, "")), "package")
    ]
    locked = _locked(lock)
    return [
        _package(path, known, files, locked) for path in sorted(manifests, key=lambda path: (path.count("/"), path))
    ]


def _package(
    manifest: str, paths: frozenset[str], files: Mapping[str, str], locked: Mapping[str, set[str]]
) -> list[str]:
    document = read(files[manifest])
    name = text_of(table(document, "package").get("name"))
    rust = package_field(manifest, "rust-version", files)
    facts = [
        f"version {package_field(manifest, 'version', files) or '?'}",
        f"edition {package_field(manifest, 'edition', files) or '2015'}",
        f"minimum Rust {rust}" if rust else "no minimum Rust version",
    ]
    targets = targets_of(manifest, files, paths)
    lines = [f"{name} ({dirname(manifest) or 'at the top'}): {', '.join(facts)}"]
    lines += _attributes(targets, files)
    lines += _listed("features", [_feature(key, value) for key, value in table(document, "features").items()])
    for kind in _KINDS:
        lines += _listed(kind, _dependencies(table(document, kind), manifest, files, locked))
    for target, held in table(document, "target").items():
        lines += _listed(
            f"dependencies for {target}", _dependencies(table(held, "dependencies"), manifest, files, locked)
        )
    roots = [f"{target.kind} {target.root}" for target in targets if target.kind not in ("test", "example", "bench")]
    return lines + _listed("targets", roots)


def _attributes(targets: Iterable[Target], files: Mapping[str, str]) -> list[str]:
    """What the library's root says of the whole crate: `no_std`, forbidden `unsafe`, denied lints."""
    root = next((target.root for target in targets if target.kind in ("lib", "proc-macro")), "")
    found = [" ".join(text.split()) for text in _ATTRIBUTE.findall(files.get(root, "")) if not text.startswith("doc")]
    return _listed("crate attributes", found)


def _feature(name: str, value: object) -> str:
    enabled = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    return f"{name} = {', '.join(enabled)}" if enabled else name


def _dependencies(
    found: Mapping[str, object], manifest: str, files: Mapping[str, str], locked: Mapping[str, set[str]]
) -> list[str]:
    return [_dependency(name, value, manifest, files, locked) for name, value in found.items()]


def _dependency(
    name: str, value: object, manifest: str, files: Mapping[str, str], locked: Mapping[str, set[str]]
) -> str:
    own = {"version": value} if isinstance(value, str) else table(value)
    shared = _inherited(name, manifest, files) if own.get("workspace") is True else {}
    merged = {**shared, **own}
    package = text_of(merged.get("package"), name)
    versions = locked.get(package, set())
    version = next(iter(versions)) if len(versions) == 1 else text_of(merged.get("version"))
    words = [package, version] + ([f"as {name}"] if package != name else [])
    words += ["(in this workspace)"] if "path" in merged else []
    words += ["(optional)"] if merged.get("optional") is True else []
    return " ".join(word for word in words if word)


def _inherited(name: str, manifest: str, files: Mapping[str, str]) -> dict[str, object]:
    directory = dirname(manifest)
    while True:
        held = table(read(files.get(join(directory, "Cargo.toml"), "")), "workspace", "dependencies").get(name)
        if held is not None:
            return {"version": held} if isinstance(held, str) else table(held)
        if not directory:
            return {}
        directory = dirname(directory)


def _locked(lock: str) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for package in tables(read(lock).get("package")):
        versions.setdefault(text_of(package.get("name")), set()).add(text_of(package.get("version")))
    return versions


def _listed(title: str, values: Sequence[str]) -> list[str]:
    """One line, whole values only: what has no room is counted."""
    if not values:
        return []
    kept: list[str] = []
    for value in values:
        if sum(len(each) + 2 for each in kept) + len(value) > _LONGEST:
            return [f"  {title}: {'; '.join(kept)}; … and {len(values) - len(kept)} more"]
        kept.append(value)
    return [f"  {title}: {'; '.join(kept)}"]


# --- tests -----------------------------------------------------------------------------------------------------------


def layout_of_tests(paths: Sequence[str], files: Mapping[str, str]) -> list[str]:
    """Where tests of each kind live, and what they share; counts are of test functions as written."""
    known = frozenset(paths)
    manifests = [path for path in paths if basename(path) == "Cargo.toml"]
    targets = [target for manifest in manifests for target in targets_of(manifest, files, known)]
    roots = {target.root for target in targets if target.kind == "test"}
    folders = {f"{dirname(manifest)}/tests/".lstrip("/") for manifest in manifests}
    counts = {path: len(_TEST.findall(text)) for path, text in files.items() if path.endswith(".rs")}
    beside = [path for path in paths if any(path.startswith(folder) for folder in folders)]
    units = [path for path in counts if counts[path] and path not in beside and path not in roots]
    lines = _listed("unit tests in", [f"{path} ({counts[path]})" for path in units])
    lines += _listed("integration tests", [f"{path} ({counts.get(path, 0)})" for path in sorted(roots)])
    lines += _listed("shared by them", [path for path in beside if path.endswith(".rs") and path not in roots])
    lines += _listed("data beside them", _by_folder(path for path in beside if not path.endswith(".rs")))
    snapshots = [path for path in paths if path.endswith((".snap", ".stderr")) and path not in beside]
    lines += _listed("snapshots", _by_folder(snapshots))
    fences = {path: len(_DOC_FENCE.findall(text)) // 2 for path, text in files.items() if path.endswith(".rs")}
    lines += _listed("examples in documentation", [f"{path} ({n})" for path, n in fences.items() if n])
    for kind in ("example", "bench"):
        lines += _listed(f"{kind} targets", [target.root for target in targets if target.kind == kind])
    return lines


def _by_folder(paths: Iterable[str]) -> list[str]:
    """Paths by their folder and ending: `tests/data/*.toml (12 files)`, a single one by its name."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        ending = "." + basename(path).rpartition(".")[2] if "." in basename(path) else ""
        groups.setdefault(f"{dirname(path)}/*{ending}", []).append(path)
    counted = Counter({pattern: len(found) for pattern, found in groups.items()})
    return [groups[p][0] if n == 1 else f"{p} ({n} files)" for p, n in counted.most_common()]
