"""The mistakes in the player's first drafts: in an RFC wrong citations that the product must name and a weakness that a second
reader must find, in a plan a task too many; how each is taken back, and whether one of them was published.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.trees import Tree

Draft = dict[str, object]

VAGUE = "It works correctly in all cases."
TASTE = "The summary could be put more elegantly."
STRAY = "Tidy up what is near by."
NOWHERE = "src/rfcsmith_nowhere.rs"
INVENTED = "fn rfcsmith_invented("
FAR = 12
FINDING = re.compile(r"(?m)^(F\d+) \((?:blocker|serious|minor)\), (.*)$")


@dataclass(frozen=True, slots=True)
class Plant:
    """One wrong citation of a draft: `sign` is what a complaint must contain to have named it; `right` is put in its place."""

    name: str
    sign: str
    wrong: Mapping[str, object]
    right: Mapping[str, object] | None = None

    def is_named(self, complaint: str) -> bool:
        return re.search(re.escape(self.sign) + r"(?!\d)", complaint) is not None


def planted(draft: Draft, base: Tree) -> tuple[Plant, ...]:
    """A wrong line, a file that is not there, a line of code that nobody wrote."""
    first = _citations(draft)[0]
    path, line = str(first["path"]), int(first["line"])
    wrong_line = _line_without((base[path].text or "").splitlines(), str(first["quote"]))
    return (
        Plant("a wrong line", f"{path}:{wrong_line}", {**first, "line": wrong_line}, first),
        Plant("a missing file", f"{NOWHERE}:1", {"path": NOWHERE, "line": 1, "quote": "pub fn nowhere()"}),
        Plant("an invented item", f"`{INVENTED}`", {"path": path, "line": line, "quote": INVENTED}),
    )


def _line_without(lines: Sequence[str], quote: str) -> int:
    """A line far from every occurrence of the quote; behind the file's end where it is everywhere."""
    found = [number for number, text in enumerate(lines, 1) if quote in text]
    far = (n for n in range(1, len(lines) + 1) if all(abs(n - each) > FAR for each in found))
    return next(far, len(lines) + FAR)


def with_all(draft: Draft, plants: Sequence[Plant]) -> Draft:
    """The draft with the mistakes in it."""
    replaced = [plant.right for plant in plants if plant.right is not None]
    kept = [each for each in _citations(draft) if each not in replaced]
    return {**draft, "citations": [*(dict(plant.wrong) for plant in plants), *kept]} if plants else draft


def without(draft: Draft, plants: Iterable[Plant]) -> Draft:
    """The draft with these mistakes taken back."""
    cited = _citations(draft)
    for plant in plants:
        if (wrong := dict(plant.wrong)) in cited:
            at = cited.index(wrong)
            cited[at : at + 1] = [dict(plant.right)] if plant.right is not None else []
    return {**draft, "citations": cited}


def _citations(draft: Draft) -> list[dict[str, Any]]:
    return list(draft["citations"])  # type: ignore[call-overload]


# --- a weakness, and the second reader -------------------------------------------------------------------------------


def weakened(draft: Draft) -> Draft:
    """The draft with a first criterion that nobody could test."""
    first, *others = draft["criteria"]  # type: ignore[misc]
    return {**draft, "criteria": [{**first, "text": VAGUE}, *others]}


def strayed(plan: Draft) -> Draft:
    """The plan with a last task that nobody asked for, in a file that is not there."""
    tasks: list[object] = list(plan["tasks"])  # type: ignore[call-overload]
    task = {"id": f"T{len(tasks) + 1}", "title": STRAY, "files": [NOWHERE], "criteria": []}
    return {**plan, "tasks": [*tasks, task]}


def strays(brief: str) -> list[dict[str, str]]:
    """What a second reader finds in the plan that the brief shows; nothing where nothing was planted."""
    if STRAY not in brief:
        return []
    return [
        {
            "severity": "serious",
            "place": "the last task",
            "problem": "The RFC asks for none of this, and its file is not in the map.",
            "suggestion": "Leave it out.",
        }
    ]


def weaknesses(brief: str) -> list[dict[str, str]]:
    """What a second reader finds in the draft that the brief shows; nothing where nothing was planted."""
    if VAGUE not in brief:
        return []
    return [
        {
            "severity": "blocker",
            "place": "AC-1",
            "problem": f"Nobody can test `{VAGUE}`",
            "suggestion": "Say which input gives which result.",
        },
        {"severity": "minor", "place": "summary", "problem": TASTE, "suggestion": "Other words."},
    ]


def answers(heard: str) -> list[dict[str, str]]:
    """One answer for each finding: what was planted is taken back, taste is declined."""
    given = []
    for id, text in FINDING.findall(heard):
        declined = TASTE in text
        words = "The maintainers' own words stay." if declined else "It is mended."
        given.append({"finding": id, "verdict": "declined" if declined else "taken", "text": words})
    return given


def left_in(text: str) -> list[str]:
    """Which of the mistakes a published text still holds."""
    return [name for name in (VAGUE, NOWHERE, INVENTED, STRAY) if name in text]
