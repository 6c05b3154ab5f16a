"""Translates GitHub's refusals into `UserError`, `GitHubUnavailable` and `Conflict`; the sentences are for humans.

```
UserError
└── NotFound           the thing is not there, or the App may not see it; callers often answer None
GitHubUnavailable
├── InDoubt            a write was sent and its outcome is not known: look before it is sent again
└── TokenRefused       a token of the installation is not accepted; a fresh one may not be known everywhere yet
Refused                GitHub finds the request itself unacceptable (422, 400): a bug, unless the caller expects it
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.errors import Conflict, GitHubUnavailable, RfcsmithError, UserError

SECONDARY_WAIT = 60.0
"""Seconds to stay away where GitHub reports a secondary limit without saying for how long."""

_RATE_LIMIT = re.compile(
    r"rate limit|abuse detection|temporarily blocked from content creation|please retry your request again later"
    r"|please wait a few minutes before you try again",
    re.IGNORECASE,
)
_RULES = re.compile(r"rule violations?|protected branch|changes must be made through a pull request", re.IGNORECASE)


class NotFound(UserError):
    """GitHub answers 404 or 410: it is not there, it was deleted, or the App may not see it."""


class InDoubt(GitHubUnavailable):
    """The connection broke, or GitHub failed, after a write was sent: nobody knows whether it was carried out."""


class TokenRefused(GitHubUnavailable):
    """GitHub answers 401 to an installation's token: too fresh, revoked, or the installation is gone."""


class Refused(Exception):
    """GitHub refuses the content of a request; `reasons` holds its messages, for the caller who expects one."""

    def __init__(self, status: int, operation: str, reasons: tuple[str, ...]) -> None:
        super().__init__(status, operation, reasons)
        self.status = status
        self.operation = operation
        self.reasons = reasons

    def __str__(self) -> str:
        return f"GitHub refuses {self.operation} with {self.status}: {'; '.join(self.reasons)}"

    def mentions(self, words: str) -> bool:
        """Whether one of the reasons contains `words`, in whatever case."""
        return any(words.lower() in reason.lower() for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that is no success: `body` is its decoded JSON, whatever that is; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: object
    operation: str

    @property
    def message(self) -> str:
        """GitHub's own sentence, or nothing."""
        message = self.body.get("message") if isinstance(self.body, Mapping) else None
        return message if isinstance(message, str) else ""

    @property
    def reasons(self) -> tuple[str, ...]:
        """The message and the details under `errors`, which are objects or plain strings."""
        errors = self.body.get("errors") if isinstance(self.body, Mapping) else None
        details = errors if isinstance(errors, list) else [errors] if errors else []
        return (self.message, *(_detail(detail) for detail in details))


def _detail(error: object) -> str:
    if not isinstance(error, Mapping):
        return str(error)
    if error.get("message"):
        return str(error["message"])
    return " ".join(str(error[key]) for key in ("resource", "field", "code") if error.get(key))


def is_rate_limit(answer: Answer) -> bool:
    """Whether the answer asks to come back later; a 403 about a permission does not, even as the last one allowed."""
    if answer.status == 429:
        return True
    if answer.status != 403 or answer.message.startswith("Resource not accessible"):
        return False
    return (
        "retry-after" in answer.headers
        or answer.headers.get("x-ratelimit-remaining") == "0"
        or _RATE_LIMIT.search(answer.message) is not None
    )


def retry_after(answer: Answer, now: datetime) -> float:
    """Seconds after which GitHub wants to be asked again, by its headers, in the order that its documentation gives."""
    seconds = _number(answer.headers.get("retry-after"))
    if seconds is not None:
        return max(0.0, seconds)
    reset = _number(answer.headers.get("x-ratelimit-reset"))
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset is not None:
        # One second more: the reset happens at some moment within that second.
        return max(1.0, reset - now.timestamp() + 1.0)
    return SECONDARY_WAIT


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def translate(answer: Answer, *, is_write: bool, is_app: bool = False) -> Exception:
    """The exception that an answer with a status of 300 or more means; `is_app`: asked with the App's own JWT."""
    if is_rate_limit(answer):
        wait = retry_after(answer, datetime.now(UTC))
        return GitHubUnavailable(f"GitHub limits the rate of requests: {answer.message or answer.status}", wait)
    if answer.status >= 500:
        kind = InDoubt if is_write else GitHubUnavailable
        return kind(f"GitHub answers {answer.operation} with {answer.status}.")
    if answer.status == 401:
        return _unauthorized(answer, is_app)
    if answer.status in (404, 410):
        return _missing(answer)
    return _forbidden(answer) or _refused(answer)


def _unauthorized(answer: Answer, is_app: bool) -> RfcsmithError:
    if is_app:
        return UserError(
            f"GitHub does not accept the App's own credentials: {answer.message}",
            "Check GITHUB_APP_ID, GITHUB_PRIVATE_KEY and the clock of this machine.",
        )
    return TokenRefused(f"GitHub does not accept a token that it gave to the App: {answer.message}")


def _missing(answer: Answer) -> NotFound:
    if answer.status == 410:
        return NotFound(f"GitHub says: {answer.message}", "")
    return NotFound(
        f"GitHub finds nothing at {answer.operation}.",
        "It was deleted or renamed, or the App was not given access to the repository.",
    )


def _forbidden(answer: Answer) -> RfcsmithError | None:
    message = " ".join(reason for reason in answer.reasons if reason)
    if "not accessible by integration" in message:
        return missing_permission(answer.operation, answer.headers.get("x-accepted-github-permissions", ""))
    if "installation has been suspended" in message:
        return UserError("This installation of the App is suspended.", "Unsuspend it in the settings of the account.")
    if "is locked" in message:
        return UserError("The conversation is locked, so the App cannot write there.", "Unlock it and ask again.")
    if "archived" in message:
        return UserError("The repository is archived and therefore read-only.", "Unarchive it and ask again.")
    if "without `workflows` permission" in message:
        return missing_permission(answer.operation, "workflows=write")
    if _RULES.search(message):
        return UserError(f"A rule of the repository forbids this: {message}", "Let the App bypass it, or change it.")
    if answer.status in (403, 451):
        return UserError(f"GitHub forbids this to the App: {message or answer.status}", "")
    return None


def missing_permission(operation: str, accepted: str) -> UserError:
    """Names what the App lacks; `accepted` is GitHub's header: `a=write; b=write`, comma is and, semicolon is or."""
    choices = [_permissions(choice) for choice in accepted.split(";") if choice.strip()]
    wanted = " or ".join(choices) if choices else "one more permission"
    return UserError(
        f"The App lacks {wanted} for {operation}.",
        "Add it in the App's settings, then let an owner accept it for this installation.",
    )


def _permissions(choice: str) -> str:
    pairs = (pair.strip().partition("=") for pair in choice.split(",") if pair.strip())
    return " and ".join(f"the permission `{name}: {level or 'read'}`" for name, _, level in pairs)


def _refused(answer: Answer) -> Exception:
    if answer.status == 409:
        if "is empty" in answer.message:
            return UserError("The repository is empty.", "Push a first commit and ask again.")
        return Conflict(f"GitHub reports a conflict at {answer.operation}: {answer.message}")
    return Refused(answer.status, answer.operation, answer.reasons)
