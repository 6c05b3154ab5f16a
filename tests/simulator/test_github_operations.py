"""Every operation that is served answers at least once as GitHub's description says."""

from __future__ import annotations

import base64

import requests

from simulator.github.git import ZERO
from simulator.github.routes import served_operations

REPOSITORY = "ada/brook"


def world_of_things(hub):
    """One of everything, and the names under which the operations below speak of them."""
    act = hub.server.act
    issue = act.open_issue(REPOSITORY, "zoe", "It breaks", "Look")
    comment = act.comment(REPOSITORY, issue, "zoe", "Please")
    number = hub.pull_request(draft=False)
    remarks = [{"path": "src/lib.rs", "line": 2, "body": "Why?"}]
    review = act.review(REPOSITORY, number, "max", "Look", comments=remarks)
    run = act.ci(REPOSITORY, "grace", "x", [("test", "failure", "boom")])
    act.add_user("nobody")
    pull_request = act.pull_request(REPOSITORY, number)
    git = act.repository(REPOSITORY).git
    head = git.commit(pull_request.head_sha)
    return {
        "issue": issue,
        "comment": comment,
        "number": number,
        "review": review,
        "remark": pull_request.comments[0].id,
        "run": run,
        "job": act.repository(REPOSITORY).workflow_runs[0].jobs[0].id,
        "sha": head.sha,
        "tree": head.tree,
        "blob": git.tree(head.tree)[0].sha,
        "main": git.ref("refs/heads/main"),
        "suite": act.repository(REPOSITORY).suites[-1].id,
        "installation": hub.installation_id,
    }


class Caller:
    """Calls operations in one name and remembers which it has called."""

    def __init__(self, hub, token, called):
        self.hub, self.token, self.called = hub, token, called

    def __call__(self, operation, method, path, body=None, /, **query):
        before = len(self.hub.server.service.requests)
        path = path.replace("R/", f"/repos/{REPOSITORY}/", 1) if path.startswith("R/") else path
        answer = requests.request(
            method,
            self.hub.server.url + path,
            json=body,
            params=query,
            headers={"Authorization": f"Bearer {self.token}"},
            allow_redirects=False,
            timeout=10,
        )
        assert answer.status_code < 400, (operation, answer.status_code, answer.text)
        assert self.hub.server.service.requests[before].operation == operation
        self.called.add(operation)
        return answer.json() if answer.content else None


def as_the_app_itself(call, things, receiver, hub):
    call("apps/get-authenticated", "GET", "/app")
    call("apps/get-by-slug", "GET", "/apps/rfcsmith")
    call("apps/list-installations", "GET", "/app/installations")
    call("apps/get-installation", "GET", f"/app/installations/{things['installation']}")
    call("apps/get-repo-installation", "GET", "R/installation")
    call("apps/get-user-installation", "GET", "/users/ada/installation")
    hub.server.act.add_user("crew", kind="Organization")
    hub.server.act.install("crew")
    call("apps/get-org-installation", "GET", "/orgs/crew/installation")
    hub.server.wait_for_deliveries()
    deliveries = call("apps/list-webhook-deliveries", "GET", "/app/hook/deliveries")
    call("apps/get-webhook-delivery", "GET", f"/app/hook/deliveries/{deliveries[0]['id']}")
    call("apps/redeliver-webhook-delivery", "POST", f"/app/hook/deliveries/{deliveries[0]['id']}/attempts")
    token = call(
        "apps/create-installation-access-token",
        "POST",
        f"/app/installations/{things['installation']}/access_tokens",
        {"repositories": ["brook"]},
    )
    crew = hub.server.world.installations[-1].id
    call("apps/delete-installation", "DELETE", f"/app/installations/{crew}")
    return token["token"]


def reading(call, things):
    call("meta/root", "GET", "/")
    call("meta/get-all-versions", "GET", "/versions")
    call("rate-limit/get", "GET", "/rate_limit")
    call("users/get-by-username", "GET", "/users/rfcsmith%5Bbot%5D")
    call("repos/get", "GET", f"/repos/{REPOSITORY}")
    call("repos/list-languages", "GET", "R/languages")
    call("repos/list-collaborators", "GET", "R/collaborators")
    call("repos/check-collaborator", "GET", "R/collaborators/grace")
    call("repos/get-collaborator-permission-level", "GET", "R/collaborators/nobody/permission")
    call("apps/list-repos-accessible-to-installation", "GET", "/installation/repositories")
    call("search/issues-and-pull-requests", "GET", "/search/issues", q=f"repo:{REPOSITORY} is:issue breaks")
    call("actions/list-workflow-runs-for-repo", "GET", "R/actions/runs", head_sha=things["sha"])
    call("actions/get-workflow-run", "GET", f"R/actions/runs/{things['run']}")
    call("actions/list-jobs-for-workflow-run", "GET", f"R/actions/runs/{things['run']}/jobs")
    call("actions/get-job-for-workflow-run", "GET", f"R/actions/jobs/{things['job']}")
    call("actions/download-job-logs-for-workflow-run", "GET", f"R/actions/jobs/{things['job']}/logs")
    call("actions/re-run-workflow-failed-jobs", "POST", f"R/actions/runs/{things['run']}/rerun-failed-jobs")


def git_data(call, things):
    blob = call(
        "git/create-blob", "POST", "R/git/blobs", {"content": base64.b64encode(b"x\0").decode(), "encoding": "base64"}
    )
    call("git/get-blob", "GET", f"R/git/blobs/{blob['sha']}")
    entry = {"path": "new", "mode": "100644", "type": "blob", "sha": blob["sha"]}
    tree = call("git/create-tree", "POST", "R/git/trees", {"base_tree": things["tree"], "tree": [entry]})
    call("git/get-tree", "GET", f"R/git/trees/{tree['sha']}", recursive="1")
    commit = call(
        "git/create-commit", "POST", "R/git/commits", {"message": "m", "tree": tree["sha"], "parents": [things["sha"]]}
    )
    call("git/get-commit", "GET", f"R/git/commits/{commit['sha']}")
    call("git/create-ref", "POST", "R/git/refs", {"ref": "refs/heads/feature/y", "sha": things["sha"]})
    call("git/update-ref", "PATCH", "R/git/refs/heads/feature/y", {"sha": commit["sha"], "force": False})
    assert call("git/get-ref", "GET", "R/git/ref/heads/feature/y")["object"]["sha"] == commit["sha"]
    assert len(call("git/list-matching-refs", "GET", "R/git/matching-refs/heads/feat")) == 1
    call("repos/list-branches", "GET", "R/branches")
    call("repos/get-branch", "GET", "R/branches/feature/y")
    call("repos/list-commits", "GET", "R/commits", sha="feature/y", path="new")
    call("repos/get-commit", "GET", "R/commits/feature/y")
    assert call("repos/compare-commits-with-basehead", "GET", "R/compare/main...feature/y")["ahead_by"] == 2
    call("repos/get-content", "GET", "R/contents/src", ref="feature/y")
    call("repos/get-content", "GET", "R/contents/src/lib.rs")
    call("git/delete-ref", "DELETE", "R/git/refs/heads/feature/y")
    assert commit["sha"] != ZERO


def issues(call, things):
    issue = things["issue"]
    call("issues/list-sub-issues", "GET", f"R/issues/{issue}/sub_issues")
    made = call("issues/create", "POST", "R/issues", {"title": "Mine", "labels": ["bug"], "assignees": ["grace"]})
    call("issues/add-sub-issue", "POST", f"R/issues/{issue}/sub_issues", {"sub_issue_id": made["id"]})
    call("issues/list-for-repo", "GET", "R/issues", state="all", labels="bug", creator="rfcsmith[bot]", sort="updated")
    call("issues/get", "GET", f"R/issues/{issue}")
    call(
        "issues/update",
        "PATCH",
        f"R/issues/{made['number']}",
        {"title": "Ours", "state": "closed", "state_reason": "not_planned", "labels": ["question"]},
    )
    call("issues/add-assignees", "POST", f"R/issues/{issue}/assignees", {"assignees": ["max"]})
    call("issues/list-events", "GET", f"R/issues/{issue}/events")
    call("issues/lock", "PUT", f"R/issues/{made['number']}/lock", {"lock_reason": "resolved"})
    call("issues/unlock", "DELETE", f"R/issues/{made['number']}/lock")
    comment = call("issues/create-comment", "POST", f"R/issues/{issue}/comments", {"body": "Hm"})
    call("issues/list-comments", "GET", f"R/issues/{issue}/comments", since="2020-01-01T00:00:00Z")
    call("issues/list-comments-for-repo", "GET", "R/issues/comments", sort="updated", direction="desc")
    call("issues/get-comment", "GET", f"R/issues/comments/{comment['id']}")
    call("issues/update-comment", "PATCH", f"R/issues/comments/{comment['id']}", {"body": "Ah"})
    call("issues/delete-comment", "DELETE", f"R/issues/comments/{comment['id']}")
    call("issues/create-label", "POST", "R/labels", {"name": "rfc", "color": "ff0000", "description": "An RFC"})
    call("issues/list-labels-for-repo", "GET", "R/labels")
    call("issues/get-label", "GET", "R/labels/rfc")
    call("issues/add-labels", "POST", f"R/issues/{issue}/labels", {"labels": ["rfc"]})
    call("issues/list-labels-on-issue", "GET", f"R/issues/{issue}/labels")
    call("issues/remove-label", "DELETE", f"R/issues/{issue}/labels/rfc")
    call("issues/set-labels", "PUT", f"R/issues/{issue}/labels", {"labels": ["bug", "rfc"]})
    call("issues/remove-all-labels", "DELETE", f"R/issues/{issue}/labels")


def reactions(call, things):
    kinds = {
        "issue": f"issues/{things['issue']}",
        "issue-comment": f"issues/comments/{things['comment']}",
        "pull-request-review-comment": f"pulls/comments/{things['remark']}",
    }
    for kind, path in kinds.items():
        made = call(f"reactions/create-for-{kind}", "POST", f"R/{path}/reactions", {"content": "rocket"})
        call(f"reactions/list-for-{kind}", "GET", f"R/{path}/reactions", content="rocket")
        delete = f"reactions/delete-for-{kind.replace('review-', '')}"
        call(delete, "DELETE", f"R/{path}/reactions/{made['id']}")


def pull_requests(call, things):
    pull = f"R/pulls/{things['number']}"
    call("pulls/list", "GET", "R/pulls", head="ada:x", state="all", sort="created", direction="desc")
    call("pulls/get", "GET", pull)
    call("pulls/update", "PATCH", pull, {"title": "Better", "body": "Text"})
    call("pulls/list-commits", "GET", f"{pull}/commits")
    call("pulls/list-files", "GET", f"{pull}/files")
    call("repos/list-pull-requests-associated-with-commit", "GET", f"R/commits/{things['sha']}/pulls")
    call("pulls/request-reviewers", "POST", f"{pull}/requested_reviewers", {"reviewers": ["max"]})
    call("pulls/list-requested-reviewers", "GET", f"{pull}/requested_reviewers")
    call("pulls/remove-requested-reviewers", "DELETE", f"{pull}/requested_reviewers", {"reviewers": ["max"]})
    call("pulls/list-reviews", "GET", f"{pull}/reviews")
    call("pulls/get-review", "GET", f"{pull}/reviews/{things['review']}")
    call("pulls/list-comments-for-review", "GET", f"{pull}/reviews/{things['review']}/comments")
    call("pulls/list-review-comments", "GET", f"{pull}/comments")
    call("pulls/get-review-comment", "GET", f"R/pulls/comments/{things['remark']}")
    call("pulls/update-review-comment", "PATCH", f"R/pulls/comments/{things['remark']}", {"body": "Why so?"})
    reply = call(
        "pulls/create-reply-for-review-comment", "POST", f"{pull}/comments/{things['remark']}/replies", {"body": "So"}
    )
    call("pulls/delete-review-comment", "DELETE", f"R/pulls/comments/{reply['id']}")
    draft = {"body": "Hm", "commit_id": things["sha"], "path": "src/lib.rs", "line": 4, "side": "RIGHT"}
    call("pulls/create-review-comment", "POST", f"{pull}/comments", draft)
    comments = [{"path": "src/lib.rs", "line": 4, "side": "RIGHT", "body": "d"}]
    review = call("pulls/create-review", "POST", f"{pull}/reviews", {"body": "Draft", "comments": comments})
    call("pulls/update-review", "PUT", f"{pull}/reviews/{review['id']}", {"body": "Drafted"})
    call("pulls/submit-review", "POST", f"{pull}/reviews/{review['id']}/events", {"event": "REQUEST_CHANGES"})
    call("pulls/dismiss-review", "PUT", f"{pull}/reviews/{review['id']}/dismissals", {"message": "Done"})


def checks(call, things):
    sha = things["sha"]
    action = {"label": "Again", "description": "Once more", "identifier": "again"}
    note = {"path": "src/lib.rs", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "Hm"}
    output = {"title": "t", "summary": "s", "text": "x", "annotations": [note]}
    body = {
        "name": "rfcsmith",
        "head_sha": sha,
        "external_id": "r",
        "status": "in_progress",
        "output": output,
        "actions": [action],
    }
    run = call("checks/create", "POST", "R/check-runs", body)
    call("checks/update", "PATCH", f"R/check-runs/{run['id']}", {"status": "completed", "conclusion": "success"})
    call("checks/get", "GET", f"R/check-runs/{run['id']}")
    call("checks/list-annotations", "GET", f"R/check-runs/{run['id']}/annotations")
    call("checks/list-for-ref", "GET", f"R/commits/{sha}/check-runs", check_name="rfcsmith", filter="all")
    call("checks/list-suites-for-ref", "GET", "R/commits/x/check-suites")
    call("checks/get-suite", "GET", f"R/check-suites/{things['suite']}")
    call("checks/list-for-suite", "GET", f"R/check-suites/{things['suite']}/check-runs")
    call("repos/get-combined-status-for-ref", "GET", "R/commits/x/status")
    call("repos/list-commit-statuses-for-ref", "GET", f"R/commits/{sha}/statuses")


def merging(call, hub, things):
    hub.server.act.push(REPOSITORY, "grace", "main", {"other.txt": "other"})
    call("pulls/update-branch", "PUT", f"R/pulls/{things['number']}/update-branch", {})
    call("pulls/merge", "PUT", f"R/pulls/{things['number']}/merge", {"merge_method": "squash", "commit_title": "Done"})
    call("pulls/check-if-merged", "GET", f"R/pulls/{things['number']}/merge")
    hub.server.act.push(REPOSITORY, "grace", "z", {"z.txt": "z"})
    call("pulls/create", "POST", "R/pulls", {"title": "Z", "head": "z", "base": "main", "body": "b", "draft": True})


def test_every_served_operation_answers_as_github_describes_it(hub, receiver):
    things, called = world_of_things(hub), set()
    as_app = Caller(hub, hub.app_auth.create_jwt(), called)
    token = as_the_app_itself(as_app, things, receiver, hub)
    call = Caller(hub, token, called)
    reading(call, things)
    git_data(call, things)
    issues(call, things)
    reactions(call, things)
    pull_requests(call, things)
    checks(call, things)
    merging(call, hub, things)
    person = Caller(hub, hub.server.user_token("grace"), called)
    person("users/get-authenticated", "GET", "/user")
    status = {"state": "success", "context": "ci", "description": "Fine", "target_url": "http://localhost/ci"}
    person("repos/create-commit-status", "POST", f"R/statuses/{things['sha']}", status)
    call("repos/get-combined-status-for-ref", "GET", f"R/commits/{things['sha']}/status")
    call("repos/list-commit-statuses-for-ref", "GET", f"R/commits/{things['sha']}/statuses")
    call("apps/revoke-installation-access-token", "DELETE", "/installation/token")
    assert called == served_operations()


def test_people_act_over_http_by_the_same_verbs(hub):
    def do(**values):
        return requests.post(f"{hub.server.url}/_sim/act", json=values, timeout=5)

    number = do(do="open_issue", repository=REPOSITORY, who="zoe", title="It breaks").json()["result"]
    assert do(do="label", repository=REPOSITORY, number=number, who="tom", name="rfc-needed").status_code == 200
    assert do(do="label", repository=REPOSITORY, number=number, who="zoe", name="bug").status_code == 403
    assert do(do="fly", repository=REPOSITORY).status_code == 404
    assert do(do="label", repository=REPOSITORY).status_code == 422
    assert hub.server.events[-1].payload["label"]["name"] == "rfc-needed"
