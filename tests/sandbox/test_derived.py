"""An image with what one repository needs besides: made once, without secrets, and given back when space is short."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.caching import hold, trim
from bot.domain import SandboxPhase
from bot.errors import Stopped, UserError
from bot.sandbox import SandboxSpec
from bot.sandbox.derived import DerivedImages, Furnishing
from bot.sandbox.docker import DockerEngine
from bot.sandbox.volume import RunVolume

pytestmark = pytest.mark.docker


@pytest.fixture
def images(engine: DockerEngine, home: Path) -> Iterator[DerivedImages]:
    images = DerivedImages(engine, home, ("example.org/*",))
    yield images
    for item in images.items():
        item.discard()


def script(text: str) -> bytes:
    """A script that no other test has, so that its image is this test's own."""
    return f"# {secrets.token_hex(8)}\n{text}\n".encode()


def said(engine: DockerEngine, volume: RunVolume, image: str, command: str) -> str:
    sandbox = engine.open(SandboxSpec(volume.run_id, SandboxPhase.AGENT, volume, image=image))
    try:
        return sandbox.run(command, timeout=60).output.strip()
    finally:
        sandbox.close()


def test_packages_and_a_script_are_there_for_an_agent_that_has_no_network(
    engine: DockerEngine, images: DerivedImages, volume: RunVolume
) -> None:
    wanted = Furnishing(("hello",), script("id -u > /opt/who; env > /opt/environment; chmod u+s /usr/bin/hello"))
    name = images.ensure(wanted)
    assert said(engine, volume, name, "hello; cat /opt/who") == "Hello, world!\n0"
    assert said(engine, volume, name, "ls -l /usr/bin/hello | cut -c1-10; echo $CARGO_HOME") == "-rwxr-xr-x\n/cargo"
    assert "no network" in said(
        engine, volume, name, "(exec 3<>/dev/tcp/deb.debian.org/80) 2>/dev/null || echo no network"
    )
    attributes = engine.image_attributes(name)
    own = engine.image_attributes(engine.image)
    assert attributes is not None and own is not None
    assert attributes["Config"]["Env"] == own["Config"]["Env"]


def test_the_same_wish_finds_the_image_that_was_made(engine: DockerEngine, images: DerivedImages) -> None:
    wanted = Furnishing(script=script("true"))
    name = images.ensure(wanted)
    made = engine.image_id(name)
    assert images.ensure(wanted) == name and engine.image_id(name) == made


def test_what_fails_is_told_with_its_last_words_and_leaves_nothing(engine: DockerEngine, images: DerivedImages) -> None:
    before = engine.count()
    with pytest.raises(UserError, match="asks for failed") as caught:
        images.ensure(Furnishing(script=script("echo the flux is missing; exit 3")))
    assert "the flux is missing" in caught.value.hint
    assert engine.count() == before and list(images.items()) == []


def test_a_stop_ends_the_making(engine: DockerEngine, images: DerivedImages) -> None:
    before = engine.count()
    with pytest.raises(Stopped):
        images.ensure(Furnishing(script=script("sleep 600")), lambda: True)
    assert engine.count() == before


def test_an_image_that_the_operator_did_not_allow_is_refused(images: DerivedImages) -> None:
    with pytest.raises(UserError, match=r"`elsewhere/rust:1` may not be used here\. .*RFCSMITH_IMAGES"):
        images.ensure(Furnishing(image="elsewhere/rust:1"))
    with pytest.raises(UserError, match="cannot be had"):
        images.ensure(Furnishing(image="example.org/nothing:1"))


def test_an_image_that_nobody_uses_goes_when_space_is_short(engine: DockerEngine, images: DerivedImages) -> None:
    name = images.ensure(Furnishing(script=script("head -c 3000000 /dev/urandom > /opt/data")))
    (item,) = images.items()
    assert item.size > 2_900_000
    held = hold(images.place(name))
    assert held is not None
    assert trim(images.items(), 0, unused_before=float("inf")) == ()
    held.release()
    assert len(trim(images.items(), 0, unused_before=float("inf"))) == 1
    assert engine.image_attributes(name) is None
