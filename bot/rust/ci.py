"""Follows a repository's workflows on a pull request, row by row and step by step, and collects the commands they run.

Pure. A job's steps share what GitHub shares between them: the environment, the default toolchain, outputs; scripts,
composite actions, reusable workflows, just, make and cargo-make are followed where their files are at hand.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from posixpath import basename, dirname, join, normpath

from bot.rust.actions import command_of, env_of, toolchain_of
from bot.rust.cargo import WITH_VALUE
from bot.rust.expressions import HOLE, OPEN, UNKNOWN, Value, condition, interpolate, text_of
from bot.rust.recipes import Recipe, cargo_make, justfile, makefile
from bot.rust.shell import Invocation, State, follow
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
# Programs that run the command behind them, with their options that take a value.
_WRAPPERS: Mapping[str, tuple[str, ...]] = {
    "sudo": ("-u", "-g"), "time": (), "exec": (), "command": (), "nice": ("-n",), "xvfb-run": ("-s", "-e", "-n"),
    "mold": (), "timeout": ("-s", "-k"), "stdbuf": (), "unbuffer": (), "dbus-run-session": (), "nohup": (), "taskset": (),
    "retry": (), "catchsegv": (), "faketime": (), "setarch": (), "ionice": (), "env": ("-u", "-C"), "run": (),
}  # fmt: skip
_SERVICES = re.compile(
    r"^(?:docker(?:-compose)?|podman(?:-compose)?)\s+.*\b(?:run|up|start|exec)\b|^(?:sudo\s+)?(?:systemctl|service)\s+.*\bstart\b|"
    r"^(?:sudo\s+)?service\s+\S+\s+start|pg_ctl(?:cluster)?\b.*start|^initdb\b|^redis-server\b|^mysqld"
)
_MINIMAL_VERSIONS = re.compile(r"-Z\s*(?:direct-)?minimal-versions")
MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Found:
    """A command that CI runs: with the toolchain at that moment (empty: none chosen; `HOLE`: only the run knows)."""

    command: str
    toolchain: str
    env: Mapping[str, str]
    directory: str
    required: bool
    source: str
    left_out_because: str | None = None
    names: tuple[str, ...] = ()

    def is_named(self, pattern: re.Pattern[str]) -> bool:
        """Whether the job, its row or the step carries such a name."""
        return any(pattern.search(name) for name in self.names)


@dataclass(slots=True)
class _Job:
    """One row of one job on its way through its steps."""

    files: Mapping[str, str]
    path: str
    name: str
    context: dict[str, Value]
    env: dict[str, str]
    toolchain: str = ""
    directory: str = "."
    required: bool = True
    left_out_because: str | None = None
    names: tuple[str, ...] = ()
    found: list[Found] = field(default_factory=list)
    services: str | None = None
    foreign: set[str] = field(default_factory=set)
    downloads: set[str] = field(default_factory=set)
    step: str = ""
    certain: bool = True
    depth: int = 0


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
    state = _Job(
        files, path, name, context, env, required=required and not tolerated,
        directory=_default_directory(job, context, _default_directory(workflow, context, ".")),
        names=(name, text_of(interpolate(job.get("name"), context)), *_row_texts(context.get("matrix"))), depth=depth,
    )  # fmt: skip
    if is_foreign_runner(runs_on):
        state.left_out_because = f"runs on {', '.join(text_of(label) for label in sequence(runs_on))}"
    elif mapping(job.get("services")):
        state.left_out_because = f"needs services: {', '.join(mapping(job.get('services')))}"
    _steps(state, sequence(job.get("steps")))
    if state.services:
        # The whole job is set up for them; what it builds before they start is for its tests.
        state.found = [replace(item, left_out_because=item.left_out_because or state.services) for item in state.found]
    return state.found, _known(interpolate(mapping(job.get("outputs")), state.context))


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


def _steps(job: _Job, steps: Sequence[Value]) -> None:
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


def _uses(job: _Job, step: Mapping[str, Value]) -> dict[str, str]:
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
        _script(job, command, State(dict(job.env), set(job.env), directory or "."), _is_tolerated(step, job))
    return env_of(uses, texts)


def _composite(job: _Job, directory: str, given: Mapping[str, Value]) -> None:
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


def _is_tolerated(step: Mapping[str, Value], job: _Job) -> bool:
    given = step.get("continue-on-error")
    return given is not None and condition(interpolate(given, job.context), job.context) is True


def _run(job: _Job, step: Mapping[str, Value]) -> State:
    given = step.get("working-directory")
    directory = text_of(interpolate(given, job.context)) if given is not None else job.directory
    directory = HOLE if HOLE in directory or directory.startswith(("/", "~")) else normpath(directory or ".")
    state = State(dict(job.env), set(job.env), directory, is_open=OPEN in job.env)
    shell = text_of(interpolate(step.get("shell"), job.context))
    if not re.search(r"python|node|pwsh|powershell|cmd|perl", shell):
        script = text_of(interpolate(step.get("run"), job.context))
        _script(job, script, state, _is_tolerated(step, job))
    return state


def _script(job: _Job, script: str, state: State, is_tolerated: bool) -> None:
    state.tolerated = is_tolerated
    state.certain = job.certain
    follow(script, state, _Handler(job))


class _Handler:
    """Receives the commands of a job's scripts: notes cargo's, follows scripts, remembers toolchains."""

    def __init__(self, job: _Job) -> None:
        self._job = job

    def __call__(self, invocation: Invocation, state: State) -> bool | None:
        words, env = _unwrapped(list(invocation.words), dict(invocation.env))
        if not words:
            return None
        job = self._job
        program = basename(words[0])
        if program in ("cargo", "cross") or program.startswith("cargo-"):
            return self._cargo(words, env, invocation, state)
        if program in ("rustfmt", "typos"):
            self._note(_joined(words) if HOLE not in " ".join(words) else _one_line(invocation.text), env, invocation)
        elif program in ("wget", "curl", "tar", "unzip"):
            outside = [word for word in words if word.startswith("/") and HOLE not in word and word.count("/") > 1]
            job.downloads |= {home for word in outside for home in (word, dirname(word))} - {"/tmp", "/usr/local/bin"}
        elif words[:2] == ["git", "clone"] or words[:3] == ["gh", "repo", "clone"]:
            plain = [word for word in words[2:] if not word.startswith("-")] or [""]
            home = plain[-1].rstrip("/").rsplit("/", 1)[-1].removesuffix(".git") if "/" in plain[-1] else plain[-1]
            job.foreign.add(normpath(join(invocation.directory, home)))
        elif program == "rustup":
            self._rustup(words, env, invocation, state)
        elif program in ("bash", "sh", "zsh", "source", ".", "dash"):
            self._shell(words, env, invocation, state)
        elif program in ("just", "make", "gmake"):
            self._recipes(program, words[1:], invocation, state)
        elif "--default-toolchain" in words[:-1]:
            job.toolchain = words[words.index("--default-toolchain") + 1]
        elif _SERVICES.match(" ".join(words)):
            job.services = f"needs services ({program})"
        else:
            self._file(words, env, invocation, state)
        return None

    def _note(self, command: str, env: Mapping[str, str], invocation: Invocation, toolchain: str = "") -> None:
        job = self._job
        job.found.append(
            Found(
                command=command,
                toolchain=toolchain or env.get("RUSTUP_TOOLCHAIN") or job.toolchain,
                env=dict(env),
                directory=invocation.directory,
                required=job.required and not invocation.is_tolerated,
                source=f"{job.path}:{job.name}:{job.step}",
                left_out_because=job.left_out_because or self._elsewhere(invocation.directory) or self._downloaded(env),
                names=(*job.names, job.step),
            )
        )

    def _elsewhere(self, directory: str) -> str | None:
        """Why a directory is not this repository's: it was cloned there."""
        inside = any(directory == home or directory.startswith(f"{home}/") for home in self._job.foreign)
        return "works on another repository" if inside else None

    def _downloaded(self, env: Mapping[str, str]) -> str | None:
        """Why the environment cannot be had here: it points at what CI downloads to a place outside the repository."""
        places = {home for home in self._job.downloads for value in env.values() if home in value.split(":")}
        return f"needs what CI downloads to {min(places)}" if places else None

    def _cargo(self, words: list[str], env: dict[str, str], invocation: Invocation, state: State) -> bool | None:
        words = [word for at, word in enumerate(words) if word or words[at - 1] in WITH_VALUE]
        plain = [word for word in words[1:] if not word.startswith(("-", "+"))]
        if plain[:1] == ["make"]:
            self._cargo_make(plain[1:], invocation, state)
            return None
        if _MINIMAL_VERSIONS.search(" ".join(words)) and plain[:1] in (["update"], ["generate-lockfile"]):
            self._job.left_out_because = self._job.left_out_because or "runs with minimal versions of dependencies"
        toolchain = words[1][1:] if len(words) > 1 and words[1].startswith("+") else ""
        self._note(_joined(["cargo" if words[0] == "cross" else words[0], *words[1:]]), env, invocation, toolchain)
        return None

    def _rustup(self, words: list[str], env: dict[str, str], invocation: Invocation, state: State) -> None:
        match [word for word in words[1:] if not word.startswith("-")]:
            case ["default", toolchain, *_] | ["override", "set", toolchain, *_]:
                self._job.toolchain = toolchain
            case ["run", toolchain, *rest] if rest and basename(rest[0]) in ("cargo", "cross"):
                at = words.index(toolchain) + 1
                self._note(_joined(words[at:]), env, invocation, toolchain)
            case ["toolchain", "install", toolchain, *_] if not self._job.toolchain and "nightly" not in toolchain:
                # A version that is installed before anything else was chosen is the one that is meant.
                if toolchain[:1].isdigit() or HOLE in toolchain:
                    self._job.toolchain = toolchain

    def _shell(self, words: list[str], env: dict[str, str], invocation: Invocation, state: State) -> None:
        rest = words[1:]
        while rest and rest[0].startswith("-") and "c" not in rest[0].lstrip("-"):
            rest.pop(0)
        if len(rest) > 1 and rest[0].startswith("-"):
            self._follow(rest[1], env, invocation, state, tuple(rest[3:]))
        elif rest:
            self._file(rest, env, invocation, state, is_script=True)

    def _file(
        self, words: list[str], env: dict[str, str], invocation: Invocation, state: State, *, is_script: bool = False
    ) -> None:
        """A script of the repository, with its arguments."""
        path = normpath(join(invocation.directory, words[0]))
        text = self._job.files.get(path)
        if text is None or not ("/" in words[0] or is_script):
            return
        first = text.partition("\n")[0]
        if first.startswith("#!") and not re.search(r"\b(?:ba|da|z|k)?sh\b", first):
            return
        self._follow(text, env, invocation, state, tuple(words[1:]))

    def _follow(
        self, script: str, env: dict[str, str], invocation: Invocation, state: State, arguments: tuple[str, ...]
    ) -> None:
        inner = State(
            dict(env), set(env), invocation.directory, {}, arguments, invocation.is_certain, invocation.is_tolerated,
            depth=state.depth + 1, written=state.written,
        )  # fmt: skip
        follow(script, inner, self)

    def _recipes(self, program: str, words: list[str], invocation: Invocation, state: State) -> None:
        directory = invocation.directory
        plain: list[str] = []
        given: dict[str, str] = {}
        rest = list(words)
        while rest:
            word = rest.pop(0)
            name, equals, value = word.partition("=")
            if word in ("-C", "-d", "--directory", "--working-directory") and rest:
                directory = normpath(join(directory, rest.pop(0)))
            elif word in ("-f", "--file", "--justfile", "--makefile", "-j") and rest:
                rest.pop(0)
            elif equals and re.fullmatch(r"\w+", name):
                given[name] = value
            elif not word.startswith("-"):
                plain.append(word)
        recipes, values = self._read(program, directory, given)
        here = Invocation(
            invocation.words, invocation.env, directory, invocation.text, invocation.is_certain, invocation.is_tolerated
        )
        done: set[str] = set()
        names = plain or [""]
        while names:
            recipe = recipes.get(names.pop(0))
            if recipe is None:
                continue
            arguments = [names.pop(0) for _ in recipe.parameters if names and names[0] not in recipes]
            self._recipe(recipe, recipes, {**values, **_bound(recipe, arguments)}, here, state, done)

    def _read(self, program: str, directory: str, given: dict[str, str]) -> tuple[dict[str, Recipe], dict[str, str]]:
        names = ("justfile", "Justfile", ".justfile") if program == "just" else ("GNUmakefile", "makefile", "Makefile")
        text = next(
            (self._job.files[path] for name in names if (path := normpath(join(directory, name))) in self._job.files),
            "",
        )
        if program == "just":
            recipes, values = justfile(text)
            return recipes, {**values, **given}
        return makefile(text, {**self._job.env, **given}), {}

    def _cargo_make(self, names: list[str], invocation: Invocation, state: State) -> None:
        recipes = cargo_make(self._job.files.get(normpath(join(invocation.directory, "Makefile.toml")), ""))
        for name in names[:1] or ["default"]:
            if name in recipes:
                self._recipe(recipes[name], recipes, {}, invocation, state, set())

    def _recipe(
        self, recipe: Recipe, recipes: Mapping[str, Recipe], values: Mapping[str, str], invocation: Invocation,
        state: State, done: set[str],
    ) -> None:  # fmt: skip
        if recipe.name in done:
            return
        done.add(recipe.name)
        for name in recipe.dependencies:
            if name in recipes:
                self._recipe(recipes[name], recipes, {**values, **_bound(recipes[name], [])}, invocation, state, done)
        for script in recipe.scripts(values):
            self._follow(script, dict(invocation.env), invocation, state, ())


def _bound(recipe: Recipe, arguments: Sequence[str]) -> dict[str, str]:
    """The recipe's parameters with what was given, else their defaults."""
    bound = {name: default if default is not None else HOLE for name, default in recipe.parameters}
    for (name, _), value in zip(recipe.parameters, arguments, strict=False):
        bound[name] = value
    return bound


def _unwrapped(words: list[str], env: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command behind `sudo`, `env A=b`, `timeout 5m`, `nix develop -c` and their like."""
    for _ in range(6):
        if not words:
            break
        program = basename(words[0])
        if program in ("nix", "nix-shell", "devenv", "mise", "direnv", "uv", "pixi", "poetry", "hermit"):
            flags = ("-c", "--command", "--run", "--", "run", "exec")
            at = next((at for at, word in enumerate(words) if word in flags and at + 1 < len(words)), None)
            if at is None or "cargo" not in " ".join(words[at:]) and not words[at + 1 :]:
                break
            rest = words[at + 1 :]
            words = ["bash", "-c", rest[0]] if len(rest) == 1 and " " in rest[0] else rest
        elif program in _WRAPPERS:
            rest = words[1:]
            while rest and (rest[0].startswith("-") or "=" in rest[0] or re.fullmatch(r"[\d.]+[smh]?", rest[0])):
                name, equals, value = rest[0].partition("=")
                if equals and not name.startswith("-"):
                    env[name] = value
                rest = rest[2:] if rest[0] in _WRAPPERS[program] else rest[1:]
            words = rest
        else:
            break
    return words, env


def _joined(words: Sequence[str]) -> str:
    """The words as a line that a shell reads back, in double quotes where that is enough."""

    def quoted(word: str) -> str:
        if word and shlex.quote(word.replace(HOLE, "x")) == word.replace(HOLE, "x"):
            return word
        return shlex.quote(word) if re.search(r'["$`\\!]', word) else f'"{word}"'

    return " ".join(quoted(word) for word in words)


def _one_line(text: str) -> str:
    return " ".join(text.replace("\\\n", " ").split())
