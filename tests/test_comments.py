"""Every sentence that the bot says, as it will be read: `tests/snapshots/comments/<situation>.md`.

To accept new wording, delete the file, run the test (which writes it anew and fails), and read it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import comments
from bot.comments import BODY_LIMIT, fit, form
from bot.comments.contract import next_version
from bot.domain import (
    Actor,
    Assignment,
    BundleLink,
    Check,
    CheckKind,
    CheckResult,
    CiCheck,
    CiFailure,
    CiState,
    Concern,
    Contract,
    Criterion,
    Evidence,
    Failure,
    Finding,
    FindingAnswer,
    Inquiry,
    IssueState,
    ItemChange,
    KeptWork,
    LastChecks,
    LookHere,
    Missed,
    Mutant,
    MutantFate,
    Mutation,
    Permission,
    Plan,
    Proof,
    PullRequest,
    RedKind,
    Release,
    Repo,
    Rfc,
    Run,
    RunKind,
    Semver,
    Severity,
    Stage,
    Success,
    TakenOut,
    Target,
    Task,
    TaskState,
    Term,
    TermKind,
    Usage,
    Verb,
)
from bot.rfc import pages
from bot.rfc.draft import ConcernAnswer, Reply
from bot.rfc.drift import Drift

SNAPSHOTS = Path(__file__).parent / "snapshots" / "comments"
MARA = Actor("mara", 7)
RUN = Run("implement-1-7-1", RunKind.IMPLEMENT, Target(Repo(1, "o", "r", 9), 7), 1, "d", MARA, stage=Stage.BUILD)
USAGE = Usage(input=1200, cached=34_000, cache_written=800, output=560)
PLAN = Plan(
    (
        Task("T1", "Parse the flag", ("AC-1",), state=TaskState.DONE),
        Task("T2", "Print it", ("AC-1", "AC-2"), state=TaskState.OPEN),
        Task("T3", "Rename things", state=TaskState.DROPPED, why="Callers would break."),
    )
)
CRITERIA = (
    Criterion("AC-1", "`a | b` is printed.", "cli::prints"),
    Criterion("AC-2", "Nothing else changes."),
    Criterion("AC-3", "It does not panic."),
)
FINDINGS = (
    Finding("F1", Severity.BLOCKER, "AC-1", "`print(0)` is not settled.", "Make it an error."),
    Finding("F2", Severity.MINOR, "design", "`print_it` is a long name."),
)
RFC = Rfc(2, "Print it", "It will be printed.", CRITERIA, "a" * 40, "d" * 64, comment_ids=(5,))
BY_HAND = replace(RFC, version=3, body="It will be printed.\n\nTwice.", author=MARA, note="Forecast: 1 file.")
CONCERNS = (
    Concern(1, "Colours | bars", MARA, datetime(2026, 11, 2, tzinfo=UTC), MARA, datetime(2026, 11, 3, tzinfo=UTC)),
    Concern(2, "It is slow", MARA, datetime(2026, 11, 4, tzinfo=UTC)),
)
PULL = PullRequest(
    8, "Print it", "", MARA, IssueState.OPEN, False, False, "rfcsmith/7-print", "b" * 40, 1, "main", "a" * 40,
    "https://github.example/o/r/pull/8",
)  # fmt: skip
COMMITS = (("a" * 40, "Tests for #7, red without the change"), ("c" * 40, "Print | it (#7)"))
EVIDENCE = Evidence(
    proofs=(
        Proof("tests/cli.rs::prints", RedKind.ASSERTION, True, ("AC-1",)),
        Proof("src/lib.rs::tests::prints_pairs", RedKind.COMPILE, True, ("AC-1",)),
        Proof("tests/cli.rs::aborts", RedKind.ABORT, False, ("AC-3",)),
        Proof("tests/cli.rs::more", RedKind.TODO, True),
    ),
    checks=(
        CheckResult(Check(CheckKind.FMT, "cargo fmt --check"), Success(), 0.31),
        CheckResult(Check(CheckKind.TEST, "cargo test | tee log"), Failure(101), 12.0),
    ),
    passed_before=10,
    passed_after=14,
    look_here=(
        LookHere("tests/data/a.txt", "this fixture was edited.", severity=Severity.MINOR),
        LookHere("tests/cli.rs::old", "this test was deleted.", "It | passed before.", Severity.BLOCKER),
        *(LookHere(f"src/{number}.rs", "an `#[allow]` is new.") for number in range(5)),
    ),
)
SHOWN = "https://github.example/o/r/issues/7#issuecomment-11"
KEPT = KeptWork("rfcsmith/7-print-wip", "https://github.example/o/r/tree/rfcsmith/7-print-wip", "c" * 40, files=3)
CHECKS = LastChecks((*EVIDENCE.checks, CheckResult(Check(CheckKind.DOC, "cargo doc"), Failure(1), 2.0)), ("cargo doc",))
FAILURES = (
    CiFailure(
        "CI", "docs", "Run cargo doc", (), (), "error: unresolved link to `it`", "", False, "ubuntu-latest",
        "https://github.example/o/r/actions/runs/1/job/2", ("cargo doc --no-deps",), Missed.UNKNOWN,
    ),
    CiFailure(
        "CI", "windows", "Run cargo test", (), (), "", "", False, "windows-latest", "", ("cargo test",), Missed.LEFT_OUT,
        "runs on windows-latest",
    ),
    CiFailure(
        "CI", "test", "Run cargo test", (), (), "test a ... FAILED", "", False, "ubuntu-24.04", "", ("cargo test",),
        Missed.PASSED,
    ),
    CiFailure("CI", "site", "Run ./site.sh", (), (), "", "", False, "", "", (), Missed.NO_COMMAND),
)  # fmt: skip
CONTRACT = Contract(
    (
        Term(TermKind.API, ItemChange.CHANGE, "Line::split", "src/line.rs", 12, "fn split(&self, at: u8 | u16)",
             "fn split(&self)", "", Semver.MAJOR),
        Term(TermKind.API, ItemChange.ADD, "Line::print", "src/line.rs", 30, "fn print(&self)", level=Semver.MINOR),
        Term(TermKind.API, ItemChange.ADD, "Made", "src/line.rs", 40, "struct Made", level=Semver.MINOR, is_certain=False,
             note="what a macro makes it of has changed"),
        Term(TermKind.DEPENDENCY, ItemChange.ADD, "itoa", "Cargo.toml", 9, "itoa 1", note="MIT OR Apache-2.0",
             packages=(("itoa", ""),)),
        Term(TermKind.TOOLCHAIN, ItemChange.CHANGE, "rust-version", "Cargo.toml", 5, "rust-version 1.70",
             "rust-version 1.60", "an older compiler no longer builds it", Semver.MINOR),
        Term(TermKind.UNSAFE, ItemChange.ADD, "Line::print", "src/line.rs", 31, "unsafe block", note="in `Line::print`"),
        Term(TermKind.LINT, ItemChange.ADD, "src/lib.rs", "src/lib.rs", 1, "#[allow(dead_code)]"),
    ),
    (Release("printer", "0.4.2", "0.4.2", Semver.MAJOR),),
)  # fmt: skip
DEPARTURES = ("the RFC says patch", "", "not in the RFC", "", "not in the RFC", "not in the RFC", "not in the RFC")
LONG = Contract(
    (
        *(
            Term(TermKind.API, ItemChange.ADD, f"f{n}", "src/lib.rs", n, f"fn f{n}()", level=Semver.MINOR)
            for n in range(1, 13)
        ),
        Term(TermKind.API, ItemChange.REMOVE, "gone", "src/lib.rs", 5, "fn gone()", level=Semver.MAJOR),
        *(Term(TermKind.PANIC, ItemChange.ADD, "f1", "src/lib.rs", n, ".unwrap()", note="in `f1`") for n in range(2)),
    ),
    (Release("printer", "1.4.2", "1.5.0", Semver.MAJOR), Release("other", "2.0.0", "2.0.0", Semver.MINOR)),
)

MUTATION = Mutation(
    (
        Mutant("src/lib.rs", 3, 7, "double", "replace * with +", MutantFate.CAUGHT, ("prints", "tests::prints_pairs")),
        Mutant("src/lib.rs", 4, 7, "double", "replace * with /", MutantFate.TIMEOUT),
        Mutant("src/lib.rs", 9, 5, "pairs", "replace pairs -> Pairs with Default::default()", MutantFate.UNVIABLE),
        Mutant("src/lib.rs", 12, 8, "pairs", "replace || with &&", MutantFate.MISSED),
        Mutant("src/main.rs", 2, 5, "", "replace > with >=", MutantFate.MISSED, reason="Both | print nothing."),
    ),
    untried=4,
    seconds=61.2,
)

SITUATIONS: dict[str, Callable[[], str]] = {
    "help_comment": lambda: comments.help_comment("rfcsmith"),
    "user_error_comment": lambda: comments.user_error_comment(MARA, "I do not know the command `/x`.", "Try `/help`."),
    "not_allowed_comment": lambda: comments.not_allowed_comment(MARA, Verb.RFC, Permission.TRIAGE),
    "nothing_to_design_comment": lambda: comments.nothing_to_design_comment(MARA),
    "taken_into_round_comment": lambda: comments.taken_into_round_comment(MARA),
    "concern_raised_comment": lambda: comments.concern_raised_comment(MARA, CONCERNS[1]),
    "concern_resolved_comment": lambda: comments.concern_resolved_comment(MARA, CONCERNS[0], ()),
    "concern_resolved_comment-with-others-open": lambda: comments.concern_resolved_comment(
        MARA, CONCERNS[0], CONCERNS[1:]
    ),
    "open_concerns_comment": lambda: comments.open_concerns_comment(MARA, CONCERNS[1:]),
    "open_concerns_comment-of-two": lambda: comments.open_concerns_comment(MARA, (CONCERNS[1], CONCERNS[1])),
    "no_such_version_comment": lambda: comments.no_such_version_comment(MARA, 7, RFC),
    "no_such_version_comment-before-it-was-there": lambda: comments.no_such_version_comment(MARA, None, RFC),
    "newer_version_comment": lambda: comments.newer_version_comment(MARA, RFC, BY_HAND),
    "round_running_comment": lambda: comments.round_running_comment(MARA, RUN, RFC),
    "round_running_comment-while-it-waits": lambda: comments.round_running_comment(
        MARA, replace(RUN, stage=Stage.QUEUED), RFC
    ),
    "rfc_changed_question": lambda: "\n\n".join(comments.rfc_changed_question(2, BY_HAND)),
    "rfc_changed_question-by-a-round": lambda: "\n\n".join(comments.rfc_changed_question(1, RFC)),
    "ground_moved_question": lambda: "\n\n".join(
        comments.ground_moved_question(["src/a.rs:3: `fn a` is not there."], "The parser was rewritten.")
    ),
    "no_parts_comment": lambda: comments.no_parts_comment(MARA),
    "split_comment": lambda: comments.split_comment(MARA, [8, 9], are_linked=True),
    "split_comment-without-sub-issues": lambda: comments.split_comment(MARA, [8, 9], are_linked=False),
    "part_issue_body": lambda: comments.part_issue_body("It parses.", 7, CRITERIA[:2], None),
    "part_issue_body-of-a-later-one": lambda: comments.part_issue_body("It prints.", 7, CRITERIA[2:], 8),
    "filing_comment": lambda: comments.filing_comment(MARA, "rfcs/0007-print-it.md"),
    "no_folder_comment": lambda: comments.no_folder_comment(MARA),
    "no_rfc_comment": lambda: comments.no_rfc_comment(MARA),
    "already_open_comment": lambda: comments.already_open_comment(MARA, PULL),
    "already_running_comment": lambda: comments.already_running_comment(MARA, RUN),
    "already_running_comment-of-what-waits": lambda: comments.already_running_comment(
        MARA, replace(RUN, stage=Stage.WAITING)
    ),
    "approved_with_remarks_comment": lambda: comments.approved_with_remarks_comment(MARA, "rfcsmith"),
    "nothing_running_comment": lambda: comments.nothing_running_comment(MARA),
    "remember_elsewhere_comment": lambda: comments.remember_elsewhere_comment(MARA),
    "nothing_to_remember_comment": lambda: comments.nothing_to_remember_comment(MARA),
    "stopping_comment": lambda: comments.stopping_comment(MARA, RUN),
    "running_status_comment": lambda: comments.running_status_comment(
        RUN, PLAN, USAGE, checks=CHECKS, dollars=1.236, url="https://github.example/o/r/issues/7#issuecomment-9"
    ),
    "running_status_comment-at-an-unknown-price": lambda: comments.running_status_comment(
        replace(RUN, kind=RunKind.RFC, stage=Stage.PREPARE), None, USAGE, checks=None, dollars=None, url=""
    ),
    "running_status_comment-of-what-waits": lambda: comments.running_status_comment(
        replace(RUN, stage=Stage.WAITING),
        None,
        USAGE,
        checks=None,
        dollars=0.5,
        url="https://github.example/o/r/issues/7#issuecomment-9",
        note=comments.waiting_note(Assignment.PLAN, "d" * 64, SHOWN),
    ),
    "idle_status_comment-of-what-was-stopped": lambda: comments.idle_status_comment(
        replace(RUN, stage=Stage.STOPPED), RFC, "", KEPT
    ),
    "heard_comment": lambda: comments.heard_comment(MARA, "Right.\nI will use a `BTreeMap`."),
    "heard_comment-without-a-word": lambda: comments.heard_comment(MARA, ""),
    "unheard_comment": lambda: comments.unheard_comment(MARA, RunKind.IMPLEMENT),
    "unheard_comment-of-a-review": lambda: comments.unheard_comment(MARA, RunKind.REVIEW),
    "idle_status_comment": lambda: comments.idle_status_comment(replace(RUN, stage=Stage.DONE), RFC, PULL.html_url),
    "idle_status_comment-of-nothing": lambda: comments.idle_status_comment(None, None, ""),
    "status_comment-at-work": lambda: comments.status_comment(RUN, PLAN),
    "status_comment-with-a-remark": lambda: comments.status_comment(RUN, None, remark=comments.started_over_remark(1)),
    "status_comment-queued": lambda: comments.status_comment(replace(RUN, stage=Stage.QUEUED), None),
    "status_comment-done": lambda: comments.status_comment(
        replace(RUN, stage=Stage.DONE), PLAN, comments.opened_note(PULL), links="[log](https://log.example)"
    ),
    "status_comment-stopped": lambda: comments.status_comment(
        replace(RUN, stage=Stage.STOPPED), PLAN, comments.stopped_note(MARA)
    ),
    "status_comment-failed": lambda: comments.status_comment(
        replace(RUN, stage=Stage.FAILED), PLAN, comments.failed_note("It is archived.", "Unarchive it.")
    ),
    "steering_comment": lambda: comments.steering_comment(MARA),
    "status_comment-waiting": lambda: comments.status_comment(
        replace(RUN, stage=Stage.WAITING), PLAN, comments.waiting_note(Assignment.PLAN, "d" * 64, SHOWN)
    ),
    "plan_comment": lambda: comments.plan_comment(
        MARA,
        Plan(
            (Task("T1", "Parse the flag", ("AC-1",), ("src/cli.rs", "src/lib.rs")), Task("T2", "Print it", ("AC-2",)))
        ),
        "The flag comes first.\nPrinting needs it.",
        digest="d" * 64,
        slug="rfcsmith",
    ),
    "red_tests_comment": lambda: comments.red_tests_comment(
        MARA,
        CRITERIA,
        {
            "tests/cli.rs::prints": RedKind.ASSERTION,
            "tests/cli.rs::aborts": RedKind.ABORT,
            "tests/cli.rs::more": RedKind.TODO,
        },
        {"tests/cli.rs::prints": ("AC-1",), "tests/cli.rs::aborts": ("AC-1", "AC-3"), "tests/cli.rs::more": ()},
        difference="--- a/tests/cli.rs\n+++ b/tests/cli.rs\n@@ -1 +1,2 @@\n+#[test]",
        digest="d" * 64,
        slug="rfcsmith",
    ),
    "waiting_note": lambda: comments.waiting_note(Assignment.PLAN, "d" * 64, SHOWN),
    "waiting_note-of-tests": lambda: comments.waiting_note(Assignment.TESTS, "d" * 64, SHOWN),
    "approved_comment": lambda: comments.approved_comment(MARA, Assignment.PLAN, has_words=False),
    "approved_comment-with-words": lambda: comments.approved_comment(MARA, Assignment.TESTS, has_words=True),
    "corrected_meanwhile_comment": lambda: comments.corrected_meanwhile_comment(MARA, Assignment.PLAN),
    "not_what_waits_comment": lambda: comments.not_what_waits_comment(MARA, Assignment.TESTS, "d" * 64, SHOWN),
    "nothing_to_approve_comment": lambda: comments.nothing_to_approve_comment(MARA, None),
    "nothing_to_approve_comment-while-it-works": lambda: comments.nothing_to_approve_comment(MARA, RUN),
    "stopped_note": lambda: comments.stopped_note(MARA),
    "account": lambda: comments.account(RunKind.IMPLEMENT, KEPT, PLAN, red_tests=2, checks=CHECKS),
    "account-of-a-draft": lambda: comments.account(
        RunKind.IMPLEMENT, replace(KEPT, url=PULL.html_url, pull_request=8), PLAN, red_tests=1, checks=CHECKS
    ),
    "unfinished_body": lambda: comments.unfinished_body(
        issue=7,
        why="I used up 80 turns on this part\nwithout bringing it to an end.",
        source=comments.Source(RFC, "https://github.example/o/r/issues/7#issuecomment-5"),
        plan=PLAN,
        red={"tests/cli.rs::prints": RedKind.ASSERTION, "src/lib.rs::tests::prints_pairs": RedKind.TODO},
        checks=CHECKS,
        usage=USAGE,
    ),
    "unfinished_body-of-a-beginning": lambda: comments.unfinished_body(
        issue=7, why="I used up 2 turns.", source=None, plan=None, red={}, checks=None, usage=USAGE
    ),
    "unfinished_body-that-leaves-rules-alone": lambda: comments.unfinished_body(
        issue=7,
        why="I used up 2 turns.",
        source=None,
        plan=None,
        red={},
        checks=None,
        usage=USAGE,
        as_before=("AGENTS.md",),
    ),
    "unpriced_remark": lambda: comments.unpriced_remark("claude-next-1"),
    "already_open_comment-of-an-unfinished-one": lambda: comments.already_open_comment(MARA, PULL, is_unfinished=True),
    "account-that-leaves-rules-alone": lambda: comments.account(
        RunKind.IMPLEMENT, replace(KEPT, as_before=("AGENTS.md", "docs/CLAUDE.md")), PLAN
    ),
    "account-of-a-little": lambda: comments.account(RunKind.IMPLEMENT, replace(KEPT, files=1), None),
    "account-of-a-review": lambda: comments.account(RunKind.REVIEW, KEPT, PLAN, red_tests=1, checks=CHECKS),
    "account-of-nothing": lambda: comments.account(RunKind.IMPLEMENT, None, PLAN),
    "account-of-what-is-never-published": lambda: comments.account(
        RunKind.IMPLEMENT, KeptWork(refusal="I must not publish this change: `.gitmodules` changes submodules."), PLAN
    ),
    "progress": lambda: comments.progress(PLAN),
    "checks_words": lambda: comments.checks_words(CHECKS),
    "checks_words-of-none": lambda: comments.checks_words(None),
    "checks_words-of-many": lambda: comments.checks_words(LastChecks(EVIDENCE.checks * 5)),
    "failed_note": lambda: comments.failed_note("It is archived.", "Unarchive it."),
    "bug_note": lambda: comments.bug_note(RUN.id),
    "bug_note-of-a-run-that-can-be-retried": lambda: comments.bug_note(RUN.id, can_be_retried=True),
    "going_on_comment": lambda: comments.going_on_comment(MARA, 7),
    "nothing_to_retry_comment": lambda: comments.nothing_to_retry_comment(MARA),
    "resumed_remark": lambda: comments.resumed_remark(1, is_same_base=True, has_red_tests=True),
    "resumed_remark-before-any-proof": lambda: comments.resumed_remark(2, is_same_base=True, has_red_tests=False),
    "resumed_remark-on-another-base": lambda: comments.resumed_remark(1, is_same_base=False, has_red_tests=True),
    "ended_note": lambda: comments.ended_note(MARA, "merged"),
    "joined_remark": lambda: comments.joined_remark("ab" * 20, 0),
    "joined_remark-with-one-conflict": lambda: comments.joined_remark("ab" * 20, 1),
    "joined_remark-with-conflicts": lambda: comments.joined_remark("ab" * 20, 2),
    "started_over_remark": lambda: comments.started_over_remark(1),
    "unavailable_note": lambda: comments.unavailable_note("The Messages API is overloaded.", 1),
    "rfc_comments": lambda: "\n\n=====\n\n".join(comments.rfc_comments(RFC)),
    "rfc_comments-with-concerns": lambda: comments.rfc_comments(BY_HAND, CONCERNS)[0],
    "rfc_comments-with-room-for-more": lambda: "\n\n=====\n\n".join(comments.rfc_comments(RFC, pages_held=2)),
    "rfc_note": lambda: comments.rfc_note(USAGE, 3, 2, "about 90,000 tokens"),
    "rfc_note-of-a-first-one": lambda: comments.rfc_note(USAGE, 1, 1, ""),
    "forecast_words": lambda: comments.forecast_words(3, 345_678, 250.0, None),
    "forecast_words-with-a-price": lambda: comments.forecast_words(1, 345_678, 50.0, 1.237),
    "round_comment": lambda: comments.round_comment(
        BY_HAND,
        RFC,
        what_changed="It prints twice now, because jonas asked for it.",
        replies=(Reply("jonas", "Yes, also\nin colour."),),
        concerns=((CONCERNS[1], ConcernAnswer(2, "It is measured now.")),),
        url="https://github.example/o/r/issues/7#issuecomment-5",
    ),
    "edited_comment": lambda: comments.edited_comment(BY_HAND, RFC),
    "inquiry_comment": lambda: comments.inquiry_comment(
        Inquiry("There is a parser (`src/parse.rs:7`) and a printer.", ("Which of them?\nBoth?", "For whom?"))
    ),
    "inquired_note": lambda: comments.inquired_note("https://github.example/o/r/issues/7#issuecomment-6"),
    "second_reader_note": lambda: comments.second_reader_note(
        FINDINGS,
        (FindingAnswer("F1", True, "It is an error now."), FindingAnswer("F2", False, "The issue names it.")),
    ),
    "rfc_done_note": lambda: comments.rfc_done_note(RFC, "https://github.example/o/r/issues/7#issuecomment-5"),
    "pull_request_body": lambda: comments.pull_request_body(
        issue=7,
        account=comments.Account("Prints it.\n", "It is printed twice.", "Look at the printing first.", COMMITS),
        source=comments.Source(
            RFC,
            "https://github.example/o/r/issues/7#issuecomment-5",
            Drift(("`src/extra.rs`",), ("`src/gone.rs`",), DEPARTURES),
        ),
        evidence=EVIDENCE,
        usage=USAGE,
        contract=CONTRACT,
    ),
    "plan_remarks": lambda: "\n\n".join(comments.plan_remarks(PLAN)),
    "contract_section": lambda: comments.contract_section(CONTRACT, DEPARTURES),
    "contract_section-without-an-rfc": lambda: comments.contract_section(CONTRACT),
    "contract_section-of-many-terms": lambda: comments.contract_section(LONG),
    "contract_section-of-nothing": lambda: comments.contract_section(Contract()),
    "contract_summary": lambda: comments.contract_summary(CONTRACT, DEPARTURES),
    "contract_summary-of-nothing": lambda: comments.contract_summary(Contract()),
    "drift_section": lambda: comments.drift_section(Drift(tuple(f"`src/{n}.rs`" for n in range(15)))),
    "opened_note": lambda: comments.opened_note(PULL),
    "opened_note-of-a-draft": lambda: comments.opened_note(replace(PULL, is_draft=True)),
    "red_on_base_comment": lambda: comments.red_on_base_comment(["test", "docs"], "main", is_draft=False),
    "red_on_base_comment-of-a-draft": lambda: comments.red_on_base_comment(["test"], "main", is_draft=True),
    "foreign_red_comment": lambda: comments.foreign_red_comment(
        [
            CiCheck("cla", CiState.FAILED, True, "https://cla.example/7", "Ask @boss for `it`"),
            CiCheck("deploy", CiState.FAILED, True),
        ]
    ),
    "flaky_comment": lambda: comments.flaky_comment(["test", "docs"]),
    "no_pull_request_comment": lambda: comments.no_pull_request_comment(MARA),
    "conflict_remark": lambda: comments.conflict_remark("main", "ab" * 20, ("src/lib.rs", "docs/a`b.md")),
    "conflict_comment": lambda: comments.conflict_comment("main", "ab" * 20, ("src/lib.rs",), 3),
    "up_to_date_note": lambda: comments.up_to_date_note("rfcsmith/1-a", "main"),
    "updated_note": lambda: comments.updated_note("main", "ab" * 20, (), "", "cd" * 20),
    "updated_note-with-conflicts": lambda: comments.updated_note(
        "main", "ab" * 20, ("src/lib.rs", "a`b"), "Both names stay.", "cd" * 20
    ),
    "mended_note": lambda: comments.mended_note(FAILURES, "A link led nowhere.", "It is gone. ", "c" * 40),
    "mended_note-without-a-commit": lambda: comments.mended_note(
        FAILURES[:1], "The runner had no network.", "Run it again.", ""
    ),
    "rounds_over_comment": lambda: comments.rounds_over_comment(
        [comments.Round(FAILURES, "It is gone.\nMore.", "c" * 40), comments.Round(FAILURES[:1], "")], ["docs"]
    ),
    "reviewed_note": lambda: comments.reviewed_note(PULL.html_url, "c" * 40, "Renamed it.\n"),
    "reviewed_note-without-a-commit": lambda: comments.reviewed_note(PULL.html_url, "", "Nothing to do."),
    "thread_reply-done": lambda: comments.thread_reply("done", "It is shorter now. ", "c" * 40),
    "thread_reply-done-without-a-commit": lambda: comments.thread_reply("done", "The RFC stays as it is.", ""),
    "told_only_here": lambda: comments.told_only_here(
        comments.own_region(SITUATIONS["pull_request_body"]()) + "\n\nWait for the release."
    ),
    "mutation_sentence": lambda: comments.mutation_sentence(MUTATION),
    "pull_request_body-after-an-amendment": lambda: comments.pull_request_body(
        issue=7,
        account=comments.Account("Pairs are printed."),
        source=comments.Source(RFC, taken_up=RFC.version + 1),
        evidence=Evidence(),
        usage=USAGE,
        contract=Contract(),
    ),
    "pull_request_body-after-a-round-with-tests": lambda: comments.pull_request_body(
        issue=7,
        account=comments.Account("Pairs are printed."),
        source=comments.Source(RFC),
        evidence=replace(
            EVIDENCE,
            proofs=(*EVIDENCE.proofs, Proof("tests/cli.rs::prints_none", RedKind.ASSERTION, True)),
            pinned=("tests/cli.rs::prints_as_before", "src/lib.rs::tests::keeps_order"),
        ),
        usage=USAGE,
        contract=Contract(),
    ),
    "pull_request_body-after-a-round-that-replaced-tests": lambda: comments.pull_request_body(
        issue=7,
        account=comments.Account("Pairs are printed."),
        source=comments.Source(replace(RFC, criteria=(*RFC.criteria, Criterion("AC-4", "It is fast.")))),
        evidence=Evidence(
            proofs=(Proof("tests/cli.rs::says", RedKind.ASSERTION, True, ("AC-1",), "tests/cli.rs::prints"),),
            pinned=("tests/cli.rs::prints_as_before", "tests/cli.rs::leaves_the_rest"),
            pinned_for=(("AC-2", "tests/cli.rs::leaves_the_rest"),),
            taken_out=(
                TakenOut("tests/cli.rs::aborts", RedKind.ABORT, ("AC-3",), True),
                TakenOut("tests/cli.rs::runs", RedKind.TODO, ("AC-4",), False),
            ),
        ),
        usage=USAGE,
        contract=Contract(),
    ),
    "amendment_reply": lambda: comments.amendment_reply(
        2,
        "`double(u8::MAX)` is `u8::MAX`.",
        "`double(u8::MAX)` panics.",
        "Callers that double large numbers would have to check first.",
        issue=7,
        url="https://github.example/o/r/pull/8#discussion_r5",
    ),
    "thread_reply-as-suggested": lambda: comments.thread_reply("done", "", "c" * 40, is_as_suggested=True),
    "thread_reply-as-suggested-before": lambda: comments.thread_reply("done", "", "", is_as_suggested=True),
    "thread_reply-not-as-suggested": lambda: comments.thread_reply(
        "done", "Clippy wants no `return` there, so it is without.", "c" * 40, is_as_suggested=False
    ),
    "thread_reply-question-about-what-is-applied": lambda: comments.thread_reply(
        "question", "Shall the other one be renamed as well?", "c" * 40, is_as_suggested=True
    ),
    "thread_reply-question": lambda: comments.thread_reply("question", "Do you mean both?", "c" * 40),
    "thread_reply-declined": lambda: comments.thread_reply("declined", "It would break callers.", ""),
    "pull_request_body-with-mutants": lambda: comments.pull_request_body(
        issue=7,
        account=comments.Account("Prints it."),
        source=comments.Source(RFC, "https://github.example/o/r/issues/7#issuecomment-5"),
        evidence=replace(EVIDENCE, look_here=(), mutation=MUTATION),
        usage=USAGE,
        contract=Contract(),
    ),
    "pull_request_body-with-mutants-of-a-review": lambda: comments.pull_request_body(
        issue=7,
        account=comments.Account("Prints it."),
        source=None,
        evidence=Evidence(mutation=replace(MUTATION, remark=f"{comments.REST_BEFORE_REVIEW} {comments.BEFORE_PUSH}")),
        usage=USAGE,
        contract=Contract(),
    ),
    "mutation_annotations": lambda: "\n".join(
        f"{each.path}:{each.start_line} {each.level} {each.title}: {each.message}"
        for each in comments.mutation_annotations(MUTATION)
    ),
    "evidence_title": lambda: comments.evidence_title(EVIDENCE),
    "evidence_summary": lambda: comments.evidence_summary(EVIDENCE, CONTRACT, DEPARTURES),
    "evidence_summary-with-an-archive": lambda: comments.evidence_summary(
        replace(EVIDENCE, bundle=BundleLink("1f" * 32, f"https://rfcsmith.example/evidence/{'1f' * 32}")), CONTRACT
    ),
    "evidence_summary-with-an-archive-of-ours": lambda: comments.evidence_summary(
        replace(EVIDENCE, bundle=BundleLink("1f" * 32)), CONTRACT
    ),
}


def test_a_pull_request_closes_its_own_issue_and_no_other_whatever_its_author_writes() -> None:
    words = (
        "It fixes #12, closes: o/r#3 and Resolved https://github.com/o/r/issues/4 (fix gh-5). It closes #7, and #71."
    )
    body = comments.pull_request_body(
        issue=7,
        account=comments.Account(words, "Closes #71.", "Fixed #70", remarks=("Planned, but dropped: Fix #9.",)),
        source=None,
        evidence=Evidence(),
        usage=USAGE,
        contract=Contract(),
    )
    assert re.findall(r"(?i)(?:clos|fix|resolv)\w*:? *(?:\S*#|http|gh-)\d*", body) == [
        "closes #7",
        "Closes #7",
    ]
    assert "It fixes issue #12, closes issue o/r#3 and Resolved issue https://github.com/o/r/issues/4" in body
    unfinished = comments.unfinished_body(
        issue=7, why="", source=None, plan=Plan((Task("T1", "Fix #7"),)), red={}, checks=None, usage=USAGE
    )
    assert "- Not done: Fix issue #7" in unfinished


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_bot_says_what_its_snapshot_says(situation: str) -> None:
    said = SITUATIONS[situation]() + "\n"
    snapshot = SNAPSHOTS / f"{situation}.md"
    if not snapshot.exists():
        snapshot.write_text(said)
        pytest.fail(f"{snapshot.name} is new: read it, and run again")
    assert said == snapshot.read_text()


def test_every_sentence_has_a_snapshot_and_every_snapshot_a_sentence() -> None:
    exported = dict(inspect.getmembers(comments, inspect.isfunction))
    own = {name for name, function in exported.items() if function.__module__ != form.__name__}
    assert own == {name.partition("-")[0] for name in SITUATIONS}
    assert {path.stem for path in SNAPSHOTS.iterdir()} == set(SITUATIONS)


@pytest.mark.parametrize("kind", RunKind)
@pytest.mark.parametrize("stage", Stage)
def test_every_stage_of_every_run_can_be_said(kind: RunKind, stage: Stage) -> None:
    said = comments.status_comment(replace(RUN, kind=kind, stage=stage), PLAN)
    assert comments.KIND_WORDS[kind].lower() in said.lower() and "Stage." not in said


def test_a_second_reader_who_finds_nothing_is_not_worth_a_word() -> None:
    assert comments.second_reader_note((), ()) == ""


def test_a_finding_without_an_answer_was_not_taken_in() -> None:
    assert "0 taken in, 2 not" in comments.second_reader_note(FINDINGS, ())


def test_a_quotation_marks_every_line() -> None:
    assert comments.quoted("\none\n\ntwo\n") == "> one\n>\n> two"


@pytest.mark.parametrize(
    ("version", "level", "expected"),
    [
        ("1.2.3", Semver.MAJOR, "2.0.0"),
        ("1.2.3", Semver.MINOR, "1.3.0"),
        ("0.3.1", Semver.MAJOR, "0.4.0"),
        ("0.3.1", Semver.MINOR, "0.3.2"),
        ("0.0.3", Semver.MAJOR, "0.0.4"),
        ("0.0.3", Semver.MINOR, "0.0.4"),
        ("0.0.0", Semver.MINOR, "0.0.1"),
        ("1.0.0-beta.1", Semver.MAJOR, ""),
    ],
)
def test_the_next_version_is_what_cargo_takes_for_compatible_or_not(version: str, level: Semver, expected: str) -> None:
    assert next_version(version, level) == expected


# --- fit -------------------------------------------------------------------------------------------------------------

FILLING = "some words that fill a line\n" * 100
NOTICE = "\n\n*(cut here: it is longer than GitHub takes)*"


def test_output_that_holds_a_fence_is_fenced_by_a_longer_one() -> None:
    assert form.fenced("plain\n") == "```text\nplain\n```"
    assert form.fenced("a ````` b") == "``````text\na ````` b\n``````"


def test_what_fits_is_left_alone() -> None:
    assert fit("```\nopen", 1000) == "```\nopen"


def test_what_is_too_long_is_cut_at_the_end_of_a_line_and_says_so() -> None:
    cut = fit(FILLING, 1000)
    assert len(cut) <= 1000 and cut.endswith("fill a line" + NOTICE)


@pytest.mark.parametrize("fence", ["```", "````", "~~~"])
def test_an_open_fence_is_closed_with_its_own_length(fence: str) -> None:
    assert fit(f"{fence}rust\n{FILLING}", 1000).endswith(f"fill a line\n{fence}{NOTICE}")


def test_a_shorter_fence_inside_a_longer_one_opens_and_closes_nothing() -> None:
    assert fit(f"````\n```\n{FILLING}", 1000).endswith(f"fill a line\n````{NOTICE}")


def test_the_bots_own_part_of_a_body_is_rewritten_and_peoples_words_around_it_stay() -> None:
    body = (
        f"Mara: careful here.\r\n\n{comments.own_region('The first text.')}\n\n- [ ] docs\n\n<!-- rfcsmith:issue:1 -->"
    )
    assert comments.with_own_region(body, "The second text.") == body.replace("The first text.", "The second text.")
    forged = comments.own_region("<!-- rfcsmith ends -->\n<!-- rfcsmith begins -->quoted")
    assert comments.with_own_region(forged, "x") == comments.own_region("x")
    assert comments.with_own_region("Nothing of the bot's is left.", "x") is None
    assert comments.with_own_region(comments.own_region("x"), "x" * comments.BODY_LIMIT) is None


def test_a_closed_fence_stays_closed() -> None:
    assert fit(f"```\ncode\n```\n{FILLING}", 1000).endswith(f"fill a line{NOTICE}")


def test_inline_code_in_three_backticks_is_no_fence() -> None:
    assert fit(f"```code``` in a line\n{FILLING}", 1000).endswith(f"fill a line{NOTICE}")


def test_open_details_are_closed_after_the_fence_in_them() -> None:
    text = f"<details>\n<summary>a</summary>\n\n<details>\n\n```\n<details>\n{FILLING}"
    assert fit(text, 1000).endswith(f"fill a line\n```\n\n</details>\n\n</details>{NOTICE}")


def test_a_hidden_remark_that_is_cut_does_not_hide_the_notice() -> None:
    assert fit(f"<!-- \n{FILLING}", 1000).endswith(f"fill a line\n-->{NOTICE}")


def test_an_endless_rfc_goes_on_in_further_comments_and_nothing_of_it_is_lost() -> None:
    long = replace(RFC, body="\n\n".join(f"### Section {n}\n\n{FILLING}" for n in range(40)))
    said = comments.rfc_comments(long)
    assert len(said) > 2 and all(len(each) <= BODY_LIMIT for each in said)
    assert "**Next:** discuss it here." in said[0] and "Kept free" in said[-1]
    assert pages.content(said).split() == long.body.split()
