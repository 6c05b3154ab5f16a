"""Pull requests, their reviews, and who is asked to look."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bot.domain import IssueState, PullRequest, Repo, Review
from bot.errors import UserError
from bot.github import parse
from bot.github.api import read
from bot.github.errors import Refused
from bot.github.markers import checked
from bot.github.part import Part, path_of

_READY = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }"


class PullRequests(Part):
    """A pull request is known by its head branch."""

    def pull_request(self, repo: Repo, number: int) -> PullRequest:
        """The pull request as it is now. Raises `NotFound`."""
        return read(parse.pull_request, self._api.get(path_of(repo, f"/pulls/{number}")))

    def find_pull_request(self, repo: Repo, branch: str) -> PullRequest | None:
        """The pull request of a branch in this repository: an open one first, else the newest, else None."""
        parameters = {"head": f"{repo.owner}:{branch}", "state": "all", "sort": "created", "direction": "desc"}
        pages = self._api.pages(path_of(repo, "/pulls"), parameters)
        found = [read(parse.pull_request, body) for body in pages]
        # Filtered again: a redirect of a renamed repository loses the question's parameters.
        found = [pull for pull in found if pull.head_ref == branch and pull.head_repository_id == repo.id]
        return max(found, key=lambda pull: (pull.state is IssueState.OPEN, pull.number), default=None)

    def pull_requests_onto(self, repo: Repo, base: str) -> tuple[PullRequest, ...]:
        """The open pull requests, anybody's, that go to this branch."""
        pages = self._api.pages(path_of(repo, "/pulls"), {"base": base, "state": "open"})
        # Filtered again, as above.
        return tuple(pull for body in pages if (pull := read(parse.pull_request, body)).base_ref == base)

    def ensure_pull_request(
        self, repo: Repo, *, branch: str, base: str, title: str, body: str, draft: bool
    ) -> PullRequest:
        """The open pull request of the branch, opened if there is none; ready where drafts are not to be had."""
        wish = {"head": branch, "base": base, "title": title, "body": checked(body), "draft": draft}
        pull_request, _ = self._api.ensure(lambda: self._open_one(repo, branch), lambda: self._open(repo, wish))
        return pull_request

    def edit_pull_request(self, repo: Repo, number: int, *, title: str | None = None, body: str | None = None) -> None:
        """Let title or body say this; None leaves them as they are."""
        wish = {"title": title, "body": checked(body) if body is not None else None}
        wish = {key: value for key, value in wish.items() if value is not None}
        if wish:
            self._api.send("PATCH", path_of(repo, f"/pulls/{number}"), wish, repeatable=True)

    def mark_ready(self, pull_request: PullRequest) -> None:
        """A draft becomes ready for review; anything else stays as it is."""
        if pull_request.is_draft:
            self._api.graphql(_READY, {"id": pull_request.node_id}, weight=1.0)

    def reviews(self, repo: Repo, number: int) -> tuple[Review, ...]:
        """All reviews of a pull request, oldest first."""
        return tuple(read(parse.review, body) for body in self._api.pages(path_of(repo, f"/pulls/{number}/reviews")))

    def request_review(self, repo: Repo, number: int, logins: Collection[str]) -> None:
        """Ask these people to look (again); whom GitHub does not take (no access, the author) is passed over."""
        if not logins:
            return
        path = path_of(repo, f"/pulls/{number}/requested_reviewers")
        try:
            self._api.send("POST", path, {"reviewers": list(logins)}, repeatable=True)
        except Refused:
            # One unsuitable login spoils the whole request, so each gets its own.
            for login in logins if len(logins) > 1 else ():
                self.request_review(repo, number, [login])

    def _open_one(self, repo: Repo, branch: str) -> PullRequest | None:
        pull_request = self.find_pull_request(repo, branch)
        return pull_request if pull_request is not None and pull_request.state is IssueState.OPEN else None

    def _open(self, repo: Repo, wish: dict[str, Any]) -> PullRequest:
        try:
            return read(parse.pull_request, self._api.send("POST", path_of(repo, "/pulls"), wish, repeatable=False))
        except Refused as refused:
            if wish["draft"] and refused.mentions("draft pull requests are not supported"):
                return self._open(repo, {**wish, "draft": False})
            if refused.mentions("no commits between"):
                raise UserError(f"`{wish['head']}` holds nothing that `{wish['base']}` lacks.") from refused
            existing = self._open_one(repo, wish["head"]) if refused.mentions("already exists") else None
            if existing is None:
                raise
            return existing
