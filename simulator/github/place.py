"""Where things are: the addresses under which one client sees the world."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from simulator.github.state import Repository, World


@dataclass(frozen=True)
class Place:
    """The world as seen from one address; `prefix` is `/api/v3` for clients that came in by it."""

    world: World
    origin: str
    prefix: str = ""

    def api(self, path: str) -> str:
        """The API address of a path."""
        return f"{self.origin}{self.prefix}{quote(path, safe='/:{}?=&+~@!$(),;*')}"

    def html(self, path: str) -> str:
        """The address of a page for people."""
        return f"{self.origin}{quote(path, safe='/:{}?=&+~@!$(),;*#')}"

    def repo(self, repository: Repository, path: str = "") -> str:
        """The API address of something in a repository."""
        return self.api(f"/repos/{repository.full_name}{path}")


def stamp(moment: datetime | None) -> str | None:
    """A time as GitHub writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def stamp_of(seconds: int) -> str:
    """A time of git as GitHub writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
