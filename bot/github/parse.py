"""GitHub's REST JSON as domain values; each function takes one decoded object and is called through `api.read`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.domain import (
    Actor,
    Comment,
    DeliveryAttempt,
    Issue,
    IssueState,
    Permission,
    PullRequest,
    Repo,
    Repository,
    Review,
    ReviewComment,
    ReviewState,
)

GHOST = Actor("ghost")
"""GitHub's stand-in for a deleted account, which its answers show as null."""


def actor(body: Any) -> Actor:
    """Somebody, or the ghost."""
    if body is None:
        return GHOST
    return Actor(body["login"], int(body.get("id") or 0), body.get("type") == "Bot")


def moment(text: str) -> datetime:
    """An ISO time, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def repository(body: Any, repo: Repo) -> Repository:
    """A repository under the name that it has now."""
    named = Repo(int(body["id"]), body["owner"]["login"], body["name"], repo.installation_id)
    return Repository(
        repo=named,
        default_branch=body["default_branch"],
        is_private=bool(body["private"]),
        is_archived=bool(body.get("archived")),
        html_url=body["html_url"],
        clone_url=body["clone_url"],
        # Left out where the App may not write contents.
        deletes_merged_branches=bool(body.get("delete_branch_on_merge")),
    )


ROLES = {
    "admin": Permission.ADMIN,
    "maintain": Permission.MAINTAIN,
    "write": Permission.WRITE,
    "triage": Permission.TRIAGE,
    "read": Permission.READ,
    "none": Permission.NONE,
}


def permission(body: Any) -> Permission:
    """By `role_name`; a role of the organisation's own making counts as the basic `permission` under it."""
    role = ROLES.get(str(body.get("role_name")))
    return role if role is not None else ROLES[body["permission"]]


def issue(body: Any) -> Issue:
    """An issue, or the issue side of a pull request."""
    return Issue(
        number=int(body["number"]),
        title=body["title"],
        body=body.get("body") or "",
        author=actor(body.get("user")),
        state=IssueState(body["state"]),
        labels=tuple(_label(label) for label in body.get("labels") or ()),
        is_locked=bool(body.get("locked")),
        is_pull_request=body.get("pull_request") is not None,
        html_url=body.get("html_url") or "",
        node_id=body.get("node_id") or "",
    )


def _label(body: Any) -> str:
    return body if isinstance(body, str) else str(body["name"])


def comment(body: Any) -> Comment:
    """A comment of a conversation, with the App that wrote it."""
    return Comment(
        id=int(body["id"]),
        body=body.get("body") or "",
        author=actor(body.get("user")),
        created_at=moment(body["created_at"]),
        updated_at=moment(body["updated_at"]),
        html_url=body.get("html_url") or "",
        app_slug=(body.get("performed_via_github_app") or {}).get("slug"),
    )


def review(body: Any) -> Review:
    """A review; REST writes its state in capitals, webhooks do not."""
    return Review(
        id=int(body["id"]),
        state=ReviewState(body["state"].lower()),
        body=body.get("body") or "",
        author=actor(body.get("user")),
        commit=body.get("commit_id") or "",
        html_url=body.get("html_url") or "",
    )


def review_comment(body: Any) -> ReviewComment:
    """An inline remark of a review."""
    return ReviewComment(
        id=int(body["id"]),
        review_id=int(body.get("pull_request_review_id") or 0),
        body=body.get("body") or "",
        author=actor(body.get("user")),
        path=body["path"],
        line=body.get("line"),
        in_reply_to=body.get("in_reply_to_id"),
        created_at=moment(body["created_at"]),
        diff_hunk=body.get("diff_hunk") or "",
        html_url=body.get("html_url") or "",
    )


def pull_request(body: Any) -> PullRequest:
    """A pull request; lists say only by `merged_at` that it is merged."""
    return PullRequest(
        number=int(body["number"]),
        title=body["title"],
        body=body.get("body") or "",
        author=actor(body.get("user")),
        state=IssueState(body["state"]),
        is_merged=bool(body.get("merged") or body.get("merged_at")),
        is_draft=bool(body.get("draft")),
        head_ref=body["head"]["ref"],
        head_sha=body["head"]["sha"],
        head_repository_id=int((body["head"].get("repo") or {}).get("id") or 0),
        base_ref=body["base"]["ref"],
        base_sha=body["base"]["sha"],
        html_url=body.get("html_url") or "",
        node_id=body.get("node_id") or "",
    )


def delivery_attempt(body: Any) -> DeliveryAttempt:
    """One try to deliver a webhook."""
    return DeliveryAttempt(
        id=int(body["id"]),
        delivery_id=body["guid"],
        delivered_at=moment(body["delivered_at"]),
        event=body["event"],
        action=body.get("action"),
        status_code=int(body.get("status_code") or 0),
        is_redelivery=bool(body.get("redelivery")),
        installation_id=body.get("installation_id"),
    )
