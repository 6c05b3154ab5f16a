"""What the product remembers, on SQLite and on Postgres."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier
from typing import TypeVar

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.domain import (
    Actor,
    Assignment,
    Check,
    CheckKind,
    CiWatch,
    Criterion,
    Message,
    MessageKind,
    Permission,
    Plan,
    Repo,
    Rfc,
    Run,
    RunKind,
    Stage,
    StopReason,
    Target,
    Task,
    Turn,
    Usage,
)
from bot.store import Store, metadata, upgrade
from bot.store.ci import LEARNED_AT_MOST
from bot.store.codec import from_json, to_json
from workflows.steps import publication

REPO = Repo(11, "ferris-labs", "pocketwatch", 5)
TARGET = Target(REPO, 7)
MARA = Actor("mara", 3)


T = TypeVar("T")
ASKED = Run("", RunKind.REVIEW, TARGET, 0, "d-1", MARA)


def opened(store: Store, delivery_id: str = "d-1", kind: RunKind = RunKind.IMPLEMENT) -> Run:
    return store.open_run(Run("", kind, TARGET, 0, delivery_id, MARA))


def test_the_migrations_make_exactly_the_tables_of_the_code(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "rfcsmith_schema_version"})
        differences = [d for d in compare_metadata(context, metadata) if "rfcsmith_schema_version" not in str(d)]
    assert differences == []


def test_bringing_the_schema_up_to_date_twice_changes_nothing(store: Store) -> None:
    run = opened(store)
    upgrade(store.engine)
    assert store.run(run.id) == run


def test_one_delivery_opens_one_run_however_often_it_is_handled(store: Store) -> None:
    first, again = opened(store), opened(store)
    assert first == again
    assert first.id == "implement-11-7-1"


def test_asking_again_opens_the_next_attempt(store: Store) -> None:
    assert [opened(store, f"d-{n}").attempt for n in (1, 2, 3)] == [1, 2, 3]


def at_one_instant(what: Callable[[int], T], times: int = 8) -> list[T]:
    """What `what` returns to threads that all begin together."""
    start = Barrier(times)

    def go(number: int) -> T:
        start.wait()
        return what(number)

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(go, range(times)))


def test_of_deliveries_at_one_instant_one_opens_a_round_and_the_others_join_it(store: Store) -> None:
    def open_round(number: int) -> Run:
        return store.open_run(replace(ASKED, delivery_id=f"d-{number}"), joins="hearing")

    rounds = {run.id for run in at_one_instant(open_round)}
    assert rounds == {run.id for run in store.runs_of_kind(11, 7, RunKind.REVIEW)} == {"review-11-7-1"}
    store.put_document("review-11-7-1", "hearing", True)
    # The first delivery keeps its own; of the others one opens the next.
    assert {run.id for run in at_one_instant(open_round)} == {"review-11-7-1", "review-11-7-2"}


def test_a_delivery_never_joins_where_it_has_opened_a_run_nor_one_that_has_ended(store: Store) -> None:
    first = store.open_run(replace(ASKED, delivery_id="d-1"), joins="hearing")
    store.save_run(replace(first, stage=Stage.DONE))
    second = store.open_run(replace(ASKED, delivery_id="d-2"), joins="hearing")
    assert second.delivery_id == "d-2"
    assert store.open_run(replace(ASKED, delivery_id="d-1"), joins="hearing").id == first.id


def test_runs_that_are_opened_at_one_instant_are_counted_one_by_one(store: Store) -> None:
    runs = at_one_instant(lambda number: opened(store, f"d-{number}"))
    assert sorted(run.attempt for run in runs) == list(range(1, 9))


def test_what_is_added_to_a_value_at_one_instant_is_all_kept(store: Store) -> None:
    def add(number: int) -> None:
        store.amend_document("r", "rules", tuple[int, ...], lambda known: (*(known or ()), number))

    at_one_instant(add)
    assert sorted(store.document("r", "rules", tuple[int, ...]) or ()) == list(range(8))


def test_a_run_comes_back_as_it_was_saved(store: Store) -> None:
    run = replace(opened(store), stage=Stage.BUILD, branch="rfcsmith/7-round", base_commit="a" * 40, rfc_version=2)
    store.save_run(run)
    assert store.run(run.id) == run
    assert store.active_runs(11, 7) == (run,)


def test_a_run_that_ended_is_not_active(store: Store) -> None:
    run = store.save_run(replace(opened(store), stage=Stage.DONE))
    assert store.active_runs(11, 7) == ()
    assert store.last_run(11, 7) == run


def test_the_pull_request_leads_back_to_its_target(store: Store) -> None:
    store.bind(TARGET, branch="rfcsmith/7-round")
    store.bind(TARGET, pull_request=8)
    record = store.target_of_pull_request(11, 8)
    assert record is not None
    assert (record.target, record.branch, record.pull_request) == (TARGET, "rfcsmith/7-round", 8)
    assert store.target_of_pull_request(11, 9) is None


def test_the_newest_version_of_an_rfc_is_found_and_its_author_can_be_left_out(store: Store) -> None:
    for version, run_id in ((1, "rfc-1"), (2, "rfc-2")):
        store.publish_rfc(run_id, TARGET, Rfc(version, "T", "B", (Criterion("AC-1", "x"),), "a" * 40, "d" * 64))
    latest, before = store.latest_rfc(11, 7), store.latest_rfc(11, 7, not_by="rfc-2")
    assert latest is not None and before is not None
    assert (latest.version, before.version) == (2, 1)
    assert latest.criteria == (Criterion("AC-1", "x"),)


def test_what_the_host_says_is_written_once_and_may_be_amended_until_it_is_answered(store: Store) -> None:
    run = opened(store)
    store.start_turn(run.id, Assignment.PLAN, 0, [{"type": "text", "text": "first"}])
    store.start_turn(run.id, Assignment.PLAN, 0, [{"type": "text", "text": "again"}])
    assert store.turns(run.id, Assignment.PLAN)[0].user == [{"type": "text", "text": "first"}]
    store.amend_turn(run.id, Assignment.PLAN, 0, [{"type": "text", "text": "amended"}])
    turn = Turn(({"type": "text", "text": "ok"},), StopReason.END, (), "ok", Usage(1, 2, 3, 4), 0.5)
    store.finish_turn(run.id, Assignment.PLAN, 0, turn)
    store.amend_turn(run.id, Assignment.PLAN, 0, [{"type": "text", "text": "too late"}])
    stored = store.turns(run.id, Assignment.PLAN)[0]
    assert (stored.user, stored.usage) == ([{"type": "text", "text": "amended"}], Usage(1, 2, 3, 4))
    assert store.usage(run.id) == Usage(1, 2, 3, 4)


def test_steering_is_read_once_and_again_only_by_the_same_turn(store: Store) -> None:
    run = opened(store)
    message = Message("d-9", MessageKind.STEER, MARA, Permission.WRITE, "prefer u64")
    store.leave(run.id, message)
    store.leave(run.id, message)
    assert [m.text for m in store.take_steering(run.id, "build/1")] == ["prefer u64"]
    assert [m.text for m in store.take_steering(run.id, "build/1")] == ["prefer u64"]
    assert store.take_steering(run.id, "build/2") == ()


def test_a_request_to_stop_stays_in_the_mailbox(store: Store) -> None:
    run = opened(store)
    assert store.stop_of(run.id) is None
    store.leave(run.id, Message("d-9", MessageKind.STOP, MARA, Permission.WRITE, ""))
    stop = store.stop_of(run.id)
    assert stop is not None and stop.author.login == "mara"


def test_the_last_snapshot_comes_back_whole(store: Store) -> None:
    run = opened(store)
    store.save_snapshot(run.id, 1, "1" * 40, b"\0pack")
    store.save_snapshot(run.id, 2, "2" * 40, b"\xff" * 1000)
    assert store.last_snapshot(run.id) == (2, "2" * 40, b"\xff" * 1000)


def test_a_name_that_is_too_long_for_its_column_is_refused_by_every_database(store: Store) -> None:
    store.put_document("implement-1-1-1", "x" * 40, "a")
    with pytest.raises(ValueError, match="longer than 40"):
        store.put_document("implement-1-1-1", "x" * 41, "a")


def test_a_document_that_is_forgotten_was_never_there(store: Store) -> None:
    store.put_document("implement-1-1-1", "green", "a")
    store.forget_document("implement-1-1-1", "green")
    store.forget_document("implement-1-1-1", "green")
    assert not store.has_document("implement-1-1-1", "green")


def test_documents_keep_their_types(store: Store) -> None:
    run = opened(store)
    plan = Plan((Task("T1", "Do it", ("AC-1",), ("src/lib.rs",)),))
    store.put_document(run.id, "plan", plan)
    assert store.plan(run.id) == plan
    assert store.document(run.id, "nothing", Plan) is None


def test_the_status_is_said_when_it_is_new_and_not_too_often(store: Store) -> None:
    run = opened(store)
    assert store.may_speak(run.id, "one", 15.0)
    store.spoke(run.id, "one")
    assert not store.may_speak(run.id, "one", 0.0)
    assert not store.may_speak(run.id, "two", 15.0)
    assert store.may_speak(run.id, "two", 0.0)


def test_forgetting_a_run_deletes_its_transcript_and_snapshots(store: Store) -> None:
    run = opened(store)
    store.start_turn(run.id, Assignment.PLAN, 0, [{"type": "text", "text": "private"}])
    store.save_snapshot(run.id, 1, "1" * 40, b"private")
    store.put_document(run.id, "plan", Plan())
    store.forget([run])
    with store.engine.connect() as connection:
        left = [
            connection.execute(sa.select(sa.func.count()).select_from(metadata.tables[f"rfcsmith_{name}"])).scalar()
            for name in ("turns", "snapshots", "documents", "messages")
        ]
    assert left == [0, 0, 0, 0]


def test_evidence_is_kept_once_and_strangers_have_only_what_is_public(store: Store) -> None:
    run = opened(store)
    for _ in range(2):
        assert store.keep_bundle(run, "a" * 64, b"\0facts", is_public=True).is_public
    assert store.bundle("a" * 64, only_public=True) == b"\0facts"
    assert store.newest_bundle(REPO.id, TARGET.issue) == "a" * 64
    kept = store.bundle_of_run(run.id)
    assert kept is not None and (kept.digest, kept.is_public) == ("a" * 64, True)

    # The repository has become private: from now on nothing of it is handed out, also of earlier runs.
    later = opened(store, "d-2")
    store.keep_bundle(later, "b" * 64, b"more", is_public=False)
    assert [store.bundle(name * 64, only_public=True) for name in "ab"] == [None, None]
    assert store.bundle("b" * 64) == b"more" and store.newest_bundle(REPO.id, TARGET.issue) == "b" * 64


def test_evidence_outlives_the_run_and_goes_with_the_repository(store: Store) -> None:
    run = opened(store)
    store.keep_bundle(run, "a" * 64, b"facts", is_public=True)
    store.forget([run])
    assert store.bundle("a" * 64) == b"facts"
    store.forget_bundles(REPO.id)
    assert store.bundle("a" * 64) is None


def test_what_turns_used_is_told_by_run_and_by_repository_since_a_time(store: Store) -> None:
    first = opened(store)
    other = store.open_run(Run("", RunKind.RFC, Target(replace(REPO, id=12), 7), 0, "d-2", MARA))
    answer = Turn((), StopReason.TOOLS, (), "", Usage(input=10, output=1), 1.0)
    for run, number in ((first, 0), (first, 1), (other, 0)):
        store.start_turn(run.id, Assignment.BUILD, number, ())
        store.finish_turn(run.id, Assignment.BUILD, number, answer)
    store.start_act(first.id, Assignment.BUILD, 0)
    store.start_turn(first.id, Assignment.BUILD, 2, ())
    assert store.usages(first.id) == (answer.usage, answer.usage)
    # Nobody has acted on the second turn yet: as long as its run is at work, it is new.
    now = time.time()
    assert len(store.usages_since(REPO.id, now - 60)) == 2
    assert len(store.usages_since(REPO.id, now + 60)) == 1
    store.save_run(replace(first, stage=Stage.FAILED))
    assert store.usages_since(REPO.id, now + 60) == ()


def test_the_last_run_of_a_kind_leaves_out_the_one_that_a_delivery_opened(store: Store) -> None:
    first, _ = opened(store), opened(store, "d-2", RunKind.RFC)
    second = opened(store, "d-3")
    assert store.last_of_kind(REPO.id, 7, RunKind.IMPLEMENT) == second
    assert store.last_of_kind(REPO.id, 7, RunKind.IMPLEMENT, not_by="d-3") == first
    assert store.last_of_kind(REPO.id, 8, RunKind.IMPLEMENT) is None


def test_a_run_that_was_stored_before_there_were_retries_is_read(store: Store) -> None:
    run = opened(store)
    stored = {name: value for name, value in to_json(run).items() if name != "retry_of"}
    assert from_json(Run, stored) == run


def test_the_tree_of_a_commit_is_noted_under_a_name_that_postgres_has_room_for(store: Store) -> None:
    run = opened(store)
    name = publication._tree_name("a" * 40)
    store.put_document(run.id, name, "b" * 40)
    assert store.document(run.id, name, str) == "b" * 40
    limit = metadata.tables["rfcsmith_documents"].c.name.type
    assert isinstance(limit, sa.String) and limit.length is not None and len(name) <= limit.length


# --- the repository's own CI ------------------------------------------------------------------------------------------


def test_a_watch_is_found_by_its_pull_request_and_by_its_newest_head_only(store: Store) -> None:
    watch = CiWatch(TARGET, 8, "a" * 40, datetime(2026, 1, 1, tzinfo=UTC), MARA, was_draft=True)
    store.put_ci_watch(watch)
    moved = store.put_ci_watch(replace(watch, head_sha="b" * 40, rerun=(3,)))
    assert store.ci_watch(11, 8) == store.ci_watch_of(11, "b" * 40) == moved
    assert store.ci_watch_of(11, "a" * 40) is None and store.ci_watch(12, 8) is None
    store.forget_ci(11)
    assert store.ci_watch(11, 8) is None


def test_a_command_is_learned_once_and_of_too_many_the_oldest_is_forgotten(store: Store) -> None:
    checks = [Check(CheckKind.TEST, f"cargo test --test t{number}") for number in range(LEARNED_AT_MOST + 1)]
    for check in (checks[0], checks[0], *checks[1:]):
        store.learn_checks(11, [check])
    assert store.learned_checks(11) == tuple(checks[1:])
    assert store.learned_checks(12) == ()
