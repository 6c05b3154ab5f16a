"""How a run's files come about: from the clone without a network where nothing moved, and warm where something was built."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bench._worker import hands_at
from bot.checking import Baseline
from bot.domain import Actor, Repo, Run, RunKind, Stage, Target
from bot.errors import Unavailable
from bot.store import Store, open_engine, upgrade
from bot.workbench import Setup
from simulator.github.server import GitHubServer
from workflows import hands
from workflows.steps import preparation

NAME = "ferris-labs/doubler"
MANIFEST = '[package]\nname = "doubler"\nversion = "0.1.0"\nedition = "2021"\n'
LOCK = 'version = 4\n\n[[package]]\nname = "doubler"\nversion = "0.1.0"\n'
SOURCE = "pub fn double(n: u32) -> u32 {\n    2 * n\n}\n"
FILES = {"Cargo.toml": MANIFEST, "Cargo.lock": LOCK, "src/lib.rs": SOURCE}


@dataclass
class Place:
    """A repository on GitHub, and the worker's hands; every run is one on an issue of its own."""

    github: GitHubServer
    hands: hands.Hands
    home: Path
    installation_id: int

    def run(self, **changes: str) -> Run:
        """A new run on an issue of its own, located; `changes` are made to it afterwards."""
        number = self.github.act.open_issue(NAME, "jonas", "Double more")
        repository = self.github.act.repository(NAME)
        repo = Repo(repository.id, "ferris-labs", "doubler", self.installation_id)
        store = self.hands.store
        run = store.open_run(Run("", RunKind.IMPLEMENT, Target(repo, number), 0, f"d-{number}", Actor("mara")))
        preparation.locate(run.id)
        return store.save_run(replace(store.run(run.id), **changes))  # type: ignore[arg-type]

    def prepared(self, **changes: str) -> Run:
        run = self.run(**changes)
        preparation.check_out(run.id)
        preparation.fetch_dependencies(run.id)
        preparation.measure_base(run.id)
        return run

    def checked(self, run: Run) -> str:
        """What cargo prints when it checks the run's workspace."""
        return (
            self.hands.workbenches.open(run).sandbox().run("cargo check --workspace --all-targets", timeout=120).output
        )

    def end(self, run: Run) -> None:
        self.hands.workbenches.discard(self.hands.store.save_run(replace(run, stage=Stage.DONE)))

    def lie_unused(self) -> None:
        """Let hours go by for everything that is kept."""
        for pattern in ("clones/*.git", "cargo/*", "seeds/*/*/*"):
            for directory in self.home.glob(pattern):
                os.utime(directory, (1000, 1000))

    @property
    def seeds(self) -> list[str]:
        """The trees that there are seeds of."""
        return sorted(path.parent.name for path in self.home.glob("seeds/*/*/*/seed.json"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    engine = open_engine(f"sqlite:///{tmp_path / 'rfcsmith.sqlite'}")
    upgrade(engine)
    with GitHubServer() as github:
        github.act.add_repository(NAME, files=FILES)
        github.act.grant(NAME, "mara", "write")
        installation = github.act.install("ferris-labs")
        bundle = ssl.get_default_verify_paths().cafile or ""
        made = hands_at(github, Store(engine), tmp_path / "home", SANDBOX_CA_BUNDLE=bundle)
        yield Place(github, made, tmp_path / "home", installation.id)
        made.close()
        made.clean_up()
        engine.dispose()
        assert list(tmp_path.glob("home/runs/*")) == []


def test_git_talks_to_github_only_where_a_branch_has_moved(place: Place) -> None:
    first = place.run()
    place.github.service.faults.add("unavailable", operation="git-upload-pack", times=1000)
    assert place.run().base_commit == first.base_commit
    moved = place.github.act.push(NAME, "mara", "main", {"src/lib.rs": SOURCE + "\n"})
    with pytest.raises(Unavailable):
        place.run()
    place.github.service.faults.clear()
    assert place.run().base_commit == moved


@pytest.mark.docker
def test_a_run_begins_with_what_was_built_of_the_base_and_of_nothing_else(place: Place) -> None:
    first = place.prepared()
    git, repository_id = place.hands.git, first.target.repo.id
    tree = git.tree_of(repository_id, first.base_commit)
    assert place.seeds == [tree]
    # The agent's work does not get there.
    bench = place.hands.workbenches.open(first)
    bench.files.write("src/lib.rs", SOURCE.replace("2 * n", "n + n").encode())
    assert "Checking doubler" in place.checked(first)
    with bench.fresh(bench.take_snapshot(), "green") as fresh:
        checked = fresh.checker.sandbox.run("cargo check --workspace --all-targets", timeout=120)
        assert "Checking doubler" in checked.output and fresh.rewritten() == ()
        # What a generator among the checks would do: CI finds it by `git diff --exit-code`, which passes over new files.
        fresh.checker.sandbox.run("echo '// generated' >> src/lib.rs; touch leftover", timeout=10)
        assert fresh.rewritten() == ("src/lib.rs",)
    place.end(first)

    second = place.prepared()
    assert "Checking doubler" not in place.checked(second)
    place.end(second)

    # A base that moved is built from where it differs, and becomes the next seed.
    place.github.act.push(NAME, "mara", "main", {"README.md": "Doubles.\n"})
    third = place.prepared()
    moved = git.tree_of(repository_id, third.base_commit)
    assert place.seeds == sorted([tree, moved])
    place.end(third)

    # A pull request's head may begin with a seed, but never becomes one.
    head = place.github.act.push(NAME, "mara", "topic", {"src/lib.rs": SOURCE.replace("2 * n", '"two"')})
    git.fetch(repository_id, f"{place.github.url}/{NAME}.git", place.github.user_token("mara"), ref=head)
    review = place.prepared(head_commit=head)
    assert place.seeds == sorted([tree, moved])
    assert "E0308" in place.checked(review)

    # However small the budget: what a run uses stays, and what it does not use goes.
    place.lie_unused()
    assert [item.name.split("/")[0] for item in place.hands.workbenches.trim(0)] == ["seeds"]
    assert place.seeds == [moved]
    place.end(review)
    assert place.hands.workbenches.trim(0) == (), "it was used just now"
    place.lie_unused()
    assert sorted(item.name.split("/")[0] for item in place.hands.workbenches.trim(0)) == ["cargo", "clones", "seeds"]
    assert [path for path in place.home.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    again = place.prepared()
    assert place.seeds == [moved]
    assert "Checking doubler" not in place.checked(again)
    place.end(again)


@pytest.mark.docker
def test_what_an_earlier_run_measured_of_the_same_base_is_not_measured_again(place: Place) -> None:
    first = place.prepared()
    measured = place.hands.store.document(first.id, "baseline", Baseline)
    place.end(first)
    second = place.prepared()
    assert measured is not None and place.hands.store.document(second.id, "baseline", Baseline) == measured
    commands = [span.name for span in place.hands.store.spans(second.id) if span.kind == "command"]
    assert not any("cargo test" in command for command in commands)
    place.end(second)


@pytest.mark.docker
def test_a_run_that_goes_on_where_the_image_is_another_one_makes_its_own_of_it(place: Place) -> None:
    place.github.act.push(
        NAME, "mara", "main", {".github/rfcsmith.toml": '[setup]\nscript = "up.sh"\n', "up.sh": "echo up > /opt/up\n"}
    )
    run = place.run()
    preparation.check_out(run.id)
    setup = place.hands.store.document(run.id, "setup", Setup)
    assert setup is not None and setup.image
    # Another machine, whose image has another address, knows the derived one by another name.
    place.hands.workbenches.discard(run)
    place.hands.store.put_document(run.id, "setup", replace(setup, image="rfcsmith-derived:of-another-machine"))
    bench = place.hands.workbenches.open(place.hands.store.run(run.id))
    assert bench.setup.image == setup.image
    assert bench.sandbox().run("cat /opt/up", timeout=10).output == "up\n"
    place.end(run)
    for item in place.hands.workbenches.images.items():
        item.discard()
