"""What a repository asks of every contribution besides its checks: a sign-off, an entry in its changelog. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from posixpath import basename

_DCO = re.compile(r"^(?:\.github/dco\.ya?ml|(?:\.github/|docs/)?dco(?:\.(?:md|txt))?)$", re.IGNORECASE)
_CONTRIBUTING = re.compile(r"^(?:\.github/|docs/)?contributing(?:\.(?:md|rst|txt))?$", re.IGNORECASE)
_CHANGELOG = re.compile(r"^changelog(?:\.(?:md|rst|txt))?$", re.IGNORECASE)
_SIGN_OFF = re.compile(r"signed-off-by|developer certificate of origin|\bgit commit (?:-s\b|--signoff)", re.IGNORECASE)
SIGN_OFF = (
    "This repository asks for a sign-off (DCO). A program cannot certify where code comes from, so my commits carry none: "
    "whoever merges signs off, for example with a squash."
)
NO_ENTRY = "The changelog has a part for unreleased changes, and this change adds nothing to it."


def telling(paths: Iterable[str]) -> tuple[str, ...]:
    """The files that `remarks` wants to see."""
    return tuple(
        path for path in paths if _DCO.match(path) or _CONTRIBUTING.match(path) or _CHANGELOG.match(basename(path))
    )


def remarks(files: Mapping[str, str], touched: Collection[str]) -> tuple[str, ...]:
    """What a pull request has to say of customs that it does not meet; `files` are the base's, `touched` the changed paths."""
    said = []
    if any(_DCO.match(path) or (_CONTRIBUTING.match(path) and _SIGN_OFF.search(text)) for path, text in files.items()):
        said.append(SIGN_OFF)
    logs = [path for path, text in files.items() if _CHANGELOG.match(basename(path)) and has_unreleased(text)]
    if logs and touched and not any(_CHANGELOG.match(basename(path)) for path in touched):
        said.append(NO_ENTRY)
    return tuple(said)


def has_unreleased(text: str) -> bool:
    """Whether a changelog has a heading for what is not released yet (https://keepachangelog.com)."""
    return re.search(r"^#+\s*\W*unreleased\b|^unreleased\s*\n[-=]{3}", text, re.IGNORECASE | re.MULTILINE) is not None
