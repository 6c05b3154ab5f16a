"""The ladder in real containers with real cargo: what fails by chance, by time, by force, and what a change cannot reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from bot.checking import Baseline, Checker, worse_than_base
from bot.domain import Check, CheckKind, CheckResult, CheckScope, OutOfMemory, OutputLimit, Success, Timeout
from bot.domain import TestOutcome as Outcome
from bot.rust.compact import compact
from bot.rust.fixes import apply_fixes
from bot.sandbox import never
from bot.sandbox.docker import DockerSandbox
from bot.sandbox.volume import RunVolume
from bot.sandbox.workspace import WorkspaceFiles

pytestmark = pytest.mark.docker

TEST = Check(CheckKind.TEST, "cargo test --workspace")
MANIFEST = '[package]\nname = "doubler"\nversion = "0.1.0"\nedition = "2021"\n'
# A file is there from the second run on, as a port or a clock would be.
FLAKY = """
#[cfg(test)]
mod tests {
    #[test]
    fn sound() {}

    #[test]
    fn fickle() {
        let mark = std::path::Path::new("/tmp/seen");
        let was_there = mark.exists();
        std::fs::write(mark, "").unwrap();
        assert!(was_there, "the first time is always hard");
    }
}
"""
ABORTS = "#[test]\nfn aborts() { std::process::abort() }\n"
HOARDS = """
#[test]
fn hoards() {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1_u8; 16 << 20]);
    }
}
"""
# Past the harness's capture, as a child process or a C library would write.
FLOODS = """
#[test]
fn floods() {
    use std::io::Write;
    std::fs::File::options().create(true).append(true).open("/tmp/runs").unwrap().write_all(b"once").unwrap();
    let line = vec![b'x'; 1 << 20];
    loop {
        std::io::stderr().write_all(&line).unwrap();
    }
}
"""
SLEEPS = "#[test]\nfn sleeps() { std::thread::sleep(std::time::Duration::from_secs(600)) }\n"


@pytest.fixture
def lay_out(volume: RunVolume) -> Callable[[Mapping[str, str]], None]:
    def lay_out(files: Mapping[str, str]) -> None:
        for path, text in files.items():
            WorkspaceFiles(volume.workspace).write(path, text.encode())
        volume.hand_over()

    return lay_out


def run(sandbox: DockerSandbox, baseline: Baseline, *, seconds: float = 120.0) -> CheckResult:
    (result,) = [
        each
        for each in Checker(sandbox, (TEST,), never, seconds).climb(CheckScope.FULL, baseline, stop_early=False)
        if each.check == TEST
    ]
    return result


def test_a_test_that_fails_by_chance_is_named_as_flaky_and_nobody_is_blamed(
    sandbox: DockerSandbox, lay_out: Callable[[Mapping[str, str]], None]
) -> None:
    lay_out({"Cargo.toml": MANIFEST, "src/lib.rs": FLAKY})
    assert sandbox.run("touch /tmp/seen", timeout=10).is_success
    steady = run(sandbox, Baseline())
    assert steady.flaky == () and isinstance(steady.exit, Success)

    sandbox.run("rm /tmp/seen", timeout=10)
    result = run(sandbox, Baseline((steady,)))
    assert result.flaky == ("src/lib.rs::tests::fickle",)
    assert isinstance(result.exit, Success) and {test.outcome for test in result.tests} == {Outcome.OK}
    assert worse_than_base([result], Baseline((steady,))) == ()
    assert "flaky (failed, then passed when run again): src/lib.rs::tests::fickle" in compact((result,))

    # The same on the base itself, and the same test as a part of the change, which has no excuse.
    sandbox.run("rm /tmp/seen", timeout=10)
    assert run(sandbox, Baseline()).flaky == ("src/lib.rs::tests::fickle",)
    sandbox.run("rm /tmp/seen", timeout=10)
    without = Baseline((CheckResult(TEST, Success(), 0.1, tests=steady.tests[:0]),))
    blamed = run(sandbox, without)
    assert blamed.flaky == () and not blamed.is_success


def test_an_abort_and_a_time_out_have_names(
    sandbox: DockerSandbox, lay_out: Callable[[Mapping[str, str]], None]
) -> None:
    lay_out({"Cargo.toml": MANIFEST, "src/lib.rs": "", "tests/aborts.rs": ABORTS})
    aborted = compact((run(sandbox, Baseline()),))
    assert "FAILED" in aborted and "tests/aborts.rs" in aborted and "SIGABRT" in aborted

    lay_out({"tests/aborts.rs": SLEEPS})
    assert sandbox.run("cargo test --no-run", timeout=120).is_success
    slow = run(sandbox, Baseline(), seconds=5.0)
    assert isinstance(slow.exit, Timeout)
    assert "FAILED, killed after 5 s (time-out)" in compact((slow,))


def test_running_out_of_memory_and_a_flood_of_output_have_names(
    sandbox: DockerSandbox, lay_out: Callable[[Mapping[str, str]], None]
) -> None:
    lay_out({"Cargo.toml": MANIFEST, "src/lib.rs": "", "tests/greedy.rs": HOARDS})
    hoarded = run(sandbox, Baseline())
    assert isinstance(hoarded.exit, OutOfMemory)
    assert "out of memory" in compact((hoarded,)) and worse_than_base([hoarded], Baseline()) == (hoarded,)

    lay_out({"tests/greedy.rs": FLOODS})
    flooded = run(sandbox, Baseline())
    assert isinstance(flooded.exit, OutputLimit)
    told = compact((flooded,))
    assert "FAILED, killed after printing more than" in told and "tests/greedy.rs" in told
    assert sandbox.run("cat /tmp/runs", timeout=10).stdout == "once"
    assert "nothing compiled" not in told and worse_than_base([flooded], Baseline()) == (flooded,)


def test_a_quick_look_leaves_out_what_the_change_cannot_reach(
    sandbox: DockerSandbox, lay_out: Callable[[Mapping[str, str]], None]
) -> None:
    member = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'
    test = "#[test]\nfn {}() {{}}\n"
    lay_out(
        {
            "Cargo.toml": '[workspace]\nmembers = ["a", "b"]\nresolver = "2"\n',
            **{f"{name}/Cargo.toml": member.format(name) for name in "ab"},
            **{f"{name}/src/lib.rs": test.format(name) for name in "ab"},
        }
    )
    results = Checker(sandbox, (TEST,), never, 120.0).climb(CheckScope.QUICK, Baseline(), packages=("b",))
    assert {each.key for result in results for each in result.tests} == {"b/src/lib.rs::b"}


def test_clippys_own_fixes_are_applied_to_lines_of_the_change_and_never_where_they_hide_a_mistake(
    sandbox: DockerSandbox, lay_out: Callable[[Mapping[str, str]], None]
) -> None:
    old = "pub fn old(number: u32) -> u32 {\n    return number * 2;\n}\n"
    new = "pub fn new(number: u32) -> u32 {\n    let spare = 1;\n    return number * 3;\n}\n"
    lay_out({"Cargo.toml": MANIFEST, "src/lib.rs": old + new})
    clippy = Check(CheckKind.CLIPPY, "cargo clippy -- -D warnings")
    checker = Checker(sandbox, (clippy,), never, 120.0)
    result = checker.run(clippy)
    assert [item.code for item in result.diagnostics] == [
        "unused_variables",
        "clippy::needless_return",
        "clippy::needless_return",
    ]
    applied = apply_fixes(result.diagnostics, {"src/lib.rs": old.encode()}, {"src/lib.rs": (old + new).encode()})
    assert [(item.code, item.line) for item in applied.mended] == [("clippy::needless_return", 6)]
    fixed = applied.files["src/lib.rs"].decode()
    assert fixed == old + new.replace("return number * 3;", "number * 3")

    lay_out({"src/lib.rs": fixed})
    assert [(item.code, item.line) for item in checker.run(clippy).diagnostics] == [
        ("unused_variables", 5),
        ("clippy::needless_return", 2),
    ]
