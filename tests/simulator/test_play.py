"""The whole road with everything real: the product as a process, containers, and a simulated world around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator import outcome
from simulator.case import bring, load
from simulator.messages.server import MessagesServer
from simulator.options import Options
from simulator.play import certificates, play
from simulator.player.faults import FaultKind
from simulator.player.oracle import OracleBrain

CASES = Path(__file__).parents[2] / "simulator" / "cases"
DEMO = CASES / "demo"


@pytest.mark.docker
@pytest.mark.slow
def test_an_issue_becomes_a_reviewed_pull_request_though_everything_comes_twice_and_the_bot_is_killed() -> None:
    """The player's mistakes, five copies of each delivery, and SIGKILL in the middle of the build."""
    options = Options(duplicates=4, kill_at=6, write_pause=0.0, ca_bundle=certificates())
    entry = play(load(DEMO), options)
    assert entry["outcome"] == outcome.GOOD
    assert entry["tree_equals_gold"]
    assert (entry["duplicates"], entry["unanswered"]) == (0, 0)
    assert entry["left_over"] == {"containers": 0, "workflows": 0}


@pytest.mark.docker
@pytest.mark.slow
def test_an_overloaded_model_and_broken_streams_change_nothing() -> None:
    """The Messages API stumbles at the beginning of each run."""
    entry = play(
        load(DEMO),
        Options(faults=(FaultKind.TYPE,), write_pause=0.0, measures=False, stumbles=True, ca_bundle=certificates()),
    )
    problems = entry["outcome"].split("; ")
    assert [each for each in problems if not each.startswith(("not red before", "not green after"))] in (
        [],
        [outcome.GOOD],
    )
    assert entry["tree_equals_gold"]


@pytest.mark.docker
@pytest.mark.slow
def test_another_model_is_judged_by_hidden_tests() -> None:
    """Any Messages API can be the model; here it is the player again, at an address of its own."""
    case = load(DEMO)
    with MessagesServer(OracleBrain(case, bring(case), ())) as server:
        entry = play(case, Options(model_url=server.url, write_pause=0.0, ca_bundle=certificates()))
    assert entry["outcome"] == outcome.GOOD
    assert entry["hidden_tests"] == {"passed": list(case.red_green), "failed": []}


@pytest.mark.docker
@pytest.mark.slow
def test_a_weak_test_is_shown_by_a_mutant_and_made_better_before_anybody_reviews_it() -> None:
    options = Options(
        faults=(FaultKind.WEAK,), mutants_seconds=90.0, write_pause=0.0, measures=False, ca_bundle=certificates()
    )
    entry = play(load(DEMO), options)
    assert entry["outcome"] == outcome.GOOD
    assert [each.partition(": ")[2] for each in entry["mutants"]["noticed_later"]] == ["replace / with %"]


@pytest.mark.docker
@pytest.mark.registry
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "suggestions", "disputes"),
    [
        ("shlex", {"kept": 1, "changed": 0, "declined": 0}, {"amended": 0, "upheld": 1}),
        ("tidytable", {"kept": 0, "changed": 0, "declined": 0}, {"amended": 1, "upheld": 0}),
    ],
)
def test_what_contradicts_the_rfc_waits_for_a_maintainer_and_what_is_suggested_stands_word_for_word(
    name: str, suggestions: dict[str, int], disputes: dict[str, int]
) -> None:
    entry = play(load(CASES / name), Options(faults=(), write_pause=0.0, ca_bundle=certificates()))
    assert entry["outcome"] == outcome.GOOD
    assert (entry["review"]["suggestions"], entry["review"]["disputes"]) == (suggestions, disputes)
