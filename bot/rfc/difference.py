"""What differs between two versions of a document, line by line, for people; pure."""

from __future__ import annotations

import difflib
import re

CONTEXT = 1
_LINK = re.compile(r"\[(`[^`\n]+`)\]\([^()\s]+/blob/[0-9a-f]{40}/[^()\s]+\)")


def difference(old: str, new: str) -> str:
    """A unified difference without file names; permalinks, which change with each base commit, show as the places they name."""
    before, after = (_plain(text).split("\n") for text in (old, new))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=CONTEXT))[2:]
    return "\n".join("…" if line.startswith("@@") else line for line in lines)


def _plain(text: str) -> str:
    return _LINK.sub(r"\1", text.replace("\r\n", "\n")).strip()
