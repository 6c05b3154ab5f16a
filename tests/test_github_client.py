"""The GitHub client against the simulated GitHub over real HTTP: what it does is read back from the world itself."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain import (
    Annotation,
    CheckRun,
    Comment,
    CommentSubject,
    FileChange,
    FileMode,
    IssueState,
    IssueSubject,
    Permission,
    PullRequest,
    Repo,
    ReviewCommentSubject,
    ReviewState,
    ReviewSubject,
)
from bot.errors import Conflict, GitHubUnavailable, UserError
from bot.git import Git
from bot.github.app import GitHubApp
from bot.github.client import GitHub
from bot.github.commits import blob_id
from bot.github.errors import NotFound
from bot.github.markers import marker_of, with_marker
from bot.github.pacing import CAPACITY
from simulator.github.server import GitHubServer
from simulator.github.state import Issue, Repository

FULL_NAME = "octo/crate"
BRANCH = "rfcsmith/1-faster"
FILES: dict[str, str | bytes] = {
    "src/lib.rs": "pub fn one() -> u8 {\n    1\n}\n",
    "src/old.rs": "// to be removed\n",
    "run.sh": "#!/bin/sh\n",
    "README.md": "# crate\n",
}


class Place:
    """A simulated GitHub with one repository, one issue and the App installed; `naps` are the client's wishes to sleep."""

    def __init__(self, server: GitHubServer) -> None:
        self.server = server
        self.act = server.act
        self.home: Repository = self.act.add_repository(FULL_NAME, files=FILES)
        self.act.grant(FULL_NAME, "mona", "write")
        self.installation = self.act.install("octo")
        self.number = self.act.open_issue(FULL_NAME, "mona", "Make it faster", "Please.", labels=["bug"])
        self.repo = Repo(self.home.id, "octo", "crate", self.installation.id)
        self.naps: list[float] = []

    @property
    def issue(self) -> Issue:
        return self.act.issue(FULL_NAME, self.number)

    def app(self, write_pause: float = 0.0) -> GitHubApp:
        return GitHubApp(
            app_id=str(self.server.app_id),
            private_key=self.server.private_key,
            api_url=self.server.url,
            write_pause=write_pause,
            sleep=self.naps.append,
        )

    def bodies(self) -> list[str]:
        return [comment.body for comment in self.issue.comments]

    def head(self, branch: str = "main") -> str:
        sha = self.home.git.ref(f"refs/heads/{branch}")
        assert sha is not None
        return sha

    def fault(self, kind: str, **settings: object) -> None:
        self.server.service.faults.add(kind, **settings)


@pytest.fixture
def place() -> Iterator[Place]:
    with GitHubServer() as server:
        yield Place(server)


@pytest.fixture
def github(place: Place) -> GitHub:
    return place.app().installation(place.installation.id)


def change(path: str, content: bytes, mode: FileMode = FileMode.FILE) -> FileChange:
    return FileChange(path, mode, content, blob_id(content))


def gone(path: str) -> FileChange:
    return FileChange(path, None, None, None)


def commit(place: Place, github: GitHub, parent: str, message: str, *changes: FileChange) -> str:
    """Commits, with the tree that plain git makes of the same changes."""
    git = place.home.git
    with place.server.world.lock:
        wanted = [
            (it.path, (it.mode or FileMode.FILE).value, None if it.content is None else git.blob(it.content))
            for it in changes
        ]
        base_tree, tree = git.commit(parent).tree, git.make_tree(wanted, parent)
    return github.commit(
        place.repo, parent=parent, base_tree=base_tree, changes=changes, message=message, expected_tree=tree
    )


def open_pull(place: Place, github: GitHub) -> PullRequest:
    """A pull request by the bot that changes the library."""
    base = place.head()
    sha = commit(place, github, base, "Two\n", change("src/lib.rs", b"pub fn two() -> u8 {\n    2\n}\n"))
    github.create_branch(place.repo, BRANCH, sha)
    return github.ensure_pull_request(place.repo, branch=BRANCH, base="main", title="Two", body="Closes #1", draft=True)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_the_app_knows_its_name_and_where_it_is_installed(place: Place) -> None:
    app = place.app()
    assert (app.slug, app.bot_login) == ("rfcsmith", "rfcsmith[bot]")
    assert app.installation_of("octo", "crate") == place.installation.id
    assert app.installation_of("octo", "nothing") is None


def test_a_repository_an_issue_and_its_comments_are_read(place: Place, github: GitHub) -> None:
    comment_id = place.act.comment(FULL_NAME, place.number, "mona", "Really.")
    repository, issue = github.repository(place.repo), github.issue(place.repo, place.number)
    assert (repository.repo, repository.default_branch, repository.is_private) == (place.repo, "main", False)
    assert (issue.title, issue.author.login, issue.labels, issue.state) == (
        "Make it faster",
        "mona",
        ("bug",),
        IssueState.OPEN,
    )
    assert not issue.is_pull_request
    [comment] = github.comments(place.repo, place.number)
    assert comment == github.comment(place.repo, comment_id)
    assert (comment.body, comment.author.login, comment.author.is_bot, comment.app_slug) == (
        "Really.",
        "mona",
        False,
        None,
    )


def test_a_long_conversation_is_read_to_its_end(place: Place, github: GitHub) -> None:
    for number in range(123):
        place.act.comment(FULL_NAME, place.number, "mona", f"Remark {number}.")
    assert [comment.body for comment in github.comments(place.repo, place.number)] == place.bodies()


def test_a_deleted_comment_is_none_and_a_missing_issue_is_not_found(place: Place, github: GitHub) -> None:
    comment_id = place.act.comment(FULL_NAME, place.number, "mona", "Oops.")
    place.act.delete_comment(FULL_NAME, comment_id, "mona")
    assert github.comment(place.repo, comment_id) is None
    with pytest.raises(NotFound):
        github.issue(place.repo, 999)


@pytest.mark.parametrize("role", ["none", "read", "triage", "write", "maintain", "admin"])
def test_everybodys_role_is_told_exactly(place: Place, github: GitHub, role: str) -> None:
    place.home.private = True
    place.act.grant(FULL_NAME, "hubot", role)
    assert github.permission(place.repo, "hubot") is Permission[role.upper()]


def test_a_stranger_may_read_what_is_public_and_nobody_may_do_nothing(place: Place, github: GitHub) -> None:
    place.act.add_user("stranger")
    assert github.permission(place.repo, "stranger") is Permission.READ
    assert github.permission(place.repo, "no-such-account") is Permission.NONE


def test_a_renamed_repository_still_answers_and_takes_comments_under_its_old_name(place: Place, github: GitHub) -> None:
    place.act.rename(FULL_NAME, "octo", "box")
    assert github.repository(place.repo).repo == replace(place.repo, name="box")
    github.ensure_comment(place.repo, place.number, "a", "Still here.")
    github.ensure_comment(place.repo, place.number, "a", "Still here!")
    [comment] = place.act.issue("octo/box", place.number).comments
    assert comment.body == with_marker("Still here!", "a")


# --- comments, reactions, labels --------------------------------------------------------------------------------------


def test_a_comment_asked_for_many_times_is_there_once_and_says_the_last(place: Place, github: GitHub) -> None:
    ids = {github.ensure_comment(place.repo, place.number, "status-1", body).id for body in ("A", "A", "B", "B")}
    assert len(ids) == 1
    assert place.bodies() == ["B\n\n<!-- rfcsmith:status-1 -->"]
    assert place.issue.comments[0].author.login == "rfcsmith[bot]"


def test_two_markers_are_two_comments(place: Place, github: GitHub) -> None:
    github.ensure_comment(place.repo, place.number, "status-1", "A")
    github.ensure_comment(place.repo, place.number, "status-11", "B")
    assert [marker_of(body) for body in place.bodies()] == ["status-1", "status-11"]


def test_a_marker_that_somebody_else_wrote_does_not_count(place: Place, github: GitHub) -> None:
    place.act.comment(FULL_NAME, place.number, "mona", with_marker("I am the bot.", "status-1"))
    made = github.ensure_comment(place.repo, place.number, "status-1", "No, I am.")
    assert made.author.login == "rfcsmith[bot]"
    assert len(place.bodies()) == 2
    assert place.bodies()[0].startswith("I am the bot.")


@pytest.mark.parametrize("fault", ["unavailable_after", "cut_off_after", "unavailable", "cut_off"])
def test_trouble_while_posting_leaves_exactly_one_comment(place: Place, github: GitHub, fault: str) -> None:
    place.fault(fault, operation="issues/create-comment")
    github.ensure_comment(place.repo, place.number, "status-1", "A")
    assert place.bodies() == [with_marker("A", "status-1")]


def test_a_secondary_limit_is_waited_for_and_a_long_one_is_told(place: Place, github: GitHub) -> None:
    place.fault("secondary_limit", operation="issues/create-comment", retry_after=5)
    github.ensure_comment(place.repo, place.number, "a", "A")
    assert place.naps == [5.0]
    place.fault("primary_limit", operation="issues/list-comments", retry_after=1800, times=9)
    with pytest.raises(GitHubUnavailable) as caught:
        github.comments(place.repo, place.number)
    assert 1700 < caught.value.retry_after < 1900
    assert place.bodies() == [with_marker("A", "a")]


def test_an_edited_comment_is_found_again_by_its_marker(place: Place, github: GitHub) -> None:
    comment: Comment = github.ensure_comment(place.repo, place.number, "status-1", "Queued.")
    github.edit_comment(place.repo, comment.id, "At work.")
    assert github.ensure_comment(place.repo, place.number, "status-1", "Done.").id == comment.id
    assert place.bodies() == [with_marker("Done.", "status-1")]


def test_a_status_comment_that_somebody_deleted_is_a_conflict(place: Place, github: GitHub) -> None:
    comment = github.ensure_comment(place.repo, place.number, "status-1", "Queued.")
    place.act.delete_comment(FULL_NAME, comment.id, "mona")
    with pytest.raises(Conflict):
        github.edit_comment(place.repo, comment.id, "At work.")


def test_a_locked_issue_and_an_archived_repository_are_told_in_words(place: Place, github: GitHub) -> None:
    place.act.lock(FULL_NAME, place.number, "mona")
    with pytest.raises(UserError, match="locked"):
        github.ensure_comment(place.repo, place.number, "a", "A")
    place.act.unlock(FULL_NAME, place.number, "mona")
    place.home.archived = True
    with pytest.raises(UserError, match="archived"):
        github.ensure_comment(place.repo, place.number, "a", "A")


def test_eyes_are_shown_once_on_an_issue_and_a_comment(place: Place, github: GitHub) -> None:
    comment_id = place.act.comment(FULL_NAME, place.number, "mona", "/implement")
    for _ in range(2):
        github.react(place.repo, IssueSubject(place.number))
        github.react(place.repo, CommentSubject(comment_id))
    [comment] = place.issue.comments
    assert [reaction.content for reaction in place.issue.reactions] == ["eyes"]
    assert [reaction.content for reaction in comment.reactions] == ["eyes"]


def test_a_reaction_to_a_deleted_comment_is_passed_over(place: Place, github: GitHub) -> None:
    comment_id = place.act.comment(FULL_NAME, place.number, "mona", "/implement")
    place.act.delete_comment(FULL_NAME, comment_id, "mona")
    github.react(place.repo, CommentSubject(comment_id))
    assert place.issue.comments == []


def test_labels_are_made_added_and_removed(place: Place, github: GitHub) -> None:
    for _ in range(2):
        github.set_labels(place.repo, place.number, add={"rfc: ready": "0e8a16"}, remove=["bug", "never there"])
    assert [(label.name, label.color) for label in place.issue.labels] == [("rfc: ready", "0e8a16")]


# --- permissions and installations ------------------------------------------------------------------------------------


def test_a_missing_permission_is_named(place: Place, github: GitHub) -> None:
    del place.installation.permissions["checks"]
    run = CheckRun("rfcsmith", place.head(), "run/1", "in_progress", None, "t", "s")
    with pytest.raises(UserError, match="checks: "):
        github.ensure_check_run(place.repo, run)


def test_a_suspended_and_a_removed_installation_are_told_in_words(place: Place) -> None:
    place.act.suspend("octo")
    with pytest.raises(UserError, match="suspended"):
        place.app().installation(place.installation.id).issue(place.repo, place.number)
    place.act.unsuspend("octo")
    place.act.uninstall("octo")
    with pytest.raises(UserError, match="not installed"):
        place.app().installation(place.installation.id).issue(place.repo, place.number)


def test_a_token_that_was_just_minted_may_be_refused_for_a_moment(place: Place, github: GitHub) -> None:
    place.fault("bad_token", operation="issues/get", times=2)
    assert github.issue(place.repo, place.number).number == place.number
    assert place.naps == [1.0, 2.0]


def git_with(token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": "/usr/bin:/bin",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Bearer {token}",
    }
    return subprocess.run(["git", *arguments], env=env, capture_output=True, text=True, check=False)


def test_the_token_for_git_reads_this_repository_and_no_other(place: Place, github: GitHub) -> None:
    place.home.private = True
    other = place.act.add_repository("octo/other", files={"a": "b"})
    other.private = True
    token = github.token(place.repo, write=False)
    read = git_with(token, "ls-remote", f"{place.server.url}/{FULL_NAME}.git", "refs/heads/main")
    assert read.stdout.split() == [place.head(), "refs/heads/main"]
    assert git_with(token, "ls-remote", f"{place.server.url}/octo/other.git").returncode != 0
    granted = place.server.world.tokens[token]
    assert granted.permissions == {"contents": "read", "metadata": "read"}


def test_two_threads_work_with_one_installation_at_a_time(place: Place, github: GitHub) -> None:
    seen: list[str] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(github.issue(place.repo, place.number).title for _ in range(5)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["Make it faster"] * 20


def test_writes_of_one_installation_keep_their_distance(place: Place) -> None:
    github = place.app(write_pause=30.0).installation(place.installation.id)
    for number in range(int(CAPACITY) + 2):
        github.ensure_comment(place.repo, place.number, f"m{number}", "x")
    assert len(place.naps) == 2
    assert place.naps[0] > 25


# --- commits and branches ---------------------------------------------------------------------------------------------


def test_a_commit_is_verified_and_its_tree_is_the_one_that_git_makes(place: Place, github: GitHub) -> None:
    base = place.head()
    changes = (
        change("src/lib.rs", 'pub fn two() -> &\'static str {\n    "zwei — δύο"\n}\n'.encode()),
        change("src/windows.rs", b"// carriage\r\n// returns\r\n"),
        change("src/bom.rs", b"\xef\xbb\xbf// byte order mark"),
        change("tests/data.bin", bytes(range(256))),
        change("tests/latin1.txt", b"caf\xe9"),
        change("empty", b""),
        change("run.sh", b"#!/bin/sh\n", FileMode.EXECUTABLE),
        change("latest", b"src/lib.rs", FileMode.SYMLINK),
        change("docs/with space & ünïcode.md", b"x\n"),
        gone("src/old.rs"),
    )
    made = commit(place, github, base, "Say two\n\nCo-authored-by: mona <m@example.com>\n", *changes)
    git = place.home.git
    kept = git.commit(made)
    assert git.is_signed_by_github(kept)
    assert (kept.author.name, kept.parents) == ("rfcsmith[bot]", (base,))
    entries = {entry.path: entry.mode for entry in git.tree(made, recursive=True) if entry.type == "blob"}
    assert {"README.md", "run.sh", "latest"} <= entries.keys()
    assert "src/old.rs" not in entries
    assert (entries["run.sh"], entries["latest"], entries["src/lib.rs"]) == ("100755", "120000", "100644")
    assert all(
        git.file(made, it.path) == it.content for it in changes if it.mode in (FileMode.FILE, FileMode.EXECUTABLE)
    )


def test_a_workspace_that_the_hosts_git_took_is_published_as_the_same_tree(
    place: Place, github: GitHub, tmp_path: Path
) -> None:
    git = Git(tmp_path / "home")
    clone_url = github.repository(place.repo).clone_url
    base = git.fetch(place.repo.id, clone_url, github.token(place.repo, write=False), ref="main")
    workspace = tmp_path / "workspace"
    git.export(place.repo.id, base, workspace)
    (workspace / "src/lib.rs").write_bytes(b"pub fn two() {}\r\n")
    (workspace / "src/old.rs").rename(workspace / "src/new.rs")
    (workspace / "run.sh").chmod(0o755)
    (workspace / "data.bin").write_bytes(bytes(range(256)))
    (workspace / "latest").symlink_to("src/lib.rs")
    tree = git.snapshot(place.repo.id, workspace=workspace, run_id="run-1", number=1)
    made = github.commit(
        place.repo,
        parent=base,
        base_tree=git.tree_of(place.repo.id, base),
        changes=git.changes(place.repo.id, base, tree),
        message="m",
        expected_tree=tree,
    )
    assert (place.head(), place.home.git.commit(made).tree) == (base, tree)
    github.create_branch(place.repo, BRANCH, made)
    assert git.fetch(place.repo.id, clone_url, github.token(place.repo, write=False), ref=BRANCH) == made


def test_a_file_becomes_a_directory_and_a_directory_a_file(place: Place, github: GitHub) -> None:
    base = place.head()
    made = commit(place, github, base, "m", gone("README.md"), change("README.md/a", b"a"), gone("src/lib.rs"), gone("src/old.rs"), change("src", b"flat"))  # fmt: skip
    assert place.home.git.file(made, "README.md/a") == b"a"
    assert place.home.git.file(made, "src") == b"flat"


def test_many_files_travel_in_few_requests(place: Place, github: GitHub) -> None:
    changes = [change(f"src/m{number}.rs", b"// %d\n" % number) for number in range(400)]
    before = len(place.server.service.requests)
    made = commit(place, github, place.head(), "m", *changes)
    assert place.home.git.file(made, "src/m399.rs") == b"// 399\n"
    assert len(place.server.service.requests) - before <= 4


def test_a_branch_is_made_once_and_moves_forward(place: Place, github: GitHub) -> None:
    base = place.head()
    assert github.branch_head(place.repo, BRANCH) is None
    first = commit(place, github, base, "One", change("a", b"1"))
    for _ in range(2):
        github.create_branch(place.repo, BRANCH, first)
    second = commit(place, github, first, "Two", change("a", b"2"))
    for _ in range(2):
        github.move_branch(place.repo, BRANCH, expected=first, sha=second)
    assert github.branch_head(place.repo, BRANCH) == place.head(BRANCH) == second


def test_a_branch_that_is_there_and_points_elsewhere_is_a_conflict(place: Place, github: GitHub) -> None:
    theirs = place.act.push(FULL_NAME, "mona", BRANCH, {"b": "theirs"}, "Mine")
    with pytest.raises(Conflict):
        github.create_branch(place.repo, BRANCH, place.head())
    assert place.head(BRANCH) == theirs


def test_a_push_by_somebody_else_is_never_overwritten(place: Place, github: GitHub) -> None:
    base = place.head()
    github.create_branch(place.repo, BRANCH, base)
    ours = commit(place, github, base, "Ours", change("a", b"ours"))
    theirs = place.act.push(FULL_NAME, "mona", BRANCH, {"b": "theirs"}, "Theirs")
    with pytest.raises(Conflict):
        github.move_branch(place.repo, BRANCH, expected=base, sha=ours)
    with pytest.raises(Conflict):
        # As if the push had come between the look and the move: what is no fast forward is refused by GitHub itself.
        github.move_branch(place.repo, BRANCH, expected=theirs, sha=ours)
    assert place.head(BRANCH) == theirs


@pytest.mark.parametrize("fault", ["unavailable_after", "cut_off_after", "unavailable"])
@pytest.mark.parametrize("operation", ["git/create-ref", "git/update-ref", "git/create-commit", "git/create-tree"])
def test_trouble_on_the_way_of_a_commit_is_got_over(place: Place, github: GitHub, operation: str, fault: str) -> None:
    place.fault(fault, operation=operation)
    base = place.head()
    first = commit(place, github, base, "One", change("a", b"1"))
    github.create_branch(place.repo, BRANCH, base)
    github.move_branch(place.repo, BRANCH, expected=base, sha=first)
    assert place.head(BRANCH) == first


def test_a_branch_in_the_way_of_ours_is_explained(place: Place, github: GitHub) -> None:
    place.act.push(FULL_NAME, "mona", "rfcsmith", {"b": "x"}, "In the way")
    with pytest.raises(UserError, match="`rfcsmith` may be in the way"):
        github.create_branch(place.repo, BRANCH, place.head())


def test_a_branch_is_deleted_only_where_it_is_still_what_was_expected(place: Place, github: GitHub) -> None:
    ours = place.act.push(FULL_NAME, "mona", BRANCH, {"a": "1"}, "Ours")
    theirs = place.act.push(FULL_NAME, "mona", BRANCH, {"a": "2"}, "Theirs")
    github.delete_branch(place.repo, BRANCH, expected=ours)
    assert place.head(BRANCH) == theirs
    place.fault("cut_off_after", operation="git/delete-ref")
    for _ in range(2):
        github.delete_branch(place.repo, BRANCH, expected=theirs)
    assert github.branch_head(place.repo, BRANCH) is None


def test_a_protected_branch_is_explained(place: Place, github: GitHub) -> None:
    base = place.head()
    place.act.protect(FULL_NAME, "main")
    ours = commit(place, github, base, "Ours", change("a", b"ours"))
    with pytest.raises(UserError, match="rule"):
        github.move_branch(place.repo, "main", expected=base, sha=ours)


def test_a_commit_is_found_again_by_its_trailer(place: Place, github: GitHub) -> None:
    base = place.head()
    place.act.push(FULL_NAME, "mona", BRANCH, {"b": "x"}, "Forged\n\nRfcsmith-Step: run/1\n")
    assert github.find_commit(place.repo, BRANCH, "Rfcsmith-Step: run/1") is None
    ours = commit(place, github, place.head(BRANCH), "Ours\n\nRfcsmith-Step: run/1\n", change("a", b"1"))
    github.move_branch(place.repo, BRANCH, expected=place.head(BRANCH), sha=ours)
    assert github.find_commit(place.repo, BRANCH, "Rfcsmith-Step: run/1") == ours
    assert github.find_commit(place.repo, base, "Rfcsmith-Step: run/1") is None
    assert github.find_commit(place.repo, "no-such-branch", "Rfcsmith-Step: run/1") is None


# --- pull requests and checks -----------------------------------------------------------------------------------------


def test_a_pull_request_asked_for_twice_is_one(place: Place, github: GitHub) -> None:
    first = open_pull(place, github)
    again = github.ensure_pull_request(place.repo, branch=BRANCH, base="main", title="T", body="B", draft=True)
    assert first.number == again.number
    assert len(place.home.pull_requests) == 1
    assert (first.is_draft, first.head_ref, first.head_sha) == (True, BRANCH, place.head(BRANCH))
    assert first.head_repository_id == place.repo.id
    assert first == github.pull_request(place.repo, first.number) == github.find_pull_request(place.repo, BRANCH)


@pytest.mark.parametrize("fault", ["unavailable_after", "cut_off_after", "unavailable"])
def test_trouble_while_opening_leaves_exactly_one_pull_request(place: Place, github: GitHub, fault: str) -> None:
    place.fault(fault, operation="pulls/create")
    assert open_pull(place, github).title == "Two"
    assert len(place.home.pull_requests) == 1


def test_a_pull_request_opens_ready_where_drafts_are_not_to_be_had(place: Place, github: GitHub) -> None:
    place.home.allows_drafts = False
    assert not open_pull(place, github).is_draft


def test_a_pull_request_without_commits_is_explained(place: Place, github: GitHub) -> None:
    github.create_branch(place.repo, BRANCH, place.head())
    with pytest.raises(UserError, match="holds nothing"):
        github.ensure_pull_request(place.repo, branch=BRANCH, base="main", title="T", body="B", draft=False)


def test_a_closed_pull_request_is_found_but_does_not_count_as_open(place: Place, github: GitHub) -> None:
    first = open_pull(place, github)
    place.act.close(FULL_NAME, first.number, "mona")
    found = github.find_pull_request(place.repo, BRANCH)
    assert found is not None
    assert (found.number, found.state) == (first.number, IssueState.CLOSED)
    second = github.ensure_pull_request(place.repo, branch=BRANCH, base="main", title="T", body="B", draft=False)
    assert second.number != first.number
    assert github.find_pull_request(place.repo, BRANCH) == second


def test_title_and_body_are_edited_and_nothing_else(place: Place, github: GitHub) -> None:
    number = open_pull(place, github).number
    github.edit_pull_request(place.repo, number, body="New")
    github.edit_pull_request(place.repo, number)
    pull_request = github.pull_request(place.repo, number)
    assert (pull_request.title, pull_request.body) == ("Two", "New")


def test_a_draft_becomes_ready_once(place: Place, github: GitHub) -> None:
    pull_request = open_pull(place, github)
    for _ in range(2):
        github.mark_ready(pull_request)
    assert not github.pull_request(place.repo, pull_request.number).is_draft


def test_a_check_run_is_one_and_has_each_annotation_once(place: Place, github: GitHub) -> None:
    annotations = tuple(Annotation("src/lib.rs", line, line, "notice", f"m{line}") for line in range(1, 121))
    run = CheckRun("rfcsmith", place.head(), "run/1", "in_progress", None, "At work", "…")
    done = replace(run, status="completed", conclusion="success", title="Proven", text="t", annotations=annotations)
    for check_run in (run, run, done, done):
        github.ensure_check_run(place.repo, check_run)
    github.ensure_check_run(place.repo, replace(run, external_id="run/2"))
    first, second = place.home.check_runs
    assert (first.external_id, first.status, first.conclusion) == ("run/1", "completed", "success")
    assert [annotation["message"] for annotation in first.annotations] == [f"m{line}" for line in range(1, 121)]
    assert (second.external_id, second.status) == ("run/2", "in_progress")


# --- reviews ----------------------------------------------------------------------------------------------------------


def reviewed(place: Place, number: int, *bodies: str) -> int:
    comments = [{"path": "src/lib.rs", "anchor": "two", "body": body} for body in bodies]
    return int(place.act.request_changes(FULL_NAME, number, "mona", "Not yet.", comments))


def test_reviews_and_their_threads_are_read(place: Place, github: GitHub) -> None:
    number = open_pull(place, github).number
    review_id = reviewed(place, number, "Why u8?", "And a doc comment?")
    [review] = github.reviews(place.repo, number)
    assert (review.id, review.state, review.body) == (review_id, ReviewState.CHANGES_REQUESTED, "Not yet.")
    first, second = github.review_threads(place.repo, number)
    assert [comment.body for comment in (*first.comments, *second.comments)] == ["Why u8?", "And a doc comment?"]
    assert (first.path, first.line, first.is_resolved, first.is_outdated) == ("src/lib.rs", 1, False, False)
    assert (first.comments[0].review_id, first.comments[0].author.login) == (review_id, "mona")


def test_an_answer_in_a_thread_is_given_once_and_the_thread_resolved(place: Place, github: GitHub) -> None:
    number = open_pull(place, github).number
    reviewed(place, number, "Why u8?")
    [thread] = github.review_threads(place.repo, number)
    later = place.act.reply(FULL_NAME, thread.comments[0].id, "mona", "Hello?")
    for comment_id, body in ((thread.comments[0].id, "Because."), (later, "Because."), (later, "It fits.")):
        github.reply(place.repo, number, comment_id, "answer-1", body)
    for _ in range(2):
        github.resolve_thread(thread.node_id)
    [thread] = github.review_threads(place.repo, number)
    assert thread.is_resolved
    assert [(comment.author.login, comment.author.is_bot) for comment in thread.comments] == [
        ("mona", False),
        ("mona", False),
        ("rfcsmith[bot]", True),
    ]
    assert thread.comments[-1].body == with_marker("It fits.", "answer-1")


def test_a_thread_with_many_remarks_and_many_threads_are_read_to_the_end(place: Place, github: GitHub) -> None:
    number = open_pull(place, github).number
    reviewed(place, number, *(f"Remark {index}" for index in range(53)))
    first = github.review_threads(place.repo, number)[0].comments[0].id
    for index in range(60):
        place.act.reply(FULL_NAME, first, "mona", f"More {index}")
    threads = github.review_threads(place.repo, number)
    assert len(threads) == 53
    assert [comment.body for comment in threads[0].comments] == ["Remark 0", *(f"More {index}" for index in range(60))]


def test_a_thread_whose_line_was_changed_is_outdated(place: Place, github: GitHub) -> None:
    pull_request = open_pull(place, github)
    reviewed(place, pull_request.number, "Why u8?")
    sha = commit(place, github, pull_request.head_sha, "m", change("src/lib.rs", b"pub fn three() {}\n"))
    github.move_branch(place.repo, BRANCH, expected=pull_request.head_sha, sha=sha)
    [thread] = github.review_threads(place.repo, pull_request.number)
    assert (thread.is_outdated, thread.line) == (True, None)


@pytest.mark.parametrize("fault", ["unavailable_after", "cut_off_after", "unavailable"])
def test_trouble_while_answering_leaves_exactly_one_answer(place: Place, github: GitHub, fault: str) -> None:
    number = open_pull(place, github).number
    reviewed(place, number, "Why u8?")
    [thread] = github.review_threads(place.repo, number)
    place.fault(fault, operation="pulls/create-reply-for-review-comment")
    github.reply(place.repo, number, thread.comments[0].id, "answer-1", "Because.")
    [thread] = github.review_threads(place.repo, number)
    assert len(thread.comments) == 2


def test_an_answer_to_a_deleted_remark_is_a_conflict(place: Place, github: GitHub) -> None:
    with pytest.raises(Conflict):
        github.reply(place.repo, open_pull(place, github).number, 12345, "answer-1", "Because.")


def test_reviews_and_remarks_get_reactions(place: Place, github: GitHub) -> None:
    number = open_pull(place, github).number
    review_id = reviewed(place, number, "Why u8?")
    [thread] = github.review_threads(place.repo, number)
    for _ in range(2):
        github.react(place.repo, ReviewSubject(number, review_id))
        github.react(place.repo, ReviewCommentSubject(thread.comments[0].id))
    pull_request = place.act.pull_request(FULL_NAME, number)
    assert [reaction.content for reaction in pull_request.reviews[0].reactions] == ["eyes"]
    assert [reaction.content for reaction in pull_request.comments[0].reactions] == ["eyes"]


def test_reviewers_are_asked_and_the_author_and_strangers_passed_over(place: Place, github: GitHub) -> None:
    number = open_pull(place, github).number
    github.request_review(place.repo, number, ["rfcsmith[bot]", "mona"])
    github.request_review(place.repo, number, [])
    asked = place.act.pull_request(FULL_NAME, number).requested_reviewers
    assert [person.login for person in asked] == ["mona"]


# --- deliveries -------------------------------------------------------------------------------------------------------


def test_a_delivery_that_failed_is_seen_and_can_be_asked_for_again(place: Place) -> None:
    place.server.set_webhook("http://127.0.0.1:9/nobody-listens")
    place.act.comment(FULL_NAME, place.number, "mona", "/rfc")
    assert place.server.wait_for_deliveries()
    app = place.app()
    [attempt] = app.deliveries(since=datetime.now(UTC) - timedelta(minutes=5))
    assert (attempt.event, attempt.action, attempt.is_redelivery) == ("issue_comment", "created", False)
    assert not 200 <= attempt.status_code < 300
    app.redeliver(attempt.id)
    assert place.server.wait_for_deliveries()
    again, _ = app.deliveries(since=datetime.now(UTC) - timedelta(minutes=5))
    assert (again.delivery_id, again.is_redelivery) == (attempt.delivery_id, True)
    assert app.deliveries(since=datetime.now(UTC) + timedelta(minutes=5)) == ()
