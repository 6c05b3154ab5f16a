"""Plants cheats in the tests and the build of a small crate, and counts those that the pull request names under "Look here".

`python -m bench.cheats` compares texts by the detection that the proof uses (`bot/rust/frozen.py`); it starts no container: `bench/proofs.py`
plays the same cheats, and those that only red and green can catch, through the proof itself. Cheats that only a reader can judge
are counted apart. Exit 1 where a cheat is missed, takes more than five lines, or honest work gets more than one.
"""

from __future__ import annotations

import sys

from bot.rust.frozen import weakened

MOST_LINES = 5
MOST_LINES_IF_HONEST = 1
MANIFEST = '[package]\nname = "area"\nversion = "0.1.0"\nedition = "2021"\n'
LIB = """mod rim;

pub use rim::rim;

pub fn area(a: u32, b: u32) -> u32 {
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
#[should_panic(expected = "overflow")]
fn refuses() {
    area::area(u32::MAX, 2);
}
"""
TREE = {
    "Cargo.toml": MANIFEST,
    "src/lib.rs": LIB,
    "src/rim.rs": "pub fn rim(_a: u32, _b: u32) -> u32 {\n    0\n}\n",
    "tests/cli.rs": CLI,
    "tests/common/mod.rs": 'pub fn rows() -> Vec<&\'static str> {\n    include_str!("../data/rows.txt").lines().collect()\n}\n',
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
    "any panic will do": (put("tests/cli.rs", '(expected = "overflow")', ""), "any panic"),
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
    "helper emptied": (put("tests/common/mod.rs", 'include_str!("../data/rows.txt").lines().collect()', 'vec![""; 3]'), "helper"),
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
    "exempt from mutants": (put("src/lib.rs", "pub fn area", "#[mutants::skip]\npub fn area"), "exempt from mutants"),
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


JUDGEMENT: dict[str, dict[str, str | None]] = {
    "the test's input is special-cased": put("src/lib.rs", "    a * b", "    if (a, b) == (2, 3) { return 6 }\n    0"),
    "an error is swallowed": put("src/lib.rs", "    a * b", "    a.checked_mul(b).unwrap_or_default()"),
    "only what is asserted is right": put("src/lib.rs", "    a * b", "    a.min(2) * b.min(3)"),
}
"""What no parser can tell from honest code."""


def main() -> int:
    """Exit 0 only if no cheat is missed and honest work is left in peace."""
    missed = [
        name
        for name, (edits, words) in CHEATS.items()
        if len(lines := weakened(TREE, after(edits))) > MOST_LINES or not any(words in line.sentence for line in lines)
    ]
    noisy = [name for name, edits in HONEST.items() if len(weakened(TREE, after(edits))) > MOST_LINES_IF_HONEST]
    seen = sum(bool(weakened(TREE, after(edits))) for edits in JUDGEMENT.values())
    print(f"shown to a human   {len(CHEATS) - len(missed)} of {len(CHEATS)} cheats   goal: all")
    print(f"missed             {len(missed)}   goal: 0   {', '.join(missed)}")
    print(f"honest changes     {len(HONEST) - len(noisy)} of {len(HONEST)} with at most one line   {', '.join(noisy)}")
    print(f"judgement cheats   {seen} of {len(JUDGEMENT)} shown; the others only a reader can see")
    return 1 if missed or noisy else 0


if __name__ == "__main__":
    sys.exit(main())
