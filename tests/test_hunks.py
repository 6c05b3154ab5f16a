"""Hunks of a file's difference: which lines they touch on either side."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bot.domain import Side
from bot.hunks import hunks, moved

BEFORE = [f"line {number}" for number in range(1, 41)]


def patch(tmp_path: Path, after: list[str], context: int = 3) -> str:
    (tmp_path / "old").write_text("\n".join(BEFORE) + "\n")
    (tmp_path / "new").write_text("\n".join(after) + "\n")
    command = ["git", "diff", "--no-index", f"--unified={context}", "old", "new"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout


def test_a_hunk_knows_its_lines_before_and_after(tmp_path: Path) -> None:
    first, second = hunks(patch(tmp_path, [*BEFORE[:4], "@@ -1 +1 @@", *BEFORE[4:29], *BEFORE[30:]]))
    assert (first.old, first.new) == (range(2, 8), range(2, 9))
    assert (second.old, second.new) == (range(27, 34), range(28, 34))
    assert "+@@ -1 +1 @@" in first.lines
    assert first.touches(Side.RIGHT, range(5, 6)) and not first.touches(Side.RIGHT, range(9, 28))
    assert second.touches(Side.LEFT, range(30, 31)) and not second.touches(Side.LEFT, range(34, 40))


def test_without_context_an_insertion_stands_between_two_lines(tmp_path: Path) -> None:
    (hunk,) = hunks(patch(tmp_path, [*BEFORE[:4], "new", *BEFORE[4:]], context=0))
    assert (hunk.old, hunk.new) == (range(5, 5), range(5, 6))
    (hunk,) = hunks(patch(tmp_path, [*BEFORE[:4], *BEFORE[5:]], context=0))
    assert (hunk.old, hunk.new) == (range(5, 6), range(5, 5))


def test_what_is_near_a_line_is_shown_with_what_was_there_before(tmp_path: Path) -> None:
    (hunk,) = hunks(patch(tmp_path, [f"new {number}" for number in range(1, 41)]))
    near = hunk.near(Side.RIGHT, range(20, 21), 2)
    assert near == tuple(f"+new {number}" for number in range(18, 23))
    assert hunk.near(Side.LEFT, range(1, 2), 1) == ("-line 1", "-line 2")


def test_of_nothing_there_are_no_hunks() -> None:
    assert hunks("") == ()


def test_a_line_is_found_again_after_a_difference_unless_it_was_changed_or_taken_out(tmp_path: Path) -> None:
    after = ["new", *BEFORE[:9], *BEFORE[11:19], "other", *BEFORE[20:], "last"]
    for context in (0, 3, 9):
        found = hunks(patch(tmp_path, after, context))
        for number, text in enumerate(BEFORE, 1):
            line = moved(number, found)
            assert (line is None) == (number in (10, 11, 20)), (context, number)
            assert line is None or after[line - 1] == text
    assert moved(7, ()) == 7
