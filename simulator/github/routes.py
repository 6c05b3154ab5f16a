"""The table of everything that REST serves here, and who may call it."""

from __future__ import annotations

import json

from simulator.github import routes_apps, routes_checks, routes_git, routes_issues, routes_pulls
from simulator.github.operations import OPERATIONS, Operation
from simulator.github.oracle import DESCRIPTIONS

MODULES = (routes_apps, routes_checks, routes_git, routes_issues, routes_pulls)

# What the published map leaves out, from the reference's own pages.
BY_HAND: dict[str, list[list[str]]] = {
    "apps/list-repos-accessible-to-installation": [["metadata", "read"]],
    "checks/rerequest-run": [["checks", "write"]],
    "pulls/create-reply-for-review-comment": [["pull_requests", "write"]],
    "issues/list-sub-issues": [["issues", "read"]],
    "issues/add-sub-issue": [["issues", "write"]],
    "pulls/update-branch": [["pull_requests", "write"]],
    "repos/compare-commits-with-basehead": [["contents", "read"]],
    "repos/get-collaborator-permission-level": [["metadata", "read"]],
    "repos/list-pull-requests-associated-with-commit": [["pull_requests", "read"], ["contents", "read"]],
    "actions/re-run-workflow-failed-jobs": [["actions", "write"]],
    "repos/get-readme": [["contents", "read"]],
    # The map is older than the issue types of pull requests: these answer for both.
    "issues/get": [["issues", "read"], ["pull_requests", "read"]],
    "issues/list-for-repo": [["issues", "read"], ["pull_requests", "read"]],
    "reactions/list-for-issue": [["issues", "read"], ["pull_requests", "read"]],
    # Its `contents` and `actions` columns mix job logs with files; what opens each door today:
    "actions/download-job-logs-for-workflow-run": [["actions", "read"]],
    "actions/get-job-for-workflow-run": [["actions", "read"]],
    "actions/get-workflow-run": [["actions", "read"]],
    "actions/list-jobs-for-workflow-run": [["actions", "read"]],
    "actions/list-workflow-runs-for-repo": [["actions", "read"]],
    "checks/get": [["checks", "read"]],
    "checks/get-suite": [["checks", "read"]],
    "checks/list-annotations": [["checks", "read"]],
    "checks/list-for-ref": [["checks", "read"]],
    "checks/list-for-suite": [["checks", "read"]],
    "checks/list-suites-for-ref": [["checks", "read"]],
}


def served_operations() -> set[str]:
    """The ids of all operations that have a handler."""
    return set(OPERATIONS)


def permission_map() -> dict[str, list[list[str]]]:
    """Which permissions open which operation to an installation: any one of those listed."""
    published = json.loads((DESCRIPTIONS / "permissions.json").read_text(encoding="utf-8"))["operations"]
    return {**published, **BY_HAND}


def role_needed(operation: Operation, needs: list[list[str]]) -> str:
    """The role a person needs: what the handler says, else what the permission's level amounts to."""
    if operation.role:
        return operation.role
    return "write" if any(level == "write" for _, level in needs) else "read"
