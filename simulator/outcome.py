"""What came of a played case: figures, what stands on GitHub, what was measured, and whether all of that is good."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from simulator import citations
from simulator.case import Case, Trees
from simulator.cases.proof import GREEN, kind_of_red
from simulator.github.git import BareRepository
from simulator.github.patches import patch_lines
from simulator.github.state import Comment, Issue, PullRequest, Thread
from simulator.measure import Measure, passed
from simulator.player import drafts, split
from simulator.town import Town
from simulator.trees import File, Tree

CACHED_SHARE = 0.95
"""Of what the turn before had read; the rest of a prompt is new, and no cache can have it."""
STOP_SECONDS = 5.0
GOOD = "good"
HOME_LABEL = "rfcsmith.home"
EXCUSES = ("could not be finished", "went wrong", "broke on my side")
FIGURES = ("turns", "tool_calls", "cargo_seconds", "model_seconds", "overhead_seconds")


class Played(Protocol):
    """As much of a scene as is needed here."""

    case: Case
    trees: Trees
    town: Town
    options: Any


def empty(name: str) -> dict[str, Any]:
    """An entry of the report before anything has happened."""
    return {
        "name": name,
        "outcome": GOOD,
        "seconds": 0.0,
        "stages": {},
        "turns": 0,
        "tool_calls": 0,
        "tokens": {"input": 0, "cached": 0, "output": 0},
        "cargo_seconds": 0.0,
        "model_seconds": 0.0,
        "overhead_seconds": 0.0,
        "tree_equals_gold": False,
        "verified_commits": False,
        "red": [],
        "red_kinds": {},
        "green": [],
        "rfc": {},
        "proof": {},
        "mutants": {"shown": [], "noticed_later": []},
        "review": {},
        "duplicates": 0,
        "unanswered": 0,
        "force_pushes": 0,
        "interruption": {},
        "left_over": {"containers": 0, "workflows": 0},
    }


def figures(report: Mapping[str, Any]) -> dict[str, Any]:
    """The product's own figures, summed over its runs."""
    runs: list[dict[str, Any]] = report.get("runs", [])
    stages: dict[str, float] = {}
    for run in runs:
        for stage, seconds in run.get("stages", {}).items():
            stages[stage] = round(stages.get(stage, 0.0) + seconds, 1)
    sums = {name: round(sum(run.get(name, 0) for run in runs), 1) for name in FIGURES}
    tokens = {kind: sum(run.get("tokens", {}).get(kind, 0) for run in runs) for kind in ("input", "cached", "output")}
    counts = {name: int(sums[name]) for name in ("turns", "tool_calls")}
    proofs = [run.get("proof", {}) for run in runs]
    proof = {name: round(sum(each.get(name, 0.0) for each in proofs), 1) for name in ("red", "green", "mutants")}
    whole = sum(run.get("seconds", 0.0) for run in runs)
    proof["share"] = round(sum(proof.values()) / whole, 3) if whole else 0.0
    proof["on_top"] = max((each.get("on_top", 0.0) for each in proofs), default=0.0)
    return {**sums, **counts, "stages": stages, "tokens": tokens, "proof": proof}


def rfc_figures(report: Mapping[str, Any], town: Town, issue: Issue | None) -> dict[str, Any]:
    """The RFC stage: what it read and how much of that came from the cache, and whether what was posted stands.

    The shares are those of the tokens which were read after the second turn of each conversation, and of those among them
    which the turn before had read as well; None where none were.
    """
    runs = [run for run in report.get("runs", []) if run.get("kind") == "rfc"]
    talks: list[dict[str, int]] = [talk for run in runs for talk in run.get("conversations", {}).values()]
    sums = {
        name: sum(talk[name] for talk in talks)
        for name in ("turns", "input", "output", "late_input", "late_cached", "late_repeated")
    }
    bodies = [comment.body for comment in town.said_by_bot(issue)] if issue is not None else []
    places = citations.cited(bodies)
    broken = [str(place) for place in places if not citations.resolves(town.repository.git, place)]
    return {
        "turns": sums["turns"],
        "input_tokens": sums["input"],
        "output_tokens": sums["output"],
        "cached_share_after_second_turn": (
            round(sums["late_cached"] / sums["late_input"], 3) if sums["late_input"] else None
        ),
        "cached_share_of_what_was_read_before": (
            round(sums["late_cached"] / sums["late_repeated"], 3) if sums["late_repeated"] else None
        ),
        "citations": len(places),
        "citations_resolved": len(places) - len(broken),
        "broken_citations": broken,
        "mistakes_left": sorted({left for body in bodies for left in _mistakes(body)}),
    }


def _mistakes(body: str) -> list[str]:
    """The planted mistakes in the RFC or a part of it, or in a plan; the status comment also tells of mended ones."""
    is_rfc = body.rstrip().rpartition("\n")[2].startswith("<!-- rfcsmith:rfc")
    return drafts.left_in(body) if is_rfc else [drafts.STRAY] if drafts.STRAY in body else []


def left_over(report: Mapping[str, Any], home: Path) -> dict[str, int]:
    """Containers of this home and workflows that are not at their end."""
    return {"containers": len(containers(home)), "workflows": int(report.get("unfinished", 0))}


def containers(home: Path) -> list[str]:
    """The ids of the product's containers, whatever their state."""
    listed = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--filter", f"label={HOME_LABEL}={(home / 'home').resolve()}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return listed.stdout.split()


def on_github(
    town: Town, pull_request: PullRequest | None, commands: Sequence[Comment], threads: Sequence[Thread], trees: Trees
) -> dict[str, Any]:
    """What can be seen on GitHub: the tree, the commits, what was said twice or not at all."""
    unanswered = sum(not _has_outcome(town, command) for command in commands)
    unanswered += sum(not town.is_answered(thread) for thread in threads)
    found: dict[str, Any] = {
        "duplicates": len(town.doubles()),
        "unanswered": unanswered,
        "force_pushes": len(town.force_pushes()),
    }
    if pull_request is not None:
        git = town.repository.git
        commits = town.commits(pull_request)
        found["tree_equals_gold"] = town.tree(pull_request.head_sha) == dict(trees.gold)
        found["verified_commits"] = bool(commits) and all(git.is_signed_by_github(git.commit(sha)) for sha in commits)
    return found


def mutants(shown: Sequence[str], left: Sequence[str]) -> dict[str, list[str]]:
    """The mistakes that no test noticed at first, and those of them that stand on the check run no more.

    `shown` is `path:line in function: what`, `left` the check run's `path:line … what …`; lines may have moved.
    """
    noticed = []
    for each in shown:
        place, _, what = each.partition(": ")
        path = place.partition(":")[0]
        if not any(one.startswith(f"{path}:") and f"{what}." in one for one in left):
            noticed.append(each)
    return {"shown": list(shown), "noticed_later": noticed}


def _has_outcome(town: Town, command: Comment) -> bool:
    """A reaction, and something that the bot said or edited after the command."""
    later = (each for each in town.said_by_bot(command.issue) if _latest(each) >= command.created_at)
    return town.has_reaction(command) and next(later, None) is not None


def _latest(comment: Comment) -> datetime:
    return max(comment.created_at, comment.updated_at)


def measured(measure: Measure, played: Played, pull_request: PullRequest) -> dict[str, Any]:
    """Which of the case's tests are red on the first commit and green on the last, as the simulator itself sees it."""
    names = list(played.case.red_green)
    if not names:
        return {}
    head = played.town.tree(pull_request.head_sha)
    if played.options.model_url is not None:
        laid = with_hidden_tests(head, played.trees)
        passing = measure.passing(laid, names)
        failing = [name for name in names if name not in passing]
        before = measure.passing(split.with_tests(played.trees.base, played.trees.gold), names)
        red = [name for name in names if name not in before]
        return {"green": passing, "red": red, "hidden_tests": {"passed": passing, "failed": failing}}
    first = played.town.tree(played.town.commits(pull_request)[0])
    before, after = measure.run(first, names), measure.run(head, names)
    found = {name: kind_of_red(name, first, before, after) for name in names}
    red = [name for name in names if found[name] != GREEN]
    return {"red": red, "red_kinds": dict(Counter(found[name] for name in red)), "green": passed(after, names)}


def with_hidden_tests(head: Tree, trees: Trees) -> dict[str, File]:
    """The head with the solution's tests laid over it: their files and functions win over those of the same name."""
    result = dict(head)
    modules = split.test_modules(trees.gold)
    for path in trees.changed:
        new, own = trees.gold.get(path), head.get(path)
        if new is None:
            continue
        if split.is_test_file(path, modules):
            result[path] = new
        elif own is not None and own.text is not None and new.text is not None:
            result[path] = File(split.lay_over(path, own.text, new.text).encode(), own.mode)
    return result


def problems(
    entry: Mapping[str, Any], case: Case, notes: Sequence[str], *, has_model: bool, is_measured: bool = True
) -> list[str]:
    """Everything in the entry that is not as a good end would have it."""
    found = rfc_problems(entry, notes, has_model=has_model)
    if not has_model and not entry["tree_equals_gold"]:
        found.append("the pull request's tree is not the expected one")
    if not has_model:
        found += entry["review"].get("problems", ())
    if not entry["verified_commits"]:
        found.append("not every commit is Verified")
    wanted = case.red_green if is_measured else ()
    if missing := [name for name in wanted if name not in entry["red"]]:
        found.append(f"not red before: {', '.join(missing)}")
    if missing := [name for name in wanted if name not in entry["green"]]:
        found.append(f"not green after: {', '.join(missing)}")
    return found


def rfc_problems(entry: Mapping[str, Any], notes: Sequence[str], *, has_model: bool) -> list[str]:
    """What is not as it should be of the RFC, and in general: nothing twice, unanswered or left over."""
    found = [note for note in notes if "never shown" in note or "refused" in note or "no assignment" in note]
    rfc = entry["rfc"]
    found += [f"the RFC cites what is not there: {place}" for place in rfc.get("broken_citations", [])]
    found += [f"a planted mistake was left: {mistake}" for mistake in rfc.get("mistakes_left", [])]
    share = rfc.get("cached_share_of_what_was_read_before")
    if share is not None and share < CACHED_SHARE and not has_model:
        found.append(f"only {share:.0%} of what the RFC's prompts repeat came from the cache after the second turn")
    found += [f"{entry[key]} {key}" for key in ("duplicates", "unanswered", "force_pushes") if entry[key]]
    interruption = entry["interruption"]
    if interruption.get("requests_before_heard", 0) > 0:
        found.append("the model was asked again before it was told what people said")
    if interruption.get("stop_seconds", 0.0) > STOP_SECONDS:
        found.append(f"`/stop` took {interruption['stop_seconds']} s to end the container")
    found += [f"{count} {what} left over" for what, count in entry["left_over"].items() if count]
    return found


def commentable(git: BareRepository, base: str, head: str) -> dict[str, list[int]]:
    """The added lines of the head that a review can be written on, by path."""
    lines: dict[str, list[int]] = {}
    for file in git.files(base, head):
        numbers = [line.new for line in patch_lines(file.patch) if line.kind in ("+", " ") and line.new is not None]
        if numbers:
            lines[file.path] = numbers
    return lines


def is_build(request: Mapping[str, Any]) -> bool:
    """Whether a request to the model belongs to the building of a change."""
    return any(tool.get("name") == "submit_change" for tool in request.get("tools") or [])


def is_excuse(body: str) -> bool:
    """Whether a comment of the bot says that it could not do what was asked for."""
    return body.lstrip().startswith("❌") or any(words in body for words in EXCUSES)


# --- the table -------------------------------------------------------------------------------------------------------


def table(report: Mapping[str, Any]) -> str:
    """The report for a terminal: one line for each case, the rest of a bad outcome below it."""
    head = f"{'case':24} {'seconds':>8} {'turns':>6} {'calls':>6} {'tokens':>9} {'cached':>7} {'model':>7} {'cargo':>7} {'over':>6}  red/green  outcome"
    lines = [head, "-" * len(head)]
    for entry in report["cases"]:
        tokens = entry["tokens"]
        share = tokens["cached"] / tokens["input"] if tokens["input"] else 0.0
        good = entry["outcome"] == GOOD
        lines.append(
            f"{entry['name'][:24]:24} {entry['seconds']:8.1f} {entry['turns']:6} {entry['tool_calls']:6} {tokens['input']:9} "
            f"{share:7.0%} {entry['model_seconds']:7.1f} {entry['cargo_seconds']:7.1f} {entry['overhead_seconds']:6.1f}  "
            f"{len(entry['red']):4}/{len(entry['green']):<4}  {'good' if good else 'NOT GOOD'}"
        )
        if not good:
            lines += ["    " + line for line in entry["outcome"].splitlines()]
    return "\n".join(lines)
