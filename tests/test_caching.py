"""What is kept to be used again: who holds a directory keeps it, also from another process, and the oldest go first."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from bot.caching import Item, discard, hold, sweep, trim

HOLDER = """
import sys
from pathlib import Path
from bot.caching import hold
held = hold(Path(sys.argv[1]))
print("held" if held else "none", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    directory = tmp_path / "cache" / "kept"
    directory.mkdir(parents=True)
    (directory / "file").write_text("content")
    return directory


def test_what_is_held_stays_until_the_last_one_lets_go(kept: Path) -> None:
    first, second = hold(kept), hold(kept)
    assert first is not None and second is not None
    first.release()
    first.release()
    assert not discard(kept)
    assert (kept / "file").read_text() == "content"
    second.release()
    assert discard(kept)
    assert os.listdir(kept.parent) == []


def test_a_process_that_is_killed_holds_nothing_any_more(kept: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(kept)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert not discard(kept)
        process.kill()
        process.wait()
    assert discard(kept)


def test_what_is_not_there_is_neither_held_nor_discarded(tmp_path: Path) -> None:
    assert hold(tmp_path / "nothing") is None
    assert not discard(tmp_path / "nothing")


def test_a_note_is_forgotten_before_what_it_speaks_of_is_gone(kept: Path) -> None:
    seen: list[bool] = []
    discard(kept, lambda: seen.append(kept.exists()))
    assert seen == [True]


def test_nobody_holds_what_is_being_discarded(kept: Path) -> None:
    refused: list[bool] = []
    discard(kept, lambda: refused.append(hold(kept) is None))
    assert refused == [True]


def test_the_beginning_and_the_end_of_a_use_make_it_young(kept: Path) -> None:
    os.utime(kept, (1000, 1000))
    held = hold(kept)
    assert held is not None
    assert kept.stat().st_mtime > 1000
    os.utime(kept, (1000, 1000))
    held.release()
    assert kept.stat().st_mtime > 1000


def test_what_a_dead_process_left_half_made_is_swept_away(kept: Path) -> None:
    (kept.parent / ".partial-0123").mkdir()
    sweep(kept.parent.parent, "cache")
    assert os.listdir(kept.parent) == ["kept"]


def items(**used: int) -> tuple[list[Item], list[str]]:
    """Items of ten bytes by the time of their last use, and a list of those that are discarded; `busy` never is."""
    gone: list[str] = []

    def discard_item(name: str) -> bool:
        if name != "busy":
            gone.append(name)
        return name != "busy"

    return [Item(name, 10, at, partial(discard_item, name)) for name, at in used.items()], gone


def test_the_least_recently_used_go_until_the_rest_fits() -> None:
    found, gone = items(new=30, oldest=10, old=20)
    assert [item.name for item in trim(found, 10, unused_before=100)] == ["oldest", "old"]
    assert gone == ["oldest", "old"]


def test_nothing_goes_while_all_fits() -> None:
    found, gone = items(a=1, b=2)
    assert trim(found, 20, unused_before=100) == () and gone == []


def test_what_is_in_use_or_was_just_used_stays_even_beyond_the_budget() -> None:
    found, gone = items(busy=1, old=2, recent=50)
    trim(found, 0, unused_before=40)
    assert gone == ["old"]
