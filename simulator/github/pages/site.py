"""The pages: reads the world under its lock, and acts as the person chosen at the top of the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlparse

from flask import Blueprint, Flask, Response, abort, redirect, render_template, request, send_file
from markupsafe import Markup

from simulator.github import views_checks, views_pulls
from simulator.github.act import Act
from simulator.github.git import EMPTY_TREE
from simulator.github.pages.diffs import shown_files
from simulator.github.pages.markdown import code, render
from simulator.github.pages.timeline import thread_view, timeline
from simulator.github.refusals import Refusal
from simulator.github.service import Service
from simulator.github.state import CheckRun, Issue, PullRequest, Repository, User

HERE = Path(__file__).parent
Thing = TypeVar("Thing")
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"


class Site:
    """All pages of the simulated GitHub."""

    def __init__(self, service: Service, act: Act) -> None:
        self.service, self.act, self.world = service, act, service.world

    def register(self, flask: Flask) -> None:
        blueprint = Blueprint("pages", __name__, template_folder="templates")
        blueprint.add_app_template_filter(lambda value: value.strftime("%-d %b %Y, %H:%M:%S"), "moment")
        blueprint.add_app_template_filter(lambda value: value.strftime("%Y-%m-%dT%H:%M:%SZ"), "iso")
        blueprint.add_app_template_filter(lambda value: value.split("\n")[0], "headline")
        blueprint.add_app_template_filter(ink, "ink")
        repo, issue, pull = (
            "/<owner>/<repo>",
            "/<owner>/<repo>/issues/<int:number>",
            "/<owner>/<repo>/pull/<int:number>",
        )
        pages: tuple[tuple[str, Callable[..., Any]], ...] = (
            ("/_sim/deliveries", self._deliveries),
            ("/_sim/deliveries/<int:delivery_id>", self._delivery),
            (repo, self._code),
            (f"{repo}/tree/<path:path>", self._code),
            (f"{repo}/blob/<path:path>", self._blob),
            (f"{repo}/raw/<path:path>", self._raw),
            (f"{repo}/commit/<sha>", self._commit),
            (f"{repo}/compare/<path:range>", self._compare),
            (f"{repo}/issues", self._issues),
            (f"{repo}/pulls", self._pulls),
            (issue, self._conversation),
            (pull, self._conversation),
            (f"{pull}/files", self._files),
            (f"{pull}/commits", self._commits),
            (f"{pull}/checks", self._checks),
            (f"{pull}.diff", self._diff),
            (f"{repo}/runs/<int:run_id>", self._run),
        )
        for number, (rule, view) in enumerate(pages):
            blueprint.add_url_rule(rule, f"page-{number}", self._locked(view))
        blueprint.add_url_rule(f"{repo}/act", "act", self._act, methods=["POST"])
        blueprint.add_url_rule("/_sim/be", "be", self._be, methods=["POST"])
        blueprint.add_url_rule("/_sim/style.css", "style", lambda: send_file(HERE / "style.css"))
        blueprint.add_url_rule("/_sim/page.js", "script", lambda: send_file(HERE / "page.js"))
        flask.register_blueprint(blueprint)
        flask.before_request(self._front)

    def _locked(self, view: Callable[..., Any]) -> Callable[..., Any]:
        def locked(**values: Any) -> Any:
            with self.world.lock:
                return view(**values)

        return locked

    def _front(self) -> Any:
        """`/` is the API's root for programs and the list of repositories for browsers."""
        if request.path != "/" or "text/html" not in request.headers.get("Accept", ""):
            return None
        with self.world.lock:
            return self._page("index.html", None, repositories=self.world.repositories)

    def _page(self, template: str, repository: Repository | None, **values: Any) -> Response:
        base = f"/{repository.full_name}" if repository else ""
        people = [person for person in self.world.users.values() if person.kind == "User"]
        me = self._me(repository)
        text = render_template(
            template,
            repository=repository,
            base=base,
            people=people,
            me=me,
            my_role=repository.role(me) if repository and me else "none",
            md=lambda body: render(body, base),
            sim=self.service,
            **values,
        )
        return Response(text, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY})

    def _me(self, repository: Repository | None) -> User | None:
        """The person chosen in the browser, else the owner or whoever may do most."""
        chosen = self.world.user(request.cookies.get("sim-user", ""))
        if chosen is not None and chosen.kind == "User":
            return chosen
        if repository is None:
            return next((person for person in self.world.users.values() if person.kind == "User"), None)
        if repository.owner.kind == "User":
            return repository.owner
        most = max(
            repository.roles.items(),
            key=lambda item: ("read", "triage", "write", "maintain", "admin").index(item[1]),
            default=None,
        )
        return self.world.user(most[0]) if most else None

    # --- finding -----------------------------------------------------------------------------------------------------

    def _repository(self, owner: str, repo: str) -> Repository:
        name = f"{owner}/{repo}"
        return _found(self.world.repository(name) or self.world.renamed.get(name.lower()))

    def _issue(self, owner: str, repo: str, number: int) -> Issue:
        return _found(self._repository(owner, repo).issues.get(number))

    def _pull_request(self, owner: str, repo: str, number: int) -> PullRequest:
        return _found(self._issue(owner, repo, number).pull_request)

    def _revision(self, repository: Repository, path: str) -> tuple[str, str, str]:
        """The ref, its commit and the rest of a path such as `feature/x/src/lib.rs`."""
        parts = path.split("/")
        cuts = (("/".join(parts[:cut]), "/".join(parts[cut:])) for cut in range(len(parts), 0, -1))
        found = ((ref, repository.git.resolve(ref), rest) for ref, rest in cuts)
        return _found(next(((ref, commit, rest) for ref, commit, rest in found if commit), None))

    # --- issues and pull requests ------------------------------------------------------------------------------------

    def _issues(self, owner: str, repo: str) -> Response:
        return self._list(self._repository(owner, repo), pulls=False)

    def _pulls(self, owner: str, repo: str) -> Response:
        return self._list(self._repository(owner, repo), pulls=True)

    def _list(self, repository: Repository, *, pulls: bool) -> Response:
        state = "closed" if request.args.get("state") == "closed" else "open"
        every = [issue for issue in reversed(repository.issues.values()) if bool(issue.pull_request) is pulls]
        shown = [issue for issue in every if issue.state == state]
        counts = {name: len([issue for issue in every if issue.state == name]) for name in ("open", "closed")}
        return self._page("issues.html", repository, issues=shown, pulls=pulls, state=state, counts=counts)

    def _conversation(self, owner: str, repo: str, number: int) -> Any:
        issue = self._issue(owner, repo, number)
        if request.path != issue.path:
            return redirect(issue.path)
        pull_request = issue.pull_request
        values: dict[str, Any] = {"issue": issue, "items": timeline(issue), "tab": "conversation"}
        if pull_request:
            values |= self._about(pull_request)
        return self._page("conversation.html", issue.repository, **values)

    def _about(self, pull_request: PullRequest) -> dict[str, Any]:
        """What every page of a pull request shows."""
        files = views_pulls.files(pull_request)
        return {
            "issue": pull_request.issue,
            "pull_request": pull_request,
            "commits": [pull_request.repository.git.commit(sha) for sha in views_pulls.commits(pull_request)],
            "runs": self._runs(pull_request),
            "changed": len(files),
            "additions": sum(file.additions for file in files),
            "deletions": sum(file.deletions for file in files),
            "mergeable": pull_request.state == "open" and views_pulls.is_mergeable(pull_request),
            "is_signed": pull_request.repository.git.is_signed_by_github,
        }

    def _runs(self, pull_request: PullRequest) -> list[CheckRun]:
        runs = [run for run in pull_request.repository.check_runs if run.suite.head_sha == pull_request.head_sha]
        return list({(run.suite.app.id, run.name): run for run in runs}.values())

    def _files(self, owner: str, repo: str, number: int) -> Response:
        pull_request = self._pull_request(owner, repo, number)
        threads = tuple(thread_view(thread) for thread in pull_request.threads)
        shown = shown_files(views_pulls.files(pull_request), threads)
        return self._page("files.html", pull_request.repository, files=shown, tab="files", **self._about(pull_request))

    def _commits(self, owner: str, repo: str, number: int) -> Response:
        pull_request = self._pull_request(owner, repo, number)
        return self._page("commits.html", pull_request.repository, tab="commits", **self._about(pull_request))

    def _checks(self, owner: str, repo: str, number: int) -> Response:
        pull_request = self._pull_request(owner, repo, number)
        return self._page("checks.html", pull_request.repository, tab="checks", **self._about(pull_request))

    def _run(self, owner: str, repo: str, run_id: int) -> Response:
        repository = self._repository(owner, repo)
        run = _found(next((run for run in repository.check_runs if run.id == run_id), None))
        job = next((job for each in repository.workflow_runs for job in each.jobs if job.check_run is run), None)
        pulls = views_checks.pull_requests_of(run.suite)
        return self._page("run.html", repository, run=run, job=job, pulls=pulls)

    def _diff(self, owner: str, repo: str, number: int) -> Response:
        pull_request = self._pull_request(owner, repo, number)
        git = pull_request.repository.git
        start = git.merge_base(pull_request.base_sha, pull_request.head_sha) or pull_request.base_sha
        return Response(git.diff(start, pull_request.head_sha), content_type="text/plain; charset=utf-8")

    # --- code --------------------------------------------------------------------------------------------------------

    def _code(self, owner: str, repo: str, path: str = "") -> Response:
        repository = self._repository(owner, repo)
        if not repository.git.refs("refs/heads/"):
            return self._page(
                "tree.html", repository, ref=repository.default_branch, inside="", entries=[], readme=None, commit=None
            )
        ref, commit, inside = self._revision(repository, path or repository.default_branch)
        every = repository.git.tree(commit, recursive=True)
        prefix = f"{inside}/" if inside else ""
        entries = [entry for entry in every if entry.path.startswith(prefix) and "/" not in entry.path[len(prefix) :]]
        entries.sort(key=lambda entry: (entry.type != "tree", entry.path))
        readme = repository.git.file(commit, f"{prefix}README.md")
        text = readme.decode(errors="replace") if readme else None
        found = repository.git.commit(commit)
        return self._page("tree.html", repository, ref=ref, inside=inside, entries=entries, readme=text, commit=found)

    def _blob(self, owner: str, repo: str, path: str) -> Response:
        repository = self._repository(owner, repo)
        ref, commit, inside = self._revision(repository, path)
        data = _found(repository.git.file(commit, inside))
        binary = b"\0" in data[:8000]
        text = "" if binary else data.decode(errors="replace")
        lines = [Markup(line) for line in code(text.removesuffix("\n"), filename=inside).removesuffix("\n").split("\n")]
        return self._page("blob.html", repository, ref=ref, path=inside, lines=lines, size=len(data), binary=binary)

    def _raw(self, owner: str, repo: str, path: str) -> Response:
        repository = self._repository(owner, repo)
        _, commit, inside = self._revision(repository, path)
        data = _found(repository.git.file(commit, inside))
        return Response(data, content_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})

    def _commit(self, owner: str, repo: str, sha: str) -> Response:
        repository = self._repository(owner, repo)
        commit = repository.git.commit(_found(repository.git.resolve(sha)))
        files = repository.git.files(commit.parents[0] if commit.parents else EMPTY_TREE, commit.sha)
        signed = repository.git.is_signed_by_github(commit)
        return self._page("commit.html", repository, commit=commit, files=shown_files(files), signed=signed)

    def _compare(self, owner: str, repo: str, range: str) -> Response:
        repository = self._repository(owner, repo)
        old, _, new = range.partition("...")
        base, head = _found(repository.git.resolve(old)), _found(repository.git.resolve(new))
        start = _found(repository.git.merge_base(base, head))
        return self._page(
            "compare.html", repository, old=old, new=new, files=shown_files(repository.git.files(start, head))
        )

    # --- webhooks ----------------------------------------------------------------------------------------------------

    def _deliveries(self) -> Response:
        return self._page("deliveries.html", None, deliveries=list(reversed(self.service.deliveries.log)))

    def _delivery(self, delivery_id: int) -> Response:
        delivery = _found(next((each for each in self.service.deliveries.log if each.id == delivery_id), None))
        payload = Markup(code(json.dumps(delivery.event.payload, indent=2), "json"))
        return self._page("delivery.html", None, delivery=delivery, payload=payload)

    # --- acting ------------------------------------------------------------------------------------------------------

    def _be(self) -> Any:
        """Chooses as whom the browser acts."""
        answer = redirect(_back())
        answer.set_cookie("sim-user", request.form["login"], samesite="Strict", httponly=True)
        return answer

    def _act(self, owner: str, repo: str) -> Any:
        """Carries out what a form says, by the same verbs that scripted people use."""
        _refuse_strangers()
        name, form = f"{owner}/{repo}", request.form.to_dict()
        verb = form.pop("do")
        with self.world.lock:
            me = self._me(self._repository(owner, repo))
            values: dict[str, Any] = {"repository": name, "who": me.login if me else "", **form}
            if verb == "review":
                marks = zip(
                    request.form.getlist("path"),
                    request.form.getlist("line"),
                    request.form.getlist("note"),
                    strict=True,
                )
                values["comments"] = [
                    {"path": path, "line": int(line), "body": note} for path, line, note in marks if note.strip()
                ]
                for field in ("path", "line", "note"):
                    values.pop(field, None)
            try:
                result = self.act.do(
                    verb,
                    **{key: int(value) if key in ("number", "comment_id") else value for key, value in values.items()},
                )
            except Refusal as refusal:
                reasons = [
                    error if isinstance(error, str) else error.get("message") or error.get("code")
                    for error in refusal.errors or []
                ]
                page = self._page(
                    "refused.html",
                    self._repository(owner, repo),
                    message=refusal.message,
                    reasons=reasons,
                    back=_back(),
                )
                page.status_code = refusal.status
                return page
        return redirect(f"/{name}/issues/{result}" if verb == "open_issue" else _back())


def _found(thing: Thing | None) -> Thing:
    if thing is None:
        abort(404)
    return thing


def _back() -> str:
    """The page the form stood on; only ever a path of this server."""
    return urlparse(request.headers.get("Referer", "/")).path or "/"


def _refuse_strangers() -> None:
    """Another site's page may not act here through somebody's browser."""
    origin = request.headers.get("Origin")
    if origin and urlparse(origin).netloc != request.host:
        abort(403)


def ink(color: str) -> str:
    """Black or white, whichever can be read on a label's colour."""
    red, green, blue = (int(color[index : index + 2], 16) for index in (0, 2, 4))
    return "dark" if red * 299 + green * 587 + blue * 114 > 150_000 else "light"
