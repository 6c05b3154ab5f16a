"""Sandboxes in Docker containers: hardened, without a network but for setup, and empty of processes after each command."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from bot.domain import (
    CommandResult,
    DiskFull,
    Exit,
    Failure,
    OutOfMemory,
    OutputLimit,
    SandboxPhase,
    Success,
)
from bot.errors import SandboxUnavailable
from bot.sandbox import KEEP, SandboxSpec, container, never
from bot.sandbox.container import Limits
from bot.sandbox.failures import ImageMissing, engine_errors, engine_missing, image_missing
from bot.sandbox.output import Output
from bot.sandbox.tools import Tools
from bot.sandbox.volume import RunVolume, runs_directory, sandbox_user
from bot.sandbox.watch import TICK, DiskWatch, Watch
from bot.sandbox.wire import Wire

HOME_LABEL = "rfcsmith.home"
RUN_LABEL = "rfcsmith.run"
PATIENCE = 15.0
"""Seconds that the container's first process has for an answer before the container is replaced."""

_LOG = logging.getLogger(__name__)


class DockerEngine:
    """Opens sandboxes on the Docker engine that the SDK finds; nothing is asked of it before it is needed.

    `home` is the worker's own directory: containers carry its name, so that two workers on one engine never touch each
    other's. `user` is the user id of commands (default: `sandbox_user()`), `proxies` are environment variables for setup,
    `tools` are mounted into what is not setup.
    """

    def __init__(
        self,
        *,
        image: str,
        home: Path,
        ca_bundle: Path | None = None,
        runtime: str | None = None,
        proxies: Mapping[str, str] | None = None,
        user: int | None = None,
        limits: Limits | None = None,
        tools: Tools | None = None,
    ) -> None:
        self.image = image
        self.home = home
        self.ca_bundle = ca_bundle
        self.runtime = runtime
        self.proxies = dict(proxies or {})
        self.user = sandbox_user() if user is None else user
        self.limits = limits or Limits()
        self.tools = tools
        self.is_shut_down = False
        self._label = str(home.resolve())
        self._client: docker.DockerClient | None = None
        self._lock = threading.Lock()

    @property
    def api(self) -> docker.APIClient:
        """The SDK's low-level client. Raises SandboxUnavailable where no engine answers."""
        return self._connected().api

    def _connected(self) -> docker.DockerClient:
        with self._lock:
            if self._client is None:
                try:
                    self._client = docker.from_env(timeout=60, max_pool_size=64)
                    cpus = float(self._client.info()["NCPU"])
                except (DockerException, RequestException) as error:
                    self._client = None
                    raise engine_missing(error) from error
                # The engine refuses a container that is promised more than there is.
                self.limits = replace(self.limits, cpus=min(self.limits.cpus, cpus))
            return self._client

    def open(self, spec: SandboxSpec) -> DockerSandbox:
        """A sandbox ready for commands; one of the same run, phase and variant is replaced.

        Raises SandboxUnavailable with a sentence that says what to do.
        """
        if not spec.read_only_workspace:
            spec.volume.hand_over(spec.workspace)
        sandbox = DockerSandbox(self, spec)
        try:
            with engine_errors("start a sandbox"):
                sandbox.launch()
        except SandboxUnavailable:
            sandbox.close()
            raise
        return sandbox

    def tool_names(self) -> frozenset[str]:
        """The cargo subcommands that sandboxes have besides cargo's own."""
        return self.tools.names() if self.tools is not None else frozenset()

    def has_image(self) -> bool:
        """Whether the image is there. Raises SandboxUnavailable where no engine answers."""
        try:
            self.image_id()
        except ImageMissing:
            return False
        return True

    def image_attributes(self, name: str) -> dict[str, Any] | None:
        """What the engine says of an image (`Id`, `Size` in bytes, `Config`); None where it has none of that name."""
        with engine_errors("look for an image"):
            try:
                return dict(self._connected().images.get(name).attrs)
            except ImageNotFound:
                return None

    def image_id(self, image: str = "") -> str:
        """An image's content address, the worker's own by default. Raises SandboxUnavailable without engine or image."""
        with engine_errors("look for the sandbox's image"):
            try:
                return str(self._connected().images.get(image or self.image).id)
            except ImageNotFound as error:
                raise image_missing(image or self.image) from error

    def count(self) -> int:
        """How many containers of this home there are, running or not."""
        return len(self._containers())

    def reap(self, live: Collection[str]) -> int:
        """Remove the containers and the disks of every run that is not in `live`; how many were removed."""
        reaped = 0
        for found in self._containers():
            if found["Labels"].get(RUN_LABEL) not in live:
                self.remove(found["Id"])
                reaped += 1
        runs = runs_directory(self.home)
        for root in sorted(runs.iterdir()) if runs.is_dir() else ():
            if root.name not in live:
                RunVolume(root.name, root, self.user, 0).remove()
                reaped += 1
        return reaped

    def shut_down(self) -> None:
        """Remove every container of this home and open none any more; commands that were running raise, disks stay."""
        self.is_shut_down = True
        for found in self._containers():
            self.remove(found["Id"])

    def close(self) -> None:
        """Close the connections to the engine; containers stay."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def create(self, spec: SandboxSpec) -> str:
        """Make the container of `spec`, not started, and return its id."""
        phase, api = spec.phase, self.api
        name = self._name(spec)
        self.remove(name)
        bound = container.mounts(
            phase,
            workspace=spec.workspace or spec.volume.workspace,
            target=spec.volume.target(spec.variant),
            cargo_home=spec.cargo_home or spec.volume.cargo,
            read_only=spec.read_only_workspace,
            ca_bundle=self.ca_bundle,
        )
        bound += self.tools.mounts() if self.tools is not None and phase is not SandboxPhase.SETUP else []
        config = container.host_config(phase, self.limits, bound=bound, runtime=self.runtime)
        image = spec.image or self.image
        try:
            made = api.create_container(
                image,
                ["bash", "-c", container.FIRST_PROCESS],
                name=name,
                user="0:0",
                stdin_open=True,
                hostname="sandbox",
                working_dir="/workspace",
                environment=container.environment(
                    phase, has_ca_bundle=self.ca_bundle is not None, proxies=self.proxies
                ),
                labels={HOME_LABEL: self._label, RUN_LABEL: spec.run_id, "rfcsmith.phase": str(phase)},
                host_config=api.create_host_config(**config),
            )
        except ImageNotFound as error:
            raise image_missing(image) from error
        return str(made["Id"])

    def remove(self, name: str) -> None:
        """Remove a container by name or id, running or not; nothing happens if it is gone."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.api.remove_container(name, force=True, v=True)
            except NotFound:
                return
            except APIError as error:
                # 409: somebody else is already removing it; the name is free only when that is over.
                if error.status_code != 409 or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _containers(self) -> list[dict[str, Any]]:
        with engine_errors("list the sandboxes"):
            return list(self.api.containers(all=True, filters={"label": f"{HOME_LABEL}={self._label}"}))

    def _name(self, spec: SandboxSpec) -> str:
        home = hashlib.sha256(self._label.encode()).hexdigest()[:8]
        return re.sub(r"[^A-Za-z0-9_.-]", "-", f"rfcsmith-{home}-{spec.run_id}-{spec.phase}-{spec.variant}")


class DockerSandbox:
    """One container, opened by `DockerEngine.open`; safe to close from another thread."""

    def __init__(self, engine: DockerEngine, spec: SandboxSpec) -> None:
        self.spec = spec
        self._engine = engine
        self._id = ""
        self._control: Wire | None = None
        self._memory_events: Path | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    @property
    def id(self) -> str:
        """The engine's id of the container; a container that had to be replaced has a new one."""
        return self._id

    def launch(self) -> None:
        """Make and start the container, in place of one that there was."""
        if self._engine.is_shut_down:
            raise SandboxUnavailable("The worker is leaving: no sandbox is started any more.")
        if self._control is not None:
            self._control.close()
        api = self._engine.api
        self._id = self._engine.create(self.spec)
        self._control = Wire(api.attach_socket(self._id, params={"stdin": 1, "stdout": 1, "stream": 1}))
        api.start(self._id)
        if not self._control.wait_for(container.READY, PATIENCE):
            raise SandboxUnavailable("A sandbox's container was started, but its first process does not answer.")
        self._memory_events = _memory_events(api.inspect_container(self._id)["State"]["Pid"])

    def run(
        self,
        command: str,
        *,
        timeout: float,
        directory: str = ".",
        env: Mapping[str, str] = {},
        keep: int = KEEP,
        should_stop: Callable[[], bool] = never,
    ) -> CommandResult:
        """See `Sandbox.run`."""
        path = PurePosixPath("/workspace") / directory
        if not path.is_relative_to("/workspace") or ".." in path.parts:
            raise ValueError(f"{directory!r} is no directory of the workspace")
        with self._lock, engine_errors("run a command"):
            if self._is_closed:
                raise SandboxUnavailable("The sandbox is closed.")
            return self._run([command, str(path)], dict(env), Watch(timeout, should_stop), Output(keep))

    def _run(self, arguments: list[str], env: dict[str, str], watch: Watch, output: Output) -> CommandResult:
        exec_id = self._prepare(arguments, env)
        kills_before = self._out_of_memory_kills()
        started = time.monotonic()
        with Wire(self._engine.api.exec_start(exec_id, socket=True)) as wire:
            try:
                cut = self._follow(wire, output, watch)
            finally:
                survived = self._kill_all()
            if self._is_closed or self._engine.is_shut_down:
                # The container was removed under the command: what it came to says nothing about the command.
                raise SandboxUnavailable("The sandbox was closed while a command was running.")
            if cut is not None:
                self._drain(wire, output)
        exit = cut or self._judge(self._exit_code(exec_id), kills_before)
        seconds = time.monotonic() - started
        if not survived:
            _LOG.warning("run %s: a sandbox's container had to be replaced", self.spec.run_id)
            self.launch()
        text, omitted = output.text()
        return CommandResult(exit, text, seconds, omitted, output.stdout)

    def _prepare(self, arguments: list[str], env: dict[str, str]) -> str:
        """Have the engine prepare a command; a container that ended while it was idle is replaced first."""
        api, user = self._engine.api, f"{self._engine.user}:{self._engine.user}"
        shell = ["bash", "-c", container.COMMAND_SHELL, "bash", *arguments]
        try:
            made = api.exec_create(self._id, shell, user=user, environment=env, workdir="/workspace")
        except APIError as error:
            if error.status_code != 409:  # it is there, but does not run
                raise
            self.launch()
            made = api.exec_create(self._id, shell, user=user, environment=env, workdir="/workspace")
        return str(made["Id"])

    def _follow(self, wire: Wire, output: Output, watch: Watch) -> Exit | None:
        """Read until the command ends; why it has to be killed, if it has to."""
        is_setup = self.spec.phase is SandboxPhase.SETUP
        cargo_home = self.spec.cargo_home if is_setup else None
        disk = DiskWatch(self.spec.volume, cargo_home, self._engine.limits.cargo_home)
        while True:
            payloads = wire.read(watch.pause())
            if payloads is None:
                return None
            for stream, payload in payloads:
                output.add(stream, payload)
            if output.size > self._engine.limits.output:
                return OutputLimit(self._engine.limits.output)
            if cut := watch.verdict() or disk.verdict():
                return cut

    def _drain(self, wire: Wire, output: Output) -> None:
        """What a killed command had printed and we had not read yet; bounded, since it printed too much perhaps."""
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline and output.size <= self._engine.limits.output:
            payloads = wire.read(TICK)
            if payloads is None:
                return
            for stream, payload in payloads:
                output.add(stream, payload)

    def _kill_all(self) -> bool:
        """Kill whatever runs in the container but its first process; False if that one did not confirm it."""
        control = self._control
        return control is not None and control.send(container.KILL) and control.wait_for(container.KILLED, PATIENCE)

    def _exit_code(self, exec_id: str) -> int | None:
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            # The stream ends a moment before the engine has noted the end.
            state = self._engine.api.exec_inspect(exec_id)
            if not state["Running"]:
                return None if state["ExitCode"] is None else int(state["ExitCode"])
            time.sleep(0.01)
        return None

    def _judge(self, code: int | None, kills_before: int) -> Exit:
        if code == 0:
            return Success()
        if self._out_of_memory_kills() > kills_before:
            return OutOfMemory()
        volume = self.spec.volume
        if volume.is_mounted and volume.is_full():
            return DiskFull()
        return Failure(137 if code is None else code)

    def _out_of_memory_kills(self) -> int:
        """How often the kernel killed a process of this container for its memory; 0 where it cannot be read."""
        try:
            text = self._memory_events.read_text() if self._memory_events else ""
        except OSError:
            return 0
        found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
        return int(found[1]) if found else 0

    def close(self) -> None:
        """Remove the container, whatever it is doing; a second time, nothing happens."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._control is not None:
            self._control.close()
        try:
            if self._id:
                self._engine.remove(self._id)
        except (DockerException, RequestException, SandboxUnavailable) as error:
            # Whoever closes is at an end already, maybe of another error; the next reap removes what is left.
            _LOG.warning("run %s: a sandbox could not be removed: %s", self.spec.run_id, error)


def _memory_events(pid: int) -> Path | None:
    """The kernel's file that counts out-of-memory kills in the control group of that process of this machine."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, group = line.split(":", 2)
        name = group.lstrip("/")
        if controllers == "memory":
            return _readable(Path("/sys/fs/cgroup/memory") / name / "memory.oom_control")
        if controllers == "" and (found := _readable(Path("/sys/fs/cgroup") / name / "memory.events")):
            return found
    return None


def _readable(path: Path) -> Path | None:
    return path if os.access(path, os.R_OK) else None
