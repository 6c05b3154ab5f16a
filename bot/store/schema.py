"""The tables, how a database is opened, and how it is brought up to date.

Times are seconds since the epoch (UTC, `Float`), because SQLite keeps no time zone. Columns that hold several values are
JSON. Nothing here ever holds a secret.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

PREFIX = "rfcsmith_"
metadata = sa.MetaData()


def _table(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(PREFIX + name, metadata, *columns)


inbox = _table(
    "inbox",
    sa.Column("delivery_id", sa.String(140), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", sa.Float, nullable=False),
    sa.Column("handled_at", sa.Float),
    sa.Column("outcome", sa.Text),
)

targets = _table(
    "targets",
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("issue", sa.Integer, primary_key=True),
    sa.Column("installation_id", sa.BigInteger, nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("branch", sa.String(250)),
    sa.Column("pull_request", sa.Integer),
)

runs = _table(
    "runs",
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(120), nullable=False, unique=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("repository_id", sa.BigInteger, nullable=False),
    sa.Column("issue", sa.Integer, nullable=False),
    sa.Column("installation_id", sa.BigInteger, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("delivery_id", sa.String(140), nullable=False),
    sa.Column("record", sa.JSON, nullable=False),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("opened_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("ended_at", sa.Float),
    sa.Column("said_at", sa.Float),
    sa.Column("said", sa.Text),
    sa.UniqueConstraint("delivery_id", "kind", "repository_id", "issue"),
    sa.Index("ix_rfcsmith_runs_target", "repository_id", "issue", "stage"),
)

rfcs = _table(
    "rfcs",
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("issue", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.String(120), nullable=False),
    sa.Column("record", sa.JSON, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("published_at", sa.Float, nullable=False),
)

concerns = _table(
    "concerns",
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("issue", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("raised_by", sa.String(160), nullable=False, unique=True),
    sa.Column("record", sa.JSON, nullable=False),
)

ci_watches = _table(
    "ci_watches",
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("pull_request", sa.Integer, primary_key=True),
    sa.Column("head_sha", sa.String(64), nullable=False),
    sa.Column("record", sa.JSON, nullable=False),
)

learned_checks = _table(
    "learned_checks",
    sa.Column("repository_id", sa.BigInteger, primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("record", sa.JSON, nullable=False),
    sa.Column("learned_at", sa.Float, nullable=False),
)

documents = _table(
    "documents",
    sa.Column("run_id", sa.String(120), primary_key=True),
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("content", sa.JSON, nullable=False),
)

turns = _table(
    "turns",
    sa.Column("run_id", sa.String(120), primary_key=True),
    sa.Column("assignment", sa.String(20), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("user", sa.JSON, nullable=False),
    sa.Column("assistant", sa.JSON),
    sa.Column("stop", sa.String(20)),
    sa.Column("usage", sa.JSON),
    sa.Column("seconds", sa.Float),
    sa.Column("act_started_at", sa.Float),
    sa.Column("act_ended_at", sa.Float),
)

snapshots = _table(
    "snapshots",
    sa.Column("run_id", sa.String(120), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("tree", sa.String(64), nullable=False),
    sa.Column("pack", sa.LargeBinary, nullable=False),
)

messages = _table(
    "messages",
    sa.Column("id", sa.String(140), primary_key=True),
    sa.Column("run_id", sa.String(120), nullable=False, index=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("permission", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("left_at", sa.Float, nullable=False),
    sa.Column("read_by", sa.String(80)),
)

spans = _table(
    "spans",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(120), nullable=False, index=True),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
)

workers = _table(
    "workers",
    sa.Column("id", sa.String(120), primary_key=True),
    sa.Column("beat_at", sa.Float, nullable=False),
    sa.Column("health", sa.JSON, nullable=False),
)


bundles = _table(
    "bundles",
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("run_id", sa.String(120), nullable=False, index=True),
    sa.Column("repository_id", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("is_public", sa.Boolean, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)


def open_engine(database_url: str) -> sa.Engine:
    """Open the database; on SQLite in WAL mode, with a patient busy time-out, creating the folder if need be.

    Transactions of SQLite begin IMMEDIATE as the durable engine's own do: a deferred one that turns into a writer fails
    at once, whatever the time-out.
    """
    url = sa.make_url(database_url)
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(_with_driver(url), pool_pre_ping=True)
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30.0, "isolation_level": None, "check_same_thread": False})

    def on_connect(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA busy_timeout=30000")
        cursor.close()

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", on_connect)
    sa.event.listen(engine, "begin", on_begin)
    return engine


def _with_driver(url: sa.URL) -> sa.URL:
    """Postgres is spoken through psycopg 3 whatever short form the URL has (`postgres://`, `postgresql://`)."""
    return url.set(drivername="postgresql+psycopg") if url.get_backend_name() in ("postgres", "postgresql") else url


def upgrade(engine: sa.Engine) -> None:
    """Bring the product's own tables up to date; safe to call from web and worker at the same time."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7217217)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
