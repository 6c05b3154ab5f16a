"""The ladder is climbed in order, stops where the change is to blame, and never blames it for what the base has as well."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from bot.checking import Baseline, Checker, lost_tests, passing, worse_than_base
from bot.domain import (
    Check,
    CheckKind,
    CheckResult,
    CheckScope,
    CommandResult,
    Diagnostic,
    Exit,
    Failure,
    Level,
    Success,
    Timeout,
)
from bot.domain import TestOutcome as Outcome
from bot.domain import TestRun as Ran
from bot.errors import Stopped
from bot.rust.manifests import Target
from bot.rust.tests import TestItem as Item

FMT = Check(CheckKind.FMT, "cargo fmt --check")
CLIPPY = Check(CheckKind.CLIPPY, "cargo clippy")
TEST = Check(CheckKind.TEST, "cargo test")
FAILED = Failure(101)


def never() -> bool:
    return False


@dataclass
class ScriptedSandbox:
    """Answers a command with the first entry whose key is in it, and with success where there is none."""

    answers: Mapping[str, CommandResult] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)

    def run(
        self,
        command: str,
        *,
        timeout: float,
        directory: str = ".",
        env: Mapping[str, str] = {},
        keep: int = 0,
        should_stop: Callable[[], bool] = never,
    ) -> CommandResult:
        self.commands.append(command)
        answers = (answer for words, answer in self.answers.items() if words in command)
        return next(answers, CommandResult(Success(), "", 0.1))

    def close(self) -> None:
        self.commands.append("close")


def compiler_error(text: str = "wrong") -> str:
    span = {"file_name": "src/lib.rs", "line_start": 1, "column_start": 1, "is_primary": True, "text": [{"text": text}]}
    message = {
        "level": "error",
        "message": "mismatched types",
        "code": {"code": "E0308"},
        "spans": [span],
        "rendered": text,
    }
    return json.dumps({"reason": "compiler-message", "package_id": "doubler", "message": message}) + "\n"


def answer(text: str, exit_: Exit = FAILED) -> CommandResult:
    return CommandResult(exit_, text, 0.1, stdout=text)


def checker(sandbox: ScriptedSandbox, *checks: Check, should_stop: Callable[[], bool] = never) -> Checker:
    return Checker(sandbox, checks or (FMT, CLIPPY, TEST), should_stop, seconds=5.0)


def found(text: str = "x", level: Level = Level.ERROR) -> Diagnostic:
    return Diagnostic(level, "E0308", "mismatched types", "src/lib.rs", 1, 1, source_text=text)


def result(
    check: Check = CLIPPY, exit_: Exit = FAILED, *diagnostics: Diagnostic, tests: tuple[Ran, ...] = ()
) -> CheckResult:
    return CheckResult(check, exit_, 0.1, diagnostics, tests)


def ran(name: str, outcome: Outcome = Outcome.OK) -> Ran:
    return Ran("src/lib.rs", name, outcome)


# --- climbing --------------------------------------------------------------------------------------------------------


def test_a_climb_stops_at_the_first_rung_that_is_worse_than_the_base() -> None:
    sandbox = ScriptedSandbox({"cargo clippy": answer(compiler_error())})
    results = checker(sandbox).climb(CheckScope.FULL, Baseline())
    assert results[-1].check.kind is CheckKind.CLIPPY and not results[-1].is_success
    assert not any("cargo test" in command for command in sandbox.commands)


def test_a_climb_that_shall_see_everything_goes_past_every_failure() -> None:
    sandbox = ScriptedSandbox({"cargo clippy": answer(compiler_error())})
    results = checker(sandbox).climb(CheckScope.FULL, Baseline(), stop_early=False)
    assert [result.check.kind for result in results][-1] is CheckKind.TEST


def test_a_filter_leaves_only_the_tests() -> None:
    sandbox = ScriptedSandbox()
    checker(sandbox).climb(CheckScope.QUICK, Baseline(), test_filter="doubles")
    assert sandbox.commands and all("cargo test" in command and "doubles" in command for command in sandbox.commands)


def test_the_base_is_measured_past_failures_and_with_its_unformatted_files() -> None:
    listed = answer("/workspace/src/lib.rs\n/workspace/src/old.rs\n", Failure(1))
    sandbox = ScriptedSandbox({"cargo fmt": listed, "cargo clippy": answer(compiler_error())})
    baseline = checker(sandbox).measure_base()
    assert baseline.unformatted == ("src/lib.rs", "src/old.rs")
    assert {result.check.kind for result in baseline.results} >= {CheckKind.CLIPPY, CheckKind.TEST}


def test_a_run_that_is_stopped_stops_after_the_command() -> None:
    with pytest.raises(Stopped):
        checker(ScriptedSandbox(), should_stop=lambda: True).climb(CheckScope.FULL, Baseline())


def test_where_a_target_does_not_compile_the_others_are_built_and_run() -> None:
    sandbox = ScriptedSandbox({"--no-run": answer(""), "cargo test": answer(compiler_error())})
    outcome = checker(sandbox, TEST).run(TEST)
    assert any("--no-run" in command or "--keep-going" in command for command in sandbox.commands[1:])
    assert not outcome.is_success and outcome.diagnostics[0].code == "E0308"


FEATURES = Check(CheckKind.TEST, "cargo test --all-features")
DOC = Check(CheckKind.DOCTEST, "cargo test --doc")


def new_test(name: str, *, is_doc: bool = False) -> Item:
    return Item(Target("doubler", "lib", "doubler", "src/lib.rs"), name, "src/lib.rs", 1, "", is_doc=is_doc)


def failing(*names: str) -> CommandResult:
    head = "     Running unittests src/lib.rs (target/debug/deps/doubler-0)\n\nrunning 1 test\n"
    rows = "".join(f"test {name} ... FAILED\n" for name in names)
    return answer(f"{head}{rows}\ntest result: FAILED. 0 passed; {len(names)} failed; 0 ignored; 0 measured\n")


def test_new_tests_run_until_each_has_failed_and_documentation_is_left_out() -> None:
    sandbox = ScriptedSandbox({"cargo test": failing("a", "b")})
    (only,) = checker(sandbox, TEST, FEATURES, DOC).run_tests([new_test("a"), new_test("b")])
    assert only.check == TEST and only.ran_as == "run without documentation tests"
    assert [command.split(" 2>")[0] for command in sandbox.commands] == [
        "cargo test --tests --no-fail-fast --message-format=json"
    ]


def test_new_tests_that_have_not_all_failed_run_with_every_command_of_ci() -> None:
    sandbox = ScriptedSandbox({"cargo test": failing("a")})
    results = checker(sandbox, TEST, FEATURES, DOC).run_tests([new_test("a"), new_test("b")])
    assert [result.check for result in results] == [TEST, FEATURES]


def test_a_new_test_in_the_documentation_brings_all_of_it() -> None:
    sandbox = ScriptedSandbox({"cargo test": failing("a")})
    results = checker(sandbox, TEST, FEATURES, DOC).run_tests(
        [new_test("a"), new_test("src/lib.rs - double", is_doc=True)]
    )
    assert [(result.check, result.ran_as) for result in results] == [(TEST, ""), (FEATURES, ""), (DOC, "")]


def test_a_filtered_run_that_does_not_compile_is_not_salvaged() -> None:
    sandbox = ScriptedSandbox({"cargo test": answer(compiler_error())})
    checker(sandbox, TEST).run(TEST, test_filter="doubles")
    assert len(sandbox.commands) == 1


def test_only_the_named_files_are_formatted() -> None:
    sandbox = ScriptedSandbox()
    checker(sandbox).format(["src/lib.rs"], {"src/lib.rs": "2021"})
    (command,) = sandbox.commands
    assert "cd src" in command and "rustfmt --edition 2021 < lib.rs" in command


# --- against the base ------------------------------------------------------------------------------------------------


def test_what_succeeds_is_never_worse() -> None:
    assert worse_than_base([result(CLIPPY, Success())], Baseline()) == ()


def test_the_same_error_as_on_the_base_is_not_worse_wherever_it_moved() -> None:
    base = Baseline((result(CLIPPY, FAILED, found()),))
    moved = Diagnostic(Level.ERROR, "E0308", "mismatched types", "src/lib.rs", 90, 7, source_text="x")
    assert worse_than_base([result(CLIPPY, FAILED, moved)], base) == ()


def test_the_same_error_once_more_is_worse() -> None:
    base = Baseline((result(CLIPPY, FAILED, found()),))
    assert len(worse_than_base([result(CLIPPY, FAILED, found(), found())], base)) == 1


def test_a_new_warning_beside_an_old_error_is_not_worse() -> None:
    base = Baseline((result(CLIPPY, FAILED, found()),))
    assert worse_than_base([result(CLIPPY, FAILED, found(), found("y", Level.WARNING))], base) == ()


def test_a_new_failing_test_beside_an_old_one_is_worse() -> None:
    old, new = ran("old", Outcome.FAILED), ran("new", Outcome.FAILED)
    base = Baseline((result(TEST, tests=(old,)),))
    assert worse_than_base([result(TEST, tests=(old,))], base) == ()
    assert len(worse_than_base([result(TEST, tests=(old, new))], base)) == 1


def test_a_failure_that_nothing_explains_is_worse() -> None:
    assert len(worse_than_base([result(CLIPPY)], Baseline())) == 1
    assert len(worse_than_base([result(CLIPPY)], Baseline((result(CLIPPY),)))) == 1


def test_a_check_that_is_killed_now_and_merely_failed_before_is_worse() -> None:
    base = Baseline((result(CLIPPY, FAILED, found()),))
    assert len(worse_than_base([result(CLIPPY, Timeout(900.0), found())], base)) == 1


def test_a_check_that_was_killed_on_the_base_as_well_is_not_worse() -> None:
    base = Baseline((result(CLIPPY, Timeout(900.0), found()),))
    assert worse_than_base([result(CLIPPY, Timeout(900.0), found())], base) == ()


def test_a_test_passes_only_where_it_failed_nowhere() -> None:
    results = [result(TEST, tests=(ran("a"), ran("b"))), result(TEST, tests=(ran("b", Outcome.FAILED),))]
    assert passing(results) == {"src/lib.rs::a"}


def test_tests_that_passed_and_do_not_run_any_more_are_lost_unless_they_were_removed() -> None:
    base = Baseline((result(TEST, Success(), tests=(ran("a"), ran("b"), ran("c"))),))
    now = [result(TEST, Success(), tests=(ran("a"), ran("b", Outcome.IGNORED)))]
    assert lost_tests(now, base, gone=["src/lib.rs::c"]) == ("src/lib.rs::b",)


def test_the_summary_of_a_base_has_a_line_for_each_check_and_names_unformatted_files() -> None:
    summary = Baseline((result(CLIPPY, FAILED, found()), result(TEST, Success())), ("src/old.rs",)).summary()
    assert "cargo clippy" in summary and "cargo test" in summary and "src/old.rs" in summary
    # What the base has is not new to anybody.
    assert "clippy: FAILED; 1 error" in summary and "new" not in summary
