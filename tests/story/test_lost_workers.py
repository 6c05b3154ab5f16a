"""Several machines on one Postgres, one of which is gone for good: the others go on with what it was in the middle of."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.story.tester import Tester

pytestmark = [pytest.mark.docker, pytest.mark.postgres]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_run_whose_worker_is_lost_goes_on_with_another_one_and_nothing_is_done_twice(
    database_url: str, make_tester: Callable[..., Tester]
) -> None:
    tester = make_tester(DATABASE_URL=database_url, RFCSMITH_WORKER_ID="yesterday")
    issue = tester.with_rfc()
    gate = tester.hold("change")
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.world.lose_worker(successor="today")
    gate.open()
    tester.wait_for_status(issue, "implement", "is done")
    pull_request = tester.the_pull_request()
    assert [line[:15] for line in tester.headlines(pull_request)] == ["Tests for #1, r", "Saturate instea"]
    assert [tester.turns(each) for each in ("plan", "plan_critique", "tests")] == [1, 1, 1]
    log = tester.log()
    assert f"took over implement-{tester.repository.id}-{issue.number}-1/1, which the worker yesterday had begun" in log
