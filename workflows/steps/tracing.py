"""Which test stands for a criterion after rounds on a pull request: shown red, renamed, pinned, or taken out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain import Evidence, Proof, RedKind, Run, RunKind, Stage, TakenOut
from bot.rust.tests import TestItem, renamed
from workflows import hands
from workflows.steps.records import ADDED, Added, Red


@dataclass(slots=True)
class Standing:
    """The tests of a change after its rounds: why each was red, for which criteria, and the name that it was shown under.

    `pinned` are the criteria of tests that were never red. `taken_out` is what reviews had removed.
    """

    kinds: dict[str, RedKind] = field(default_factory=dict)
    criteria: dict[str, tuple[str, ...]] = field(default_factory=dict)
    shown_as: dict[str, str] = field(default_factory=dict)
    pinned: dict[str, tuple[str, ...]] = field(default_factory=dict)
    taken_out: list[TakenOut] = field(default_factory=list)


def standing(red: Red | None, rounds: Sequence[Added]) -> Standing:
    """What stands after the `rounds`, the oldest first."""
    found = Standing(dict(red.kinds), dict(red.criteria)) if red is not None else Standing()
    for added in rounds:
        for new, old in added.renamed.items():
            if old in found.kinds:
                found.kinds[new] = found.kinds.pop(old)
                found.criteria[new] = found.criteria.pop(old, ())
                found.shown_as[new] = found.shown_as.pop(old, old)
        for key in added.dropped:
            kind, criteria = found.kinds.pop(key, None), found.criteria.pop(key, ())
            if kind is not None:
                name = found.shown_as.pop(key, key)
                found.taken_out.append(TakenOut(name, kind, criteria, in_review=True))
        for key, kind in added.kinds.items():
            if key not in found.kinds:
                found.kinds[key], found.criteria[key] = kind, added.criteria.get(key, ())
        found.pinned |= {key: added.criteria.get(key, ()) for key in added.pinned}
    return found


def red_of(run: Run) -> Red | None:
    """The run's own red proof; what goes on from a pull request keeps to that of its implementation and of the rounds since."""
    store = hands.current().store
    if not run.is_on_pull_request:
        return store.document(run.id, "red", Red)
    red = _first_red(run)
    if red is None:
        return None
    stands = standing(red, added_before(run))
    return replace(red, kinds=stands.kinds, criteria=stands.criteria)


def added_before(run: Run) -> tuple[Added, ...]:
    """What earlier rounds on the run's pull request have added."""
    return tuple(added for _, added in rounds_before(run))


def rounds_before(run: Run) -> tuple[tuple[Run, Added], ...]:
    """The earlier rounds on the run's pull request, each with what it has added."""
    store = hands.current().store
    rounds = [
        each
        for kind in (RunKind.REVIEW, RunKind.CI)
        for each in store.runs_of_kind(run.target.repo.id, run.target.issue, kind)
        if each.id != run.id and each.stage is Stage.DONE and each.pull_request == run.pull_request
    ]
    found = ((each, store.document(each.id, ADDED, Added)) for each in rounds)
    return tuple((each, added) for each, added in found if added is not None)


def traced(run: Run, added: Added, before: Mapping[str, TestItem], after: Mapping[str, TestItem]) -> Added:
    """What a round has added, with the proven tests that it renamed or took out; `added.criteria` are those that its author names.

    A test that was only renamed stands for what it stood for, and is no new one.
    """
    stands = standing(_first_red(run), added_before(run))
    known = stands.pinned | stands.criteria
    gone = {key: before[key] for key in known if key in before and key not in after}
    names = renamed(gone.values(), [test for key, test in after.items() if key not in before])
    proven = {new: old for new, old in names.items() if old in stands.kinds and new in added.pinned}
    criteria = {
        key: tuple(dict.fromkeys((*added.criteria.get(key, ()), *known.get(names.get(key, ""), ()))))
        for key in (*added.kinds, *added.pinned)
    }
    return replace(
        added,
        pinned=tuple(key for key in added.pinned if key not in proven),
        criteria={key: found for key, found in criteria.items() if found},
        renamed=proven,
        dropped=tuple(key for key in gone if key in stands.kinds and key not in proven.values()),
    )


def with_round(run: Run, evidence: Evidence) -> Evidence:
    """The evidence of a run on a pull request, as proven before it, with what its own round has added and taken out."""
    added = hands.current().store.document(run.id, ADDED, Added) or Added({})
    stands = standing(_first_red(run), (*added_before(run), added))
    green = {proof.test for proof in evidence.proofs} | added.kinds.keys() | added.renamed.keys()
    pinned = (*evidence.pinned, *added.pinned)
    gone = [
        TakenOut(stands.shown_as.get(key, key), kind, stands.criteria[key], in_review=False)
        for key, kind in stands.kinds.items()
        if key not in green
    ]
    return replace(
        evidence,
        proofs=tuple(
            Proof(key, kind, True, stands.criteria[key], stands.shown_as.get(key, ""))
            for key, kind in stands.kinds.items()
            if key in green
        ),
        pinned=pinned,
        pinned_for=tuple((id, key) for key in pinned for id in stands.pinned.get(key, ())),
        taken_out=(*stands.taken_out, *gone),
    )


def _first_red(run: Run) -> Red | None:
    """What was red without the change that the pull request began with."""
    store = hands.current().store
    built = store.last_done(run.target.repo.id, run.target.issue, RunKind.IMPLEMENT)
    return store.document(built.id, "red", Red) if built is not None else None
