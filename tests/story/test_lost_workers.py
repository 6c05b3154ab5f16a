"""Several machines on one Postgres, one of which is gone for good: the others go on with what it was in the middle of."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from simulator.bot_process import ROOT
from tests.story.tester import Tester
from tests.story.world import wait_for

HASTY_WORKER = """
import os, time
import app
app._start_logging()
app._WorkerProcess(app.load_settings(os.environ), silent=4.0, pause=0.5)
time.sleep(600)
"""

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


@contextmanager
def cut_off(server: str, database_url: str) -> Iterator[None]:
    """The database lets nobody in, and whoever was in is out."""
    admin = sa.create_engine(
        sa.make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    name = sa.make_url(database_url).database
    with admin.connect() as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.exec_driver_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        yield
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_worker_process_whose_database_is_away_ends_itself_and_tells_why(
    database_url: str, postgres_server: str, tester: Tester, tmp_path: Path
) -> None:
    own = {"DATABASE_URL": database_url, "RFCSMITH_HOME": str(tmp_path), "RFCSMITH_WORKER_ID": "cut off"}
    log = tmp_path / "log.txt"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-c", HASTY_WORKER], cwd=ROOT, env=tester.world.bot.environment | own, stdout=output, stderr=output
        )  # fmt: skip
    try:
        wait_for("the worker is launched", lambda: "workflows: " in log.read_text())
        time.sleep(8)
        assert worker.poll() is None, "one that can beat lives for longer than it may be silent"
        with cut_off(postgres_server, database_url):
            assert worker.wait(40) == 1
        assert "another worker may go on with what is at work here" in log.read_text()
    finally:
        worker.kill()
        worker.wait()
