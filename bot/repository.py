"""What a repository says about itself in `.github/rfcsmith.toml`, read from the base branch only. Pure.

Everything in the file is optional, and so is the file. What it says wrong is told with its line and, for an unknown key, the
nearest known one.
"""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches

from bot.errors import UserError

PATH = ".github/rfcsmith.toml"
KEYS = (
    *("base_branch", "check_minutes", "may_touch_workflows", "max_turns", "max_minutes"),
    *("rfc_template", "quiet_seconds", "read_everybody", "file_rfcs"),
)

# https://git-scm.com/docs/git-check-ref-format, and no leading dash, which git would take for an option.
_BAD_BRANCH = re.compile(r"^[-/.]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|\.lock(?:/|$)|[/.]$|^@$|^refs/")


@dataclass(frozen=True, slots=True)
class RepositoryConfig:
    """A repository's own settings; None leaves the worker's default.

    `base_branch` is what work starts from and goes back to (None: the repository's default branch), `check_minutes` how long
    one Rust check may take, `may_touch_workflows` whether a change under `.github/workflows` may be published,
    `max_turns` and `max_minutes` how much one run may use: turns of the model, minutes of its own work. `rfc_template` is
    the path of the template that RFCs follow, `quiet_seconds` how long a round waits for more to be said, `read_everybody`
    whether the words of people without a role reach the model, `file_rfcs` whether the pull request also files the RFC.
    """

    base_branch: str | None = None
    check_minutes: float | None = None
    may_touch_workflows: bool = False
    max_turns: int | None = None
    max_minutes: float | None = None
    rfc_template: str | None = None
    quiet_seconds: float | None = None
    read_everybody: bool = False
    file_rfcs: bool = False


def parse(text: str) -> RepositoryConfig:
    """Raises `UserError` where the text is no TOML, has an unknown key or a value of the wrong kind or size."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"`{PATH}` is not valid TOML: {error}.", _HINT) from error
    except RecursionError as error:
        raise UserError(f"`{PATH}` is nested too deeply.", _HINT) from error
    for key in values:
        if key not in KEYS:
            raise _unknown(text, key)
    reader = _Reader(text, values)
    return RepositoryConfig(
        base_branch=reader.branch("base_branch"),
        check_minutes=reader.minutes("check_minutes", 120),
        may_touch_workflows=reader.flag("may_touch_workflows"),
        max_turns=reader.count("max_turns", 1000),
        max_minutes=reader.minutes("max_minutes", 600),
        rfc_template=reader.path("rfc_template"),
        quiet_seconds=reader.seconds("quiet_seconds", 3600),
        read_everybody=reader.flag("read_everybody"),
        file_rfcs=reader.flag("file_rfcs"),
    )


_HINT = "Mend the file on the base branch, then ask me again."


class _Reader:
    def __init__(self, text: str, values: dict[str, object]) -> None:
        self._text = text
        self._values = values

    def branch(self, key: str) -> str | None:
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value or _BAD_BRANCH.search(value):
            raise self._wrong(key, "the name of a branch")
        return value

    def path(self, key: str) -> str | None:
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not re.fullmatch(r"(?!/)(?!.*\.\.)[\w@+./-]+", value):
            raise self._wrong(key, "the path of a file in this repository")
        return value

    def seconds(self, key: str, most: int) -> float | None:
        value = self._values.get(key)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= float(str(value)) <= most:
            raise self._wrong(key, f"a number of seconds from 0 to {most}")
        return float(str(value))

    def flag(self, key: str) -> bool:
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def count(self, key: str, most: int) -> int | None:
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self._wrong(key, f"a whole number from 1 to {most}")
        return value

    def minutes(self, key: str, most: int) -> float | None:
        value = self._values.get(key)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(minutes := float(str(value))) or not 0 < minutes <= most:
            raise self._wrong(key, f"a number of minutes, more than 0 and at most {most}")
        return minutes

    def _wrong(self, key: str, wanted: str) -> UserError:
        return UserError(f"Line {_line_of(self._text, key)} of `{PATH}`: `{key}` must be {wanted}.", _HINT)


def _unknown(text: str, key: str) -> UserError:
    # The key is quoted back into a comment: keep it harmless and short.
    harmless = re.sub(r"[^\w.-]", "?", key)[:60]
    nearest = get_close_matches(key, KEYS, n=1, cutoff=0.0)[0]
    return UserError(
        f"Line {_line_of(text, key)} of `{PATH}`: there is no key `{harmless}`.",
        f"The nearest is `{nearest}`; all of them are {', '.join(f'`{name}`' for name in KEYS)}.",
    )


def _line_of(text: str, key: str) -> int:
    """The line (from 1) where the top-level `key` is first set or opened as a table; 1 where it cannot be found."""
    written = "|".join(re.escape(form) for form in (key, f'"{key}"', f"'{key}'"))
    pattern = re.compile(rf"\s*\[{{0,2}}\s*(?:{written})\s*[\].=]")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)
