"""What a repository says of its own checks: which of those found in its CI are not run, and which are run besides. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.domain import Check
from bot.rust.discovery import default_checks


@dataclass(frozen=True, slots=True)
class CheckRules:
    """`discover`: whether CI is read at all. `remove`: commands (`*` stands for anything) or kinds, such as `doc`.

    A command that an addition replaces is among those to remove.
    """

    discover: bool = True
    remove: tuple[str, ...] = ()
    add: tuple[Check, ...] = ()

    def apply(self, discovered: Sequence[Check]) -> tuple[Check, ...]:
        """The checks of the repository: those of CI that stay, then the added ones; where none is left, the defaults."""
        kept = [check for check in discovered if not any(_names(pattern, check) for pattern in self.remove)]
        checks = (*(kept if self.discover else ()), *self.add)
        return checks or default_checks()

    def idle(self, discovered: Sequence[Check]) -> tuple[str, ...]:
        """The patterns of `remove` and `replaces` that fit no check of CI: mistakes, or no longer needed."""
        return tuple(pattern for pattern in self.remove if not any(_names(pattern, check) for check in discovered))


def _names(pattern: str, check: Check) -> bool:
    return pattern == check.kind.value or fnmatchcase(" ".join(check.command.split()), " ".join(pattern.split()))
