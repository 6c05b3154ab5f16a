"""GraphQL: things that exist only there, pages of lists, and the table of how fields are answered."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from simulator.github import views_git
from simulator.github.auth import Caller
from simulator.github.git import Commit as GitCommit
from simulator.github.place import Place
from simulator.github.state import (
    CheckRun,
    Comment,
    Issue,
    Label,
    PullRequest,
    Reaction,
    Repository,
    Review,
    ReviewComment,
    Status,
    Thread,
    User,
)

CONTENTS = {
    "THUMBS_UP": "+1",
    "THUMBS_DOWN": "-1",
    "LAUGH": "laugh",
    "HOORAY": "hooray",
    "CONFUSED": "confused",
    "HEART": "heart",
    "ROCKET": "rocket",
    "EYES": "eyes",
}
MOST = 100


class Failed(GraphQLError):
    """An error with GitHub's `type` beside its message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Context:
    """Who asks, and from where."""

    at: Place
    caller: Caller


@dataclass(frozen=True)
class CommitNode:
    """A commit in its repository."""

    repository: Repository
    commit: GitCommit

    @property
    def node_id(self) -> str:
        return views_git.node_id("C", self.repository, self.commit.sha)


@dataclass(frozen=True)
class TreeNode:
    repository: Repository
    sha: str


@dataclass(frozen=True)
class RefNode:
    repository: Repository
    name: str
    sha: str


@dataclass(frozen=True)
class Rollup:
    """All check runs and statuses of a commit, of each name the newest."""

    node: CommitNode

    def runs(self) -> list[CheckRun]:
        latest = {
            (run.suite.app.id, run.name): run
            for run in self.node.repository.check_runs
            if run.suite.head_sha == self.node.commit.sha
        }
        return list(latest.values())

    def statuses(self) -> list[Status]:
        sha = self.node.commit.sha
        latest = {status.context: status for status in self.node.repository.statuses if status.sha == sha}
        return list(latest.values())


@dataclass(frozen=True)
class PullRequestCommit:
    pull_request: PullRequest
    node: CommitNode


TYPE_NAMES: dict[type, str] = {
    Issue: "Issue",
    PullRequest: "PullRequest",
    Comment: "IssueComment",
    Review: "PullRequestReview",
    ReviewComment: "PullRequestReviewComment",
    Thread: "PullRequestReviewThread",
    Repository: "Repository",
    Label: "Label",
    CheckRun: "CheckRun",
    Status: "StatusContext",
    Reaction: "Reaction",
    CommitNode: "Commit",
    TreeNode: "Tree",
    RefNode: "Ref",
    Rollup: "StatusCheckRollup",
    PullRequestCommit: "PullRequestCommit",
}


def type_name(thing: Any) -> str:
    """The GraphQL type of a thing of the world."""
    return thing.kind if isinstance(thing, User) else TYPE_NAMES[type(thing)]


Resolver = Callable[..., Any]
FIELDS: dict[tuple[str, str], Resolver] = {}


def fields(type_: str, **resolvers: Resolver) -> None:
    """Says how fields of a type are answered: each is called with the thing, the context and the field's arguments."""
    for name, resolver in resolvers.items():
        FIELDS[(type_, name)] = resolver


def connection(
    things: Iterable[Any],
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
    **_: Any,
) -> dict[str, Any]:
    """A page of things in the Relay form, with GitHub's own bounds."""
    everything = list(things)
    if first is None and last is None:
        raise Failed(
            "MISSING_PAGINATION_BOUNDARIES",
            "You must provide a `first` or `last` value to properly paginate the connection.",
        )
    size = first if first is not None else last
    if size is None or not 0 <= size <= MOST:
        message = f"Requesting {size} records on the connection exceeds the `first` limit of {MOST} records."
        raise Failed("EXCESSIVE_PAGINATION", message)
    low = _position(after) if after else 0
    high = _position(before) - 1 if before else len(everything)
    chosen = list(range(low, max(low, high)))
    chosen = chosen[:size] if first is not None else chosen[max(0, len(chosen) - size) :]
    edges = [{"cursor": _cursor(index + 1), "node": everything[index]} for index in chosen]
    info = {
        "startCursor": edges[0]["cursor"] if edges else None,
        "endCursor": edges[-1]["cursor"] if edges else None,
        "hasNextPage": bool(chosen) and chosen[-1] + 1 < len(everything),
        "hasPreviousPage": bool(chosen) and chosen[0] > 0,
    }
    nodes = [edge["node"] for edge in edges]
    return {"nodes": nodes, "edges": edges, "pageInfo": info, "totalCount": len(everything)}


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:v2:{position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().rsplit(":", 1)[1])
    except (ValueError, IndexError):
        raise Failed("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.") from None
