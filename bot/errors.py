"""The two kinds of error: what a human can mend, and what broke.

```
RfcsmithError
├── UserError            spoken to the human on GitHub or at the terminal, with a hint
│   └── SettingsError    the environment is incomplete; names every missing setting at once
├── BadDelivery          a webhook request that is not acceptable; carries the HTTP status of the answer
├── Unavailable          a service we depend on does not answer now; the same call may succeed later
│   ├── GitHubUnavailable
│   ├── ModelUnavailable
│   └── SandboxUnavailable
├── Question             people have to decide before it can go on; said as it is
├── Paused               people were shown something, and the run waits for their word; not a failure
├── Stopped              a human asked the run to stop; not a failure
└── Conflict             the world moved under us (a branch, a comment); read again and decide anew
```

Everything else that is raised is a bug. All constructors take positional arguments only, so that an error survives
being pickled across a durable step.
"""

from __future__ import annotations


class RfcsmithError(Exception):
    """The root of every error that this program raises on purpose."""


class UserError(RfcsmithError):
    """Something a human can mend: `message` says what is wrong, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Question(RfcsmithError):
    """The run cannot go on before people have decided something: `message` says what, `hint` how to answer."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class SettingsError(UserError):
    """The environment lacks settings, or holds bad ones; the message names all of them."""


class BadDelivery(RfcsmithError):
    """A webhook request that is refused with HTTP `status` (400, 401 or 413) and the sentence `message`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message

    def __str__(self) -> str:
        return self.message


class Unavailable(RfcsmithError):
    """A service does not answer now; `retry_after` is in seconds, and 0.0 means that it did not say."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message, retry_after)
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message


class GitHubUnavailable(Unavailable):
    """GitHub answers with an error of its own, a rate limit, or not at all."""


class ModelUnavailable(Unavailable):
    """The Messages API is overloaded, rate limited, unreachable, or broke off its stream."""


class SandboxUnavailable(Unavailable):
    """The container engine is not there, or has no image for the sandbox."""


class Paused(RfcsmithError):
    """The run waits for people, and holds nothing until they have spoken."""


class Stopped(RfcsmithError):
    """A human asked the run to stop while something was going on."""


class Conflict(RfcsmithError):
    """The world moved between reading and writing: read it again and decide anew."""
