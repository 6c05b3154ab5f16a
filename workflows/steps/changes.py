"""What happens around the talk: issues and pull requests that change state, the App that is taken away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from bot import comments
from bot.domain import (
    Actor,
    InstallationChanged,
    IssueChanged,
    IssueState,
    KeptWork,
    PullRequest,
    PullRequestChanged,
    RepositoriesChanged,
    Run,
    RunKind,
    Target,
)
from bot.errors import UserError
from workflows import hands
from workflows.steps import lifecycle, rounds, warming
from workflows.steps.place import github_of, is_allowed, is_ours, leave_stop
from workflows.steps.records import KEPT

log = logging.getLogger("rfcsmith")


def issue_changed(delivery_id: str, event: IssueChanged) -> Sequence[Run]:
    """Closing, deleting or moving the issue ends what is at work on it; so does taking the label off a draft."""
    store = hands.current().store
    if is_ours(event.sender) or event.issue.is_pull_request:
        return []
    if event.action == "edited":
        return rounds.issue_edited(delivery_id, event)
    woken: list[Run] = []
    for run in store.active_runs(event.repo.id, event.issue.number):
        is_end = event.action in ("closed", "deleted", "transferred")
        is_unlabeled = event.action == "unlabeled" and event.label == comments.RFC_NEEDED and run.kind is RunKind.RFC
        if is_end or is_unlabeled:
            woken += leave_stop(run, event.sender, delivery_id, comments.ended_note(event.sender, event.action))
    return woken


def pull_request_changed(delivery_id: str, event: PullRequestChanged) -> Sequence[Run]:
    store = hands.current().store
    if is_ours(event.sender) or event.action != "closed":
        return []
    record = store.target_of_pull_request(event.repo.id, event.pull_request.number)
    if record is None:
        return []
    ending = "merged" if event.pull_request.is_merged else "abandoned"
    woken: list[Run] = []
    for run in store.active_runs(event.repo.id, record.target.issue):
        if run.is_on_pull_request:
            woken += leave_stop(run, event.sender, delivery_id, comments.ended_note(event.sender, ending))
    if event.pull_request.is_merged:
        _tidy_up(replace(record.target, repo=event.repo), event.pull_request)
        if is_allowed(event.repo):
            woken += warming.after_merge(event.repo, event.sender, delivery_id)
    return woken


def _tidy_up(target: Target, merged: PullRequest) -> None:
    """Nothing is left to do: the pull request is not watched any more, and branches and labels that have no point now go."""
    hands.current().store.forget_ci_watch(target.repo.id, merged.number)
    if not is_allowed(target.repo):
        return
    ways: list[Callable[[], None]] = [partial(_untie_labels, target), partial(_delete_branches, target, merged)]
    for tidy in ways:
        try:
            tidy()
        except UserError as error:
            log.info("pull request %d is merged, and something of it stays: %s", merged.number, error)


def _untie_labels(target: Target) -> None:
    github_of(target.repo).set_labels(target.repo, target.issue, add={}, remove=list(comments.LABELS))


def _delete_branches(target: Target, merged: PullRequest) -> None:
    """Unfinished work of the bot's that nobody has gone on with, and, where the repository wants it, what was merged.

    GitHub deletes the latter itself, but not for everybody who merges. A branch with a pull request of its own stays.
    """
    repo, store, github = target.repo, hands.current().store, github_of(target.repo)
    kept = [store.document(run.id, KEPT, KeptWork) for run in store.runs_of(repo.id, target.issue)]
    left = {each.branch: each.commit for each in kept if each is not None and each.branch and not each.pull_request}
    left.pop(merged.head_ref, None)
    if merged.head_repository_id == repo.id and github.repository(repo).deletes_merged_branches:
        left[merged.head_ref] = merged.head_sha
    for branch, commit in left.items():
        found = github.find_pull_request(repo, branch)
        if found is None or found.state is not IssueState.OPEN:
            github.delete_branch(repo, branch, expected=commit)


def installation_changed(delivery_id: str, event: InstallationChanged) -> Sequence[Run]:
    if event.action in ("deleted", "suspend"):
        runs = hands.current().store.runs_of_installation(event.installation_id)
        finish = _forget if event.action == "deleted" else _end
        return finish(runs, event.sender, delivery_id)
    if event.action == "unsuspend":
        for run in hands.current().store.runs_of_installation(event.installation_id):
            lifecycle.say_late(run)
    return []


def repositories_removed(delivery_id: str, event: RepositoriesChanged) -> Sequence[Run]:
    removed = {repo.id for repo in event.removed}
    store = hands.current().store
    runs = [run for run in store.runs_of_installation(event.installation_id) if run.target.repo.id in removed]
    return _forget(runs, event.sender, delivery_id)


def _end(runs: Sequence[Run], actor: Actor, delivery_id: str) -> Sequence[Run]:
    woken: list[Run] = []
    for run in runs:
        if not run.stage.is_final:
            woken += leave_stop(run, actor, delivery_id, comments.ended_note(actor, "suspend"))
    return woken


def _forget(runs: Sequence[Run], actor: Actor, delivery_id: str) -> Sequence[Run]:
    """Delete what was kept for repositories that took the App away; a run at work is stopped, and forgotten at its end."""
    store = hands.current().store
    woken: list[Run] = []
    for run in runs:
        if not run.stage.is_final:
            # In this order: whoever stops must find that nothing of it is to be kept.
            store.put_document(run.id, lifecycle.FORGET, True)
            woken += leave_stop(run, actor, delivery_id, comments.ended_note(actor, "removed"))
    for run in runs:
        lifecycle.forget(run.id)
    return woken
