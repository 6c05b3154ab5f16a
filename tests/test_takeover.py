"""What other code left unfinished, against real databases: who takes it over, under which id, and what is left alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from dbos import DBOSClient, DBOSPortableJSONSerializer

from app import bring_up_to_date
from bot.store import Store, open_engine
from workflows.engine import APPLICATION, CONTROL, LOOKS, RUNS, Worker, code_version, wake_run, workflow
from workflows.heartbeat import SILENT
from workflows.steps import lifecycle
from workflows.takeover import LOST, STALE, take_over

WALKED: list[tuple[object, ...]] = []
LET = threading.Event()


@workflow("walk_for_a_test")
def walk(*args: object) -> None:
    """Stands for every road: what counts is that it is walked, once, and with which arguments."""
    LET.wait(30)
    WALKED.append(args)


class Shop:
    """A database with workers, one of which runs in this process; the others are only rows."""

    def __init__(self, database_url: str, store: Store) -> None:
        self.url, self.store = database_url, store
        bring_up_to_date(store.engine, database_url)
        self.client = DBOSClient(
            system_database_url=database_url, application_name=APPLICATION, serializer=DBOSPortableJSONSerializer()
        )
        self.worker: Worker | None = None
        self.table = "dbos.workflow_status" if database_url.startswith("postgres") else "workflow_status"

    def has(
        self,
        workflow_id: str,
        queue: str,
        *args: object,
        name: str = "walk_for_a_test",
        version: str = "old",
        begun_by: str = "",
        delay: float | None = None,
    ) -> None:
        """A workflow of that version, waiting in its queue or, as far as the database knows, at work."""
        key = "3#7" if queue in (RUNS, LOOKS) else None
        self.client.enqueue(
            {
                "workflow_name": name,
                "queue_name": queue,
                "workflow_id": workflow_id,
                "app_version": version,
                **({"queue_partition_key": key} if key else {}),
                **({"delay_seconds": delay} if delay is not None else {}),
            },
            *args,
        )
        if begun_by:
            with self.store.engine.begin() as connection:
                connection.execute(
                    sa.text(
                        f"UPDATE {self.table} SET status = 'PENDING', executor_id = :worker WHERE workflow_uuid = :id"
                    ),
                    {"worker": begun_by, "id": workflow_id},
                )

    def start(self, version: str = "new") -> None:
        self.worker = Worker(self.url, worker_id="a", concurrency=2, version=version)
        self.worker.take_lock()
        self.worker.launch(())
        take_over(self.worker, self.store)

    def statuses(self) -> dict[str, str]:
        found = self.client.list_workflows(load_input=False, load_output=False)
        return {each.workflow_id: each.status for each in found}

    def silence(self, worker_id: str, seconds: float) -> None:
        """Nothing was heard of a worker for so long, and this one looks around."""
        with self.store.engine.begin() as connection:
            connection.execute(
                sa.text("UPDATE rfcsmith_workers SET beat_at = :now - :seconds WHERE id = :id"),
                {"now": time.time(), "seconds": seconds, "id": worker_id},
            )
        assert self.worker is not None
        take_over(self.worker, self.store)

    def wait(self, count: int) -> None:
        for _ in range(200):
            if len(WALKED) >= count:
                break
            threading.Event().wait(0.05)
        assert len(WALKED) == count

    def close(self) -> None:
        LET.set()
        if self.worker is not None:
            self.worker.shutdown(patience=5)
        self.client.destroy()


@pytest.fixture
def shop(database_url: str, store: Store) -> Iterator[Shop]:
    WALKED.clear()
    LET.set()
    made = Shop(database_url, store)
    yield made
    made.close()


def test_what_older_code_was_at_or_had_enqueued_goes_on_under_new_ids(shop: Shop) -> None:
    shop.has("implement-3-7-1/2", RUNS, "implement-3-7-1", 2, begun_by="a")
    shop.has("d-1", CONTROL, "d-1", 1, begun_by="a")
    shop.has("ci/3/8/abc", LOOKS, 3, 8, 1)
    shop.start()
    shop.wait(3)
    assert sorted(WALKED, key=str) == [("d-1", 1), ("implement-3-7-1", 3), (3, 8, 1)]
    ended = {key for key, status in shop.statuses().items() if status == "CANCELLED"}
    assert ended == {"implement-3-7-1/2", "d-1", "ci/3/8/abc"}
    assert {"implement-3-7-1/3", "d-1~1", "ci/3/8/abc~1"} <= shop.statuses().keys()


def test_a_run_that_was_taken_over_has_not_waited_and_is_woken_in_its_new_segment(shop: Shop) -> None:
    shop.has("rfc-3-7-1/1", RUNS, "rfc-3-7-1", 1)
    shop.start()
    shop.wait(1)
    assert shop.store.document("rfc-3-7-1", lifecycle.RESTED, tuple[int, ...]) == (1,)
    assert shop.store.document("rfc-3-7-1", lifecycle.NEXT_SEGMENT, int) == 2


def test_taking_over_twice_or_after_a_crash_in_between_makes_no_doubles(shop: Shop) -> None:
    shop.has("rfc-3-7-1/1", RUNS, "rfc-3-7-1", 1, begun_by="a")
    # As if it had died after the new one was enqueued, and before the old one was ended.
    shop.has("rfc-3-7-1/2", RUNS, "rfc-3-7-1", 2, version="new")
    shop.start()
    shop.wait(1)
    assert shop.worker is not None
    take_over(shop.worker, shop.store)
    assert WALKED == [("rfc-3-7-1", 2)]
    assert shop.statuses()["rfc-3-7-1/1"] == "CANCELLED"


def test_code_that_is_rolled_back_and_comes_again_goes_on_each_time(shop: Shop) -> None:
    LET.clear()
    shop.has("d-1", CONTROL, "d-1", 1, version="new")
    for version in ("old", "new", "old"):
        shop.start(version)
        assert shop.worker is not None
        shop.worker.shutdown()
    LET.set()
    statuses = shop.statuses()
    assert [statuses[key] for key in ("d-1", "d-1~1", "d-1~2")] == ["CANCELLED"] * 3
    shop.start("old")
    assert "d-1~3" in shop.statuses()


def test_what_waits_for_its_time_goes_on_waiting_and_can_be_woken(shop: Shop) -> None:
    shop.has("rfc-3-7-1/1", RUNS, "rfc-3-7-1", 1, delay=600.0)
    shop.start()
    assert shop.statuses()["rfc-3-7-1/2"] == "DELAYED"
    wake_run("rfc-3-7-1", shop.store.document("rfc-3-7-1", lifecycle.NEXT_SEGMENT, int) or 0)
    shop.wait(1)
    assert WALKED == [("rfc-3-7-1", 2)]


def test_what_this_code_does_not_know_is_left_to_the_code_that_does(shop: Shop) -> None:
    shop.has("later-3-7-1/1", RUNS, "later-3-7-1", 1, name="a_kind_of_later_code", version="later", begun_by="a")
    shop.start()
    assert shop.statuses() == {"later-3-7-1/1": "PENDING"}


def test_what_is_done_by_the_clock_is_only_ended(shop: Shop) -> None:
    shop.has("sched-tidy-2026", "_dbos_internal_queue", begun_by="a")
    shop.start()
    assert shop.statuses()["sched-tidy-2026"] == "CANCELLED"
    assert WALKED == []


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_an_older_worker_keeps_what_it_has_begun_and_enqueued_until_it_is_lost(shop: Shop) -> None:
    shop.has("rfc-3-7-1/1", RUNS, "rfc-3-7-1", 1, begun_by="b")
    shop.has("rfc-3-7-1/2", RUNS, "rfc-3-7-1", 2)
    shop.has("d-1", CONTROL, "d-1", 1, version="older still")
    shop.store.beat("b", {"version": "old"})
    shop.start()
    shop.wait(1)
    assert WALKED == [("d-1", 1)]
    assert shop.statuses()["rfc-3-7-1/1"] == "PENDING"
    assert shop.statuses()["rfc-3-7-1/2"] == "ENQUEUED"
    shop.silence("b", SILENT + STALE)
    # It may be at its last step still: what it had begun is left to it, and nothing overtakes that.
    assert shop.statuses()["rfc-3-7-1/1"] == "PENDING"
    assert shop.statuses()["rfc-3-7-1/2"] == "CANCELLED"
    assert shop.statuses()["rfc-3-7-1/3"] == "ENQUEUED"
    shop.silence("b", LOST)
    shop.wait(2)
    assert WALKED[1:] == [("rfc-3-7-1", 3)]
    assert shop.statuses()["rfc-3-7-1/1"] == "CANCELLED"


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_what_a_lost_worker_of_the_same_code_was_at_goes_on_once_and_is_not_begun_by_it_again(shop: Shop) -> None:
    shop.has("implement-3-7-1/1", RUNS, "implement-3-7-1", 1, version="new", begun_by="the pod of yesterday")
    shop.has("d-1", CONTROL, "d-1", 1, version="new", begun_by="the pod of yesterday")
    shop.store.beat("the pod of yesterday", {"version": "new"})
    shop.start()
    assert set(shop.statuses().values()) == {"PENDING"}
    shop.silence("the pod of yesterday", LOST)
    shop.wait(2)
    assert sorted(WALKED, key=str) == [("d-1", 1), ("implement-3-7-1", 2)]
    assert shop.worker is not None
    take_over(shop.worker, shop.store)
    shop.worker.shutdown(patience=5)
    # It comes back under its old id.
    shop.worker = Worker(shop.url, worker_id="the pod of yesterday", concurrency=2, version="new")
    shop.store.beat("the pod of yesterday", {"version": "new"})
    shop.worker.launch(())
    take_over(shop.worker, shop.store)
    ended = {key for key, status in shop.statuses().items() if status == "CANCELLED"}
    assert ended == {"implement-3-7-1/1", "d-1"}
    assert len(WALKED) == 2


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_workers_that_take_over_at_the_same_instant_begin_everything_once(shop: Shop) -> None:
    shop.start()
    shop.store.beat("b", {"version": "new"})
    ids = [f"rfc-3-{issue}-1" for issue in range(20)]
    for run_id in ids:
        shop.has(f"{run_id}/1", RUNS, run_id, 1, version="new", begun_by="b")
    start = threading.Barrier(2)

    def take_over_at_once() -> None:
        assert shop.worker is not None
        start.wait(10)
        take_over(shop.worker, shop.store)

    with shop.store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE rfcsmith_workers SET beat_at = beat_at - :lost"), {"lost": LOST})
    with ThreadPoolExecutor(2) as pool:
        for taken in [pool.submit(take_over_at_once) for _ in range(2)]:
            taken.result(60)
    shop.wait(20)
    assert sorted(WALKED, key=str) == sorted(((run_id, 2) for run_id in ids), key=str)
    assert {shop.statuses()[f"{run_id}/1"] for run_id in ids} == {"CANCELLED"}
    for run_id in ids:
        assert shop.store.document(run_id, lifecycle.NEXT_SEGMENT, int) == 2


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_machine_whose_clock_is_wrong_is_neither_lost_nor_kept_alive_by_it(store: Store, database_url: str) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA elsewhere")
        connection.exec_driver_sql(
            "CREATE FUNCTION elsewhere.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
            "$$ SELECT pg_catalog.clock_timestamp() + interval '1 hour' $$"
        )
    # The database's clock is an hour ahead of this machine's.
    url = sa.make_url(database_url).update_query_dict({"options": "-c search_path=elsewhere,pg_catalog,public"})
    ahead = Store(open_engine(url.render_as_string(hide_password=False)))
    ahead.beat("a", {})
    with ahead.engine.connect() as connection:
        beat_at = connection.execute(sa.text("SELECT beat_at FROM rfcsmith_workers")).scalar_one()
    ((_, age, _),) = ahead.worker_health()
    ahead.engine.dispose()
    assert 3500 < beat_at - time.time() < 3700
    assert 0 <= age < STALE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_on_sqlite_a_worker_under_another_name_goes_on_with_everything(shop: Shop) -> None:
    shop.has("rfc-3-7-1/1", RUNS, "rfc-3-7-1", 1, version="new", begun_by="the container of yesterday")
    shop.start()
    shop.wait(1)
    assert WALKED == [("rfc-3-7-1", 2)]


def test_deliveries_reach_the_worker_that_lives_also_after_a_roll_back(shop: Shop) -> None:
    for version in ("old", "new", "old"):
        if shop.worker is not None:
            shop.worker.shutdown()
        shop.start(version)
    shop.client.enqueue({"workflow_name": "walk_for_a_test", "queue_name": CONTROL, "workflow_id": "d-9"}, "d-9", 1)
    shop.wait(1)
    assert WALKED == [("d-9", 1)]


def test_code_has_another_version_as_soon_as_one_of_its_sources_differs(tmp_path: Path) -> None:
    for name in ("bot/agent/a.py", "workflows/b.py", "tests/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    versions = [code_version(tmp_path)]
    for name, text in (("tests/c.py", "x = 2\n"), ("bot/agent/a.py", "x = 2\n"), ("workflows/b.py", "")):
        (tmp_path / name).write_text(text)
        versions.append(code_version(tmp_path))
    assert versions[0] == versions[1]
    assert len(set(versions)) == 3
    assert code_version() == code_version() not in versions
