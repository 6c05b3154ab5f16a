"""The review of a played case: where its remarks are written, and whether each of them came to the end that it should.

A suggestion stands word for word or its reason is said, a dispute is settled as the maintainer said, each thread is answered once
in each round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.case import Case, Dispute, Edit, Remark, Suggestion, Trees, without
from simulator.github.state import Thread
from simulator.player.head import lines_of, remarks
from simulator.trees import Tree

NO_REMARK = "Please say in one sentence why this is right as it is, or make it better where it is not."
RFC_MARK = "<!-- rfcsmith:rfc"
REQUEST = re.compile(r"(?s)```text\n(/rfc .*?)\n```")


@dataclass(frozen=True, slots=True)
class Placed:
    """A remark and the lines of the pull request that it is written on, `body` is what stands there.

    A suggestion block is only written where the lines are those that it replaces.
    """

    remark: Remark
    path: str
    lines: range
    body: str


def placed(case: Case, trees: Trees, head: Tree, lines: Mapping[str, Sequence[int]]) -> list[Placed]:
    """The review's remarks at lines of the difference; what has no place any more goes to the first changed line."""
    found = []
    for remark in remarks(case, trees):
        where = lines_of(head, remark)
        if where and all(line in lines.get(remark.path, ()) for line in where):
            found.append(Placed(remark, remark.path, where, _body(remark)))
        elif lines:
            paths = sorted(
                lines, key=lambda path: (path != remark.path, not path.endswith(".rs"), "test" in path, path)
            )
            line = lines[paths[0]][0]
            found.append(Placed(remark, paths[0], range(line, line + 1), remark.body if case.review else NO_REMARK))
    return found


def _body(remark: Remark) -> str:
    if remark.suggestion is None:
        return remark.body
    return f"{remark.body}\n\n```suggestion\n{remark.suggestion.new}```"


def is_disputed(remark: Remark) -> bool:
    return remark.dispute is not None


def before_disputes(case: Case, trees: Trees) -> Tree:
    """The tree as the first round leaves it: nothing is built of what contradicts the RFC."""
    waiting: list[Edit] = [edit for remark in case.review if is_disputed(remark) for edit in remark.changes]
    return without(trees.gold, waiting)


def request_of(answer: str) -> str | None:
    """The `/rfc` command that an answer offers for copying, None where it offers none."""
    match = REQUEST.search(answer)
    return match[1] if match else None


def is_rfc_with(bodies: Sequence[str], words: str) -> bool:
    """Whether the RFC among the bot's comments, or a part of it, says these words."""
    return any(words in body for body in bodies if body.rstrip().rpartition("\n")[2].startswith(RFC_MARK))


def found(
    written: Sequence[tuple[Remark, Thread]],
    answers: Mapping[str, Sequence[str]],
    bodies: Sequence[str],
    case: Case,
    head: Tree,
) -> dict[str, Any]:
    """What became of the review: numbers, and in `problems` what is not as it should be.

    `answers` are the bot's own by the id of their thread, `bodies` its comments under the issue, `head` is the tree in the end.
    """
    problems, suggested, settled = [], {"kept": 0, "changed": 0, "declined": 0}, {"amended": 0, "upheld": 0}
    for remark, thread in written:
        given, place = answers[str(thread.id)], f"the thread on {remark.path} ({remark.body[:40]} …)"
        if len(given) != (wanted := 2 if is_disputed(remark) else 1):
            problems.append(f"{place} has {len(given)} answers instead of {wanted}")
            continue
        if remark.suggestion is not None:
            suggested[_fate(remark.suggestion, remark)] += 1
            text = (head[remark.path].text if remark.path in head else None) or ""
            problems += [f"{place}: {each}" for each in _of_suggestion(remark, remark.suggestion, given[0], text)]
        if remark.dispute is not None:
            settled["amended" if remark.dispute.is_amended else "upheld"] += 1
            problems += [f"{place}: {each}" for each in _of_dispute(remark.dispute, case, given[0], bodies)]
    return {"threads": len(written), "suggestions": suggested, "disputes": settled, "problems": problems}


def _fate(suggestion: Suggestion, remark: Remark) -> str:
    return "kept" if not suggestion.reason else "changed" if remark.edits else "declined"


def _of_suggestion(remark: Remark, suggestion: Suggestion, answer: str, text: str) -> Iterator[str]:
    stands = suggestion.stands_in(text)
    if not suggestion.reason:
        if not stands:
            yield "the suggested lines are not in the tree word for word"
        if not answer.startswith("Applied as suggested in "):
            yield f"the answer does not say that the suggestion was applied: {answer[:200]}"
        return
    if stands:
        yield "the suggested lines are in the tree, though they break something"
    if suggestion.reason not in answer:
        yield f"the answer does not say why the suggestion was not kept: {answer[:200]}"
    if remark.edits and "but not word for word as suggested" not in answer:
        yield f"the answer does not say that the suggestion was changed: {answer[:200]}"


def _of_dispute(dispute: Dispute, case: Case, answer: str, bodies: Sequence[str]) -> Iterator[str]:
    promise = next(each.text for each in case.criteria if each.id == dispute.criterion)
    if "contradicts version 1 of the RFC" not in answer or f"> {promise}" not in answer:
        yield f"the answer does not say what the remark contradicts: {answer[:200]}"
    if f"> {dispute.wording}" not in answer or request_of(answer) is None:
        yield f"the answer proposes no amendment: {answer[:200]}"
    if is_rfc_with(bodies, dispute.wording) != dispute.is_amended:
        yield (
            "the RFC was not amended" if dispute.is_amended else "the RFC was amended, though the maintainer upheld it"
        )
    if is_rfc_with(bodies, promise) == dispute.is_amended:
        yield "the RFC still holds the old promise" if dispute.is_amended else "the RFC lost a promise that was upheld"
