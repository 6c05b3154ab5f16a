"""What the bot would run for a checkout on this disk, and why: discovery for people who want to see it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bot.domain import Check
from bot.errors import UserError
from bot.rust import discovery

LARGEST = 1 << 20
"""Bytes; no file that describes checks is larger."""


def checks_of(checkout: Path) -> tuple[Check, ...]:
    """The checks of the repository whose files lie in `checkout`; links are not followed."""
    if not checkout.is_dir():
        raise UserError(f"{checkout} is no directory.", "Give the path of a checkout.")
    files: dict[str, str] = {}
    for folder, folders, names in os.walk(checkout):
        folders[:] = sorted(name for name in folders if name not in (".git", "target", "node_modules"))
        for name in names:
            path = Path(folder, name)
            relative = path.relative_to(checkout).as_posix()
            is_plain = path.is_file() and not path.is_symlink()
            if discovery.wanted(relative) and is_plain and path.stat().st_size <= LARGEST:
                files[relative] = path.read_text(errors="replace")
    return discovery.discover(files)


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


def table(checks: tuple[Check, ...]) -> str:
    """The same for a terminal: what is run, then what is left to CI and why."""
    run = [check for check in checks if check.left_out_because is None]
    left = [check for check in checks if check.left_out_because is not None]
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
    return "\n".join(lines)
