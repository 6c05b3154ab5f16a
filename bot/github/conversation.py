"""Repositories, people, issues, comments, reactions and labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from bot.domain import (
    Comment,
    CommentSubject,
    Issue,
    IssueSubject,
    Permission,
    Repo,
    Repository,
    ReviewCommentSubject,
    ReviewSubject,
    Subject,
)
from bot.errors import Conflict
from bot.github import parse
from bot.github.api import read
from bot.github.errors import NotFound, Refused
from bot.github.markers import checked, is_same, marker_of, with_marker
from bot.github.part import Part, path_of, segment

REACTIONS = {
    "+1": "THUMBS_UP",
    "-1": "THUMBS_DOWN",
    "laugh": "LAUGH",
    "confused": "CONFUSED",
    "heart": "HEART",
    "hooray": "HOORAY",
    "rocket": "ROCKET",
    "eyes": "EYES",
}
"""REST's names of the reactions and GraphQL's."""

_REACT = """
mutation($id: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $id, content: $content}) { clientMutationId }
}"""


class Conversation(Part):
    """What people see in an issue."""

    def repository(self, repo: Repo) -> Repository:
        """What GitHub says of the repository now; its name may have changed."""
        return read(lambda body: parse.repository(body, repo), self._api.get(path_of(repo)))

    def permission(self, repo: Repo, login: str) -> Permission:
        """What somebody may do there, asked at this moment; strangers to GitHub may do nothing."""
        try:
            body = self._api.get(path_of(repo, f"/collaborators/{segment(login)}/permission"))
        except NotFound:
            return Permission.NONE
        return read(parse.permission, body)

    def issue(self, repo: Repo, number: int) -> Issue:
        """An issue, or the issue side of a pull request. Raises `NotFound`."""
        return read(parse.issue, self._api.get(path_of(repo, f"/issues/{number}")))

    def comments(self, repo: Repo, number: int) -> tuple[Comment, ...]:
        """All comments of the conversation, oldest first."""
        pages = self._api.pages(path_of(repo, f"/issues/{number}/comments"))
        return tuple(read(parse.comment, body) for body in pages)

    def comment(self, repo: Repo, comment_id: int) -> Comment | None:
        """One comment, or None where it was deleted."""
        try:
            return read(parse.comment, self._api.get(path_of(repo, f"/issues/comments/{comment_id}")))
        except NotFound:
            return None

    def ensure_comment(self, repo: Repo, number: int, marker: str, body: str) -> Comment:
        """The bot's one comment with this marker, saying this: posted, or edited if it differs."""
        text = with_marker(body, marker)
        path = path_of(repo, f"/issues/{number}/comments")
        comment, was_there = self._api.ensure(
            lambda: self._marked(repo, number, marker),
            lambda: read(parse.comment, self._api.send("POST", path, {"body": text}, repeatable=False)),
        )
        if not was_there or is_same(comment.body, text):
            return comment
        try:
            return self._rewrite(repo, comment.id, text)
        except Conflict as error:
            if self._has_moved(repo, number):
                raise NotFound(f"Issue #{number} was moved to another repository.", "Ask again there.") from error
            raise

    def edit_comment(self, repo: Repo, comment_id: int, body: str) -> Comment:
        """Let the bot's own comment say this; it keeps its marker. Raises `Conflict` where it was deleted."""
        comment = self.comment(repo, comment_id)
        if comment is None:
            raise Conflict(f"the comment {comment_id} was deleted")
        if not self._is_own(comment.author):
            raise ValueError(f"the comment {comment_id} was written by {comment.author.login}, not by the bot")
        marker = marker_of(body) or marker_of(comment.body)
        text = checked(body) if marker is None or marker_of(body) else with_marker(body, marker)
        return comment if is_same(comment.body, text) else self._rewrite(repo, comment_id, text)

    def ensure_issue(self, repo: Repo, marker: str, title: str, body: str) -> Issue:
        """The bot's one issue with this marker; opened, or left as it is by now."""
        path = path_of(repo, "/issues")
        issue, _ = self._api.ensure(
            lambda: self._marked_issue(repo, marker),
            lambda: read(
                parse.issue,
                self._api.send("POST", path, {"title": title, "body": with_marker(body, marker)}, repeatable=False),
            ),
        )
        return issue

    def _marked_issue(self, repo: Repo, marker: str) -> Issue | None:
        creator = quote(self._own_login(), safe="")
        for body in self._api.pages(path_of(repo, f"/issues?state=all&creator={creator}")):
            issue = read(parse.issue, body)
            if marker_of(issue.body) == marker and self._is_own(issue.author):
                return issue
        return None

    def add_sub_issue(self, repo: Repo, parent: int, number: int) -> bool:
        """Hang an issue under another one; False where this GitHub knows no sub-issues.

        https://docs.github.com/rest/issues/sub-issues: the request names the child by its id, not by its number.
        """
        path = path_of(repo, f"/issues/{parent}/sub_issues")
        try:
            if any(read(parse.issue, body).number == number for body in self._api.pages(path)):
                return True
            child = read(lambda body: int(body["id"]), self._api.get(path_of(repo, f"/issues/{number}")))
            self._api.send("POST", path, {"sub_issue_id": child}, repeatable=True)
        except NotFound:
            return False
        return True

    def react(self, repo: Repo, subject: Subject, content: str = "eyes") -> None:
        """Add a reaction, once however often it is asked for; a thing that was deleted meanwhile is passed over."""
        try:
            self._react(repo, subject, content)
        except NotFound:
            return

    def set_labels(self, repo: Repo, number: int, *, add: Mapping[str, str], remove: Iterable[str] = ()) -> None:
        """Add labels (name to colour, six hexadecimal digits; made where the repository has none) and remove others."""
        present = {name.lower() for name in self.issue(repo, number).labels}
        missing = [name for name in add if name.lower() not in present]
        for name in missing:
            self._ensure_label(repo, name, add[name])
        if missing:
            path = path_of(repo, f"/issues/{number}/labels")
            self._api.send("POST", path, {"labels": missing}, repeatable=True)
        for name in remove:
            if name.lower() in present:
                self._remove_label(repo, number, name)

    def _has_moved(self, repo: Repo, number: int) -> bool:
        """Whether GitHub answers for this issue with one of another repository, as it does after a transfer.

        Its comments are listed there too, but can no longer be edited through the old repository.
        https://docs.github.com/en/rest/issues/issues#get-an-issue
        """
        here = self._api.get(path_of(repo))
        there = self._api.get(path_of(repo, f"/issues/{number}"))
        return read(lambda pair: str(pair[0]["url"]) != str(pair[1]["repository_url"]), (here, there))

    def _marked(self, repo: Repo, number: int, marker: str) -> Comment | None:
        for comment in self.comments(repo, number):
            if marker_of(comment.body) == marker and self._is_own(comment.author):
                return comment
        return None

    def _rewrite(self, repo: Repo, comment_id: int, text: str) -> Comment:
        path = path_of(repo, f"/issues/comments/{comment_id}")
        try:
            return read(parse.comment, self._api.send("PATCH", path, {"body": text}, repeatable=True))
        except NotFound as error:
            # It was seen a moment ago: deleted since then, or not yet where this request went.
            raise Conflict(f"the comment {comment_id} is gone") from error

    def _react(self, repo: Repo, subject: Subject, content: str) -> None:
        if isinstance(subject, ReviewSubject):
            # REST has no reactions to a review's summary.
            review = self._api.get(path_of(repo, f"/pulls/{subject.pull_number}/reviews/{subject.review_id}"))
            node_id = read(lambda body: str(body["node_id"]), review)
            self._api.graphql(_REACT, {"id": node_id, "content": REACTIONS[content]}, weight=1.0)
            return
        path = path_of(repo, f"{_place(subject)}/reactions")
        self._api.send("POST", path, {"content": content}, repeatable=True)

    def _ensure_label(self, repo: Repo, name: str, color: str) -> None:
        try:
            self._api.get(path_of(repo, f"/labels/{segment(name)}"))
            return
        except NotFound:
            pass
        try:
            body = {"name": name, "color": color.removeprefix("#")}
            self._api.send("POST", path_of(repo, "/labels"), body, repeatable=True)
        except Refused as refused:
            if not refused.mentions("already_exists"):
                raise

    def _remove_label(self, repo: Repo, number: int, name: str) -> None:
        try:
            self._api.send("DELETE", path_of(repo, f"/issues/{number}/labels/{segment(name)}"), repeatable=True)
        except NotFound:
            return


def _place(subject: IssueSubject | CommentSubject | ReviewCommentSubject) -> str:
    match subject:
        case IssueSubject(number):
            return f"/issues/{number}"
        case CommentSubject(comment_id):
            return f"/issues/comments/{comment_id}"
        case ReviewCommentSubject(comment_id):
            return f"/pulls/comments/{comment_id}"
