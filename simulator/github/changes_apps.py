"""What can happen to the App's installations and to repositories as such; the whole list of changes ends here."""

from __future__ import annotations

from simulator.github.changes_reviews import ReviewChanges
from simulator.github.state import App, Installation, Repository, User


class Changes(ReviewChanges):
    """Everything that can happen in the world."""

    def install(
        self,
        app: App,
        account: User,
        sender: User,
        *,
        repositories: list[Repository] | None = None,
        permissions: dict[str, str] | None = None,
    ) -> Installation:
        """Installs the App on an account: on all of its repositories, or on those given."""
        granted = dict(app.permissions if permissions is None else permissions)
        installation = Installation(self.world.new_id(), app, account, granted, self.world.now(), repositories)
        self.world.installations.append(installation)
        self.events.installation("created", sender, installation)
        return installation

    def uninstall(self, installation: Installation, sender: User) -> None:
        self.events.installation("deleted", sender, installation)
        installation.deleted = True
        self.revoke_tokens(installation)

    def withdraw(self, installation: Installation, permission: str, level: str = "none") -> None:
        """The App is left with less of a permission, from now on and for tokens that are out; GitHub tells nobody."""
        installation.permissions.pop(permission, None)
        if level != "none":
            installation.permissions[permission] = level

    def suspend(self, installation: Installation, sender: User) -> None:
        installation.suspended_at, installation.suspended_by = self.world.now(), sender
        self.events.installation("suspend", sender, installation)

    def unsuspend(self, installation: Installation, sender: User) -> None:
        installation.suspended_at = installation.suspended_by = None
        self.events.installation("unsuspend", sender, installation)

    def revoke_tokens(self, installation: Installation) -> None:
        """All tokens of an installation stop working."""
        for value in [each.value for each in self.world.tokens.values() if each.installation is installation]:
            del self.world.tokens[value]

    def select_repositories(self, installation: Installation, sender: User, repositories: list[Repository]) -> None:
        """The owner chooses other repositories for the App."""
        before = [each for each in self.world.repositories if installation.covers(each)]
        installation.repositories = list(repositories)
        added = [each for each in repositories if each not in before]
        removed = [each for each in before if each not in repositories]
        if added:
            self.events.installation_repositories("added", sender, installation, added)
        if removed:
            self.events.installation_repositories("removed", sender, installation, removed)

    def rename(self, repository: Repository, actor: User, name: str) -> None:
        """Renames a repository; the old name redirects."""
        old = repository.name
        self.world.renamed[repository.full_name.lower()] = repository
        repository.name = name
        self.events.renamed(actor, repository, old)

    def fork(self, repository: Repository, owner: User) -> Repository:
        """A fork with all branches of its parent."""
        made = self.world.add_repository(
            f"{owner.login}/{repository.name}",
            default_branch=repository.default_branch,
            parent=repository,
            private=repository.private,
        )
        made.git.run("fetch", "--quiet", "--no-tags", str(repository.git.path), "+refs/heads/*:refs/heads/*")
        return made
