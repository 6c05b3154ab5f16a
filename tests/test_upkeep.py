"""What is done by the clock, against the simulated GitHub: deliveries that failed are asked for again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench._worker import hands_at
from bot.domain import Actor, Repo, Run, RunKind, Stage, Target
from bot.store import Store
from bot.webhook import parse
from simulator.github.server import GitHubServer
from workflows import hands
from workflows.steps import lifecycle, upkeep


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    with GitHubServer() as server:
        server.act.add_repository("ferris-labs/demo", files={"README.md": "# Demo\n"})
        server.act.install("ferris-labs")
        yield server


@pytest.fixture
def our_hands(github: GitHubServer, store: Store, tmp_path: Path) -> Iterator[hands.Hands]:
    made = hands_at(github, store, tmp_path)
    yield made
    made.close()


def failed(github: GitHubServer) -> int:
    return sum(not 200 <= (delivery.status_code or 0) < 300 for delivery in github.deliveries.log)


def happens_while_nobody_listens(github: GitHubServer) -> None:
    github.deliveries.hook.url = "http://127.0.0.1:9/webhook"
    github.act.open_issue("ferris-labs/demo", "jonas", "Anybody there?")
    github.deliveries.wait()


def test_deliveries_that_failed_are_asked_for_again(github: GitHubServer, our_hands: hands.Hands) -> None:
    happens_while_nobody_listens(github)
    before = failed(github)
    assert upkeep.ask_again() == before > 0


def test_a_delivery_that_arrived_after_all_is_left_alone(
    github: GitHubServer, our_hands: hands.Hands, store: Store
) -> None:
    happens_while_nobody_listens(github)
    for delivery in github.deliveries.log:
        headers = {"X-GitHub-Event": "watch", "X-GitHub-Delivery": delivery.guid}
        with store.engine.begin() as connection:
            store.receive(connection, parse(headers, b"{}"), headers, b"{}")
    assert upkeep.ask_again() == 0


def test_old_deliveries_and_transcripts_are_forgotten(our_hands: hands.Hands, store: Store) -> None:
    headers = {"X-GitHub-Event": "watch", "X-GitHub-Delivery": "d-1"}
    with store.engine.begin() as connection:
        store.receive(connection, parse(headers, b"{}"), headers, b"{}")
    store.handled("d-1", "no run")
    store.forget_before(time.time() - 60)
    assert store.has_delivery("d-1")
    store.forget_before(time.time() + 60)
    assert not store.has_delivery("d-1")


def test_evidence_is_deleted_with_the_repository_that_took_the_app_away(our_hands: hands.Hands, store: Store) -> None:
    target = Target(Repo(3, "ferris-labs", "demo", 1), 7)
    run = store.open_run(Run("", RunKind.IMPLEMENT, target, 0, "d-1", Actor("mara")))
    store.keep_bundle(run, "a" * 64, b"facts", is_public=True)
    store.save_run(replace(run, stage=Stage.DONE))
    lifecycle.forget(run.id)
    assert store.bundle("a" * 64) is None
