"""Real crates broken in the ways in which code breaks, each with what its root cause looks like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bot.domain import CheckKind

CRATES = (
    *(("heck", "0.5.0"), ("strsim", "0.11.1"), ("shlex", "1.3.0"), ("semver", "1.0.23"), ("hex", "0.4.3")),
    *(
        ("smallvec", "1.13.2"),
        ("fastrand", "2.1.1"),
        ("arrayvec", "0.7.6"),
        ("humantime", "2.1.0"),
        ("either", "1.13.0"),
    ),
)
TESTED = ("heck", "strsim", "shlex", "semver")
"""Crates whose own tests need nothing else."""


@dataclass(frozen=True, slots=True)
class Build:
    """A crate with one mistake. `is_root` says of a finding's code and text whether it names the mistake itself."""

    name: str
    files: Mapping[str, str]
    kind: CheckKind
    is_root: Callable[[str, str], bool]

    @property
    def command(self) -> str:
        return {
            CheckKind.TEST: "cargo test --lib",
            CheckKind.CLIPPY: "cargo clippy -- -D warnings",
            CheckKind.CHECK: "cargo check",
        }[self.kind]


def builds(crate: str, sources: Mapping[str, str]) -> Iterator[Build]:
    """Every way to break this crate that there is room for; `sources` are its Rust files by path."""
    code = {path: text for path, text in sources.items() if path.startswith("src/") and "/tests" not in path}
    for name, recipe in RECIPES.items():
        made = recipe(code)
        if made is not None:
            files, is_root = made
            yield Build(f"{crate}: {name}", files, CheckKind.CHECK, is_root)
    library = "src/lib.rs"
    for position, (name, (code_, text)) in enumerate(SNIPPETS.items()):
        # Each crate carries some of them, so that all are there and none is there ten times.
        if position % len(CRATES) == [each for each, _ in CRATES].index(crate):
            broken = {library: f"{code[library]}\n{text}\n"}
            yield Build(f"{crate}: {name}", broken, CheckKind.CHECK, _by_code(code_, "planted"))
    for count in LINTS.get(crate, ()):
        lines = "\n".join(
            f"/// P.\npub fn planted_{n}(a: u32) -> u32 {{\n    let b = a + {n};\n    return b;\n}}"
            for n in range(count)
        )
        broken = {library: f"{code[library]}\n{lines}\n"}
        yield Build(
            f"{crate}: {count} lints", broken, CheckKind.CLIPPY, _by_code("clippy::needless_return", "return b")
        )
    if crate in TESTED:
        yield from _wrong_results(crate, code)


LINTS = {"heck": (8, 45), "hex": (12,), "either": (35,)}


def _by_code(codes: str, word: str = "") -> Callable[[str, str], bool]:
    """Without any code it is an error of the parser, which has none."""
    return lambda code, text: code in (codes.split() or [""]) and word in text


Recipe = Callable[[Mapping[str, str]], tuple[dict[str, str], Callable[[str, str], bool]] | None]


def _uses(code: Mapping[str, str], name: str) -> int:
    return sum(len(re.findall(rf"\b{name}\b", text)) for text in code.values())


def _renamed(pattern: str, codes: str) -> Recipe:
    """A definition gets another name, and its users keep the old one; the most used one is taken."""

    def recipe(code: Mapping[str, str]) -> tuple[dict[str, str], Callable[[str, str], bool]] | None:
        found = Counter(name for text in code.values() for name in re.findall(pattern, text))
        once = [name for name, count in found.items() if count == 1 and _uses(code, name) > 1 and len(name) > 2]
        if not once:
            return None
        name = max(sorted(once), key=lambda each: _uses(code, each))
        for path, text in code.items():
            for match in re.finditer(pattern, text):
                if match[1] == name:
                    broken = text[: match.start(1)] + f"{name}_v2" + text[match.end(1) :]
                    return {path: broken}, _by_code(codes, name)
        return None

    return recipe


def _changed(pattern: str, replacement: str, codes: str, *, word: int | None = None, last: bool = False) -> Recipe:
    """One place that fits the pattern is changed; the finding must hold the group `word` of it."""

    def recipe(code: Mapping[str, str]) -> tuple[dict[str, str], Callable[[str, str], bool]] | None:
        for path, text in sorted(code.items(), key=lambda item: -len(item[1])):
            matches = list(re.finditer(pattern, text, re.MULTILINE))
            if matches:
                match = matches[-1 if last else 0]
                broken = text[: match.start()] + match.expand(replacement) + text[match.end() :]
                return {path: broken}, _by_code(codes, match[word] if word is not None else "")
        return None

    return recipe


def _without_import(code: Mapping[str, str]) -> tuple[dict[str, str], Callable[[str, str], bool]] | None:
    for path, text in sorted(code.items()):
        for match in re.finditer(r"^use [\w:]+::(\w+);\n", text, re.MULTILINE):
            if len(re.findall(rf"\b{match[1]}\b", text)) > 1:
                codes = "E0432 E0433 E0412 E0425 E0405 E0404 E0599 E0422 E0405"
                return {path: text.replace(match[0], "", 1)}, _by_code(codes, match[1])
    return None


def _without_field(code: Mapping[str, str]) -> tuple[dict[str, str], Callable[[str, str], bool]] | None:
    for path, text in sorted(code.items()):
        for match in re.finditer(r"^    (?:pub(?:\(crate\))? )?(\w+): [\w<>\[\]:&, ;']+,\n", text, re.MULTILINE):
            before = text[: match.start()]
            if re.search(r"struct \w+[^{}]*\{[^{}]*$", before) and len(re.findall(rf"\.{match[1]}\b", text)) > 1:
                broken = before + text[match.end() :]
                return {path: broken}, _by_code("E0609 E0560 E0026 E0063 E0392 E0610", match[1])
    return None


_NAMES = "E0425 E0432 E0433 E0412 E0405 E0599 E0407 E0422 E0531 E0423 E0404 E0574 E0576 E0437 E0046"
RECIPES: dict[str, Recipe] = {
    "a function gets another name": _renamed(r"\bfn (\w+)\s*[(<]", _NAMES),
    "a type gets another name": _renamed(r"\b(?:struct|enum|trait) (\w+)\b", _NAMES),
    "an import is gone": _without_import,
    "a field is gone": _without_field,
    "a function returns something else": _changed(r"-> (?:usize|bool|u32|u64|&str|String) \{", "-> Vec<i8> {", "E0308"),
    "a function wants one argument more": _changed(
        r"fn (\w+)\(&self\)",
        r"fn \1(&self, planted: u128)",
        "E0061 E0050 E0053 E0308 E0631 E0593 E0277 E0599",
        last=True,
    ),
    "a brace is gone": _changed(r"^\}\n*\Z", "", "", last=True),
    "a variable cannot change any more": _changed(r"let mut (\w+)", r"let \1", "E0596 E0384", word=1),
    "a derived trait is gone": _changed(
        r"#\[derive\(.*?\)\]\n", "", "E0277 E0369 E0599 E0382 E0507 E0204 E0015 E0508 E0505", last=True
    ),
    "a semicolon too many": _changed(r"^    ([a-z_][\w.]*\([^;{}]*\))\n\}", r"    \1;\n}", "E0308 E0277"),
    "a method of a trait is gone": _changed(
        r"fn (fmt|next|from|deref|index|clone)\(", r"fn \1_v2(", "E0407 E0046", word=1
    ),
    "a keyword is misspelt": _changed(r"^    pub fn ", "    pub fnn ", ""),
    "a number where a text belongs": _changed(r"\(\)\.to_string\(\)|String::new\(\)", "3_i32", "E0308 E0277 E0599"),
}

SNIPPETS = {
    "a value is used after it was moved": (
        "E0382",
        "/// P.\npub fn planted(names: core::cell::Cell<u8>) -> u8 {\n    let planted = names;\n    drop(planted);\n    planted.get()\n}",
    ),
    "two borrows that exclude each other": (
        "E0502",
        "/// P.\npub fn planted(planted: &mut Vec<u8>) {\n    let first = &planted[0];\n    planted.push(1);\n    let _ = first;\n    drop(*first);\n}",
    ),
    "two mutable borrows": (
        "E0499",
        "/// P.\npub fn planted(planted: &mut Vec<u8>) -> usize {\n    let a = &mut *planted;\n    let b = &mut *planted;\n    a.push(1);\n    b.len()\n}",
    ),
    "a borrow that outlives its value": (
        "E0597",
        "/// P.\npub fn planted() -> usize {\n    let kept: &Vec<u8>;\n    {\n        let planted = vec![1];\n        kept = &planted;\n    }\n    kept.len()\n}",
    ),
    "a lifetime is missing": (
        "E0106",
        "/// P.\npub fn planted(a: &str, b: &str) -> &str {\n    if a < b { a } else { b }\n}",
    ),
    "a bound is missing": (
        "E0369 E0277",
        "/// P.\npub fn planted<T>(planted: T, other: T) -> bool {\n    planted == other\n}",
    ),
    "a case is missing": (
        "E0004",
        "/// P.\npub fn planted(planted: Option<bool>) -> u8 {\n    match planted {\n        Some(true) => 1,\n        None => 0,\n    }\n}",
    ),
    "a reference to a local value is returned": (
        "E0515",
        "/// P.\npub fn planted() -> &'static [u8] {\n    let planted = [1_u8, 2];\n    &planted\n}",
    ),
    "a question mark where no error can go": (
        "E0277",
        "/// P.\npub fn planted(planted: Option<u8>) -> u8 {\n    let value = planted?;\n    value\n}",
    ),
    "a wrong type behind another wrong type": (
        "E0308",
        '/// P.\npub fn earlier() -> u16 {\n    "80"\n}\n/// P.\npub fn planted(all: &[u8]) -> Option<u8> {\n    all[0]\n}',
    ),
    "a private thing is used": (
        "E0603",
        "mod planted {\n    fn hidden() {}\n}\n/// P.\npub fn uses() {\n    planted::hidden()\n}",
    ),
}


def _wrong_results(crate: str, code: Mapping[str, str]) -> Iterator[Build]:
    """Operators are turned round in the code, so that the crate's own tests fail."""
    turns = (("+ 1", "+ 2"), ("== ", "!= "), ("true", "false"), (" < ", " >= "), ("0", "1"))
    for old, new in turns:
        path = max(code, key=lambda each: len(code[each]))
        head, mark, tests = code[path].partition("#[cfg(test)]")
        at = head.find(old, len(head) // 3)
        if at >= 0:
            broken = head[:at] + new + head[at + len(old) :] + mark + tests
            yield Build(
                f"{crate}: `{old.strip()}` becomes `{new.strip()}`", {path: broken}, CheckKind.TEST, _by_code("")
            )
