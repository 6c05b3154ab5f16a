"""Images with what one repository needs besides: Debian packages and a setup script of its own, made once and kept.

The script and the packages are installed as root in a container of their own that has a network and no secret, and sees
nothing of the host but the certificates. What comes of it is committed under a name made of its inputs, so that any
machine makes the same name again. Neither the repository's files nor a run's are there: the same image serves all runs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound, NotFound

from bot.caching import Item, alone, discard
from bot.comments.form import fenced
from bot.errors import UserError
from bot.sandbox import never
from bot.sandbox.building import Recipe, building
from bot.sandbox.docker import DockerEngine
from bot.sandbox.failures import engine_errors, image_missing

TIMEOUT = 900.0
"""Seconds that packages and script may take together."""
LARGEST = 4 << 30
"""Bytes that an image may be larger than the one it is made of."""
NAME = "rfcsmith-derived"
_NOTE = "note.json"
_INSTALL = r"""
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
            self._root.mkdir(parents=True, exist_ok=True)
            with alone(self._root / f"{digest}.lock", should_stop, "its image"):
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
        files = {"/opt/rfcsmith/packages": "\n".join(wanted.packages).encode(), "/opt/rfcsmith/setup": wanted.script}
        recipe = Recipe(NAME, base["Id"], _INSTALL, files, TIMEOUT, LARGEST)
        with building(self._engine, recipe, should_stop) as made:
            if made.failure:
                raise UserError(
                    f"What `[setup]` of `.github/rfcsmith.toml` asks for {made.failure}.",
                    f"It says at last:\n\n{fenced(made.said)}",
                )
            repository, _, tag = name.rpartition(":")
            # The image's own configuration: nothing of this container's (its command, its environment) stays.
            self._engine.api.commit(made.id, repository=repository, tag=tag, conf=base["Config"], changes=None)

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
