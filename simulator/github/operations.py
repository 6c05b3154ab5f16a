"""One REST call as a handler sees it, and the table of handlers by GitHub's operation id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from simulator.github.auth import Caller
from simulator.github.changes_apps import Changes
from simulator.github.place import Place
from simulator.github.refusals import Refusal, not_found
from simulator.github.state import Comment, Issue, PullRequest, Repository, Review, ReviewComment, User, World

Thing = TypeVar("Thing")


@dataclass
class Answer:
    """What is sent back; `body` None means an empty one."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Reading(Mapping[str, Any]):
    """Values of a request that remember which were looked at: the rest is not simulated, and said so."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return self._values[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The value, noted as read even where it is missing."""
        self._read.add(name)
        return self._values.get(name, default)

    def __contains__(self, name: object) -> bool:
        self._read.add(str(name))
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def unread(self) -> list[str]:
        return sorted(self._values.keys() - self._read)


@dataclass
class Call:
    """One request: who calls, from where, with what."""

    changes: Changes
    at: Place
    caller: Caller
    query: Reading
    body: Reading
    path: Mapping[str, Any]
    url: str
    accept: str = ""
    repository_or_none: Repository | None = None

    @property
    def world(self) -> World:
        return self.at.world

    @property
    def repository(self) -> Repository:
        """The repository the path names."""
        if self.repository_or_none is None:
            raise not_found()
        return self.repository_or_none

    @property
    def user(self) -> User:
        """The account in whose name the call acts."""
        return self.caller.acting_user()

    def issue(self) -> Issue:
        """The issue (or pull request's issue side) the path names."""
        return _found(self.repository.issues.get(int(self.path["issue_number"])))

    def comment(self) -> Comment:
        comments = (comment for issue in self.repository.issues.values() for comment in issue.comments)
        return _found(next((each for each in comments if each.id == int(self.path["comment_id"])), None))

    def pull_request(self) -> PullRequest:
        issue = self.repository.issues.get(int(self.path["pull_number"]))
        return _found(issue.pull_request if issue else None)

    def review(self) -> Review:
        reviews = self.pull_request().reviews
        return _found(next((each for each in reviews if each.id == int(self.path["review_id"])), None))

    def review_comment(self) -> ReviewComment:
        comments = (comment for pull_request in self.repository.pull_requests for comment in pull_request.comments)
        return _found(next((each for each in comments if each.id == int(self.path["comment_id"])), None))

    def person(self, login: str) -> User:
        return _found(self.world.user(login))

    def page(self, things: Iterable[Thing], view: Callable[[Thing], Any], *, inside: str | None = None) -> Answer:
        """One page of a list with its Link header; `inside` names the field where GitHub wraps the list."""
        everything: Sequence[Thing] = list(things)
        size = max(1, min(int(self.query.get("per_page") or 30), 100))
        number = max(1, int(self.query.get("page") or 1))
        last = max(1, -(-len(everything) // size))
        shown = [view(thing) for thing in everything[(number - 1) * size : number * size]]
        links: dict[str, int] = {}
        if number < last:
            links |= {"next": number + 1, "last": last}
        if number > 1:
            links |= {"prev": min(number - 1, last), "first": 1}
        headers = (
            {"Link": ", ".join(f'<{self._page_url(page)}>; rel="{name}"' for name, page in links.items())}
            if links
            else {}
        )
        body = shown if inside is None else {"total_count": len(everything), inside: shown}
        return Answer(200, body, headers)

    def _page_url(self, page: int) -> str:
        rest = {name: value for name, value in self.query.items() if name != "page"}
        return f"{self.url}?{urlencode({**rest, 'page': page})}"


def _found(thing: Thing | None) -> Thing:
    if thing is None:
        raise not_found()
    return thing


Handler = Callable[[Call], Any]


@dataclass(frozen=True)
class Operation:
    """A handler with how it is guarded: `app_only` wants the App's JWT; `role` is what people need."""

    id: str
    handler: Handler
    app_only: bool
    role: str | None
    success: int


OPERATIONS: dict[str, Operation] = {}


def operation(
    operation_id: str, *, success: int = 200, app_only: bool = False, role: str | None = None
) -> Callable[[Handler], Handler]:
    """Registers the handler of an operation; method and path stand in GitHub's description."""

    def register(handler: Handler) -> Handler:
        OPERATIONS[operation_id] = Operation(operation_id, handler, app_only, role, success)
        return handler

    return register


def required(body: Reading, resource: str, *names: str) -> list[Any]:
    """Fields that must be there, or 422."""
    missing = [name for name in names if body.get(name) is None]
    if missing:
        raise Refusal(
            422,
            "Validation Failed",
            [{"resource": resource, "field": name, "code": "missing_field"} for name in missing],
        )
    return [body[name] for name in names]
