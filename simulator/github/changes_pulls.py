"""What can happen to pull requests."""

from __future__ import annotations

import re
from collections.abc import Iterable

from simulator.github import views_pulls
from simulator.github.changes_git import GitChanges
from simulator.github.refusals import Refusal, custom, invalid, unprocessable
from simulator.github.state import PullRequest, Repository, User

CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)\b", re.IGNORECASE)


class PullChanges(GitChanges):
    """Changes of pull requests, without their reviews."""

    def open_pull_request(
        self,
        repository: Repository,
        author: User,
        *,
        head: str,
        base: str,
        title: str,
        body: str | None = None,
        draft: bool = False,
        maintainer_can_modify: bool = True,
    ) -> PullRequest:
        """Opens a pull request; `head` is a branch, or `owner:branch` of a fork."""
        self.refuse_archived(repository)
        source, branch = self._head(repository, head)
        head_sha = source.git.ref(f"refs/heads/{branch}")
        base_sha = repository.git.ref(f"refs/heads/{base}")
        if base_sha is None:
            raise invalid("PullRequest", "base")
        if head_sha is None:
            raise invalid("PullRequest", "head")
        if draft and not repository.allows_drafts:
            raise unprocessable("Draft pull requests are not supported in this repository.")
        for other in repository.pull_requests:
            if other.state == "open" and (other.head_repository, other.head, other.base) == (source, branch, base):
                raise custom("PullRequest", f"A pull request already exists for {source.owner.login}:{branch}.")
        number = max(repository.issues, default=0) + 1
        repository.git.fetch(source.git, head_sha, f"refs/pull/{number}/head")
        if repository.git.is_ancestor(head_sha, base_sha):
            raise custom("PullRequest", f"No commits between {base} and {head}")
        issue = self.new_issue(repository, author, title, body)
        pull_request = PullRequest(
            id=self.world.new_id(),
            issue=issue,
            head_repository=source,
            head=branch,
            base=base,
            head_sha=head_sha,
            base_sha=base_sha,
            draft=draft,
            maintainer_can_modify=maintainer_can_modify and source is not repository,
        )
        issue.pull_request = pull_request
        self.events.pull_request("opened", author, pull_request)
        return pull_request

    def _head(self, repository: Repository, head: str) -> tuple[Repository, str]:
        """The repository and branch that `head` names."""
        owner, separator, branch = head.partition(":")
        if not separator:
            return repository, head
        if owner.lower() == repository.owner.login.lower():
            return repository, branch
        for other in self.world.repositories:
            if other.parent is repository and other.owner.login.lower() == owner.lower():
                return other, branch
        raise invalid("PullRequest", "head")

    def edit_pull_request(
        self,
        pull_request: PullRequest,
        actor: User,
        *,
        title: str | None = None,
        body: str | None = None,
        base: str | None = None,
    ) -> None:
        """Changes title, body or base."""
        if base is not None and base != pull_request.base:
            sha = pull_request.repository.git.ref(f"refs/heads/{base}")
            if sha is None:
                raise invalid("PullRequest", "base")
            old = {"ref": {"from": pull_request.base}, "sha": {"from": pull_request.base_sha}}
            self.add_moment(pull_request.issue, "base_ref_changed", actor)
            pull_request.base, pull_request.base_sha = base, sha
            self.events.pull_request("edited", actor, pull_request, changes={"base": old})
        self.edit_issue(pull_request.issue, actor, title=title, body=body)

    def set_draft(self, pull_request: PullRequest, actor: User, draft: bool) -> None:
        """Turns a draft into a pull request that wants review, or back."""
        if pull_request.draft == draft:
            return
        if draft and not pull_request.repository.allows_drafts:
            raise unprocessable("Draft pull requests are not supported in this repository.")
        pull_request.draft = draft
        self.touch(pull_request.issue)
        self.add_moment(pull_request.issue, "convert_to_draft" if draft else "ready_for_review", actor)
        self.events.pull_request("converted_to_draft" if draft else "ready_for_review", actor, pull_request)

    def request_reviewers(self, pull_request: PullRequest, actor: User, people: Iterable[User]) -> None:
        """Asks people to look; never the author, and only those who can see the repository as collaborators."""
        for person in people:
            if person is pull_request.issue.author:
                raise unprocessable("Review cannot be requested from pull request author.")
            if (
                person.login.lower() not in pull_request.repository.roles
                and person is not pull_request.repository.owner
            ):
                raise unprocessable(
                    "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the repository."
                )
        for person in people:
            if person not in pull_request.requested_reviewers:
                pull_request.requested_reviewers.append(person)
                self.add_moment(pull_request.issue, "review_requested", actor, reviewer=person)
            self.events.pull_request("review_requested", actor, pull_request, requested_reviewer=person)

    def remove_reviewers(self, pull_request: PullRequest, actor: User, people: Iterable[User]) -> None:
        for person in people:
            if person in pull_request.requested_reviewers:
                pull_request.requested_reviewers.remove(person)
                self.add_moment(pull_request.issue, "review_request_removed", actor, reviewer=person)
                self.events.pull_request("review_request_removed", actor, pull_request, requested_reviewer=person)

    def merge(
        self,
        pull_request: PullRequest,
        actor: User,
        *,
        method: str = "merge",
        title: str | None = None,
        message: str | None = None,
        sha: str | None = None,
    ) -> str:
        """Merges with a merge commit or squashed; returns the commit on the base branch."""
        repository, git, issue = pull_request.repository, pull_request.repository.git, pull_request.issue
        self.refuse_archived(repository)
        if issue.state != "open" or pull_request.draft:
            raise Refusal(405, "Pull Request is not mergeable")
        if sha is not None and sha != pull_request.head_sha:
            raise Refusal(409, "Head branch was modified. Review and try the merge again.")
        base_ref = f"refs/heads/{pull_request.base}"
        base = git.ref(base_ref)
        tree = git.merge(base, pull_request.head_sha) if base else None
        if base is None or tree is None:
            raise Refusal(405, "Pull Request is not mergeable")
        parents = [base, pull_request.head_sha] if method == "merge" else [base]
        headline = title or (
            f"Merge pull request #{issue.number} from {repository.owner.login}/{pull_request.head}"
            if method == "merge"
            else f"{issue.title} (#{issue.number})"
        )
        text = f"{headline}\n\n{message if message is not None else issue.title}"
        who = self.identity(actor)
        commit = git.make_commit(tree=tree, parents=parents, author=who, committer=who, message=text, sign=True)
        git.update_ref(base_ref, commit, base)
        self._merged(pull_request, actor, commit)
        self.moved(repository, actor, base_ref, base, commit)
        return commit

    def _merged(self, pull_request: PullRequest, actor: User, commit: str) -> None:
        issue = pull_request.issue
        now = self.world.now()
        pull_request.merged_at, pull_request.merged_by, pull_request.merge_commit_sha = now, actor, commit
        issue.state, issue.closed_at, issue.closed_by = "closed", now, actor
        self.touch(issue)
        self.add_moment(issue, "merged", actor, commit=commit)
        self.add_moment(issue, "closed", actor, commit=commit)
        self.events.pull_request("closed", actor, pull_request)
        if pull_request.base == pull_request.repository.default_branch:
            for number in CLOSES.findall(issue.body):
                closed = pull_request.repository.issues.get(int(number))
                if closed and not closed.pull_request:
                    self.close(closed, actor, commit=commit)

    def update_branch(self, pull_request: PullRequest, actor: User, expected: str | None) -> None:
        """Merges the base into the head."""
        git = pull_request.repository.git
        base = git.ref(f"refs/heads/{pull_request.base}") or pull_request.base_sha
        if expected is not None and expected != pull_request.head_sha:
            raise unprocessable("expected head sha didn't match current head ref.")
        if git.is_ancestor(base, pull_request.head_sha):
            raise unprocessable("There are no new commits on the base branch.")
        if not views_pulls.is_mergeable(pull_request):
            raise unprocessable("merge conflict between base and head")
        tree = git.merge(pull_request.head_sha, base)
        if tree is None or pull_request.head_repository is not pull_request.repository:
            raise unprocessable("merge conflict between base and head")
        who = self.identity(actor)
        message = f"Merge branch '{pull_request.base}' into {pull_request.head}"
        commit = git.make_commit(
            tree=tree, parents=[pull_request.head_sha, base], author=who, committer=who, message=message, sign=True
        )
        self.push(pull_request.repository, actor, pull_request.head, commit)
