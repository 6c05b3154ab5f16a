"""REST: issues, comments, labels and reactions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from simulator.github import views, views_issues
from simulator.github.operations import Answer, Call, operation, required
from simulator.github.refusals import Refusal, must_have_rights, not_found
from simulator.github.state import Issue, Written


def _names(labels: Any) -> list[str]:
    """Labels come as names or as objects with a name."""
    return [label if isinstance(label, str) else label["name"] for label in labels or []]


def _since(call: Call, things: list[Any]) -> list[Any]:
    since = call.query.get("since")
    return [each for each in things if not since or each.updated_at >= datetime.fromisoformat(since)]


def _sorted(call: Call, things: list[Any], *, default: str = "created", direction: str = "desc") -> list[Any]:
    by = call.query.get("sort") or default
    backwards = (call.query.get("direction") or direction) == "desc"
    attribute = "updated_at" if by == "updated" else "created_at"
    return sorted(things, key=lambda each: (getattr(each, attribute), each.id), reverse=backwards)


@operation("issues/list-for-repo")
def list_issues(call: Call) -> Answer:
    state, creator, labels = call.query.get("state") or "open", call.query.get("creator"), call.query.get("labels")
    wanted = {label.lower() for label in labels.split(",")} if labels else set()
    listed = [
        issue
        for issue in call.repository.issues.values()
        if state in ("all", issue.state)
        and (not creator or issue.author.login.lower() == creator.lower())
        and wanted <= {label.name.lower() for label in issue.labels}
    ]
    return call.page(_sorted(call, _since(call, listed)), lambda issue: views_issues.issue(call.at, issue))


@operation("issues/create", success=201, role="read")
def create_issue(call: Call) -> Any:
    (title,) = required(call.body, "Issue", "title")
    people = [call.person(login) for login in call.body.get("assignees") or []]
    labels = _names(call.body.get("labels"))
    issue = call.changes.open_issue(
        call.repository, call.user, str(title), call.body.get("body"), labels=labels, assignees=people
    )
    return views_issues.full_issue(call.at, issue)


@operation("issues/list-sub-issues")
def list_sub_issues(call: Call) -> Answer:
    refuse_without_sub_issues(call)
    return call.page(call.issue().sub_issues, lambda issue: views_issues.issue(call.at, issue))


@operation("issues/add-sub-issue", success=201, role="triage")
def add_sub_issue(call: Call) -> Any:
    refuse_without_sub_issues(call)
    (wanted,) = required(call.body, "Issue", "sub_issue_id")
    child = next((issue for issue in call.repository.issues.values() if issue.id == wanted), None)
    if child is None:
        raise not_found()
    parent = call.issue()
    if any(child in issue.sub_issues for issue in call.repository.issues.values()):
        raise Refusal(422, "Issue may not contain duplicate sub-issues and Sub issue may only have one parent")
    parent.sub_issues.append(child)
    return views_issues.full_issue(call.at, parent)


def refuse_without_sub_issues(call: Call) -> None:
    """An older Enterprise Server has no such address."""
    if not call.world.has_sub_issues:
        raise not_found()


@operation("issues/get")
def get_issue(call: Call) -> Any:
    return views_issues.full_issue(call.at, call.issue())


def _may_edit(call: Call, thing: Written) -> None:
    """Installations may edit with the permission; people their own, or with the write role."""
    if (
        call.caller.installation is None
        and thing.author is not call.user
        and call.repository.role(call.user) not in ("write", "maintain", "admin")
    ):
        raise must_have_rights()


@operation("issues/update", role="read")
def update_issue(call: Call) -> Any:
    issue, body = call.issue(), call.body
    _may_edit(call, issue)
    call.changes.edit_issue(issue, call.user, title=body.get("title"), body=body.get("body"))
    if "labels" in body:
        _replace_labels(call, issue, _names(body["labels"]))
    if "assignees" in body:
        people = [call.person(login) for login in body["assignees"]]
        call.changes.unassign(issue, call.user, [person for person in issue.assignees if person not in people])
        call.changes.assign(issue, call.user, people)
    reason = body.get("state_reason")
    if body.get("state") == "closed":
        call.changes.close(issue, call.user, reason or "completed")
    elif body.get("state") == "open":
        call.changes.reopen(issue, call.user)
    return views_issues.full_issue(call.at, issue)


def _replace_labels(call: Call, issue: Issue, names: list[str]) -> None:
    wanted = {name.lower() for name in names}
    for label in [each for each in issue.labels if each.name.lower() not in wanted]:
        call.changes.remove_label(issue, call.user, label.name)
    call.changes.add_labels(issue, call.user, names)


@operation("issues/lock", success=204)
def lock_issue(call: Call) -> None:
    call.changes.lock(call.issue(), call.user, call.body.get("lock_reason"))


@operation("issues/unlock", success=204)
def unlock_issue(call: Call) -> None:
    call.changes.unlock(call.issue(), call.user)


@operation("issues/add-assignees", success=201)
def add_assignees(call: Call) -> Any:
    people = [person for login in call.body.get("assignees") or [] if (person := call.world.user(login))]
    call.changes.assign(call.issue(), call.user, people)
    return views_issues.full_issue(call.at, call.issue())


@operation("issues/list-events")
def list_events(call: Call) -> Answer:
    issue = call.issue()
    return call.page(issue.moments, lambda moment: views_issues.moment(call.at, issue, moment))


# --- comments --------------------------------------------------------------------------------------------------------


@operation("issues/list-comments")
def list_comments(call: Call) -> Answer:
    return call.page(_since(call, call.issue().comments), lambda comment: views_issues.comment(call.at, comment))


@operation("issues/list-comments-for-repo")
def list_all_comments(call: Call) -> Answer:
    comments = [comment for issue in call.repository.issues.values() for comment in issue.comments]
    listed = _sorted(call, _since(call, comments), direction="asc")
    return call.page(listed, lambda comment: views_issues.comment(call.at, comment))


@operation("issues/create-comment", success=201, role="read")
def create_comment(call: Call) -> Any:
    (body,) = required(call.body, "IssueComment", "body")
    return views_issues.comment(call.at, call.changes.comment(call.issue(), call.user, body))


@operation("issues/get-comment")
def get_comment(call: Call) -> Any:
    return views_issues.comment(call.at, call.comment())


@operation("issues/update-comment", role="read")
def update_comment(call: Call) -> Any:
    comment = call.comment()
    _may_edit(call, comment)
    (body,) = required(call.body, "IssueComment", "body")
    call.changes.edit_comment(comment, call.user, body)
    return views_issues.comment(call.at, comment)


@operation("issues/delete-comment", success=204, role="read")
def delete_comment(call: Call) -> None:
    comment = call.comment()
    _may_edit(call, comment)
    call.changes.delete_comment(comment, call.user)


# --- labels ----------------------------------------------------------------------------------------------------------


def _issue_labels(call: Call) -> list[Any]:
    return [views.label(call.at, call.repository, label) for label in call.issue().labels]


@operation("issues/list-labels-on-issue")
def list_labels_on_issue(call: Call) -> Answer:
    return call.page(call.issue().labels, lambda label: views.label(call.at, call.repository, label))


@operation("issues/add-labels", role="triage")
def add_labels(call: Call) -> Any:
    call.changes.add_labels(call.issue(), call.user, _names(call.body.get("labels")))
    return _issue_labels(call)


@operation("issues/set-labels", role="triage")
def set_labels(call: Call) -> Any:
    _replace_labels(call, call.issue(), _names(call.body.get("labels")))
    return _issue_labels(call)


@operation("issues/remove-label", role="triage")
def remove_label(call: Call) -> Any:
    call.changes.remove_label(call.issue(), call.user, call.path["name"])
    return _issue_labels(call)


@operation("issues/remove-all-labels", success=204, role="triage")
def remove_all_labels(call: Call) -> None:
    _replace_labels(call, call.issue(), [])


@operation("issues/list-labels-for-repo")
def list_labels(call: Call) -> Answer:
    return call.page(call.repository.labels.values(), lambda label: views.label(call.at, call.repository, label))


@operation("issues/create-label", success=201, role="triage")
def create_label(call: Call) -> Any:
    (name,) = required(call.body, "Label", "name")
    color, description = call.body.get("color") or "ededed", call.body.get("description")
    label = call.changes.create_label(call.repository, call.user, name, color, description)
    return views.label(call.at, call.repository, label)


@operation("issues/get-label")
def get_label(call: Call) -> Any:
    label = call.repository.labels.get(call.path["name"].lower())
    if label is None:
        raise Refusal(404, "Not Found")
    return views.label(call.at, call.repository, label)


# --- reactions -------------------------------------------------------------------------------------------------------


def _react(call: Call, thing: Written) -> Answer:
    (content,) = required(call.body, "Reaction", "content")
    reaction, is_new = call.changes.react(thing, call.user, content)
    return Answer(201 if is_new else 200, views.reaction(call.at, reaction))


def _reactions(call: Call, thing: Written) -> Answer:
    content = call.query.get("content")
    listed = [each for each in thing.reactions if content in (None, each.content)]
    return call.page(listed, lambda reaction: views.reaction(call.at, reaction))


@operation("reactions/create-for-issue", role="read")
def react_to_issue(call: Call) -> Answer:
    return _react(call, call.issue())


@operation("reactions/list-for-issue")
def list_issue_reactions(call: Call) -> Answer:
    return _reactions(call, call.issue())


@operation("reactions/delete-for-issue", success=204, role="read")
def delete_issue_reaction(call: Call) -> None:
    call.changes.unreact(call.issue(), call.user, int(call.path["reaction_id"]))


@operation("reactions/create-for-issue-comment", role="read")
def react_to_comment(call: Call) -> Answer:
    return _react(call, call.comment())


@operation("reactions/list-for-issue-comment")
def list_comment_reactions(call: Call) -> Answer:
    return _reactions(call, call.comment())


@operation("reactions/delete-for-issue-comment", success=204, role="read")
def delete_comment_reaction(call: Call) -> None:
    call.changes.unreact(call.comment(), call.user, int(call.path["reaction_id"]))


@operation("reactions/create-for-pull-request-review-comment", role="read")
def react_to_review_comment(call: Call) -> Answer:
    return _react(call, call.review_comment())


@operation("reactions/list-for-pull-request-review-comment")
def list_review_comment_reactions(call: Call) -> Answer:
    return _reactions(call, call.review_comment())


@operation("reactions/delete-for-pull-request-comment", success=204, role="read")
def delete_review_comment_reaction(call: Call) -> None:
    call.changes.unreact(call.review_comment(), call.user, int(call.path["reaction_id"]))
