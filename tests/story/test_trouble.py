"""GitHub and the model at their worst: the run comes to its good end all the same, and nothing is there twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain import Stage
from simulator.bot_process import ROOT
from simulator.messages.faults import Fault, FaultKind
from tests.story.tester import Tester
from tests.story.world import other_code, wait_for

pytestmark = pytest.mark.docker

COMMENT_FAULTS = {
    "unavailable": "issues/create-comment",
    "unavailable_after": "issues/create-comment",
    "cut_off_after": "issues/create-comment",
    "secondary_limit": "issues/update-comment",
    "not_found_yet": "issues/update-comment",
}


def test_an_rfc_survives_comments_that_fail_before_and_after_their_effect(tester: Tester) -> None:
    faults = [tester.world.trouble(kind, operation) for kind, operation in COMMENT_FAULTS.items()]
    issue = tester.file_issue()
    tester.say(issue, "/rfc")
    tester.wait_for_status(issue, "rfc", "is done")
    assert [fault.struck for fault in faults] == [1] * len(faults)
    assert "<sub>Version 1 " in tester.rfc(issue)


def test_an_rfc_survives_everything_else_that_github_may_do(tester: Tester) -> None:
    faults = [
        tester.world.trouble("cut_off", "apps/create-installation-access-token"),
        tester.world.trouble("bad_token", "repos/get-collaborator-permission-level"),
        tester.world.trouble("unavailable", "reactions/*"),
        tester.world.trouble("primary_limit", "repos/get"),
        tester.world.trouble("unavailable", "git-upload-pack"),
        tester.world.trouble("unavailable_after", "issues/add-labels"),
    ]
    issue = tester.file_issue()
    tester.say(issue, "/rfc")
    tester.wait_for_status(issue, "rfc", "is done")
    # A token that an earlier story left is good for an hour.
    assert [fault.struck for fault in faults][1:] == [1] * (len(faults) - 1)


def test_a_pull_request_survives_github(tester: Tester) -> None:
    issue = tester.with_rfc()
    faults = [
        tester.world.trouble("secondary_limit", "git/create-tree"),
        tester.world.trouble("unavailable_after", "git/create-commit"),
        tester.world.trouble("cut_off_after", "git/create-ref"),
        tester.world.trouble("unavailable_after", "pulls/create"),
        tester.world.trouble("unavailable_after", "checks/create"),
        tester.world.trouble("not_found_yet", "issues/get-comment"),
    ]
    pull_request = tester.implement(issue)
    assert [fault.struck for fault in faults] == [1] * len(faults)
    assert len(tester.headlines(pull_request)) == 2


@pytest.mark.parametrize(
    "kind", ["overloaded", "broken_stream", "stream_error", "rate_limit", "max_tokens", "pause_turn"]
)
def test_an_rfc_survives_the_model(tester: Tester, kind: str) -> None:
    tester.world.messages.inject(kind, times=1)
    tester.with_rfc()
    assert tester.world.messages.faults.pending == 0


def test_an_rfc_waits_while_the_model_is_overloaded_for_long(tester: Tester) -> None:
    tester.world.messages.inject("overloaded", times=4)
    tester.with_rfc()
    assert tester.world.messages.faults.pending == 0


def test_a_refusal_ends_in_a_kind_sentence(tester: Tester) -> None:
    tester.world.messages.inject("refusal")
    issue = tester.file_issue()
    tester.label(issue)
    said = tester.wait_for_status(issue, "rfc", "could not be finished")
    assert "The model declined to go on with this. It says: The simulator declines." in said
    assert "Put it in other words, and ask again." in said


def test_a_key_without_credit_ends_in_a_sentence_for_the_operator(tester: Tester) -> None:
    tester.world.messages.inject("credit")
    issue = tester.file_issue()
    tester.label(issue)
    assert "missing credit" in tester.wait_for_status(issue, "rfc", "could not be finished")


@pytest.fixture
def impatient(tester: Tester, tmp_path: Path) -> Iterator[Tester]:
    """A bot that waits for a service twice, instead of for hours."""
    tester.world.run_code(other_code(tmp_path, "workflows/steps/lifecycle.py", "SEGMENTS = 60", "SEGMENTS = 2"))
    yield tester
    tester.world.run_code(ROOT)


def test_a_run_that_has_waited_too_often_for_the_model_keeps_its_work_and_says_so(impatient: Tester) -> None:
    tester = impatient
    gate, issue = tester.hold("change"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    overload = Fault(FaultKind.OVERLOADED, times=1000)
    tester.world.messages.faults.add(overload)
    gate.open()
    said = tester.wait_for_status(issue, "implement", "could not be finished")
    overload.times = 0
    assert "I have waited for too long and give up. Ask again when the service is back." in said
    assert "kept on the branch [`rfcsmith/1-doubling-panics-on-large-numbers-wip`](http" in said
    tester.say(issue, "/retry")
    tester.wait_for_status(issue, "implement", "is done", attempt=2)
    tester.excused.append("gives up waiting")


def test_a_run_that_has_waited_too_often_for_github_says_so_when_github_is_back(impatient: Tester) -> None:
    tester = impatient
    gate, issue = tester.hold("change"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    away = tester.world.trouble("unavailable", "*", times=100_000)
    gate.open()
    (run,) = [each for each in tester.runs() if each.kind == "implement"]
    wait_for("the run has failed", lambda: tester.world.store.run(run.id).stage is Stage.FAILED)
    away.times = 0
    said = tester.wait_for_status(issue, "implement", "could not be finished")
    assert "cannot be kept as a branch" in said and "I still have it here." in said
    tester.say(issue, "/retry")
    tester.wait_for_status(issue, "implement", "is done", attempt=2)
    tester.excused.append("gives up waiting")
