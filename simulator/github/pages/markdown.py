"""Markdown as GitHub shows it, safely: everything but a small list of tags and attributes becomes text."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from html.parser import HTMLParser
from pathlib import PurePosixPath

from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

VOID = {"br", "hr", "input"}
TAGS = VOID | {
    *(
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "pre",
        "code",
        "blockquote",
        "a",
        "em",
        "strong",
        "s",
        "del",
    ),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary", "sub", "sup", "kbd", "span", "ins", "b", "i"),
}
LINK = re.compile(r"^(https?://|#|/|mailto:)", re.IGNORECASE)
CLASS = re.compile(r"^(task|highlight|language-[\w+-]+|[a-z][a-z0-9]?|[a-z]{2}[a-z0-9])$")
TASK = re.compile(r"(<li>(?:\s*<p>)?)\[([ xX])\] ")
FORMATTER = HtmlFormatter(nowrap=True)
REFERENCE = re.compile(
    r"(?<![\w/&#])(?:#(?P<number>\d+)\b|@(?P<login>[A-Za-z0-9][A-Za-z0-9-]*)|\b(?P<sha>[0-9a-f]{40})\b)"
)
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


class Sanitizer(HTMLParser):
    """Lets through what is listed, closes what was left open, drops comments, and shows the rest as text."""

    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self._base = base
        self._out: list[str] = []
        self._open: list[str] = []

    def clean(self, html: str) -> str:
        """The safe form of some HTML."""
        self.feed(html)
        self.close()
        self._out.extend(f"</{tag}>" for tag in reversed(self._open))
        return "".join(self._out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self._out.append(escape(self.get_starttag_text() or ""))
            return
        kept = "".join(self._attribute(tag, name, value or "") for name, value in attrs)
        if tag == "input":
            kept += " disabled"
        self._out.append(f"<{tag}{kept}>")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if tag not in self._open:
            if tag not in TAGS:
                self._out.append(escape(f"</{tag}>"))
            return
        while self._open:
            last = self._open.pop()
            self._out.append(f"</{last}>")
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        shown = escape(INVISIBLE.sub("", data), quote=False)
        if not {"a", "code", "pre"} & set(self._open):
            shown = REFERENCE.sub(self._reference, shown)
        self._out.append(shown)

    def _attribute(self, tag: str, name: str, value: str) -> str:
        if tag == "a" and name == "href" and LINK.match(value.strip()):
            return f' href="{escape(value.strip())}" rel="nofollow noopener"'
        if name == "class" and all(CLASS.match(part) for part in value.split()):
            return f' class="{escape(value)}"'
        if (tag, name) == ("details", "open") or (
            tag == "input" and name in ("checked", "type") and value in ("", "checkbox")
        ):
            return f' {name}="{escape(value)}"' if value else f" {name}"
        if tag in ("td", "th") and name == "style" and re.fullmatch(r"text-align:(left|right|center)", value):
            return f' style="{value}"'
        if (tag, name) == ("ol", "start") and value.isdigit():
            return f' start="{value}"'
        return ""

    def _reference(self, found: re.Match[str]) -> str:
        if found["number"]:
            return f'<a href="{self._base}/issues/{found["number"]}">#{found["number"]}</a>'
        if found["sha"]:
            return f'<a href="{self._base}/commit/{found["sha"]}"><code>{found["sha"][:7]}</code></a>'
        return f"<strong>@{found['login']}</strong>"


@lru_cache(maxsize=64)
def _lexer(language: str, extension: str) -> Lexer | None:
    try:
        if extension:
            return get_lexer_for_filename(f"x{extension}", stripnl=False, ensurenl=False)
        return get_lexer_by_name(language.split(",")[0] or "text", stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def code(text: str, language: str = "", filename: str = "") -> str:
    """Highlighted source as HTML without a box around it."""
    lexer = _lexer(language, PurePosixPath(filename).suffix)
    shown: str = highlight(text, lexer, FORMATTER) if lexer else escape(text)
    return shown


def _fence(text: str, language: str, _: str) -> str:
    return code(text, language)


PARSER = MarkdownIt("commonmark", {"html": True, "breaks": True, "highlight": _fence}).enable(
    ["table", "strikethrough"]
)


def render(text: str | None, base: str = "") -> Markup:
    """Markdown of somebody as safe HTML; `base` is the address of the repository, for `#12` and the like."""
    html = PARSER.render(text or "")
    html = TASK.sub(
        lambda found: f'{found[1]}<input class="task" type="checkbox"{" checked" if found[2] != " " else ""}> ', html
    )
    return Markup(Sanitizer(escape(base)).clean(html))
