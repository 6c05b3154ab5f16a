"""The map of a repository: what it says of packages and tests, what it puts in front, and that it is never cut in a line."""

from __future__ import annotations

from bot.rust.outline import LIMIT, Known, repository_map
from bot.rust.related import related

FILES = {
    "Cargo.toml": """[workspace]
members = ["core", "cli"]
[workspace.package]
edition = "2021"
rust-version = "1.70"
[workspace.dependencies]
serde = { version = "1", features = ["derive"] }
""",
    "core/Cargo.toml": """[package]
name = "pocket-core"
version = "0.3.1"
edition.workspace = true
rust-version.workspace = true
[features]
default = ["std"]
std = []
[dependencies]
serde = { workspace = true, optional = true }
log4 = { package = "log", version = "0.4" }
[dev-dependencies]
insta = "1.39"
""",
    "core/src/lib.rs": """//! A parser.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
mod parse;

/// Reads it.
///
/// ```
/// pocket_core::read("a");
/// ```
pub struct Reader;

impl Reader {
    /// New.
    pub fn new() -> Self {
        Reader
    }

    fn skip_blank(&mut self) {}
}
""",
    "core/src/parse.rs": """pub(crate) fn split_once(text: &str) -> Option<(&str, &str)> {
    None
}

#[cfg(test)]
mod tests {
    #[test]
    fn splits() {}
}
""",
    "core/tests/reading.rs": "mod common;\n#[test]\nfn reads() {}\n#[test]\nfn refuses() {}\n",
    "core/tests/common/mod.rs": "pub fn text() {}\n",
    "cli/Cargo.toml": """[package]
name = "pocket"
version = "0.1.0"
[dependencies]
pocket-core = { path = "../core" }
""",
    "cli/src/main.rs": "fn main() {}\n",
    "rust-toolchain.toml": '[toolchain]\nchannel = "1.75"\n',
}
PATHS = (*FILES, "README.md", "core/tests/data/a.txt", "core/tests/data/b.txt")
LOCK = """[[package]]
name = "serde"
version = "1.0.210"

[[package]]
name = "log"
version = "0.4.21"
"""


def known(related: tuple[str, ...] = (), commits: tuple[str, ...] = ()) -> Known:
    return Known(PATHS, FILES, LOCK, related, commits)


def test_packages_are_told_with_what_a_design_depends_on() -> None:
    text = repository_map(known())
    for line in (
        "rust-toolchain.toml asks for 1.75",
        "pocket-core (core): version 0.3.1, edition 2021, minimum Rust 1.70",
        '  crate attributes: cfg_attr(not(feature = "std"), no_std); forbid(unsafe_code)',
        "  features: default = std; std",
        "  dependencies: serde 1.0.210 (optional); log 0.4.21 as log4",
        "  dev-dependencies: insta 1.39",
        "pocket (cli): version 0.1.0, edition 2015, no minimum Rust version",
        "  dependencies: pocket-core (in this workspace)",
        "  targets: bin cli/src/main.rs",
    ):
        assert line in text.splitlines(), line


def test_the_layout_of_tests_is_told() -> None:
    lines = repository_map(known()).splitlines()
    for line in (
        "  unit tests in: core/src/parse.rs (1)",
        "  integration tests: core/tests/reading.rs (2)",
        "  shared by them: core/tests/common/mod.rs",
        "  data beside them: core/tests/data/*.txt (2 files)",
        "  examples in documentation: core/src/lib.rs (1)",
    ):
        assert line in lines, line


def test_what_the_issue_is_about_comes_first_and_with_private_items_and_lines() -> None:
    text = repository_map(known(("core/src/lib.rs",), ("2026-01-02 abc Skip blanks",)))
    about = text.partition("## What the issue seems to be about\n")[2].partition("\n\n")[0]
    assert about.splitlines() == [
        "core/src/lib.rs (20 lines)",
        "  4: mod parse",
        "  11: pub struct Reader",
        "  13: impl Reader: new:15 skip_blank:19",
    ]
    assert "core/src/lib.rs" not in text.partition("## Other files")[2]
    assert "## Recent commits\n2026-01-02 abc Skip blanks" in text


def test_tests_and_imports_are_no_items() -> None:
    text = repository_map(known(("core/src/parse.rs",)))
    assert "split_once(text: &str)" in text and "mod tests" not in text and "fn splits" not in text


def test_a_large_repository_fits_and_no_line_is_cut() -> None:
    function = "pub fn function_{0}(argument: usize) -> usize {{ {0} }}\n"
    sources = {f"src/deep/m{n}/file.rs": function.format(n) * 40 for n in range(900)}
    related_paths = ("src/deep/m7/file.rs", "core/src/lib.rs")
    text = repository_map(Known((*PATHS, *sources), {**FILES, **sources}, LOCK, related_paths))
    assert len(text) <= LIMIT
    assert all(line.endswith(" -> usize") for line in text.splitlines() if "function_" in line)
    assert "src/deep/m7/file.rs (40 lines)\n  1: pub fn function_7" in text
    assert "src/deep/ (899 files)" in text


def test_one_huge_file_does_not_push_out_the_rest() -> None:
    huge = "".join(f"pub fn function_{n}() {{}}\n" for n in range(5_000))
    text = repository_map(Known(("src/huge.rs", "README.md"), {"src/huge.rs": huge}, related=("src/huge.rs",)))
    assert len(text) <= LIMIT and "  1: pub fn function_0()" in text
    assert " more lines\n" in text and text.endswith("README.md")


def test_an_empty_repository_has_an_empty_map() -> None:
    assert repository_map(Known((), {})) == ""


def test_files_are_found_by_their_name_by_what_they_define_and_by_what_they_use() -> None:
    assert related("It fails in `core/src/parse.rs`.", PATHS, FILES)[0] == "core/src/parse.rs"
    assert related("`skip_blank` should be public.", PATHS, FILES)[0] == "core/src/lib.rs"
    assert related("`Reader::new` panics", PATHS, FILES)[0] == "core/src/lib.rs"
    assert related("the reading of files", PATHS, FILES)[0] == "core/tests/reading.rs"
    assert related("", PATHS, FILES) == ()
