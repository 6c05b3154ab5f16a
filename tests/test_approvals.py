"""A paired run and the people it waits for, against the simulated GitHub: no word is lost, and none counts for what nobody saw."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bench._worker import hands_at
from bot.agent.submit import Critique, PlanDraft
from bot.domain import Actor, Assignment, Finding, Repo, Run, RunKind, Severity, Stage, Target, Task
from bot.errors import Conflict, Paused
from bot.store import Store
from bot.webhook import parse
from simulator.github.server import GitHubServer
from workflows.steps import lifecycle, pairing, reception
from workflows.steps.records import Submitted, shown, shown_findings

NAME = "ferris-labs/demo"
PLAN = PlanDraft((Task("T1", "Saturate", ("AC-1",), ("src/lib.rs",)),), "")


class Pair:
    """An issue with a paired run whose plan stands, and the maintainer who is asked."""

    def __init__(self, github: GitHubServer, store: Store) -> None:
        self.github, self.store = github, store
        home = github.act.add_repository(NAME, files={"src/lib.rs": "pub fn one() {}\n"})
        github.act.grant(NAME, "mara", "maintain")
        installation = github.act.install("ferris-labs")
        github.act.open_issue(NAME, "mara", "Faster")
        target = Target(Repo(home.id, "ferris-labs", "demo", installation.id), 1)
        run = store.open_run(Run("", RunKind.IMPLEMENT, target, 0, "d-1", Actor("mara", 3), is_paired=True))
        self.id = store.save_run(replace(run, stage=Stage.PLAN)).id
        self.hand_in(0)

    def hand_in(self, turn: int) -> None:
        """The agent hands the plan in, in a turn of its conversation."""
        self.store.put_document(self.id, f"draft:{Assignment.PLAN}", PLAN)
        self.store.put_document(self.id, Submitted.name(Assignment.PLAN), turn)

    def goes_on(self) -> bool:
        """Whether the run goes on with what stands; False where its author is asked again, or people are waited for."""
        try:
            return pairing.await_approval(self.id, Assignment.PLAN)
        except Paused:
            return False

    @property
    def waits(self) -> bool:
        return self.store.run(self.id).stage is Stage.WAITING

    def hears(self, words: str, times: int = 1) -> list[dict[str, Any]]:
        """Mara says something; returns what is enqueued for it, however often the delivery is handled."""
        self.github.act.comment(NAME, 1, "mara", words)
        told = next(each for each in reversed(self.github.events) if each.name == "issue_comment")
        headers = {"X-GitHub-Event": told.name, "X-GitHub-Delivery": f"g-{len(self.github.events)}"}
        body = json.dumps(told.payload).encode()
        delivery = parse(headers, body)
        with self.store.engine.begin() as connection:
            self.store.receive(connection, delivery, headers, body)
        made = [reception.receive(delivery.id) for _ in range(times)]
        assert all(each == made[0] for each in made)
        return made[0]

    def said(self) -> list[str]:
        bot = self.github.app.bot
        return [each.body for each in self.github.act.issue(NAME, 1).comments if each.author is bot]

    @property
    def shown(self) -> pairing.Shown:
        found = self.store.document(self.id, pairing.SHOWN, pairing.Shown)
        assert found is not None
        return found


@pytest.fixture
def pair(store: Store, tmp_path: Path) -> Iterator[Pair]:
    with GitHubServer() as github:
        made = hands_at(github, store, tmp_path)
        yield Pair(github, store)
        made.close()


def test_a_word_lets_the_next_segment_begin_the_same_one_however_often_its_delivery_is_handled(pair: Pair) -> None:
    assert not pair.goes_on() and pair.waits
    assert pairing.rest(pair.id, 4) is None
    (due,) = pair.hears("/approve `with` more tests", times=2)
    assert (due["id"], due["segment"], due["delay"]) == (pair.id, 5, 0.0)
    assert [message.text for message in pair.store.unread_steering(pair.id)] == ["`with` more tests"]
    assert pair.goes_on()


@pytest.mark.parametrize("words", ["/approve", "@rfcsmith no, please divide"])
def test_a_word_that_comes_while_the_run_lies_down_to_rest_is_not_lost(pair: Pair, words: str) -> None:
    pair.goes_on()
    pair.hears(words)
    due = pairing.rest(pair.id, 1)
    assert due is not None and due["seconds"] == 0.0


def test_what_is_handed_in_again_word_for_word_is_shown_and_approved_again(pair: Pair) -> None:
    pair.goes_on()
    pair.hears("/approve")
    assert pair.goes_on()
    pair.hand_in(3)
    assert not pair.goes_on()
    assert sum("**This is the plan.**" in said for said in pair.said()) == 2


def test_an_approval_counts_for_what_stood_there_when_it_was_written(pair: Pair) -> None:
    pair.goes_on()
    shown = pair.shown
    assert shown.shown_at is not None
    pair.store.put_document(pair.id, pairing.SHOWN, replace(shown, shown_at=shown.shown_at + timedelta(minutes=1)))
    assert pair.hears("/approve") == [] and "I am not sure" in pair.said()[-1]
    assert pair.hears("/approve 0123456") == [] and "I am not sure" in pair.said()[-1]
    assert pair.hears(f"/approve `{shown.digest[:12]}`") and "Thank you" in pair.said()[-1]


def test_an_approval_waits_until_it_is_known_when_the_plan_was_posted(pair: Pair) -> None:
    pair.goes_on()
    pair.store.put_document(pair.id, pairing.SHOWN, replace(pair.shown, shown_at=None))
    with pytest.raises(Conflict):
        pair.hears("/approve")
    assert not pair.goes_on() and pair.shown.shown_at is not None
    assert sum("**This is the plan.**" in said for said in pair.said()) == 1


def test_who_approves_after_a_correction_is_told_to_wait_for_what_comes_of_it(pair: Pair) -> None:
    pair.goes_on()
    pair.hears("@rfcsmith please divide")
    assert pair.hears("/approve") == [] and "I take it up, and show you the plan again" in pair.said()[-1]
    assert not pair.goes_on()
    assert pair.store.document(pair.id, Submitted.name(Assignment.PLAN), int) is None
    assert pair.hears("/approve") == [] and "There is nothing to approve at this moment." in pair.said()[-1]


def test_a_corrected_plan_is_read_by_somebody_who_begins_afresh_and_in_all_three_times(pair: Pair) -> None:
    reader, was_read = Assignment.PLAN_CRITIQUE, []
    for turn in range(4):
        pair.store.start_turn(pair.id, reader, 0, [{"type": "text", "text": f"plan {turn}"}])
        pair.store.put_document(
            pair.id, f"draft:{reader}", Critique((Finding("F1", Severity.SERIOUS, "T1", "No.", ""),))
        )
        pair.store.put_document(pair.id, shown(Assignment.PLAN), True)
        pair.store.put_document(pair.id, Submitted.name(reader), 0)
        pair.goes_on()
        pair.hears(f"@rfcsmith please divide by {turn}")
        assert not pair.goes_on() and not pair.goes_on()
        was_read.append(pair.store.document(pair.id, Submitted.name(reader), int) is not None)
        assert bool(pair.store.turns(pair.id, reader)) == bool(shown_findings(pair.id, Assignment.PLAN)) == was_read[-1]
        pair.hand_in(turn + 1)
        pair.store.take_steering(pair.id, f"plan/{turn}")
    assert was_read == [False, False, True, True]
    # What was said in each of them still counts as used.
    told = [turn.user[0]["text"] for turn in pair.store.all_turns(pair.id) if turn.assignment is reader]
    assert sorted(told) == ["plan 0", "plan 1", "plan 2"]


def test_waiting_for_people_is_none_of_the_times_that_a_run_may_wait_for_a_service(pair: Pair) -> None:
    for segment in range(1, lifecycle.SEGMENTS + 1):
        pairing.rest(pair.id, segment)
    due = lifecycle.pause(pair.id, lifecycle.SEGMENTS + 1, "GitHub is away.", 0.0)
    assert due is not None and due["seconds"] == 2.0
    assert lifecycle.pause(pair.id, 2 * lifecycle.SEGMENTS, "GitHub is away.", 0.0) is None
