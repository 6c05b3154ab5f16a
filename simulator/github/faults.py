"""Trouble put into the world: each fault waits for the calls it is meant for and then strikes, a counted number of times."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from simulator.github.refusals import Refusal

SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID"
)
KINDS = {
    "unavailable": "an answer of `status` (502) instead of doing it",
    "unavailable_after": "does it, then answers with `status` (502)",
    "cut_off": "closes the connection without an answer instead of doing it",
    "cut_off_after": "does it, then closes the connection without an answer",
    "slow": "waits `seconds` before doing it",
    "secondary_limit": "403 (or `status` 429) with Retry-After `retry_after`; None leaves the header out",
    "primary_limit": "403 with remaining 0; the reset is `retry_after` seconds away",
    "not_found_yet": "404, as right after something was made",
    "bad_token": "401 for a fresh token, as right after it was minted",
    "mergeable_unknown": "`mergeable` is null on reads of pull requests",
    "base_modified": "405 on merge: the base moved",
    "ref_update_failed": "422 `Reference update failed`, for no reason",
}
DEFAULT_OPERATIONS = {
    "mergeable_unknown": "pulls/get",
    "base_modified": "pulls/merge",
    "ref_update_failed": "git/*-ref",
}


@dataclass
class Fault:
    """One kind of trouble: strikes `times` calls whose operation id matches `operation` (a pattern such as `issues/*`,
    `graphql` or `git-upload-pack`) and whose method is `method`, after letting `skip` of them pass."""

    kind: str
    operation: str = "*"
    method: str | None = None
    times: int = 1
    skip: int = 0
    status: int | None = None
    retry_after: int | None = 1
    seconds: float = 1.0
    struck: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; there are {sorted(KINDS)}")
        if self.operation == "*":
            self.operation = DEFAULT_OPERATIONS.get(self.kind, "*")

    def strikes(self, operation: str, method: str) -> bool:
        """True if this call is to suffer; counts it."""
        if self.times <= 0 or not fnmatchcase(operation, self.operation) or self.method not in (None, method):
            return False
        if self.kind == "bad_token" and operation.startswith("apps/"):
            return False  # these are called with the App's own assertion
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        self.struck += 1
        return True

    def refusal(self, now: float) -> Refusal:
        """What is answered."""
        after = {"Retry-After": str(self.retry_after)} if self.retry_after is not None else {}
        if self.kind == "secondary_limit":
            return Refusal(self.status or 403, f"{SECONDARY} SIM:{self.struck}.", headers=after)
        if self.kind == "primary_limit":
            reset = str(int(now) + (self.retry_after or 0))
            headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
            return Refusal(self.status or 403, "API rate limit exceeded for installation ID 1.", headers=headers)
        if self.kind == "not_found_yet":
            return Refusal(404, "Not Found")
        if self.kind == "bad_token":
            return Refusal(401, "Bad credentials")
        if self.kind == "base_modified":
            return Refusal(405, "Base branch was modified. Review and try the merge again.")
        if self.kind == "ref_update_failed":
            return Refusal(422, "Reference update failed")
        return Refusal(self.status or 502, "Server Error")


@dataclass
class Faults:
    """All trouble that waits, and what has struck."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, kind: str, **settings: Any) -> Fault:
        """Puts a fault into the world."""
        fault = Fault(kind, **settings)
        self.waiting.append(fault)
        return fault

    def strike(self, operation: str, method: str) -> Fault | None:
        """The fault this call suffers, if any; one call suffers one."""
        return next((fault for fault in self.waiting if fault.strikes(operation, method)), None)

    def clear(self) -> None:
        self.waiting.clear()
