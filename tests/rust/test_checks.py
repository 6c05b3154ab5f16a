"""The ladder: which rungs, in which order, and the exact lines that run in the container."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain import Check, CheckKind, CheckScope
from bot.rust import checks
from bot.rust.cargo import kind_of, parse


def check(command: str, **env: str) -> Check:
    return Check(kind_of(command), command, env=tuple(env.items()), source="ci.yml:job:step")


def lines(*given: Check, scope: CheckScope = CheckScope.FULL) -> list[str]:
    return [one.command for one in checks.ladder(given, scope=scope)]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("cargo test --doc", CheckKind.DOCTEST),
        ("cargo +nightly -vv test", CheckKind.TEST),
        ("cargo nextest run --workspace", CheckKind.NEXTEST),
        ("cargo nextest list", CheckKind.OTHER),
        ("cargo llvm-cov --workspace", CheckKind.TEST),
        ("cargo llvm-cov report --lcov", CheckKind.OTHER),
        ("cargo-fmt --all --check", CheckKind.FMT),
        ("rustfmt --check src/lib.rs", CheckKind.FMT),
        ("cargo xtask ci", CheckKind.OTHER),
        ("make test", CheckKind.OTHER),
    ],
)
def test_the_kind_of_a_command_is_seen_from_its_words(command: str, kind: CheckKind) -> None:
    assert kind_of(command) is kind


def test_a_command_is_read_into_its_parts_and_back() -> None:
    cargo = parse('cargo +1.80 --locked clippy --features "a b" -p x -- -D warnings')
    assert cargo is not None
    assert (cargo.toolchain, cargo.global_options, cargo.trailing) == ("1.80", ("--locked",), ("-D", "warnings"))
    assert cargo.values("-p") == ("x",) and cargo.values("--features") == ("a b",)
    assert cargo.line() == "cargo +1.80 --locked clippy --features 'a b' -p x -- -D warnings"


def test_the_cheapest_comes_first() -> None:
    given = [check(f"cargo {word}") for word in ("doc", "test", "clippy", "fmt --check", "test --doc")]
    assert lines(*given) == ["cargo fmt --check", "cargo clippy", "cargo test", "cargo test --doc", "cargo doc"]


def test_check_gives_way_to_clippy_with_the_same_features_and_build_to_test() -> None:
    given = [check("cargo check"), check("cargo clippy -- -D warnings"), check("cargo build"), check("cargo test")]
    assert lines(*given) == ["cargo clippy -- -D warnings", "cargo test"]
    assert "cargo check --all-features" in lines(*given, check("cargo check --all-features"))


def test_quick_takes_the_broadest_lint_and_the_broadest_test() -> None:
    given = [
        check("cargo fmt --check"),
        check("cargo clippy -p one"),
        check("cargo clippy --workspace --all-targets"),
        check("cargo test --lib"),
        check("cargo test --workspace"),
        check("cargo test --release --workspace"),
        check("cargo doc"),
    ]
    assert lines(*given, scope=CheckScope.QUICK) == [
        "cargo fmt --check",
        "cargo clippy --workspace --all-targets",
        "cargo test --workspace",
    ]


def test_what_is_left_to_ci_or_tolerated_by_it_is_no_rung() -> None:
    left = Check(CheckKind.DOC, "cargo doc", left_out_because="needs nightly")
    tolerated = Check(CheckKind.DOC, "cargo doc --all-features", required=False)
    assert "cargo doc" not in " ".join(lines(left, tolerated))


def test_where_ci_runs_no_tests_cargos_own_stand_in() -> None:
    assert lines(check("cargo fmt --check")) == [
        "cargo fmt --check",
        "cargo check --workspace --all-targets",
        "cargo test --workspace",
    ]


def test_of_a_large_matrix_the_first_rows_run() -> None:
    given = [check(f"cargo test --features f{at}") for at in range(12)]
    assert len([line for line in lines(*given) if "--features" in line]) == checks.MAX_ROWS


def test_a_generator_is_no_rung_and_a_checking_task_is() -> None:
    given = [check("cargo xtask docgen"), check("cargo xtask theme-check"), check("cargo codegen --check")]
    assert [line for line in lines(*given) if "x" in line.split()[1] or "codegen" in line] == [
        "cargo xtask theme-check",
        "cargo codegen --check",
    ]


def test_lints_are_asked_for_as_warnings_and_remembered_as_denied() -> None:
    strict = check("cargo clippy --all-targets -- -D warnings -Dclippy::todo", RUSTFLAGS="--cfg x -Dwarnings")
    assert checks.command_line(strict) == (
        "cargo clippy --all-targets --keep-going --message-format=json -- -W clippy::todo 2>&1"
    )
    assert checks.environment(strict)["RUSTFLAGS"] == "--cfg x"
    assert checks.denied_lints(strict) == {"warnings", "clippy::todo"}


def test_rustflags_are_set_only_where_ci_sets_them() -> None:
    assert "RUSTFLAGS" not in checks.environment(check("cargo test"))
    assert checks.environment(check("cargo test", RUSTFLAGS="-Dwarnings"))["RUSTFLAGS"] == ""


def test_the_setting_that_older_cargo_ignores_is_honoured_by_us() -> None:
    denied = check("cargo clippy", CARGO_BUILD_WARNINGS="deny")
    assert checks.denied_lints(denied) == {"warnings"}
    assert "CARGO_BUILD_WARNINGS" not in checks.environment(denied)


def test_snapshot_tests_cannot_rewrite_themselves_and_backtraces_are_off() -> None:
    env = checks.environment(check("cargo test", RUST_BACKTRACE="1"))
    assert env["INSTA_UPDATE"] == "no" and env["RUST_BACKTRACE"] == "0"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("cargo test -v", "cargo test --no-fail-fast --message-format=json"),
        ("cargo +stable test", "cargo test --no-fail-fast --message-format=json"),
        (
            "cargo nextest run --profile ci --workspace --hide-progress-bar",
            "cargo test --tests --workspace --no-fail-fast --message-format=json",
        ),
        (
            "cargo llvm-cov --all-features --lcov --output-path x.info -- --include-ignored",
            "cargo test --all-features --no-fail-fast --message-format=json -- --include-ignored",
        ),
        (
            "cargo test --target=x86_64-unknown-linux-gnu",
            "cargo test --no-fail-fast --message-format=json",
        ),
        ("cargo check --workspace", "cargo check --workspace --keep-going --message-format=json"),
        ("cargo insta test --review --workspace", "cargo test --workspace --no-fail-fast --message-format=json"),
        ("cargo integration-test", "cargo integration-test"),
    ],
)
def test_the_line_that_runs_speaks_to_machines_and_keeps_cis_flags(command: str, line: str) -> None:
    assert checks.command_line(check(command)) == f"{line} 2>&1"


def test_files_that_ci_lists_by_git_are_found_where_there_is_no_git_directory() -> None:
    fmt = Check(CheckKind.FMT, "rustfmt --check --edition 2021 $(git ls-files '*.rs')")
    line = checks.command_line(fmt)
    assert line == "rustfmt --check --edition 2021 $(find . -name '*.rs' -not -path './target/*' | sort) 2>&1"
    assert checks.command_line(replace(fmt, command="rustfmt --check `git ls-files '*.rs'`")).startswith(
        "rustfmt --check $(find . "
    )


def test_nextest_runs_cis_own_command_whole_and_in_a_form_for_machines() -> None:
    nextest = Check(CheckKind.NEXTEST, "cargo nextest run --workspace --profile ci --partition count:1/3 --no-capture")
    tools = frozenset(["nextest"])
    line = checks.command_line(nextest, tools=tools)
    assert line.startswith(
        "cargo nextest run --workspace --profile ci --no-fail-fast --message-format=libtest-json-plus "
    )
    assert "--partition" not in line and "--no-capture" not in line
    assert checks.environment(nextest)["NEXTEST_EXPERIMENTAL_LIBTEST_JSON"] == "1"
    assert checks.command_line(nextest, tools=tools, test_filter="mine").count(" --no-tests=pass mine ") == 1
    named = checks.named_tests_line(nextest, ["tests::a", "tests::b"], tools=tools)
    assert "-E 'test(=tests::a) | test(=tests::b)'" in named
    assert checks.stand_in(nextest, tools) == ""


def test_tests_one_by_one_keep_everything_else_of_the_line() -> None:
    line = checks.one_by_one_line("cargo test --workspace -- --test-threads 8 --include-ignored 2>&1")
    assert line == "cargo test --workspace -- --include-ignored --test-threads=1 2>&1"
    assert checks.one_by_one_line("cargo nextest run 2>&1") == "cargo nextest run 2>&1"


def test_a_filter_takes_the_place_of_cis_own() -> None:
    line = checks.command_line(check("cargo test --verbose byte_order -- --nocapture"), test_filter="mine")
    assert line == "cargo test --no-fail-fast --message-format=json mine -- --nocapture 2>&1"


def test_a_whole_workspace_is_narrowed_to_packages() -> None:
    line = checks.command_line(check("cargo clippy --workspace --exclude c"), packages=["a", "b"])
    assert line == "cargo clippy -p a -p b --keep-going --message-format=json 2>&1"


def test_targets_that_compile_run_although_another_does_not() -> None:
    whole = check("cargo test --workspace --features f -- --test-threads=1")
    assert checks.salvage_build_line(whole) == (
        "cargo build --workspace --features f --message-format=json --tests --keep-going 2>&1"
    )
    assert checks.salvage_test_lines(whole, [("demo", "lib", "demo"), ("demo", "test", "good")]) == (
        "cargo test -p demo --lib --test good --features f --no-fail-fast --message-format=json -- --test-threads=1 2>&1",
        "cargo test -p demo --doc --features f --no-fail-fast --message-format=json -- --test-threads=1 2>&1",
    )


def test_named_tests_run_exactly_with_the_features_of_the_check() -> None:
    line = checks.named_tests_line(
        check("cargo test --workspace --all-features"), ["a::b"], package="demo", selector=("--test", "cli")
    )
    assert (
        line == "cargo test -p demo --test cli --all-features --no-fail-fast --message-format=json -- --exact a::b 2>&1"
    )


def test_formatting_touches_only_the_named_files_and_only_where_they_differ(tmp_path: Path) -> None:
    # A stand-in for rustfmt that removes blanks before braces; the line's own logic is what is tested here.
    tool = tmp_path / "bin" / "rustfmt"
    tool.parent.mkdir()
    tool.write_text(
        "#!/bin/sh\ntext=$(cat; printf x)\ncase $text in *broken*) exit 1;; esac\nprintf %s \"${text%x}\" | sed 's/  */ /g'\n"
    )
    tool.chmod(0o755)
    texts = {
        "a.rs": "fn  a() {}\n\n",
        "src/b c.rs": "fn b() {}\n",
        "src/broken.rs": "fn  broken( {\n",
        "src/other.rs": "fn  o() {}\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    age = (tmp_path / "src/b c.rs").stat().st_mtime_ns
    line = checks.format_line(["a.rs", "src/b c.rs", "src/broken.rs"], {"a.rs": "2024"})
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env={"PATH": f"{tool.parent}:/usr/bin:/bin"}, check=False)
    assert done.returncode == 0
    assert (tmp_path / "a.rs").read_text() == "fn a() {}\n\n"
    assert (tmp_path / "src/b c.rs").stat().st_mtime_ns == age
    assert (tmp_path / "src/broken.rs").read_text() == texts["src/broken.rs"]
    assert (tmp_path / "src/other.rs").read_text() == texts["src/other.rs"]


def test_a_tool_that_the_image_lacks_is_replaced_and_that_is_said() -> None:
    assert checks.stand_in(Check(CheckKind.NEXTEST, "cargo nextest run --workspace")) == "run as cargo test"
    assert checks.stand_in(Check(CheckKind.TEST, "cargo llvm-cov --all-features")) == "run as cargo test"
    assert checks.stand_in(Check(CheckKind.TEST, "cargo test")) == ""
    assert checks.stand_in(Check(CheckKind.OTHER, "./lint.sh")) == ""


@pytest.mark.parametrize(
    "command, narrow",
    [
        ("cargo test", "cargo test --tests"),
        ("cargo +1.70 test --workspace --features a", "cargo +1.70 test --tests --workspace --features a"),
        ("cargo test -- --nocapture", "cargo test --tests -- --nocapture"),
        ("cargo test --lib", "cargo test --lib"),
        ("cargo test --test cli", "cargo test --test cli"),
        ("cargo test --all-targets", "cargo test --all-targets"),
        ("cargo nextest run", "cargo nextest run"),
        ("make test", "make test"),
        ("cargo test --doc -p a", None),
    ],
)
def test_documentation_tests_are_left_out_by_naming_every_other_target(command: str, narrow: str | None) -> None:
    found = checks.without_doc_tests(Check(CheckKind.TEST, command))
    assert (found.command if found is not None else None) == narrow
