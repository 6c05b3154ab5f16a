"""GraphQL: people, repositories, issues and git. A field of the schema that is not here is not simulated."""

from __future__ import annotations

from typing import Any

from simulator.github import views_git, views_issues
from simulator.github.graphql_nodes import CONTENTS, CommitNode, Context, Failed, RefNode, TreeNode, connection, fields
from simulator.github.place import stamp, stamp_of
from simulator.github.state import Issue, PullRequest, Repository, Written
from simulator.github.views import association


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


def pull_request_state(pull_request: PullRequest, _: Context) -> str:
    """OPEN, CLOSED or MERGED."""
    return "MERGED" if pull_request.merged_at else pull_request.state.upper()


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
        if (not states or pull_request_state(each, _) in states)
        and headRefName in (None, each.head)
        and baseRefName in (None, each.base)
    ]
    return connection(listed, **page)


def _issue_url(issue: Issue, context: Context) -> str:
    return context.at.html(issue.path)


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
    "ReactionGroup",
    content=lambda group, _: group["content"],
    subject=lambda group, _: group["subject"],
    viewerHasReacted=lambda group, _: group["mine"],
    reactors=lambda group, _, **page: connection([each.user for each in group["found"]], **page),
    users=lambda group, _, **page: connection(
        [each.user for each in group["found"] if each.user.kind == "User"], **page
    ),
)
