"""How the public API of a library differs between two trees, and what cargo's semver rules ask for; pure.

The rules: https://doc.rust-lang.org/cargo/reference/semver.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.domain import ItemChange, Semver, Term, TermKind
from bot.rust.declarations import Declared, Impl, Member
from bot.rust.public import Interface, Method, identity
from bot.rust.signatures import difference, in_code, same

_AUTO = ("Send", "Sync", "Unpin", "UnwindSafe", "RefUnwindSafe")
_SEALED = re.compile(r"sealed|private", re.IGNORECASE)


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
        note = moved or _inside(inside)
        yield replace(_term(ItemChange.REMOVE, key, item, Semver.MAJOR, note), was=item.shown)
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
    if pair is not None:
        before, after = pair
        if len(new.items[key]) > len(old.items[key]):
            # Each of several definitions stands under a condition of its own: together they may be what the one was.
            kept = after.flags - _cfg(after.flags) | _cfg(before.flags)
            after = replace(after, flags=kept)
        yield from _item(key, before, after)
    yield from _methods(key, old.methods.get(key, {}), new.methods.get(key, {}), new.items[key][0])


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


def _item(key: str, old: Declared, new: Declared) -> Iterator[Term]:
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
        note = found[1]
        if old.kind == "macro":
            note = "its rules changed: may break callers"
        elif not new.is_certain:
            note = "what a macro makes it of has changed"
        was = old.shown if old.shown != new.shown else ""
        yield replace(changed, was=was, level=found[0], note=note, is_certain=new.is_certain and old.kind != "macro")
    yield from _flags(changed, old.flags, new.flags)
    if not (old.is_certain and new.is_certain):
        return
    if new.kind in ("struct", "union"):
        yield from _fields(changed, old.members, new.members, is_open="non_exhaustive" in old.flags)
    elif new.kind == "enum":
        yield from _variants(changed, old, new)
    elif new.kind == "trait":
        yield from _trait(changed, old, new)


def _flags(changed: Term, old: frozenset[str], new: frozenset[str]) -> Iterator[Term]:
    gone, come = old - new, new - old
    cfg = sorted(flag for flag in come if flag.startswith("cfg"))
    was_cfg = sorted(flag for flag in gone if flag.startswith("cfg"))
    if cfg:
        is_other = " (before: " + ", ".join(map(in_code, was_cfg)) + ")" if was_cfg else ""
        note = "only under " + ", ".join(map(in_code, cfg)) + is_other
        # Which of two conditions is the wider one only the compiler knows.
        yield replace(changed, note=note, is_certain=changed.is_certain and not was_cfg)
    elif was_cfg:
        yield replace(changed, level=Semver.MINOR, note="no longer only under " + ", ".join(map(in_code, was_cfg)))
    if "non_exhaustive" in come:
        yield replace(changed, note="now `#[non_exhaustive]`")
    if "non_exhaustive" in gone:
        yield replace(changed, level=Semver.MINOR, note="no longer `#[non_exhaustive]`")
    if "deprecated" in come:
        yield replace(changed, level=Semver.MINOR, note="now deprecated")
    for flag in sorted(flag for flag in gone | come if flag.startswith("repr(")):
        is_major = flag in gone or "packed" in flag or "align" in flag
        level = Semver.MAJOR if is_major else Semver.MINOR
        yield replace(changed, level=level, note=f"{'no longer' if flag in gone else 'now'} {in_code(f'#[{flag}]')}")


def _part(changed: Term, member: Member, change: ItemChange, level: Semver, note: str = "") -> Term:
    name = f"{changed.name}::{member.name}" if member.kind != "field" else f"{changed.name}.{member.name}"
    return replace(
        changed, change=change, name=name, line=member.line if change is not ItemChange.REMOVE else changed.line,
        shown=member.shown, was="", note=note, level=level,
        names=(*changed.names, *([member.name] if member.kind != "field" or not member.name.isdigit() else [])),
    )  # fmt: skip


def _fields(changed: Term, old: Sequence[Member], new: Sequence[Member], *, is_open: bool) -> Iterator[Term]:
    """`is_open`: others could never build it by naming all of its fields."""
    before, after = {one.name: one for one in old}, {one.name: one for one in new}
    could_be_built = not is_open and all(one.is_public for one in old)
    for name, one in before.items():
        now = after.get(name)
        if not one.is_public:
            continue
        if now is None:
            yield _part(changed, one, ItemChange.REMOVE, Semver.MAJOR)
        elif not now.is_public:
            yield _part(changed, now, ItemChange.CHANGE, Semver.MAJOR, "no longer public")
        elif not same(one.signature.shape, now.signature.shape):
            yield replace(_part(changed, now, ItemChange.CHANGE, Semver.MAJOR), was=one.shown)
        else:
            yield from _flags(_part(changed, now, ItemChange.CHANGE, Semver.MAJOR), one.flags, now.flags)
    for name, one in after.items():
        if name in before and not before[name].is_public and one.is_public:
            yield _part(changed, one, ItemChange.ADD, Semver.MINOR, "now public")
        elif name not in before and could_be_built:
            what = "" if one.is_public else "private, "
            yield _part(changed, one, ItemChange.ADD, Semver.MAJOR, f"{what}and all others are public")
        elif name not in before and one.is_public:
            yield _part(changed, one, ItemChange.ADD, Semver.MINOR)


def _variants(changed: Term, old: Declared, new: Declared) -> Iterator[Term]:
    before, after = {one.name: one for one in old.members}, {one.name: one for one in new.members}
    level = Semver.MINOR if "non_exhaustive" in old.flags else Semver.MAJOR
    for name, one in before.items():
        now = after.get(name)
        if now is None:
            yield _part(changed, one, ItemChange.REMOVE, Semver.MAJOR)
            continue
        part = _part(changed, now, ItemChange.CHANGE, Semver.MAJOR)
        if one.signature != now.signature:
            yield replace(part, was=one.shown)
        else:
            fields = list(_fields(part, one.members, now.members, is_open="non_exhaustive" in one.flags))
            if any(field.level is Semver.MAJOR for field in fields):
                yield replace(part, was=one.shown)
            elif fields:
                yield replace(part, was=one.shown, level=Semver.MINOR)
        yield from _flags(part, one.flags, now.flags)
    for name, one in after.items():
        if name not in before:
            note = "" if level is Semver.MINOR else "the enum is exhaustive"
            yield _part(changed, one, ItemChange.ADD, level, note)


def _trait(changed: Term, old: Declared, new: Declared) -> Iterator[Term]:
    before, after = {one.name: one for one in old.members}, {one.name: one for one in new.members}
    is_sealed = any(bound.startswith("Self: ") and _SEALED.search(bound) for bound in old.signature.bounds)
    for name, one in before.items():
        now = after.get(name)
        if now is None:
            yield _part(changed, one, ItemChange.REMOVE, Semver.MAJOR)
            continue
        part = _part(changed, now, ItemChange.CHANGE, Semver.MAJOR)
        if (found := difference(one.signature, now.signature)) is not None:
            # Whoever implements the trait is held to every word of it.
            yield replace(part, was=one.shown if one.shown != now.shown else "", note=found[1])
        elif now.is_required and not one.is_required and not is_sealed:
            yield replace(part, note="has no default any more")
        yield from _flags(part, one.flags, now.flags)
    for name, one in after.items():
        if name not in before:
            needs = one.is_required and not is_sealed
            note = "required" if needs else "the trait is sealed" if one.is_required else "has a default"
            yield _part(changed, one, ItemChange.ADD, Semver.MAJOR if needs else Semver.MINOR, note)


# --- impls -----------------------------------------------------------------------------------------------------------


def _methods(key: str, old: dict[str, list[Method]], new: dict[str, list[Method]], owner: Declared) -> Iterator[Term]:
    base = _term(ItemChange.CHANGE, key, owner, Semver.MAJOR)
    told: set[tuple[frozenset[str], frozenset[str]]] = set()
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, []), new.get(name, [])
        place = (after or before)[0]
        part = replace(
            _part(base, place.member, ItemChange.CHANGE, Semver.MAJOR), path=place.path, line=place.member.line
        )
        part = replace(part, names=(place.member.name,))
        if not before:
            yield replace(part, change=ItemChange.ADD, level=Semver.MINOR)
        elif not after:
            yield replace(part, change=ItemChange.REMOVE, was=place.member.shown)
        else:
            yield from _method(part, before, after, told)


def _method(
    part: Term, before: Sequence[Method], after: Sequence[Method], told: set[tuple[frozenset[str], frozenset[str]]]
) -> Iterator[Term]:
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
        # The bounds belong to all methods of the block: once is enough.
        told.add((was.bounds, now.bounds))
        less = now.bounds < was.bounds
        level, word = (Semver.MINOR, "less") if less else (Semver.MAJOR, "more")
        yield replace(part, level=level, note=f"its `impl` demands {word} of type parameters")
    yield from _flags(part, was.flags, now.flags)


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
