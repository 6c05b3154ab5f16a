"""The hidden last line by which the bot finds its own comments again: `<!-- rfcsmith:<marker> -->`. Pure."""

from __future__ import annotations

import re

MAX_BODY = 65_536
"""Characters that GitHub accepts in a body; cutting is the caller's work, a longer one is a bug."""

_MARKER = re.compile(r"[A-Za-z0-9._:/#@-]+")
_LINE = re.compile(r"<!-- rfcsmith:([A-Za-z0-9._:/#@-]+) -->")


def with_marker(body: str, marker: str) -> str:
    """The body with the marker as its last line; raises `ValueError` for a marker or a length that cannot be."""
    if not _MARKER.fullmatch(marker) or "--" in marker:
        raise ValueError(f"{marker!r} cannot be a marker")
    return checked(f"{body.rstrip()}\n\n<!-- rfcsmith:{marker} -->")


def marker_of(body: str) -> str | None:
    """The marker on the last line, where the bot puts it and where no quoted text can."""
    last = body.rstrip().rpartition("\n")[2].strip()
    match = _LINE.fullmatch(last)
    return match[1] if match else None


def checked(body: str) -> str:
    """The body itself, if GitHub takes one of its length."""
    if len(body) > MAX_BODY:
        raise ValueError(f"a body of {len(body)} characters is longer than GitHub's {MAX_BODY}")
    return body


def is_same(one: str, other: str) -> bool:
    """Whether GitHub would show the same: line ends and white space at the end do not count."""
    return one.replace("\r\n", "\n").rstrip() == other.replace("\r\n", "\n").rstrip()
