"""What the bot can see and do on GitHub, as one installation: the protocol, and the client that carries it out.

Everything that writes is idempotent: it looks first, writes once, and looks again where the outcome is in doubt. All
methods raise `GitHubUnavailable` (try later), `UserError` (somebody has to mend something) or `Conflict` (lost race).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from bot.domain import (
    Annotation,
    CheckRun,
    CiStatus,
    Comment,
    FileChange,
    Issue,
    Permission,
    PullRequest,
    Repo,
    Repository,
    Review,
    ReviewThread,
    Subject,
    WorkflowJob,
    WorkflowRun,
)
from bot.github.actions import Actions
from bot.github.api import Api
from bot.github.checks import Checks
from bot.github.commits import Commits
from bot.github.conversation import Conversation
from bot.github.pulls import PullRequests
from bot.github.threads import Threads
from bot.github.tokens import Tokens


class GitHub(Protocol):
    """GitHub as an installation of the App sees it; one object may be used by many threads."""

    def token(self, repo: Repo, *, write: bool) -> str:
        """A token for git that reaches the contents of this repository only; never to be logged or stored."""

    def repository(self, repo: Repo) -> Repository:
        """What GitHub says of the repository now; its name may have changed."""

    def permission(self, repo: Repo, login: str) -> Permission:
        """What somebody may do there, asked at this moment."""

    def issue(self, repo: Repo, number: int) -> Issue:
        """An issue, or the issue side of a pull request; right after its webhook it may still be `NotFound`."""

    def comments(self, repo: Repo, number: int) -> tuple[Comment, ...]:
        """All comments of the conversation, oldest first."""

    def comment(self, repo: Repo, comment_id: int) -> Comment | None:
        """One comment, or None where it was deleted."""

    def ensure_comment(self, repo: Repo, number: int, marker: str, body: str) -> Comment:
        """The bot's one comment with this hidden marker, saying this: posted, or edited if it differs."""

    def ensure_issue(self, repo: Repo, marker: str, title: str, body: str) -> Issue:
        """The bot's one issue with this marker; opened, or left as it is by now."""

    def add_sub_issue(self, repo: Repo, parent: int, number: int) -> bool:
        """Hang an issue under another one; False where this GitHub knows no sub-issues."""

    def edit_comment(self, repo: Repo, comment_id: int, body: str) -> Comment:
        """Let the bot's own comment say this; it keeps its marker. `Conflict` where it was deleted."""

    def react(self, repo: Repo, subject: Subject, content: str = "eyes") -> None:
        """Add a reaction, once however often it is asked for; what was deleted meanwhile is passed over."""

    def set_labels(self, repo: Repo, number: int, *, add: Mapping[str, str], remove: Iterable[str] = ()) -> None:
        """Add labels (name to colour, made where the repository has none) and remove others."""

    def branch_head(self, repo: Repo, branch: str) -> str | None:
        """The commit at the branch's head, or None where there is no such branch."""

    def create_branch(self, repo: Repo, branch: str, sha: str) -> None:
        """Make the branch at this commit; `Conflict` where it is there and points elsewhere."""

    def move_branch(self, repo: Repo, branch: str, *, expected: str, sha: str) -> None:
        """Compare and swap, never by force; `Conflict` where the head is neither `expected` nor `sha`."""

    def delete_branch(self, repo: Repo, branch: str, *, expected: str) -> None:
        """Delete the branch where its head is `expected`; one that somebody has moved, or deleted, is left as it is."""

    def commit(
        self,
        repo: Repo,
        *,
        parent: str,
        merged: str = "",
        base_tree: str,
        changes: Sequence[FileChange],
        message: str,
        expected_tree: str,
    ) -> str:
        """Make a commit that GitHub signs, and return its id; its tree is `expected_tree`. No branch moves by it."""

    def find_commit(self, repo: Repo, branch_or_sha: str, trailer: str) -> str | None:
        """The bot's commit that carries this trailer line, among the last hundred from there."""

    def pull_request(self, repo: Repo, number: int) -> PullRequest:
        """The pull request as it is now."""

    def find_pull_request(self, repo: Repo, branch: str) -> PullRequest | None:
        """The pull request of a branch in this repository: an open one first, else the newest."""

    def pull_requests_onto(self, repo: Repo, base: str) -> tuple[PullRequest, ...]:
        """The open pull requests, anybody's, that go to this branch."""

    def ensure_pull_request(
        self, repo: Repo, *, branch: str, base: str, title: str, body: str, draft: bool
    ) -> PullRequest:
        """The open pull request of the branch, opened if there is none; ready where drafts are not to be had."""

    def edit_pull_request(self, repo: Repo, number: int, *, title: str | None = None, body: str | None = None) -> None:
        """Let title or body say this; None leaves them as they are."""

    def mark_ready(self, pull_request: PullRequest) -> None:
        """A draft becomes ready for review; anything else stays as it is."""

    def reviews(self, repo: Repo, number: int) -> tuple[Review, ...]:
        """All reviews of a pull request, oldest first."""

    def review_threads(self, repo: Repo, number: int) -> tuple[ReviewThread, ...]:
        """All inline conversations of a pull request, resolved and outdated ones too."""

    def reply(self, repo: Repo, pull_number: int, comment_id: int, marker: str, body: str) -> None:
        """The bot's one answer with this marker in the thread of that comment, saying this."""

    def resolve_thread(self, node_id: str) -> None:
        """Mark a thread as resolved."""

    def request_review(self, repo: Repo, number: int, logins: Collection[str]) -> None:
        """Ask these people to look (again); whom GitHub does not take is passed over."""

    def ensure_check_run(self, repo: Repo, check_run: CheckRun) -> None:
        """The App's one check run with this name and external id on the commit, in this state and saying this."""

    def ci_status(self, repo: Repo, number: int) -> CiStatus:
        """Where the CI of a pull request's head stands, without the bot's own check runs."""

    def workflow_runs(self, repo: Repo, *, head_sha: str = "", branch: str = "") -> tuple[WorkflowRun, ...]:
        """Completed runs of Actions on a commit or a branch, of each workflow the newest."""

    def failed_jobs(self, repo: Repo, run_id: int) -> tuple[WorkflowJob, ...]:
        """The jobs that failed in the newest attempt of a run."""

    def job_log(self, repo: Repo, job_id: int) -> str:
        """The end of a job's log; empty where GitHub has it no more."""

    def annotations(self, repo: Repo, check_run_id: int) -> tuple[Annotation, ...]:
        """The failures that a check run marked in files."""

    def rerun_failed_jobs(self, repo: Repo, run_id: int) -> None:
        """Start the failed jobs of a run again; `UserError` where that is not to be had."""


class InstallationGitHub(Conversation, Commits, PullRequests, Threads, Checks, Actions):
    """The real one; its verbs stand in the parts that it is made of."""

    def __init__(self, api: Api, own_login: Callable[[], str], tokens: Tokens) -> None:
        super().__init__(api, own_login)
        self._tokens = tokens

    def token(self, repo: Repo, *, write: bool) -> str:
        """A token for git that reaches the contents of this repository only; never to be logged or stored."""
        return self._tokens.for_repository(repo, write=write)
