"""Measures what a tool call costs beyond the command that it runs: the durable step, the snapshot and the records with it.

`python -m bench.calls` plays the demo case by the local GitHub and the player (no crate registry is needed, a Docker
engine with the sandbox's image is), and reads the times out of the bot's own database. It takes a minute or two.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
CASE = ROOT / "simulator/cases/demo"
GOAL = 0.150


@dataclass(frozen=True, slots=True)
class Batch:
    """One turn's tool calls: how many, and the seconds from its step's begin to the next step's, without their commands."""

    calls: int
    seconds: float


def batches(database: Path) -> list[Batch]:
    """Every batch of tool calls in the bot's database."""
    with closing(sqlite3.connect(database)) as connection:
        steps = connection.execute(
            "SELECT workflow_uuid, function_name, started_at_epoch_ms / 1000.0, completed_at_epoch_ms / 1000.0"
            " FROM operation_outputs ORDER BY workflow_uuid, function_id"
        ).fetchall()
        spans = connection.execute(
            "SELECT run_id, started_at, seconds FROM rfcsmith_spans WHERE kind = 'command'"
        ).fetchall()
        turns = connection.execute("SELECT run_id, assistant, act_started_at FROM rfcsmith_turns").fetchall()
    found = []
    for (workflow, name, begin, _), (next_workflow, _, next_begin, _) in zip(steps, steps[1:], strict=False):
        if name != "act" or next_workflow != workflow:
            continue
        run_id = workflow.rpartition("/")[0]
        commands = sum(seconds for run, at, seconds in spans if run == run_id and begin <= at < next_begin)
        acted = [said for run, said, at in turns if run == run_id and at is not None and begin <= at < next_begin]
        calls = sum(block.get("type") == "tool_use" for said in acted for block in json.loads(said))
        if calls:
            found.append(Batch(calls, next_begin - begin - commands))
    return found


def played() -> list[Batch] | str:
    """The batches of one play of the demo case; words where it did not come to its good end."""
    with TemporaryDirectory(prefix="rfcsmith-bench-") as directory:
        report = Path(directory) / "report.json"
        command = [
            sys.executable,
            "-m",
            "simulator",
            "play",
            str(CASE),
            "--report",
            str(report),
            "--faults",
            "all",
            "--keep",
        ]
        done = subprocess.run([*command, "--no-measure"], cwd=ROOT, capture_output=True, text=True)
    kept = re.search(r"home are kept in (\S+)", done.stdout)
    if done.returncode != 0 or kept is None:
        return (done.stdout + done.stderr)[-1500:]
    home = Path(kept[1])
    try:
        return batches(next(home.glob("**/rfcsmith.sqlite")))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    found = played()
    if isinstance(found, str):
        print(f"nothing measured: {found}")
        return 2
    calls = sum(batch.calls for batch in found)
    mean = sum(batch.seconds for batch in found) / calls
    median = statistics.median(batch.seconds / batch.calls for batch in found)
    print(f"{calls} tool calls in {len(found)} turns; median of the turns {1000 * median:.0f} ms a call")
    is_reached = mean <= GOAL
    verdict = "reached" if is_reached else "MISSED"
    print(
        f"over the commands themselves, on average {1000 * mean:6.0f} ms a call   goal {1000 * GOAL:.0f} ms   {verdict}"
    )
    return 0 if is_reached else 1


if __name__ == "__main__":
    sys.exit(main())
