"""git's smart HTTP: real clones, fetches and pushes through `git http-backend`, guarded by the same tokens as REST."""

from __future__ import annotations

import subprocess
from typing import Any

from flask import Flask, Response, request

from simulator.github.auth import Caller, authenticate
from simulator.github.git import ZERO, clean_environment
from simulator.github.refusals import Refusal
from simulator.github.service import Service
from simulator.github.state import ROLES, Repository

# Runs inside the bare repository for each ref of a push: branch protection, and the permission for workflows.
UPDATE_HOOK = """#!/bin/sh
ref=$1 old=$2 new=$3
case " $SIM_PROTECTED " in *" $ref "*)
    echo "error: GH006: Protected branch update failed for $ref." >&2
    echo "error: Changes must be made through a pull request." >&2
    exit 1 ;;
esac
case "$ref" in refs/pull/*)
    echo "error: deny updating a hidden ref" >&2
    exit 1 ;;
esac
if [ "$SIM_MAY_CHANGE_WORKFLOWS" = 0 ] && [ "$new" != "@ZERO@" ]; then
    [ "$old" = "@ZERO@" ] && old=$(git rev-parse --verify --quiet HEAD || git hash-object -t tree /dev/null)
    changed=$(git diff --name-only "$old" "$new" -- .github/workflows | head -n 1)
    if [ -n "$changed" ]; then
        echo "refusing to allow a GitHub App to create or update workflow \\`$changed\\` without \\`workflows\\` permission" >&2
        exit 1
    fi
fi
exit 0
""".replace("@ZERO@", ZERO)


class GitHttp:
    """The three addresses that git asks for."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.world = service.world

    def register(self, flask: Flask) -> None:
        for suffix in (".git", ""):
            base = f"/<owner>/<repo>{suffix}"
            name = "git" if suffix else "git-short"
            flask.add_url_rule(f"{base}/info/refs", f"{name}-refs", self._view("info/refs"), methods=["GET"])
            for step in ("git-upload-pack", "git-receive-pack"):
                flask.add_url_rule(f"{base}/{step}", f"{name}-{step}", self._view(step), methods=["POST"])

    def _view(self, step: str) -> Any:
        def view(owner: str, repo: str) -> Response:
            with self.world.lock:
                try:
                    return self._serve(step, f"{owner}/{repo}")
                except Refusal as refusal:
                    return self._refused(refusal)

        return view

    def _refused(self, refusal: Refusal) -> Response:
        response = Response(f"{refusal.message}\n", refusal.status, content_type="text/plain")
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="GitHub"'
        return response

    def _serve(self, step: str, name: str) -> Response:
        what = request.args.get("service", "") if step == "info/refs" else step
        fault = self.service.faults.strike(what, request.method)
        if fault and not fault.kind.endswith("_after"):
            raise self.service.fault_refusal(fault)
        caller = authenticate(self.world, request.headers.get("Authorization"))
        repository = self.world.repository(name)
        writes = what == "git-receive-pack"
        if repository is None or not caller.can_see(repository):
            raise Refusal(401 if caller.user is None else 404, "Repository not found.")
        self._must(caller, repository, writes=writes)
        before = repository.git.refs("refs/heads/") | repository.git.refs("refs/tags/")
        response = self._backend(step, repository, caller)
        if step == "git-receive-pack":
            self._tell(repository, caller, before)
        if fault:
            raise self.service.fault_refusal(fault)
        return response

    def _must(self, caller: Caller, repository: Repository, *, writes: bool) -> None:
        user = caller.user
        if caller.app is not None:
            raise Refusal(
                401, "Invalid username or token. Password authentication is not supported for Git operations."
            )
        if caller.installation:
            reads = caller.covers(repository) and caller.has("contents", "read")
            allowed = (
                (caller.covers(repository) and caller.has("contents", "write"))
                if writes
                else (reads or not repository.private)
            )
        elif user is None:
            if writes:
                raise Refusal(401, "Authentication required.")
            allowed = True
        else:
            allowed = ROLES.index(repository.role(user)) >= ROLES.index("write" if writes else "read")
        if not allowed:
            who = user.login if user else "anonymous"
            raise Refusal(403, f"Permission to {repository.full_name}.git denied to {who}.")
        if writes and repository.archived:
            raise Refusal(403, "This repository was archived so it is read-only.")

    def _backend(self, step: str, repository: Repository, caller: Caller) -> Response:
        path = repository.git.path
        hook = path / "hooks" / "update"
        if not hook.exists():
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(UPDATE_HOOK, encoding="utf-8")
            hook.chmod(0o755)
        may_change_workflows = caller.installation is None or caller.has("workflows", "write")
        environment = {
            **clean_environment(),
            "GIT_PROJECT_ROOT": str(path.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{path.name}/{step}",
            "QUERY_STRING": request.query_string.decode(),
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_USER": caller.user.login if caller.user else "",
            "REMOTE_ADDR": "127.0.0.1",
            "SIM_PROTECTED": " ".join(f"refs/heads/{branch}" for branch in repository.protected),
            "SIM_MAY_CHANGE_WORKFLOWS": "1" if may_change_workflows else "0",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=request.get_data(), env=environment, capture_output=True, check=False
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        status, headers = 200, []
        for line in head.decode().split("\r\n"):
            key, _, value = line.partition(": ")
            if key.lower() == "status":
                status = int(value.split()[0])
            elif key:
                headers.append((key, value))
        return Response(body, status, headers)

    def _tell(self, repository: Repository, caller: Caller, before: dict[str, str]) -> None:
        """What the push did to the refs, told as webhooks."""
        after = repository.git.refs("refs/heads/") | repository.git.refs("refs/tags/")
        for ref in sorted(before.keys() | after.keys()):
            old, new = before.get(ref, ZERO), after.get(ref, ZERO)
            if old != new:
                self.service.changes.moved(repository, caller.acting_user(), ref, old, new)
