"""What ends a run before its time: people who stop it, close the issue, take the label off, or take the App away."""

from __future__ import annotations

import time

import pytest

from simulator.github.state import Issue
from simulator.messages.faults import Fault, FaultKind
from simulator.town import READER
from tests.story.author import bash
from tests.story.tester import Tester
from tests.story.world import wait_for

pytestmark = pytest.mark.docker

SLEEP = [bash("sleep 60")]


@pytest.fixture
def issue(tester: Tester) -> Issue:
    """An issue at which the agent is in the middle of a long command."""
    tester.author_says(rfc=[SLEEP])
    issue = tester.file_issue()
    tester.label(issue)
    tester.wait_for_container("agent")
    return issue


def test_stop_ends_the_command_and_its_container_within_five_seconds(tester: Tester, issue: Issue) -> None:
    said_at = time.monotonic()
    tester.say(issue, "/stop")
    wait_for("the container is gone", lambda: not tester.world.containers())
    assert time.monotonic() - said_at < 5.0
    assert "@mara asked me to stop." in tester.wait_for_status(issue, "rfc", "was stopped")


def test_stop_ends_the_models_turn(tester: Tester) -> None:
    gate, issue = tester.hold("rfc"), tester.file_issue()
    tester.label(issue)
    gate.wait_until_reached()
    tester.say(issue, "/stop")
    tester.wait_for_status(issue, "rfc", "was stopped")


def test_stop_ends_a_run_that_waits_for_a_service(tester: Tester) -> None:
    overload = Fault(FaultKind.OVERLOADED, times=1000)
    tester.world.messages.faults.add(overload)
    issue = tester.file_issue()
    tester.label(issue)
    wait_for("the run waits", lambda: "overloaded" in tester.log())
    tester.say(issue, "/stop")
    tester.wait_for_status(issue, "rfc", "was stopped")
    overload.times = 0


def test_closing_the_issue_ends_its_run(tester: Tester, issue: Issue) -> None:
    tester.close(issue)
    tester.wait_for_status(issue, "rfc", "was stopped")


def test_taking_the_label_off_ends_the_draft(tester: Tester, issue: Issue) -> None:
    tester.unlabel(issue)
    tester.wait_for_status(issue, "rfc", "was stopped")


def test_what_is_said_while_a_run_is_at_work_does_not_wait_for_it(tester: Tester, issue: Issue) -> None:
    assert "**Working on the RFC**: reading the code" in tester.answer(tester.say(issue, "/status", READER))
    assert "The RFC is at work here" in tester.answer(tester.say(issue, "/implement"))
    assert "`/stop` needs write" in tester.answer(tester.say(issue, "/stop", READER))
    assert len(tester.runs()) == 1 and tester.world.phases() == ["agent"]
    tester.say(issue, "/stop")


def test_a_stopped_run_can_be_asked_for_again(tester: Tester, issue: Issue) -> None:
    tester.say(issue, "/stop")
    tester.wait_for_status(issue, "rfc", "was stopped")
    tester.author_says(rfc=type(tester.lines)().rfc)
    tester.say(issue, "/rfc")
    tester.wait_for_status(issue, "rfc", "is done", attempt=2)


def test_uninstalling_ends_the_run_and_deletes_what_was_kept(tester: Tester, issue: Issue) -> None:
    (run,), world = tester.runs(), tester.world
    kept = [world.home / "clones" / f"{tester.repository.id}.git", world.home / "cargo" / str(tester.repository.id)]
    assert all(path.is_dir() for path in kept) and world.store.all_turns(run.id)
    tester.uninstall()
    world.wait_until_quiet()
    assert [run.stage.value for run in tester.runs()] == ["stopped"]
    assert not any(path.exists() for path in kept)
    assert not world.store.all_turns(run.id) and world.store.last_snapshot(run.id) is None
    tester.never_mind(issue)
