"""The contract of a change: what it means for those who use, build and maintain the code, computed from two trees; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from posixpath import basename, dirname

from bot.domain import Contract, ItemChange, Release, Semver, Term, TermKind
from bot.rust.api import api_terms
from bot.rust.conditions import with_closure
from bot.rust.dependencies import features_in, lock_terms, manifest_terms
from bot.rust.escapes import escape_terms, lint_table_terms
from bot.rust.manifests import Target, manifest_of, package_field, read, table, targets_of, text_of
from bot.rust.public import Interface, interface
from bot.rust.shape import Shape, shape
from bot.rust.split import is_test_path
from bot.rust.tests import modules

_LEVELS = tuple(Semver)
_ORDER = tuple(TermKind)
_CHANGES = (ItemChange.REMOVE, ItemChange.CHANGE, ItemChange.ADD)


def contract(old: Mapping[str, str], new: Mapping[str, str]) -> Contract:
    """Compare two trees; both map the paths of all Rust sources, manifests and lock files to their texts."""
    changed = frozenset(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    manifests = [{path: text for path, text in files.items() if basename(path) == "Cargo.toml"} for files in (old, new)]
    published = frozenset(path for path in new if is_published(path, new))
    interfaces = _Interfaces(old, new)
    terms = [*_api(interfaces, changed, published), *_dependencies(old, new, manifests, published)]
    sources = [
        {path: text for path, text in files.items() if path in changed and _is_source(path)} for files in (old, new)
    ]
    if any(sources):
        unknown = frozenset(path for files in sources for path in files) - interfaces.files
        others = _no_source(new, unknown) | _no_source(old, unknown)
        kept = [{path: text for path, text in files.items() if path not in others} for files in sources]
        terms += escape_terms(kept[0], kept[1], manifests[1])
    terms += lint_table_terms(manifests[0], manifests[1])
    ranked = sorted(
        terms, key=lambda term: (_ORDER.index(term.kind), -_LEVELS.index(term.level), _CHANGES.index(term.change))
    )
    return Contract(tuple(ranked), tuple(_releases(terms, old, new, published)))


def is_published(manifest: str, files: Mapping[str, str]) -> bool:
    """Whether a manifest is that of a library that others use by its version."""
    if basename(manifest) != "Cargo.toml":
        return False
    package = table(read(files[manifest]), "package")
    may_be = package.get("publish")
    if isinstance(may_be, dict):
        root = _workspace_of(manifest, files)
        may_be = table(read(files.get(root, "")), "workspace", "package").get("publish")
    return bool(package) and may_be is not False and may_be != [] and _library(manifest, files) is not None


def _workspace_of(manifest: str, files: Mapping[str, str]) -> str:
    home = dirname(manifest)
    while True:
        path = f"{home}/Cargo.toml" if home else "Cargo.toml"
        if table(read(files.get(path, "")), "workspace") or not home:
            return path
        home = dirname(home)


def _library(manifest: str, files: Mapping[str, str]) -> Target | None:
    # A library is looked for at its one place, so that the whole tree need not be listed for it.
    found = targets_of(manifest, files, frozenset(files))
    return next((target for target in found if target.kind in ("lib", "proc-macro")), None)


# --- public API ------------------------------------------------------------------------------------------------------


class _Interfaces:
    """The interfaces of the libraries of two trees; a file that is the same in both is read once."""

    def __init__(self, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        self.old = old
        self.new = new
        self.files: frozenset[str] = frozenset()
        self._known: dict[str, Shape] = {}

    def shape(self, text: str) -> Shape:
        if text not in self._known:
            self._known[text] = shape(text)
        return self._known[text]

    def pair(self, manifest: str) -> tuple[Interface, Interface]:
        """Those of one package, before and after."""
        found = []
        for files in (self.old, self.new):
            library = _library(manifest, files)
            shown = interface(library, files, self.shape) if library is not None else Interface()
            # Conditions of both trees are read by the features as they will be.
            found.append(replace(shown, features=with_closure(features_in(self.new[manifest]))))
        self.files |= found[0].files | found[1].files
        return found[0], found[1]


def _api(interfaces: _Interfaces, changed: frozenset[str], published: frozenset[str]) -> Iterator[Term]:
    old, new = interfaces.old, interfaces.new
    sources = {path for path in changed if path.endswith(".rs") and not is_test_path(path)}
    roots = {path for path in changed if basename(path) == "Cargo.toml"}
    for manifest in sorted(published):
        if manifest not in old or not is_published(manifest, old):
            continue
        own = {path for path in sources if manifest in (manifest_of(path, new), manifest_of(path, old))}
        if not own and not (manifest in roots and _is_moved(manifest, old, new)):
            continue
        before, after = interfaces.pair(manifest)
        yield from api_terms(before, after)
        yield from _doubtful(own - before.files - after.files, manifest, interfaces)


def _is_moved(manifest: str, old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    """Whether the library begins in another file now."""
    return _library(manifest, old) != _library(manifest, new)


def _doubtful(paths: set[str], manifest: str, interfaces: _Interfaces) -> Iterator[Term]:
    """Public items of files that no `mod` leads to, which a macro or an `include!` may make part of the library."""
    old, new = interfaces.old, interfaces.new
    library = _library(manifest, new)
    if library is None or library.kind == "proc-macro":
        return
    inside = {path for path in paths if path.startswith(dirname(library.root))}
    reached = set(modules(_package(manifest, new))) | set(modules(_package(manifest, old))) if inside else set()
    for path in sorted(inside - reached):
        was, now = (
            {(item.kind, item.name): item for item in interfaces.shape(files.get(path, "")).declared if item.is_public}
            for files in (old, new)
        )
        for key in sorted(was.keys() | now.keys()):
            before, after = was.get(key), now.get(key)
            item = after or before
            if item is None or (before and after and before.signature == after.signature):
                continue
            change = ItemChange.CHANGE if before and after else ItemChange.ADD if after else ItemChange.REMOVE
            yield Term(
                TermKind.API, change, item.name, path, item.line, item.shown, note="no `mod` leads to this file",
                level=Semver.MINOR if change is ItemChange.ADD else Semver.MAJOR, names=(item.name,), is_certain=False,
            )  # fmt: skip


def _package(manifest: str, files: Mapping[str, str]) -> dict[str, str]:
    home = dirname(manifest)
    return {path: text for path, text in files.items() if not home or path.startswith(f"{home}/")}


# --- the rest --------------------------------------------------------------------------------------------------------


def _dependencies(
    old: Mapping[str, str], new: Mapping[str, str], manifests: list[dict[str, str]], published: frozenset[str]
) -> Iterator[Term]:
    found = list(manifest_terms(manifests[0], manifests[1], published)) if manifests[0] != manifests[1] else []
    yield from found
    direct = {term.name for term in found if term.kind is TermKind.DEPENDENCY and term.change is ItemChange.ADD}
    for path in sorted(path for path in new if basename(path) == "Cargo.lock" and old.get(path) != new[path]):
        yield from lock_terms(old.get(path, ""), new[path], path, direct)


def _is_source(path: str) -> bool:
    """Whether a path holds code of a library or program, and neither tests, examples nor a build script."""
    parts = path.split("/")
    return path.endswith(".rs") and not is_test_path(path) and "examples" not in parts[:-1] and parts[-1] != "build.rs"


def _no_source(files: Mapping[str, str], paths: frozenset[str]) -> frozenset[str]:
    """Of these paths those that only test builds compile, and those that no library or program has as its own."""
    packages = {manifest_of(path, files) for path in paths if path in files}
    places = {
        path: each
        for manifest in packages
        if manifest is not None
        for path, each in modules(_package(manifest, files)).items()
    }
    tests = {path for path in paths & places.keys() if all(place.is_for_tests_only for place in places[path])}
    # What lies among the sources may be included by a macro.
    strays = {path for path in paths - places.keys() if path in files and "src" not in path.split("/")[:-1]}
    return frozenset(tests | strays)


def _releases(
    terms: list[Term], old: Mapping[str, str], new: Mapping[str, str], published: frozenset[str]
) -> Iterator[Release]:
    """What each package's next version has to be, by the gravest of what is certain."""
    levels: dict[str, Semver] = {}
    for term in terms:
        manifest = manifest_of(term.path, new) or manifest_of(term.path, old)
        if manifest in published and term.is_certain and term.level is not Semver.NONE:
            levels[manifest] = max(levels.get(manifest, Semver.NONE), term.level, key=_LEVELS.index)
    for manifest, level in sorted(levels.items()):
        package = text_of(table(read(new[manifest]), "package").get("name"))
        versions = [package_field(manifest, "version", files) for files in (old, new)]
        yield Release(package, versions[0], versions[1], level)
