"""GraphQL: what every field of the served types answers. A field of the schema that is not here is not simulated."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from simulator.github import views_checks, views_git, views_issues, views_pulls
from simulator.github.auth import Caller
from simulator.github.git import Commit as GitCommit
from simulator.github.place import Place, stamp, stamp_of
from simulator.github.state import (
    CheckRun,
    Comment,
    Issue,
    Label,
    PullRequest,
    Reaction,
    Repository,
    Review,
    ReviewComment,
    Thread,
    User,
    Written,
)
from simulator.github.views import association

CONTENTS = {
    "THUMBS_UP": "+1",
    "THUMBS_DOWN": "-1",
    "LAUGH": "laugh",
    "HOORAY": "hooray",
    "CONFUSED": "confused",
    "HEART": "heart",
    "ROCKET": "rocket",
    "EYES": "eyes",
}
MOST = 100


class Failed(GraphQLError):
    """An error with GitHub's `type` beside its message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Context:
    """Who asks, and from where."""

    at: Place
    caller: Caller


@dataclass(frozen=True)
class CommitNode:
    """A commit in its repository."""

    repository: Repository
    commit: GitCommit

    @property
    def node_id(self) -> str:
        return views_git.node_id("C", self.repository, self.commit.sha)


@dataclass(frozen=True)
class TreeNode:
    repository: Repository
    sha: str


@dataclass(frozen=True)
class RefNode:
    repository: Repository
    name: str
    sha: str


@dataclass(frozen=True)
class Rollup:
    """All check runs of a commit."""

    node: CommitNode

    def runs(self) -> list[CheckRun]:
        latest = {
            (run.suite.app.id, run.name): run
            for run in self.node.repository.check_runs
            if run.suite.head_sha == self.node.commit.sha
        }
        return list(latest.values())


@dataclass(frozen=True)
class PullRequestCommit:
    pull_request: PullRequest
    node: CommitNode


TYPE_NAMES: dict[type, str] = {
    Issue: "Issue",
    PullRequest: "PullRequest",
    Comment: "IssueComment",
    Review: "PullRequestReview",
    ReviewComment: "PullRequestReviewComment",
    Thread: "PullRequestReviewThread",
    Repository: "Repository",
    Label: "Label",
    CheckRun: "CheckRun",
    Reaction: "Reaction",
    CommitNode: "Commit",
    TreeNode: "Tree",
    RefNode: "Ref",
    Rollup: "StatusCheckRollup",
    PullRequestCommit: "PullRequestCommit",
}


def type_name(thing: Any) -> str:
    """The GraphQL type of a thing of the world."""
    return thing.kind if isinstance(thing, User) else TYPE_NAMES[type(thing)]


Resolver = Callable[..., Any]
FIELDS: dict[tuple[str, str], Resolver] = {}


def fields(type_: str, **resolvers: Resolver) -> None:
    """Says how fields of a type are answered: each is called with the thing, the context and the field's arguments."""
    for name, resolver in resolvers.items():
        FIELDS[(type_, name)] = resolver


def connection(
    things: Iterable[Any],
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
    **_: Any,
) -> dict[str, Any]:
    """A page of things in the Relay form, with GitHub's own bounds."""
    everything = list(things)
    if first is None and last is None:
        raise Failed(
            "MISSING_PAGINATION_BOUNDARIES",
            "You must provide a `first` or `last` value to properly paginate the connection.",
        )
    size = first if first is not None else last
    if size is None or not 0 <= size <= MOST:
        message = f"Requesting {size} records on the connection exceeds the `first` limit of {MOST} records."
        raise Failed("EXCESSIVE_PAGINATION", message)
    low = _position(after) if after else 0
    high = _position(before) - 1 if before else len(everything)
    chosen = list(range(low, max(low, high)))
    chosen = chosen[:size] if first is not None else chosen[max(0, len(chosen) - size) :]
    edges = [{"cursor": _cursor(index + 1), "node": everything[index]} for index in chosen]
    info = {
        "startCursor": edges[0]["cursor"] if edges else None,
        "endCursor": edges[-1]["cursor"] if edges else None,
        "hasNextPage": bool(chosen) and chosen[-1] + 1 < len(everything),
        "hasPreviousPage": bool(chosen) and chosen[0] > 0,
    }
    nodes = [edge["node"] for edge in edges]
    return {"nodes": nodes, "edges": edges, "pageInfo": info, "totalCount": len(everything)}


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:v2:{position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().rsplit(":", 1)[1])
    except (ValueError, IndexError):
        raise Failed("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.") from None


def identity(thing: Any, context: Context) -> str:
    """The node id of a thing of the world."""
    return context.at.world.node_id(thing)


def commit_node(repository: Repository, sha: str | None) -> CommitNode | None:
    return CommitNode(repository, repository.git.commit(sha)) if sha else None


def branch(repository: Repository, name: str) -> RefNode | None:
    sha = repository.git.refs("refs/heads/").get(f"refs/heads/{name}")
    return RefNode(repository, name, sha) if sha else None


def _reaction_groups(thing: Written, context: Context) -> list[dict[str, Any]]:
    groups = []
    for name, content in CONTENTS.items():
        found = [each for each in thing.reactions if each.content == content]
        groups.append(
            {
                "content": name,
                "found": found,
                "subject": thing,
                "mine": any(each.user is context.caller.user for each in found),
            }
        )
    return groups


def _mergeable(pull_request: PullRequest, _: Context) -> str:
    if pull_request.state != "open" or pull_request.mergeable_unknown:
        return "UNKNOWN"
    return "MERGEABLE" if views_pulls.is_mergeable(pull_request) else "CONFLICTING"


def _decision(pull_request: PullRequest, _: Context) -> str | None:
    latest = {review.author: review.state for review in pull_request.reviews if review.state in views_pulls.APPROVALS}
    if "CHANGES_REQUESTED" in latest.values():
        return "CHANGES_REQUESTED"
    return "APPROVED" if latest else None


def _state(pull_request: PullRequest, _: Context) -> str:
    return "MERGED" if pull_request.merged_at else pull_request.state.upper()


def _rollup_state(rollup: Rollup, _: Context) -> str:
    runs = rollup.runs()
    if any(run.status != "completed" for run in runs):
        return "PENDING"
    good = {"success", "neutral", "skipped"}
    return "SUCCESS" if all(run.conclusion in good for run in runs) else "FAILURE"


def _rollup(node: CommitNode, _: Context) -> Rollup | None:
    return Rollup(node) if Rollup(node).runs() else None


def _is_required(run: CheckRun, _: Context, **which: Any) -> bool:
    return run.name in run.suite.repository.required_checks


def _object(repository: Repository, _: Context, expression: str | None = None, oid: str | None = None) -> Any:
    git = repository.git
    name = oid or expression or ""
    if name and git.kind(name) == "tree":
        return TreeNode(repository, name)
    return commit_node(repository, git.resolve(name))


def _pull_request(repository: Repository, context: Context, number: int) -> PullRequest:
    issue = repository.issues.get(number)
    if issue is None or issue.pull_request is None:
        raise Failed("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
    return issue.pull_request


def _issue(repository: Repository, context: Context, number: int) -> Issue:
    issue = repository.issues.get(number)
    if issue is None or issue.pull_request:
        raise Failed("NOT_FOUND", f"Could not resolve to an Issue with the number of {number}.")
    return issue


def _either(repository: Repository, context: Context, number: int) -> Issue | PullRequest:
    issue = repository.issues.get(number)
    if issue is None:
        raise Failed("NOT_FOUND", f"Could not resolve to an issue or pull request with the number of {number}.")
    return issue.pull_request or issue


def _pull_requests(
    repository: Repository,
    _: Context,
    states: list[str] | None = None,
    headRefName: str | None = None,
    baseRefName: str | None = None,
    **page: Any,
) -> dict[str, Any]:
    listed = [
        each
        for each in repository.pull_requests
        if (not states or _state(each, _) in states)
        and headRefName in (None, each.head)
        and baseRefName in (None, each.base)
    ]
    return connection(listed, **page)


def _issue_url(issue: Issue, context: Context) -> str:
    return context.at.html(issue.path)


def _numbers(pull_request: PullRequest, field: str) -> int:
    return sum(getattr(each, field) for each in views_pulls.files(pull_request))


for actor in ("User", "Bot", "Organization"):
    fields(
        actor,
        id=identity,
        databaseId=lambda user, _: user.id,
        # GraphQL names a bot without the suffix that REST gives it.
        login=lambda user, _: user.login.removesuffix("[bot]"),
        url=lambda user, context: context.at.html(f"/{user.login}"),
        avatarUrl=lambda user, context, **size: context.at.html(f"/_sim/avatar/{user.login}.svg"),
        name=lambda user, _: user.name,
    )

for written in (
    "Issue",
    "IssueComment",
    "PullRequestReview",
    "PullRequestReviewComment",
):
    fields(
        written,
        id=identity,
        databaseId=lambda thing, _: thing.id if thing.id < 2**31 else None,  # an Int of GraphQL has 32 bits
        fullDatabaseId=lambda thing, _: str(thing.id),
        author=lambda thing, _: thing.author,
        body=lambda thing, _: thing.body,
        createdAt=lambda thing, _: stamp(thing.created_at),
        updatedAt=lambda thing, _: stamp(thing.updated_at),
        reactionGroups=_reaction_groups,
        isMinimized=lambda thing, _: thing.minimized is not None,
        minimizedReason=lambda thing, _: thing.minimized,
        viewerCanMinimize=lambda thing, context: context.caller.user is not None,
        viewerDidAuthor=lambda thing, context: thing.author is context.caller.user,
    )

fields(
    "Repository",
    id=identity,
    databaseId=lambda repository, _: repository.id if repository.id < 2**31 else None,
    name=lambda repository, _: repository.name,
    nameWithOwner=lambda repository, _: repository.full_name,
    owner=lambda repository, _: repository.owner,
    isPrivate=lambda repository, _: repository.private,
    hasIssuesEnabled=lambda repository, _: repository.has_issues,
    url=lambda repository, context: context.at.html(f"/{repository.full_name}"),
    defaultBranchRef=lambda repository, _: branch(repository, repository.default_branch),
    ref=lambda repository, _, qualifiedName: branch(repository, qualifiedName.removeprefix("refs/heads/")),
    object=_object,
    issue=_issue,
    pullRequest=_pull_request,
    issueOrPullRequest=_either,
    pullRequests=_pull_requests,
    issues=lambda repository, _, states=None, **page: connection(
        [
            each
            for each in repository.issues.values()
            if not each.pull_request and (not states or each.state.upper() in states)
        ],
        **page,
    ),
    parent=lambda repository, _: repository.parent,
    mergeCommitAllowed=lambda repository, _: True,
    squashMergeAllowed=lambda repository, _: True,
    rebaseMergeAllowed=lambda repository, _: False,
)
fields(
    "Issue",
    number=lambda issue, _: issue.number,
    title=lambda issue, _: issue.title,
    state=lambda issue, _: issue.state.upper(),
    stateReason=lambda issue, _, **options: issue.state_reason.upper() if issue.state_reason else None,
    locked=lambda issue, _: issue.locked,
    url=_issue_url,
    repository=lambda issue, _: issue.repository,
    labels=lambda issue, _, **page: connection(issue.labels, **page),
    assignees=lambda issue, _, **page: connection(issue.assignees, **page),
    comments=lambda issue, _, **page: connection(issue.comments, **page),
    milestone=lambda issue, _: None,
)
fields(
    "IssueComment",
    authorAssociation=lambda comment, _: association(comment.issue.repository, comment.author),
    issue=lambda comment, _: comment.issue,
    pullRequest=lambda comment, _: comment.issue.pull_request,
    includesCreatedEdit=lambda comment, _: comment.updated_at != comment.created_at,
    url=lambda comment, context: views_issues.comment(context.at, comment)["html_url"],
)
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
    state=_state,
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
    "Label",
    id=identity,
    name=lambda label, _: label.name,
    color=lambda label, _: label.color,
    description=lambda label, _: label.description,
)
fields(
    "Ref",
    id=lambda ref, _: views_git.node_id("REF", ref.repository, ref.name),
    name=lambda ref, _: ref.name,
    prefix=lambda ref, _: "refs/heads/",
    repository=lambda ref, _: ref.repository,
    target=lambda ref, _: commit_node(ref.repository, ref.sha),
)
fields(
    "Commit",
    id=lambda node, _: node.node_id,
    oid=lambda node, _: node.commit.sha,
    abbreviatedOid=lambda node, _: node.commit.sha[:7],
    message=lambda node, _: node.commit.message.removesuffix("\n"),
    messageHeadline=lambda node, _: node.commit.message.split("\n")[0],
    committedDate=lambda node, _: stamp_of(node.commit.committer.time),
    tree=lambda node, _: TreeNode(node.repository, node.commit.tree),
    parents=lambda node, _, **page: connection(
        [commit_node(node.repository, sha) for sha in node.commit.parents], **page
    ),
    statusCheckRollup=_rollup,
    author=lambda node, _: node,
    url=lambda node, context: context.at.html(f"/{node.repository.full_name}/commit/{node.commit.sha}"),
)
fields(
    "GitActor",
    name=lambda node, _: node.commit.author.name,
    email=lambda node, _: node.commit.author.email,
    date=lambda node, _: stamp_of(node.commit.author.time),
    user=lambda node, context: views_git.account_of(context.at, node.commit.author),
)
fields(
    "Tree",
    id=lambda tree, _: views_git.node_id("T", tree.repository, tree.sha),
    oid=lambda tree, _: tree.sha,
    abbreviatedOid=lambda tree, _: tree.sha[:7],
    repository=lambda tree, _: tree.repository,
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
        connection(rollup.runs(), **page) | {"checkRunCount": len(rollup.runs()), "statusContextCount": 0}
    ),
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
fields(
    "ReactionGroup",
    content=lambda group, _: group["content"],
    subject=lambda group, _: group["subject"],
    viewerHasReacted=lambda group, _: group["mine"],
    reactors=lambda group, _, **page: connection([each.user for each in group["found"]], **page),
    users=lambda group, _, **page: connection(
        [each.user for each in group["found"] if each.user.kind == "User"], **page
    ),
)
