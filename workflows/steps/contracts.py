"""The contract of a run's change, and where the change leaves its RFC: read from git, and licences from the dependency cache."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from posixpath import basename

from bot.domain import Contract, Evidence, Rfc, Run, TermKind
from bot.rfc.drift import Drift, drift
from bot.rust.contract import contract
from bot.rust.dependencies import with_licences
from bot.rust.frozen import STUB_LEFT, stubs_left
from bot.rust.surface import touched
from bot.sandbox.cargo_homes import licence
from workflows import hands
from workflows.steps import parts
from workflows.steps.records import Green


@dataclass(frozen=True, slots=True)
class Findings:
    """What comparing the base with the final tree gave."""

    contract: Contract = Contract()
    drift: Drift = Drift()


def findings_of(run: Run, rfc: Rfc | None) -> Findings:
    """Compare the base with the tree that will be published; of drift nothing where the RFC foresaw nothing."""
    git, repository_id = hands.current().git, run.target.repo.id
    green = hands.current().store.document(run.id, "green", Green)
    if green is None:
        return Findings()
    base = git.tree_of(repository_id, run.base_commit)
    filed = parts.path_of(run)
    paths = tuple(change.path for change in git.changes(repository_id, base, green.tree) if change.path != filed)
    if not any(_tells(path) for path in paths) and (rfc is None or not rfc.foreseen.files):
        return Findings()
    old, new = (_texts(repository_id, tree) for tree in (base, green.tree))
    home = hands.current().workbenches.cargo_homes.path(repository_id)
    locks = {path: text for path, text in new.items() if basename(path) == "Cargo.lock"}
    found = with_licences(contract(old, new), locks, partial(licence, home))
    if rfc is None or not rfc.foreseen.files:
        return Findings(found)
    return Findings(found, drift(rfc.foreseen, touched(old, new, paths), found, rfc.body))


def _tells(path: str) -> bool:
    return path.endswith(".rs") or basename(path) in ("Cargo.toml", "Cargo.lock")


def _texts(repository_id: int, tree: str) -> dict[str, str]:
    """All Rust sources, manifests and lock files: whether an item is public is decided in files that did not change."""
    git = hands.current().git
    wanted = [path for path in git.paths(repository_id, tree) if _tells(path)]
    return git.texts(repository_id, tree, wanted)


def with_stubs(evidence: Evidence, found: Contract) -> Evidence:
    """The evidence whose "Look here" names the stubs of the whole change by their lines, also after a review."""
    stubs = [f"{term.path}:{term.line}" for term in found.terms if term.kind is TermKind.STUB]
    if not stubs:
        return evidence
    others = [line for line in evidence.look_here if line.sentence != STUB_LEFT]
    return replace(evidence, look_here=(*others, *stubs_left(stubs)))
