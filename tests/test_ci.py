"""The bot's pull request and the repository's own CI, against the simulated GitHub: what a look sees, and what follows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench._worker import hands_at
from bot.checking import Baseline, worse_than_base
from bot.domain import (
    Actor,
    Check,
    CheckKind,
    CheckResult,
    CiFailure,
    CiWatch,
    Diagnostic,
    Failure,
    Level,
    Missed,
    Repo,
    Run,
    RunKind,
    Stage,
    Target,
)
from bot.store import Store
from bot.webhook import parse
from simulator.github.server import GitHubServer
from simulator.github.state import PullRequest
from workflows import hands
from workflows.steps import ci, failures, mending, preparation, reception, rules
from workflows.steps.records import BEGAN, CONTINUES

NAME, BRANCH = "ferris-labs/demo", "rfcsmith/1-faster"
PATIENCE = 300.0


class Place:
    """A repository with a pull request of the bot's, whose head was pushed a minute and a half ago."""

    def __init__(self, github: GitHubServer, store: Store, *, allows_drafts: bool = True) -> None:
        self.github, self.act, self.store = github, github.act, store
        files: dict[str, str | bytes] = {"src/lib.rs": "pub fn one() {}\n"}
        self.home = self.act.add_repository(NAME, files=files, allows_drafts=allows_drafts)
        self.act.grant(NAME, "mara", "maintain")
        installation = self.act.install("ferris-labs")
        self.act.open_issue(NAME, "mara", "Faster")
        with github.world.lock:
            github.changes.push_files(self.home, github.app.bot, BRANCH, {"src/lib.rs": "pub fn two() {}\n"}, "Two")
        self.repo = Repo(self.home.id, "ferris-labs", "demo", installation.id)
        self.target = Target(self.repo, 1)
        self.client = hands.current().github.installation(installation.id)
        opened = self.client.ensure_pull_request(
            self.repo, branch=BRANCH, base="main", title="Two", body="Closes #1", draft=True
        )
        self.number = opened.number
        run = store.open_run(Run("", RunKind.IMPLEMENT, self.target, 0, "d-1", Actor("mara", 3), branch=BRANCH))
        self.run = store.save_run(replace(run, stage=Stage.DONE, pull_request=self.number))
        store.bind(self.target, branch=BRANCH, pull_request=self.number)
        ci.watch(self.run, opened, opened.head_sha)
        self.grows_old(90)

    @property
    def pull_request(self) -> PullRequest:
        return self.act.pull_request(NAME, self.number)

    @property
    def head(self) -> str:
        return self.pull_request.head_sha

    @property
    def watch(self) -> CiWatch:
        found = self.store.ci_watch(self.repo.id, self.number)
        assert found is not None
        return found

    def grows_old(self, seconds: float) -> None:
        """The head was pushed so many seconds ago."""
        self.store.put_ci_watch(replace(self.watch, since=datetime.now(UTC) - timedelta(seconds=seconds)))

    def requires(self, *names: str) -> None:
        self.act.protect(NAME, "main", names)

    def ci(self, **jobs: str) -> int:
        """A finished run of Actions; jobs by name, with their conclusions."""
        return self.act.ci(NAME, self.github.app.bot.login, self.head, [(name, end, "") for name, end in jobs.items()])

    def look(self) -> float | None:
        """Look once; returns in how many seconds the next look is due."""
        due = ci.look(self.repo.id, self.number)
        return None if due is None else due.get("delay")

    @property
    def is_ready(self) -> bool:
        """Marked ready, and the one who asked is asked to look."""
        asked = [person.login for person in self.pull_request.requested_reviewers]
        assert asked in ([], ["mara"])
        return not self.pull_request.draft and asked == ["mara"]

    def pushes(self, files: dict[str, str | bytes | None]) -> None:
        """The bot pushes a commit to its branch."""
        with self.github.world.lock:
            self.github.changes.push_files(self.home, self.github.app.bot, BRANCH, files, "Mend CI")

    def base_moves(self, text: str, path: str = "src/lib.rs") -> None:
        """Somebody pushes onto the base."""
        with self.github.world.lock:
            mara = self.github.world.add_user("mara")
            self.github.changes.push_files(self.home, mara, "main", {path: text}, "On the base")

    @property
    def updates(self) -> tuple[Run, ...]:
        return self.store.runs_of_kind(self.repo.id, 1, RunKind.UPDATE)

    def hears(self) -> list[dict[str, object]]:
        """What the bot makes of everything that GitHub told it so far."""
        made: list[dict[str, object]] = []
        for number, told in enumerate(self.github.events):
            headers, body = {"X-GitHub-Event": told.name, "X-GitHub-Delivery": f"g-{number}"}, json.dumps(told.payload)
            delivery = parse(headers, body.encode())
            if delivery.event is None or told.app is not self.github.app or self.store.has_delivery(delivery.id):
                continue
            with self.store.engine.begin() as connection:
                self.store.receive(connection, delivery, headers, body.encode())
            made += reception.receive(delivery.id)
        return made


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    with GitHubServer() as server:
        yield server


@pytest.fixture(autouse=True)
def our_hands(github: GitHubServer, store: Store, tmp_path: Path) -> Iterator[hands.Hands]:
    made = hands_at(github, store, tmp_path, RFCSMITH_CI_PATIENCE=str(PATIENCE))
    yield made
    made.close()


@pytest.fixture
def place(github: GitHubServer, store: Store) -> Place:
    return Place(github, store)


# --- a draft until CI is green ----------------------------------------------------------------------------------------


def test_required_checks_that_are_green_make_the_draft_ready_whatever_the_others_say(place: Place) -> None:
    place.requires("test")
    place.ci(test="success", slow="failure")
    assert place.look() is None
    assert place.is_ready and place.watch.is_settled


def test_a_required_check_that_runs_is_waited_for(place: Place) -> None:
    place.requires("test")
    place.ci(lint="success")
    run = place.act.ci_start(NAME, "mara", place.head, ["test"], workflow="Tests")
    assert place.look() is None and place.pull_request.draft
    place.grows_old(PATIENCE + 1)
    assert place.look() is None and place.pull_request.draft
    place.act.ci_finish(NAME, "mara", run, [("test", "success", "")])
    place.look()
    assert place.is_ready


def test_without_required_checks_all_that_ran_must_be_green(place: Place) -> None:
    run = place.act.ci_start(NAME, "mara", place.head, ["test", "lint"])
    place.look()
    assert place.pull_request.draft
    place.act.ci_finish(NAME, "mara", run, [("test", "success", ""), ("lint", "neutral", "")])
    place.look()
    assert place.is_ready


def test_a_draft_whose_checks_are_all_skipped_is_marked_ready_so_that_they_run(place: Place) -> None:
    place.requires("test")
    place.ci(test="skipped")
    place.look()
    assert place.is_ready


def test_a_head_on_which_nothing_runs_is_ready_when_the_patience_is_over(place: Place) -> None:
    assert place.look() == pytest.approx(PATIENCE - 90, abs=5)
    assert place.pull_request.draft
    place.grows_old(PATIENCE + 1)
    assert place.look() is None
    assert place.is_ready


def test_nothing_is_concluded_from_a_head_that_was_pushed_a_moment_ago(place: Place) -> None:
    place.ci(test="success")
    place.grows_old(1)
    wait = place.look()
    assert wait is not None and 0 < wait < PATIENCE * ci.SETTLING
    assert place.pull_request.draft


@pytest.mark.parametrize("end", ["action_required", "cancelled"])
def test_what_waits_for_somebody_is_neither_green_nor_nothing(place: Place, end: str) -> None:
    place.ci(test=end)
    place.grows_old(PATIENCE + 1)
    assert place.look() is None
    assert place.pull_request.draft and not place.watch.is_settled


def test_a_required_status_counts_as_a_check_does(place: Place) -> None:
    place.requires("bors")
    place.ci(test="success")
    place.act.commit_status(NAME, "mara", place.head, "bors", "pending")
    place.look()
    assert place.pull_request.draft
    place.act.commit_status(NAME, "mara", place.head, "bors", "success")
    place.look()
    assert place.is_ready


def test_the_bots_own_check_run_is_no_ci(place: Place) -> None:
    app = place.github.app
    fields = {"name": "rfcsmith / evidence", "head_sha": place.head, "conclusion": "success"}
    with place.github.world.lock:
        own = fields | {"external_id": f"{place.run.id}/evidence"}
        place.github.changes.create_check_run(place.home, app, app.bot, own)
    assert place.client.ci_status(place.repo, place.number).checks == ()
    place.look()
    assert place.pull_request.draft


def test_where_drafts_are_refused_the_pull_request_opens_ready_and_review_waits_for_ci(
    github: GitHubServer, store: Store
) -> None:
    place = Place(github, store, allows_drafts=False)
    assert not place.pull_request.draft and not place.watch.was_draft
    run = place.act.ci_start(NAME, "mara", place.head, ["test"])
    place.look()
    assert not place.is_ready
    place.act.ci_finish(NAME, "mara", run, [("test", "success", "")])
    place.look()
    assert place.is_ready


def test_a_draft_that_a_person_marked_ready_or_made_a_draft_again_stays_as_it_is(place: Place) -> None:
    place.hears()
    place.act.ready(NAME, place.number, "mara")
    place.act.draft(NAME, place.number, "mara")
    place.ci(test="success")
    place.hears()
    place.look()
    assert place.pull_request.draft and place.watch.is_settled


def test_a_draft_that_was_marked_ready_once_is_not_marked_ready_again(place: Place) -> None:
    place.ci(test="success")
    place.look()
    place.act.draft(NAME, place.number, "mara")
    place.look()
    assert place.pull_request.draft


def test_a_closed_pull_request_and_one_with_a_run_at_work_are_left_alone(place: Place) -> None:
    place.ci(test="success")
    place.store.save_run(replace(place.run, stage=Stage.BUILD))
    assert place.look() is None and place.pull_request.draft
    place.store.save_run(replace(place.run, stage=Stage.DONE))
    place.act.close(NAME, place.number, "mara")
    assert place.look() is None and place.pull_request.draft


# --- the base moves on ------------------------------------------------------------------------------------------------


def test_a_base_that_conflicts_is_the_reason_for_one_update_of_this_head_and_this_base(place: Place) -> None:
    place.hears()
    place.base_moves("pub fn three() {}\n")
    assert [look["kind"] for look in place.hears()] == ["look"]
    due = ci.look(place.repo.id, place.number)
    assert due is not None and (due["kind"], due["partition"]) == ("update", place.target.key)
    assert ci.look(place.repo.id, place.number) == due, "the look may have to be repeated"
    (update,) = place.updates
    said = place.store.document(update.id, BEGAN, str)
    assert said is not None and "does not merge cleanly with this pull request any more (`src/lib.rs`)" in said
    place.store.save_run(replace(update, stage=Stage.FAILED))
    place.look()
    assert len(place.updates) == 1, "it was tried"


def test_a_base_that_merely_moves_and_moves_of_the_bots_own_start_nothing(place: Place) -> None:
    place.hears()
    place.base_moves("pub fn three() {}\n", path="src/other.rs")
    assert [look["kind"] for look in place.hears()] == ["look"]
    place.look()
    assert place.updates == () and place.watch.fits == (place.head, place.home.git.resolve("main"))
    with place.github.world.lock:
        bot = place.github.app.bot
        place.github.changes.push_files(place.home, bot, "main", {"src/lib.rs": "pub fn four() {}\n"}, "Four")
        place.github.changes.push_files(place.home, bot, "elsewhere", {"src/lib.rs": ""}, "Elsewhere")
    assert place.hears() == []


def test_a_conflict_waits_for_the_run_at_work_and_is_none_of_a_closed_pull_request(place: Place) -> None:
    place.base_moves("pub fn three() {}\n")
    place.store.save_run(replace(place.run, stage=Stage.BUILD))
    assert place.look() is None and place.updates == ()
    place.store.save_run(replace(place.run, stage=Stage.DONE))
    place.act.close(NAME, place.number, "mara")
    assert place.look() is None and place.updates == ()
    place.act.reopen(NAME, place.number, "mara")
    place.look()
    assert len(place.updates) == 1


def test_a_repository_may_keep_conflicts_to_itself_and_what_a_person_made_a_draft_rests(place: Place) -> None:
    place.hears()
    place.base_moves("update_on_conflict = false\n", path=".github/rfcsmith.toml")
    place.base_moves("pub fn three() {}\n")
    place.look()
    assert place.updates == ()
    place.base_moves("", path=".github/rfcsmith.toml")
    place.act.ready(NAME, place.number, "mara")
    place.act.draft(NAME, place.number, "mara")
    place.hears()
    place.look()
    assert place.updates == ()
    place.act.ready(NAME, place.number, "mara")
    place.look()
    assert len(place.updates) == 1


def test_after_three_updates_that_nobody_asked_for_a_person_has_to_act(place: Place) -> None:
    for number in range(failures.ROUNDS + 1):
        place.base_moves(f"pub fn three() {{ {number}; }}\n")
        place.look()
        place.look()
        for update in place.updates:
            place.store.save_run(replace(update, stage=Stage.DONE))
    assert len(place.updates) == failures.ROUNDS
    assert ["I have merged it 3 times" in comment.body for comment in place.pull_request.issue.comments] == [True]
    place.hears()
    place.act.comment(NAME, place.number, "mara", "I see.")
    place.hears()
    place.look()
    assert len(place.updates) == failures.ROUNDS + 1


def test_an_update_may_bring_rules_of_both_sides_together_and_add_none_of_its_own(place: Place) -> None:
    def pushed(branch: str, files: dict[str, str | bytes | None]) -> str:
        with place.github.world.lock:
            place.github.changes.push_files(place.home, place.github.world.add_user("mara"), branch, files, "Rules")
        return preparation.brought(place.repo, place.client.repository(place.repo).clone_url, branch)

    first = pushed("main", {"AGENTS.md": "a\n\n\n\n\nb\n"})
    head = pushed("topic", {"AGENTS.md": "a\n\n\n\n\nB\n"})
    base = pushed("main", {"AGENTS.md": "A\n\n\n\n\nb\n"})
    own = pushed("own", {"CLAUDE.md": "Be quick.\n"})
    run = place.store.open_run(Run("", RunKind.UPDATE, place.target, 0, "d-9", Actor("mara", 3), base_commit=base))
    place.store.put_document(run.id, CONTINUES, head)
    git = hands.current().git
    merged = git.merge(place.repo.id, base=first, ours=head, theirs=base)
    assert merged.conflicts == () and rules.complaint(run, merged.tree) == ""
    with_own = git.overlay(place.repo.id, merged.tree, source=own, paths=["CLAUDE.md"])
    assert "nobody asked you to change them:\n- CLAUDE.md\n" in rules.complaint(run, with_own)


# --- what is a reason to look -----------------------------------------------------------------------------------------


def test_what_ci_says_of_the_head_is_a_reason_to_look_and_what_it_says_of_others_is_not(place: Place) -> None:
    place.hears()
    place.ci(test="success")
    place.act.commit_status(NAME, "mara", place.head, "bors", "success")
    place.act.ci(NAME, "mara", "main", [("test", "failure", "")])
    looks = place.hears()
    # A check run, its suite and the run of the workflow; and the status.
    assert [look["kind"] for look in looks] == ["look"] * 4
    assert {look["partition"] for look in looks} == {place.target.key}


def test_the_bots_own_checks_are_no_reason_to_look(place: Place) -> None:
    place.hears()
    app = place.github.app
    fields = {"name": "rfcsmith / evidence", "head_sha": place.head, "conclusion": "failure"}
    with place.github.world.lock:
        place.github.changes.create_check_run(place.home, app, app.bot, fields)
    assert place.hears() == []


def test_a_persons_push_begins_a_new_time_and_is_a_reason_to_look(place: Place) -> None:
    place.hears()
    place.act.push(NAME, "mara", BRANCH, {"NOTES": "new"})
    assert [look["kind"] for look in place.hears()] == ["look"]
    assert place.watch.head_sha == place.head
    assert (datetime.now(UTC) - place.watch.since).total_seconds() < 30


# --- a red CI ---------------------------------------------------------------------------------------------------------

UNUSED = "error: unused variable: `x`\n##[error]Process completed with exit code 101."
CHANCE = "test talks ... FAILED\n##[error]Process completed with exit code 101."


def log_of(command: str, output: str) -> str:
    return f"##[group]Run {command}\n\x1b[36;1m{command}\x1b[0m\nshell: bash\n##[endgroup]\n{output}\n"


def fails(place: Place, output: str = UNUSED, ref: str = "", job: str = "test") -> int:
    return place.act.ci(NAME, "mara", ref or place.head, [(job, "failure", log_of("cargo clippy", output))])


def opened(place: Place) -> list[Run]:
    return list(place.store.runs_of_kind(place.repo.id, 1, RunKind.CI))


def comments(place: Place) -> list[str]:
    return [comment.body for comment in place.pull_request.issue.comments]


def ends(place: Place, run: Run) -> None:
    place.store.save_run(replace(run, stage=Stage.DONE))


def test_a_failure_that_is_no_chance_opens_one_round_with_the_telling_part_of_the_log(place: Place) -> None:
    place.requires("test")
    fails(place)
    due = ci.look(place.repo.id, place.number)
    assert due is not None and due["kind"] == "ci"
    # As after a crash between the round's opening and its way into the queue.
    assert ci.look(place.repo.id, place.number) == due
    (run,) = opened(place)
    assert (run.id, run.pull_request, run.requested_by.login) == (due["id"], place.number, "mara")
    (failure,) = place.store.document(run.id, failures.FAILURES, tuple[CiFailure, ...]) or ()
    assert (failure.place, failure.script) == ("CI / test", ("cargo clippy",))
    assert failure.headline == "error: unused variable: `x`" and "##[error]" in failure.log
    ends(place, run)
    assert ci.look(place.repo.id, place.number) is None and len(opened(place)) == 1
    assert place.pull_request.draft and comments(place) == []


def test_a_failure_of_a_check_that_is_not_required_beside_one_that_is_concerns_nobody(place: Place) -> None:
    place.requires("test")
    place.ci(test="success")
    place.act.ci(NAME, "mara", place.head, [("slow", "failure", "")], workflow="Slow")
    place.look()
    assert opened(place) == [] and place.is_ready


def test_nothing_begins_before_all_that_counts_has_come_to_its_end(place: Place) -> None:
    run = place.act.ci_start(NAME, "mara", place.head, ["test", "lint"])
    place.act.ci(NAME, "mara", place.head, [("docs", "failure", UNUSED)], workflow="Docs")
    place.look()
    assert opened(place) == []
    place.act.ci_finish(NAME, "mara", run, [("test", "success", ""), ("lint", "success", "")])
    place.look()
    assert len(opened(place)) == 1


def test_what_is_red_on_the_base_as_well_is_said_once_and_nothing_is_done(place: Place) -> None:
    place.requires("test")
    fails(place, ref="main")
    fails(place)
    assert place.look() is None and place.look() is None
    (said,) = comments(place)
    assert "`test` fails on `main` as well" in said and "mark it ready if you want" in said
    assert opened(place) == [] and place.pull_request.draft


def test_a_base_that_was_red_and_is_green_now_excuses_nothing(place: Place) -> None:
    fails(place, ref="main")
    place.act.ci(NAME, "mara", "main", [("test", "success", "")])
    fails(place)
    place.look()
    assert len(opened(place)) == 1 and comments(place) == []


def test_where_nothing_is_required_what_is_red_on_the_base_does_not_keep_the_draft_from_review(place: Place) -> None:
    fails(place, ref="main")
    fails(place)
    place.look()
    assert place.is_ready and len(comments(place)) == 1


def test_a_failure_that_may_be_chance_runs_again_once_and_is_named_flaky_where_it_passes(place: Place) -> None:
    run_id = fails(place, CHANCE)
    assert place.look() is None
    (again,) = [run for run in place.home.workflow_runs if run.id == run_id]
    assert again.attempt == 2 and again.status == "in_progress" and opened(place) == []
    assert place.look() is None and again.attempt == 2 and place.pull_request.draft
    place.act.ci_finish(NAME, "mara", run_id, [("test", "success", "")])
    place.look()
    place.look()
    assert place.is_ready
    (said,) = comments(place)
    assert said.startswith("`test` failed on CI and passed when run again: flaky")


def test_a_failure_that_comes_again_is_no_chance(place: Place) -> None:
    run_id = fails(place, CHANCE)
    place.look()
    place.act.ci_finish(NAME, "mara", run_id, [("test", "failure", log_of("cargo test", CHANCE))])
    place.look()
    assert len(opened(place)) == 1 and comments(place) == []


def test_where_failed_jobs_cannot_be_run_again_the_failure_counts(place: Place) -> None:
    fails(place, CHANCE)
    (run,) = place.home.workflow_runs
    run.is_too_old = True
    place.look()
    assert len(opened(place)) == 1


def test_what_is_no_job_of_actions_is_said_and_not_guessed_at(place: Place) -> None:
    place.requires("cla")
    place.act.commit_status(NAME, "mara", place.head, "cla", "failure", "Sign it, please")
    place.look()
    place.look()
    (said,) = comments(place)
    assert "- `cla`: `Sign it, please`" in said and opened(place) == []


def test_after_three_rounds_there_is_one_report_and_a_persons_word_begins_to_count_anew(place: Place) -> None:
    for number in range(4):
        place.pushes({"NOTES": str(number)})
        place.hears()
        place.look()
        place.grows_old(90)
        fails(place)
        place.look()
        if len(opened(place)) > number:
            place.store.put_document(opened(place)[-1].id, "outcome", "It is a mystery.\nMore.")
            ends(place, opened(place)[-1])
    assert len(opened(place)) == 3
    place.look()
    (report,) = comments(place)
    assert "`test` still fails on CI after 3 rounds" in report and report.count("`CI / test`: It is a mystery.") == 3
    place.act.comment(NAME, place.number, "jonas", "Me too!")
    place.hears()
    place.look()
    assert len(opened(place)) == 3
    place.act.comment(NAME, place.number, "mara", "I see; try once more, please.")
    place.hears()
    place.look()
    assert len(opened(place)) == 4 and len(comments(place)) == 3


def test_a_log_is_read_without_handing_the_token_to_whoever_keeps_it_and_only_its_end(place: Place) -> None:
    place.act.ci(NAME, "mara", place.head, [("test", "failure", "x" * 70 + "\n" + "the end\n" * 300_000)])
    (run,) = place.client.workflow_runs(place.repo, head_sha=place.head)
    (job,) = place.client.failed_jobs(place.repo, run.id)
    text = place.client.job_log(place.repo, job.id)
    assert len(text) <= 2_000_000 and text.startswith("the end\n") and text.endswith("the end\n")


# --- what CI teaches --------------------------------------------------------------------------------------------------


def failure(*commands: str) -> CiFailure:
    return CiFailure("CI", "test", "Run it", commands, (), "", "")


def check(command: str, left_out_because: str | None = None) -> Check:
    return Check(CheckKind.TEST, command, left_out_because=left_out_because)


@pytest.mark.parametrize(
    ("logged", "known", "missed", "because"),
    [
        ([], [], Missed.NO_COMMAND, ""),
        ([check("cargo test")], [], Missed.UNKNOWN, ""),
        ([check("cargo test")], [check("cargo test")], Missed.PASSED, ""),
        ([check("cargo test")], [check("cargo test", "needs nightly")], Missed.LEFT_OUT, "needs nightly"),
        ([check("cargo test")], [check("cargo test", "needs nightly"), check("cargo test")], Missed.PASSED, ""),
        (
            [check("cargo test", "runs on windows-latest")],
            [check("cargo test")],
            Missed.LEFT_OUT,
            "runs on windows-latest",
        ),
        ([check("cargo test"), check("cargo doc")], [check("cargo test")], Missed.UNKNOWN, ""),
    ],
)
def test_why_the_checks_missed_it_is_told_by_what_they_hold(
    logged: list[Check], known: list[Check], missed: Missed, because: str
) -> None:
    found = mending.judged(failure("cargo test"), logged, known)
    assert (found.missed, found.because) == (missed, because)


def test_what_failed_on_ci_must_be_green_in_the_end_if_the_sandbox_shows_what_to_mend(place: Place) -> None:
    fails(place)
    place.look()
    (run,) = opened(place)
    failed = (replace(failure("cargo clippy"), commands=("cargo clippy", "cargo hack")),)
    place.store.put_document(run.id, failures.FAILURES, failed)
    found = Diagnostic(Level.ERROR, "unused", "unused variable", "src/lib.rs", 1, 1)
    nowhere = Diagnostic(Level.ERROR, "", "no such command: `hack`", "", 0, 0)
    shown = CheckResult(check("cargo clippy"), Failure(101), 1.0, (found,))
    other = CheckResult(check("cargo doc"), Failure(101), 1.0, (found,))
    impossible = CheckResult(check("cargo hack"), Failure(101), 1.0, (nowhere,))
    baseline = Baseline((shown, other, impossible))
    demanded = mending.demanding(run, baseline)
    assert worse_than_base((shown, other, impossible), baseline) == ()
    assert worse_than_base((shown, other, impossible), demanded) == (shown,)
    assert "unused variable" in (place.store.document(run.id, mending.REPRODUCED, str) or "")
