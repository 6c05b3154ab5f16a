"""Finds the tests of a source tree by name and target, and those that are new between two trees; runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from posixpath import basename, dirname, join, normpath

from bot.domain import Diagnostic, Level, TestRun
from bot.rust.libtest import DOC_TARGET
from bot.rust.made import made_tests, makers
from bot.rust.manifests import Target, manifest_of, read, table, targets_of, text_of
from bot.rust.split import Split, is_test_path, split
from bot.rust.syntax import Item, doc_tests, items

__all__ = [
    "Place",
    "Split",
    "TestItem",
    "files_of_module",
    "functions",
    "modules",
    "new_tests",
    "outside_of_tests",
    "renamed",
    "split",
    "test_only_files",
    "tests_of",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is in a crate: the target whose root leads to it, and its module path there."""

    target: Target
    module: tuple[str, ...]
    is_for_tests_only: bool = False


@dataclass(frozen=True, slots=True)
class TestItem:
    """A test in the source: `name` is libtest's in the binary of `target`; `text` is its source.

    `is_prefix`: the attribute makes several tests of it, whose names begin with `name`. `is_made`: a macro of the code
    makes it, so that only a run tells for certain whether it exists.
    """

    target: Target
    name: str
    path: str
    line: int
    text: str
    is_prefix: bool = False
    is_doc: bool = False
    is_made: bool = False

    @property
    def key(self) -> str:
        """Equal to `TestRun.key` of the executed test (of its prefix, where `is_prefix`)."""
        return f"{DOC_TARGET if self.is_doc else self.target.root}::{self.name}"

    def matches(self, run: TestRun) -> bool:
        """Whether `run` is an execution of this test."""
        return run.key == self.key or (self.is_prefix and run.key.startswith(f"{self.key}::"))


def outside_of_tests(diagnostics: Iterable[Diagnostic], files: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """The errors of the compiler whose place is neither in a test, a bench or an example, nor in what only tests use.

    `files` are all `.rs` and `Cargo.toml` files of the tree. Errors without a place count for nothing, nor do lints.
    """
    found = [
        item
        for item in diagnostics
        if item.level is Level.ERROR and item.path in files and re.match(r"E\d|$", item.code)
    ]
    only_tests = test_only_files(files) if found else frozenset()
    regions = {
        path: [(item.line, item.end_line) for item in items(files[path].encode()) if item.is_for_tests_only]
        for path in {item.path for item in found}
    }
    return tuple(
        item
        for item in found
        if not (item.path in only_tests or is_test_path(item.path) or "examples" in item.path.split("/")[:-1])
        and not any(first <= item.line <= last for first, last in regions[item.path])
    )


def functions(path: str, source: bytes | str) -> tuple[tuple[str, int, int], ...]:
    """The test functions of one file: (module path inside the file and name, first line, last line)."""
    data = source.encode() if isinstance(source, str) else source
    found = items(data) if path.endswith(".rs") else ()
    return tuple(("::".join((*item.module, item.name)), item.line, item.end_line) for item in found if item.is_test)


def modules(files: Mapping[str, str]) -> dict[str, tuple[Place, ...]]:
    """For every file that a target's root leads to through `mod` items: its places.

    `files` are all `.rs` and `Cargo.toml` files of a tree, path -> text.
    """
    places: dict[str, list[Place]] = {}
    paths = frozenset(files)
    for manifest in sorted(path for path in files if basename(path) == "Cargo.toml"):
        if text_of(table(read(files[manifest]), "package").get("name")):
            for target in targets_of(manifest, files, paths):
                for path, place in _reachable(target, files):
                    places.setdefault(path, []).append(place)
    return {path: tuple(found) for path, found in places.items()}


def _reachable(target: Target, files: Mapping[str, str]) -> Iterator[tuple[str, Place]]:
    for_tests = target.kind in ("test", "bench")
    todo = [(target.root, Place(target, (), for_tests), dirname(target.root))]
    seen: set[str] = set()
    while todo:
        path, place, directory = todo.pop()
        if path in seen or path not in files:
            continue
        seen.add(path)
        yield path, place
        found = items(files[path].encode())
        for item in found:
            if item.kind == "mod_item" and not item.inline:
                module = (*place.module, *item.module, item.name)
                only = place.is_for_tests_only or item.is_for_tests_only or _is_inside_tests(item, found)
                for file, home in files_of_module(item.name, item.module, item.file, path, directory):
                    todo.append((file, Place(target, module, only), home))


def _is_inside_tests(item: Item, found: Sequence[Item]) -> bool:
    return any(
        outer.kind == "mod_item" and outer.inline and outer.is_for_tests_only
        and (*outer.module, outer.name) == item.module[: len(outer.module) + 1]
        for outer in found
    )  # fmt: skip


def files_of_module(
    name: str, module: tuple[str, ...], file: str | None, path: str, directory: str
) -> tuple[tuple[str, str], ...]:
    """Where the file of `mod name;` in the module `module` of `path` may be, each with the directory of its own children.

    `file` is what `#[path]` says; `directory` is where children of `path` are.
    """
    if file is not None:
        base = join(directory, *module) if module else dirname(path)
        file = normpath(join(base, file))
        return ((file, dirname(file)),)
    home = join(directory, *module, name)
    return ((f"{home}.rs", home), (f"{home}/mod.rs", home))


def tests_of(files: Mapping[str, str], *, within: frozenset[str] | None = None) -> dict[str, TestItem]:
    """All tests of a tree by key; `within` limits them to these files."""
    found: dict[str, TestItem] = {}
    known = makers(text for path, text in sorted(files.items()) if path.endswith(".rs"))
    for path, places in modules(files).items():
        if within is not None and path not in within:
            continue
        source = files[path].encode()
        for item in items(source):
            if item.is_test:
                for place in places:
                    test = _function_test(item, place, path)
                    found.setdefault(test.key, test)
        for item in made_tests(source, known):
            for place in places:
                test = replace(_function_test(item, place, path), is_made=True)
                found.setdefault(test.key, test)
        for place in places:
            if place.target.kind in ("lib", "proc-macro"):
                for test in _documentation_tests(source, place, path):
                    found.setdefault(test.key, test)
    return found


def _function_test(item: Item, place: Place, path: str) -> TestItem:
    name = "::".join((*place.module, *item.module, item.name))
    return TestItem(place.target, name, path, item.line, item.text, item.makes_many)


def _documentation_tests(source: bytes, place: Place, path: str) -> Iterator[TestItem]:
    count: dict[str, int] = {}
    for test in doc_tests(source):
        item = "::".join(part for part in ("::".join(place.module), test.item) if part)
        name = f"{path} - {item}" if item else f"{path} -"
        count[name] = number = count.get(name, 0) + 1
        name = name if number == 1 else f"{name} #{number}"
        yield TestItem(place.target, name, path, test.line, test.text, is_doc=True)


def new_tests(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[TestItem, ...]:
    """The tests of the tree `new` that `old` lacks or has with another text, in order of file and line."""
    changed = frozenset(path for path, text in new.items() if old.get(path) != text)
    before = tests_of(old)
    after = tests_of(new) if any(basename(path) == "Cargo.toml" for path in changed) else tests_of(new, within=changed)
    fresh = [test for key, test in after.items() if key not in before or before[key].text != test.text]
    return tuple(sorted(fresh, key=lambda test: (test.path, test.line)))


def renamed(gone: Iterable[TestItem], added: Iterable[TestItem]) -> dict[str, str]:
    """Which of the `added` tests are one of the `gone` under another name, by the keys of the former.

    The file, the module and the text are the same but for the name; where several would fit, none does.
    """
    old, new = _by_substance(gone), _by_substance(added)
    return {new[same][0]: keys[0] for same, keys in old.items() if len(keys) == len(new.get(same, ())) == 1}


def _by_substance(tests: Iterable[TestItem]) -> dict[tuple[str, str, str], list[str]]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for test in tests:
        module, _, name = test.name.rpartition("::")
        text = re.sub(rf"\bfn\s+{re.escape(name)}\b", "fn _", test.text)
        found.setdefault((test.path, module, text), []).append(test.key)
    return found


def test_only_files(files: Mapping[str, str]) -> frozenset[str]:
    """The files that only test builds compile."""
    return frozenset(
        path for path, places in modules(files).items() if all(place.is_for_tests_only for place in places)
    )


def package_of(path: str, files: Mapping[str, str]) -> str:
    """The name of the package that the file `path` belongs to; empty outside every package."""
    manifest = manifest_of(path, files)
    return "" if manifest is None else text_of(table(read(files[manifest]), "package").get("name"))
