"""The tree between the tests and the change: what the change adds is there by its signature, and does nothing yet.

New functions panic with `todo!()`; those that only change do what they did. Where that cannot be said, there are no stubs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tree_sitter import Node

from simulator.player import rust, split
from simulator.trees import Tree, changed


@dataclass(frozen=True, slots=True)
class _Function:
    """`key` finds it in another version of the file; `body` are the bytes of its block, braces included, `indent` its blanks."""

    key: tuple[str, str]
    head: str
    body: tuple[int, int]
    indent: int


def with_stubs(base: Tree, tests: Tree, head: Tree) -> Tree | None:
    """`tests` with the head's signatures; None where nothing is new but tests, or a new function cannot be a stub."""
    result = dict(tests)
    modules = split.test_modules(head) | split.test_modules(base)
    found = False
    for path in changed(tests, head):
        if split.is_test_file(path, modules):
            continue
        new = head.get(path)
        if new is None or not path.endswith(".rs"):
            if new is not None and path.rpartition("/")[2] in ("Cargo.toml", "Cargo.lock"):
                result[path] = new
            continue
        old = base[path].text if path in base else ""
        if new.text is None or old is None:
            return None
        stubbed = _stubbed(old, new.text)
        if stubbed is None:
            return None
        found = found or "todo!()" in stubbed.replace(old, "")
        result[path] = replace(new, data=stubbed.encode())
    return result if found else None


def public_functions(text: str) -> set[str]:
    """The names of the functions outside of tests that say `pub`, behind the type whose they are."""
    found = set()
    for function in _functions(text):
        owner = re.search(r"\bimpl\b(?:<[^{]*?>)?\s+(?:.*\bfor\s+)?(\w+)[^/]*$", function.key[0])
        if re.match(r"(?:#\[[^\]]*\]\s*)*pub\b(?!\s*\()", function.head):
            found.add(f"{owner[1]}::{function.key[1]}" if owner else function.key[1])
    return found


def _stubbed(old: str, new: str) -> str | None:
    before = {function.key: (function, old.encode()) for function in _functions(old)}
    data = new.encode()
    edits: list[tuple[int, int, bytes]] = []
    for function in _functions(new):
        known, source = before.get(function.key, (None, b""))
        start, end = function.body
        if known is not None and known.head == function.head:
            edits.append((start, end, source[known.body[0] : known.body[1]]))
        elif re.search(r"->\s*impl\b", function.head):
            return None
        else:
            blanks = " " * function.indent
            edits.append((start, end, f"{{\n{blanks}    todo!()\n{blanks}}}".encode()))
    for start, end, text in sorted(edits, reverse=True):
        data = data[:start] + text + data[end:]
    return data.decode()


def _functions(text: str) -> list[_Function]:
    """The outermost functions outside of test items."""
    tests = [(region.start, region.end) for region in rust.test_regions(text)]
    return list(_below(rust.parse(text), "", tests))


def _below(node: Node, container: str, tests: list[tuple[int, int]]) -> Iterator[_Function]:
    for child in node.children:
        row = child.start_point.row
        if any(start <= row < end for start, end in tests):
            continue
        if child.type == "function_item":
            body = child.child_by_field_name("body")
            name = child.child_by_field_name("name")
            if body is None or name is None:
                continue
            head = (child.text or b"")[: body.start_byte - child.start_byte].decode()
            key = (container, (name.text or b"").decode())
            yield _Function(key, " ".join(head.split()), (body.start_byte, body.end_byte), child.start_point.column)
        elif child.type in ("impl_item", "trait_item", "mod_item"):
            block = child.child_by_field_name("body")
            if block is not None:
                head = (child.text or b"")[: block.start_byte - child.start_byte].decode()
                yield from _below(block, f"{container}/{' '.join(head.split())}", tests)
