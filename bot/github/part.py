"""What every part of the client shares: the door, the bot's own name, and a repository's path."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from bot.domain import Actor, Repo
from bot.github.api import Api


class Part:
    """A part of `client.InstallationGitHub`; `own_login` asks GitHub once and is cheap after that."""

    def __init__(self, api: Api, own_login: Callable[[], str]) -> None:
        self._api = api
        self._own_login = own_login

    def _is_own(self, author: Actor) -> bool:
        # People's logins cannot hold brackets, so nobody else can be called `<slug>[bot]`.
        return author.login.lower() == self._own_login().lower()


def path_of(repo: Repo, rest: str = "") -> str:
    """The REST path of something in a repository."""
    return f"/repos/{segment(repo.owner)}/{segment(repo.name)}{rest}"


def segment(name: str) -> str:
    """A name (of a label, a branch …) as one segment of a path."""
    return quote(name, safe="")
