"""Splits a change in two: the tree with the new tests but the old code, and the rest.

Test files, fixtures, the test items of a source file, and what of a manifest only tests need are the test part. Documentation
tests stay with the code that they document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from simulator.player import rust
from simulator.trees import File, Tree, changed

FIXTURES = {"tests", "test", "testdata", "test-data", "test_data", "fixtures", "snapshots"}
TEST_SECTION = re.compile(r"\[(?:target\..*\.)?dev-dependencies\b.*\]|\[\[test\]\]|\[\[bench\]\]")
HEADER = re.compile(r"^\s*\[")


def with_tests(base: Tree, target: Tree) -> dict[str, File]:
    """`base` with the test part of the way to `target`."""
    result = dict(base)
    modules = test_modules(base) | test_modules(target)
    for path in changed(base, target):
        new = target.get(path)
        if is_test_file(path, modules):
            _put(result, path, new)
        elif path in base and new is not None:
            old_text, new_text = base[path].text, new.text
            if old_text is not None and new_text is not None:
                result[path] = File(_test_part(path, old_text, new_text).encode(), base[path].mode)
    return result


def _put(tree: dict[str, File], path: str, file: File | None) -> None:
    if file is None:
        tree.pop(path, None)
    else:
        tree[path] = file


def is_test_file(path: str, modules: frozenset[str] | set[str]) -> bool:
    """Whether the whole file is there for tests: by its folder, or because a `#[cfg(test)] mod` announces it."""
    parts = PurePosixPath(path).parts
    if path in modules or any(path.startswith(module.removesuffix(".rs") + "/") for module in modules):
        return True
    if "src" in parts[:-1]:
        return any(part in FIXTURES - {"test"} for part in parts[:-1]) and not path.endswith(".rs")
    return any(part in FIXTURES for part in parts[:-1])


def test_modules(tree: Tree) -> set[str]:
    """The files that a `#[cfg(test)] mod name;` announces."""
    found: set[str] = set()
    for path, file in tree.items():
        text = file.text if path.endswith(".rs") else None
        if text is None or "test" not in text:
            continue
        place = PurePosixPath(path)
        folder = place.parent if place.name in ("lib.rs", "main.rs", "mod.rs") else place.with_suffix("")
        for region in rust.test_regions(text):
            if region.declares:
                found |= {str(folder / f"{region.declares}.rs"), str(folder / region.declares / "mod.rs")} & tree.keys()
    return found


def _test_part(path: str, old: str, new: str) -> str:
    if path.endswith(".rs"):
        return splice(old, new)
    if PurePosixPath(path).name == "Cargo.toml":
        return splice_manifest(old, new)
    return old


def lay_over(path: str, own: str, new: str) -> str:
    """A file with the new version's tests laid over its own; tests that only it has are kept."""
    if path.endswith(".rs"):
        return splice(own, new, keeps=True)
    return _test_part(path, own, new)


def splice(old: str, new: str, *, keeps: bool = False) -> str:
    """The old file with the new file's test items in place of its own; those that the new one lacks are taken out or kept."""
    lines, fresh = old.splitlines(keepends=True), new.splitlines(keepends=True)
    before = {region.key: region for region in rust.test_regions(old)}
    after = rust.test_regions(new)
    edits: list[tuple[int, int, list[str]]] = []
    place = None
    for index, region in enumerate(after):
        text = fresh[region.start : region.end]
        known = before.pop(region.key, None)
        if known is not None:
            edits.append((known.start, known.end, text))
            place = known.end
            continue
        gap = _blank_lines_before(fresh, region.start)
        if place is None:
            following = next((before[later.key] for later in after[index + 1 :] if later.key in before), None)
            place = following.start if following else len(lines)
            if following:
                edits.append((place, place, [*text, *gap]))
                place = None
                continue
        edits.append((place, place, [*gap, *text]))
    if not keeps:
        edits += [(region.start, _with_blank_line(lines, region), []) for region in before.values()]
    # Equal places keep their order: what comes first in the new file comes first here.
    result: list[str] = []
    position = 0
    for start, end, text in sorted(edits, key=lambda edit: edit[0]):
        result += lines[position:start]
        if text and result and not result[-1].endswith("\n"):
            result[-1] += "\n"
        result += text
        position = max(position, end)
    return "".join(result + lines[position:])


def _blank_lines_before(lines: list[str], start: int) -> list[str]:
    first = start
    while first > 0 and not lines[first - 1].strip():
        first -= 1
    return lines[first:start]


def _with_blank_line(lines: list[str], region: rust.Region) -> int:
    end = region.end
    return end + 1 if end < len(lines) and not lines[end].strip() else end


def splice_manifest(old: str, new: str) -> str:
    """The old manifest with the new one's sections for tests."""
    before, after = _sections(old), _sections(new)
    kept = [(header, text) for header, text in before if not TEST_SECTION.match(header)]
    fresh = [(header, text) for header, text in after if TEST_SECTION.match(header)]
    if fresh == [section for section in before if TEST_SECTION.match(section[0])]:
        return old
    # Each section goes behind the one that it follows in the new manifest, if the old one has it too.
    result = list(kept)
    order = [header for header, _ in after]
    for number, (header, text) in enumerate(after):
        if (header, text) not in fresh:
            continue
        known = [each for each, _ in result]
        previous = next((each for each in reversed(order[:number]) if each in known), None)
        place = len(known) - known[::-1].index(previous) if previous is not None else len(result)
        result.insert(place, (header, text))
    return _joined(result)


def _sections(text: str) -> list[tuple[str, str]]:
    sections: list[tuple[str, str]] = []
    current: list[str] = []
    header = ""
    for line in text.splitlines(keepends=True):
        if HEADER.match(line) and not line.startswith(" "):
            sections.append((header, "".join(current)))
            header, current = line.strip(), []
        current.append(line)
    sections.append((header, "".join(current)))
    return sections


def _joined(sections: list[tuple[str, str]]) -> str:
    text = ""
    for _, part in sections:
        if part and text and not text.endswith("\n\n"):
            text = text.rstrip("\n") + "\n\n"
        text += part
    return text.rstrip("\n") + "\n"


def dependencies(manifest: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """All dependencies of a parsed manifest, of every kind and target, as tables by name."""
    found: dict[str, dict[str, object]] = {}
    targets = manifest.get("target")
    places = [manifest, *(targets.values() if isinstance(targets, dict) else [])]
    workspace = manifest.get("workspace")
    places += [workspace] if isinstance(workspace, dict) else []
    for place in places:
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            for name, value in (place.get(kind) or {}).items() if isinstance(place, dict) else ():
                table = {"version": value} if isinstance(value, str) else dict(value)
                found[str(table.get("package", name))] = table
    return found
