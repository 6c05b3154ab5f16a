"""What the commands of CI's scripts amount to: cargo's are noted, scripts and recipes followed, toolchains remembered.

Pure; everything is added to the `Job` whose step is being followed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import basename, dirname, join, normpath

from bot.rust.cargo import WITH_VALUE
from bot.rust.expressions import HOLE, Value
from bot.rust.recipes import Recipe, cargo_make, justfile, makefile
from bot.rust.shell import Invocation, follow
from bot.rust.shell_words import State

# Programs that run the command behind them, with their options that take a value.
_WRAPPERS: Mapping[str, tuple[str, ...]] = {
    "sudo": ("-u", "-g"), "time": (), "exec": (), "command": (), "nice": ("-n",), "xvfb-run": ("-s", "-e", "-n"),
    "mold": (), "timeout": ("-s", "-k"), "stdbuf": (), "unbuffer": (), "dbus-run-session": (), "nohup": (), "taskset": (),
    "retry": (), "catchsegv": (), "faketime": (), "setarch": (), "ionice": (), "env": ("-u", "-C"), "run": (),
}  # fmt: skip
_SERVICES = re.compile(
    r"^(?:docker|podman)[\s-]compose\s.*\b(?:up|run|start)\b|^(?:docker|podman)\s+(?:container\s+)?(?:start\b|run\s.*(?:\s-d\b|--detach))|"
    r"^(?:systemctl\s.*\bstart|service\s+\S+\s+start|pg_ctl(?:cluster)?\b.*\bstart)\b|^(?:initdb|redis-server|mysqld)\b"
)
_MINIMAL_VERSIONS = re.compile(r"-Z\s*(?:direct-)?minimal-versions")


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
class Job:
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


def follow_script(job: Job, script: str, state: State, is_tolerated: bool) -> None:
    state.tolerated = is_tolerated
    state.certain = job.certain
    follow(script, state, _Handler(job))


class _Handler:
    """Receives the commands of a job's scripts: notes cargo's, follows scripts, remembers toolchains."""

    def __init__(self, job: Job) -> None:
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
