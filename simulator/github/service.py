"""Serves REST over Flask: finds the operation, asks who may, runs the handler, checks the answer, dresses the response."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from simulator.github import routes
from simulator.github.auth import Caller, authenticate, personal_token
from simulator.github.changes_apps import Changes
from simulator.github.faults import Fault, Faults
from simulator.github.git import GitError
from simulator.github.operations import OPERATIONS, Answer, Call, Operation, Reading
from simulator.github.oracle import Oracle
from simulator.github.place import Place
from simulator.github.refusals import Refusal, not_found
from simulator.github.routes_apps import VERSION
from simulator.github.state import Repository, World
from simulator.github.webhooks import Deliveries

WITH_SLASHES = {"ref", "branch", "path", "basehead"}
LIMIT = 5000
# Older than the description and still taken: the list of labels without an object around it, as PyGithub sends it.
BARE_LISTS = {"issues/add-labels", "issues/set-labels"}


@dataclass(frozen=True)
class Request:
    """What was asked, kept for tests: `token` is the user or App in whose name."""

    at: float
    method: str
    path: str
    operation: str
    status: int
    caller: str
    request_id: str


class Service:
    """Everything REST needs to answer; shared by GraphQL, git over HTTP and the pages."""

    def __init__(self, world: World, changes: Changes, oracle: Oracle, deliveries: Deliveries, *, strict: bool) -> None:
        self.world, self.changes, self.oracle, self.deliveries, self.strict = world, changes, oracle, deliveries, strict
        self.faults = Faults()
        self.violations: list[str] = []
        self.requests: list[Request] = []
        self.permissions = routes.permission_map()
        self._used: dict[str, int] = {}
        self._window = int(time.time()) // 3600

    def violate(self, sentence: str) -> None:
        """Notes that something happened which GitHub's descriptions do not hold."""
        self.violations.append(sentence)

    def personal_token(self, login: str) -> str:
        """A token with which somebody calls the API or pushes as themselves."""
        return personal_token(self.world, self.world.add_user(login))

    # --- one call ----------------------------------------------------------------------------------------------------

    def serve(self, operation: Operation, path: dict[str, Any]) -> Response:
        """Answers one request."""
        caller, answer = Caller(), None
        with self.world.lock:
            fault = self.faults.strike(operation.id, request.method)
            try:
                if (
                    fault
                    and fault.kind != "mergeable_unknown"
                    and not fault.kind.endswith("_after")
                    and fault.kind != "slow"
                ):
                    raise self.fault_refusal(fault)
                caller = authenticate(self.world, request.headers.get("Authorization"))
                answer = self._run(operation, caller, path, fault)
            except Refusal as refusal:
                answer = Answer(refusal.status, refusal.body(), dict(refusal.headers))
            if fault and fault.kind.endswith("_after"):
                struck = self.fault_refusal(fault)
                answer = Answer(struck.status, struck.body())
            faults = (
                []
                if fault
                else self.oracle.response_faults(operation.id, answer.status, answer.body)
                if _is_json(answer)
                else []
            )
            if faults and self.strict:
                self.violate(f"response of {operation.id} ({answer.status}): " + "; ".join(faults[:5]))
                answer = Answer(
                    500, {"message": "the simulator's answer is not as GitHub describes it", "errors": faults[:20]}
                )
        if fault and fault.kind == "slow":
            time.sleep(fault.seconds)
        return self.dress(operation.id, caller, answer)

    def fault_refusal(self, fault: Fault) -> Refusal:
        """What a fault answers; a cut connection is cut right here."""
        if fault.kind.startswith("cut_off"):
            cut_connection()
        return fault.refusal(self.world.now().timestamp())

    def _run(self, operation: Operation, caller: Caller, path: dict[str, Any], fault: Fault | None) -> Answer:
        version = request.headers.get("X-GitHub-Api-Version", VERSION)
        if version != VERSION:
            raise Refusal(400, f"API version {version} is not supported by this simulator")
        if operation.app_only and caller.app is None:
            raise Refusal(401, "A JSON web token could not be decoded")
        if (
            not operation.app_only
            and caller.app is not None
            and not operation.id.startswith(("apps/", "meta/", "rate-limit/"))
        ):
            raise Refusal(403, "Resource not accessible by integration")
        repository = self._repository(path)
        if repository is not None and not operation.app_only:
            needs = self.permissions.get(operation.id)
            if needs is None:
                self.violate(f"{operation.id}: nothing says which permission it needs")
            writes = request.method not in ("GET", "HEAD")
            role = routes.role_needed(operation, needs or [])
            caller.must(repository, [(name, level) for name, level in needs or []], role=role, writes=writes)
        body = self._body(operation)
        prefix = request.environ.get("sim.prefix", "")
        at = Place(self.world, request.host_url.rstrip("/"), prefix)
        call = Call(
            changes=self.changes,
            at=at,
            caller=caller,
            query=Reading(request.args.to_dict()),
            body=Reading(body if isinstance(body, dict) else {}),
            path={**path, "deliveries": self.deliveries, "rate": self._rate(caller), "root": self.oracle.root_fields()},
            url=self._paged_url(at, repository),
            accept=request.headers.get("Accept", ""),
            repository_or_none=repository,
        )
        if fault and fault.kind == "mergeable_unknown":
            call.pull_request().mergeable_unknown += 1
        answer = self._handle(operation, call)
        self._complain_unread(operation, call, answer)
        return answer

    def _handle(self, operation: Operation, call: Call) -> Answer:
        try:
            result = operation.handler(call)
        except GitError as error:
            self.violate(f"{operation.id}: git said {error}")
            raise Refusal(500, f"git said {error}") from None
        except ValueError:
            raise not_found() from None  # ids that are no numbers
        return result if isinstance(result, Answer) else Answer(operation.success, result)

    def _complain_unread(self, operation: Operation, call: Call, answer: Answer) -> None:
        """A parameter that nobody looked at is one the simulator does not simulate."""
        if not self.strict or answer.status >= 400:
            return
        for name in call.query.unread():
            if name not in ("per_page", "page"):
                self.violate(f"{operation.id}: the query parameter {name!r} is not simulated")
        for name in call.body.unread():
            self.violate(f"{operation.id}: the field {name!r} of the request is not simulated")

    def _body(self, operation: Operation) -> Any:
        raw = request.get_data()
        if request.method in ("GET", "HEAD") or not raw:
            body = None
        else:
            try:
                body = json.loads(raw)
            except ValueError:
                raise Refusal(400, "Problems parsing JSON") from None
        if isinstance(body, list) and operation.id in BARE_LISTS:
            body = {"labels": body}
        if request.method not in ("GET", "HEAD", "DELETE"):
            faults = self.oracle.request_faults(operation.id, body)
            if faults and self.strict:
                self.violate(f"request of {operation.id}: " + "; ".join(faults[:5]))
                raise Refusal(422, "Invalid request.\n\n" + "\n".join(faults[:5]))
        unknown = set(request.args) - {"page", "per_page"} - self.oracle.query_parameters(operation.id)
        if unknown and self.strict:
            self.violate(f"{operation.id} takes no query parameter {sorted(unknown)}")
        return body if body is not None else {}

    def _repository(self, path: dict[str, Any]) -> Repository | None:
        if "repo" not in path:
            return None
        name = f"{path['owner']}/{path['repo']}"
        found = self.world.repository(name)
        moved = self.world.renamed.get(name.lower())
        if found is None and moved is not None:
            raise self._moved_permanently(moved)
        if found is None:
            raise not_found()
        transferred = found.moved.get(int(path.get("issue_number", 0)))
        if transferred is not None:
            rest = re.sub(r"^.*/issues/\d+", f"/issues/{transferred.number}", request.path)
            raise self._moved_permanently(transferred.repository, rest)
        return found

    def _moved_permanently(self, repository: Repository, rest: str = "") -> Refusal:
        rest = rest or re.sub(r"^/repos/[^/]+/[^/]+", "", request.path)
        prefix = request.environ.get("sim.prefix", "")
        url = f"{request.host_url.rstrip('/')}{prefix}/repositories/{repository.id}{rest}"
        status = 301 if request.method == "GET" else 307
        return Refusal(status, "Moved Permanently", headers={"Location": url}, url=url)

    def _paged_url(self, at: Place, repository: Repository | None) -> str:
        """Links to further pages name a repository by its number, as GitHub's do."""
        path = request.path
        if repository is not None:
            path = re.sub(r"^/repos/[^/]+/[^/]+", f"/repositories/{repository.id}", path)
        return at.api(path)

    # --- the response ------------------------------------------------------------------------------------------------

    def _rate(self, caller: Caller) -> dict[str, Any]:
        used = self._used.get(_name(caller), 0)
        reset = (int(self.world.now().timestamp()) // 3600 + 1) * 3600
        return {"limit": LIMIT, "used": used, "remaining": max(0, LIMIT - used), "reset": reset}

    def dress(self, operation_id: str, caller: Caller, answer: Answer) -> Response:
        """The answer with every header that GitHub puts on it; 304 where the client has it already."""
        if answer.body is None:
            data, kind = b"", None
        elif isinstance(answer.body, str):
            data, kind = answer.body.encode(), answer.headers.get("Content-Type", "text/plain; charset=utf-8")
        else:
            data, kind = json.dumps(answer.body, separators=(",", ":")).encode(), "application/json; charset=utf-8"
        name = _name(caller)
        response = Response(data, answer.status, content_type=kind)
        request_id = f"{secrets.token_hex(2).upper()}:{secrets.token_hex(3).upper()}:{secrets.token_hex(4).upper()}"
        if request.method == "GET" and answer.status == 200:
            response.headers["ETag"] = f'W/"{hashlib.sha256(data).hexdigest()}"'
            response.headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
            if request.headers.get("If-None-Match") in (
                response.headers["ETag"],
                response.headers["ETag"].removeprefix("W/"),
            ):
                response.status_code = 304
                response.set_data(b"")
        if response.status_code != 304:
            self._used[name] = self._used.get(name, 0) + 1
        rate = self._rate(caller)
        for field, value in rate.items():
            response.headers[f"X-RateLimit-{field.capitalize()}"] = str(value)
        response.headers["X-RateLimit-Resource"] = "core"
        response.headers["X-GitHub-Request-Id"] = request_id
        response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        response.headers["X-GitHub-Api-Version-Selected"] = VERSION
        response.headers["Vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP"
        needs = self.permissions.get(operation_id)
        if needs and (caller.installation or caller.app):
            response.headers["X-Accepted-GitHub-Permissions"] = "; ".join(
                f"{permission}={level}" for permission, level in needs
            )
        for field, value in answer.headers.items():
            response.headers[field] = value
        self.requests.append(
            Request(
                time.time(),
                request.method,
                request.full_path.rstrip("?"),
                operation_id,
                response.status_code,
                name,
                request_id,
            )
        )
        return response

    # --- the table of routes -----------------------------------------------------------------------------------------

    def register(self, flask: Flask) -> None:
        """Adds a rule for every operation."""
        for operation in OPERATIONS.values():
            described = self.oracle.operation(operation.id)
            rule = _rule(described["path"])
            rules = [rule]
            if rule.startswith("/repos/<owner>/<repo>"):
                rules.append(rule.replace("/repos/<owner>/<repo>", "/repositories/<repository_id>", 1))
            for index, each in enumerate(rules):
                flask.add_url_rule(
                    each, f"{operation.id}#{index}", self._view(operation), methods=[described["method"]]
                )
        flask.register_error_handler(HTTPException, self._unknown)

    def _view(self, operation: Operation) -> Callable[..., Response]:
        def view(**path: Any) -> Response:
            return self.serve(operation, path)

        return view

    def _unknown(self, error: HTTPException) -> Any:
        """An address that nothing serves: an endpoint that is not simulated, or a mistake of the caller's."""
        if error.code in (404, 405) and "text/html" not in request.headers.get("Accept", ""):
            self.violate(f"unknown route: {request.method} {request.path}")
            answer = Answer(
                404, {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}
            )
            return self.dress("unknown", Caller(), answer)
        return error


def _rule(path: str) -> str:
    """An OpenAPI path as a Werkzeug rule."""

    def placeholder(found: re.Match[str]) -> str:
        name = found[1]
        # `commits/{commit_sha}` and the like never hold slashes, but refs and paths do.
        return f"<path:{name}>" if name in WITH_SLASHES else f"<{name}>"

    return re.sub(r"{(\w+)}", placeholder, path)


def _name(caller: Caller) -> str:
    if caller.installation:
        return f"installation {caller.installation.id}"
    if caller.app:
        return f"app {caller.app.slug}"
    return caller.user.login if caller.user else "anonymous"


def _is_json(answer: Answer) -> bool:
    return not isinstance(answer.body, str)


def cut_connection() -> None:
    """Closes the client's socket without an answer."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)


class Prefixed:
    """WSGI: `/api/v3/...` is the same as `/...` (and `/api/graphql` as `/graphql`), as on GitHub Enterprise Server, and
    `/repositories/<id>/...` the same as `/repos/<owner>/<name>/...`."""

    def __init__(self, application: Callable[..., Any], world: World) -> None:
        self._application, self._world = application, world

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        path = environ.get("PATH_INFO", "")
        if path == "/api/graphql":
            path, environ["sim.prefix"] = "/graphql", "/api/v3"
        elif path == "/api/v3" or path.startswith("/api/v3/"):
            path, environ["sim.prefix"] = path.removeprefix("/api/v3") or "/", "/api/v3"
        numbered = re.match(r"/repositories/(\d+)(?=/|$)", path)
        if numbered:
            with self._world.lock:
                found = self._world.repository_by_id(int(numbered[1]))
            path = f"/repos/{found.full_name if found else '-/-'}{path[numbered.end() :]}"
        environ["PATH_INFO"] = path
        return self._application(environ, start_response)
