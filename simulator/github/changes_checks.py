"""What can happen to check suites, check runs, statuses and runs of GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from simulator.github import views_checks
from simulator.github.changes import IssueChanges
from simulator.github.refusals import Refusal, custom, unprocessable
from simulator.github.state import App, CheckRun, CheckSuite, Repository, Status, User, WorkflowJob, WorkflowRun

MOST_ANNOTATIONS = 50
MOST_BYTES = 65_535
ACTIONS_APP = "github-actions"


class CheckChanges(IssueChanges):
    """Changes of checks; no job is ever executed here, a driver posts what CI would say."""

    def suite(self, repository: Repository, app: App, head_sha: str) -> CheckSuite:
        """The suite of an App for a commit, made on first use."""
        for suite in repository.suites:
            if suite.app is app and suite.head_sha == head_sha:
                return suite
        heads = repository.git.refs("refs/heads/").items()
        branch = next((ref.removeprefix("refs/heads/") for ref, sha in heads if sha == head_sha), None)
        now = self.world.now()
        suite = CheckSuite(
            id=self.world.new_id(),
            repository=repository,
            app=app,
            head_sha=head_sha,
            head_branch=branch,
            created_at=now,
            updated_at=now,
        )
        repository.suites.append(suite)
        return suite

    def request_suites(self, repository: Repository, head_sha: str, sender: User) -> None:
        """Every App that may write checks gets one suite for each commit pushed."""
        for installation in self.world.installations:
            if installation.covers(repository) and installation.permissions.get("checks") == "write":
                if any(each.app is installation.app and each.head_sha == head_sha for each in repository.suites):
                    continue
                self.events.check_suite("requested", sender, self.suite(repository, installation.app, head_sha))

    def create_check_run(self, repository: Repository, app: App, sender: User, fields: Mapping[str, Any]) -> CheckRun:
        """A check run from the fields of the request; `conclusion` alone completes it, as on GitHub."""
        self.refuse_archived(repository)
        head_sha = fields["head_sha"]
        if repository.git.kind(head_sha) != "commit":
            raise unprocessable(f"No commit found for SHA: {head_sha}")
        run = CheckRun(
            id=self.world.new_id(),
            suite=self.suite(repository, app, head_sha),
            name=fields["name"],
            status="queued",
            conclusion=None,
            external_id=fields.get("external_id") or "",
            details_url=None,
            started_at=self.world.now(),
            completed_at=None,
            output={},
        )
        self._fill(run, fields)
        repository.check_runs.append(run)
        self.events.check_run("created", sender, run)
        if run.status == "completed":
            self._completed(run, sender)
        return run

    def update_check_run(self, run: CheckRun, sender: User, fields: Mapping[str, Any]) -> None:
        """Changes a check run; annotations add up."""
        was = run.status
        self._fill(run, fields)
        run.suite.updated_at = self.world.now()
        if run.status == "completed" and was != "completed":
            self._completed(run, sender)

    def _fill(self, run: CheckRun, fields: Mapping[str, Any]) -> None:
        status, conclusion = fields.get("status"), fields.get("conclusion")
        if status == "completed" and not conclusion and not run.conclusion:
            raise custom("CheckRun", "conclusion is required when status is completed")
        output = fields.get("output") or {}
        self._refuse_output(output)
        run.name = fields.get("name") or run.name
        run.external_id = fields.get("external_id") or run.external_id
        run.details_url = fields.get("details_url") or run.details_url
        if fields.get("started_at"):
            run.started_at = datetime.fromisoformat(fields["started_at"])
        run.status = "completed" if conclusion else (status or run.status)
        run.conclusion = (conclusion or run.conclusion) if run.status == "completed" else None
        if run.status == "completed":
            given = fields.get("completed_at")
            run.completed_at = datetime.fromisoformat(given) if given else (run.completed_at or self.world.now())
        else:
            run.completed_at = None
        run.annotations.extend(output.get("annotations") or [])
        run.output = {**run.output, **{key: output[key] for key in ("title", "summary", "text") if key in output}}
        run.actions = list(fields.get("actions") or run.actions)

    def _refuse_output(self, output: Mapping[str, Any]) -> None:
        if len(output.get("annotations") or []) > MOST_ANNOTATIONS:
            raise unprocessable("Invalid request.\n\nNo more than 50 items are allowed.")
        for field in ("summary", "text"):
            if len((output.get(field) or "").encode()) > MOST_BYTES:
                raise unprocessable(
                    f"Invalid request.\n\nOnly 65535 characters are allowed; {len(output[field].encode())} were supplied."
                )

    def _completed(self, run: CheckRun, sender: User) -> None:
        self.events.check_run("completed", sender, run)
        if views_checks.suite_outcome(run.suite)[0] == "completed":
            self.events.check_suite("completed", sender, run.suite)

    def rerequest(self, run: CheckRun, actor: User) -> None:
        """Somebody pressed "Re-run"; the App that made the run is asked."""
        run.status, run.conclusion, run.completed_at = "queued", None, None
        self.events.check_run("rerequested", actor, run)

    def press(self, run: CheckRun, actor: User, identifier: str) -> None:
        """Somebody pressed a button of a check run."""
        if identifier not in [each["identifier"] for each in run.actions]:
            raise Refusal(422, "No such action")
        self.events.check_run("requested_action", actor, run, requested_action={"identifier": identifier})

    def set_status(
        self,
        repository: Repository,
        creator: User,
        sha: str,
        *,
        state: str,
        context: str,
        description: str | None,
        target_url: str | None,
    ) -> Status:
        """A commit status."""
        if repository.git.kind(sha) != "commit":
            raise unprocessable(f"No commit found for SHA: {sha}")
        status = Status(
            id=self.world.new_id(),
            repository=repository,
            sha=sha,
            state=state,
            context=context,
            description=description,
            target_url=target_url,
            creator=creator,
            created_at=self.world.now(),
        )
        repository.statuses.append(status)
        self.events.status(creator, repository, status)
        return status

    def actions_app(self) -> App:
        """GitHub Actions is itself an App, whose checks CI results are."""
        for app in self.world.apps:
            if app.slug == ACTIONS_APP:
                return app
        owner = self.world.add_user("github", kind="Organization")
        bot = self.world.add_user(f"{ACTIONS_APP}[bot]", kind="Bot")
        app = App(15368, ACTIONS_APP, "GitHub Actions", owner, bot, client_id="Iv1.05c79e9ad1f6bdfa")
        self.world.apps.append(app)
        return app

    def ci_result(
        self,
        repository: Repository,
        actor: User,
        head_sha: str,
        jobs: Iterable[tuple[str, str, str]],
        *,
        workflow: str = "CI",
        path: str = ".github/workflows/ci.yml",
    ) -> WorkflowRun:
        """A finished run of GitHub Actions; `jobs` are (name, conclusion, log)."""
        listed = list(jobs)
        names = [name for name, _, _ in listed]
        run = self.ci_start(repository, actor, head_sha, names, workflow=workflow, path=path)
        self.ci_finish(run, actor, listed)
        return run

    def ci_start(
        self,
        repository: Repository,
        actor: User,
        head_sha: str,
        names: Iterable[str],
        *,
        workflow: str = "CI",
        path: str = ".github/workflows/ci.yml",
        runner: str = "ubuntu-latest",
    ) -> WorkflowRun:
        """A run of GitHub Actions whose jobs are at work."""
        app, now = self.actions_app(), self.world.now()
        suite = self.suite(repository, app, head_sha)
        run = WorkflowRun(
            id=self.world.new_id(),
            repository=repository,
            name=workflow,
            path=path,
            head_branch=suite.head_branch,
            head_sha=head_sha,
            event="pull_request" if views_checks.pull_requests_of(suite) else "push",
            actor=actor,
            status="queued",
            conclusion=None,
            run_number=len(repository.workflow_runs) + 1,
            created_at=now,
            updated_at=now,
            suite=suite,
        )
        repository.workflow_runs.append(run)
        self.events.workflow_run("requested", actor, run)
        run.status = "in_progress"
        run.jobs = [self._job(run, name, runner) for name in names]
        return run

    def _job(self, run: WorkflowRun, name: str, runner: str) -> WorkflowJob:
        app = self.actions_app()
        fields = {"name": name, "head_sha": run.head_sha, "status": "in_progress"}
        check_run = self.create_check_run(run.repository, app, app.bot, fields)
        return WorkflowJob(id=check_run.id, run=run, name=name, log="", check_run=check_run, runner=runner)

    def ci_finish(self, run: WorkflowRun, actor: User, jobs: Iterable[tuple[str, str, str]]) -> None:
        """The jobs that are at work come to their end; `jobs` are (name, conclusion, log)."""
        for name, conclusion, log in jobs:
            for job in (each for each in run.jobs if each.name == name and each.check_run.status != "completed"):
                job.log = log
                self.update_check_run(job.check_run, self.actions_app().bot, {"conclusion": conclusion})
        run.status, run.updated_at = "completed", self.world.now()
        run.conclusion = min(
            (job.conclusion or "neutral" for job in run.jobs), key=views_checks.GRAVITY.index, default="success"
        )
        self.events.workflow_run("completed", actor, run)

    def ci_rerun(self, run: WorkflowRun, actor: User) -> None:
        """The jobs that failed begin again, as jobs and check runs of a new attempt; the others keep their result."""
        if run.status != "completed":
            raise Refusal(403, "This workflow is already running")
        if run.is_too_old:
            raise Refusal(403, "Unable to retry this workflow run because it was created over a month ago")
        run.attempt += 1
        run.status, run.conclusion, run.updated_at = "in_progress", None, self.world.now()
        bad = ("failure", "timed_out", "cancelled")
        run.jobs = [self._job(run, job.name, job.runner) if job.conclusion in bad else job for job in run.jobs]
