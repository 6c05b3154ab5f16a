"""Proves that a case stands: its tests are red before and green after, and what passed before still passes.

Three trees are measured: the base, the base with the test part of the change, and the change. Cargo shares nothing between
them, because it decides by modification times and would take one tree's build for the other's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath

from simulator.case import CACHE, Case, Remark, Trees, bring
from simulator.measure import Measure, Seen
from simulator.player.head import head, lines_of
from simulator.player.split import with_tests
from simulator.trees import Tree

GREEN, ASSERT, ABORT, COMPILE, MISSING = "green", "assert", "abort", "compile", "missing"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found about a case; it stands if there are no mistakes.

    `red` tells how each test fails before the change, `lines` counts those added and removed, `before` and `after` are the
    numbers of tests that pass, `seconds` is how long building and testing each of the three trees took.
    """

    case: Case
    lines: int
    red: Mapping[str, str]
    before: int
    after: int
    seconds: tuple[float, ...]
    mistakes: tuple[str, ...]

    def summary(self) -> str:
        kinds = list(self.red.values())
        red = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
        times = " + ".join(f"{seconds:.0f}" for seconds in self.seconds)
        head = f"{self.case.name}: {self.lines} lines; red: {red}; {self.before} -> {self.after} tests; {times} s"
        return "\n".join([head, *(f"  {mistake}" for mistake in self.mistakes)])


def prove(case: Case, measure: Measure, cache: Path = CACHE) -> Proof:
    """Brings and measures the three trees; raises CaseError or MeasureError if that is not possible at all."""
    trees = bring(case, cache)
    halfway = with_tests(trees.base, trees.gold)
    seconds, runs = [], []
    for tree in (trees.base, halfway, trees.gold):
        started = time.monotonic()
        runs.append(measure.run(tree, case.red_green if tree is not trees.base else (), everything=True))
        seconds.append(time.monotonic() - started)
    base, between, gold = runs
    red = {name: kind_of_red(name, halfway, between, gold) for name in case.red_green}
    mistakes = [
        *mistakes_on_paper(case, trees),
        *(f"{name} is {kind} before the change" for name, kind in red.items() if kind in (GREEN, MISSING)),
        *(f"{name} does not pass after it" for name in named(case) if not _passes(gold, name)),
        *(f"{name} passed before, but not after" for name in sorted(_good(base) - _good(gold))),
    ]
    return Proof(case, size(trees), red, len(_good(base)), len(_good(gold)), tuple(seconds), tuple(mistakes))


def named(case: Case) -> list[str]:
    """Every test that the case names, once."""
    return list(dict.fromkeys([*case.red_green, *(test for each in case.criteria for test in each.tests)]))


def _tests(seen: Sequence[Seen], name: str) -> list[Seen]:
    """The runs of exactly this test: a name that is as well at home in another target does not count."""
    target, _, path = name.partition("::")
    return [each for each in seen if target in each.target.aliases and each.name == path]


def _passes(seen: Sequence[Seen], name: str) -> bool:
    runs = _tests(seen, name)
    return bool(runs) and all(each.verdict == "ok" for each in runs)


def _good(seen: Sequence[Seen]) -> set[str]:
    # Documentation tests carry line numbers in their names, so they cannot be compared.
    return {f"{each.target.flags} {each.name}" for each in seen if each.verdict == "ok" and " - " not in each.name}


def kind_of_red(name: str, tree: Tree, seen: Sequence[Seen], gold: Sequence[Seen]) -> str:
    """How the test fails in `tree`: by itself, because its process died, because it does not compile; or not at all."""
    if found := _tests(seen, name):
        return ASSERT if any(each.verdict == "FAILED" for each in found) else GREEN
    word = re.compile(rf"\b{re.escape(name.rpartition('::')[2])}\b")
    if not any(word.search(file.text or "") for path, file in tree.items() if path.endswith(".rs")):
        return MISSING
    targets = {each.target for each in _tests(gold, name)}
    return ABORT if any(each.target in targets for each in seen) else COMPILE


def mistakes_on_paper(case: Case, trees: Trees) -> list[str]:
    """What can be seen without running anything: the names, the criteria, the anchors of the review."""
    found = [f"{name} is not `<target>::<path>`" for name in named(case) if "::" not in name]
    if not case.red_green or not case.criteria or not case.body.strip():
        found.append("the issue's body, the criteria or red_green are missing")
    covered = {test for criterion in case.criteria for test in criterion.tests}
    found += [f"no criterion names {name}" for name in case.red_green if name not in covered]
    found += [f"{criterion.id} names no test" for criterion in case.criteria if not criterion.tests]
    for remark in case.review:
        found += _mistakes_of_remark(case, remark, trees)
    return found


def _mistakes_of_remark(case: Case, remark: Remark, trees: Trees) -> list[str]:
    unchanged = [path for path in remark.answered_by if path not in trees.changed]
    found = [f"{path} answers a remark, but the change does not touch it" for path in unchanged]
    reviewed = head(case, trees)
    lines = _lines(reviewed, remark.path)
    fresh = {
        number
        for tag, _, _, start, end in _differences(_lines(trees.base, remark.path), lines)
        if tag != "delete"
        for number in range(start, end)
    }
    if not any(remark.anchor in line for number, line in enumerate(lines) if number in fresh):
        found.append(f"{remark.path}: the anchor {remark.anchor!r} is on no added line")
    where = lines_of(reviewed, remark)
    if remark.suggestion is not None and not (where and fresh & {line - 1 for line in where}):
        found.append(f"{remark.path}: the suggestion is for no added line")
    if remark.dispute is not None and remark.dispute.criterion not in [each.id for each in case.criteria]:
        found.append(f"{remark.dispute.criterion} is disputed, but there is no such criterion")
    return found


def size(trees: Trees) -> int:
    """Lines added and removed, those of lock files not counted."""
    paths = [path for path in trees.changed if PurePosixPath(path).name != "Cargo.lock"]
    pairs = [(_lines(trees.base, path), _lines(trees.gold, path)) for path in paths]
    return sum(end - start + last - first for pair in pairs for _, start, end, first, last in _differences(*pair))


def _lines(tree: Tree, path: str) -> list[str]:
    return (tree[path].text or "").splitlines() if path in tree else []


def _differences(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    return [code for code in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if code[0] != "equal"]
