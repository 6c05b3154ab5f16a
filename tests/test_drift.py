"""Drift: what a change touches that its RFC did not foresee, and what was foreseen in vain."""

from __future__ import annotations

from bot.domain import Foreseen, ForeseenFile, ForeseenItem, ItemChange, Semver
from bot.rfc.drift import drift
from bot.rust.surface import touched

OLD = {
    "Cargo.toml": "[package]\nname = 'a'\n[features]\nstd = []\n[dependencies]\nlog = '0.4'\n",
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


DOUBLE = ForeseenItem("pub fn double(n: u8) -> u8", ItemChange.CHANGE, Semver.PATCH)


def test_a_change_that_does_what_its_rfc_foresaw_has_no_drift() -> None:
    new, paths = change(lib=OLD["src/lib.rs"].replace("n * 2", "n.saturating_mul(2)"), test="#[test]\nfn t() {}\n")
    assert not drift(foreseen(DOUBLE), touched(OLD, new, (*paths, "CHANGELOG.md", "Cargo.lock")))


def test_public_items_and_files_that_nobody_foresaw_are_named_and_private_ones_are_not() -> None:
    lib = (
        OLD["src/lib.rs"]
        .replace("pub fn get(&self)", "pub fn get(&mut self)")
        .replace("fn helper() {}", "fn other() {}")
    )
    new, paths = change(lib=lib + "pub fn extra() {}\n", other="pub fn same() { todo!() }\n")
    found = drift(foreseen(DOUBLE), touched(OLD, new, paths))
    assert found.unforeseen == (
        "`src/other.rs`",
        "public `A::get` in `src/lib.rs`",
        "public `extra` in `src/lib.rs`",
    )
    assert found.untouched == ("`double` in `src/lib.rs`",)


def test_dependencies_and_features_count_in_both_directions() -> None:
    manifest = OLD["Cargo.toml"].replace("std = []", "std = []\nalloc = []") + "itoa = '1'\n"
    new, paths = change(manifest=manifest)
    found = drift(foreseen(path="Cargo.toml", dependencies=("ryu",), features=("simd",)), touched(OLD, new, paths))
    assert found.unforeseen == ("dependency `itoa`", "feature `alloc`")
    assert found.untouched == ("dependency `ryu`", "feature `simd`")


def test_tests_behind_cfg_are_no_public_items() -> None:
    new, paths = change(lib=OLD["src/lib.rs"] + "#[cfg(test)]\npub mod tests {\n    pub fn x() {}\n}\n")
    assert touched(OLD, new, paths).public_items == ()
