"""The items of a Rust file with their attributes, modules and doc tests, by tree-sitter; tolerates broken code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

_LANGUAGE = Language(tree_sitter_rust.language())
_COMMENTS = ("line_comment", "block_comment")
_CONTAINERS = ("mod_item", "impl_item", "trait_item")
# Attribute macros that make a function a test although their last word is not `test`.
_TEST_ATTRIBUTES = frozenset(["test", "rstest", "test_case", "test_matrix", "quickcheck", "proptest", "gtest"])
# Those of them that make several tests out of one function, so that the printed name begins with the function's.
_MANY = frozenset(["rstest", "test_case", "test_matrix"])
_MACRO_TEST = re.compile(
    r"#\s*\[\s*(?:\w+\s*::\s*)*test\b[^\]]*\](?:\s*#\s*\[[^\]]*\])*\s*(?:pub\s+|async\s+)*fn\s+(\w+)"
)
_MACRO_FUNCTION = re.compile(r"\bfn\s+(\w+)")


@dataclass(frozen=True, slots=True)
class Item:
    """One item with the attributes and comments above it: bytes `start` … `end`, lines from 1.

    `module` is the path of modules inside the file; `attributes` are their texts without `#[…]`; `inline` tells a
    module with a body from one in a file of its own; `code_at` is where in `text` the item itself begins.
    """

    kind: str
    name: str
    module: tuple[str, ...]
    attributes: tuple[str, ...]
    start: int
    end: int
    line: int
    end_line: int
    inline: bool = False
    text: str = ""
    code_at: int = 0

    @property
    def is_test(self) -> bool:
        return self.kind == "function_item" and any(is_test_attribute(text) for text in self.attributes)

    @property
    def makes_many(self) -> bool:
        return any(_last_word(text) in _MANY for text in self.attributes)

    @property
    def is_for_tests_only(self) -> bool:
        """Whether the item exists in test builds only: a test, or behind a `cfg` that demands `test`."""
        return self.is_test or any(demands_test(text) for text in self.attributes)

    @property
    def is_public(self) -> bool:
        """Whether the item is visible outside its crate as far as its own words say."""
        return self._code.startswith("pub ") or "macro_export" in self.attributes

    @property
    def signature(self) -> str:
        """The item's code up to its body, on one line."""
        head = re.split(r"\{|;|=(?!=|>)" if self.kind != "macro_definition" else r"\{", self._code, maxsplit=1)[0]
        return " ".join(head.split())[:200]

    @property
    def _code(self) -> str:
        """The text behind the attributes and comments."""
        return self.text[self.code_at :].lstrip()

    @property
    def file(self) -> str | None:
        """The path that `#[path = "…"]` gives, if it does."""
        for text in self.attributes:
            if match := re.match(r'path\s*=\s*"(.*)"$', text):
                return match[1]
        return None


@dataclass(frozen=True, slots=True)
class DocTest:
    """A documentation test as rustdoc names it (`inner::S`), without its line number; `line` is where its fence stands."""

    item: str
    line: int
    text: str


def _last_word(attribute: str) -> str:
    match = re.match(r"((?:\w+\s*::\s*)*)(\w+)", attribute)
    return match[2] if match else ""


def is_test_attribute(attribute: str) -> bool:
    """Whether a function with this attribute, without its `#[…]`, is a test."""
    return _last_word(attribute) in _TEST_ATTRIBUTES


def demands_test(attribute: str) -> bool:
    """Whether `attribute` is `cfg(test)` or `cfg(all(…, test, …))`; `any(test, …)` and `not(test)` do not demand it."""
    match = re.match(r"cfg\s*\((.*)\)$", attribute, re.DOTALL)
    return match is not None and _demands(match[1].strip().rstrip(","))


def _demands(predicate: str) -> bool:
    if predicate == "test":
        return True
    match = re.match(r"all\s*\((.*)\)$", predicate, re.DOTALL)
    return match is not None and any(_demands(part.strip()) for part in split_predicates(match[1]))


def split_predicates(text: str) -> Iterator[str]:
    """The parts of what stands in the parentheses of `all(…)` or `any(…)`."""
    depth, start = 0, 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield text[start:position]
            start = position + 1
    yield text[start:]


def tree(source: bytes) -> Node:
    """The syntax tree of a file, for what wants to know more than its items."""
    return Parser(_LANGUAGE).parse(source).root_node


def items(source: bytes) -> tuple[Item, ...]:
    """Every item of the file in order, those of inline modules after their module."""
    return tuple(_items(tree(source), source, ()))


def _items(parent: Node, source: bytes, module: tuple[str, ...]) -> Iterator[Item]:
    start: int | None = None
    attributes: list[str] = []
    for node in parent.named_children:
        if node.type in ("attribute_item", *_COMMENTS):
            if node.type in _COMMENTS and start is None and not _is_outer_doc(node):
                continue
            start = node.start_byte if start is None else start
            if node.type == "attribute_item":
                attributes.append(_attribute(node, source))
            continue
        yield from _item(node, source, module, tuple(attributes), start)
        start, attributes = None, []


def _is_outer_doc(node: Node) -> bool:
    return any(child.type == "outer_doc_comment_marker" for child in node.named_children)


def _attribute(node: Node, source: bytes) -> str:
    return (
        source[node.start_byte : node.end_byte]
        .decode(errors="replace")[1:]
        .strip()
        .removeprefix("[")
        .removesuffix("]")
        .strip()
    )


def _item(
    node: Node, source: bytes, module: tuple[str, ...], attributes: tuple[str, ...], start: int | None
) -> Iterator[Item]:
    name = _name(node)
    body = node.child_by_field_name("body")
    begin = node.start_byte if start is None else start
    yield Item(
        kind=node.type,
        name=name,
        module=module,
        attributes=attributes,
        start=begin,
        end=node.end_byte,
        line=node.start_point[0] + 1,
        end_line=node.end_point[0] + 1,
        inline=body is not None,
        text=source[begin : node.end_byte].decode(errors="replace"),
        code_at=len(source[begin : node.start_byte].decode(errors="replace")),
    )
    if node.type == "mod_item" and body is not None:
        yield from _items(body, source, (*module, name))
    if node.type in ("macro_invocation", "expression_statement"):
        yield from _macro_tests(node, source, module)


def _macro_tests(node: Node, source: bytes, module: tuple[str, ...]) -> Iterator[Item]:
    """Tests written inside a macro call, as proptest! and quickcheck! have them."""
    text = source[node.start_byte : node.end_byte].decode(errors="replace")
    pattern = _MACRO_FUNCTION if re.match(r"(?:\w+::)*quickcheck\s*!", text) else _MACRO_TEST
    for match in pattern.finditer(text):
        line = node.start_point[0] + 1 + text.count("\n", 0, match.start(1))
        yield Item("function_item", match[1], module, ("test",), node.start_byte, node.end_byte, line, line, True, text)


def _name(node: Node) -> str:
    field = node.child_by_field_name("type" if node.type == "impl_item" else "name")
    return field.text.decode(errors="replace") if field is not None and field.text is not None else ""


def doc_tests(source: bytes) -> tuple[DocTest, ...]:
    """The fenced Rust examples in doc comments that rustdoc compiles, in order."""
    return tuple(_doc_tests(tree(source), ()))


def _doc_tests(parent: Node, path: tuple[str, ...]) -> Iterator[DocTest]:
    inner: list[tuple[int, str]] = []
    outer: list[tuple[int, str]] = []
    for node in (*parent.named_children, None):
        if node is not None and node.type in _COMMENTS:
            if any(child.type == "inner_doc_comment_marker" for child in node.named_children):
                inner += _comment_lines(node)
            elif _is_outer_doc(node):
                outer += _comment_lines(node)
            continue
        yield from _fences(inner, path)
        inner = []
        if node is None:
            break
        if node.type in ("attribute_item", "inner_attribute_item"):
            continue
        name = _name(node)
        here = (*path, name) if name else path
        yield from _fences(outer, here)
        outer = []
        body = node.child_by_field_name("body")
        if body is not None and node.type in (*_CONTAINERS, "struct_item", "enum_item", "union_item"):
            yield from _doc_tests(body, here)


def _comment_lines(node: Node) -> list[tuple[int, str]]:
    doc = node.child_by_field_name("doc")
    if doc is None or doc.text is None:
        return []
    first = doc.start_point[0] + 1
    texts = doc.text.decode(errors="replace").rstrip("\n").split("\n")
    return [(first + offset, re.sub(r"^\s*\*(?=\s|$)", "", text).strip()) for offset, text in enumerate(texts)]


def _fences(lines: list[tuple[int, str]], path: tuple[str, ...]) -> Iterator[DocTest]:
    fence, begin, is_rust, content = "", 0, False, list[str]()
    for line, text in lines:
        match = re.match(r"(`{3,}|~{3,})(.*)$", text)
        if match is None:
            if fence:
                content.append(text)
        elif not fence:
            fence, begin, is_rust, content = match[1], line, _is_rust(match[2]), []
        elif text.startswith(fence):
            if is_rust:
                yield DocTest("::".join(path), begin, "\n".join(content))
            fence = ""


def _is_rust(info: str) -> bool:
    """Whether rustdoc runs a fence with this info string: every word is `rust` or one of its own attributes."""
    known = {"rust", "should_panic", "no_run", "compile_fail", "test_harness", "standalone_crate", "custom"}
    return all(
        word in known or word.startswith(("edition", "ignore-")) or re.fullmatch(r"E\d{4}", word)
        for word in re.split(r"[,\s]+", info.strip())
        if word
    )
