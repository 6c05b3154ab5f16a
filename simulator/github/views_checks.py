"""Check suites, check runs, statuses and workflow runs as GitHub's JSON."""

from __future__ import annotations

import re

from simulator.github import views, views_git, views_pulls
from simulator.github.place import Place, stamp
from simulator.github.state import CheckRun, CheckSuite, PullRequest, Status, WorkflowJob, WorkflowRun
from simulator.github.views import Json

# GitHub's order of gravity when runs are summed up in a suite.
GRAVITY = (
    "failure",
    "timed_out",
    "startup_failure",
    "action_required",
    "cancelled",
    "stale",
    "success",
    "neutral",
    "skipped",
)


def pull_requests_of(suite: CheckSuite) -> list[PullRequest]:
    """Open pull requests whose head is the suite's, in the same repository (GitHub never lists those of forks)."""
    repository = suite.repository
    return [
        each
        for each in repository.pull_requests
        if each.state == "open" and each.head_repository is repository and each.head_sha == suite.head_sha
    ]


def runs_of(suite: CheckSuite) -> list[CheckRun]:
    return [run for run in suite.repository.check_runs if run.suite is suite]


def suite_outcome(suite: CheckSuite) -> tuple[str, str | None]:
    """The status and conclusion of a suite, summed up from its runs."""
    runs = runs_of(suite)
    if not runs:
        return "queued", None
    if any(run.status != "completed" for run in runs):
        return ("queued" if all(run.status == "queued" for run in runs) else "in_progress"), None
    return "completed", min((run.conclusion or "neutral" for run in runs), key=GRAVITY.index)


def check_run(at: Place, it: CheckRun) -> Json:
    """A `check-run`."""
    repository = it.suite.repository
    url = at.repo(repository, f"/check-runs/{it.id}")
    page = at.html(f"/{repository.full_name}/runs/{it.id}")
    output = it.output
    return {
        "id": it.id,
        "name": it.name,
        "node_id": at.world.node_id(it),
        "head_sha": it.suite.head_sha,
        "external_id": it.external_id,
        "url": url,
        "html_url": page,
        "details_url": it.details_url or page,
        "status": it.status,
        "conclusion": it.conclusion,
        "started_at": stamp(it.started_at),
        "completed_at": stamp(it.completed_at),
        "output": {
            "title": output.get("title"),
            "summary": output.get("summary"),
            "text": output.get("text"),
            "annotations_count": len(it.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": it.suite.id},
        "app": views.app(at, it.suite.app),
        "pull_requests": [views_pulls.minimal(at, each) for each in pull_requests_of(it.suite)],
    }


def check_run_with_suite(at: Place, it: CheckRun) -> Json:
    """A check run as its webhooks hold it."""
    suite = it.suite
    status, conclusion = suite_outcome(suite)
    listed = [views_pulls.minimal(at, each) for each in pull_requests_of(suite)]
    inner = {
        "id": suite.id,
        "node_id": at.world.node_id(suite),
        "head_branch": suite.head_branch,
        "head_sha": suite.head_sha,
        "status": status,
        "conclusion": conclusion,
        "url": at.repo(suite.repository, f"/check-suites/{suite.id}"),
        "before": None,
        "after": suite.head_sha,
        "pull_requests": listed,
        "app": views.app(at, suite.app),
        "created_at": stamp(suite.created_at),
        "updated_at": stamp(suite.updated_at),
    }
    started = stamp(it.started_at or suite.created_at)
    return {**check_run(at, it), "started_at": started, "check_suite": inner}


def check_suite(at: Place, it: CheckSuite) -> Json:
    """A `check-suite`."""
    status, conclusion = suite_outcome(it)
    url = at.repo(it.repository, f"/check-suites/{it.id}")
    return {
        "id": it.id,
        "node_id": at.world.node_id(it),
        "head_branch": it.head_branch,
        "head_sha": it.head_sha,
        "status": status,
        "conclusion": conclusion,
        "url": url,
        "before": None,
        "after": it.head_sha,
        "pull_requests": [views_pulls.minimal(at, each) for each in pull_requests_of(it)],
        "app": views.app(at, it.app),
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.updated_at),
        "rerequestable": True,
        "runs_rerequestable": True,
        "latest_check_runs_count": len(runs_of(it)),
        "check_runs_url": f"{url}/check-runs",
        "head_commit": views_git.simple_commit(it.repository.git.commit(it.head_sha)),
        "repository": views.minimal_repository(at, it.repository),
    }


def annotation(at: Place, run: CheckRun, it: Json) -> Json:
    """A `check-annotation`."""
    repository, sha = run.suite.repository, run.suite.head_sha
    return {
        "path": it["path"],
        "blob_href": at.html(f"/{repository.full_name}/blob/{sha}/{it['path']}"),
        "start_line": it["start_line"],
        "start_column": it.get("start_column"),
        "end_line": it["end_line"],
        "end_column": it.get("end_column"),
        "annotation_level": it["annotation_level"],
        "title": it.get("title"),
        "message": it["message"],
        "raw_details": it.get("raw_details"),
    }


def simple_status(at: Place, it: Status, url: str) -> Json:
    """A `simple-commit-status`."""
    return {
        "url": url,
        "avatar_url": at.html(f"/_sim/avatar/{it.creator.login}.svg"),
        "id": it.id,
        "node_id": at.world.node_id(it),
        "state": it.state,
        "description": it.description,
        "target_url": it.target_url,
        "context": it.context,
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.created_at),
    }


def status(at: Place, it: Status, url: str) -> Json:
    """A `status`."""
    return {**simple_status(at, it, url), "creator": views.user(at, it.creator)}


def workflow_run(at: Place, it: WorkflowRun) -> Json:
    """A `workflow-run`."""
    repository = it.repository
    url = at.repo(repository, f"/actions/runs/{it.id}")
    head = views_git.simple_commit(repository.git.commit(it.head_sha))
    return {
        "id": it.id,
        "name": it.name,
        "node_id": at.world.node_id(it),
        "check_suite_id": it.suite.id,
        "check_suite_node_id": at.world.node_id(it.suite),
        "head_branch": it.head_branch,
        "head_sha": it.head_sha,
        "path": it.path,
        "run_number": it.run_number,
        "run_attempt": it.attempt,
        "referenced_workflows": [],
        "event": it.event,
        "status": it.status,
        "conclusion": it.conclusion,
        "workflow_id": workflow_id(it),
        "url": url,
        "html_url": at.html(f"/{repository.full_name}/actions/runs/{it.id}"),
        "pull_requests": [views_pulls.minimal(at, each) for each in pull_requests_of(it.suite)],
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.updated_at),
        "run_started_at": stamp(it.created_at),
        "actor": views.user(at, it.actor),
        "triggering_actor": views.user(at, it.actor),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": at.repo(repository, f"/check-suites/{it.suite.id}"),
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": None,
        "workflow_url": at.repo(repository, f"/actions/workflows/{workflow_id(it)}"),
        "display_title": head["message"].split("\n")[0],
        "head_commit": head,
        "repository": views.minimal_repository(at, repository),
        "head_repository": views.minimal_repository(at, repository),
    }


def workflow_id(it: WorkflowRun) -> int:
    """The same number for the same workflow file of the same repository."""
    return it.repository.id + sum(it.path.encode())


def workflow(at: Place, it: WorkflowRun) -> Json:
    """The workflow of a run, as its webhooks hold it."""
    repository = it.repository
    return {
        "id": workflow_id(it),
        "node_id": views_git.node_id("W", repository, str(workflow_id(it))),
        "name": it.name,
        "path": it.path,
        "state": "active",
        "created_at": stamp(repository.created_at),
        "updated_at": stamp(repository.created_at),
        "url": at.repo(repository, f"/actions/workflows/{workflow_id(it)}"),
        "html_url": at.html(f"/{repository.full_name}/blob/{repository.default_branch}/{it.path}"),
        "badge_url": at.html(f"/{repository.full_name}/workflows/{it.name}/badge.svg"),
    }


def workflow_job(at: Place, it: WorkflowJob) -> Json:
    """A `job`."""
    run = it.run
    url = at.repo(run.repository, f"/actions/jobs/{it.id}")
    times = {
        "created_at": stamp(run.created_at),
        "started_at": stamp(it.check_run.started_at or run.created_at),
        "completed_at": stamp(it.check_run.completed_at),
    }
    return {
        "id": it.id,
        "run_id": run.id,
        "run_url": at.repo(run.repository, f"/actions/runs/{run.id}"),
        "run_attempt": run.attempt,
        "workflow_name": run.name,
        "head_branch": run.head_branch,
        "node_id": at.world.node_id(it),
        "head_sha": run.head_sha,
        "url": url,
        "html_url": at.html(f"/{run.repository.full_name}/actions/runs/{run.id}/job/{it.id}"),
        "status": it.check_run.status,
        "conclusion": it.conclusion,
        **times,
        "name": it.name,
        "steps": [
            {
                "name": name,
                "status": it.check_run.status,
                "conclusion": it.conclusion if number == len(_steps(it)) else "success",
                "number": number,
                "started_at": times["started_at"],
                "completed_at": times["completed_at"],
            }
            for number, name in enumerate(_steps(it), 1)
        ],
        "check_run_url": at.repo(run.repository, f"/check-runs/{it.check_run.id}"),
        "labels": [it.runner],
        "runner_id": 1,
        "runner_name": "GitHub Actions 1",
        "runner_group_id": 1,
        "runner_group_name": "GitHub Actions",
    }


def _steps(it: WorkflowJob) -> list[str]:
    """The names of the steps, which the groups of the log tell; the job ended with the last of them."""
    return re.findall(r"^\S* ?##\[group\](Run .+)$", it.log, re.MULTILINE) or ["Run"]
