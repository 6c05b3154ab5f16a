"""Compares CI discovery with hand-checked truth: recall, precision, complete repositories, and every miss.

`python -m bench.discovery [--truth PATH]`; PATH holds `ci_commands.json` and the repositories' files under `repos/`.
Only core kinds that a pull request requires count, without rows for older toolchains; a command behind a script counts
only where a kept file shows it. What is found, would run here, and is not in the truth counts against precision.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.domain import Check
from bot.rust import discovery

GOALS = {"recall": 0.95, "precision": 0.90, "complete": 19 / 22}
CORE = {str(kind) for kind in discovery.CORE}


def read_files(root: Path) -> dict[str, str]:
    """The files of a checkout that discovery wants to see."""
    paths = (path for path in root.rglob("*") if path.is_file())
    named = ((path.relative_to(root).as_posix(), path) for path in paths)
    return {name: path.read_text(errors="replace") for name, path in named if discovery.wanted(name)}


def normalised(command: str) -> str:
    """A command's words, without what does not change it: the toolchain, unset variables, quoting."""
    command = re.sub(r'"?\$\{?\w+\}?"?', '""', command)
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return "\x1f".join(word for word in words if not word.startswith("+"))


def pattern(entry: dict[str, object]) -> re.Pattern[str]:
    """What matches a command of the truth; shorthand (`<X>`, `{a,b}`, `[x]`, `…`) matches any of its rows."""
    text = re.escape(normalised(str(entry["cmd"])))
    text = re.sub(r"<.*?>|\\{.*?\\}", r"[^\\x1f]*", text)
    text = re.sub(r"\\\[(.*?)\\\]", r"(?:\1)?", text)
    return re.compile(text.replace("…", ".*") + ("" if entry["kind"] != "doc" else ""))


def is_counted(entry: dict[str, object], kept: str) -> bool:
    """Whether discovery can be asked for this entry: core, required, main toolchain, and shown by a kept file."""
    command = str(entry["cmd"])
    if (
        entry["kind"] not in CORE
        or not entry["required_on_pr"]
        or str(entry["toolchain"]).startswith(("msrv", "nightly"))
    ):
        return False
    if not re.match(r"cargo|rustfmt", command):
        return False
    return entry["how"] != "S" or re.sub(r"^(cargo) -vv ", r"\1 ", command).split(" --")[0] in kept


def would_run(check: Check) -> bool:
    return check.required and check.left_out_because is None and check.kind in discovery.CORE


def compare(repo: dict[str, object], truth: Path) -> Iterator[tuple[str, str]]:
    """For one repository: ("hit", command), ("miss", command), ("right", command) or ("wrong", command)."""
    files = read_files(truth / str(repo["workflow_dir"]))
    entries = [entry for entry in repo["linux_stable_commands"] if isinstance(entry, dict)]  # type: ignore[attr-defined]
    kept = "\n".join(text for name, text in files.items() if name.startswith(".github"))
    checks = discovery.discover(files)
    found = {normalised(check.command): check for check in checks if would_run(check)}
    for entry in entries:
        if is_counted(entry, kept):
            is_hit = any(pattern(entry).fullmatch(command) for command in found)
            yield ("hit" if is_hit else "miss", f"{entry['kind']}: {entry['cmd']}")
    accepted = [
        pattern(entry) for entry in entries if entry["kind"] in CORE and not str(entry["toolchain"]).startswith("msrv")
    ]
    for command, check in found.items():
        if check.source.startswith("default"):
            continue
        is_right = any(one.fullmatch(command) for one in accepted)
        yield ("right" if is_right else "wrong", f"{check.kind}: {check.command}  [{check.toolchain}] {check.source}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--truth", type=Path, default=Path("../shared/ci-truth"))
    truth: Path = parser.parse_args().truth
    if not (truth / "ci_commands.json").exists():
        print(f"no truth at {truth}: nothing measured")
        return 2
    counts = {"hit": 0, "miss": 0, "right": 0, "wrong": 0}
    repos = json.loads((truth / "ci_commands.json").read_text())["repos"]
    complete = 0
    for repo in repos:
        outcomes = list(compare(repo, truth))
        complete += not any(kind == "miss" for kind, _ in outcomes)
        for kind, text in outcomes:
            counts[kind] += 1
            if kind in ("miss", "wrong"):
                print(f"{kind:5} {repo['repo']}: {text}")
    figures = {
        "recall": counts["hit"] / max(1, counts["hit"] + counts["miss"]),
        "precision": counts["right"] / max(1, counts["right"] + counts["wrong"]),
        "complete": complete / max(1, len(repos)),
    }
    print(
        f"\n{counts['hit']} of {counts['hit'] + counts['miss']} commands found; {complete} of {len(repos)} repositories complete"
    )
    for name, figure in figures.items():
        print(f"{name:10} {figure:6.1%}   goal {GOALS[name]:.1%}   {'reached' if figure >= GOALS[name] else 'MISSED'}")
    return 0 if all(figure >= GOALS[name] for name, figure in figures.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
