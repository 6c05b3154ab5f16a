"""What a human must see of tests that were weakened, and that honest work gives at most one line."""

from __future__ import annotations

import pytest

from bot.rust.frozen import is_watched, weakened

MANIFEST = '[package]\nname = "area"\nversion = "0.1.0"\nedition = "2021"\n'
LIB = """pub fn area(a: u32, b: u32) -> u32 {
    a * b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn multiplies() {
        assert_eq!(area(2, 3), 6);
        assert_eq!(area(0, 3), 0);
    }
}
"""
CLI = """mod common;

#[test]
fn reads_the_data() {
    assert_eq!(common::rows().len(), 3);
}

#[test]
#[should_panic(expected = "too large")]
fn refuses() {
    area::area(u32::MAX, 2);
}
"""
TREE = {
    "Cargo.toml": MANIFEST,
    "src/lib.rs": LIB,
    "tests/cli.rs": CLI,
    "tests/common/mod.rs": "pub fn rows() -> Vec<String> {\n    vec![]\n}\n",
    "tests/data/rows.txt": "1\n2\n3\n",
    "tests/snapshots/cli__rows.snap": "3\n",
    "tests/ui/wrong.stderr": "error[E0308]\n",
}


def put(path: str, old: str, new: str) -> dict[str, str | None]:
    assert old in TREE[path]
    return {path: TREE[path].replace(old, new)}


CHEATS: dict[str, tuple[dict[str, str | None], str]] = {
    "ignored": (put("tests/cli.rs", "#[test]\nfn reads", "#[test]\n#[ignore]\nfn reads"), "ignored"),
    "ignored by cfg_attr": (
        put("tests/cli.rs", "#[test]\nfn reads", "#[test]\n#[cfg_attr(all(), ignore)]\nfn reads"),
        "ignored",
    ),
    "behind a feature": (put("tests/cli.rs", "#[test]\nfn reads", '#[cfg(feature = "x")]\n#[test]\nfn reads'), "hidden"),
    "a file behind a cfg": (put("tests/cli.rs", "mod common;", "#![cfg(windows)]\nmod common;"), "hidden"),
    "a module behind a cfg": (put("src/lib.rs", "#[cfg(test)]\nmod", "#[cfg(test)]\n#[cfg(unix_old)]\nmod"), "hidden"),
    "any panic will do": (put("tests/cli.rs", '(expected = "too large")', ""), "any panic"),
    "test deleted": (put("tests/cli.rs", CLI[CLI.index("#[test]\n#[should") :], ""), "removed"),
    "file deleted": ({"tests/cli.rs": None}, "removed"),
    "test renamed and emptied": (put("tests/cli.rs", "fn refuses() {\n    area", "fn refuses2() {\n    let _ = area"), "removed"),
    "not a test any more": (put("tests/cli.rs", "#[test]\nfn reads", "#[allow(dead_code)]\nfn reads"), "removed"),
    "case deleted": (put("src/lib.rs", "        assert_eq!(area(0, 3), 0);\n", ""), "asserts less"),
    "assertion in a comment": (put("src/lib.rs", "        assert_eq!(area(0", "        // assert_eq!(area(0"), "asserts less"),
    "assertion on a constant": (put("src/lib.rs", "assert_eq!(area(0, 3), 0)", "assert!(true)"), "was changed"),
    "assertion loosened": (put("src/lib.rs", "assert_eq!(area(2, 3), 6)", "assert!(area(2, 3) > 0)"), "was changed"),
    "early return": (put("src/lib.rs", "        assert_eq!(area(2", "        return;\n        assert_eq!(area(2"), "was changed"),
    "tolerance widened": (put("src/lib.rs", "< 1e-9", "< 1e9"), "helper"),
    "helper emptied": (put("tests/common/mod.rs", "vec![]", "vec![String::new(); 3]"), "helper"),
    "fixture edited": ({"tests/data/rows.txt": "1\n2\n"}, "expected data"),
    "fixture deleted": ({"tests/data/rows.txt": None}, "expected data"),
    "snapshot rewritten": ({"tests/snapshots/cli__rows.snap": "0\n"}, "expected data"),
    "trybuild's words rewritten": ({"tests/ui/wrong.stderr": "error\n"}, "expected data"),
    "own harness": ({"Cargo.toml": MANIFEST + '[[test]]\nname = "cli"\nharness = false\n'}, "harness"),
    "library not tested": ({"Cargo.toml": MANIFEST + "[lib]\ntest = false\n"}, "test = false"),
    "no doc tests": ({"Cargo.toml": MANIFEST + "[lib]\ndoctest = false\n"}, "doctest = false"),
    "tests not found": ({"Cargo.toml": MANIFEST + "autotests = false\n"}, "autotests"),
    "build script elsewhere": ({"Cargo.toml": MANIFEST + 'build = "tools/b.rs"\n'}, "build script"),
    "overflow checks off": ({"Cargo.toml": MANIFEST + "[profile.test]\noverflow-checks = false\n"}, "profile"),
    "lints silenced": ({"Cargo.toml": MANIFEST + '[lints.rust]\nwarnings = "allow"\n'}, "lints"),
    "dependency replaced": ({"Cargo.toml": MANIFEST + '[patch.crates-io]\nx = { path = "x" }\n'}, "patch"),
    "flags in cargo's configuration": ({".cargo/config.toml": '[build]\nrustflags = ["-Awarnings"]\n'}, "decides how"),
    "a runner in the old configuration": ({".cargo/config": '[target.x]\nrunner = "true"\n'}, "decides how"),
    "build script": ({"build.rs": "fn main() {}\n"}, "decides how"),
    "nextest retries": ({".config/nextest.toml": "[profile.default]\nretries = 9\n"}, "decides how"),
    "clippy told to be quiet": ({"clippy.toml": "too-many-arguments-threshold = 99\n"}, "decides how"),
    "other toolchain": ({"rust-toolchain.toml": '[toolchain]\nchannel = "nightly"\n'}, "decides how"),
    "stub left": (put("src/lib.rs", "    a * b", "    if a > 9 { todo!() }\n    a * b"), "todo!()"),
    "cfg(not(test))": (put("src/lib.rs", "    a * b", "    #[cfg(not(test))]\n    return 0;\n    a * b"), "test builds"),
    "cfg!(test)": (put("src/lib.rs", "    a * b", "    if cfg!(test) { return 6 }\n    a * b"), "test builds"),
    "cfg(any(test))": (put("src/lib.rs", "    a * b", "    #[cfg(any(test, x))]\n    return 6;\n    a * b"), "test builds"),
    "debug builds only": (put("src/lib.rs", "    a * b", "    if cfg!(debug_assertions) { return 6 }\n    a * b"), "test builds"),
    "the process ends well": (put("src/lib.rs", "    a * b", "    std::process::exit(0)"), "ends the process"),
    "forged lines": (
        {"tests/new.rs": '#[test]\nfn t() {\n    println!("test result: ok. 9 passed");\n}\n'},
        "prints a verdict",
    ),
}  # fmt: skip

HONEST: dict[str, dict[str, str | None]] = {
    "nothing": {},
    "new code": put("src/lib.rs", "    a * b", "    a.saturating_mul(b)"),
    "a new test": put("src/lib.rs", "    #[test]\n", "    #[test]\n    fn one() {\n        assert_eq!(area(1, 1), 1);\n    }\n\n    #[test]\n"),
    "a new test file with data": {"tests/more.rs": "#[test]\nfn m() {}\n", "tests/data/more.txt": "1\n"},
    "a test moved": {**put("tests/cli.rs", CLI[CLI.index("#[test]\n#[should") :], ""), "tests/refusing.rs": CLI[CLI.index("#[test]\n#[should") :]},
    "a dependency": {"Cargo.toml": MANIFEST + '[dependencies]\nx = "1"\n'},
    "a member": {"x/Cargo.toml": MANIFEST.replace("area", "x"), "x/src/lib.rs": "pub fn x() {}\n"},
    "documentation": put("src/lib.rs", "pub fn", "/// The area: `todo!()` was here.\npub fn"),
    "a stricter test": put("src/lib.rs", "        assert_eq!(area(2", "        assert_eq!(area(1, 1), 1);\n        assert_eq!(area(2"),
    "a test module with a helper": {"src/shape.rs": "#[cfg(test)]\nfn helper() {}\n"},
}  # fmt: skip


def after(edits: dict[str, str | None]) -> dict[str, str]:
    return {path: text for path, text in (TREE | edits).items() if text is not None}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_is_named_in_at_most_five_lines(cheat: str) -> None:
    edits, words = CHEATS[cheat]
    lines = weakened(TREE, after(edits))
    assert any(words in line.sentence for line in lines), lines
    assert len(lines) <= 5


@pytest.mark.parametrize("work", HONEST)
def test_honest_work_gets_at_most_one_line(work: str) -> None:
    assert len(weakened(TREE, after(HONEST[work]))) <= 1


def test_a_habit_takes_one_line_however_often_it_was_found() -> None:
    many = {f"tests/data/{number}.txt": "1" for number in range(9)}
    (line,) = weakened(TREE | many, TREE | dict.fromkeys(many, "2"))
    assert line.place == "tests/data/0.txt, tests/data/1.txt, tests/data/2.txt (and 6 more)"


def test_what_is_neither_rust_nor_a_manifest_is_watched_only_where_tests_or_builds_read_it() -> None:
    assert all(map(is_watched, ["tests/data/rows.txt", ".cargo/config.toml", "x/build.rs", "src/snapshots/a.snap"]))
    assert not any(map(is_watched, ["README.md", "src/rows.txt", "docs/build.md"]))
