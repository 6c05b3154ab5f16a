"""Divides a change into its test part and its source part, by what the files are and not by what anybody claims."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from posixpath import basename, dirname, join, normpath

from bot.domain import FileChange
from bot.rust.syntax import Item, items

_TEST_DIRECTORIES = frozenset(
    ["tests", "test", "benches", "testdata", "test_data", "test-data", "fixtures", "snapshots"]
)
_TEST_FILE = re.compile(r"(?:^|.*[_-])tests?\.rs$|^test_.*\.rs$|.*\.snap(?:\.new)?$")
_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_TEST_TABLE = re.compile(r"(?:^|\.)dev-dependencies(?:$|\.)|^test$|^bench$|^profile\.(?:test|bench)")


@dataclass(frozen=True, slots=True)
class Split:
    """A change in two: either half can be written over the base on its own.

    `test` over the base gives the base with the new tests; `source` over the base gives the new code with the old
    tests. A file with both is in both, with the other half as it was; such changes carry no blob id.
    """

    test: tuple[FileChange, ...]
    source: tuple[FileChange, ...]


def split(changes: Sequence[FileChange], old: Mapping[str, bytes], *, test_only: frozenset[str] = frozenset()) -> Split:
    """The test part and the source part of `changes`; `old` holds the base's content of the changed paths.

    `test_only` names files that only test builds compile (`tests.test_only_files`); what follows from the changed files
    themselves (`#[cfg(test)] mod x;`) is found here.
    """
    test_only |= _declared_for_tests(changes, old)
    test: list[FileChange] = []
    source: list[FileChange] = []
    for change in changes:
        before = old.get(change.path)
        if change.path in test_only or is_test_path(change.path):
            test.append(change)
        elif change.content is None or change.mode is None:
            source.append(change)
        elif change.path.endswith(".rs"):
            _divide(change, before, _rust_parts(before or b"", change.content), test, source)
        elif basename(change.path) == "Cargo.toml":
            _divide(change, before, _manifest_parts(before or b"", change.content), test, source)
        elif basename(change.path) == "Cargo.lock":
            # Both halves need the lock file that fits their manifests; the new one holds the packages of either.
            test.append(change)
            source.append(change)
        else:
            source.append(change)
    return Split(tuple(test), tuple(source))


def is_test_path(path: str) -> bool:
    """Whether the place alone says that a file belongs to the tests."""
    *directories, name = path.split("/")
    return any(directory in _TEST_DIRECTORIES for directory in directories) or bool(_TEST_FILE.match(name))


def _divide(
    change: FileChange,
    before: bytes | None,
    parts: tuple[bytes, bytes],
    test: list[FileChange],
    source: list[FileChange],
) -> None:
    """Adds `change` to the half that it belongs to, or its halves to both; a new file without tests is source."""
    with_new_tests, with_new_source = parts
    if with_new_tests == (before or b""):
        source.append(change)
    elif with_new_source == (before or b"") and before is not None:
        test.append(change)
    else:
        if before is not None or with_new_tests.strip():
            test.append(replace(change, content=with_new_tests, blob=None))
        source.append(replace(change, content=with_new_source, blob=None))


def _declared_for_tests(changes: Sequence[FileChange], old: Mapping[str, bytes]) -> frozenset[str]:
    """Files of `#[cfg(test)] mod x;` in any version of the files that are at hand."""
    found: set[str] = set()
    versions = [(change.path, change.content) for change in changes if change.content is not None]
    for path, content in [*versions, *old.items()]:
        if not path.endswith(".rs"):
            continue
        stem = basename(path).removesuffix(".rs")
        home = dirname(path) if stem in ("lib", "main", "mod") else join(dirname(path), stem)
        for item in items(content):
            if item.kind == "mod_item" and not item.inline and item.is_for_tests_only:
                directory = join(home, *item.module)
                found |= {normpath(join(directory, f"{item.name}.rs")), normpath(join(directory, item.name, "mod.rs"))}
                if item.file is not None:
                    found.add(normpath(join(dirname(path), item.file)))
    return frozenset(found)


# --- Rust ------------------------------------------------------------------------------------------------------------


def _test_regions(source: bytes) -> dict[tuple[object, ...], Item]:
    """The outermost items that exist in test builds only, by what identifies them in another version of the file."""
    regions: dict[tuple[object, ...], Item] = {}
    end = -1
    for item in items(source):
        if item.start >= end and item.is_for_tests_only:
            end = item.end
            name = item.name or " ".join(item.text.split())
            key: tuple[object, ...] = (item.module, item.kind, name)
            while key in regions:
                key = (*key, "again")
            regions[key] = item
    return regions


def _rust_parts(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """(old source with new tests, new source with old tests)."""
    return _with_regions_of(old, new), _with_regions_of(new, old)


def _with_regions_of(base: bytes, other: bytes) -> bytes:
    """`base` with its test regions replaced by those of `other`; further ones go to the end of their module."""
    ours, theirs = _test_regions(base), _test_regions(other)
    edits: list[tuple[int, int, bytes]] = []
    for key, item in ours.items():
        if key in theirs:
            edits.append((item.start, item.end, other[theirs[key].start : theirs[key].end]))
        else:
            edits.append((_line_start(base, item.start), _line_end(base, item.end), b""))
    ends = _module_ends(base)
    for key, item in theirs.items():
        if key not in ours and (at := ends.get(item.module)) is not None:
            text = other[_line_start(other, item.start) : _line_end(other, item.end)]
            edits.append((at, at, (b"\n" if at and base[:at].strip() else b"") + text))
    result = base
    # From the back, so that offsets stay true; of insertions at one place the last comes first.
    edits.reverse()
    for start, end, text in sorted(edits, key=lambda edit: edit[0], reverse=True):
        result = result[:start] + text + result[end:]
    return result


def _module_ends(source: bytes) -> dict[tuple[str, ...], int]:
    """Where an item can be added to each module: before the line of its closing brace, or at the end of the file."""
    ends: dict[tuple[str, ...], int] = {(): len(source)}
    for item in items(source):
        if item.kind == "mod_item" and item.inline:
            ends[(*item.module, item.name)] = _line_start(source, item.end - 1)
    return ends


def _line_start(source: bytes, offset: int) -> int:
    start = source.rfind(b"\n", 0, offset) + 1
    return start if not source[start:offset].strip() else offset


def _line_end(source: bytes, offset: int) -> int:
    end = source.find(b"\n", offset)
    end = len(source) if end < 0 else end + 1
    return end if not source[offset:end].strip() else offset


# --- Cargo.toml ------------------------------------------------------------------------------------------------------


def _manifest_parts(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """The same for a manifest, by whole tables: dev-dependencies and test targets belong to the tests."""
    ours, theirs = _tables(old), _tables(new)

    def combine(source: list[tuple[str, bytes]], test: list[tuple[str, bytes]]) -> bytes:
        kept = [text for name, text in source if not _TEST_TABLE.search(name)]
        added = [text for name, text in test if _TEST_TABLE.search(name)]
        return b"".join(_ended(text) for text in (*kept, *added))

    same_tests = [text for name, text in ours if _TEST_TABLE.search(name)] == [
        text for name, text in theirs if _TEST_TABLE.search(name)
    ]
    if same_tests:
        return old, new
    rest_is_same = [text for name, text in ours if not _TEST_TABLE.search(name)] == [
        text for name, text in theirs if not _TEST_TABLE.search(name)
    ]
    return (new, old) if rest_is_same else (combine(ours, theirs), combine(theirs, ours))


def _ended(text: bytes) -> bytes:
    return text if text.endswith(b"\n") else text + b"\n"


def _tables(manifest: bytes) -> list[tuple[str, bytes]]:
    """The manifest cut at its table headers, each piece with the header's name."""
    pieces: list[tuple[str, bytes]] = [("", b"")]
    for line in manifest.splitlines(keepends=True):
        if match := _HEADER.match(line.decode(errors="replace").rstrip("\r\n")):
            pieces.append((match[1], line))
        else:
            name, text = pieces[-1]
            pieces[-1] = (name, text + line)
    return pieces
