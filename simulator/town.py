"""A repository on the simulated GitHub with the people around it: who they are, what they do, what they see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from simulator.github.git import BareRepository
from simulator.github.server import GitHubServer
from simulator.github.state import Comment, Issue, PullRequest, Repository, Thread, User, Written
from simulator.trees import File, Tree

OWNER, MAINTAINER, READER = "ferris-labs", "mara", "jonas"
LABEL = "rfc-needed"
BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Said:
    """A command that somebody gave, and the comment that holds it."""

    comment: Comment
    command: str


class Town:
    """One repository of `OWNER`; `MAINTAINER` may write, `READER` only reads, the App is installed."""

    def __init__(self, github: GitHubServer, name: str, tree: Tree) -> None:
        self.github = github
        self.world = github.world
        self.changes = github.changes
        with self.world.lock:
            self.owner = self.world.add_user(OWNER, kind="Organization", name="Ferris Labs")
            self.maintainer = self.world.add_user(MAINTAINER, name="Mara Lindqvist")
            self.reader = self.world.add_user(READER, name="Jonas Weber")
            self.repository: Repository = self.world.add_repository(f"{OWNER}/{name}")
            self.repository.roles[MAINTAINER] = "maintain"
            self.base = self._first_commit(tree)

    def _first_commit(self, tree: Tree) -> str:
        git = self.repository.git
        who = self.changes.identity(self.maintainer)
        made = put_tree(git, tree)
        sha = git.make_commit(tree=made, parents=(), author=who, committer=who, message="The state of things")
        git.update_ref(f"refs/heads/{BRANCH}", sha)
        return sha

    def invite(self) -> None:
        """Installs the App on the owner's repositories."""
        with self.world.lock:
            self.changes.install(self.github.app, self.owner, self.maintainer)

    # --- what people do ----------------------------------------------------------------------------------------------

    def file_issue(self, title: str, body: str) -> Issue:
        with self.world.lock:
            return self.changes.open_issue(self.repository, self.reader, title, body)

    def label(self, issue: Issue) -> None:
        with self.world.lock:
            self.changes.add_labels(issue, self.maintainer, [LABEL])

    def comment(self, issue: Issue, author: User, body: str) -> Comment:
        with self.world.lock:
            return self.changes.comment(issue, author, body)

    def review(self, pull_request: PullRequest, remarks: Iterable[tuple[str, range, str]], body: str) -> list[Thread]:
        """A review with remarks (path, lines, body) that asks for changes; returns its threads, in their order."""
        comments = [
            {"path": path, "line": lines[-1], "side": "RIGHT", "body": text}
            | ({"start_line": lines[0], "start_side": "RIGHT"} if len(lines) > 1 else {})
            for path, lines, text in remarks
        ]
        with self.world.lock:
            before = len(pull_request.threads)
            self.changes.review(pull_request, self.maintainer, event="REQUEST_CHANGES", body=body, comments=comments)
            return pull_request.threads[before:]

    def reply(self, thread: Thread, body: str) -> None:
        """The maintainer says something in a thread."""
        with self.world.lock:
            self.changes.reply(thread, self.maintainer, body)

    # --- what people see ---------------------------------------------------------------------------------------------

    @property
    def bot(self) -> User:
        user: User = self.github.app.bot
        return user

    def said_by_bot(self, issue: Issue) -> list[Comment]:
        with self.world.lock:
            return [comment for comment in issue.comments if comment.author is self.bot]

    def at_work(self) -> list[Comment]:
        """Comments of the bot that say that something is going on."""
        with self.world.lock:
            issues = list(self.repository.issues.values())
        return [each for issue in issues for each in self.said_by_bot(issue) if each.body.lstrip().startswith("⏳")]

    def pull_requests(self) -> list[PullRequest]:
        """Those that the bot opened, oldest first."""
        with self.world.lock:
            return [each for each in self.repository.pull_requests if each.issue.author is self.bot]

    def has_reaction(self, thing: Written) -> bool:
        with self.world.lock:
            return any(reaction.user is self.bot for reaction in thing.reactions)

    def answers(self, thread: Thread) -> list[str]:
        """What the bot said in a thread."""
        with self.world.lock:
            return [comment.body for comment in thread.comments if comment.author is self.bot]

    def is_answered(self, thread: Thread) -> bool:
        """Whether the last word in a thread is the bot's."""
        with self.world.lock:
            return thread.comments[-1].author is self.bot

    def annotations(self) -> list[str]:
        """What the bot's check runs say at single lines: `path:line message`."""
        return [
            f"{each['path']}:{each['start_line']} {each['message']}"
            for run in self.repository.check_runs
            for each in run.annotations
        ]

    def commits(self, pull_request: PullRequest) -> list[str]:
        """The commits of a pull request, oldest first."""
        return list(reversed(self.repository.git.history(pull_request.head_sha, f"^{self.base}")))

    def force_pushes(self) -> list[str]:
        """The heads that pull requests of the bot lost to a push that did not go on from them."""
        with self.world.lock:
            return [
                moment.details["old"]
                for pull_request in self.pull_requests()
                for moment in pull_request.issue.moments
                if moment.kind == "head_ref_force_pushed"
            ]

    def tree(self, commit: str) -> dict[str, File]:
        return get_tree(self.repository.git, commit)

    def doubles(self) -> list[str]:
        """What the bot made twice: comments, replies, pull requests, check runs."""
        with self.world.lock:
            keys = list(self._made_by_bot())
        return sorted({key for key in keys if keys.count(key) > 1})

    def _made_by_bot(self) -> Iterator[str]:
        for issue in self.repository.issues.values():
            for comment in issue.comments:
                if comment.author is self.bot:
                    yield f"comment on #{issue.number}: {_identity(comment.body)}"
        for pull_request in self.repository.pull_requests:
            if pull_request.issue.author is self.bot and pull_request.state == "open":
                yield f"pull request of {pull_request.issue.title!r}"
            for thread in pull_request.threads:
                for reply in thread.comments:
                    if reply.author is self.bot:
                        yield f"reply in thread {thread.id}: {_identity(reply.body)}"
        for run in self.repository.check_runs:
            yield f"check run {run.name} on {run.suite.head_sha[:12]}"


def _identity(body: str) -> str:
    """What makes two comments the same one: a hidden marker if there is one, else the whole text."""
    last = body.rstrip().rpartition("\n")[2].strip()
    return last if last.startswith("<!--") else body.strip()


def put_tree(git: BareRepository, tree: Tree) -> str:
    """Writes a tree into a repository; returns its id."""
    return git.make_tree((path, file.mode, git.blob(file.data)) for path, file in tree.items())


def get_tree(git: BareRepository, commit: str) -> dict[str, File]:
    """The files at a commit, as they are."""
    entries: Any = git.tree(commit, recursive=True)
    return {each.path: File(git.read(each.sha), each.mode) for each in entries if each.type == "blob"}
