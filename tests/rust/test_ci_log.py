"""Logs of GitHub Actions: the failing step, what it ran, and the lines that tell why."""

from __future__ import annotations

from bot.domain import Check, CheckKind
from bot.rust.ci_log import checks_of, excerpt, failing_step, headline, is_learned, with_learned

FILES = {"Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\n'}


def stamped(text: str) -> str:
    lines = text.strip("\n").split("\n")
    return "\n".join(f"2026-11-27T07:00:{n % 60:02}.1234567Z {line}" for n, line in enumerate(lines))


def step(script: str, output: str, env: str = "") -> str:
    """A step as the runner prints it: its title, the script in cyan, the environment, its output."""
    echoed = "\n".join(f"\x1b[36;1m{line}\x1b[0m" for line in script.split("\n"))
    environment = f"\nenv:\n{env}" if env else ""
    title = script.split("\n")[0]
    return f"##[group]Run {title}\n{echoed}\nshell: /usr/bin/bash -e {{0}}{environment}\n##[endgroup]\n{output}\n"


BUILT = step("cargo build", "   Compiling a v0.1.0\n    Finished")
LINTED = step(
    "cargo clippy --all-targets",
    "    Checking a v0.1.0\n\x1b[1m\x1b[91merror\x1b[0m\x1b[1m: unused variable: `x`\x1b[0m\n --> src/lib.rs:2:9\n"
    "##[error]Process completed with exit code 101.",
    env="  RUSTFLAGS: -D warnings\n  CARGO_REGISTRY_TOKEN: ***\n  RUSTDOCFLAGS: ***",
)
AFTERWARDS = step("actions/cache@v4", "Post job cleanup.")
LOG = stamped(BUILT + LINTED + AFTERWARDS)


def test_the_failing_step_is_the_one_that_reports_an_error_without_times_and_colours() -> None:
    found = failing_step(LOG)
    assert (found.title, found.script) == ("Run cargo clippy --all-targets", ("cargo clippy --all-targets",))
    assert found.lines[1] == "error: unused variable: `x`"
    assert headline(found) == "error: unused variable: `x`"
    assert found.is_certain


def test_of_the_environment_only_what_changes_the_build_and_is_no_secret_is_kept() -> None:
    assert failing_step(LOG).env == (("RUSTFLAGS", "-D warnings"),)


def test_the_commands_of_the_step_are_checks_with_the_environment_that_they_had() -> None:
    (check,) = checks_of(failing_step(LOG), FILES, runner="ubuntu-latest", place="CI / lint")
    assert (check.command, check.env) == ("cargo clippy --all-targets", (("RUSTFLAGS", "-D warnings"),))
    assert check.left_out_because is None and check.source == "learned from CI: CI / lint" and is_learned(check)


def test_a_command_of_another_platform_is_left_to_ci() -> None:
    (check,) = checks_of(failing_step(LOG), FILES, runner="windows-latest", place="CI / lint")
    assert check.left_out_because == "runs on windows-latest"


def test_what_is_no_command_of_cargos_is_not_learned() -> None:
    text = stamped(step("./deploy.sh --now && curl example.org\ncargo publish", "##[error]Process completed"))
    assert checks_of(failing_step(text), FILES, runner="", place="") == ()


def test_a_command_that_was_discovered_is_not_learned_again() -> None:
    (check,) = checks_of(failing_step(LOG), FILES, runner="", place="CI / lint")
    discovered = Check(CheckKind.CLIPPY, "cargo clippy  --all-targets", env=(("RUSTFLAGS", "-D warnings"),))
    assert with_learned([discovered], [check]) == (discovered,)
    other = Check(CheckKind.CLIPPY, "cargo clippy --all-targets")
    assert with_learned([other], [check]) == (other, check)


def test_of_a_long_output_the_first_errors_and_the_end_are_shown() -> None:
    noise = "\n".join(f"   Compiling crate{number} v1.0.0" for number in range(400))
    output = (
        f"{noise}\nerror[E0308]: mismatched types\n --> src/lib.rs:1:1\n{noise}\nlast words\n##[error]Process completed"
    )
    found = failing_step(stamped(step("cargo test", output)))
    shown = excerpt(found).split("\n")
    assert shown[0] == "error[E0308]: mismatched types" and shown[-2:] == ["last words", "##[error]Process completed"]
    assert len(shown) <= 151


def test_an_output_that_names_no_error_is_shown_from_its_end_and_may_be_chance() -> None:
    output = "\n".join(f"line {number}" for number in range(400)) + "\n##[error]The operation was canceled."
    found = failing_step(stamped(step("cargo test", output)))
    assert excerpt(found).startswith("[…]\nline 2") and headline(found) == "The operation was canceled."
    assert not found.is_certain


def test_a_failed_test_may_be_chance_and_code_that_does_not_compile_is_not() -> None:
    failed = step(
        "cargo test", "test a ... FAILED\nerror: test failed, to rerun pass `--lib`\n##[error]Process completed"
    )
    assert not failing_step(failed).is_certain
    broken = step("cargo test", "error[E0308]: mismatched types\n##[error]Process completed")
    assert failing_step(broken).is_certain


def test_an_empty_log_has_a_step_without_a_name() -> None:
    assert failing_step("").title == "" and excerpt(failing_step("")) == ""
