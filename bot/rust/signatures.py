"""Signatures in a form that renaming a parameter, an import, a type parameter or a lifetime does not change; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tree_sitter import Node

from bot.domain import Semver

# Strings count as code here: the ABI of an `extern` and a macro's literal are part of what callers see.
_COMMENT = re.compile(r'"(?:\\.|[^"\\])*(?:"|\Z)|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_TOKEN = re.compile(
    r"'\w+(?!')|\"(?:\\.|[^\"\\])*\"|(?:::\s*)?(?:r#)?\w+(?:\s*::\s*(?:r#)?[A-Za-z_]\w*)*|->|=>|\.\.=|\S"
)
_WORDS = frozenset(["mut", "dyn", "impl", "for", "as", "const", "fn", "extern", "unsafe", "ref", "where", "async", "_"])
_LOCAL = frozenset(["crate", "self", "super"])
_LOOKS = {"named": "{ … }", "tuple": "( … )", "unit": ";", "mutable_specifier": "mut"}


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean where a signature stands: imports by name, type parameters by place, the type that `Self` is.

    `lifetimes` are those that the function itself declares, which can be renamed and left out.
    """

    imports: Mapping[str, str] = field(default_factory=dict)
    generics: Mapping[str, str] = field(default_factory=dict)
    lifetimes: frozenset[str] = frozenset()
    itself: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """What callers rely on: words like `unsafe`, the types in order, and what is demanded of type parameters."""

    modifiers: frozenset[str] = frozenset()
    shape: tuple[str, ...] = ()
    bounds: frozenset[str] = frozenset()


def text_of(node: Node | None) -> str:
    return node.text.decode(errors="replace") if node is not None and node.text is not None else ""


def in_code(text: str) -> str:
    """Text of a repository as code in Markdown: nothing in it can end the code and speak for itself."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def without_comments(text: str) -> str:
    return _COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else " ", text)


def canonical(text: str, scope: Scope) -> tuple[str, ...]:
    """The tokens of a type, with its names as `scope` has them; a trailing comma says nothing."""
    found: list[str] = []
    for match in _TOKEN.finditer(without_comments(text)):
        token = re.sub(r"\s", "", match[0])
        # `(T,)` is another type than `(T)`.
        if token in (")", ">", "]", "}") and found and found[-1] == "," and not (token == ")" and _is_single(found)):
            found.pop()
        if not re.match(r"(?:::)?(?:r#)?[A-Za-z_]", token) or token in _WORDS:
            found.append(token)
        else:
            found += _name(token, scope, is_member=bool(found) and found[-1] == ">")
    if found and found[-1] == ",":
        found.pop()
    return tuple(found)


def _is_single(tokens: Sequence[str]) -> bool:
    """Whether the comma at the end is the only one of the open parenthesis."""
    depth = 0
    for token in reversed(tokens[:-1]):
        depth += (token in (")", ">", "]")) - (token in ("(", "<", "["))
        if depth < 0:
            return token == "("
        if depth == 0 and token == ",":
            return False
    return False


def _name(token: str, scope: Scope, *, is_member: bool) -> list[str]:
    if is_member and token.startswith("::"):
        return [token]
    first, separator, rest = token.removeprefix("::").partition("::")
    if first in scope.generics:
        return [scope.generics[first] + separator + rest]
    if first == "Self" and scope.itself:
        return [*scope.itself, *([f"::{rest}"] if rest else [])]
    full = scope.imports.get(first, first) + separator + rest
    if full.split("::")[0] in _LOCAL:
        return [full.rpartition("::")[2]]
    return [re.sub(r"^(?:core|alloc)::", "std::", full)]


# --- generics --------------------------------------------------------------------------------------------------------


def parameters_of(node: Node, scope: Scope, sign: str) -> tuple[Scope, tuple[str, ...], frozenset[str]]:
    """The scope inside of the generics of `node`, the type and constant parameters by place, and what they must be.

    `sign` tells the parameters of an outer item from those of an inner one.
    """
    listed = node.child_by_field_name("type_parameters")
    children = listed.named_children if listed is not None else []
    types = [child for child in children if child.type in ("type_parameter", "const_parameter")]
    lifetimes = [child for child in children if child.type == "lifetime_parameter"]
    names = {text_of(child.child_by_field_name("name")): f"{sign}{n}" for n, child in enumerate(types)}
    is_function = node.type.startswith("function")
    if not is_function:
        names |= {text_of(child.child_by_field_name("name")): f"'{sign}{n}" for n, child in enumerate(lifetimes)}
    own = frozenset(text_of(child.child_by_field_name("name")) for child in lifetimes) if is_function else frozenset()
    inside = replace(scope, generics={**scope.generics, **names}, lifetimes=own)
    places = [] if is_function else [f"'{sign}{n}" for n in range(len(lifetimes))]
    bounds: set[str] = set()
    for child in types:
        name = names[text_of(child.child_by_field_name("name"))]
        kind = canonical(text_of(child.child_by_field_name("type")), inside)
        default = child.child_by_field_name("default_type") or child.child_by_field_name("value")
        places.append(
            " ".join([name, *kind]) + (" = " + " ".join(canonical(text_of(default), inside)) if default else "")
        )
        if child.type == "type_parameter":
            bounds |= {f"{name}: Sized", *_bounds((name,), child.child_by_field_name("bounds"), inside)}
    for child in lifetimes:
        bounds |= _bounds((text_of(child.child_by_field_name("name")),), child.child_by_field_name("bounds"), inside)
    for predicate in _predicates(node):
        left = canonical(text_of(predicate.child_by_field_name("left")), inside)
        bounds |= _bounds(left, predicate.child_by_field_name("bounds"), inside)
    relaxed = {bound for bound in bounds if ": ? " in bound}
    return inside, tuple(places), frozenset(bounds - relaxed - {bound.replace(": ? ", ": ") for bound in relaxed})


def _predicates(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        if child.type == "where_clause":
            yield from (inner for inner in child.named_children if inner.type == "where_predicate")


def _bounds(left: Sequence[str], bounds: Node | None, scope: Scope) -> set[str]:
    if bounds is None:
        return set()
    found = (canonical(text_of(child), scope) for child in bounds.named_children if "comment" not in child.type)
    # Bounds are compared as sets, so that a path's beginning, which may be imported or not, is left out.
    return {f"{' '.join(left)}: {' '.join(token.rpartition('::')[2] for token in bound)}" for bound in found}


# --- functions -------------------------------------------------------------------------------------------------------


def function(node: Node, scope: Scope) -> Signature:
    """The signature of a function without the names of its parameters."""
    inside, places, bounds = parameters_of(node, scope, "$")
    parameters: list[str] = []
    listed = node.child_by_field_name("parameters")
    for child in listed.named_children if listed is not None else []:
        if child.type == "self_parameter":
            written = [token for token in canonical(text_of(child), Scope()) if token != "mut" or "&" in text_of(child)]
            parameters += ["self", *written, ","]
        elif child.type == "parameter":
            is_self = text_of(child.child_by_field_name("pattern")) == "self"
            kind = text_of(child.child_by_field_name("type"))
            parameters += [*(["self"] if is_self else []), *canonical(kind, inside), ","]
        elif child.type != "attribute_item" and "comment" not in child.type:
            parameters += [*canonical(text_of(child), inside), ","]
    result = canonical(text_of(node.child_by_field_name("return_type")), inside)
    if result == ("(", ")"):
        result = ()
    used = {token for bound in bounds for token in bound.split() if token.startswith("'")}
    lifetimes = inside.lifetimes - {name.rstrip(":") for name in used}
    before, after = _elided(parameters, result, lifetimes)
    shape = ("<", *places, ">", "(", *before, ")", *(("->", *after) if after else ()))
    return Signature(_modifiers(node), shape, bounds)


def _modifiers(node: Node) -> frozenset[str]:
    words = next((child for child in node.named_children if child.type == "function_modifiers"), None)
    found = canonical(text_of(words), Scope()) if words is not None else ()
    return frozenset(" ".join(found).replace('extern "C"', "extern").replace("extern", 'extern-"C"').split())


def _elided(parameters: Sequence[str], result: Sequence[str], declared: frozenset[str]) -> tuple[list[str], list[str]]:
    """Lifetimes by the place of their first use, as the rules of elision would have named those left out."""
    numbers: dict[str, str] = {}
    count = 0
    own = ""
    before: list[str] = []
    is_receiver = False
    for position, token in enumerate(parameters):
        is_receiver = (
            token == "self" and (position == 0 or parameters[position - 1] == ",") or (is_receiver and token != ",")
        )
        name = _lifetime(parameters, position, declared)
        if name is None:
            before.append(token)
            continue
        if name == "'_" or name not in numbers:
            count += 1
            numbers[name if name != "'_" else f"'_{count}"] = f"'{count}"
        number = f"'{count}" if name == "'_" else numbers[name]
        own = own or (number if is_receiver else "")
        before += ["&", number] if token == "&" else [number]
    only = own or (next(iter(numbers.values())) if len(numbers) == 1 else "'_")
    after: list[str] = []
    for position, token in enumerate(result):
        name = _lifetime(result, position, declared)
        shown = only if name == "'_" else numbers.get(name or "", name or "")
        after += [token] if name is None else ["&", shown] if token == "&" else [shown]
    return before, after


def _lifetime(tokens: Sequence[str], position: int, declared: frozenset[str]) -> str | None:
    """The lifetime that stands here, `'_` where it was left out; None where there is none that could be renamed."""
    token = tokens[position]
    if token == "&":
        follows = tokens[position + 1] if position + 1 < len(tokens) else ""
        return None if follows.startswith("'") else "'_"
    return token if token == "'_" or token in declared else None


# --- comparing -------------------------------------------------------------------------------------------------------


def difference(old: Signature, new: Signature) -> tuple[Semver, str] | None:
    """What the new signature asks of callers, with a remark; None where they cannot tell the two apart."""
    is_same_shape = same(old.shape, new.shape)
    gone, come = old.modifiers - new.modifiers, new.modifiers - old.modifiers
    if is_same_shape and not gone and not come:
        if old.bounds == new.bounds:
            return None
        if new.bounds < old.bounds:
            return Semver.MINOR, "demands less of its type parameters"
        return Semver.MAJOR, "demands more of its type parameters"
    if is_same_shape and old.bounds == new.bounds and gone <= {"unsafe"} and come <= {"const"}:
        return Semver.MINOR, "; ".join([*(f"now `{word}`" for word in come), *(f"no longer `{word}`" for word in gone)])
    if not is_same_shape and not gone and not come and _has_more_defaults(old.shape, new.shape):
        return Semver.MINOR, "a type parameter has a default"
    words = [
        *(f"now {in_code(_plain(word))}" for word in sorted(come)),
        *(f"no longer {in_code(_plain(word))}" for word in sorted(gone)),
    ]
    return Semver.MAJOR, "; ".join(words)


def _plain(word: str) -> str:
    return _LOOKS.get(word, word.replace("-", " "))


def _has_more_defaults(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether `new` is `old` with further type parameters that have defaults, or with a default where there was none."""
    known = set(old)
    added = [token for token in new if token not in known and token[0] in "$%" and " = " in token]
    told = {token.partition(" = ")[0]: token for token in added}
    rest = [token for token in new if token not in added]
    return bool(added) and (rest == list(old) or [told.get(token, token) for token in old] == list(new))


def same(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two types read the same; a path may be written in full in one of them and be imported in the other."""
    ours, theirs = list(one), list(other)
    return len(ours) == len(theirs) and all(
        a == b or a.endswith(f"::{b}") or b.endswith(f"::{a}") for a, b in zip(ours, theirs, strict=True)
    )
