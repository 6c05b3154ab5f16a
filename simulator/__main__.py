"""`python -m simulator play|serve|demo`: cases played to a report, servers for playing by hand, the demo."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from simulator import demo, outcome
from simulator.case import CACHE, Case, CaseError, load
from simulator.options import MODEL, PATIENCE, Options
from simulator.play import certificates, play_all
from simulator.player.faults import parse_kinds


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 only where everything came to its good end."""
    options = _parser().parse_args(arguments)
    # Whoever ends this ends what it started as well: the bot is a process group of its own.
    signal.signal(signal.SIGTERM, _leave)
    try:
        status: int = options.run(options)
    except CaseError as error:
        print(error, file=sys.stderr)
        return 2
    return status


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    playing = commands.add_parser("play", help="play cases from the issue to the reviewed pull request")
    playing.add_argument("cases", nargs="+", type=Path, metavar="CASE", help="a folder with a case.json")
    playing.add_argument("--report", type=Path, help="where the report is written, as JSON")
    playing.add_argument(
        "--faults",
        default="all",
        help="none, all, or some of citation,weakness,missing,type,format,clippy,wrong,weak (not in all: it needs --mutants)",
    )
    playing.add_argument("--model", metavar="URL", help="a Messages API instead of the player")
    playing.add_argument("--model-name", default=MODEL, help="the model's name (default: %(default)s)")
    playing.add_argument("--keep", action="store_true", help="keep the bot's log and home")
    playing.add_argument(
        "--patience", type=float, default=PATIENCE, help="seconds for each case (default: %(default).0f)"
    )
    playing.add_argument(
        "--write-pause", type=float, help="the bot's pause between writes to GitHub (default: its own)"
    )
    playing.add_argument(
        "--duplicate-deliveries", type=int, default=0, metavar="N", help="send each webhook N more times"
    )
    playing.add_argument(
        "--kill-worker-at", metavar="turn:N", help="kill the bot in the build's Nth turn, start it again"
    )
    playing.add_argument("--no-measure", action="store_true", help="do not run the tests on the pull request's commits")
    playing.add_argument(
        "--mutants",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="for testing the tests with mutants (default: none)",
    )
    playing.add_argument(
        "--interrupt", action="store_true", help="say something to the build, stop it, and let it go on with /retry"
    )
    playing.add_argument("--rfc-only", action="store_true", help="end when the RFC stands")
    playing.add_argument(
        "--cache", type=Path, default=CACHE, help="where downloaded crates are kept (default: %(default)s)"
    )
    playing.set_defaults(run=_play)
    demo.add_parsers(commands)
    return parser


def _play(arguments: argparse.Namespace) -> int:
    cases = [load(path) for path in arguments.cases]
    options = Options(
        faults=parse_kinds(arguments.faults),
        model_url=arguments.model,
        model=arguments.model_name,
        patience=arguments.patience,
        write_pause=arguments.write_pause,
        kill_at=_turn(arguments.kill_worker_at),
        duplicates=arguments.duplicate_deliveries,
        keep=arguments.keep,
        measures=not arguments.no_measure,
        rfc_only=arguments.rfc_only,
        mutants_seconds=arguments.mutants,
        interrupts=arguments.interrupt,
        cache=arguments.cache,
        ca_bundle=certificates(),
    )
    if arguments.model:
        options = replace(options, api_key=os.environ.get("ANTHROPIC_API_KEY") or options.api_key)
    report = play_all(cases, options, _Lines(cases))
    if arguments.report:
        arguments.report.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    print(outcome.table(report))
    return 0 if all(entry["outcome"] == outcome.GOOD for entry in report["cases"]) else 1


def _turn(text: str | None) -> int | None:
    return None if text is None else int(text.removeprefix("turn:"))


class _Lines:
    """Progress as lines with the time that has passed."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._began = time.monotonic()

    def __call__(self, stage: str, words: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f} s  {stage:12} {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
