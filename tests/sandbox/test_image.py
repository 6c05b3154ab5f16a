"""The image: nothing is built twice, and what cannot be built says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from bot.errors import UserError
from bot.sandbox import image
from bot.sandbox.base import Toolchain
from bot.sandbox.image import IMAGE, ImageBuilder


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=900)
    yield client
    client.close()


@pytest.mark.docker
def test_nothing_is_built_when_nothing_changed(client: docker.DockerClient, capsys: pytest.CaptureFixture[str]) -> None:
    before = client.images.get(IMAGE).id
    assert image.main([]) == 0
    assert "is up to date" in capsys.readouterr().err
    assert client.images.get(IMAGE).id == before


@pytest.mark.docker
def test_an_image_of_other_inputs_is_out_of_date(client: docker.DockerClient, tmp_path: Path) -> None:
    said: list[str] = []
    builder = ImageBuilder(client, cache=tmp_path, official="rfcsmith-nowhere:1", say=said.append)
    built_from = client.images.get(IMAGE).labels["rfcsmith.base"]
    other = "official" if built_from == "local" else "local"
    assert not builder.is_current(other)


@pytest.mark.docker
def test_a_base_that_does_not_exist_is_told_and_leaves_nothing(client: docker.DockerClient, tmp_path: Path) -> None:
    name = "rfcsmith-sandbox-test:latest"
    builder = ImageBuilder(client, name=name, cache=tmp_path, official="rfcsmith-nowhere:1", say=lambda text: None)
    with pytest.raises(UserError, match="cannot be built"):
        builder.build("official")
    assert client.images.list("rfcsmith-sandbox-test") == []
    assert client.images.list("rfcsmith-sandbox-candidate") == []


def test_a_missing_engine_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert image.main([]) == 1
    assert "install Docker Engine" in capsys.readouterr().err


def test_a_machine_without_rust_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="Install Rust with rustup"):
        Toolchain.find()
