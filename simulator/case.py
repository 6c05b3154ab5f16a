"""A case: an issue, its acceptance criteria, and what the code looks like before and after; read from a folder.

`case.json` holds `name`; `issue` {title, body}; `criteria` [{id, text, tests}]; `red_green`, names of tests that fail
before and pass after; optionally `review` [{path, anchor, body, …}]; and where the code comes from, at the top level or under
`source`: `crate`, `base`, `head` (two published versions), or `base`, `gold` (an archive and a patch beside `case.json`), or
`workspace` [{crate, base, head, path}] with `members` written for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from simulator.crates import CrateError, crate, pair, with_requirement, with_version
from simulator.trees import File, Tree, TreeError, changed, patched, unpack

CACHE = Path(".cache/crates")


class CaseError(Exception):
    """A case cannot be read or brought; the message names the case and what is wrong."""


@dataclass(frozen=True, slots=True)
class Criterion:
    id: str
    text: str
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """`new` in place of `old` in the file `path`: before it `old` occurs there once, after it `new` does."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggestion block: `new` in place of the whole lines `old`; with a `reason` not to keep it word for word, it is not."""

    old: str
    new: str
    reason: str = ""

    def stands_in(self, text: str) -> bool:
        """Whether a file holds the suggested lines, and not only because the old ones hold them."""
        is_as_before = f"\n{self.old}" in f"\n{text}" and f"\n{self.old}" not in f"\n{self.new}"
        return f"\n{self.new}" in f"\n{text}" and not is_as_before


@dataclass(frozen=True, slots=True)
class Dispute:
    """A remark contradicts a criterion, given by the case's id for it, which would have to be `wording` instead.

    The maintainer settles it with the words `verdict`, after an amendment of the RFC where `is_amended`.
    """

    criterion: str
    wording: str
    verdict: str
    is_amended: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reviewer says about the line of `path` that contains `anchor`, or about the lines of the suggestion.

    `answered_by` are paths whose part of the change is left out until somebody asks for it, `edits` what is changed then.
    """

    path: str
    anchor: str
    body: str
    answered_by: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    suggestion: Suggestion | None = None
    dispute: Dispute | None = None

    @property
    def changes(self) -> tuple[Edit, ...]:
        """What becomes of it beside `answered_by`: a suggestion that is kept, and the edits."""
        suggested = self.suggestion
        kept = (Edit(self.path, suggested.old, suggested.new),) if suggested and not suggested.reason else ()
        return kept + self.edits


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it is written down; `source` says where the code comes from, `folder` is where its files are.

    `forgotten` are tests that an author who tests too little leaves out.
    """

    name: str
    title: str
    body: str
    criteria: tuple[Criterion, ...]
    red_green: tuple[str, ...]
    review: tuple[Remark, ...]
    source: Mapping[str, Any]
    folder: Path
    forgotten: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trees:
    """The code of a case: as it is when the issue is filed, and as the pull request leaves it in the end."""

    base: Tree
    gold: Tree = field(repr=False)

    @property
    def changed(self) -> list[str]:
        return changed(self.base, self.gold)


def load(path: Path) -> Case:
    """Reads a case from its folder or from the `case.json` in it; raises CaseError."""
    file = path / "case.json" if path.is_dir() else path
    try:
        data = json.loads(file.read_text())
        return _case(data, file.resolve().parent)
    except OSError as error:
        raise CaseError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CaseError(f"{file}: is not JSON: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise CaseError(f"{file}: is not a case: {type(error).__name__}: {error}") from error


def _case(data: dict[str, Any], folder: Path) -> Case:
    issue = data["issue"]
    nested = data.get("source")
    source = {**data, **nested} if isinstance(nested, dict) else data
    return Case(
        name=str(data.get("name") or folder.name),
        title=str(issue["title"]),
        body=str(issue.get("body") or ""),
        criteria=tuple(_criterion(number, each) for number, each in enumerate(data.get("criteria") or [], start=1)),
        red_green=_names(data.get("red_green")),
        review=tuple(_remark(each) for each in data.get("review") or []),
        source={key: source[key] for key in ("crate", "base", "head", "gold", "workspace", "files") if key in source},
        folder=folder,
        forgotten=_names(data.get("forgotten")),
    )


def _criterion(number: int, data: dict[str, Any] | str) -> Criterion:
    if isinstance(data, str):
        return Criterion(f"AC-{number}", data)
    return Criterion(
        str(data.get("id") or f"AC-{number}"), str(data["text"]), _names(data.get("tests", data.get("test")))
    )


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(name) for name in value)


def _remark(data: dict[str, Any]) -> Remark:
    path, suggested, disputed = str(data["path"]), data.get("suggestion"), data.get("dispute")
    return Remark(
        path=path,
        anchor=str(data.get("anchor") or ""),
        body=str(data["body"]),
        answered_by=_names(data.get("answered_by")),
        edits=tuple(Edit(each.get("path") or path, each["old"], each["new"]) for each in data.get("edits") or []),
        suggestion=Suggestion(**suggested) if suggested else None,
        dispute=Dispute(**disputed) if disputed else None,
    )


def bring(case: Case, cache: Path = CACHE) -> Trees:
    """The case's code, from the crate registry or from its own files; raises CaseError."""
    try:
        base, source = _source(case, cache)
        gold = edited(source, [edit for remark in case.review for edit in remark.changes])
    except (CrateError, TreeError) as error:
        raise CaseError(f"{case.name}: {error}") from error
    except (OSError, KeyError, TypeError) as error:
        raise CaseError(f"{case.name}: its source is not usable: {type(error).__name__}: {error}") from error
    if not changed(base, gold):
        raise CaseError(f"{case.name}: there is no difference between before and after")
    return Trees(base, gold)


def edited(tree: Tree, edits: Iterable[Edit]) -> dict[str, File]:
    """The tree after the edits, in this order; raises TreeError where one does not fit."""
    result = dict(tree)
    for edit in edits:
        text = result[edit.path].text if edit.path in result else None
        if text is None or text.count(edit.old) != 1:
            raise TreeError(f"{edit.path}: {edit.old!r} does not occur exactly once")
        result[edit.path] = replace(result[edit.path], data=text.replace(edit.old, edit.new).encode())
    return result


def without(tree: Tree, edits: Iterable[Edit]) -> dict[str, File]:
    """The tree before the edits, which were made in this order; raises TreeError where one cannot be taken back."""
    return edited(tree, [Edit(edit.path, edit.new, edit.old) for edit in reversed(list(edits))])


def _source(case: Case, cache: Path) -> tuple[dict[str, File], dict[str, File]]:
    source = case.source
    if "workspace" in source:
        return _workspace(case, cache)
    if "gold" in source:
        base = unpack((case.folder / source["base"]).read_bytes())
        return base, patched(base, case.folder / source["gold"])
    return pair(source["crate"], source["base"], source["head"], cache)


def _workspace(case: Case, cache: Path) -> tuple[dict[str, File], dict[str, File]]:
    """Several published crates as the members of one workspace; `files` {path: text} are put beside them."""
    old: dict[str, File] = {}
    new: dict[str, File] = {}
    for member in case.source["workspace"]:
        name, path, base = member["crate"], member.get("path") or member["crate"], member["base"]
        head = member.get("head") or base
        before = crate(name, base, cache)
        after = with_version(crate(name, head, cache), name, head, base)
        # The members keep the base's version numbers, so what they require of each other has to stay too.
        for other in case.source["workspace"]:
            after = with_requirement(after, other["crate"], other.get("head") or other["base"], other["base"])
        for tree, part in ((old, before), (new, after)):
            tree.update({f"{path}/{each}": file for each, file in part.items() if each != "Cargo.lock"})
    files = dict(case.source.get("files") or {})
    paths = [member.get("path") or member["crate"] for member in case.source["workspace"]]
    patches = [
        f"{member['crate']} = {{ path = {path!r} }}"
        for member, path in zip(case.source["workspace"], paths, strict=True)
    ]
    manifest = f'[workspace]\nresolver = "2"\nmembers = {json.dumps(paths)}\n\n[patch.crates-io]\n' + "\n".join(patches)
    files.setdefault("Cargo.toml", manifest.replace("'", '"') + "\n")
    for path, text in files.items():
        old[path] = new[path] = File(text.encode())
    return old, new
