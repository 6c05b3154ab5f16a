"""Pull requests, reviews and inline comments as GitHub's JSON."""

from __future__ import annotations

from simulator.github import views
from simulator.github.patches import FileDiff
from simulator.github.place import Place, stamp
from simulator.github.state import PullRequest, Repository, Review, ReviewComment, Thread
from simulator.github.views import Json

APPROVALS = ("APPROVED", "CHANGES_REQUESTED")


def files(it: PullRequest) -> tuple[FileDiff, ...]:
    """What the pull request changes: from where it left its base."""
    git = it.repository.git
    return git.files(git.merge_base(it.base_sha, it.head_sha) or it.base_sha, it.head_sha)


def commits(it: PullRequest) -> tuple[str, ...]:
    """The commits it would bring, oldest first."""
    return tuple(reversed(it.repository.git.history(it.head_sha, f"^{it.base_sha}")))


def is_mergeable(it: PullRequest) -> bool:
    """Whether it goes together with what its base branch holds now."""
    git = it.repository.git
    return git.merge(git.ref(f"refs/heads/{it.base}") or it.base_sha, it.head_sha) is not None


def _side(at: Place, repository: Repository | None, ref: str, sha: str, fallback: Repository) -> Json:
    owner = (repository or fallback).owner
    return {
        "label": f"{owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": views.user(at, owner),
        "repo": views.repository(at, repository) if repository else None,
    }


def simple(at: Place, it: PullRequest) -> Json:
    """A `pull-request-simple`, as lists hold it."""
    issue, repository = it.issue, it.repository
    url = at.repo(repository, f"/pulls/{it.number}")
    issue_url = at.repo(repository, f"/issues/{it.number}")
    page = at.html(issue.path)
    statuses = at.repo(repository, f"/statuses/{it.head_sha}")
    assignees = [views.user(at, person) for person in issue.assignees]
    links = {
        "self": url,
        "html": page,
        "issue": issue_url,
        "comments": f"{issue_url}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": at.repo(repository, "/pulls/comments{/number}"),
        "commits": f"{url}/commits",
        "statuses": statuses,
    }
    return {
        "url": url,
        "id": it.id,
        "node_id": at.world.node_id(it),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue_url,
        "number": it.number,
        "state": it.state,
        "locked": issue.locked,
        "title": issue.title,
        "user": views.user(at, issue.author),
        "body": issue.body or None,
        "created_at": stamp(issue.created_at),
        "updated_at": stamp(issue.updated_at),
        "closed_at": stamp(issue.closed_at),
        "merged_at": stamp(it.merged_at),
        "merge_commit_sha": it.merge_commit_sha,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "requested_reviewers": [views.user(at, person) for person in it.requested_reviewers],
        "requested_teams": [],
        "labels": [views.label(at, repository, label) for label in issue.labels],
        "milestone": None,
        "draft": it.draft,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": at.repo(repository, "/pulls/comments{/number}"),
        "comments_url": f"{issue_url}/comments",
        "statuses_url": statuses,
        "head": _side(at, it.head_repository, it.head, it.head_sha, repository),
        "base": _side(at, repository, it.base, it.base_sha, repository),
        "_links": {name: {"href": address} for name, address in links.items()},
        "author_association": views.association(repository, issue.author),
        "auto_merge": None,
        "active_lock_reason": issue.lock_reason,
    }


def full(at: Place, it: PullRequest, *, mergeable: bool | None = None) -> Json:
    """A `pull-request`; `mergeable` None means that GitHub has not computed it yet."""
    changed = files(it)
    merged = it.merged_at is not None
    state = {True: "draft" if it.draft else "clean", False: "dirty", None: "unknown"}[mergeable]
    return {
        **simple(at, it),
        "merged": merged,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": state,
        "merged_by": views.user(at, it.merged_by) if it.merged_by else None,
        "comments": len(it.issue.comments),
        "review_comments": len(it.comments),
        "maintainer_can_modify": it.maintainer_can_modify,
        "commits": len(commits(it)),
        "additions": sum(each.additions for each in changed),
        "deletions": sum(each.deletions for each in changed),
        "changed_files": len(changed),
    }


def minimal(at: Place, it: PullRequest) -> Json:
    """A `pull-request-minimal`, as checks hold it."""

    def side(repository: Repository, ref: str, sha: str) -> Json:
        return {
            "ref": ref,
            "sha": sha,
            "repo": {"id": repository.id, "url": at.repo(repository), "name": repository.name},
        }

    return {
        "url": at.repo(it.repository, f"/pulls/{it.number}"),
        "id": it.id,
        "number": it.number,
        "head": side(it.head_repository or it.repository, it.head, it.head_sha),
        "base": side(it.repository, it.base, it.base_sha),
    }


def review(at: Place, it: Review, *, lower_case: bool = False) -> Json:
    """A `pull-request-review`; webhooks write its state in lower case."""
    pull_request = it.pull_request
    page = at.html(f"{pull_request.issue.path}#pullrequestreview-{it.id}")
    url = at.repo(pull_request.repository, f"/pulls/{pull_request.number}")
    body: Json = {
        "id": it.id,
        "node_id": at.world.node_id(it),
        "user": views.user(at, it.author),
        "body": it.body,
        "state": it.state.lower() if lower_case else it.state,
        "html_url": page,
        "pull_request_url": url,
        "author_association": views.association(pull_request.repository, it.author),
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "commit_id": it.commit,
    }
    if it.submitted_at:
        body["submitted_at"] = stamp(it.submitted_at)
    return body


def current_line(thread: Thread, line: int | None) -> int | None:
    """Where an anchored line is in the head now; None if it has changed."""
    pull_request = thread.pull_request
    if line is None or thread.side == "LEFT":
        return line
    return pull_request.repository.git.moved_line(thread.path, line, thread.commit, pull_request.head_sha)


def is_outdated(thread: Thread) -> bool:
    return thread.line is not None and current_line(thread, thread.line) is None


def review_comment(at: Place, it: ReviewComment) -> Json:
    """A `pull-request-review-comment`."""
    thread = it.thread
    pull_request = thread.pull_request
    url = at.repo(pull_request.repository, f"/pulls/comments/{it.id}")
    page = at.html(f"{pull_request.issue.path}#discussion_r{it.id}")
    pull_request_url = at.repo(pull_request.repository, f"/pulls/{pull_request.number}")
    line = current_line(thread, thread.line)
    outdated = thread.line is not None and line is None
    body: Json = {
        "url": url,
        "pull_request_review_id": it.review.id,
        "id": it.id,
        "node_id": at.world.node_id(it),
        "diff_hunk": it.diff_hunk,
        "path": thread.path,
        "commit_id": thread.commit if outdated else pull_request.head_sha,
        "original_commit_id": thread.commit,
        "user": views.user(at, it.author),
        "body": it.body,
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.updated_at),
        "html_url": page,
        "pull_request_url": pull_request_url,
        "author_association": views.association(pull_request.repository, it.author),
        "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": pull_request_url}},
        "reactions": views.reactions(url, it),
        "start_line": None if outdated else current_line(thread, thread.start_line),
        "original_start_line": thread.start_line,
        "start_side": thread.side if thread.start_line else None,
        "line": line,
        "original_line": thread.line or 1,
        "side": thread.side,
        "position": None if outdated else it.position,
        "original_position": it.position or 1,
        "subject_type": thread.subject,
    }
    if it.in_reply_to:
        body["in_reply_to_id"] = it.in_reply_to
    return body
