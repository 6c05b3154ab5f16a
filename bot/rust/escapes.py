"""Where code steps around what the compiler would hold it to: `unsafe`, calls that panic, stubs, silenced lints; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.domain import ItemChange, Term, TermKind
from bot.rust.manifests import read, table, text_of
from bot.rust.signatures import in_code
from bot.rust.syntax import demands_test, tree

# What is no code: comments, strings and characters. A lifetime is not a character.
# What is left open goes to the end of the text, so that a hostile file costs no more time than any other.
_NOT_CODE = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|\bb?c?r(?P<hashes>#*)\".*?(?:\"(?P=hashes)|\Z)|\"(?:\\.|[^\"\\])*(?:\"|\Z)"
    r"|'(?:\\[^\n]{1,10}?|[^\\'\n])'",
    re.DOTALL,
)
_UNSAFE = re.compile(r"\bunsafe\s*(?P<what>\{|fn\b|impl\b|trait\b|extern\b)")
_PANIC = re.compile(
    r"\b(?P<macro>panic|unreachable)\s*!|(?<!\bself)\.\s*(?P<call>unwrap|unwrap_err|expect|expect_err)\s*\("
)
_STUB = re.compile(r"\b(?P<macro>todo|unimplemented)\s*!")
_LINT = re.compile(
    r"#\s*!?\s*\[\s*(?:cfg_attr\s*\([^\]]{0,200}?,\s*)?(?P<word>allow|expect)\s*\((?P<lints>[^()]*)\)", re.DOTALL
)
_HELD = re.compile(
    r"#\s*!\s*\[\s*(?:cfg_attr\s*\([^\]]{0,200}?,\s*)?(?P<word>forbid|deny|warn)\s*\((?P<lints>[^()]*)\)", re.DOTALL
)
# A parser has an `expect` of its own; that of Option and Result takes a message.
_MESSAGE = re.compile(r"\s*(?:&?\s*(?:\"|r#*\"|format!|concat!)|[A-Z][A-Z0-9_:]*\s*\)|\w*(?:msg|message)\b)")
_STRICTNESS = ("allow", "expect", "warn", "deny", "forbid")
LINTS_NAMED = 3
"""How many lints of one kind a row names."""
_WORDS = {"{": "block", "fn": "fn", "impl": "impl", "trait": "trait", "extern": "extern"}


@dataclass(frozen=True, slots=True)
class _Found:
    """Something at a place: `item` is around it, `key` tells what it is, `line_text` the code there."""

    kind: TermKind
    key: str
    item: str
    path: str
    line: int
    line_text: str


def escape_terms(old: Mapping[str, str], new: Mapping[str, str], manifests: Mapping[str, str]) -> Iterator[Term]:
    """What is new in `new`; both map the paths of sources that are no tests to their texts. Code that only moved is not new.

    `manifests` are those of the new tree: a lint that went to a `[lints]` table is held still.
    """
    before = [one for path, text in sorted(old.items()) for one in _all(path, text)]
    after = [one for path, text in sorted(new.items()) for one in _all(path, text)]
    for kind in (TermKind.UNSAFE, TermKind.STUB, TermKind.PANIC, TermKind.LINT):
        fresh = _fresh([one for one in before if one.kind is kind], [one for one in after if one.kind is kind])
        yield from _grouped(kind, fresh)
    tables = frozenset(
        lint for text in manifests.values() for lint, level in _table(text).items() if level not in ("allow", "expect")
    )
    yield from _no_longer_held(old, new, tables)


def _fresh(before: Iterable[_Found], after: Iterable[_Found]) -> list[_Found]:
    """Of each kind in each item as many as there are more than before, but none whose very code was there already."""
    known = Counter((one.key, one.line_text) for one in before)
    per_item = Counter((one.key, one.item) for one in before)
    listed = list(after)
    more = Counter((one.key, one.item) for one in listed)
    more.subtract(per_item)
    fresh = []
    for one in listed:
        if known[one.key, one.line_text] > 0:
            known[one.key, one.line_text] -= 1
        elif more[one.key, one.item] > 0:
            more[one.key, one.item] -= 1
            fresh.append(one)
    return fresh


def _grouped(kind: TermKind, found: Iterable[_Found]) -> Iterator[Term]:
    """One term for all of a kind in one item: the first place, and how many there are."""
    groups: dict[tuple[str, str, str], list[_Found]] = {}
    for one in found:
        groups.setdefault((one.path, one.item, one.key), []).append(one)
    for (path, item, key), ones in groups.items():
        times = f" × {len(ones)}" if len(ones) > 1 else ""
        where = f"in {in_code(item)}" if item else ""
        yield Term(
            kind, ItemChange.ADD, item or path, path, ones[0].line, key + times, note=where,
            names=tuple(part for part in (item.rpartition("::")[2],) if part),
        )  # fmt: skip


def _all(path: str, text: str) -> Iterator[_Found]:
    code = _NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    if not any(pattern.search(code) for pattern in (_UNSAFE, _PANIC, _STUB, _LINT)):
        return
    around = _items_around(text)
    lines = text.splitlines()

    def place(offset: int) -> tuple[str | None, int, str]:
        line = code.count("\n", 0, offset) + 1
        return around(line), line, "".join(lines[line - 1].split())

    for kind, key, offset in _matches(code, text):
        item, line, line_text = place(offset)
        if item is not None:
            yield _Found(kind, key, item, path, line, line_text)


def _matches(code: str, text: str) -> Iterator[tuple[TermKind, str, int]]:
    for match in _UNSAFE.finditer(code):
        # `unsafe fn` is also a type, and `unsafe extern "C" fn` is a function.
        rest = code[match.end("what") : match.end("what") + 40].lstrip()
        if match["what"] == "fn" and rest.startswith("("):
            continue
        yield TermKind.UNSAFE, f"unsafe {_WORDS[match['what']]}", match.start()
    for match in _PANIC.finditer(code):
        call = match["call"]
        if call in ("expect", "expect_err") and not _MESSAGE.match(text, match.end()):
            continue
        yield TermKind.PANIC, f"{match['macro']}!" if call is None else f".{call}()", match.start()
    for match in _STUB.finditer(code):
        yield TermKind.STUB, f"{match['macro']}!()", match.start()
    for match in _LINT.finditer(code):
        for lint in match["lints"].split(","):
            name = "".join(lint.split())
            if name and not name.startswith("reason="):
                yield TermKind.LINT, f"#[{match['word']}({name})]", match.start()


def _items_around(text: str) -> Callable[[int], str | None]:
    """What tells the item around a line; "" outside of all, None in code that only test builds have."""
    ranges: list[tuple[int, int, str | None]] = []
    source = text.encode()
    todo = [(tree(source), "", False)]
    while todo:
        parent, outer, is_test = todo.pop()
        begin: int | None = None
        is_for_tests = False
        for node in parent.named_children:
            if node.type == "attribute_item" or node.type.endswith("_comment"):
                begin = node.start_point[0] + 1 if begin is None else begin
                words = (node.text or b"").decode(errors="replace")[1:].strip()[1:-1].strip()
                is_for_tests = is_for_tests or (node.type == "attribute_item" and _is_test(words))
                continue
            named = node.child_by_field_name("type" if node.type == "impl_item" else "name")
            name = named.text.decode(errors="replace").split("<")[0] if named is not None and named.text else ""
            own = "::".join(part for part in (outer, name.rpartition("::")[2]) if part)
            hidden = is_test or is_for_tests
            if name or hidden:
                ranges.append((begin or node.start_point[0] + 1, node.end_point[0] + 1, None if hidden else own))
            body = node.child_by_field_name("body")
            if body is not None and node.type in ("mod_item", "impl_item", "trait_item"):
                inside = outer if node.type == "mod_item" else own
                todo.append((body, inside, hidden))
            begin, is_for_tests = None, False

    def around(line: int) -> str | None:
        found = [
            (last - first, -place, name) for place, (first, last, name) in enumerate(ranges) if first <= line <= last
        ]
        if any(name is None for *_, name in found):
            return None
        # The innermost is the shortest, and of those on one line the last that was entered.
        return min(found, default=(0, 0, ""))[2]

    return around


def _is_test(attribute: str) -> bool:
    return demands_test(attribute) or re.match(r"(?:\w+\s*::\s*)*(?:test|rstest|bench)\b", attribute) is not None


# --- lints of whole crates -------------------------------------------------------------------------------------------


def _no_longer_held(old: Mapping[str, str], new: Mapping[str, str], tables: frozenset[str]) -> Iterator[Term]:
    """Crates that no longer forbid, deny or warn; `tables` are the lints that a manifest holds instead."""
    for path in sorted(old.keys() & new.keys()):
        before, after = _held(old[path]), _held(new[path])
        groups: dict[tuple[str, str], list[str]] = {}
        for lint, word in before.items():
            now = after.get(lint, "")
            if lint not in tables and (not now or _STRICTNESS.index(now) < _STRICTNESS.index(word)):
                groups.setdefault((word, now), []).append(lint)
        for (word, now), lints in groups.items():
            named = ", ".join([*lints[:LINTS_NAMED], *(["…"] if len(lints) > LINTS_NAMED else [])])
            said = f"now {in_code(now)}" if now else "no longer there"
            many = f", {len(lints)} lints" if len(lints) > LINTS_NAMED else ""
            yield Term(TermKind.LINT, ItemChange.REMOVE, lints[0], path, 1, f"#![{word}({named})]", note=said + many)


def _held(text: str) -> dict[str, str]:
    return {
        "".join(lint.split()): match["word"]
        for match in _HELD.finditer(_NOT_CODE.sub(" ", text))
        for lint in match["lints"].split(",")
        if lint.strip() and "=" not in lint
    }


def lint_table_terms(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Term]:
    """Lints that a `[lints]` table holds less strictly than before; both map manifests to their texts."""
    for path in sorted(new):
        before, after = _table(old.get(path, "")), _table(new[path])
        for lint in sorted(before.keys() | after.keys()):
            was, now = before.get(lint, ""), after.get(lint, "")
            is_looser = now == "allow" if not was else _rank(now) < _rank(was)
            if is_looser and was != now:
                yield Term(
                    TermKind.LINT, ItemChange.ADD, lint, path, 0, f'{lint} = "{now}"' if now else lint,
                    note=f"in `[lints]`{f', before {in_code(was)}' if was else ''}{'' if now else ', is gone'}",
                )  # fmt: skip


def _rank(level: str) -> int:
    # A lint that is not named has a level that nobody here knows; taking out a `deny` is a loosening all the same.
    return _STRICTNESS.index(level) if level in _STRICTNESS else 1


def _table(text: str) -> dict[str, str]:
    document = read(text)
    found: dict[str, str] = {}
    for lints in (table(document, "lints"), table(document, "workspace", "lints")):
        for tool, listed in lints.items():
            for name, value in table(listed).items():
                level = value if isinstance(value, str) else text_of(table(value).get("level"))
                found[name if tool == "rust" else f"{tool}::{name}"] = level
    return found
