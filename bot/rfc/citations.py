"""Whether what an RFC says of the code stands where it says; pure, reading through a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.domain import Citation

NEAR = 3
"""How many lines a quote may be away from the cited line before the citation counts as wrong."""


def problems(citations: Iterable[Citation], read: Callable[[str], bytes | None]) -> tuple[str, ...]:
    """One sentence for each citation that does not hold; `read` gives a file's bytes at the base commit, or None."""
    return tuple(problem for citation in citations if (problem := _problem(citation, read)))


def _problem(citation: Citation, read: Callable[[str], bytes | None]) -> str:
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
    found = [number for number, line in enumerate(lines, 1) if quote in " ".join(line.split())]
    where = f"it stands on line {', '.join(map(str, found[:3]))}" if found else "it stands nowhere in the file"
    return f"{place}: `{quote}` is not there; {where}. The line reads: `{lines[citation.line - 1].strip()}`."
