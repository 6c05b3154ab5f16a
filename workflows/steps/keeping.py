"""What an ended run leaves: its unfinished work as a branch or a draft, and an account of where it stands."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from bot import comments
from bot.agent.submit import ChangeDraft
from bot.commit_message import harmless
from bot.domain import Assignment, KeptWork, LastChecks, Run, RunKind
from bot.errors import Conflict, Unavailable, UserError
from bot.github.markers import with_marker
from bot.workbench import LAST_CHECKS, Setup
from workflows import hands
from workflows.engine import step
from workflows.steps import budgets, lifecycle, parts, preparation, publication, rules
from workflows.steps.records import ACCOUNT, CONTINUES, ENDING, KEPT, Red, rfc_of

log = logging.getLogger("rfcsmith")
UNFINISHED = 3
"""The number of the last commit of an unfinished run, among those of a finished one."""
BRANCHES = 50
"""How many names are tried for a branch of unfinished work."""


@step("keep")
def keep(run_id: str, message: str, hint: str, *, is_last: bool = False) -> None:
    """End the containers of a run that was stopped or has failed, keep what it changed as a branch, and say where it stands.

    `message` and `hint` are what it failed of, "" where it was stopped. No stop is looked for here: the stop has come.
    Raises `Unavailable` and `Conflict` where GitHub does not take the branch now; with `is_last` nothing is waited for any
    more, and the account says that there is none.
    """
    our_hands = hands.current()
    store = our_hands.store
    our_hands.workbenches.pause(run_id)
    run = store.run(run_id)
    if run.stage.is_final or run.kind in (RunKind.RFC, RunKind.WARM):
        return
    if store.has_document(run_id, lifecycle.FORGET) or store.has_document(run_id, ACCOUNT):
        return
    if message:
        store.put_document(run_id, ENDING, (message, hint))
    try:
        kept = _kept(run, message)
    except (Unavailable, Conflict) as error:
        if not is_last:
            raise
        log.warning("run %s: its work cannot be kept as a branch: %s", run_id, error)
        kept = KeptWork(refusal=str(error))
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


def _kept(run: Run, why: str) -> KeptWork | None:
    """The branch that holds what the run has changed; None where it changed nothing.

    An implementation that is at the end of its budget becomes a draft on its own branch instead, for people to judge.
    """
    _look_once_more(run)
    try:
        tree, as_before = _unfinished(run)
        if tree is None:
            return None
        files = len(hands.current().git.diff_stat(run.target.repo.id, run.start, tree))
        headline = f"Unfinished work on #{run.target.issue}, not verified"
        head = publication.make_commits(run, tree, UNFINISHED, headline)
        # A round for better tests may have ended with a budget, and the run of something else.
        is_spent = run.kind is RunKind.IMPLEMENT and hands.current().store.document(run.id, budgets.SPENT, str) == why
        branch = _branch(run, head, [run.branch] if is_spent else [])
        if is_spent:
            return replace(_draft(run, branch, head, files, why, as_before), as_before=as_before)
        return replace(_as_branch(run, branch, head, files), as_before=as_before)
    except UserError as error:
        log.warning("run %s: its work cannot be kept as a branch: %s", run.id, error)
        return KeptWork(refusal=error.message)


def _as_branch(run: Run, branch: str, head: str, files: int) -> KeptWork:
    repo = run.target.repo
    place = hands.current().github.installation(repo.installation_id).repository(repo)
    return KeptWork(branch, f"{place.html_url}/tree/{branch}", head, files)


def _draft(run: Run, branch: str, head: str, files: int, why: str, as_before: tuple[str, ...]) -> KeptWork:
    """The branch as a draft that says what is missing; one that is there already is told anew."""
    our_hands = hands.current()
    run = preparation.with_base(run)
    store, repo = our_hands.store, run.target.repo
    github = our_hands.github.installation(repo.installation_id)
    change = store.document(run.id, f"draft:{Assignment.BUILD}", ChangeDraft)
    rfc, red = rfc_of(run), store.document(run.id, "red", Red)
    named = change.title if change is not None else rfc.title if rfc is not None else ""
    title = harmless(named) or f"Issue #{run.target.issue}"
    text = comments.unfinished_body(
        issue=run.target.issue,
        why=why,
        source=comments.Source(rfc, publication.rfc_url(github, run, rfc)) if rfc is not None else None,
        plan=store.plan(run.id),
        red=red.kinds if red is not None else {},
        checks=store.document(run.id, LAST_CHECKS, LastChecks),
        usage=store.usage(run.id),
        as_before=as_before,
    )
    pull_request = github.ensure_pull_request(
        repo,
        branch=branch,
        base=run.base_ref,
        title=f"{comments.UNFINISHED}{title}",
        body=with_marker(comments.own_region(text), f"issue:{run.target.issue}"),
        draft=True,
    )
    body = comments.with_own_region(pull_request.body, text)
    if body is not None and body != pull_request.body:
        github.edit_pull_request(repo, pull_request.number, body=body)
    store.bind(run.target, pull_request=pull_request.number)
    store.save_run(replace(run, pull_request=pull_request.number))
    return KeptWork(branch, pull_request.html_url, head, files, pull_request=pull_request.number)


def unfinished_tree(run: Run) -> str | None:
    """What the run has changed so far as it may be published; None where that is nothing.

    Raises `UserError` where the workspace holds what cannot be published at all.
    """
    return _unfinished(run)[0]


def _unfinished(run: Run) -> tuple[str | None, tuple[str, ...]]:
    """As `unfinished_tree`, and the files with rules that are in it as they were before the run."""
    our_hands = hands.current()
    setup = our_hands.store.document(run.id, "setup", Setup)
    last = our_hands.store.last_snapshot(run.id)
    if setup is None or not setup.base_tree or last is None:
        return None, ()
    our_hands.workbenches.have_trees(run)
    repository_id = run.target.repo.id
    tree, as_before = rules.publishable(run, last[1])
    changed = [change.path for change in our_hands.git.diff_stat(repository_id, run.start, tree)]
    # The RFC as a document is the host's own doing, and no work that anybody would miss.
    return (tree if any(path != parts.path_of(run) for path in changed) else None), as_before


def draft_of(run: Run) -> tuple[int, str] | None:
    """The unfinished pull request that an ended run left or was to finish, and the head that it had then."""
    store = hands.current().store
    kept = store.document(run.id, KEPT, KeptWork)
    if kept is not None and kept.pull_request:
        return kept.pull_request, kept.commit
    head = store.document(run.id, CONTINUES, str)
    return (run.pull_request, head) if head is not None and run.pull_request is not None else None


def _look_once_more(run: Run) -> None:
    """Take in what the batch that was cut off has written already, where the files are in this process."""
    bench = hands.current().workbenches.at_hand(run.id)
    if bench is None or not hands.current().store.has_document(run.id, "setup"):
        return
    try:
        bench.take_snapshot()
    except (UserError, Conflict) as error:
        log.warning("run %s: what was cut off is left out: %s", run.id, error)


def _branch(run: Run, head: str, first: Iterable[str]) -> str:
    """Let a branch hold the work: one of `first`, else of the run's own name with `-wip` behind it; moved, but never by force."""
    repo = run.target.repo
    github = hands.current().github.installation(repo.installation_id)
    stem = f"{run.branch}-wip"
    for branch in (*first, stem, *(f"{stem}-{number}" for number in range(2, BRANCHES))):
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
