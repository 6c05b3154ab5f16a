"""Reading what cargo test prints, finding tests by lenient names, and measuring in real containers."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.case import bring, load
from simulator.measure import MARK, Measure, likely, matching, passed, read_output, targets_of
from simulator.player import split
from simulator.trees import File

METADATA = {
    "workspace_root": "/workspace",
    "packages": [
        {
            "name": "my-crate",
            "manifest_path": "/workspace/crates/my-crate/Cargo.toml",
            "targets": [
                {"kind": ["lib"], "name": "my_crate", "src_path": "/workspace/crates/my-crate/src/lib.rs"},
                {"kind": ["bin"], "name": "tool", "src_path": "/workspace/crates/my-crate/src/main.rs"},
                {"kind": ["test"], "name": "cli", "src_path": "/workspace/crates/my-crate/tests/cli.rs"},
                {"kind": ["custom-build"], "name": "build", "src_path": "/workspace/crates/my-crate/build.rs"},
            ],
        }
    ],
}
OUTPUT = f"""
{MARK} 0
running 3 tests
test parse::tests::works ... ok
test works ... ok
test noisy ... here it says something
FAILED
test loud - should panic ... ok

{MARK} 1
test src/lib.rs - parse (line 12) ... ok
{MARK} 2
test works ... FAILED
{MARK} 3
test works ... ok
test slow ... ignored
"""
SEEN = read_output(OUTPUT, list(targets_of(METADATA)))


def test_targets_are_those_with_tests() -> None:
    flags = [target.flags[2] for target in targets_of(METADATA)]
    assert flags == ["--lib", "--doc", "--bin", "--test"]


def test_verdicts_are_read_also_behind_noise() -> None:
    assert [(each.name, each.verdict) for each in SEEN][:4] == [
        ("parse::tests::works", "ok"),
        ("works", "ok"),
        ("noisy", "FAILED"),
        ("loud", "ok"),
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("lib::works", ["ok"]),
        ("parse::tests::works", ["ok"]),
        ("lib::parse::tests::works", ["ok"]),
        ("tests::works", ["ok"]),
        ("bin/tool::works", ["FAILED"]),
        ("tool::works", ["FAILED"]),
        ("tests/cli.rs::works", ["ok"]),
        ("crates/my-crate/tests/cli.rs::works", ["ok"]),
        ("cli::works", ["ok"]),
        ("works", ["ok", "FAILED", "ok"]),
        ("noisy", ["FAILED"]),
        ("src/lib.rs - parse (line 99)", ["ok"]),
        ("doc::src/lib.rs - parse (line 1)", ["ok"]),
        ("lib::nowhere", []),
    ],
)
def test_a_name_is_read_as_exactly_as_it_can_be(name: str, found: list[str]) -> None:
    assert [each.verdict for each in matching(SEEN, name)] == found


@pytest.mark.parametrize(
    ("names", "flags"),
    [
        (["lib::works"], ["--lib"]),
        (["crates/my-crate/tests/cli.rs::works", "lib::works"], ["--lib", "--test"]),
        (["bin/tool::works"], ["--bin"]),
        (["tests::works"], ["--lib", "--doc", "--bin", "--test"]),
        (["src/lib.rs - parse (line 1)"], ["--lib", "--doc", "--bin", "--test"]),
    ],
)
def test_only_the_targets_that_names_point_at_are_run_first(names: list[str], flags: list[str]) -> None:
    assert [target.flags[2] for target in likely(list(targets_of(METADATA)), names)] == flags


def test_only_what_was_seen_to_pass_has_passed() -> None:
    names = ["lib::works", "works", "noisy", "tests/cli.rs::slow", "nowhere"]
    assert passed(SEEN, names) == ["lib::works"]


@pytest.mark.docker
def test_the_demos_tests_are_red_before_and_green_after() -> None:
    case = load(Path(__file__).parents[2] / "simulator" / "cases" / "demo")
    trees = bring(case)
    with Measure() as measure:
        assert measure.passing(split.with_tests(trees.base, trees.gold), case.red_green) == []
        assert measure.passing(trees.gold, case.red_green) == list(case.red_green)


@pytest.mark.docker
def test_a_tree_that_does_not_compile_has_no_green_tests() -> None:
    manifest = b'[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n'
    library = b"pub fn a() -> u8 { 1 }\n#[test]\nfn one() { assert_eq!(a(), 1); }\n"
    with Measure() as measure:
        tree = {"Cargo.toml": File(manifest), "src/lib.rs": File(library), "tests/b.rs": File(b"fn broken( {}\n")}
        assert measure.passing(tree, ["one", "tests/b.rs::b"]) == ["one"]
