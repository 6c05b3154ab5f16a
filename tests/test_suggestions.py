"""Suggestion blocks: what GitHub's button would take, put in place of exactly their lines, and found again later."""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain import Actor, ReviewComment, ReviewThread, Side
from bot.hunks import Hunk, hunks
from bot.suggestions import Suggestion, apart, applied, places, stands, suggestion_of

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FILE = b"one\ntwo\nthree\nfour\n"


def thread(*bodies: str, line: int | None = 3, **fields: object) -> ReviewThread:
    comments = tuple(
        ReviewComment(n, 1, body, Actor("mara"), "a.rs", line, None, NOON) for n, body in enumerate(bodies)
    )
    fields = {"is_resolved": False, "is_outdated": False, **fields}
    return ReviewThread("PRRT_1", "a.rs", line, comments=comments, **fields)  # type: ignore[arg-type]


def block(text: str) -> str:
    return f"```suggestion\n{text}```"


def change(first: int, last: int, *lines: str, path: str = "a.rs", thread: str = "R1") -> Suggestion:
    return Suggestion(thread, path, first, last, lines)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_block_replaces_the_lines_of_its_thread() -> None:
    assert suggestion_of("R1", thread(block("new\n"))) == change(3, 3, "new")
    found = suggestion_of("R1", thread(block("a\n\n  b\n"), start_line=2, start_side=Side.RIGHT))
    assert found == change(2, 3, "a", "", "  b")


def test_an_empty_block_takes_the_lines_away_and_one_blank_line_is_left_to_a_reader() -> None:
    assert suggestion_of("R1", thread(block(""))) == change(3, 3)
    assert suggestion_of("R1", thread(block("\n"))) is None


def test_words_beside_the_block_are_noticed_and_line_ends_of_a_browser_are_not() -> None:
    found = suggestion_of("R1", thread("Shorter:\r\n\r\n```suggestion\r\nnew\r\n```\r\n"))
    assert found is not None and found.has_words and found.lines == ("new",)


def test_a_longer_fence_may_hold_a_fence() -> None:
    found = suggestion_of("R1", thread("````suggestion\n```rust\nx\n```\n````"))
    assert found is not None and found.lines == ("```rust", "x", "```")


@pytest.mark.parametrize(
    "body",
    [
        "Please mend it.",
        "```rust\nnew\n```",
        "```suggestion:-0+1\nnew\n```",
        "```suggestion\na\n```\n\n```suggestion\nb\n```",
        "> ```suggestion\n> new\n> ```",
        "- ```suggestion\n  new\n  ```",
        "    ```suggestion\n    new\n    ```",
        "<!--\n```suggestion\nnew\n```\n-->",
        "````\n```suggestion\nnew\n```\n````",
    ],
)
def test_what_is_no_single_block_of_ones_own_is_no_suggestion(body: str) -> None:
    assert suggestion_of("R1", thread(body)) is None


def test_whatever_was_said_after_it_may_be_an_objection() -> None:
    assert suggestion_of("R1", thread(block("new\n"), "Rather not.")) is None
    assert suggestion_of("R1", thread("Hm.", block("old\n"), block("new\n"))) == change(3, 3, "new")


@pytest.mark.parametrize(
    "fields",
    [
        {"is_resolved": True},
        {"is_outdated": True, "line": None},
        {"line": None},
        {"side": Side.LEFT},
        {"start_line": 2, "start_side": Side.LEFT},
    ],
)
def test_what_the_button_refuses_is_no_suggestion(fields: dict[str, object]) -> None:
    assert suggestion_of("R1", thread(block("new\n"), **fields)) is None  # type: ignore[arg-type]


def test_of_those_that_share_a_line_none_is_taken() -> None:
    one, same, next_to, other = change(1, 2), change(2, 3), change(4, 4), change(2, 2, path="b.rs")
    assert apart([one, same, next_to, other]) == (next_to, other)
    assert apart([one, replace(one, thread="R2")]) == ()


# --- applying --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "suggestion", "expected"),
    [
        (FILE, change(2, 2, "zwei"), b"one\nzwei\nthree\nfour\n"),
        (FILE, change(2, 3, "x", "y", "z"), b"one\nx\ny\nz\nfour\n"),
        (FILE, change(2, 3), b"one\nfour\n"),
        (FILE, change(1, 4), b""),
        (b"one\r\ntwo\r\n", change(2, 2, "zwei", ""), b"one\r\nzwei\r\n\r\n"),
        (b"one\r\ntwo", change(2, 2, "zwei", "drei"), b"one\r\nzwei\r\ndrei"),
        (b"one\ntwo", change(1, 2, "x"), b"x"),
        (b"one\ntwo", change(2, 2), b"one\n"),
        (b"one", change(1, 1, "x", "y"), b"x\ny"),
        (b"a\rb\nc\n", change(1, 1, "x"), b"x\nc\n"),
        ("ä\n\n".encode("latin-1"), change(2, 2, "ü"), b"\xe4\n\xc3\xbc\n"),
        (b"a\x0cb\nc\n", change(2, 2, "x"), b"a\x0cb\nx\n"),
    ],
)
def test_the_file_keeps_its_line_ends_and_all_other_lines(
    content: bytes, suggestion: Suggestion, expected: bytes
) -> None:
    assert applied(content, [suggestion]) == expected


@pytest.mark.parametrize(("content", "first", "last"), [(FILE, 5, 5), (FILE, 4, 5), (b"", 1, 1), (b"one\n", 2, 2)])
def test_lines_that_the_file_does_not_have_are_not_replaced(content: bytes, first: int, last: int) -> None:
    assert applied(content, [change(first, last, "x")]) is None


def test_any_suggestions_that_are_apart_leave_everything_else_and_are_found_at_their_places() -> None:
    dice = random.Random(7)
    for _ in range(300):
        end = dice.choice([b"\n", b"\r\n"])
        count = dice.randint(1, 30)
        content = b"".join(b"line %d" % n + end for n in range(1, count + 1))
        content = content.removesuffix(end) if dice.random() < 0.3 else content
        wanted, first = [], 1
        while (first := first + dice.randint(0, 4)) <= count:
            last = min(count, first + dice.randint(0, 3))
            new = [f"new {first}.{n}" for n in range(dice.randint(0, 3))]
            wanted.append(change(first, last, *new, thread=f"R{first}"))
            first = last + 1
        dice.shuffle(wanted)
        assert apart(wanted) == tuple(wanted)
        result = applied(content, wanted)
        assert result is not None
        lines = [line.removesuffix("\r") for line in result.decode().split("\n")]
        for each in wanted:
            place = places(wanted)[each.thread]
            assert tuple(lines[place.start - 1 : place.stop - 1]) == each.lines
        replaced = {n for each in wanted for n in range(each.first, each.last + 1)}
        kept = [f"line {n}" for n in range(1, count + 1) if n not in replaced]
        assert [line for line in lines if line.startswith("line")] == kept
        assert result.count(b"\r") == (result.count(b"\n") if end == b"\r\n" else 0)


# --- finding again ---------------------------------------------------------------------------------------------------

NOW = [f"line {number}" for number in range(1, 21)]


def since(tmp_path: Path, after: list[str]) -> tuple[Hunk, ...]:
    for name, lines in (("old", NOW), ("new", after)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    command = ["git", "diff", "--no-index", "--unified=0", "old", "new"]
    return hunks(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout)


def test_what_moved_as_a_whole_still_stands(tmp_path: Path) -> None:
    changed = since(tmp_path, ["above", *NOW[:8], "right before", *NOW[8:11], "right behind", *NOW[12:]])
    assert stands(range(9, 12), changed)


def test_what_was_changed_split_or_taken_out_does_not(tmp_path: Path) -> None:
    place = range(9, 12)
    assert not stands(place, since(tmp_path, [*NOW[:9], "other", *NOW[10:]]))
    assert not stands(place, since(tmp_path, [*NOW[:9], "between", *NOW[9:]]))
    assert not stands(place, since(tmp_path, [*NOW[:8], *NOW[11:]]))


def test_lines_that_went_must_not_come_back(tmp_path: Path) -> None:
    place = range(9, 9)
    assert stands(place, ()) and stands(place, since(tmp_path, [*NOW[:3], "far", *NOW[4:]]))
    assert stands(place, since(tmp_path, [*NOW[:7], "the line before, reworded", *NOW[8:]]))
    assert not stands(place, since(tmp_path, [*NOW[:8], "back", *NOW[8:]]))
    assert not stands(place, since(tmp_path, [*NOW[:7], "reworded", "and back", *NOW[8:]]))
