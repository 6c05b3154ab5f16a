"""The contract of a change, case by case: what is told, what it asks for, and what is not worth a word."""

from __future__ import annotations

import pytest

from bot.domain import Release, Semver, Term, TermKind
from bot.rust.contract import contract
from bot.rust.dependencies import with_licences

MANIFEST = '[package]\nname = "a"\nversion = "1.2.3"\nedition = "2021"\n'


def said(old: str | dict[str, str], new: str | dict[str, str], *kinds: TermKind) -> list[str]:
    """The terms in short: change, level (`?` where not certain), name. A text alone is src/lib.rs."""
    before, after = (
        {"Cargo.toml": MANIFEST} | ({"src/lib.rs": files} if isinstance(files, str) else files) for files in (old, new)
    )
    return [short(term) for term in contract(before, after).terms if not kinds or term.kind in kinds]


def short(term: Term) -> str:
    return f"{term.change} {term.level}{'' if term.is_certain else '?'} {term.name}"


# --- public API ------------------------------------------------------------------------------------------------------

SAME = {
    "a parameter is renamed": ("pub fn f(a: u8) {}", "pub fn f(b: u8) {}"),
    "a parameter becomes mutable": ("pub fn f(a: u8) {}", "pub fn f(mut a: u8) {}"),
    "a body changes": ("pub fn f() -> u8 { 1 }", "pub fn f() -> u8 { 2 }"),
    "it is formatted": ("pub fn f(a: u8, b: u8) -> u8 { 1 }", "pub fn f(\n    a: u8,\n    b: u8,\n) -> u8 {\n    1\n}"),
    "a type parameter is renamed": ("pub fn f<T: Clone>(t: T) -> T { t }", "pub fn f<U: Clone>(t: U) -> U { t }"),
    "a bound goes to the where clause": (
        "pub fn f<T: Clone + Copy>(t: T) {}",
        "pub fn f<T>(t: T)\nwhere\n    T: Copy + Clone,\n{\n}",
    ),
    "a lifetime is renamed": ("pub fn f<'a>(a: &'a str) -> &'a str { a }", "pub fn f<'x>(a: &'x str) -> &'x str { a }"),
    "a lifetime is left out": (
        "pub fn f<'a>(a: &'a str, n: u8) -> &'a str { a }",
        "pub fn f(a: &str, n: u8) -> &str { a }",
    ),
    "the lifetime of self is left out": (
        "pub struct A;\nimpl A { pub fn f<'a>(&'a self, b: &u8) -> &'a u8 { todo() } }",
        "pub struct A;\nimpl A { pub fn f(&self, b: &u8) -> &u8 { todo() } }",
    ),
    "the result is written out": ("pub fn f() {}", "pub fn f() -> () {}"),
    "Self is written out": (
        "pub struct A(u8);\nimpl A { pub fn new() -> A { A(1) } }",
        "pub struct A(u8);\nimpl A { pub fn new() -> Self { Self(1) } }",
    ),
    "an import changes": (
        "use std::fmt;\npub fn f(a: fmt::Arguments) {}",
        "use core::fmt::Arguments;\npub fn f(a: Arguments) {}",
    ),
    "an import has another name": (
        "use std::io::Error as E;\npub fn f(a: E) {}",
        "use std::io::Error;\npub fn f(a: Error) {}",
    ),
    "a path is written out": ("use std::io;\npub fn f() -> io::Result<()> {}", "pub fn f() -> std::io::Result<()> {}"),
    "a constant has another value": ("pub const A: u8 = 1;", "pub const A: u8 = 2;"),
    "a derive is written by hand": (
        "#[derive(Clone, Debug)]\npub struct A;",
        "#[derive(Debug)]\npub struct A;\nimpl Clone for A { fn clone(&self) -> Self { A } }",
    ),
    "PartialEq names its type": (
        "#[derive(PartialEq)]\npub struct A;",
        "pub struct A;\nimpl PartialEq<A> for A { fn eq(&self, o: &A) -> bool { true } }",
    ),
    "a private field comes to private ones": ("pub struct A { a: u8 }", "pub struct A { a: u8, b: u8 }"),
    "private items come and go": ("fn a() {}\npub(crate) fn b() {}", "struct C;\npub(super) fn d() {}"),
    "private methods come": ("pub struct A;\nimpl A {}", "pub struct A;\nimpl A { fn x(&self) {} }"),
    "a public method of a private type": ("struct A;", "struct A;\nimpl A { pub fn x(&self) {} }"),
    "a public item in a private module": ("mod m { pub fn a() {} }", "mod m { pub fn a() {}\n pub fn b() {} }"),
    "tests come": ("pub fn f() {}", "pub fn f() {}\n#[cfg(test)]\nmod tests { pub fn x() { None::<u8>.unwrap(); } }"),
    "documentation comes": ("pub fn f() {}", "//! Docs.\n\n/// Does f: `x.unwrap()`.\n// todo!()\npub fn f() {}"),
    "what rustdoc hides": ("pub fn f() {}", "pub fn f() {}\n#[doc(hidden)]\npub fn __g() {}"),
    "a macro's body": (
        "#[macro_export]\nmacro_rules! m { ($a:expr) => { 1 }; }",
        "#[macro_export]\nmacro_rules! m { ($a:expr) => { $a + 1 }; }",
    ),
    "a macro that is not exported": ("macro_rules! m { () => {}; }", "macro_rules! m { (1) => {}; }"),
    "an impl of a private trait": ("pub struct A;\ntrait T {}", "pub struct A;\ntrait T {}\nimpl T for A {}"),
    "an impl between foreign types": ("pub struct A;", "pub struct A;\nimpl From<u8> for String {}"),
    "an impl's type parameter is renamed": (
        "pub struct A<T>(T);\nimpl<T> From<T> for A<T> { }",
        "pub struct A<T>(T);\nimpl<X> From<X> for A<X> { }",
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_what_nobody_outside_can_see_is_not_told(case: str) -> None:
    old, new = SAME[case]
    assert said(old, new) == []


E = "pub enum E { A, B(u8), C { x: u8 } }"
T = "pub trait T { fn a(&self); fn b(&self) {} }"
DIFFERENT = {
    "a function": ("", "pub fn f() {}", ["add minor f"]),
    "a function goes": ("pub fn f() {}", "", ["remove major f"]),
    "a function is hidden": ("pub fn f() {}", "pub(crate) fn f() {}", ["remove major f"]),
    "a function is kept out of the documentation": (
        "pub fn f() {}", "#[doc(hidden)]\npub fn f() {}", ["remove major? f"],
    ),
    "one parameter more": ("pub fn f(a: u8) {}", "pub fn f(a: u8, b: u8) {}", ["change major f"]),
    "another type": ("pub fn f(a: u8) {}", "pub fn f(a: u16) {}", ["change major f"]),
    "another type of the same name": (
        "use std::fmt;\npub fn f(a: fmt::Error) {}",
        "use std::io;\npub fn f(a: io::Error) {}",
        ["change major f"],
    ),
    "the same name of another module": (
        "use std::fmt::Error;\npub fn f(a: Error) {}",
        "use std::io::Error;\npub fn f(a: Error) {}",
        ["change major f"],
    ),
    "a result": ("pub fn f() {}", "pub fn f() -> u8 { 1 }", ["change major f"]),
    "the result lives as long as another parameter": (
        "pub fn f<'a>(a: &'a u8, b: &u8) -> &'a u8 { a }",
        "pub fn f<'a>(a: &u8, b: &'a u8) -> &'a u8 { b }",
        ["change major f"],
    ),
    "const": ("pub fn f() {}", "pub const fn f() {}", ["change minor f"]),
    "no longer const": ("pub const fn f() {}", "pub fn f() {}", ["change major f"]),
    "async": ("pub fn f() {}", "pub async fn f() {}", ["change major f"]),
    "no longer unsafe": ("pub unsafe fn f() {}", "pub fn f() {}", ["change minor f"]),
    "one bound more": ("pub fn f<T>(t: T) {}", "pub fn f<T: Clone>(t: T) {}", ["change major f"]),
    "one bound less": ("pub fn f<T: Clone>(t: T) {}", "pub fn f<T>(t: T) {}", ["change minor f"]),
    "unsized types too": ("pub fn f<T>(t: &T) {}", "pub fn f<T: ?Sized>(t: &T) {}", ["change minor f"]),
    "an argument of some type": ("pub fn f(a: &str) {}", "pub fn f(a: impl AsRef<str>) {}", ["change major f"]),
    "deprecated": ("pub fn f() {}", "#[deprecated]\npub fn f() {}", ["change minor f"]),
    "behind a feature": ("pub fn f() {}", '#[cfg(feature = "x")]\npub fn f() {}', ["change major f"]),
    "no longer behind a feature": ('#[cfg(feature = "x")]\npub fn f() {}', "pub fn f() {}", ["change minor f"]),
    "behind more": ("#[cfg(unix)]\npub fn f() {}", "#[cfg(all(unix, a))]\npub fn f() {}", ["change major f"]),
    "one platform of two": (
        "#[cfg(unix)]\npub fn f() {}\n#[cfg(windows)]\npub fn f() {}",
        "#[cfg(unix)]\npub fn f() {}\n#[cfg(windows)]\npub fn f(a: u8) {}",
        ["change major f"],
    ),
    "a method": ("pub struct A;", "pub struct A;\nimpl A { pub fn x(&self) {} }", ["add minor A::x"]),
    "a method goes": ("pub struct A;\nimpl A { pub fn x(&self) {} }", "pub struct A;", ["remove major A::x"]),
    "self is taken": (
        "pub struct A;\nimpl A { pub fn x(&self) {} }",
        "pub struct A;\nimpl A { pub fn x(self) {} }",
        ["change major A::x"],
    ),
    "an associated constant": ("pub struct A;", "pub struct A;\nimpl A { pub const X: u8 = 1; }", ["add minor A::X"]),
    "the impl's bounds": (
        "pub struct A<T>(T);\nimpl<T> A<T> { pub fn x(&self) {} pub fn y(&self) {} }",
        "pub struct A<T>(T);\nimpl<T: Clone> A<T> { pub fn x(&self) {} pub fn y(&self) {} }",
        ["change major A::x"],
    ),
    "a type comes with its methods and impls": (
        "",
        "#[derive(Clone)]\npub struct A;\nimpl A { pub fn x(&self) {} }\nimpl Drop for A { fn drop(&mut self) {} }",
        ["add minor A"],
    ),
    "a public field": ("pub struct A { a: u8 }", "pub struct A { a: u8, pub b: u8 }", ["add minor A.b"]),
    "a field where all are public": ("pub struct A { pub a: u8 }", "pub struct A { pub a: u8, pub b: u8 }", ["add major A.b"]),
    "a private field where all are public": ("pub struct A { pub a: u8 }", "pub struct A { pub a: u8, b: u8 }", ["add major A.b"]),
    "a field of what nobody can build": (
        "#[non_exhaustive]\npub struct A { pub a: u8 }",
        "#[non_exhaustive]\npub struct A { pub a: u8, pub b: u8 }",
        ["add minor A.b"],
    ),
    "a field's type": ("pub struct A { pub a: u8 }", "pub struct A { pub a: u16 }", ["change major A.a"]),
    "a field goes": ("pub struct A { pub a: u8, b: u8 }", "pub struct A { b: u8 }", ["remove major A.a"]),
    "a field is hidden": ("pub struct A { pub a: u8 }", "pub struct A { a: u8 }", ["change major A.a"]),
    "a field of a tuple": ("pub struct A(pub u8);", "pub struct A(pub u8, pub u8);", ["add major A.1"]),
    "non_exhaustive": ("pub struct A;", "#[non_exhaustive]\npub struct A;", ["change major A"]),
    "another layout": ("#[repr(C)]\npub struct A;", "pub struct A;", ["change major A"]),
    "a type parameter with a default": ("pub struct A<T>(T);", "pub struct A<T, U = u8>(T, U);", ["change minor A"]),
    "a type parameter": ("pub struct A<T>(T);", "pub struct A<T, U>(T, U);", ["change major A"]),
    "a variant": (E, E.replace("A,", "A, D,"), ["add major E::D"]),
    "a variant of an open enum": (
        f"#[non_exhaustive]\n{E}", f"#[non_exhaustive]\n{E}".replace("A,", "A, D,"), ["add minor E::D"],
    ),
    "a variant goes": (E, E.replace("A, ", ""), ["remove major E::A"]),
    "a variant holds something else": (E, E.replace("u8)", "u16)"), ["change major E::B"]),
    "a variant holds more": (E, E.replace("x: u8", "x: u8, y: u8"), ["change major E::C"]),
    "a variant's number": ("pub enum E { A = 1 }", "pub enum E { A = 2 }", ["change major E::A"]),
    "a required method": (T, T.replace("fn a", "fn c(); fn a"), ["add major T::c"]),
    "a required method of a sealed trait": (
        T.replace("T {", "T: sealed::Sealed {"), T.replace("T {", "T: sealed::Sealed { fn c();"), ["add minor T::c"],
    ),
    "a method with a default": (T, T.replace("fn a", "fn c() {} fn a"), ["add minor T::c"]),
    "a default goes": (T, T.replace("fn b(&self) {}", "fn b(&self);"), ["change major T::b"]),
    "a default comes": (T, T.replace("fn a(&self);", "fn a(&self) {}"), []),
    "a trait's method": (T, T.replace("fn a(&self)", "fn a(&self, n: u8)"), ["change major T::a"]),
    "a trait's method is safe now": (
        "pub trait T { unsafe fn a(); }", "pub trait T { fn a(); }", ["change major T::a"],
    ),
    "a supertrait": (T, T.replace("T {", "T: Clone {"), ["change major T"]),
    "an associated type": (T, T.replace("fn a", "type X; fn a"), ["add major T::X"]),
    "a trait impl": ("pub struct A;", "pub struct A;\nimpl Drop for A { fn drop(&mut self) {} }", ["add minor impl Drop for A"]),
    "a derive": ("pub struct A;", "#[derive(Clone)]\npub struct A;", ["add minor impl Clone for A"]),
    "a derive goes": ("#[derive(Clone)]\npub struct A;", "pub struct A;", ["remove major impl Clone for A"]),
    "one From of two": (
        "pub struct A;\nimpl From<u8> for A {}\nimpl From<u16> for A {}",
        "pub struct A;\nimpl From<u8> for A {}",
        ["remove major impl From<u16> for A"],
    ),
    "a foreign type compares with ours": (
        "pub struct A;", "pub struct A;\nimpl PartialEq<A> for str {}", ["add minor impl PartialEq<A> for str"],
    ),
    "our trait for a foreign type": (T, f"{T}\nimpl T for Vec<u8> {{}}", ["add minor impl T for Vec<u8>"]),
    "our trait for everybody": (T, f"{T}\nimpl<X: Clone> T for X {{}}", ["add major impl T for T"]),
    "a written Send goes": ("pub struct A;\nunsafe impl Send for A {}", "pub struct A;", ["remove major? impl Send for A"]),
    "an alias": ("pub type A = u8;", "pub type A = u16;", ["change major A"]),
    "a constant's type": ("pub const A: u8 = 1;", "pub const A: u16 = 1;", ["change major A"]),
    "a static": ("pub static A: u8 = 1;", "pub static mut A: u8 = 1;", ["change major A"]),
    "a macro": ("", "#[macro_export]\nmacro_rules! m { () => {}; }", ["add minor m"]),
    "a macro deep in a private module": ("mod x {}", "mod x {\n#[macro_export]\nmacro_rules! m { () => {}; }\n}", ["add minor m"]),
    "a macro's rules": (
        "#[macro_export]\nmacro_rules! m { () => {}; }",
        "#[macro_export]\nmacro_rules! m { ($a:expr) => {}; }",
        ["change major? m"],
    ),
    "a macro takes more": (
        "#[macro_export]\nmacro_rules! m { () => {}; }",
        "#[macro_export]\nmacro_rules! m { () => {}; ($a:expr) => {}; }",
        ["change minor m"],
    ),
    "a type parameter gets a default": ("pub struct A<T>(T);", "pub struct A<T = u8>(T);", ["change minor A"]),
    "a supertrait is imported": (
        "pub trait T: std::fmt::Debug {}", "use std::fmt::Debug;\npub trait T: Debug {}", [],
    ),
    "a struct becomes an enum": ("pub struct A;", "pub enum A {}", ["change major A"]),
    "a foreign item is shown": ("", "pub use std::fmt::Debug;", ["add minor Debug"]),
    "a foreign crate is shown": ("", "pub extern crate alloc;", ["add minor alloc"]),
    "foreign functions": ("", 'extern "C" { pub fn f(a: u8); }', ["add minor f"]),
    "a module with what is in it": ("", "pub mod m {\n pub fn a() {}\n pub struct B;\n}", ["add minor m"]),
}  # fmt: skip


@pytest.mark.parametrize("case", DIFFERENT)
def test_what_others_can_see_is_told_with_what_it_asks_for(case: str) -> None:
    old, new, expected = DIFFERENT[case]
    assert said(old, new, TermKind.API) == expected


LIB = {
    "src/lib.rs": "mod m;\npub use m::f;\npub use self::m::A as B;\n",
    "src/m.rs": "pub fn f() {}\npub struct A;\npub fn g() {}\n",
}
PLACES = {
    "an item moves and is shown where it was": (
        LIB,
        {"src/lib.rs": "mod n;\npub use n::f;\npub use n::x::A as B;\n", "src/n.rs": "pub fn f() {}\npub mod x;", "src/n/x.rs": "pub struct A;"},
        [],
    ),
    "an item moves without that": (
        {"src/lib.rs": "pub mod m;\n", "src/m.rs": "pub fn f() {}"},
        {"src/lib.rs": "pub mod m;\npub mod n;\n", "src/m.rs": "", "src/n.rs": "pub fn f() {}"},
        ["remove major m::f", "add minor n"],
    ),
    "a re-export goes": (LIB, {**LIB, "src/lib.rs": "mod m;\npub use m::f;\n"}, ["remove major B"]),
    "a private module becomes public": (LIB, {**LIB, "src/lib.rs": LIB["src/lib.rs"].replace("mod m;", "pub mod m;")}, ["add minor m"]),
    "a second path": (
        {"src/lib.rs": "pub mod m;\n", "src/m.rs": "pub fn f() {}"},
        {"src/lib.rs": "pub mod m;\npub use m::f;\n", "src/m.rs": "pub fn f() {}"},
        ["add minor f"],
    ),
    "everything of a private module": (
        {"src/lib.rs": "mod m;\npub use m::*;\n", "src/m.rs": "pub fn f() {}"},
        {"src/lib.rs": "mod m;\npub use m::*;\n", "src/m.rs": "pub fn f() {}\npub fn g() {}"},
        ["add minor g"],
    ),
    "methods in another file than the type": (
        {"src/lib.rs": "mod m;\npub struct A;\n", "src/m.rs": "use crate::A;\nimpl A {}"},
        {"src/lib.rs": "mod m;\npub struct A;\n", "src/m.rs": "use crate::A;\nimpl A { pub fn x() {} }"},
        ["add minor A::x"],
    ),
    "a module behind a feature": (
        {"src/lib.rs": "pub mod m;\n", "src/m.rs": "pub fn f() {}"},
        {"src/lib.rs": '#[cfg(feature = "m")]\npub mod m;\n', "src/m.rs": "pub fn f() {}"},
        ["change major m"],
    ),
    "a file that no mod leads to": (
        {"src/lib.rs": "modules!(gen);\n", "src/gen.rs": "pub fn f() {}"},
        {"src/lib.rs": "modules!(gen);\n", "src/gen.rs": "pub fn f(a: u8) {}"},
        ["change major? f"],
    ),
    "a module inside of a cfg macro": (
        {"src/lib.rs": "cfg_rt! {\n    pub mod m;\n}\n", "src/m.rs": "pub fn f() {}"},
        {"src/lib.rs": "cfg_rt! {\n    pub mod m;\n}\n", "src/m.rs": "pub fn f() {}\npub fn g() {}"},
        ["add minor m::g"],
    ),
    "branches of cfg_if": (
        {"src/lib.rs": "cfg_if! { if #[cfg(unix)] { mod m; pub use m::*; } else { pub fn f() {} } }", "src/m.rs": "pub fn f() {}"},
        {"src/lib.rs": "cfg_if! { if #[cfg(unix)] { mod m; pub use m::*; } else { pub fn f() {} } }", "src/m.rs": "pub fn f() {}\npub fn g() {}"},
        ["add minor g"],
    ),
    "a file of tests only": (
        {"src/lib.rs": "#[cfg(test)]\npub mod t;\n", "src/t.rs": "pub fn f() {}"},
        {"src/lib.rs": "#[cfg(test)]\npub mod t;\n", "src/t.rs": "pub fn f() { x.unwrap(); }\npub fn g() {}"},
        [],
    ),
    "integration tests": ({"src/lib.rs": "", "tests/a.rs": ""}, {"src/lib.rs": "", "tests/a.rs": "pub fn g() { x.unwrap() }"}, []),
    "a program": ({"src/main.rs": ""}, {"src/main.rs": "pub fn f() {}\nfn main() {}"}, []),
    "what only the program beside a library has": (
        {"src/lib.rs": "", "src/main.rs": "mod cli;", "src/cli.rs": ""},
        {"src/lib.rs": "", "src/main.rs": "mod cli;", "src/cli.rs": "pub fn f() {}"},
        [],
    ),
    "modules that show each other": (
        {"src/lib.rs": "pub mod a { pub use crate::b::*; pub fn x() {} }\npub mod b { pub use crate::a::*; }"},
        {"src/lib.rs": "pub mod a { pub use crate::b::*; pub fn x() {} }\npub mod b { pub use crate::a::*; pub fn y() {} }"},
        ["add minor b::y"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PLACES)
def test_whether_an_item_is_public_follows_modules_and_re_exports(case: str) -> None:
    old, new, expected = PLACES[case]
    assert said(old, new) == expected


def test_a_feature_that_another_one_turns_on_is_the_wider_condition() -> None:
    manifest = {"Cargo.toml": MANIFEST + '[features]\nstd = ["alloc"]\nalloc = []\n'}
    std, alloc = (
        manifest | {"src/lib.rs": f'#[cfg(feature = "{name}")]\npub fn f() {{}}'} for name in ("std", "alloc")
    )
    assert said(std, alloc) == ["change minor f"] and said(alloc, std) == ["change major f"]


def test_what_a_macro_makes_of_its_input_is_told_with_a_doubt() -> None:
    old = "bitflags! {\n    pub struct F: u32 { const A = 1; }\n}\n"
    assert said(old, old.replace("const A = 1;", "const A = 1; const B = 2;")) == ["change major? F"]


def test_of_a_procedural_macro_crate_only_its_macros_are_public() -> None:
    manifest = {"Cargo.toml": MANIFEST + "[lib]\nproc-macro = true\n"}
    old = "#[proc_macro_derive(Get, attributes(get))]\npub fn get(input: TokenStream) -> TokenStream { x(input) }\n"
    new = old.replace("attributes(get)", "attributes(get, set)").replace("pub fn get(input", "pub fn derive_get(item")
    assert said({**manifest, "src/lib.rs": old}, {**manifest, "src/lib.rs": new}) == ["change major? Get"]
    assert said({**manifest, "src/lib.rs": old}, {**manifest, "src/lib.rs": old + "fn helper() {}\n"}) == []


def test_in_a_workspace_crates_that_are_not_published_have_no_public_api() -> None:
    def tree(text: str) -> dict[str, str]:
        return {
            "Cargo.toml": '[workspace]\nmembers = ["a", "b"]\n',
            "a/Cargo.toml": MANIFEST,
            "a/src/lib.rs": text,
            "b/Cargo.toml": MANIFEST.replace('"a"', '"b"') + "publish = false\n",
            "b/src/lib.rs": text,
        }

    found = contract(tree(""), tree("pub fn f() {}"))
    assert [(term.path, term.name) for term in found.terms] == [("a/src/lib.rs", "f")]
    assert found.releases == (Release("a", "1.2.3", "1.2.3", Semver.MINOR),)


def test_signatures_name_the_place_and_both_forms() -> None:
    (term,) = contract(
        {"Cargo.toml": MANIFEST, "src/lib.rs": "\npub fn f(a: u8) {}"},
        {"Cargo.toml": MANIFEST, "src/lib.rs": "\n\n/// Doc.\npub fn f(a: u8, b: &str) -> u8 { 1 }"},
    ).terms
    assert (term.path, term.line, term.was, term.shown) == (
        "src/lib.rs",
        4,
        "fn f(a: u8)",
        "fn f(a: u8, b: &str) -> u8",
    )


# --- unsafe, panics, lints -------------------------------------------------------------------------------------------

ESCAPES = {
    "an unsafe block": ("fn a() {}", "fn a() { unsafe { b() } }", ["add none a"]),
    "unsafe that was there": ("fn a() { unsafe { b() } }", "fn a() { unsafe { c() } }", []),
    "unsafe that moved": ("fn a() { unsafe { b() } }", "mod m { fn a() {\n unsafe { b() }\n} }", []),
    "unsafe that went to a new function": ("fn a() {\n unsafe { b() }\n}", "fn a() { c() }\nfn c() {\n unsafe { b() }\n}", []),
    "an unsafe impl": ("struct A;", "struct A;\nunsafe impl Send for A {}", ["add none A"]),
    "an unsafe function as a type": ("fn a() {}", "fn a(f: unsafe fn(u8)) {}", []),
    "an unsafe function": ("", "pub(crate) unsafe fn a() {}", ["add none a"]),
    "unsafe in a comment or text": ("", 'fn a() { /* unsafe { } */ "unsafe { }"; r#"x.unwrap() " unsafe {}"#; }', []),
    "unwrap": ("fn a() {}", "fn a() { b.unwrap(); }", ["add none a"]),
    "unwrap in a method": ("impl A { fn a() {} }", "impl A { fn a() { b\n.unwrap(); } }", ["add none A::a"]),
    "unwrap in a macro": ("fn a() {}", 'fn a() { println!("{}", b.unwrap()); }', ["add none a"]),
    "what does not panic": ("fn a() {}", "fn a() { b.unwrap_or(1); c.unwrap_or_default(); v[0]; assert!(x); }", []),
    "expect": ("fn a() {}", 'fn a() { b.expect("it is there"); }', ["add none a"]),
    "a parser's own expect": ("fn a() {}", "fn a() { self.expect(b'{')?; p.expect(Token::Comma)?; }", []),
    "panics": ("fn a() {}", "fn a() { if x { panic!() } else { unreachable!() } }", ["add none a", "add none a"]),
    "a stub": ("fn a() {}", "fn a() { todo!() }\nfn b() { unimplemented!() }", ["add none a", "add none b"]),
    "a stub in a test": ("fn a() {}", "fn a() {}\n#[test]\nfn t() { todo!() }", []),
    "a lifetime is no character": ("fn a() {}", "fn a<'a>(b: &'a str) { c.unwrap() }\nfn d<'a>() {}", ["add none a"]),
    "a silenced lint": ("fn a() {}", "#[allow(dead_code, clippy::x)]\nfn a() {}", ["add none a", "add none a"]),
    "an expected lint": ("fn a() {}", '#[expect(dead_code, reason = "later")]\nfn a() {}', ["add none a"]),
    "a lint silenced for the crate": ("", "#![allow(dead_code)]", ["add none src/lib.rs"]),
    "a lint silenced before": ("#[allow(x)]\nfn a() {}", "mod m {\n#[allow(x)]\nfn a() {}\n}", []),
    "a lint that is no longer forbidden": ("#![forbid(unsafe_code)]\nfn a() {}", "fn a() {}", ["remove none unsafe_code"]),
    "a lint that is held more strictly": ("#![warn(missing_docs)]", "#![deny(missing_docs)]", []),
}  # fmt: skip


@pytest.mark.parametrize("case", ESCAPES)
def test_new_steps_around_the_compiler_are_told_by_item(case: str) -> None:
    old, new, expected = ESCAPES[case]
    assert said(old, new) == expected


def test_several_of_a_kind_in_one_item_are_one_term() -> None:
    (term,) = contract(
        {"Cargo.toml": MANIFEST, "src/lib.rs": "fn a() {}"},
        {"Cargo.toml": MANIFEST, "src/lib.rs": "fn a() {\n    b.unwrap();\n    c.unwrap();\n}"},
    ).terms
    assert (term.shown, term.note, term.line) == (".unwrap() × 2", "in `a`", 2)


def test_programs_count_and_examples_benches_and_build_scripts_do_not() -> None:
    text = "fn main() { a.unwrap(); }"
    paths = ("src/main.rs", "examples/a.rs", "benches/a.rs", "build.rs", "tests/a.rs")
    files = dict.fromkeys(paths, text)
    assert said(dict.fromkeys(paths, "fn main() {}"), files) == ["add none main"]


def test_what_a_build_script_brings_along_is_no_source() -> None:
    old = {"src/lib.rs": "", "build.rs": "", "build/probe.rs": "", "src/included.rs": ""}
    new = old | {"build/probe.rs": "fn a() { todo!() }", "src/included.rs": "fn b() { todo!() }"}
    assert said(old, new) == ["add none b"]


def test_lints_that_went_to_a_table_are_held_still_and_many_of_a_kind_are_one_term() -> None:
    old = {"src/lib.rs": "#![deny(a_lint, b_lint, c_lint, d_lint, e_lint)]"}
    new = {"src/lib.rs": "", "Cargo.toml": MANIFEST + '[lints.rust]\na_lint = "deny"\n'}
    (term,) = contract({"Cargo.toml": MANIFEST} | old, new).terms
    assert (term.shown, term.note) == ("#![deny(b_lint, c_lint, d_lint, …)]", "no longer there, 4 lints")


def test_lint_tables_count() -> None:
    old = {"Cargo.toml": MANIFEST + '[lints.rust]\nunsafe_code = "forbid"\nunused = "warn"\n'}
    new = {
        "Cargo.toml": MANIFEST
        + '[lints.rust]\nunused = "deny"\n[lints.clippy]\nall = { level = "allow", priority = -1 }\n'
    }
    assert said(old, new) == ["add none clippy::all", "add none unsafe_code"]


# --- manifests and lock files ----------------------------------------------------------------------------------------

MANIFESTS = {
    "a dependency": ("", '[dependencies]\nitoa = "1"\n', ["itoa 1 | "]),
    "for tests": ("", '[dev-dependencies]\nitoa = "1"\n', ["itoa 1 | for tests"]),
    "with features": (
        "", '[dependencies]\nitoa = { version = "1", features = ["x"], default-features = false }\n',
        ["itoa 1 | features `x`, without its default features"],
    ),
    "from git, under another name": (
        "", '[dependencies]\ni = { package = "itoa", git = "https://x.example/i", rev = "abc" }\n',
        ["itoa git https://x.example/i rev abc | "],
    ),
    "for a platform": ("", "[target.'cfg(unix)'.dependencies]\nitoa = '1'\n", ["itoa 1 | only for `cfg(unix)`"]),
    "another requirement": ("[dependencies]\na = '1'\n", "[dependencies]\na = '2'\n", ["a 2 ← a 1 | "]),
    "no longer": ("[dependencies]\na = '1'\n", "", ["a 1 | no longer used"]),
    "from the tests to the users": (
        "[dev-dependencies]\na = '1'\n", "[dependencies]\na = '1'\n", ["a 1 | was for tests"],
    ),
    "an optional one": (
        "[features]\nx = []\n", "[dependencies]\na = { version = '1', optional = true }\n[features]\nx = ['dep:a']\n",
        ["a 1 | optional", "x | now with `dep:a`"],
    ),
    "a feature": ("[features]\n", "[features]\nx = ['std']\n", ["x | "]),
    "the defaults": ("[features]\ndefault = ['a']\na = []\n", "[features]\ndefault = []\na = []\n", ["default | no longer with `a`"]),
    "an optional dependency behind a feature": (
        "[features]\nx = ['dep:a', 'y']\ny = []\n[dependencies]\na = { version = '1', optional = true }\n",
        "[features]\nx = ['y']\ny = []\n", ["a 1 | no longer used", "x | no longer with `dep:a`"],
    ),
    "in another order": ("[dependencies]\na = '1'\nb = '1'\n", "[dependencies]\nb = '1'\na = { version = '1' }\n", []),
}  # fmt: skip


@pytest.mark.parametrize("case", MANIFESTS)
def test_manifests_are_compared(case: str) -> None:
    old, new, expected = MANIFESTS[case]
    files = [{"Cargo.toml": MANIFEST + text, "src/lib.rs": ""} for text in (old, new)]
    found = contract(*files).terms
    assert [f"{one.shown}{f' ← {one.was}' if one.was else ''} | {one.note}" for one in found] == expected


def test_levels_of_features_and_of_the_compiler() -> None:
    old = {
        "src/lib.rs": "",
        "Cargo.toml": MANIFEST + 'rust-version = "1.60"\n[features]\ndefault = ["a"]\na = []\nb = []\n',
    }
    new = {
        "src/lib.rs": "",
        "Cargo.toml": MANIFEST.replace("2021", "2024")
        + 'rust-version = "1.85"\n[features]\ndefault = ["a", "c"]\na = []\nc = []\n',
    }
    assert said(old, new) == [
        "remove major b", "change minor default", "add minor c", "change minor rust-version", "change none edition",
    ]  # fmt: skip


def test_what_the_workspace_says_for_its_members_is_told_once() -> None:
    def tree(version: str, requirement: str) -> dict[str, str]:
        root = f'[workspace]\nmembers = ["a", "b"]\n[workspace.package]\nrust-version = "{version}"\n[workspace.dependencies]\nlog = "{requirement}"\n'
        member = MANIFEST + "rust-version.workspace = true\n"
        return {
            "Cargo.toml": root, "a/Cargo.toml": member + "[dependencies]\nlog.workspace = true\n", "a/src/lib.rs": "",
            "b/Cargo.toml": member.replace('"a"', '"b"'), "b/src/lib.rs": "",
        }  # fmt: skip

    found = contract(tree("1.60", "0.4"), tree("1.70", "0.5")).terms
    assert [f"{one.shown} ← {one.was} | {one.note}" for one in found] == [
        "log 0.5 ← log 0.4 | of `a`",
        "rust-version 1.70 ← rust-version 1.60 | an older compiler no longer builds it, in 3 manifests",
    ]


LOCK = """
[[package]]
name = "a"
version = "1.2.3"
dependencies = ["itoa", "serde"]

[[package]]
name = "itoa"
version = "1.0.1"
source = "registry+x"
"""
MORE = LOCK + "".join(
    f'\n[[package]]\nname = "{name}"\nversion = "1.0.0"\nsource = "registry+x"\ndependencies = [{needs}]\n'
    for name, needs in (("serde", '"serde_core", "itoa"'), ("serde_core", '"deep 1.0.0"'), ("deep", ""))
)


def test_packages_that_come_along_are_told_with_the_way_to_them() -> None:
    old = {"Cargo.toml": MANIFEST + "[dependencies]\nitoa = '1'\n", "Cargo.lock": LOCK, "src/lib.rs": ""}
    new = {**old, "Cargo.toml": old["Cargo.toml"] + "serde = '1'\n", "Cargo.lock": MORE}
    direct, others = with_licences(
        contract(old, new), {"Cargo.lock": MORE}, lambda name, version: {"serde": "MIT", "deep": "Zlib"}.get(name, "")
    ).terms
    assert (direct.shown, direct.note, direct.line) == ("serde 1", "MIT", 7)
    assert (others.shown, others.name) == ("serde_core, deep", "serde")
    assert others.note == "comes along, `serde → serde_core → deep`; Zlib; licence of 1 not known"


def test_nothing_in_a_repository_can_end_the_code_it_stands_in() -> None:
    manifest = MANIFEST + "[features]\n'x` @mara `' = ['`y`']\ndefault = ['x` @mara `']\n"
    old, new = {"Cargo.toml": MANIFEST, "src/lib.rs": ""}, {"Cargo.toml": manifest, "src/lib.rs": ""}
    assert all("` @mara" not in term.note for term in contract(old, new).terms)


HOSTILE = {
    "broken": "pub fn f( {{{ impl<",
    "open comments": "/*" * 100_000,
    "open texts": 'r"' + "'\"" * 50_000 + '"' * 50_001,
    "open attributes": "#[cfg_attr(a, " * 20_000,
    "open parentheses": "pub fn f(a: " + "(" * 5_000 + "," + ")" * 5_000 + ") {}",
    "a macro of everything": "m! { " + "pub struct A(u8,); " * 10_000 + " }",
    "modules that show each other": "".join(
        f"pub mod m{n} {{ pub use super::*; pub use super::{{{', '.join(f'm{k} as n{k}' for k in range(9))}}}; }}\n"
        for n in range(9)
    ),
    "modules that import everything of each other": "".join(
        f"mod m{n} {{ {' '.join(f'pub use super::m{k}::*;' for k in range(25) if k != n)} pub struct S{n}; }}\n"
        f"pub use m{n}::*;\n"
        for n in range(25)
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_source_is_read_to_its_end_and_differs_from_others_and_not_from_itself(case: str) -> None:
    text = f"{HOSTILE[case]}\npub fn g() {{ a.unwrap() }}\nimpl S1 {{ pub fn x() {{}} }}\n"
    assert said("pub fn g() {}\npub fn gone() {}", text) != []
    assert said(text, text) == []


def test_re_exports_that_go_in_circles_show_nothing_twice() -> None:
    old = "pub use self::a::b; mod a { pub use super::b; }\npub mod m { pub use super::m; pub use super::*; pub fn x() {} }"
    assert said(old, old + "\npub fn f() {}") == ["add minor f"]
