"""What Cargo.toml files say: which crate a file belongs to, its edition, its targets. Pure: path -> text in."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from posixpath import basename, dirname, join, normpath


@dataclass(frozen=True, slots=True)
class Target:
    """A thing that cargo compiles: `root` is its root file, `kind` cargo's word (`lib`, `bin`, `test`, …)."""

    package: str
    kind: str
    name: str
    root: str

    @property
    def selector(self) -> tuple[str, ...]:
        """The words by which `cargo test` is told to run only this target."""
        return ("--lib",) if self.kind in ("lib", "proc-macro") else (f"--{self.kind}", self.name)


def read(text: str) -> dict[str, object]:
    """A TOML file as a dictionary; empty where it cannot be read, because a broken manifest is cargo's to report."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def table(value: object, *keys: str) -> dict[str, object]:
    """The nested table under `keys`; empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def tables(value: object) -> tuple[dict[str, object], ...]:
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def text_of(value: object, default: str = "") -> str:
    return value if isinstance(value, str) else default


def manifest_of(path: str, files: Mapping[str, str]) -> str | None:
    """The nearest Cargo.toml with a package above the file `path`."""
    directory = dirname(path)
    while True:
        candidate = join(directory, "Cargo.toml")
        if candidate in files and table(read(files[candidate]), "package"):
            return candidate
        if not directory:
            return None
        directory = dirname(directory)


def package_field(manifest: str, field: str, files: Mapping[str, str]) -> str:
    """A text field of `[package]`, inherited from the workspace where it says so."""
    value = table(read(files.get(manifest, "")), "package").get(field)
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value.get("workspace") is True:
        directory = dirname(manifest)
        while True:
            inherited = table(read(files.get(join(directory, "Cargo.toml"), "")), "workspace", "package").get(field)
            if isinstance(inherited, str):
                return inherited
            if not directory:
                return ""
            directory = dirname(directory)
    return ""


def edition_of(path: str, files: Mapping[str, str]) -> str:
    """The edition by which the file `path` is formatted; 2015 is cargo's default, 2021 ours outside every crate."""
    manifest = manifest_of(path, files)
    return "2021" if manifest is None else package_field(manifest, "edition", files) or "2015"


def members_in(lock: str) -> frozenset[str]:
    """The packages of the workspace itself in its Cargo.lock: those that come from nowhere."""
    packages = tables(read(lock).get("package"))
    return frozenset(text_of(package.get("name")) for package in packages if "source" not in package)


def packages_reached(paths: Iterable[str], files: Mapping[str, str]) -> tuple[str, ...]:
    """The packages that a change of `paths` can break: their own, and those that depend on them by path, through any chain.

    `files` holds every Cargo.toml. Empty where a path lies outside every package: then everything may be reached.
    """
    homes = {dirname(path): path for path in files if basename(path) == "Cargo.toml"}
    users: dict[str, set[str]] = {}
    for home, manifest in homes.items():
        for used in _path_dependencies(read(files[manifest]), home, files):
            users.setdefault(used, set()).add(home)
    todo: list[str] = []
    for path in paths:
        manifest = manifest_of(path, files) or ""
        if not manifest:
            return ()
        todo.append(dirname(manifest))
    reached: set[str] = set()
    while todo:
        home = todo.pop()
        if home not in reached:
            reached.add(home)
            todo += users.get(home, ())
    names = (text_of(table(read(files[homes[home]]), "package").get("name")) for home in reached)
    return tuple(sorted(name for name in names if name))


def _path_dependencies(document: dict[str, object], home: str, files: Mapping[str, str]) -> set[str]:
    """The directories of a package's path dependencies, of every kind and target, also those the workspace names."""
    holders = [document, *(table(value) for value in table(document, "target").values())]
    kinds = ("dependencies", "dev-dependencies", "build-dependencies")
    found: set[str] = set()
    for name, value in (item for holder in holders for kind in kinds for item in table(holder, kind).items()):
        one = table(value)
        if "path" in one:
            found.add(_home(join(home, text_of(one["path"]))))
        elif one.get("workspace") is True:
            found |= _workspace_dependency(name, home, files)
    return found


def _workspace_dependency(name: str, home: str, files: Mapping[str, str]) -> set[str]:
    while True:
        shared = table(read(files.get(join(home, "Cargo.toml"), "")), "workspace", "dependencies", name)
        if "path" in shared:
            return {_home(join(home, text_of(shared["path"])))}
        if not home:
            return set()
        home = dirname(home)


def _home(path: str) -> str:
    normal = normpath(path)
    return "" if normal == "." else normal


def targets_of(manifest: str, files: Mapping[str, str], paths: frozenset[str]) -> tuple[Target, ...]:
    """The targets of one package, explicit ones first, then those that cargo finds by place among `paths`."""
    document = read(files.get(manifest, ""))
    package = text_of(table(document, "package").get("name"))
    home = dirname(manifest)
    found: dict[str, Target] = {}

    def add(kind: str, name: str, root: str) -> None:
        root = normpath(join(home, root))
        if root in paths and root not in found:
            found[root] = Target(package, kind, name, root)

    library = table(document, "lib")
    kind = "proc-macro" if library.get("proc-macro") is True else "lib"
    add(kind, text_of(library.get("name"), package.replace("-", "_")), text_of(library.get("path"), "src/lib.rs"))
    add("bin", package, "src/main.rs")
    for kind, directory in (("bin", "src/bin"), ("test", "tests"), ("example", "examples"), ("bench", "benches")):
        for entry in tables(document.get(kind)):
            name = text_of(entry.get("name"))
            explicit = text_of(entry.get("path"))
            for root in (
                (explicit,) if explicit else (f"{directory}/{name}.rs", f"{directory}/{name}/main.rs", "src/main.rs")
            ):
                add(kind, name, root)
        for name, root in _found_by_place(home, directory, paths):
            add(kind, name, root)
    return tuple(found.values())


def _found_by_place(home: str, directory: str, paths: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """cargo's automatic targets: `<directory>/<name>.rs` and `<directory>/<name>/main.rs`."""
    prefix = join(home, directory) + "/"
    found = []
    for path in sorted(paths):
        rest = path.removeprefix(prefix) if path.startswith(prefix) else ""
        if rest.endswith(".rs") and "/" not in rest:
            found.append((rest.removesuffix(".rs"), f"{directory}/{rest}"))
        elif rest.endswith("/main.rs") and rest.count("/") == 1:
            found.append((rest.removesuffix("/main.rs"), f"{directory}/{rest}"))
    return tuple(found)
