"""How the bot's comments are put into form: quotations, cells of tables, cutting at GitHub's limit. Pure."""

from __future__ import annotations

import re

from bot.domain import Usage

BODY_LIMIT = 60_000
"""Characters; GitHub refuses bodies above 65,536, and the hidden marker needs a little room."""


_CLOSING_ROOM = 400


_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")


def quoted(text: str) -> str:
    """Somebody's words as a quotation."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def fenced(text: str, language: str = "text") -> str:
    """Output of a program as a code block, whose fence is longer than any in it (CommonMark 4.5)."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", text))])
    return f"{fence}{language}\n{text.strip()}\n{fence}"


def fit(text: str, limit: int) -> str:
    """Cut `text` to `limit` characters at a line's end, closing what is open there: code, `<details>`, a hidden remark."""
    if len(text) <= limit:
        return text
    notice = "\n\n*(cut here: it is longer than GitHub takes)*"
    room = limit - len(notice) - _CLOSING_ROOM
    kept = text[:room].rsplit("\n", 1)[0]
    fence, plain = _open_fence(kept)
    closing = f"\n{fence}" if fence else ""
    if plain.rfind("<!--") > plain.rfind("-->"):
        closing += "\n-->"
    closing += "\n\n</details>" * max(0, plain.count("<details>") - plain.count("</details>"))
    return (kept + closing)[: limit - len(notice)] + notice


def _open_fence(text: str) -> tuple[str, str]:
    """The code fence that is open at the end of `text` ("" if none), and the lines that are not code."""
    fence, plain = "", []
    for line in text.splitlines():
        match = _FENCE.match(line)
        if fence:
            is_end = match is not None and match[1].startswith(fence) and not match[2].strip()
            fence = "" if is_end else fence
        elif match is not None and not (match[1].startswith("`") and "`" in match[2]):
            fence = match[1]
        else:
            plain.append(line)
    return fence, "\n".join(plain)


def cell(text: str) -> str:
    """Text for a table's cell, word for word: GitHub takes `\\|` for a bar also inside of code."""
    return text.strip().replace("|", "\\|").replace("\n", "<br>")


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def tokens(usage: Usage) -> str:
    return (
        f"{usage.input + usage.cache_written:,} tokens read, {usage.cached:,} from the cache, {usage.output:,} written"
    )


# https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
_CLOSING = re.compile(
    r"\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(:?\s+|:)(?=(?P<issue>(?:[\w.-]+/[\w.-]+)?#\d+|gh-\d+|https?://\S+/(?:issues|pull)/\d+))",
    re.IGNORECASE,
)


def closing_only(text: str, issue: int = 0) -> str:
    """A pull request's body whose merge closes this issue (0 for none), whatever else an author's words or a plan say."""
    return _CLOSING.sub(lambda match: match[0] if match["issue"] == f"#{issue}" else f"{match[1]} issue ", text)


# --- a part of a body that is the bot's own -----------------------------------------------------------------------------

_BEGIN, END = "<!-- rfcsmith begins -->", "<!-- rfcsmith ends -->"


def own_region(text: str) -> str:
    """The bot's own part of a body, between hidden marks: what people write around it stays theirs."""
    inside = text.replace(_BEGIN, "").replace(END, "")
    return f"{_BEGIN}\n{inside}\n{END}"


def with_own_region(body: str, text: str) -> str | None:
    """The body in which the bot's part says `text`; None where somebody took its marks out, or it is full."""
    before, begin, rest = body.partition(_BEGIN)
    _, end, after = rest.rpartition(END)
    if not begin or not end:
        return None
    changed = f"{before}{own_region(text)}{after}"
    return changed if len(changed) <= BODY_LIMIT else None
