"""The repository's own CI: what is required and where it stands, runs of GitHub Actions, their failed jobs and logs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.domain import Annotation, CiCheck, CiState, CiStatus, Repo, WorkflowJob, WorkflowRun
from bot.errors import UserError
from bot.github.api import read
from bot.github.errors import NotFound, Refused
from bot.github.part import Part, path_of

_ROLLUP = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      commits(last: 1) { nodes { commit {
        oid
        statusCheckRollup { contexts(first: 100, after: $after) {
          pageInfo { hasNextPage endCursor }
          nodes {
            __typename
            ... on CheckRun { name status conclusion externalId title url isRequired(pullRequestNumber: $number) }
            ... on StatusContext { context state description targetUrl isRequired(pullRequestNumber: $number) }
          }
        } }
      } } }
    }
  }
}"""

_CONCLUSIONS = {
    "SUCCESS": CiState.GREEN,
    "NEUTRAL": CiState.GREEN,
    "SKIPPED": CiState.SKIPPED,
    "FAILURE": CiState.FAILED,
    "TIMED_OUT": CiState.FAILED,
    "STARTUP_FAILURE": CiState.FAILED,
}
"""What is not here (`ACTION_REQUIRED`, `CANCELLED`, `STALE`) waits for somebody."""

RUNS = 100
"""So many runs of a branch are looked through for the newest of each workflow."""
LOG_BYTES = 2_000_000
"""The end of a log, in which the failing step is."""
ANNOTATIONS = 50

_STATES = {"SUCCESS": CiState.GREEN, "FAILURE": CiState.FAILED, "ERROR": CiState.FAILED}


class Actions(Part):
    """What others than the bot say of a commit; REST does not tell what is required, hence GraphQL."""

    def ci_status(self, repo: Repo, number: int) -> CiStatus:
        """Where the CI of a pull request's head stands, without the bot's own check runs."""
        head_sha, nodes = self._contexts(repo, number)
        checks = tuple(read(_check, node) for node in nodes if not _is_own(node, repo))
        suites = [suite for suite in self._suites(repo, head_sha) if not self._is_own_app(suite)]
        return CiStatus(
            head_sha,
            checks,
            # Of Actions, a job that needs another one has no check run before that one has ended. Apps that never say
            # anything have a suite for ever.
            is_running=any(suite["status"] != "completed" and suite["latest_check_runs_count"] for suite in suites),
            is_waiting=any(suite["conclusion"] == "action_required" for suite in suites),
        )

    def workflow_runs(self, repo: Repo, *, head_sha: str = "", branch: str = "") -> tuple[WorkflowRun, ...]:
        """Completed runs of Actions on a commit or a branch of the repository itself, of each workflow the newest."""
        asked = {"head_sha": head_sha, "branch": branch, "status": "completed"}
        parameters = {name: value for name, value in asked.items() if value}
        newest: dict[tuple[int, str], WorkflowRun] = {}
        for number, body in enumerate(
            self._api.pages(path_of(repo, "/actions/runs"), parameters, item="workflow_runs")
        ):
            if number == RUNS:
                break
            run = read(_workflow_run, body)
            if not branch:
                # The same workflow may run for the push and for the pull request.
                newest.setdefault((run.workflow_id, run.event), run)
            elif run.event != "pull_request":
                # The branch of a fork may have the same name; its runs are those of pull requests.
                newest.setdefault((run.workflow_id, ""), run)
        return tuple(newest.values())

    def failed_jobs(self, repo: Repo, run_id: int) -> tuple[WorkflowJob, ...]:
        """The jobs that failed in the newest attempt of a run."""
        pages = self._api.pages(path_of(repo, f"/actions/runs/{run_id}/jobs"), {"filter": "latest"}, item="jobs")
        jobs = [read(_workflow_job, body) for body in pages]
        return tuple(job for job in jobs if is_failure(job.conclusion))

    def job_log(self, repo: Repo, job_id: int) -> str:
        """The end of a job's log; empty where GitHub has it no more."""
        try:
            return self._api.download(path_of(repo, f"/actions/jobs/{job_id}/logs"), LOG_BYTES)
        except NotFound:
            return ""

    def annotations(self, repo: Repo, check_run_id: int) -> tuple[Annotation, ...]:
        """The failures that a check run marked in files."""
        pages = self._api.pages(path_of(repo, f"/check-runs/{check_run_id}/annotations"))
        marked = [read(_annotation, body) for _, body in zip(range(ANNOTATIONS), pages, strict=False)]
        return tuple(each for each in marked if each.level == "failure")

    def rerun_failed_jobs(self, repo: Repo, run_id: int) -> None:
        """Start the failed jobs of a run again; refused with `UserError` where that is not to be had."""
        try:
            path = path_of(repo, f"/actions/runs/{run_id}/rerun-failed-jobs")
            self._api.send("POST", path, {}, repeatable=False)
        except Refused as refused:
            raise UserError(f"GitHub does not run the failed jobs again: {refused}") from refused

    def _contexts(self, repo: Repo, number: int) -> tuple[str, list[Any]]:
        """The head, and everything that reported on it."""
        variables: dict[str, Any] = {"owner": repo.owner, "name": repo.name, "number": number, "after": None}
        nodes: list[Any] = []
        while True:
            data = self._api.graphql(_ROLLUP, variables)
            commit = read(lambda body: body["repository"]["pullRequest"]["commits"]["nodes"][0]["commit"], data)
            head_sha, rollup = str(commit["oid"]), commit["statusCheckRollup"]
            if rollup is None:
                return head_sha, nodes
            nodes += rollup["contexts"]["nodes"]
            page = rollup["contexts"]["pageInfo"]
            if not page["hasNextPage"]:
                return head_sha, nodes
            variables["after"] = page["endCursor"]

    def _suites(self, repo: Repo, sha: str) -> Iterator[Any]:
        return self._api.pages(path_of(repo, f"/commits/{sha}/check-suites"), item="check_suites")

    def _is_own_app(self, suite: Mapping[str, Any]) -> bool:
        return f"{(suite.get('app') or {}).get('slug')}[bot]".lower() == self._own_login().lower()


def _is_own(node: Mapping[str, Any], repo: Repo) -> bool:
    """Whether the bot made the check run: its external id begins with that of a run in this repository."""
    return re.match(rf"[a-z]+-{repo.id}-\d+-\d+/", node.get("externalId") or "") is not None


def _check(node: Mapping[str, Any]) -> CiCheck:
    if node["__typename"] == "StatusContext":
        state = _STATES.get(node["state"], CiState.RUNNING)
        return CiCheck(node["context"], state, node["isRequired"], node["targetUrl"] or "", node["description"] or "")
    state = CiState.RUNNING
    if node["status"] == "COMPLETED":
        state = _CONCLUSIONS.get(node["conclusion"], CiState.WAITING)
    elif node["status"] == "WAITING":
        state = CiState.WAITING
    return CiCheck(node["name"], state, node["isRequired"], node["url"] or "", node["title"] or "")


def is_failure(conclusion: str | None) -> bool:
    """Whether REST's word for how a job or run ended means that it failed; being cancelled or skipped does not."""
    return _CONCLUSIONS.get((conclusion or "").upper()) is CiState.FAILED


def _workflow_run(body: Mapping[str, Any]) -> WorkflowRun:
    return WorkflowRun(
        id=int(body["id"]),
        workflow_id=int(body["workflow_id"]),
        name=body.get("name") or "",
        event=body["event"],
        head_sha=body["head_sha"],
        conclusion=body.get("conclusion"),
        attempt=int(body.get("run_attempt") or 1),
        url=body.get("html_url") or "",
    )


def _workflow_job(body: Mapping[str, Any]) -> WorkflowJob:
    return WorkflowJob(
        id=int(body["id"]),
        name=body["name"],
        conclusion=body.get("conclusion"),
        runner=", ".join(body.get("labels") or ()),
        url=body.get("html_url") or "",
    )


def _annotation(body: Mapping[str, Any]) -> Annotation:
    return Annotation(
        path=body["path"],
        start_line=int(body["start_line"]),
        end_line=int(body["end_line"]),
        level=body.get("annotation_level") or "",
        message=body.get("message") or "",
        title=body.get("title") or "",
    )
