"""An upgrade in the middle of the work: older code is killed, newer code comes up, and what was begun ends well."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from simulator.bot_process import ROOT
from tests.story.tester import Tester

pytestmark = pytest.mark.docker

STEP = "    design.trust_ground(run_id)"


@pytest.fixture
def older_code(tmp_path: Path) -> Path:
    """The product as it was before one of its roads gained two steps, in front of where the stories kill it."""
    for name in ("bot", "workflows"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", tmp_path)
    road = tmp_path / "workflows/implement.py"
    lines = road.read_text().splitlines()
    assert lines.count(STEP) == 2
    road.write_text("\n".join(line for line in lines if line != STEP) + "\n")
    return tmp_path


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
