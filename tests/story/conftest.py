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
    story = item.stash.get(STORY, None)
    # What fails once more while it is taken down has no world left to tell of.
    if report.failed and story is not None and FAILED not in item.stash:
        item.stash[FAILED] = True
        report.sections.append(("the story so far", story.so_far()))
    return report


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
    if request.node.stash.get(FAILED, False):
        worlds.drop()
        return
    try:
        tester.finish()
    except AssertionError:
        request.node.stash[FAILED] = True
        raise
    finally:
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
        if not request.node.stash.get(FAILED, False):
            for tester in made:
                tester.finish()
    finally:
        for tester in made:
            tester.world.close()


def _name(request: pytest.FixtureRequest) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    # Parameters and long names may be cut off: the number keeps repositories apart.
    return f"{words[:50].strip('-')}-{next(_NUMBERS)}"
