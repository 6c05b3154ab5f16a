"""The hands of the steps: GitHub, git, sandboxes, the model and the store of this process, composed in one place."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot import repository
from bot.domain import Run
from bot.errors import SandboxUnavailable, Unavailable, UserError
from bot.git import Git
from bot.github.app import GitHubApp
from bot.model import AnthropicModel
from bot.repository import RepositoryConfig
from bot.sandbox.derived import DerivedImages
from bot.sandbox.docker import DockerEngine
from bot.sandbox.tools import Tools
from bot.settings import Settings
from bot.store import Store
from bot.workbench import Workbench, Workbenches

log = logging.getLogger("rfcsmith")
MAX_TURNS = 120
"""Turns of one conversation where the repository does not say."""


@dataclass(frozen=True, slots=True)
class Hands:
    """Everything that steps act with."""

    settings: Settings
    store: Store
    github: GitHubApp
    git: Git
    engine: DockerEngine
    model: AnthropicModel
    workbenches: Workbenches

    def config_at(self, repository_id: int, commit: str) -> RepositoryConfig:
        """What the repository says of itself at a commit of its base branch."""
        content = self.git.read(repository_id, commit, repository.PATH)
        return repository.parse(content.decode(errors="replace")) if content is not None else RepositoryConfig()

    def known_config(self, repository_id: int, commit: str) -> RepositoryConfig:
        """As `config_at`; nothing is configured at a commit that the clone here does not hold."""
        return self.config_at(repository_id, commit) if self.git.has(repository_id, commit) else RepositoryConfig()

    def config(self, run: Run) -> RepositoryConfig:
        """What the repository says of itself at the run's base."""
        self.workbenches.bring(run)
        return self.config_at(run.target.repo.id, run.base_commit)

    def mutants_seconds(self, run: Run) -> float:
        """How long mutants of a run's change may be tried: what the repository says, else the worker's own setting."""
        minutes = self.config(run).mutants_minutes
        return self.settings.mutants_seconds if minutes is None else minutes * 60

    def health(self) -> dict[str, Any]:
        """Whether engine, image and model can be reached now; for the heartbeat."""
        try:
            engine = "ok" if self.engine.has_image() else "no image: run `make image`"
        except SandboxUnavailable as error:
            engine = str(error)
        try:
            self.model.ping()
            model = "ok"
        except (Unavailable, UserError) as error:
            model = str(error)
        return {"sandbox": engine, "tools": sorted(self.engine.tool_names()), "model": model}

    def clean_up(self) -> None:
        """Remove the containers and disks of the last process: what runs still need is made from their snapshots."""
        removed = self.engine.reap(())
        self.workbenches.sweep()
        if removed:
            log.info("removed %d containers and disks of the last process", removed)

    def trim(self) -> None:
        """Keep seeds, dependency caches and clones within the budget."""
        for item in self.workbenches.trim(self.settings.cache_gigabytes * 10**9):
            log.info("discarded %s, %d MB that had not been used for longest", item.name, item.size // 10**6)

    def close(self) -> None:
        """Remove the containers; what runs in them is done again at the next start."""
        self.workbenches.close()
        try:
            self.engine.shut_down()
        except SandboxUnavailable as error:
            log.warning("containers may be left until the next start: %s", error)


_hands: list[Hands] = []


def use(hands: Hands) -> None:
    """Let the steps of this process act with these hands."""
    _hands[:] = [hands]


def current() -> Hands:
    """The hands of this process; only steps ask."""
    if not _hands:
        raise RuntimeError("no hands yet: the worker has not been started")
    return _hands[0]


def make(
    settings: Settings,
    store: Store,
    *,
    stop_watch: Callable[[str], Callable[[], bool]],
    bring: Callable[[Run], None],
    furnish: Callable[[Run, Workbench], None],
) -> Hands:
    """Compose the real hands from the settings."""
    git = Git(settings.home, ca_bundle=settings.ca_bundle)
    engine = DockerEngine(
        image=settings.image,
        home=settings.home,
        ca_bundle=settings.ca_bundle,
        runtime=settings.docker_runtime,
        proxies=settings.proxies,
        tools=Tools(settings.tools),
    )

    def config(run: Run) -> RepositoryConfig:
        return current().config(run)

    return Hands(
        settings=settings,
        store=store,
        github=GitHubApp(
            app_id=settings.app_id,
            private_key=settings.private_key.reveal(),
            api_url=settings.github_api_url,
            write_pause=settings.write_pause,
        ),
        git=git,
        engine=engine,
        model=AnthropicModel(
            api_key=settings.api_key.reveal(),
            model=settings.model,
            effort=settings.effort,
            base_url=settings.anthropic_base_url,
        ),
        workbenches=Workbenches(
            git=git,
            engine=engine,
            store=store,
            images=DerivedImages(engine, settings.home, settings.images),
            config=config,
            stop_watch=stop_watch,
            bring=bring,
            furnish=furnish,
        ),
    )
