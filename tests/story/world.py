"""The world of the stories: a simulated GitHub, a simulated Messages API, and the product as a process between them."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import docker
import sqlalchemy as sa

from bot.sandbox.docker import HOME_LABEL
from bot.store import Store, open_engine
from simulator.bot_process import ROOT, BotError, BotProcess
from simulator.github.faults import Fault
from simulator.github.server import GitHubServer
from simulator.github.state import Repository
from simulator.messages.server import MessagesServer
from simulator.town import OWNER
from tests.story.author import Author
from workflows.engine import Enqueuer
from workflows.takeover import LOST

T = TypeVar("T")
PATIENCE = 240.0
"""Seconds: many times what a quick machine needs, as a slow one that does other things as well may take."""
FRIENDS = "ferris-friends"
"""Another owner for whom the bot may work."""
API_KEY = "sk-ant-api03-the-key-of-the-stories"


def wait_for(what: str, look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """What `look` finds as soon as it is true; fails with the words `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")


def other_code(folder: Path, module: str, old: str, new: str) -> Path:
    """The product as it is but for one text in one module, in a folder of its own: what `World.run_code` starts."""
    for name in ("bot", "workflows"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", folder)
    source = (folder / module).read_text()
    assert old in source
    (folder / module).write_text(source.replace(old, new))
    return folder


class _Minted(dict[str, object]):
    """The tokens that GitHub knows, and in `ever` all that it knew once."""

    def __init__(self) -> None:
        super().__init__()
        self.ever: set[str] = set()

    def __setitem__(self, value: str, token: object) -> None:
        self.ever.add(value)
        super().__setitem__(value, token)


class World:
    """Started once for many stories, each of which plays in a repository of its own; `settings` are the bot's own."""

    def __init__(self, **settings: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="rfcsmith-story-"))
        self._log = b""
        self.author = Author()
        self.github = GitHubServer().start()
        self.minted = _Minted()
        self.github.world.tokens = self.minted  # type: ignore[assignment]
        self.messages = MessagesServer(self.author, api_key=API_KEY).start()
        self.engine = docker.from_env()
        cafile = ssl.get_default_verify_paths().cafile
        environment = {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_APP_ID": str(self.github.app_id),
            "GITHUB_PRIVATE_KEY": self.github.private_key,
            "GITHUB_WEBHOOK_SECRET": self.github.webhook_secret,
            "ANTHROPIC_BASE_URL": self.messages.url,
            "ANTHROPIC_API_KEY": API_KEY,
            "RFCSMITH_HOME": str(self.home),
            "RFCSMITH_ALLOWED_OWNERS": f"{OWNER}, {FRIENDS}",
            "RFCSMITH_WRITE_PAUSE": "0",
            "RFCSMITH_STATUS_INTERVAL": "0",
            "RFCSMITH_QUIET_SECONDS": "0",
            "RFCSMITH_MUTANTS_SECONDS": "0",
            "RFCSMITH_CI_PATIENCE": "1",
            "RFCSMITH_WARM_AFTER_MERGE": "no",
        }
        if cafile:
            environment["SANDBOX_CA_BUNDLE"] = cafile
        self.bot = BotProcess(environment | settings, self.home / "log.txt")
        self.github.set_webhook(f"{self.bot.url}/webhook")
        try:
            self.bot.start()
        except BotError:
            self.messages.stop()
            self.github.stop()
            shutil.rmtree(self.home)
            raise
        database = settings.get("DATABASE_URL", f"sqlite:///{self.home / 'rfcsmith.sqlite'}")
        self._database = open_engine(database)
        self.store = Store(self._database)
        self._enqueuer = Enqueuer(database)

    def close(self) -> None:
        """End everything that was started, and remove what is left of it."""
        self.author.release()
        self.bot.stop()
        self.log_since(0)
        self._enqueuer.close()
        self._database.dispose()
        self.messages.stop()
        for container in self.containers():
            self.engine.api.remove_container(container["Id"], force=True)
        self.engine.close()
        for mount in self.mounts():
            os.system(f"umount --lazy {mount}")
        shutil.rmtree(self.home, ignore_errors=True)
        self.github.stop()

    # --- the bot -----------------------------------------------------------------------------------------------------

    def kill_bot(self, *, lost: Iterable[str] = ()) -> None:
        """SIGKILL, whatever it is doing, and a new start; `lost` are folders of its home that are gone by then."""
        self.bot.kill()
        for name in lost:
            for disk in (self.home / name).glob("*/disk"):
                if disk.is_mount():
                    subprocess.run(["umount", "--lazy", str(disk)], check=True)
            shutil.rmtree(self.home / name)
        self.bot.start()

    def run_code(self, code: Path) -> None:
        """SIGKILL, whatever it is doing, and a new start with the product's code of that folder."""
        self.bot.kill()
        self.bot.code = code
        self.bot.start()

    def lose_worker(self, *, successor: str) -> None:
        """The machine of the worker is gone for good; when it counts as lost, one of another id starts, on Postgres."""
        self.bot.kill()
        with self._database.begin() as connection:
            connection.execute(sa.text("UPDATE rfcsmith_workers SET beat_at = beat_at - :lost"), {"lost": LOST})
        self.bot.settings = {**self.bot.settings, "RFCSMITH_WORKER_ID": successor}
        self.bot.start()

    def log_since(self, position: int) -> str:
        if self.bot.log.exists():
            self._log = self.bot.log.read_bytes()
        return self._log[position:].decode(errors="replace")

    @property
    def log_size(self) -> int:
        return self.bot.log.stat().st_size

    # --- trouble -----------------------------------------------------------------------------------------------------

    def trouble(self, kind: str, operation: str = "*", **details: object) -> Fault:
        """Puts a fault into GitHub; see `simulator.github.faults`."""
        with self.github.world.lock:
            return self.github.service.faults.add(kind, operation=operation, **details)

    def wait_until_it_struck(self, fault: Fault) -> None:
        wait_for(f"the fault {fault.kind} at {fault.operation} strikes", lambda: fault.struck > 0)
        with self.github.world.lock:
            pass  # what the struck call does is done under the lock

    # --- what is left ------------------------------------------------------------------------------------------------

    def containers(self) -> list[dict[str, Any]]:
        """What the engine lists of this home's containers, running or not."""
        label = f"{HOME_LABEL}={self.home.resolve()}"
        return list(self.engine.api.containers(all=True, filters={"label": label}))

    def phases(self) -> list[str]:
        """The phases of the containers that run now."""
        return [each["Labels"]["rfcsmith.phase"] for each in self.containers() if each["State"] == "running"]

    def mounts(self) -> list[str]:
        lines = Path("/proc/mounts").read_text().splitlines()
        return [line.split()[1] for line in lines if line.split()[1].startswith(str(self.home))]

    def unfinished(self) -> tuple[str, ...]:
        return self._enqueuer.unfinished()

    def wait_until_quiet(self, seconds: float = PATIENCE) -> None:
        """Until every webhook was delivered and no workflow is at work or waiting."""
        assert self.github.wait_for_deliveries(seconds), "webhooks are not delivered"
        try:
            wait_for("no workflow is at work", lambda: not self.unfinished(), seconds)
        except AssertionError as error:
            raise AssertionError(
                f"{error}, but {self.unfinished()}; the end of the log:\n{self.bot.tail(60)}"
            ) from None

    def left_over(self) -> list[str]:
        """What should not be there when no run is at work."""
        runs = self.home / "runs"
        found = [f"container {container['Names']}" for container in self.containers()]
        found += [f"mount {mount}" for mount in self.mounts()]
        found += [f"run directory {path.name}" for path in (runs.iterdir() if runs.is_dir() else ())]
        found += [f"run {run.id} in stage {run.stage}" for run in self.store.unfinished_runs()]
        return found + [f"violation: {sentence}" for sentence in self.github.violations]

    # --- secrets -----------------------------------------------------------------------------------------------------

    @property
    def secrets(self) -> dict[str, bytes]:
        """What must never leave the bot: each secret and its name."""
        key_lines = self.github.private_key.splitlines()
        named = {f"App key, line {number}": line for number, line in enumerate(key_lines) if len(line) > 60}
        named |= {"webhook secret": self.github.webhook_secret, "API key": API_KEY}
        named |= {f"token {number}": token for number, token in enumerate(sorted(self.minted.ever))}
        return {name: value.encode() for name, value in named.items()}

    def leaks(self, where: str, content: bytes) -> list[str]:
        return [f"{name} in {where}" for name, value in self.secrets.items() if value in content]

    def leaks_on_disk(self) -> list[str]:
        """Secrets in any file of the home: database, log, clones, runs, cargo homes."""
        return [leak for path, content in _files(self.home) for leak in self.leaks(str(path), content)]

    def leaks_to_the_model(self, first: int = 0) -> list[str]:
        """Secrets in the requests to the model, from the one with index `first` on."""
        return [
            leak
            for exchange in self.messages.requests[first:]
            for leak in self.leaks(f"model request {exchange.number}", repr(exchange.body).encode())
        ]

    def leaks_on_github(self, repository: Repository) -> list[str]:
        """Secrets in what was written in the repository, and in the contents of all its commits."""
        said = [text for _, text in _written(repository)]
        objects = repository.git.run("cat-file", "--batch-all-objects", "--batch")
        return self.leaks(f"{repository.full_name}", "\n".join(said).encode()) + self.leaks("git objects", objects)


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        # A run's disk is read where it is mounted; its image is gigabytes of holes.
        if path.is_file() and not path.is_symlink() and path.name != "disk.img":
            try:
                yield path, _content(path)
            except FileNotFoundError:
                continue  # it went away meanwhile


def _content(path: Path) -> bytes:
    """The bytes of a file, those of a database by another process.

    A process that closes a file loses all of its locks on it, and with them its view of the database, which then looks
    malformed: sqlite.org/howtocorrupt.html, section 2.2.
    """
    if ".sqlite" not in path.name:
        return path.read_bytes()
    done = subprocess.run(["cat", path], capture_output=True, check=False)
    if done.returncode != 0 and not path.exists():
        raise FileNotFoundError(path)
    done.check_returncode()
    return done.stdout


def _written(repository: Repository) -> Iterator[tuple[str, str]]:
    """Everything with words in it: the author's login, and what it says."""
    for issue in repository.issues.values():
        yield issue.author.login, f"{issue.title}\n{issue.body}"
        for comment in issue.comments:
            yield comment.author.login, comment.body
    for pull_request in repository.pull_requests:
        for remark in pull_request.comments:
            yield remark.author.login, remark.body
    for run in repository.check_runs:
        yield "check run", f"{run.name} {run.external_id} {run.output}"


def history(repository: Repository) -> str:
    """What was said in the repository, for a reader of a failed story."""
    return "\n\n".join(
        f"--- {author}:\n{re.sub('<!--.*?-->', '', text).strip()}" for author, text in _written(repository)
    )
