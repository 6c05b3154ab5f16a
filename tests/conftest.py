"""Fixtures for all tests: databases that are really there, and the promise that nothing is left over."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.store import Store, open_engine, upgrade


def _postgres_program(name: str) -> str:
    found = shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), ""
    )
    assert found, f"the Postgres program {name} is missing: install the package postgresql"
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: at the end no worker may sit with a long file while the others are idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, "story" not in item.path.parts))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A test that was skipped proves nothing: where nobody looks, that is a failure."""
    if os.environ.get("CI") and terminalreporter.stats.get("skipped"):
        terminalreporter.section("skipped tests are failures here")


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a Postgres server of our own, on a socket in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    # Postgres refuses to run as root; its Debian package brings the user it wants.
    is_root = os.geteuid() == 0
    prefix = ["runuser", "-u", "postgres", "--"] if is_root else []
    if is_root:
        shutil.chown(folder, "postgres")
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run([*prefix, *command], check=True, capture_output=True, cwd="/")

    run(_postgres_program("initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    run(_postgres_program("pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        run(_postgres_program("pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, on SQLite and on Postgres in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'rfcsmith.sqlite'}"
        return
    server = sa.make_url(request.getfixturevalue("postgres_server"))
    name = f"test_{tmp_path.name.lower()}"[:60].replace("-", "_").replace("[", "_").replace("]", "_")
    admin = sa.create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
        admin.dispose()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store."""
    engine = open_engine(database_url)
    upgrade(engine)
    yield Store(engine)
    engine.dispose()
