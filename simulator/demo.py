"""The demo: the small case that ships with the simulator, at a pace that one can follow, in a browser and in the terminal."""

from __future__ import annotations

import argparse
import itertools
import os
import re
import sys
import threading
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound

from simulator import outcome
from simulator.bot_process import BotError
from simulator.case import CACHE, Case, bring, load
from simulator.github.server import GitHubServer
from simulator.messages.server import MessagesServer
from simulator.options import MODEL, SIMULATED_KEY, Options
from simulator.play import Failed, Scene, certificates, clear, collect, scene, tell
from simulator.player.faults import FaultKind
from simulator.player.oracle import OracleBrain
from simulator.town import OWNER, Town

CASE = Path(__file__).parent / "cases" / "demo"
PACE = 0.012
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
DOING = re.compile(r"⏳ \*\*(?P<what>[^*]+)\*\*:? ?(?P<stage>[^\n.]*)")
NO_DOCKER = "The demo needs a Docker engine that answers: install Docker Engine (https://docs.docker.com/engine/install/) and start it."
NO_IMAGE = "The sandbox's image is not there yet: run `make image` first (`make demo` does it by itself)."
MUTANTS = 30.0
"""Seconds for mutants of the demo's change."""
NO_KEY = "MODEL=claude needs your key for the Claude API in the environment variable ANTHROPIC_API_KEY."


def add_parsers(commands: Any) -> None:
    """Adds `demo` and `serve` to the command line."""
    demo = commands.add_parser("demo", help="play the demo at a pace one can follow, and keep serving")
    demo.add_argument("--exit", action="store_true", help="end when the demo has ended, with its status")
    demo.add_argument("--model", choices=["claude"], help="the real model, with your ANTHROPIC_API_KEY")
    demo.add_argument("--port", type=int, default=0, help="the port of the local GitHub (default: a free one)")
    demo.set_defaults(run=run_demo)
    serve = commands.add_parser("serve", help="only the two servers, with the demo's repository, to play by hand")
    serve.add_argument("--case", type=Path, default=CASE, help="the case that the model plays (default: the demo)")
    serve.add_argument("--port", type=int, default=8080, help="of the local GitHub (default: %(default)s)")
    serve.add_argument(
        "--messages-port", type=int, default=8081, help="of the local Messages API (default: %(default)s)"
    )
    serve.add_argument("--bot", default="http://127.0.0.1:8000", help="where the bot listens (default: %(default)s)")
    serve.set_defaults(run=run_serve)


# --- demo ------------------------------------------------------------------------------------------------------------


def run_demo(arguments: argparse.Namespace) -> int:
    """Plays the demo; the exit status is 0 only after its good end."""
    options = _options(arguments)
    missing = _what_is_missing(options)
    if missing:
        print(missing, file=sys.stderr)
        return 2
    display = Display()
    entry = outcome.empty("demo")
    home: Path | None = None
    try:
        with scene(load(CASE), options, display.stage) as made:
            home = made.home
            display.watch(made)
            try:
                tell(made)
            except Failed as failed:
                entry["outcome"] = str(failed)
            entry["seconds"] = round(time.monotonic() - made.began, 1)
            collect(made, entry)
            display.end()
            _summary(made, entry)
            if not arguments.exit:
                _keep_serving(made)
    except KeyboardInterrupt:
        display.end()
        return 130
    except BotError as error:
        display.end()
        print(error, file=sys.stderr)
        return 1
    except AssertionError as violations:
        entry["outcome"] = str(violations)
        print(violations, file=sys.stderr)
    finally:
        if home is not None:
            clear(home, entry, options, lambda _, words: print(f"  {words}"))
    return 0 if entry["outcome"] == outcome.GOOD else 1


def _options(arguments: argparse.Namespace) -> Options:
    real = arguments.model == "claude"
    return Options(
        model_url="" if real else None,
        api_key=os.environ.get("ANTHROPIC_API_KEY", "") if real else SIMULATED_KEY,
        model=os.environ.get("RFCSMITH_MODEL") or MODEL,
        patience=3600.0 if real else 900.0,
        pace=PACE,
        write_pause=None if real else 0.2,
        status_interval=None if real else 1.0,
        mutants_seconds=600.0 if real else MUTANTS,
        faults=tuple(FaultKind),
        measures=arguments.exit and not real,
        ca_bundle=certificates(),
        github_port=arguments.port,
    )


def _what_is_missing(options: Options) -> str:
    if not options.api_key:
        return NO_KEY
    try:
        client = docker.from_env(timeout=20)
        client.ping()
        client.images.get(options.image)
    except ImageNotFound:
        return NO_IMAGE
    except DockerException:
        return NO_DOCKER
    client.close()
    return ""


def _summary(made: Scene, entry: dict[str, Any]) -> None:
    tokens = entry["tokens"]
    good = entry["outcome"] == outcome.GOOD
    print()
    print(f"  issue         {made.issue_url}")
    print(f"  pull request  {made.pull_request_url or 'none'}")
    print(
        f"  {entry['turns']} turns of the model, {entry['tool_calls']} tool calls, {tokens['input'] + tokens['output']} tokens "
        f"({tokens['cached']} read from the cache), {entry['cargo_seconds']:.0f} s of cargo"
    )
    if entry["red"] or entry["green"]:
        print(
            f"  {len(entry['red'])} new tests red before, {len(entry['green'])} green after, measured again by the simulator"
        )
    print(f"\n  {'✔ It came to its good end.' if good else '✘ ' + entry['outcome']}\n")


def _keep_serving(made: Scene) -> None:
    print(
        "  The local GitHub keeps running: open the addresses in a browser, comment, review. Ctrl-C ends it.\n",
        flush=True,
    )
    try:
        while made.bot.is_alive:
            time.sleep(0.5)
    except KeyboardInterrupt:
        print()


class Display:
    """What happens, line by line; on a terminal the current line moves while one waits."""

    def __init__(self) -> None:
        self._moves = sys.stdout.isatty()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._scene: Scene | None = None
        self._words = ""
        self._began = self._since = time.monotonic()
        self._thread: threading.Thread | None = None

    def stage(self, name: str, words: str) -> None:
        """Something new has begun."""
        with self._lock:
            self._tick_off()
            self._words, self._since = words, time.monotonic()
            if not self._moves:
                print(f"{self._since - self._began:6.1f} s  {words}", flush=True)

    def watch(self, made: Scene) -> None:
        """From now on tells what the bot says of itself."""
        self._scene = made
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
        with self._lock:
            self._tick_off()
            self._words = ""

    def _run(self) -> None:
        doing = ""
        for frame in itertools.cycle(FRAMES):
            if self._done.wait(0.12):
                return
            now = self._doing()
            if now and now != doing:
                doing = now
                self.stage("bot", f"  {now}")
            if self._moves:
                with self._lock:
                    print(
                        f"\r\033[K  {frame} {self._words}  {time.monotonic() - self._since:.0f} s", end="", flush=True
                    )

    def _doing(self) -> str:
        """The stage that the bot's latest status comment shows."""
        made = self._scene
        if made is None or made.issue is None:
            return ""
        for comment in reversed(made.town.said_by_bot(made.issue)):
            match = DOING.match(comment.body.lstrip())
            if match:
                return f"{match['what'].removeprefix('Working on ')}: {match['stage'] or 'at work'}"
        return ""

    def _tick_off(self) -> None:
        if self._moves and self._words:
            print(
                f"\r\033[K  \033[32m✔\033[0m {self._words}  \033[2m{time.monotonic() - self._since:.1f} s\033[0m",
                flush=True,
            )


# --- serve -----------------------------------------------------------------------------------------------------------


def run_serve(arguments: argparse.Namespace) -> int:
    """Serves until Ctrl-C; prints the environment with which the bot finds the two servers."""
    case = load(arguments.case)
    trees = bring(case, CACHE)
    home = Path(mkdtemp(prefix="rfcsmith-serve-"))
    messages = MessagesServer(OracleBrain(case, trees), port=arguments.messages_port, pace=PACE)
    with GitHubServer(port=arguments.port, strict=False) as github, messages:
        Town(github, case.name, trees.base).invite()
        github.set_webhook(f"{arguments.bot}/webhook")
        key = home / "app.pem"
        key.touch(mode=0o600)
        key.write_text(github.private_key)
        print(_how_to(github, messages, key, case), flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()
    key.unlink()
    home.rmdir()
    return 0


def _how_to(github: GitHubServer, messages: MessagesServer, key: Path, case: Case) -> str:
    settings = {
        "GITHUB_API_URL": github.url,
        "GITHUB_APP_ID": github.app_id,
        "GITHUB_PRIVATE_KEY": key,
        "GITHUB_WEBHOOK_SECRET": github.webhook_secret,
        "ANTHROPIC_BASE_URL": messages.url,
        "ANTHROPIC_API_KEY": "any",
    }
    lines = "\n".join(f"export {name}={value}" for name, value in settings.items())
    return f"{github.url}/{OWNER}/{case.name}/issues\n\n{lines}\nflask --app app serve\n\nCtrl-C ends it."
