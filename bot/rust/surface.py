"""What a change touches as others see it: public items, dependencies, features; pure, from the sources of two trees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.rust import manifests
from bot.rust.split import is_test_path
from bot.rust.syntax import Item, items

_METHOD = re.compile(r"\bpub (?:const |unsafe |async )*fn (?P<name>\w+)[^{;]*")
_PASSED_OVER = frozenset(["mod_item", "extern_crate_declaration", "inner_attribute_item", "macro_invocation"])
_DEPENDENCIES = ("dependencies", "build-dependencies", "dev-dependencies")


@dataclass(frozen=True, slots=True)
class Touched:
    """What differs between two trees: paths; names of public items by path; crates and features of all manifests.

    `texts` are, by path, the texts of all items that differ, public or not.
    """

    paths: tuple[str, ...]
    public_items: tuple[tuple[str, str], ...]
    dependencies: tuple[str, ...]
    features: tuple[str, ...]
    texts: Mapping[str, str]


def touched(old: Mapping[str, str], new: Mapping[str, str], paths: tuple[str, ...]) -> Touched:
    """Compare the texts of Rust sources and manifests; `paths` are all that differ, of whatever kind."""
    public, texts = [], {}
    for path in paths:
        if not path.endswith(".rs"):
            continue
        before, after = items(old.get(path, "").encode()), items(new.get(path, "").encode())
        texts[path] = "\n".join(_differing(before, after))
        if not is_test_path(path):
            was, is_now = _public(before), _public(after)
            names = sorted(name for name in was.keys() | is_now.keys() if was.get(name) != is_now.get(name))
            public += [(path, name) for name in names]
    return Touched(
        paths=paths,
        public_items=tuple(public),
        dependencies=tuple(sorted(_crates(new) - _crates(old))),
        features=tuple(sorted(_features(old) ^ _features(new))),
        texts=texts,
    )


def _differing(before: tuple[Item, ...], after: tuple[Item, ...]) -> list[str]:
    old, new = {item.text for item in before}, {item.text for item in after}
    return [text for text in (*old, *new) if (text in old) is not (text in new)]


def _public(found: tuple[Item, ...]) -> dict[str, str]:
    """The signatures of public items, methods under their type's name."""
    named: dict[str, str] = {}
    hidden = {(*item.module, item.name) for item in found if item.kind == "mod_item" and item.is_for_tests_only}
    for item in found:
        is_hidden = any(item.module[: len(module)] == module for module in hidden)
        if is_hidden or item.is_for_tests_only or item.kind in _PASSED_OVER:
            continue
        if item.kind == "impl_item":
            signature = item.signature
            owner = re.sub(r"^(?:unsafe )?impl(?:<[^>]*>)? *", "", signature).split(" where")[0].strip()
            if " for " not in f" {owner} ":
                named |= {
                    f"{owner.split('<')[0]}::{m['name']}": " ".join(m[0].split()) for m in _METHOD.finditer(item.text)
                }
        elif item.is_public:
            named["::".join((*item.module, item.name or item.signature))] = item.signature
    return named


def _crates(files: Mapping[str, str]) -> set[str]:
    found: set[str] = set()
    for path, text in files.items():
        if path.endswith("Cargo.toml"):
            document = manifests.read(text)
            tables = [document, manifests.table(document, "workspace")]
            tables += [each for each in manifests.table(document, "target").values() if isinstance(each, dict)]
            found |= {name for table in tables for kind in _DEPENDENCIES for name in manifests.table(table, kind)}
    return found


def _features(files: Mapping[str, str]) -> set[str]:
    """Each feature with what it turns on, so that a changed one counts as well."""
    found: set[str] = set()
    for path, text in files.items():
        if path.endswith("Cargo.toml"):
            listed = manifests.table(manifests.read(text), "features")
            found |= {
                f"{name} = {sorted(map(str, value)) if isinstance(value, list) else value}"
                for name, value in listed.items()
            }
    return found
