"""Cheats that are played through the proof itself: what red and green catch, and what a human is shown.

All of them are in `bench/proofs.py`; here stand the ones that hold up each part of the proof.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.proofs import HONEST_CODE, HONEST_TEST, STALE, Court, cheats, court

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def bench() -> Iterator[Court]:
    with court() as made:
        yield made


def test_honest_work_passes_and_nothing_is_said_of_it(bench: Court) -> None:
    verdict = bench.try_one(HONEST_TEST, HONEST_CODE)
    assert (verdict.by, verdict.lines) == ("passed", 0)


@pytest.mark.parametrize(
    ("cheat", "by"),
    [
        ("a test that always passes", "red"),
        ("behind a feature from the start", "red"),
        ("a test that breaks the code it tests", "red"),
        ("nothing was built", "green"),
        ("right only once", "green"),
        ("the process ends well", "green"),
        ("a verdict of its own beside a failing test", "green"),
        (STALE, "green"),
        ("the test follows the code", "shown"),
        ("flags in cargo's configuration", "shown"),
    ],
)
def test_a_cheat_is_caught_or_shown(bench: Court, cheat: str, by: str) -> None:
    tests, code, is_stale = cheats()[cheat]
    assert bench.try_one(tests, code, is_stale=is_stale).by == by
