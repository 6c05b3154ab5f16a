"""Seeds: what is published and found, how target directories begin with them, and that code is never taken for built."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bot.caching import discard
from bot.domain import SandboxPhase
from bot.git import Git
from bot.sandbox import SandboxSpec
from bot.sandbox.docker import DockerEngine
from bot.sandbox.seed import Seeds, key_of
from bot.sandbox.volume import RunVolume
from bot.seedbed import Seedbed
from tests.sandbox.world import MIB, RUN, needs_root

ID, KEY = 7, key_of("image", "environment")


@pytest.fixture
def seeds(home: Path) -> Seeds:
    return Seeds(home)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A target directory."""
    directory = tmp_path / "built"
    (directory / "debug").mkdir(parents=True)
    (directory / "debug" / "output").write_bytes(bytes(100_000))
    os.utime(directory / "debug" / "output", ns=(0, 1_234_567_891_123_456_789))
    return directory


def publish(seeds: Seeds, built: Path, tree: str, *, grown: bool = False) -> None:
    grown_from = seeds.find(ID, KEY, tree) if grown else None
    seeds.publish(ID, KEY, tree, files={"src/lib.rs": tree}, built=built, grown_from=grown_from)
    if grown_from is not None:
        grown_from.release()


def found(seeds: Seeds, tree: str) -> str | None:
    seed = seeds.find(ID, KEY, tree)
    if seed is None:
        return None
    seed.release()
    return seed.note.tree


def content(directory: Path) -> str:
    """A digest of all names, times and bytes."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        digest.update(f"{path.relative_to(directory)} {path.stat().st_mtime_ns}\0".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def test_a_seed_is_a_copy_to_the_nanosecond(seeds: Seeds, built: Path) -> None:
    publish(seeds, built, "one")
    seed = seeds.find(ID, KEY, "one")
    assert seed is not None
    seed.release()
    assert content(seed.target) == content(built)
    assert seed.note.files == {"src/lib.rs": "one"}
    assert 100_000 < seed.note.size == seed.note.first_size
    assert abs(seed.note.made_at - time.time()) < 60


def test_the_seed_of_the_very_tree_is_found_else_the_newest_and_none_of_another_way_to_build(
    seeds: Seeds, built: Path
) -> None:
    assert found(seeds, "one") is None
    publish(seeds, built, "one")
    publish(seeds, built, "two")
    assert found(seeds, "one") == "one"
    assert found(seeds, "three") == "two"
    assert seeds.find(ID, key_of("other image", "environment"), "one") is None
    assert seeds.find(8, KEY, "one") is None


def test_only_the_newest_two_are_kept_but_one_in_use_stays(seeds: Seeds, built: Path) -> None:
    publish(seeds, built, "one")
    used = seeds.find(ID, KEY, "one")
    assert used is not None
    for tree in ("two", "three", "four"):
        publish(seeds, built, tree)
    assert sorted(Path(item.name).name for item in seeds.items()) == ["four", "one", "three"]
    assert (used.target / "debug" / "output").exists()
    used.release()
    publish(seeds, built, "five")
    assert sorted(Path(item.name).name for item in seeds.items()) == ["five", "four"]


def test_a_seed_that_grew_out_of_others_to_twice_the_size_is_not_built_upon(seeds: Seeds, built: Path) -> None:
    publish(seeds, built, "one")
    (built / "debug" / "more").write_bytes(bytes(500_000))
    publish(seeds, built, "two", grown=True)
    assert found(seeds, "two") == "two"
    assert found(seeds, "three") == "one"


def test_what_could_not_be_copied_whole_is_no_seed(seeds: Seeds, built: Path, home: Path) -> None:
    publish(seeds, built / "not there", "one")
    assert found(seeds, "one") is None
    assert [path for path in (home / "seeds").rglob("*") if path.is_file()] == []


def test_an_item_knows_its_size_and_is_discarded_unless_in_use(seeds: Seeds, built: Path) -> None:
    publish(seeds, built, "one")
    (item,) = seeds.items()
    seed = seeds.find(ID, KEY, "one")
    assert seed is not None
    assert item.size == seed.note.size
    assert not item.discard()
    seed.release()
    assert item.discard()
    assert list(seeds.items()) == []


# --- target directories ----------------------------------------------------------------------------------------------


def test_a_target_directory_begins_with_the_seed_and_never_changes_it(volume: RunVolume, built: Path) -> None:
    before = content(built)
    for _ in range(2):
        volume.sow("agent", built)
        target = volume.target("agent")
        assert content(target) == before
        assert target.stat().st_uid == volume.owner
        (target / "debug" / "output").write_text("overwritten")
        (target / "debug" / "new").write_text("new")
        volume.sow("agent", built)
        assert (target / "debug" / "new").exists()
        # A second time as after a roll-back: everything that was built is thrown away, the seed comes back.
        volume.clear_target("agent")
    assert content(built) == before


@needs_root
def test_a_path_that_no_layer_can_have_is_copied(home: Path, built: Path, tmp_path: Path) -> None:
    odd = built.rename(tmp_path / "a,b:c")
    volume = RunVolume.create(home, RUN, size=100 * MIB)
    volume.sow("agent", odd)
    assert not os.path.ismount(volume.target("agent"))
    assert content(volume.target("agent")) == content(odd)
    assert (volume.target("agent") / "debug" / "output").stat().st_uid == volume.owner
    volume.remove()


@needs_root
def test_what_is_written_over_a_seed_counts_against_the_bound_of_the_run(home: Path, built: Path) -> None:
    volume = RunVolume.create(home, RUN, size=100 * MIB, is_mounted=True)
    volume.sow("agent", built)
    assert os.path.ismount(volume.target("agent"))
    with pytest.raises(OSError, match="No space left"), (volume.target("agent") / "filler").open("wb") as file:
        for _ in range(120):
            file.write(bytes(MIB))
    assert volume.is_full()
    volume.remove()
    assert not volume.root.exists()


KILLED = """
import os, sys
from pathlib import Path
from bot.caching import hold
from bot.sandbox.volume import RunVolume
volume = RunVolume.create(Path(sys.argv[1]), "killed", size=100 << 20)
volume.sow("agent", Path(sys.argv[2]))
(volume.target("agent") / "debug" / "output").write_text("written by a run")
held = hold(Path(sys.argv[2]))
print("ready", flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.docker
def test_the_disk_of_a_worker_that_was_killed_is_given_back_at_the_next_start(
    home: Path, built: Path, engine: DockerEngine
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(home), str(built)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "ready\n"), done.stderr
    root = home / "runs" / "killed"
    assert root.exists()
    assert engine.reap(()) == 1
    assert not root.exists()
    assert str(home) not in Path("/proc/self/mountinfo").read_text()
    assert str(root) not in "".join(path.read_text() for path in Path("/sys/block").glob("loop*/loop/backing_file"))
    assert (built / "debug" / "output").read_bytes() == bytes(100_000)
    assert discard(built)


# --- real cargo ------------------------------------------------------------------------------------------------------

MANIFEST = b'[package]\nname = "doubler"\nversion = "0.1.0"\nedition = "2021"\n'
LOCK = b'version = 4\n\n[[package]]\nname = "doubler"\nversion = "0.1.0"\n'
GOOD = b"pub fn double(n: u32) -> u32 {\n    2 * n\n}\n"
BROKEN = b'pub fn double(n: u32) -> u32 {\n    "two times n"\n}\n'


@pytest.fixture
def git(home: Path) -> Git:
    return Git(home, allow_file=True)


@pytest.fixture
def commit(git: Git, tmp_path: Path) -> Iterator[Callable[[Mapping[str, bytes]], str]]:
    """Makes trees of files in the clone."""
    origin = tmp_path / "origin"
    subprocess.run(["git", "init", "-q", "-b", "main", str(origin)], check=True)

    def commit(files: Mapping[str, bytes]) -> str:
        for name, content in files.items():
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            (origin / name).write_bytes(content)
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", "-C", str(origin), "add", "-A"], check=True)
        subprocess.run(["git", "-C", str(origin), *who, "commit", "-q", "-m", "x", "--allow-empty"], check=True)
        return git.tree_of(ID, git.fetch(ID, origin.as_uri(), None, ref="refs/heads/main"))

    yield commit


@pytest.mark.docker
def test_code_that_does_not_compile_is_never_taken_for_built(
    engine: DockerEngine, home: Path, git: Git, commit: Callable[[Mapping[str, bytes]], str]
) -> None:
    def checked(number: int, tree: str, seedbed: Seedbed, *, careless: bool = False) -> tuple[bool, str, Path]:
        """Whether `cargo check` succeeds on the tree with the seed, what it prints, and where it has built."""
        volume = RunVolume.fresh(home, f"run-{number}")
        if careless:
            git.export(ID, tree, volume.workspace)
        else:
            seedbed.lay_out(tree, volume.workspace)
        seedbed.sow(volume, "agent")
        spec = SandboxSpec(volume.run_id, SandboxPhase.VERIFY, volume)
        sandbox = engine.open(spec)
        result = sandbox.run("cargo check --offline", timeout=120)
        sandbox.close()
        return result.is_success, result.output, volume.target("agent")

    good = commit({"Cargo.toml": MANIFEST, "Cargo.lock": LOCK, "src/lib.rs": GOOD})
    bed = Seedbed(git, Seeds(home), ID, KEY)
    succeeds, output, built = checked(1, good, bed)
    assert succeeds and "Checking doubler" in output
    assert bed.keep(good, built)
    before = content(built)

    succeeds, output, _ = checked(2, good, bed)
    assert succeeds and "Checking" not in output, "with the seed of the very tree there is nothing to do"

    broken = commit({"src/lib.rs": BROKEN})
    succeeds, output, _ = checked(3, broken, bed, careless=True)
    assert succeeds and "Checking" not in output, "this is the trap: with old files, cargo believes the seed"

    succeeds, output, _ = checked(4, broken, bed)
    assert not succeeds and "E0308" in output and "Checking doubler" in output

    # A seed from the future, as after the clock was set back, is no trap either.
    note = home / "seeds" / str(ID) / KEY / good / "seed.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"made_at": time.time() + 3600}))
    late = Seedbed(git, Seeds(home), ID, KEY)
    late.choose(good)
    for path in (home / "seeds" / str(ID) / KEY / good / "target").rglob("*"):
        os.utime(path, (time.time() + 3600, time.time() + 3600), follow_symlinks=False)
    succeeds, output, _ = checked(5, broken, late)
    assert not succeeds and "E0308" in output
    late.release()
    bed.release()
    assert content(built) == before
    for number in range(1, 6):
        RunVolume(f"run-{number}", home / "runs" / f"run-{number}", 0, 0).remove()
