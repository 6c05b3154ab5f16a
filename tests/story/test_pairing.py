"""`/implement --pair`: the plan, and then the red tests, are shown, and the run waits until people approve or correct them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import pytest

from bot.domain import Assignment
from simulator.github.state import Issue
from simulator.messages.brain import Block, Request
from simulator.town import READER
from tests.story import crate
from tests.story.author import submit_plan, submit_plan_critique, submit_tests, write
from tests.story.tester import WRITER, Tester
from tests.story.world import wait_for

pytestmark = pytest.mark.docker

FINDING = {"severity": "minor", "place": "T1", "problem": "Once is not enough.", "suggestion": "Twice."}
CORRECTED_TESTS = crate.TESTS.replace("double(u8::MAX), u8::MAX", "double(200), u8::MAX")


def paired(tester: Tester) -> Issue:
    """An issue whose paired implementation shows its plan."""
    issue = tester.with_rfc()
    tester.say(issue, "/implement --pair")
    tester.wait_for_approval(issue, "plan")
    return issue


def digest_in(shown: str) -> str:
    """The short digest that a comment names for `/approve`."""
    found = re.search(r"`/approve ([0-9a-f]{12})` means", shown)
    assert found, shown
    return found[1]


def wait_until_it_holds_nothing(tester: Tester) -> None:
    runs = tester.world.home / "runs"
    wait_for("no workflow is at work", lambda: not tester.world.unfinished())
    assert tester.world.containers() == [] and not list(runs.iterdir())


def test_plan_and_red_tests_are_shown_and_the_run_goes_on_when_they_are_approved(tester: Tester) -> None:
    issue = paired(tester)
    plan = tester.wait_for_approval(issue, "plan")
    assert "- [ ] Saturate (AC-1): `src/lib.rs`" in plan and "@rfcsmith <what should be otherwise>" in plan
    wait_until_it_holds_nothing(tester)
    assert tester.turns("tests") == 0
    status = tester.answer(tester.say(issue, "/status", READER))
    assert "waiting for your approval" in status and f"(`{digest_in(plan)}`) waits there" in status
    assert "`/approve` lets it go on" in tester.answer(tester.say(issue, "/implement"))
    assert "`/approve` needs write" in tester.answer(tester.say(issue, "/approve", READER))
    said = tester.answer(tester.say(issue, "/approve and mind the docs", WRITER))
    assert "Thank you, now the tests are written. What you said besides" in said

    tests = tester.wait_for_approval(issue, "tests")
    assert (
        "- **AC-1** `double(u8::MAX)` is `u8::MAX`.\n  - 🔴 `tests/doubling.rs::the_largest_number_stays`: failed"
        in tests
    )
    assert "+    assert_eq!(double(u8::MAX), u8::MAX);" in tests
    wait_until_it_holds_nothing(tester)
    assert "I am not sure" in tester.answer(tester.say(issue, f"/approve {digest_in(plan)}"))
    assert "now it is built" in tester.answer(tester.say(issue, f"/approve {digest_in(tests)}"))
    tester.wait_for_status(issue, "implement", "is done")
    assert "and mind the docs" in tester.told_the_model()
    assert (tester.turns("plan"), tester.turns("tests")) == (1, 1)
    assert len(tester.headlines(tester.the_pull_request())) == 2
    assert "Nothing waits for an approval here." in tester.answer(tester.say(issue, "/approve"))


def test_a_correction_reopens_the_plan_and_only_the_new_one_can_be_approved(tester: Tester) -> None:
    def read(request: Request) -> Sequence[Block]:
        return [submit_plan_critique(*([FINDING] if "and say so" in str(request["messages"][0]) else []))]

    corrected = submit_plan("Saturate, and say so")
    answered = submit_plan(
        "Saturate, and say so twice", answers=[{"finding": "F1", "verdict": "taken", "text": "Yes."}]
    )
    tester.author_says(plan=[[submit_plan("Saturate")], [corrected], [answered]], plan_critique=[read])
    issue = paired(tester)
    old = tester.wait_for_approval(issue, "plan")
    gate = tester.hold("plan")
    wish = tester.say(issue, "@rfcsmith say so in the docs, please", WRITER)
    gate.wait_until_reached()
    assert "say so in the docs, please" in str(tester.world.messages.requests[-1].body)
    # This one arrives only after the new plan stands.
    tester.github.deliveries.hook.delay = 12.0
    early = tester.say(issue, "/approve")
    time.sleep(1.1)  # GitHub tells seconds
    gate.open()
    new = tester.wait_for_approval(issue, "plan", 2)
    tester.github.deliveries.hook.delay = 0.0
    assert "- [ ] Saturate, and say so twice (AC-1)" in new and digest_in(new) != digest_in(old)
    assert "The agent has read this" in tester.answer(wish)
    assert f"[the plan `{digest_in(new)}`](http" in tester.answer(early) and tester.turns("tests") == 0
    tester.say(issue, "/approve")
    tester.wait_for_approval(issue, "tests")
    tester.say(issue, "/approve")
    tester.wait_for_status(issue, "implement", "is done")
    (run,) = [run for run in tester.runs() if run.kind == "implement"]
    turns = tester.world.store.turns(run.id, Assignment.PLAN)
    assert "want something otherwise" in str(turns[1].user) and "say so in the docs" in str(turns[1].user)
    # Somebody with fresh eyes has read the first plan, and the corrected one, before people saw it.
    assert tester.turns("plan_critique") == 2 and FINDING["problem"] in str(turns[2].user)


def test_a_correction_of_the_tests_has_them_written_and_shown_red_again(tester: Tester) -> None:
    tester.author_says(
        tests=[
            [write(crate.TESTS_PATH, crate.TESTS), submit_tests()],
            [write(crate.TESTS_PATH, CORRECTED_TESTS), submit_tests()],
        ]
    )
    issue = paired(tester)
    tester.say(issue, "/approve")
    tester.wait_for_approval(issue, "tests")
    tester.say(issue, "@rfcsmith use 200, as the issue does")
    shown = tester.wait_for_approval(issue, "tests", 2)
    assert "+    assert_eq!(double(200), u8::MAX);" in shown and "🔴" in shown
    tester.say(issue, "/approve")
    tester.wait_for_status(issue, "implement", "is done")
    red, _ = tester.town.commits(tester.the_pull_request())
    assert tester.text_at(red)[crate.TESTS_PATH] == CORRECTED_TESTS and tester.turns("tests") == 2


def test_stop_ends_a_run_that_waits_and_a_retry_is_paired_again(tester: Tester) -> None:
    issue = paired(tester)
    tester.say(issue, "/approve")
    tester.wait_for_approval(issue, "tests")
    wait_until_it_holds_nothing(tester)
    tester.say(issue, "/stop")
    said = tester.wait_for_status(issue, "implement", "was stopped")
    assert "-wip`](http" in said and "1 new test was shown to fail" in said
    # The plan was approved, the tests were not.
    tester.author_says(tests=[[submit_tests()]])
    tester.say(issue, "/retry")
    tester.wait_for_approval(issue, "tests", attempt=2)
    assert tester.turns("plan") == 1
    tester.close(issue)
    assert "closed the issue" in tester.wait_for_status(issue, "implement", "was stopped", attempt=2)


def test_a_run_that_waits_survives_the_bot_and_goes_on_once_however_often_it_is_told(tester: Tester) -> None:
    issue = paired(tester)
    wait_until_it_holds_nothing(tester)
    tester.world.kill_bot(lost=("clones", "cargo"))
    tester.github.deliveries.hook.duplicate = 2
    tester.say(issue, "/approve")
    tester.wait_for_approval(issue, "tests")
    tester.say(issue, "/approve", WRITER)
    tester.wait_for_status(issue, "implement", "is done")
    assert (tester.turns("plan"), tester.turns("tests")) == (1, 1)
    assert len(tester.headlines(tester.the_pull_request())) == 2


def test_a_run_that_waits_leaves_its_slot_to_others(make_tester: Callable[..., Tester]) -> None:
    tester = make_tester(RFCSMITH_CONCURRENCY="1")
    issue = paired(tester)
    tester.implement(tester.with_rfc())
    assert "waits for your approval" in tester.status(issue, "implement")
    assert "There is one: `/implement --pair`" in tester.answer(tester.say(issue, "/implement --piar"))
    tester.say(issue, "/stop")
    assert "nothing to keep" in tester.wait_for_status(issue, "implement", "was stopped")
