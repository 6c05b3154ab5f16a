"""What the runs took, computed from the store: time by stage, turns, tool calls, tokens, and the product's own overhead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain import RunKind, Stage, Usage
from bot.store import Store, StoredTurn

FORECAST_RUNS = 5
"""How many of the newest runs a forecast is made from."""


def figures(store: Store) -> dict[str, Any]:
    """One entry for each run, oldest first; seconds are wall time, tokens are counted as the Messages API counts them.

    `overhead_seconds` is the wall time of the run that went neither into commands in containers nor into the model.
    """
    return {"runs": [_run_figures(store, row) for row in store.run_times()]}


@dataclass(frozen=True, slots=True)
class Forecast:
    """What building took in the past, scaled to a number of tasks: averages over `runs`."""

    runs: int
    tokens: int
    seconds: float
    dollars: float | None = None


def forecast(store: Store, repository_id: int, tasks: int) -> Forecast | None:
    """What building so many tasks will probably take, by what was built in this repository; None before the first."""
    built = [
        row
        for row in store.run_times()
        if row.repository_id == repository_id and row.kind == RunKind.IMPLEMENT and row.stage == Stage.DONE
    ][-FORECAST_RUNS:]
    per_task = []
    for row in built:
        figures = _run_figures(store, row)
        plan = store.plan(row.id)
        done = max(1, len(plan.tasks) if plan is not None else 1)
        tokens = figures["tokens"]["input"] + figures["tokens"]["output"]
        per_task.append((tokens / done, figures["seconds"] / done))
    if not per_task:
        return None
    factor = max(1, tasks) / len(per_task)
    return Forecast(len(per_task), round(sum(t for t, _ in per_task) * factor), sum(s for _, s in per_task) * factor)


def _run_figures(store: Store, row: Any) -> dict[str, Any]:
    spans = store.spans(row.id)
    turns = store.all_turns(row.id)
    ended_at = row.ended_at or max((span.started_at + span.seconds for span in spans), default=row.started_at)
    stages = _stage_seconds(spans, ended_at)
    # People may take as long as they like: that is none of what the work took.
    wall = (ended_at - row.started_at - stages.get(Stage.WAITING, 0.0)) if row.started_at else 0.0
    commands = [span for span in spans if span.kind == "command"]
    model_seconds = sum(span.seconds for span in spans if span.kind == "model")
    command_seconds = sum(span.seconds for span in commands)
    usage = sum((turn.usage for turn in turns), Usage())
    return {
        "id": row.id,
        "kind": row.kind,
        "repository": f"{row.record['target']['repo']['owner']}/{row.record['target']['repo']['name']}",
        "issue": row.issue,
        "pull_request": row.record["pull_request"],
        "stage": row.stage,
        "seconds": round(wall, 3),
        "stages": stages,
        "turns": sum(turn.assistant is not None for turn in turns),
        "tool_calls": sum(_tool_calls(turn) for turn in turns),
        "tokens": {
            "input": usage.input + usage.cache_written + usage.cached,
            "cached": usage.cached,
            "output": usage.output,
        },
        "conversations": _conversations(turns),
        "cargo_seconds": round(sum(span.seconds for span in commands if "cargo" in span.name), 3),
        "command_seconds": round(command_seconds, 3),
        "model_seconds": round(model_seconds, 3),
        "overhead_seconds": round(max(0.0, wall - command_seconds - model_seconds), 3),
        "proof": _proof(commands, wall),
    }


def _proof(commands: Sequence[Any], wall: float) -> dict[str, float]:
    """Seconds of commands in the proof's own containers, and their share of the run.

    `green` is every check, which anybody would do, and the new tests twice more; `red` comes on top, and `mutants`.
    `on_top` is what red and green take besides every check, in units of one full check.
    """
    stages = {"red": Stage.RED, "green": Stage.VERIFY, "mutants": Stage.MUTATE}
    seconds = {
        name: round(sum(span.seconds for span in commands if span.stage == stage), 3) for name, stage in stages.items()
    }
    share = round(sum(seconds.values()) / wall, 3) if wall else 0.0
    known = {span.name for span in commands if span.stage == Stage.PREPARE}
    checks = [span for span in commands if span.stage == Stage.VERIFY and span.name in known]
    full = sum(span.seconds for span in checks)
    times = max(Counter(span.name for span in checks).values(), default=0)
    on_top = round((seconds["red"] + seconds["green"] - full) * times / full, 2) if full else 0.0
    return {**seconds, "share": share, "on_top": on_top}


def _conversations(turns: Sequence[StoredTurn]) -> dict[str, dict[str, int]]:
    """Turns and tokens by assignment; `late` counts what came after the second turn, when the cache should serve most.

    `late_repeated` is what the turn before had read as well: the most that a cache can serve.
    """
    found: dict[str, dict[str, int]] = {}
    before: dict[str, int] = {}
    for turn in turns:
        if turn.assistant is None:
            continue
        names = ("turns", "input", "cached", "output", "late_input", "late_cached", "late_repeated")
        entry = found.setdefault(turn.assignment, dict.fromkeys(names, 0))
        read = turn.usage.input + turn.usage.cache_written + turn.usage.cached
        late = (read, turn.usage.cached, min(read, before.get(turn.assignment, 0))) if turn.number >= 2 else (0, 0, 0)
        added = (1, read, turn.usage.cached, turn.usage.output, *late)
        found[turn.assignment] = {name: entry[name] + value for name, value in zip(names, added, strict=True)}
        before[turn.assignment] = read
    return found


def _stage_seconds(spans: Sequence[Any], ended_at: float | None) -> dict[str, float]:
    entries = [span for span in spans if span.kind == "stage"]
    ends = [span.started_at for span in entries[1:]] + [ended_at or 0.0]
    seconds: dict[str, float] = {}
    for span, end in zip(entries, ends, strict=True):
        if not Stage(span.stage).is_final:
            seconds[span.stage] = round(seconds.get(span.stage, 0.0) + max(0.0, end - span.started_at), 3)
    return seconds


def _tool_calls(turn: StoredTurn) -> int:
    return sum(block.get("type") == "tool_use" for block in turn.assistant or ())


def table(report: dict[str, Any]) -> str:
    """The same figures for a terminal."""
    head = f"{'run':34} {'stage':9} {'seconds':>8} {'model':>7} {'cargo':>7} {'overhead':>8} {'turns':>5} {'calls':>5} {'tokens':>8}"
    lines = [head]
    for run in report["runs"]:
        lines.append(
            f"{run['id']:34} {run['stage']:9} {run['seconds']:8.1f} {run['model_seconds']:7.1f} "
            f"{run['cargo_seconds']:7.1f} {run['overhead_seconds']:8.1f} {run['turns']:5} {run['tool_calls']:5} "
            f"{run['tokens']['input'] + run['tokens']['output']:8}"
        )
    lines.append(f"unfinished workflows: {report['unfinished']}")
    return "\n".join(lines)
