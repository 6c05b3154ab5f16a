"""Finds the tests that a crate's own macros make of their calls, by the rules of `macro_rules!`; expands nothing.

`cases! { empty: "" => 0, one: "a" => 1 }` holds two tests if a rule of `cases!` writes `#[test] fn $name()`. A call is held
against the rules in their order, as the compiler does it; what fits none, or fits one that makes no test, holds none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from bot.rust.syntax import Item, is_test_attribute, tree

_COMMENTS = ("line_comment", "block_comment")
_LONGEST_CHAIN = 4
"""So many macros that call each other are followed."""
_WRITES_A_TEST = re.compile(r"macro_rules\s*!.*#\s*\[[^\]]*\w", re.DOTALL)
# Fragments that are always one token tree; a literal may have a sign before it.
_ONE_TOKEN = frozenset(["ident", "tt", "lifetime", "block", "literal"])
# The last stands for a name where one macro hands on to another what it was called with.
_NAMES = frozenset(["identifier", "primitive_type", "metavariable"])


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a macro: what it matches, and the names of the variables that it makes test functions of."""

    pattern: tuple[Node, ...]
    tests: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Bound:
    """A variable of a rule, what it stands for, and the tokens of the repetition that it is in (all of the call if in none)."""

    variable: str
    node: Node
    around: tuple[Node, ...] = ()


class _NoMatch(Exception):
    """The tokens are not what the rule wants."""


Makers = Mapping[str, tuple[Rule, ...]]


def makers(texts: Iterable[str]) -> Makers:
    """The macros of these files that make tests, by name; where two have one name, the first counts.

    One that hands names on to a macro which makes tests of them makes them as well.
    """
    sources = [text for text in texts if "macro_rules" in text]
    if not any(_WRITES_A_TEST.search(text) for text in sources):
        return {}
    defined: dict[str, list[Node]] = {}
    for text in sources:
        for node in _all_of_kind(tree(text.encode()), "macro_definition"):
            rules = [child for child in node.named_children if child.type == "macro_rule"]
            defined.setdefault(_text(node.child_by_field_name("name")), rules)
    known: dict[str, tuple[Rule, ...]] = {}
    for _ in range(_LONGEST_CHAIN):
        read = {name: tuple(_rules(rules, known)) for name, rules in defined.items()}
        found = {name: rules for name, rules in read.items() if any(rule.tests for rule in rules)}
        if _sizes(found) == _sizes(known):
            break
        known = found
    return known


def _sizes(known: Makers) -> dict[str, list[int]]:
    return {name: [len(rule.tests) for rule in rules] for name, rules in known.items()}


def made_tests(source: bytes, known: Makers) -> tuple[Item, ...]:
    """The tests that calls of these macros make in the file, each with the part of the call that is its own."""
    if not any(name.encode() in source for name in known):
        return ()
    return tuple(_made(tree(source), source, (), known))


def _made(parent: Node, source: bytes, module: tuple[str, ...], known: Makers) -> Iterator[Item]:
    for node in parent.named_children:
        body = node.child_by_field_name("body")
        if node.type == "mod_item" and body is not None:
            yield from _made(body, source, (*module, _text(node.child_by_field_name("name"))), known)
            continue
        call = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
        if call.type != "macro_invocation":
            continue
        name = _text(call.child_by_field_name("macro")).rpartition("::")[2].strip()
        for bound in _names(_inside(call.named_children[-1]), known.get(name, ())):
            first, last = (bound.around[0], bound.around[-1]) if bound.around else (call, call)
            yield Item(
                kind="macro_invocation",
                name=_text(bound.node),
                module=module,
                attributes=(),
                start=first.start_byte,
                end=last.end_byte,
                line=bound.node.start_point[0] + 1,
                end_line=last.end_point[0] + 1,
                text=source[first.start_byte : last.end_byte].decode(errors="replace"),
            )


def _names(tokens: Sequence[Node], rules: Sequence[Rule]) -> list[_Bound]:
    """What the first rule that fits the call makes test functions of."""
    for rule in rules:
        try:
            end, bound = _match(rule.pattern, tokens, 0, "")
        except _NoMatch:
            continue
        if end == len(tokens):
            return [each for each in bound if each.variable in rule.tests]
    return []


# --- rules -----------------------------------------------------------------------------------------------------------


def _rules(definitions: Iterable[Node], known: Makers) -> Iterator[Rule]:
    for node in definitions:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and right is not None:
            pattern, written = _inside(left), _inside(right)
            # What is handed on token by token may hold names, but is none.
            handed_on = set(_handed_on(written, known)) & set(_identifiers(pattern))
            yield Rule(pattern, frozenset([*_test_names(written), *handed_on]))


def _identifiers(pattern: Sequence[Node]) -> Iterator[str]:
    """The variables of a rule that stand for a name."""
    for node in pattern:
        if node.type == "token_binding_pattern" and _text(node.child_by_field_name("type")) == "ident":
            yield _text(node.child_by_field_name("name"))
        elif node.type == "token_repetition_pattern":
            yield from _identifiers(_repeated(node)[0])
        elif node.type == "token_tree_pattern":
            yield from _identifiers(_inside(node))


def _handed_on(tokens: Sequence[Node], known: Makers) -> Iterator[str]:
    """The variables of which a macro that is called here makes tests; a repetition is looked at as if it came once."""
    for position, node in enumerate(tokens):
        if node.type == "token_repetition":
            yield from _handed_on(_repeated(node)[0], known)
        elif node.type == "token_tree" and position > 1 and _text(tokens[position - 1]) == "!":
            rules = known.get(_text(tokens[position - 2]), ())
            bound = _names(tuple(_once(_inside(node))), rules)
            yield from (_text(each.node) for each in bound if each.node.type == "metavariable")


def _once(tokens: Sequence[Node]) -> Iterator[Node]:
    for node in tokens:
        if node.type == "token_repetition":
            yield from _once(_repeated(node)[0])
        else:
            yield node


def _test_names(tokens: Sequence[Node]) -> Iterator[str]:
    """The variables that name functions with a test's attribute, outside of modules that the rule writes itself."""
    is_test = False
    for position, node in enumerate(tokens):
        if node.type == "token_repetition":
            yield from _test_names(_repeated(node)[0])
        elif node.type == "token_tree" and position and tokens[position - 1].type == "#":
            is_test = is_test or is_test_attribute(_text(node)[1:-1].strip())
        elif node.type == "token_tree" and _text(node).startswith("{"):
            is_test = False
        elif node.type == "metavariable" and is_test and position and _text(tokens[position - 1]) == "fn":
            yield _text(node)


# --- matching --------------------------------------------------------------------------------------------------------


def _match(pattern: Sequence[Node], tokens: Sequence[Node], at: int, after: str) -> tuple[int, list[_Bound]]:
    """How far the pattern reaches from `at`, and what it binds; `after` is the token that may follow it."""
    found: list[_Bound] = []
    for position, node in enumerate(pattern):
        following = _first(pattern[position + 1 :]) or after
        if node.type == "token_repetition_pattern":
            at, bound = _repetition(node, tokens, at, following)
            found += bound
        elif node.type == "token_binding_pattern":
            end = _fragment(_text(node.child_by_field_name("type")), tokens, at, following)
            if end > at:
                found.append(_Bound(_text(node.child_by_field_name("name")), tokens[at]))
            at = end
        elif at >= len(tokens):
            raise _NoMatch
        elif node.type == "token_tree_pattern":
            inside = _inside(tokens[at]) if tokens[at].type == "token_tree" else ()
            if tokens[at].type != "token_tree" or not _begins_with(tokens[at], _text(node)[:1]):
                raise _NoMatch
            end, bound = _match(_inside(node), inside, 0, "")
            if end != len(inside):
                raise _NoMatch
            found += bound
            at += 1
        elif _text(node) != _text(tokens[at]):
            raise _NoMatch
        else:
            at += 1
    return at, found


def _repetition(node: Node, tokens: Sequence[Node], at: int, following: str) -> tuple[int, list[_Bound]]:
    pattern, separator, operator = _repeated(node)
    found: list[_Bound] = []
    count, begin = 0, at
    while begin < len(tokens) and not (operator == "?" and count):
        try:
            end, bound = _match(pattern, tokens, begin, separator or following)
        except _NoMatch:
            break
        if end == begin:
            break
        found += [each if each.around else _Bound(each.variable, each.node, tuple(tokens[begin:end])) for each in bound]
        count, at = count + 1, end
        if separator and (end >= len(tokens) or _text(tokens[end]) != separator):
            break
        begin = end + 1 if separator else end
    if operator == "+" and not count:
        raise _NoMatch
    return at, found


def _fragment(kind: str, tokens: Sequence[Node], at: int, following: str) -> int:
    """Where a fragment ends: after one token tree, or before what follows it in the rule."""
    if kind in _ONE_TOKEN:
        end = at + (2 if kind == "literal" and at < len(tokens) and _text(tokens[at]) == "-" else 1)
        is_name = kind != "ident" or (at < len(tokens) and tokens[at].type in _NAMES)
        if end > len(tokens) or not is_name:
            raise _NoMatch
        return end
    end = at
    if kind == "vis":
        end += end < len(tokens) and _text(tokens[end]) == "pub"
        return end + (at < end < len(tokens) and _begins_with(tokens[end], "("))
    while end < len(tokens) and not (following and _begins_with(tokens[end], following)):
        end += 1
    if end == at:
        raise _NoMatch
    return end


def _begins_with(token: Node, text: str) -> bool:
    """Whether a token is this one, or a tree in these brackets."""
    return _text(token)[: len(text)] == text if token.type == "token_tree" else _text(token) == text


def _first(pattern: Sequence[Node]) -> str:
    """The token that a pattern begins with, where that is known."""
    for node in pattern:
        if node.type == "token_repetition_pattern":
            inner, _, operator = _repeated(node)
            if (first := _first(inner)) or operator == "+":
                return first
        else:
            return {"token_binding_pattern": "", "token_tree_pattern": _text(node)[:1]}.get(node.type, _text(node))
    return ""


def _repeated(node: Node) -> tuple[tuple[Node, ...], str, str]:
    """What stands in `$(…)`, the separator behind it and how often it may stand there."""
    children = node.children
    close = max(index for index, child in enumerate(children) if child.type == ")")
    tail = _text(node)[children[close].end_byte - node.start_byte :] if node.text is not None else ""
    inner = tuple(child for child in children[2:close] if child.type not in _COMMENTS)
    return inner, tail[:-1].strip(), tail[-1:]


# --- the tree --------------------------------------------------------------------------------------------------------


def _inside(node: Node) -> tuple[Node, ...]:
    """The tokens between the brackets, comments left out."""
    return tuple(child for child in node.children[1:-1] if child.type not in _COMMENTS)


def _all_of_kind(node: Node, kind: str) -> Iterator[Node]:
    for child in node.named_children:
        if child.type == kind:
            yield child
        elif child.type in ("mod_item", "declaration_list"):
            yield from _all_of_kind(child, kind)


def _text(node: Node | None) -> str:
    return node.text.decode(errors="replace") if node is not None and node.text is not None else ""
