"""The tree between the tests and the change: what the change adds is there by its signature, and does nothing yet.

New functions panic with `todo!()`; those that only change do what they did. Where that cannot be said, there are no stubs.
Where what is behind the functions changes too, only the new public ones are added to what was there.
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
    """`key` finds it in another version of the file; `body` are the bytes of its block, braces included, `indent` its blanks.

    `start` is the first byte of the attributes and comments in front of it.
    """

    key: tuple[str, str]
    head: str
    body: tuple[int, int]
    indent: int
    start: int


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


def with_additions(tests: Tree, head: Tree) -> Tree | None:
    """`tests` with a stub of each new public function in the files that it has; None where there is none."""
    result = dict(tests)
    for path in changed(tests, head):
        old, new = tests[path].text if path in tests else None, head[path].text if path in head else None
        if path.endswith(".rs") and old is not None and new is not None:
            result[path] = replace(tests[path], data=_added(old, new).encode())
    return result if changed(tests, result) else None


def public_functions(text: str) -> set[str]:
    """The names of the functions outside of tests that say `pub`, behind the type whose they are."""
    found = set()
    for function in _functions(text):
        owner = re.search(r"\bimpl\b(?:<[^{]*?>)?\s+(?:.*\bfor\s+)?(\w+)[^/]*$", function.key[0])
        if _is_public(function):
            found.add(f"{owner[1]}::{function.key[1]}" if owner else function.key[1])
    return found


def _is_public(function: _Function) -> bool:
    return re.match(r"(?:#\[[^\]]*\]\s*)*pub\b(?!\s*\()", function.head) is not None


def _added(old: str, new: str) -> str:
    """The old text with a stub of each public function that only the new one has, in a block that is there or in one of its own."""
    known = {function.key for function in _functions(old)}
    blocks = dict(_blocks(rust.parse(old), ""))
    regions = rust.test_regions(old)
    lines = old.encode().splitlines(keepends=True)
    top = regions[0].start if regions else len(lines)
    added: dict[int, list[str]] = {}
    fresh: dict[str, list[str]] = {}
    for function in _functions(new):
        container, _ = function.key
        if function.key in known or not _is_public(function):
            continue
        stub = _stub(function, new.encode())
        if container in blocks:
            added.setdefault(blocks[container], []).append(f"\n{stub}")
        elif container.count("/") == 1:
            fresh.setdefault(container, []).append(stub)
        elif not container:
            added.setdefault(top, []).append(f"{stub}\n" if regions else f"\n{stub}")
    for container, stubs in fresh.items():
        block = f"{container[1:]} {{\n" + "\n".join(stubs) + "}\n"
        added.setdefault(top, []).append(f"{block}\n" if regions else f"\n{block}")
    for row in sorted(added, reverse=True):
        lines[row:row] = [text.encode() for text in added[row]]
    return b"".join(lines).decode()


def _stub(function: _Function, source: bytes) -> str:
    """The function with its attributes and the words about it, as far as no example begins: that would be a test."""
    blanks = " " * function.indent
    told: list[str] = []
    is_example = False
    for line in source[function.start : function.body[0]].decode().splitlines():
        words = line.strip()
        is_example = words.startswith("///") and (is_example or "```" in words)
        if words.startswith("///") and is_example and told and told[-1].strip() == "///":
            told.pop()
        elif not is_example:
            told.append(line if told else f"{blanks}{words}")
    return "\n".join(told).rstrip() + f" {{\n{blanks}    todo!()\n{blanks}}}\n"


def _blocks(node: Node, container: str) -> Iterator[tuple[str, int]]:
    """The containers of functions as in the keys of `_Function`, each with the row of its closing brace."""
    for child in node.children:
        block = child.child_by_field_name("body")
        if child.type in ("impl_item", "trait_item", "mod_item") and block is not None:
            head = (child.text or b"")[: block.start_byte - child.start_byte].decode()
            key = f"{container}/{' '.join(head.split())}"
            if block.end_point.row > block.start_point.row:
                yield key, block.end_point.row
            yield from _blocks(block, key)


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
            place, indent = (body.start_byte, body.end_byte), child.start_point.column
            yield _Function(key, " ".join(head.split()), place, indent, _first(child))
        elif child.type in ("impl_item", "trait_item", "mod_item"):
            block = child.child_by_field_name("body")
            if block is not None:
                head = (child.text or b"")[: block.start_byte - child.start_byte].decode()
                yield from _below(block, f"{container}/{' '.join(head.split())}", tests)


def _first(item: Node) -> int:
    """The first byte of the attributes and comments that stand right above an item."""
    first, before = item, item.prev_sibling
    while before is not None and before.type in ("attribute_item", "line_comment"):
        if first.start_point.row - before.start_point.row > 1:
            break
        first, before = before, before.prev_sibling
    return first.start_byte
