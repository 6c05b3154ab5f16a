"""Trouble on order, strictness, and GraphQL of the simulated GitHub."""

from __future__ import annotations

import pytest
import requests
from github import GithubException

from simulator.github.server import GitHubServer

REPOSITORY = "ada/brook"
THREADS = """query($number: Int!) { repository(owner: "ada", name: "brook") { pullRequest(number: $number) { reviewThreads(first: 10) {
  pageInfo { hasNextPage endCursor } nodes { id path line isResolved isOutdated comments(first: 10) { nodes {
    fullDatabaseId body author { __typename login ... on Bot { databaseId } } replyTo { fullDatabaseId } pullRequestReview { fullDatabaseId } } } } } } } }"""


def fault(hub, **settings):
    answer = requests.post(f"{hub.server.url}/_sim/faults", json=settings, timeout=5)
    assert answer.status_code == 201


@pytest.fixture
def issue(hub):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    return hub.repo().get_issue(number)


def comments(hub):
    return [comment.body for comment in hub.server.act.issue(REPOSITORY, 1).comments]


def test_a_call_may_fail_before_it_is_done(hub, issue):
    fault(hub, kind="unavailable", operation="issues/create-comment")
    with pytest.raises(GithubException) as failed:
        issue.create_comment("x")
    assert (failed.value.status, comments(hub)) == (502, [])
    issue.create_comment("y")
    assert comments(hub) == ["y"]


def test_a_call_may_fail_after_it_was_done(hub, issue):
    fault(hub, kind="unavailable_after", operation="issues/create-comment", status=504)
    with pytest.raises(GithubException) as failed:
        issue.create_comment("x")
    assert (failed.value.status, comments(hub)) == (504, ["x"])


@pytest.mark.parametrize(("kind", "done"), [("cut_off", []), ("cut_off_after", ["x"])])
def test_a_connection_may_be_cut(hub, issue, kind, done):
    fault(hub, kind=kind, operation="issues/create-comment")
    with pytest.raises(requests.ConnectionError):
        issue.create_comment("x")
    assert comments(hub) == done


def test_the_secondary_limit_says_when_to_come_back(hub, issue):
    fault(hub, kind="secondary_limit", operation="issues/*", retry_after=7)
    with pytest.raises(GithubException) as failed:
        issue.create_comment("x")
    assert failed.value.status == 403
    assert failed.value.headers["retry-after"] == "7"
    assert "secondary rate limit" in failed.value.data["message"]


def test_the_primary_limit_has_nothing_remaining(hub, issue):
    fault(hub, kind="primary_limit", operation="issues/get", retry_after=60)
    answer = requests.get(f"{hub.server.url}/repos/{REPOSITORY}/issues/1", timeout=5)
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (403, "0")


def test_a_fresh_token_may_not_be_known_yet(hub):
    token = hub.token()
    fault(hub, kind="bad_token", operation="repos/get", times=2)
    statuses = [
        requests.get(
            f"{hub.server.url}/repos/{REPOSITORY}", headers={"Authorization": f"token {token}"}, timeout=5
        ).status_code
        for _ in range(3)
    ]
    assert statuses == [401, 401, 200]


def test_whether_it_can_be_merged_may_be_unknown_for_some_reads(hub):
    number = hub.pull_request()
    fault(hub, kind="mergeable_unknown", times=2)
    assert [hub.repo().get_pull(number).mergeable for _ in range(3)] == [None, None, True]


def test_a_fault_can_let_some_calls_pass(hub, issue):
    fault(hub, kind="not_found_yet", operation="issues/get", skip=1)
    statuses = [requests.get(f"{hub.server.url}/repos/{REPOSITORY}/issues/1", timeout=5).status_code for _ in range(3)]
    assert statuses == [200, 404, 200]


def test_an_unknown_fault_is_refused_with_the_list_of_those_there_are(hub):
    answer = requests.post(f"{hub.server.url}/_sim/faults", json={"kind": "earthquake"}, timeout=5)
    assert answer.status_code == 422
    assert "secondary_limit" in answer.json()["message"]


# --- strictness ------------------------------------------------------------------------------------------------------


def broken(act) -> str:
    """What a strict server says at its end after `act` was done to it."""
    with pytest.raises(AssertionError) as violations, GitHubServer() as server:
        server.act.add_repository(REPOSITORY, files={"a": "b"})
        server.act.grant(REPOSITORY, "grace", "write")
        act(server, {"Authorization": f"Bearer {server.user_token('grace')}"})
    return str(violations.value)


def test_an_unknown_address_fails_the_test_that_asked_for_it():
    assert "unknown route: GET /repos/ada/brook/nonsense" in broken(
        lambda server, headers: requests.get(f"{server.url}/repos/{REPOSITORY}/nonsense", timeout=5)
    )


def test_a_request_that_github_does_not_describe_fails():
    assert "request of issues/create" in broken(
        lambda server, headers: requests.post(
            f"{server.url}/repos/{REPOSITORY}/issues", json={"title": []}, headers=headers, timeout=5
        )
    )


def test_a_field_that_is_not_simulated_fails():
    assert "the field 'milestone' of the request is not simulated" in broken(
        lambda server, headers: requests.post(
            f"{server.url}/repos/{REPOSITORY}/issues", json={"title": "x", "milestone": 1}, headers=headers, timeout=5
        )
    )


def test_an_unknown_query_parameter_fails():
    assert "takes no query parameter" in broken(
        lambda server, headers: requests.get(f"{server.url}/repos/{REPOSITORY}/issues?colour=red", timeout=5)
    )


def test_a_graphql_field_that_does_not_exist_fails():
    assert "Cannot query field 'colour'" in broken(
        lambda server, headers: requests.post(
            f"{server.url}/graphql", json={"query": "{ viewer { colour } }"}, headers=headers, timeout=5
        )
    )


def test_a_server_that_is_not_strict_only_keeps_what_happened():
    with GitHubServer(strict=False) as server:
        requests.get(f"{server.url}/nonsense/of/mine/here", timeout=5)
        assert server.violations == ["unknown route: GET /nonsense/of/mine/here"]


# --- GraphQL ---------------------------------------------------------------------------------------------------------


def test_review_threads_are_listed_and_resolved(hub):
    number = hub.pull_request()
    hub.server.act.review(REPOSITORY, number, "max", comments=[{"path": "src/lib.rs", "line": 2, "body": "Why?"}])
    pull = hub.repo().get_pull(number)
    pull.create_review_comment_reply(next(iter(pull.get_review_comments())).id, "Because")
    requester = hub.client().requester
    _, answer = requester.graphql_query(THREADS, {"number": number})
    (thread,) = answer["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"]
    why, because = thread["comments"]["nodes"]
    assert (thread["path"], thread["line"], thread["isResolved"]) == ("src/lib.rs", 2, False)
    assert (because["author"]["__typename"], because["author"]["login"]) == ("Bot", "rfcsmith")
    assert because["replyTo"]["fullDatabaseId"] == why["fullDatabaseId"]
    _, resolved = requester.graphql_named_mutation(
        "resolveReviewThread", {"threadId": thread["id"]}, "thread { isResolved }"
    )
    assert resolved["thread"]["isResolved"]
    assert hub.server.events[-1].name == "pull_request_review_thread"


def test_resolving_needs_more_than_pull_requests(hub):
    number = hub.pull_request()
    hub.server.act.review(REPOSITORY, number, "max", comments=[{"path": "src/lib.rs", "line": 2, "body": "Why?"}])
    thread = hub.server.act.pull_request(REPOSITORY, number).threads[0]
    node_id = hub.server.world.node_id(thread)
    with pytest.raises(GithubException) as refused:
        hub.client(hub.token({"pull_requests": "write"})).requester.graphql_named_mutation(
            "resolveReviewThread", {"threadId": node_id}, "thread { isResolved }"
        )
    assert refused.value.data["errors"][0]["type"] == "FORBIDDEN"
    assert thread.resolved_by is None


def test_a_draft_becomes_ready_and_a_review_gets_a_reaction(hub):
    number = hub.pull_request(draft=True)
    review_id = hub.server.act.review(REPOSITORY, number, "max", "Look")
    pull = hub.repo().get_pull(number)
    pull.mark_ready_for_review()
    assert not hub.repo().get_pull(number).draft
    review = pull.get_review(review_id)
    given = {"subjectId": review.raw_data["node_id"], "content": "EYES"}
    hub.client().requester.graphql_named_mutation("addReaction", given, "subject { id }")
    (kept,) = hub.server.act.pull_request(REPOSITORY, number).reviews
    assert [(reaction.user.login, reaction.content) for reaction in kept.reactions] == [("rfcsmith[bot]", "eyes")]


def test_a_connection_without_bounds_is_refused_as_by_github(hub):
    number = hub.pull_request()
    with pytest.raises(GithubException) as refused:
        hub.client().requester.graphql_query(
            THREADS.replace("reviewThreads(first: 10)", "reviewThreads"), {"number": number}
        )
    assert refused.value.data["errors"][0]["type"] == "MISSING_PAGINATION_BOUNDARIES"


def test_an_unknown_node_is_not_found(hub):
    with pytest.raises(GithubException) as refused:
        hub.client().requester.graphql_query('{ node(id: "PRRT_no") { id } }', {})
    assert refused.value.data["errors"][0]["type"] == "NOT_FOUND"


def test_a_comment_can_be_minimized(hub, issue):
    comment = issue.create_comment("Old news")
    assert comment.minimize("OUTDATED")
    assert hub.server.act.issue(REPOSITORY, 1).comments[0].minimized == "outdated"
