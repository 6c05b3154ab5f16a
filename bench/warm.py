"""Measures how soon a run comes to its first check: the first run on a repository, later ones, and cargo by hand.

`python -m bench.warm` needs a Docker engine with the sandbox's image (`make image`) and a crate registry. The product's own
steps run against the simulated GitHub; no model takes part. It takes a minute or two.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench._worker import hands_at
from bot.domain import Actor, CheckKind, DiskFull, Repo, Run, RunKind, SandboxPhase, Stage, Target
from bot.errors import UserError
from bot.sandbox import SandboxSpec
from bot.sandbox.volume import RunVolume
from bot.store import Store, open_engine, upgrade
from simulator.github.server import GitHubServer
from simulator.play import certificates
from workflows.steps import preparation

NAME = "ferris-labs/heavy"
CLIPPY = "cargo clippy --all-targets"
ROUNDS = 3
BOUND = 200 << 20
FILES = {
    "Cargo.toml": """[package]
name = "heavy"
version = "0.1.0"
edition = "2021"

[dependencies]
clap = { version = "4", features = ["derive"] }
regex = "1"
serde = { version = "1", features = ["derive"] }
serde_json = "1"
syn = { version = "2", features = ["full", "visit"] }
""",
    "src/lib.rs": """//! Counts words.

use serde::{Deserialize, Serialize};

/// How often a word was found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Count {
    pub word: String,
    pub times: usize,
}

/// Counts a word in a text.
pub fn count(word: &str, text: &str) -> Count {
    let pattern = regex::Regex::new(&regex::escape(word)).expect("an escaped word is a pattern");
    Count {
        word: word.to_owned(),
        times: pattern.find_iter(text).count(),
    }
}

/// Whether the text is an item of Rust.
pub fn is_item(text: &str) -> bool {
    syn::parse_str::<syn::Item>(text).is_ok()
}
""",
    ".github/workflows/ci.yml": f"""on: pull_request
jobs:
  clippy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: {CLIPPY}
""",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: seconds from its start to the end of its first clippy, of which commands took so many; and clippy itself."""

    first_check: float
    commands: float
    clippy: float


class Bench:
    """A repository with heavy dependencies, and a worker's hands."""

    def __init__(self, github: GitHubServer, home: Path) -> None:
        self._github = github
        self._home = home
        self._url = f"sqlite:///{home / 'rfcsmith.sqlite'}"
        upgrade(open_engine(self._url))
        github.act.add_repository(NAME, files=FILES)
        self._installation = github.act.install("ferris-labs")
        bundle = certificates()
        trusted = str(bundle) if bundle else ""
        # The product's own pause between writes: it belongs to what is measured.
        settings = {"SANDBOX_CA_BUNDLE": trusted, "RFCSMITH_WRITE_PAUSE": "1.0"}
        self.hands = hands_at(github, Store(open_engine(self._url)), home, **settings)

    def begin(self) -> Run:
        """A new run on a new issue."""
        issue = self._github.act.open_issue(NAME, "jonas", "Count more")
        repo = Repo(self._github.act.repository(NAME).id, "ferris-labs", "heavy", self._installation.id)
        return self.hands.store.open_run(
            Run("", RunKind.IMPLEMENT, Target(repo, issue), 0, f"delivery-{issue}", Actor("mara"))
        )

    def to_first_check(self, run: Run) -> Figures:
        """Prepare the run, and let its first clippy come to its end."""
        started_at = time.time()
        preparation.locate(run.id)
        preparation.check_out(run.id)
        preparation.fetch_dependencies(run.id)
        preparation.measure_base(run.id)
        if self._clippy(run) is None:  # The base was measured by an earlier run: this is the agent's first check.
            bench = self.hands.workbenches.open(self.hands.store.run(run.id))
            checker = bench.checker(bench.sandbox())
            checker.run(next(check for check in checker.checks if check.kind is CheckKind.CLIPPY))
        first = self._clippy(run)
        assert first is not None
        ended_at = first.started_at + first.seconds
        spans = [span for span in self.hands.store.spans(run.id) if span.started_at < ended_at]
        commands = sum(span.seconds for span in spans if span.kind == "command")
        return Figures(ended_at - started_at, commands, first.seconds)

    def _clippy(self, run: Run) -> sa.Row[Any] | None:
        """The span of the run's first clippy, if there was one."""
        spans = self.hands.store.spans(run.id)
        return next((span for span in spans if span.kind == "command" and "cargo clippy" in span.name), None)

    def by_hand(self, run: Run) -> float:
        """Seconds of the same warm clippy in the same container, as a developer would start it there."""
        sandbox = self.hands.workbenches.open(self.hands.store.run(run.id)).sandbox()
        sandbox.run("true", timeout=20)
        (container,) = self.hands.engine.api.containers(filters={"label": f"rfcsmith.run={run.id}"})
        user = str(self.hands.engine.user)
        command = ["docker", "exec", "--user", user, "--workdir", "/workspace", container["Id"], *CLIPPY.split()]
        seconds = []
        for _ in range(ROUNDS):
            began = time.monotonic()
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.monotonic() - began)
        return statistics.median(seconds)

    def end(self, run: Run) -> None:
        self.hands.workbenches.discard(self.hands.store.save_run(replace(run, stage=Stage.DONE)))

    def is_bounded(self) -> bool:
        """Whether a command that fills the disk of a run is ended at its bound."""
        volume = RunVolume.create(self._home, "filler", size=BOUND)
        sandbox = self.hands.engine.open(SandboxSpec("filler", SandboxPhase.AGENT, volume))
        try:
            return isinstance(sandbox.run("cat /dev/zero > filler", timeout=60).exit, DiskFull)
        finally:
            sandbox.close()
            volume.remove()

    def is_given_back(self) -> bool:
        """Whether no disk of a run is left: no directory, no mount, no loop device."""
        runs = self._home / "runs"
        devices = "".join(path.read_text() for path in Path("/sys/block").glob("loop*/loop/backing_file"))
        mounts = Path("/proc/self/mountinfo").read_text()
        return not any(runs.iterdir()) and str(runs) not in mounts and str(runs) not in devices

    def close(self) -> None:
        self.hands.close()
        self.hands.clean_up()


@contextmanager
def opened() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="rfcsmith-bench-") as directory, GitHubServer() as github:
        bench = Bench(github, Path(directory))
        try:
            yield bench
        finally:
            bench.close()


def measure(bench: Bench) -> tuple[Figures, list[Figures], float]:
    """The first run, later ones, and clippy by hand."""
    run = bench.begin()
    cold = bench.to_first_check(run)
    bench.end(run)
    warm, hand = [], []
    for _ in range(ROUNDS):
        run = bench.begin()
        warm.append(bench.to_first_check(run))
        hand.append(bench.by_hand(run))
        bench.end(run)
    return cold, warm, statistics.median(hand)


def main() -> int:
    with opened() as bench:
        try:
            cold, rounds, hand = measure(bench)
        except UserError as error:
            print(f"nothing measured: {error.message} {error.hint}")
            return 2
        bounded, given_back = bench.is_bounded(), bench.is_given_back()
    warm = statistics.median(figures.first_check for figures in rounds)
    own = statistics.median(figures.first_check - figures.commands for figures in rounds)
    print(f"first run to its first check  {cold.first_check:7.2f} s   (commands {cold.commands:.2f} s)")
    print(f"later runs, median of {ROUNDS}       {warm:7.2f} s   (the product's own part {own:.2f} s)")
    print(f"warm clippy by hand           {hand:7.2f} s")
    print()
    allowed = 1.5 * hand + 3.0
    ratio = cold.first_check / warm
    verdicts = [
        ("to the first clippy, warm", f"{warm:.2f} s", f"1.5 x by hand + 3 s = {allowed:.2f} s", warm <= allowed),
        ("second run against the first", f"{ratio:.1f} x faster", "10 x", ratio >= 10),
        ("disk of a run bounded", "yes" if bounded else "no", "yes", bounded),
        ("disk of a run given back", "yes" if given_back else "no", "yes", given_back),
    ]
    for name, figure, goal, is_reached in verdicts:
        print(f"{name:30} {figure:>14}   goal {goal:28} {'reached' if is_reached else 'MISSED'}")
    return 0 if all(is_reached for *_, is_reached in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
