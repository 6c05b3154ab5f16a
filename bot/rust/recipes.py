"""Reads justfiles, Makefiles and cargo-make's Makefile.toml as far as CI needs them: recipe name -> shell lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.rust.expressions import HOLE
from bot.rust.manifests import read, table, text_of


@dataclass(slots=True)
class Recipe:
    """A recipe: what must run before it, its parameters with their defaults, and its lines, each run by its own shell."""

    name: str
    dependencies: list[str] = field(default_factory=list)
    parameters: list[tuple[str, str | None]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    is_script: bool = False

    def scripts(self, values: Mapping[str, str]) -> list[str]:
        """The shell texts to run, with just's `{{name}}` replaced."""
        lines = [re.sub(r"\{\{\s*(.*?)\s*\}\}", lambda match: values.get(match[1], HOLE), line) for line in self.lines]
        if self.is_script:
            return ["\n".join(lines)]
        return [re.sub(r"^\s*[@\-+]+", "", line) for line in _joined(lines)]


def _joined(lines: list[str]) -> list[str]:
    """Lines that end in a backslash go together with the next."""
    out: list[str] = []
    is_open = False
    for line in lines:
        if is_open:
            out[-1] += "\n" + line.strip()
        else:
            out.append(line.strip())
        is_open = line.rstrip().endswith("\\")
    return [line for line in out if line.strip()]


# --- just ------------------------------------------------------------------------------------------------------------

_JUST_RECIPE = re.compile(r"^@?([A-Za-z_][\w-]*)((?:\s+[^:=]*)?(?:=\S+\s*)*):(?!=)\s*(.*)$")
_JUST_VARIABLE = re.compile(r"^(?:export\s+)?([A-Za-z_][\w-]*)\s*:=\s*(.*)$")
_JUST_ALIAS = re.compile(r"^alias\s+([\w-]+)\s*:=\s*([\w-]+)")


def justfile(text: str) -> tuple[dict[str, Recipe], dict[str, str]]:
    """The recipes (aliases included) and the variables of a justfile; an expression that is no plain text is `HOLE`."""
    recipes: dict[str, Recipe] = {}
    variables: dict[str, str] = {}
    aliases: dict[str, str] = {}
    current: Recipe | None = None
    first = ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            if current is not None:
                if line.strip().startswith("#!"):
                    current.is_script = True
                current.lines.append(line)
        elif not line.strip() or line.startswith(("#", "[")):
            continue
        elif match := _JUST_ALIAS.match(line):
            aliases[match[1]] = match[2]
        elif match := _JUST_VARIABLE.match(line):
            variables[match[1]] = _just_text(match[2])
        elif match := _JUST_RECIPE.match(line):
            current = Recipe(match[1], _just_dependencies(match[3]), _just_parameters(match[2]))
            recipes[current.name] = current
            first = first or current.name
        else:
            current = None
    for alias, name in aliases.items():
        if name in recipes:
            recipes[alias] = recipes[name]
    if first:
        recipes.setdefault("", recipes.get("default", recipes[first]))
    return recipes, variables


def _just_text(value: str) -> str:
    value = re.sub(r"\s+#.*$", "", value.strip())
    if match := re.fullmatch(r"""(['"])(.*)\1""", value):
        return match[2]
    if match := re.fullmatch(r"""env(?:_var_or_default)?\(\s*['"]\w+['"]\s*,\s*(['"])(.*)\1\s*\)""", value):
        return match[2]
    return HOLE


def _just_dependencies(text: str) -> list[str]:
    return [
        match[1] or match[2]
        for match in re.finditer(r"\(([\w-]+)[^)]*\)|([\w-]+)", text.partition("#")[0])
        if match[0] != "&&"
    ]


def _just_parameters(text: str) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for match in re.finditer(r"""([+*$]*)([A-Za-z_][\w-]*)(?:=('[^']*'|"[^"]*"|\S+))?""", text):
        default = match[3].strip("'\"") if match[3] is not None else ("" if "*" in match[1] else None)
        found.append((match[2], default))
    return found


# --- make ------------------------------------------------------------------------------------------------------------

_MAKE_RULE = re.compile(r"^([^\s:=#][^:=]*?)\s*::?(?!=)\s*([^=]*?)(?:;\s*(.*))?$")
_MAKE_VARIABLE = re.compile(r"^(?:export\s+|override\s+)*([\w.-]+)\s*([:?+!]*=)\s*(.*)$")


def makefile(text: str, given: Mapping[str, str]) -> dict[str, Recipe]:
    """The rules of a Makefile with its variables expanded; `given` are those of the command line and the environment."""
    variables: dict[str, str] = {"MAKE": "make", "CARGO": "cargo", "SHELL": "/bin/sh", **given}
    recipes: dict[str, Recipe] = {}
    current: list[Recipe] = []
    first = ""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.startswith("\t"):
            for recipe in current:
                recipe.lines.append(_make_expand(line[1:], variables))
        elif match := _MAKE_VARIABLE.match(line):
            _make_assign(variables, match[1], match[2], match[3].partition("#")[0].strip(), given)
        elif (match := _MAKE_RULE.match(line)) and not line.startswith(("ifeq", "ifneq", "ifdef", "ifndef", "define")):
            names = _make_expand(match[1], variables).split()
            current = [recipes.setdefault(name, Recipe(name)) for name in names]
            for recipe in current:
                recipe.dependencies += _make_expand(match[2].partition("#")[0], variables).replace("|", " ").split()
                recipe.lines += [match[3]] if match[3] else []
            first = first or next((name for name in names if not name.startswith(".")), "")
        elif line.strip() and not line.startswith("#"):
            current = []
    if first:
        recipes.setdefault("", recipes[first])
    return recipes


def _make_assign(variables: dict[str, str], name: str, operator: str, value: str, given: Mapping[str, str]) -> None:
    if name in given or (operator == "?=" and name in variables and name != "CARGO"):
        return
    value = HOLE if operator == "!=" else _make_expand(value, variables)
    variables[name] = f"{variables.get(name, '')} {value}".strip() if operator == "+=" else value


def _make_expand(text: str, variables: Mapping[str, str], depth: int = 0) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return _make_expand(variables.get(name, ""), variables, depth + 1) if depth < 8 else ""

    text = re.sub(r"\$\(([\w.-]+)\)|\$\{([\w.-]+)\}", value, text)
    # Functions such as $(shell …) are make's own; what they give is not known.
    text = re.sub(r"\$\((?:[^()]|\([^()]*\))*\)", HOLE, text)
    return text.replace("$@", HOLE).replace("$<", HOLE).replace("$$", "$")


# --- cargo-make ------------------------------------------------------------------------------------------------------


def cargo_make(text: str) -> dict[str, Recipe]:
    """The tasks of a Makefile.toml."""
    recipes: dict[str, Recipe] = {}
    for name, value in table(read(text), "tasks").items():
        task = table(value)
        recipe = Recipe(name, is_script=True)
        dependencies = task.get("dependencies")
        if isinstance(dependencies, list):
            recipe.dependencies = [text_of(item) or text_of(table(item).get("name")) for item in dependencies]
        if text_of(task.get("run_task")):
            recipe.dependencies.append(text_of(task.get("run_task")))
        script, command, arguments = task.get("script"), text_of(task.get("command")), task.get("args")
        if command:
            words = [text_of(item) for item in arguments] if isinstance(arguments, list) else []
            recipe.lines = [" ".join([command, *words])]
        elif isinstance(script, list):
            recipe.lines = [text_of(item) for item in script]
        elif isinstance(script, str) and not script.lstrip().startswith("#!@"):
            recipe.lines = [script]
        recipes[name] = recipe
    return recipes
