"""The archive of evidence: the same facts give the same bytes, and whatever differs is told."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot import evidence
from bot.domain import Check, CheckKind, CheckResult, Failure, LookHere, RedKind, Success
from bot.domain import TestOutcome as Outcome
from bot.domain import TestRun as Ran
from bot.errors import UserError
from bot.evidence import Archive, Facts, RedTest, Round, Seen

TEST = Check(CheckKind.TEST, "cargo test", env=(("RUST_LOG", "info"),), source=".github/workflows/ci.yml: test")
OLD, NEW = "tests/cli.rs::prints", "tests/cli.rs::reprints"


def ran(**outcomes: Outcome) -> tuple[CheckResult, ...]:
    tests = tuple(Ran("tests/cli.rs", name, outcome) for name, outcome in outcomes.items())
    exit_ = Failure(101) if Outcome.FAILED in outcomes.values() else Success()
    return (CheckResult(TEST, exit_, 1.23456, tests=tests),)


FACTS = Facts(
    schema_version=evidence.SCHEMA,
    repository="ferris-labs/doubler",
    repository_id=7,
    issue=3,
    base_commit="a" * 40,
    head_commit="b" * 40,
    base=evidence.state("c" * 40, ran(prints=Outcome.OK), [OLD], b"lock"),
    red=evidence.state("d" * 40, ran(prints=Outcome.OK, reprints=Outcome.FAILED), [OLD], b"lock"),
    final=evidence.state("e" * 40, ran(prints=Outcome.OK, reprints=Outcome.OK), [NEW, OLD], b"lock"),
    red_tests=(RedTest(NEW, RedKind.ASSERTION, ("AC-1",)),),
    rfc_version=2,
    rfc_digest="f" * 64,
    rustc="1.95.0",
    image="sha256:1",
    look_here=(LookHere("src/lib.rs", "It is ignored now."),),
)
FILES = {evidence.RED_REPORT: b"red", evidence.RED_PATCH: b"\0patch"}
ARCHIVE = Archive(FACTS, FILES)
SEEN = Seen(FACTS.base, FACTS.red, FACTS.final, {NEW: RedKind.ASSERTION}, "1.95.0", "sha256:1")


THIRD = "tests/cli.rs::prints_thrice"
ROUND = Round(
    1,
    "review 2",
    "1" * 40,
    "2" * 40,
    evidence.state("3" * 40, ran(prints=Outcome.OK, prints_thrice=Outcome.FAILED), [OLD], b"lock"),
    (RedTest(THIRD, RedKind.ASSERTION),),
)
LATER = replace(
    FACTS,
    final=evidence.state("e" * 40, ran(prints=Outcome.OK, reprints=Outcome.OK), [NEW, OLD, THIRD], b"lock"),
    rounds=(ROUND,),
)
SEEN_LATER = replace(SEEN, final=LATER.final, rounds={1: (ROUND.red, {THIRD: RedKind.ASSERTION})})


def test_the_same_facts_give_the_same_bytes() -> None:
    other_order = Archive(replace(FACTS), dict(reversed(FILES.items())))
    assert evidence.build(ARCHIVE) == evidence.build(other_order)


def test_the_digest_of_known_facts_is_known() -> None:
    """Also on another machine, in another process; a new fact gives another one, and no other change should."""
    assert (
        evidence.digest_of(evidence.build(ARCHIVE))
        == "6de3fe9115c6f3853779e4e73ca4e1add5abdec333dcc48f341ec677b1784d67"
    )


@pytest.mark.parametrize(
    "changed",
    [
        Archive(replace(FACTS, red_tests=()), FILES),
        Archive(replace(FACTS, final=replace(FACTS.final, passed=(OLD,))), FILES),
        Archive(FACTS, {**FILES, evidence.RED_REPORT: b"green"}),
        Archive(FACTS, {evidence.RED_REPORT: b"red"}),
    ],
)
def test_a_changed_fact_changes_the_digest(changed: Archive) -> None:
    assert evidence.digest_of(evidence.build(changed)) != evidence.digest_of(evidence.build(ARCHIVE))


def test_an_archive_is_read_as_it_was_built() -> None:
    read = evidence.read(evidence.build(ARCHIVE))
    assert read.facts == FACTS
    assert {name: read.files[name] for name in FILES} == FILES


def test_an_archive_can_be_unpacked_with_tar_and_explains_itself() -> None:
    with tarfile.open(fileobj=io.BytesIO(evidence.build(ARCHIVE))) as tar:
        assert tar.getnames() == ["README.txt", "base-to-red.patch", "evidence.json", "red.txt"]
        assert {(entry.mtime, entry.uid, entry.uname) for entry in tar} == {(0, 0, "")}
        facts = json.load(tar.extractfile("evidence.json"))  # type: ignore[arg-type]
    assert facts["red_tests"] == [{"criteria": ["AC-1"], "kind": "assertion", "test": NEW}]
    assert facts["final"]["checks"][0]["exit"] == {"kind": "success"}


def packed(*members: tuple[str, bytes], type_: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type = (len(content) if type_ == tarfile.REGTYPE else 0), type_
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def with_facts(**changes: object) -> bytes:
    content = evidence.build(ARCHIVE)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        facts = json.load(tar.extractfile("evidence.json"))  # type: ignore[arg-type]
    return evidence._packed({"evidence.json": json.dumps(facts | changes).encode()})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no tar archive"),
        (b"not a tar" * 100, "no tar archive"),
        (packed(("evidence.json", b"{}")), "schema_version Field required"),
        (packed(("red.txt", b""), ("evidence.json", b"{}")), "not those of its files"),
        (packed(("evidence.json", b"{}"), ("evidence.json", b"{}")), "twice"),
        (packed(("../evil", b"")), "holds `../evil`"),
        (packed(("evidence.json", b""), type_=tarfile.SYMTYPE), "no file"),
        (evidence.build(ARCHIVE) + b"hidden", "not those of its files"),
        (with_facts(schema_version=9), "version 9"),
        (with_facts(base_commit="--upload-pack=evil"), "cannot be one"),
        (with_facts(repository="../../evil"), "cannot be one"),
        (with_facts(red_tests="none"), "red_tests"),
    ],
)
def test_what_is_no_evidence_is_refused_in_a_sentence(content: bytes, why: str) -> None:
    with pytest.raises(UserError, match="This is no evidence of rfcsmith") as refused:
        evidence.read(content)
    assert why in refused.value.message


def test_facts_of_a_later_program_with_more_to_say_are_read() -> None:
    assert evidence.read(with_facts(mutants=12)).facts == FACTS


def test_facts_of_the_first_version_are_read_as_those_without_later_rounds() -> None:
    assert evidence.read(with_facts(schema_version=1)).facts == replace(FACTS, schema_version=1)


def test_what_a_later_round_has_shown_is_read_as_it_was_built() -> None:
    names = evidence.round_files(1)
    files = {names.before: b"a", names.tests: b"b", names.report: b"c", names.lock: b"d"}
    read = evidence.read(evidence.build(Archive(LATER, files)))
    assert read.facts == LATER and files.items() <= read.files.items()
    for other in ("round-0-tests.patch", "round-1-tests.patch.sh", "round-1"):
        with pytest.raises(UserError, match="it holds"):
            evidence.read(evidence.build(Archive(LATER, {other: b""})))


def test_tests_of_a_later_round_are_compared_like_those_of_the_change() -> None:
    rows = evidence.compare(LATER, SEEN_LATER)
    assert evidence.holds(rows) and "same     1 tests of review 2 are red without it" in evidence.table(rows)
    other = evidence.compare(LATER, replace(SEEN_LATER, rounds={1: (ROUND.red, {})}))
    assert f"{THIRD}: red there (assertion), not red here" in evidence.table(other) and not evidence.holds(other)
    gone = evidence.compare(LATER, replace(SEEN_LATER, final=FACTS.final))
    assert f"{THIRD} does not pass here" in evidence.table(gone)


def test_a_round_without_its_patches_is_told_and_does_not_count() -> None:
    rows = evidence.compare(LATER, replace(SEEN_LATER, rounds={}))
    assert evidence.holds(rows) and "so it was not run again" in evidence.table(rows)


def test_a_red_test_that_a_review_took_out_is_told_and_does_not_count() -> None:
    without = replace(FACTS, final=replace(FACTS.final, passed=(OLD,)))
    rows = evidence.compare(without, replace(SEEN, final=without.final, gone=frozenset([NEW])))
    assert evidence.holds(rows) and f"{NEW} is not in the final tree" in evidence.table(rows)


def test_what_is_the_same_holds() -> None:
    rows = evidence.compare(FACTS, SEEN)
    assert evidence.holds(rows)
    assert evidence.table(rows).endswith("It holds: everything that counts is the same.")


FORGED: dict[str, tuple[Callable[[Facts], Facts], str]] = {
    "a red test that is not named": (lambda facts: replace(facts, red_tests=()), f"{NEW} is red here (assertion)"),
    "a red test that never was": (
        lambda facts: replace(facts, red_tests=(*facts.red_tests, RedTest(OLD, RedKind.ASSERTION))),
        f"{OLD}: red there (assertion), not red here",
    ),
    "another reason": (
        lambda facts: replace(facts, red_tests=(RedTest(NEW, RedKind.COMPILE),)),
        f"{NEW}: red there (compile), red here (assertion)",
    ),
    "another verdict": (
        lambda facts: replace(facts, red=replace(facts.red, checks=facts.base.checks)),
        "`cargo test`: exit 0, 1 passed, 0 failed, 0 ignored there, exit 101, 1 passed, 1 failed, 0 ignored here",
    ),
    "a test that passed": (
        lambda facts: replace(facts, final=replace(facts.final, passed=(OLD, NEW, "src/lib.rs::more"))),
        "src/lib.rs::more passed there, and not here",
    ),
    "a check that was never run": (
        lambda facts: replace(facts, final=replace(facts.final, checks=())),
        "`cargo test` is run here, and the archive does not name it",
    ),
    "another lock file": (
        lambda facts: replace(facts, final=replace(facts.final, lock_sha256="0" * 64)),
        "the lock file is another one",
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_whatever_is_forged_differs(what: str) -> None:
    forge, told = FORGED[what]
    rows = evidence.compare(forge(FACTS), SEEN)
    assert not evidence.holds(rows)
    assert told in evidence.table(rows)


def test_times_do_not_count_and_another_compiler_is_told() -> None:
    slower = replace(FACTS.final, checks=tuple(replace(check, seconds=99.0) for check in FACTS.final.checks))
    rows = evidence.compare(FACTS, replace(SEEN, final=slower, rustc="1.96.0", image="sha256:2"))
    assert evidence.holds(rows)
    assert "rustc 1.95.0 there, 1.96.0 here" in evidence.table(rows)


def test_a_command_of_ci_that_was_left_out_differs_and_one_more_is_told() -> None:
    clippy = Check(CheckKind.CLIPPY, "cargo clippy")
    assert evidence.table(evidence.ci_rows("base", FACTS.base, [TEST])).count("\n") == 1
    missing = evidence.ci_rows("base", FACTS.base, [TEST, clippy])
    assert not evidence.holds(missing) and "`cargo clippy` is required, and was not run" in evidence.table(missing)
    more = evidence.ci_rows("base", FACTS.base, [])
    assert evidence.holds(more) and "`cargo test` (.github/workflows/ci.yml: test)" in evidence.table(more)


def test_a_pull_request_that_has_moved_on_differs() -> None:
    assert evidence.head_row(FACTS, "b" * 40).is_same
    assert not evidence.head_row(FACTS, "c" * 40).is_same
