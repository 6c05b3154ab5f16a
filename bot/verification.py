"""Runs the evidence of a change again: the same trees and commands in fresh containers, and what is seen compared with the archive.

Nothing is believed because the archive says so. The trees are those that git makes of the base commit and the patches, the
tests those that cargo names here. What nobody can run again (times, which criterion a test is to prove, what to look at) is
carried, and not judged.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp

from bot import evidence, repository
from bot.checking import Baseline, passing
from bot.domain import Actor, Check, CheckResult, CheckScope, RedKind, Repo, Run, RunKind, Target
from bot.errors import GitHubUnavailable, SandboxUnavailable, UserError
from bot.evidence import Archive, Facts, Row, Seen, State
from bot.git import Git
from bot.github.app import GitHubApp
from bot.repository import RepositoryConfig
from bot.rust import checks, discovery
from bot.rust.ci_log import is_learned, with_learned
from bot.rust.tests import TestItem, new_tests, tests_of
from bot.rust.verdicts import red_kinds, there
from bot.sandbox import never
from bot.sandbox.derived import DerivedImages, Furnishing
from bot.sandbox.docker import DockerEngine
from bot.sandbox.setup import fetch
from bot.sandbox.tools import Tools
from bot.settings import AppSettings, SandboxSettings
from bot.store import Store, open_engine, upgrade
from bot.workbench import Setup, Workbench, Workbenches

log = logging.getLogger("rfcsmith")
LOCK = "Cargo.lock"
PULL_REQUEST = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)#(?P<number>[0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the commits come from: a clone address, and a token that may read there; `is_local` for a clone on this disk."""

    url: str
    token: str | None = field(default=None, repr=False)
    is_local: bool = False


def local_source(path: Path) -> Source:
    """A clone on this disk. Raises `UserError`."""
    if not path.is_dir():
        raise UserError(f"{path} is no directory.", "Give the path of a clone that has the base commit.")
    return Source(f"file://{path.resolve()}", is_local=True)


def app_for(settings: AppSettings) -> GitHubApp:
    """The App, for reading."""
    return GitHubApp(app_id=settings.app_id, private_key=settings.private_key.reveal(), api_url=settings.github_api_url)


def _repo_of(app: GitHubApp, full_name: str) -> Repo:
    owner, _, name = full_name.partition("/")
    installation_id = app.installation_of(owner, name)
    if installation_id is None:
        raise UserError(f"The App is not installed on {full_name}.", "Name a clone of it with --repository.")
    found = app.installation(installation_id).repository(Repo(0, owner, name, installation_id))
    return replace(found.repo, installation_id=installation_id)


def github_source(app: GitHubApp, full_name: str) -> Source:
    """The repository on GitHub, with a token that can only read it. Raises `UserError` where the App is not installed."""
    repo = _repo_of(app, full_name)
    github = app.installation(repo.installation_id)
    return Source(github.repository(repo).clone_url, github.token(repo, write=False))


# --- which archive ---------------------------------------------------------------------------------------------------


def of_pull_request(app: GitHubApp, store: Store, full_name: str, number: int) -> tuple[str, bytes]:
    """The head of a pull request now, and the newest archive that is kept of it. Raises `UserError`."""
    repo = _repo_of(app, full_name)
    record = store.target_of_pull_request(repo.id, number)
    digest = store.newest_bundle(repo.id, record.target.issue) if record is not None else None
    if digest is None:
        raise UserError(f"No evidence of {full_name}#{number} is kept here.", "Is it a pull request of this App?")
    head = app.installation(repo.installation_id).pull_request(repo, number).head_sha
    return head, of_digest(store, digest)


def of_digest(store: Store, digest: str) -> bytes:
    """The archive of that digest. Raises `UserError`."""
    content = store.bundle(digest)
    if content is None:
        raise UserError("No evidence of that digest is kept here.", "Give the path of the archive.")
    if evidence.digest_of(content) != digest:
        raise UserError("What is kept under that digest has another one: it was changed.", "")
    return content


def of_file(path: Path) -> bytes:
    """The archive in a file. Raises `UserError`."""
    if not path.is_file() or path.stat().st_size > evidence.LARGEST:
        raise UserError(f"{path} is no archive of evidence.", "Give its path, its SHA-256, or owner/name#pull.")
    return path.read_bytes()


# --- running it again ------------------------------------------------------------------------------------------------


def verify(archive: Archive, source: Source, settings: SandboxSettings) -> tuple[Row, ...]:
    """Everything that was compared. Raises `UserError` where it cannot be run at all, `Unavailable` without Docker or GitHub."""
    home = Path(mkdtemp(prefix="rfcsmith-verify-"))
    try:
        with _desk(archive.facts, source, settings, home) as desk:
            return desk.verify(archive)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _desk(facts: Facts, source: Source, settings: SandboxSettings, home: Path) -> Iterator[_Desk]:
    """A workbench of a run that never was, in a home of its own; nothing of it is left."""
    engine = DockerEngine(
        image=settings.image,
        home=home,
        ca_bundle=settings.ca_bundle,
        runtime=settings.docker_runtime,
        proxies=settings.proxies,
        tools=Tools(settings.tools),
    )
    git = Git(home, ca_bundle=settings.ca_bundle, allow_file=source.is_local)
    database = open_engine(f"sqlite:///{home / 'verify.sqlite'}")
    upgrade(database)
    store = Store(database)
    owner, _, name = facts.repository.partition("/")
    target = Target(Repo(facts.repository_id, owner, name, 0), facts.issue)
    run = Run("", RunKind.IMPLEMENT, target, 0, "verify", Actor("verify"), base_commit=facts.base_commit)
    run = store.open_run(run)
    config = _fetched_config(git, source, facts)
    images = DerivedImages(engine, settings.home, settings.images)
    workbenches = Workbenches(
        git=git,
        engine=engine,
        store=store,
        images=images,
        config=lambda _: config,
        stop_watch=lambda _: never,
        bring=lambda _: None,
        furnish=lambda *_: None,
    )
    try:
        image = images.ensure(_furnishing(git, facts, config))
        store.put_document(run.id, "setup", Setup((), "", image=image))
        yield _Desk(source, git, config, engine, workbenches.open(run))
    finally:
        workbenches.discard(run)
        try:
            engine.reap(())
        except SandboxUnavailable as error:
            log.warning("containers may be left: %s", error)
        engine.close()
        database.dispose()


def _fetched_config(git: Git, source: Source, facts: Facts) -> RepositoryConfig:
    try:
        git.fetch(facts.repository_id, source.url, source.token, ref=facts.base_commit)
    except (UserError, GitHubUnavailable) as error:
        if not source.is_local and isinstance(error, GitHubUnavailable):
            raise
        hint = "Run `git fetch` there, or look whether this is the right repository."
        raise UserError(f"The base commit {facts.base_commit} is not to be had: {error}", hint) from error
    content = git.read(facts.repository_id, facts.base_commit, repository.PATH)
    return repository.parse(content.decode(errors="replace")) if content is not None else RepositoryConfig()


def _furnishing(git: Git, facts: Facts, config: RepositoryConfig) -> Furnishing:
    """What the base commit says that its sandbox needs; the archive has no say in it."""
    wanted = config.setup
    script = git.read(facts.repository_id, facts.base_commit, wanted.script) if wanted.script else None
    return Furnishing(wanted.packages, script or b"", wanted.image)


@dataclass(frozen=True, slots=True)
class _Desk:
    """A workbench on which the trees of an archive are made and run."""

    source: Source
    git: Git
    config: RepositoryConfig
    engine: DockerEngine
    bench: Workbench

    def verify(self, archive: Archive) -> tuple[Row, ...]:
        facts = archive.facts
        rows = [*self._ci_rows(facts), *self._head_rows(facts)]
        base_tree = self.git.tree_of(facts.repository_id, facts.base_commit)
        red, final = self._made(archive, base_tree)
        rows.append(_tree_row("the base commit has the base tree", facts.base.tree, base_tree))
        rows.append(_tree_row(f"{evidence.RED_PATCH} gives the tree with the new tests", facts.red.tree, red))
        rows.append(_tree_row(f"{evidence.FINAL_PATCH} gives the final tree", facts.final.tree, final))
        rounds = self._made_rounds(archive, final)
        for each in facts.rounds:
            if each.number in rounds:
                before, red_of_round = rounds[each.number]
                names = evidence.round_files(each.number)
                rows.append(_tree_row(f"{names.before} gives the tree before {each.what}", each.before, before))
                rows.append(_tree_row(f"{names.tests} gives that with its tests", each.red.tree, red_of_round))
        seen = replace(self._seen(archive, base_tree, red, final), rounds=self._seen_rounds(archive, rounds))
        return (*rows, *evidence.compare(facts, seen))

    # --- trees ---

    def _made(self, archive: Archive, base_tree: str) -> tuple[str, str]:
        """The two trees by the patches; by the repository where a patch was too large for the archive."""
        made = [base_tree]
        for name, told in ((evidence.RED_PATCH, archive.facts.red), (evidence.FINAL_PATCH, archive.facts.final)):
            patch = archive.files.get(name)
            if patch is not None:
                made.append(self.git.applied(archive.facts.repository_id, made[-1], patch))
            elif self.git.has(archive.facts.repository_id, told.tree):
                made.append(told.tree)
            else:
                raise UserError(f"The archive has no {name}, and the repository has no tree {told.tree}.", "")
        return made[1], made[2]

    def _made_rounds(self, archive: Archive, final_tree: str) -> dict[int, tuple[str, str]]:
        """The trees before each later round, and with its tests, by the round's number; none of those without patches."""
        made = {}
        for each in archive.facts.rounds:
            names, repository_id = evidence.round_files(each.number), archive.facts.repository_id
            if names.before in archive.files and names.tests in archive.files:
                before = self.git.applied(repository_id, final_tree, archive.files[names.before])
                made[each.number] = before, self.git.applied(repository_id, before, archive.files[names.tests])
        return made

    def _head_rows(self, facts: Facts) -> list[Row]:
        """Whether the commit that was pushed has the tree that was proven; nothing where it is not to be had any more."""
        what = f"the commit {facts.head_commit[:12]} has the final tree"
        try:
            self.git.fetch(facts.repository_id, self.source.url, self.source.token, ref=facts.head_commit)
        except (UserError, GitHubUnavailable):
            return [Row(what, ("it is not in this repository",), counts=False)]
        return [_tree_row(what, facts.final.tree, self.git.tree_of(facts.repository_id, facts.head_commit))]

    def _ci_rows(self, facts: Facts) -> list[Row]:
        rows: list[Row] = []
        for name, told in ((evidence.BASE, facts.base), (evidence.FINAL, facts.final)):
            rows += evidence.ci_rows(name, told, self._required(facts, told))
        return rows

    def _required(self, facts: Facts, told: State) -> tuple[Check, ...]:
        """The commands that the base commit's CI and rules ask for, as a run finds them; what CI had to teach stands beside them."""
        found = [path for path in self.git.paths(facts.repository_id, facts.base_commit) if discovery.wanted(path)]
        texts = self._texts(facts.repository_id, facts.base_commit, found)
        learned = [ran.check for ran in told.checks if is_learned(ran.check)]
        wanted = self.config.checks.apply(with_learned(discovery.discover(texts), learned))
        return checks.ladder(wanted, scope=CheckScope.FULL, tools=self.engine.tool_names())

    def _texts(self, repository_id: int, tree: str, paths: list[str]) -> dict[str, str]:
        contents = self.git.read_many(repository_id, tree, paths)
        return {path: content.decode(errors="replace") for path, content in contents.items()}

    def _sources(self, repository_id: int, tree: str) -> dict[str, str]:
        paths = self.git.paths(repository_id, tree)
        return self._texts(repository_id, tree, [path for path in paths if path.endswith((".rs", "Cargo.toml"))])

    # --- running ---

    def _seen(self, archive: Archive, base_tree: str, red_tree: str, final_tree: str) -> Seen:
        facts, files = archive.facts, archive.files
        base_laid, base_lock = self._laid_out(base_tree, files.get(evidence.BASE_LOCK))
        baseline = self._measured(facts.base, base_laid)
        red_laid, red_lock = self._laid_out(red_tree, files.get(evidence.RED_LOCK))
        tests = self._new_tests(facts, base_tree, red_tree)
        red = self._tested(self._required(facts, facts.red), red_laid, tests)
        final_laid, final_lock = self._laid_out(final_tree, files.get(evidence.FINAL_LOCK))
        final = self._climbed(facts.final, final_laid, baseline)
        return Seen(
            base=evidence.state(base_tree, baseline.results, baseline.passing, base_lock),
            red=evidence.state(red_tree, red, passing(red), red_lock),
            final=evidence.state(final_tree, final, passing(final), final_lock),
            red_kinds=red_kinds(there(tests, red), red),
            rustc=baseline.rustc,
            image=self.engine.image_id(self.bench.setup.image),
            gone=self._gone(facts, final_tree),
        )

    def _new_tests(self, facts: Facts, before: str, after: str) -> tuple[TestItem, ...]:
        """The tests that the tree `after` has anew, as far as an archive of this version knows of them."""
        tests = new_tests(*(self._sources(facts.repository_id, tree) for tree in (before, after)))
        return tuple(test for test in tests if facts.schema_version >= evidence.NAMES_MADE_TESTS or not test.is_made)

    def _gone(self, facts: Facts, final_tree: str) -> frozenset[str]:
        told = [test.test for tests in (facts.red_tests, *(each.red_tests for each in facts.rounds)) for test in tests]
        return frozenset(told) - tests_of(self._sources(facts.repository_id, final_tree)).keys()

    def _seen_rounds(
        self, archive: Archive, trees: Mapping[int, tuple[str, str]]
    ) -> dict[int, tuple[State, Mapping[str, RedKind]]]:
        facts = archive.facts
        seen: dict[int, tuple[State, Mapping[str, RedKind]]] = {}
        for number, (before, red) in trees.items():
            tests = self._new_tests(facts, before, red)
            laid_out, lock = self._laid_out(red, archive.files.get(evidence.round_files(number).lock))
            results = self._tested(self._required(facts, facts.final), laid_out, tests)
            seen[number] = (
                evidence.state(red, results, passing(results), lock),
                red_kinds(there(tests, results), results),
            )
        return seen

    def _laid_out(self, tree: str, lock: bytes | None) -> tuple[str, bytes | None]:
        """The tree with the lock file that the archive has or cargo makes, its dependencies fetched; and that lock file."""
        bench = self.bench
        bench.restore(tree)
        if lock is not None:
            bench.files.write(LOCK, lock)
        fetched = fetch(bench, bench.volume, bench.cargo_home)
        if not fetched.result.is_success:
            raise UserError(f"The dependencies of the tree {tree} cannot be fetched.", fetched.result.output[-1500:])
        laid_out = self.git.overlay(bench.repository_id, tree, source=bench.tree(), paths=(LOCK,))
        return laid_out, self.git.read(bench.repository_id, laid_out, LOCK)

    def _use(self, wanted: Sequence[Check]) -> None:
        """Let the bench run these commands."""
        setup = self.bench.setup
        self.bench.store.put_document(self.bench.run.id, "setup", replace(setup, checks=tuple(wanted)))

    def _measured(self, told: State, laid_out: str) -> Baseline:
        self._use([ran.check for ran in told.checks])
        with self.bench.fresh(laid_out, "base") as fresh:
            return fresh.checker.measure_base()

    def _tested(self, required: Sequence[Check], laid_out: str, tests: Sequence[TestItem]) -> tuple[CheckResult, ...]:
        """As the run did: some commands of CI may do for all of the new tests, so those of the archive are no measure."""
        self._use(required)
        with self.bench.fresh(laid_out, "red") as fresh:
            return fresh.checker.run_tests(tests)

    def _climbed(self, told: State, laid_out: str, baseline: Baseline) -> tuple[CheckResult, ...]:
        self._use([ran.check for ran in told.checks])
        with self.bench.fresh(laid_out, "final") as fresh:
            return fresh.checker.climb(CheckScope.FULL, baseline, stop_early=False)


def _tree_row(what: str, told: str, here: str) -> Row:
    return Row(what, () if told == here else (f"the archive says {told}, git says {here}",))
