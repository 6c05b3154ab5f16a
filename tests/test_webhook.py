"""Deliveries: signatures, GitHub's own samples, and what is refused with a sentence."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bot.domain import (
    Actor,
    CiCompleted,
    CommentCreated,
    CommentEdited,
    Delivery,
    Event,
    InstallationChanged,
    IssueChanged,
    IssueLabeled,
    IssueState,
    Ping,
    PullRequestChanged,
    Pushed,
    RepositoriesChanged,
    ReviewCommentCreated,
    ReviewState,
    ReviewSubmitted,
)
from bot.errors import BadDelivery
from bot.webhook import MAX_BODY, parse, verify

Json = dict[str, object]

REPOSITORY: Json = {"id": 186853002, "name": "tin", "full_name": "ada/tin", "owner": {"login": "ada"}}
ADA: Json = {"login": "ada", "id": 1, "type": "User"}
ISSUE: Json = {"number": 3, "title": "Leaks", "body": None, "user": ADA, "labels": [{"name": "bug"}, None, {}]}
COMMENT: Json = {"id": 9, "body": "/implement", "user": ADA, "created_at": "2026-11-22T10:00:00Z", "updated_at": 1000}
PULL: Json = {"number": 4, "head": {"ref": "topic", "sha": "a" * 40, "repo": None}, "base": {"ref": "main"}}
REVIEW: Json = {"id": 5, "state": "CHANGES_REQUESTED", "body": None, "user": None, "commit_id": "b" * 40}
REMARK: Json = {"id": 6, "pull_request_review_id": 5, "path": "src/lib.rs", "line": 7, "user": ADA}
SUITE: Json = {"id": 8, "head_sha": "c" * 40, "conclusion": None, "app": {"id": 15368}}
INSTALLATION: Json = {"id": 77, "account": ADA}
SMALL: Json = {"id": 2, "full_name": "ada/tin"}

# One delivery by hand for each event and action that we know, with the type that it becomes.
BY_HAND: list[tuple[str, Json, type[Event] | None]] = [
    ("ping", {"zen": "Keep it logically awesome."}, Ping),
    ("ping", {}, Ping),
    ("issues", {"action": "labeled", "issue": ISSUE, "label": {"name": "rfc-needed"}}, IssueLabeled),
    ("issues", {"action": "labeled", "issue": ISSUE}, IssueChanged),
    ("issues", {"action": "closed", "issue": ISSUE}, IssueChanged),
    ("issues", {"action": "unheard of", "issue": ISSUE}, IssueChanged),
    ("issue_comment", {"action": "created", "issue": ISSUE, "comment": COMMENT}, CommentCreated),
    ("issue_comment", {"action": "edited", "issue": ISSUE, "comment": COMMENT}, CommentEdited),
    ("issue_comment", {"action": "deleted", "issue": ISSUE, "comment": COMMENT}, None),
    ("pull_request", {"action": "synchronize", "pull_request": PULL}, PullRequestChanged),
    ("pull_request", {"action": "closed", "pull_request": {"number": 4}}, PullRequestChanged),
    ("push", {"ref": "refs/heads/release/2.x", "deleted": False, "after": "a" * 40}, Pushed),
    ("push", {"ref": "refs/heads/topic", "deleted": True, "after": "0" * 40}, None),
    ("push", {"ref": "refs/tags/v1", "after": "a" * 40}, None),
    ("pull_request_review", {"action": "submitted", "pull_request": PULL, "review": REVIEW}, ReviewSubmitted),
    ("pull_request_review", {"action": "dismissed", "pull_request": PULL, "review": REVIEW}, None),
    (
        "pull_request_review_comment",
        {"action": "created", "pull_request": PULL, "comment": REMARK},
        ReviewCommentCreated,
    ),
    ("pull_request_review_comment", {"action": "edited", "pull_request": PULL, "comment": REMARK}, None),
    ("check_suite", {"action": "completed", "check_suite": SUITE}, CiCompleted),
    ("check_suite", {"action": "requested", "check_suite": SUITE}, None),
    ("check_run", {"action": "completed", "check_run": SUITE}, CiCompleted),
    ("workflow_run", {"action": "completed", "workflow_run": {"id": 8}}, CiCompleted),
    ("installation", {"action": "deleted", "installation": INSTALLATION, "repositories": [SMALL]}, InstallationChanged),
    (
        "installation_repositories",
        {"action": "added", "installation": INSTALLATION, "repositories_added": [SMALL], "repositories_removed": []},
        RepositoriesChanged,
    ),
    ("star", {"action": "created", "issue": "anything"}, None),
]

SAMPLES = Path(__file__).resolve().parents[2] / "shared/github-oracle/webhook-examples"


def official_samples() -> list[tuple[str, str, bytes]]:
    """GitHub's own sample deliveries, where they are at hand: name, event, body."""
    found = sorted(SAMPLES.glob("*.*.json"))
    return [(path.name, path.name.partition(".")[0], path.read_bytes()) for path in found]


def all_samples() -> list[tuple[str, str, bytes]]:
    by_hand = [
        (
            f"by hand: {event}.{payload.get('action')} {number}",
            event,
            json.dumps(payload | {"repository": REPOSITORY}).encode(),
        )
        for number, (event, payload, _) in enumerate(BY_HAND)
    ]
    return by_hand + official_samples()


def deliver(event: str, payload: object, **headers: str) -> Delivery:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return parse({"X-GitHub-Event": event, "X-GitHub-Delivery": "d-1"} | headers, body)


def event_of(name: str, payload: Json) -> Event | None:
    return deliver(name, {"repository": REPOSITORY, "sender": ADA} | payload).event


# --- signatures ------------------------------------------------------------------------------------------------------


def signed(body: bytes, secret: str = "secret") -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def test_the_right_signature_is_accepted_whatever_the_case_of_the_header() -> None:
    body = b'{"zen": "\xc3\xa9"}  \n'
    verify("secret", signed(body), body)
    verify("secret", {name.lower(): value for name, value in signed(body).items()}, body)
    verify("secret", {name.upper(): value for name, value in signed(body).items()}, body)


def test_the_signature_of_githubs_own_documentation_is_accepted() -> None:
    # https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries, "Testing the webhook payload validation"
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    verify("It's a Secret to Everybody", {"X-Hub-Signature-256": signature}, b"Hello, World!")


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha256=00", "sha1=00", "é", "SHA256=", "sha256=" + "0" * 64, "\udcff"]
)
def test_a_missing_or_wrong_signature_is_refused(signature: str) -> None:
    with pytest.raises(BadDelivery) as caught:
        verify("secret", {"X-Hub-Signature-256": signature}, b"{}")
    assert caught.value.status == 401


def test_a_body_that_was_changed_by_one_byte_is_refused() -> None:
    with pytest.raises(BadDelivery) as caught:
        verify("secret", signed(b'{"a":1}'), b'{"a": 1}')
    assert caught.value.status == 401


def test_another_secret_or_none_or_the_old_header_is_refused() -> None:
    body = b"{}"
    old = {"X-Hub-Signature": "sha1=" + hmac.new(b"secret", body, hashlib.sha1).hexdigest()}
    for secret, headers in (("secret", signed(body, "other")), ("", signed(body, "")), ("secret", {}), ("secret", old)):
        with pytest.raises(BadDelivery) as caught:
            verify(secret, headers, body)
        assert caught.value.status == 401


def test_a_body_over_githubs_limit_is_refused_before_it_is_hashed() -> None:
    with pytest.raises(BadDelivery) as caught:
        verify("secret", {}, bytes(MAX_BODY + 1))
    assert caught.value.status == 413


# --- what deliveries become ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "event", "body"), all_samples(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_sample_is_accepted(name: str, event: str, body: bytes) -> None:
    delivery = deliver(event, body)
    assert (delivery.id, delivery.name) == ("d-1", event), name


@pytest.mark.parametrize(("name", "payload", "expected"), BY_HAND)
def test_each_event_becomes_its_type(name: str, payload: Json, expected: type[Event] | None) -> None:
    event = event_of(name, payload)
    assert type(event) is (expected or type(None))


@pytest.mark.parametrize(
    ("name", "event", "body"), all_samples(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_sample_survives_without_any_one_of_its_fields(name: str, event: str, body: bytes) -> None:
    payload = json.loads(body)
    for key in list(payload):
        without = {other: value for other, value in payload.items() if other != key}
        try:
            deliver(event, without)
        except BadDelivery as error:
            assert error.status == 400, name
            assert f"`{key}`" in error.message


def test_a_comment_carries_all_that_is_known() -> None:
    event = event_of(
        "issue_comment",
        {
            "action": "created",
            "issue": ISSUE | {"pull_request": {"url": "x"}, "locked": True, "state": "closed"},
            "comment": COMMENT | {"performed_via_github_app": {"slug": "rfcsmith"}},
            "installation": {"id": 55},
        },
    )
    assert isinstance(event, CommentCreated)
    assert (event.repo.id, event.repo.full_name, event.repo.installation_id) == (186853002, "ada/tin", 55)
    assert (event.issue.number, event.issue.body, event.issue.labels) == (3, "", ("bug",))
    assert (event.issue.is_pull_request, event.issue.is_locked, event.issue.state) == (True, True, IssueState.CLOSED)
    assert (event.comment.body, event.comment.author) == ("/implement", Actor("ada", 1))
    assert event.comment.created_at == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert event.comment.updated_at == datetime(1970, 1, 1, 0, 16, 40, tzinfo=UTC)
    assert event.comment.app_slug == "rfcsmith"


def test_an_edited_comment_carries_its_previous_text() -> None:
    payload: Json = {"action": "edited", "issue": ISSUE, "comment": COMMENT}
    edited = event_of("issue_comment", payload | {"changes": {"body": {"from": "before"}}})
    assert isinstance(edited, CommentEdited)
    assert edited.previous_body == "before"
    untouched = event_of("issue_comment", payload | {"changes": {}})
    assert isinstance(untouched, CommentEdited)
    assert untouched.previous_body == untouched.comment.body


def test_a_review_by_a_deleted_account_on_a_deleted_fork_is_understood() -> None:
    event = event_of("pull_request_review", {"action": "submitted", "pull_request": PULL, "review": REVIEW})
    assert isinstance(event, ReviewSubmitted)
    assert (event.review.state, event.review.author.login) == (ReviewState.CHANGES_REQUESTED, "ghost")
    assert (event.pull_request.head_repository_id, event.pull_request.head_ref) == (0, "topic")


def test_a_pull_request_in_short_form_is_merged_if_it_has_a_time_of_merging() -> None:
    event = event_of("pull_request", {"action": "closed", "pull_request": PULL | {"merged_at": "2026-11-22T10:00:00Z"}})
    assert isinstance(event, PullRequestChanged)
    assert event.pull_request.is_merged


def test_a_bot_is_known_as_one() -> None:
    event = event_of("issues", {"action": "closed", "issue": ISSUE, "sender": {"login": "x[bot]", "type": "Bot"}})
    assert isinstance(event, IssueChanged)
    assert event.sender == Actor("x[bot]", 0, is_bot=True)


def test_repositories_of_an_installation_belong_to_it() -> None:
    event = event_of(
        "installation_repositories",
        {"action": "removed", "installation": INSTALLATION, "repositories_removed": [SMALL]},
    )
    assert isinstance(event, RepositoriesChanged)
    assert [(repo.full_name, repo.installation_id) for repo in event.removed] == [("ada/tin", 77)]


def test_without_an_installation_its_id_is_zero() -> None:
    event = event_of("issues", {"action": "closed", "issue": ISSUE})
    assert isinstance(event, IssueChanged)
    assert event.repo.installation_id == 0


def test_a_payload_may_come_as_a_form() -> None:
    body = urlencode({"payload": json.dumps({"zen": "a & b + é"})}).encode()
    delivery = deliver("ping", body, **{"content-type": "application/x-www-form-urlencoded"})
    assert delivery.event == Ping("a & b + é")


def test_what_no_database_can_hold_is_replaced() -> None:
    assert deliver("ping", b'{"zen": "a\\u0000b\\ud800c \\ud83e\\udd80"}').event == Ping("a\ufffdb\ufffdc \U0001f980")


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "payload", "field"),
    [
        ("issue_comment", {"action": "created", "issue": "text", "comment": COMMENT}, "issue"),
        ("issue_comment", {"action": "created", "issue": ISSUE}, "comment"),
        ("issue_comment", {"action": "deleted", "issue": ISSUE}, "comment"),
        ("issue_comment", {"action": "created", "issue": ISSUE, "comment": COMMENT | {"id": "9"}}, "comment.id"),
        ("issue_comment", {"action": "created", "issue": ISSUE, "comment": COMMENT | {"id": True}}, "comment.id"),
        ("issue_comment", {"action": "created", "issue": ISSUE, "comment": COMMENT | {"id": 2**63}}, "comment.id"),
        ("issue_comment", {"action": "created", "issue": ISSUE, "comment": COMMENT | {"body": 1}}, "comment.body"),
        (
            "issue_comment",
            {"action": "created", "issue": ISSUE, "comment": COMMENT | {"created_at": "soon"}},
            "comment.created_at",
        ),
        (
            "issue_comment",
            {"action": "created", "issue": ISSUE, "comment": COMMENT | {"created_at": []}},
            "comment.created_at",
        ),
        (
            "issue_comment",
            {"action": "created", "issue": ISSUE, "comment": COMMENT | {"created_at": True}},
            "comment.created_at",
        ),
        (
            "issue_comment",
            {"action": "created", "issue": ISSUE, "comment": COMMENT | {"created_at": 10**17}},
            "comment.created_at",
        ),
        ("issue_comment", {"action": "edited", "issue": ISSUE, "comment": COMMENT, "changes": []}, "changes"),
        ("issues", {"action": 1, "issue": ISSUE}, "action"),
        ("issues", {"issue": ISSUE}, "action"),
        ("issues", {"action": "closed", "issue": ISSUE | {"number": None}}, "issue.number"),
        ("issues", {"action": "closed", "issue": ISSUE | {"labels": {}}}, "issue.labels"),
        ("issues", {"action": "closed", "issue": ISSUE | {"labels": ["bug"]}}, "issue.labels"),
        ("issues", {"action": "closed", "issue": ISSUE | {"labels": [{}, {"name": 3}]}}, "issue.labels[1].name"),
        ("issues", {"action": "closed", "issue": ISSUE | {"state": "ajar"}}, "issue.state"),
        ("issues", {"action": "closed", "issue": ISSUE | {"locked": "no"}}, "issue.locked"),
        ("issues", {"action": "closed", "issue": ISSUE, "repository": None}, "repository"),
        ("issues", {"action": "closed", "issue": ISSUE, "repository": {"id": 1}}, "repository.owner"),
        ("issues", {"action": "closed", "issue": ISSUE, "repository": {"full_name": "a/b"}}, "repository.id"),
        ("issues", {"action": "closed", "issue": ISSUE, "sender": "ada"}, "sender"),
        ("issues", {"action": "closed", "issue": ISSUE, "installation": 5}, "installation"),
        ("pull_request", {"action": "closed", "pull_request": PULL | {"head": 1}}, "pull_request.head"),
        ("pull_request_review", {"action": "submitted", "pull_request": PULL}, "review"),
        ("check_run", {"action": "completed", "check_run": SUITE | {"app": {"id": "x"}}}, "check_run.app.id"),
        ("installation", {"action": "created"}, "installation"),
        ("installation", {"action": "created", "installation": INSTALLATION, "repositories": [[]]}, "repositories"),
        ("ping", {"zen": {}}, "zen"),
    ],
)
def test_a_wrong_shape_is_refused_with_a_sentence_that_names_the_field(event: str, payload: Json, field: str) -> None:
    with pytest.raises(BadDelivery) as caught:
        event_of(event, payload)
    assert caught.value.status == 400
    assert f"`{field}`" in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"17",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b"payload={}",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    for event in ("ping", "star"):
        with pytest.raises(BadDelivery) as caught:
            deliver(event, body)
        assert caught.value.status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-GitHub-Event": "ping"},
        {"X-GitHub-Delivery": "d-1"},
        {"X-GitHub-Event": "", "X-GitHub-Delivery": "d-1"},
        {"X-GitHub-Event": "ping", "X-GitHub-Delivery": "a b"},
        {"X-GitHub-Event": "ping", "X-GitHub-Delivery": "x" * 200},
        {"X-GitHub-Event": "Ping!", "X-GitHub-Delivery": "d-1"},
    ],
)
def test_a_delivery_without_its_headers_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadDelivery) as caught:
        parse(headers, b"{}")
    assert caught.value.status == 400
    assert "X-GitHub-" in caught.value.message


def test_the_case_of_the_headers_does_not_matter() -> None:
    assert parse({"x-github-event": "ping", "X-GITHUB-DELIVERY": "d-2"}, b"{}") == Delivery("d-2", "ping", Ping(""))
