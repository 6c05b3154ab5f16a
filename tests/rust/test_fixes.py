"""Fixes are applied whole, on lines of the change, and only where they hide nothing."""

from __future__ import annotations

import pytest

from bot.domain import Diagnostic, Fix, Level
from bot.rust.fixes import apply_fixes, changed_lines

BEFORE = b"one\ntwo\nthree\n"
AFTER = "one\nzw\u00f6i\nthree\nfour\n".encode()


def finding(*fixes: Fix, code: str = "clippy::needless_return") -> Diagnostic:
    return Diagnostic(Level.WARNING, code, "say it shorter", "a.rs", 2, 1, fixes=fixes)


def fixed(*findings: Diagnostic) -> bytes:
    return apply_fixes(findings, {"a.rs": BEFORE}, {"a.rs": AFTER}).files.get("a.rs", AFTER)


def at(text: str, to: str) -> Fix:
    start = AFTER.index(text.encode())
    return Fix("a.rs", start, start + len(text.encode()), to)


def test_lines_of_the_change_are_those_that_the_base_does_not_have() -> None:
    assert changed_lines(BEFORE, AFTER) == {1, 3}
    assert changed_lines(b"", AFTER) == {0, 1, 2, 3}


def test_places_are_bytes_and_several_fixes_keep_their_places() -> None:
    assert fixed(finding(at("zw\u00f6i", "2")), finding(at("four", "4"))) == b"one\n2\nthree\n4\n"


def test_a_finding_that_reaches_beyond_the_change_is_left_alone_altogether() -> None:
    assert fixed(finding(at("zw\u00f6i", "2"), at("three", "3"))) == AFTER
    assert fixed(finding(at("zw\u00f6i\nthree", "2"))) == AFTER


def test_of_two_that_overlap_the_first_is_applied() -> None:
    assert fixed(finding(at("four", "4")), finding(at("ou", "O"))) == AFTER.replace(b"four", b"4")


@pytest.mark.parametrize("code", ["unused_variables", "dead_code", "clippy::no_effect", "clippy::eq_op", ""])
def test_what_would_only_hide_a_mistake_is_never_fixed(code: str) -> None:
    assert fixed(finding(at("four", "4"), code=code)) == AFTER


def test_a_file_that_is_not_the_changes_own_is_left_alone() -> None:
    elsewhere = Fix("/cargo/registry/src/x.rs", 0, 1, "")
    assert apply_fixes([finding(elsewhere)], {}, {"a.rs": AFTER}).files == {}
