"""The `cfg` conditions that an item stands under, as users meet them, and which of them follow from which; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.rust.syntax import split_predicates

Features = Mapping[str, frozenset[str]]
"""Which features each feature turns on, itself among them."""

_FEATURE = re.compile(r'cfg\(feature="([^"]*)"\)$')


def conditions(predicate: str) -> Iterator[str]:
    """What must all hold, in the form `cfg(…)`: `all(…)` is taken apart, and `test`, which users never see, left out."""
    name, parts = _parts(predicate)
    if name == "all":
        for part in parts:
            yield from conditions(part)
    elif simple := _for_users(predicate):
        yield f"cfg({simple})"


def _parts(predicate: str) -> tuple[str, list[str]]:
    match = re.match(r"(all|any|not)\((.*)\)$", predicate, re.DOTALL)
    return (match[1], [part for part in split_predicates(match[2]) if part]) if match else ("", [])


def _for_users(predicate: str) -> str:
    """The predicate where `test` is false; "" where it then holds always."""
    name, parts = _parts(predicate)
    if name == "any":
        kept = [simple for part in parts if part != "test" and (simple := _for_users(part))]
        return kept[0] if len(kept) == 1 else f"any({','.join(sorted(kept))})"
    if name == "not" and parts == ["test"]:
        return ""
    if name == "not" and parts:
        return f"not({_for_users(parts[0])})"
    return predicate.removesuffix(",")


@dataclass(frozen=True, slots=True)
class Shift:
    """How the conditions of an item changed: those that are new, and those that are gone; none that follows from others."""

    come: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def shift(old: frozenset[str], new: frozenset[str], features: Features) -> Shift:
    """Compare the flags of an item; those that are no conditions are passed over."""
    before, after = ({flag for flag in flags if flag.startswith("cfg")} for flags in (old, new))
    return Shift(
        tuple(sorted(each for each in after - before if not _follows(each, before, features))),
        tuple(sorted(each for each in before - after if not _follows(each, after, features))),
    )


def _follows(condition: str, given: set[str], features: Features) -> bool:
    return any(_implies(each, condition, features) for each in given)


def _implies(given: str, condition: str, features: Features) -> bool:
    if given == condition:
        return True
    name, parts = _parts(given[4:-1])
    if name == "any":
        return all(_implies(f"cfg({part})", condition, features) for part in parts)
    name, parts = _parts(condition[4:-1])
    if name == "any":
        return any(_implies(given, f"cfg({part})", features) for part in parts)
    one, other = _FEATURE.match(given), _FEATURE.match(condition)
    return one is not None and other is not None and other[1] in features.get(one[1], frozenset())


def with_closure(declared: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """All features that each feature of a manifest turns on, directly or through others."""
    found: dict[str, frozenset[str]] = {}
    for name in declared:
        reached: set[str] = set()
        todo = [name]
        while todo:
            each = todo.pop()
            if each not in reached:
                reached.add(each)
                todo += declared.get(each, ())
        found[name] = frozenset(reached)
    return found
