"""What an ended run leaves: its unfinished work as a branch, and an account of where it stands."""

from __future__ import annotations

import logging

from bot import comments
from bot.domain import KeptWork, LastChecks, Run, RunKind
from bot.errors import Conflict, UserError
from bot.workbench import LAST_CHECKS, Setup
from workflows import hands
from workflows.engine import step
from workflows.steps import lifecycle, publication
from workflows.steps.records import ACCOUNT, ENDING, KEPT, Red

log = logging.getLogger("rfcsmith")
RED, UNFINISHED = 1, 3
"""The numbers of an unfinished run's commits: its proven tests as in a finished one, and all the rest."""
BRANCHES = 50
"""How many names are tried for a branch of unfinished work."""


@step("keep")
def keep(run_id: str, message: str, hint: str) -> None:
    """End the containers of a run that was stopped or has failed, keep what it changed as a branch, and say where it stands.

    `message` and `hint` are what it failed of, "" where it was stopped. No stop is looked for here: the stop has come.
    """
    our_hands = hands.current()
    store = our_hands.store
    our_hands.workbenches.pause(run_id)
    run = store.run(run_id)
    if run.stage.is_final or run.kind is RunKind.RFC:
        return
    if store.has_document(run_id, lifecycle.FORGET) or store.has_document(run_id, ACCOUNT):
        return
    if message:
        store.put_document(run_id, ENDING, (message, hint))
    kept = _kept(run)
    if kept is not None:
        store.put_document(run_id, KEPT, kept)
    red = store.document(run_id, "red", Red)
    account = comments.account(
        run.kind,
        kept,
        store.plan(run_id),
        red_tests=len(red.kinds) if red is not None else 0,
        checks=store.document(run_id, LAST_CHECKS, LastChecks),
    )
    store.put_document(run_id, ACCOUNT, account)


def _kept(run: Run) -> KeptWork | None:
    """The branch that holds what the run has changed; None where it changed nothing."""
    _look_once_more(run)
    try:
        tree = unfinished_tree(run)
        if tree is None:
            return None
        files = len(hands.current().git.diff_stat(run.target.repo.id, _start(run), tree))
        head = _commits(run, tree)
        branch = _branch(run, head)
    except UserError as error:
        log.warning("run %s: its work cannot be kept as a branch: %s", run.id, error)
        return KeptWork(refusal=error.message)
    repo = run.target.repo
    place = hands.current().github.installation(repo.installation_id).repository(repo)
    return KeptWork(branch, f"{place.html_url}/tree/{branch}", head, files)


def unfinished_tree(run: Run) -> str | None:
    """What the run has changed so far as it may be published; None where that is nothing.

    Raises `UserError` where the workspace holds what cannot be published at all.
    """
    our_hands = hands.current()
    setup = our_hands.store.document(run.id, "setup", Setup)
    last = our_hands.store.last_snapshot(run.id)
    if setup is None or not setup.base_tree or last is None:
        return None
    our_hands.workbenches.have_trees(run)
    repository_id = run.target.repo.id
    tree = our_hands.git.publishable(repository_id, base=_start(run), tree=last[1], exclude=setup.unpublished)
    return tree if tree != our_hands.git.tree_of(repository_id, _start(run)) else None


def _start(run: Run) -> str:
    return run.head_commit or run.base_commit


def _look_once_more(run: Run) -> None:
    """Take in what the batch that was cut off has written already, where the files are in this process."""
    bench = hands.current().workbenches.at_hand(run.id)
    if bench is None or not hands.current().store.has_document(run.id, "setup"):
        return
    try:
        bench.take_snapshot()
    except (UserError, Conflict) as error:
        log.warning("run %s: what was cut off is left out: %s", run.id, error)


def _commits(run: Run, tree: str) -> str:
    """The commits of unfinished work on top of where the run began: the proven tests, if there are any, and the rest."""
    head = _start(run)
    red = hands.current().store.document(run.id, "red", Red)
    if red is not None:
        head = publication.commit(run, RED, head, red.tree, f"Tests for #{run.target.issue}, red without the change")
    return publication.commit(run, UNFINISHED, head, tree, f"Unfinished work on #{run.target.issue}, not verified")


def _branch(run: Run, head: str) -> str:
    """Let a branch of the run's own name with `-wip` behind it hold the work: moved forward where it is there, never by force."""
    repo = run.target.repo
    github = hands.current().github.installation(repo.installation_id)
    stem = f"{run.branch}-wip"
    for branch in (stem, *(f"{stem}-{number}" for number in range(2, BRANCHES))):
        try:
            there = github.branch_head(repo, branch)
            if there is None:
                github.create_branch(repo, branch, head)
            else:
                github.move_branch(repo, branch, expected=there, sha=head)
        except Conflict:
            continue
        return branch
    raise UserError(f"There are {BRANCHES} branches like `{stem}` already.", "Delete some of them.")
