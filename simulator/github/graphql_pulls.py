"""GraphQL: pull requests, reviews, threads and checks. A field of the schema that is not here is not simulated."""

from __future__ import annotations

from typing import Any

from simulator.github import views_checks, views_pulls
from simulator.github.graphql_nodes import FIELDS, CommitNode, Context, PullRequestCommit, Rollup, connection, fields
from simulator.github.graphql_types import branch, commit_node, identity, pull_request_state
from simulator.github.place import stamp
from simulator.github.state import CheckRun, PullRequest, Status
from simulator.github.views import association


def _mergeable(pull_request: PullRequest, _: Context) -> str:
    if pull_request.state != "open" or pull_request.mergeable_unknown:
        return "UNKNOWN"
    return "MERGEABLE" if views_pulls.is_mergeable(pull_request) else "CONFLICTING"


def _decision(pull_request: PullRequest, _: Context) -> str | None:
    latest = {review.author: review.state for review in pull_request.reviews if review.state in views_pulls.APPROVALS}
    if "CHANGES_REQUESTED" in latest.values():
        return "CHANGES_REQUESTED"
    return "APPROVED" if latest else None


def _rollup_state(rollup: Rollup, _: Context) -> str:
    runs, statuses = rollup.runs(), {status.state for status in rollup.statuses()}
    if any(run.status != "completed" for run in runs) or "pending" in statuses:
        return "PENDING"
    good = {"success", "neutral", "skipped"}
    return "SUCCESS" if all(run.conclusion in good for run in runs) and statuses <= {"success"} else "FAILURE"


def _rollup(node: CommitNode, _: Context) -> Rollup | None:
    return Rollup(node) if Rollup(node).runs() or Rollup(node).statuses() else None


def _is_required(run: CheckRun, _: Context, **which: Any) -> bool:
    return run.name in run.suite.repository.required_checks


def _is_status_required(status: Status, _: Context, **which: Any) -> bool:
    return status.context in status.repository.required_checks


def _numbers(pull_request: PullRequest, field: str) -> int:
    return sum(getattr(each, field) for each in views_pulls.files(pull_request))


fields(
    "PullRequest",
    **{
        name: (
            lambda pull_request, context, name=name, **arguments: FIELDS[("Issue", name)](
                pull_request.issue, context, **arguments
            )
        )
        for name in (
            "author",
            "body",
            "createdAt",
            "updatedAt",
            "reactionGroups",
            "number",
            "title",
            "locked",
            "url",
            "labels",
            "assignees",
            "comments",
            "milestone",
        )
    },
    id=identity,
    databaseId=lambda pull_request, _: pull_request.id if pull_request.id < 2**31 else None,
    fullDatabaseId=lambda pull_request, _: str(pull_request.id),
    repository=lambda pull_request, _: pull_request.repository,
    state=pull_request_state,
    closed=lambda pull_request, _: pull_request.state == "closed",
    closedAt=lambda pull_request, _: stamp(pull_request.issue.closed_at),
    merged=lambda pull_request, _: pull_request.merged_at is not None,
    mergedAt=lambda pull_request, _: stamp(pull_request.merged_at),
    mergedBy=lambda pull_request, _: pull_request.merged_by,
    mergeCommit=lambda pull_request, _: commit_node(pull_request.repository, pull_request.merge_commit_sha),
    mergeable=_mergeable,
    isDraft=lambda pull_request, _: pull_request.draft,
    isCrossRepository=lambda pull_request, _: pull_request.head_repository is not pull_request.repository,
    maintainerCanModify=lambda pull_request, _: pull_request.maintainer_can_modify,
    headRefName=lambda pull_request, _: pull_request.head,
    headRefOid=lambda pull_request, _: pull_request.head_sha,
    headRef=lambda pull_request, _: (
        branch(pull_request.head_repository, pull_request.head) if pull_request.head_repository else None
    ),
    headRepository=lambda pull_request, _: pull_request.head_repository,
    headRepositoryOwner=lambda pull_request, _: (
        pull_request.head_repository.owner if pull_request.head_repository else None
    ),
    baseRefName=lambda pull_request, _: pull_request.base,
    baseRefOid=lambda pull_request, _: pull_request.base_sha,
    baseRef=lambda pull_request, _: branch(pull_request.repository, pull_request.base),
    additions=lambda pull_request, _: _numbers(pull_request, "additions"),
    deletions=lambda pull_request, _: _numbers(pull_request, "deletions"),
    changedFiles=lambda pull_request, _: len(views_pulls.files(pull_request)),
    reviewDecision=_decision,
    reviews=lambda pull_request, _, states=None, author=None, **page: connection(
        [
            each
            for each in pull_request.reviews
            if (not states or each.state in states) and author in (None, each.author.login)
        ],
        **page,
    ),
    reviewThreads=lambda pull_request, _, **page: connection(pull_request.threads, **page),
    commits=lambda pull_request, _, **page: connection(
        [
            PullRequestCommit(
                pull_request, CommitNode(pull_request.repository, pull_request.repository.git.commit(sha))
            )
            for sha in views_pulls.commits(pull_request)
        ],
        **page,
    ),
    statusCheckRollup=lambda pull_request, context: _rollup(
        CommitNode(pull_request.repository, pull_request.repository.git.commit(pull_request.head_sha)), context
    ),
    autoMergeRequest=lambda pull_request, _: None,
)
fields(
    "PullRequestReview",
    state=lambda review, _: review.state,
    authorAssociation=lambda review, _: association(review.pull_request.repository, review.author),
    submittedAt=lambda review, _: stamp(review.submitted_at),
    commit=lambda review, _: commit_node(review.pull_request.repository, review.commit),
    comments=lambda review, _, **page: connection(
        [each for each in review.pull_request.comments if each.review is review], **page
    ),
    url=lambda review, context: views_pulls.review(context.at, review)["html_url"],
)
fields(
    "PullRequestReviewThread",
    id=identity,
    isResolved=lambda thread, _: thread.resolved_by is not None,
    resolvedBy=lambda thread, _: (
        thread.resolved_by if thread.resolved_by and thread.resolved_by.kind == "User" else None
    ),
    isOutdated=lambda thread, _: views_pulls.is_outdated(thread),
    isCollapsed=lambda thread, _: thread.resolved_by is not None,
    path=lambda thread, _: thread.path,
    line=lambda thread, _: views_pulls.current_line(thread, thread.line),
    originalLine=lambda thread, _: thread.line,
    startLine=lambda thread, _: views_pulls.current_line(thread, thread.start_line),
    originalStartLine=lambda thread, _: thread.start_line,
    diffSide=lambda thread, _: thread.side,
    startDiffSide=lambda thread, _: thread.side if thread.start_line else None,
    subjectType=lambda thread, _: thread.subject.upper(),
    pullRequest=lambda thread, _: thread.pull_request,
    repository=lambda thread, _: thread.pull_request.repository,
    comments=lambda thread, _, **page: connection(thread.comments, **page),
    viewerCanReply=lambda thread, context: context.caller.user is not None,
    viewerCanResolve=lambda thread, context: thread.resolved_by is None,
    viewerCanUnresolve=lambda thread, context: thread.resolved_by is not None,
)
fields(
    "PullRequestReviewComment",
    authorAssociation=lambda comment, _: association(comment.thread.pull_request.repository, comment.author),
    path=lambda comment, _: comment.thread.path,
    line=lambda comment, _: views_pulls.current_line(comment.thread, comment.thread.line),
    originalLine=lambda comment, _: comment.thread.line,
    startLine=lambda comment, _: views_pulls.current_line(comment.thread, comment.thread.start_line),
    diffHunk=lambda comment, _: comment.diff_hunk,
    position=lambda comment, _: None if views_pulls.is_outdated(comment.thread) else comment.position,
    outdated=lambda comment, _: views_pulls.is_outdated(comment.thread),
    pullRequestReview=lambda comment, _: comment.review,
    replyTo=lambda comment, _: comment.thread.comments[0] if comment.in_reply_to else None,
    state=lambda comment, _: "SUBMITTED",
    subjectType=lambda comment, _: comment.thread.subject.upper(),
    commit=lambda comment, _: commit_node(comment.thread.pull_request.repository, comment.thread.pull_request.head_sha),
    originalCommit=lambda comment, _: commit_node(comment.thread.pull_request.repository, comment.thread.commit),
    url=lambda comment, context: views_pulls.review_comment(context.at, comment)["html_url"],
)
fields(
    "PullRequestCommit",
    id=lambda it, _: f"PRC_{it.node.node_id}",
    commit=lambda it, _: it.node,
    pullRequest=lambda it, _: it.pull_request,
)
fields(
    "StatusCheckRollup",
    id=lambda rollup, _: f"SCR_{rollup.node.node_id}",
    state=_rollup_state,
    commit=lambda rollup, _: rollup.node,
    contexts=lambda rollup, _, **page: (
        connection([*rollup.runs(), *rollup.statuses()], **page)
        | {"checkRunCount": len(rollup.runs()), "statusContextCount": len(rollup.statuses())}
    ),
)
fields(
    "StatusContext",
    id=identity,
    context=lambda status, _: status.context,
    state=lambda status, _: status.state.upper(),
    description=lambda status, _: status.description,
    targetUrl=lambda status, _: status.target_url,
    createdAt=lambda status, _: stamp(status.created_at),
    creator=lambda status, _: status.creator,
    isRequired=_is_status_required,
)
fields(
    "CheckRun",
    id=identity,
    databaseId=lambda run, _: run.id if run.id < 2**31 else None,
    name=lambda run, _: run.name,
    status=lambda run, _: run.status.upper(),
    conclusion=lambda run, _: run.conclusion.upper() if run.conclusion else None,
    externalId=lambda run, _: run.external_id,
    startedAt=lambda run, _: stamp(run.started_at),
    completedAt=lambda run, _: stamp(run.completed_at),
    title=lambda run, _: run.output.get("title"),
    summary=lambda run, _: run.output.get("summary"),
    text=lambda run, _: run.output.get("text"),
    isRequired=_is_required,
    repository=lambda run, _: run.suite.repository,
    detailsUrl=lambda run, context: views_checks.check_run(context.at, run)["details_url"],
    url=lambda run, context: views_checks.check_run(context.at, run)["html_url"],
)
fields("Commit", statusCheckRollup=_rollup)
