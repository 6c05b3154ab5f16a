"""How a sandbox's container is made: everything that it may not do, and the little that it may. Pure.

What each line keeps out was tried by attack: see tests/sandbox/test_attacks.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Mount, Ulimit

from bot.domain import SandboxPhase

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

# The container's first process is root, so that nothing in it can trace or stop it, and has one capability: to kill. For
# each line that the worker sends it kills every other process at once (kill(2) with -1 outruns a fork bomb, and as a builtin
# of the shell it needs no new process) until none is left, and says so. It ends, and the container with it, when the worker is gone.
FIRST_PROCESS = "echo ready; while read -r; do while kill -9 -1 2>/dev/null; do :; done; echo killed; done"
READY = b"ready\n"
KILL = b"kill\n"
KILLED = b"killed\n"

# What a command is run through. A background process that it left would hold the output open for two more seconds, so
# that the shell kills what it can before it ends. That is a courtesy only, since the command could have killed the shell;
# the first process has the last word. The shell's own stderr is closed to its remarks about killed children.
COMMAND_SHELL = (
    'cd -- "$2" || exit 1; exec 3>&2 2>/dev/null; bash -c "$1" 2>&3 3>&-; code=$?; exec 3>&-; kill -9 -1; exit $code'
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use: bytes of memory, CPUs, processes, bytes of /tmp (they count as memory), of output."""

    memory: int = 4 << 30
    cpus: float = 2.0
    processes: int = 512
    temporary: int = 1 << 30
    output: int = 64 << 20
    cargo_home: int = 8 << 30


def environment(phase: SandboxPhase, *, has_ca_bundle: bool, proxies: Mapping[str, str]) -> dict[str, str]:
    """The environment of every command; there is never a secret in it."""
    variables = {
        "HOME": "/home/agent",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "CARGO_HOME": "/cargo",
        "CARGO_TARGET_DIR": "/target",
        "CARGO_TERM_COLOR": "never",
        "CARGO_NET_OFFLINE": "false" if phase is SandboxPhase.SETUP else "true",
        "CARGO_INCREMENTAL": "1",
        # Debug information doubles the time and the disk of a test build, for line numbers in backtraces only.
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "CARGO_PROFILE_TEST_DEBUG": "0",
        "RUST_BACKTRACE": "0",
        # A snapshot test must not pass by rewriting its own expectation.
        "INSTA_UPDATE": "no",
    }
    if phase is SandboxPhase.SETUP:
        if has_ca_bundle:
            names = ("SSL_CERT_FILE", "CARGO_HTTP_CAINFO", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE")
            variables.update(dict.fromkeys(names, CA_BUNDLE))
        for name, value in proxies.items():
            variables[name.upper()] = variables[name.lower()] = value
    return variables


def mounts(
    phase: SandboxPhase, *, workspace: Path, target: Path, cargo_home: Path, read_only: bool, ca_bundle: Path | None
) -> list[Mount]:
    """What the container sees of the host."""
    bound = [
        _bind(workspace, "/workspace", read_only=read_only),
        _bind(target, "/target", read_only=False),
        _bind(cargo_home, "/cargo", read_only=phase is not SandboxPhase.SETUP),
    ]
    if phase is SandboxPhase.SETUP and ca_bundle is not None:
        bound.append(_bind(ca_bundle.resolve(), CA_BUNDLE, read_only=True))
    return bound


def _bind(source: Path, target: str, *, read_only: bool) -> Mount:
    return Mount(target, str(source), type="bind", read_only=read_only, propagation="rprivate")


def host_config(phase: SandboxPhase, limits: Limits, *, bound: list[Mount], runtime: str | None) -> dict[str, Any]:
    """The engine's settings for a container of that phase, as keywords of the SDK's `create_host_config`."""
    return {
        "network_mode": "bridge" if phase is SandboxPhase.SETUP else "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "cap_add": ["KILL"],
        "security_opt": ["no-new-privileges:true"],
        "mounts": bound,
        "tmpfs": {
            "/tmp": f"rw,nosuid,nodev,exec,size={limits.temporary},mode=1777",
            "/home/agent": "rw,nosuid,nodev,size=64m,mode=1777",
        },
        "pids_limit": limits.processes,
        "mem_limit": limits.memory,
        "memswap_limit": limits.memory,  # equal to the memory: no swap
        "nano_cpus": int(limits.cpus * 1_000_000_000),
        "shm_size": 16 << 20,
        "ulimits": [Ulimit(name="nofile", soft=4096, hard=4096), Ulimit(name="core", soft=0, hard=0)],
        "ipc_mode": "private",
        "log_config": LogConfig(type="none"),
        "runtime": runtime,
    }
