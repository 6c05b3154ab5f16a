"""A red CI on the head of the bot's pull request: whose it is, whether chance, and what follows from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot import comments
from bot.agent.submit import MendDraft
from bot.domain import (
    Assignment,
    CiCheck,
    CiFailure,
    CiWatch,
    PullRequest,
    Run,
    RunKind,
    WorkflowJob,
)
from bot.domain import WorkflowRun as RunOfActions
from bot.errors import UserError
from bot.github.actions import is_failure
from bot.github.client import GitHub
from bot.rust.ci_log import excerpt, failing_step, headline
from workflows import hands
from workflows.steps.place import github_of, order_of

log = logging.getLogger("rfcsmith")

ROUNDS = 3
"""So many rounds of mending, and so many updates, follow one another before a person has to act."""
FAILURES = "ci_failures"
"""The name of the document that holds what failed."""
RED_HEAD = "ci_head"
"""The name of the document that holds on which commit."""
LEFT = "left"
"""There is nothing more that the bot does about it."""


@dataclass(frozen=True, slots=True)
class Red:
    """What is red: jobs that are the change's own business, names of jobs that fail on the base as well, and others' checks."""

    jobs: tuple[tuple[RunOfActions, WorkflowJob], ...]
    on_base: tuple[str, ...]
    foreign: tuple[CiCheck, ...]


def respond(known: CiWatch, pull_request: PullRequest, failed: Sequence[CiCheck]) -> dict[str, Any] | str | None:
    """What follows from red checks: a run to enqueue, `LEFT`, or nothing yet, because CI was asked to try again."""
    github = github_of(known.target.repo)
    red = _find(github, known, pull_request, failed)
    if red.on_base:
        stays_draft = pull_request.is_draft and any(check.is_required for check in failed)
        said = comments.red_on_base_comment(red.on_base, pull_request.base_ref, is_draft=stays_draft)
        _say(github, known, "ci-base", said)
    if not red.jobs:
        if red.foreign:
            _say(github, known, f"ci-foreign:{known.head_sha[:12]}", comments.foreign_red_comment(red.foreign))
        return LEFT
    rounds = [run for run in _rounds(known) if run.attempt > known.rounds_before]
    mending = next((run for run in rounds if run.delivery_id == _cause(known)), None)
    if mending is not None and mending.stage.is_final:
        return LEFT
    if mending is None and len(rounds) >= ROUNDS:
        names = [job.name for _, job in red.jobs]
        _say(github, known, f"ci-rounds:{known.rounds_before}", comments.rounds_over_comment(_told(rounds), names))
        return LEFT
    failures = tuple(_failure(github, known, run, job) for run, job in red.jobs)
    if mending is None and not any(failure.is_certain for failure in failures) and _again(github, known, red):
        return None
    return _mend(known, failures)


def say_flaky(known: CiWatch) -> CiWatch:
    """Everything is green, some of it at the second try: say so, once."""
    if not known.rerun_jobs:
        return known
    said = comments.flaky_comment(known.rerun_jobs)
    _say(github_of(known.target.repo), known, f"ci-flaky:{known.head_sha[:12]}", said)
    return hands.current().store.put_ci_watch(replace(known, rerun_jobs=()))


def _find(github: GitHub, known: CiWatch, pull_request: PullRequest, failed: Sequence[CiCheck]) -> Red:
    repo, names = known.target.repo, {check.name for check in failed}
    runs = [run for run in github.workflow_runs(repo, head_sha=known.head_sha) if is_failure(run.conclusion)]
    jobs = [(run, job) for run in runs for job in github.failed_jobs(repo, run.id) if job.name in names]
    before: set[tuple[int, str]] = set()
    if jobs:
        workflows = {run.workflow_id for run, _ in jobs}
        for run in github.workflow_runs(repo, branch=pull_request.base_ref):
            if run.workflow_id in workflows and is_failure(run.conclusion):
                before |= {(run.workflow_id, job.name) for job in github.failed_jobs(repo, run.id)}
    read = {job.name for _, job in jobs}
    return Red(
        tuple((run, job) for run, job in jobs if (run.workflow_id, job.name) not in before),
        tuple(dict.fromkeys(job.name for run, job in jobs if (run.workflow_id, job.name) in before)),
        tuple(check for check in failed if check.name not in read),
    )


def _failure(github: GitHub, known: CiWatch, run: RunOfActions, job: WorkflowJob) -> CiFailure:
    repo = known.target.repo
    step = failing_step(github.job_log(repo, job.id))
    marked = "\n".join(
        f"{each.path}:{each.start_line}: {each.message}"
        for each in github.annotations(repo, job.id)
        if each.path != ".github"
    )
    return CiFailure(
        workflow=run.name,
        job=job.name,
        step=step.title,
        script=step.script,
        env=step.env,
        headline=headline(step),
        log="\n".join(part for part in (marked, excerpt(step)) if part),
        is_certain=step.is_certain,
        runner=job.runner,
        url=job.url,
    )


def _again(github: GitHub, known: CiWatch, red: Red) -> bool:
    """Let the failed jobs run again, once: whether that may still show that it was chance."""
    chances = {run.id: run for run, _ in red.jobs if run.attempt == 1 and run.id not in known.rerun}
    started = []
    for run_id in chances:
        try:
            github.rerun_failed_jobs(known.target.repo, run_id)
            started.append(run_id)
        except UserError as error:
            log.warning("run %d of CI is not run again: %s", run_id, error)
    if started:
        names = tuple(dict.fromkeys((*known.rerun_jobs, *(job.name for run, job in red.jobs if run.id in started))))
        hands.current().store.put_ci_watch(replace(known, rerun=(*known.rerun, *started), rerun_jobs=names))
    return bool(started)


def _mend(known: CiWatch, failures: tuple[CiFailure, ...]) -> dict[str, Any]:
    """Open the round of this head, once; the one who asked for the pull request is who it is done for."""
    store = hands.current().store
    store.put_ci_watch(replace(known, rerun_jobs=()))
    wanted = Run("", RunKind.CI, known.target, 0, _cause(known), known.asked_by, pull_request=known.pull_request)
    run = store.open_run(wanted)
    store.put_document(run.id, RED_HEAD, known.head_sha)
    if not store.has_document(run.id, FAILURES):
        store.put_document(run.id, FAILURES, failures)
    return order_of(run)


def _cause(known: CiWatch) -> str:
    """One head is mended once, until a person acts."""
    return f"ci:{known.pull_request}:{known.head_sha}:{known.rounds_before}"


def _rounds(known: CiWatch) -> tuple[Run, ...]:
    return hands.current().store.runs_of_kind(known.target.repo.id, known.target.issue, RunKind.CI)


def _told(rounds: Sequence[Run]) -> list[comments.Round]:
    store = hands.current().store
    told = []
    for run in rounds:
        draft = store.document(run.id, f"draft:{Assignment.CI}", MendDraft)
        outcome = draft.summary if draft is not None else store.document(run.id, "outcome", str) or ""
        failures = store.document(run.id, FAILURES, tuple[CiFailure, ...]) or ()
        told.append(comments.Round(failures, outcome, store.document(run.id, "pushed", str) or ""))
    return told


def _say(github: GitHub, known: CiWatch, marker: str, body: str) -> None:
    github.ensure_comment(known.target.repo, known.pull_request, marker, body)
