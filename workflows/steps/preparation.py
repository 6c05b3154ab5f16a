"""From a run's target to a workspace with its dependencies fetched and its base measured."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from bot import comments, repository
from bot.domain import IssueState, Repo, Run, RunKind, Stage
from bot.errors import Stopped, UserError
from bot.rust import discovery, obstacles
from bot.rust.ci_log import with_learned
from bot.sandbox.derived import Furnishing
from bot.sandbox.setup import fetch
from bot.workbench import Setup, Workbench
from workflows import hands
from workflows.engine import step
from workflows.steps import conversation, lifecycle, mending, warming
from workflows.steps.records import CONTINUES, setup_of

SLUG_LENGTH = 40


@step("locate")
def locate(run_id: str) -> None:
    """Find out where the work takes place: base commit, branch, pull request; the clone is brought up to date."""
    our_hands = hands.current()
    run = our_hands.store.run(run_id)
    if run.base_commit:
        return
    warming.make_way(run)
    run = lifecycle.enter(run, Stage.PREPARE)
    repo = run.target.repo
    github = our_hands.github.installation(repo.installation_id)
    place = github.repository(repo)
    if place.is_archived:
        raise UserError("This repository is archived, so nothing can be changed in it.", "Unarchive it, and ask again.")
    run = replace(run, target=replace(run.target, repo=place.repo))
    base_ref = place.default_branch
    if run.is_on_pull_request:
        run, base_ref = _at_pull_request(run)
    base_commit = brought(run.target.repo, place.clone_url, base_ref)
    configured = our_hands.config_at(repo.id, base_commit).base_branch
    if configured and not run.is_on_pull_request:
        base_ref = configured
        base_commit = brought(run.target.repo, place.clone_url, base_ref)
    head_commit = ""
    if run.is_on_pull_request:
        head_commit = brought(run.target.repo, place.clone_url, run.branch)
        if run.kind is RunKind.UPDATE:
            # It begins at the base, and lays the pull request's change over it.
            our_hands.store.put_document(run_id, CONTINUES, head_commit)
            head_commit = ""
        else:
            base_commit = our_hands.git.merge_base(repo.id, base_commit, head_commit)
    if run.kind is RunKind.IMPLEMENT and our_hands.store.has_document(run_id, CONTINUES):
        base_ref, base_commit = _base_of_draft(run)
    elif run.kind is RunKind.IMPLEMENT:
        run = with_branch(run)
    our_hands.store.save_run(replace(run, base_ref=base_ref, base_commit=base_commit, head_commit=head_commit))


def _base_of_draft(run: Run) -> tuple[str, str]:
    """A retry that finishes a draft stays on the draft's own base, whatever became of the branch since, as a review does."""
    our_hands = hands.current()
    earlier = our_hands.store.run(run.retry_of)
    if not our_hands.git.has(run.target.repo.id, earlier.base_commit):
        raise UserError(
            f"The history of `{earlier.base_ref}` was rewritten, and what the draft stands on is gone.",
            "Close the draft, and `/implement` again.",
        )
    return earlier.base_ref, earlier.base_commit


def brought(repo: Repo, clone_url: str, branch: str) -> str:
    """The branch's head, its history in the clone here; git talks to GitHub only where the branch has moved."""
    our_hands = hands.current()
    github = our_hands.github.installation(repo.installation_id)
    ref = f"refs/heads/{branch}"
    head = github.branch_head(repo, branch)
    if head is not None and head == our_hands.git.fetched(repo.id, ref):
        return head
    return our_hands.git.fetch(repo.id, clone_url, github.token(repo, write=False), ref=ref)


def _at_pull_request(run: Run) -> tuple[Run, str]:
    our_hands = hands.current()
    record = our_hands.store.target(run.target.repo.id, run.target.issue)
    assert record is not None and record.pull_request is not None
    repo = run.target.repo
    pull_request = our_hands.github.installation(repo.installation_id).pull_request(repo, record.pull_request)
    if pull_request.state is not IssueState.OPEN:
        raise UserError("The pull request is closed.", "Reopen it, and ask again.")
    if pull_request.head_repository_id != repo.id:
        raise UserError("The pull request's branch is in another repository, where I cannot push.", "")
    return replace(run, branch=pull_request.head_ref, pull_request=pull_request.number), pull_request.base_ref


def brought_head(run: Run) -> str:
    """The head of the run's branch at this moment, its history in the clone here. Raises `UserError` where the branch is gone."""
    repo = run.target.repo
    github = hands.current().github.installation(repo.installation_id)
    if github.branch_head(repo, run.branch) is None:
        raise UserError(
            f"The branch `{run.branch}` was deleted while I was at work, so I pushed nothing.",
            "Restore it, and ask again.",
        )
    place = github.repository(repo)
    return brought(place.repo, place.clone_url, run.branch)


def with_base(run: Run) -> Run:
    """The run as its pull request can be opened: where its base was renamed meanwhile, with the name that it has now.

    Raises `UserError` where the base is gone.
    """
    our_hands = hands.current()
    repo = run.target.repo
    github = our_hands.github.installation(repo.installation_id)
    if github.branch_head(repo, run.base_ref) is not None:
        return run
    place = github.repository(repo)
    head = brought(place.repo, place.clone_url, place.default_branch)
    if place.default_branch == run.base_ref or not our_hands.git.is_ancestor(repo.id, run.base_commit, head):
        raise UserError(
            f"The branch `{run.base_ref}`, which this was built on, was renamed or deleted while I was at work.",
            "Restore it and `/retry`, or `/implement` again for another base.",
        )
    return our_hands.store.save_run(replace(run, base_ref=place.default_branch))


def with_branch(run: Run) -> Run:
    """The branch is named after the issue as it was at the first attempt; later attempts, and taken names, count up."""
    our_hands = hands.current()
    repo = run.target.repo
    github = our_hands.github.installation(repo.installation_id)
    record = our_hands.store.target(repo.id, run.target.issue)
    stem = record.branch if record is not None else None
    if not stem:
        stem = f"rfcsmith/{run.target.issue}-{slug(github.issue(repo, run.target.issue).title)}"
        our_hands.store.bind(run.target, branch=stem)
    number = run.attempt
    while github.branch_head(repo, branch := stem if number == 1 else f"{stem}-{number}") is not None:
        number += 1
    return replace(run, branch=branch)


def slug(title: str) -> str:
    """Words of a title for a branch name: lower-case ASCII letters, digits and dashes, cut at a word's end."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    text = ""
    for word in words:
        if text and len(text) + 1 + len(word) > SLUG_LENGTH:
            break
        text = f"{text}-{word}" if text else word[:SLUG_LENGTH]
    return text or "change"


def bring(run: Run) -> None:
    """Fetch on this machine what another one had fetched when it began the run."""
    our_hands = hands.current()
    repo = run.target.repo
    github = our_hands.github.installation(repo.installation_id)
    place = github.repository(repo)
    for branch in (run.base_ref, run.branch if run.is_on_pull_request else ""):
        if branch:
            brought(place.repo, place.clone_url, branch)


def furnish(run: Run, bench: Workbench) -> None:
    """Have on this machine the dependencies that another one had fetched for the run."""
    our_hands = hands.current()
    setup = our_hands.store.document(run.id, "setup", Setup)
    if setup is not None and setup.image:
        images = our_hands.workbenches.images
        image = images.ensure(_furnishing(run), bench.should_stop)
        if image != setup.image:
            # Where the worker's own image is another one, so is what is made of it.
            our_hands.store.put_document(run.id, "setup", replace(setup, image=image))
        bench.keep_held(images.place(image))
    if setup is not None and setup.base_tree:
        fetched_lock(run, bench)


def _furnishing(run: Run) -> Furnishing:
    """What the sandbox needs besides, by what the base branch says; the script is the base branch's own."""
    our_hands = hands.current()
    wanted = our_hands.config_at(run.target.repo.id, run.base_commit).setup
    script = b""
    if wanted.script:
        content = our_hands.git.read(run.target.repo.id, run.base_commit, wanted.script)
        if content is None:
            raise UserError(
                f"There is no file `{wanted.script}`, which `[setup]` of `{repository.PATH}` names.",
                "Put it on the base branch, or take it out there.",
            )
        script = content
    return Furnishing(wanted.packages, script, wanted.image)


@step("check_out")
def check_out(run_id: str) -> None:
    """Read what the repository says of itself, and lay out its files."""
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    if store.document(run_id, "setup", Setup) is not None:
        return
    commit = run.start
    paths = our_hands.git.paths(run.target.repo.id, commit)
    if not any(path == "Cargo.toml" or path.endswith("/Cargo.toml") for path in paths):
        raise UserError("I find no `Cargo.toml` here, and Rust is all I know.", "")
    _refuse_obstacles(run.target.repo.id, commit, paths)
    wanted = [path for path in paths if discovery.wanted(path)]
    files = our_hands.git.texts(run.target.repo.id, run.base_commit, wanted)
    rules = our_hands.config_at(run.target.repo.id, run.base_commit).checks
    image = our_hands.workbenches.images.ensure(_furnishing(run), conversation.stop_watch(run_id))
    found = with_learned(discovery.discover(files), store.learned_checks(run.target.repo.id))
    store.put_document(run_id, "setup", Setup(rules.apply(found), "", image=image))
    our_hands.workbenches.open(run)


_TELLING = ("Cargo.toml", "Cargo.lock", ".gitmodules", ".gitattributes")
_SOURCES = 4_000
"""So many Rust sources are searched for the names of files that LFS keeps."""


def _refuse_obstacles(repository_id: int, commit: str, paths: Sequence[str]) -> None:
    """Say before any work starts that the build needs what a sandbox never has: submodules, LFS files, somebody's key."""

    def read(wanted: Iterable[str]) -> dict[str, str]:
        return hands.current().git.texts(repository_id, commit, list(wanted))

    files = read(path for path in paths if PurePosixPath(path).name in _TELLING)
    found = obstacles.needed_submodule(files) or obstacles.private_dependency(files)
    patterns = obstacles.lfs_patterns(files)
    if found is None and patterns:
        kept = read(path for path in paths if obstacles.kept_by_lfs(path, patterns))
        pointers = [path for path, text in kept.items() if text.startswith(obstacles.LFS_POINTER)]
        sources = [path for path in paths if path.endswith(".rs")][:_SOURCES]
        found = obstacles.needed_lfs_file(pointers, read(sources)) if pointers else None
    if found is not None:
        raise UserError(found.message, found.hint)


@step("fetch_dependencies")
def fetch_dependencies(run_id: str) -> None:
    """Fetch what the lock file names, making the lock file if there is none; only this container has a network.

    Where an earlier run fetched for the same manifests, the cargo home has it all, and no container is needed.
    """
    our_hands = hands.current()
    store = our_hands.store
    run = store.run(run_id)
    setup = setup_of(run)
    if setup.base_tree:
        return
    bench = our_hands.workbenches.open(run)
    lock = fetched_lock(run, bench)
    if lock is not None:
        bench.files.write("Cargo.lock", lock)
    unpublished = ("Cargo.lock",) if lock is not None else ()
    store.put_document(run_id, "setup", replace(setup, base_tree=bench.take_snapshot(), unpublished=unpublished))


def fetch_again(run: Run, tree: str) -> None:
    """Have what a tree needs that now lies in the workspace; a lock file of its own stays what it is."""
    fetched_lock(run, hands.current().workbenches.open(run), tree)


def fetched_lock(run: Run, bench: Workbench, tree: str = "") -> bytes | None:
    """Have everything fetched on this machine; returns the lock file where cargo had to make one."""
    workbenches = hands.current().workbenches
    fetched = workbenches.cargo_homes.fetched(run.target.repo.id, _manifest_digest(run, tree))
    lock = fetched.lock() if fetched.is_there() else _fetch(run, bench)
    fetched.remember(lock)
    return lock


def _fetch(run: Run, bench: Workbench) -> bytes | None:
    """Run cargo in a setup container; returns the lock file where cargo had to make or update it."""
    started_at = time.time()
    fetched = fetch(bench, bench.volume, bench.cargo_home, should_stop=bench.should_stop)
    bench.store.record_span(run.id, run.stage, "command", "cargo fetch", started_at, fetched.result.seconds)
    if bench.should_stop():
        raise Stopped("the run was stopped while dependencies were fetched")
    if not fetched.result.is_success and _NEEDS_KEY.search(fetched.result.output):
        raise UserError(
            "A git dependency of this repository asks for somebody's credentials, and there are none in the sandbox.",
            f"Publish that crate, or make its repository public. `cargo fetch` says:\n\n{comments.fenced(fetched.result.output[-1500:])}",
        )
    if not fetched.result.is_success:
        raise UserError(
            "The dependencies of this repository cannot be fetched.",
            f"`cargo fetch` says:\n\n{comments.fenced(fetched.result.output[-1500:])}",
        )
    return bench.files.read("Cargo.lock") if fetched.is_lock_generated or fetched.is_lock_updated else None


# What git and libgit2 say through cargo where a server wants to know who asks.
_NEEDS_KEY = re.compile(
    r"failed to authenticate|authentication required|could not read Username|Permission denied \(publickey"
)


def _manifest_digest(run: Run, tree: str) -> str:
    """What decides which crates are needed: manifests, lock files and cargo's configuration, by content."""
    git, repository_id = hands.current().git, run.target.repo.id
    commit = tree or run.start
    names = ("Cargo.toml", "Cargo.lock", "config.toml", "rust-toolchain", "rust-toolchain.toml")
    paths = [path for path in git.paths(repository_id, commit) if PurePosixPath(path).name in names]
    digest = hashlib.sha256()
    for path, content in sorted(git.read_many(repository_id, commit, paths).items()):
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@step("measure_base")
def measure_base(run_id: str) -> None:
    """Run every check on the base, so that what is red already is never blamed on the change.

    Once for a base, a toolchain, an image and a list of checks: an earlier run's measurement counts where its seed is there.
    """
    our_hands = hands.current()
    run = our_hands.store.run(run_id)
    if our_hands.store.has_document(run_id, "baseline"):
        return
    bench = our_hands.workbenches.open(run)
    baseline = bench.known_baseline()
    if baseline is None:
        baseline = bench.checker(bench.sandbox()).measure_base()
        baseline = replace(baseline, rewritten=bench.rewritten())
        if bench.keep_seed():
            bench.remember_baseline(baseline)
            our_hands.trim()
    if run.kind is RunKind.CI:
        baseline = mending.demanding(run, baseline)
    our_hands.store.put_document(run_id, "baseline", baseline)
