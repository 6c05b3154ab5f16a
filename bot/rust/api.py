"""How the public API of a library differs between two trees, and what cargo's semver rules ask for; pure.

The rules: https://doc.rust-lang.org/cargo/reference/semver.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from bot.domain import ItemChange, Semver, Term, TermKind
from bot.rust.conditions import Features, Shift, shift
from bot.rust.declarations import Declared, Impl
from bot.rust.members import field_terms, flag_terms, part_of, trait_terms, variant_terms
from bot.rust.public import Interface, Method, identity
from bot.rust.signatures import difference, in_code

_AUTO = ("Send", "Sync", "Unpin", "UnwindSafe", "RefUnwindSafe")


def api_terms(old: Interface, new: Interface) -> Iterator[Term]:
    """Every difference that others can see, in the order of names."""
    yield from _items_gone(old, new)
    yield from _items_come(old, new)
    for key in sorted(old.items.keys() & new.items.keys()):
        # What has several paths is told under the shortest one of them.
        if any(old.home[identity(item)] == key for item in old.items[key]):
            yield from _compared(key, old, new)
    yield from _impls(old, new)


def _path(key: str) -> str:
    return key[2:]


def _parent(key: str) -> str:
    return f"t:{key[2:].rpartition('::')[0]}"


def _homes(of: Interface) -> dict[str, list[Declared]]:
    """The items under the shortest of their paths."""
    found = {key: [item for item in items if of.home[identity(item)] == key] for key, items in of.items.items()}
    return {key: items for key, items in sorted(found.items()) if items}


def _items_gone(old: Interface, new: Interface) -> Iterator[Term]:
    homes = _homes(old)
    gone = {key for key in homes if key not in new.items}
    for key in sorted(gone):
        if _parent(key) in gone:
            continue
        item, inside = homes[key][0], _parts(key, old, gone)
        now = [
            other for other in _homes(new) if other[0] == key[0] and other.split("::")[-1].split(":")[-1] == item.name
        ]
        moved = f"now {in_code(_path(now[0]))}" if now and item.kind != "re-export" else ""
        is_hidden = not moved and item.name in new.hidden
        note = "now `#[doc(hidden)]`" if is_hidden else moved or _inside(inside)
        term = _term(ItemChange.REMOVE, key, item, Semver.MAJOR, note)
        yield replace(term, was=item.shown, is_certain=term.is_certain and not is_hidden)
    for key in sorted(old.items.keys() - new.items.keys() - gone):
        home = old.home[identity(old.items[key][0])]
        if _parent(key) not in old.items.keys() - new.items.keys() and home in new.items:
            item = old.items[key][0]
            yield _term(ItemChange.REMOVE, key, item, Semver.MAJOR, f"only as {in_code(_path(home))} now")


def _items_come(old: Interface, new: Interface) -> Iterator[Term]:
    homes = _homes(new)
    before = {
        identity_of for key, items in new.items.items() if key in old.items for identity_of in map(identity, items)
    }
    come = {key for key in homes if key not in old.items}
    for key in sorted(come):
        if _parent(key) in come:
            continue
        item = homes[key][0]
        if identity(item) in before:
            others = [other for other in new.items if other in old.items and item in new.items[other]]
            note = f"another path of {in_code(_path(others[0]))}" if others else "another path"
        else:
            note = _inside(_parts(key, new, come))
        yield _term(ItemChange.ADD, key, item, Semver.MINOR, note)
    for key in sorted(new.items.keys() - old.items.keys() - come):
        item = new.items[key][0]
        home = new.home[identity(item)]
        if _parent(key) not in new.items.keys() - old.items.keys() and home in old.items:
            yield _term(ItemChange.ADD, key, item, Semver.MINOR, f"another path of {in_code(_path(home))}")


def _parts(key: str, of: Interface, among: set[str]) -> dict[str, int]:
    """What comes or goes together with an item and is not worth a row of its own."""
    inner = [other for other in among if other[2:].startswith(f"{key[2:]}::")]
    keys = {key, *inner}
    names = {item.name for each in keys for item in of.items[each]}
    return {
        "item": len(inner),
        "method": sum(len(of.methods.get(each, {})) for each in keys),
        "trait impl": sum(1 for impls in of.impls.values() if impls[0].owner in names),
    }


def _inside(counts: dict[str, int]) -> str:
    said = [f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts.items() if count]
    return f"with {', '.join(said)}" if said else ""


def _term(change: ItemChange, key: str, item: Declared, level: Semver, note: str = "") -> Term:
    return Term(
        TermKind.API, change, _path(key), item.path, item.line, item.shown, note=note, level=level,
        names=(item.name,), is_certain=item.is_certain,
    )  # fmt: skip


# --- one item --------------------------------------------------------------------------------------------------------


def _compared(key: str, old: Interface, new: Interface) -> Iterator[Term]:
    pair = _pair(old.items[key], new.items[key])
    # What happens to a module, or to a type, happens to all that is in it: it is told there.
    known = {_shift(_parent(key), old, new), _shift(key, old, new)} - {Shift()}
    if pair is not None:
        before, after = pair
        if len(new.items[key]) > len(old.items[key]):
            # Each of several definitions stands under a condition of its own: together they may be what the one was.
            after = replace(after, flags=after.flags - _cfg(after.flags) | _cfg(before.flags))
        yield from _item(key, before, after, new.features, {_shift(_parent(key), old, new)})
    yield from _methods(key, old, new, known)


def _shift(key: str, old: Interface, new: Interface) -> Shift:
    if key not in old.items or key not in new.items:
        return Shift()
    return shift(old.items[key][0].flags, new.items[key][0].flags, new.features)


def _pair(old: Sequence[Declared], new: Sequence[Declared]) -> tuple[Declared, Declared] | None:
    """The definitions to compare; of several under one name, each for a platform, those that differ."""
    if len(old) == len(new) == 1:
        return old[0], new[0]
    left = [item for item in old if not any(_is_like(item, other) for other in new)]
    right = [item for item in new if not any(_is_like(item, other) for other in old)]
    if left and right:
        same_cfg = [other for other in right if _cfg(other.flags) == _cfg(left[0].flags)]
        same_kind = [other for other in right if other.kind == left[0].kind]
        return left[0], (same_cfg or same_kind or right)[0]
    return None


def _is_like(one: Declared, other: Declared) -> bool:
    return (
        one.kind == other.kind
        and difference(one.signature, other.signature) is None
        and [m.name for m in one.members] == [m.name for m in other.members]
        and all(difference(m.signature, n.signature) is None for m, n in zip(one.members, other.members, strict=True))
        and one.flags == other.flags
    )


def _cfg(flags: frozenset[str]) -> frozenset[str]:
    return frozenset(flag for flag in flags if flag.startswith("cfg"))


def _item(key: str, old: Declared, new: Declared, features: Features, known: Collection[Shift]) -> Iterator[Term]:
    changed = _term(ItemChange.CHANGE, key, new, Semver.MAJOR)
    if old.kind != new.kind:
        # Where one side comes from a macro or another crate, nothing is known of what it is there.
        is_known = "re-export" not in (old.kind, new.kind) and old.is_certain and new.is_certain
        yield replace(changed, was=old.shown, note="" if is_known else "may be the same", is_certain=is_known)
        return
    found = difference(old.signature, new.signature)
    if old.kind == "re-export":
        if old.signature.shape[-1:] != new.signature.shape[-1:]:
            yield replace(changed, was=old.shown, is_certain=False)
        return
    if found is not None:
        level, note = found
        is_certain = new.is_certain
        if old.kind == "macro":
            # What takes all that it took is an addition; else only the compiler can tell what a call still matches.
            takes_more = new.signature.shape[: len(old.signature.shape)] == old.signature.shape
            level, is_certain = (Semver.MINOR, True) if takes_more else (Semver.MAJOR, False)
            note = "it takes more than before" if takes_more else "its rules changed"
        elif not new.is_certain:
            note = "what a macro makes it of has changed"
        was = old.shown if old.shown != new.shown else ""
        yield replace(changed, was=was, level=level, note=note, is_certain=is_certain)
    yield from flag_terms(changed, old.flags, new.flags, features, known)
    if not (old.is_certain and new.is_certain):
        return
    if new.kind in ("struct", "union"):
        yield from field_terms(changed, old.members, new.members, features, is_open="non_exhaustive" in old.flags)
    elif new.kind == "enum":
        yield from variant_terms(changed, old, new, features)
    elif new.kind == "trait":
        yield from trait_terms(changed, old, new, features)


# --- impls -----------------------------------------------------------------------------------------------------------


def _methods(key: str, old: Interface, new: Interface, known: Collection[Shift]) -> Iterator[Term]:
    before_all, after_all = old.methods.get(key, {}), new.methods.get(key, {})
    base = _term(ItemChange.CHANGE, key, new.items[key][0], Semver.MAJOR)
    told: set[tuple[frozenset[str], frozenset[str]]] = set()
    for name in sorted(before_all.keys() | after_all.keys()):
        before, after = before_all.get(name, []), after_all.get(name, [])
        place = (after or before)[0]
        part = part_of(base, place.member, ItemChange.CHANGE, Semver.MAJOR)
        part = replace(part, path=place.path, line=place.member.line, names=(place.member.name,))
        if not before:
            yield replace(part, change=ItemChange.ADD, level=Semver.MINOR)
        elif not after:
            yield replace(part, change=ItemChange.REMOVE, was=place.member.shown)
        else:
            yield from _method(part, (before, after), new.features, known, told)


def _method(
    part: Term,
    forms: tuple[Sequence[Method], Sequence[Method]],
    features: Features,
    known: Collection[Shift],
    told: set[tuple[frozenset[str], frozenset[str]]],
) -> Iterator[Term]:
    """`told` holds the changes of an `impl`'s bounds that a row speaks of already: they belong to all of its methods."""
    before, after = forms
    left = [one for one in before if not any(_is_same_method(one, other) for other in after)]
    right = [one for one in after if not any(_is_same_method(one, other) for other in before)]
    if not left:
        return
    if not right:
        yield replace(part, note="one of its forms was removed", was=left[0].member.shown)
        return
    was, now = left[0], right[0]
    part = replace(part, path=now.path, line=now.member.line, shown=now.member.shown)
    found = difference(was.member.signature, now.member.signature)
    if found is not None:
        shown = was.member.shown if was.member.shown != now.member.shown else ""
        yield replace(part, was=shown, level=found[0], note=found[1])
    if was.bounds != now.bounds and (was.bounds, now.bounds) not in told:
        told.add((was.bounds, now.bounds))
        less = now.bounds < was.bounds
        level, word = (Semver.MINOR, "less") if less else (Semver.MAJOR, "more")
        yield replace(part, level=level, note=f"its `impl` demands {word} of type parameters")
    yield from flag_terms(part, was.flags, now.flags, features, known)


def _is_same_method(one: Method, other: Method) -> bool:
    is_same = difference(one.member.signature, other.member.signature) is None
    return is_same and one.bounds == other.bounds and one.flags == other.flags


def _impls(old: Interface, new: Interface) -> Iterator[Term]:
    for head in sorted(old.impls.keys() ^ new.impls.keys()):
        is_new = head in new.impls
        one = (new if is_new else old).impls[head][0]
        if _comes_with_its_type(one, old, new) or (one.trait.startswith("!") and is_new):
            continue
        if not is_new and any(_covers(other, one) for impls in new.impls.values() for other in impls):
            continue
        is_auto = not is_new and one.trait in _AUTO
        note = "may still hold by itself" if is_auto else ""
        level = Semver.MINOR if is_new else Semver.MAJOR
        if is_new and one.is_blanket and _is_known(one.trait, old):
            level, note = Semver.MAJOR, "for every type: others may have such an impl"
        yield Term(
            TermKind.API, ItemChange.ADD if is_new else ItemChange.REMOVE, f"impl {head}", one.path, one.line,
            f"impl {head}", "" if is_new else f"impl {head}", note, level, tuple(sorted({one.owner, one.trait})),
            is_certain=not is_auto,
        )  # fmt: skip


def _comes_with_its_type(one: Impl, old: Interface, new: Interface) -> bool:
    """Whether the type, or the trait, is new or gone itself: its own row tells that."""
    return any(_is_known(name, old) is not _is_known(name, new) for name in (one.owner, one.trait))


def _covers(general: Impl, special: Impl) -> bool:
    """Whether a blanket impl now says what an impl for one type did."""
    return general.is_blanket and general.trait == special.trait


def _is_known(name: str, of: Interface) -> bool:
    return any(key.startswith("t:") and key[2:].rpartition("::")[2] == name for key in of.items)
