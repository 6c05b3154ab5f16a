"""Turns a webhook request, headers and raw bytes, into a frozen `Delivery`: verify first, then parse. Pure.

GitHub's payloads grew over the years, so that nearly every field may be absent or null; what is there must have its type.
No payload travels further than this module.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import NoReturn, TypeVar
from urllib.parse import parse_qs

from bot.domain import (
    Actor,
    CiCompleted,
    Comment,
    CommentCreated,
    CommentEdited,
    Delivery,
    Event,
    InstallationChanged,
    Issue,
    IssueChanged,
    IssueLabeled,
    IssueState,
    Ping,
    PullRequest,
    PullRequestChanged,
    Pushed,
    Repo,
    RepositoriesChanged,
    Review,
    ReviewComment,
    ReviewCommentCreated,
    ReviewState,
    ReviewSubmitted,
)
from bot.errors import BadDelivery

# GitHub never sends more (https://docs.github.com/webhooks: payloads are capped at 25 MB).
MAX_BODY = 25 * 1024 * 1024

# GitHub's own name for an account that was deleted; nobody can log in with it.
GHOST = Actor("ghost")

_EPOCH = datetime.fromtimestamp(0, UTC)
_MAX_INTEGER = 2**63 - 1
# What neither a database column nor UTF-8 can hold: NUL and lone surrogates.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_State = TypeVar("_State", bound=StrEnum)


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Refuses a body over `MAX_BODY` (413) and one that `secret` did not sign (401): `X-Hub-Signature-256` over raw bytes."""
    if len(body) > MAX_BODY:
        raise BadDelivery(413, f"The body is larger than {MAX_BODY} bytes.")
    signature = _folded(headers).get("x-hub-signature-256", "")
    if not signature:
        raise BadDelivery(401, "The header X-Hub-Signature-256 is missing.")
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # Bytes, because compare_digest refuses text outside ASCII. An empty secret would let anybody sign.
    is_signed = hmac.compare_digest(signature.encode("utf-8", "replace"), f"sha256={digest}".encode())
    if not (secret and is_signed):
        raise BadDelivery(401, "The signature in X-Hub-Signature-256 does not fit the body.")


def parse(headers: Mapping[str, str], body: bytes) -> Delivery:
    """What the request tells; an event or action that means nothing to us has `event=None`. Raises `BadDelivery` (400)."""
    folded = _folded(headers)
    name, identity = folded.get("x-github-event", ""), folded.get("x-github-delivery", "")
    if not re.fullmatch(r"[a-z_]{1,100}", name):
        raise BadDelivery(400, "The header X-GitHub-Event is missing or is not the name of an event.")
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", identity):
        raise BadDelivery(400, "The header X-GitHub-Delivery is missing or is not an identifier.")
    payload = _Object(_json(folded.get("content-type", ""), body), "")
    parser = _PARSERS.get(name)
    return Delivery(identity, name, parser(payload) if parser else None)


def _folded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _json(content_type: str, body: bytes) -> dict[str, object]:
    """The payload: the body itself, or its form field `payload` where the hook is set to send forms."""
    try:
        text = body.decode("utf-8-sig")
        if content_type.lower().startswith("application/x-www-form-urlencoded"):
            text = parse_qs(text, max_num_fields=10).get("payload", [""])[0]
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadDelivery(400, "The body is not JSON.") from error
    if not isinstance(value, dict):
        raise BadDelivery(400, f"The body must be a JSON object, not {_kind(value)}.")
    return value


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")


class _Object:
    """A JSON object at `path` of the payload, read by typed fields; absent and null are the same.

    `required_…` raise `BadDelivery` where the field is absent; all raise where it has another type.
    """

    def __init__(self, fields: dict[str, object], path: str) -> None:
        self._fields = fields
        self._path = path

    def object(self, name: str) -> _Object | None:
        value = self._fields.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return _Object(value, f"{self._path}{name}.")

    def required_object(self, name: str) -> _Object:
        return self.object(name) or self._missing(name)

    def objects(self, name: str) -> list[_Object]:
        """A list of objects; nulls in it are passed over."""
        value = self._fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(item is None or isinstance(item, dict) for item in value):
            raise self._wrong(name, "a list of objects")
        return [_Object(item, f"{self._path}{name}[{place}].") for place, item in enumerate(value) if item is not None]

    def text(self, name: str, default: str = "") -> str:
        value = self._fields.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self._wrong(name, "text")
        return _UNSTORABLE.sub("\ufffd", value)

    def required_text(self, name: str) -> str:
        return self.text(name) or self._missing(name)

    def integer(self, name: str) -> int | None:
        value = self._fields.get(name)
        if value is None:
            return None
        # A boolean is an int in Python; a float with no fraction is still not what GitHub sends.
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MAX_INTEGER:
            raise self._wrong(name, "a whole number of at most 64 bits")
        return value

    def required_integer(self, name: str) -> int:
        value = self.integer(name)
        return self._missing(name) if value is None else value

    def flag(self, name: str) -> bool:
        value = self._fields.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def time(self, name: str) -> datetime:
        """Seconds since 1970, or ISO 8601 text; the beginning of 1970 where it is absent."""
        value = self._fields.get(name)
        try:
            if isinstance(value, str):
                moment = datetime.fromisoformat(value)
                return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
            if value is None or not isinstance(value, bool):
                return datetime.fromtimestamp(self.integer(name) or 0, UTC)
        except (ValueError, OverflowError, OSError):
            pass
        raise self._wrong(name, "a time")

    def state(self, name: str, states: type[_State], default: _State) -> _State:
        value = self.text(name).lower()
        if not value:
            return default
        try:
            return states(value)
        except ValueError:
            raise self._wrong(name, f"one of {', '.join(states)}") from None

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def _missing(self, name: str) -> NoReturn:
        raise BadDelivery(400, f"The field `{self._path}{name}` is missing.")

    def _wrong(self, name: str, wanted: str) -> BadDelivery:
        return BadDelivery(
            400, f"The field `{self._path}{name}` must be {wanted}, but it is {_kind(self._fields[name])}."
        )


_NOTHING = _Object({}, "")


# --- the nouns -------------------------------------------------------------------------------------------------------


def _actor(account: _Object | None) -> Actor:
    """Somebody; an enterprise has a `slug` instead of a `login`, and a deleted account is null."""
    if account is None:
        return GHOST
    login = account.text("login") or account.text("slug") or GHOST.login
    return Actor(login, account.integer("id") or 0, account.text("type") == "Bot")


def _installation_id(payload: _Object) -> int:
    """The installation that the hook belongs to; 0 for the hook of a repository or organisation."""
    installation = payload.object("installation")
    return (installation.integer("id") or 0) if installation else 0


def _repo(payload: _Object) -> Repo:
    return _named_repo(payload.required_object("repository"), _installation_id(payload))


def _named_repo(repository: _Object, installation_id: int) -> Repo:
    full_name = repository.text("full_name")
    if full_name:
        owner, _, name = full_name.partition("/")
    else:
        account = repository.required_object("owner")
        owner, name = account.text("login") or account.required_text("name"), repository.required_text("name")
    return Repo(repository.required_integer("id"), owner, name, installation_id)


def _issue(issue: _Object) -> Issue:
    return Issue(
        number=issue.required_integer("number"),
        title=issue.text("title"),
        body=issue.text("body"),
        author=_actor(issue.object("user")),
        state=issue.state("state", IssueState, IssueState.OPEN),
        labels=tuple(name for label in issue.objects("labels") if (name := label.text("name"))),
        is_locked=issue.flag("locked"),
        is_pull_request=issue.object("pull_request") is not None,
        html_url=issue.text("html_url"),
        node_id=issue.text("node_id"),
    )


def _comment(comment: _Object) -> Comment:
    app = comment.object("performed_via_github_app")
    return Comment(
        id=comment.required_integer("id"),
        body=comment.text("body"),
        author=_actor(comment.object("user")),
        created_at=comment.time("created_at"),
        updated_at=comment.time("updated_at"),
        html_url=comment.text("html_url"),
        app_slug=(app.text("slug") or None) if app else None,
    )


def _pull_request(pull: _Object) -> PullRequest:
    head, base = pull.object("head") or _NOTHING, pull.object("base") or _NOTHING
    head_repository = head.object("repo")
    merged_at = pull.time("merged_at") if pull.has("merged_at") else None
    return PullRequest(
        number=pull.required_integer("number"),
        title=pull.text("title"),
        body=pull.text("body"),
        author=_actor(pull.object("user")),
        state=pull.state("state", IssueState, IssueState.OPEN),
        # The short form in review events has no `merged`.
        is_merged=pull.flag("merged") or merged_at is not None,
        is_draft=pull.flag("draft"),
        head_ref=head.text("ref"),
        head_sha=head.text("sha"),
        head_repository_id=(head_repository.integer("id") or 0) if head_repository else 0,
        base_ref=base.text("ref"),
        base_sha=base.text("sha"),
        html_url=pull.text("html_url"),
        node_id=pull.text("node_id"),
    )


def _review(review: _Object) -> Review:
    return Review(
        id=review.required_integer("id"),
        state=review.state("state", ReviewState, ReviewState.COMMENTED),
        body=review.text("body"),
        author=_actor(review.object("user")),
        commit=review.text("commit_id"),
        html_url=review.text("html_url"),
    )


def _review_comment(comment: _Object) -> ReviewComment:
    return ReviewComment(
        id=comment.required_integer("id"),
        review_id=comment.integer("pull_request_review_id") or 0,
        body=comment.text("body"),
        author=_actor(comment.object("user")),
        path=comment.text("path"),
        line=comment.integer("line"),
        in_reply_to=comment.integer("in_reply_to_id"),
        created_at=comment.time("created_at"),
        diff_hunk=comment.text("diff_hunk"),
        html_url=comment.text("html_url"),
    )


# --- the events: each parser reads its whole payload before it says that an action means nothing to us ---------------


def _ping(payload: _Object) -> Event:
    return Ping(payload.text("zen"))


def _issues(payload: _Object) -> Event:
    action, label = payload.required_text("action"), payload.object("label")
    repo, issue = _repo(payload), _issue(payload.required_object("issue"))
    sender, label_name = _actor(payload.object("sender")), label.text("name") if label else ""
    if action == "labeled" and label_name:
        return IssueLabeled(repo, issue, label_name, sender)
    return IssueChanged(repo, issue, action, sender, label_name or None)


def _issue_comment(payload: _Object) -> Event | None:
    action = payload.required_text("action")
    repo, issue = _repo(payload), _issue(payload.required_object("issue"))
    comment, sender = _comment(payload.required_object("comment")), _actor(payload.object("sender"))
    changes = payload.object("changes")
    body = changes.object("body") if changes else None
    if action == "created":
        return CommentCreated(repo, issue, comment, sender)
    if action == "edited":
        # Without a word on the body it is the same as before, and there is nothing new in it.
        previous_body = body.text("from") if body else comment.body
        return CommentEdited(repo, issue, comment, previous_body, sender)
    return None


def _pull_requests(payload: _Object) -> Event:
    return PullRequestChanged(
        _repo(payload),
        _pull_request(payload.required_object("pull_request")),
        payload.required_text("action"),
        _actor(payload.object("sender")),
    )


def _push(payload: _Object) -> Event | None:
    ref, repo, sender = payload.required_text("ref"), _repo(payload), _actor(payload.object("sender"))
    is_branch = ref.startswith("refs/heads/") and not payload.flag("deleted")
    return Pushed(repo, ref.removeprefix("refs/heads/"), sender) if is_branch else None


def _pull_request_review(payload: _Object) -> Event | None:
    repo, pull_request = _repo(payload), _pull_request(payload.required_object("pull_request"))
    review, sender = _review(payload.required_object("review")), _actor(payload.object("sender"))
    if payload.required_text("action") == "submitted":
        return ReviewSubmitted(repo, pull_request, review, sender)
    return None


def _pull_request_review_comment(payload: _Object) -> Event | None:
    repo, pull_request = _repo(payload), _pull_request(payload.required_object("pull_request"))
    comment, sender = _review_comment(payload.required_object("comment")), _actor(payload.object("sender"))
    if payload.required_text("action") == "created":
        return ReviewCommentCreated(repo, pull_request, comment, sender)
    return None


def _ci(source: str) -> Callable[[_Object], Event | None]:
    """The parser for `check_suite`, `check_run` and `workflow_run`, which look alike as far as we care."""

    def parser(payload: _Object) -> Event | None:
        repo, subject = _repo(payload), payload.required_object(source)
        app = subject.object("app")
        completed = CiCompleted(
            repo=repo,
            source=source,
            id=subject.required_integer("id"),
            head_sha=subject.text("head_sha"),
            conclusion=subject.text("conclusion"),
            app_id=app.integer("id") if app else None,
            sender=_actor(payload.object("sender")),
        )
        return completed if payload.required_text("action") == "completed" else None

    return parser


def _status(payload: _Object) -> Event | None:
    """A commit status, the older kind of check, which comes to its end in another state than `pending`."""
    repo, state = _repo(payload), payload.required_text("state")
    sender = _actor(payload.object("sender"))
    completed = CiCompleted(repo, "status", payload.integer("id") or 0, payload.text("sha"), state, None, sender)
    return completed if state != "pending" else None


def _installation(payload: _Object) -> Event:
    installation = payload.required_object("installation")
    installation_id = installation.required_integer("id")
    return InstallationChanged(
        installation_id,
        _actor(installation.object("account")),
        payload.required_text("action"),
        tuple(_named_repo(repository, installation_id) for repository in payload.objects("repositories")),
        _actor(payload.object("sender")),
    )


def _installation_repositories(payload: _Object) -> Event:
    installation = payload.required_object("installation")
    installation_id = installation.required_integer("id")
    return RepositoriesChanged(
        installation_id,
        _actor(installation.object("account")),
        tuple(_named_repo(repository, installation_id) for repository in payload.objects("repositories_added")),
        tuple(_named_repo(repository, installation_id) for repository in payload.objects("repositories_removed")),
        _actor(payload.object("sender")),
    )


_PARSERS: Mapping[str, Callable[[_Object], Event | None]] = {
    "ping": _ping,
    "issues": _issues,
    "issue_comment": _issue_comment,
    "pull_request": _pull_requests,
    "push": _push,
    "pull_request_review": _pull_request_review,
    "pull_request_review_comment": _pull_request_review_comment,
    "check_suite": _ci("check_suite"),
    "check_run": _ci("check_run"),
    "workflow_run": _ci("workflow_run"),
    "status": _status,
    "installation": _installation,
    "installation_repositories": _installation_repositories,
}
