"""cargo-mutants in a real container: what the tests of a change do not notice."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

import pytest

from bot.checking import Checker
from bot.domain import Check, CheckKind, Mutant, MutantFate, Mutation, SandboxPhase
from bot.mutation import NO_TOOL, Mutator
from bot.rust import mutants
from bot.sandbox import SandboxSpec, never
from bot.sandbox.docker import DockerEngine, DockerSandbox
from bot.sandbox.tools import Tools
from bot.sandbox.volume import RunVolume
from bot.sandbox.workspace import WorkspaceFiles

pytestmark = pytest.mark.docker

TEST = Check(CheckKind.TEST, "cargo test --all-features")
MANIFEST = '[package]\nname = "doubler"\nversion = "0.1.0"\nedition = "2021"\n\n[features]\nbig = []\n'
BEFORE = "pub fn double(n: u32) -> u32 {\n    2 * n\n}\n"
AFTER = """pub fn double(n: u32) -> u32 {
    2 * n
}

#[cfg(feature = "big")]
pub fn is_big(n: u32) -> bool {
    n > 10
}

pub fn down(mut n: u8) -> u8 {
    while n > 10 {
        n -= 1;
    }
    n
}
"""
WEAK = """
#[test]
fn big() {
    assert!(doubler::is_big(99) && !doubler::is_big(1));
    assert_eq!(doubler::down(12), 10);
}
"""
STRONG = (
    WEAK
    + """
#[test]
fn the_border() {
    assert!(!doubler::is_big(10));
}
"""
)


def difference(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{path}", f"b/{path}")
    return f"diff --git a/{path} b/{path}\n" + "".join(lines)


@pytest.fixture
def sandbox(engine: DockerEngine, tools: Tools, volume: RunVolume) -> Iterator[DockerSandbox]:
    engine.tools = tools
    files = WorkspaceFiles(volume.workspace)
    files.write("Cargo.toml", MANIFEST.encode())
    files.write("src/lib.rs", AFTER.encode())
    volume.hand_over()
    opened = engine.open(SandboxSpec(volume.run_id, SandboxPhase.VERIFY, volume, variant="mutants"))
    yield opened
    opened.close()


def tried(
    sandbox: DockerSandbox,
    volume: RunVolume,
    engine: DockerEngine,
    tests: str,
    config: bytes | None = None,
    known: Sequence[Mutant] = (),
) -> Mutation:
    WorkspaceFiles(volume.workspace).write("tests/big.rs", tests.encode())
    volume.hand_over()
    checker = Checker(sandbox, (TEST,), never, tools=engine.tool_names())
    mutator = Mutator(checker, WorkspaceFiles(volume.target("mutants")), 120.0)
    return mutator.run(difference("src/lib.rs", BEFORE, AFTER), config, 0.1, known)


def test_a_mistake_that_no_test_notices_survives_and_the_better_test_kills_it(
    sandbox: DockerSandbox, volume: RunVolume, engine: DockerEngine
) -> None:
    weak = tried(sandbox, volume, engine, WEAK)
    (survivor,) = weak.survivors
    assert (mutants.at(survivor), survivor.what) == ("src/lib.rs:7 in is_big", "replace > with >=")
    assert weak.untried == 0 and "double" not in {mutant.function for mutant in weak.mutants}
    killers = {name for mutant in weak.killed for name in mutant.killed_by}
    assert killers == {"big"}
    assert MutantFate.TIMEOUT in {mutant.fate for mutant in weak.mutants if mutant.function == "down"}

    better = tried(sandbox, volume, engine, STRONG, known=weak.mutants)
    assert better.survivors == () and len(better.mutants) == len(weak.mutants) and better.untried == 0
    record = WorkspaceFiles(volume.target("mutants")).read("mutants-0/mutants.out/outcomes.json").decode()
    assert [mutants.identity(mutant) for mutant, _ in mutants.read_outcomes(record)] == [mutants.identity(survivor)]
    killed = {mutants.identity(mutant): mutant.killed_by for mutant in better.killed}
    assert killed[mutants.identity(survivor)] == ("the_border",)


def test_a_change_does_not_exempt_itself_and_the_bases_own_rules_hold(
    sandbox: DockerSandbox, volume: RunVolume, engine: DockerEngine
) -> None:
    exempt = b'exclude_globs = ["**"]\n'
    WorkspaceFiles(volume.workspace).write(".cargo/mutants.toml", exempt)
    assert len(tried(sandbox, volume, engine, WEAK).survivors) == 1
    assert tried(sandbox, volume, engine, WEAK, exempt).mutants == ()


def test_without_the_tool_it_is_said_that_nothing_was_tried(sandbox: DockerSandbox, volume: RunVolume) -> None:
    checker = Checker(sandbox, (TEST,), never)
    mutation = Mutator(checker, WorkspaceFiles(volume.target("mutants")), 60.0).run("", None, 0.1)
    assert mutation == Mutation(remark=NO_TOOL)
