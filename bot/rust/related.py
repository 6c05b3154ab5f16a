"""Which files of a repository a text is about: those it names, those that define what it names, those that use it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from posixpath import basename

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
_PATH = re.compile(r"[\w./-]+\.(?:rs|toml|md)\b")
_DEFINED = re.compile(r"\b(?:fn|struct|enum|union|trait|type|const|static|mod|macro_rules!)\s+(\w+)")
# Words of the language and of every discussion of it: they say nothing of the place.
_COMMON = frozenset(
    [
        "fn",
        "let",
        "mut",
        "pub",
        "use",
        "self",
        "Self",
        "impl",
        "struct",
        "enum",
        "trait",
        "type",
        "const",
        "static",
        "mod",
        "crate",
        "super",
        "match",
        "where",
        "async",
        "await",
        "move",
        "ref",
        "return",
        "else",
        "for",
        "while",
        "loop",
        "break",
        "continue",
        "dyn",
        "unsafe",
        "extern",
        "true",
        "false",
        "Some",
        "None",
        "Option",
        "Result",
        "Vec",
        "String",
        "str",
        "Box",
        "usize",
        "isize",
        "bool",
        "char",
        "u16",
        "u32",
        "u64",
        "u128",
        "i16",
        "i32",
        "i64",
        "i128",
        "f32",
        "f64",
        "println",
        "format",
        "assert",
        "assert_eq",
        "main",
        "test",
        "tests",
        "new",
        "std",
        "core",
        "alloc",
        "unwrap",
        "expect",
        "derive",
        "Debug",
        "Clone",
        "Copy",
        "Default",
        "cargo",
        "rust",
        "the",
        "and",
        "not",
        "with",
        "that",
        "this",
        "from",
        "into",
    ]
)
_NAMED, _STEM, _DEFINES, _MOST_USES = 100.0, 12.0, 20.0, 5


def related(text: str, paths: Sequence[str], sources: Mapping[str, str]) -> tuple[str, ...]:
    """The paths that `text` is about, the likeliest first; files of `sources` are looked into, others count by name only."""
    names = _names(text)
    named = {found.removeprefix("./") for found in _PATH.findall(text)}
    uses = {path: Counter(_NAME.findall(source)) for path, source in sources.items() if path.endswith(".rs")}
    rarity = {name: _rarity(name, uses) for name in names}
    words = {word.lower() for word in _NAME.findall(text)} - _COMMON
    scores = {
        path: _named_score(path, named)
        + (_STEM if path.endswith(".rs") and basename(path).removesuffix(".rs") in words else 0.0)
        + _use_score(sources.get(path, ""), uses.get(path, Counter()), rarity)
        for path in paths
    }
    found = [path for path in paths if scores[path] > 0]
    return tuple(sorted(found, key=lambda path: (-scores[path], path)))


def _names(text: str) -> set[str]:
    """The identifiers of the text: whatever stands in code, and words that only code is written in."""
    inside = {name for code in _CODE.findall(text) for name in _NAME.findall(code)}
    outside = {name for name in _NAME.findall(text) if "_" in name.strip("_") or re.search(r"[a-z][A-Z]", name)}
    return (inside | outside) - _COMMON


def _rarity(name: str, uses: Mapping[str, Counter[str]]) -> float:
    """1 for a name that one file holds, nearly 0 for one that every file holds."""
    holders = sum(1 for counted in uses.values() if name in counted)
    return 1.0 / holders if holders else 0.0


def _named_score(path: str, named: set[str]) -> float:
    return _NAMED if any(path == name or path.endswith(f"/{name}") for name in named) else 0.0


def _use_score(source: str, uses: Counter[str], rarity: Mapping[str, float]) -> float:
    present = [name for name in rarity if uses[name]]
    if not present:
        return 0.0
    defined = set(_DEFINED.findall(source))
    return sum(
        (_DEFINES if name in defined else 0.0) * (0.5 + rarity[name] / 2) + min(uses[name], _MOST_USES) * rarity[name]
        for name in present
    )
