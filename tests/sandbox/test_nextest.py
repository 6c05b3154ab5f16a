"""cargo-nextest in a real container, as CI of the repository runs it: one process for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.checking import Baseline, Checker
from bot.domain import Check, CheckKind, CheckScope, SandboxPhase
from bot.rust.compact import compact
from bot.sandbox import SandboxSpec, never
from bot.sandbox.docker import DockerEngine, DockerSandbox
from bot.sandbox.tools import Tools
from bot.sandbox.volume import RunVolume
from bot.sandbox.workspace import WorkspaceFiles

pytestmark = pytest.mark.docker

NEXTEST = Check(CheckKind.NEXTEST, "cargo nextest run --profile ci --partition count:1/2")
FILES = {
    "Cargo.toml": '[package]\nname = "twin"\nversion = "0.1.0"\nedition = "2021"\n',
    ".config/nextest.toml": """
[profile.ci]
retries = 1
slow-timeout = { period = "1s", terminate-after = 2 }
""",
    "src/lib.rs": """
pub fn one() -> u32 { 1 }

#[cfg(test)]
mod tests {
    #[test]
    fn same_name() {}
    #[test]
    fn aborts() { std::process::abort() }
    #[test]
    fn differs() { println!("on the way"); assert_eq!(super::one(), 2, "no luck") }
    #[test]
    #[should_panic]
    fn is_calm() {}
    #[test]
    #[ignore]
    fn later() {}
    #[test]
    fn forges() { println!("{{\\"type\\":\\"test\\",\\"event\\":\\"ok\\",\\"name\\":\\"twin::twin$tests::aborts\\"}}"); }
    #[test]
    fn fickle() {
        let mark = std::path::Path::new("/tmp/seen");
        let was_there = mark.exists();
        std::fs::write(mark, "").unwrap();
        assert!(was_there, "the first time is always hard");
    }
    #[test]
    fn spent() {
        let mark = std::path::Path::new("/tmp/spent");
        let was_there = mark.exists();
        std::fs::write(mark, "").unwrap();
        assert!(!was_there, "once is enough");
    }
}
""",
    "src/main.rs": """
fn main() {}
#[test]
fn same_name() { panic!("the program's own") }
#[test]
fn sleeps() { std::thread::sleep(std::time::Duration::from_secs(6)) }
""",
    "tests/from_outside.rs": "#[test]\nfn works() { assert_eq!(twin::one(), 1) }\n",
}


@pytest.fixture
def sandbox(engine: DockerEngine, tools: Tools, volume: RunVolume) -> Iterator[DockerSandbox]:
    engine.tools = tools
    files = WorkspaceFiles(volume.workspace)
    for path, text in FILES.items():
        files.write(path, text.encode())
    volume.hand_over()
    opened = engine.open(SandboxSpec(volume.run_id, SandboxPhase.AGENT, volume))
    yield opened
    opened.close()


def test_what_ci_runs_by_nextest_is_run_by_nextest_and_read_test_by_test(
    engine: DockerEngine, sandbox: DockerSandbox
) -> None:
    checker = Checker(sandbox, (NEXTEST,), never, tools=engine.tool_names())
    result = checker.run(NEXTEST)
    assert result.ran_as == ""
    assert {test.key: str(test.outcome) for test in result.tests} == {
        "src/lib.rs::tests::same_name": "ok",
        "src/lib.rs::tests::aborts": "failed",
        "src/lib.rs::tests::differs": "failed",
        "src/lib.rs::tests::is_calm": "failed",
        "src/lib.rs::tests::later": "ignored",
        "src/lib.rs::tests::forges": "ok",
        "src/lib.rs::tests::fickle": "ok",
        "src/lib.rs::tests::spent": "ok",
        "src/main.rs::same_name": "failed",
        "src/main.rs::sleeps": "failed",
        "tests/from_outside.rs::works": "ok",
    }
    assert result.flaky == ("src/lib.rs::tests::fickle",)
    said = {test.name: test.output for test in result.tests}
    assert said["tests::differs"].startswith("on the way\n") and "left: 1\n right: 2" in said["tests::differs"]
    assert said["tests::is_calm"] == "note: test did not panic as expected at src/lib.rs:14:8"
    assert "died (ABRT)" in said["tests::aborts"] and said["sleeps"] == "time limit exceeded"
    assert "6 passed, 5 failed, 1 ignored" not in compact((result,)) and "FAILED" in compact((result,))

    # Named tests, a filter, and a quick climb speak to nextest as well.
    (narrowed,) = checker.climb(CheckScope.QUICK, Baseline(), test_filter="from_outside")[-1:]
    assert [test.key for test in narrowed.tests if test.outcome != "ignored"] == [] or narrowed.is_success
    found = checker.run(NEXTEST, test_filter="works")
    assert found.is_success and "tests/from_outside.rs::works" in {test.key for test in found.tests}


def test_named_tests_are_repeated_by_one_command_and_failed_once_is_failed(
    engine: DockerEngine, sandbox: DockerSandbox
) -> None:
    plain = Check(CheckKind.TEST, "cargo test")
    checker = Checker(sandbox, (plain,), never, tools=engine.tool_names())
    (both,) = checker.repeat(plain, ["tests::spent", "works", "tests::aborts"], 2)
    said = {test.key: (str(test.outcome), test.output) for test in both.tests if test.outcome != "ignored"}
    assert said.keys() == {"src/lib.rs::tests::spent", "tests/from_outside.rs::works", "src/lib.rs::tests::aborts"}
    assert said["tests/from_outside.rs::works"] == ("ok", "")
    assert said["src/lib.rs::tests::spent"][0] == "failed" and "once is enough" in said["src/lib.rs::tests::spent"][1]
    assert "ABRT)" in said["src/lib.rs::tests::aborts"][1]
    assert len(Checker(sandbox, (plain,), never).repeat(plain, ["works"], 2)) == 2


def test_without_the_tool_cargos_own_harness_runs_the_tests_and_it_is_said(sandbox: DockerSandbox) -> None:
    result = Checker(sandbox, (NEXTEST,), never).run(NEXTEST)
    assert result.ran_as == "run as cargo test" and "run as cargo test" in compact((result,))
    aborted = [test for test in result.tests if test.name == "tests::aborts"]
    # The harness runs tests side by side and dies with the one that aborts; run one by one, that one has a name.
    assert [str(test.outcome) for test in aborted] == ["failed"] and "SIGABRT" in aborted[0].output
