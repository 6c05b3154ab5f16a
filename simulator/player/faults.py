"""The mistakes that the player makes on purpose, what shows them, and how it makes sure that they can be seen at all.

Each is a variation of the finished files. It is repaired by writing the finished files again.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from simulator.case import Case
from simulator.player import rust, split
from simulator.player.edits import Hunk, applied, hunks
from simulator.trees import File, Tree, changed


class FaultKind(StrEnum):
    """In the order in which they are made; the first two in the draft of an RFC, the last in the tests, the others in code."""

    CITATION = "citation"
    WEAKNESS = "weakness"
    MISSING = "missing"
    TYPE = "type"
    FORMAT = "format"
    CLIPPY = "clippy"
    WRONG = "wrong"
    WEAK = "weak"


USUAL = tuple(kind for kind in FaultKind if kind is not FaultKind.WEAK)
"""All that any check shows; a weak test is shown by mutants alone, for which there must be time."""
IN_DRAFTS = (FaultKind.CITATION, FaultKind.WEAKNESS)
IN_CODE = tuple(kind for kind in USUAL if kind not in IN_DRAFTS)
NOT_YET = "this result is not right yet"
APPENDED = {
    FaultKind.TYPE: 'const _: u32 = "rfcsmith";',
    FaultKind.FORMAT: "const _: u8   =   0;",
    FaultKind.CLIPPY: "const _: f64 = 3.14;",
}
SAID = {
    FaultKind.MISSING: "This should be all of it.",
    FaultKind.TYPE: "I add a guard for a constant.",
    FaultKind.FORMAT: "A small constant to try something.",
    FaultKind.CLIPPY: "A constant for the angle.",
    FaultKind.WRONG: "I rearrange the function a little.",
}
# What a check's report names if it looks for the mistake at all; a repository whose CI does not format asks for no format.
TOOL = {FaultKind.FORMAT: re.compile(r"(?i)\bfmt\b|rustfmt formatted"), FaultKind.CLIPPY: re.compile(r"(?i)\bclippy\b")}
CODE = re.compile(r"[A-Za-z_]\w*\s*[(!:<{=]|=>|->|;\s*$")


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to make a mistake: `files` are the paths that differ from the finished tree, as they are with the mistake."""

    kind: FaultKind
    files: Mapping[str, File | None]
    shown: Callable[[str], bool]
    probe: str

    @property
    def words(self) -> str:
        return SAID[self.kind]

    def is_looked_for(self, report: str) -> bool:
        """Whether the check that made this report looks for mistakes of this kind."""
        tool = TOOL.get(self.kind)
        return tool is None or tool.search(report) is not None


def parse_kinds(text: str) -> tuple[FaultKind, ...]:
    """`none`, `all` (but weak tests), or names separated by commas; raises ValueError."""
    if text in ("none", ""):
        return ()
    words = [word.strip() for word in text.split(",")]
    wanted = {kind for word in words for kind in (USUAL if word == "all" else (FaultKind(word),))}
    return tuple(kind for kind in FaultKind if kind in wanted)


def candidates(kind: FaultKind, case: Case, before: Tree, after: Tree) -> list[Fault]:
    """Ways to make this mistake on the way from the tests to the finished tree, the likeliest to be seen first."""
    match kind:
        case FaultKind.MISSING:
            return [Fault(kind, files, shows_failure, _test_command()) for files in _without_a_part(before, after)]
        case FaultKind.WRONG:
            shown = _shows_wrong_result(case)
            return [Fault(kind, files, shown, _test_command()) for files in _with_a_panic(case, before, after)]
        case _:
            return _appended(kind, before, after)


# --- a line at the end of a file -------------------------------------------------------------------------------------


def _appended(kind: FaultKind, before: Tree, after: Tree) -> list[Fault]:
    path = crate_root(before, after, for_format=kind is FaultKind.FORMAT)
    if path is None:
        return []
    text = after[path].text or ""
    ending = "\r\n" if "\r\n" in text else "\n"
    text += "" if not text or text.endswith("\n") else ending
    files = {path: File(f"{text}{ending}{APPENDED[kind]}{ending}".encode(), after[path].mode)}
    folder = shlex.quote(package_folder(after, path) or ".")
    shown, command = {
        FaultKind.TYPE: (_shows_type_error, "cargo check --offline --all-targets 2>&1 | grep -E -A9 E0308 | head -40"),
        FaultKind.FORMAT: (_shows_format(path), "cargo fmt --check 2>&1 | head -40"),
        FaultKind.CLIPPY: (_shows_clippy, "cargo clippy --offline --all-targets 2>&1 | grep -E -A9 approx | head -40"),
    }[kind]
    return [Fault(kind, files, shown, f"(cd {folder} && {command})")]


def crate_root(before: Tree, after: Tree, *, for_format: bool = False) -> str | None:
    """The root module of the package whose source changes most: always compiled, whatever the features."""
    sources = [path for path in _changed_sources(before, after) if path in after]
    for path in [*sources, *(each for each in sorted(after) if each.endswith("src/lib.rs"))]:
        folder = package_folder(after, path)
        if folder is None:
            continue
        for root in _roots(after, folder):
            text = after[root].text if root in after else None
            if text is not None and not (for_format and re.search(r"#!\[[^\]]*rustfmt", text)):
                return root
    return None


def package_folder(tree: Tree, path: str) -> str | None:
    """The folder of the package that a file belongs to; `.` is the top."""
    for parent in PurePosixPath(path).parents:
        if str(parent / "Cargo.toml") in tree:
            return str(parent)
    return None


def _roots(tree: Tree, folder: str) -> list[str]:
    place = PurePosixPath(folder)
    try:
        manifest = tomllib.loads(tree[str(place / "Cargo.toml")].text or "")
    except tomllib.TOMLDecodeError:
        manifest = {}
    bins = [each.get("path") for each in manifest.get("bin", [])]
    named = [manifest.get("lib", {}).get("path"), "src/lib.rs", "src/main.rs", *bins]
    return [str(place / each) for each in named if each]


def _changed_sources(before: Tree, after: Tree) -> list[str]:
    """The Rust files that change and are no tests, most changed first."""
    modules = split.test_modules(after)
    paths = [p for p in changed(before, after) if p.endswith(".rs") and not split.is_test_file(p, modules)]
    kept = [
        path
        for path in paths
        if not path.startswith(("examples/", "benches/")) and path.rpartition("/")[2] != "build.rs"
    ]
    return sorted(kept, key=lambda path: (-_weight(before, after, path), path))


def _weight(before: Tree, after: Tree, path: str) -> int:
    return sum(_code_lines(hunk.new) for hunk in _hunks(before, after, path))


def _hunks(before: Tree, after: Tree, path: str) -> list[Hunk]:
    old = (before[path].text if path in before else "") or ""
    new = (after[path].text if path in after else "") or ""
    return hunks(old, new)


def _code_lines(lines: Iterable[str]) -> int:
    return sum(1 for line in lines if not line.lstrip().startswith("//") and CODE.search(line))


# --- something left out ----------------------------------------------------------------------------------------------


def _without_a_part(before: Tree, after: Tree) -> list[dict[str, File | None]]:
    """Without the weightiest hunk; without the whole source part."""
    ways: list[dict[str, File | None]] = []
    sources = _changed_sources(before, after)
    for path in sources[:1]:
        if path not in before or path not in after or (old := before[path].text) is None:
            continue
        found = _hunks(before, after, path)
        heaviest = max(found, key=lambda hunk: _code_lines(hunk.new), default=None)
        if heaviest is not None and len(found) > 1 and _code_lines(heaviest.new) > 0:
            rest = applied(old, [hunk for hunk in found if hunk is not heaviest])
            ways.append({path: File(rest.encode(), after[path].mode)})
    everything = sources or changed(before, after)
    ways.append({path: before.get(path) for path in everything})
    return ways


# --- a wrong result --------------------------------------------------------------------------------------------------


def _with_a_panic(case: Case, before: Tree, after: Tree) -> list[dict[str, File | None]]:
    """A changed function that gives up at once; those that the case's tests name come first."""
    tests = "\n".join(
        file.text or "" for path, file in after.items() if path.endswith(".rs") and "test" in (file.text or "")
    )
    words = set(re.findall(r"\w+", tests + case.body))
    found: list[tuple[tuple[bool, bool, int], dict[str, File | None]]] = []
    for path in _changed_sources(before, after):
        text = after[path].text if path in after else None
        if text is None:
            continue
        lines = _touched_lines(_hunks(before, after, path))
        for function in rust.functions(text):
            touched = sum(1 for line in lines if function.first_line <= line <= function.last_line)
            if not touched or function.is_const:
                continue
            rank = (function.name not in case.body, function.name not in words, -touched)
            data = text.encode()
            statement = f' if line!() > 0 {{ panic!("{NOT_YET}") }}'.encode()
            faulty = data[: function.body] + statement + data[function.body :]
            found.append((rank, {path: File(faulty, after[path].mode)}))
    return [files for _, files in sorted(found, key=lambda each: each[0])[:3]]


def _touched_lines(found: Sequence[Hunk]) -> list[int]:
    lines: list[int] = []
    shift = 0
    for hunk in found:
        start = hunk.start + shift
        lines += range(start, start + max(1, len(hunk.new)))
        shift += len(hunk.new) - (hunk.end - hunk.start)
    return lines


# --- what shows them -------------------------------------------------------------------------------------------------


def _test_command() -> str:
    return "cargo test --offline --no-fail-fast 2>&1 | grep -E 'error|FAILED|panicked|failed' | head -40"


def _shows_type_error(text: str) -> bool:
    return "E0308" in text or "mismatched types" in text


def _shows_clippy(text: str) -> bool:
    return "approx_constant" in text or "approximate value of" in text


def _shows_format(path: str) -> Callable[[str], bool]:
    verdict = re.compile(r"(?im)^\W*(?:cargo )?(?:fmt|rustfmt|format\w*)\b[^\n]*(?:FAILED|formatted|would|differ|new)")

    def shown(text: str) -> bool:
        diff = re.search(r"(?i)diff in|not formatted|unformatted|rustfmt would|is not formatted", text)
        return bool(verdict.search(text)) or (bool(diff) and path.rpartition("/")[2] in text)

    return shown


def shows_failure(text: str) -> bool:
    """Whether a check's report, or what cargo prints, tells of something that fails."""
    return bool(re.search(r"error(?:\[E\d+\])?:|FAILED\b|panicked at|\bfailed\b[^\n]*:\n", text))


def _shows_wrong_result(case: Case) -> Callable[[str], bool]:
    names = [name.rpartition("::")[2] for name in case.red_green]

    def shown(text: str) -> bool:
        named = any(re.search(rf"(?i)\b{re.escape(name)}\b[^\n]*(?:failed|panicked)", text) for name in names if name)
        return NOT_YET in text or named

    return shown
