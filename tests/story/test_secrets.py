"""Secrets stay with the bot: they are searched for wherever the product leaves anything. And what it says where its engine is not fit."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.story.author import bash
from tests.story.tester import Tester

pytestmark = pytest.mark.docker

LOOK = "env; cat /proc/*/environ; find /workspace /cargo /target /home /tmp -type f -exec cat {} + | head -c 1000000; sleep 4"


def test_no_secret_is_in_the_agents_container_on_disk_on_github_or_in_the_prompts(tester: Tester) -> None:
    tester.author_says(rfc=[[bash(LOOK)], *tester.lines.rfc])
    issue, world = tester.file_issue(), tester.world
    tester.label(issue)
    tester.wait_for_container("agent")
    (container,) = [each for each in world.containers() if each["Labels"]["rfcsmith.phase"] == "agent"]
    inspected = json.dumps(world.engine.api.inspect_container(container["Id"]))
    assert world.leaks("docker inspect", inspected.encode()) == []
    assert world.leaks_on_disk() == []
    tester.wait_for_status(issue, "rfc", "is done")
    assert world.leaks_on_disk() + world.leaks_to_the_model() + world.leaks_on_github(tester.repository) == []
    assert len(world.secrets) > 10 and "CARGO_HOME=/cargo" in tester.told_the_model()


def test_no_secret_is_on_a_command_line(tester: Tester) -> None:
    tester.world.trouble("slow", "git-upload-pack", seconds=2)
    tester.with_rfc()
    processes = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, check=True).stdout
    assert tester.world.leaks("the process list", processes) == []


def test_a_missing_image_is_told_with_what_to_do(make_tester: Callable[..., Tester]) -> None:
    tester = make_tester(RFCSMITH_IMAGE="rfcsmith-nowhere:latest")
    issue = tester.file_issue()
    tester.label(issue)
    said = tester.wait_for_status(issue, "rfc", "could not be finished")
    assert "no image rfcsmith-nowhere:latest: run `make image`" in said
