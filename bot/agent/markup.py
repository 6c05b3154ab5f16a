"""Tells of Markdown what would hide a part of it, or of what is put behind it, from those who read it on GitHub. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark")
_UNSEEN = ("<!--", "<?", "<![CDATA[")
_TAG = re.compile(r"<(/?)(details|summary|pre|table|div|blockquote|script|style|textarea)\b", re.IGNORECASE)
_FENCE_END = re.compile(r"^(?:\s*>)*\s*(`{3,}|~{3,})\s*$")


def hides(text: str) -> str:
    """What of this Markdown nobody would see, as the end of a sentence that begins with its name; "" where all is seen.

    A remark in `<!-- -->` is not displayed at all (CommonMark 0.31, 4.6); a fence or an element that nothing closes takes
    in whatever follows (4.5).
    """
    tokens = _MARKDOWN.parse(text)
    html = list(_html(tokens))
    hidden = next((opening for part in html for opening in _UNSEEN if opening in part), "")
    if hidden:
        return f"it holds `{hidden}` outside of code, and what stands there nobody would see"
    if any(token.type == "fence" and not _is_closed(token, text.splitlines()) for token in tokens):
        return "a block of code in it is not closed, so that all that follows would be code"
    tags = Counter[str]()
    for closing, name in (match.groups() for part in html for match in _TAG.finditer(part)):
        tags[name.lower()] += -1 if closing else 1
    unclosed = [name for name, count in tags.items() if count > 0]
    if unclosed:
        return f"`<{unclosed[0]}>` in it is not closed, so that it would take in all that follows"
    return ""


def _html(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("html_block", "html_inline"):
            yield token.content
        yield from _html(token.children or ())


def _is_closed(fence: Token, lines: Sequence[str]) -> bool:
    """Whether its last line is the fence that ends it."""
    assert fence.map is not None, "markdown-it gives every block its lines"
    first, end = fence.map
    last = _FENCE_END.match(lines[end - 1]) if end - 1 > first else None
    return last is not None and last[1].startswith(fence.markup)
