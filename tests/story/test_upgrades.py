"""An upgrade in the middle of the work: older code is killed, newer code comes up, and what was begun ends well."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.bot_process import ROOT
from tests.story.tester import Tester
from tests.story.world import other_code

pytestmark = pytest.mark.docker

STEP = "\n    design.trust_ground(run_id)\n"


@pytest.fixture
def older_code(tmp_path: Path) -> Path:
    """The product as it was before one of its roads gained two steps, in front of where the stories kill it."""
    return other_code(tmp_path, "workflows/implement.py", STEP, "\n")


def test_a_run_that_older_code_was_in_the_middle_of_goes_on_and_nothing_is_done_twice(
    tester: Tester, older_code: Path
) -> None:
    issue = tester.with_rfc()
    tester.world.run_code(older_code)
    gate = tester.hold("change")
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.world.run_code(ROOT)
    gate.open()
    tester.wait_for_status(issue, "implement", "is done")
    pull_request = tester.the_pull_request()
    assert [line[:15] for line in tester.headlines(pull_request)] == ["Tests for #1, r", "Saturate instea"]
    assert [tester.turns(each) for each in ("plan", "plan_critique", "tests")] == [1, 1, 1]
    assert f"took over implement-{tester.repository.id}-{issue.number}-1/1, which" in tester.log()


def test_a_delivery_that_older_code_was_in_the_middle_of_is_handled_again(tester: Tester, older_code: Path) -> None:
    tester.world.run_code(older_code)
    slow = tester.world.trouble("slow", "reactions/create-for-issue-comment", seconds=5)
    issue = tester.file_issue()
    said = tester.say(issue, "/rfc")
    tester.world.wait_until_it_struck(slow)
    tester.world.run_code(ROOT)
    tester.wait_for_status(issue, "rfc", "is done")
    assert "<sub>Version 1 " in tester.rfc(issue)
    (delivery,) = tester._deliveries(said)
    assert f"took over {delivery}, which" in tester.log()


def test_a_roll_back_in_the_middle_of_a_run_goes_on_as_well(tester: Tester, older_code: Path) -> None:
    issue = tester.with_rfc()
    gate = tester.hold("plan")
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.world.run_code(older_code)
    second = tester.hold("tests")
    gate.open()
    second.wait_until_reached()
    tester.world.run_code(ROOT)
    second.open()
    tester.wait_for_status(issue, "implement", "is done")
    assert [tester.turns(each) for each in ("plan", "plan_critique", "tests")] == [1, 1, 1]
