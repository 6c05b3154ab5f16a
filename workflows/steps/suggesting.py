"""Suggestion blocks of a review: in the workspace before the agent comes, and looked for again in what was proven."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from bot import suggestions
from bot.agent import remarks
from bot.domain import Assignment, Run
from bot.errors import UserError
from bot.hunks import hunks
from bot.suggestions import Suggestion
from bot.workbench import Kept
from workflows import hands
from workflows.engine import step
from workflows.steps import briefs, preparation
from workflows.steps.records import SUGGESTED, Green, Suggested, lay_out, refuse

log = logging.getLogger("rfcsmith")


@step("apply_suggestions")
def apply(run_id: str) -> None:
    """Lay out the head with every suggestion that can be applied as it is; what cannot is the agent's, like any remark."""
    store = hands.current().store
    run = store.run(run_id)
    # A conversation that has begun already must not lose its work.
    if store.has_document(run_id, SUGGESTED) or store.turns(run_id, Assignment.REVIEW):
        return
    files, taken = _acceptable(run, _found(run))
    store.put_document(run_id, SUGGESTED, _laid_out(run, files, taken) if taken else Suggested())


def _found(run: Run) -> tuple[Suggestion, ...]:
    """What people suggest for the head that the run begins at; GitHub counts the lines at the head of this moment."""
    assert run.pull_request is not None
    repo = run.target.repo
    threads = briefs.open_threads(run)
    head = hands.current().github.installation(repo.installation_id).pull_request(repo, run.pull_request).head_sha
    if head != run.head_commit:
        return ()
    found = [
        suggestions.suggestion_of(id, thread)
        for id, thread in remarks.thread_ids(threads).items()
        if not thread.comments[-1].author.is_bot
    ]
    return suggestions.apart([each for each in found if each is not None])


def _acceptable(run: Run, found: Sequence[Suggestion]) -> tuple[dict[str, bytes], tuple[Suggestion, ...]]:
    """The files with what may be published of the suggestions, and those."""
    git, repository_id = hands.current().git, run.target.repo.id
    by_path: dict[str, list[Suggestion]] = {}
    for each in found:
        by_path.setdefault(each.path, []).append(each)
    files = {}
    for path, content in git.read_many(repository_id, run.head_commit, by_path).items():
        changed = suggestions.applied(content, by_path[path])
        if changed is not None and _may_be_published(run, path, changed):
            files[path] = changed
    return files, tuple(each for each in found if each.path in files)


def _may_be_published(run: Run, path: str, content: bytes) -> bool:
    git, repository_id = hands.current().git, run.target.repo.id
    tree = git.with_files(repository_id, run.head_commit, {path: content})
    try:
        refuse(run, git.changes(repository_id, run.head_commit, tree))
    except UserError as error:
        log.info("run %s: a suggestion is not applied: %s", run.id, error)
        return False
    return True


def _laid_out(run: Run, files: Mapping[str, bytes], taken: tuple[Suggestion, ...]) -> Suggested:
    """Make the workspace the head with these files, and have what their manifests need; manifests that cannot be had are left out."""
    our_hands = hands.current()
    tree = our_hands.git.with_files(run.target.repo.id, run.head_commit, files)
    lay_out(run, tree)
    others = {path: content for path, content in files.items() if not path.endswith(("Cargo.toml", "Cargo.lock"))}
    if len(others) < len(files):
        try:
            preparation.fetch_again(run, tree)
        except UserError as error:
            log.info("run %s: suggested manifests are left to the agent: %s", run.id, error)
            return _laid_out(run, others, tuple(each for each in taken if each.path in others))
    bench = our_hands.workbenches.open(run)
    # Cargo may have put the lock file into order.
    bench.take_snapshot()
    bench.keep(Kept.SUGGESTED, tree)
    return Suggested(tree, taken)


def fates(run: Run) -> dict[str, tuple[Suggestion, bool]]:
    """By thread the suggestions that the host applied, each with whether its text stands in what was proven."""
    our_hands = hands.current()
    git, repository_id = our_hands.git, run.target.repo.id
    suggested = our_hands.store.document(run.id, SUGGESTED, Suggested) or Suggested()
    green = our_hands.store.document(run.id, "green", Green)
    assert green is not None, "the proof comes before publishing"
    if suggested.applied:
        our_hands.workbenches.have_trees(run)
    changed = {
        path: hunks(git.diff(repository_id, suggested.tree, green.tree, context=0, paths=[path]))
        for path in {each.path for each in suggested.applied}
    }
    places = suggestions.places(suggested.applied)
    return {
        each.thread: (each, suggestions.stands(places[each.thread], changed[each.path])) for each in suggested.applied
    }
