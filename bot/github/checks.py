"""Check runs of the App; `external_id` is what makes one of them findable again."""

from __future__ import annotations

from typing import Any

from bot.domain import Annotation, CheckRun, Repo
from bot.github.api import read
from bot.github.part import Part, path_of

MAX_OUTPUT = 65_535
"""Bytes that GitHub takes for a summary or text; cutting is the caller's work."""

ANNOTATIONS = 50
"""Annotations in one request; those of further requests are added to the earlier ones."""


class Checks(Part):
    """The App's verdicts on a commit."""

    def ensure_check_run(self, repo: Repo, check_run: CheckRun) -> None:
        """The App's one check run with this name and external id on the commit, in this state and saying this."""
        output = _output(check_run)
        state = _state(check_run)
        body, was_there = self._api.ensure(
            lambda: self._find(repo, check_run),
            lambda: self._create(repo, check_run),
        )
        run_id, count = read(lambda run: (int(run["id"]), int(run["output"]["annotations_count"])), body)
        path = path_of(repo, f"/check-runs/{run_id}")
        if was_there and not _is_same(body, state, output):
            self._api.send("PATCH", path, {**state, "output": output}, repeatable=True)
        annotations = check_run.annotations
        for start in range(count, len(annotations), ANNOTATIONS):
            batch = [_annotation(annotation) for annotation in annotations[start : start + ANNOTATIONS]]
            # Not repeatable: GitHub adds annotations to those of earlier requests.
            self._api.send("PATCH", path, {"output": {**output, "annotations": batch}}, repeatable=False)

    def _create(self, repo: Repo, check_run: CheckRun) -> Any:
        body = {
            "name": check_run.name,
            "head_sha": check_run.head_sha,
            "external_id": check_run.external_id,
            **_state(check_run),
            "output": _output(check_run),
        }
        return self._api.send("POST", path_of(repo, "/check-runs"), body, repeatable=False)

    def _find(self, repo: Repo, check_run: CheckRun) -> Any | None:
        path = path_of(repo, f"/commits/{check_run.head_sha}/check-runs")
        for body in self._api.pages(path, {"check_name": check_run.name, "filter": "all"}, item="check_runs"):
            slug = (body.get("app") or {}).get("slug")
            is_own = f"{slug}[bot]".lower() == self._own_login().lower()
            if is_own and (body.get("name"), body.get("external_id")) == (check_run.name, check_run.external_id):
                return body
        return None


def _state(check_run: CheckRun) -> dict[str, str]:
    state = {"status": check_run.status}
    return state if check_run.conclusion is None else {**state, "conclusion": check_run.conclusion}


def _output(check_run: CheckRun) -> dict[str, Any]:
    for part in (check_run.summary, check_run.text):
        size = len(part.encode())
        if size > MAX_OUTPUT:
            raise ValueError(f"a check run's output of {size} bytes is longer than GitHub's {MAX_OUTPUT}")
    output = {"title": check_run.title, "summary": check_run.summary}
    return {**output, "text": check_run.text} if check_run.text else output


def _is_same(run: Any, state: dict[str, str], output: dict[str, Any]) -> bool:
    shown = run.get("output") or {}
    return all(run.get(key) == value for key, value in state.items()) and all(
        shown.get(key) == value for key, value in output.items()
    )


def _annotation(annotation: Annotation) -> dict[str, Any]:
    body: dict[str, Any] = {
        "path": annotation.path,
        "start_line": annotation.start_line,
        "end_line": annotation.end_line,
        "annotation_level": annotation.level,
        "message": annotation.message,
    }
    return {**body, "title": annotation.title} if annotation.title else body
