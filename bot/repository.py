"""What a repository says about itself in `.github/rfcsmith.toml`, read from the base branch only. Pure.

Everything in the file is optional, and so is the file. What it says wrong is told with its line and, for an unknown key, the
nearest known one.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from bot.domain import Check, CheckKind
from bot.errors import UserError
from bot.rust.cargo import kind_of
from bot.rust.checks import CONFIGURED
from bot.rust.rules import CheckRules

PATH = CONFIGURED
KEYS = (
    *("base_branch", "check_minutes", "may_touch_workflows", "max_turns", "max_minutes", "max_dollars"),
    *("rfc_template", "quiet_seconds", "read_everybody", "file_rfcs", "mutants_minutes", "review_bots"),
    *("resolve_threads", "update_on_conflict", "checks", "setup"),
)
CHECKS_KEYS = ("discover", "remove", "add")
SETUP_KEYS = ("packages", "script", "image")
ADD_KEYS = ("run", "kind", "directory", "env", "required", "replaces")

# https://git-scm.com/docs/git-check-ref-format, and no leading dash, which git would take for an option.
_BAD_BRANCH = re.compile(r"^[-/.]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|\.lock(?:/|$)|[/.]$|^@$|^refs/")


# https://www.debian.org/doc/debian-policy/ch-controlfields.html#source
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_BOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:\[bot\])?")
_IMAGE = re.compile(r"[a-z0-9][\w./:@-]{0,254}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SetupConfig:
    """What the sandbox needs besides: Debian packages, the path of a script that is run as root, an image to start from."""

    packages: tuple[str, ...] = ()
    script: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class RepositoryConfig:
    """A repository's own settings; None leaves the worker's default.

    `base_branch` is what work starts from and goes back to (None: the repository's default branch), `check_minutes` how long
    one Rust check may take, `may_touch_workflows` whether a change under `.github/workflows` may be published,
    `max_turns`, `max_minutes` and `max_dollars` how much one run may use: turns of the model in one conversation, minutes of
    its own work, US dollars for the model. `rfc_template` is
    the path of the template that RFCs follow, `quiet_seconds` how long a round waits for more to be said, `read_everybody`
    whether the words of people without a role reach the model, `file_rfcs` whether the pull request also files the RFC.
    `mutants_minutes` is how long the tests of a change are tested with mutants, 0 for not at all. `review_bots` are the logins
    of bots whose reviews are answered, `resolve_threads` says whether a thread that was done is resolved as well,
    `update_on_conflict` whether a pull request that its base conflicts with is updated without being asked.
    `checks` is how the checks differ from those that CI tells of, `setup` what the sandbox needs besides.
    """

    base_branch: str | None = None
    check_minutes: float | None = None
    may_touch_workflows: bool = False
    max_turns: int | None = None
    max_minutes: float | None = None
    max_dollars: float | None = None
    rfc_template: str | None = None
    quiet_seconds: float | None = None
    read_everybody: bool = False
    file_rfcs: bool = False
    mutants_minutes: float | None = None
    review_bots: tuple[str, ...] = ()
    resolve_threads: bool = False
    update_on_conflict: bool = True
    checks: CheckRules = field(default_factory=CheckRules)
    setup: SetupConfig = field(default_factory=SetupConfig)


def parse(text: str) -> RepositoryConfig:
    """Raises `UserError` where the text is no TOML, has an unknown key or a value of the wrong kind or size."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"`{PATH}` is not valid TOML: {error}.", _HINT) from error
    except RecursionError as error:
        raise UserError(f"`{PATH}` is nested too deeply.", _HINT) from error
    reader = _Reader(text, values, KEYS)
    return RepositoryConfig(
        base_branch=reader.branch("base_branch"),
        check_minutes=reader.minutes("check_minutes", 120),
        may_touch_workflows=reader.flag("may_touch_workflows"),
        max_turns=reader.count("max_turns", 1000),
        max_minutes=reader.minutes("max_minutes", 600),
        max_dollars=reader.dollars("max_dollars", 10_000),
        rfc_template=reader.path("rfc_template"),
        quiet_seconds=reader.seconds("quiet_seconds", 3600),
        read_everybody=reader.flag("read_everybody"),
        file_rfcs=reader.flag("file_rfcs"),
        mutants_minutes=reader.minutes("mutants_minutes", 60, may_be_none=True),
        review_bots=reader.texts("review_bots", _BOT, "logins of bots, such as `reviewer[bot]`"),
        resolve_threads=reader.flag("resolve_threads"),
        update_on_conflict=reader.flag("update_on_conflict", default=True),
        checks=_checks(reader),
        setup=_setup(reader.table("setup", SETUP_KEYS)),
    )


def _setup(table: _Reader) -> SetupConfig:
    packages = table.texts("packages", _PACKAGE, "names of Debian packages")
    image = table.texts("image", _IMAGE, "the name of an image")
    return SetupConfig(tuple(sorted(set(packages))), table.path("script") or "", "".join(image[:1]))


def _checks(reader: _Reader) -> CheckRules:
    rules = reader.table("checks", CHECKS_KEYS)
    additions = rules.tables("add", ADD_KEYS)
    return CheckRules(
        discover=rules.flag("discover", default=True),
        remove=(*rules.texts("remove"), *(each for addition in additions for each in addition.texts("replaces"))),
        add=tuple(_added(addition) for addition in additions),
    )


def _added(addition: _Reader) -> Check:
    command = addition.command("run")
    kind = addition.one_of("kind", [kind.value for kind in CheckKind])
    return Check(
        CheckKind(kind) if kind else kind_of(command),
        command,
        env=addition.variables("env"),
        directory=addition.path("directory") or ".",
        required=addition.flag("required", default=True),
        source=f"{PATH}:{addition.line_of('run')}",
    )


_HINT = "Mend the file on the base branch, then ask me again."


class _Reader:
    """One table of the file: its values by key, each checked as it is read. `header` is the line that opens it, 0 at the top."""

    def __init__(
        self, text: str, values: Mapping[str, Any], keys: Sequence[str], *, name: str = "", header: int = 0
    ) -> None:
        self._text, self._values, self._keys = text, values, keys
        self._name, self._header = name, header
        for key in values:
            if key not in keys:
                raise self._unknown(key)

    def table(self, key: str, keys: Sequence[str]) -> _Reader:
        values = self._values.get(key, {})
        if not isinstance(values, dict):
            raise self._wrong(key, "a table")
        return _Reader(self._text, values, keys, name=self._path(key), header=self.line_of(key))

    def tables(self, key: str, keys: Sequence[str]) -> tuple[_Reader, ...]:
        rows = self._values.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._wrong(key, f"tables, each opened by `[[{self._path(key)}]]`")
        opened = [
            number
            for number, line in enumerate(self._text.splitlines(), 1)
            if re.match(rf"\s*\[\[\s*{re.escape(self._path(key))}\s*\]\]", line)
        ]
        headers = opened if len(opened) == len(rows) else [self.line_of(key)] * len(rows)
        return tuple(
            _Reader(self._text, row, keys, name=self._path(key), header=header)
            for row, header in zip(rows, headers, strict=True)
        )

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
            raise self._wrong(key, "a path in this repository")
        return value

    def command(self, key: str) -> str:
        value = self._values.get(key)
        if not isinstance(value, str) or not value.strip() or "\n" in value.strip() or "\0" in value:
            raise self._wrong(key, "a command on one line")
        return value.strip()

    def one_of(self, key: str, choices: Sequence[str]) -> str | None:
        value = self._values.get(key)
        if value is not None and value not in choices:
            raise self._wrong(key, f"one of {', '.join(f'`{choice}`' for choice in choices)}")
        return value

    def texts(
        self, key: str, form: re.Pattern[str] = re.compile(r"(?s).*\S.*"), what: str = "a list of texts"
    ) -> tuple[str, ...]:
        """A list of texts; a single one may stand without brackets."""
        value = self._values.get(key, [])
        rows = [value] if isinstance(value, str) else value
        if not isinstance(rows, list) or not all(isinstance(row, str) and form.fullmatch(row) for row in rows):
            raise self._wrong(key, what)
        return tuple(rows)

    def variables(self, key: str) -> tuple[tuple[str, str], ...]:
        value = self._values.get(key, {})
        is_fit = isinstance(value, dict) and all(
            re.fullmatch(r"[A-Za-z_]\w*", name) and isinstance(text, str) and "\0" not in text
            for name, text in value.items()
        )
        if not is_fit:
            raise self._wrong(key, 'a table of variables, such as `{ RUSTFLAGS = "-D warnings" }`')
        return tuple(sorted(value.items()))

    def seconds(self, key: str, most: int) -> float | None:
        value = self._values.get(key)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= float(str(value)) <= most:
            raise self._wrong(key, f"a number of seconds from 0 to {most}")
        return float(str(value))

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self._values.get(key, default)
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

    def minutes(self, key: str, most: int, *, may_be_none: bool = False) -> float | None:
        return self._amount(key, most, "minutes", may_be_none=may_be_none)

    def dollars(self, key: str, most: int) -> float | None:
        return self._amount(key, most, "US dollars")

    def _amount(self, key: str, most: int, unit: str, *, may_be_none: bool = False) -> float | None:
        value = self._values.get(key)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(amount := float(str(value))) or not 0 <= amount <= most:
            raise self._wrong(key, f"a number of {unit}, at most {most}")
        if amount == 0 and not may_be_none:
            raise self._wrong(key, f"a number of {unit}, more than 0 and at most {most}")
        return amount

    def line_of(self, key: str) -> int:
        """The line (from 1) where `key` is first set, or opened as a table; the table's own where it cannot be found."""
        written = "|".join(re.escape(form) for form in (key, f'"{key}"', f"'{key}'"))
        inside = rf"(?:{re.escape(self._name)}\s*\.\s*)?" if self._name else ""
        pattern = re.compile(rf"\s*\[{{0,2}}\s*{inside}(?:{written})\s*[\].=]|.*[{{,.]\s*(?:{written})\s*=")
        lines = self._text.splitlines()
        first = max(self._header, 1)
        return next((n for n, line in enumerate(lines, 1) if n >= first and pattern.match(line)), first)

    def _path(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key

    def _wrong(self, key: str, wanted: str) -> UserError:
        return UserError(f"Line {self.line_of(key)} of `{PATH}`: `{self._path(key)}` must be {wanted}.", _HINT)

    def _unknown(self, key: str) -> UserError:
        # The key is quoted back into a comment: keep it harmless and short.
        harmless = re.sub(r"[^\w.-]", "?", key)[:60]
        nearest = get_close_matches(key, self._keys, n=1, cutoff=0.0)[0]
        place = f" in `{self._name}`" if self._name else ""
        return UserError(
            f"Line {self.line_of(key)} of `{PATH}`: there is no key `{harmless}`{place}.",
            f"The nearest is `{nearest}`; all of them are {', '.join(f'`{name}`' for name in self._keys)}.",
        )
