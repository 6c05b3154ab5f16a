"""Where a run's files and containers are in this process; what was lost is made again from the last snapshot."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from functools import partial
from pathlib import Path, PurePosixPath

from bot.agent.shell import KEEP
from bot.caching import Hold, Item, hold, sweep, trim
from bot.checking import Baseline, Checker, worse_than_base
from bot.domain import Check, CheckResult, CommandResult, LastChecks, Run, SandboxPhase
from bot.errors import SandboxUnavailable, UserError
from bot.git import Git
from bot.repository import RepositoryConfig
from bot.sandbox import Sandbox, SandboxSpec
from bot.sandbox.cargo_homes import CargoHomes
from bot.sandbox.container import environment
from bot.sandbox.derived import DerivedImages
from bot.sandbox.docker import DockerEngine
from bot.sandbox.failures import ImageMissing
from bot.sandbox.seed import Seeds, key_of
from bot.sandbox.volume import RunVolume
from bot.sandbox.workspace import WorkspaceFiles
from bot.seedbed import Seedbed
from bot.store import Store
from bot.store.codec import from_json, to_json

log = logging.getLogger("rfcsmith")


LAST_CHECKS = "checks"
"""The name of the document with what a run's checks showed last."""
RECENT = 3600.0
"""Seconds for which what was used stays in the cache, whatever the budget says."""


class TimedSandbox:
    """A sandbox that is opened by its first command and notes in the store how long each command took."""

    def __init__(self, open_sandbox: Callable[[], Sandbox], store: Store, run_id: str) -> None:
        self._open = open_sandbox
        self._store = store
        self._run_id = run_id
        self._sandbox: Sandbox | None = None

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
        """As `Sandbox.run`."""
        if self._sandbox is None:
            self._sandbox = self._open()
        started_at = time.time()
        result = self._sandbox.run(
            command, timeout=timeout, directory=directory, env=env or {}, keep=keep, should_stop=should_stop
        )
        stage = self._store.run(self._run_id).stage
        self._store.record_span(self._run_id, stage, "command", command, started_at, result.seconds)
        return result

    def close(self) -> None:
        """Remove the container, if there is one."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None


@dataclass(frozen=True, slots=True)
class Setup:
    """What preparation found out: the checks of the repository, the tree that work starts from, and files to keep back.

    `base_tree` holds what setup generated as well; `unpublished` are paths that setup made and the base does not have.
    `image` is the derived image of the repository, "" where the worker's own is used.
    """

    checks: tuple[Check, ...]
    base_tree: str
    unpublished: tuple[str, ...] = ()
    image: str = ""


class Kept(IntEnum):
    """The trees of a run that are published, or that it goes on from: numbered beyond the workspace's own snapshots."""

    RED = 1_000_001
    GREEN = 1_000_002
    RESUMED = 1_000_003
    RESUMED_TESTS = 1_000_004
    JOINED = 1_000_005
    SUGGESTED = 1_000_006
    ADDED = 1_000_007
    TASKS = 1_000_100
    """The first of those that the agent left when it ticked tasks."""


@dataclass(frozen=True, slots=True)
class FreshChecker:
    """What runs checks in a fresh container; `rewritten` tells which files of the tree they have written.

    `target` is the host's way to the container's target directory, where no file is the tree's; `files` is that to the tree's.
    """

    checker: Checker
    rewritten: Callable[[], tuple[str, ...]]
    target: WorkspaceFiles
    files: WorkspaceFiles


class Seat(StrEnum):
    """Whose container it is: the author's, the author's while it only reads, that of a reader with fresh eyes.

    Its value names the target directory, too.
    """

    AUTHOR = "agent"
    DESIGNER = "reader"
    READER = "second-reader"


@dataclass(slots=True)
class Workbench:
    """The files and the agent's container of one run, and what its tools do with them."""

    run: Run
    store: Store
    git: Git
    engine: DockerEngine
    volume: RunVolume
    cargo_home: Path
    should_stop: Callable[[], bool]
    config: RepositoryConfig
    seedbed: Seedbed
    holds: list[Hold]
    _sandboxes: dict[Seat, TimedSandbox] = field(default_factory=dict)

    @property
    def files(self) -> WorkspaceFiles:
        return WorkspaceFiles(self.volume.workspace)

    @property
    def repository_id(self) -> int:
        return self.run.target.repo.id

    @property
    def setup(self) -> Setup:
        """What preparation found out about this run."""
        setup = self.store.document(self.run.id, "setup", Setup)
        assert setup is not None, "preparation comes first"
        return setup

    def sandbox(self, seat: Seat = Seat.AUTHOR) -> TimedSandbox:
        """The container of a seat, started by its first command; only the author may write to the workspace."""
        if seat not in self._sandboxes:
            spec = SandboxSpec(
                run_id=self.run.id,
                phase=SandboxPhase.AGENT,
                volume=self.volume,
                variant=seat.value,
                cargo_home=self.cargo_home,
                read_only_workspace=seat is not Seat.AUTHOR,
            )
            self._sandboxes[seat] = self._timed(spec)
        return self._sandboxes[seat]

    def vacate(self, seat: Seat) -> None:
        """Remove the container of a seat, and with it the scratch files and the current directory that were left there."""
        sandbox = self._sandboxes.pop(seat, None)
        if sandbox is not None:
            sandbox.close()

    def _timed(self, spec: SandboxSpec) -> TimedSandbox:
        return TimedSandbox(lambda: self._sown(spec), self.store, self.run.id)

    def _sown(self, spec: SandboxSpec) -> Sandbox:
        self.seedbed.sow(spec.volume, spec.variant)
        return self.open(spec)

    def open(self, spec: SandboxSpec) -> Sandbox:
        """A sandbox of the engine. A missing image does not come by waiting, so that a human is told: `UserError`."""
        try:
            return self.engine.open(replace(spec, image=spec.image or self.setup.image))
        except ImageMissing as error:
            raise UserError(str(error), "Ask again when that is done.") from error

    def keep_held(self, directory: Path) -> None:
        """Keep what the run uses from being discarded until the run is over."""
        if (held := hold(directory)) is not None:
            self.holds.append(held)

    def close(self) -> None:
        """Remove the agent's containers; the files stay."""
        for sandbox in self._sandboxes.values():
            sandbox.close()
        self._sandboxes.clear()

    def discard(self) -> None:
        """Remove the containers and the files; what they were made of may go too."""
        self.close()
        self.volume.remove()
        self.seedbed.release()
        for held in self.holds:
            held.release()

    def checker(self, sandbox: TimedSandbox) -> Checker:
        seconds = {} if self.config.check_minutes is None else {"seconds": self.config.check_minutes * 60}
        return Checker(sandbox, self.setup.checks, self.should_stop, tools=self.engine.tool_names(), **seconds)

    def rewritten(self, tree: str = "", workspace: Path | None = None) -> tuple[str, ...]:
        """The paths that a check has written since `tree` was laid out in the workspace: the base here, if nothing is said.

        CI tells of such files by `git diff --exit-code`; neither new files nor what the repository ignores count.
        """
        before = tree or self.setup.base_tree
        after = (
            self.tree()
            if workspace is None
            else self.git.snapshot(self.repository_id, workspace=workspace, run_id=self.run.id, number=0)
        )
        if before == after:
            return ()
        changes = self.git.diff_stat(self.repository_id, self.publishable(before), self.publishable(after))
        known = set(self.git.paths(self.repository_id, before))
        return tuple(sorted(change.path for change in changes if change.path in known))

    def keep_seed(self) -> bool:
        """Let later runs begin with what was built until now, the base alone, before any agent came; False where not.

        A pull request's head is not the maintainers' word yet, and never becomes one. Where building changed the source
        tree itself, what was built does not belong to the base alone, and is not kept.
        """
        base_tree = self.setup.base_tree
        if self.run.head_commit or self.seedbed.fits(base_tree) or self.volume.is_full():
            return False
        # Cargo may have put a lock file into order: what it was built from is in the names of what it builds.
        written = {change.path for change in self.git.diff_stat(self.repository_id, base_tree, self.tree())}
        if any(PurePosixPath(path).name != "Cargo.lock" for path in written):
            log.info(
                "run %s: checks write into the source tree (%s): no later run begins warm", self.run.id, min(written)
            )
            return False
        return self.seedbed.keep(base_tree, self.volume.target("agent"))

    def known_baseline(self) -> Baseline | None:
        """What an earlier run measured of this very base in the same image with the same checks; None where it must be."""
        seed = self.seedbed.seed
        if seed is None or not self.seedbed.fits(self.setup.base_tree):
            return None
        text = seed.recall(self._baseline_name())
        return from_json(Baseline, json.loads(text)) if text is not None else None

    def remember_baseline(self, baseline: Baseline) -> None:
        """Keep the measurement beside the seed that was made with it, for later runs."""
        seed = self.seedbed.seed
        if seed is not None and self.seedbed.fits(self.setup.base_tree):
            seed.remember(self._baseline_name(), json.dumps(to_json(baseline)))

    def _baseline_name(self) -> str:
        minutes = self.config.check_minutes
        tools = ",".join(sorted(self.engine.tool_names()))
        return f"baseline-{key_of(json.dumps(to_json(self.setup.checks)), str(minutes), tools)}"

    def saw(self, results: Sequence[CheckResult], baseline: Baseline) -> None:
        """Note what the checks show now, for whoever asks how the run stands."""
        bare = tuple(CheckResult(each.check, each.exit, each.seconds, ran_as=each.ran_as) for each in results)
        worse = tuple(each.check.command for each in results if worse_than_base([each], baseline))
        self.store.put_document(self.run.id, LAST_CHECKS, LastChecks(bare, worse))

    # --- trees ---

    def publishable(self, tree: str) -> str:
        """The tree as it may be published: without what the base's ignore rules hide and what setup generated."""
        return self.git.publishable(self.repository_id, base=self.run.start, tree=tree, exclude=self.setup.unpublished)

    def complete(self, tree: str) -> str:
        """A tree to be published plus what setup generated: a lock file that the repository does not keep."""
        unpublished = self.setup.unpublished
        if not unpublished:
            return tree
        last = self.store.last_snapshot(self.run.id)
        assert last is not None, "setup ends with a snapshot"
        return self.git.overlay(self.repository_id, tree, source=last[1], paths=unpublished)

    def take_snapshot(self) -> str:
        """Keep the workspace as it is, on this host and in the store; returns its tree."""
        last = self.store.last_snapshot(self.run.id)
        number = 1 if last is None else last[0] + 1
        tree = self.tree(number)
        if last is None or last[1] != tree:
            pack = self.git.pack(self.repository_id, tree, self.run.base_commit)
            self.store.save_snapshot(self.run.id, number, tree, pack)
        return tree

    def keep(self, name: int, tree: str) -> None:
        """Keep a tree beyond the next snapshot, on this host and in the store; `name` is one of `Kept`, or counts on from it."""
        self.git.keep(self.repository_id, run_id=self.run.id, number=name, tree=tree)
        self.store.save_snapshot(
            self.run.id, -name, tree, self.git.pack(self.repository_id, tree, self.run.base_commit)
        )

    def tree(self, number: int = 0) -> str:
        """The workspace's tree now, kept under `number` until the next one of that number."""
        return self.git.snapshot(self.repository_id, workspace=self.volume.workspace, run_id=self.run.id, number=number)

    def roll_back(self) -> None:
        """Undo what a batch of calls that was cut off did: the last snapshot again, and nothing built is trusted."""
        last = self.store.last_snapshot(self.run.id)
        if last is None:
            return
        self.close()
        self.git.restore(self.repository_id, last[1], self.volume.workspace)
        self.volume.clear_target("agent")

    def restore(self, tree: str) -> None:
        self.git.restore(self.repository_id, tree, self.volume.workspace)

    @contextmanager
    def fresh(self, tree: str, variant: str) -> Iterator[FreshChecker]:
        """A checker in a fresh container, with its own disk and target directory, on a tree that the host lays out."""
        name = f"{self.run.id}.{variant}"
        volume = RunVolume.fresh(self.engine.home, name)
        try:
            self.seedbed.lay_out(tree, volume.workspace)
            volume.hand_over()
            spec = SandboxSpec(
                run_id=name, phase=SandboxPhase.VERIFY, volume=volume, cargo_home=self.cargo_home, variant=variant
            )
            sandbox = self._timed(spec)
            try:
                rewritten = partial(self.rewritten, tree, volume.workspace)
                files = WorkspaceFiles(volume.workspace)
                yield FreshChecker(self.checker(sandbox), rewritten, WorkspaceFiles(volume.target(variant)), files)
            finally:
                sandbox.close()
        finally:
            volume.remove()


class Workbenches:
    """The benches of this process by run; a bench that is not here is made from the run's last snapshot."""

    def __init__(
        self,
        *,
        git: Git,
        engine: DockerEngine,
        store: Store,
        images: DerivedImages,
        config: Callable[[Run], RepositoryConfig],
        stop_watch: Callable[[str], Callable[[], bool]],
        bring: Callable[[Run], None],
        furnish: Callable[[Run, Workbench], None],
    ) -> None:
        self._git = git
        self._engine = engine
        self._store = store
        self._home = engine.home
        self.cargo_homes = CargoHomes(engine.home)
        self.seeds = Seeds(engine.home)
        self.images = images
        self._config = config
        self._stop_watch = stop_watch
        self._bring = bring
        self._furnish = furnish
        self._benches: dict[str, Workbench] = {}
        self._lock = threading.Lock()

    def open(self, run: Run) -> Workbench:
        """The run's bench, its files as the last snapshot (or, before the first one, the base commit) has them."""
        bench = self._benches.get(run.id)
        if bench is None:
            # One run is worked on by one thread at a time, so that nobody else makes the same bench now.
            bench = self._make(run)
            with self._lock:
                self._benches[run.id] = bench
            self._furnish(run, bench)
        bench.run = run
        return bench

    def at_hand(self, run_id: str) -> Workbench | None:
        """The run's bench, if it is in this process."""
        return self._benches.get(run_id)

    def have_trees(self, run: Run) -> None:
        """Have the run's commits and all that is kept of its workspace in the clone here."""
        self.bring(run)
        repository_id = run.target.repo.id
        for tree, pack in self._store.snapshots(run.id):
            if not self._git.has(repository_id, tree):
                self._git.unpack(repository_id, pack)

    def bring(self, run: Run) -> None:
        """Have the run's commits in the clone here; where another machine began the run they are fetched anew."""
        if not self._git.has(run.target.repo.id, run.start):
            self._bring(run)

    def _make(self, run: Run) -> Workbench:
        self.have_trees(run)
        repository_id = run.target.repo.id
        volume = RunVolume.fresh(self._home, run.id)
        cargo_home = volume.make_directory(self.cargo_homes.path(repository_id))
        holds = [held for held in (self._git.hold(repository_id), hold(cargo_home)) if held is not None]
        last = self._store.last_snapshot(run.id)
        tree = last[1] if last else self._git.tree_of(repository_id, run.start)
        seedbed = Seedbed(self._git, self.seeds, repository_id, self._seed_key(run))
        seedbed.choose(tree)
        seedbed.lay_out(tree, volume.workspace)
        volume.hand_over()
        return Workbench(
            run,
            self._store,
            self._git,
            self._engine,
            volume,
            cargo_home,
            self._stop_watch(run.id),
            self._config(run),
            seedbed,
            holds,
        )

    def _seed_key(self, run: Run) -> str:
        """What decides whether build output is of use to a run; "" where it cannot be said."""
        setup = self._store.document(run.id, "setup", Setup)
        if setup is None:
            return ""
        try:
            image = self._engine.image_id(setup.image)
        except SandboxUnavailable:
            return ""  # The first command says it to a human.
        ways = sorted({json.dumps([check.toolchain, sorted(check.env)]) for check in setup.checks})
        variables = environment(SandboxPhase.AGENT, has_ca_bundle=False, proxies={})
        return key_of(image, json.dumps(sorted(variables.items())), *ways)

    def pause(self, run_id: str) -> None:
        """A waiting run keeps its files and holds no container."""
        bench = self._benches.get(run_id)
        if bench is not None:
            bench.close()

    def put_away(self, run_id: str) -> None:
        """A run that waits for people holds neither container nor file: all is made again from its last snapshot."""
        with self._lock:
            bench = self._benches.pop(run_id, None)
        if bench is not None:
            bench.discard()

    def discard(self, run: Run) -> None:
        """The run is over: containers and files go, and so do its trees in the clone."""
        self.put_away(run.id)
        if run.base_commit and self._git.has(run.target.repo.id, run.base_commit):
            self._git.forget(run.target.repo.id, run.id)

    def forget_repository(self, repository_id: int) -> None:
        """Delete what is kept of a repository that took the App away."""
        self.cargo_homes.forget(repository_id)
        self.seeds.forget(repository_id)

    def sweep(self) -> None:
        """Delete what a process that died was just making or deleting; only where no other is at work."""
        for places in ("seeds/*/*", "cargo", "clones"):
            sweep(self._home, places)

    def trim(self, budget: int) -> tuple[Item, ...]:
        """Discard the least recently used seeds, dependency caches, images and clones beyond `budget` bytes; returns what went.

        What a bench uses stays, and what was used in the last hour: a run that is just being prepared holds nothing yet.
        """
        items = [*self.seeds.items(), *self.cargo_homes.items(), *self._git.items(), *self.images.items()]
        return trim(items, budget, unused_before=time.time() - RECENT)

    def close(self) -> None:
        """Remove all containers of this process; files stay until the next start cleans up."""
        for run_id in list(self._benches):
            self.pause(run_id)
