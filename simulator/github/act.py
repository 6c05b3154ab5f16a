"""What people do, as verbs with plain values: the same for tests, the demo, scripted players and `POST /_sim/act`.

People may do only what their role in the repository allows; a refusal is GitHub's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from simulator.github.changes_apps import Changes
from simulator.github.refusals import Refusal, must_have_rights, not_found
from simulator.github.state import ROLES, App, Installation, Issue, PullRequest, Repository, ReviewComment, User

VERBS = frozenset(
    {
        *("open_issue", "edit_issue", "label", "unlabel", "comment", "edit_comment", "delete_comment", "react"),
        *(
            "close",
            "reopen",
            "lock",
            "unlock",
            "push",
            "open_pull_request",
            "edit_pull_request",
            "merge",
            "ready",
            "draft",
        ),
        *("review", "approve", "request_changes", "request_review", "reply", "resolve", "unresolve"),
        *("ci", "ci_start", "ci_finish", "commit_status"),
        *("add_user", "grant", "protect", "rename", "uninstall", "suspend", "unsuspend"),
    }
)


class Act:
    """Verbs of people. Every repository is named `owner/name`, every person by login, who is made at first use."""

    def __init__(self, changes: Changes, app: App) -> None:
        self.changes, self.world, self.app = changes, changes.world, app

    def do(self, verb: str, **values: Any) -> Any:
        """Carries out one verb by its name; what it returns can be written as JSON."""
        if verb not in VERBS:
            raise Refusal(404, f"no such verb: {verb}; there are {sorted(VERBS)}")
        with self.world.lock:
            return getattr(self, verb)(**values)

    # --- the world ---------------------------------------------------------------------------------------------------

    def add_user(self, login: str, kind: str = "User", name: str | None = None) -> int:
        return self.world.add_user(login, kind=kind, name=name).id

    def add_repository(
        self,
        full_name: str,
        *,
        files: Mapping[str, str | bytes] | None = None,
        directory: Path | None = None,
        message: str = "First commit",
        **settings: Any,
    ) -> Repository:
        """A repository with one commit of the given files, or of everything in a directory."""
        with self.world.lock:
            repository = self.world.add_repository(full_name, **settings)
            if directory is not None:
                self.seed(repository, directory, message)
            elif files is not None:
                self.changes.push_files(repository, repository.owner, repository.default_branch, files, message)
            return repository

    def seed(self, repository: Repository, directory: Path, message: str) -> str:
        """Commits everything in a directory, modes and links included, onto the default branch."""
        git, branch = repository.git, repository.default_branch
        index = git.path / "seed-index"
        env = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(directory), "GIT_DIR": str(git.path)}
        git.run("-C", str(directory), "add", "--all", "--force", ".", env=env)
        tree = git.run("write-tree", env=env).decode().strip()
        index.unlink()
        parent = git.ref(f"refs/heads/{branch}")
        who = self.changes.identity(repository.owner)
        sha = git.make_commit(tree=tree, parents=[parent] if parent else [], author=who, committer=who, message=message)
        self.changes.push(repository, repository.owner, branch, sha)
        return sha

    def grant(self, repository: str, login: str, role: str) -> None:
        """Gives somebody a role in a repository."""
        if role not in ROLES:
            raise Refusal(422, f"no such role: {role}")
        self.repository(repository).roles[self.world.add_user(login).login.lower()] = role

    def protect(self, repository: str, branch: str, required_checks: Iterable[str] = ()) -> None:
        self.repository(repository).protected.add(branch)
        self.repository(repository).required_checks.extend(required_checks)

    def install(
        self, owner: str, *, repositories: list[str] | None = None, permissions: dict[str, str] | None = None
    ) -> Installation:
        """Installs the App on an account: on all of its repositories, or on those named."""
        with self.world.lock:
            account = self.person(owner)
            chosen = [self.repository(name) for name in repositories] if repositories is not None else None
            return self.changes.install(self.app, account, account, repositories=chosen, permissions=permissions)

    def uninstall(self, owner: str) -> None:
        self.changes.uninstall(self._installation(owner), self.person(owner))

    def suspend(self, owner: str) -> None:
        self.changes.suspend(self._installation(owner), self.person(owner))

    def unsuspend(self, owner: str) -> None:
        self.changes.unsuspend(self._installation(owner), self.person(owner))

    def rename(self, repository: str, who: str, name: str) -> None:
        self.changes.rename(self.repository(repository), self._allowed(repository, who, "admin"), name)

    # --- issues ------------------------------------------------------------------------------------------------------

    def open_issue(self, repository: str, who: str, title: str, body: str = "", labels: Iterable[str] = ()) -> int:
        """Returns the issue's number."""
        person = self._allowed(repository, who, "triage" if labels else "read")
        return self.changes.open_issue(self.repository(repository), person, title, body, labels=labels).number

    def edit_issue(
        self, repository: str, number: int, who: str, title: str | None = None, body: str | None = None
    ) -> None:
        issue = self.issue(repository, number)
        self.changes.edit_issue(issue, self._author_or(issue.author, repository, who), title=title, body=body)

    def label(self, repository: str, number: int, who: str, name: str) -> None:
        self.changes.add_labels(self.issue(repository, number), self._allowed(repository, who, "triage"), [name])

    def unlabel(self, repository: str, number: int, who: str, name: str) -> None:
        self.changes.remove_label(self.issue(repository, number), self._allowed(repository, who, "triage"), name)

    def comment(self, repository: str, number: int, who: str, body: str) -> int:
        """Returns the comment's id."""
        return self.changes.comment(self.issue(repository, number), self._allowed(repository, who, "read"), body).id

    def edit_comment(self, repository: str, comment_id: int, who: str, body: str) -> None:
        """Edits a comment of the conversation, or an inline one."""
        for issue in self.repository(repository).issues.values():
            for comment in issue.comments:
                if comment.id == comment_id:
                    self.changes.edit_comment(comment, self._author_or(comment.author, repository, who), body)
                    return
        inline = self._review_comment(repository, comment_id)
        self.changes.edit_review_comment(inline, self._author_or(inline.author, repository, who), body)

    def delete_comment(self, repository: str, comment_id: int, who: str) -> None:
        for issue in self.repository(repository).issues.values():
            for comment in [each for each in issue.comments if each.id == comment_id]:
                self.changes.delete_comment(comment, self._author_or(comment.author, repository, who))

    def react(self, repository: str, number: int, who: str, content: str) -> None:
        self.changes.react(self.issue(repository, number), self._allowed(repository, who, "read"), content)

    def close(self, repository: str, number: int, who: str) -> None:
        issue = self.issue(repository, number)
        self.changes.close(issue, self._author_or(issue.author, repository, who))

    def reopen(self, repository: str, number: int, who: str) -> None:
        issue = self.issue(repository, number)
        self.changes.reopen(issue, self._author_or(issue.author, repository, who))

    def lock(self, repository: str, number: int, who: str) -> None:
        self.changes.lock(self.issue(repository, number), self._allowed(repository, who, "write"))

    def unlock(self, repository: str, number: int, who: str) -> None:
        self.changes.unlock(self.issue(repository, number), self._allowed(repository, who, "write"))

    # --- git and pull requests ---------------------------------------------------------------------------------------

    def push(
        self, repository: str, who: str, branch: str, files: Mapping[str, str | bytes | None], message: str = "Change"
    ) -> str:
        """Commits files on a branch (None removes one) and returns the commit."""
        person = self._allowed(repository, who, "write")
        return self.changes.push_files(self.repository(repository), person, branch, files, message)

    def open_pull_request(
        self,
        repository: str,
        who: str,
        head: str,
        title: str,
        body: str = "",
        base: str | None = None,
        draft: bool = False,
    ) -> int:
        """Returns the pull request's number."""
        home = self.repository(repository)
        person = self._allowed(repository, who, "read")
        base = base or home.default_branch
        return self.changes.open_pull_request(
            home, person, head=head, base=base, title=title, body=body, draft=draft
        ).number

    def edit_pull_request(
        self,
        repository: str,
        number: int,
        who: str,
        title: str | None = None,
        body: str | None = None,
        base: str | None = None,
    ) -> None:
        pull_request = self.pull_request(repository, number)
        person = self._author_or(pull_request.issue.author, repository, who)
        self.changes.edit_pull_request(pull_request, person, title=title, body=body, base=base)

    def ready(self, repository: str, number: int, who: str) -> None:
        self.changes.set_draft(self.pull_request(repository, number), self._allowed(repository, who, "write"), False)

    def draft(self, repository: str, number: int, who: str) -> None:
        self.changes.set_draft(self.pull_request(repository, number), self._allowed(repository, who, "write"), True)

    def merge(self, repository: str, number: int, who: str, method: str = "merge") -> str:
        """Returns the commit on the base branch."""
        return self.changes.merge(
            self.pull_request(repository, number), self._allowed(repository, who, "write"), method=method
        )

    # --- reviews -----------------------------------------------------------------------------------------------------

    def review(
        self,
        repository: str,
        number: int,
        who: str,
        body: str = "",
        event: str = "COMMENT",
        comments: Iterable[Mapping[str, Any]] = (),
    ) -> int:
        """A review with inline comments, each {path, body} and `line`, or `anchor`: a text in the line meant. Returns its id."""
        pull_request = self.pull_request(repository, number)
        person = self._allowed(repository, who, "read")
        drafts = [self._placed(pull_request, comment) for comment in comments]
        return self.changes.review(pull_request, person, event=event, body=body, comments=drafts).id

    def approve(self, repository: str, number: int, who: str, body: str = "") -> int:
        return self.review(repository, number, who, body, "APPROVE")

    def request_changes(
        self, repository: str, number: int, who: str, body: str, comments: Iterable[Mapping[str, Any]] = ()
    ) -> int:
        return self.review(repository, number, who, body, "REQUEST_CHANGES", comments)

    def request_review(self, repository: str, number: int, who: str, reviewer: str) -> None:
        person = self._allowed(repository, who, "triage")
        self.changes.request_reviewers(self.pull_request(repository, number), person, [self.person(reviewer)])

    def reply(self, repository: str, comment_id: int, who: str, body: str) -> int:
        """Answers in the thread of an inline comment; returns the new comment's id."""
        thread = self._review_comment(repository, comment_id).thread
        return self.changes.reply(thread, self._allowed(repository, who, "read"), body).id

    def resolve(self, repository: str, comment_id: int, who: str) -> None:
        thread = self._review_comment(repository, comment_id).thread
        self.changes.resolve(thread, self._author_or(thread.pull_request.issue.author, repository, who))

    def unresolve(self, repository: str, comment_id: int, who: str) -> None:
        thread = self._review_comment(repository, comment_id).thread
        self.changes.unresolve(thread, self._author_or(thread.pull_request.issue.author, repository, who))

    def ci(
        self,
        repository: str,
        who: str,
        ref: str,
        jobs: Iterable[Mapping[str, str] | tuple[str, str, str]],
        workflow: str = "CI",
    ) -> int:
        """A finished run of GitHub Actions on a branch or commit; jobs are {name, conclusion, log}. Returns the run's id."""
        home = self.repository(repository)
        sha = home.git.resolve(ref)
        if sha is None:
            raise not_found()
        listed = [
            (job["name"], job["conclusion"], job.get("log", "")) if isinstance(job, Mapping) else job for job in jobs
        ]
        return self.changes.ci_result(home, self.person(who), sha, listed, workflow=workflow).id

    def ci_start(
        self,
        repository: str,
        who: str,
        ref: str,
        names: Iterable[str],
        workflow: str = "CI",
        runner: str = "ubuntu-latest",
    ) -> int:
        """A run of GitHub Actions whose jobs are at work; returns its id."""
        home = self.repository(repository)
        sha = home.git.resolve(ref)
        if sha is None:
            raise not_found()
        return self.changes.ci_start(home, self.person(who), sha, names, workflow=workflow, runner=runner).id

    def ci_finish(self, repository: str, who: str, run_id: int, jobs: Iterable[tuple[str, str, str]]) -> None:
        """The jobs at work come to their end; they are (name, conclusion, log)."""
        for run in self.repository(repository).workflow_runs:
            if run.id == int(run_id):
                self.changes.ci_finish(run, self.person(who), [(name, end, log) for name, end, log in jobs])
                return
        raise not_found()

    def commit_status(self, repository: str, who: str, ref: str, context: str, state: str, text: str = "") -> None:
        """A commit status, as services set it that know no check runs."""
        home = self.repository(repository)
        sha = home.git.resolve(ref)
        if sha is None:
            raise not_found()
        self.changes.set_status(
            home, self.person(who), sha, state=state, context=context, description=text or None, target_url=None
        )

    # --- finding things ----------------------------------------------------------------------------------------------

    def repository(self, full_name: str) -> Repository:
        found = self.world.repository(full_name)
        if found is None:
            raise not_found()
        return found

    def person(self, login: str) -> User:
        return self.world.add_user(login)

    def issue(self, repository: str, number: int) -> Issue:
        found = self.repository(repository).issues.get(int(number))
        if found is None:
            raise not_found()
        return found

    def pull_request(self, repository: str, number: int) -> PullRequest:
        found = self.issue(repository, number).pull_request
        if found is None:
            raise not_found()
        return found

    def _review_comment(self, repository: str, comment_id: int) -> ReviewComment:
        for pull_request in self.repository(repository).pull_requests:
            for comment in pull_request.comments:
                if comment.id == int(comment_id):
                    return comment
        raise not_found()

    def _installation(self, owner: str) -> Installation:
        for installation in self.world.installations:
            if installation.account is self.person(owner) and installation.app is self.app and not installation.deleted:
                return installation
        raise not_found()

    def _allowed(self, repository: str, who: str, role: str) -> User:
        """The person, if their role is high enough."""
        person = self.person(who)
        if ROLES.index(self.repository(repository).role(person)) < ROLES.index(role):
            raise must_have_rights()
        return person

    def _author_or(self, author: User, repository: str, who: str) -> User:
        """The author, or somebody who may write."""
        person = self.person(who)
        return person if person is author else self._allowed(repository, who, "write")

    def _placed(self, pull_request: PullRequest, comment: Mapping[str, Any]) -> dict[str, Any]:
        """An inline comment whose `anchor` has become a line number of the head."""
        draft = dict(comment)
        anchor = draft.pop("anchor", None)
        if anchor is not None:
            text = (pull_request.repository.git.file(pull_request.head_sha, draft["path"]) or b"").decode(
                errors="replace"
            )
            numbers = [number for number, line in enumerate(text.split("\n"), 1) if anchor in line]
            if not numbers:
                raise Refusal(422, f"no line of {draft['path']} holds {anchor!r}")
            draft["line"] = numbers[0]
        return draft
