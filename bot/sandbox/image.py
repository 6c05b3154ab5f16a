"""Builds the sandbox's image, from the official Rust image or without any image registry, and proves that it works.

`python -m bot.sandbox.image` does nothing when the image is already what its inputs (the Dockerfile, the packages, the
toolchain) would make it. Two roads lead to the same Dockerfile: `official` starts from the published Rust image; `local`
imports a base made of Debian packages and of this machine's own Rust toolchain. Nothing is tagged before the smoke test
has linked and run a binary and run clippy, rustfmt and a doctest in it.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.containers import Container
from requests.exceptions import RequestException

from bot.caching import alone
from bot.errors import UserError
from bot.sandbox import never
from bot.sandbox.base import DebianBase, Toolchain
from bot.sandbox.failures import engine_missing

IMAGE = "rfcsmith-sandbox:latest"
OFFICIAL = "rust:1-slim"
CONTEXT = Path(__file__).with_name("context")
INPUTS_LABEL = "rfcsmith.inputs"
KIND_LABEL = "rfcsmith.base"
SMOKE_TIMEOUT = 300
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an image is made of; `kind` is `official` or `local`, `digest` names all of its inputs."""

    kind: str
    digest: str
    toolchain: Toolchain | None = None


class ImageBuilder:
    """Makes the image `name` with the given client; `cache` keeps what is dear to make again (some 500 MB)."""

    def __init__(
        self,
        client: docker.DockerClient,
        *,
        name: str = IMAGE,
        official: str = OFFICIAL,
        cache: Path,
        ca_bundle: Path | None = None,
        say: Say,
    ) -> None:
        self._client = client
        self._name = name
        self._official = official
        self._cache = cache
        self._ca_bundle = ca_bundle
        self._say = say

    def build(self, kind: str = "auto", *, fresh: bool = False) -> bool:
        """Bring the image up to date; False means that there was nothing to do.

        `kind` is `auto`, `official` or `local`. `fresh` builds anew, with the newest packages. Raises UserError where
        neither road is open, SandboxUnavailable where the engine does not answer.
        """
        self._cache.mkdir(parents=True, exist_ok=True)
        with alone(self._cache / "image.lock", never, "the image"):
            if not fresh and self.is_current(kind):
                return False
            recipe = self._recipe(self._choose(kind))
            base = self._official if recipe.toolchain is None else self._local_base(recipe.toolchain, fresh=fresh)
            candidate = f"rfcsmith-sandbox-candidate:{recipe.digest[:12]}"
            try:
                self._run_dockerfile(candidate, recipe, base, pull=fresh and recipe.kind == "official")
                self._smoke_test(candidate)
                self._publish(candidate)
            finally:
                self._forget(candidate)
        return True

    def is_current(self, kind: str) -> bool:
        try:
            labels = self._client.images.get(self._name).labels
        except ImageNotFound:
            return False
        built = labels.get(KIND_LABEL, "")
        if built not in ("official", "local") or kind not in ("auto", built):
            return False
        try:
            return labels.get(INPUTS_LABEL) == self._recipe(built).digest
        except UserError:
            return True  # the toolchain that it was made of is gone; the image is all that is left of it

    def _recipe(self, kind: str) -> Recipe:
        toolchain = Toolchain.find() if kind == "local" else None
        digest = hashlib.sha256()
        for part in (
            kind,
            self._official if toolchain is None else toolchain.version,
            *sorted(DebianBase.LEFT_OUT),
            *(path.read_text() for path in sorted(CONTEXT.iterdir())),
        ):
            digest.update(part.encode() + b"\0")
        return Recipe(kind, digest.hexdigest(), toolchain)

    def _choose(self, kind: str) -> str:
        if kind != "auto":
            return kind
        try:
            self._client.images.get(self._official)
            return "official"
        except ImageNotFound:
            pass
        try:
            self._client.images.get_registry_data(self._official)
            return "official"
        except (APIError, RequestException):
            self._say(f"no image registry answers for {self._official}: using Debian packages and this machine's Rust")
            return "local"

    def _local_base(self, toolchain: Toolchain, *, fresh: bool) -> str:
        debian = DebianBase(self._cache, (CONTEXT / "packages.txt").read_text().split())
        if fresh or not debian.is_cached():
            self._say("making a Debian base with mmdebstrap")
            debian.make()
        tag = hashlib.sha256(f"{debian.digest} {debian.made_at} {toolchain.version}".encode()).hexdigest()[:12]
        base = f"rfcsmith-sandbox-base:{tag}"
        try:
            self._client.images.get(base)
        except ImageNotFound:
            self._say(f"importing it together with {toolchain.version.splitlines()[0]}")
            repository, _, name = base.partition(":")
            for old in self._client.images.list("rfcsmith-sandbox-base"):
                for old_tag in old.tags:
                    self._forget(old_tag)
            # The SDK's types ask for a path or bytes; requests streams any iterator.
            layer = cast("bytes", debian.layer(toolchain))
            self._client.api.import_image(src=layer, repository=repository, tag=name, stream_src=True)
        return base

    def _run_dockerfile(self, candidate: str, recipe: Recipe, base: str, *, pull: bool) -> None:
        self._say(f"building on {base}")
        lines = self._client.api.build(
            fileobj=self._context(),
            custom_context=True,
            tag=candidate,
            buildargs={"BASE": base},
            labels={INPUTS_LABEL: recipe.digest, KIND_LABEL: recipe.kind},
            rm=True,
            forcerm=True,
            pull=pull,
            decode=True,
        )
        said: list[str] = []
        for line in lines:
            said.append(str(line.get("stream", "")))
            if "error" in line:
                raise UserError(f"The sandbox's image cannot be built: {line['error']}", "".join(said[-20:]).strip())

    def _context(self) -> io.BytesIO:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as context:
            context.add(CONTEXT / "Dockerfile", "Dockerfile")
            context.add(CONTEXT / "packages.txt", "build/packages.txt")
            if self._ca_bundle:
                context.add(self._ca_bundle.resolve(), "build/ca.crt")
        buffer.seek(0)
        return buffer

    def _smoke_test(self, image: str) -> None:
        self._say("smoke test: link and run a binary, clippy, rustfmt, a doctest")
        container = self._client.containers.run(
            image,
            ["bash", "-c", (CONTEXT / "smoke.sh").read_text()],
            user="10001:10001",
            network_mode="none",
            tmpfs=dict.fromkeys(("/workspace", "/target", "/cargo", "/tmp"), "rw,nosuid,nodev,exec,size=1g,mode=1777"),
            labels={"rfcsmith.smoke": "1"},
            detach=True,
        )
        try:
            self._require_success(container)
        finally:
            container.remove(force=True, v=True)

    @staticmethod
    def _require_success(container: Container) -> None:
        status = container.wait(timeout=SMOKE_TIMEOUT)["StatusCode"]
        if status != 0:
            output = container.logs().decode(errors="replace")[-4000:]
            raise UserError(f"The sandbox's image was built, but its smoke test ended with exit {status}.", output)

    def _publish(self, candidate: str) -> None:
        try:
            old = self._client.images.get(self._name).id
        except ImageNotFound:
            old = None
        image = self._client.images.get(candidate)
        repository, _, tag = self._name.rpartition(":")
        image.tag(repository, tag)
        if old and old != image.id:
            self._forget(old)

    def _forget(self, image: str) -> None:
        try:
            self._client.images.remove(image, noprune=False)
        except ImageNotFound:
            pass
        except APIError:
            self._say(f"the image {image} is still in use and stays")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox.image", description="Build the sandbox's image.")
    parser.add_argument("--image", default=IMAGE, help="its name (default: %(default)s)")
    parser.add_argument("--base", default="auto", choices=("auto", "official", "local"), help="where it starts from")
    parser.add_argument("--fresh", action="store_true", help="build anew with the newest packages")
    parser.add_argument("--ca-bundle", type=Path, help="certificates to trust while building on the official image")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "rfcsmith", help="default: %(default)s")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Build as the command line says; 0 when the image stands, 1 with a sentence when it does not."""
    options = _parse(arguments)
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - started:5.1f} s] {text}\n")

    try:
        client = docker.from_env(timeout=900)
        client.ping()
    except (DockerException, RequestException) as error:
        sys.stderr.write(f"{engine_missing(error)}\n")
        return 1
    try:
        builder = ImageBuilder(client, name=options.image, cache=options.cache, ca_bundle=options.ca_bundle, say=say)
        is_built = builder.build(options.base, fresh=options.fresh)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        client.close()
    say(f"{options.image} is {'ready' if is_built else 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
