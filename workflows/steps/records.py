"""What the steps of one run leave for each other in the store, by name and type."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Assignment, Criterion, Evidence, RedKind, Rfc, Run, RunKind
from bot.workbench import Setup
from workflows import hands


class Submitted:
    """The number of the turn whose submission was accepted; absent while the conversation is open."""

    @staticmethod
    def name(assignment: Assignment) -> str:
        return f"submitted:{assignment}"


@dataclass(frozen=True, slots=True)
class Red:
    """The proven red state: its tree, why each new test failed there by its key, and a report for the builder."""

    tree: str
    kinds: dict[str, RedKind]
    criteria: dict[str, tuple[str, ...]]
    report: str


@dataclass(frozen=True, slots=True)
class Green:
    """The verified final state: the tree to publish, and what the fresh container showed."""

    tree: str
    evidence: Evidence


def setup_of(run: Run) -> Setup:
    setup = hands.current().store.document(run.id, "setup", Setup)
    assert setup is not None, "preparation comes first"
    return setup


def red_of(run: Run) -> Red | None:
    """The run's own red proof; a review keeps to that of the implementation that it reviews."""
    store = hands.current().store
    if run.kind is not RunKind.REVIEW:
        return store.document(run.id, "red", Red)
    built = store.last_done(run.target.repo.id, run.target.issue, RunKind.IMPLEMENT)
    return store.document(built.id, "red", Red) if built is not None else None


def rfc_of(run: Run) -> Rfc | None:
    """The version that the run is bound to; for a review the newest."""
    store = hands.current().store
    repository_id, issue = run.target.repo.id, run.target.issue
    if run.rfc_version:
        return store.rfc(repository_id, issue, run.rfc_version)
    return store.latest_rfc(repository_id, issue)


def agreed_criteria(run: Run) -> tuple[Criterion, ...]:
    rfc = rfc_of(run)
    return rfc.criteria if rfc is not None else ()
