"""Lays a document out over comments and reads it back from them, whatever somebody has done to their edges; pure.

A document is cut only between its top-level blocks, so that each comment is whole Markdown; joined again it has the same
digest. What is content stands between two hidden lines; where an editor removed them, the header and the footer are known by
their own first words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

OPEN, CLOSE = "<!-- document -->", "<!-- end of document -->"
FOOTER = "---\n**Next:**"
_HEADER = re.compile(r"\A\s*## RFC: (?P<title>[^\n]*)\n+(?:<sub>Version [^\n]*</sub>\n*)?")
_PAGE_HEADER = re.compile(r"\A\s*<sub>Part \d+ of[^\n]*</sub>\n*")
_MARKER = re.compile(r"<!-- rfcsmith:[^\n]* -->\s*\Z")
_BLOCK = re.compile(r"^(?=#{1,6} |<details>)", re.MULTILINE)
_FENCED = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)

RESERVE_FROM = 0.5
"""From this share of its last comment on, a first version reserves one comment more for those that come after it."""


def split(body: str, limit: int) -> tuple[str, ...]:
    """The document in pieces of at most `limit` characters, cut between its sections and folded parts.

    A section that alone is longer is cut between paragraphs, a paragraph that alone is longer at the ends of lines.
    """
    pieces: list[str] = []
    for block in _blocks(body, limit):
        if pieces and len(pieces[-1]) + 2 + len(block) <= limit:
            pieces[-1] = f"{pieces[-1]}\n\n{block}"
        else:
            pieces.append(block)
    return tuple(pieces) or ("",)


def reserved(pieces: Sequence[str], limit: int) -> int:
    """How many comments a first version takes: those it fills, and one more where it leaves its successors little room."""
    is_tight = len(pieces) > 1 or len(pieces[-1]) > RESERVE_FROM * limit
    return len(pieces) + is_tight


def framed(piece: str) -> str:
    """A piece between the hidden lines by which it is found again."""
    return f"{OPEN}\n\n{piece}\n\n{CLOSE}" if piece else f"{OPEN}\n{CLOSE}"


def content(comments: Sequence[str]) -> str:
    """The document that stands in these comments now."""
    return "\n\n".join(piece for piece in map(_content, comments) if piece)


def title(comment: str) -> str:
    """The title that stands above the document; empty where there is none."""
    match = _HEADER.match(comment.replace("\r\n", "\n"))
    return match["title"].strip() if match else ""


def _content(comment: str) -> str:
    text = comment.replace("\r\n", "\n")
    start, end = text.find(OPEN), text.rfind(CLOSE)
    if start >= 0 and end > start:
        return text[start + len(OPEN) : end].strip("\n")
    text = _MARKER.sub("", text.replace(OPEN, "").replace(CLOSE, ""))
    text = _PAGE_HEADER.sub("", _HEADER.sub("", text))
    return text.rpartition(FOOTER)[0].strip() if FOOTER in text else text.strip()


def _blocks(body: str, limit: int) -> list[str]:
    """Sections and folded parts; code is no place to cut, and what is folded stays in one piece."""
    fenced = [match.span() for match in _FENCED.finditer(body)]
    starts = [match.start() for match in _BLOCK.finditer(body)]
    starts = [at for at in starts if not any(begin < at < end for begin, end in fenced)]
    cuts = sorted({0, *starts, len(body)})
    blocks = [body[begin:end].strip() for begin, end in zip(cuts, cuts[1:], strict=False)]
    return [
        piece
        for block in blocks
        if block
        for part in ([block] if len(block) <= limit else _paragraphs(block))
        for piece in ([part] if len(part) <= limit else _lines(part, limit))
    ]


def _paragraphs(block: str) -> list[str]:
    """Pieces of an overlong section: at blank lines outside code, and never inside of what is folded."""
    if block.startswith("<details>"):
        return [block]
    fenced = [match.span() for match in _FENCED.finditer(block)]
    cuts = [match.start() for match in re.finditer(r"\n\n+", block)]
    cuts = [0, *(at for at in cuts if not any(begin < at < end for begin, end in fenced)), len(block)]
    return [part for begin, end in zip(cuts, cuts[1:], strict=False) if (part := block[begin:end].strip())]


def _lines(part: str, limit: int) -> list[str]:
    """Pieces of a paragraph, or of something folded, that alone fills more than a comment."""
    pieces = [""]
    for line in part.split("\n"):
        if len(pieces[-1]) + 1 + len(line) > limit:
            pieces.append("")
        pieces[-1] = f"{pieces[-1]}\n{line[:limit]}" if pieces[-1] else line[:limit]
    return pieces
