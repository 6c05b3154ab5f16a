"""How the player takes a change apart: tests and code, edits, mistakes, and what it leaves for the review."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.case import Case, Criterion, Remark, Trees
from simulator.player import rust, split, words
from simulator.player.edits import replacements
from simulator.player.faults import IN_CODE, FaultKind, candidates, parse_kinds
from simulator.player.head import head, line_of, remarks
from simulator.player.words import same, work_on
from simulator.trees import File, changed

BASE_LIB = """\
pub fn double(number: u32) -> u32 {
    number + number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles() {
        assert_eq!(double(2), 4);
    }
}
"""
GOLD_LIB = """\
pub fn double(number: u32) -> u32 {
    number * 2
}

/// Three times as much.
pub fn triple(number: u32) -> u32 {
    number * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles() {
        assert_eq!(double(2), 4);
    }

    #[test]
    fn triples() {
        assert_eq!(triple(2), 6);
    }
}
"""
MANIFEST = '[package]\nname = "x"\nversion = "0.1.0"\n'
BASE = {"Cargo.toml": File(MANIFEST.encode()), "src/lib.rs": File(BASE_LIB.encode())}
GOLD = {
    "Cargo.toml": File((MANIFEST + '\n[dependencies]\nlog = "0.4"\n\n[dev-dependencies]\nrand = "0.8"\n').encode()),
    "src/lib.rs": File(GOLD_LIB.encode()),
    "tests/api.rs": File(b"#[test]\nfn it_triples() { assert_eq!(x::triple(1), 3); }\n"),
    "tests/data/a.bin": File(b"\0\1"),
}


def case(review: tuple[Remark, ...] = ()) -> Case:
    criteria = (
        Criterion("C1", "It triples.", ("lib::tests::triples",)),
        Criterion("C2", "It still doubles.", ("tests::doubles",)),
    )
    return Case(
        "x",
        "Add triple",
        "`triple` is missing.",
        criteria,
        ("tests::triples", "tests/api.rs::it_triples"),
        review,
        {},
        Path(),
    )


def test_the_test_part_is_what_only_tests_need() -> None:
    before = split.with_tests(BASE, GOLD)
    assert changed(BASE, before) == ["Cargo.toml", "src/lib.rs", "tests/api.rs", "tests/data/a.bin"]
    text = before["src/lib.rs"].text or ""
    assert "fn triples" in text
    assert "pub fn triple" not in text
    assert "number + number" in text
    manifest = before["Cargo.toml"].text or ""
    assert ("rand" in manifest, "log" in manifest) == (True, False)


def test_a_module_announced_for_tests_is_a_test_file() -> None:
    tree = {
        "src/lib.rs": File(b"#[cfg(test)]\nmod checks;\n"),
        "src/checks.rs": File(b""),
        "src/checks/more.rs": File(b""),
        "src/other.rs": File(b""),
    }
    modules = split.test_modules(tree)
    assert [path for path in tree if split.is_test_file(path, modules)] == ["src/checks.rs", "src/checks/more.rs"]


def test_loose_test_functions_are_exchanged_by_name() -> None:
    old = "fn a() {}\n\n#[test]\nfn one() {}\n\nfn b() {}\n\n#[test]\nfn gone() {}\n"
    new = "fn a() { 1; }\n\n#[test]\nfn one() { a(); }\n\n#[test]\nfn two() {}\n\nfn b() {}\n"
    assert split.splice(old, new) == "fn a() {}\n\n#[test]\nfn one() { a(); }\n\n#[test]\nfn two() {}\n\nfn b() {}\n\n"
    assert "fn gone" in split.splice(old, new, keeps=True)


def test_a_first_test_module_goes_to_the_end() -> None:
    assert (
        split.splice("fn a() {}\n", "fn a() { }\n\n#[cfg(test)]\nmod tests {}\n")
        == "fn a() {}\n\n#[cfg(test)]\nmod tests {}\n"
    )


def test_every_replacement_is_unique_when_its_turn_comes() -> None:
    old = "".join(f"line {number % 7}\n" for number in range(60))
    lines = old.splitlines(keepends=True)
    lines[10:12], lines[30], lines[45:45] = [], "new\n", ["more\n", "lines\n"]
    new = "".join(lines)
    current = old
    for step in replacements(old, new) or pytest.fail("the file would be written anew"):
        assert current.count(step.old) == 1
        current = current.replace(step.old, step.new)
    assert current == new


def test_a_new_text_is_written_anew() -> None:
    assert replacements("a\nb\nc\n", "x\ny\nz\n") is None


def test_functions_in_tests_are_no_functions_of_the_code() -> None:
    assert [function.name for function in rust.functions(GOLD_LIB)] == ["double", "triple"]


def test_strings_are_seen() -> None:
    text = 'const A: &str = "\nhere\n";\nconst B: u8 = 1;\n'
    assert [rust.is_inside_literal(text, line) for line in range(4)] == [False, True, True, False]


def test_each_mistake_is_a_variation_of_the_finished_tree() -> None:
    before = split.with_tests(BASE, GOLD)
    for kind in IN_CODE:
        found = candidates(kind, case(), before, GOLD)
        assert found, kind
        for fault in found:
            assert any(GOLD.get(path) != file for path, file in fault.files.items())
    wrong = candidates(FaultKind.WRONG, case(), before, GOLD)[0]
    assert (
        b"pub fn triple(number: u32) -> u32 { if line!() > 0 { panic!" in (wrong.files["src/lib.rs"] or File(b"")).data
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (FaultKind.TYPE, "clippy: FAILED\n\nerror[E0308]: mismatched types"),
        (FaultKind.CLIPPY, "error: approximate value of `f64::consts::PI` found"),
        (FaultKind.FORMAT, "fmt: FAILED; 1 new error (0.1 s) `cargo fmt --check`"),
        (FaultKind.FORMAT, "Diff in src/lib.rs:3"),
        (FaultKind.WRONG, "test tests::triples (lib) failed:\n    panicked at src/lib.rs"),
        (FaultKind.MISSING, "error[E0425]: cannot find function `triple`"),
    ],
)
def test_what_shows_a_mistake_is_recognised_and_a_green_check_is_not(kind: FaultKind, text: str) -> None:
    fault = candidates(kind, case(), split.with_tests(BASE, GOLD), GOLD)[0]
    assert fault.shown(text)
    green = "fmt: ok (0.1 s) `cargo fmt --check`\nclippy: fails as on the base; 3 already on the base, not shown\ntest: ok; 4 passed, 0 failed"
    assert not fault.shown(green)


def test_faults_are_chosen_by_name_and_keep_their_order() -> None:
    assert parse_kinds("none") == ()
    assert parse_kinds("clippy, type") == (FaultKind.TYPE, FaultKind.CLIPPY)
    with pytest.raises(ValueError, match="other"):
        parse_kinds("other")


def test_the_review_finds_a_comment_to_be_taken_out() -> None:
    remark = Remark("src/lib.rs", "number * 3", "Why?")
    trees = Trees(BASE, GOLD)
    reviewed = head(case((remark,)), trees)
    lines = (reviewed["src/lib.rs"].text or "").splitlines()
    at = line_of(reviewed, remark) or 0
    assert lines[at - 2].strip().startswith("// ")
    assert changed(reviewed, GOLD) == ["src/lib.rs"]


def test_a_part_can_be_left_for_the_review() -> None:
    remark = Remark("src/lib.rs", "number * 3", "And a test from outside?", ("tests/api.rs",))
    reviewed = head(case((remark,)), Trees(BASE, GOLD))
    assert "tests/api.rs" not in reviewed


def test_without_a_review_there_is_a_remark_all_the_same() -> None:
    trees = Trees(BASE, GOLD)
    [remark] = remarks(case(), trees)
    assert line_of(head(case(), trees), remark) is not None
    assert changed(head(case(), trees), GOLD) == ["src/lib.rs"]


def test_the_tests_handed_in_are_the_red_ones_with_their_criteria() -> None:
    value = words.tests(work_on(case(), Trees(BASE, GOLD), GOLD))
    assert value["tests"] == [
        {"name": "tests::triples", "criteria": ["AC-1"]},
        {"name": "tests/api.rs::it_triples", "criteria": []},
    ]
    assert "AC-2" in str(value["notes"])


@pytest.mark.parametrize("other", ["tests::triples", "triples", "lib::tests::triples"])
def test_names_of_tests_match_leniently(other: str) -> None:
    assert same("lib::tests::triples", other)
    assert not same("lib::tests::doubles", other)


def test_a_forgotten_test_leaves_no_trace_that_a_formatter_would_see() -> None:
    kept = "#[test]\nfn a() {\n    assert!(true);\n}\n"
    gone = "\n// Why.\n#[test]\nfn b() {\n    assert!(true);\n}\n"
    assert rust.without_tests(f"{kept}{gone}", {"b"}) == kept
    assert rust.without_tests(f"{kept}{gone}\n{kept}", {"b"}) == f"{kept}\n{kept}"
