"""Which tests a tree has, which are new, and what of a change is test and what is source."""

from __future__ import annotations

from dataclasses import replace

from bot import domain
from bot.domain import Diagnostic, FileChange, FileMode, Level
from bot.rust import tests, verdicts
from bot.rust.manifests import edition_of, packages_reached
from bot.rust.syntax import demands_test, doc_tests

MANIFEST = '[package]\nname = "demo-crate"\nedition = "2021"\n'


def change(path: str, new: str | None) -> FileChange:
    return FileChange(path, None if new is None else FileMode.FILE, None if new is None else new.encode(), "0" * 40)


def halves(path: str, old: str | None, new: str) -> tuple[str | None, str | None]:
    """The text of the file in the test part and in the source part; None where the part does not hold it."""
    parts = tests.split([change(path, new)], {} if old is None else {path: old.encode()})
    found = []
    for part in (parts.test, parts.source):
        contents = [one.content.decode() for one in part if one.content is not None]
        found.append(contents[0] if contents else None)
    return found[0], found[1]


def test_names_are_libtests_through_modules_in_files_and_inline() -> None:
    tree = {
        "Cargo.toml": MANIFEST,
        "src/lib.rs": "mod parser;\n#[cfg(test)]\nmod tests { #[test] fn top() {} mod deep { #[test] fn inner() {} } }\n",
        "src/parser.rs": "mod lexer;\n#[test]\nfn direct() {}\n",
        "src/parser/lexer.rs": "#[cfg(test)] mod tests;\n",
        "src/parser/lexer/tests.rs": '#[tokio::test(flavor = "current_thread")]\nasync fn lexes() {}\n',
        "src/main.rs": "#[test]\nfn in_the_binary() {}\n",
        "tests/cli.rs": "mod common;\n#[test]\nfn runs() {}\n",
        "tests/common/mod.rs": "pub fn helper() {}\n#[test]\nfn shared() {}\n",
        "src/unreached.rs": "#[test]\nfn never() {}\n",
    }
    assert set(tests.tests_of(tree)) == {
        "src/lib.rs::tests::top",
        "src/lib.rs::tests::deep::inner",
        "src/lib.rs::parser::direct",
        "src/lib.rs::parser::lexer::tests::lexes",
        "src/main.rs::in_the_binary",
        "tests/cli.rs::runs",
        "tests/cli.rs::common::shared",
    }


def test_targets_know_how_cargo_selects_them() -> None:
    tree = {
        "Cargo.toml": MANIFEST + '[lib]\npath = "lib/main.rs"\n[[test]]\nname = "odd"\npath = "checks/odd.rs"\n',
        "lib/main.rs": "#[test]\nfn a() {}",
        "checks/odd.rs": "#[test]\nfn b() {}",
        "src/bin/tool/main.rs": "#[test]\nfn c() {}",
    }
    selectors = {test.name: (test.target.package, *test.target.selector) for test in tests.tests_of(tree).values()}
    assert selectors == {
        "a": ("demo-crate", "--lib"),
        "b": ("demo-crate", "--test", "odd"),
        "c": ("demo-crate", "--bin", "tool"),
    }


def test_a_path_attribute_leads_to_another_file() -> None:
    tree = {
        "Cargo.toml": MANIFEST,
        "src/lib.rs": '#[cfg(test)]\n#[path = "checks/unit.rs"]\nmod tests;\n',
        "src/checks/unit.rs": "#[test]\nfn found() {}\n",
    }
    assert set(tests.tests_of(tree)) == {"src/lib.rs::tests::found"}
    assert tests.test_only_files(tree) == {"src/checks/unit.rs"}


def test_tests_inside_macros_and_of_many_cases_are_found() -> None:
    source = """
proptest! { #[test] fn holds(a in 0..3u8) { } }
quickcheck! { fn property(x: u8) -> bool { true } }
#[rstest] #[case(1)] fn cases(#[case] x: u8) {}
fn helper() {}
"""
    tree = {"Cargo.toml": MANIFEST, "src/lib.rs": source}
    found = tests.tests_of(tree)
    assert set(found) == {"src/lib.rs::holds", "src/lib.rs::property", "src/lib.rs::cases"}
    assert found["src/lib.rs::cases"].matches(domain.TestRun("src/lib.rs", "cases::case_1", domain.TestOutcome.OK))
    assert not found["src/lib.rs::holds"].matches(domain.TestRun("src/lib.rs", "holds::x", domain.TestOutcome.OK))


CASES = """
macro_rules! case {
    ($name:ident, $input:expr, $expected:expr) => {
        // Says what it is.
        #[test]
        fn $name() { assert_eq!(double($input), $expected); }
    };
}
macro_rules! helper { ($name:ident) => { fn $name() {} } }
"""


def test_tests_that_a_macro_of_the_code_makes_are_found_by_its_rules() -> None:
    source = f"""{CASES}
#[cfg(test)] mod tests {{
    case!(zero, 0, 0);
    crate::case! {{ many, [1, 2].len(), LARGEST }}
    helper!(not_a_test);
    case!(fits_no_rule, 1);
    println!("case");
}}
"""
    found = tests.tests_of({"Cargo.toml": MANIFEST, "src/lib.rs": source})
    assert {test.name: test.text for test in found.values()} == {
        "tests::zero": "case!(zero, 0, 0)",
        "tests::many": "crate::case! { many, [1, 2].len(), LARGEST }",
    }
    assert all(test.is_made for test in found.values())


def test_each_test_of_a_table_has_its_own_row() -> None:
    table = """
macro_rules! table {
    ($($(#[$meta:meta])* $name:ident: $value:expr => $($part:literal)|+),* $(,)?) => { $(#[test] fn $name() {})* };
    (as $visibility:vis $kind:ty { $($name:ident),+ }) => { $(#[tokio::test] async fn $name() {})+ };
}
"""
    calls = """mod table;
table! { one: -1 => "a" | "b", /* and */ two: f(3, |x| { x }) => -4, #[ignore] three: "x" => 'x', }
table!(as pub Vec<u8> { four, five });
table!(as u8 { });
table!();
"""
    tree = {"Cargo.toml": MANIFEST, "src/lib.rs": calls, "src/table.rs": table}
    found = tests.tests_of(tree)
    assert {test.name: (test.text, test.line) for test in found.values()} == {
        "one": ('one: -1 => "a" | "b"', 2),
        "two": ("two: f(3, |x| { x }) => -4", 2),
        "three": ("#[ignore] three: \"x\" => 'x'", 2),
        "four": ("four", 3),
        "five": ("five", 3),
    }
    changed = {**tree, "src/lib.rs": calls.replace("-4", "-5")}
    assert [test.name for test in tests.new_tests(tree, changed)] == ["two"]


def test_a_macro_that_hands_names_on_to_one_that_makes_tests_makes_them_too() -> None:
    macros = f"""{CASES}
macro_rules! cases {{
    ($($name:ident: $input:expr => $expected:expr;)+) => {{ $(case!($name, $input, $expected);)+ }};
}}
macro_rules! rows {{ ($($row:ident),*) => {{ cases! {{ $($row: 1 => 2;)* }} }}; }}
macro_rules! helpers {{ ($($name:ident),*) => {{ $(helper!($name);)* }}; }}
macro_rules! fits_no_rule {{ ($name:ident) => {{ case!($name, 1); }}; }}
macro_rules! round {{ ($name:ident) => {{ round!($name); }}; }}
macro_rules! inner_rule {{
    ($($name:ident),*) => {{ $(inner_rule!(@one $name);)* }};
    (@one $name:ident) => {{ #[test] fn $name() {{}} }};
}}
macro_rules! munch {{
    ($name:ident $($rest:tt)*) => {{ #[test] fn $name() {{}} munch!($($rest)*); }};
    () => {{}};
}}
"""
    calls = """
cases! { zero: 0 => 0; one: 1 => 2; }
rows!(first, second);
helpers!(not_a_test);
fits_no_rule!(neither);
round!(nor_this);
munch!(last not_seen);
inner_rule!(third, fourth);
"""
    found = tests.tests_of({"Cargo.toml": MANIFEST, "src/lib.rs": calls, "src/macros.rs": macros})
    assert {test.name: test.text for test in found.values()} == {
        "zero": "zero: 0 => 0;",
        "one": "one: 1 => 2;",
        "first": "first",
        "second": "second",
        "last": "munch!(last not_seen)",
        "third": "third",
        "fourth": "fourth",
    }


def test_what_a_macro_was_read_to_make_counts_once_it_ran_or_while_nothing_can_run() -> None:
    found = tests.tests_of({"Cargo.toml": MANIFEST, "src/lib.rs": f"{CASES}case!(a, 0, 0);\n#[test] fn b() {{}}\n"})
    made, written = found["src/lib.rs::a"], found["src/lib.rs::b"]
    check = domain.Check(domain.CheckKind.TEST, "cargo test")
    ran = domain.CheckResult(
        check, domain.Failure(101), 1.0, tests=(domain.TestRun("src/lib.rs", "a", domain.TestOutcome.FAILED),)
    )
    assert verdicts.there([made, written], [ran]) == (made, written)
    assert verdicts.there([made, written], [replace(ran, tests=())]) == (written,)
    broken = Diagnostic(Level.ERROR, "E0425", "no", "src/lib.rs", 1, 1)
    assert verdicts.there([made, written], [replace(ran, tests=(), diagnostics=(broken,))]) == (made, written)
    assert verdicts.there([made, written], [replace(ran, tests=(), exit=domain.Timeout(9.0))]) == (made, written)


def test_doc_tests_are_named_as_rustdoc_names_them_without_lines() -> None:
    source = """//! ```
//! crate_level();
//! ```
/// First:
/// ```
/// add();
/// ```
/// ```text
/// not rust
/// ```
/// ```should_panic
/// add_badly();
/// ```
pub fn add() {}
pub mod inner {
    impl S {
        /// ```rust,no_run
        /// S::new();
        /// ```
        #[must_use]
        pub fn new() {}
    }
}
"""
    assert [(test.item, test.line) for test in doc_tests(source.encode())] == [
        ("", 1), ("add", 5), ("add", 11), ("inner::S::new", 17),
    ]  # fmt: skip
    tree = {"Cargo.toml": MANIFEST, "src/lib.rs": source}
    assert list(tests.tests_of(tree)) == [
        "doc::src/lib.rs -",
        "doc::src/lib.rs - add",
        "doc::src/lib.rs - add #2",
        "doc::src/lib.rs - inner::S::new",
    ]


def test_new_tests_are_those_that_the_base_lacks_or_has_otherwise() -> None:
    old = {"Cargo.toml": MANIFEST, "src/lib.rs": "#[test]\nfn kept() {}\n#[test]\nfn altered() { assert!(true) }\n"}
    new = dict(old)
    new["src/lib.rs"] = (
        "fn moved_down() {}\n#[test]\nfn kept() {}\n#[test]\nfn altered() { assert!(1 == 1) }\n#[test]\nfn fresh() {}\n"
    )
    assert [test.name for test in tests.new_tests(old, new)] == ["altered", "fresh"]


def test_only_a_cfg_that_demands_test_makes_test_code() -> None:
    assert demands_test("cfg(test)") and demands_test('cfg(all(test, feature = "std"))')
    assert not demands_test("cfg(not(test))") and not demands_test("cfg(any(test, doc))")
    assert not demands_test("cfg_attr(test, allow(x))") and not demands_test('cfg(feature = "test")')


def test_the_edition_is_the_crates_also_when_inherited() -> None:
    files = {
        "Cargo.toml": '[workspace.package]\nedition = "2024"\n',
        "a/Cargo.toml": '[package]\nname = "a"\nedition.workspace = true\n',
        "b/Cargo.toml": '[package]\nname = "b"\n',
    }
    assert edition_of("a/src/deep/x.rs", files) == "2024"
    assert edition_of("b/src/lib.rs", files) == "2015"


def test_a_change_reaches_its_package_and_everything_that_depends_on_it_by_path() -> None:
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["*"]\n[workspace.dependencies]\nbase = { path = "base" }\n',
        "base/Cargo.toml": '[package]\nname = "base"\n',
        "middle/Cargo.toml": '[package]\nname = "middle"\n[dependencies]\nbase.workspace = true\n',
        "top/Cargo.toml": '[package]\nname = "top"\n[target."cfg(unix)".dev-dependencies]\nm = { path = "../middle", package = "middle" }\n',
        "other/Cargo.toml": '[package]\nname = "other"\n[dependencies]\nserde = "1"\n',
    }
    assert packages_reached(["base/src/lib.rs"], files) == ("base", "middle", "top")
    assert packages_reached(["middle/src/lib.rs", "other/x.rs"], files) == ("middle", "other", "top")
    assert packages_reached(["README.md"], files) == ()


# --- splitting -------------------------------------------------------------------------------------------------------

OLD = """pub fn add(a: i32) -> i32 {
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1), 1);
    }
}
"""


def test_an_inline_test_module_goes_to_the_tests_and_the_code_to_the_source() -> None:
    new = OLD.replace("    a\n", "    a + 1\n").replace("add(1), 1", "add(1), 2")
    test, source = halves("src/lib.rs", OLD, new)
    assert test == OLD.replace("add(1), 1", "add(1), 2")
    assert source == OLD.replace("    a\n", "    a + 1\n")


def test_top_level_tests_among_code_are_spliced_by_name() -> None:
    old = "fn a() {}\n\n#[test]\nfn old_one() {}\n\nfn b() {}\n"
    new = "fn a() { 1; }\n\n#[test]\nfn old_one() { a() }\n\nfn b() {}\n\n#[test]\nfn new_one() {}\n"
    test, source = halves("src/lib.rs", old, new)
    assert test == "fn a() {}\n\n#[test]\nfn old_one() { a() }\n\nfn b() {}\n\n#[test]\nfn new_one() {}\n"
    assert source is not None and "fn a() { 1; }" in source and "new_one" not in source and "fn old_one() {}" in source


def test_removed_tests_leave_the_test_part_too() -> None:
    test, source = halves("src/lib.rs", OLD, "pub fn add(a: i32) -> i32 {\n    a + 1\n}\n")
    assert test is not None and "#[cfg(test)]" not in test and "    a\n" in test
    assert source is not None and "mod tests" in source and "a + 1" in source


def test_a_new_file_with_code_and_tests_is_tests_over_nothing_and_code_without_tests() -> None:
    test, source = halves("src/new.rs", None, "pub fn n() {}\n#[cfg(test)]\nmod tests { #[test] fn t() {} }\n")
    assert test is not None and "pub fn n" not in test and "fn t()" in test
    assert source is not None and source.startswith("pub fn n") and "fn t()" not in source


def test_whole_files_of_tests_and_fixtures_are_tests_and_the_rest_is_source() -> None:
    paths = [
        "tests/cli.rs",
        "tests/data/in.txt",
        "crates/a/benches/b.rs",
        "src/tests.rs",
        "src/x_tests.rs",
        "src/snapshots/a.snap",
    ]
    other = ["src/lib.rs", "README.md", "examples/e.rs", "build.rs"]
    parts = tests.split([change(path, "x\n") for path in [*paths, *other]], {})
    assert [one.path for one in parts.test] == paths
    assert [one.path for one in parts.source] == other


def test_a_file_that_cfg_test_declares_is_a_test_whatever_its_name() -> None:
    old = {"src/lib.rs": b"#[cfg(test)]\nmod checks;\nmod code;\n"}
    parts = tests.split([change("src/checks.rs", "fn h() {}\n"), change("src/code.rs", "fn h() {}\n")], old)
    assert [one.path for one in parts.test] == ["src/checks.rs"]
    assert [one.path for one in parts.source] == ["src/code.rs"]


def test_the_declaration_of_a_test_module_is_part_of_the_tests() -> None:
    test, source = halves("src/lib.rs", "fn a() {}\n", "fn a() {}\n#[cfg(test)]\nmod checks;\n")
    assert test == "fn a() {}\n\n#[cfg(test)]\nmod checks;\n" or test == "fn a() {}\n#[cfg(test)]\nmod checks;\n"
    assert source is None


def test_dev_dependencies_belong_to_the_tests_and_dependencies_to_the_source() -> None:
    old = '[package]\nname = "d"\n\n[dependencies]\n'
    new = '[package]\nname = "d"\n\n[dependencies]\nserde = "1"\n\n[dev-dependencies]\nrstest = "1"\n'
    test, source = halves("Cargo.toml", old, new)
    assert test is not None and "rstest" in test and "serde" not in test
    assert source is not None and "serde" in source and "rstest" not in source


def test_a_deleted_source_file_is_source_and_keeps_its_blob_elsewhere() -> None:
    parts = tests.split([change("src/gone.rs", None)], {"src/gone.rs": b"fn x() {}"})
    assert parts.test == () and parts.source[0].content is None


def test_broken_code_is_still_divided() -> None:
    new = OLD.replace("    a\n", "    a +\n")
    test, source = halves("src/lib.rs", OLD, new)
    assert test is None and source == new


def test_a_test_is_renamed_where_file_module_and_text_are_the_same_and_nothing_else_would_fit() -> None:
    def of(**named: str) -> list[tests.TestItem]:
        body = "".join(f"#[test]\nfn {name}() {{ assert!({text}); }}\n" for name, text in named.items())
        return list(tests.tests_of({"Cargo.toml": MANIFEST, "src/lib.rs": "", "tests/cli.rs": body}).values())

    assert tests.renamed(of(a="x", b="y"), of(c="y", d="z")) == {"tests/cli.rs::c": "tests/cli.rs::b"}
    assert tests.renamed(of(a="x"), of(c="x", d="x")) == {}
    assert tests.renamed(of(a="x", b="x"), of(c="x")) == {}
    elsewhere = tests.tests_of(
        {"Cargo.toml": MANIFEST, "src/lib.rs": "", "tests/other.rs": "#[test]\nfn c() { assert!(x); }\n"}
    )
    assert tests.renamed(of(a="x"), elsewhere.values()) == {}


def test_an_error_counts_as_outside_of_tests_only_where_users_get_the_code() -> None:
    files = {
        "Cargo.toml": MANIFEST,
        "src/lib.rs": "pub fn a() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n\n#[cfg(test)]\nmod more;\n",
        "src/more.rs": "#[test]\nfn m() {}\n",
        "tests/cli.rs": "#[test]\nfn c() {}\n",
        "examples/show.rs": "fn main() {}\n",
    }

    def error(path: str, line: int, code: str = "E0425") -> Diagnostic:
        return Diagnostic(Level.ERROR, code, "wrong", path, line, 1)

    inside = [error("src/lib.rs", 6), error("src/more.rs", 2), error("tests/cli.rs", 1), error("examples/show.rs", 1)]
    other = [
        error("src/lib.rs", 1, "unused_variables"),
        error("", 0),
        replace(error("src/lib.rs", 1), level=Level.WARNING),
    ]
    broken = [error("src/lib.rs", 1), error("src/lib.rs", 1, "")]
    assert tests.outside_of_tests([*inside, *other, *broken], files) == tuple(broken)
