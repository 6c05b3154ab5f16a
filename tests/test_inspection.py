"""`flask --app app checks`: what would be run for a checkout, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import checks_command

CI = """
on: pull_request
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: sudo apt-get install -y libudev-dev
      - run: cargo clippy -- -D warnings
      - run: cargo test --all-features
"""
RULES = """
[checks]
remove = ["clippy", "cargo deny*"]

[[checks.add]]
run = "cargo test --no-default-features"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for path, text in {
        "Cargo.toml": '[package]\nname = "x"\nversion = "0.1.0"\n',
        ".github/workflows/ci.yml": CI,
        ".github/rfcsmith.toml": RULES,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(checks_command, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_programs_get_ci_as_the_repository_amends_it_with_where_each_check_comes_from(checkout: Path) -> None:
    rows = json.loads(shown(str(checkout), "--json"))
    assert [(row["command"], row["source"]) for row in rows] == [
        ("cargo test --all-features", ".github/workflows/ci.yml:test:3"),
        ("cargo test --no-default-features", ".github/rfcsmith.toml:6"),
    ]
    assert set(rows[0]) == {
        *("kind", "command", "toolchain", "env", "directory", "required", "source", "left_out_because")
    }


def test_people_are_told_which_of_their_rules_fits_nothing_and_what_ci_installs(checkout: Path) -> None:
    said = shown(str(checkout))
    assert "No check of CI fits `cargo deny*` in .github/rfcsmith.toml." in said
    assert "CI installs Debian packages: libudev-dev (.github/workflows/ci.yml)." in said


def test_a_mistake_in_the_rules_is_told_with_its_line(checkout: Path) -> None:
    (checkout / ".github/rfcsmith.toml").write_text("[checks]\nadds = 1\n")
    result = CliRunner().invoke(checks_command, [str(checkout)])
    assert result.exit_code == 1
    assert "Line 2 of `.github/rfcsmith.toml`: there is no key `adds` in `checks`." in result.output
