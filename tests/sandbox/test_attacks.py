"""What a hostile repository tries from inside its container, and that none of it works or lasts."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.domain import DiskFull, Failure, OutOfMemory, OutputLimit, SandboxPhase, Success, Timeout
from bot.sandbox import SandboxSpec
from bot.sandbox.docker import DockerEngine, DockerSandbox
from bot.sandbox.image import IMAGE
from bot.sandbox.volume import RunVolume
from bot.sandbox.workspace import WorkspaceFiles
from tests.sandbox.world import MIB, RUN, needs_root, processes

pytestmark = pytest.mark.docker

DAEMON = "trap '' TERM INT HUP; sleep 300 & setsid -f sleep 300; (setsid nohup sleep 300 >/dev/null 2>&1 &) ;"


def test_a_fork_bomb_ends_at_the_time_out_and_the_sandbox_goes_on(sandbox: DockerSandbox, engine: DockerEngine) -> None:
    bomb = "bomb() { bomb | bomb & }; bomb; while :; do :; done"
    assert sandbox.run(bomb, timeout=2).exit == Timeout(2)
    assert processes(engine, sandbox) == 1
    assert sandbox.run("echo well", timeout=20).output == "well\n"


def test_daemons_do_not_survive_a_time_out(sandbox: DockerSandbox, engine: DockerEngine) -> None:
    assert sandbox.run(f"{DAEMON} sleep 300", timeout=1).exit == Timeout(1)
    assert processes(engine, sandbox) == 1


def test_daemons_do_not_survive_a_command_that_ends(sandbox: DockerSandbox, engine: DockerEngine) -> None:
    for _ in range(10):
        result = sandbox.run(f"{DAEMON} echo done", timeout=20)
        assert (result.exit, result.output) == (Success(), "done\n")
        assert processes(engine, sandbox) == 1


def test_daemons_do_not_survive_when_the_command_kills_its_shell(sandbox: DockerSandbox, engine: DockerEngine) -> None:
    assert sandbox.run(f"{DAEMON} kill -9 $PPID", timeout=20).exit == Failure(137)
    assert processes(engine, sandbox) == 1


def test_endless_output_is_cut_off(sandbox: DockerSandbox) -> None:
    result = sandbox.run("yes", timeout=60, keep=1000)
    assert result.exit == OutputLimit(64 * MIB)
    assert len(result.output) < 1100
    assert result.omitted > 60 * MIB


def test_a_gigabyte_on_stderr_is_cut_off(sandbox: DockerSandbox) -> None:
    result = sandbox.run("head -c 1G /dev/zero >&2", timeout=60)
    assert result.exit == OutputLimit(64 * MIB)
    assert result.stdout == ""


def test_a_memory_bomb_is_killed_alone_and_named(sandbox: DockerSandbox) -> None:
    assert sandbox.run("tail /dev/zero", timeout=60).exit == OutOfMemory()
    assert sandbox.run("kill -9 $$", timeout=20).exit == Failure(137)


def test_the_temporary_directory_is_bounded(sandbox: DockerSandbox) -> None:
    result = sandbox.run("head -c 3G /dev/zero > /tmp/filler; stat -c %s /tmp/filler", timeout=60)
    assert "No space left on device" in result.output
    assert int(result.stdout) <= 64 * MIB


@pytest.fixture(params=[pytest.param(True, marks=needs_root, id="mounted"), pytest.param(False, id="watched")])
def small_volume(request: pytest.FixtureRequest, home: Path) -> Iterator[RunVolume]:
    volume = RunVolume.create(home, RUN, size=200 * MIB, is_mounted=request.param)
    yield volume
    volume.remove()


def test_a_disk_filler_is_stopped_and_named(engine: DockerEngine, small_volume: RunVolume) -> None:
    sandbox = engine.open(SandboxSpec(RUN, SandboxPhase.AGENT, small_volume))
    filler = "i=0; while head -c 20M /dev/zero > filler$i; do i=$((i+1)); sleep 0.05; done; exit 1"
    result = sandbox.run(filler, timeout=120)
    assert result.exit == DiskFull()
    assert sandbox.run("rm -f filler*", timeout=30).is_success
    assert sandbox.run("exit 1", timeout=30).exit == Failure(1)
    sandbox.close()


def test_an_inode_filler_is_stopped_and_named(engine: DockerEngine, small_volume: RunVolume) -> None:
    sandbox = engine.open(SandboxSpec(RUN, SandboxPhase.AGENT, small_volume))
    filler = "i=0; while mkdir $i && touch $i/{1..500}; do i=$((i+1)); done; exit 1"
    result = sandbox.run(filler, timeout=120)
    sandbox.close()
    assert result.exit == DiskFull()


def test_nothing_of_the_system_can_be_written(sandbox: DockerSandbox) -> None:
    for path in ("/here", "/etc/here", "/opt/rust/bin/here", "/usr/bin/here", "/run/here", "/cargo/here"):
        result = sandbox.run(f"touch {path}", timeout=20)
        assert result.exit == Failure(1)
        assert "Read-only file system" in result.output or "Permission denied" in result.output


def test_there_is_no_network_and_no_name_service(sandbox: DockerSandbox) -> None:
    started = time.monotonic()
    assert not sandbox.run("exec 3<>/dev/tcp/1.1.1.1/443", timeout=20).is_success
    assert not sandbox.run("exec 3<>/dev/tcp/169.254.169.254/80", timeout=20).is_success
    assert not sandbox.run("getent hosts example.com", timeout=20).is_success
    interfaces = sandbox.run("tail -n +3 /proc/net/dev | cut -d: -f1", timeout=20).stdout.split()
    assert interfaces == ["lo"]
    assert time.monotonic() - started < 30


def test_no_program_gains_rights(sandbox: DockerSandbox) -> None:
    assert sandbox.run("find / -xdev -perm /6000 -type f 2>/dev/null | wc -l", timeout=60).stdout == "0\n"
    result = sandbox.run("cp /bin/bash /tmp/b && chmod 4755 /tmp/b && /tmp/b -p -c 'id -u'", timeout=20)
    assert result.stdout == f"{sandbox.spec.volume.owner}\n"
    status = sandbox.run("cat /proc/self/status", timeout=20).stdout
    assert "CapEff:\t0000000000000000" in status
    assert "CapPrm:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    for command in ("unshare -U true", "unshare -n true", "mknod /tmp/null c 1 3", "chroot / true"):
        assert not sandbox.run(command, timeout=20).is_success, command


FIRST_PROCESS_ATTACK = r"""
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
int main(void) {
    printf("ptrace %d\n", ptrace(PTRACE_ATTACH, 1, 0, 0) == 0 ? 0 : errno);
    printf("kill %d\n", kill(1, SIGKILL) == 0 ? 0 : errno);
    printf("stop %d\n", kill(1, SIGSTOP) == 0 ? 0 : errno);
    printf("stdin %d\n", open("/proc/1/fd/0", O_RDWR) >= 0 ? 0 : errno);
    printf("stdout %d\n", open("/proc/1/fd/1", O_RDWR) >= 0 ? 0 : errno);
    printf("memory %d\n", open("/proc/1/mem", O_RDWR) >= 0 ? 0 : errno);
    return 0;
}
"""


def test_the_first_process_can_be_neither_traced_nor_killed_nor_imitated(
    sandbox: DockerSandbox, files: WorkspaceFiles, engine: DockerEngine
) -> None:
    files.write("attack.c", FIRST_PROCESS_ATTACK.encode())
    result = sandbox.run("cc attack.c -o /tmp/attack && /tmp/attack", timeout=60)
    refused = {line.split()[0]: int(line.split()[1]) for line in result.stdout.splitlines()}
    assert set(refused) == {"ptrace", "kill", "stop", "stdin", "stdout", "memory"}
    assert 0 not in refused.values()
    assert sandbox.run("sleep 300 & echo still here", timeout=20).output == "still here\n"
    assert processes(engine, sandbox) == 1


def test_no_secret_and_no_engine_is_within_reach(
    open_sandbox: Callable[..., DockerSandbox], engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "hunter2-is-not-in-here"
    for name in ("ANTHROPIC_API_KEY", "GITHUB_WEBHOOK_SECRET", "GITHUB_TOKEN", "HTTPS_PROXY"):
        monkeypatch.setenv(name, secret)
    for phase in SandboxPhase:
        sandbox = open_sandbox(phase, variant=f"secrets-{phase}")
        found = sandbox.run("env; cat /proc/*/environ; ls -A /home/agent /run /var/run/docker.sock", timeout=20).output
        assert "CARGO_HOME=/cargo" in found
        assert secret not in found
        assert "/var/run/docker.sock': No such file" in found
        assert secret not in str(engine.api.inspect_container(sandbox.id))


@pytest.mark.parametrize("target", ["/etc/shadow", "../../../../../etc/passwd", "/proc/self/environ"])
def test_links_made_in_the_container_lead_the_host_nowhere(
    sandbox: DockerSandbox, files: WorkspaceFiles, target: str
) -> None:
    sandbox.run(f"ln -s {target} link; ln -s / root; mkdir src; ln -s {target} src/lib.rs", timeout=20)
    for path in ("link", "src/lib.rs", "root/etc/passwd", "root/etc"):
        with pytest.raises(OSError, match="symbolic link"):
            files.read(path)
        with pytest.raises(OSError, match="symbolic link"):
            files.write(path, b"overwritten")
        assert not files.exists(path)
    with pytest.raises(OSError, match="symbolic link"):
        files.list("root")


def test_a_directory_that_turns_into_a_link_leads_nowhere(
    sandbox: DockerSandbox, files: WorkspaceFiles, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("untouched")
    files.write("dir/secret", b"inside")
    sandbox.run(f"mv dir old && ln -s {outside} dir", timeout=20)
    with pytest.raises(OSError, match="symbolic link"):
        files.read("dir/secret")
    with pytest.raises(OSError, match="symbolic link"):
        files.write("dir/secret", b"overwritten")
    with pytest.raises(OSError, match="symbolic link"):
        files.remove("dir/secret")
    assert (outside / "secret").read_text() == "untouched"


def test_a_pipe_in_the_workspace_does_not_hold_the_host(sandbox: DockerSandbox, files: WorkspaceFiles) -> None:
    sandbox.run("mkfifo pipe", timeout=20)
    with pytest.raises(OSError, match="no regular file"):
        files.read("pipe")
    with pytest.raises(OSError, match="no regular file"):
        files.write("pipe", b"x")


def test_a_hostile_tree_can_still_be_removed(engine: DockerEngine, home: Path) -> None:
    volume = RunVolume.create(home, RUN, size=200 * MIB, is_mounted=False)
    sandbox = engine.open(SandboxSpec(RUN, SandboxPhase.AGENT, volume))
    deep = (
        "perl -e 'for (1..1500) { mkdir q(d) or die; chdir q(d) or die }'; mkdir closed; touch closed/x; chmod 0 closed"
    )
    assert sandbox.run(deep, timeout=60).is_success
    sandbox.close()
    volume.remove()
    assert not volume.root.exists()


def test_a_container_does_not_outlive_a_worker_that_was_killed(engine: DockerEngine, home: Path) -> None:
    worker = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from bot.domain import SandboxPhase
        from bot.sandbox import SandboxSpec
        from bot.sandbox.docker import DockerEngine
        from bot.sandbox.volume import RunVolume
        home = Path({str(home)!r})
        volume = RunVolume.create(home, {RUN!r}, size={200 * MIB})
        DockerEngine(image={IMAGE!r}, home=home).open(SandboxSpec({RUN!r}, SandboxPhase.AGENT, volume))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert subprocess.run([sys.executable, "-c", worker], capture_output=True).returncode == -9
    assert engine.count() == 1
    deadline = time.monotonic() + 20
    while engine.api.containers(filters={"label": f"rfcsmith.home={home}"}) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert engine.api.containers(filters={"label": f"rfcsmith.home={home}"}) == []
    assert engine.reap(()) == 2
    assert not any((home / "runs").iterdir())


def test_files_of_the_host_belong_to_the_agent_and_are_fresh(
    sandbox: DockerSandbox, files: WorkspaceFiles, volume: RunVolume
) -> None:
    files.write("new/deep/file.sh", b"one")
    assert sandbox.run("chmod 755 new/deep/file.sh && touch -d @1000000000 new/deep/file.sh", timeout=20).is_success
    files.write("new/deep/file.sh", b"two")
    status = os.stat(volume.workspace / "new/deep/file.sh")
    assert status.st_uid == volume.owner
    assert stat.S_IMODE(status.st_mode) == 0o755
    assert status.st_mtime > 1_700_000_000
    assert sandbox.run(
        "echo more >> new/deep/file.sh && touch new/deep/other && cat new/deep/file.sh", timeout=20
    ).stdout == ("twomore\n")
