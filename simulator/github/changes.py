"""What can happen to issues and their conversation. Each change tells the webhooks; each refusal is GitHub's.

REST routes, GraphQL mutations, the pages in the browser and scripted people all come through here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from simulator.github.events import Events
from simulator.github.refusals import Refusal, custom, invalid, is_too_long, too_long
from simulator.github.state import REACTIONS, Comment, Issue, Label, Moment, Reaction, Repository, User, Written


class IssueChanges:
    """Changes of issues, comments, labels and reactions."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.world = events.world

    def add_moment(self, issue: Issue, kind: str, actor: User, **details: Any) -> None:
        """Puts something into the timeline."""
        issue.moments.append(Moment(self.world.new_id(), kind, actor, self.world.now(), details))

    def touch(self, *things: Written) -> None:
        for thing in things:
            thing.updated_at = self.world.now()

    def written(self, author: User, body: str | None) -> dict[str, Any]:
        """The fields that everything written begins with."""
        now = self.world.now()
        return {
            "id": self.world.new_id(),
            "author": author,
            "body": body or "",
            "created_at": now,
            "updated_at": now,
            "by_app": author.kind == "Bot",
        }

    # --- issues ------------------------------------------------------------------------------------------------------

    def refuse_archived(self, repository: Repository) -> None:
        if repository.archived:
            raise Refusal(403, "Repository was archived so is read-only.")

    def new_issue(self, repository: Repository, author: User, title: str, body: str | None) -> Issue:
        """An issue in the world, of which nobody has been told yet."""
        if not title.strip():
            raise invalid("Issue", "title", "missing_field")
        if is_too_long(body):
            raise too_long("Issue")
        number = max(repository.issues, default=0) + 1
        issue = Issue(**self.written(author, body), repository=repository, number=number, title=title)
        repository.issues[number] = issue
        return issue

    def open_issue(
        self,
        repository: Repository,
        author: User,
        title: str,
        body: str | None = None,
        *,
        labels: Iterable[str] = (),
        assignees: Iterable[User] = (),
    ) -> Issue:
        """Opens an issue; labels and assignees each make their own event after `opened`, as on GitHub."""
        self.refuse_archived(repository)
        if not repository.has_issues:
            raise Refusal(410, "Issues are disabled for this repo")
        issue = self.new_issue(repository, author, title, body)
        self.events.issue("opened", author, issue)
        self.add_labels(issue, author, labels)
        self.assign(issue, author, assignees)
        return issue

    def edit_issue(self, issue: Issue, actor: User, *, title: str | None = None, body: str | None = None) -> None:
        """Changes title or body; tells what they were."""
        self.refuse_archived(issue.repository)
        changes: dict[str, Any] = {}
        if title is not None and title != issue.title:
            changes["title"] = {"from": issue.title}
            self.add_moment(issue, "renamed", actor, **{"from": issue.title, "to": title})
            issue.title = title
        if body is not None and body != issue.body:
            if is_too_long(body):
                raise too_long("Issue")
            changes["body"] = {"from": issue.body}
            issue.body, issue.edited_at = body, self.world.now()
        if changes:
            self.touch(issue)
            self.events.issue("edited", actor, issue, changes=changes)

    def transfer(self, issue: Issue, actor: User, target: Repository) -> None:
        """Moves an issue with its comments to another repository; the old place redirects, its comments are gone from there."""
        self.refuse_archived(issue.repository)
        self.refuse_archived(target)
        source, number = issue.repository, issue.number
        moved = self.new_issue(target, issue.author, issue.title, issue.body)
        moved.comments = [replace(comment, issue=moved) for comment in issue.comments]
        self.events.transferred(actor, issue, moved)
        del source.issues[number]
        source.moved[number] = moved

    def close(self, issue: Issue, actor: User, reason: str | None = "completed", *, commit: str | None = None) -> None:
        """Closes an issue, or a pull request without merging."""
        if issue.state == "closed":
            return
        issue.state, issue.closed_at, issue.closed_by = "closed", self.world.now(), actor
        issue.state_reason = None if issue.pull_request else reason
        self.touch(issue)
        self.add_moment(issue, "closed", actor, commit=commit)
        self.events.issue("closed", actor, issue)

    def reopen(self, issue: Issue, actor: User) -> None:
        if issue.state == "open":
            return
        if issue.pull_request and issue.pull_request.merged_at:
            raise invalid("PullRequest", "state")
        issue.state, issue.closed_at, issue.closed_by = "open", None, None
        issue.state_reason = None if issue.pull_request else "reopened"
        self.touch(issue)
        self.add_moment(issue, "reopened", actor)
        self.events.issue("reopened", actor, issue)

    def lock(self, issue: Issue, actor: User, reason: str | None = None) -> None:
        issue.locked, issue.lock_reason = True, reason
        self.add_moment(issue, "locked", actor, reason=reason)
        self.events.issue("locked", actor, issue)

    def unlock(self, issue: Issue, actor: User) -> None:
        issue.locked, issue.lock_reason = False, None
        self.add_moment(issue, "unlocked", actor)
        self.events.issue("unlocked", actor, issue)

    def assign(self, issue: Issue, actor: User, people: Iterable[User]) -> None:
        """Assigns those who may be; GitHub passes over the others in silence."""
        for person in people:
            if person not in issue.assignees and issue.repository.role(person) not in ("none", "read"):
                issue.assignees.append(person)
                self.add_moment(issue, "assigned", actor, assignee=person)
                self.events.issue("assigned", actor, issue, assignee=person)

    def unassign(self, issue: Issue, actor: User, people: Iterable[User]) -> None:
        for person in people:
            if person in issue.assignees:
                issue.assignees.remove(person)
                self.add_moment(issue, "unassigned", actor, assignee=person)
                self.events.issue("unassigned", actor, issue, assignee=person)

    # --- labels ------------------------------------------------------------------------------------------------------

    def create_label(
        self, repository: Repository, actor: User, name: str, color: str = "ededed", description: str | None = None
    ) -> Label:
        """A new label of the repository."""
        self.refuse_archived(repository)
        if name.lower() in repository.labels:
            raise Refusal(422, "Validation Failed", [{"resource": "Label", "code": "already_exists", "field": "name"}])
        if len(name) > 50 or not name.strip():
            raise invalid("Label", "name")
        if len(color) != 6 or any(digit not in "0123456789abcdefABCDEF" for digit in color):
            raise invalid("Label", "color")
        if len(description or "") > 100:
            raise invalid("Label", "description")
        label = Label(self.world.new_id(), name, color.lower(), description)
        repository.labels[name.lower()] = label
        self.events.label("created", actor, repository, label)
        return label

    def add_labels(self, issue: Issue, actor: User, names: Iterable[str]) -> None:
        """Puts labels on; a name that does not exist yet becomes a grey label, as on GitHub."""
        self.refuse_archived(issue.repository)
        for name in names:
            label = issue.repository.labels.get(name.lower()) or self.create_label(issue.repository, actor, name)
            if label not in issue.labels:
                issue.labels.append(label)
                self.touch(issue)
                self.add_moment(issue, "labeled", actor, label=label)
                self.events.issue("labeled", actor, issue, label=label)

    def remove_label(self, issue: Issue, actor: User, name: str) -> None:
        """Takes one label off; 404 where it is not on."""
        self.refuse_archived(issue.repository)
        label = next((each for each in issue.labels if each.name.lower() == name.lower()), None)
        if label is None:
            raise Refusal(404, "Label does not exist")
        issue.labels.remove(label)
        self.touch(issue)
        self.add_moment(issue, "unlabeled", actor, label=label)
        self.events.issue("unlabeled", actor, issue, label=label)

    # --- comments ----------------------------------------------------------------------------------------------------

    def refuse_locked(self, issue: Issue, author: User) -> None:
        """A locked conversation takes comments only of those who may write. An App's bot may not."""
        if issue.locked and issue.repository.role(author) in ("none", "read", "triage"):
            raise Refusal(403, "Unable to create comment because issue is locked.")

    def comment(self, issue: Issue, author: User, body: str) -> Comment:
        self.refuse_archived(issue.repository)
        self.refuse_locked(issue, author)
        if not body.strip():
            raise custom("IssueComment", "body cannot be blank")
        if is_too_long(body):
            raise too_long("IssueComment")
        comment = Comment(**self.written(author, body), issue=issue)
        issue.comments.append(comment)
        self.touch(issue)
        self.events.comment("created", author, comment)
        return comment

    def edit_comment(self, comment: Comment, actor: User, body: str) -> None:
        self.refuse_archived(comment.issue.repository)
        if is_too_long(body):
            raise too_long("IssueComment")
        old, comment.body = comment.body, body
        self.touch(comment, comment.issue)
        comment.edited_at = comment.updated_at
        if old != body:
            self.events.comment("edited", actor, comment, changes={"body": {"from": old}})

    def delete_comment(self, comment: Comment, actor: User) -> None:
        comment.issue.comments.remove(comment)
        self.events.comment("deleted", actor, comment)

    # --- reactions ---------------------------------------------------------------------------------------------------

    def react(self, thing: Written, user: User, content: str) -> tuple[Reaction, bool]:
        """The reaction of this user, and whether it is new."""
        if content not in REACTIONS:
            raise invalid("Reaction", "content")
        for reaction in thing.reactions:
            if reaction.user is user and reaction.content == content:
                return reaction, False
        reaction = Reaction(self.world.new_id(), user, content, self.world.now())
        thing.reactions.append(reaction)
        return reaction, True

    def unreact(self, thing: Written, user: User, reaction_id: int) -> None:
        found = next((each for each in thing.reactions if each.id == reaction_id and each.user is user), None)
        if found is None:
            raise Refusal(404, "Not Found")
        thing.reactions.remove(found)
