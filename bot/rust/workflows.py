"""GitHub workflow files as values: triggers, jobs, matrix rows, steps; reads text, runs nothing.

Semantics after GitHub's "Workflow syntax for GitHub Actions" (matrix include and exclude, filters, defaults).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import yaml

from bot.rust.expressions import UNKNOWN, Value, interpolate, text_of

MAX_ROWS = 256
_FOREIGN_RUNNERS = re.compile(r"windows|macos|mac-|freebsd|arm64|aarch64|[-_]arm\b|ubuntu-[\d.]+-arm", re.IGNORECASE)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's scalars, as GitHub reads them: `on` is a word, `1_000` and `12:30` are texts."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first) + ([""] if _tag == "null" else [])
    )


def load(text: str) -> dict[str, Value]:
    """A YAML file as a mapping; empty where it is none or broken."""
    try:
        document = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return mapping(document)


def mapping(value: Value) -> dict[str, Value]:
    """`value` where it is a mapping, with texts as keys; else empty."""
    return {text_of(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def sequence(value: Value) -> list[Value]:
    """`value` where it is a list, a single value as a list of one, nothing as an empty one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def event(workflow: Mapping[str, Value], name: str) -> dict[str, Value] | None:
    """The filters of the trigger `name`; None where the workflow does not have it."""
    triggers = workflow.get("on")
    if isinstance(triggers, Mapping):
        return mapping(triggers[name]) if name in triggers else None
    return {} if name in [text_of(item) for item in sequence(triggers)] else None


def applies_to_pull_request(filters: Mapping[str, Value]) -> bool:
    """Whether a pull request that is opened or pushed to starts the workflow."""
    types = [text_of(item) for item in sequence(filters.get("types"))]
    return not types or any(item in ("opened", "synchronize", "reopened") for item in types)


def sees_rust(filters: Mapping[str, Value], sources: Sequence[str]) -> bool:
    """Whether a change of one of the Rust files `sources` passes the path filters."""
    wanted = [text_of(item) for item in sequence(filters.get("paths"))]
    ignored = [text_of(item) for item in sequence(filters.get("paths-ignore"))]
    if wanted:
        return any(_passes(source, wanted) for source in sources)
    return not ignored or any(not _passes(source, ignored) for source in sources)


def _passes(path: str, patterns: Sequence[str]) -> bool:
    """GitHub's order: later patterns win, `!` takes away."""
    verdict = False
    for pattern in patterns:
        negative = pattern.startswith("!")
        if _glob(pattern.removeprefix("!")).fullmatch(path):
            verdict = not negative
    return verdict


def _glob(pattern: str) -> re.Pattern[str]:
    out = ""
    position = 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            out, position = out + "(?:.*/)?", position + 3
        elif pattern.startswith("**", position):
            out, position = out + ".*", position + 2
        else:
            character = pattern[position]
            out += "[^/]*" if character == "*" else character if character in "?+[]" else re.escape(character)
            position += 1
    try:
        return re.compile(out)
    except re.error:
        return re.compile(re.escape(pattern))


def is_foreign_runner(runs_on: Value) -> bool:
    """Whether a job runs on something else than Linux on x86_64; what is unknown counts as ours."""
    labels = mapping(runs_on).get("labels") if isinstance(runs_on, Mapping) else runs_on
    return any(_FOREIGN_RUNNERS.search(text_of(label)) for label in sequence(labels))


def rows(job: Mapping[str, Value], context: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """The rows of a job's matrix, `{}` where it has none; an unknown matrix is one row of unknowns."""
    strategy = mapping(interpolate(job.get("strategy"), context))
    matrix = strategy.get("matrix")
    if matrix is None:
        yield {}
        return
    if matrix is UNKNOWN or not isinstance(matrix, Mapping):
        yield {"": UNKNOWN}
        return
    axes = {key: sequence(value) for key, value in mapping(matrix).items() if key not in ("include", "exclude")}
    includes = [mapping(item) for item in sequence(mapping(matrix).get("include")) if isinstance(item, Mapping)]
    excludes = [mapping(item) for item in sequence(mapping(matrix).get("exclude")) if isinstance(item, Mapping)]
    yield from _combinations(axes, includes, excludes)


def _combinations(
    axes: Mapping[str, list[Value]], includes: Sequence[dict[str, Value]], excludes: Sequence[dict[str, Value]]
) -> Iterator[dict[str, Value]]:
    """The product without the excluded, then each include joined to every row it does not contradict, else on its own."""
    found: list[dict[str, Value]] = []
    for values in product(*axes.values()) if axes else ():
        row = dict(zip(axes, values, strict=True))
        if not any(all(_same(row.get(key), value) for key, value in item.items()) for item in excludes):
            found.append(row)
        if len(found) >= MAX_ROWS:
            break
    originals = [dict(row) for row in found]
    for include in includes:
        matching = [
            row
            for row, original in zip(found, originals, strict=False)
            if all(_same(original[key], value) for key, value in include.items() if key in original)
        ]
        if matching:
            for row in matching:
                row.update(include)
        else:
            found.append(dict(include))
    yield from found


def _same(left: Value, right: Value) -> bool:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return all(_same(left.get(key), value) for key, value in right.items())
    return text_of(left) == text_of(right) if not isinstance(left, (list, Mapping)) else left == right
