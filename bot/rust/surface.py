"""What a change touches of what a design can name: files, items, dependencies, features; pure, from two trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.rust import manifests
from bot.rust.syntax import Item, items

_DEPENDENCIES = ("dependencies", "build-dependencies", "dev-dependencies")


@dataclass(frozen=True, slots=True)
class Touched:
    """What differs between two trees: paths; crates and features of all manifests.

    `texts` are, by path, the texts of all items that differ, public or not.
    """

    paths: tuple[str, ...]
    dependencies: tuple[str, ...]
    features: tuple[str, ...]
    texts: Mapping[str, str]


def touched(old: Mapping[str, str], new: Mapping[str, str], paths: tuple[str, ...]) -> Touched:
    """Compare the texts of Rust sources and manifests; `paths` are all that differ, of whatever kind."""
    texts = {
        path: "\n".join(_differing(items(old.get(path, "").encode()), items(new.get(path, "").encode())))
        for path in paths
        if path.endswith(".rs")
    }
    return Touched(
        paths=paths,
        dependencies=tuple(sorted(_crates(new) - _crates(old))),
        features=tuple(sorted(_features(old) ^ _features(new))),
        texts=texts,
    )


def _differing(before: tuple[Item, ...], after: tuple[Item, ...]) -> list[str]:
    old, new = {item.text for item in before}, {item.text for item in after}
    return [text for text in (*old, *new) if (text in old) is not (text in new)]


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
