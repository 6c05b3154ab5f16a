"""A map of a repository that fits a prompt, made without the model: packages, tests, recent commits, files with their items.

What has most to do with the issue comes first and in most detail. Nothing is cut inside a line, and what is left out is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.rust import survey
from bot.rust.syntax import Item, items

LIMIT = 20_000
"""Characters of the whole map."""

_PACKAGES, _TESTS, _COMMITS = 5_000, 2_500, 1_500
_RELATED = 12
_DETAILED = 3
_METHOD = re.compile(r"^\s*(pub(?:\([^)]*\))? )?(?:const |unsafe |async |default )*fn (\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Known:
    """What the host knows of a repository at a commit.

    `files` holds the texts of Rust sources, manifests and toolchain files; `lock` is Cargo.lock as cargo would use it;
    `related` are the paths that the issue is about, the likeliest first; `commits` are lines, the newest first.
    """

    paths: tuple[str, ...]
    files: Mapping[str, str]
    lock: str = ""
    related: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()


def repository_map(known: Known) -> str:
    """The map, of at most `LIMIT` characters."""
    packages = [line for group in survey.packages(known.paths, known.files, known.lock) for line in group]
    parts = [
        _part("Packages", [*survey.toolchain(known.files), *packages], _PACKAGES),
        _part("Tests", survey.layout_of_tests(known.paths, known.files), _TESTS),
        _part("Recent commits", known.commits, _COMMITS),
    ]
    room = LIMIT - sum(len(part) + 2 for part in parts)
    return "\n\n".join(part for part in [*parts, files(known, room)] if part)


def _part(title: str, lines: Sequence[str], limit: int) -> str:
    return f"## {title}\n" + "\n".join(_fitting(lines, limit - len(title) - 4)) if lines else ""


def _fitting(lines: Sequence[str], limit: int) -> list[str]:
    """As many whole lines as fit, and how many do not."""
    if sum(len(line) + 1 for line in lines) <= limit:
        return list(lines)
    kept: list[str] = []
    room = limit - len("… 99999 more lines") - 1
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return [*kept, f"… {len(lines) - len(kept)} more lines"]


# --- files -----------------------------------------------------------------------------------------------------------


def files(known: Known, limit: int) -> str:
    """All files: first those that the issue is about, with their public items; the others as fully as the room allows."""
    first = known.related[:_RELATED]
    others = [path for path in known.paths if path not in set(first)]
    folded = _folded(others)
    room = limit - 120
    short = {path: _entry(path, known.files.get(path)) for path in known.paths}
    is_folded = sum(len(short[path]) + 1 for path in known.paths) > room * 0.7
    rest = folded if is_folded else [short[path] for path in others]
    room -= sum(len(line) + 1 for line in [*(short[path] for path in first), *rest])
    full: dict[str, str] = {}
    for position, path in enumerate([*first, *(() if is_folded else others)]):
        if (source := known.files.get(path)) is None or not path.endswith(".rs"):
            continue
        is_detailed = position < min(_DETAILED, len(first))
        lines = _items(source, with_private=is_detailed)
        if is_detailed:
            lines = _fitting(lines, room // 2)
        if (size := sum(len(line) + 1 for line in lines)) <= room:
            room -= size
            full[path] = "\n".join([short[path], *lines])
    related = [full.get(path, short[path]) for path in first]
    listed = rest if is_folded else [full.get(path, short[path]) for path in others]
    half = limit - 60
    parts = []
    if related:
        parts.append("## What the issue seems to be about\n" + "\n".join(_fitting(related, half)))
        half -= len(parts[0]) + 2
    if listed:
        title = "## Other files" if related else "## Files"
        parts.append(f"{title}\n" + "\n".join(_fitting(listed, half - len(title))))
    return "\n\n".join(parts)


def _entry(path: str, source: str | None) -> str:
    return path if source is None else f"{path} ({len(source.splitlines())} lines)"


def _items(source: str, *, with_private: bool) -> list[str]:
    """The items of a source file, one a line: public ones, or all but imports; tests are left out.

    Methods stand behind their `impl`, each with its line.
    """
    lines = []
    for item in items(source.encode()):
        if item.is_for_tests_only or item.kind in _PASSED_OVER:
            continue
        if item.kind == "impl_item":
            first = item.line - item.text.count("\n", 0, item.code_at)
            methods = [
                f"{match[2]}:{first + item.text.count(chr(10), 0, match.start(2))}"
                for match in _METHOD.finditer(item.text)
                if with_private or match[1]
            ]
            if methods:
                lines.append(f"  {item.line}: {_declaration(item)}: {' '.join(methods)}")
        elif with_private or item.is_public or item.kind == "macro_definition":
            lines.append(f"  {item.line}: {_declaration(item)}")
    return lines


_PASSED_OVER = frozenset(
    [
        "use_declaration",
        "extern_crate_declaration",
        "inner_attribute_item",
        "empty_statement",
        "macro_invocation",
        "expression_statement",
    ]
)


def _declaration(item: Item) -> str:
    """The declaration on one line, without attributes, comments and body."""
    text = item.signature.rstrip(",")
    return text if len(text) < 200 else text[:197] + "…"


def _folded(paths: Iterable[str]) -> list[str]:
    """Deep files by their folder, with a count."""
    counts: dict[str, int] = {}
    for path in paths:
        folder = "/".join(path.split("/")[:2]) if path.count("/") >= 2 else path
        counts[folder] = counts.get(folder, 0) + 1
    return [f"{folder}/ ({count} files)" if count > 1 else folder for folder, count in counts.items()]
