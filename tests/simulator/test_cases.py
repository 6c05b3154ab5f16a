"""The public cases stand: complete on paper, red before and green after in containers."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.case import Case, Criterion, Remark, Trees, bring, load
from simulator.cases.proof import kind_of_red, mistakes_on_paper, named, prove, size
from simulator.measure import Measure, Seen, Target
from simulator.play import certificates
from simulator.trees import File

CASES = Path("simulator/cases")
EVERY = sorted(path.parent.name for path in CASES.glob("*/case.json"))
OWN = [name for name in EVERY if (CASES / name / "base.tar.gz").exists()]
PUBLISHED = [name for name in EVERY if name not in OWN]

LIB = Target(("--lib",), ("lib",))


def small_case() -> tuple[Case, Trees]:
    case = Case(
        name="small",
        title="Answer",
        body="`answer` should be 42.",
        criteria=(Criterion("AC-1", "It is 42.", ("lib::tests::it_is_42",)),),
        red_green=("lib::tests::it_is_42",),
        review=(Remark("src/lib.rs", "42", "Why?", ("README.md",)),),
        source={},
        folder=Path(),
    )
    base = {"src/lib.rs": File(b"fn answer() -> u8 {\n    41\n}\n"), "README.md": File(b"41\n")}
    gold = {"src/lib.rs": File(b"fn answer() -> u8 {\n    42\n}\n"), "README.md": File(b"42\n")}
    return case, Trees(base, gold)


# --- what is seen without running anything ---------------------------------------------------------------------------


def test_a_complete_case_has_no_mistakes_on_paper() -> None:
    assert mistakes_on_paper(*small_case()) == []


def test_a_red_test_that_no_criterion_names_is_a_mistake() -> None:
    case, trees = small_case()
    assert mistakes_on_paper(replace(case, red_green=("lib::other",)), trees) == ["no criterion names lib::other"]


def test_a_name_without_its_target_is_a_mistake() -> None:
    case, trees = small_case()
    case = replace(case, criteria=(Criterion("AC-1", "It is.", ("it_is",)),), red_green=("it_is",))
    assert mistakes_on_paper(case, trees) == ["it_is is not `<target>::<path>`"]


def test_an_anchor_on_an_old_line_is_a_mistake() -> None:
    case, trees = small_case()
    case = replace(case, review=(Remark("src/lib.rs", "fn answer", "Name?"),))
    assert mistakes_on_paper(case, trees) == ["src/lib.rs: the anchor 'fn answer' is on no added line"]


def test_an_answer_outside_the_change_is_a_mistake() -> None:
    case, trees = small_case()
    case = replace(case, review=(Remark("src/lib.rs", "42", "Why?", ("NEWS.md",)),))
    assert mistakes_on_paper(case, trees) == ["NEWS.md answers a remark, but the change does not touch it"]


def test_lock_files_do_not_count_for_the_size() -> None:
    _, trees = small_case()
    assert size(trees) == 4
    assert size(Trees(trees.base, {**trees.gold, "Cargo.lock": File(b"version = 3\n")})) == 4


# --- how a test is red -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        ([Seen(LIB, "tests::new", "ok")], "green"),
        ([Seen(LIB, "tests::new", "FAILED")], "assert"),
        ([Seen(LIB, "tests::old", "ok")], "abort"),
        ([], "compile"),
    ],
)
def test_the_kind_of_red_is_told(seen: list[Seen], kind: str) -> None:
    tree = {"src/lib.rs": File(b"#[cfg(test)] mod tests { #[test] fn new() {} }")}
    gold = [Seen(LIB, "tests::new", "ok"), Seen(LIB, "tests::old", "ok")]
    assert kind_of_red("lib::tests::new", tree, seen, gold) == kind


def test_a_test_of_the_same_name_in_another_target_says_nothing() -> None:
    other = Target(("--test", "other"), ("tests/other.rs",))
    tree = {"tests/it.rs": File(b"#[test] fn new() {}")}
    gold = [Seen(Target(("--test", "it"), ("tests/it.rs",)), "new", "ok")]
    assert kind_of_red("tests/it.rs::new", tree, [Seen(other, "new", "ok")], gold) == "compile"


def test_a_test_that_the_test_part_does_not_hold_is_missing() -> None:
    assert kind_of_red("lib::tests::new", {"src/lib.rs": File(b"")}, [], [Seen(LIB, "tests::new", "ok")]) == "missing"


# --- the public cases ------------------------------------------------------------------------------------------------


def test_there_are_eight_public_cases_and_the_demo() -> None:
    assert "demo" in EVERY
    assert len(EVERY) >= 9


@pytest.mark.parametrize("name", OWN)
def test_a_case_of_our_own_is_complete(name: str) -> None:
    case = load(CASES / name)
    assert case.name == name
    assert mistakes_on_paper(case, bring(case)) == []


@pytest.mark.registry
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_case_of_published_crates_is_complete(name: str) -> None:
    case = load(CASES / name)
    assert case.name == name
    assert mistakes_on_paper(case, bring(case)) == []


@pytest.mark.registry
@pytest.mark.parametrize("name", EVERY)
def test_no_case_touches_what_the_bot_may_not_touch(name: str) -> None:
    changed = bring(load(CASES / name)).changed
    assert not [path for path in changed if path.startswith(".github/workflows/") or path == ".gitmodules"]


@pytest.mark.parametrize("name", OWN)
def test_an_archive_can_be_made_again_byte_for_byte(name: str) -> None:
    packed = (CASES / name / "base.tar.gz").read_bytes()
    assert packed[4:8] == bytes(4), "gzip wrote a time"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as tar:
        members = tar.getmembers()
    names = [member.name.split("/") for member in members]
    assert names == sorted(names)
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}


@pytest.mark.docker
@pytest.mark.parametrize(("name", "kinds"), [("demo", {"assert", "compile"}), ("mdlinks", {"assert", "compile"})])
def test_a_case_without_dependencies_stands(name: str, kinds: set[str]) -> None:
    case = load(CASES / name)
    with Measure() as measure:
        proof = prove(case, measure)
    assert proof.mistakes == ()
    assert set(proof.red.values()) == kinds
    assert len(named(case)) > len(case.red_green)


# The others are proven by `python -m simulator.cases`, which takes its time, and each time that they are played.
@pytest.mark.docker
@pytest.mark.registry
@pytest.mark.parametrize("name", ["shlex", "tidytable"])
def test_a_case_with_published_crates_stands(name: str) -> None:
    with Measure(ca_bundle=certificates()) as measure:
        proof = prove(load(CASES / name), measure)
    assert proof.mistakes == ()
    assert set(proof.red.values()) == {"assert"}
