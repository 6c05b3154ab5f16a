"""Images with what one repository needs besides: Debian packages and a setup script of its own, made once and kept.

The script and the packages are installed as root in a container of their own that has a network and no secret, and sees
nothing of the host but the certificates. What comes of it is committed under a name made of its inputs, so that any
machine makes the same name again. Neither the repository's files nor a run's are there: the same image serves all runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import secrets
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import Mount

from bot.caching import Item, discard
from bot.domain import SandboxPhase
from bot.errors import Stopped, UserError
from bot.sandbox import container, never
from bot.sandbox.docker import HOME_LABEL, DockerEngine
from bot.sandbox.failures import engine_errors, image_missing

TIMEOUT = 900.0
"""Seconds that packages and script may take together."""
LARGEST = 4 << 30
"""Bytes that an image may be larger than the one it is made of."""
NAME = "rfcsmith-derived"
_TICK = 0.5
_NOTE = "note.json"
# What dpkg and the packages' own scripts need; neither network administration nor devices.
_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID", "KILL"]
_INSTALL = r"""
set -eu
exec > /tmp/setup.log 2>&1
if [ -s /opt/rfcsmith/packages ]; then
  apt-get -o APT::Sandbox::User=root update
  apt-get -o APT::Sandbox::User=root install -y --no-install-recommends $(cat /opt/rfcsmith/packages)
fi
if [ -s /opt/rfcsmith/setup ]; then (cd /opt/rfcsmith && bash setup); fi
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
find / -xdev -type f -perm /6000 -exec chmod ug-s {} +
"""


@dataclass(frozen=True, slots=True)
class Furnishing:
    """What a sandbox is to have: Debian packages, a script's content, and the image to start from ("": the worker's own)."""

    packages: tuple[str, ...] = ()
    script: bytes = b""
    image: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether the worker's own image will do."""
        return not (self.packages or self.script or self.image)


class DerivedImages:
    """The derived images of one worker; `allowed` are patterns of images that a repository may name."""

    def __init__(self, engine: DockerEngine, home: Path, allowed: tuple[str, ...] = ()) -> None:
        self._engine = engine
        self._root = home / "images"
        self._allowed = allowed

    def ensure(self, wanted: Furnishing, should_stop: Callable[[], bool] = never) -> str:
        """The name of an image with all of `wanted`, made now if it is not there; "" where the worker's own will do.

        Raises `UserError` where it cannot be had (with the end of what apt or the script said), `Stopped`.
        """
        if wanted.is_plain:
            return ""
        with engine_errors("make an image for this repository"):
            base = self._base(wanted.image)
            if not (wanted.packages or wanted.script):
                return wanted.image
            digest = _digest(base["Id"], wanted)
            with self._alone(digest, should_stop):
                name = f"{NAME}:{digest}"
                if self._engine.image_attributes(name) is None:
                    self._make(name, base, wanted, should_stop)
                self._note(digest, name, base)
                return name

    def place(self, name: str) -> Path:
        """The directory whose hold keeps the image from being discarded."""
        return self._root / name.rpartition(":")[2]

    def items(self) -> Iterator[Item]:
        """All derived images, for whoever keeps the budget."""
        for note in sorted(self._root.glob(f"*/{_NOTE}")):
            content = json.loads(note.read_text())
            remove = partial(self._remove, str(content["image"]))
            used_at = note.parent.stat().st_mtime
            yield Item(
                f"images/{note.parent.name}", int(content["size"]), used_at, partial(discard, note.parent, remove)
            )

    # --- parts ---

    def _base(self, image: str) -> dict[str, Any]:
        name = image or self._engine.image
        if image and not any(fnmatchcase(image, pattern) for pattern in self._allowed):
            raise UserError(
                f"The image `{image}` may not be used here.",
                "Whoever runs this App allows images with RFCSMITH_IMAGES.",
            )
        found = self._engine.image_attributes(name)
        if found is None and image:
            try:
                self._engine.api.pull(image)
            except APIError as error:
                reason = error.explanation or str(error)
                raise UserError(f"The image `{image}` cannot be had: {reason}.", "Check its name.") from error
            found = self._engine.image_attributes(name)
        if found is None:
            raise image_missing(name)
        return found

    def _make(self, name: str, base: Mapping[str, Any], wanted: Furnishing, should_stop: Callable[[], bool]) -> None:
        api = self._engine.api
        made = api.create_container(
            base["Id"],
            ["sleep", "infinity"],
            name=f"{NAME}-{secrets.token_hex(6)}",
            user="0:0",
            entrypoint=[],
            labels={HOME_LABEL: str(self._engine.home.resolve())},
            host_config=self._host_config(api),
        )
        try:
            api.put_archive(made["Id"], "/", _archive(wanted))
            api.start(made["Id"])
            self._install(made["Id"], should_stop)
            repository, _, tag = name.rpartition(":")
            # The image's own configuration: nothing of this container's (its command, its environment) stays.
            api.commit(made["Id"], repository=repository, tag=tag, conf=base["Config"], changes=None)
        finally:
            self._engine.remove(made["Id"])

    def _host_config(self, api: docker.APIClient) -> Any:
        limits, bundle = self._engine.limits, self._engine.ca_bundle
        bound = [Mount(container.CA_BUNDLE, str(bundle.resolve()), type="bind", read_only=True)] if bundle else []
        return api.create_host_config(
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
            runtime=self._engine.runtime,
        )

    def _install(self, container_id: str, should_stop: Callable[[], bool]) -> None:
        api = self._engine.api
        bundle = self._engine.ca_bundle
        variables = container.environment(
            SandboxPhase.SETUP, has_ca_bundle=bundle is not None, proxies=self._engine.proxies
        )
        environment = {**variables, "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
        run = api.exec_create(container_id, ["bash", "-c", _INSTALL], environment=environment)
        api.exec_start(run["Id"], detach=True)
        deadline = time.monotonic() + TIMEOUT
        while (state := api.exec_inspect(run["Id"]))["Running"]:
            if should_stop():
                raise Stopped("the run was stopped while its image was made")
            if time.monotonic() > deadline:
                raise self._failed(container_id, f"took more than {TIMEOUT / 60:.0f} minutes")
            if self._grown(container_id) > LARGEST:
                raise self._failed(container_id, f"needs more than {LARGEST >> 30} GiB")
            time.sleep(_TICK)
        if state["ExitCode"] != 0:
            raise self._failed(container_id, "failed")
        if self._grown(container_id) > LARGEST:
            raise self._failed(container_id, f"needs more than {LARGEST >> 30} GiB")

    def _grown(self, container_id: str) -> int:
        rows = self._engine.api.containers(all=True, size=True, filters={"id": container_id})
        return int(rows[0].get("SizeRw") or 0) if rows else 0

    def _failed(self, container_id: str, what: str) -> UserError:
        api = self._engine.api
        tail = api.exec_create(container_id, ["tail", "-c", "1500", "/tmp/setup.log"])
        said = api.exec_start(tail["Id"]).decode(errors="replace").strip()
        fenced = said.replace("```", "'''")
        return UserError(
            f"What `[setup]` of `.github/rfcsmith.toml` asks for {what}.", f"It says at last:\n\n```text\n{fenced}\n```"
        )

    @contextmanager
    def _alone(self, digest: str, should_stop: Callable[[], bool]) -> Iterator[None]:
        """One worker makes an image at a time; the kernel gives the lock back if we die."""
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / f"{digest}.lock").open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if should_stop():
                        raise Stopped("the run was stopped while it waited for its image") from None
                    time.sleep(_TICK)
            yield

    def _note(self, digest: str, name: str, base: Mapping[str, Any]) -> None:
        place = self._root / digest
        place.mkdir(exist_ok=True)
        made = self._engine.image_attributes(name) or base
        size = int(made["Size"]) - int(base["Size"])
        partial_note = place / f".{_NOTE}"
        partial_note.write_text(json.dumps({"image": name, "size": max(size, 0)}))
        partial_note.rename(place / _NOTE)
        os.utime(place)

    def _remove(self, name: str) -> None:
        with engine_errors("remove an image"):
            try:
                self._engine.api.remove_image(name, force=True)
            except (ImageNotFound, NotFound):
                return


def _digest(base_id: str, wanted: Furnishing) -> str:
    digest = hashlib.sha256(json.dumps([base_id, _INSTALL, sorted(wanted.packages)]).encode())
    digest.update(wanted.script)
    return digest.hexdigest()[:20]


def _archive(wanted: Furnishing) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in {
            "opt/rfcsmith/packages": "\n".join(wanted.packages).encode(),
            "opt/rfcsmith/setup": wanted.script,
        }.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
