"""How the members of a public item differ (fields, variants, what a trait holds) and what semver asks for; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from bot.domain import ItemChange, Semver, Term
from bot.rust.conditions import Features, Shift, shift
from bot.rust.declarations import Declared, Member
from bot.rust.signatures import difference, in_code, same

_SEALED = re.compile(r"sealed|private", re.IGNORECASE)


def flag_terms(
    changed: Term, old: frozenset[str], new: frozenset[str], features: Features, known: Collection[Shift] = ()
) -> Iterator[Term]:
    """What attributes ask for; `known` are changes of conditions that are told already, of what is around the item."""
    gone, come = old - new, new - old
    moved = shift(old, new, features)
    if moved in known:
        moved = Shift()
    if moved.come:
        before = f" (before: {', '.join(map(in_code, moved.gone))})" if moved.gone else ""
        note = f"only under {', '.join(map(in_code, moved.come))}{before}"
        # Which of two conditions is the wider one only the compiler knows.
        yield replace(changed, note=note, is_certain=changed.is_certain and not moved.gone)
    elif moved.gone:
        note = f"no longer only under {', '.join(map(in_code, moved.gone))}"
        yield replace(changed, level=Semver.MINOR, note=note)
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


def part_of(changed: Term, member: Member, change: ItemChange, level: Semver, note: str = "") -> Term:
    name = f"{changed.name}::{member.name}" if member.kind != "field" else f"{changed.name}.{member.name}"
    return replace(
        changed, change=change, name=name, line=member.line if change is not ItemChange.REMOVE else changed.line,
        shown=member.shown, was="", note=note, level=level,
        names=(*changed.names, *([member.name] if member.kind != "field" or not member.name.isdigit() else [])),
    )  # fmt: skip


def field_terms(
    changed: Term, old: Sequence[Member], new: Sequence[Member], features: Features, *, is_open: bool
) -> Iterator[Term]:
    """`is_open`: others could never build it by naming all of its fields."""
    before, after = {one.name: one for one in old}, {one.name: one for one in new}
    could_be_built = not is_open and all(one.is_public for one in old)
    for name, one in before.items():
        now = after.get(name)
        if not one.is_public:
            continue
        if now is None:
            yield part_of(changed, one, ItemChange.REMOVE, Semver.MAJOR)
        elif not now.is_public:
            yield part_of(changed, now, ItemChange.CHANGE, Semver.MAJOR, "no longer public")
        elif not same(one.signature.shape, now.signature.shape):
            yield replace(part_of(changed, now, ItemChange.CHANGE, Semver.MAJOR), was=one.shown)
        else:
            yield from flag_terms(
                part_of(changed, now, ItemChange.CHANGE, Semver.MAJOR), one.flags, now.flags, features
            )
    for name, one in after.items():
        if name in before and not before[name].is_public and one.is_public:
            yield part_of(changed, one, ItemChange.ADD, Semver.MINOR, "now public")
        elif name not in before and could_be_built:
            what = "" if one.is_public else "private, "
            yield part_of(changed, one, ItemChange.ADD, Semver.MAJOR, f"{what}and all others are public")
        elif name not in before and one.is_public:
            yield part_of(changed, one, ItemChange.ADD, Semver.MINOR)


def variant_terms(changed: Term, old: Declared, new: Declared, features: Features) -> Iterator[Term]:
    before, after = {one.name: one for one in old.members}, {one.name: one for one in new.members}
    level = Semver.MINOR if "non_exhaustive" in old.flags else Semver.MAJOR
    for name, one in before.items():
        now = after.get(name)
        if now is None:
            yield part_of(changed, one, ItemChange.REMOVE, Semver.MAJOR)
            continue
        part = part_of(changed, now, ItemChange.CHANGE, Semver.MAJOR)
        if one.signature != now.signature:
            yield replace(part, was=one.shown)
        else:
            fields = list(field_terms(part, one.members, now.members, features, is_open="non_exhaustive" in one.flags))
            if any(field.level is Semver.MAJOR for field in fields):
                yield replace(part, was=one.shown)
            elif fields:
                yield replace(part, was=one.shown, level=Semver.MINOR)
        yield from flag_terms(part, one.flags, now.flags, features)
    for name, one in after.items():
        if name not in before:
            note = "" if level is Semver.MINOR else "the enum is exhaustive"
            yield part_of(changed, one, ItemChange.ADD, level, note)


def trait_terms(changed: Term, old: Declared, new: Declared, features: Features) -> Iterator[Term]:
    before, after = {one.name: one for one in old.members}, {one.name: one for one in new.members}
    is_sealed = any(bound.startswith("Self: ") and _SEALED.search(bound) for bound in old.signature.bounds)
    for name, one in before.items():
        now = after.get(name)
        if now is None:
            yield part_of(changed, one, ItemChange.REMOVE, Semver.MAJOR)
            continue
        part = part_of(changed, now, ItemChange.CHANGE, Semver.MAJOR)
        if (found := difference(one.signature, now.signature)) is not None:
            # Whoever implements the trait is held to every word of it.
            yield replace(part, was=one.shown if one.shown != now.shown else "", note=found[1])
        elif now.is_required and not one.is_required and not is_sealed:
            yield replace(part, note="has no default any more")
        yield from flag_terms(part, one.flags, now.flags, features)
    for name, one in after.items():
        if name not in before:
            needs = one.is_required and not is_sealed
            note = "required" if needs else "the trait is sealed" if one.is_required else "has a default"
            yield part_of(changed, one, ItemChange.ADD, Semver.MAJOR if needs else Semver.MINOR, note)
