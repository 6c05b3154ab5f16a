"""When the base is measured after a merge: once for each, not while somebody's run is at work, and not where it is switched off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench._worker import hands_at
from bot.domain import Actor, Repo, Run, RunKind, Stage, Target
from bot.errors import Unavailable
from bot.store import Store
from simulator.github.server import GitHubServer
from workflows.steps import lifecycle, warming

REPO = Repo(3, "ferris-labs", "demo", 1)
MARA = Actor("mara", 3)


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    with GitHubServer() as server:
        yield server


@pytest.fixture
def warm(github: GitHubServer, store: Store, tmp_path: Path) -> Iterator[Run]:
    """A measurement that a merge is the reason for."""
    made = hands_at(github, store, tmp_path)
    (run,) = warming.after_merge(REPO, MARA, "d-1")
    yield run
    made.close()


def somebodys(store: Store, stage: Stage, issue: int = 7) -> Run:
    run = store.open_run(Run("", RunKind.IMPLEMENT, Target(REPO, issue), 0, f"d-{issue}", MARA))
    return store.save_run(replace(run, stage=stage))


def test_one_merge_is_the_reason_for_one_measurement(warm: Run) -> None:
    assert [run.id for run in warming.after_merge(REPO, MARA, "d-1")] == [warm.id]
    assert [run.id for run in warming.after_merge(REPO, MARA, "d-2")] != [warm.id]


def test_it_waits_while_somebodys_run_is_at_work_or_queued_but_not_for_one_that_waits_for_people(
    warm: Run, store: Store
) -> None:
    somebodys(store, Stage.WAITING)
    warming.wait_for_quiet(warm.id)
    for stage in (Stage.QUEUED, Stage.BUILD):
        other = somebodys(store, stage, issue=8)
        with pytest.raises(Unavailable):
            warming.wait_for_quiet(warm.id)
        store.save_run(replace(other, stage=Stage.DONE))
    warming.wait_for_quiet(warm.id)


def test_one_that_has_begun_makes_way_for_a_run_that_begins(warm: Run, store: Store) -> None:
    other = somebodys(store, Stage.QUEUED)
    warming.make_way(other)
    assert store.stop_of(warm.id) is None, "it waits by itself"
    store.save_run(replace(warm, stage=Stage.PREPARE, base_commit="a" * 40))
    warming.make_way(warm)
    assert store.stop_of(warm.id) is None
    warming.make_way(other)
    warming.make_way(other)
    assert store.stop_of(warm.id) is not None and store.stop_of(other.id) is None


def test_it_can_be_switched_off(github: GitHubServer, store: Store, tmp_path: Path) -> None:
    made = hands_at(github, store, tmp_path, RFCSMITH_WARM_AFTER_MERGE="no")
    assert warming.after_merge(REPO, MARA, "d-1") == []
    assert store.unfinished_runs() == ()
    made.close()


def test_one_that_finds_no_quiet_moment_is_given_up_without_an_error(
    warm: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="rfcsmith")
    assert lifecycle.pause(warm.id, lifecycle.SEGMENTS, "Somebody's run is at work.", warming.PAUSE) is None
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("INFO", f"run {warm.id} gives up waiting: Somebody's run is at work.")
    ]
