"""Installation tokens: minted at use, kept in memory only, and as narrow as their purpose allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from github.Auth import Auth

from bot.domain import Repo
from bot.errors import UserError
from bot.github.api import Api, read
from bot.github.errors import NotFound, Refused

MARGIN = 300.0
"""Seconds before its end at which a token is no longer handed out: a long fetch must still finish with it."""

SETTLED = 60.0
"""Seconds after which a refused token is not just too fresh, so that another is minted."""


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    minted_at: float
    expires_at: float

    def __repr__(self) -> str:
        return "_Token(***)"


@dataclass(frozen=True, slots=True)
class _Scope:
    installation_id: int
    repository_id: int | None = None
    contents: str | None = None


class Tokens:
    """The installations' tokens; thread-safe. Two threads may mint the same token at once, which does no harm."""

    def __init__(self, api: Api, *, now: Callable[[], float] = time.time) -> None:
        self._api = api
        self._now = now
        self._lock = threading.Lock()
        self._tokens: dict[_Scope, _Token] = {}

    def for_installation(self, installation_id: int) -> str:
        """A token with everything that was granted to the installation, for API calls."""
        return self._get(_Scope(installation_id))

    def for_repository(self, repo: Repo, *, write: bool) -> str:
        """A token that can only read (or write) the contents of this one repository, for git."""
        return self._get(_Scope(repo.installation_id, repo.id, "write" if write else "read"))

    def forget(self, installation_id: int) -> None:
        """Throw away a refused token, unless it is so fresh that GitHub may just not know it everywhere yet."""
        with self._lock:
            token = self._tokens.get(_Scope(installation_id))
            if token is not None and self._now() - token.minted_at > SETTLED:
                del self._tokens[_Scope(installation_id)]

    def _get(self, scope: _Scope) -> str:
        with self._lock:
            token = self._tokens.get(scope)
        if token is None or token.expires_at - MARGIN < self._now():
            token = self._mint(scope)
            with self._lock:
                self._tokens[scope] = token
        return token.value

    def _mint(self, scope: _Scope) -> _Token:
        wish: dict[str, Any] = {}
        if scope.repository_id is not None:
            wish = {"repository_ids": [scope.repository_id], "permissions": {"contents": scope.contents}}
        path = f"/app/installations/{scope.installation_id}/access_tokens"
        try:
            body = self._api.send("POST", path, wish, repeatable=True, weight=0.0)
        except NotFound as error:
            raise UserError("The App is not installed there any more.", "Install it again.") from error
        except Refused as error:
            raise UserError(
                f"GitHub gives the App no token for this repository: {'; '.join(filter(None, error.reasons))}",
                "Give the installation access to the repository and accept the App's permissions.",
            ) from error
        return read(self._token, body)

    def _token(self, body: Any) -> _Token:
        return _Token(str(body["token"]), self._now(), datetime.fromisoformat(body["expires_at"]).timestamp())


class InstallationAuth(Auth):
    """Tells PyGithub the token of an installation, afresh for each request."""

    def __init__(self, tokens: Tokens, installation_id: int) -> None:
        self._tokens = tokens
        self._installation_id = installation_id

    @property
    def token_type(self) -> str:
        return "token"

    @property
    def token(self) -> str:
        return self._tokens.for_installation(self._installation_id)
