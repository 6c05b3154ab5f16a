"""Drift: what of a change its RFC did not foresee, and what was foreseen in vain."""

from __future__ import annotations

import pytest

from bot.domain import Foreseen, ForeseenFile, ForeseenItem, ItemChange, Semver
from bot.rfc.drift import NOT_FORESEEN, Drift, drift
from bot.rust.contract import contract
from bot.rust.surface import touched

OLD = {
    "Cargo.toml": "[package]\nname = 'a'\nversion = '1.0.0'\n[features]\nstd = []\n[dependencies]\nlog = '0.4'\n",
    "src/lib.rs": "pub fn double(n: u8) -> u8 { n * 2 }\nfn helper() {}\npub struct A;\nimpl A {\n    pub fn get(&self) -> u8 { 1 }\n}\n",
    "src/other.rs": "pub fn same() {}\n",
}


def change(**texts: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The new texts, and the paths that differ: `lib`, `other`, `manifest`, `test`."""
    places = {"lib": "src/lib.rs", "other": "src/other.rs", "manifest": "Cargo.toml", "test": "tests/a.rs"}
    new = OLD | {places[name]: text for name, text in texts.items()}
    return new, tuple(sorted(path for path in new if new[path] != OLD.get(path)))


def foreseen(*items: ForeseenItem, path: str = "src/lib.rs", **more: tuple[str, ...]) -> Foreseen:
    return Foreseen((ForeseenFile(path, items),), **more)


def drift_of(what: Foreseen, new: dict[str, str], paths: tuple[str, ...]) -> Drift:
    return drift(what, touched(OLD, new, paths), contract(OLD, new))


DOUBLE = ForeseenItem("pub fn double(n: u8) -> u8", ItemChange.CHANGE, Semver.PATCH)


def test_a_change_that_does_what_its_rfc_foresaw_has_no_drift() -> None:
    new, paths = change(lib=OLD["src/lib.rs"].replace("n * 2", "n.saturating_mul(2)"), test="#[test]\nfn t() {}\n")
    assert not drift_of(foreseen(DOUBLE), new, (*paths, "CHANGELOG.md", "Cargo.lock"))


def test_files_that_nobody_foresaw_are_named_and_items_that_are_untouched() -> None:
    lib = OLD["src/lib.rs"].replace("fn helper() {}", "fn other() {}")
    new, paths = change(lib=lib, other="pub fn same() { 1; }\n")
    found = drift_of(foreseen(DOUBLE), new, paths)
    assert found == Drift(("`src/other.rs`",), ("`double` in `src/lib.rs`",), ())


def test_dependencies_and_features_that_were_foreseen_in_vain_are_named() -> None:
    manifest = OLD["Cargo.toml"].replace("std = []", "std = []\nalloc = []") + "itoa = '1'\n"
    new, paths = change(manifest=manifest)
    found = drift_of(foreseen(path="Cargo.toml", dependencies=("ryu",), features=("simd",)), new, paths)
    assert found == Drift((), ("dependency `ryu`", "feature `simd`"), (NOT_FORESEEN, NOT_FORESEEN))


def judged(what: Foreseen, **texts: str) -> list[str]:
    """Each term by name, with how it leaves the RFC."""
    new, paths = change(**texts)
    found = drift_of(what, new, paths)
    return [f"{term.name}: {said}" for term, said in zip(contract(OLD, new).terms, found.terms, strict=True)]


def test_terms_are_matched_by_the_names_that_the_rfc_uses() -> None:
    lib = (
        OLD["src/lib.rs"].replace("n: u8", "n: u16").replace("&self", "&mut self")
        + "#[derive(Clone)]\npub enum E { A }\n"
    )
    said = judged(foreseen(ForeseenItem("pub fn double(n: u16) -> u8", ItemChange.CHANGE, Semver.MAJOR)), lib=lib)
    assert said == ["A::get: not in the RFC", "double: ", "E: not in the RFC"]
    everything = foreseen(
        ForeseenItem("A::get", ItemChange.CHANGE, Semver.MAJOR),
        ForeseenItem("pub enum E", ItemChange.ADD, Semver.MINOR),
        ForeseenItem("double", ItemChange.CHANGE, Semver.MAJOR),
    )
    assert judged(everything, lib=lib) == ["A::get: ", "double: ", "E: "]


@pytest.mark.parametrize(
    ("said", "version", "expected"),
    [
        (Semver.PATCH, "1.0.0", "the RFC says patch"),
        (Semver.MINOR, "1.0.0", "the RFC says minor"),
        (Semver.NONE, "1.0.0", "the RFC says none"),
        (Semver.MAJOR, "1.0.0", ""),
        (Semver.MINOR, "0.4.0", ""),
        (Semver.PATCH, "0.4.0", "the RFC says patch"),
    ],
)
def test_an_item_that_asks_for_more_than_the_rfc_said_is_flagged(said: Semver, version: str, expected: str) -> None:
    old = OLD | {"Cargo.toml": OLD["Cargo.toml"].replace("1.0.0", version)}
    new = old | {"src/lib.rs": OLD["src/lib.rs"].replace("n: u8", "n: u16")}
    what = foreseen(ForeseenItem("double", ItemChange.CHANGE, said))
    assert drift(what, touched(old, new, ("src/lib.rs",)), contract(old, new)).terms == (expected,)


def test_dependencies_with_what_they_bring_and_their_features_are_foreseen_by_name() -> None:
    manifest = OLD["Cargo.toml"] + "itoa = { version = '1', optional = true }\n"
    assert judged(foreseen(path="Cargo.toml", dependencies=("itoa",)), manifest=manifest) == ["itoa: ", "itoa: "]


def test_unsafe_and_the_like_are_foreseen_where_the_rfc_speaks_of_them() -> None:
    lib = OLD["src/lib.rs"].replace(
        "fn helper() {}", "#[allow(dead_code)]\nfn helper() { unsafe { a() }; b.unwrap(); }"
    )
    said = judged(foreseen(DOUBLE), lib=lib)
    assert said == ["helper: not in the RFC"] * 3
    assert judged(Foreseen((ForeseenFile("src/lib.rs", (), "we allow and expect both"),)), lib=lib)[-1] != "helper: "
    note = Foreseen((ForeseenFile("src/lib.rs", (), "needs `unsafe`; unwraps; keeps `dead_code`"),))
    assert judged(note, lib=lib) == ["helper: "] * 3


@pytest.mark.parametrize(
    ("text", "is_foreseen"),
    [
        ("It needs `unsafe` for the transmute.", True),
        ("No `unsafe` is needed.", False),
        ("It is fast. It does without unsafe code.", False),
        ("", False),
    ],
)
def test_unsafe_is_foreseen_by_a_sentence_that_does_not_deny_it(text: str, is_foreseen: bool) -> None:
    new, paths = change(lib=OLD["src/lib.rs"].replace("fn helper() {}", "fn helper() { unsafe { a() } }"))
    found = drift(foreseen(DOUBLE), touched(OLD, new, paths), contract(OLD, new), text)
    assert found.terms == (("",) if is_foreseen else (NOT_FORESEEN,))


@pytest.mark.parametrize(
    ("text", "is_foreseen"),
    [
        ("The minimum Rust rises to 1.70.", True),
        ("The minimum Rust stays 1.60.", False),
        ("It takes 1.705 seconds.", False),
        ("The minimum Rust does not rise to 1.70.", False),
    ],
)
def test_the_minimum_rust_is_foreseen_by_its_number(text: str, is_foreseen: bool) -> None:
    old = OLD | {"Cargo.toml": OLD["Cargo.toml"].replace("[features]", "rust-version = '1.60'\n[features]")}
    new = old | {"Cargo.toml": old["Cargo.toml"].replace("1.60", "1.70.0")}
    found = drift(foreseen(DOUBLE), touched(old, new, ("Cargo.toml",)), contract(old, new), text)
    assert found.terms == (("",) if is_foreseen else (NOT_FORESEEN,))


def test_a_crate_is_the_same_with_a_dash_and_with_an_underscore() -> None:
    said = judged(
        foreseen(path="Cargo.toml", dependencies=("unicode_width",)),
        manifest=OLD["Cargo.toml"] + "unicode-width = '0.2'\n",
    )
    assert said == ["unicode-width: "]
