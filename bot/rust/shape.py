"""What one Rust source file declares, as far as others could see it: items, imports, impls, what macros are given; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tree_sitter import Node

from bot.rust.declarations import (
    COMMENTS,
    KINDS,
    Declared,
    Entry,
    Impl,
    Member,
    entries_of,
    flags_of,
    impls_of,
    is_hidden,
    is_public,
    item_of,
    line_of,
)
from bot.rust.signatures import Scope, Signature, canonical, text_of, without_comments
from bot.rust.syntax import tree

_NAMED_IN_MACRO = re.compile(
    r"\bpub\s+(?:unsafe\s+|const\s+|async\s+)*(fn|struct|enum|trait|type|static|union)\s+(\w+)"
)
_BRANCH = re.compile(r"(?:if\s*#\s*\[\s*(?P<cfg>cfg\s*\([^{}]{0,300}?\))\s*\]|else)\s*\{")


@dataclass(frozen=True, slots=True)
class Use:
    """An import: `target` as it is written, `name` as it is known here, or `*`."""

    module: tuple[str, ...]
    target: tuple[str, ...]
    name: str
    is_public: bool
    line: int
    flags: frozenset[str] = frozenset()
    path: str = ""


@dataclass(slots=True)
class Shape:
    """Everything that a file declares, in order."""

    declared: list[Declared] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    impls: list[Impl] = field(default_factory=list)


def shape(source: str) -> Shape:
    """Read a file; broken code gives what can be told of it, and what only test builds compile is left out."""
    found = Shape()
    root = tree(source.encode())
    _walk(entries_of(root), (), frozenset(_file_flags(root)), True, found)
    return found


def _file_flags(root: Node) -> Iterator[str]:
    for node in root.named_children:
        if node.type == "inner_attribute_item":
            text = text_of(node)[2:].strip().removeprefix("[").removesuffix("]").strip()
            yield from (flag for flag in flags_of((text,)) if flag.startswith("cfg("))


def _walk(
    entries: Sequence[Entry], module: tuple[str, ...], flags: frozenset[str], is_certain: bool, into: Shape
) -> None:
    uses = [use for entry in entries if entry.node.type == "use_declaration" for use in _uses(entry, module, flags)]
    into.uses += uses
    scope = Scope({use.name: "::".join(use.target) for use in uses if use.name not in ("*", "_")})
    for entry in entries:
        node, own = entry.node, flags | flags_of(entry.attributes)
        node = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
        if node.type == "impl_item":
            into.impls += impls_of(node, entry.attributes, module, own, scope)
        elif node.type == "macro_invocation":
            _macro_call(node, module, own, into)
        elif node.type == "extern_crate_declaration" and is_public(node):
            name = text_of(node.child_by_field_name("alias") or node.child_by_field_name("name"))
            into.uses.append(Use(module, (text_of(node.child_by_field_name("name")),), name, True, line_of(node), own))
        elif node.type == "foreign_mod_item" and (body := node.child_by_field_name("body")) is not None:
            into.declared += [
                item_of(inner.node, inner.attributes, module, own, scope, is_certain)
                for inner in entries_of(body) if inner.node.type in KINDS
            ]  # fmt: skip
        elif node.type in KINDS:
            item = item_of(node, entry.attributes, module, own, scope, is_certain)
            into.declared.append(item)
            body = node.child_by_field_name("body")
            if item.kind == "mod" and body is not None:
                _walk(entries_of(body), (*module, item.name), flags, is_certain, into)


def _uses(entry: Entry, module: tuple[str, ...], flags: frozenset[str]) -> Iterator[Use]:
    is_shown = is_public(entry.node) and not is_hidden(entry.attributes)
    own = flags | flags_of(entry.attributes)
    argument = entry.node.child_by_field_name("argument")
    if argument is not None:
        for target, name in _imported(argument, ()):
            yield Use(module, target, name, is_shown, line_of(entry.node), own)


def _imported(node: Node, before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if node.type in ("use_list", "scoped_use_list"):
        path = node.child_by_field_name("path")
        inside = (*before, *_segments(text_of(path)))
        listed = node if node.type == "use_list" else node.child_by_field_name("list")
        for child in listed.named_children if listed is not None else []:
            yield from _imported(child, inside)
    elif node.type == "use_wildcard":
        path_text = text_of(node).rpartition("*")[0]
        yield (*before, *_segments(path_text)), "*"
    elif node.type == "use_as_clause":
        target = (*before, *_segments(text_of(node.child_by_field_name("path"))))
        target = target[:-1] if target[-1] == "self" and len(target) > 1 else target
        yield target, text_of(node.child_by_field_name("alias"))
    elif node.type not in COMMENTS:
        target = (*before, *_segments(text_of(node)))
        target = target[:-1] if target and target[-1] == "self" and len(target) > 1 else target
        if target:
            yield target, target[-1]


def _segments(text: str) -> tuple[str, ...]:
    return tuple(part for part in "".join(without_comments(text).split()).split("::") if part)


# --- macro calls -----------------------------------------------------------------------------------------------------


def _macro_call(node: Node, module: tuple[str, ...], flags: frozenset[str], into: Shape) -> None:
    """Items that are handed to a macro: those that only hide behind a `cfg` for certain, others with a doubt."""
    name = text_of(node.child_by_field_name("macro")).rpartition("::")[2]
    tokens = next((child for child in node.named_children if child.type == "token_tree"), None)
    inner = text_of(tokens)[1:-1]
    if "pub" not in inner and "mod " not in inner and "impl" not in inner:
        return
    first = line_of(tokens) - 1 if tokens is not None else 0
    is_cfg = name.startswith("cfg_") or name.endswith("_cfg")
    for text, more, offset in _branches(inner, name):
        root = tree(text.encode())
        if not root.has_error:
            part = Shape()
            _walk(entries_of(root), module, flags | more, is_cfg, part)
            at = first + offset
            into.declared += [
                replace(item, line=item.line + at, members=_moved(item.members, at)) for item in part.declared
            ]
            into.uses += [replace(use, line=use.line + at) for use in part.uses]
            into.impls += [replace(one, line=one.line + at, members=_moved(one.members, at)) for one in part.impls]
        else:
            whole = Signature(shape=canonical(text, Scope()))
            into.declared += [
                Declared(match[1], match[2], module, True, first + offset + 1 + text.count("\n", 0, match.start()), whole,
                         f"{match[1]} {match[2]}", flags | more, is_certain=False)
                for match in _NAMED_IN_MACRO.finditer(without_comments(text))
            ]  # fmt: skip


def _moved(members: tuple[Member, ...], by: int) -> tuple[Member, ...]:
    return tuple(replace(one, line=one.line + by, members=_moved(one.members, by)) for one in members)


def _branches(inner: str, name: str) -> Iterator[tuple[str, frozenset[str], int]]:
    """The pieces of a macro's input that may be items, with the `cfg` they stand behind and their first line."""
    if name != "cfg_if":
        is_named = name.startswith("cfg_") or name.endswith("_cfg")
        yield inner, frozenset([f"{name}!"] if is_named else []), 0
        return
    for match in _BRANCH.finditer(inner):
        end, depth = match.end(), 1
        while end < len(inner) and depth:
            depth += (inner[end] == "{") - (inner[end] == "}")
            end += 1
        cfg = "".join((match["cfg"] or "cfg(else)").split())
        yield inner[match.end() : end - 1], frozenset([cfg]), inner.count("\n", 0, match.end())
