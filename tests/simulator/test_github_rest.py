"""The simulated GitHub as the real clients see it: PyGithub and plain requests."""

from __future__ import annotations

import time

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from github import GithubException, InputGitTreeElement, UnknownObjectException

REPOSITORY = "ada/brook"


def assertion(hub, *, key=None, issuer=None, expires=300):
    now = int(time.time())
    claims = {"iss": issuer or str(hub.server.app_id), "iat": now - 60, "exp": now + expires}
    return jwt.encode(claims, key or hub.server.private_key, algorithm="RS256")


def ask(hub, path, token=None, **options):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(
        options.pop("method", "GET"),
        hub.server.url + path,
        headers={**headers, **options.pop("headers", {})},
        **options,
    )


def commit_on(repo, branch="rfcsmith/1-x", path="src/new.rs", content="fn new() {}\n"):
    head = repo.get_branch("main").commit.sha
    blob = repo.create_git_blob(content, "utf-8")
    tree = repo.create_git_tree([InputGitTreeElement(path, "100644", "blob", sha=blob.sha)], repo.get_git_tree(head))
    commit = repo.create_git_commit("Add it", tree, [repo.get_git_commit(head)])
    repo.create_git_ref(f"refs/heads/{branch}", commit.sha)
    return commit


def test_an_app_works_an_issue_with_pygithub(hub):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks", "Look")
    issue = hub.repo().get_issue(number)
    comment = issue.create_comment("I look")
    comment.edit("I looked")
    issue.add_to_labels("rfc")
    assert [each.body for each in issue.get_comments()] == ["I looked"]
    assert [each.name for each in issue.get_labels()] == ["rfc"]
    assert comment.user.login == "rfcsmith[bot]"
    issue.remove_from_labels("rfc")
    assert list(issue.get_labels()) == []


def test_every_address_is_also_served_below_api_v3(hub):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    base = f"{hub.server.url}/api/v3"
    issue = hub.client(base_url=base).get_repo(REPOSITORY).get_issue(number)
    assert issue.url == f"{base}/repos/{REPOSITORY}/issues/{number}"
    assert issue.create_comment("Hello").url.startswith(base)


def test_a_list_is_paged_by_links_that_name_the_repository_by_number(hub):
    for number in range(5):
        hub.server.act.open_issue(REPOSITORY, "zoe", f"Issue {number}")
    answer = ask(hub, f"/repos/{REPOSITORY}/issues?per_page=2")
    identity = hub.repo().id
    assert f"/repositories/{identity}/issues?per_page=2&page=2" in answer.links["next"]["url"]
    assert [each["number"] for each in requests.get(answer.links["last"]["url"], timeout=5).json()] == [1]


def test_a_reaction_is_created_once_and_found_the_second_time(hub):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    path, token = f"/repos/{REPOSITORY}/issues/{number}/reactions", hub.token()
    statuses = [ask(hub, path, token, method="POST", json={"content": "eyes"}).status_code for _ in range(2)]
    assert statuses == [201, 200]


def test_a_commit_of_the_app_without_author_is_verified_and_its_tree_is_gits_own(hub):
    repo = hub.repo()
    commit = commit_on(repo)
    assert commit.verification.verified
    assert commit.author.name == "rfcsmith[bot]"
    assert repo.get_commits(sha="rfcsmith/1-x")[0].author.login == "rfcsmith[bot]"
    git = hub.server.act.repository(REPOSITORY).git
    assert git.commit(commit.sha).tree == commit.tree.sha
    assert git.file(commit.sha, "src/new.rs") == b"fn new() {}\n"


def test_a_commit_with_an_author_of_its_own_is_not_verified(hub):
    repo = hub.repo()
    head = repo.get_git_commit(repo.get_branch("main").commit.sha)
    payload = {
        "message": "Mine",
        "tree": head.tree.sha,
        "parents": [head.sha],
        "author": {"name": "A", "email": "a@example.com", "date": "2026-01-01T00:00:00Z"},
    }
    answer = ask(hub, f"/repos/{REPOSITORY}/git/commits", hub.token(), method="POST", json=payload)
    assert answer.json()["verification"]["reason"] == "unsigned"


def test_a_branch_moves_forward_only(hub):
    repo = hub.repo()
    commit = commit_on(repo)
    ref = repo.get_git_ref("heads/rfcsmith/1-x")
    with pytest.raises(GithubException) as refused:
        ref.edit(repo.get_branch("main").commit.sha, force=False)
    assert refused.value.status == 422
    assert refused.value.data["message"] == "Update is not a fast forward"
    assert repo.get_git_ref("heads/rfcsmith/1-x").object.sha == commit.sha


def test_a_branch_that_exists_cannot_be_created(hub):
    repo = hub.repo()
    commit = commit_on(repo)
    with pytest.raises(GithubException) as refused:
        repo.create_git_ref("refs/heads/rfcsmith/1-x", commit.sha)
    assert refused.value.data["message"] == "Reference already exists"


def test_modes_links_and_deletions_survive_a_tree(hub):
    repo = hub.repo()
    head = repo.get_branch("main").commit.sha
    elements = [
        InputGitTreeElement("run.sh", "100755", "blob", content="#!/bin/sh\n"),
        InputGitTreeElement("link", "120000", "blob", content="src/lib.rs"),
        InputGitTreeElement("README.md", "100644", "blob", sha=None),
    ]
    tree = repo.create_git_tree(elements, repo.get_git_tree(head))
    listed = {entry.path: entry.mode for entry in repo.get_git_tree(tree.sha, recursive=True).tree}
    assert listed == {"run.sh": "100755", "link": "120000", "src": "040000", "src/lib.rs": "100644"}


def test_a_pull_request_tells_its_files_and_later_whether_it_can_be_merged(hub):
    repo = hub.repo()
    commit_on(repo)
    pull = repo.create_pull("main", "rfcsmith/1-x", title="New", body="Fixes #1", draft=True)
    assert pull.mergeable is None
    again = repo.get_pull(pull.number)
    assert again.mergeable is True
    assert [(file.filename, file.status) for file in again.get_files()] == [("src/new.rs", "added")]
    assert (again.commits, again.additions, again.changed_files, again.draft) == (1, 1, 1, True)


def test_a_second_pull_request_of_the_same_branch_is_refused(hub):
    number = hub.pull_request()
    with pytest.raises(GithubException) as refused:
        hub.repo().create_pull("main", "x", title="Again")
    assert number and "A pull request already exists for ada:x." in str(refused.value.data)


def test_a_repository_may_refuse_drafts(hub):
    hub.server.act.repository(REPOSITORY).allows_drafts = False
    commit_on(hub.repo())
    with pytest.raises(GithubException) as refused:
        hub.repo().create_pull("main", "rfcsmith/1-x", title="New", draft=True)
    assert refused.value.status == 422


def test_a_review_comment_outside_the_difference_refuses_the_whole_review(hub):
    number = hub.pull_request()
    payload = {
        "event": "COMMENT",
        "body": "x",
        "comments": [{"path": "src/lib.rs", "line": 99, "side": "RIGHT", "body": "?"}],
    }
    answer = ask(hub, f"/repos/{REPOSITORY}/pulls/{number}/reviews", hub.token(), method="POST", json=payload)
    assert answer.status_code == 422
    assert answer.json()["errors"] == ["Pull request review thread line must be part of the diff"]
    assert list(hub.repo().get_pull(number).get_reviews()) == []


def test_an_inline_comment_moves_with_its_line_until_the_line_is_changed(hub):
    number = hub.pull_request()
    comments = [
        {"path": "src/lib.rs", "anchor": "bb", "body": "Why?"},
        {"path": "src/lib.rs", "anchor": "fn d", "body": "What?"},
    ]
    hub.server.act.review(REPOSITORY, number, "max", "Two remarks", comments=comments)
    hub.server.act.push(
        REPOSITORY, "grace", "x", {"src/lib.rs": "// new\nfn a() {}\nfn bb() {}\nfn c() {}\nfn e() {}\n"}
    )
    pull = hub.repo().get_pull(number)
    assert [comment.line for comment in pull.get_review_comments()] == [3, None]
    reply = pull.create_review_comment_reply(next(iter(pull.get_review_comments())).id, "Because")
    assert reply.in_reply_to_id == next(iter(pull.get_review_comments())).id


def test_check_runs_add_up_annotations_and_complete(hub):
    repo = hub.repo()
    commit = commit_on(repo)
    note = {"path": "src/new.rs", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "Hm"}
    run = repo.create_check_run(
        "rfcsmith",
        commit.sha,
        external_id="r1",
        status="in_progress",
        output={"title": "a", "summary": "b", "annotations": [note]},
    )
    run.edit(status="completed", conclusion="success", output={"title": "a", "summary": "c", "annotations": [note]})
    (found,) = repo.get_commit(commit.sha).get_check_runs(check_name="rfcsmith")
    assert (found.conclusion, found.external_id, found.output.annotations_count, found.output.summary) == (
        "success",
        "r1",
        2,
        "c",
    )


def test_what_ci_said_can_be_read_with_its_log(hub):
    number = hub.pull_request()
    run_id = hub.server.act.ci(
        REPOSITORY, "grace", "x", [{"name": "test", "conclusion": "failure", "log": "error: boom\n"}]
    )
    repo = hub.repo()
    run = repo.get_workflow_run(run_id)
    assert (run.conclusion, run.pull_requests[0].number) == ("failure", number)
    (job,) = run.jobs()
    assert ask(hub, f"/repos/{REPOSITORY}/actions/jobs/{job.id}/logs", hub.token()).text == "error: boom\n"


@pytest.mark.parametrize(
    ("login", "permission", "role"), [("grace", "write", "write"), ("tom", "read", "triage"), ("zoe", "read", "read")]
)
def test_the_permission_of_a_person_is_told_with_their_role(hub, login, permission, role):
    hub.server.act.add_user(login)
    answer = ask(hub, f"/repos/{REPOSITORY}/collaborators/{login}/permission", hub.token()).json()
    assert (answer["permission"], answer["role_name"]) == (permission, role)


# --- who may ---------------------------------------------------------------------------------------------------------


def test_an_assertion_signed_with_another_key_is_refused(hub):
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    answer = ask(hub, "/app", assertion(hub, key=pem))
    assert (answer.status_code, answer.json()["message"]) == (401, "A JSON web token could not be decoded")


def test_an_expired_assertion_is_refused(hub):
    answer = ask(hub, "/app", assertion(hub, expires=-10))
    assert answer.status_code == 401
    assert "'Expiration time' claim" in answer.json()["message"]


def test_an_assertion_that_lives_too_long_is_refused(hub):
    assert ask(hub, "/app", assertion(hub, expires=3600)).status_code == 401


def test_an_unknown_app_is_refused(hub):
    assert ask(hub, "/app", assertion(hub, issuer="1")).status_code == 401


def test_a_token_is_long_and_holds_the_signs_that_break_careless_code(hub):
    token = hub.token()
    assert len(token) > 200
    assert token.startswith(f"ghs_{hub.server.app_id}_")
    assert {"_", ".", "-"} <= set(token)


def test_a_token_expires_after_an_hour(hub):
    token = hub.token()
    assert ask(hub, f"/repos/{REPOSITORY}", token).status_code == 200
    requests.post(f"{hub.server.url}/_sim/clock", json={"seconds": 3700}, timeout=5)
    assert ask(hub, f"/repos/{REPOSITORY}", token).json()["message"] == "Bad credentials"


def test_a_narrow_token_lacks_what_it_did_not_ask_for(hub):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    token = hub.token({"contents": "read"})
    answer = ask(hub, f"/repos/{REPOSITORY}/issues/{number}/comments", token, method="POST", json={"body": "x"})
    assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")
    assert answer.headers["X-Accepted-GitHub-Permissions"] == "issues=write; pull_requests=write"


def test_a_token_cannot_ask_for_more_than_was_granted(hub):
    path = f"/app/installations/{hub.installation_id}/access_tokens"
    answer = ask(hub, path, assertion(hub), method="POST", json={"permissions": {"administration": "write"}})
    assert (answer.status_code, answer.json()["message"]) == (
        422,
        "The permissions requested are not granted to this installation.",
    )


def test_a_token_for_one_repository_does_not_reach_another(hub):
    hub.server.act.add_repository("ada/other", files={"a": "b"}, private=True)
    path = f"/app/installations/{hub.installation_id}/access_tokens"
    token = ask(hub, path, assertion(hub), method="POST", json={"repositories": ["brook"]}).json()["token"]
    assert ask(hub, f"/repos/{REPOSITORY}", token).status_code == 200
    assert ask(hub, "/repos/ada/other", token).status_code == 404


def test_a_suspended_installation_gets_no_token_and_its_tokens_stop(hub):
    token = hub.token()
    hub.server.act.suspend("ada")
    path = f"/app/installations/{hub.installation_id}/access_tokens"
    answer = ask(hub, path, assertion(hub), method="POST", json={})
    assert (answer.status_code, answer.json()["message"]) == (403, "This installation has been suspended")
    assert ask(hub, f"/repos/{REPOSITORY}", token).status_code == 403


def test_a_revoked_token_stops_working(hub):
    token = hub.token()
    assert ask(hub, "/installation/token", token, method="DELETE").status_code == 204
    assert ask(hub, f"/repos/{REPOSITORY}", token).status_code == 401


def test_a_person_may_do_over_rest_what_their_role_allows(hub):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    path, label = f"/repos/{REPOSITORY}/issues/{number}/labels", {"labels": ["bug"]}
    assert ask(hub, path, hub.server.user_token("zoe"), method="POST", json=label).status_code == 403
    assert ask(hub, path, hub.server.user_token("tom"), method="POST", json=label).status_code == 200


def test_a_private_repository_looks_as_if_it_were_not_there(hub):
    hub.server.act.add_repository("eve/secret", files={"a": "b"}, private=True)
    assert ask(hub, "/repos/eve/secret", hub.token()).json()["message"] == "Not Found"


def test_a_locked_issue_takes_no_comment_of_the_app(hub):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    hub.server.act.lock(REPOSITORY, number, "grace")
    with pytest.raises(GithubException) as refused:
        hub.repo().get_issue(number).create_comment("x")
    assert refused.value.data["message"] == "Unable to create comment because issue is locked."


def test_a_comment_that_is_too_long_is_refused_with_githubs_words(hub):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    with pytest.raises(GithubException) as refused:
        hub.repo().get_issue(number).create_comment("x" * 65_537)
    assert refused.value.data["errors"][0]["message"] == "Body is too long (maximum is 65536 characters)"


# --- how it is answered ----------------------------------------------------------------------------------------------


def test_what_has_not_changed_is_answered_with_304_and_costs_nothing(hub):
    token = hub.token()
    first = ask(hub, f"/repos/{REPOSITORY}", token)
    again = ask(hub, f"/repos/{REPOSITORY}", token, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["X-RateLimit-Remaining"] == first.headers["X-RateLimit-Remaining"]


def test_every_answer_carries_githubs_headers(hub):
    headers = ask(hub, f"/repos/{REPOSITORY}", hub.token()).headers
    for name in ("Limit", "Remaining", "Reset", "Used", "Resource"):
        assert f"X-RateLimit-{name}" in headers
    assert headers["X-GitHub-Api-Version-Selected"] == "2022-11-28"
    assert headers["X-GitHub-Request-Id"].count(":") == 2


def test_a_renamed_repository_redirects_and_is_found_under_its_new_name(hub):
    number = hub.server.act.open_issue(REPOSITORY, "zoe", "It breaks")
    hub.server.act.rename(REPOSITORY, "ada", "river")
    answer = ask(hub, f"/repos/{REPOSITORY}/issues/{number}", hub.token(), allow_redirects=False)
    assert answer.status_code == 301
    assert "/repositories/" in answer.headers["Location"]
    assert hub.client().get_repo(REPOSITORY).get_issue(number).title == "It breaks"
    post = ask(
        hub, f"/repos/{REPOSITORY}/issues", hub.token(), method="POST", json={"title": "x"}, allow_redirects=False
    )
    assert post.status_code == 307


def test_merging_closes_the_issue_the_pull_request_fixes(hub):
    act = hub.server.act
    issue = act.open_issue(REPOSITORY, "zoe", "It breaks")
    act.push(REPOSITORY, "grace", "fix", {"src/fix.rs": "// fixed\n"})
    number = act.open_pull_request(REPOSITORY, "grace", "fix", "Fix", f"Fixes #{issue}")
    sha = act.merge(REPOSITORY, number, "max")
    repo = hub.repo()
    assert repo.get_issue(issue).state == "closed"
    assert repo.get_pull(number).merged
    assert repo.get_branch("main").commit.sha == sha


def test_a_fork_can_offer_a_pull_request(hub):
    server = hub.server
    with server.world.lock:
        fork = server.changes.fork(server.act.repository(REPOSITORY), server.act.person("zoe"))
    server.act.push(fork.full_name, "zoe", "mine", {"src/mine.rs": "// mine\n"})
    number = server.act.open_pull_request(REPOSITORY, "zoe", "zoe:mine", "Mine")
    pull = hub.repo().get_pull(number)
    assert pull.head.repo.full_name == "zoe/brook"
    assert [file.filename for file in pull.get_files()] == ["src/mine.rs"]


def test_a_conflict_is_told_and_cannot_be_merged(hub):
    number = hub.pull_request()
    hub.server.act.push(REPOSITORY, "grace", "main", {"src/lib.rs": "fn z() {}\n"})
    token = hub.token()
    assert ask(hub, f"/repos/{REPOSITORY}/pulls/{number}", token).json()["mergeable_state"] == "dirty"
    answer = ask(hub, f"/repos/{REPOSITORY}/pulls/{number}/merge", token, method="PUT", json={})
    assert (answer.status_code, answer.json()["message"]) == (405, "Pull Request is not mergeable")


def test_an_unknown_issue_is_not_found(hub):
    with pytest.raises(UnknownObjectException):
        hub.repo().get_issue(99)
