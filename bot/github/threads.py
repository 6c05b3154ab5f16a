"""Inline conversations of a pull request: read and resolved through GraphQL, answered through REST."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.domain import Actor, Repo, ReviewComment, ReviewThread, Side
from bot.errors import Conflict
from bot.github import parse
from bot.github.api import read
from bot.github.errors import NotFound
from bot.github.markers import is_same, marker_of, with_marker
from bot.github.part import Part, path_of

_COMMENTS = """
  pageInfo { hasNextPage endCursor }
  nodes {
    fullDatabaseId body path line createdAt diffHunk url
    author { __typename login ... on User { databaseId } ... on Bot { databaseId } }
    replyTo { fullDatabaseId }
    pullRequestReview { fullDatabaseId }
  }
"""

_THREADS = (
    """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 50, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { id isResolved isOutdated path line diffSide startLine startDiffSide comments(first: 50) {"""
    + _COMMENTS
    + """} }
      }
    }
  }
}"""
)

_MORE = (
    """
query($id: ID!, $after: String) {
  node(id: $id) { ... on PullRequestReviewThread { comments(first: 100, after: $after) {"""
    + _COMMENTS
    + """} } }
}"""
)

_RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }"


class Threads(Part):
    """REST does not know threads, only comments and what they reply to; hence GraphQL."""

    def review_threads(self, repo: Repo, number: int) -> tuple[ReviewThread, ...]:
        """All threads of a pull request, resolved and outdated ones too, in GitHub's order."""
        return tuple(self._thread(node) for node in self._nodes(repo, number))

    def reply(self, repo: Repo, pull_number: int, comment_id: int, marker: str, body: str) -> None:
        """The bot's one answer with this marker in the thread of `comment_id`, saying this."""
        text = with_marker(body, marker)
        comments = self._review_comments(repo, pull_number)
        asked = next((comment for comment in comments if comment.id == comment_id), None)
        if asked is None:
            raise Conflict(f"the review comment {comment_id} was deleted")
        # Only the first comment of a thread takes replies.
        root = asked.in_reply_to or asked.id
        path = path_of(repo, f"/pulls/{pull_number}/comments/{root}/replies")
        comment, was_there = self._api.ensure(
            lambda: self._marked_reply(self._review_comments(repo, pull_number), root, marker),
            lambda: read(parse.review_comment, self._api.send("POST", path, {"body": text}, repeatable=False)),
        )
        if was_there and not is_same(comment.body, text):
            self._api.send("PATCH", path_of(repo, f"/pulls/comments/{comment.id}"), {"body": text}, repeatable=True)

    def resolve_thread(self, node_id: str) -> None:
        """Mark a thread as resolved; one that was deleted or is resolved already is fine."""
        try:
            self._api.graphql(_RESOLVE, {"id": node_id}, weight=1.0)
        except NotFound:
            return

    def _review_comments(self, repo: Repo, number: int) -> tuple[ReviewComment, ...]:
        pages = self._api.pages(path_of(repo, f"/pulls/{number}/comments"))
        return tuple(read(parse.review_comment, body) for body in pages)

    def _marked_reply(self, comments: tuple[ReviewComment, ...], root: int, marker: str) -> ReviewComment | None:
        for comment in comments:
            if comment.in_reply_to == root and marker_of(comment.body) == marker and self._is_own(comment.author):
                return comment
        return None

    def _nodes(self, repo: Repo, number: int) -> Iterator[Mapping[str, Any]]:
        variables: dict[str, Any] = {"owner": repo.owner, "name": repo.name, "number": number, "after": None}
        while True:
            data = self._api.graphql(_THREADS, variables)
            threads = read(lambda body: body["repository"]["pullRequest"]["reviewThreads"], data)
            yield from threads["nodes"]
            if not threads["pageInfo"]["hasNextPage"]:
                return
            variables["after"] = threads["pageInfo"]["endCursor"]

    def _thread(self, node: Mapping[str, Any]) -> ReviewThread:
        nodes = list(node["comments"]["nodes"])
        page = node["comments"]["pageInfo"]
        while page["hasNextPage"]:
            data = self._api.graphql(_MORE, {"id": node["id"], "after": page["endCursor"]})
            comments = read(lambda body: body["node"]["comments"], data)
            nodes += comments["nodes"]
            page = comments["pageInfo"]
        return ReviewThread(
            node_id=node["id"],
            path=node["path"],
            line=node["line"],
            is_resolved=node["isResolved"],
            is_outdated=node["isOutdated"],
            comments=tuple(read(review_comment, comment) for comment in nodes),
            side=Side(node["diffSide"]),
            start_line=node["startLine"],
            start_side=Side(node["startDiffSide"]) if node["startDiffSide"] else None,
        )


def review_comment(node: Any) -> ReviewComment:
    """An inline remark from GraphQL; the 32 bits of `databaseId` no longer hold its number, so the full one is read."""
    reply_to = node.get("replyTo")
    return ReviewComment(
        id=int(node["fullDatabaseId"]),
        review_id=int((node.get("pullRequestReview") or {}).get("fullDatabaseId") or 0),
        body=node["body"],
        author=_author(node.get("author")),
        path=node["path"],
        line=node.get("line"),
        in_reply_to=int(reply_to["fullDatabaseId"]) if reply_to else None,
        created_at=parse.moment(node["createdAt"]),
        diff_hunk=node.get("diffHunk") or "",
        html_url=node.get("url") or "",
    )


def _author(node: Any) -> Actor:
    if node is None:
        return parse.GHOST
    is_bot = node.get("__typename") == "Bot"
    login = str(node["login"])
    # GraphQL names an App `slug` where REST and webhooks say `slug[bot]`.
    if is_bot and not login.endswith("[bot]"):
        login += "[bot]"
    return Actor(login, int(node.get("databaseId") or 0), is_bot)
