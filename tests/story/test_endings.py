"""What people do around a run ends it, or is taken into account, and is told in a sentence."""

from __future__ import annotations

import pytest

from tests.story import crate
from tests.story.tester import Tester
from tests.story.world import FRIENDS, wait_for

pytestmark = pytest.mark.docker


def test_a_merge_ends_the_round_the_watch_and_the_labels(tester: Tester) -> None:
    issue = tester.with_rfc()
    pull_request = tester.implement(issue)
    wait_for("the draft is marked ready", lambda: not pull_request.draft)
    assert "rfc-in-review" in [label.name for label in issue.labels]
    gate = tester.hold("review")
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number.")
    gate.wait_until_reached()
    with tester.github.world.lock:
        tester.town.changes.merge(pull_request, tester.town.maintainer)
    said = tester.wait_for_status(pull_request.issue, "review", "was stopped")
    # The merge closes the issue as well; either delivery may be the first.
    assert "I stopped because @mara merged the pull request." in said or "@mara closed the issue." in said
    tester.world.wait_until_quiet()
    assert tester.world.store.ci_watch(tester.repository.id, pull_request.number) is None
    assert not {label.name for label in issue.labels} & {"rfc-needed", "rfc-in-review"}
    assert "no open pull request of mine" in tester.answer(tester.say(pull_request.issue, "/update"))


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


def test_what_could_not_be_said_while_the_app_was_suspended_is_said_afterwards(tester: Tester) -> None:
    tester.excused.append("suspended")
    tester.move_to(FRIENDS)
    issue, gate = tester.file_issue(), tester.hold("rfc")
    tester.label(issue)
    gate.wait_until_reached()
    act = tester.github.act
    act.do("suspend", owner=FRIENDS)
    gate.open()
    tester.world.wait_until_quiet()
    assert all(run.stage.is_final for run in tester.runs()) and tester.status(issue, "rfc").startswith("⏳")
    act.do("unsuspend", owner=FRIENDS)
    wait_for("the outcome is said", lambda: not tester.status(issue, "rfc").startswith("⏳"))
    assert "suspended" in tester.status(issue, "rfc")
