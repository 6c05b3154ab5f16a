"""Starts the simulated GitHub: one world, one Flask app, one thread each for HTTP and webhooks, in this process."""

from __future__ import annotations

import logging
import secrets
import tempfile
import threading
from functools import cache
from pathlib import Path
from types import TracebackType

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from simulator.github.act import Act
from simulator.github.changes_apps import Changes
from simulator.github.control import Control
from simulator.github.events import Event, Events
from simulator.github.githttp import GitHttp
from simulator.github.graphql import GraphQL
from simulator.github.oracle import Oracle
from simulator.github.pages.site import Site
from simulator.github.service import Prefixed, Service
from simulator.github.state import App, World
from simulator.github.webhooks import Deliveries

PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "checks": "write",
    "actions": "write",
    "statuses": "read",
}
EVENTS = (
    "check_run",
    "check_suite",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "status",
    "workflow_run",
)
# Reading and compiling the descriptions is the dear part of a start; every server of a process shares them.
ORACLE = Oracle()


class QuietHandler(WSGIRequestHandler):
    """Keeps a log of requests off the terminal: `GitHubServer.requests` has them."""

    def log(self, type: str, message: str, *args: object) -> None:
        logging.getLogger("simulator.github").debug("%s", message % args)


class GitHubServer:
    """A GitHub at `url`. In strict mode whatever GitHub's descriptions do not hold is kept in `violations`, and
    `stop` raises if there are any."""

    def __init__(
        self,
        *,
        directory: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        strict: bool = True,
        app_id: int = 424_242,
        slug: str = "rfcsmith",
        webhook_secret: str | None = None,
        permissions: dict[str, str] | None = None,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="sim-github-") if directory is None else None
        self.world = World(directory or Path(self._temporary.name if self._temporary else ""))
        self.app_id, self.slug, self.strict = app_id, slug, strict
        self.webhook_secret = webhook_secret or secrets.token_hex(20)
        self.events: list[Event] = []
        self.private_key, public_key = _key_pair()
        self.deliveries = Deliveries(self.world, lambda sentence: self.violations.append(sentence))
        self.deliveries.hook.secret = self.webhook_secret
        flask = Flask(__name__, static_folder=None)
        flask.url_map.merge_slashes = False
        self._http = make_server(host, port, Prefixed(flask, self.world), threaded=True, request_handler=QuietHandler)
        self.url = f"http://{host}:{self._http.server_port}"
        changes = Changes(Events(self.world, self.url, self._happened))
        self.service = Service(self.world, changes, ORACLE, self.deliveries, strict=strict)
        owner = self.world.add_user(f"{slug}-makers", kind="Organization")
        bot = self.world.add_user(f"{slug}[bot]", kind="Bot")
        self.app = App(
            app_id,
            slug,
            slug,
            owner,
            bot,
            public_key,
            f"Iv23li{secrets.token_hex(7)}",
            dict(permissions or PERMISSIONS),
            EVENTS,
        )
        self.world.apps.append(self.app)
        self.act = Act(changes, self.app)
        self.changes = changes
        self._register(flask)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name="github-http", daemon=True
        )

    def _register(self, flask: Flask) -> None:
        self.service.register(flask)
        GraphQL(self.service).register(flask)
        GitHttp(self.service).register(flask)
        Control(self.service, self.act).register(flask)
        Site(self.service, self.act).register(flask)

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self) -> GitHubServer:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stops serving, removes what was made, and raises if anything happened that GitHub does not know."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self.deliveries.stop()
        if self._temporary:
            self._temporary.cleanup()
        self.assert_clean()

    def __enter__(self) -> GitHubServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
            return
        try:
            self.stop()
        except AssertionError as violations:
            if error is not None:
                error.add_note(str(violations))

    @property
    def violations(self) -> list[str]:
        """Everything that happened which GitHub's descriptions do not hold."""
        return self.service.violations

    def assert_clean(self) -> None:
        """Raises with all violations, in strict mode."""
        if self.strict and self.violations:
            raise AssertionError(
                "not as GitHub describes it:\n" + "\n".join(f"- {sentence}" for sentence in self.violations)
            )

    # --- settings ----------------------------------------------------------------------------------------------------

    def set_webhook(self, url: str | None, *, ping: bool = False) -> None:
        """Where the App's webhooks go from now on."""
        with self.world.lock:
            self.deliveries.hook.url = url
            if ping and url:
                self.changes.events.ping(self.app, url)

    def user_token(self, login: str) -> str:
        """A token with which somebody calls the API or pushes as themselves."""
        with self.world.lock:
            return self.service.personal_token(login)

    def wait_for_deliveries(self, timeout: float = 30.0) -> bool:
        """Waits until every webhook was attempted."""
        return self.deliveries.wait(timeout)

    def _happened(self, event: Event) -> None:
        faults = ORACLE.webhook_faults(event.name, event.action, event.payload) if self.strict else []
        if faults:
            self.violations.append(f"webhook {event.name}.{event.action}: " + "; ".join(faults[:5]))
        self.events.append(event)
        self.deliveries.send(event)


@cache
def _key_pair() -> tuple[str, str]:
    """A private and a public key as PEM, made once in a process: making one takes a tenth of a second."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
