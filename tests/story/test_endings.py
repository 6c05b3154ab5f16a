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
    assert tester.repository.git.resolve(pull_request.head), "the repository keeps what is merged"
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


def test_a_base_that_is_deleted_ends_what_is_built_on_it_and_what_is_reviewed(tester: Tester) -> None:
    changes, mara, repository = tester.town.changes, tester.town.maintainer, tester.repository

    def delete_the_base() -> None:
        with tester.github.world.lock:
            changes.delete_ref(repository, mara, "refs/heads/develop")

    tester.has_files({".github/rfcsmith.toml": 'base_branch = "develop"\n'})
    base = tester.push("develop", {"NOTES": "not on the default branch\n"})
    gate, issue = tester.hold("change"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    delete_the_base()
    gate.open()
    said = tester.wait_for_status(issue, "implement", "could not be finished")
    assert "The branch `develop`, which this was built on, was renamed or deleted while I was at work." in said
    assert tester.town.pull_requests() == []
    with tester.github.world.lock:
        changes.create_ref(repository, mara, "refs/heads/develop", base)
    tester.say(issue, "/retry")
    tester.wait_for_status(issue, "implement", "is done", attempt=2)
    pull_request, gate = tester.the_pull_request(), tester.hold("review")
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number.")
    gate.wait_until_reached()
    delete_the_base()
    said = tester.wait_for_status(pull_request.issue, "review", "was stopped")
    assert "I stopped because @mara closed the pull request." in said


def test_a_permission_that_is_withdrawn_in_the_middle_is_named_and_nothing_is_pushed(tester: Tester) -> None:
    tester.move_to(FRIENDS)
    gate, issue = tester.hold("change"), tester.with_rfc()
    tester.say(issue, "/implement")
    gate.wait_until_reached()
    tester.withdraw("contents", "read")
    gate.open()
    said = tester.wait_for_status(issue, "implement", "could not be finished")
    assert "The App lacks the permission `contents: write`" in said and "let an owner accept it" in said
    assert tester.town.pull_requests() == [] and tester.repository.git.refs("refs/heads/rfcsmith") == {}
    tester.withdraw("contents", "write")
    tester.say(issue, "/retry")
    tester.wait_for_status(issue, "implement", "is done", attempt=2)


def test_where_nothing_can_be_said_any_more_the_run_ends_all_the_same_and_the_log_tells(tester: Tester) -> None:
    tester.move_to(FRIENDS)
    issue, gate = tester.file_issue(), tester.hold("rfc")
    tester.label(issue)
    gate.wait_until_reached()
    tester.withdraw("issues", "none")
    tester.withdraw("pull_requests", "none")
    gate.open()
    tester.world.wait_until_quiet()
    assert [run.stage.value for run in tester.runs()] == ["failed"]
    assert "its outcome cannot be said: The App lacks" in tester.log()
    tester.never_mind(issue)


def test_what_a_person_makes_a_draft_again_stays_one_through_a_round_and_after_it(tester: Tester) -> None:
    pull_request = tester.implement(tester.with_rfc())
    wait_for("the draft is marked ready", lambda: not pull_request.draft)
    gate = tester.hold("review")
    tester.review(pull_request, crate.LIBRARY_PATH, 3, "Please name the number.")
    gate.wait_until_reached()
    with tester.github.world.lock:
        tester.town.changes.set_draft(pull_request, tester.town.maintainer, True)
    gate.open()
    tester.wait_for_status(pull_request.issue, "review", "is done")
    tester.ci_finish(tester.ci_start(pull_request, "test"), test="success")
    tester.world.wait_until_quiet()
    assert pull_request.draft


def test_a_merge_takes_away_branches_that_nobody_has_gone_on_with(tester: Tester) -> None:
    issue = tester.with_rfc()
    for attempt in (1, 2):
        gate = tester.hold("change")
        tester.say(issue, "/implement")
        gate.wait_until_reached()
        tester.say(issue, "/stop")
        tester.wait_for_status(issue, "implement", "was stopped", attempt=attempt)
    pull_request = tester.implement(issue, attempt=3)
    first, second = (name for name in tester.repository.git.refs("refs/heads/rfcsmith") if name.endswith("-wip"))
    theirs = tester.push(first.removeprefix("refs/heads/"), {"NOTES": "I go on with this."})
    wait_for("the draft is marked ready", lambda: not pull_request.draft)
    tester.repository.deletes_merged_branches = True
    with tester.github.world.lock:
        tester.town.changes.merge(pull_request, tester.town.maintainer)
    tester.world.wait_until_quiet()
    assert tester.repository.git.refs("refs/heads/rfcsmith") == {first: theirs} and second != first


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
