"""After a merge the base is measured while nobody waits, without a word, and the next run begins warm."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.domain import Run, RunKind, Stage
from tests.story.tester import Tester
from tests.story.world import wait_for

pytestmark = pytest.mark.docker


def cargo_of(tester: Tester, run: Run) -> list[str]:
    spans = tester.world.store.spans(run.id)
    return [span.name for span in spans if span.kind == "command" and "cargo test" in span.name]


def test_after_a_merge_the_next_run_finds_the_base_measured(make_tester: Callable[..., Tester]) -> None:
    tester = make_tester(RFCSMITH_WARM_AFTER_MERGE="yes")
    pull_request = tester.implement(tester.with_rfc())
    wait_for("the draft is marked ready", lambda: not pull_request.draft)
    with tester.github.world.lock:
        tester.town.changes.merge(pull_request, tester.town.maintainer)
    tester.world.wait_until_quiet()
    (warm,) = [run for run in tester.runs() if run.kind is RunKind.WARM]
    assert warm.stage is Stage.DONE and cargo_of(tester, warm)
    assert warm.base_commit == tester.repository.git.resolve("main")

    gate, issue = tester.hold("plan"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    (run,) = [run for run in tester.runs() if run.kind is RunKind.IMPLEMENT and run.target.issue == issue.number]
    assert run.base_commit == warm.base_commit and cargo_of(tester, run) == []
    tester.say(issue, "/stop")
    tester.wait_for_status(issue, "implement", "was stopped")
    gate.open()
