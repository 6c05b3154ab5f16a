"""One world for all stories, a repository for each; a story that fails takes its world with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from itertools import count

import pytest

from tests.story.tester import Tester
from tests.story.world import World

STORY = pytest.StashKey[Tester]()
_NUMBERS = count(1)
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows the story up to its failure; afterwards nobody knows what was said."""
    report = yield
    if report.failed:
        text = _tell_once(item)
        if text:
            report.sections.append(("the story so far", text))
    return report


def _tell_once(item: pytest.Item) -> str:
    """The story up to its first failure, and nothing when it fails once more: it may have no world left to tell of."""
    story = item.stash.get(STORY, None)
    if story is None or FAILED in item.stash:
        return ""
    item.stash[FAILED] = True
    # An error in a hook of pytest would not fail this test but end all of them.
    told = pytest.CallInfo.from_call(story.so_far, "call")
    return told.result if told.excinfo is None else f"It cannot be told: {told.excinfo.getrepr()}"


def _finish(item: pytest.Item, *testers: Tester) -> None:
    """The end of a story that went well so far; one that does not end well is told now, while its world is there."""
    if FAILED in item.stash:
        return
    is_good = False
    try:
        for tester in testers:
            tester.finish()
        is_good = True
    finally:
        if not is_good:
            item.add_report_section("teardown", "story", _tell_once(item))


class _Worlds:
    """The shared world, made at first use and made anew after a failure."""

    def __init__(self) -> None:
        self._world: World | None = None

    def get(self) -> World:
        if self._world is None:
            self._world = World()
        return self._world

    def drop(self) -> None:
        world, self._world = self._world, None
        if world is not None:
            world.close()


@pytest.fixture(scope="session")
def worlds() -> Iterator[_Worlds]:
    worlds = _Worlds()
    yield worlds
    worlds.drop()


@pytest.fixture
def tester(worlds: _Worlds, request: pytest.FixtureRequest) -> Iterator[Tester]:
    """A repository in the shared world; at its end nothing may be left over."""
    tester = Tester(worlds.get(), _name(request))
    request.node.stash[STORY] = tester
    yield tester
    try:
        _finish(request.node, tester)
    finally:
        if FAILED in request.node.stash:
            worlds.drop()
        else:
            tester.world.author.release()
            tester.github.service.faults.clear()
            hook = tester.github.deliveries.hook
            hook.duplicate, hook.reorder = 0, False


@pytest.fixture
def make_tester(request: pytest.FixtureRequest) -> Iterator[Callable[..., Tester]]:
    """Makes a world of its own, with other settings for the bot, and a repository in it."""
    made: list[Tester] = []

    def make(**settings: str) -> Tester:
        made.append(Tester(World(**settings), _name(request)))
        request.node.stash[STORY] = made[-1]
        return made[-1]

    yield make
    try:
        _finish(request.node, *made)
    finally:
        for tester in made:
            tester.world.close()


def _name(request: pytest.FixtureRequest) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    # Parameters and long names may be cut off: the number keeps repositories apart.
    return f"{words[:50].strip('-')}-{next(_NUMBERS)}"
