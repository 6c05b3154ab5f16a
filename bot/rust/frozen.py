"""Finds where a later tree weakens the tests of an earlier one, or hides from the proof what it should see; runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from posixpath import basename

from bot.domain import LookHere, Severity
from bot.rust.manifests import read, table, tables
from bot.rust.split import is_test_path
from bot.rust.syntax import Item, items
from bot.rust.tests import TestItem, renamed, tests_of

NAMED_AT_MOST = 3
"""How many tests or files one line names; the rest is counted, so that one habit takes one line."""
STUB_LEFT = "still holds a `todo!()` or `unimplemented!()`."
"""What is said of code that was never written."""

_ASSERTION = re.compile(r"\b(?:debug_)?assert\w*!|\b(?:panic|unreachable)!|\.(?:unwrap|expect)(?:_err)?\(|\)\?")
_STRICT = re.compile(r"\b(?:debug_)?assert\w*!\s*[\(\[{]")
_ASSERTION_LINE = re.compile(r"^\s*(?:debug_)?assert(?:_eq|_ne)?!\(.*\);\s*$")
_HIDDEN = re.compile(r"^(?:ignore\b|cfg\b|cfg_attr\b)")
_INNER_CFG = re.compile(r"#!\s*\[\s*cfg(?:_attr)?\b[^\n]*")
_STUB = re.compile(r"\b(?:todo|unimplemented)!\s*[\(\[{]")
_TEST_AWARE = re.compile(r"\bcfg(?:_attr)?!?\s*\(\s*(?:\w+\s*\(\s*)*(?:test|debug_assertions)\b")
_EXEMPT = re.compile(r"\bmutants\s*::\s*(?:skip|exclude_re)\b")
_PROCESS_END = re.compile(r"\bprocess\s*::\s*(?:exit|abort)\b|\btest result:")
# Files that decide how cargo and the harness compile or run tests, besides the manifests.
_BUILD_FILE = re.compile(
    r"(?:^|/)(?:\.cargo/config(?:\.toml)?|build\.rs|\.config/nextest\.toml|\.?clippy\.toml|rust-toolchain(?:\.toml)?)$"
)
_MANIFEST_WORDS = {
    "harness": "`harness = false` lets the test binary print and end as it likes",
    "test": "`test = false` keeps tests from being run",
    "doctest": "`doctest = false` keeps documentation tests from being run",
}


def is_watched(path: str) -> bool:
    """Whether `weakened` wants to see a file that is neither Rust nor a manifest: a fixture, a snapshot, how to build."""
    return is_test_path(path) or _BUILD_FILE.search(path) is not None


def weakened(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[LookHere, ...]:
    """What a human must accept, the gravest first; both map the path of every Rust file, manifest and watched file to its text.

    New tests, new fixtures and honest code give no line; one kind of finding gives one line, however often it was found.
    """
    found = [
        *_tests(before, after),
        *_helpers(before, after),
        *_fixtures(before, after),
        *_build(before, after),
        *_manifests(before, after),
        *_sources(before, after),
    ]
    order = list(Severity)
    return tuple(sorted(found, key=lambda line: order.index(line.severity)))


def stubs_left(places: Iterable[str]) -> Iterator[LookHere]:
    """The one line on code that was never written, at these places; none where there is none."""
    yield from _line(places, STUB_LEFT, "Whoever reaches it gets a panic.")


def _line(
    places: Iterable[str], sentence: str, reason: str, severity: Severity = Severity.SERIOUS
) -> Iterator[LookHere]:
    named = sorted(set(places))
    if named:
        more = f" (and {len(named) - NAMED_AT_MOST} more)" if len(named) > NAMED_AT_MOST else ""
        yield LookHere(", ".join(named[:NAMED_AT_MOST]) + more, sentence, reason, severity)


# --- tests -----------------------------------------------------------------------------------------------------------


def _tests(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[LookHere]:
    old, new = tests_of(before), tests_of(after)
    added = [test for key, test in new.items() if key not in old]
    moved = {_body(test) for test in added}
    named_anew = renamed([test for key, test in old.items() if key not in new], added).values()
    gone, hidden, fewer, other = list[str](), list[str](), list[str](), list[str]()
    for key, test in old.items():
        now = new.get(key)
        if now is None:
            if _body(test) not in moved and key not in named_anew:
                gone.append(key)
        elif now.text != test.text:
            if _hiding(now) - _hiding(test) or _panics_freely(now) > _panics_freely(test):
                hidden.append(key)
            elif _count(now) < _count(test):
                fewer.append(key)
            elif not test.is_doc and not _only_asserts_more(test, now):
                other.append(key)
    hidden += _hidden_modules(before, after)
    yield from _line(
        gone, "removed, though it was there before.", "What it proved is proven no more.", Severity.BLOCKER
    )
    yield from _line(
        hidden, "now ignored, hidden by a `cfg`, or content with any panic.", "It may not run where you think it does."
    )
    yield from _line(fewer, "asserts less than it did.", "An assertion was removed or loosened.", Severity.BLOCKER)
    yield from _line(other, "was changed after it had been accepted.", "Does it still demand as much?")


def _body(test: TestItem) -> str:
    return " ".join(test.text.split())


def _only_asserts_more(before: TestItem, after: TestItem) -> bool:
    """Whether nothing was done but to add assertions, each on a line of its own."""
    rest = iter(after.text.splitlines())
    added: list[str] = []
    for line in before.text.splitlines():
        for now in rest:
            if now == line:
                break
            added.append(now)
        else:
            return False
    return all(_ASSERTION_LINE.match(line) for line in (*added, *rest))


def _attributes(test: TestItem) -> tuple[str, ...]:
    if test.is_doc:
        return ()
    return next((item.attributes for item in items(test.text.encode()) if item.name), ())


def _hiding(test: TestItem) -> frozenset[str]:
    return frozenset(text for text in _attributes(test) if _HIDDEN.match(text))


def _panics_freely(test: TestItem) -> bool:
    return any(text.startswith("should_panic") and "expected" not in text for text in _attributes(test))


def _count(test: TestItem) -> tuple[int, int]:
    text = _without_comments(test.text)
    return len(_STRICT.findall(text)), len(_ASSERTION.findall(text))


def _without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def _hidden_modules(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Files and modules of tests that a new `cfg` can take out of the build as a whole."""
    for path, text in _changed_rust(before, after):
        old = before[path]
        if is_test_path(path) and set(_INNER_CFG.findall(text)) - set(_INNER_CFG.findall(old)):
            yield path
        was = {(item.module, item.name): item for item in items(old.encode()) if item.kind == "mod_item"}
        for item in items(text.encode()):
            earlier = was.get((item.module, item.name)) if item.kind == "mod_item" else None
            if earlier is not None and (earlier.is_for_tests_only or is_test_path(path)):
                new = set(item.attributes) - set(earlier.attributes)
                if any(_HIDDEN.match(attribute) for attribute in new):
                    yield f"{path}::{item.name}"


# --- what tests lean on ----------------------------------------------------------------------------------------------


def _helpers(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[LookHere]:
    changed = []
    for path, text in _changed_rust(before, after):
        now = _helper_texts(path, text)
        changed += [
            f"{path}::{name}" for name, body in _helper_texts(path, before[path]).items() if now.get(name, body) != body
        ]
    yield from _line(changed, "helper of tests changed.", "Tests that use it may demand less now.", Severity.MINOR)


def _helper_texts(path: str, text: str) -> dict[str, str]:
    """Functions and macros that only test builds compile and that are no tests themselves."""
    found = items(text.encode())
    inside = {(*item.module, item.name) for item in found if item.kind == "mod_item" and item.is_for_tests_only}
    return {
        "::".join((*item.module, item.name)): item.text
        for item in found
        if item.kind in ("function_item", "macro_definition", "const_item", "static_item", "impl_item")
        and not item.is_test
        and (is_test_path(path) or item.is_for_tests_only or _is_inside(item, inside))
    }


def _is_inside(item: Item, modules: set[tuple[str, ...]]) -> bool:
    return any(item.module[: len(module)] == module for module in modules)


def _fixtures(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[LookHere]:
    changed = [
        path
        for path, text in before.items()
        if is_test_path(path) and not path.endswith((".rs", "Cargo.toml")) and after.get(path) != text
    ]
    yield from _line(changed, "expected data of tests was changed or removed.", "Is what it says now right?")


# --- how it is built -------------------------------------------------------------------------------------------------


def _build(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[LookHere]:
    changed = [
        path
        for path in {*before, *after}
        if _BUILD_FILE.search(path) and not is_test_path(path) and before.get(path) != after.get(path)
    ]
    yield from _line(
        changed, "decides how the code is built and checked, and was changed.", "It can make any check pass."
    )


def _manifests(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[LookHere]:
    for path in sorted(path for path in {*before, *after} if basename(path) == "Cargo.toml"):
        old, new = read(before.get(path, "")), read(after.get(path, ""))
        if old == new:
            continue
        for word in sorted(_switched_off(new) - _switched_off(old)):
            yield LookHere(path, f"{word}.", "Is that part of the design?", Severity.BLOCKER)
        for key in ("profile", "lints", "patch", "replace"):
            if (old or path in before) and table(old, key) != table(new, key):
                yield LookHere(path, f"`[{key}]` was changed.", "It decides what the checks see.")


def _switched_off(manifest: dict[str, object]) -> frozenset[str]:
    package = table(manifest, "package")
    found = {
        f"`{key} = false` keeps test files from being found"
        for key in ("autotests", "autobins", "autoexamples")
        if package.get(key) is False
    }
    if isinstance(package.get("build"), str):
        found.add("a build script at a place of its own runs before everything")
    targets = [
        table(manifest, "lib"),
        *(one for key in ("test", "bin", "example") for one in tables(manifest.get(key))),
    ]
    return frozenset(
        found | {said for target in targets for key, said in _MANIFEST_WORDS.items() if target.get(key) is False}
    )


# --- code that knows that it is tested -------------------------------------------------------------------------------


def _sources(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[LookHere]:
    stubs, aware, exempt, ends = list[str](), list[str](), list[str](), list[str]()
    for path in sorted(path for path in after if path.endswith(".rs") and after[path] != before.get(path)):
        is_test = is_test_path(path)
        old, new = (_for_users(text) for text in (before.get(path, ""), after[path]))
        for pattern, places in ((_STUB, stubs), (_TEST_AWARE, aware), (_EXEMPT, exempt)):
            if not is_test and len(pattern.findall(new)) > len(pattern.findall(old)):
                places.append(path)
        whole = [_without_comments(text) for text in (before.get(path, ""), after[path])]
        # A program may end itself where it begins.
        is_program = basename(path) == "main.rs" or "/bin/" in path
        if not is_program and len(_PROCESS_END.findall(whole[1])) > len(_PROCESS_END.findall(whole[0])):
            ends.append(path)
    yield from stubs_left(stubs)
    yield from _line(aware, "behaves differently in test builds.", "What the tests see is not what users get.")
    yield from _line(exempt, "is exempt from mutants.", "Nobody sees whether its tests notice a mistake.")
    yield from _line(
        ends, "ends the process or prints a verdict itself.", "A test binary that does so can forge results."
    )


def _for_users(text: str) -> str:
    """The code that exists outside of test builds, without comments."""
    source, end, kept = text.encode(), 0, []
    for item in items(source):
        if item.start >= end and item.is_for_tests_only:
            kept.append(source[end : item.start])
            end = item.end
    kept.append(source[end:])
    return _without_comments(b"".join(kept).decode(errors="replace"))


def _changed_rust(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return (
        (path, after[path])
        for path in sorted(after)
        if path.endswith(".rs") and before.get(path, after[path]) != after[path]
    )
