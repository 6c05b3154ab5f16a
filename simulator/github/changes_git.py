"""What can happen to refs: every move of a branch, by API or push, comes through here and is told."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.github import views_git
from simulator.github.changes_checks import CheckChanges
from simulator.github.git import ZERO, GitError, Identity
from simulator.github.refusals import Refusal, unprocessable
from simulator.github.state import PullRequest, Repository, User

FILE_MODE, EXECUTABLE_MODE = "100644", "100755"


class GitChanges(CheckChanges):
    """Changes of branches and what follows from them for pull requests."""

    def identity(self, person: User) -> Identity:
        """Under which name a person's commits stand."""
        return Identity(person.name or person.login, views_git.email_of(person), int(self.world.now().timestamp()))

    def create_ref(self, repository: Repository, actor: User, ref: str, sha: str) -> None:
        """A new branch or tag."""
        self.refuse_archived(repository)
        git = repository.git
        if not git.is_valid_ref(ref):
            raise unprocessable("Reference name must start with 'refs/' and contain at least two slashes.")
        if git.kind(sha) is None:
            raise unprocessable("Object does not exist")
        if git.ref(ref) is not None:
            raise unprocessable("Reference already exists")
        if ref.startswith("refs/heads/") and git.kind(sha) != "commit":
            raise unprocessable("Object is not a commit")
        try:
            git.update_ref(ref, sha, ZERO)
        except GitError:  # such as refs/heads/a where refs/heads/a/b exists
            raise unprocessable("Reference update failed") from None
        self.moved(repository, actor, ref, ZERO, sha)

    def move_ref(self, repository: Repository, actor: User, ref: str, sha: str, *, force: bool = False) -> None:
        """Moves a branch; only forward unless `force`."""
        self.refuse_archived(repository)
        git, old = repository.git, repository.git.ref(ref)
        if old is None:
            raise unprocessable("Reference does not exist")
        if git.kind(sha) is None:
            raise unprocessable("Object does not exist")
        if not force and not git.is_ancestor(old, sha):
            raise unprocessable("Update is not a fast forward")
        self.refuse_protected(repository, actor, ref, force=force)
        if old != sha:
            git.update_ref(ref, sha, old)
            self.moved(repository, actor, ref, old, sha)

    def delete_ref(self, repository: Repository, actor: User, ref: str) -> None:
        self.refuse_archived(repository)
        old = repository.git.ref(ref)
        if old is None:
            raise unprocessable("Reference does not exist")
        self.refuse_protected(repository, actor, ref, force=True)
        repository.git.delete_ref(ref)
        self.moved(repository, actor, ref, old, ZERO)

    def refuse_protected(self, repository: Repository, actor: User, ref: str, *, force: bool) -> None:
        """A protected branch takes changes only through pull requests."""
        if ref.removeprefix("refs/heads/") in repository.protected and (force or actor.kind == "Bot"):
            raise unprocessable("Changes must be made through a pull request.")

    def moved(self, repository: Repository, actor: User, ref: str, old: str, new: str) -> None:
        """A ref has moved: tells the push, and what it means for pull requests and checks."""
        repository.pushed_at = self.world.now()
        self.events.push(actor, repository, ref, old, new)
        if not ref.startswith("refs/heads/"):
            return
        branch = ref.removeprefix("refs/heads/")
        if new != ZERO:
            self.request_suites(repository, new, actor)
        for other in self.world.repositories:
            for pull_request in other.pull_requests:
                if (
                    pull_request.state == "open"
                    and pull_request.head_repository is repository
                    and pull_request.head == branch
                ):
                    self._head_moved(pull_request, actor, old, new)
        for pull_request in repository.pull_requests:
            if new == ZERO and pull_request.state == "open" and pull_request.base == branch:
                self.close(pull_request.issue, actor)

    def _head_moved(self, pull_request: PullRequest, actor: User, old: str, new: str) -> None:
        issue, git = pull_request.issue, pull_request.repository.git
        if new == ZERO:
            self.close(issue, actor)
            return
        head = pull_request.head_repository or pull_request.repository
        git.fetch(head.git, new, f"refs/pull/{pull_request.number}/head")
        forced = not git.is_ancestor(old, new)
        pull_request.head_sha = new
        pull_request.base_sha = git.ref(f"refs/heads/{pull_request.base}") or pull_request.base_sha
        self.touch(issue)
        self.add_moment(issue, "head_ref_force_pushed" if forced else "pushed", actor, old=old, new=new)
        self.events.pull_request("synchronize", actor, pull_request, before=old, after=new)

    # --- what people do with git -------------------------------------------------------------------------------------

    def push_files(
        self,
        repository: Repository,
        author: User,
        branch: str,
        files: Mapping[str, str | bytes | None],
        message: str,
        *,
        executable: frozenset[str] = frozenset(),
    ) -> str:
        """A commit by a person on a branch (made from the default branch if new); None removes a file."""
        git = repository.git
        head = git.ref(f"refs/heads/{branch}")
        parent = head or git.ref(f"refs/heads/{repository.default_branch}")
        changes: list[tuple[str, str, str | None]] = []
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            mode = EXECUTABLE_MODE if path in executable else FILE_MODE
            changes.append((path, mode, None if data is None else git.blob(data)))
        tree = git.make_tree(changes, parent)
        who = self.identity(author)
        sha = git.make_commit(tree=tree, parents=[parent] if parent else [], author=who, committer=who, message=message)
        self.push(repository, author, branch, sha)
        return sha

    def push(self, repository: Repository, actor: User, branch: str, sha: str) -> None:
        """Points a branch at a commit that is there, as a push would."""
        if repository.git.kind(sha) != "commit":
            raise Refusal(422, "Object does not exist")
        ref = f"refs/heads/{branch}"
        old = repository.git.ref(ref)
        repository.git.update_ref(ref, sha)
        if old != sha:
            self.moved(repository, actor, ref, old or ZERO, sha)
