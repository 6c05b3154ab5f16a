"""The vocabulary: every noun of the product, frozen; imports the standard library only.

Times are timezone-aware UTC `datetime`s, durations are seconds (`float`), sizes are bytes (`int`), object ids of git are
40 lower-case hexadecimal digits (`str`), paths inside a repository are relative POSIX paths (`str`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum, StrEnum
from typing import Literal

# --- people and places -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody on GitHub. `is_bot` is GitHub's word for an App or bot account (`type` is `Bot`)."""

    login: str
    id: int = 0
    is_bot: bool = False


class Permission(IntEnum):
    """What somebody may do in a repository, weakest first (GitHub's role names)."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository as a delivery names it: `id` never changes, `owner` and `name` may."""

    id: int
    owner: str
    name: str
    installation_id: int

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Repository:
    """What GitHub says of a repository now."""

    repo: Repo
    default_branch: str
    is_private: bool
    is_archived: bool
    html_url: str
    clone_url: str
    deletes_merged_branches: bool


class IssueState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue, or the issue side of a pull request (`is_pull_request`)."""

    number: int
    title: str
    body: str
    author: Actor
    state: IssueState
    labels: tuple[str, ...] = ()
    is_locked: bool = False
    is_pull_request: bool = False
    html_url: str = ""
    node_id: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment in the conversation of an issue or pull request."""

    id: int
    body: str
    author: Actor
    created_at: datetime
    updated_at: datetime
    html_url: str = ""
    app_slug: str | None = None


class ReviewState(StrEnum):
    """GitHub's word for a submitted review, in lower case as webhooks send it."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    COMMENTED = "commented"
    DISMISSED = "dismissed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Review:
    """A submitted review of a pull request; its inline remarks are in `ReviewThread`s."""

    id: int
    state: ReviewState
    body: str
    author: Actor
    commit: str
    html_url: str = ""


@dataclass(frozen=True, slots=True)
class ReviewComment:
    """One inline remark. `line` is in the file at the head, or None where the remark is outdated."""

    id: int
    review_id: int
    body: str
    author: Actor
    path: str
    line: int | None
    in_reply_to: int | None
    created_at: datetime
    diff_hunk: str = ""
    html_url: str = ""


class Side(StrEnum):
    """Whose line numbers a place in a difference has: the file before (`LEFT`) or after the change, in GitHub's words."""

    LEFT = "LEFT"
    RIGHT = "RIGHT"


@dataclass(frozen=True, slots=True)
class ReviewThread:
    """An inline conversation; `node_id` is its GraphQL id, `comments` are oldest first.

    `line` is the last one that it is written on, in the file of its `side`; None where it is outdated or about the whole file.
    Where it is written on several, `start_line` is the first one, by the numbers of `start_side`.
    """

    node_id: str
    path: str
    line: int | None
    is_resolved: bool
    is_outdated: bool
    comments: tuple[ReviewComment, ...]
    side: Side = Side.RIGHT
    start_line: int | None = None
    start_side: Side | None = None

    @property
    def lines(self) -> range:
        """The lines of its side that it is written on; none where it is outdated or about the whole file."""
        if self.line is None:
            return range(0)
        is_range = self.start_line is not None and self.start_side in (None, self.side)
        return range(self.start_line if is_range and self.start_line is not None else self.line, self.line + 1)


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as GitHub holds it now. `head_repository_id` is 0 where the fork was deleted."""

    number: int
    title: str
    body: str
    author: Actor
    state: IssueState
    is_merged: bool
    is_draft: bool
    head_ref: str
    head_sha: str
    head_repository_id: int
    base_ref: str
    base_sha: str
    html_url: str
    node_id: str = ""


# --- what the bot touches on GitHub ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IssueSubject:
    """An issue or pull request itself, as a thing to react to."""

    number: int


@dataclass(frozen=True, slots=True)
class CommentSubject:
    """A comment in the conversation, as a thing to react to."""

    comment_id: int


@dataclass(frozen=True, slots=True)
class ReviewCommentSubject:
    """An inline remark of a review, as a thing to react to."""

    comment_id: int


@dataclass(frozen=True, slots=True)
class ReviewSubject:
    """The summary of a submitted review, as a thing to react to."""

    pull_number: int
    review_id: int


Subject = IssueSubject | CommentSubject | ReviewCommentSubject | ReviewSubject


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark of a check run at lines of a file; `level` is GitHub's `notice`, `warning` or `failure`."""

    path: str
    start_line: int
    end_line: int
    level: str
    message: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class CheckRun:
    """The App's verdict on a commit; `external_id` makes it findable again.

    `status` is GitHub's `queued`, `in_progress` or `completed`; only a completed one has a `conclusion` (`success`,
    `failure`, `neutral`, `cancelled` …). `summary` and `text` are Markdown of at most 65,535 bytes each.
    """

    name: str
    head_sha: str
    external_id: str
    status: str
    conclusion: str | None
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Annotation, ...] = ()


class CiState(StrEnum):
    """Where a check of the repository's CI stands, as far as it matters here.

    `WAITING` needs somebody: an approval, or a new start of what was cancelled.
    """

    RUNNING = "running"
    GREEN = "green"
    SKIPPED = "skipped"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class CiCheck:
    """One check or commit status of somebody else on a pull request's head; `text` is what it says of itself."""

    name: str
    state: CiState
    is_required: bool
    url: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class CiStatus:
    """What CI says of the commit `head_sha`. `is_running`: a suite is under way, so that more checks may come;
    `is_waiting`: a suite waits until somebody approves it."""

    head_sha: str
    checks: tuple[CiCheck, ...]
    is_running: bool = False
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try of GitHub to deliver a webhook: `id` names the try, `delivery_id` (the GUID) the delivery itself."""

    id: int
    delivery_id: str
    delivered_at: datetime
    event: str
    action: str | None
    status_code: int
    is_redelivery: bool
    installation_id: int | None


# --- events: the closed union of what can happen ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ping:
    zen: str


@dataclass(frozen=True, slots=True)
class IssueLabeled:
    repo: Repo
    issue: Issue
    label: str
    sender: Actor


@dataclass(frozen=True, slots=True)
class IssueChanged:
    """An issue was opened, edited, closed, reopened, unlabeled, locked, transferred, deleted … (`action`)."""

    repo: Repo
    issue: Issue
    action: str
    sender: Actor
    label: str | None = None


@dataclass(frozen=True, slots=True)
class CommentCreated:
    repo: Repo
    issue: Issue
    comment: Comment
    sender: Actor


@dataclass(frozen=True, slots=True)
class CommentEdited:
    repo: Repo
    issue: Issue
    comment: Comment
    previous_body: str
    sender: Actor


@dataclass(frozen=True, slots=True)
class PullRequestChanged:
    """A pull request was opened, edited, closed, synchronized, converted … (`action`)."""

    repo: Repo
    pull_request: PullRequest
    action: str
    sender: Actor


@dataclass(frozen=True, slots=True)
class Pushed:
    """A branch was made or moved, by a push, a merge or GitHub's API."""

    repo: Repo
    branch: str
    sender: Actor


@dataclass(frozen=True, slots=True)
class ReviewSubmitted:
    repo: Repo
    pull_request: PullRequest
    review: Review
    sender: Actor


@dataclass(frozen=True, slots=True)
class ReviewCommentCreated:
    repo: Repo
    pull_request: PullRequest
    comment: ReviewComment
    sender: Actor


@dataclass(frozen=True, slots=True)
class CiCompleted:
    """A check suite, check run, workflow run or commit status came to its end; `source` is the event's name."""

    repo: Repo
    source: str
    id: int
    head_sha: str
    conclusion: str
    app_id: int | None
    sender: Actor


@dataclass(frozen=True, slots=True)
class InstallationChanged:
    """The App was installed, suspended, deleted … (`action`) on `account`."""

    installation_id: int
    account: Actor
    action: str
    repositories: tuple[Repo, ...]
    sender: Actor


@dataclass(frozen=True, slots=True)
class RepositoriesChanged:
    """Repositories were added to or removed from an installation."""

    installation_id: int
    account: Actor
    added: tuple[Repo, ...]
    removed: tuple[Repo, ...]
    sender: Actor


Event = (
    Ping
    | IssueLabeled
    | IssueChanged
    | CommentCreated
    | CommentEdited
    | PullRequestChanged
    | Pushed
    | ReviewSubmitted
    | ReviewCommentCreated
    | CiCompleted
    | InstallationChanged
    | RepositoriesChanged
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook request, verified: its GUID, GitHub's event name, and what it means (None: nothing to us)."""

    id: str
    name: str
    event: Event | None


# --- commands --------------------------------------------------------------------------------------------------------


class Verb(StrEnum):
    """What a person can ask for; the value is the word after the slash."""

    RFC = "rfc"
    CONCERN = "concern"
    RESOLVE = "resolve"
    IMPLEMENT = "implement"
    APPROVE = "approve"
    RETRY = "retry"
    UPDATE = "update"
    REMEMBER = "remember"
    STOP = "stop"
    STATUS = "status"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Command:
    """A verb and the rest of its line and of the paragraph under it, stripped."""

    verb: Verb
    argument: str = ""


# --- the RFC ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Criterion:
    """An acceptance criterion: `id` is `AC-1` …, `test` names the test that will prove it."""

    id: str
    text: str
    test: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim about code: the item `quote` stands at `path`:`line` of the base commit."""

    path: str
    line: int
    quote: str = ""


class Semver(StrEnum):
    """What a change asks of those who depend on the crate (https://doc.rust-lang.org/cargo/reference/semver.html)."""

    NONE = "none"
    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


class ItemChange(StrEnum):
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class ForeseenItem:
    """An item that a design touches: `name` as people write it, with its signature where that is new."""

    name: str
    change: ItemChange
    semver: Semver = Semver.NONE


@dataclass(frozen=True, slots=True)
class ForeseenFile:
    """A file that a design touches, with its items; `note` says what else happens there."""

    path: str
    items: tuple[ForeseenItem, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Everything that a design says it will touch: files with their items, new dependencies, features of the crate."""

    files: tuple[ForeseenFile, ...] = ()
    dependencies: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RfcPart:
    """A piece of a design that is too large for one pull request, in the order of the pieces; it fulfils `criteria`."""

    title: str
    summary: str
    criteria: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rfc:
    """A published version of a design: `digest` is the SHA-256 of its content, `base_commit` what it was read against.

    `author` wrote the version, None where it was the bot; `comment_ids` are the comments that hold it, in order;
    `published_at` is when the version came to stand there; `note` is a line that stands under it and is no content.
    """

    version: int
    title: str
    body: str
    criteria: tuple[Criterion, ...]
    base_commit: str
    digest: str
    comment_ids: tuple[int, ...] = ()
    author: Actor | None = None
    published_at: datetime | None = None
    citations: tuple[Citation, ...] = ()
    foreseen: Foreseen = Foreseen()
    parts: tuple[RfcPart, ...] = ()
    tasks: tuple[str, ...] = ()
    note: str = ""

    @property
    def comment_id(self) -> int:
        """The comment that the version begins in; 0 before it was posted."""
        return self.comment_ids[0] if self.comment_ids else 0


@dataclass(frozen=True, slots=True)
class Concern:
    """An objection that stops the building of an RFC until somebody resolves it, as Rust's teams know it from their RFCs."""

    number: int
    title: str
    author: Actor
    raised_at: datetime
    resolved_by: Actor | None = None
    resolved_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.resolved_by is None


class TaskState(StrEnum):
    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Task:
    """One step of the plan; `criteria` are ids of the RFC's, `files` the paths that it expects to touch.

    `why` says of a dropped one why it was.
    """

    id: str
    title: str
    criteria: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    state: TaskState = TaskState.OPEN
    why: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    tasks: tuple[Task, ...] = ()


class Severity(StrEnum):
    """How much a finding of a second reader weighs."""

    BLOCKER = "blocker"
    SERIOUS = "serious"
    MINOR = "minor"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a second reader holds against a draft: `place` names a section, criterion or task of it, of code `path:line`.

    `test` is the source of a test that would show it, to be put at `test_path`; `is_confirmed` says that it did.
    """

    id: str
    severity: Severity
    place: str
    problem: str
    suggestion: str = ""
    test: str = ""
    test_path: str = ""
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class FindingAnswer:
    """What the author made of a finding: taken into the draft, or not, and why."""

    finding: str
    is_taken: bool
    text: str


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What people must tell before there can be an honest design: what was found out, and the questions left."""

    findings: str
    questions: tuple[str, ...]


# --- runs ------------------------------------------------------------------------------------------------------------


class RunKind(StrEnum):
    RFC = "rfc"
    IMPLEMENT = "implement"
    REVIEW = "review"
    CI = "ci"
    UPDATE = "update"
    WARM = "warm"
    """Measures the base after a merge; it belongs to no issue (its target's is 0), and nobody is told of it."""


class Stage(StrEnum):
    """Where a run stands; the README's state diagram shows exactly these."""

    QUEUED = "queued"
    PREPARE = "prepare"
    INVESTIGATE = "investigate"
    CRITIQUE = "critique"
    PLAN = "plan"
    TESTS = "tests"
    RED = "red"
    BUILD = "build"
    VERIFY = "verify"
    MUTATE = "mutate"
    EXAMINE = "examine"
    PUBLISH = "publish"
    WAITING = "waiting"
    DONE = "done"
    ASKED = "asked"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (Stage.DONE, Stage.ASKED, Stage.STOPPED, Stage.FAILED)


class Assignment(StrEnum):
    """What one conversation with the model is for; each ends with a structured submission of its own."""

    RFC = "rfc"
    CRITIQUE = "critique"
    PLAN = "plan"
    PLAN_CRITIQUE = "plan_critique"
    TESTS = "tests"
    BUILD = "build"
    EXAMINATION = "examination"
    REVIEW = "review"
    CI = "ci"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Target:
    """What runs work on: an issue and, later, its pull request. `key` is the partition of the run queue."""

    repo: Repo
    issue: int

    @property
    def key(self) -> str:
        return f"{self.repo.id}#{self.issue}"


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at one target. The id is deterministic: `<kind>-<repository id>-<issue>-<attempt>`.

    It builds version `rfc_version` of the RFC, whose digest is `rfc_digest`; `rfc_known` was the newest when it was asked for.
    `retry_of` is the id of the run that it goes on from, "" where it begins by itself. One that `is_paired` waits for an approval of
    its plan and of its red tests.
    """

    id: str
    kind: RunKind
    target: Target
    attempt: int
    delivery_id: str
    requested_by: Actor
    request: str = ""
    stage: Stage = Stage.QUEUED
    comment_id: int | None = None
    review_id: int | None = None
    pull_request: int | None = None
    branch: str = ""
    base_ref: str = ""
    base_commit: str = ""
    head_commit: str = ""
    rfc_version: int = 0
    rfc_digest: str = ""
    rfc_known: int = 0
    retry_of: str = ""
    is_paired: bool = False

    @property
    def start(self) -> str:
        """The commit that the run's work begins at: the head of its pull request, else the base."""
        return self.head_commit or self.base_commit

    @property
    def is_own_doing(self) -> bool:
        """Whether nobody asked for it: a look at the pull request opened it, with a cause in place of a delivery's id."""
        return self.delivery_id.startswith(("ci:", "base:"))

    @property
    def is_on_pull_request(self) -> bool:
        """Whether the run goes on from the head of a pull request that is there already."""
        return self.kind in (RunKind.REVIEW, RunKind.CI, RunKind.UPDATE)


@dataclass(frozen=True, slots=True)
class Rule:
    """What `author` wants whoever works in the repository to know: words of their own (`text`), else what a thread taught."""

    id: str
    author: Actor
    text: str = ""
    thread: ReviewThread | None = None


class MessageKind(StrEnum):
    """What the router may leave in a run's mailbox."""

    STOP = "stop"
    STEER = "steer"


@dataclass(frozen=True, slots=True)
class Message:
    """Something a person said to a run at work; `id` is the delivery's id."""

    id: str
    kind: MessageKind
    author: Actor
    permission: Permission
    text: str


# --- the repository's own CI -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """A run of a workflow of GitHub Actions; `conclusion` is None until it is completed, `attempt` counts from 1."""

    id: int
    workflow_id: int
    name: str
    event: str
    head_sha: str
    conclusion: str | None
    attempt: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowJob:
    """A job of such a run, which is also a check run of the same id; `runner` are the labels of its machine."""

    id: int
    name: str
    conclusion: str | None
    runner: str = ""
    url: str = ""


class Missed(StrEnum):
    """Why the bot's own checks did not see what CI saw."""

    UNKNOWN = "unknown"
    LEFT_OUT = "left out"
    PASSED = "passed"
    NO_COMMAND = "no command"


@dataclass(frozen=True, slots=True)
class CiFailure:
    """A job of CI that failed on the bot's head: its step with the script's lines and what of the environment tells, what
    it said first, and the telling part of its log.

    `commands` are those of cargo's in it; `missed` says why the bot's own checks did not see it, `because` in words what
    kept a command from being run here.
    """

    workflow: str
    job: str
    step: str
    script: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    headline: str
    log: str
    is_certain: bool = False
    runner: str = ""
    url: str = ""
    commands: tuple[str, ...] = ()
    missed: Missed = Missed.NO_COMMAND
    because: str = ""

    @property
    def place(self) -> str:
        return f"{self.workflow} / {self.job}" if self.workflow else self.job


@dataclass(frozen=True, slots=True)
class CiWatch:
    """What is known of the CI of one of the bot's pull requests, and of how it stands to its base.

    `since` is when `head_sha` came to be its head, `asked_by` whose review is wanted. `was_draft` says that it was opened as
    a draft, `is_settled` that it was marked ready, or that a person has decided about it. `rerun` are the runs of workflows that were
    started again (`rerun_jobs` are the names of the jobs), `rounds_before` how many rounds of mending had been opened when a
    person acted last, `updates_before` how many updates. `fits` are the head and the base that were last found to merge cleanly.
    """

    target: Target
    pull_request: int
    head_sha: str
    since: datetime
    asked_by: Actor
    was_draft: bool
    is_settled: bool = False
    rerun: tuple[int, ...] = ()
    rerun_jobs: tuple[str, ...] = ()
    rounds_before: int = 0
    updates_before: int = 0
    fits: tuple[str, str] = ("", "")


# --- the sandbox -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Success:
    kind: Literal["success"] = "success"

    def __str__(self) -> str:
        return "exit 0"


@dataclass(frozen=True, slots=True)
class Failure:
    code: int
    kind: Literal["failure"] = "failure"

    def __str__(self) -> str:
        return f"exit {self.code}"


@dataclass(frozen=True, slots=True)
class Timeout:
    seconds: float
    kind: Literal["timeout"] = "timeout"

    def __str__(self) -> str:
        return f"killed after {self.seconds:.0f} s (time-out)"


@dataclass(frozen=True, slots=True)
class OutputLimit:
    """The command was killed because it printed more than `size` bytes."""

    size: int
    kind: Literal["output-limit"] = "output-limit"

    def __str__(self) -> str:
        return f"killed after printing more than {self.size} bytes"


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    kind: Literal["out-of-memory"] = "out-of-memory"

    def __str__(self) -> str:
        return "killed: out of memory"


@dataclass(frozen=True, slots=True)
class DiskFull:
    kind: Literal["disk-full"] = "disk-full"

    def __str__(self) -> str:
        return "killed: the run's disk space is used up"


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The run was stopped by a human while the command was at work."""

    kind: Literal["interrupted"] = "interrupted"

    def __str__(self) -> str:
        return "stopped on request"


Exit = Success | Failure | Timeout | OutputLimit | OutOfMemory | DiskFull | Interrupted


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command in the sandbox did. `omitted` counts the bytes cut out of the middle of `output`.

    `output` is stdout and stderr in the order of arrival; `stdout` is stdout alone (for machine-readable formats) and is
    cut only at the hard limit.
    """

    exit: Exit
    output: str
    seconds: float
    omitted: int = 0
    stdout: str = ""

    @property
    def is_success(self) -> bool:
        return isinstance(self.exit, Success)


class SandboxPhase(StrEnum):
    """Setup has a network and no repository secrets; agent and verify have no network at all."""

    SETUP = "setup"
    AGENT = "agent"
    VERIFY = "verify"


# --- git -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The workspace at a moment, in the host's own git directory: `tree` holds ignored files too (within bounds)."""

    run_id: str
    number: int
    tree: str


class FileMode(StrEnum):
    """Git's modes of a tree entry."""

    FILE = "100644"
    EXECUTABLE = "100755"
    SYMLINK = "120000"
    SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path that differs between two trees; `content` and `mode` are None where it was deleted."""

    path: str
    mode: FileMode | None
    content: bytes | None
    blob: str | None


# --- Rust checks and diagnostics -------------------------------------------------------------------------------------


class CheckKind(StrEnum):
    FMT = "fmt"
    CHECK = "check"
    CLIPPY = "clippy"
    BUILD = "build"
    TEST = "test"
    NEXTEST = "nextest"
    DOCTEST = "doctest"
    DOC = "doc"
    HACK = "hack"
    OTHER = "other"


class CheckScope(StrEnum):
    """How much of the ladder is climbed: quick while the agent works, full before anything is published."""

    QUICK = "quick"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Check:
    """A command that CI requires: where it comes from, and why it is left to CI (None: the bot runs it)."""

    kind: CheckKind
    command: str
    toolchain: str = ""
    env: tuple[tuple[str, str], ...] = ()
    directory: str = "."
    required: bool = True
    source: str = ""
    left_out_because: str | None = None


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fix:
    """A replacement that the compiler is certain of: the bytes from `start` up to `end` of a file become `text`."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding of rustc, clippy or rustdoc; `line` and `column` count from 1, 0 where there is no place.

    `fixes` belong together: all of them mend the finding, some of them do not.
    """

    level: Level
    code: str
    message: str
    path: str
    line: int
    column: int
    rendered: str = ""
    source_text: str = ""
    package: str = ""
    fixes: tuple[Fix, ...] = ()


class TestOutcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class TestRun:
    """One executed test: `target` is the root file of its binary (`src/lib.rs`, `tests/cli.rs`) or `doc`.

    `name` is libtest's; that of a documentation test has no line number in it, so that it survives edits above it.
    """

    target: str
    name: str
    outcome: TestOutcome
    output: str = ""

    @property
    def key(self) -> str:
        return f"{self.target}::{self.name}"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check that ran: its end, what it found, and the tests that it executed.

    `flaky` are the keys of tests that failed and passed when they were run again; they stand among the tests as passed.
    `ran_as` says in words what was run in place of a command whose tool the sandbox does not have, "" where CI's own was.
    """

    check: Check
    exit: Exit
    seconds: float
    diagnostics: tuple[Diagnostic, ...] = ()
    tests: tuple[TestRun, ...] = ()
    output: str = ""
    flaky: tuple[str, ...] = ()
    ran_as: str = ""

    @property
    def is_success(self) -> bool:
        return isinstance(self.exit, Success)


# --- evidence, usage -------------------------------------------------------------------------------------------------


class RedKind(StrEnum):
    """Why a new test failed without the change; compile failures are the weakest proof.

    `TODO` is the panic of `todo!()` or `unimplemented!()`: strong for "not built yet", weak for the value.
    """

    ASSERTION = "assertion"
    TODO = "todo"
    ABORT = "abort"
    COMPILE = "compile"


@dataclass(frozen=True, slots=True)
class Proof:
    """A test that was red on the base and is green on the head.

    `shown_as` is the name under which it was red, where a later round did nothing but rename it, else "".
    """

    test: str
    red: RedKind
    is_green: bool
    criteria: tuple[str, ...] = ()
    shown_as: str = ""


@dataclass(frozen=True, slots=True)
class TakenOut:
    """A proven test of some criteria that is not there any more; `in_review` where a review had it taken out or replaced."""

    test: str
    red: RedKind
    criteria: tuple[str, ...]
    in_review: bool


@dataclass(frozen=True, slots=True)
class LookHere:
    """A place of the change that a human must judge: `place` is a path or the key of a test, `sentence` what was found
    there, `reason` why it matters or what the agent says to it."""

    place: str
    sentence: str
    reason: str = ""
    severity: Severity = Severity.SERIOUS


class TermKind(StrEnum):
    """What a term of a change's contract is about; the values are what people read."""

    API = "public API"
    DEPENDENCY = "dependency"
    FEATURE = "feature"
    TOOLCHAIN = "toolchain"
    UNSAFE = "unsafe"
    PANIC = "panic"
    STUB = "stub"
    LINT = "lint"


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that whoever merges a change agrees to: `name` is what it is about, as an RFC would name it.

    `shown` is its code, `was` the code on the base where that differs, `note` a remark in words; `level` is what it asks of
    the next version. Where `is_certain` is False, a macro or a missing `mod` decides whether others see it.
    `names` are further names by which a design may mean it, `packages` the new ones of a dependency, each with its version.
    """

    kind: TermKind
    change: ItemChange
    name: str
    path: str
    line: int = 0
    shown: str = ""
    was: str = ""
    note: str = ""
    level: Semver = Semver.NONE
    names: tuple[str, ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class Release:
    """What the change asks of a package's next version: `version` is that of the base, `now` that of the change."""

    package: str
    version: str
    now: str
    level: Semver


@dataclass(frozen=True, slots=True)
class Contract:
    """What a change means for those who use, build and maintain the code; nothing where only docs or tests differ."""

    terms: tuple[Term, ...] = ()
    releases: tuple[Release, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)


class MutantFate(StrEnum):
    """What became of a mutant, as cargo-mutants says it: nobody builds it, a test fails, the tests hang, all tests pass."""

    UNVIABLE = "unviable"
    CAUGHT = "caught"
    TIMEOUT = "timeout"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A small mistake that was planted into the change: `what` in words (`replace > with >=`), in `function`.

    `killed_by` are the names of tests that fail with it; `reason` is what the author says to one that is missed.
    """

    path: str
    line: int
    column: int
    function: str
    what: str
    fate: MutantFate
    killed_by: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Mutation:
    """What the tests notice of mistakes in the change: `untried` mutants had no time, `seconds` is what the others took in all passes.

    `remark` says why nothing was tried, "" where it was.
    """

    mutants: tuple[Mutant, ...] = ()
    untried: int = 0
    seconds: float = 0.0
    remark: str = ""

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        return tuple(mutant for mutant in self.mutants if mutant.fate is MutantFate.MISSED)

    @property
    def killed(self) -> tuple[Mutant, ...]:
        """Those that the tests notice, also by never ending."""
        return tuple(mutant for mutant in self.mutants if mutant.fate in (MutantFate.CAUGHT, MutantFate.TIMEOUT))


@dataclass(frozen=True, slots=True)
class BundleLink:
    """The archive that an evidence can be run again from: its SHA-256, and where strangers get it ("" where they do not)."""

    digest: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the fresh containers showed: proofs by test, checks by command, tests that pass now and before.

    `kept` are criteria that held before already, each with the test that showed it then and shows it now. `pinned` are new
    tests of later rounds that passed before them as well: they pin what was so already; `pinned_for` are the criteria that such
    a test stands for, each with the test. `taken_out` are proven tests that are gone. `rustc` is the
    compiler's version, `toolchain_remark` a sentence where it is not the one that the repository pins. `look_here` are the
    places that no proof can judge. `runs` is how often each new test was run and passed, `is_isolated` whether the last ones
    were in processes of their own. `mutation` tells how far the tests notice mistakes, None where nobody looked. `bundle`
    is the archive of it all, where one was kept.
    """

    proofs: tuple[Proof, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    pinned: tuple[str, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    passed_before: int = 0
    passed_after: int = 0
    rustc: str = ""
    toolchain_remark: str = ""
    look_here: tuple[LookHere, ...] = ()
    runs: int = 0
    is_isolated: bool = False
    mutation: Mutation | None = None
    bundle: BundleLink | None = None
    pinned_for: tuple[tuple[str, str], ...] = ()
    taken_out: tuple[TakenOut, ...] = ()


@dataclass(frozen=True, slots=True)
class LastChecks:
    """What the checks of a run showed last, without their output; `worse` names the commands that stand worse than on the base."""

    results: tuple[CheckResult, ...] = ()
    worse: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptWork:
    """What a run that did not come to its good end leaves: a branch with its commit, or in `refusal` why there is none.

    `files` counts the files that differ from where the run began; `pull_request` is 0 where none was opened. `as_before` are
    files with rules of the house that the agent changed unasked, and that are in it as they were.
    """

    branch: str = ""
    url: str = ""
    commit: str = ""
    files: int = 0
    refusal: str = ""
    pull_request: int = 0
    as_before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of model turns: `input` is new input, `cached` was read from the cache, `cache_written` was written to it."""

    input: int = 0
    cached: int = 0
    cache_written: int = 0
    output: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cached + other.cached,
            self.cache_written + other.cache_written,
            self.output + other.output,
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """Money in US dollars; None where the model's price is not known."""

    dollars: float | None = None


class StopReason(Enum):
    """Why the model's turn ended, as far as the loop cares."""

    TOOLS = "tools"
    END = "end"
    PAUSE = "pause"
    LENGTH = "length"
    REFUSAL = "refusal"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants to run; `input` is a JSON object as it came."""

    id: str
    name: str
    input: dict[str, object] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool call came to, in plain text; `is_error` only where the call itself could not be carried out."""

    call_id: str
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the model: `content` is its blocks exactly as received, to be sent back unchanged."""

    content: tuple[dict[str, object], ...] = field(hash=False)
    stop: StopReason
    calls: tuple[ToolCall, ...]
    text: str
    usage: Usage
    seconds: float
    refusal: str = ""
