"""Whether what an RFC says of the code stands where it says; pure, reading through a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.domain import Citation, Foreseen, ItemChange

NEAR = 3
"""How many lines a quote may be away from the cited line before the citation counts as wrong."""

Read = Callable[[str], bytes | None]
_PLACE = re.compile(
    r"(?<![\w/.:-])(?P<path>(?:[\w@+-][\w@.+-]*/)*[\w@+-][\w@.+-]*\.(?:rs|toml|md|yml|yaml|lock)):(?P<line>[1-9]\d*)(?![\d.])"
)
_FENCED = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"\b(?:fn|struct|enum|trait|mod|const|static|type|union|macro_rules!|macro)\s+(?P<name>[\w:]+)")
_WORD = re.compile(r"[A-Za-z_][\w:]*")
_NO_NAMES = frozenset(
    ["pub", "impl", "for", "unsafe", "async", "extern", "crate", "self", "mut", "ref", "dyn", "where", "in"]
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that does not stand where a draft says: `place` is `path:line`, or the name; `problem` is a sentence."""

    place: str
    problem: str


def problems(citations: Iterable[Citation], read: Read) -> tuple[Wrong, ...]:
    """What is wrong with citations; `read` gives a file's bytes at the base commit, or None."""
    return tuple(Wrong(f"{c.path}:{c.line}", said) for c in citations if (said := problem(c, read)))


def problem(citation: Citation, read: Read) -> str:
    """A sentence that says why the citation does not hold; empty where it does."""
    place = f"{citation.path}:{citation.line}"
    content = read(citation.path)
    if content is None:
        return f"{place}: there is no file {citation.path} at the base commit."
    lines = content.decode(errors="replace").splitlines()
    if not 1 <= citation.line <= len(lines):
        return f"{place}: the file has {len(lines)} lines."
    quote = " ".join(citation.quote.split())
    if not quote:
        return ""
    window = lines[max(0, citation.line - 1 - NEAR) : citation.line + NEAR + citation.quote.count("\n")]
    if quote in " ".join(" ".join(window).split()):
        return ""
    found = lines_with(citation.quote, content)
    where = f"it stands on line {', '.join(map(str, found[:3]))}" if found else "it stands nowhere in the file"
    return f"{place}: `{quote}` is not there; {where}. The line reads: `{lines[citation.line - 1].strip()}`."


def lines_with(quote: str, content: bytes) -> tuple[int, ...]:
    """The numbers of the lines that hold the quote's first line, white space aside."""
    wanted = " ".join(quote.strip().split("\n")[0].split())
    lines = content.decode(errors="replace").splitlines()
    return tuple(number for number, line in enumerate(lines, 1) if wanted and wanted in " ".join(line.split()))


def places_in(text: str) -> tuple[Citation, ...]:
    """The places (`path:line`) that stand in prose, outside of fenced code."""
    found = (Citation(match["path"], int(match["line"])) for match in _PLACE.finditer(_FENCED.sub("", text)))
    return tuple(dict.fromkeys(found))


def unknown_items(foreseen: Foreseen, read: Read) -> tuple[Wrong, ...]:
    """Items that a design changes or removes and files that it changes, which do not exist at the base commit."""
    wrong = []
    for file in foreseen.files:
        content = read(file.path)
        known = [item for item in file.items if item.change is not ItemChange.ADD]
        if content is None and known:
            wrong.append(
                Wrong(file.path, f"{file.path}: there is no such file at the base commit, so nothing in it can change.")
            )
            continue
        text = (content or b"").decode(errors="replace")
        for item in known:
            name = item_name(item.name)
            if name and not re.search(rf"\b{re.escape(name)}\b", text):
                problem = f"{file.path}: there is no `{name}` in it at the base commit; if it is new, say `add`."
                wrong.append(Wrong(f"{file.path} {name}", problem))
    return tuple(wrong)


def item_name(text: str) -> str:
    """The identifier that an item goes by: `pub fn Pretty::largest(self) -> Pretty` is `largest`."""
    match = _ITEM.search(text)
    name = match["name"] if match else next((w for w in _WORD.findall(text) if w not in _NO_NAMES), "")
    return name.rstrip(":").rpartition("::")[2]
