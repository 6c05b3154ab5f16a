"""One item of a Rust file as others could see it: its signature, its parts, the traits it implements; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tree_sitter import Node

from bot.rust.conditions import conditions
from bot.rust.signatures import Scope, Signature, canonical, function, parameters_of, text_of, without_comments
from bot.rust.syntax import demands_test

COMMENTS = ("line_comment", "block_comment")
KINDS = {
    "function_item": "fn",
    "function_signature_item": "fn",
    "struct_item": "struct",
    "enum_item": "enum",
    "union_item": "union",
    "trait_item": "trait",
    "const_item": "const",
    "static_item": "static",
    "type_item": "type",
    "associated_type": "type",
    "mod_item": "mod",
    "macro_definition": "macro",
}
_DERIVE = re.compile(r"\bderive\s*\(([^()]*)\)")
# What a macro call at the place of an item may make of its input without our being able to tell.


@dataclass(frozen=True, slots=True)
class Member:
    """A part of an item: a field, variant, method, associated constant or type; `is_required` in traits: has no default."""

    kind: str
    name: str
    is_public: bool
    line: int
    signature: Signature
    shown: str = ""
    flags: frozenset[str] = frozenset()
    members: tuple[Member, ...] = ()
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """An item: `module` is where it stands inside of its file; `flags` are `non_exhaustive`, `deprecated` and `cfg(…)`.

    `is_exported` tells macros that stand at the crate's root wherever they are written. Where `is_certain` is False, a
    macro decides what comes of the item. `derives` are the traits, each with the `cfg` under which it is derived.
    """

    kind: str
    name: str
    module: tuple[str, ...]
    is_public: bool
    line: int
    signature: Signature = Signature()
    shown: str = ""
    flags: frozenset[str] = frozenset()
    members: tuple[Member, ...] = ()
    derives: tuple[str, ...] = ()
    is_exported: bool = False
    is_hidden: bool = False
    is_certain: bool = True
    inline: bool = True
    file: str | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Impl:
    """An `impl` block: `names` are the types and traits that stand in its head; `trait` is empty in an inherent one."""

    module: tuple[str, ...]
    owner: str
    trait: str
    head: str
    names: frozenset[str]
    line: int
    bounds: frozenset[str] = frozenset()
    members: tuple[Member, ...] = ()
    flags: frozenset[str] = frozenset()
    is_blanket: bool = False
    path: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    node: Node
    attributes: tuple[str, ...]


def entries_of(parent: Node) -> list[Entry]:
    """The nodes with the attributes above them, without those that only test builds compile."""
    found: list[Entry] = []
    attributes: list[str] = []
    for node in parent.named_children:
        if node.type == "attribute_item":
            attributes.append(text_of(node)[1:].strip().removeprefix("[").removesuffix("]").strip())
        elif node.type not in COMMENTS:
            if not any(demands_test(text) or text == "test" for text in attributes):
                found.append(Entry(node, tuple(attributes)))
            attributes = []
    return found


def flags_of(attributes: Sequence[str]) -> frozenset[str]:
    found = set()
    for text in attributes:
        plain = "".join(without_comments(text).split())
        if plain == "non_exhaustive":
            found.add(plain)
        elif plain.split("(")[0].split("=")[0] == "deprecated":
            found.add("deprecated")
        elif plain.startswith("cfg("):
            found |= set(conditions(plain[4:-1].removesuffix(",")))
        elif plain.startswith("repr("):
            found.add(plain.replace(",)", ")"))
    return frozenset(found)


def is_hidden(attributes: Sequence[str]) -> bool:
    return any(re.match(r"doc\s*\(.*\bhidden\b", text) for text in attributes)


def line_of(node: Node) -> int:
    return node.start_point[0] + 1


def is_public(node: Node) -> bool:
    """`pub`, and not `pub(crate)`."""
    return any(child.type == "visibility_modifier" and text_of(child) == "pub" for child in node.named_children)


# --- items -----------------------------------------------------------------------------------------------------------


def item_of(
    node: Node, attributes: tuple[str, ...], module: tuple[str, ...], flags: frozenset[str], scope: Scope, sure: bool
) -> Declared:
    kind, name = KINDS[node.type], text_of(node.child_by_field_name("name"))
    item = Declared(
        kind=kind,
        name=name,
        module=module,
        is_public=is_public(node),
        line=line_of(node),
        shown=_shown(node),
        flags=flags | flags_of(attributes),
        derives=tuple(_derives(attributes)),
        is_hidden=is_hidden(attributes),
        is_certain=sure,
    )
    if kind == "mod":
        file = next((match[1] for text in attributes if (match := re.match(r'path\s*=\s*"(.*)"$', text))), None)
        return replace(item, inline=node.child_by_field_name("body") is not None, file=file)
    if kind == "macro":
        is_exported = any(text.split("(")[0].strip() == "macro_export" for text in attributes)
        arms = [canonical(text_of(rule.child_by_field_name("left")), Scope()) for rule in node.named_children
                if rule.type == "macro_rule"]  # fmt: skip
        rules = Signature(shape=tuple(" ".join(arm) for arm in arms))
        return replace(item, is_exported=is_exported, signature=rules, shown=f"{name}!")
    if kind == "fn" and (made := _procedural(name, attributes)) is not None:
        words = Signature(shape=canonical(made[1], Scope()))
        return replace(item, kind="macro", name=made[0], is_exported=True, signature=words, shown=made[2])
    signature, members = _parts(node, kind, scope)
    return replace(item, signature=signature, members=members)


def _procedural(name: str, attributes: Sequence[str]) -> tuple[str, str, str] | None:
    """Name, kind with helper attributes, and looks of the macro that a function of a proc-macro crate is."""
    for text in attributes:
        if text == "proc_macro":
            return name, text, f"{name}!"
        if text == "proc_macro_attribute":
            return name, text, f"#[{name}]"
        if match := re.match(r"proc_macro_derive\s*\(\s*(\w+)", text):
            return match[1], text, f"derive({match[1]})"
    return None


def _parts(node: Node, kind: str, scope: Scope) -> tuple[Signature, tuple[Member, ...]]:
    """Signature and members of an item that is neither a module nor a macro."""
    if kind == "fn":
        return function(node, scope), ()
    inside, places, bounds = parameters_of(node, scope, "%")
    body = node.child_by_field_name("body")
    of_type = canonical(text_of(node.child_by_field_name("type")), inside)
    words = frozenset(word for word in ("mutable_specifier", "unsafe") if any(c.type == word for c in node.children))
    if kind == "trait":
        inside = replace(inside, itself=("Self",))
        bounds |= {f"Self: {bound}" for bound in _supertraits(node, inside)}
    signature = Signature(words, ("<", *places, ">", *of_type), bounds)
    members: tuple[Member, ...] = ()
    if kind in ("struct", "union"):
        members = tuple(_fields(body, inside)) if body is not None else ()
        look = "unit" if body is None else "tuple" if body.type.startswith("ordered") else "named"
        signature = replace(signature, modifiers=frozenset({look, *words}))
    elif kind == "enum":
        members = tuple(_variants(body, inside)) if body is not None else ()
    elif kind == "trait" and body is not None:
        members = tuple(_associated(body, inside, in_trait=True))
    return signature, members


def _supertraits(node: Node, scope: Scope) -> Iterator[str]:
    bounds = node.child_by_field_name("bounds")
    for child in bounds.named_children if bounds is not None else []:
        if child.type not in COMMENTS:
            yield " ".join(token.rpartition("::")[2] for token in canonical(text_of(child), scope))


def _fields(body: Node, scope: Scope, *, all_public: bool = False) -> Iterator[Member]:
    if body.type == "field_declaration_list":
        for entry in entries_of(body):
            if entry.node.type == "field_declaration":
                kind = text_of(entry.node.child_by_field_name("type"))
                name = text_of(entry.node.child_by_field_name("name"))
                yield Member(
                    "field", name, all_public or is_public(entry.node), line_of(entry.node),
                    Signature(shape=canonical(kind, scope)), f"{name}: {_flat(kind)}", flags_of(entry.attributes),
                )  # fmt: skip
        return
    is_shown, number = all_public, 0
    for child in body.named_children:
        if child.type == "visibility_modifier":
            is_shown = all_public or text_of(child) == "pub"
        elif child.type != "attribute_item" and child.type not in COMMENTS:
            of_type = Signature(shape=canonical(text_of(child), scope))
            yield Member("field", str(number), is_shown, line_of(child), of_type, f"{number}: {_flat(text_of(child))}")
            is_shown, number = all_public, number + 1


def _variants(body: Node, scope: Scope) -> Iterator[Member]:
    for entry in entries_of(body):
        if entry.node.type == "enum_variant" and not is_hidden(entry.attributes):
            inner = entry.node.child_by_field_name("body")
            fields = tuple(_fields(inner, scope, all_public=True)) if inner is not None else ()
            look = "unit" if inner is None else "tuple" if inner.type.startswith("ordered") else "named"
            value = canonical(text_of(entry.node.child_by_field_name("value")), Scope())
            name = text_of(entry.node.child_by_field_name("name"))
            signature = Signature(frozenset([look]), value)
            yield Member(
                "variant", name, True, line_of(entry.node), signature, _flat(text_of(entry.node)),
                flags_of(entry.attributes), fields,
            )  # fmt: skip


def _associated(body: Node, scope: Scope, *, in_trait: bool) -> Iterator[Member]:
    for entry in entries_of(body):
        node = entry.node
        kind = KINDS.get(node.type)
        if kind not in ("fn", "const", "type") or is_hidden(entry.attributes):
            continue
        if kind == "fn":
            signature = function(node, scope)
            is_required = node.type == "function_signature_item"
        else:
            inside, places, bounds = parameters_of(node, scope, "$")
            has_value = node.child_by_field_name("value" if kind == "const" else "type") is not None
            of_type = canonical(text_of(node.child_by_field_name("type")), inside) if kind == "const" else ()
            bounds |= {f"Self: {bound}" for bound in _supertraits(node, inside)} if kind == "type" else frozenset()
            signature = Signature(shape=("<", *places, ">", *of_type), bounds=bounds)
            is_required = not has_value
        yield Member(
            kind, text_of(node.child_by_field_name("name")), in_trait or is_public(node), line_of(node), signature,
            _shown(node), flags_of(entry.attributes), is_required=in_trait and is_required,
        )  # fmt: skip


def _shown(node: Node) -> str:
    """The declaration up to its body, on one line, without visibility, comments and value."""
    body = node.child_by_field_name("body")
    if body is not None and body.type.startswith("ordered"):
        body = None
    value = node.child_by_field_name("value")
    end = min([part.start_byte for part in (body, value) if part is not None], default=node.end_byte)
    text = (node.text or b"")[: end - node.start_byte].decode(errors="replace")
    text = re.sub(r"([(,]\s*)mut (?=\w+\s*:)", r"\1", text)
    return re.sub(r"^pub\s+", "", _flat(text)).rstrip(";=, ").removesuffix(" where")


def _flat(text: str) -> str:
    flat = " ".join(without_comments(text).split())
    return re.sub(r",? ([)>\]])", r"\1", re.sub(r"((?<!<)[(<\[]) ", r"\1", flat)) if "{" not in flat else flat


# --- impls and derives -----------------------------------------------------------------------------------------------


def _derives(attributes: Sequence[str]) -> Iterator[str]:
    for text in attributes:
        for match in _DERIVE.finditer(text):
            yield from (name for part in match[1].split(",") if (name := part.strip().rpartition("::")[2].strip()))


def impls_of(
    node: Node, attributes: tuple[str, ...], module: tuple[str, ...], flags: frozenset[str], scope: Scope
) -> Iterator[Impl]:
    if is_hidden(attributes):
        return
    inside, _, bounds = parameters_of(node, scope, "%")
    kind, trait = node.child_by_field_name("type"), node.child_by_field_name("trait")
    of_type, of_trait = canonical(text_of(kind), inside), canonical(text_of(trait), inside)
    owner = _base(kind)
    body = node.child_by_field_name("body")
    inside = replace(inside, itself=of_type)
    members = tuple(_associated(body, inside, in_trait=False)) if body is not None and trait is None else ()
    sign = "!" if any(child.type == "!" for child in node.children) else ""
    tokens = [token.rpartition("::")[2] or token for token in (*of_trait, *of_type)]
    yield Impl(
        module=module,
        owner=owner,
        trait=sign + _base(trait) if trait is not None else "",
        head=_head(of_trait, of_type) if trait is not None else _head((), of_type),
        names=frozenset(tokens),
        line=line_of(node),
        bounds=bounds,
        members=members,
        flags=flags,
        is_blanket=len(of_type) == 1 and of_type[0].startswith("%"),
    )


def _base(node: Node | None) -> str:
    """The name of a type or trait without its path, its arguments and the references to it."""
    while node is not None:
        inner = node.child_by_field_name("type")
        if node.type == "scoped_type_identifier":
            return text_of(node.child_by_field_name("name"))
        if inner is None or node.type not in ("generic_type", "reference_type", "pointer_type"):
            return text_of(node)
        node = inner
    return ""


def _head(trait: Sequence[str], of_type: Sequence[str]) -> str:
    """`From<u8> for A`, without lifetimes and without arguments that are only the impl's own parameters."""
    parts = [_applied(part) for part in (trait, of_type) if part]
    # `PartialEq<A> for A` is what `PartialEq for A` says.
    if len(parts) == 2 and parts[0].endswith(f"<{parts[1]}>"):
        parts[0] = parts[0].removesuffix(f"<{parts[1]}>")
    return " for ".join(parts)


def _applied(tokens: Sequence[str]) -> str:
    kept = [token.rpartition("::")[2] or token for token in tokens if not token.startswith("'")]
    text = " ".join(kept)
    text = re.sub(r" ?([<>,&:\[\]();]) ?", r"\1", text)
    text = re.sub(r",+(?=>)|(?<=<),+", "", re.sub(r",{2,}", ",", text)).replace("<>", "")
    own = re.sub(r"^(\w+)<%\d+(?:,%\d+)*>$", r"\1", text)
    return re.sub(r"%(\d+)", lambda match: "TUVWXYZ"[int(match[1]) % 7], own).replace(",", ", ")
