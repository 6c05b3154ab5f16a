"""The files that hold the rules of the house: a run changes them where somebody asked for that, and else sends its agent back."""

from __future__ import annotations

from bot import policy
from bot.domain import Run, RunKind
from workflows import hands
from workflows.steps import briefs
from workflows.steps.records import JOINED, ONLY_RULES, Joined, foot_of, rfc_of, rules_of


def complaint(run: Run, tree: str) -> str:
    """What the agent changed although nobody asked for it, in words for the agent; "" where there is nothing."""
    our_hands = hands.current()
    if our_hands.store.document(run.id, ONLY_RULES, bool):
        changed = our_hands.git.diff_stat(run.target.repo.id, run.start, tree)
        others = [change.path for change in changed if change.path != policy.AGENTS]
        said = f"This round is only to write rules into `{policy.AGENTS}`, but these files differ:"
        return f"{said}\n{_listed(others)}\n\nTake that back, and submit again." if others else ""
    unasked = [path for path in _changed(run, tree) if path not in _named(run)]
    if not unasked:
        return ""
    return (
        f"These files tell everybody how to work in this repository, and nobody asked you to change them:\n{_listed(unasked)}\n\n"
        "Take that back, and submit again. Where you think that a rule is worth keeping, or somebody wants one, say in your "
        "submission that `/remember <rule>` on the pull request asks for it."
    )


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
