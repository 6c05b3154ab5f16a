"""A pull request whose base has moved: whether the two still merge, and the update that nobody has to ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot import comments
from bot.domain import CiWatch, PullRequest, Run, RunKind
from workflows import hands
from workflows.steps import failures, preparation
from workflows.steps.place import github_of, order_of
from workflows.steps.records import BEGAN


def respond(known: CiWatch, pull_request: PullRequest) -> dict[str, Any] | None:
    """The update that is due because head and base do not merge; None where they do, or where it is left to people.

    Git on the host decides: what GitHub says of a pull request it computes late. Called where no run has the word.
    """
    our_hands = hands.current()
    store, repo = our_hands.store, known.target.repo
    waiting = store.active_runs(repo.id, known.target.issue)
    if waiting:
        # What a look opened comes first; when it ends there is another look.
        return next((order_of(run) for run in waiting if run.kind is RunKind.UPDATE), None)
    github = github_of(repo)
    base = github.branch_head(repo, pull_request.base_ref)
    if base is None or (pull_request.head_sha, base) == known.fits:
        return None
    if known.is_settled and pull_request.is_draft:
        # Somebody made it a draft again, and wants it to rest.
        return None
    place = github.repository(repo)
    base = preparation.brought(place.repo, place.clone_url, pull_request.base_ref)
    head = preparation.brought(place.repo, place.clone_url, pull_request.head_ref)
    before = our_hands.git.merge_base(repo.id, head, base)
    merge = our_hands.git.merge(repo.id, base=before, ours=head, theirs=base)
    if not merge.conflicts:
        store.put_ci_watch(replace(known, fits=(head, base)))
        return None
    updates = store.runs_of_kind(repo.id, known.target.issue, RunKind.UPDATE)
    cause = f"base:{known.pull_request}:{head}:{base}"
    is_tried = any(run.delivery_id == cause for run in updates)
    if is_tried or not our_hands.config_at(repo.id, base).update_on_conflict:
        return None
    lately = [run for run in updates if run.is_own_doing and run.attempt > known.updates_before]
    if len(lately) >= failures.ROUNDS:
        said = comments.conflict_comment(pull_request.base_ref, base, merge.conflicts, len(lately))
        github.ensure_comment(repo, known.pull_request, f"updates:{known.updates_before}", said)
        return None
    run = store.open_run(
        Run("", RunKind.UPDATE, known.target, 0, cause, known.asked_by, pull_request=known.pull_request)
    )
    store.put_document(run.id, BEGAN, comments.conflict_remark(pull_request.base_ref, base, merge.conflicts))
    return order_of(run)
