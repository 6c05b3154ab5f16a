"""The GitHub client against broken, odd and late answers that no decent GitHub gives: the wire itself is played."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.domain import (
    Annotation,
    CheckRun,
    FileChange,
    FileMode,
    Permission,
    Repo,
    ReviewSubject,
    Side,
)
from bot.errors import Conflict, GitHubUnavailable, SettingsError, UserError
from bot.github.app import GitHubApp
from bot.github.client import GitHub
from bot.github.commits import blob_id
from bot.github.errors import InDoubt, NotFound, Refused, TokenRefused
from bot.github.markers import marker_of, with_marker
from bot.github.pacing import TokenBucket

API = "https://github.test:443/api/v3"
"""PyGithub always writes the port, and so must who waits for its requests."""
REPO = Repo(id=11, owner="octo", name="crate", installation_id=7)
HOME = "/repos/octo/crate"
TOKEN = "ghs_averysecretinstallationtoken"
BOT = {"login": "rfcsmith[bot]", "id": 99, "type": "Bot"}
HUMAN = {"login": "mona", "id": 1, "type": "User"}
TREE, COMMIT = "a" * 40, "c" * 40


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


class Wire:
    """What comes back over the wire, by verb and path; `naps` are the seconds that the client wanted to sleep."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.naps: list[float] = []

    def answer(self, verb: str, path: str, *answers: Any, host: str = API) -> None:
        """Give these answers in turn, the last of them for ever; each is a body, (status, body[, headers]) or an error."""
        queue = list(answers)

        def give(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            answer = answer(request) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            status, body, headers = (*answer, {})[:3] if isinstance(answer, tuple) else (200, answer, {})
            return status, headers, body if isinstance(body, str) else json.dumps(body)

        self.mock.add_callback(verb, host + path, give)

    def sent(self, verb: str, path: str) -> list[Any]:
        """The bodies (or, of a GET, the parameters) of the requests so far."""
        found = [
            call.request
            for call in self.mock.calls
            if call.request.method == verb and urlsplit(call.request.url).path == urlsplit(API + path).path
        ]
        if verb == "GET":
            return [parse_qs(urlsplit(request.url).query) for request in found]
        return [json.loads(request.body) if request.body else None for request in found]


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        wire = Wire(mock)
        expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        wire.answer("POST", "/app/installations/7/access_tokens", (201, {"token": TOKEN, "expires_at": expires}))
        wire.answer("GET", "/app", {"slug": "rfcsmith"})
        yield wire


@pytest.fixture
def app(wire: Wire, private_key: str) -> GitHubApp:
    return GitHubApp(app_id="5", private_key=private_key, api_url=API, write_pause=0, sleep=wire.naps.append)


@pytest.fixture
def github(app: GitHubApp) -> GitHub:
    return app.installation(7)


def comment(number: int, body: str, user: dict[str, Any] = BOT) -> dict[str, Any]:
    moment = "2026-11-01T10:00:00Z"
    return {"id": number, "body": body, "user": user, "created_at": moment, "updated_at": moment}


def issue(**more: Any) -> dict[str, Any]:
    return {"number": 3, "title": "t", "body": None, "user": HUMAN, "state": "open", "labels": [], **more}


def pull(number: int = 4, **more: Any) -> dict[str, Any]:
    head = {"ref": "rfcsmith/3-x", "sha": COMMIT, "repo": {"id": 11}}
    base = {"ref": "main", "sha": "b" * 40, "repo": {"id": 11}}
    return {**issue(number=number), "head": head, "base": base, "draft": False, "node_id": "PR_1", **more}


def conversation(wire: Wire, on_post: Callable[[list[Any], str], Any]) -> list[dict[str, Any]]:
    """Comments that remember what is posted; `on_post` says what comes back, and may post nothing at all."""
    kept: list[dict[str, Any]] = []
    wire.answer("GET", f"{HOME}/issues/3/comments", lambda _: list(kept))
    wire.answer("POST", f"{HOME}/issues/3/comments", lambda sent: on_post(kept, json.loads(sent.body)["body"]))
    return kept


def keep(kept: list[Any], body: str) -> tuple[int, Any]:
    kept.append(comment(len(kept) + 1, body))
    return 201, kept[-1]


# --- writes in doubt --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        (502, "<html>Bad Gateway</html>"),
        (500, {}),
        (201, '{"id": 1, "bo'),
        requests.ConnectionError("reset by peer"),
        requests.ReadTimeout(),
    ],
    ids=["502", "500", "half an answer", "reset", "timeout"],
)
def test_a_comment_whose_posting_seemed_to_fail_is_not_posted_twice(github: GitHub, wire: Wire, failure: Any) -> None:
    def post_and_fail(kept: list[Any], body: str) -> Any:
        keep(kept, body)
        return failure

    kept = conversation(wire, post_and_fail)
    made = github.ensure_comment(REPO, 3, "status-1", "At work.")
    assert [entry["body"] for entry in kept] == [made.body] == ["At work.\n\n<!-- rfcsmith:status-1 -->"]
    assert len(wire.sent("POST", f"{HOME}/issues/3/comments")) == 1


def test_a_comment_that_was_really_not_posted_is_posted_again(github: GitHub, wire: Wire) -> None:
    answers = iter([lambda kept, body: (502, ""), keep])
    kept = conversation(wire, lambda kept, body: next(answers)(kept, body))
    github.ensure_comment(REPO, 3, "status-1", "At work.")
    assert len(kept) == 1


def test_a_comment_in_doubt_for_ever_ends_as_unavailable(github: GitHub, wire: Wire) -> None:
    conversation(wire, lambda kept, body: (502, ""))
    with pytest.raises(GitHubUnavailable):
        github.ensure_comment(REPO, 3, "status-1", "At work.")
    assert len(wire.sent("POST", f"{HOME}/issues/3/comments")) == 2


def test_a_post_that_never_left_this_machine_is_simply_sent_again(github: GitHub, wire: Wire) -> None:
    wire.answer("GET", f"{HOME}/issues/3/comments", [])
    made = comment(1, "Hello.\n\n<!-- rfcsmith:a -->")
    wire.answer("POST", f"{HOME}/issues/3/comments", requests.ConnectTimeout(), (201, made))
    assert github.ensure_comment(REPO, 3, "a", "Hello.").id == 1
    assert len(wire.sent("GET", f"{HOME}/issues/3/comments")) == 1


# --- reads, limits, broken answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        (502, ""),
        (200, "<html>maintenance</html>"),
        (200, '{"number": 3, "ti'),
        (200, {"number": 3}),
        requests.ConnectionError(),
    ],
    ids=["502", "html", "half", "wrong shape", "connection"],
)
def test_a_read_that_always_fails_ends_as_unavailable(github: GitHub, wire: Wire, failure: Any) -> None:
    wire.answer("GET", f"{HOME}/issues/3", failure)
    with pytest.raises(GitHubUnavailable):
        github.issue(REPO, 3)


def test_a_read_survives_two_failures(github: GitHub, wire: Wire) -> None:
    wire.answer("GET", f"{HOME}/issues/3", (503, ""), requests.ConnectionError(), issue())
    assert github.issue(REPO, 3).title == "t"
    assert wire.naps == [1.0, 2.0]


SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}


def test_a_short_rate_limit_is_waited_for_even_before_a_write(github: GitHub, wire: Wire) -> None:
    wire.answer("PATCH", f"{HOME}/pulls/4", (403, SECONDARY, {"Retry-After": "7"}), pull())
    github.edit_pull_request(REPO, 4, title="New")
    assert wire.naps == [7.0]


def reset_in(seconds: int) -> dict[str, str]:
    reset = int(datetime.now(UTC).timestamp()) + seconds
    return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}


@pytest.mark.parametrize(
    ("answer", "least", "most"),
    [
        ((403, SECONDARY, {"Retry-After": "3600"}), 3600, 3600),
        ((429, {"message": "slow down"}, {"Retry-After": "61"}), 61, 61),
        (lambda _: (403, {"message": "API rate limit exceeded for installation ID 7."}, reset_in(1800)), 1700, 1801),
    ],
    ids=["secondary", "429", "primary"],
)  # fmt: skip
def test_a_long_rate_limit_is_reported_and_not_slept(
    github: GitHub, wire: Wire, answer: Any, least: float, most: float
) -> None:
    wire.answer("GET", f"{HOME}/issues/3", answer)
    with pytest.raises(GitHubUnavailable) as caught:
        github.issue(REPO, 3)
    assert least <= caught.value.retry_after <= most
    assert wire.naps == []


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "Sun, 01 Nov 2026 10:00:00 GMT"}, {"Retry-After": ""}])
def test_a_limit_without_a_usable_time_waits_a_minute_at_most(github: GitHub, wire: Wire, headers: Any) -> None:
    wire.answer("GET", f"{HOME}/issues/3", (403, SECONDARY, headers))
    with pytest.raises(GitHubUnavailable) as caught:
        github.issue(REPO, 3)
    assert caught.value.retry_after == 60.0
    assert sum(wire.naps) <= 60.0


@pytest.mark.parametrize(
    "body", ["[]", '"no"', "nonsense", '{"message": 5, "errors": "x"}', '{"errors": ["a", {}, null]}']
)
def test_a_refusal_with_a_strange_body_is_still_understood(github: GitHub, wire: Wire, body: str) -> None:
    wire.answer("PATCH", f"{HOME}/pulls/4", (422, body))
    with pytest.raises(Refused):
        github.edit_pull_request(REPO, 4, title="New")


def test_headers_that_are_no_numbers_do_no_harm(github: GitHub, wire: Wire) -> None:
    odd = {"X-RateLimit-Remaining": "many", "X-RateLimit-Limit": "more"}
    wire.answer("GET", f"{HOME}/issues/3", (200, issue(), odd), issue())
    assert github.issue(REPO, 3).number == 3


def test_a_token_does_not_follow_a_redirection_to_another_host(github: GitHub, wire: Wire) -> None:
    wire.answer(
        "GET", f"{HOME}/issues/3", (301, {}, {"Location": "https://evil.test/api/v3/repos/octo/crate/issues/3"})
    )
    with pytest.raises(UserError, match="GITHUB_API_URL"):
        github.issue(REPO, 3)


def test_a_renamed_repository_takes_a_write_at_its_new_address(github: GitHub, wire: Wire) -> None:
    moved = {"message": "Moved Permanently", "url": f"{API}/repositories/11/pulls/4"}
    wire.answer("PATCH", f"{HOME}/pulls/4", (307, moved, {"Location": f"{API}/repositories/11/pulls/4"}))
    wire.answer("PATCH", "/repositories/11/pulls/4", pull())
    github.edit_pull_request(REPO, 4, title="New")
    assert wire.sent("PATCH", "/repositories/11/pulls/4") == [{"title": "New"}]


def test_pages_follow_the_link_show_each_comment_once_and_stay_on_the_host(github: GitHub, wire: Wire) -> None:
    more = '<https://evil.test/api/v3/repositories/11/more?page=2>; rel="next", <https://x.test/>; rel="last"'
    wire.answer("GET", f"{HOME}/issues/3/comments", (200, [comment(1, "a"), comment(2, "b")], {"Link": more}))
    wire.answer("GET", "/repositories/11/more", [comment(2, "b"), comment(3, "c")])
    assert [entry.id for entry in github.comments(REPO, 3)] == [1, 2, 3]
    assert wire.sent("GET", "/repositories/11/more") == [{"page": ["2"]}]


# --- tokens and credentials -------------------------------------------------------------------------------------------


def test_a_token_for_git_reaches_one_repository_and_only_its_contents(github: GitHub, wire: Wire) -> None:
    assert github.token(REPO, write=False) == github.token(REPO, write=False) == TOKEN
    github.token(REPO, write=True)
    assert wire.sent("POST", "/app/installations/7/access_tokens") == [
        {"repository_ids": [11], "permissions": {"contents": "read"}},
        {"repository_ids": [11], "permissions": {"contents": "write"}},
    ]


def test_a_token_about_to_expire_is_replaced(github: GitHub, wire: Wire) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=2)).isoformat()
    wire.mock.remove("POST", f"{API}/app/installations/7/access_tokens")
    wire.answer("POST", "/app/installations/7/access_tokens", (201, {"token": "ghs_old", "expires_at": soon}), (201, {"token": "ghs_new", "expires_at": soon}))  # fmt: skip
    assert (github.token(REPO, write=False), github.token(REPO, write=False)) == ("ghs_old", "ghs_new")


def test_a_fresh_token_that_github_does_not_know_yet_is_tried_again(github: GitHub, wire: Wire) -> None:
    wire.answer(
        "GET", f"{HOME}/issues/3", (401, {"message": "Bad credentials"}), (401, {"message": "Bad credentials"}), issue()
    )
    assert github.issue(REPO, 3).number == 3
    assert len(wire.sent("POST", "/app/installations/7/access_tokens")) == 1
    assert wire.naps == [1.0, 2.0]


def test_neither_tokens_nor_the_key_get_into_the_log(
    app: GitHubApp, wire: Wire, private_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    wire.answer("GET", f"{HOME}/issues/3", issue())
    with caplog.at_level(logging.DEBUG):
        github = app.installation(7)
        github.issue(REPO, 3)
        github.token(REPO, write=False)
    assert TOKEN not in caplog.text
    assert private_key.splitlines()[1] not in caplog.text


def test_a_key_that_cannot_sign_is_refused_at_once_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="GITHUB_PRIVATE_KEY") as caught:
        GitHubApp(app_id="5", private_key="-----BEGIN nothing useful", api_url=API)
    assert "useful" not in str(caught.value)


def test_a_wrong_app_id_is_told_to_the_operator(app: GitHubApp, wire: Wire) -> None:
    wire.mock.remove("GET", f"{API}/app")
    wire.answer("GET", "/app", (401, {"message": "A JSON web token could not be decoded"}))
    with pytest.raises(UserError, match="GITHUB_APP_ID"):
        _ = app.slug


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ((403, {"message": "This installation has been suspended"}), "suspended"),
        ((404, {"message": "Not Found"}), "not installed"),
        ((422, {"message": "The permissions requested are not granted to this installation."}), "not granted"),
    ],
)
def test_an_installation_that_gives_no_token_is_explained(github: GitHub, wire: Wire, answer: Any, word: str) -> None:
    wire.mock.remove("POST", f"{API}/app/installations/7/access_tokens")
    wire.answer("POST", "/app/installations/7/access_tokens", answer)
    with pytest.raises(UserError, match=word):
        github.issue(REPO, 3)


# --- refusals that a human can mend -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, {"message": "Resource not accessible by integration"}, {"X-Accepted-GitHub-Permissions": "issues=write; pull_requests=write"}), "`issues: write` or the permission `pull_requests: write`"),
        ((403, {"message": "Resource not accessible by integration"}, {"X-RateLimit-Remaining": "0", "X-Accepted-GitHub-Permissions": "contents=write,workflows=write"}), "`contents: write` and the permission `workflows: write`"),
        ((403, {"message": "Resource not accessible by integration"}), "lacks one more permission"),
        ((403, {"message": "Unable to create comment because issue is locked."}), "locked"),
        ((403, {"message": "Repository was archived so is read-only."}), "archived"),
        ((410, {"message": "Issues are disabled for this repo"}), "disabled"),
        ((404, {"message": "Not Found"}), "deleted or renamed"),
        ((422, {"message": "Repository rule violations found\n\nCannot create ref due to creations being restricted."}), "rule"),
        ((409, {"message": "Git Repository is empty."}), "empty"),
        ((451, {"message": "Repository access blocked"}), "blocked"),
    ],
)  # fmt: skip
def test_what_a_human_can_mend_is_said_in_words(github: GitHub, wire: Wire, answer: Any, words: str) -> None:
    wire.answer("PATCH", f"{HOME}/pulls/4", answer)
    with pytest.raises(UserError) as caught:
        github.edit_pull_request(REPO, 4, title="New")
    assert words in str(caught.value)


def test_a_missing_permission_in_graphql_is_said_in_words(github: GitHub, wire: Wire) -> None:
    errors = [
        {"type": "FORBIDDEN", "message": "Resource not accessible by integration", "path": ["resolveReviewThread"]}
    ]
    wire.answer("POST", "/api/graphql", {"data": None, "errors": errors}, host="https://github.test:443")
    with pytest.raises(UserError, match="contents: write"):
        github.resolve_thread("PRRT_1")


@pytest.mark.parametrize(
    "error", [InDoubt("a", 1.0), NotFound("a", "b"), TokenRefused("a"), Refused(422, "POST /x", ("a", "b"))]
)
def test_every_error_survives_being_pickled(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))


# --- single verbs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "permission"),
    [
        ({"permission": "write", "role_name": "maintain"}, Permission.MAINTAIN),
        ({"permission": "read", "role_name": "triage"}, Permission.TRIAGE),
        ({"permission": "write", "role_name": "Release Captain"}, Permission.WRITE),
        ({"permission": "admin"}, Permission.ADMIN),
        ((404, {"message": "mona is not a user"}), Permission.NONE),
    ],
)
def test_a_permission_is_read_by_its_role(github: GitHub, wire: Wire, body: Any, permission: Permission) -> None:
    wire.answer("GET", f"{HOME}/collaborators/mona/permission", body)
    assert github.permission(REPO, "mona") is permission


def test_a_marker_counts_only_on_the_last_line_of_the_bots_own_comment(github: GitHub, wire: Wire) -> None:
    marked = with_marker("Old.", "rfc")
    quoted = marked + "\n\nsaid somebody"
    wire.answer("GET", f"{HOME}/issues/3/comments", [comment(1, marked, HUMAN), comment(2, quoted), comment(3, marked)])
    wire.answer("PATCH", f"{HOME}/issues/comments/3", comment(3, with_marker("New.", "rfc")))
    assert github.ensure_comment(REPO, 3, "rfc", "New.").id == 3
    assert wire.sent("PATCH", f"{HOME}/issues/comments/3") == [{"body": with_marker("New.", "rfc")}]


def test_an_edited_comment_keeps_its_marker_and_is_left_alone_when_nothing_changes(github: GitHub, wire: Wire) -> None:
    wire.answer("GET", f"{HOME}/issues/comments/1", comment(1, with_marker("Old.", "status").replace("\n", "\r\n")))
    wire.answer("PATCH", f"{HOME}/issues/comments/1", comment(1, with_marker("New.", "status")))
    github.edit_comment(REPO, 1, "Old.")
    assert wire.sent("PATCH", f"{HOME}/issues/comments/1") == []
    assert marker_of(github.edit_comment(REPO, 1, "New.").body) == "status"
    assert wire.sent("PATCH", f"{HOME}/issues/comments/1") == [{"body": with_marker("New.", "status")}]


def test_a_deleted_comment_cannot_be_edited_and_a_persons_comment_must_not_be(github: GitHub, wire: Wire) -> None:
    wire.answer("GET", f"{HOME}/issues/comments/1", (404, {"message": "Not Found"}))
    wire.answer("GET", f"{HOME}/issues/comments/2", comment(2, "mine", HUMAN))
    with pytest.raises(Conflict):
        github.edit_comment(REPO, 1, "New.")
    with pytest.raises(ValueError, match="mona"):
        github.edit_comment(REPO, 2, "New.")


def test_a_body_too_long_is_a_bug_and_is_not_sent(github: GitHub) -> None:
    with pytest.raises(ValueError, match="65536"):
        github.ensure_comment(REPO, 3, "a", "x" * 65_536)


def test_a_review_gets_its_reaction_through_graphql(github: GitHub, wire: Wire) -> None:
    wire.answer("GET", f"{HOME}/pulls/4/reviews/8", {"node_id": "PRR_8"})
    wire.answer("POST", "/api/graphql", {"data": {"addReaction": {}}}, host="https://github.test:443")
    github.react(REPO, ReviewSubject(4, 8))
    assert json.loads(wire.mock.calls[-1].request.body)["variables"] == {"id": "PRR_8", "content": "EYES"}


def test_a_pull_request_opens_ready_where_drafts_are_refused(github: GitHub, wire: Wire) -> None:
    refusal = {"message": "Draft pull requests are not supported in this repository.", "errors": []}
    wire.answer("GET", f"{HOME}/pulls", [])
    wire.answer("POST", f"{HOME}/pulls", (422, refusal), (201, pull()))
    made = github.ensure_pull_request(REPO, branch="rfcsmith/3-x", base="main", title="t", body="b", draft=True)
    assert not made.is_draft
    assert [wish["draft"] for wish in wire.sent("POST", f"{HOME}/pulls")] == [True, False]


def test_pull_requests_of_other_branches_and_forks_are_not_taken_for_ours(github: GitHub, wire: Wire) -> None:
    fork = pull(9, head={"ref": "rfcsmith/3-x", "sha": COMMIT, "repo": {"id": 12}})
    orphan = pull(8, head={"ref": "rfcsmith/3-x", "sha": COMMIT, "repo": None})
    other = pull(7, head={"ref": "rfcsmith/3-y", "sha": COMMIT, "repo": {"id": 11}})
    wire.answer("GET", f"{HOME}/pulls", [fork, orphan, other, pull(6, state="closed"), pull(5)])
    found = github.find_pull_request(REPO, "rfcsmith/3-x")
    assert found is not None
    assert found.number == 5


def test_one_unsuitable_reviewer_does_not_keep_the_others_from_being_asked(github: GitHub, wire: Wire) -> None:
    def ask(request: requests.PreparedRequest) -> Any:
        refused = "author" in json.loads(request.body)["reviewers"]
        return (422, {"message": "Review cannot be requested from pull request author."}) if refused else (201, pull())

    wire.answer("POST", f"{HOME}/pulls/4/requested_reviewers", ask)
    github.request_review(REPO, 4, ["author", "mona"])
    asked = [body["reviewers"] for body in wire.sent("POST", f"{HOME}/pulls/4/requested_reviewers")]
    assert asked == [["author", "mona"], ["author"], ["mona"]]


def test_annotations_are_sent_by_fifties_and_go_on_after_those_that_are_there(github: GitHub, wire: Wire) -> None:
    output = {"title": "t", "summary": "s", "annotations_count": 50}
    run = {"id": 1, "name": "rfcsmith", "external_id": "run/1", "app": {"slug": "rfcsmith"}, "status": "completed", "conclusion": "success", "output": output}  # fmt: skip
    wire.answer("GET", f"{HOME}/commits/{COMMIT}/check-runs", {"total_count": 1, "check_runs": [run]})
    wire.answer("PATCH", f"{HOME}/check-runs/1", run)
    annotations = tuple(Annotation("src/lib.rs", line, line, "notice", "m") for line in range(1, 121))
    github.ensure_check_run(REPO, CheckRun("rfcsmith", COMMIT, "run/1", "completed", "success", "t", "s", "", annotations))  # fmt: skip
    batches = [body["output"]["annotations"] for body in wire.sent("PATCH", f"{HOME}/check-runs/1")]
    assert [(batch[0]["start_line"], len(batch)) for batch in batches] == [(51, 50), (101, 20)]


def test_a_check_run_of_another_app_or_run_is_not_taken_for_ours(github: GitHub, wire: Wire) -> None:
    strangers = [
        {"id": 1, "name": "rfcsmith", "external_id": "run/1", "app": {"slug": "ci"}},
        {"id": 2, "name": "rfcsmith", "external_id": "run/2", "app": {"slug": "rfcsmith"}},
    ]
    wire.answer("GET", f"{HOME}/commits/{COMMIT}/check-runs", {"total_count": 2, "check_runs": strangers})
    wire.answer("POST", f"{HOME}/check-runs", (201, {"id": 3, "output": {"annotations_count": 0}}))
    github.ensure_check_run(REPO, CheckRun("rfcsmith", COMMIT, "run/1", "in_progress", None, "t", "s"))
    assert [body["external_id"] for body in wire.sent("POST", f"{HOME}/check-runs")] == ["run/1"]


def test_deliveries_are_read_back_to_a_moment(app: GitHubApp, wire: Wire) -> None:
    def delivery(number: int, hour: int) -> dict[str, Any]:
        moment = f"2026-11-01T{hour:02}:00:00Z"
        return {"id": number, "guid": f"g{number}", "delivered_at": moment, "event": "issues", "action": None, "status_code": 502, "redelivery": False, "installation_id": None}  # fmt: skip

    more = f'<{API}/app/hook/deliveries?per_page=100&cursor=v1_9>; rel="next"'
    wire.answer("GET", "/app/hook/deliveries", (200, [delivery(9, 12), delivery(8, 11)], {"Link": more}), [delivery(7, 10), delivery(6, 9)])  # fmt: skip
    attempts = app.deliveries(since=datetime(2026, 11, 1, 10, tzinfo=UTC))
    assert [(attempt.id, attempt.delivery_id) for attempt in attempts] == [(9, "g9"), (8, "g8"), (7, "g7")]


# --- review threads ---------------------------------------------------------------------------------------------------


def graphql_comment(number: int, typename: str = "User") -> dict[str, Any]:
    return {
        "fullDatabaseId": str(number), "body": "b", "path": "src/lib.rs", "line": 3, "createdAt": "2026-11-01T10:00:00Z", "diffHunk": "@@", "url": "u",
        "author": {"__typename": typename, "login": "rfcsmith" if typename == "Bot" else "mona", "databaseId": 1},
        "replyTo": None, "pullRequestReview": {"fullDatabaseId": "5000000001"},
    }  # fmt: skip


def test_threads_and_their_comments_are_read_to_the_last_page(github: GitHub, wire: Wire) -> None:
    last, more = {"hasNextPage": False, "endCursor": None}, {"hasNextPage": True, "endCursor": "X"}

    def thread(name: str, page: Any) -> dict[str, Any]:
        comments = {"pageInfo": page, "nodes": [graphql_comment(4_000_000_000)]}
        return {
            "id": name,
            "isResolved": False,
            "isOutdated": True,
            "path": "src/lib.rs",
            "line": None,
            "diffSide": "LEFT",
            "startLine": 7,
            "startDiffSide": "RIGHT",
            "comments": comments,
        }

    def threads(page: Any, *nodes: Any) -> dict[str, Any]:
        return {"data": {"repository": {"pullRequest": {"reviewThreads": {"pageInfo": page, "nodes": list(nodes)}}}}}

    rest = {"data": {"node": {"comments": {"pageInfo": last, "nodes": [graphql_comment(4_000_000_001, "Bot")]}}}}
    failed = {"data": None, "errors": [{"message": "Something went wrong while executing your query."}]}
    wire.answer("POST", "/api/graphql", failed, threads(more, thread("A", more)), rest, threads(last, thread("B", last)), host="https://github.test:443")  # fmt: skip
    first, second = github.review_threads(REPO, 4)
    assert [comment.id for comment in first.comments] == [4_000_000_000, 4_000_000_001]
    assert first.comments[1].author.login == "rfcsmith[bot]"
    assert (second.node_id, first.comments[0].review_id) == ("B", 5_000_000_001)
    assert (first.side, first.start_line, first.start_side) == (Side.LEFT, 7, Side.RIGHT)


# --- commits ----------------------------------------------------------------------------------------------------------


def text(path: str, content: bytes, mode: FileMode = FileMode.FILE) -> FileChange:
    return FileChange(path, mode, content, blob_id(content))


def commit(github: GitHub, *changes: FileChange) -> str:
    return github.commit(REPO, parent="b" * 40, base_tree="d" * 40, changes=changes, message="m", expected_tree=TREE)


def test_bytes_that_are_no_clean_text_travel_as_blobs_and_each_only_once(github: GitHub, wire: Wire) -> None:
    binary, zero = b"\xff\x00\xfe", b"a\0b"
    wire.answer("POST", f"{HOME}/git/blobs", (201, {"sha": blob_id(binary)}), (201, {"sha": blob_id(zero)}))
    wire.answer("POST", f"{HOME}/git/trees", (201, {"sha": TREE}))
    wire.answer("POST", f"{HOME}/git/commits", (201, {"sha": COMMIT}))
    gone = FileChange("old.rs", None, None, None)
    link = text("link", b"src/lib.rs", FileMode.SYMLINK)
    run = FileChange("run.sh", FileMode.EXECUTABLE, None, "e" * 40)
    assert commit(github, text("a.bin", binary), text("b.bin", binary), text("zero", zero), link, gone, run) == COMMIT
    [tree] = wire.sent("POST", f"{HOME}/git/trees")
    assert [(entry["path"], entry["mode"], entry.get("sha", entry.get("content"))) for entry in tree["tree"]] == [
        ("a.bin", "100644", blob_id(binary)),
        ("b.bin", "100644", blob_id(binary)),
        ("zero", "100644", blob_id(zero)),
        ("link", "120000", "src/lib.rs"),
        ("old.rs", "100644", None),
        ("run.sh", "100755", "e" * 40),
    ]
    assert len(wire.sent("POST", f"{HOME}/git/blobs")) == 2
    assert wire.sent("POST", f"{HOME}/git/commits") == [{"message": "m", "tree": TREE, "parents": ["b" * 40]}]


def test_text_that_github_would_change_goes_as_blobs_in_a_second_tree(github: GitHub, wire: Wire) -> None:
    content = b"\xef\xbb\xbffn main() {}\r\n"
    wire.answer("POST", f"{HOME}/git/trees", (201, {"sha": "f" * 40}), (201, {"sha": TREE}))
    wire.answer("POST", f"{HOME}/git/blobs", (201, {"sha": blob_id(content)}))
    wire.answer("POST", f"{HOME}/git/commits", (201, {"sha": COMMIT}))
    assert commit(github, text("src/main.rs", content)) == COMMIT
    assert wire.sent("POST", f"{HOME}/git/trees")[1]["tree"][0]["sha"] == blob_id(content)


def test_a_tree_other_than_the_hosts_is_never_committed(github: GitHub, wire: Wire) -> None:
    content = b"fn main() {}\n"
    wire.answer("POST", f"{HOME}/git/trees", (201, {"sha": "f" * 40}))
    wire.answer("POST", f"{HOME}/git/blobs", (201, {"sha": blob_id(content)}))
    with pytest.raises(RuntimeError, match="made the tree"):
        commit(github, text("src/main.rs", content))
    assert wire.sent("POST", f"{HOME}/git/commits") == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([text("a", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n")], "LFS"),
        ([FileChange("sub", FileMode.SUBMODULE, None, COMMIT)], "submodule"),
        ([text(f"{number}.rs", b"") for number in range(1001)], "1001 files"),
        ([text("big", b"x" * (25 * 1024 * 1024 + 1))], "26214401 bytes"),
    ],
    ids=["lfs", "submodule", "files", "bytes"],
)
def test_what_cannot_be_committed_is_refused_before_anything_is_sent(
    github: GitHub, wire: Wire, changes: list[FileChange], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        commit(github, *changes)
    assert len(wire.mock.calls) == 0


@pytest.mark.parametrize(
    "reason", ["Update is not a fast forward", "Reference does not exist", "Reference update failed"]
)
def test_a_branch_that_moves_at_the_last_moment_is_a_conflict(github: GitHub, wire: Wire, reason: str) -> None:
    wire.answer("GET", f"{HOME}/git/ref/heads/rfcsmith/3-x", {"object": {"sha": "b" * 40}})
    wire.answer("PATCH", f"{HOME}/git/refs/heads/rfcsmith/3-x", (422, {"message": reason}))
    with pytest.raises(Conflict):
        github.move_branch(REPO, "rfcsmith/3-x", expected="b" * 40, sha=COMMIT)
    assert wire.sent("PATCH", f"{HOME}/git/refs/heads/rfcsmith/3-x") == [{"sha": COMMIT, "force": False}]


def test_a_commit_is_found_by_its_trailer_only_if_the_bot_made_it(github: GitHub, wire: Wire) -> None:
    def entry(sha: str, author: Any, message: str) -> dict[str, Any]:
        return {"sha": sha * 40, "author": author, "commit": {"message": message}}

    message = "Add a thing\n\nRfcsmith-Step: run-1/3\n"
    history = [entry("1", HUMAN, message), entry("2", None, message), entry("3", BOT, message.replace("/3", "/33")), entry("4", BOT, message)]  # fmt: skip
    wire.answer("GET", f"{HOME}/commits", history)
    assert github.find_commit(REPO, "rfcsmith/3-x", "Rfcsmith-Step: run-1/3") == "4" * 40


# --- pacing -----------------------------------------------------------------------------------------------------------


def test_writes_beyond_the_first_few_keep_their_distance() -> None:
    now, naps = [0.0], []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        now[0] += seconds

    bucket = TokenBucket(2.0, capacity=3, clock=lambda: now[0], sleep=sleep)
    for _ in range(5):
        bucket.take()
    assert naps == [2.0, 2.0]
    now[0] += 100
    for _ in range(3):
        bucket.take()
    assert naps == [2.0, 2.0]


def test_callers_that_come_together_queue_behind_one_another() -> None:
    naps: list[float] = []
    bucket = TokenBucket(1.0, capacity=1, clock=lambda: 0.0, sleep=naps.append)
    for _ in range(4):
        bucket.take()
    assert naps == [1.0, 2.0, 3.0]
