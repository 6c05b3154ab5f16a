"""The receiver of webhooks and the command line: composes the parts, decides nothing."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import click
import sqlalchemy as sa
import waitress
from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from bot import evidence, inspection, report, verification, webhook
from bot.errors import BadDelivery, SettingsError, Unavailable, UserError
from bot.evidence import Row
from bot.settings import (
    Settings,
    WebSettings,
    load_app_settings,
    load_sandbox_settings,
    load_settings,
    load_web_settings,
)
from bot.store import Store, open_engine, upgrade
from workflows import hands, router, upkeep
from workflows.engine import Enqueuer, Worker, code_version, leave, migrate
from workflows.heartbeat import PAUSE, SILENT, Heartbeat
from workflows.steps import conversation, preparation
from workflows.takeover import STALE, take_over

KEPT_HEADERS = ("X-GitHub-Event", "X-GitHub-Delivery", "Content-Type")
DYING = 30.0
"""Seconds that a worker that was cut off may take to remove its containers."""
log = logging.getLogger("rfcsmith")


def create_app(settings: WebSettings | None = None) -> Flask:
    """Make the application that GitHub talks to; raises `SettingsError` where the environment is incomplete.

    Under the `flask` command line the application only carries the commands, each of which reads what it needs itself.
    """
    app = Flask("rfcsmith")
    app.config["MAX_CONTENT_LENGTH"] = webhook.MAX_BODY
    for command in (worker_command, serve_command, report_command, checks_command, verify_command):
        app.cli.add_command(command)
    if settings is None and click.get_current_context(silent=True) is not None:
        return app
    _receive(app, settings or load_web_settings(os.environ))
    return app


def _receive(app: Flask, settings: WebSettings) -> None:
    """Add the routes: `/webhook` acknowledges, `/healthz` tells how things stand, `/evidence` hands out archives."""
    secret = settings.webhook_secret.reveal()
    engine = open_engine(settings.database_url)
    database = _Database(engine, settings.database_url)
    store = Store(engine)

    @app.post("/webhook")
    def receive_delivery() -> tuple[Response, int]:
        body = request.get_data()
        headers = dict(request.headers)
        webhook.verify(secret, headers, body)
        delivery = webhook.parse(headers, body)
        if delivery.event is None:
            return jsonify(delivery=delivery.id, status="ignored"), 200
        kept = {name: request.headers.get(name, "") for name in KEPT_HEADERS}
        enqueuer = database.enqueuer()
        with engine.begin() as connection:
            if store.receive(connection, delivery, kept, body):
                enqueuer.route(connection, delivery.id)
        return jsonify(delivery=delivery.id, status="accepted"), 202

    @app.get("/healthz")
    def tell_health() -> tuple[Response, int]:
        database.enqueuer()
        workers = [
            {"id": worker_id, "seconds_since_beat": round(age, 1), "alive": age < STALE, **health}
            for worker_id, age, health in store.worker_health()
        ]
        is_well = any(worker["alive"] for worker in workers)
        return jsonify(database="ok", workers=workers, status="ok" if is_well else "no worker"), 200

    @app.get("/evidence/<digest>")
    def hand_out_evidence(digest: str) -> Response:
        database.enqueuer()
        content = store.bundle(digest, only_public=True) if evidence.DIGEST.fullmatch(digest) else None
        if content is None:
            abort(404, "There is no public evidence of that digest here.")
        response = Response(content, mimetype="application/x-tar")
        response.headers["Content-Disposition"] = f'attachment; filename="rfcsmith-evidence-{digest[:12]}.tar"'
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.set_etag(digest)
        response.make_conditional(request)
        return response

    @app.errorhandler(BadDelivery)
    def refuse(error: BadDelivery) -> tuple[Response, int]:
        return jsonify(error=error.message), error.status

    @app.errorhandler(sa.exc.DBAPIError)
    def database_is_down(error: sa.exc.DBAPIError) -> tuple[Response, int]:
        log.error("the database does not answer: %s", error.orig)
        return jsonify(error="The database does not answer now; please deliver this again."), 503

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500


class _Database:
    """Brings the schema up to date and makes the enqueuer at first use, again after the database was away."""

    def __init__(self, engine: sa.Engine, url: str) -> None:
        self._engine = engine
        self._url = url
        self._lock = threading.Lock()
        self._enqueuer: Enqueuer | None = None

    def enqueuer(self) -> Enqueuer:
        with self._lock:
            if self._enqueuer is None:
                with self._engine.connect():
                    pass  # An unreachable database is told here, in the driver's own words, before anything is migrated.
                bring_up_to_date(self._engine, self._url)
                self._enqueuer = Enqueuer(self._url)
            return self._enqueuer


def bring_up_to_date(engine: sa.Engine, database_url: str) -> None:
    """Migrate the engine's tables and the product's own."""
    migrate(database_url)
    upgrade(engine)


# --- the command line ------------------------------------------------------------------------------------------------


def _settings() -> Settings:
    try:
        return load_settings(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _start_logging() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for noisy in ("httpx2", "urllib3", "github", "alembic", "dbos", "waitress.queue", "docker"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _WorkerProcess:
    """A launched worker with its hands and its heartbeat; `silent` and `pause` are the heartbeat's own."""

    def __init__(self, settings: Settings, *, silent: float = SILENT, pause: float = PAUSE) -> None:
        engine = open_engine(settings.database_url)
        self.worker = Worker(
            settings.database_url,
            worker_id=settings.worker_id,
            concurrency=settings.concurrency,
            version=code_version(),
        )
        self.worker.take_lock()
        bring_up_to_date(engine, settings.database_url)
        self.hands = hands.make(
            settings,
            Store(engine),
            stop_watch=conversation.stop_watch,
            bring=preparation.bring,
            furnish=preparation.furnish,
        )
        hands.use(self.hands)
        self.hands.clean_up()
        log.info("workflows: %s", ", ".join(sorted(router.WORKFLOWS)))
        # First: another worker must know that this version is alive before anything can be at work under it.
        self._tell({})
        self.worker.launch(upkeep.SCHEDULES)
        take_over(self.worker, self.hands.store)
        self._heartbeat = Heartbeat(self._beat, self._die, silent=None if self.worker.is_alone else silent, pause=pause)
        self._heartbeat.start()

    def _beat(self) -> None:
        self._tell(self.hands.health())
        take_over(self.worker, self.hands.store)

    def _tell(self, health: dict[str, Any]) -> None:
        self.hands.store.beat(self.worker.id, {**health, "version": self.worker.version})

    def _die(self) -> None:
        """End although nothing may answer any more, neither the database nor Docker."""
        last_word = threading.Timer(DYING, os._exit, (1,))
        last_word.daemon = True
        last_word.start()
        self.exit(1)

    def exit(self, status: int = 0) -> None:
        """End at once: running steps are repeated at the next start, containers are removed now."""
        self._heartbeat.stop()
        leave()
        self.hands.close()
        logging.shutdown()
        os._exit(status)


def _exit_on_signals(process: _WorkerProcess) -> None:
    def leave(_signal: int, _frame: FrameType | None) -> None:
        log.info("leaving; what is running goes on at the next start")
        threading.Thread(target=process.exit, name="exit").start()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)


@click.command("worker")
def worker_command() -> None:
    """Run the worker: takes deliveries from the database and does the work."""
    _start_logging()
    process = _start_worker(_settings())
    _exit_on_signals(process)
    log.info("the worker is at work")
    while True:
        time.sleep(3600)


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, help="The port to listen on.")
def serve_command(host: str, port: int) -> None:
    """Run receiver and worker in one process: the embedded default."""
    _start_logging()
    settings = _settings()
    process = _start_worker(settings)
    _exit_on_signals(process)
    app = Flask("rfcsmith")
    app.config["MAX_CONTENT_LENGTH"] = webhook.MAX_BODY
    _receive(app, settings.web)
    log.info("listening on http://%s:%d", host, port)
    waitress.serve(app, host=host, port=port, threads=8, max_request_body_size=webhook.MAX_BODY + 1)


def _start_worker(settings: Settings) -> _WorkerProcess:
    try:
        return _WorkerProcess(settings)
    except UserError as error:
        raise click.ClickException(str(error)) from error


def _reading_settings() -> WebSettings:
    return load_web_settings({**os.environ, "GITHUB_WEBHOOK_SECRET": "not needed to read"})


@click.command("report")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, one object.")
def report_command(as_json: bool) -> None:
    """Tell what the runs took: time by stage, turns, tokens, and what is unfinished."""
    try:
        settings = _reading_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    engine = open_engine(settings.database_url)
    bring_up_to_date(engine, settings.database_url)
    enqueuer = Enqueuer(settings.database_url)
    figures: dict[str, Any] = report.figures(Store(engine))
    figures["unfinished"] = len(enqueuer.unfinished())
    enqueuer.close()
    click.echo(json.dumps(figures, indent=2) if as_json else report.table(figures))


@click.command("checks")
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, one list.")
def checks_command(path: Path, as_json: bool) -> None:
    """Show which checks the bot would run for the checkout at PATH, and why."""
    try:
        found = inspection.inspect(path)
    except UserError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([inspection.as_json(check) for check in found.checks], indent=2))
    else:
        click.echo(inspection.table(found))


@click.command("verify")
@click.argument("what", metavar="EVIDENCE")
@click.option("--repository", type=click.Path(path_type=Path), help="A clone on this disk, in place of GitHub.")
def verify_command(what: str, repository: Path | None) -> None:
    """Run the evidence of a change again, and tell what differs; the exit status is 1 if anything does.

    EVIDENCE is the SHA-256 of an archive, the path of one, or owner/name#pull.
    """
    try:
        rows = _verified(what, repository)
    except (UserError, Unavailable) as error:
        raise click.ClickException(str(error)) from error
    click.echo(evidence.table(rows))
    sys.exit(0 if evidence.holds(rows) else 1)


def _verified(what: str, clone: Path | None) -> tuple[Row, ...]:
    settings = load_sandbox_settings(os.environ)
    pull = verification.PULL_REQUEST.fullmatch(what)
    if pull is not None:
        app = verification.app_for(load_app_settings(os.environ))
        head, content = verification.of_pull_request(app, _kept_evidence(), pull["repository"], int(pull["number"]))
    elif evidence.DIGEST.fullmatch(what):
        content = verification.of_digest(_kept_evidence(), what)
    else:
        content = verification.of_file(Path(what))
    archive = evidence.read(content)
    click.echo(f"evidence {evidence.digest_of(content)} of {archive.facts.repository}#{archive.facts.issue}")
    if clone is not None:
        source = verification.local_source(clone)
    else:
        app = verification.app_for(load_app_settings(os.environ))
        source = verification.github_source(app, archive.facts.repository)
    rows = verification.verify(archive, source, settings)
    return rows if pull is None else (evidence.head_row(archive.facts, head), *rows)


def _kept_evidence() -> Store:
    settings = _reading_settings()
    engine = open_engine(settings.database_url)
    bring_up_to_date(engine, settings.database_url)
    return Store(engine)
