"""Decides which changes are never published, whoever asked for them. Pure.

The sandbox's work is checked here once more, as bytes and modes, after git made a tree of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from bot.domain import FileChange, FileMode
from bot.errors import UserError

MAX_FILES = 1_000
MAX_BYTES = 25 * 1024**2

AGENTS = "AGENTS.md"
"""The file that agents of all makers read (https://agents.md); rules that people want to be remembered go there."""

# Where projects tell machines how to work there; AGENTS.md and CLAUDE.md may stand in any folder.
_RULES = re.compile(r"(?:.*/)?(?:agents|claude)\.md|\.github/copilot-instructions\.md")

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_FILTER = re.compile(rb"(?:^|\s)filter\s*=", re.MULTILINE)
# How many complaints are told at once.
_TOLD = 5


def refuse(changes: Sequence[FileChange], may_touch_workflows: bool = False, *, filtered: Collection[str] = ()) -> None:
    """Raises `UserError`, naming what must not be published and where, or returns.

    `filtered` are those of the paths that a filter such as Git LFS keeps elsewhere (`Git.filtered`): their blobs would have
    to be pointers, which cannot be made without the filter.
    """
    if len(changes) > MAX_FILES:
        raise UserError(f"The change touches {len(changes)} files; I publish at most {MAX_FILES}.", _SPLIT)
    size = sum(len(change.content or b"") for change in changes)
    if size > MAX_BYTES:
        raise UserError(f"The change holds {size} bytes; I publish at most {MAX_BYTES}.", _SPLIT)
    complaints = [
        f"`{_shown(change.path)}` {complaint}"
        for change in changes
        for complaint in _complaints(change, may_touch_workflows, filtered)
    ]
    if complaints:
        more = f", and {len(complaints) - _TOLD} more" if len(complaints) > _TOLD else ""
        raise UserError(f"I must not publish this change: {'; '.join(complaints[:_TOLD])}{more}.", _MEND)


def holds_rules(path: str) -> bool:
    """Whether the file tells agents how to work in the repository: it changes only where somebody asks for that."""
    return _RULES.fullmatch(path.casefold()) is not None


_SPLIT = "Ask for a smaller part of it."
_MEND = "Make that part by hand, or ask for the change without it."


def _complaints(change: FileChange, may_touch_workflows: bool, filtered: Collection[str]) -> Iterator[str]:
    path = change.path.casefold()
    if not _is_plain(change.path):
        yield "has a name that is not plain text"
    if path.startswith(".github/workflows/") and not may_touch_workflows:
        yield "is a workflow of GitHub Actions"
    if path == ".gitmodules" or change.mode is FileMode.SUBMODULE:
        yield "changes submodules"
    if change.path in filtered or (change.content or b"").startswith(_LFS_POINTER):
        yield "is kept by a filter such as Git LFS"
    if path.rpartition("/")[2] == ".gitattributes" and _FILTER.search(change.content or b""):
        yield "names a filter"
    if change.mode is FileMode.SYMLINK and not _stays_inside(change.path, change.content or b""):
        yield "is a link that leaves the repository"


def _is_plain(path: str) -> bool:
    """UTF-8 without control characters: anything else GitHub's API cannot carry, or a reader cannot see."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return path.isprintable()


def _stays_inside(path: str, target: bytes) -> bool:
    """Whether a link's target lies in the tree, whatever links it leads over.

    Steps up are allowed at the beginning only: after a name they could start from wherever a link of that name leads to.
    """
    if target.startswith(b"/") or b"\0" in target or not target:
        return False
    steps = [step for step in target.split(b"/") if step not in (b"", b".")]
    ups = next((place for place, step in enumerate(steps) if step != b".."), len(steps))
    return ups <= path.count("/") and b".." not in steps[ups:] and not any(step.lower() == b".git" for step in steps)


def _shown(path: str) -> str:
    """The path for a sentence: one line, no backticks, not endless."""
    return path.encode("utf-8", "backslashreplace").decode().replace("`", "'").replace("\n", "\\n")[:200]
