"""The one door to GitHub: a request is paced, sent through PyGithub's `Requester`, retried where safe, and translated.

PyGithub does authentication, connections and GraphQL's address. Its objects are not used: they complete themselves by
hidden requests (one for each comment of a list), drop `performed_via_github_app`, and hand out a 307 as a success. Its
retries are off as well, because they repeat a POST and may sleep for an hour.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from github.Requester import Requester
from urllib3.exceptions import MaxRetryError, NewConnectionError

from bot.errors import GitHubUnavailable, UserError
from bot.github.errors import (
    SECONDARY_WAIT,
    Answer,
    InDoubt,
    NotFound,
    Refused,
    TokenRefused,
    missing_permission,
    translate,
)
from bot.github.pacing import TokenBucket

BACKOFF = (1.0, 2.0, 4.0)
"""Seconds before each further try; a rate limit's own wait counts where it is longer."""

PATIENCE = 60.0
"""Seconds that one call may wait in all before it gives up with `GitHubUnavailable`."""

DOWNLOAD_PATIENCE = 30.0
"""Seconds without a byte of a text that is handed out elsewhere."""
DOWNLOAD_MOST = 50_000_000

GIT_OBJECT = 0.25
"""The weight of writing a blob, tree or commit: it costs GitHub's points, but nobody is notified of it."""

_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Call:
    verb: str
    path: str
    parameters: Mapping[str, Any] | None = None
    body: object = None
    is_write: bool = False
    weight: float = 0.0

    @property
    def operation(self) -> str:
        return f"{self.verb} {urlsplit(self.path).path}"


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: Any


class Api:
    """GitHub as one identity, the App or an installation; usable by many threads, each with its own connections.

    `connect` makes a PyGithub `Requester`; `on_token_refused` may throw away a cached token before the next try.
    """

    def __init__(
        self,
        connect: Callable[[], Requester],
        *,
        bucket: TokenBucket,
        is_app: bool = False,
        on_token_refused: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connect = connect
        self._bucket = bucket
        self._is_app = is_app
        self._on_token_refused = on_token_refused
        self._sleep = sleep
        self._local = threading.local()

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Read one thing; repeated a few times where GitHub fails. Raises `NotFound` for 404 and 410."""
        return self._carry_out(_Call("GET", path, parameters)).body

    def download(self, path: str, limit: int) -> str:
        """The end of a text, at most `limit` bytes, that GitHub hands out from an address on another host.

        The token stays here: whoever has that address may read, for a minute.
        """
        call = _Call("GET", path)
        return self._retry(lambda: self._download_once(call, limit))

    def pages(
        self, path: str, parameters: Mapping[str, Any] | None = None, *, item: str | None = None
    ) -> Iterator[Any]:
        """Read a list page by page, each thing once although the list may shift; `item` names its key in an object."""
        call = _Call("GET", path, {"per_page": 100, **(parameters or {})})
        seen: set[object] = set()
        while True:
            reply = self._carry_out(call)
            for entry in _entries(reply.body, item, call.operation):
                identity = entry.get("id") if isinstance(entry, dict) else None
                if identity is None or identity not in seen:
                    seen.add(identity)
                    yield entry
            following = _NEXT.search(reply.headers.get("link", ""))
            if following is None:
                return
            # Only path and query of the address are used: the token never goes to another host.
            call = replace(call, path=following[1], parameters=None)

    def send(self, verb: str, path: str, body: object = None, *, repeatable: bool, weight: float = 1.0) -> Any:
        """Write once. Where doing it twice does no harm (`repeatable`) it is retried, else a doubt raises `InDoubt`."""
        return self._carry_out(_Call(verb, path, None, body, is_write=not repeatable, weight=weight)).body

    def graphql(self, query: str, variables: Mapping[str, Any], *, weight: float = 0.0) -> Mapping[str, Any]:
        """Ask GraphQL and return its `data`; what is asked must be harmless when repeated. A mutation has a weight."""
        call = _Call("POST", self._requester.graphql_url, None, {"query": query, "variables": variables}, weight=weight)
        return self._retry(lambda: self._graphql_once(call))

    def ensure(self, look: Callable[[], T | None], make: Callable[[], T]) -> tuple[T, bool]:
        """What `look` finds (and True), else what `make` makes; in doubt it looks again before the next try."""
        found = look()
        if found is not None:
            return found, True
        try:
            return make(), False
        except InDoubt as doubt:
            logger.warning("%s Looking whether it was carried out.", doubt)
            # Lists lag behind writes by a moment: too early a look would make a second one.
            self._sleep(BACKOFF[1])
            found = look()
        return (found, True) if found is not None else (make(), False)

    @property
    def _requester(self) -> Requester:
        requester: Requester | None = getattr(self._local, "requester", None)
        if requester is None:
            requester = self._local.requester = self._connect()
        return requester

    def _graphql_once(self, call: _Call) -> Mapping[str, Any]:
        body = self._once(call).body
        errors = body.get("errors") if isinstance(body, dict) else None
        if errors:
            raise _graphql_error(errors)
        if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
            raise GitHubUnavailable("GitHub's GraphQL answers without data.")
        data: Mapping[str, Any] = body["data"]
        return data

    def _carry_out(self, call: _Call) -> _Reply:
        return self._retry(lambda: self._once(call))

    def _retry(self, act: Callable[[], T]) -> T:
        waited = 0.0
        for backoff in BACKOFF:
            try:
                return act()
            except InDoubt:
                raise
            except GitHubUnavailable as unavailable:
                pause = max(backoff, unavailable.retry_after)
                if waited + pause > PATIENCE:
                    raise
                if isinstance(unavailable, TokenRefused):
                    self._on_token_refused()
                logger.warning("%s Trying again in %.0f s.", unavailable, pause)
            self._sleep(pause)
            waited += pause
        return act()

    def _once(self, call: _Call, *, may_redirect: bool = True) -> _Reply:
        if call.weight:
            self._bucket.take(call.weight)
        status, headers, text = self._transfer(call)
        body = _decode(text, call) if status < 300 or text.lstrip()[:1] in ("{", "[") else text
        if status in (307, 308) and may_redirect and "location" in headers:
            # A renamed repository; nothing was carried out yet, so that even a POST is sent on.
            return self._once(replace(call, path=headers["location"], weight=0.0), may_redirect=False)
        if status >= 300:
            raise translate(Answer(status, headers, body, call.operation), is_write=call.is_write, is_app=self._is_app)
        return _Reply(status, headers, body)

    def _download_once(self, call: _Call, limit: int) -> str:
        status, headers, text = self._transfer(call)
        if status != 302 or "location" not in headers:
            raise translate(Answer(status, headers, _decode(text, call), call.operation), is_write=False)
        try:
            with requests.get(headers["location"], stream=True, timeout=DOWNLOAD_PATIENCE) as response:
                if response.status_code != 200:
                    raise GitHubUnavailable(f"GitHub answers {call.operation} with {response.status_code}.")
                return _end_of(response.iter_content(1 << 16), limit)
        except requests.RequestException as error:
            raise GitHubUnavailable(f"The text of {call.operation} cannot be had: {type(error).__name__}.") from error

    def _transfer(self, call: _Call) -> tuple[int, Mapping[str, str], str]:
        parameters = dict(call.parameters) if call.parameters else None
        try:
            return self._requester.requestJson(call.verb, call.path, parameters, None, call.body)
        except RuntimeError as error:
            # PyGithub does not follow a redirection to another host or protocol, and neither should a token.
            raise UserError(f"GitHub's address redirects elsewhere: {error}", "Check GITHUB_API_URL.") from error
        except (requests.RequestException, ValueError) as error:
            # PyGithub reads the headers about rate limits as numbers, whatever they are: hence ValueError.
            kind = InDoubt if call.is_write and _may_have_arrived(error) else GitHubUnavailable
            raise kind(f"GitHub cannot be reached for {call.operation}: {type(error).__name__}.") from error


def read(parse: Callable[[Any], T], body: object) -> T:
    """A domain value from GitHub's JSON; an unexpected shape is GitHub's failure (a broken proxy), not ours."""
    try:
        return parse(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        name = parse.__name__.replace("_", " ")
        raise GitHubUnavailable(f"GitHub's answer is not a {name}: {type(error).__name__} {error}.") from error


def _decode(text: str, call: _Call) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        kind = InDoubt if call.is_write else GitHubUnavailable
        raise kind(f"GitHub's answer to {call.operation} is not JSON.") from error


def _end_of(chunks: Iterable[bytes], limit: int) -> str:
    """The last `limit` bytes of a text, beginning with a whole line where it was cut; reads `DOWNLOAD_MOST` at most."""
    kept, size = b"", 0
    for chunk in chunks:
        size += len(chunk)
        kept = (kept + chunk)[-limit:]
        if size > DOWNLOAD_MOST:
            break
    return (kept.partition(b"\n")[2] if size > limit else kept).decode(errors="replace")


def _entries(body: Any, item: str | None, operation: str) -> list[Any]:
    entries = body.get(item) if item is not None and isinstance(body, dict) else body
    if not isinstance(entries, list):
        raise GitHubUnavailable(f"GitHub's answer to {operation} is not a list.")
    return entries


def _may_have_arrived(error: Exception) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return False
    cause = error.args[0] if error.args else None
    return not (isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError))


def _graphql_error(errors: Any) -> Exception:
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
    kind, message = str(first.get("type", "")), str(first.get("message", errors))
    if "not accessible by integration" in message:
        return missing_permission("GraphQL", "contents=write, pull_requests=write")
    if kind == "NOT_FOUND":
        return NotFound(f"GitHub says: {message}", "It was deleted, or the App may not see it.")
    if kind in ("RATE_LIMITED", "RATE_LIMIT") or "rate limit" in message.lower():
        return GitHubUnavailable(f"GitHub limits the rate of GraphQL requests: {message}", SECONDARY_WAIT)
    # Time-outs inside GitHub come as a success with this sentence and no type.
    if "something went wrong" in message.lower() or kind in ("SERVICE_UNAVAILABLE", "INTERNAL"):
        return GitHubUnavailable(f"GitHub's GraphQL fails: {message}")
    return Refused(200, "GraphQL", (message,))
