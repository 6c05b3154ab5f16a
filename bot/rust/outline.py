"""A map of a repository that fits a prompt: its files, and the public items of its Rust sources with their lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bot.rust.syntax import items

_METHOD = re.compile(r"^\s*pub (?:const |unsafe |async )*fn (\w+)", re.MULTILINE)

LIMIT = 20_000
"""Characters; where the whole does not fit, items give way to file names, and deep files to their folders."""


def outline(paths: Sequence[str], sources: Mapping[str, str]) -> str:
    """The files of `paths`, each Rust file of `sources` with its length and its public items."""
    full = "\n".join(_entry(path, sources.get(path), with_items=True) for path in paths)
    if len(full) <= LIMIT:
        return full
    short = "\n".join(_entry(path, sources.get(path), with_items=False) for path in paths)
    return short if len(short) <= LIMIT else _folders(paths)


def _entry(path: str, source: str | None, *, with_items: bool) -> str:
    if source is None:
        return path
    lines = len(source.splitlines())
    entry = f"{path} ({lines} lines)"
    if not with_items or not path.endswith(".rs"):
        return entry
    return "\n".join([entry, *_public_items(source)])


def _public_items(source: str) -> list[str]:
    lines = []
    for item in items(source.encode()):
        if item.is_for_tests_only:
            continue
        if item.kind == "impl_item":
            methods = [match[1] for match in _METHOD.finditer(item.text)]
            if methods:
                lines.append(f"  {item.line}: impl {item.name}: {', '.join(methods)}")
        elif (signature := _signature(item.text)).startswith(("pub ", "macro_rules!")):
            lines.append(f"  {item.line}: {signature}")
    return lines


def _signature(text: str) -> str:
    """The declaration on one line, without attributes, comments and body."""
    code = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "//"))]
    return " ".join(re.split(r"[{;]|\s=\s", "\n".join(code), maxsplit=1)[0].split())[:200]


def _folders(paths: Sequence[str]) -> str:
    counts: dict[str, int] = {}
    for path in paths:
        folder = "/".join(path.split("/")[:2]) if path.count("/") >= 2 else path
        counts[folder] = counts.get(folder, 0) + 1
    return "\n".join(f"{folder}/ ({count} files)" if count > 1 else folder for folder, count in counts.items())[:LIMIT]
