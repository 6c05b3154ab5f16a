"""Follows a repository's workflows on a pull request, row by row and step by step, and collects the commands they run.

Pure. A job's steps share what GitHub shares between them: the environment, the default toolchain, outputs; scripts,
composite actions, reusable workflows, just, make and cargo-make are followed where their files are at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from posixpath import basename, dirname, join, normpath

from bot.rust.actions import command_of, env_of, toolchain_of
from bot.rust.expressions import HOLE, OPEN, UNKNOWN, Value, condition, interpolate, text_of
from bot.rust.scripts import Found, Job, follow_script
from bot.rust.shell_words import State
from bot.rust.workflows import (
    applies_to_pull_request,
    event,
    is_foreign_runner,
    load,
    mapping,
    rows,
    sees_rust,
    sequence,
)

_WORKFLOW = re.compile(r"^\.github/workflows/[^/]+\.ya?ml$")
MAX_DEPTH = 6


def follow_workflows(files: Mapping[str, str]) -> tuple[Found, ...]:
    """Every command of every workflow that a pull request starts.

    Without any such workflow, those that a push starts: a branch of the same repository runs them too.
    """
    workflows = {path: load(text) for path, text in sorted(files.items()) if _WORKFLOW.match(path)}
    sources = ["src/lib.rs", "src/main.rs"]
    sources += [join(dirname(path), name) for path in files if basename(path) == "Cargo.toml" for name in sources[:2]]
    found: list[Found] = []
    for name in ("pull_request", "pull_request_target", "push"):
        for path, workflow in workflows.items():
            filters = event(workflow, name)
            if filters is None or not applies_to_pull_request(filters) or (name == "push" and _is_for_tags(filters)):
                continue
            found += _workflow(path, workflow, files, {}, required=sees_rust(filters, sources))
        if found:
            break
    return tuple(found)


def _is_for_tags(filters: Mapping[str, Value]) -> bool:
    return "tags" in filters and "branches" not in filters


def _workflow(
    path: str,
    workflow: Mapping[str, Value],
    files: Mapping[str, str],
    inputs: Mapping[str, Value],
    *,
    required: bool,
    depth: int = 0,
) -> list[Found]:
    """The commands of all jobs, those first on which others wait, so that their outputs are known."""
    jobs = {name: mapping(job) for name, job in mapping(workflow.get("jobs")).items()}
    done: dict[str, Value] = {}
    skipped: set[str] = set()
    found: list[Found] = []
    for name in _in_order(jobs):
        job = jobs[name]
        needs = [text_of(item) for item in sequence(job.get("needs"))]
        context = _context(workflow, inputs, {need: done.get(need, UNKNOWN) for need in needs})
        guard = job.get("if")
        waits = skipped & set(needs) and not re.search(r"always\(\)|cancelled\(\)|failure\(\)", str(guard or ""))
        if waits or condition(guard, {**context, "matrix": UNKNOWN}) is False:
            skipped.add(name)
            done[name] = {"result": "skipped", "outputs": {}}
            continue
        outputs: Value = UNKNOWN
        for row in rows(job, context):
            job_found, outputs = _row(
                path, workflow, name, job, {**context, "matrix": _row_value(row)}, files, required, depth
            )
            found += job_found
        done[name] = {"result": "success", "outputs": outputs}
    return found


def _row_value(row: Mapping[str, Value]) -> Value:
    return UNKNOWN if row.get("") is UNKNOWN else dict(row)


def _in_order(jobs: Mapping[str, Mapping[str, Value]]) -> Iterator[str]:
    """The names of the jobs, each after those it needs; otherwise as they stand in the file."""
    placed: set[str] = set()

    def place(name: str, above: tuple[str, ...]) -> Iterator[str]:
        if name in placed or name in above or name not in jobs:
            return
        for need in sequence(jobs[name].get("needs")):
            yield from place(text_of(need), (*above, name))
        placed.add(name)
        yield name

    for name in jobs:
        yield from place(name, ())


def _context(
    workflow: Mapping[str, Value], inputs: Mapping[str, Value], needs: Mapping[str, Value]
) -> dict[str, Value]:
    """What a pull request looks like to expressions; the repository is always the right one."""
    github: dict[str, Value] = {
        "event_name": "pull_request", "ref": "refs/pull/1/merge", "ref_name": "1/merge", "ref_type": "branch",
        "base_ref": "main", "head_ref": "change", "repository": _ANYTHING, "repository_owner": _ANYTHING,
        "actor": "contributor", "triggering_actor": "contributor", "workflow": text_of(workflow.get("name")),
        "sha": UNKNOWN, "token": UNKNOWN, "run_id": UNKNOWN, "workspace": ".", "job": UNKNOWN, "server_url": UNKNOWN,
        "event": {
            "action": "synchronize", "number": 1, "inputs": None, "schedule": None, "repository": UNKNOWN,
            "pull_request": {
                "draft": False, "number": 1, "labels": [], "merged": False, "title": UNKNOWN, "body": UNKNOWN,
                "user": {"login": "contributor"}, "head": UNKNOWN, "base": UNKNOWN,
            },
        },
    }  # fmt: skip
    return {
        "github": github, "runner": {"os": "Linux", "arch": "X64", "temp": UNKNOWN, "debug": None}, "secrets": UNKNOWN,
        "vars": UNKNOWN, "inputs": dict(inputs), "needs": dict(needs), "strategy": UNKNOWN, "job": UNKNOWN,
        "env": {}, "steps": {}, "matrix": {},
    }  # fmt: skip


class _Anything(str):
    """Equal to every text: the repository that the workflow asks for."""

    __slots__ = ()

    def lower(self) -> str:
        return self

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __gt__(self, other: object) -> bool:
        return False

    def __lt__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


_ANYTHING = _Anything("owner/name")


def _row(
    path: str, workflow: Mapping[str, Value], name: str, job: Mapping[str, Value], context: dict[str, Value],
    files: Mapping[str, str], required: bool, depth: int,
) -> tuple[list[Found], Value]:  # fmt: skip
    """The commands of one row, and what it gives to the jobs that wait for it."""
    env = {**_texts(workflow.get("env"), context)}
    context["env"] = dict(env)
    env |= _texts(job.get("env"), context)
    context["env"] = dict(env)
    verdict = condition(job.get("if"), context)
    if verdict is False:
        return [], {}
    if isinstance(job.get("uses"), str):
        return _called(job, context, files, required, depth), UNKNOWN
    runs_on = interpolate(job.get("runs-on"), context)
    given = job.get("continue-on-error")
    tolerated = given is not None and condition(interpolate(given, context), context) is True
    state = Job(
        files, path, name, context, env, required=required and not tolerated,
        directory=_default_directory(job, context, _default_directory(workflow, context, ".")),
        names=(name, text_of(interpolate(job.get("name"), context)), *_row_texts(context.get("matrix"))), depth=depth,
    )  # fmt: skip
    state.toolchain = _image_toolchain(interpolate(job.get("container"), context))
    if is_foreign_runner(runs_on):
        state.left_out_because = f"runs on {', '.join(text_of(label) for label in sequence(runs_on))}"
    elif mapping(job.get("services")):
        state.left_out_because = f"needs services: {', '.join(mapping(job.get('services')))}"
    _steps(state, sequence(job.get("steps")))
    if state.services:
        # The whole job is set up for them; what it builds before they start is for its tests.
        state.found = [replace(item, left_out_because=item.left_out_because or state.services) for item in state.found]
    return state.found, _known(interpolate(mapping(job.get("outputs")), state.context))


def _image_toolchain(container: Value) -> str:
    """The toolchain of the official images: `rust:1.80-slim`, `rust:latest`, `rustlang/rust:nightly`."""
    image = text_of(mapping(container).get("image")) if isinstance(container, Mapping) else text_of(container)
    match = re.fullmatch(r"(?:[\w.]+/)?(?:library/)?(?:rust|rustlang/rust):?([\w.]*)(?:-.*)?", image)
    if match is None:
        return ""
    return match[1] if match[1] == "nightly" or match[1][:1].isdigit() else "stable"


def _row_texts(row: Value) -> tuple[str, ...]:
    return tuple(text_of(value) for value in row.values()) if isinstance(row, Mapping) else ()


def _known(outputs: Value) -> Value:
    """Outputs with an unknown part are unknown."""
    return {
        key: UNKNOWN if isinstance(value, str) and HOLE in value else value for key, value in mapping(outputs).items()
    }


def _texts(value: Value, context: Mapping[str, Value]) -> dict[str, str]:
    return {name: text_of(item) for name, item in mapping(interpolate(value, context)).items()}


def _default_directory(holder: Mapping[str, Value], context: Mapping[str, Value], otherwise: str) -> str:
    given = mapping(mapping(holder.get("defaults")).get("run")).get("working-directory")
    return text_of(interpolate(given, context)) if given is not None else otherwise


def _called(
    job: Mapping[str, Value], context: Mapping[str, Value], files: Mapping[str, str], required: bool, depth: int
) -> list[Found]:
    """A reusable workflow of the same repository, with its inputs and their defaults."""
    path = normpath(text_of(job.get("uses")).partition("@")[0])
    workflow = load(files.get(path, ""))
    call = event(workflow, "workflow_call")
    if call is None or depth >= MAX_DEPTH:
        return []
    inputs = _inputs(call, interpolate(job.get("with"), context))
    return _workflow(path, workflow, files, inputs, required=required, depth=depth + 1)


def _inputs(declared: Mapping[str, Value], given: Value) -> dict[str, Value]:
    defaults = {name: mapping(item).get("default") for name, item in mapping(declared.get("inputs")).items()}
    return {**defaults, **mapping(given)}


# --- steps -----------------------------------------------------------------------------------------------------------


def _steps(job: Job, steps: Sequence[Value]) -> None:
    for position, item in enumerate(steps):
        step = mapping(item)
        verdict = condition(step.get("if"), job.context)
        if verdict is False:
            continue
        job.step = text_of(interpolate(step.get("name"), job.context)) or text_of(step.get("id")) or str(position + 1)
        job.certain = verdict is True
        outer = job.env
        outer_context = job.context["env"]
        job.env = {**outer, **_texts(step.get("env"), job.context)}
        job.context["env"] = dict(job.env)
        outputs: Value = UNKNOWN
        written: dict[str, str] = {}
        if isinstance(step.get("run"), str):
            state = _run(job, step)
            written, outputs = state.written["GITHUB_ENV"], _known(state.written["GITHUB_OUTPUT"]) or UNKNOWN
        elif isinstance(step.get("uses"), str):
            written = _uses(job, step)
        job.env = {**outer, **written}
        job.context["env"] = {**mapping(outer_context), **written}
        if step.get("id") is not None:
            result = {"outputs": outputs, "outcome": "success", "conclusion": "success"}
            job.context["steps"] = {**mapping(job.context["steps"]), text_of(step.get("id")): result}


def _uses(job: Job, step: Mapping[str, Value]) -> dict[str, str]:
    """An action: of this repository, or one that we know; answers what it adds to the environment."""
    uses = text_of(step.get("uses"))
    given = mapping(interpolate(step.get("with"), job.context))
    texts = {name: text_of(value) for name, value in given.items()}
    if uses.startswith("./"):
        _composite(job, normpath(uses.removeprefix("./")), given)
        return {}
    if uses.startswith("actions/checkout@") and texts.get("repository"):
        job.foreign.add(normpath(texts.get("path") or "."))
    toolchain = toolchain_of(uses, texts)
    if toolchain is not None:
        job.toolchain = toolchain
    command = command_of(uses, texts)
    if command is not None and not command.endswith("cargo"):
        directory = texts.get("working-directory") or job.directory
        follow_script(job, command, State(dict(job.env), set(job.env), directory or "."), _is_tolerated(step, job))
    return env_of(uses, texts)


def _composite(job: Job, directory: str, given: Mapping[str, Value]) -> None:
    text = job.files.get(join(directory, "action.yml")) or job.files.get(join(directory, "action.yaml")) or ""
    action = load(text)
    if job.depth >= MAX_DEPTH or not action:
        return
    outer, outer_step = job.context, job.step
    job.context = {**outer, "inputs": _inputs(action, dict(given)), "steps": {}}
    job.depth += 1
    _steps(job, sequence(mapping(action.get("runs")).get("steps")))
    job.depth -= 1
    outer["env"] = job.context["env"]
    job.context, job.step = outer, outer_step


def _is_tolerated(step: Mapping[str, Value], job: Job) -> bool:
    given = step.get("continue-on-error")
    return given is not None and condition(interpolate(given, job.context), job.context) is True


def _run(job: Job, step: Mapping[str, Value]) -> State:
    given = step.get("working-directory")
    directory = text_of(interpolate(given, job.context)) if given is not None else job.directory
    directory = HOLE if HOLE in directory or directory.startswith(("/", "~")) else normpath(directory or ".")
    state = State(dict(job.env), set(job.env), directory, is_open=OPEN in job.env)
    shell = text_of(interpolate(step.get("shell"), job.context))
    if not re.search(r"python|node|pwsh|powershell|cmd|perl", shell):
        script = text_of(interpolate(step.get("run"), job.context))
        follow_script(job, script, state, _is_tolerated(step, job))
    return state
