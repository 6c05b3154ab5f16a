"""REST: pull requests, reviews and inline comments."""

from __future__ import annotations

from typing import Any

from simulator.github import views, views_git, views_issues, views_pulls
from simulator.github.operations import Answer, Call, operation, required
from simulator.github.refusals import Refusal, not_found, unprocessable
from simulator.github.state import PullRequest, ReviewComment


def _mergeable(pull_request: PullRequest) -> bool | None:
    """GitHub computes this in the background: some reads answer null."""
    if pull_request.state != "open":
        return None
    if pull_request.mergeable_unknown > 0:
        pull_request.mergeable_unknown -= 1
        return None
    return views_pulls.is_mergeable(pull_request)


def _full(call: Call, pull_request: PullRequest) -> Any:
    return views_pulls.full(call.at, pull_request, mergeable=_mergeable(pull_request))


@operation("pulls/list")
def list_pull_requests(call: Call) -> Answer:
    state, head, base = call.query.get("state") or "open", call.query.get("head"), call.query.get("base")
    listed = []
    for each in call.repository.pull_requests:
        owner = (each.head_repository or each.repository).owner.login
        # Without an owner GitHub passes over the filter in silence, which hides mistakes; here it finds nothing.
        if state in ("all", each.state) and base in (None, each.base) and head in (None, f"{owner}:{each.head}"):
            listed.append(each)
    by = call.query.get("sort") or "created"
    backwards = (call.query.get("direction") or ("desc" if by == "created" else "asc")) == "desc"
    listed.sort(
        key=lambda each: (each.issue.updated_at if by == "updated" else each.issue.created_at, each.number),
        reverse=backwards,
    )
    return call.page(listed, lambda each: views_pulls.simple(call.at, each))


@operation("pulls/create", success=201, role="read")
def create_pull_request(call: Call) -> Any:
    head, base = required(call.body, "PullRequest", "head", "base")
    pull_request = call.changes.open_pull_request(
        call.repository,
        call.user,
        head=head,
        base=base,
        title=call.body.get("title") or "",
        body=call.body.get("body"),
        draft=bool(call.body.get("draft")),
        maintainer_can_modify=bool(call.body.get("maintainer_can_modify", True)),
    )
    return views_pulls.full(call.at, pull_request, mergeable=None)


@operation("pulls/get")
def get_pull_request(call: Call) -> Any:
    pull_request = call.pull_request()
    if "diff" in call.accept:
        git = call.repository.git
        start = git.merge_base(pull_request.base_sha, pull_request.head_sha) or pull_request.base_sha
        return Answer(
            200, git.diff(start, pull_request.head_sha), {"Content-Type": "application/vnd.github.diff; charset=utf-8"}
        )
    return _full(call, pull_request)


@operation("pulls/update", role="read")
def update_pull_request(call: Call) -> Any:
    pull_request, body = call.pull_request(), call.body
    call.changes.edit_pull_request(
        pull_request, call.user, title=body.get("title"), body=body.get("body"), base=body.get("base")
    )
    if body.get("state") == "closed":
        call.changes.close(pull_request.issue, call.user)
    elif body.get("state") == "open":
        call.changes.reopen(pull_request.issue, call.user)
    return _full(call, pull_request)


@operation("pulls/list-commits")
def list_commits(call: Call) -> Answer:
    git = call.repository.git
    shas = views_pulls.commits(call.pull_request())
    return call.page(shas, lambda sha: views_git.commit(call.at, call.repository, git.commit(sha)))


@operation("pulls/list-files")
def list_files(call: Call) -> Answer:
    pull_request = call.pull_request()
    return call.page(
        views_pulls.files(pull_request),
        lambda file: views_git.file_diff(call.at, call.repository, file, pull_request.head_sha),
    )


@operation("pulls/check-if-merged", success=204)
def check_if_merged(call: Call) -> None:
    if call.pull_request().merged_at is None:
        raise not_found()


@operation("pulls/merge", role="write")
def merge(call: Call) -> Any:
    body = call.body
    method = body.get("merge_method") or "merge"
    if method not in ("merge", "squash"):
        raise unprocessable("Rebase merges are not allowed on this repository.")
    title, message, sha = body.get("commit_title"), body.get("commit_message"), body.get("sha")
    commit = call.changes.merge(call.pull_request(), call.user, method=method, title=title, message=message, sha=sha)
    return {"sha": commit, "merged": True, "message": "Pull Request successfully merged"}


@operation("pulls/update-branch", success=202)
def update_branch(call: Call) -> Any:
    pull_request = call.pull_request()
    call.changes.update_branch(pull_request, call.user, call.body.get("expected_head_sha"))
    return {"message": "Updating pull request branch.", "url": call.at.html(pull_request.issue.path)}


@operation("repos/list-pull-requests-associated-with-commit")
def list_pull_requests_of_commit(call: Call) -> Answer:
    sha = call.path["commit_sha"]
    listed = [
        each for each in call.repository.pull_requests if sha == each.head_sha or sha in views_pulls.commits(each)
    ]
    return call.page(listed, lambda each: views_pulls.simple(call.at, each))


# --- reviewers -------------------------------------------------------------------------------------------------------


@operation("pulls/list-requested-reviewers")
def list_requested_reviewers(call: Call) -> Any:
    return {"users": [views.user(call.at, person) for person in call.pull_request().requested_reviewers], "teams": []}


@operation("pulls/request-reviewers", success=201, role="triage")
def request_reviewers(call: Call) -> Any:
    people = [call.person(login) for login in call.body.get("reviewers") or []]
    call.changes.request_reviewers(call.pull_request(), call.user, people)
    return views_pulls.simple(call.at, call.pull_request())


@operation("pulls/remove-requested-reviewers", role="triage")
def remove_requested_reviewers(call: Call) -> Any:
    people = [call.person(login) for login in call.body.get("reviewers") or []]
    call.changes.remove_reviewers(call.pull_request(), call.user, people)
    return views_pulls.simple(call.at, call.pull_request())


# --- reviews ---------------------------------------------------------------------------------------------------------


@operation("pulls/list-reviews")
def list_reviews(call: Call) -> Answer:
    seen = [each for each in call.pull_request().reviews if each.state != "PENDING" or each.author is call.caller.user]
    return call.page(seen, lambda review: views_pulls.review(call.at, review))


@operation("pulls/create-review", role="read")
def create_review(call: Call) -> Any:
    body = call.body
    comments = [{key: value for key, value in each.items() if value is not None} for each in body.get("comments") or []]
    review = call.changes.review(
        call.pull_request(),
        call.user,
        event=body.get("event"),
        body=body.get("body"),
        comments=comments,
        commit=body.get("commit_id"),
    )
    return views_pulls.review(call.at, review)


@operation("pulls/get-review")
def get_review(call: Call) -> Any:
    return views_pulls.review(call.at, call.review())


@operation("pulls/update-review", role="read")
def update_review(call: Call) -> Any:
    (body,) = required(call.body, "PullRequestReview", "body")
    call.changes.edit_review(call.review(), call.user, body)
    return views_pulls.review(call.at, call.review())


@operation("pulls/submit-review", role="read")
def submit_review(call: Call) -> Any:
    review = call.review()
    if review.state != "PENDING":
        raise Refusal(422, "Unprocessable Entity", ["Review is already submitted"])
    call.changes.submit(review, call.body.get("event") or "COMMENT", call.body.get("body"))
    return views_pulls.review(call.at, review)


@operation("pulls/dismiss-review")
def dismiss_review(call: Call) -> Any:
    required(call.body, "PullRequestReview", "message")
    call.body.get("event")
    call.changes.dismiss(call.review(), call.user)
    return views_pulls.review(call.at, call.review())


@operation("pulls/list-comments-for-review")
def list_review_comments_of_review(call: Call) -> Answer:
    review = call.review()
    listed = [each for each in call.pull_request().comments if each.review is review]
    return call.page(listed, lambda comment: _without(views_pulls.review_comment(call.at, comment)))


def _without(body: Any) -> Any:
    """This older form of an inline comment knows no subject."""
    return {key: value for key, value in body.items() if key != "subject_type"}


@operation("pulls/list-review-comments")
def list_review_comments(call: Call) -> Answer:
    call.query.get("sort"), call.query.get("direction"), call.query.get("since")
    return call.page(call.pull_request().comments, lambda comment: views_pulls.review_comment(call.at, comment))


@operation("pulls/get-review-comment")
def get_review_comment(call: Call) -> Any:
    return views_pulls.review_comment(call.at, call.review_comment())


@operation("pulls/create-review-comment", success=201, role="read")
def create_review_comment(call: Call) -> Any:
    body = call.body
    draft = {
        key: body[key]
        for key in ("body", "path", "line", "side", "start_line", "position", "subject_type")
        if body.get(key) is not None
    }
    call.body.get("commit_id"), call.body.get("start_side")
    comment = call.changes.single_comment(call.pull_request(), call.user, draft)
    return views_pulls.review_comment(call.at, comment)


@operation("pulls/create-reply-for-review-comment", success=201, role="read")
def reply(call: Call) -> Any:
    (body,) = required(call.body, "PullRequestReviewComment", "body")
    comment = call.review_comment()
    if comment.thread.pull_request is not call.pull_request() or comment.in_reply_to:
        raise not_found()  # GitHub takes replies to the first comment of a thread only
    return views_pulls.review_comment(call.at, call.changes.reply(comment.thread, call.user, body))


@operation("pulls/update-review-comment", role="read")
def update_review_comment(call: Call) -> Any:
    comment: ReviewComment = call.review_comment()
    (body,) = required(call.body, "PullRequestReviewComment", "body")
    call.changes.edit_review_comment(comment, call.user, body)
    return views_pulls.review_comment(call.at, comment)


@operation("pulls/delete-review-comment", success=204, role="read")
def delete_review_comment(call: Call) -> None:
    call.changes.delete_review_comment(call.review_comment(), call.user)


@operation("search/issues-and-pull-requests")
def search(call: Call) -> Answer:
    """Words, `repo:`, `is:`, `state:`, `label:`, `author:` and `in:`; nothing else."""
    words, wanted = [], {}
    for term in (call.query.get("q") or "").split():
        key, separator, value = term.partition(":")
        if separator and key in ("repo", "is", "state", "label", "author", "in", "type"):
            wanted[f"{key}:{value}" if key in ("is", "type") else key] = value.strip('"').lower()
        else:
            words.append(term.strip('"').lower())
    call.query.get("sort"), call.query.get("order")
    found = [
        issue
        for repository in call.world.repositories
        if call.caller.can_see(repository) and wanted.get("repo") in (None, repository.full_name.lower())
        for issue in repository.issues.values()
        if all(word in f"{issue.title}\n{issue.body}".lower() for word in words)
        and (("is:pr" in wanted or "type:pr" in wanted) <= bool(issue.pull_request))
        and (("is:issue" in wanted or "type:issue" in wanted) <= (not issue.pull_request))
        and ("is:open" in wanted) <= (issue.state == "open")
        and ("is:closed" in wanted) <= (issue.state == "closed")
        and wanted.get("state") in (None, issue.state)
        and wanted.get("author") in (None, issue.author.login.lower())
        and (wanted.get("label") is None or wanted["label"] in [label.name.lower() for label in issue.labels])
    ]
    answer = call.page(found, lambda issue: {**views_issues.issue(call.at, issue), "score": 1.0}, inside="items")
    answer.body |= {"incomplete_results": False, "search_type": "lexical"}
    return answer
