"""What cargo 1.95 really printed (captures/, paths moved to /workspace, explanations dropped), read and retold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bot import domain
from bot.domain import Check, CheckKind, CheckResult, CommandResult, Diagnostic, Exit, Failure, Level, Success, Timeout
from bot.rust import diagnostics, libtest
from bot.rust.compact import LIMIT, compact, in_order

CAPTURES = Path(__file__).parent / "captures"
FAILED = Failure(101)


def captured(name: str, exit_: Exit = FAILED) -> CommandResult:
    text = (CAPTURES / f"{name}.txt").read_text()
    return CommandResult(exit_, text, 1.0, stdout=text)


def parsed(name: str, kind: CheckKind, command: str, exit_: Exit = FAILED, **env: str) -> CheckResult:
    return diagnostics.parse(Check(kind, command, env=tuple(env.items())), captured(name, exit_))


def error(message: str, code: str = "E0308", line: int = 1, text: str = "x", path: str = "src/lib.rs") -> Diagnostic:
    rendered = f"error[{code}]: {message}\n --> {path}:{line}:1\n" + "  |\n" * 12
    return Diagnostic(Level.ERROR, code, message, path, line, 1, rendered, text)


def failing(*found: Diagnostic) -> CheckResult:
    return CheckResult(Check(CheckKind.CLIPPY, "cargo clippy"), Failure(101), 1.0, found)


def outcomes(result: CheckResult) -> dict[str, str]:
    return {test.key: str(test.outcome) for test in result.tests}


def test_tests_are_told_apart_by_the_file_of_their_binary_also_in_a_workspace() -> None:
    result = parsed("workspace_tests", CheckKind.TEST, "cargo test --workspace")
    assert outcomes(result) == {
        "crates/b/src/lib.rs::top": "ok",
        "src/lib.rs::tests::adds": "ok",
        "src/lib.rs::tests::boom": "failed",
        "src/lib.rs::tests::deep::result": "failed",
        "src/lib.rs::tests::later": "ignored",
        "src/lib.rs::tests::adds_wrong": "failed",
        "tests/cli.rs::it_fails": "failed",
        "tests/cli.rs::it_works": "ok",
        "doc::crates/b/src/lib.rs - x": "ok",
        "doc::src/lib.rs - add": "ok",
        "doc::src/lib.rs - add #2": "failed",
        "doc::src/lib.rs - inner::S": "ok",
    }


def test_a_finding_counts_although_cargos_own_word_stands_before_it_on_the_line() -> None:
    message = {"level": "error", "message": "broken", "spans": [], "children": [], "code": {"code": "E0001"}}
    event = json.dumps({"reason": "compiler-message", "message": message}, separators=(",", ":"))
    result = diagnostics.parse(
        Check(CheckKind.TEST, "cargo test"), CommandResult(FAILED, f"    Finished{event}\n", 1.0)
    )
    assert [item.code for item in result.diagnostics] == ["E0001"] and result.output == "    Finished"


def test_doc_tests_of_one_item_are_numbered_by_their_lines_in_whatever_order_they_end() -> None:
    lines = ["test src/lib.rs - add (line 30) ... FAILED", "test src/lib.rs - add (line 4) ... ok"]
    for order in (lines, lines[::-1]):
        text = "\n".join(["   Doc-tests demo", "running 2 tests", *order, ""])
        (binary,) = libtest.read(text, {})
        assert {test.name: str(test.outcome) for test in binary.tests} == {
            "src/lib.rs - add": "ok",
            "src/lib.rs - add #2": "failed",
        }


def test_a_failed_test_keeps_its_values_and_place_and_loses_backtrace_hints() -> None:
    result = parsed("workspace_tests", CheckKind.TEST, "cargo test --workspace")
    output = next(test.output for test in result.tests if test.name == "tests::adds_wrong")
    assert "panicked at src/lib.rs:23:56" in output
    assert "left: 3" in output and "right: 4" in output and "sum of 1 and 2" in output
    assert "RUST_BACKTRACE" not in output


def test_should_panic_with_another_text_says_both_texts() -> None:
    text = compact([parsed("workspace_tests", CheckKind.TEST, "cargo test --workspace")])
    assert 'panic message: "bang"' in text and 'expected substring: "boom"' in text


def test_an_abort_has_no_failed_line_and_is_still_a_failed_test() -> None:
    result = parsed("abort", CheckKind.TEST, "cargo test")
    assert outcomes(result)["tests/abort.rs::b_dies"] == "failed"
    assert any("SIGABRT" in item.message and "1 of its 3 tests" in item.message for item in result.diagnostics)


def test_a_test_that_writes_over_the_harness_line_keeps_its_verdict() -> None:
    result = parsed("abort", CheckKind.TEST, "cargo test")
    assert outcomes(result)["tests/noisy.rs::writes_to_the_real_stdout"] == "ok"
    assert outcomes(result)["tests/noisy.rs::z_after"] == "ok"


def test_what_a_dying_test_prints_is_no_verdict_of_its_own() -> None:
    printed = """     Running unittests src/lib.rs (target/debug/deps/demo-1)

running 2 tests
test tests::a ... ok
test tests::dies ...\x20
thread 'tests::dies' (7) panicked at src/lib.rs:429:18:
entered unreachable code
stack backtrace:
   9:     0x55c231da69ef - std::panicking::default_hook
                               at library/std/src/panicking.rs:316:9
panic in a destructor during cleanup
ok, so be it
error: test failed, to rerun pass `--lib`

Caused by:
  process didn't exit successfully: `target/debug/deps/demo-1 --test-threads=1` (signal: 6, SIGABRT: process abort signal)
"""
    (binary,) = libtest.read(printed, {"demo-1": "src/lib.rs"})
    assert [(test.name, test.outcome) for test in binary.tests] == [("tests::a", "ok"), ("tests::dies", "failed")]


def test_the_verdict_stands_right_before_the_harness_goes_on() -> None:
    printed = """     Running tests/loud.rs (target/debug/deps/loud-1)

running 3 tests
test a_prints_and_passes ... std::panicking::default_hook
some words
ok
test b_prints_ok_and_fails ... ok?
all is ok
and then
FAILED
test c_speaks_before_its_verdict ... a wordok

failures:
"""
    (binary,) = libtest.read(printed, {"loud-1": "tests/loud.rs"})
    assert [test.outcome for test in binary.tests] == ["ok", "failed", "ok"]


def test_a_filter_that_matches_nothing_is_a_warning_although_cargo_is_content() -> None:
    result = parsed("no_match", CheckKind.TEST, "cargo test", Success())
    assert result.is_success
    assert "WARNING: no test ran" in compact([result])
    assert "the filter matched none of 1" in compact([result])


def test_a_target_that_does_not_compile_hides_every_test_and_that_is_said() -> None:
    result = parsed("broken_target", CheckKind.TEST, "cargo test")
    assert result.tests == ()
    assert [(item.code, item.path, item.line) for item in result.diagnostics] == [("E0425", "tests/bad.rs", 2)]
    assert "no test ran, because nothing compiled" in compact([result])


def test_the_targets_that_can_be_built_are_named() -> None:
    assert diagnostics.test_targets(captured("salvage_build")) == (
        ("demo@0.1.0", "lib", "demo"),
        ("demo@0.1.0", "test", "good"),
    )


def test_library_and_its_test_build_report_one_finding_once() -> None:
    result = parsed("lints", CheckKind.CLIPPY, "cargo clippy --all-targets", Success())
    codes = [item.code for item in result.diagnostics]
    assert len(codes) == len(set(codes)) == 5


def test_what_ci_denies_fails_the_check_although_it_ran_as_a_warning() -> None:
    result = parsed("lints", CheckKind.CLIPPY, "cargo clippy --all-targets -- -D warnings", Success())
    assert result.exit == Failure(101)
    assert {item.level for item in result.diagnostics} == {Level.ERROR}
    lenient = parsed("lints", CheckKind.CLIPPY, "cargo clippy --all-targets", Success())
    assert [item.code for item in lenient.diagnostics if item.level is Level.ERROR] == ["E0425"]


def test_a_denied_group_denies_its_lints_only() -> None:
    result = parsed("lints_pedantic", CheckKind.CLIPPY, "cargo clippy -- -D clippy::pedantic", Success())
    errors = {item.code for item in result.diagnostics if item.level is Level.ERROR}
    assert errors == {"E0425", "clippy::must_use_candidate"}


def test_a_setting_that_cargo_does_not_know_yet_denies_all_the_same() -> None:
    result = parsed("doc", CheckKind.DOC, "cargo doc", Success(), CARGO_BUILD_WARNINGS="deny")
    assert not result.is_success


def test_cargos_own_errors_are_findings() -> None:
    assert "unclosed array" in compact([parsed("manifest", CheckKind.CLIPPY, "cargo clippy")])
    assert "no matching package named `absent-crate`" in compact([parsed("resolver", CheckKind.CLIPPY, "cargo clippy")])


def test_unformatted_files_are_named_without_their_differences() -> None:
    result = parsed("fmt", CheckKind.FMT, "cargo fmt --all --check", Failure(1))
    assert [item.path for item in result.diagnostics] == ["src/lib.rs", "src/other.rs", "tests/good.rs"]
    assert diagnostics.unformatted(captured("fmt_list")) == {"src/lib.rs", "src/other.rs", "tests/good.rs"}


def test_twenty_calls_of_one_changed_function_are_one_finding() -> None:
    text = compact([parsed("types", CheckKind.CLIPPY, "cargo clippy")])
    assert text.count("this function takes 2 arguments") == 1
    assert "The same 19 more times: src/lib.rs:9, 12, 15" in text
    assert "provide the argument" in text


def test_wrong_types_are_the_same_mistake_only_if_their_labels_agree() -> None:
    def mismatch(line: int, expected: str, found: str) -> Diagnostic:
        label = f"expected `{expected}`, found `{found}`"
        rendered = f"error[E0308]: mismatched types\n --> src/lib.rs:{line}:5\n  |\n{line} |     x\n  |     ^ {label}"
        return replace(error("mismatched types", line=line), rendered=rendered)

    text = compact([failing(mismatch(4, "u16", "&str"), mismatch(8, "u32", "&str"), mismatch(12, "u16", "&str"))])
    assert "^ expected `u32`, found `&str`" in text and "The same 1 more times: src/lib.rs:12" in text
    others = [mismatch(at, f"T{at}", "&str") for at in range(20, 30)]
    assert "src/lib.rs:21: mismatched types: expected `T21`, found `&str`" in compact([failing(*others)])


def test_names_that_differ_in_a_figure_are_two_mistakes() -> None:
    text = compact([failing(error("cannot find value `x1`", "E0425"), error("cannot find value `x2`", "E0425", 2))])
    assert "error[E0425]: cannot find value `x1`" in text and "cannot find value `x2`" in text


def test_an_error_in_a_macro_of_the_standard_library_has_the_callers_place() -> None:
    result = parsed("types", CheckKind.CLIPPY, "cargo clippy")
    display = next(item for item in result.diagnostics if "Display" in item.message)
    assert (display.path, display.line) == ("src/lib.rs", 82)


def test_names_come_before_types_and_types_before_borrows() -> None:
    mixed = [
        error("borrow", "E0502"),
        error("method", "E0599"),
        error("type"),
        error("name", "E0425"),
        error("syntax", ""),
    ]
    assert [item.message for item in in_order(mixed)] == ["syntax", "name", "method", "type", "borrow"]


def test_findings_of_the_base_are_counted_and_not_shown_even_on_another_line() -> None:
    old, new = error("old", line=10, text="a  b"), error("new", line=3)
    text = compact([failing(replace(old, line=42, source_text="a b"), new)], [failing(old)])
    assert "1 new error" in text and "1 already on the base" in text
    assert "error[E0308]: new" in text and "]: old" not in text


def test_a_third_finding_where_the_base_had_two_equal_ones_is_new() -> None:
    base = failing(error("same", line=1), error("same", line=2))
    assert "1 new error" in compact([failing(*(error("same", line=line) for line in (4, 5, 6)))], [base])


def test_a_check_that_fails_exactly_as_before_says_so() -> None:
    base = failing(error("old"))
    assert compact([base], [base]).startswith("clippy: fails as on the base")


def test_a_test_that_failed_before_is_not_blamed_on_the_change() -> None:
    result = parsed("workspace_tests", CheckKind.TEST, "cargo test --workspace")
    text = compact([result], [result])
    assert "5 of the failures already on the base" in text and "panicked" not in text


def test_a_test_that_fails_in_two_configurations_alike_is_shown_once() -> None:
    result = parsed("workspace_tests", CheckKind.TEST, "cargo test --workspace")
    twice = compact([result, replace(result, check=Check(CheckKind.TEST, "cargo test --all-features"))])
    assert twice.count("test tests::boom (src/lib.rs) failed") == 1
    assert twice.count("FAILED;") == 2


def test_sixty_errors_fit_with_the_root_in_full_and_the_rest_in_figures() -> None:
    many = [error(f"mismatch {chr(97 + at % 26)}{chr(97 + at // 26)}", "E0308", at) for at in range(60)]
    root = error("cannot find type `Missing`", "E0412", 99)
    text = compact([failing(*many, root)])
    printed = sum(len(item.rendered) for item in (*many, root))
    assert root.rendered.splitlines()[0] in text and len(text) <= min(LIMIT, 0.15 * printed)
    assert "× E0308" in text


def test_six_errors_take_at_most_two_fifths_of_what_cargo_prints() -> None:
    found = [
        replace(error(f"mismatch {letter}"), rendered=f"error: mismatch {letter}\n" + "  |\n" * 100)
        for letter in "abcdef"
    ]
    assert len(compact([failing(*found)])) <= 0.4 * sum(len(item.rendered) for item in found)


def test_warnings_beside_errors_take_one_line_each() -> None:
    warning = replace(error("unused import", "unused_imports"), level=Level.WARNING)
    text = compact([failing(error("wrong type"), warning)])
    assert "error[E0308]: wrong type\n -->" in text and "\nwarning[unused_imports] src/lib.rs:1: unused import" in text


def test_the_text_never_exceeds_its_limit() -> None:
    huge = [replace(error(f"m{at}", f"E{at:04}"), rendered="x" * 5_000) for at in range(5)]
    tests = tuple(domain.TestRun("src/lib.rs", f"t{at}", domain.TestOutcome.FAILED, "line\n" * 500) for at in range(50))
    result = replace(failing(*huge), tests=tests)
    assert len(compact([result, result, result])) <= LIMIT


def test_a_time_out_is_told_in_words() -> None:
    result = diagnostics.parse(Check(CheckKind.TEST, "cargo test"), CommandResult(Timeout(600), "", 600.0))
    assert "killed after 600 s (time-out)" in compact([result])


def test_parts_of_one_check_become_one_result() -> None:
    broken = parsed("broken_target", CheckKind.TEST, "cargo test")
    whole = parsed("workspace_tests", CheckKind.TEST, "cargo test")
    merged = diagnostics.merge([broken, whole])
    assert merged.exit == broken.exit and len(merged.tests) == 12 and merged.diagnostics == broken.diagnostics


def test_spans_of_a_nested_workspace_are_relative_to_the_repository() -> None:
    text = (CAPTURES / "names.txt").read_text().replace("/workspace/", "/workspace/fuzz/")
    check = Check(CheckKind.CLIPPY, "cargo clippy", directory="fuzz")
    result = diagnostics.parse(check, CommandResult(Failure(101), text, 1.0, stdout=text))
    assert {item.path for item in result.diagnostics} == {"fuzz/src/lib.rs"}
