"""A GitHub with one repository, its people and the App installed; a place that receives its webhooks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from github import Auth, Github, GithubIntegration
from github.Repository import Repository

from simulator.github.server import GitHubServer

REPOSITORY = "ada/brook"
SOURCE = "fn a() {}\nfn b() {}\nfn c() {}\n"


@dataclass
class World:
    """The server with what most tests ask of it."""

    server: GitHubServer

    @property
    def app_auth(self) -> Auth.AppAuth:
        return Auth.AppAuth(self.server.app_id, self.server.private_key)

    @property
    def integration(self) -> GithubIntegration:
        return GithubIntegration(auth=self.app_auth, base_url=self.server.url, seconds_between_requests=None)

    @property
    def installation_id(self) -> int:
        return next(each.id for each in self.server.world.installations if not each.deleted)

    def token(self, permissions: dict[str, str] | None = None) -> str:
        return self.integration.get_access_token(self.installation_id, permissions or {}).token

    def client(self, token: str | None = None, base_url: str | None = None) -> Github:
        auth = Auth.Token(token or self.token())
        return Github(
            auth=auth,
            base_url=base_url or self.server.url,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            per_page=100,
        )

    def repo(self, token: str | None = None) -> Repository:
        return self.client(token).get_repo(REPOSITORY)

    def pull_request(self, branch: str = "x", *, who: str = "grace", draft: bool = False) -> int:
        """A pull request of a person, with one changed and one added line."""
        act = self.server.act
        act.push(REPOSITORY, who, branch, {"src/lib.rs": "fn a() {}\nfn bb() {}\nfn c() {}\nfn d() {}\n"}, "Change b")
        return act.open_pull_request(REPOSITORY, who, branch, "Change b", draft=draft)


@pytest.fixture
def hub() -> Iterator[World]:
    """Strict: a test fails if anything happens that GitHub's descriptions do not hold."""
    with GitHubServer() as server:
        server.act.add_repository(REPOSITORY, files={"src/lib.rs": SOURCE, "README.md": "# Brook\n"})
        for login, role in {"grace": "write", "tom": "triage", "max": "admin"}.items():
            server.act.grant(REPOSITORY, login, role)
        server.act.install("ada")
        yield World(server)


@dataclass
class Receiver:
    """Whoever receives webhooks: answers with `status` and keeps headers and bodies."""

    url: str = ""
    status: int = 202
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def events(self) -> list[str]:
        return [headers["X-GitHub-Event"] for headers, _ in self.received]


@pytest.fixture
def receiver(hub: World) -> Iterator[Receiver]:
    """Receives the webhooks of `hub`."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.received.append((dict(self.headers), body))
            self.send_response(kept.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        kept.url = f"http://127.0.0.1:{server.server_port}/webhook"
        hub.server.set_webhook(kept.url)
        yield kept
        hub.server.wait_for_deliveries()
        server.shutdown()
        thread.join()
