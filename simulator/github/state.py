"""The simulated world: people, repositories, issues, pull requests, checks, the App and its installations.

Plain data and lookups; nothing here emits a webhook or knows HTTP. What changes the world is in `changes*.py`.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator.github.git import BareRepository

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


@dataclass(eq=False)
class User:
    """An account; `kind` is User, Bot or Organization, as GitHub's `type`."""

    id: int
    login: str
    kind: str = "User"
    name: str | None = None


@dataclass(eq=False)
class Label:
    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(eq=False)
class Reaction:
    id: int
    user: User
    content: str
    created_at: datetime


@dataclass(eq=False)
class Written:
    """What everything that somebody wrote has in common."""

    id: int
    author: User
    body: str
    created_at: datetime
    updated_at: datetime
    by_app: bool = False
    reactions: list[Reaction] = field(default_factory=list)
    minimized: str | None = None
    edited_at: datetime | None = None  # when its text was last changed; `updated_at` also moves for other reasons


@dataclass(eq=False)
class Moment:
    """Something that happened to an issue and is shown in its timeline: `kind` is GitHub's name of the event."""

    id: int
    kind: str
    actor: User
    at: datetime
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, kw_only=True)
class Issue(Written):
    """An issue, or the issue side of a pull request."""

    repository: Repository
    number: int
    title: str
    state: str = "open"
    state_reason: str | None = None
    labels: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    locked: bool = False
    lock_reason: str | None = None
    closed_at: datetime | None = None
    closed_by: User | None = None
    comments: list[Comment] = field(default_factory=list)
    sub_issues: list[Issue] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    pull_request: PullRequest | None = None

    @property
    def path(self) -> str:
        kind = "pull" if self.pull_request else "issues"
        return f"/{self.repository.full_name}/{kind}/{self.number}"


@dataclass(eq=False, kw_only=True)
class Comment(Written):
    """A comment in the conversation of an issue or pull request."""

    issue: Issue


@dataclass(eq=False, kw_only=True)
class PullRequest:
    """The pull request side; `head_sha` and `base_sha` follow the branches while it is open."""

    id: int
    issue: Issue
    head_repository: Repository | None
    head: str
    base: str
    head_sha: str
    base_sha: str
    draft: bool = False
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    maintainer_can_modify: bool = False
    requested_reviewers: list[User] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    mergeable_unknown: int = 0  # so many more reads answer `mergeable: null`

    @property
    def repository(self) -> Repository:
        return self.issue.repository

    @property
    def number(self) -> int:
        return self.issue.number

    @property
    def state(self) -> str:
        return self.issue.state

    @property
    def comments(self) -> list[ReviewComment]:
        """All inline comments, in the order of their ids."""
        return sorted(
            (comment for thread in self.threads for comment in thread.comments), key=lambda comment: comment.id
        )


@dataclass(eq=False, kw_only=True)
class Review(Written):
    """A review; `state` is APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED or PENDING."""

    pull_request: PullRequest
    state: str
    commit: str
    submitted_at: datetime | None
    drafts: list[dict[str, Any]] = field(default_factory=list)  # inline comments of a pending review


@dataclass(eq=False, kw_only=True)
class Thread:
    """An inline conversation, anchored in the difference at `commit`."""

    id: int
    pull_request: PullRequest
    path: str
    side: str
    line: int | None
    start_line: int | None
    commit: str
    subject: str = "line"
    comments: list[ReviewComment] = field(default_factory=list)
    resolved_by: User | None = None


@dataclass(eq=False, kw_only=True)
class ReviewComment(Written):
    """An inline remark of a review."""

    thread: Thread
    review: Review
    diff_hunk: str
    position: int | None
    in_reply_to: int | None = None


@dataclass(eq=False, kw_only=True)
class CheckSuite:
    id: int
    repository: Repository
    app: App
    head_sha: str
    head_branch: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(eq=False, kw_only=True)
class CheckRun:
    id: int
    suite: CheckSuite
    name: str
    status: str
    conclusion: str | None
    external_id: str
    details_url: str | None
    started_at: datetime | None
    completed_at: datetime | None
    output: dict[str, Any]
    annotations: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(eq=False, kw_only=True)
class Status:
    """A commit status, the older kind of check."""

    id: int
    repository: Repository
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created_at: datetime


@dataclass(eq=False, kw_only=True)
class WorkflowRun:
    """A run of GitHub Actions as a driver posts it: nothing is executed here; `jobs` are those of the newest attempt."""

    id: int
    repository: Repository
    name: str
    path: str
    head_branch: str | None
    head_sha: str
    event: str
    actor: User
    status: str
    conclusion: str | None
    run_number: int
    created_at: datetime
    updated_at: datetime
    suite: CheckSuite
    attempt: int = 1
    is_too_old: bool = False  # GitHub runs nothing again after 30 days
    jobs: list[WorkflowJob] = field(default_factory=list)


@dataclass(eq=False, kw_only=True)
class WorkflowJob:
    id: int
    run: WorkflowRun
    name: str
    log: str
    check_run: CheckRun
    runner: str = "ubuntu-latest"

    @property
    def conclusion(self) -> str | None:
        return self.check_run.conclusion


@dataclass(eq=False)
class App:
    """A GitHub App; `permissions` and `events` are what it asks for."""

    id: int
    slug: str
    name: str
    owner: User
    bot: User
    public_key: str = ""
    client_id: str = ""
    permissions: dict[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    created_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class Installation:
    """An App on an account; `repositories` None means all of the account's."""

    id: int
    app: App
    account: User
    permissions: dict[str, str]
    created_at: datetime
    repositories: list[Repository] | None = None
    suspended_at: datetime | None = None
    suspended_by: User | None = None
    deleted: bool = False

    def covers(self, repository: Repository) -> bool:
        if self.deleted or repository.owner is not self.account:
            return False
        return self.repositories is None or repository in self.repositories


@dataclass(eq=False)
class Repository:
    """A repository; `git` is a real bare repository and the only truth about its commits and refs."""

    id: int
    owner: User
    name: str
    git: BareRepository
    created_at: datetime
    description: str = ""
    private: bool = False
    archived: bool = False
    default_branch: str = "main"
    has_issues: bool = True
    allows_drafts: bool = True
    deletes_merged_branches: bool = False
    parent: Repository | None = None
    pushed_at: datetime | None = None
    roles: dict[str, str] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    required_checks: list[str] = field(default_factory=list)
    labels: dict[str, Label] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    moved: dict[int, Issue] = field(default_factory=dict)
    suites: list[CheckSuite] = field(default_factory=list)
    check_runs: list[CheckRun] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    workflow_runs: list[WorkflowRun] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def pull_requests(self) -> list[PullRequest]:
        return [issue.pull_request for issue in self.issues.values() if issue.pull_request]

    def role(self, user: User) -> str:
        """What `user` may do here, GitHub's role name."""
        if user is self.owner:
            return "admin"
        return self.roles.get(user.login.lower(), "none" if self.private else "read")


@dataclass(eq=False)
class Token:
    """A bearer token: of a person, or of an installation with narrowed permissions and repositories."""

    value: str
    user: User
    expires_at: datetime | None = None
    installation: Installation | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    repositories: list[Repository] | None = None


class World:
    """Everything that exists. Hold `lock` around every look and every change."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = threading.RLock()
        self.clock_offset = timedelta()
        self.has_sub_issues = True
        self.users: dict[str, User] = {}
        self.repositories: list[Repository] = []
        self.renamed: dict[str, Repository] = {}
        self.apps: list[App] = []
        self.installations: list[Installation] = []
        self.tokens: dict[str, Token] = {}
        self.nodes: dict[str, Any] = {}
        self.signing_key = secrets.token_bytes(32)
        self._last_id = 2_200_000_000  # beyond 32 bits, as GitHub's are

    def now(self) -> datetime:
        """The world's time, UTC; `clock_offset` moves it."""
        return datetime.now(UTC) + self.clock_offset

    def new_id(self) -> int:
        self._last_id += 7
        return self._last_id

    def node_id(self, thing: Any) -> str:
        """The GraphQL id of a thing, by which `nodes` finds it again."""
        node_id = f"{NODE_PREFIX[type(thing).__name__]}_kwDOsim{thing.id:x}"
        self.nodes[node_id] = thing
        return node_id

    def user(self, login: str) -> User | None:
        return self.users.get(login.lower())

    def add_user(self, login: str, *, kind: str = "User", name: str | None = None) -> User:
        """Makes an account, or returns the one that has this login."""
        known = self.user(login)
        if known is None:
            known = self.users[login.lower()] = User(len(self.users) + 1001, login, kind, name)
        return known

    def repository(self, full_name: str) -> Repository | None:
        wanted = full_name.lower()
        return next((each for each in self.repositories if each.full_name.lower() == wanted), None)

    def repository_by_id(self, repository_id: int) -> Repository | None:
        return next((each for each in self.repositories if each.id == repository_id), None)

    def add_repository(self, full_name: str, *, default_branch: str = "main", **settings: Any) -> Repository:
        """Makes an empty repository (and its owner) with a bare git repository behind it."""
        owner, name = full_name.split("/")
        number = self.new_id()
        git = BareRepository.create(
            self.directory / "repositories" / f"{number}.git",
            default_branch=default_branch,
            signing_key=self.signing_key,
        )
        repository = Repository(
            number, self.add_user(owner), name, git, self.now(), default_branch=default_branch, **settings
        )
        for label, color, text in DEFAULT_LABELS:
            repository.labels[label.lower()] = Label(self.new_id(), label, color, text)
        self.repositories.append(repository)
        return repository

    def installation_of(self, app: App, repository: Repository) -> Installation | None:
        return next((each for each in self.installations if each.app is app and each.covers(repository)), None)

    def installation(self, installation_id: int) -> Installation | None:
        return next((each for each in self.installations if each.id == installation_id and not each.deleted), None)


DEFAULT_LABELS = (
    ("bug", "d73a4a", "Something isn't working"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("question", "d876e3", "Further information is requested"),
)

NODE_PREFIX = {
    "User": "U",
    "Label": "LA",
    "Reaction": "REA",
    "Issue": "I",
    "Comment": "IC",
    "PullRequest": "PR",
    "Review": "PRR",
    "Thread": "PRRT",
    "ReviewComment": "PRRC",
    "CheckSuite": "CS",
    "CheckRun": "CR",
    "Status": "SC",
    "App": "A",
    "Installation": "MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u",
    "Repository": "R",
    "Moment": "LE",
    "WorkflowRun": "WFR",
    "WorkflowJob": "CR",
}
