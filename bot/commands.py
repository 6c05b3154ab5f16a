"""Finds in a comment what a person asks of the bot. Pure.

A command stands at the start of a line, as `/implement …` or `@<app-slug> implement …`, where GitHub shows plain text:
not in code, a quotation, a link, a table, struck-out text or an HTML comment. Slashes that resemble none of ours belong
to somebody else (`/cc`, `/lgtm`, `/usr/bin`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.domain import Command, Verb
from bot.errors import UserError

PAIR = "pair"
"""The one option of `/implement`."""

# How alike a word and a verb must be for "did you mean": `/implment` is (0.94), `/start` for `/status` is not (0.73).
NEAR = 0.75

_DID_YOU_MEAN = "Did you mean"
_VERBS = {verb.value: verb for verb in Verb}
_VERSION = re.compile(r"v(?P<version>[1-9][0-9]{0,3})(?=\s|$)", re.IGNORECASE)
# Editors make one dash of two.
_OPTION = re.compile(r"(?:--|[–—])(?P<name>[\w-]{1,40})(?=\s|$)")
_SLASH = re.compile(r"\s*/(?P<word>[A-Za-z][\w-]*)[.,:;!?]*(?=\s|$)")
_CANDIDATE = re.compile(r"\s*[/@]")
_CODE_TAG = re.compile(r"<(?P<close>/?)(?:code|pre|kbd|samp|a|q|s|del)(?=[\s>/])[^>]*>", re.IGNORECASE)
_QUOTE_TAG = re.compile(r"<(?P<close>/?)blockquote(?=[\s>])", re.IGNORECASE)
_OPENING = frozenset({"blockquote_open", "table_open"})
_CLOSING = frozenset({"blockquote_close", "table_close"})


@dataclass(frozen=True, slots=True)
class _Found:
    """What starts at a line: a verb, or else the error to tell. `rest` is what follows on that line."""

    line: int
    verb: Verb | None
    rest: str
    error: UserError | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for two commands that ask the same; the text under the line may change without asking anew."""
        return (self.verb, " ".join(self.rest.split()).casefold(), self.error.args if self.error else None)


def parse_commands(text: str, *, app_slug: str, previous: str = "") -> tuple[Command | UserError, ...]:
    """The commands of a comment in their order, each once.

    `previous` is the comment's text before an edit: what it held already is left out. A command is the same where its
    verb and the rest of its line are the same, so that mending the explanation under `/implement` starts nothing.
    A near miss (`/implment`) and anything unknown after `@<app-slug>` become a `UserError` that names the nearest command.
    """
    lines = _lines(text)
    found = _find(lines, app_slug)
    seen = {item.key for item in _find(_lines(previous), app_slug)}
    commands: list[Command | UserError] = []
    for position, item in enumerate(found):
        if item.key in seen:
            continue
        seen.add(item.key)
        if item.verb is None:
            assert item.error is not None
            commands.append(item.error)
            continue
        end = found[position + 1].line if position + 1 < len(found) else len(lines)
        argument = "\n".join([item.rest, *lines[item.line + 1 : end]]).strip()
        commands.append(Command(item.verb, argument))
    return tuple(commands)


@dataclass(frozen=True, slots=True)
class Order:
    """What `/implement` asks for: `version` is None where it names none, `hint` what else was said."""

    version: int | None
    is_paired: bool
    hint: str


def parse_order(argument: str) -> Order:
    """The argument of `/implement`: options and the version first, in any order. Raises `UserError` for an unknown option."""
    version, is_paired = None, False
    while True:
        if option := _OPTION.match(argument):
            if option["name"].lower() != PAIR:
                raise UserError(
                    f"I do not know the option `--{option['name']}`.",
                    f"There is one: `/implement --{PAIR}` shows you the plan, and then the tests, and waits for `/approve` each time.",
                )
            is_paired, argument = True, argument[option.end() :].lstrip()
        elif version is None and (named := _VERSION.match(argument)):
            version, argument = int(named["version"]), argument[named.end() :].lstrip()
        else:
            return Order(version, is_paired, argument)


def is_near_miss(error: UserError) -> bool:
    """Whether the error names a command that was probably meant; else somebody just spoke to us."""
    return error.hint.startswith(_DID_YOU_MEAN)


def is_mentioned(text: str, app_slug: str) -> bool:
    """Whether the text speaks to `@<app-slug>` anywhere in plain text."""
    if not app_slug:
        return False
    mention = re.compile(rf"(?<![\w/.@-])@{re.escape(app_slug)}(?:\[bot\])?(?![\w/-])", re.IGNORECASE)
    return any(mention.search(line) for line in _plain_lines("\n".join(_lines(text))))


def _lines(text: str) -> list[str]:
    """The lines as Markdown counts them: form feeds and other exotic separators do not end one."""
    return re.split(r"\r\n|\r|\n", text)


def _find(lines: list[str], app_slug: str) -> list[_Found]:
    mention = re.compile(rf"\s*@{re.escape(app_slug)}(?:\[bot\])?[,:]?(?=\s|$)", re.IGNORECASE) if app_slug else None
    found: list[_Found] = []
    for number in sorted(_plain_starts(lines)):
        line = lines[number]
        if mention and (match := mention.match(line)):
            found.append(_after_mention(number, line[match.end() :].strip(), app_slug))
        elif match := _SLASH.match(line):
            item = _after_slash(number, match["word"].lower(), line[match.end() :].strip())
            if item is not None:
                found.append(item)
    return found


def _after_slash(number: int, word: str, rest: str) -> _Found | None:
    if word in _VERBS:
        return _Found(number, _VERBS[word], rest)
    nearest = _nearest(word)
    if nearest is None:
        return None
    error = UserError(f"I do not know the command `/{word}`.", f"{_DID_YOU_MEAN} `/{nearest}`?")
    return _Found(number, None, rest, error)


def _after_mention(number: int, said: str, app_slug: str) -> _Found:
    word, _, rest = said.partition(" ")
    word = re.sub(r"[.,:;!?]+$", "", word).removeprefix("/").lower()
    if word in _VERBS:
        return _Found(number, _VERBS[word], rest.strip())
    nearest = _nearest(word)
    # The word is quoted back into a comment of the bot's: nothing but harmless characters, and not many of them.
    harmless = re.sub(r"[^\w-]", "", word)[:40]
    message = f"I do not know what `{harmless}` asks me to do." if harmless else "I was mentioned without a command."
    hint = f"{_DID_YOU_MEAN} `@{app_slug} {nearest}`?" if nearest else f"Try `@{app_slug} help`."
    return _Found(number, None, rest.strip(), UserError(message, hint))


def _nearest(word: str) -> str | None:
    """The verb that was probably meant: alike enough, or the same letters in another order (`/rcf`)."""
    alike = {verb: SequenceMatcher(None, word, verb).ratio() for verb in _VERBS}
    best = max(alike, key=lambda verb: (alike[verb], sorted(word) == sorted(verb)))
    if alike[best] >= NEAR:
        return best
    return next((verb for verb in _VERBS if sorted(word) == sorted(verb)), None)


# --- where GitHub shows plain text -----------------------------------------------------------------------------------


def _plain_starts(lines: list[str]) -> set[int]:
    """The numbers of the lines that start, in plain text, with a slash or an at sign.

    The parser does not tell where in the source a piece of a paragraph stood, so each candidate line gets a mark in front
    of it, made of a character that the text does not hold, and the marks that come out as plain text are counted.
    """
    candidates = [number for number, line in enumerate(lines) if _CANDIDATE.match(line)]
    if not candidates:
        return set()
    text = "\n".join(lines)
    mark = next(chr(code) for code in range(0xE000, 0x110000) if chr(code) not in text)
    marked = list(lines)
    for number in candidates:
        indent = len(lines[number]) - len(lines[number].lstrip())
        marked[number] = f"{lines[number][:indent]}{mark}{number}{mark}{lines[number][indent:]}"
    start = re.compile(rf"{mark}(\d+){mark}[/@]")
    return {int(match[1]) for line in _plain_lines("\n".join(marked)) if (match := start.match(line))}


def _plain_lines(text: str) -> Iterator[str]:
    """The lines of all paragraphs, with a blank for everything in them that is not plain text."""
    quotes = 0
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        if token.type in _OPENING:
            quotes += 1
        elif token.type in _CLOSING:
            quotes -= 1
        elif token.type == "html_block":
            quotes = max(0, quotes + _balance(_QUOTE_TAG, token.content))
        elif token.type == "inline" and quotes == 0:
            yield from _inline_lines(token.children or [])


def _inline_lines(children: list[Token]) -> Iterator[str]:
    line, hidden = "", 0
    for child in children:
        if child.type in ("link_open", "s_open"):
            hidden += 1
        elif child.type in ("link_close", "s_close"):
            hidden -= 1
        elif child.type == "html_inline":
            hidden = max(0, hidden + _balance(_CODE_TAG, child.content))
        if child.type in ("softbreak", "hardbreak"):
            yield line
            line = ""
        elif child.type == "text" and not hidden:
            line += child.content
        elif child.type not in ("strong_open", "strong_close", "em_open", "em_close"):
            line += " "
    yield line


def _balance(tag: re.Pattern[str], html: str) -> int:
    return sum(-1 if match["close"] else 1 for match in tag.finditer(html))
