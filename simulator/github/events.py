"""Webhook payloads: what happened, as GitHub would tell it, made at the moment it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.github import views, views_checks, views_git, views_issues, views_pulls
from simulator.github.git import ZERO
from simulator.github.place import Place, stamp
from simulator.github.state import (
    App,
    CheckRun,
    CheckSuite,
    Comment,
    Installation,
    Issue,
    PullRequest,
    Repository,
    Review,
    ReviewComment,
    Status,
    Thread,
    User,
    WorkflowRun,
    World,
)
from simulator.github.views import Json

EMITTED: tuple[tuple[str, str | None], ...] = (
    *(
        ("issues", action)
        for action in (
            "opened",
            "edited",
            "closed",
            "reopened",
            "labeled",
            "unlabeled",
            "assigned",
            "unassigned",
            "locked",
            "unlocked",
            "transferred",
        )
    ),
    *(("issue_comment", action) for action in ("created", "edited", "deleted")),
    *(
        ("pull_request", action)
        for action in (
            "opened",
            "edited",
            "closed",
            "reopened",
            "synchronize",
            "labeled",
            "unlabeled",
            "assigned",
            "unassigned",
        )
    ),
    *(
        ("pull_request", action)
        for action in (
            "ready_for_review",
            "converted_to_draft",
            "review_requested",
            "review_request_removed",
            "locked",
            "unlocked",
        )
    ),
    *(("pull_request_review", action) for action in ("submitted", "edited", "dismissed")),
    *(("pull_request_review_comment", action) for action in ("created", "edited", "deleted")),
    *(("pull_request_review_thread", action) for action in ("resolved", "unresolved")),
    *(("check_run", action) for action in ("created", "completed", "rerequested", "requested_action")),
    *(("check_suite", action) for action in ("requested", "completed", "rerequested")),
    *(("workflow_run", action) for action in ("requested", "completed")),
    *(("installation", action) for action in ("created", "deleted", "suspend", "unsuspend")),
    *(("installation_repositories", action) for action in ("added", "removed")),
    ("label", "created"),
    ("repository", "renamed"),
    ("push", None),
    ("create", None),
    ("delete", None),
    ("status", None),
    ("ping", None),
)

# Events that every App gets, subscribed or not.
ALWAYS = {"installation", "installation_repositories", "github_app_authorization", "ping"}


@dataclass(frozen=True)
class Event:
    """One thing that happened, as one installation is told of it."""

    name: str
    action: str | None
    payload: Json
    app: App
    installation: Installation | None
    repository: Repository | None


class Events:
    """Builds payloads and hands each to `send`, once for every installation that may see it."""

    def __init__(self, world: World, origin: str, send: Callable[[Event], None]) -> None:
        self.world = world
        self.at = Place(world, origin)
        self._send = send

    def emit(
        self,
        name: str,
        action: str | None,
        sender: User,
        repository: Repository,
        parts: Json,
        *,
        only: App | None = None,
    ) -> None:
        """Tells everyone who watches `repository`; `only` one App for what concerns no other."""
        body: Json = {} if action is None else {"action": action}
        body |= parts | {"repository": views.repository(self.at, repository), "sender": views.user(self.at, sender)}
        if repository.owner.kind == "Organization":
            body["organization"] = self._organization(repository.owner)
        for installation in self.world.installations:
            if installation.covers(repository) and not installation.suspended_at and only in (None, installation.app):
                stamped = {**body, "installation": {"id": installation.id, "node_id": self.world.node_id(installation)}}
                self._send(Event(name, action, stamped, installation.app, installation, repository))

    def _organization(self, owner: User) -> Json:
        url = self.at.api(f"/orgs/{owner.login}")
        return {
            "login": owner.login,
            "id": owner.id,
            "node_id": self.world.node_id(owner),
            "url": url,
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events",
            "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues",
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "avatar_url": self.at.html(f"/_sim/avatar/{owner.login}.svg"),
            "description": "",
        }

    # --- issues ------------------------------------------------------------------------------------------------------

    def issue(self, action: str, sender: User, issue: Issue, **extra: Any) -> None:
        """An `issues` or, where the issue is a pull request, a `pull_request` event."""
        if issue.pull_request:
            self.pull_request(action, sender, issue.pull_request, **extra)
        else:
            self.emit(
                "issues",
                action,
                sender,
                issue.repository,
                {"issue": self._issue(issue), **self._extra(issue.repository, extra)},
            )

    def transferred(self, sender: User, issue: Issue, moved: Issue) -> None:
        changes = {"new_issue": self._issue(moved), "new_repository": views.repository(self.at, moved.repository)}
        self.issue("transferred", sender, issue, changes=changes)

    def comment(self, action: str, sender: User, comment: Comment, **extra: Any) -> None:
        parts = {"issue": self._issue(comment.issue), "comment": views_issues.comment(self.at, comment), **extra}
        self.emit("issue_comment", action, sender, comment.issue.repository, parts)

    def label(self, action: str, sender: User, repository: Repository, label: Any, **extra: Any) -> None:
        self.emit("label", action, sender, repository, {"label": views.label(self.at, repository, label), **extra})

    def _issue(self, issue: Issue) -> Json:
        body = views_issues.issue(self.at, issue)
        if body["type"] is None:  # described as an object here, and left out where there is none
            del body["type"]
        if not issue.pull_request:
            return body
        return body

    def _extra(self, repository: Repository, extra: Json) -> Json:
        """Labels and people among the parts become JSON; the rest is JSON already."""
        shown = {}
        for key, value in extra.items():
            if key == "label":
                shown[key] = views.label(self.at, repository, value)
            elif isinstance(value, User):
                shown[key] = views.user(self.at, value)
            else:
                shown[key] = value
        return shown

    # --- pull requests -----------------------------------------------------------------------------------------------

    def pull_request(self, action: str, sender: User, pull_request: PullRequest, **extra: Any) -> None:
        body = {
            "number": pull_request.number,
            "pull_request": views_pulls.full(self.at, pull_request, mergeable=None),
            **self._extra(pull_request.repository, extra),
        }
        self.emit("pull_request", action, sender, pull_request.repository, body)

    def review(self, action: str, sender: User, review: Review, **extra: Any) -> None:
        parts = {
            "review": {"submitted_at": None, **views_pulls.review(self.at, review, lower_case=True)},
            "pull_request": views_pulls.simple(self.at, review.pull_request),
            **extra,
        }
        parts["review"]["body"] = review.body or None
        self.emit("pull_request_review", action, sender, review.pull_request.repository, parts)

    def review_comment(self, action: str, sender: User, comment: ReviewComment, **extra: Any) -> None:
        pull_request = comment.thread.pull_request
        parts = {
            "comment": views_pulls.review_comment(self.at, comment),
            "pull_request": views_pulls.simple(self.at, pull_request),
            **extra,
        }
        self.emit("pull_request_review_comment", action, sender, pull_request.repository, parts)

    def thread(self, action: str, sender: User, thread: Thread) -> None:
        shown = {
            "node_id": self.world.node_id(thread),
            "comments": [views_pulls.review_comment(self.at, each) for each in thread.comments],
        }
        pull_request = thread.pull_request
        parts = {
            "thread": shown,
            "pull_request": views_pulls.simple(self.at, pull_request),
            "updated_at": stamp(self.world.now()),
        }
        self.emit("pull_request_review_thread", action, sender, pull_request.repository, parts)

    # --- git ---------------------------------------------------------------------------------------------------------

    def push(self, sender: User, repository: Repository, ref: str, before: str, after: str) -> None:
        """A `push`, and a `create` or `delete` where the ref is new or gone."""
        created, deleted = before == ZERO, after == ZERO
        kind, name = ("tag" if ref.startswith("refs/tags/") else "branch"), ref.split("/", 2)[-1]
        parts: Json = {"ref": name, "ref_type": kind, "pusher_type": "user"}
        if created:
            parts |= {"master_branch": repository.default_branch, "description": repository.description or None}
            self.emit("create", None, sender, repository, parts)
        if deleted:
            self.emit("delete", None, sender, repository, parts)
        self.emit("push", None, sender, repository, self._push(sender, repository, ref, before, after))

    def _push(self, sender: User, repository: Repository, ref: str, before: str, after: str) -> Json:
        created, deleted = before == ZERO, after == ZERO
        git = repository.git
        known = [sha for name, sha in git.refs("refs/heads/").items() if name != ref] if created else [before]
        shas = () if deleted else git.history(after, *(f"^{sha}" for sha in known), limit=50)
        commits = [views_git.push_commit(self.at, repository, git.commit(sha)) for sha in reversed(shas)]
        head = None if deleted else views_git.push_commit(self.at, repository, git.commit(after))
        seconds = int(self.world.now().timestamp())
        compare = f"{before[:12]}...{after[:12]}" if not created and not deleted else after[:12]
        return {
            "ref": ref,
            "before": before,
            "after": after,
            "created": created,
            "deleted": deleted,
            "forced": not created and not deleted and not git.is_ancestor(before, after),
            "base_ref": None,
            "compare": self.at.html(f"/{repository.full_name}/compare/{compare}"),
            "commits": commits,
            "head_commit": head,
            "pusher": {
                "name": sender.login,
                "email": views_git.email_of(sender),
                "date": seconds and stamp(self.world.now()),
            },
        }

    # --- checks ------------------------------------------------------------------------------------------------------

    def check_run(self, action: str, sender: User, run: CheckRun, **extra: Any) -> None:
        """Only the App that made a run is asked to run it again or to act."""
        only = run.suite.app if action in ("rerequested", "requested_action") else None
        parts = {"check_run": views_checks.check_run_with_suite(self.at, run), **extra}
        self.emit("check_run", action, sender, run.suite.repository, parts, only=only)

    def check_suite(self, action: str, sender: User, suite: CheckSuite) -> None:
        only = suite.app if action in ("requested", "rerequested") else None
        body = views_checks.check_suite(self.at, suite)
        del body["repository"]
        self.emit("check_suite", action, sender, suite.repository, {"check_suite": body}, only=only)

    def status(self, sender: User, repository: Repository, status: Status) -> None:
        commit = views_git.commit(self.at, repository, repository.git.commit(status.sha))
        branches = [
            views_git.short_branch(self.at, repository, ref.removeprefix("refs/heads/"), sha)
            for ref, sha in repository.git.refs("refs/heads/").items()
            if sha == status.sha
        ]
        parts = {
            "id": status.id,
            "sha": status.sha,
            "name": repository.full_name,
            "avatar_url": None,
            "target_url": status.target_url,
            "context": status.context,
            "description": status.description,
            "state": status.state,
            "commit": commit,
            "branches": branches,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
        }
        self.emit("status", None, sender, repository, parts)

    def workflow_run(self, action: str, sender: User, run: WorkflowRun) -> None:
        parts = {
            "workflow": views_checks.workflow(self.at, run),
            "workflow_run": views_checks.workflow_run(self.at, run),
        }
        self.emit("workflow_run", action, sender, run.repository, parts)

    # --- the App -----------------------------------------------------------------------------------------------------

    def installation(self, action: str, sender: User, installation: Installation) -> None:
        body: Json = {
            "action": action,
            "installation": views.installation(self.at, installation),
            "sender": views.user(self.at, sender),
        }
        body["repositories"] = [self._named(each) for each in self._repositories(installation)]
        if action == "created":
            body["requester"] = None
        self._send(Event("installation", action, body, installation.app, installation, None))

    def installation_repositories(
        self, action: str, sender: User, installation: Installation, changed: list[Repository]
    ) -> None:
        listed = [self._named(each) for each in changed]
        body = {
            "action": action,
            "installation": views.installation(self.at, installation),
            "repository_selection": "all" if installation.repositories is None else "selected",
            "repositories_added": listed if action == "added" else [],
            "repositories_removed": listed if action == "removed" else [],
            "requester": None,
            "sender": views.user(self.at, sender),
        }
        self._send(Event("installation_repositories", action, body, installation.app, installation, None))

    def _repositories(self, installation: Installation) -> list[Repository]:
        return [each for each in self.world.repositories if installation.covers(each)]

    def _named(self, it: Repository) -> Json:
        return {
            "id": it.id,
            "node_id": self.world.node_id(it),
            "name": it.name,
            "full_name": it.full_name,
            "private": it.private,
        }

    def renamed(self, sender: User, repository: Repository, old_name: str) -> None:
        self.emit(
            "repository", "renamed", sender, repository, {"changes": {"repository": {"name": {"from": old_name}}}}
        )

    def ping(self, app: App, hook_url: str) -> None:
        """What GitHub sends when an App's webhook is set: neither repository nor installation in it."""
        now = stamp(self.world.now())
        hook = {
            "type": "App",
            "id": app.id,
            "name": "web",
            "active": True,
            "events": list(app.events),
            "config": {"content_type": "json", "insecure_ssl": "0", "url": hook_url},
            "updated_at": now,
            "created_at": now,
            "app_id": app.id,
            "deliveries_url": self.at.api("/app/hook/deliveries"),
        }
        self._send(
            Event("ping", None, {"zen": "Design for failure.", "hook_id": app.id, "hook": hook}, app, None, None)
        )
