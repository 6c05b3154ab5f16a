"""How GitHub says no: one exception with the status and body of the answer.

Wordings are those of recorded answers where one is known; documentation links are shortened to the reference's root.
"""

from __future__ import annotations

from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


class Refusal(Exception):
    """An answer other than success; `errors` and `headers` only where GitHub gives them."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[Any] | None = None,
        headers: dict[str, str] | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}
        self.url = url

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        body: dict[str, Any] = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        if self.url is not None:
            return {**body, "url": self.url, "documentation_url": "https://docs.github.com/v3/#http-redirects"}
        return {**body, "documentation_url": DOCUMENTATION, "status": str(self.status)}


def not_found() -> Refusal:
    """Unknown, or private and not for this caller: GitHub does not tell which."""
    return Refusal(404, "Not Found")


def forbidden() -> Refusal:
    """The installation lacks a permission."""
    return Refusal(403, "Resource not accessible by integration")


def must_have_rights() -> Refusal:
    """The person's role in the repository is too low."""
    return Refusal(403, "Must have admin rights to Repository.")


def bad_credentials() -> Refusal:
    return Refusal(401, "Bad credentials")


def invalid(resource: str, field: str, code: str = "invalid", message: str | None = None) -> Refusal:
    """A failed validation, GitHub's usual form."""
    error = {"resource": resource, "field": field, "code": code}
    return Refusal(422, "Validation Failed", [{**error, "message": message} if message else error])


def custom(resource: str, message: str) -> Refusal:
    """A failed validation with its own sentence."""
    return Refusal(422, "Validation Failed", [{"resource": resource, "code": "custom", "message": message}])


def unprocessable(message: str) -> Refusal:
    """A refusal whose whole reason is its message."""
    return Refusal(422, message)


def too_long(resource: str) -> Refusal:
    """A body over 65,536 characters."""
    message = "Body is too long (maximum is 65536 characters)"
    return Refusal(
        422, "Validation Failed", [{"resource": resource, "code": "unprocessable", "field": "data", "message": message}]
    )


def is_too_long(text: str | None) -> bool:
    return len(text or "") > 65_536
