"""The evidence of a change as an archive that anybody can check: what is in it, how it is built, read and compared. Pure.

The same facts give the same bytes, and so the same digest, on every machine: a plain tar archive without times, owners and
compression. Nothing in it names a machine or a path outside of the container.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from bot.domain import Check, CheckResult, Exit, LookHere, RedKind, TestOutcome
from bot.errors import UserError
from bot.rust.verdicts import has_passed

SCHEMA = 3
"""The version of the facts. One of version 1 tells of no rounds, and is read as one that had none."""
NAMES_MADE_TESTS = 3
"""The first version that names the new tests that a macro of the code makes; earlier ones know nothing of them."""
READABLE = (1, 2, SCHEMA)
LARGEST = 64 << 20
"""Bytes; no archive is larger."""
LARGEST_PATCH = 8 << 20
"""Bytes; a larger patch is left out of the archive, and its tree must come from the repository."""
ROUNDS_PATCHES = 16 << 20
"""Bytes that the patches of all later rounds may have; older rounds than fit are told, and not run again."""

FACTS, README = "evidence.json", "README.txt"
RED_REPORT, GREEN_REPORT = "red.txt", "green.txt"
RED_PATCH, FINAL_PATCH = "base-to-red.patch", "red-to-final.patch"
BASE_LOCK, RED_LOCK, FINAL_LOCK = "base.Cargo.lock", "red.Cargo.lock", "final.Cargo.lock"
_FILES = frozenset((README, FACTS, RED_REPORT, GREEN_REPORT, RED_PATCH, FINAL_PATCH, BASE_LOCK, RED_LOCK, FINAL_LOCK))

_README = f"""\
What rfcsmith's containers showed of a change, in a form that can be run again.

{FACTS:20}the facts: commits, trees, commands and how they ended, tests by name
{RED_REPORT:20}what the checks said of the base with the new tests
{GREEN_REPORT:20}what they said of the final tree
{RED_PATCH:20}makes the tree with the new tests from the base commit
{FINAL_PATCH:20}makes the final tree from that one
{"round-<n>-before.patch":20}
                    makes the tree before a later round (a review, or mending CI) from the final one
{"round-<n>-tests.patch":20}
                    adds the tests of that round, which are red there; round-<n>.txt is what the checks said
*.Cargo.lock        lock files that cargo made, where the repository keeps none

To run it again:  flask --app app verify <this file> --repository <a clone that has the base commit>
By hand, in a clone:  git checkout <base_commit>; git apply --index {RED_PATCH}; git write-tree
gives the id of the red tree; its tests are the commands of the checks.
"""
_OF_ROUND = re.compile(r"round-[1-9][0-9]{0,3}(?:-before\.patch|-tests\.patch|\.txt|\.Cargo\.lock)")
BASE, RED, FINAL = "base", "base and new tests", "final tree"
"""What the three trees are called."""
_ID = re.compile(r"[0-9a-f]{40}")
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RanCheck:
    """A check as a fresh container ran it; the counts are of its tests, `flaky` passed when they were run again."""

    check: Check
    exit: Exit
    seconds: float
    passed: int = 0
    failed: int = 0
    ignored: int = 0
    flaky: tuple[str, ...] = ()
    ran_as: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """A tree and what the checks said of it; `passed` are the keys of tests, `lock_sha256` is that of its `Cargo.lock`."""

    tree: str
    checks: tuple[RanCheck, ...]
    passed: tuple[str, ...]
    lock_sha256: str = ""


@dataclass(frozen=True, slots=True)
class RedTest:
    """A new test, why it failed without the change, and the criteria of the RFC that it is to prove."""

    test: str
    kind: RedKind
    criteria: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """The tests that a later round added and that were red without it.

    `number` is that of its files, `what` names the round (`review 2`). `before` is the tree of the pull request before it,
    `before_commit` its commit, `red` that tree with the round's tests.
    """

    number: int
    what: str
    before_commit: str
    before: str
    red: State
    red_tests: tuple[RedTest, ...]


@dataclass(frozen=True, slots=True)
class RoundFiles:
    """The names of what an archive holds of one round."""

    before: str
    tests: str
    report: str
    lock: str


def round_files(number: int) -> RoundFiles:
    name = f"round-{number}"
    return RoundFiles(f"{name}-before.patch", f"{name}-tests.patch", f"{name}.txt", f"{name}.Cargo.lock")


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that `evidence.json` says. `base` is the base commit as it is, `red` with the new tests, `final` is published.

    `head_commit` has the final tree; `image` is the content address of the sandbox's image; `left_out` names patches that
    were too large. `rounds` are the later rounds with tests of their own, the oldest first.
    """

    schema_version: int
    repository: str
    repository_id: int
    issue: int
    base_commit: str
    head_commit: str
    base: State
    red: State
    final: State
    red_tests: tuple[RedTest, ...]
    rfc_version: int = 0
    rfc_digest: str = ""
    rustc: str = ""
    image: str = ""
    toolchain_remark: str = ""
    look_here: tuple[LookHere, ...] = ()
    left_out: tuple[str, ...] = ()
    rounds: tuple[Round, ...] = ()


@dataclass(frozen=True, slots=True)
class Archive:
    """The facts and the files beside them, by name."""

    facts: Facts
    files: Mapping[str, bytes] = field(hash=False)


_ADAPTER = TypeAdapter(Facts)


def state(tree: str, results: Sequence[CheckResult], passed: Collection[str], lock: bytes | None) -> State:
    """What the checks said of a tree, without their words."""
    return State(
        tree,
        tuple(_ran(result) for result in results),
        tuple(sorted(passed)),
        hashlib.sha256(lock).hexdigest() if lock is not None else "",
    )


def _ran(result: CheckResult) -> RanCheck:
    counts = Counter(test.outcome for test in result.tests)
    return RanCheck(
        result.check,
        result.exit,
        round(result.seconds, 3),
        counts[TestOutcome.OK],
        counts[TestOutcome.FAILED],
        counts[TestOutcome.IGNORED],
        tuple(sorted(result.flaky)),
        result.ran_as,
    )


# --- the archive -----------------------------------------------------------------------------------------------------


def build(archive: Archive) -> bytes:
    """The archive as bytes, the same for the same facts."""
    facts = json.dumps(_ADAPTER.dump_python(archive.facts, mode="json"), indent=2, sort_keys=True, ensure_ascii=False)
    return _packed({README: _README.encode(), FACTS: f"{facts}\n".encode(), **archive.files})


def _packed(contents: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(contents):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(contents[name]), 0o644
            tar.addfile(entry, io.BytesIO(contents[name]))
    return buffer.getvalue()


def digest_of(content: bytes) -> str:
    """The name of an archive: the SHA-256 of its bytes."""
    return hashlib.sha256(content).hexdigest()


def read(content: bytes) -> Archive:
    """The archive in these bytes. Raises `UserError` where they are none, or hold anything that `build` would not pack."""
    if len(content) > LARGEST:
        raise _bad(f"it is larger than {LARGEST >> 20} MiB")
    contents = _unpacked(content)
    if strange := sorted(name for name in contents if name not in _FILES and not _OF_ROUND.fullmatch(name)):
        raise _bad(f"it holds `{strange[0][:80]}`")
    if _packed(contents) != content:
        raise _bad("its bytes are not those of its files alone")
    return Archive(_facts(contents.pop(FACTS, b"")), contents)


def _unpacked(content: bytes) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for entry in tar:
                file = tar.extractfile(entry) if entry.isreg() else None
                if file is None or entry.name in contents:
                    raise _bad(f"`{entry.name[:80]}` is no file, or is there twice")
                contents[entry.name] = file.read()
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise _bad("it is no tar archive") from error
    return contents


def _facts(text: bytes) -> Facts:
    try:
        facts: Facts = _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _bad(f"{FACTS} is malformed: {place} {first['msg']}") from error
    if facts.schema_version not in READABLE:
        raise _bad(f"its facts are of version {facts.schema_version}, and this program reads up to version {SCHEMA}")
    ids = (
        *(facts.base_commit, facts.head_commit, facts.base.tree, facts.red.tree, facts.final.tree),
        *(id for each in facts.rounds for id in (each.before_commit, each.before, each.red.tree)),
    )
    if not all(_ID.fullmatch(each) for each in ids) or not re.fullmatch(r"[\w.-]+/[\w.-]+", facts.repository):
        raise _bad(f"{FACTS} names a repository, commit or tree that cannot be one")
    return facts


def _bad(why: str) -> UserError:
    return UserError(f"This is no evidence of rfcsmith: {why}.", "Get it again from the link on the pull request.")


# --- the comparison --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was compared; `differences` are sentences. What does not count is told, and decides nothing."""

    what: str
    differences: tuple[str, ...] = ()
    counts: bool = True

    @property
    def is_same(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class Seen:
    """What running it again showed; `red_kinds` are the new tests that do not pass without the change, by their keys.

    `rounds` tells the same of each later round that was run, by its number; `gone` are tests that the final tree does not have.
    """

    base: State
    red: State
    final: State
    red_kinds: Mapping[str, RedKind] = field(hash=False)
    rustc: str = ""
    image: str = ""
    rounds: Mapping[int, tuple[State, Mapping[str, RedKind]]] = field(default_factory=dict, hash=False)
    gone: frozenset[str] = frozenset()


def compare(facts: Facts, seen: Seen) -> tuple[Row, ...]:
    """What the archive tells beside what was seen now."""
    rows = []
    for name, told, here in (
        (BASE, facts.base, seen.base),
        (RED, facts.red, seen.red),
        (FINAL, facts.final, seen.final),
    ):
        rows += _state_rows(name, told, here)
    unnamed = sorted(seen.red_kinds.keys() - {test.test for test in facts.red_tests})
    hidden = [f"{key} is red here ({seen.red_kinds[key]}), and the archive does not name it" for key in unnamed]
    differences = (*_red_differences(facts.red_tests, seen.red_kinds), *hidden)
    rows.append(Row(f"{len(facts.red_tests)} new tests are red without the change", differences))
    for round_ in facts.rounds:
        rows += _round_rows(round_, seen)
    shown = dict.fromkeys(
        test.test for tests in (facts.red_tests, *(r.red_tests for r in facts.rounds)) for test in tests
    )
    still_red = [key for key in shown if not has_passed(key, seen.final.passed)]
    differences = tuple(f"{key} does not pass here" for key in still_red if key not in seen.gone)
    rows.append(Row("the same tests are green with it", differences))
    if gone := tuple(f"{key} is not in the final tree" for key in still_red if key in seen.gone):
        rows.append(Row("tests that later rounds renamed or took out", gone, counts=False))
    rows.append(Row("compiler", _other("rustc", facts.rustc, seen.rustc), counts=False))
    rows.append(Row("image of the sandbox", _other("image", facts.image, seen.image), counts=False))
    return tuple(rows)


def _state_rows(name: str, told: State, here: State) -> list[Row]:
    lock = () if told.lock_sha256 in ("", here.lock_sha256) else ("the lock file is another one",)
    lost = [f"{key} passed there, and not here" for key in told.passed if key not in here.passed]
    won = [f"{key} passes here, and the archive does not say so" for key in here.passed if key not in told.passed]
    return [
        Row(f"{name}: Cargo.lock", lock),
        Row(f"{name}: {len(told.checks)} checks", tuple(_check_differences(told, here))),
        Row(f"{name}: {len(told.passed)} tests pass", (*lost, *won)),
    ]


def _check_differences(told: State, here: State) -> list[str]:
    found = {_line(ran.check): ran for ran in here.checks}
    said = []
    for ran in told.checks:
        other = found.pop(_line(ran.check), None)
        if other is None:
            said.append(f"`{ran.check.command}` is not run here")
        elif (mine := _verdict(other)) != (theirs := _verdict(ran)):
            said.append(f"`{ran.check.command}`: {theirs} there, {mine} here")
    return said + [f"`{ran.check.command}` is run here, and the archive does not name it" for ran in found.values()]


def _line(check: Check) -> tuple[object, ...]:
    return check.kind, check.command, check.directory, tuple(sorted(check.env))


def _verdict(ran: RanCheck) -> str:
    counts = f", {ran.passed} passed, {ran.failed} failed, {ran.ignored} ignored"
    has_tests = ran.passed or ran.failed or ran.ignored
    return f"{ran.exit}{counts if has_tests else ''}{f' ({ran.ran_as})' if ran.ran_as else ''}"


def _round_rows(told: Round, seen: Seen) -> list[Row]:
    """What of a later round is the same: its tests are red without it."""
    what = f"{len(told.red_tests)} tests of {told.what} are red without it"
    if told.number not in seen.rounds:
        return [Row(what, ("its patches are not in the archive, so it was not run again",), counts=False)]
    state, kinds = seen.rounds[told.number]
    rows = _state_rows(f"before {told.what}, and its tests", told.red, state)
    return [*rows, Row(what, _red_differences(told.red_tests, kinds))]


def _red_differences(told: Sequence[RedTest], kinds: Mapping[str, RedKind]) -> tuple[str, ...]:
    return tuple(
        f"{test.test}: red there ({test.kind}), "
        f"{f'red here ({kinds[test.test]})' if test.test in kinds else 'not red here'}"
        for test in told
        if kinds.get(test.test) is not test.kind
    )


def _other(what: str, told: str, here: str) -> tuple[str, ...]:
    return () if told == here else (f"{what} {told or 'unknown'} there, {here or 'unknown'} here",)


def ci_rows(name: str, told: State, required: Sequence[Check]) -> tuple[Row, ...]:
    """Whether every command that the base commit's CI and rules require was run on a tree; more than that is told."""
    names, known = {_line(ran.check): ran.check for ran in told.checks}, {_line(check): check for check in required}
    missing = [f"`{check.command}` is required, and was not run" for key, check in known.items() if key not in names]
    extra = [f"`{check.command}` ({check.source})" for key, check in names.items() if key not in known]
    rows = (Row(f"{name}: every command of the base commit's CI was run", tuple(missing)),)
    more = Row(f"{name}: commands that the base commit's CI does not name", tuple(extra), counts=False)
    return (*rows, more) if extra else rows


def head_row(facts: Facts, head: str) -> Row:
    """Whether the pull request still stands at the commit that was pushed with this evidence."""
    moved = () if head == facts.head_commit else (f"it stands at {head}, and this is of {facts.head_commit}",)
    return Row("the pull request stands at that commit", moved)


def holds(rows: Sequence[Row]) -> bool:
    """Whether everything that counts is the same."""
    return all(row.is_same for row in rows if row.counts)


def table(rows: Sequence[Row], *, most: int = 20) -> str:
    """The rows for a terminal; of one row's differences at most `most` are shown."""
    lines = []
    for row in rows:
        word = "same" if row.is_same else "differs" if row.counts else "other"
        lines.append(f"{word:8} {row.what}")
        lines += [f"           {said}" for said in row.differences[:most]]
        if len(row.differences) > most:
            lines.append(f"           … and {len(row.differences) - most} more")
    different = sum(not row.is_same for row in rows if row.counts)
    lines.append(
        "It holds: everything that counts is the same." if not different else f"It does not hold: {different} differ."
    )
    return "\n".join(lines)
