"""What the bot would run for a checkout on this disk, and why: discovery for people who want to see it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import repository
from bot.domain import Check
from bot.errors import UserError
from bot.rust import discovery
from bot.rust.obstacles import debian_packages

LARGEST = 1 << 20
"""Bytes; no file that describes checks is larger."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What would be checked, which of the repository's own rules about it fit nothing, and Debian packages that CI installs."""

    checks: tuple[Check, ...]
    idle: tuple[str, ...]
    packages: tuple[tuple[str, str], ...] = ()


def inspect(checkout: Path) -> Inspection:
    """The checks of the repository whose files lie in `checkout`; links are not followed. Raises `UserError`."""
    if not checkout.is_dir():
        raise UserError(f"{checkout} is no directory.", "Give the path of a checkout.")
    files: dict[str, str] = {}
    for folder, folders, names in os.walk(checkout):
        folders[:] = sorted(name for name in folders if name not in (".git", "target", "node_modules"))
        for name in names:
            path = Path(folder, name)
            relative = path.relative_to(checkout).as_posix()
            is_plain = path.is_file() and not path.is_symlink()
            is_wanted = discovery.wanted(relative) or relative == repository.PATH
            if is_wanted and is_plain and path.stat().st_size <= LARGEST:
                files[relative] = path.read_text(errors="replace")
    config = repository.parse(files.get(repository.PATH, ""))
    discovered = discovery.discover(files)
    packages = tuple(item for item in debian_packages(files) if item[0] not in config.setup.packages)
    return Inspection(config.checks.apply(discovered), config.checks.idle(discovered), packages)


def as_json(check: Check) -> dict[str, Any]:
    """A check as `flask --app app checks --json` prints it."""
    return {
        "kind": check.kind.value,
        "command": check.command,
        "toolchain": check.toolchain,
        "env": dict(check.env),
        "directory": check.directory,
        "required": check.required,
        "source": check.source,
        "left_out_because": check.left_out_because,
    }


def table(inspection: Inspection) -> str:
    """The same for a terminal: what is run, then what is left to CI and why, then rules that fit nothing."""
    run = [check for check in inspection.checks if check.left_out_because is None]
    left = [check for check in inspection.checks if check.left_out_because is not None]
    lines = ["The bot runs:"]
    for check in run:
        env = "".join(f"{name}={value} " for name, value in check.env)
        place = f" (in {check.directory})" if check.directory != "." else ""
        note = "" if check.required else " [not required]"
        lines.append(f"  {check.kind.value:8} {env}{check.command}{place}{note}\n           from {check.source}")
    if left:
        lines.append("It leaves to CI:")
        lines += [
            f"  {check.kind.value:8} {check.command}\n           because {check.left_out_because}" for check in left
        ]
    if inspection.packages:
        names = ", ".join(f"{name} ({path})" for name, path in inspection.packages)
        lines.append(f"CI installs Debian packages: {names}.")
        lines.append(f"If the build needs one of them, name it under [setup] in {repository.PATH}.")
    lines += [f"No check of CI fits `{pattern}` in {repository.PATH}." for pattern in inspection.idle]
    return "\n".join(lines)
