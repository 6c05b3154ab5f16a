"""REST: check runs, check suites, statuses and runs of GitHub Actions."""

from __future__ import annotations

from typing import Any

from simulator.github import views, views_checks
from simulator.github.operations import Answer, Call, operation, required
from simulator.github.refusals import Refusal, forbidden, not_found
from simulator.github.state import App, CheckRun, CheckSuite, WorkflowRun


def _app(call: Call) -> App:
    """Check runs belong to Apps; a person cannot make them."""
    if call.caller.installation is None:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    return call.caller.installation.app


def _run(call: Call) -> CheckRun:
    for run in call.repository.check_runs:
        if run.id == int(call.path["check_run_id"]):
            return run
    raise not_found()


def _suite(call: Call) -> CheckSuite:
    for suite in call.repository.suites:
        if suite.id == int(call.path["check_suite_id"]):
            return suite
    raise not_found()


def _commit(call: Call) -> str:
    sha = call.repository.git.resolve(call.path["ref"])
    if sha is None:
        raise Refusal(422, f"No commit found for SHA: {call.path['ref']}")
    return sha


@operation("checks/create", success=201)
def create_check_run(call: Call) -> Any:
    required(call.body, "CheckRun", "name", "head_sha")
    fields = {key: call.body[key] for key in call.body if call.body[key] is not None}
    return views_checks.check_run(
        call.at, call.changes.create_check_run(call.repository, _app(call), call.user, fields)
    )


@operation("checks/update")
def update_check_run(call: Call) -> Any:
    run = _run(call)
    if run.suite.app is not _app(call):
        raise forbidden()
    fields = {key: call.body[key] for key in call.body if call.body[key] is not None}
    call.changes.update_check_run(run, call.user, fields)
    return views_checks.check_run(call.at, run)


@operation("checks/get")
def get_check_run(call: Call) -> Any:
    return views_checks.check_run(call.at, _run(call))


@operation("checks/list-annotations")
def list_annotations(call: Call) -> Answer:
    run = _run(call)
    return call.page(run.annotations, lambda each: views_checks.annotation(call.at, run, each))


def _listed(call: Call, runs: list[CheckRun]) -> Answer:
    name, status, app_id = call.query.get("check_name"), call.query.get("status"), call.query.get("app_id")
    chosen = [
        run
        for run in runs
        if name in (None, run.name) and status in (None, run.status) and app_id in (None, str(run.suite.app.id))
    ]
    if (call.query.get("filter") or "latest") == "latest":
        latest = {(run.suite.app.id, run.name): run for run in chosen}
        chosen = list(latest.values())
    return call.page(reversed(chosen), lambda run: views_checks.check_run(call.at, run), inside="check_runs")


@operation("checks/list-for-ref")
def list_check_runs(call: Call) -> Answer:
    sha = _commit(call)
    return _listed(call, [run for run in call.repository.check_runs if run.suite.head_sha == sha])


@operation("checks/list-for-suite")
def list_check_runs_of_suite(call: Call) -> Answer:
    return _listed(call, views_checks.runs_of(_suite(call)))


@operation("checks/get-suite")
def get_check_suite(call: Call) -> Any:
    return views_checks.check_suite(call.at, _suite(call))


@operation("checks/list-suites-for-ref")
def list_check_suites(call: Call) -> Answer:
    sha, app_id = _commit(call), call.query.get("app_id")
    listed = [
        suite for suite in call.repository.suites if suite.head_sha == sha and app_id in (None, str(suite.app.id))
    ]
    return call.page(listed, lambda suite: views_checks.check_suite(call.at, suite), inside="check_suites")


@operation("repos/create-commit-status", success=201)
def create_status(call: Call) -> Any:
    (state,) = required(call.body, "Status", "state")
    sha = call.path["sha"]
    status = call.changes.set_status(
        call.repository,
        call.user,
        sha,
        state=state,
        context=call.body.get("context") or "default",
        description=call.body.get("description"),
        target_url=call.body.get("target_url"),
    )
    return views_checks.status(call.at, status, call.at.repo(call.repository, f"/statuses/{sha}"))


@operation("repos/get-combined-status-for-ref")
def combined_status(call: Call) -> Any:
    sha = _commit(call)
    url = call.at.repo(call.repository, f"/statuses/{sha}")
    latest = {status.context: status for status in call.repository.statuses if status.sha == sha}
    states = {status.state for status in latest.values()}
    state = "failure" if states & {"failure", "error"} else ("success" if states == {"success"} else "pending")
    shown = call.page(latest.values(), lambda status: views_checks.simple_status(call.at, status, url))
    return {
        "state": state,
        "statuses": shown.body,
        "sha": sha,
        "total_count": len(latest),
        "repository": views.minimal_repository(call.at, call.repository),
        "commit_url": call.at.repo(call.repository, f"/commits/{sha}"),
        "url": call.at.repo(call.repository, f"/commits/{sha}/status"),
    }


@operation("repos/list-commit-statuses-for-ref")
def list_statuses(call: Call) -> Answer:
    sha = _commit(call)
    url = call.at.repo(call.repository, f"/statuses/{sha}")
    listed = [status for status in reversed(call.repository.statuses) if status.sha == sha]
    return call.page(listed, lambda status: views_checks.status(call.at, status, url))


# --- GitHub Actions --------------------------------------------------------------------------------------------------


def _workflow_run(call: Call) -> WorkflowRun:
    for run in call.repository.workflow_runs:
        if run.id == int(call.path["run_id"]):
            return run
    raise not_found()


@operation("actions/list-workflow-runs-for-repo")
def list_workflow_runs(call: Call) -> Answer:
    sha, branch, status = call.query.get("head_sha"), call.query.get("branch"), call.query.get("status")
    listed = [
        run
        for run in reversed(call.repository.workflow_runs)
        if sha in (None, run.head_sha)
        and branch in (None, run.head_branch)
        and status in (None, run.status, run.conclusion)
    ]
    return call.page(listed, lambda run: views_checks.workflow_run(call.at, run), inside="workflow_runs")


@operation("actions/get-workflow-run")
def get_workflow_run(call: Call) -> Any:
    return views_checks.workflow_run(call.at, _workflow_run(call))


@operation("actions/list-jobs-for-workflow-run")
def list_jobs(call: Call) -> Answer:
    call.query.get("filter")
    return call.page(_workflow_run(call).jobs, lambda job: views_checks.workflow_job(call.at, job), inside="jobs")


@operation("actions/get-job-for-workflow-run")
def get_job(call: Call) -> Any:
    return views_checks.workflow_job(call.at, _job(call))


@operation("actions/download-job-logs-for-workflow-run", success=302)
def job_logs(call: Call) -> Answer:
    job = _job(call)
    return Answer(302, None, {"Location": call.at.html(f"/_sim/logs/{call.repository.id}/{job.id}")})


def _job(call: Call) -> Any:
    for run in call.repository.workflow_runs:
        for job in run.jobs:
            if job.id == int(call.path["job_id"]):
                return job
    raise not_found()


@operation("actions/re-run-workflow-failed-jobs", success=201)
def rerun_failed_jobs(call: Call) -> Any:
    run = _workflow_run(call)
    call.body.get("enable_debug_logging")
    call.changes.ci_rerun(run, call.user)
    return {}
