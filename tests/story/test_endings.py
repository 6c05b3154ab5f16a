"""What people do around a run ends it, or is taken into account, and is told in a sentence."""

from __future__ import annotations

import pytest

from tests.story import crate
from tests.story.tester import Tester

pytestmark = pytest.mark.docker


def test_a_deleted_branch_closes_the_pull_request_and_ends_the_round(tester: Tester) -> None:
    pull_request = tester.implement(tester.with_rfc())
    gate = tester.hold("review")
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number.")
    gate.wait_until_reached()
    with tester.github.world.lock:
        ref = f"refs/heads/{pull_request.head}"
        tester.town.changes.delete_ref(tester.repository, tester.town.maintainer, ref)
    said = tester.wait_for_status(pull_request.issue, "review", "was stopped")
    assert "I stopped because @mara closed the pull request." in said


def test_a_base_that_is_renamed_while_it_is_built_on_is_followed(tester: Tester) -> None:
    gate, issue = tester.hold("change"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    changes, mara, repository = tester.town.changes, tester.town.maintainer, tester.repository
    with tester.github.world.lock:
        changes.create_ref(repository, mara, "refs/heads/trunk", tester.town.base)
        repository.default_branch = "trunk"
        changes.delete_ref(repository, mara, "refs/heads/main")
    gate.open()
    tester.wait_for_status(issue, "implement", "is done")
    assert tester.the_pull_request().base == "trunk"
