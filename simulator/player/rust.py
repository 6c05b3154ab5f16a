"""What the player needs to know of a Rust file: where its tests are, where its functions begin, what is inside a string."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

LANGUAGE = Language(tree_sitter_rust.language())
NAMED = (
    "mod_item",
    "function_item",
    "struct_item",
    "enum_item",
    "const_item",
    "static_item",
    "type_item",
    "trait_item",
)
TEST_ATTRIBUTE = re.compile(r"#\[\s*(?:[\w:]*\btest\b|rstest|test_case|case|proptest|quickcheck)[\w:]*\s*[\](]")
CFG_TEST = re.compile(r"#\[\s*cfg\s*\(\s*(?:all\s*\(\s*)?(?:\w+\s*=\s*\"[^\"]*\"\s*,\s*)*test\b")


@dataclass(frozen=True, slots=True)
class Region:
    """An item at the top of a file that is only there for tests: whole lines `start` to `end` (from 0, end excluded).

    `key` finds the same item in another version of the file; `declares` is the module whose file it announces.
    """

    key: tuple[str, str, int]
    start: int
    end: int
    declares: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A function outside the tests; `body` is the byte just behind its opening brace, lines count from 0, end included."""

    name: str
    body: int
    first_line: int
    last_line: int
    is_const: bool


def parse(text: str) -> Node:
    return Parser(LANGUAGE).parse(text.encode()).root_node


def test_regions(text: str) -> list[Region]:
    """The test items at the top level, in order."""
    regions: list[Region] = []
    seen: dict[tuple[str, str], int] = {}
    for item, leading in _items(parse(text)):
        attributes = [_text(node) for node in leading if node.type == "attribute_item"]
        is_test = any(CFG_TEST.match(each) for each in attributes) or (
            item.type == "function_item" and any(TEST_ATTRIBUTE.match(each) for each in attributes)
        )
        if not is_test:
            continue
        name = _name(item)
        count = seen[item.type, name] = seen.get((item.type, name), -1) + 1
        start = (leading[0] if leading else item).start_point.row
        declares = name if item.type == "mod_item" and item.child_by_field_name("body") is None else None
        regions.append(Region((item.type, name, count), start, item.end_point.row + 1, declares))
    return regions


def _items(root: Node) -> Iterator[tuple[Node, list[Node]]]:
    """Each item with the attributes and outer comments in front of it."""
    leading: list[Node] = []
    for node in root.named_children:
        if node.type in ("attribute_item", "line_comment", "block_comment"):
            if leading and node.start_point.row > leading[-1].end_point.row + 1:
                leading = []
            leading.append(node)
            continue
        # A comment with an empty line behind it, or behind code on its line, does not belong to the item.
        yield node, leading if leading and node.start_point.row <= leading[-1].end_point.row + 1 else []
        leading = []


def _name(item: Node) -> str:
    name = item.child_by_field_name("name")
    return _text(name) if name is not None else " ".join(_text(item).split())[:200]


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def functions(text: str) -> list[Function]:
    """The functions with a body, wherever they are, but not in test items."""
    tests = [(region.start, region.end) for region in test_regions(text)]
    found = []
    for node in _walk(parse(text)):
        body = node.child_by_field_name("body") if node.type == "function_item" else None
        row = node.start_point.row
        if body is None or any(start <= row < end for start, end in tests):
            continue
        head = (node.text or b"")[: body.start_byte - node.start_byte].decode()
        is_const = re.search(r"\bconst\b[^()]*\bfn\b", head) is not None
        found.append(Function(_name(node), body.start_byte + 1, row, node.end_point.row, is_const))
    return found


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def is_inside_literal(text: str, line: int) -> bool:
    """Whether line `line` (from 0) begins inside a string or a block comment."""
    for node in _walk(parse(text)):
        literal = node.type in ("string_literal", "raw_string_literal", "block_comment")
        if literal and node.start_point.row < line <= node.end_point.row:
            return True
    return False


def with_first_assertions(text: str, names: Collection[str]) -> str:
    """The file in which the named functions keep only the first of the assertions that stand in them one after the other."""
    lines = text.splitlines(keepends=True)
    gone: set[int] = set()
    for node in _walk(parse(text)):
        body = node.child_by_field_name("body") if node.type == "function_item" and _name(node) in names else None
        found = [each for each in body.children if _is_assertion(each)] if body is not None else []
        for each in found[1:]:
            gone.update(range(each.start_point.row, each.end_point.row + 1))
    return "".join(line for number, line in enumerate(lines) if number not in gone)


def without_tests(text: str, names: Collection[str]) -> str:
    """The file without the named tests at its top level, and without the empty line before each."""
    lines = text.splitlines(keepends=True)
    regions = [each for each in test_regions(text) if each.key[1] in names]
    gone = {row for region in regions for row in range(region.start, region.end)}
    gone |= {region.start - 1 for region in regions if region.start and not lines[region.start - 1].strip()}
    return "".join(line for number, line in enumerate(lines) if number not in gone)


def _is_assertion(statement: Node) -> bool:
    """`assert!(…);` and its like, as a statement of its own."""
    return statement.type == "expression_statement" and _text(statement).startswith(
        ("assert!", "assert_eq!", "assert_ne!")
    )


def names_of_tests(text: str) -> list[str]:
    """The names of all functions in the file that carry a test attribute, at any depth."""
    return re.findall(
        r"#\[[^\]]*test[^\]]*\](?:\s*(?:#\[[^\]]*\]|//[^\n]*))*\s*(?:pub\s+)?(?:async\s+)?fn\s+(\w+)", text
    )
