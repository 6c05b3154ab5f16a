"""Where a run's files and containers are in this process; what was lost is made again from the last snapshot."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bot.agent.shell import KEEP
from bot.checking import Baseline, Checker
from bot.domain import Check, CheckScope, CommandResult, Run, SandboxPhase
from bot.errors import UserError
from bot.git import Git
from bot.repository import RepositoryConfig
from bot.rust.compact import compact
from bot.rust.manifests import edition_of
from bot.sandbox import Sandbox, SandboxSpec
from bot.sandbox.docker import DockerEngine
from bot.sandbox.setup import fetch_dependency
from bot.sandbox.volume import RunVolume, remove_tree
from bot.sandbox.workspace import WorkspaceFiles
from bot.store import Store

log = logging.getLogger("rfcsmith")


class TimedSandbox:
    """A sandbox that notes in the store how long each command took."""

    def __init__(self, sandbox: Sandbox, store: Store, run: Run) -> None:
        self._sandbox = sandbox
        self._store = store
        self._run = run

    def run(
        self,
        command: str,
        *,
        timeout: float,
        directory: str = ".",
        env: Mapping[str, str] | None = None,
        keep: int = KEEP,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> CommandResult:
        started_at = time.time()
        result = self._sandbox.run(
            command, timeout=timeout, directory=directory, env=env or {}, keep=keep, should_stop=should_stop
        )
        stage = self._store.run(self._run.id).stage
        self._store.record_span(self._run.id, stage, "command", command, started_at, result.seconds)
        return result

    def close(self) -> None:
        self._sandbox.close()


@dataclass(slots=True)
class Workbench:
    """The files and the agent's container of one run, and what its tools do with them."""

    run_: Run
    store: Store
    git: Git
    engine: DockerEngine
    volume: RunVolume
    cargo_home: Path
    should_stop: Callable[[], bool]
    config: RepositoryConfig
    base_tree: str = ""
    checks: tuple[Check, ...] = ()
    _sandboxes: dict[bool, TimedSandbox] = field(default_factory=dict)

    @property
    def files(self) -> WorkspaceFiles:
        return WorkspaceFiles(self.volume.workspace)

    @property
    def repository_id(self) -> int:
        return self.run_.target.repo.id

    def sandbox(self, *, is_read_only: bool = False) -> TimedSandbox:
        """The agent's container, started at first use; the one with the other rights over the workspace is closed."""
        if is_read_only not in self._sandboxes:
            self.close()
            self._sandboxes[is_read_only] = self._start(
                SandboxSpec(
                    run_id=self.run_.id,
                    phase=SandboxPhase.AGENT,
                    volume=self.volume,
                    cargo_home=self.cargo_home,
                    read_only_workspace=is_read_only,
                )
            )
        return self._sandboxes[is_read_only]

    def _start(self, spec: SandboxSpec) -> TimedSandbox:
        return TimedSandbox(self.engine.open(spec), self.store, self.run_)

    def close(self) -> None:
        """Remove the agent's container; the files stay."""
        for sandbox in self._sandboxes.values():
            sandbox.close()
        self._sandboxes.clear()

    def checker(self, sandbox: TimedSandbox) -> Checker:
        seconds = {} if self.config.check_minutes is None else {"seconds": self.config.check_minutes * 60}
        return Checker(sandbox, self.checks, self.should_stop, **seconds)

    # --- trees ---

    def take_snapshot(self) -> str:
        """Keep the workspace as it is, on this host and in the store; returns its tree."""
        last = self.store.last_snapshot(self.run_.id)
        number = 1 if last is None else last[0] + 1
        tree = self._tree(number)
        if last is None or last[1] != tree:
            pack = self.git.pack(self.repository_id, tree, self.run_.base_commit)
            self.store.save_snapshot(self.run_.id, number, tree, pack)
        return tree

    def _tree(self, number: int) -> str:
        return self.git.snapshot(
            self.repository_id, workspace=self.volume.workspace, run_id=self.run_.id, number=number
        )

    def roll_back(self) -> None:
        """Undo what a batch of calls that was cut off did: the last snapshot again, and nothing built is trusted."""
        last = self.store.last_snapshot(self.run_.id)
        if last is None:
            return
        self.close()
        self.git.restore(self.repository_id, last[1], self.volume.workspace)
        self.volume.clear_target("agent")

    def restore(self, tree: str) -> None:
        self.git.restore(self.repository_id, tree, self.volume.workspace)

    @contextmanager
    def fresh(self, tree: str, variant: str) -> Iterator[Checker]:
        """A checker in a fresh container, with its own disk and target directory, on a tree that the host lays out."""
        name = f"{self.run_.id}.{variant}"
        volume = RunVolume.create(self.engine.home, name)
        try:
            self.git.export(self.repository_id, tree, volume.workspace)
            volume.hand_over()
            spec = SandboxSpec(
                run_id=name, phase=SandboxPhase.VERIFY, volume=volume, cargo_home=self.cargo_home, variant=variant
            )
            sandbox = self._start(spec)
            try:
                yield self.checker(sandbox)
            finally:
                sandbox.close()
        finally:
            volume.remove()

    # --- what the agent's tools need (protocols of bot.agent.toolbox) ---

    def run(self, scope: CheckScope, filter: str, should_stop: Callable[[], bool]) -> str:
        """The `check` tool: format what the change touched, climb the ladder, compare with the base."""
        baseline = self.store.document(self.run_.id, "baseline", Baseline) or Baseline()
        checker = self.checker(self.sandbox())
        formatted = self._format(checker, baseline)
        results = checker.climb(scope, baseline, test_filter=filter)
        text = compact(results, baseline.results)
        skipped = len(checker.rungs(scope, filter)) - len(results)
        if skipped > 0:
            text += f"\n\nStopped at the first check that fails; {skipped} more were not run."
        return f"{formatted}{text}"

    def _format(self, checker: Checker, baseline: Baseline) -> str:
        """rustfmt is applied rather than complained about, but never to files that the base has unformatted."""
        tree = self._tree(0)
        changed = [
            change.path
            for change in self.git.changes(self.repository_id, self.base_tree, tree)
            if change.content is not None and change.path.endswith(".rs") and change.path not in baseline.unformatted
        ]
        if not changed:
            return ""
        manifests = self._manifests(tree)
        checker.format(changed, {path: edition_of(path, manifests) for path in changed})
        touched = [change.path for change in self.git.changes(self.repository_id, tree, self._tree(0))]
        return f"rustfmt formatted {', '.join(touched)}.\n" if touched else ""

    def _manifests(self, tree: str) -> dict[str, str]:
        paths = [path for path in self.git.paths(self.repository_id, tree) if PurePosixPath(path).name == "Cargo.toml"]
        contents = self.git.read_many(self.repository_id, tree, paths)
        return {path: content.decode(errors="replace") for path, content in contents.items()}

    def diff(self, path: str) -> str:
        """The `diff` tool: everything that differs from where the work started."""
        text = self.git.diff(self.repository_id, self.base_tree, self._tree(0))
        if not path or path == ".":
            return text
        parts = text.split("\ndiff --git ")
        wanted = path.removeprefix("/workspace/").rstrip("/")
        kept = [part for part in parts if f"b/{wanted}" in part.partition("\n")[0]]
        return "\n".join(part if part.startswith("diff --git ") else f"diff --git {part}" for part in kept)

    def fetch(
        self,
        name: str,
        version: str,
        features: tuple[str, ...],
        default_features: bool,
        should_stop: Callable[[], bool],
    ) -> str:
        """The `dependency` tool: a setup container fetches the crate; no file of the workspace takes part in it."""
        fetched = fetch_dependency(
            self.engine,
            self.volume,
            self.cargo_home,
            name=name,
            version=version,
            features=features,
            default_features=default_features,
            should_stop=should_stop,
        )
        if not fetched.version:
            raise UserError(f"{name} {version} could not be fetched.", fetched.result.output[-2000:])
        return f"{name} {fetched.version} and what it depends on can be used offline now; add it to Cargo.toml."


class Workbenches:
    """The benches of this process by run; a bench that is not here is made from the run's last snapshot."""

    def __init__(
        self,
        *,
        git: Git,
        engine: DockerEngine,
        store: Store,
        home: Path,
        config: Callable[[Run], RepositoryConfig],
        stop_watch: Callable[[str], Callable[[], bool]],
    ) -> None:
        self._git = git
        self._engine = engine
        self._store = store
        self._home = home
        self._config = config
        self._stop_watch = stop_watch
        self._benches: dict[str, Workbench] = {}
        self._lock = threading.Lock()

    def open(self, run: Run) -> Workbench:
        """The run's bench, its files as the last snapshot (or, before the first one, the base commit) has them."""
        with self._lock:
            bench = self._benches.get(run.id)
            if bench is None:
                bench = self._benches[run.id] = self._make(run)
        bench.run_ = run
        return bench

    def _make(self, run: Run) -> Workbench:
        volume = RunVolume.create(self._home, run.id)
        # Whatever another process left here is not trusted to be whole.
        volume.remove()
        volume = RunVolume.create(self._home, run.id)
        last = self._store.last_snapshot(run.id)
        if last is not None and not self._git.has(run.target.repo.id, last[1]):
            self._git.unpack(run.target.repo.id, last[2])
        self._git.export(run.target.repo.id, last[1] if last else run.head_commit or run.base_commit, volume.workspace)
        volume.hand_over()
        return Workbench(
            run,
            self._store,
            self._git,
            self._engine,
            volume,
            self.cargo_home(run.target.repo.id),
            self._stop_watch(run.id),
            self._config(run),
        )

    def cargo_home(self, repository_id: int) -> Path:
        """The repository's own dependency cache: only setup containers write it."""
        return self._home / "cargo" / str(repository_id)

    def pause(self, run_id: str) -> None:
        """A waiting run keeps its files and holds no container."""
        bench = self._benches.get(run_id)
        if bench is not None:
            bench.close()

    def discard(self, run_id: str) -> None:
        """The run is over: containers and files go."""
        with self._lock:
            bench = self._benches.pop(run_id, None)
        if bench is not None:
            bench.close()
            bench.volume.remove()

    def forget_repository(self, repository_id: int) -> None:
        """Delete the dependency cache of a repository that took the App away."""
        remove_tree(self.cargo_home(repository_id))

    def close(self) -> None:
        """Remove all containers of this process; files stay until the next start cleans up."""
        for run_id in list(self._benches):
            self.pause(run_id)
