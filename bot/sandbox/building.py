"""Containers in which something is made: they have a network and no secret, and see nothing of the host but certificates."""

from __future__ import annotations

import io
import secrets
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
from docker.types import Mount

from bot.domain import SandboxPhase
from bot.errors import Stopped
from bot.sandbox import container, never
from bot.sandbox.docker import HOME_LABEL, DockerEngine

# What dpkg and the packages' own scripts need; neither network administration nor devices.
_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID", "KILL"]
_LOG = "/tmp/building.log"
_SAID = 1_500
_TICK = 0.5


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is made: `script` (bash, as root) in a container of `image`, with `files` by absolute path laid out before.

    `seconds` and `size` (bytes that the container may grow by) bound it; `name` is how the container's name begins.
    """

    name: str
    image: str
    script: str
    files: Mapping[str, bytes]
    seconds: float
    size: int


@dataclass(frozen=True, slots=True)
class Building:
    """A container whose script has ended. `failure` says in words how it failed, "" where all is well; `said` is its end."""

    id: str
    failure: str = ""
    said: str = ""


@contextmanager
def building(engine: DockerEngine, recipe: Recipe, should_stop: Callable[[], bool] = never) -> Iterator[Building]:
    """Run the recipe; inside of the block the container is still there, to be committed or read from. Raises `Stopped`."""
    api = engine.api
    made = api.create_container(
        recipe.image,
        ["sleep", "infinity"],
        name=f"{recipe.name}-{secrets.token_hex(6)}",
        user="0:0",
        entrypoint=[],
        labels={HOME_LABEL: str(engine.home.resolve())},
        host_config=_host_config(engine),
    )
    try:
        api.put_archive(made["Id"], "/", _archive(recipe.files))
        api.start(made["Id"])
        failure = _carry_out(engine, made["Id"], recipe, should_stop)
        yield Building(made["Id"], failure, _last_words(api, made["Id"]) if failure else "")
    finally:
        engine.remove(made["Id"])


def _host_config(engine: DockerEngine) -> Any:
    limits, bundle = engine.limits, engine.ca_bundle
    bound = [Mount(container.CA_BUNDLE, str(bundle.resolve()), type="bind", read_only=True)] if bundle else []
    return engine.api.create_host_config(
        network_mode="bridge",
        cap_drop=["ALL"],
        cap_add=_CAPABILITIES,
        security_opt=["no-new-privileges:true"],
        mounts=bound,
        tmpfs={"/tmp": "rw,exec,mode=1777"},
        pids_limit=limits.processes,
        mem_limit=limits.memory,
        memswap_limit=limits.memory,
        nano_cpus=int(limits.cpus * 1_000_000_000),
        runtime=engine.runtime,
    )


def _carry_out(engine: DockerEngine, container_id: str, recipe: Recipe, should_stop: Callable[[], bool]) -> str:
    """Run the script to its end, within its bounds; how it failed, in words."""
    api = engine.api
    variables = container.environment(
        SandboxPhase.SETUP, has_ca_bundle=engine.ca_bundle is not None, proxies=engine.proxies
    )
    environment = {**variables, "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
    script = f"set -eu\nexec > {_LOG} 2>&1\n{recipe.script}"
    run = api.exec_create(container_id, ["bash", "-c", script], environment=environment)
    api.exec_start(run["Id"], detach=True)
    deadline = time.monotonic() + recipe.seconds
    too_large = f"needs more than {recipe.size >> 30} GiB"
    while (state := api.exec_inspect(run["Id"]))["Running"]:
        if should_stop():
            raise Stopped("the run was stopped while its image was made")
        if time.monotonic() > deadline:
            return f"took more than {recipe.seconds / 60:.0f} minutes"
        if _grown(api, container_id) > recipe.size:
            return too_large
        time.sleep(_TICK)
    if state["ExitCode"] != 0:
        return "failed"
    return too_large if _grown(api, container_id) > recipe.size else ""


def _grown(api: docker.APIClient, container_id: str) -> int:
    rows = api.containers(all=True, size=True, filters={"id": container_id})
    return int(rows[0].get("SizeRw") or 0) if rows else 0


def _last_words(api: docker.APIClient, container_id: str) -> str:
    tail = api.exec_create(container_id, ["tail", "-c", str(_SAID), _LOG])
    return str(api.exec_start(tail["Id"]).decode(errors="replace").strip())


def _archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
