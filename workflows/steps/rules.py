"""The files that hold the rules of the house: a run changes them where somebody asked for that; else its agent is sent back, or they are left as they were."""

from __future__ import annotations

from bot import policy
from bot.domain import Run, RunKind
from workflows import hands
from workflows.steps import briefs
from workflows.steps.records import JOINED, ONLY_RULES, Joined, foot_of, rfc_of, rules_of, setup_of


def complaint(run: Run, tree: str) -> str:
    """What the agent changed although nobody asked for it, in words for the agent; "" where there is nothing."""
    our_hands = hands.current()
    if our_hands.store.document(run.id, ONLY_RULES, bool):
        differing = our_hands.git.diff_stat(run.target.repo.id, run.start, tree)
        others = [change.path for change in differing if change.path != policy.AGENTS]
        said = f"This round is only to write rules into `{policy.AGENTS}`, but these files differ:"
        return f"{said}\n{_listed(others)}\n\nTake that back, and submit again." if others else ""
    changed = _unasked(run, tree)
    if not changed:
        return ""
    return (
        f"These files tell everybody how to work in this repository, and nobody asked you to change them:\n{_listed(changed)}\n\n"
        "Take that back, and submit again. Where you think that a rule is worth keeping, or somebody wants one, say in your "
        "submission that `/remember <rule>` on the pull request asks for it."
    )


def _unasked(run: Run, tree: str) -> list[str]:
    """The files with rules that differ in `tree` although nobody asked for that."""
    named = _named(run)
    return [path for path in _changed(run, tree) if path not in named]


def publishable(run: Run, tree: str) -> tuple[str, tuple[str, ...]]:
    """A state of the workspace as it may be published without a proof, and the files with rules that are in it as they were.

    Those are the ones that the agent changed unasked. Needs no bench. Raises `UserError` where that makes no tree.
    """
    git, repository_id = hands.current().git, run.target.repo.id
    tree = git.publishable(repository_id, base=run.start, tree=tree, exclude=setup_of(run).unpublished)
    changed = _unasked(run, tree)
    if not changed:
        return tree, ()
    theirs = []
    if run.kind is RunKind.UPDATE:
        # Of the two sides of a merge, the one that has changed the file since they parted.
        before = git.identities(repository_id, git.merge_base(repository_id, run.base_commit, foot_of(run)))
        foot = git.identities(repository_id, foot_of(run))
        theirs = [path for path in changed if foot.get(path) != before.get(path)]
        tree = git.overlay(repository_id, tree, source=foot_of(run), paths=theirs)
    others = [path for path in changed if path not in theirs]
    return git.overlay(repository_id, tree, source=run.start, paths=others), tuple(changed)


def _changed(run: Run, tree: str) -> list[str]:
    """The files with rules that are in `tree` as nobody else has them: neither where the run began nor who pushed meanwhile."""
    git, store, repository_id = hands.current().git, hands.current().store, run.target.repo.id
    joined = store.document(run.id, JOINED, Joined)
    # What a retry goes on from is this agent's own work; GitHub made that commit, and the clone does not have it.
    foot = [foot_of(run)] if run.kind is RunKind.UPDATE else []
    sides = [run.start, *foot, *([joined.head] if joined is not None else [])]
    old = [git.identities(repository_id, commit) for commit in dict.fromkeys(sides)]
    new = git.identities(repository_id, tree)
    paths = sorted(path for path in {*new, *(path for side in old for path in side)} if policy.holds_rules(path))
    changed = [path for path in paths if all(side.get(path) != new.get(path) for side in old)]
    if run.kind is not RunKind.UPDATE:
        return changed
    # What both sides of a merge have changed is a third thing by necessity.
    before = git.identities(repository_id, git.merge_base(repository_id, run.base_commit, foot_of(run)))
    return [path for path in changed if any(side.get(path) == before.get(path) for side in old)]


def _named(run: Run) -> set[str]:
    """The files that the RFC foresees, that a review's threads are written on, or that `/remember` asks for."""
    rfc = rfc_of(run)
    foreseen = {file.path for file in rfc.foreseen.files} if rfc is not None else set()
    threads = briefs.open_threads(run) if run.kind is RunKind.REVIEW else ()
    remembering = {policy.AGENTS} if rules_of(run) else set()
    return foreseen | {thread.path for thread in threads} | remembering


def _listed(paths: list[str]) -> str:
    return "\n".join(f"- {path}" for path in paths)
