"""Whether what the product cites stands where it says, looked up in the bare repository itself; nothing is taken over from it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from simulator.github.git import BareRepository

LINK = re.compile(
    r"\[`(?P<shown>[^`\n]+)`\]\([^()\s]+/blob/(?P<commit>[0-9a-f]{40})/(?P<path>[^()\s#]+)"
    r"#L(?P<line>\d+)(?:-L(?P<last>\d+))?\)(?:: (?P<fence>`+) ?(?P<quote>.*?) ?(?P=fence)$)?",
    re.MULTILINE,
)
NEAR = 3


@dataclass(frozen=True, slots=True)
class Cited:
    """A permalink in a comment: what it shows, where it leads, and the code that stands behind it, if any does."""

    shown: str
    commit: str
    path: str
    line: int
    last: int
    quote: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" + (f" `{self.quote}`" if self.quote else "")


def cited(bodies: Iterable[str]) -> list[Cited]:
    """The different permalinks of some comments, in order."""
    found = [
        Cited(
            match["shown"],
            match["commit"],
            unquote(match["path"]),
            int(match["line"]),
            int(match["last"] or match["line"]),
            match["quote"] or "",
        )
        for body in bodies
        for match in LINK.finditer(body)
    ]
    return list(dict.fromkeys(found))


def resolves(git: BareRepository, place: Cited) -> bool:
    """Whether file and lines are there, the text says the same as the link, and the quoted code stands at that place."""
    data = git.file(place.commit, place.path) if git.kind(place.commit) == "commit" else None
    if data is None:
        return False
    lines = data.decode(errors="replace").splitlines()
    if not 1 <= place.line <= place.last <= len(lines) or not place.shown.startswith(f"{place.path}:{place.line}"):
        return False
    window = " ".join(" ".join(lines[max(0, place.line - 1 - NEAR) : place.last + NEAR]).split())
    return " ".join(place.quote.split()) in window
