"""The product as a process of its own: started with an environment that points at the simulated world, killed, asked for figures."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STARTING = 120.0
LEAVING = 20.0
# What a person's shell may hold that would lead the product away from the simulated world.
FOREIGN = ("GITHUB_", "ANTHROPIC_", "RFCSMITH_", "DATABASE_URL", "FLASK_")


class BotError(Exception):
    """The product does not start, died, or does not answer; the message shows the end of its log."""


def free_port() -> int:
    """A port that nobody listens on now, and that no system gives to whoever asks for any (Linux does from 32768 on).

    The product listens there only later; a server of the simulator must not come to listen there meanwhile.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(slots=True)
class BotProcess:
    """`start`, `kill`, `stop`; `settings` are the product's environment variables, `log` is where it writes, `code` what is started."""

    settings: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    code: Path = ROOT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {**kept, **self.settings, "PYTHONUNBUFFERED": "1"}

    def start(self) -> None:
        """Starts it in a process group of its own and waits until it answers; raises BotError."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command("serve", "--port", str(self.port)),
                cwd=self.code, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + STARTING
        while not self._answers():
            if not self.is_alive or time.monotonic() > until:
                self.kill()
                raise BotError(f"the bot does not start; the end of {self.log}:\n{self.tail()}")
            time.sleep(0.2)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "flask", "--app", "app", *arguments]

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL to the whole group: nothing of it can clean up."""
        self._signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def stop(self) -> None:
        """Asks it to leave, and makes it."""
        if not self.is_alive or self.process is None:
            return
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=LEAVING)
        self.kill()

    def _signal(self, number: int) -> None:
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def report(self) -> dict[str, Any]:
        """The product's own figures."""
        done = subprocess.run(
            self._command("report", "--json"),
            cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise BotError(f"the bot's report fails: {done.stderr.strip()[-1000:]}")
        report = json.loads(done.stdout[done.stdout.index("{") :])
        assert isinstance(report, dict)
        return report

    def verify(self, what: str) -> tuple[int, str]:
        """Runs evidence again with the product's own command; its exit status, and what it says."""
        done = subprocess.run(
            self._command("verify", what),
            cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def tail(self, lines: int = 30) -> str:
        """The end of the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
