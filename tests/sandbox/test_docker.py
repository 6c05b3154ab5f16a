"""How sandboxes behave for those who use them well."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.domain import Failure, Interrupted, SandboxPhase, Success, Timeout
from bot.errors import SandboxUnavailable
from bot.sandbox import SandboxSpec
from bot.sandbox.docker import DockerEngine, DockerSandbox
from bot.sandbox.image import IMAGE
from bot.sandbox.volume import AGENT_UID, RunVolume
from bot.sandbox.workspace import WorkspaceFiles
from tests.sandbox.world import MIB, RUN, needs_root, processes

pytestmark = pytest.mark.docker


def test_a_command_ends_with_its_own_exit_code_and_both_streams(sandbox: DockerSandbox) -> None:
    result = sandbox.run("echo out; echo err >&2; exit 7", timeout=20)
    assert result.exit == Failure(7)
    assert sorted(result.output.splitlines()) == ["err", "out"]
    assert result.stdout == "out\n"
    assert result.omitted == 0
    assert sandbox.run("true", timeout=20).exit == Success()


def test_a_time_out_really_kills(sandbox: DockerSandbox, engine: DockerEngine) -> None:
    started = time.monotonic()
    result = sandbox.run("echo begun; sleep 300", timeout=1)
    assert (result.exit, result.output) == (Timeout(1), "begun\n")
    assert time.monotonic() - started < 10
    assert processes(engine, sandbox) == 1


def test_a_stop_ends_a_command_within_five_seconds(sandbox: DockerSandbox, engine: DockerEngine) -> None:
    asked = threading.Event()
    threading.Timer(0.5, asked.set).start()
    started = time.monotonic()
    result = sandbox.run("yes | sleep 300", timeout=600, should_stop=asked.is_set)
    assert result.exit == Interrupted()
    assert time.monotonic() - started < 5.5
    assert processes(engine, sandbox) == 1


def test_an_error_while_looking_for_a_stop_leaves_no_process(sandbox: DockerSandbox, engine: DockerEngine) -> None:
    def broken() -> bool:
        raise LookupError("the store is gone")

    with pytest.raises(LookupError):
        sandbox.run("sleep 300", timeout=60, should_stop=broken)
    assert processes(engine, sandbox) == 1
    assert sandbox.run("echo on", timeout=20).output == "on\n"


@needs_root
@pytest.mark.parametrize("user", [AGENT_UID, 1000])
@pytest.mark.parametrize("is_mounted", [True, False])
def test_commands_run_as_the_workers_user_or_as_the_agent(home: Path, user: int, is_mounted: bool) -> None:
    engine = DockerEngine(image=IMAGE, home=home, user=user)
    volume = RunVolume.create(home, RUN, size=200 * MIB, owner=user, is_mounted=is_mounted)
    files = WorkspaceFiles(volume.workspace)
    # As the worker itself would have written it, being that user.
    files.write("Cargo.toml", b'[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n')
    files.write("src/lib.rs", b"#[test]\nfn works() {}\n")
    sandbox = engine.open(SandboxSpec(RUN, SandboxPhase.AGENT, volume))
    try:
        assert sandbox.run("id -u", timeout=20).stdout == f"{user}\n"
        assert sandbox.run("git init -q && git add -A && git status --short", timeout=20).is_success
        result = sandbox.run("cargo test --quiet && touch $HOME/x /tmp/x /target/x", timeout=120)
        assert result.is_success, result.output
    finally:
        sandbox.close()
        engine.close()
        volume.remove()


def test_what_the_host_laid_out_is_handed_over_to_the_agent(
    open_sandbox: Callable[..., DockerSandbox], volume: RunVolume
) -> None:
    (volume.workspace / "src").mkdir()
    (volume.workspace / "src/main.rs").write_text("fn main() {}\n")
    os.utime(volume.workspace / "src/main.rs", (1_000_000_000, 1_000_000_000))
    sandbox = open_sandbox()
    assert sandbox.run("echo '// more' >> src/main.rs && touch src/new.rs", timeout=20).is_success


def test_handing_over_leaves_times_alone(open_sandbox: Callable[..., DockerSandbox], volume: RunVolume) -> None:
    path = volume.workspace / "old.rs"
    path.write_text("")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    open_sandbox()
    assert path.stat().st_mtime == 1_000_000_000
    assert path.stat().st_uid == volume.owner


def test_a_read_only_workspace_can_be_built_but_not_changed(
    open_sandbox: Callable[..., DockerSandbox], files: WorkspaceFiles
) -> None:
    files.write("Cargo.toml", b'[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n')
    files.write("src/lib.rs", b"#[test]\nfn works() {}\n")
    assert open_sandbox().run("cargo generate-lockfile", timeout=20).is_success
    sandbox = open_sandbox(SandboxPhase.VERIFY, read_only_workspace=True)
    assert "Read-only file system" in sandbox.run("touch src/new.rs", timeout=20).output
    assert "test works ... ok" in sandbox.run("cargo test", timeout=120).stdout


def test_a_command_runs_in_its_directory_with_its_environment(sandbox: DockerSandbox, files: WorkspaceFiles) -> None:
    files.write("crates/core/x", b"")
    result = sandbox.run(
        "pwd; echo $GREETING; echo $CARGO_NET_OFFLINE", timeout=20, directory="crates/core", env={"GREETING": "hi"}
    )
    assert result.stdout == "/workspace/crates/core\nhi\ntrue\n"
    assert sandbox.run("pwd", timeout=20, directory="nowhere").exit == Failure(1)
    with pytest.raises(ValueError, match="no directory of the workspace"):
        sandbox.run("pwd", timeout=20, directory="../etc")


def test_long_output_keeps_head_and_tail_and_counts_the_rest(sandbox: DockerSandbox) -> None:
    result = sandbox.run("seq 100000", timeout=20, keep=2000)
    assert result.output.startswith("1\n2\n")
    assert result.output.endswith("99999\n100000\n")
    assert f"[... {result.omitted} bytes of output left out here ...]" in result.output
    assert len(result.output) < 2100
    assert result.stdout == "".join(f"{number}\n" for number in range(1, 100_001))


def test_fast_commands_lose_no_output(sandbox: DockerSandbox) -> None:
    for number in range(20):
        assert sandbox.run(f"echo {number}", timeout=20).output == f"{number}\n"


def test_opening_again_replaces_the_container(open_sandbox: Callable[..., DockerSandbox], engine: DockerEngine) -> None:
    first = open_sandbox()
    second = open_sandbox()
    assert engine.count() == 1
    with pytest.raises(SandboxUnavailable):
        first.run("true", timeout=20)
    assert second.run("true", timeout=20).is_success


def test_a_container_that_was_killed_from_outside_is_replaced(sandbox: DockerSandbox, engine: DockerEngine) -> None:
    sandbox.run("echo kept > kept", timeout=20)
    threading.Timer(0.5, lambda: engine.api.kill(sandbox.id)).start()
    assert not sandbox.run("sleep 300", timeout=60).is_success
    assert sandbox.run("cat kept", timeout=20).output == "kept\n"
    assert engine.count() == 1


def test_a_container_that_ended_while_idle_is_replaced(sandbox: DockerSandbox, engine: DockerEngine) -> None:
    sandbox.run("echo kept > kept", timeout=20)
    engine.api.kill(sandbox.id)
    engine.api.wait(sandbox.id)
    assert sandbox.run("cat kept", timeout=20).output == "kept\n"
    assert engine.count() == 1


def test_closing_twice_is_fine_and_a_closed_sandbox_says_so(sandbox: DockerSandbox, engine: DockerEngine) -> None:
    sandbox.close()
    sandbox.close()
    assert engine.count() == 0
    with pytest.raises(SandboxUnavailable, match="closed"):
        sandbox.run("true", timeout=20)


def test_only_the_dead_are_reaped(engine: DockerEngine, home: Path) -> None:
    volumes = {name: RunVolume.create(home, name, size=100 * MIB) for name in ("alive", "dead")}
    sandboxes = [engine.open(SandboxSpec(name, SandboxPhase.AGENT, volume)) for name, volume in volumes.items()]
    assert engine.reap({"alive"}) == 2
    assert engine.count() == 1
    assert not volumes["dead"].root.exists()
    assert sandboxes[0].run("touch here", timeout=20).is_success
    assert engine.reap(()) == 2
    assert not volumes["alive"].root.exists()
    for sandbox in sandboxes:
        sandbox.close()


def test_two_homes_do_not_see_each_other(sandbox: DockerSandbox, tmp_path: Path) -> None:
    neighbour = DockerEngine(image=IMAGE, home=tmp_path / "neighbour")
    assert neighbour.count() == 0
    assert neighbour.reap(()) == 0
    neighbour.close()
    assert sandbox.run("true", timeout=20).is_success


def test_a_missing_image_says_what_to_do(home: Path, volume: RunVolume) -> None:
    engine = DockerEngine(image="rfcsmith-nowhere:latest", home=home)
    assert not engine.has_image()
    with pytest.raises(SandboxUnavailable, match="make image"):
        engine.image_id()
    with pytest.raises(SandboxUnavailable, match="make image"):
        engine.open(SandboxSpec(RUN, SandboxPhase.AGENT, volume))
    engine.close()


def test_a_missing_engine_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/no.sock")
    engine = DockerEngine(image=IMAGE, home=home)
    with pytest.raises(SandboxUnavailable, match="install Docker Engine"):
        engine.has_image()


def test_the_image_is_known_by_its_content(engine: DockerEngine) -> None:
    assert engine.has_image()
    assert engine.image_id().startswith("sha256:")
