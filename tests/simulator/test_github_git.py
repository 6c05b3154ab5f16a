"""Real git against the simulated GitHub."""

from __future__ import annotations

import os
import subprocess

import pytest

REPOSITORY = "ada/brook"
IDENTITY = {
    "GIT_AUTHOR_NAME": "g",
    "GIT_AUTHOR_EMAIL": "g@example.com",
    "GIT_COMMITTER_NAME": "g",
    "GIT_COMMITTER_EMAIL": "g@example.com",
}


def git(*arguments, cwd=None):
    env = {
        **os.environ,
        **IDENTITY,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return subprocess.run(["git", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def address(hub, token, repository=REPOSITORY):
    return f"{hub.server.url.replace('://', f'://x-access-token:{token}@')}/{repository}.git"


@pytest.fixture
def clone(hub, tmp_path):
    """A clone made with the App's token."""
    done = git("clone", "--quiet", address(hub, hub.token()), str(tmp_path / "brook"))
    assert done.returncode == 0, done.stderr
    return tmp_path / "brook"


def push(clone, branch, path, text):
    (clone / path).parent.mkdir(parents=True, exist_ok=True)
    (clone / path).write_text(text)
    git("add", ".", cwd=clone)
    git("commit", "--quiet", "-m", "Change", cwd=clone)
    return git("push", "--quiet", "origin", f"HEAD:{branch}", cwd=clone)


def test_a_clone_holds_the_files(clone):
    assert (clone / "src/lib.rs").read_text().startswith("fn a()")


def test_a_shallow_and_partial_clone_works(hub, tmp_path):
    done = git("clone", "--quiet", "--depth=1", "--filter=blob:none", address(hub, hub.token()), str(tmp_path / "s"))
    assert done.returncode == 0
    assert (tmp_path / "s" / "README.md").exists()


def test_a_push_is_told_and_moves_the_pull_request(hub, clone):
    number = hub.pull_request()
    git("fetch", "--quiet", "origin", cwd=clone)
    git("checkout", "--quiet", "x", cwd=clone)
    before = len(hub.server.events)
    assert push(clone, "x", "src/more.rs", "// more\n").returncode == 0
    told = [(event.name, event.action) for event in hub.server.events[before:]]
    assert ("push", None) in told
    assert ("pull_request", "synchronize") in told
    assert hub.repo().get_pull(number).head.sha == git("rev-parse", "HEAD", cwd=clone).stdout.strip()


def test_a_new_branch_is_created_by_a_push(hub, clone):
    assert push(clone, "feature/new", "a.txt", "a").returncode == 0
    assert [event.payload["ref"] for event in hub.server.events if event.name == "create"] == ["feature/new"]


def test_a_token_that_may_only_read_cannot_push(hub, clone):
    git("remote", "set-url", "origin", address(hub, hub.token({"contents": "read"})), cwd=clone)
    done = push(clone, "x", "a.txt", "a")
    assert done.returncode != 0
    assert "403" in done.stderr


def test_a_wrong_token_is_refused(hub, tmp_path):
    hub.server.act.add_repository("eve/secret", files={"a": "b"}, private=True)
    done = git("clone", address(hub, "ghs_wrong", "eve/secret"), str(tmp_path / "w"))
    assert "Authentication failed" in done.stderr


def test_a_private_repository_asks_for_a_password(hub, tmp_path):
    hub.server.act.add_repository("eve/secret", files={"a": "b"}, private=True)
    assert git("clone", f"{hub.server.url}/eve/secret.git", str(tmp_path / "p")).returncode != 0
    assert git("clone", address(hub, hub.server.user_token("eve"), "eve/secret"), str(tmp_path / "p")).returncode == 0


def test_an_app_without_the_permission_cannot_push_a_workflow(clone):
    done = push(clone, "x", ".github/workflows/ci.yml", "on: push\n")
    assert done.returncode != 0
    assert "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml`" in done.stderr


def test_a_protected_branch_takes_no_push(hub, clone):
    hub.server.act.protect(REPOSITORY, "main")
    done = push(clone, "main", "a.txt", "a")
    assert "GH006: Protected branch update failed" in done.stderr


def test_a_push_that_is_no_fast_forward_is_rejected(hub, clone):
    hub.server.act.push(REPOSITORY, "grace", "main", {"a.txt": "other"})
    done = push(clone, "main", "a.txt", "mine")
    assert "rejected" in done.stderr


def test_a_directory_is_seeded_with_its_modes_and_links(hub, tmp_path):
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "link").symlink_to("run.sh")
    repository = hub.server.act.add_repository("ada/seeded", directory=tmp_path)
    modes = {entry.path: entry.mode for entry in repository.git.tree("refs/heads/main")}
    assert modes == {"run.sh": "100755", "link": "120000"}
