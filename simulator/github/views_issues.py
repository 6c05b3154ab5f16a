"""Issues and their conversation as GitHub's JSON."""

from __future__ import annotations

from simulator.github import views
from simulator.github.place import Place, stamp
from simulator.github.state import Comment, Issue, Moment
from simulator.github.views import Json


def issue(at: Place, it: Issue) -> Json:
    """An `issue`, also of a pull request's issue side."""
    repository = it.repository
    url = at.repo(repository, f"/issues/{it.number}")
    assignees = [views.user(at, person) for person in it.assignees]
    body: Json = {
        "url": url,
        "repository_url": at.repo(repository),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": at.html(it.path),
        "id": it.id,
        "node_id": at.world.node_id(it),
        "number": it.number,
        "title": it.title,
        "user": views.user(at, it.author),
        "labels": [views.label(at, repository, label) for label in it.labels],
        "state": it.state,
        "locked": it.locked,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "comments": len(it.comments),
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.updated_at),
        "closed_at": stamp(it.closed_at),
        "author_association": views.association(repository, it.author),
        "type": None,
        "active_lock_reason": it.lock_reason,
        "sub_issues_summary": {"total": 0, "completed": 0, "percent_completed": 0},
        "issue_dependencies_summary": {"blocked_by": 0, "total_blocked_by": 0, "blocking": 0, "total_blocking": 0},
        "body": it.body or None,
        "reactions": views.reactions(url, it),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": views.performed_via(at, it),
        "state_reason": it.state_reason,
    }
    if it.pull_request:
        body["draft"] = it.pull_request.draft
        body["pull_request"] = {
            "url": at.repo(repository, f"/pulls/{it.number}"),
            "html_url": at.html(it.path),
            "diff_url": at.html(f"{it.path}.diff"),
            "patch_url": at.html(f"{it.path}.patch"),
            "merged_at": stamp(it.pull_request.merged_at),
        }
    return body


def full_issue(at: Place, it: Issue) -> Json:
    """What `GET` of one issue answers: it also tells who closed it."""
    return {**issue(at, it), "closed_by": views.user(at, it.closed_by) if it.closed_by else None}


def comment(at: Place, it: Comment) -> Json:
    """An `issue-comment`."""
    repository = it.issue.repository
    url = at.repo(repository, f"/issues/comments/{it.id}")
    return {
        "url": url,
        "html_url": at.html(f"{it.issue.path}#issuecomment-{it.id}"),
        "issue_url": at.repo(repository, f"/issues/{it.issue.number}"),
        "id": it.id,
        "node_id": at.world.node_id(it),
        "user": views.user(at, it.author),
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.updated_at),
        "author_association": views.association(repository, it.author),
        "body": it.body,
        "reactions": views.reactions(url, it),
        "performed_via_github_app": views.performed_via(at, it),
    }


def moment(at: Place, issue: Issue, it: Moment) -> Json:
    """An `issue-event`."""
    body: Json = {
        "id": it.id,
        "node_id": at.world.node_id(it),
        "url": at.repo(issue.repository, f"/issues/events/{it.id}"),
        "actor": views.user(at, it.actor),
        "event": it.kind,
        "commit_id": it.details.get("commit"),
        "commit_url": None,
        "created_at": stamp(it.at),
        "performed_via_github_app": None,
    }
    if "label" in it.details:
        body["label"] = {"name": it.details["label"].name, "color": it.details["label"].color}
    if "reviewer" in it.details:
        body["requested_reviewer"] = views.user(at, it.details["reviewer"])
        body["review_requester"] = views.user(at, it.actor)
    if "assignee" in it.details:
        body["assignee"] = views.user(at, it.details["assignee"])
        body["assigner"] = views.user(at, it.actor)
    if "from" in it.details:
        body["rename"] = {"from": it.details["from"], "to": it.details["to"]}
    if "reason" in it.details:
        body["lock_reason"] = it.details["reason"]
    return body
