"""What the player hands in: the RFC, the plan, the tests, the change and the answers, drawn from the case and its trees."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from simulator.case import Case, Remark, Trees
from simulator.player import rust, split
from simulator.player.edits import hunks
from simulator.player.stubs import public_functions, with_additions, with_stubs
from simulator.trees import Tree, changed

TITLE = 72
NO_DIFFERENCE = "If it survives still, it makes no difference that a caller could see."
DOC_TEST = re.compile(r"\S+\.(?:rs|md) - ")


@dataclass(frozen=True, slots=True)
class Work:
    """What the player has to do: `head` is what it builds before the review, `tests` the base with the test part of it.

    `stubs` are the tests' tree with the signatures of what is new, in the ways that there can be such a tree. Where its tests are weak at first, `better` is the head with those that it writes when somebody shows it; else the head.
    """

    case: Case
    trees: Trees
    head: Tree
    tests: Tree
    better: Tree
    stubs: tuple[Tree, ...] = ()

    @property
    def ids(self) -> dict[str, str]:
        """The criteria's ids as an RFC numbers them, by the case's own."""
        return {criterion.id: f"AC-{number}" for number, criterion in enumerate(self.case.criteria, start=1)}

    @property
    def test_paths(self) -> list[str]:
        return changed(self.trees.base, self.tests)

    @property
    def source_paths(self) -> list[str]:
        return changed(self.tests, self.head)


def title(case: Case) -> str:
    """The issue's title, short enough for a headline."""
    text = " ".join(case.title.split()).rstrip(".")
    return text if len(text) <= TITLE else text[: TITLE - 1].rsplit(" ", 1)[0] + "…"


def citations(work: Work) -> list[dict[str, object]]:
    """Lines of the base that the change begins at."""
    found: list[dict[str, object]] = []
    base, gold = work.trees.base, work.trees.gold
    paths = sorted((p for p in changed(base, gold) if p in base), key=lambda p: (not p.endswith(".rs"), p))
    for path in [*paths, *(p for p in sorted(base) if p.endswith(".rs"))][:8]:
        old, new = base[path].text, gold[path].text if path in gold else ""
        if old is None or any(each["path"] == path for each in found):
            continue
        line = _telling_line(old, new or "")
        if line is not None:
            found.append({"path": path, "line": line, "quote": old.splitlines()[line - 1].strip()[:160]})
    return found[:5]


def _telling_line(old: str, new: str) -> int | None:
    """The number (from 1) of a line with something to say, at or above the first change."""
    lines = old.splitlines()
    first = hunks(old, new)[0].start if old != new else 0
    order = [*range(min(first, len(lines) - 1), -1, -1), *range(first, len(lines))]
    return next((n + 1 for n in order if len(lines[n].strip()) >= 8 and lines[n].isascii()), None)


def rfc(work: Work) -> dict[str, object]:
    """The input of `submit_rfc`."""
    case, cited = work.case, citations(work)
    ids = list(work.ids.values())
    places = ", ".join(f"`{each['path']}:{each['line']}`" for each in cited)
    design = "\n".join(f"- {criterion.text}" for criterion in case.criteria) or case.body
    return {
        "title": title(case),
        "summary": f"The issue asks for this: {title(case)}. The change is made where the code already does this work. "
        "It costs a few functions and their tests.",
        "vision": case.body.split("\n\n")[0] or case.title,
        "example": "",
        "current_behaviour": f"What there is now can be seen at {places}.",
        "design": design,
        "changes": foreseen(work),
        "dependencies": [],
        "features": [],
        "compatibility": "Nothing that worked stops working.",
        "alternatives": [
            {"design": "Leaving it to the callers.", "why_not": "Each of them would do it anew, and differently."},
            {"design": "Only documenting how it is.", "why_not": "The issue asks for more than words."},
        ],
        "criteria": criteria(work),
        "non_goals": "Anything that the issue does not name.",
        "risks": "Callers who rely on what happens now would notice; the tests that exist stay green.",
        "questions": [],
        "citations": cited,
        "tasks": [
            {"title": "Write the tests", "files": work.test_paths, "criteria": ids},
            {"title": "Change the code", "files": work.source_paths, "criteria": ids},
        ],
    }


def foreseen(work: Work) -> list[dict[str, object]]:
    """The files that the change will touch, with the public functions that are new in them."""
    return [{"path": path, "items": _new_items(work, path), "note": "see the tasks"} for path in work.trees.changed]


def _new_items(work: Work, path: str) -> list[dict[str, object]]:
    new = work.trees.gold.get(path)
    if new is None or not path.endswith(".rs") or path in work.test_paths and path not in work.source_paths:
        return []
    old = work.trees.base[path].text if path in work.trees.base else ""
    names = public_functions(new.text or "") - public_functions(old or "")
    return [{"name": name, "change": "add", "semver": "minor"} for name in sorted(names)]


def criteria(work: Work) -> list[dict[str, object]]:
    listed = work.case.criteria
    if not listed:
        return [{"id": "AC-1", "text": title(work.case), "test": (work.case.red_green or ("",))[0]}]
    return [{"id": work.ids[each.id], "text": each.text, "test": (each.tests or ("",))[0]} for each in listed]


def code_and_prose(work: Work) -> tuple[list[str], list[str]]:
    """The paths of the change after the tests: what cargo reads, and what only people read."""
    prose = [path for path in work.source_paths if path.lower().endswith((".md", ".txt"))]
    code = [path for path in work.source_paths if path not in prose]
    return (code, prose) if code else (prose, [])


def plan(work: Work) -> dict[str, object]:
    """The input of `submit_plan`; its tasks are T1 (the tests), T2 (the code) and T3 (what is written about it)."""
    ids = list(work.ids.values()) or ["AC-1"]
    code, prose = code_and_prose(work)
    tasks = [
        {"id": "T1", "title": "Write the tests", "files": work.test_paths, "criteria": ids},
        {"id": "T2", "title": "Change the code", "files": code, "criteria": ids},
    ]
    if prose:
        tasks.append({"id": "T3", "title": "Tell about it", "files": prose, "criteria": ids[:1]})
    return {
        "tasks": tasks,
        "notes": "The tests come first; nothing else is touched.",
    }


def tests(work: Work) -> dict[str, object]:
    """The input of `submit_tests`: what must be red now, and which criteria are proved elsewhere."""
    case = work.case
    written, words = _written_tests(work)
    listed, covered = [], set()
    for name in case.red_green:
        if DOC_TEST.search(name) or (written and bare(name) not in words):
            continue
        proves = [work.ids[each.id] for each in case.criteria if any(same(name, test) for test in each.tests)]
        covered |= set(proves)
        listed.append({"name": name, "criteria": proves})
    if not listed:
        listed = [{"name": name, "criteria": []} for name in (sorted(written) or list(case.red_green))]
    rest = [work.ids[each.id] for each in case.criteria if work.ids[each.id] not in covered]
    notes = (
        f"{', '.join(rest or ['AC-1'])}: proved by tests that exist already, or by documentation tests." if rest else ""
    )
    return {"tests": listed, "notes": notes or "Nothing else."}


def _written_tests(work: Work) -> tuple[set[str], set[str]]:
    """Names of the tests in the files of the test part, and every word there: a macro may make tests of names."""
    names: set[str] = set()
    found: set[str] = set()
    for path in work.test_paths:
        text = work.tests[path].text if path in work.tests and path.endswith(".rs") else None
        if text is not None:
            names |= set(rust.names_of_tests(text))
            found |= set(re.findall(r"\w+", text))
    return names, found


def change(work: Work) -> dict[str, object]:
    """The input of `submit_change`."""
    paths = ", ".join(f"`{path}`" for path in work.source_paths[:6])
    return {
        "title": title(work.case),
        "summary": f"Does what the issue asks for. The code is in {paths}; the tests came first and were red.",
        "deviations": "",
        "notes": "",
    }


def bare(name: str) -> str:
    """The function's own name, whatever stands in front of it."""
    return name.rpartition("::")[2].strip()


def same(one: str, other: str) -> bool:
    """Whether two names mean the same test, where either may lack its target or its modules."""
    if one == other:
        return True
    first, second = _segments(one), _segments(other)
    short, long = sorted((first, second), key=len)
    return long[-len(short) :] == short


def _segments(name: str) -> list[str]:
    return [part for part in re.split(r"::", name) if part not in ("lib", "")]


def answers(
    threads: Sequence[str], told: Mapping[str, Remark] | None = None, disputed: Mapping[str, str] | None = None
) -> list[dict[str, object]]:
    """An answer to each thread, given the case's remarks by thread; where one disputes a criterion (given by thread), an amendment of it is proposed."""
    return [_answer(each, (told or {}).get(each), (disputed or {}).get(each)) for each in threads]


def _answer(thread: str, remark: Remark | None, criterion: str | None) -> dict[str, object]:
    suggestion, dispute = (remark.suggestion, remark.dispute) if remark else (None, None)
    if criterion is not None:
        return {
            "thread": thread,
            "kind": "amends_rfc",
            "text": "Both cannot be, so that is for you to decide.",
            "promise": criterion,
            "wording": dispute.wording if dispute else f"Not any more: {criterion}",
        }
    if remark is not None and suggestion is not None and suggestion.reason:
        return {"thread": thread, "kind": "done" if remark.edits else "declined", "text": suggestion.reason}
    if dispute and not dispute.is_amended:
        return {"thread": thread, "kind": "declined", "text": "It stays as the RFC has it: nothing was changed."}
    text = "Built as the RFC has it now." if dispute else "Thank you, that was missing."
    return {"thread": thread, "kind": "done", "text": text}


def with_amendments(case: Case, brief: str) -> Case:
    """The case as an RFC has it that was asked to say something else in place of a criterion."""
    wanted = {each.dispute.criterion: each.dispute.wording for each in case.review if each.dispute}
    amended = {id: wording for id, wording in wanted.items() if wording in brief}
    return replace(case, criteria=tuple(replace(each, text=amended.get(each.id, each.text)) for each in case.criteria))


def fixtures(work: Work) -> list[str]:
    """Every path that the player will ever touch."""
    return sorted({*work.trees.changed, *changed(work.trees.base, work.head)})


def work_on(case: Case, trees: Trees, head: Tree) -> Work:
    tests = split.with_tests(trees.base, head)
    stubs = with_stubs(trees.base, tests, head), with_additions(tests, head)
    return Work(case, trees, head, tests, head, tuple(tree for tree in stubs if tree is not None))


def with_weak_tests(work: Work) -> Work:
    """The work of somebody whose new tests check only the first thing of each, and who forgets some."""
    names = {bare(name) for name in work.case.red_green}
    forgotten = {bare(name) for name in work.case.forgotten}
    weak = dict(work.head)
    for path in work.test_paths:
        text = weak[path].text if path in weak and path.endswith(".rs") else None
        if text is not None:
            kept = rust.without_tests(rust.with_first_assertions(text, names), forgotten)
            weak[path] = replace(weak[path], data=kept.encode())
    return replace(work_on(work.case, work.trees, weak), better=work.head)
