"""Webhooks of the simulated GitHub: what is sent, how it is signed, and how unkind it can be."""

from __future__ import annotations

import hashlib
import hmac
import json

import requests

from simulator.github.events import EMITTED
from simulator.github.oracle import Oracle

REPOSITORY = "ada/brook"


def settle(hub, receiver):
    assert hub.server.wait_for_deliveries()
    return [(headers["X-GitHub-Event"], json.loads(body).get("action")) for headers, body in receiver.received]


def test_a_webhook_is_signed_over_its_bytes_and_carries_githubs_headers(hub, receiver):
    hub.server.act.open_issue(REPOSITORY, "zoe", "Ünder the brook", "Snowman ☃")
    settle(hub, receiver)
    (headers, body) = receiver.received[0]
    secret = hub.server.webhook_secret.encode()
    assert headers["X-Hub-Signature-256"] == "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    assert headers["X-GitHub-Event"] == "issues"
    assert headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
    assert headers["X-GitHub-Hook-Installation-Target-ID"] == str(hub.server.app_id)
    assert headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert headers["Content-Type"] == "application/json"
    payload = json.loads(body)
    assert payload["installation"]["id"] == hub.installation_id
    assert payload["issue"]["body"] == "Snowman ☃"


def test_what_the_app_does_comes_back_with_a_bot_as_sender(hub, receiver):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    hub.repo().get_issue(number).create_comment("I look")
    settle(hub, receiver)
    payload = json.loads(receiver.received[-1][1])
    assert (payload["sender"]["login"], payload["sender"]["type"]) == ("rfcsmith[bot]", "Bot")
    assert payload["comment"]["performed_via_github_app"]["slug"] == "rfcsmith"


def test_a_review_with_two_remarks_makes_three_events_of_one_review(hub, receiver):
    number = hub.pull_request()
    settle(hub, receiver)
    receiver.received.clear()
    comments = [{"path": "src/lib.rs", "line": 2, "body": "One"}, {"path": "src/lib.rs", "line": 4, "body": "Two"}]
    review = hub.server.act.review(REPOSITORY, number, "max", "Both", comments=comments)
    told = settle(hub, receiver)
    assert sorted(told) == [
        ("pull_request_review", "submitted"),
        ("pull_request_review_comment", "created"),
        ("pull_request_review_comment", "created"),
    ]
    remarks = [json.loads(body) for headers, body in receiver.received if headers["X-GitHub-Event"].endswith("comment")]
    assert {remark["comment"]["pull_request_review_id"] for remark in remarks} == {review}


def test_a_reply_makes_an_implicit_review_of_its_own(hub, receiver):
    number = hub.pull_request()
    hub.server.act.review(REPOSITORY, number, "max", comments=[{"path": "src/lib.rs", "line": 2, "body": "One"}])
    first = hub.server.act.pull_request(REPOSITORY, number).comments[0]
    settle(hub, receiver)
    receiver.received.clear()
    hub.server.act.reply(REPOSITORY, first.id, "grace", "Done")
    assert sorted(settle(hub, receiver)) == [
        ("pull_request_review", "submitted"),
        ("pull_request_review_comment", "created"),
    ]


def test_an_edited_comment_tells_what_it_was(hub, receiver):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    comment = hub.server.act.comment(REPOSITORY, number, "grace", "/rfc")
    hub.server.act.edit_comment(REPOSITORY, comment, "grace", "/implement")
    settle(hub, receiver)
    assert json.loads(receiver.received[-1][1])["changes"] == {"body": {"from": "/rfc"}}


def test_only_events_the_app_listens_to_are_sent(hub, receiver):
    hub.server.act.push(REPOSITORY, "grace", "x", {"a": "b"})
    assert settle(hub, receiver) == [("check_suite", "requested")]


def test_a_failed_delivery_is_logged_and_can_be_sent_again_under_its_guid(hub, receiver):
    receiver.status = 503
    hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    settle(hub, receiver)
    receiver.status = 202
    headers = {"Authorization": f"Bearer {hub.app_auth.create_jwt()}"}
    base = f"{hub.server.url}/app/hook/deliveries"
    (failed,) = requests.get(base, params={"status": "failure"}, headers=headers, timeout=5).json()
    assert failed["status_code"] == 503
    full = requests.get(f"{base}/{failed['id']}", headers=headers, timeout=5).json()
    assert full["request"]["payload"]["action"] == "opened"
    assert requests.post(f"{base}/{failed['id']}/attempts", headers=headers, timeout=5).status_code == 202
    settle(hub, receiver)
    assert len({headers["X-GitHub-Delivery"] for headers, _ in receiver.received}) == 1
    newest = requests.get(base, headers=headers, timeout=5).json()[0]
    assert (newest["redelivery"], newest["status_code"], newest["guid"]) == (True, 202, failed["guid"])


def test_deliveries_are_listed_by_cursor(hub, receiver):
    for number in range(3):
        hub.server.act.open_issue(REPOSITORY, "zoe", f"Issue {number}")
    settle(hub, receiver)
    headers = {"Authorization": f"Bearer {hub.app_auth.create_jwt()}"}
    first = requests.get(f"{hub.server.url}/app/hook/deliveries?per_page=2", headers=headers, timeout=5)
    rest = requests.get(first.links["next"]["url"], headers=headers, timeout=5)
    assert [len(first.json()), len(rest.json())] == [2, 1]
    assert "next" not in rest.links


def test_a_delivery_can_be_duplicated_dropped_or_badly_signed(hub, receiver):
    hook = hub.server.deliveries.hook
    hook.drop, hook.bad_signature = 1, 1
    hub.server.act.open_issue(REPOSITORY, "zoe", "dropped")
    hub.server.act.open_issue(REPOSITORY, "zoe", "badly signed")
    hook.duplicate = 4
    hub.server.act.open_issue(REPOSITORY, "zoe", "five times")
    settle(hub, receiver)
    titles = [json.loads(body)["issue"]["title"] for _, body in receiver.received]
    assert titles == ["badly signed", *["five times"] * 5]
    secret = hub.server.webhook_secret.encode()
    headers, body = receiver.received[0]
    assert headers["X-Hub-Signature-256"] != "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    assert len({headers["X-GitHub-Delivery"] for headers, _ in receiver.received[1:]}) == 1


def test_deliveries_can_come_in_another_order(hub, receiver):
    hub.server.deliveries.hook.reorder = True
    for number in range(8):
        hub.server.act.open_issue(REPOSITORY, "zoe", str(number))
    settle(hub, receiver)
    titles = [json.loads(body)["issue"]["title"] for _, body in receiver.received]
    assert sorted(titles) == [str(number) for number in range(8)]
    assert titles != sorted(titles)


def test_a_ping_is_sent_when_the_webhook_is_set(hub, receiver):
    hub.server.set_webhook(receiver.url, ping=True)
    settle(hub, receiver)
    assert "repository" not in json.loads(receiver.received[0][1])
    assert receiver.events() == ["ping"]


def test_everything_that_can_happen_is_told_as_github_describes_it(hub):
    """The fixture is strict: any payload that is not valid fails this test at its end."""
    act = hub.server.act
    issue = act.open_issue(REPOSITORY, "zoe", "It breaks", labels=())
    act.edit_issue(REPOSITORY, issue, "zoe", title="It breaks often", body="Look")
    act.label(REPOSITORY, issue, "tom", "rfc-needed")
    act.unlabel(REPOSITORY, issue, "tom", "rfc-needed")
    act.delete_comment(REPOSITORY, act.comment(REPOSITORY, issue, "zoe", "x"), "zoe")
    act.lock(REPOSITORY, issue, "grace")
    act.unlock(REPOSITORY, issue, "grace")
    act.close(REPOSITORY, issue, "zoe")
    act.reopen(REPOSITORY, issue, "zoe")
    number = hub.pull_request(draft=True)
    act.push(REPOSITORY, "grace", "x", {"more.txt": "more"})
    act.label(REPOSITORY, number, "tom", "bug")
    act.unlabel(REPOSITORY, number, "tom", "bug")
    said = act.comment(REPOSITORY, number, "zoe", "In the conversation")
    act.edit_comment(REPOSITORY, said, "zoe", "Said better")
    act.ready(REPOSITORY, number, "grace")
    act.draft(REPOSITORY, number, "grace")
    act.ready(REPOSITORY, number, "grace")
    act.edit_pull_request(REPOSITORY, number, "grace", title="Better")
    act.request_review(REPOSITORY, number, "grace", "max")
    act.request_changes(REPOSITORY, number, "max", "No", [{"path": "src/lib.rs", "line": 2, "body": "?"}])
    remark = act.pull_request(REPOSITORY, number).comments[0].id
    act.edit_comment(REPOSITORY, remark, "max", "??")
    act.resolve(REPOSITORY, remark, "grace")
    act.unresolve(REPOSITORY, remark, "grace")
    act.ci(REPOSITORY, "grace", "x", [("test", "success", "")])
    act.approve(REPOSITORY, number, "max")
    act.close(REPOSITORY, number, "grace")
    act.reopen(REPOSITORY, number, "grace")
    act.merge(REPOSITORY, number, "max")
    rarer_things(hub, issue, number)
    told = {(event.name, event.action) for event in hub.server.events}
    assert set(EMITTED) - told == set()


def rarer_things(hub, issue_number, number):
    """What scripted people do not do by a verb, then the end of the App's time here."""
    act, changes, world = hub.server.act, hub.server.changes, hub.server.world
    with world.lock:
        repository, max_, tom = act.repository(REPOSITORY), act.person("max"), act.person("tom")
        issue, pull_request = act.issue(REPOSITORY, issue_number), act.pull_request(REPOSITORY, number)
        for each in (issue, pull_request.issue):
            changes.assign(each, max_, [tom])
            changes.unassign(each, max_, [tom])
            changes.lock(each, max_, "spam")
            changes.unlock(each, max_)
        changes.request_reviewers(pull_request, max_, [tom])
        changes.remove_reviewers(pull_request, max_, [tom])
        changes.edit_review(pull_request.reviews[0], max_, "Hm")
        changes.dismiss(pull_request.reviews[0], max_)
        changes.delete_review_comment(pull_request.comments[0], max_)
        button = {"label": "Again", "description": "x", "identifier": "again"}
        fields = {"name": "rfcsmith", "head_sha": pull_request.head_sha, "status": "queued", "actions": [button]}
        run = changes.create_check_run(repository, hub.server.app, hub.server.app.bot, fields)
        changes.press(run, max_, "again")
        changes.rerequest(run, max_)
        changes.events.check_suite("rerequested", max_, run.suite)
        changes.set_status(
            repository, max_, pull_request.head_sha, state="success", context="ci", description=None, target_url=None
        )
        changes.delete_ref(repository, max_, "refs/heads/x")
        other = world.add_repository("ada/other")
        changes.transfer(issue, max_, other)
        installation = world.installations[0]
        changes.select_repositories(installation, max_, [repository])
        changes.select_repositories(installation, max_, [repository, other])
        changes.events.ping(hub.server.app, "http://localhost/webhook")
    act.suspend("ada")
    act.unsuspend("ada")
    act.rename(REPOSITORY, "ada", "river")
    act.uninstall("ada")


def test_the_oracle_sees_a_payload_that_lacks_a_field(hub):
    hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    payload = dict(hub.server.events[-1].payload)
    oracle = Oracle()
    assert oracle.webhook_faults("issues", "opened", payload) == []
    del payload["issue"]
    assert oracle.webhook_faults("issues", "opened", payload) == ['.: "issue" is a required property']
