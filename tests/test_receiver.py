"""The receiver as GitHub meets it: what is accepted, what is refused, and what one delivery leaves in the database."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from bot.domain import Actor, Repo, Run, RunKind, Target
from bot.errors import SettingsError
from bot.settings import Secret, WebSettings
from bot.store import Store, open_engine, schema, upgrade
from bot.webhook import MAX_BODY

SECRET = "not a real secret"
SAMPLES = Path(__file__).resolve().parent.parent.parent / "shared/github-oracle/webhook-examples"

COMMENT: dict[str, Any] = {
    "action": "created",
    "issue": {"number": 7, "title": "Round durations", "state": "open", "user": {"login": "mara", "id": 5}},
    "comment": {"id": 70, "body": "/status", "user": {"login": "mara", "id": 5}},
    "repository": {"id": 3, "name": "pocketwatch", "owner": {"login": "ferris-labs", "id": 2}},
    "installation": {"id": 1},
    "sender": {"login": "mara", "id": 5, "type": "User"},
}


@pytest.fixture
def client(database_url: str, tmp_path: Path) -> Iterator[FlaskClient]:
    app = create_app(WebSettings(Secret(SECRET), database_url, None, tmp_path))
    with app.test_client() as client:
        yield client


def deliver(
    client: FlaskClient, body: bytes, *, event: str = "issue_comment", delivery: str = "d-1", **headers: str
) -> TestResponse:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    sent = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": signature,
        "Content-Type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return client.post("/webhook", data=body, headers={k: v for k, v in sent.items() if v})


def count(database_url: str, query: str) -> int:
    engine = open_engine(database_url)
    with engine.connect() as connection:
        number = connection.execute(sa.text(query)).scalar_one()
    engine.dispose()
    return int(number)


def workflows_table(database_url: str) -> str:
    return "dbos.workflow_status" if database_url.startswith("postgres") else "workflow_status"


def test_a_delivery_is_accepted_and_enqueued_under_its_own_id(client: FlaskClient, database_url: str) -> None:
    answer = deliver(client, json.dumps(COMMENT).encode(), delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958")
    assert (answer.status_code, answer.json) == (
        202,
        {"delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958", "status": "accepted"},
    )
    found = (
        f"SELECT count(*) FROM {workflows_table(database_url)} WHERE workflow_uuid LIKE '72d3162e%' AND name = 'route'"
    )
    assert count(database_url, found) == 1


def test_the_same_delivery_sent_five_times_is_enqueued_once(client: FlaskClient, database_url: str) -> None:
    statuses = {deliver(client, json.dumps(COMMENT).encode()).status_code for _ in range(5)}
    assert statuses == {202}
    assert count(database_url, f"SELECT count(*) FROM {workflows_table(database_url)}") == 1
    assert count(database_url, f"SELECT count(*) FROM {schema.inbox.name}") == 1


@pytest.mark.parametrize("signature", ["", "sha256=" + "0" * 64, "sha1=abc", "sha256=ü"])
def test_a_missing_or_wrong_signature_is_refused(client: FlaskClient, database_url: str, signature: str) -> None:
    answer = deliver(client, json.dumps(COMMENT).encode(), X_Hub_Signature_256=signature)
    assert answer.status_code == 401
    assert client.get("/healthz").status_code == 200
    assert count(database_url, f"SELECT count(*) FROM {schema.inbox.name}") == 0


def test_a_body_over_25_megabytes_is_refused(client: FlaskClient) -> None:
    assert deliver(client, b" " * (MAX_BODY + 1)).status_code == 413


def test_what_is_not_json_is_refused_in_a_sentence(client: FlaskClient) -> None:
    answer = deliver(client, b"{not json")
    assert answer.status_code == 400
    assert "JSON" in answer.json["error"]


def test_a_wrong_shape_is_refused_and_the_field_is_named(client: FlaskClient) -> None:
    answer = deliver(client, json.dumps({**COMMENT, "issue": "seven"}).encode())
    assert answer.status_code == 400
    assert "issue" in answer.json["error"]


def test_an_event_that_means_nothing_is_ignored_and_leaves_no_row(client: FlaskClient, database_url: str) -> None:
    answer = deliver(client, b'{"action": "started"}', event="watch")
    assert (answer.status_code, answer.json["status"]) == (200, "ignored")
    client.get("/healthz")
    assert count(database_url, f"SELECT count(*) FROM {schema.inbox.name}") == 0


def test_while_the_database_is_down_deliveries_fail_so_that_github_shows_them(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=1"
    app = create_app(WebSettings(Secret(SECRET), url, None, tmp_path))
    with app.test_client() as client:
        assert deliver(client, json.dumps(COMMENT).encode()).status_code == 503
        assert client.get("/healthz").status_code == 503


def test_health_tells_that_no_worker_is_there(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert answer.json == {"database": "ok", "status": "no worker", "workers": []}


def keep(database_url: str, digest: str, *, is_public: bool) -> None:
    engine = open_engine(database_url)
    upgrade(engine)
    store = Store(engine)
    run = Run("", RunKind.IMPLEMENT, Target(Repo(3 + is_public, "o", "r", 1), 7), 0, digest[:8], Actor("mara"))
    store.keep_bundle(store.open_run(run), digest, b"the archive", is_public=is_public)
    engine.dispose()


def test_evidence_is_handed_out_for_good_under_its_digest(client: FlaskClient, database_url: str) -> None:
    digest = "1f" * 32
    keep(database_url, digest, is_public=True)
    answer = client.get(f"/evidence/{digest}")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"the archive", "application/x-tar")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="rfcsmith-evidence-{digest[:12]}.tar"'
    assert "immutable" in answer.headers["Cache-Control"]
    assert client.get(f"/evidence/{digest}", headers={"If-None-Match": f'"{digest}"'}).status_code == 304


@pytest.mark.parametrize("digest", ["2e" * 32, "1f" * 32, "1F" * 32, "1f", "%25", "..%2f..%2fetc", "1f" * 32 + "%0a"])
def test_evidence_that_is_private_or_not_there_cannot_be_told_apart(
    client: FlaskClient, database_url: str, digest: str
) -> None:
    keep(database_url, "1f" * 32, is_public=False)
    answer = client.get(f"/evidence/{digest}")
    assert answer.status_code == 404 and b"archive" not in answer.data


def test_incomplete_settings_stop_the_start_and_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_WEBHOOK_SECRET", raising=False)
    monkeypatch.setenv("RFCSMITH_PUBLIC_URL", "not a url")
    with pytest.raises(SettingsError) as refused:
        create_app()
    assert "GITHUB_WEBHOOK_SECRET" in str(refused.value)
    assert "RFCSMITH_PUBLIC_URL" in str(refused.value)


def test_every_official_sample_is_taken(client: FlaskClient) -> None:
    samples = sorted(SAMPLES.glob("*.json"))
    bodies = [(path.name.split(".")[0], path.read_bytes()) for path in samples if path.name != "INDEX.json"]
    bodies.append(("issue_comment", json.dumps(COMMENT).encode()))
    refused = {
        f"{event}-{number}": answer.json
        for number, (event, body) in enumerate(bodies)
        if (answer := deliver(client, body, event=event, delivery=f"d-{number}")).status_code not in (200, 202)
    }
    assert refused == {}
