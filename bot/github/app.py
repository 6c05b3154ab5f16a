"""The App itself: its name, where it is installed, its deliveries, and the client of each installation."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from github import Github
from github.Auth import AppAuth, Auth
from github.Requester import Requester
from jwt import PyJWTError

from bot.domain import DeliveryAttempt
from bot.errors import SettingsError
from bot.github import parse
from bot.github.api import Api, read
from bot.github.client import GitHub, InstallationGitHub
from bot.github.errors import NotFound
from bot.github.pacing import TokenBucket
from bot.github.part import segment
from bot.github.tokens import InstallationAuth, Tokens

API_VERSION = "2022-11-28"

TIMEOUT = 30
"""Seconds without an answer; GitHub itself gives up after ten."""


class GitHubApp:
    """A GitHub App, known by its private key (PEM); thread-safe, one for the whole process.

    `api_url` is `https://api.github.com`, or `https://<host>/api/v3` of GitHub Enterprise Server. `write_pause` is in
    seconds, 0 means no pacing. Raises `SettingsError` for a key that cannot sign.
    """

    def __init__(
        self,
        *,
        app_id: str,
        private_key: str,
        api_url: str,
        write_pause: float = 1.0,
        user_agent: str = "rfcsmith",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # At DEBUG PyGithub writes whole answers into the log, and with them fresh tokens; at INFO every redirection.
        logging.getLogger("github.Requester").setLevel(logging.WARNING)
        self._api_url = api_url.rstrip("/")
        self._write_pause = write_pause
        self._user_agent = user_agent
        self._sleep = sleep
        auth = _app_auth(app_id, private_key)
        self._api = Api(lambda: self._connect(auth), bucket=TokenBucket(0.0), is_app=True, sleep=sleep)
        self._tokens = Tokens(self._api)
        self._lock = threading.Lock()
        self._slug: str | None = None
        self._installations: dict[int, InstallationGitHub] = {}

    @property
    def slug(self) -> str:
        """The App's name in addresses and mentions; asked once from GitHub."""
        if self._slug is None:
            self._slug = read(lambda body: str(body["slug"]), self._api.get("/app"))
        return self._slug

    @property
    def bot_login(self) -> str:
        """The login under which the App comments and commits: `<slug>[bot]`."""
        return f"{self.slug}[bot]"

    def installation_of(self, owner: str, name: str) -> int | None:
        """The installation that covers a repository, or None where the App is not installed."""
        try:
            body = self._api.get(f"/repos/{segment(owner)}/{segment(name)}/installation")
        except NotFound:
            return None
        return read(lambda found: int(found["id"]), body)

    def installation(self, installation_id: int) -> GitHub:
        """GitHub as one installation; every thread gets its own connections, all share one pace and one token."""
        with self._lock:
            github = self._installations.get(installation_id)
            if github is None:
                github = self._installations[installation_id] = self._make(installation_id)
            return github

    def deliveries(self, *, since: datetime) -> tuple[DeliveryAttempt, ...]:
        """GitHub's tries to deliver webhooks from `since` on, newest first; it remembers about three days."""
        attempts = []
        for body in self._api.pages("/app/hook/deliveries"):
            attempt = read(parse.delivery_attempt, body)
            if attempt.delivered_at < since:
                break
            attempts.append(attempt)
        return tuple(attempts)

    def redeliver(self, attempt_id: int) -> None:
        """Ask GitHub to deliver again, under the same GUID."""
        self._api.send("POST", f"/app/hook/deliveries/{attempt_id}/attempts", repeatable=True)

    def _make(self, installation_id: int) -> InstallationGitHub:
        auth = InstallationAuth(self._tokens, installation_id)
        api = Api(
            lambda: self._connect(auth),
            bucket=TokenBucket(self._write_pause, sleep=self._sleep),
            on_token_refused=lambda: self._tokens.forget(installation_id),
            sleep=self._sleep,
        )
        return InstallationGitHub(api, lambda: self.bot_login, self._tokens)

    def _connect(self, auth: Auth) -> Requester:
        return Github(
            auth=auth,
            base_url=self._api_url,
            timeout=TIMEOUT,
            user_agent=self._user_agent,
            retry=0,
            seconds_between_requests=None,
            seconds_between_writes=None,
            api_version=API_VERSION,
        ).requester


def _app_auth(app_id: str, private_key: str) -> AppAuth:
    auth = AppAuth(app_id, private_key)
    try:
        auth.create_jwt()
    except (PyJWTError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        # Without the cause: its text may hold parts of the key.
        raise SettingsError(f"GITHUB_PRIVATE_KEY cannot sign: {type(error).__name__}.") from None
    return auth
