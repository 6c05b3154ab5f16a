"""The words that many sentences share: labels, commands, stages, kinds of runs and of red tests. Pure."""

from __future__ import annotations

from bot.domain import RedKind, RunKind, Stage, Verb

RFC_NEEDED = "rfc-needed"


RFC_IN_REVIEW = "rfc-in-review"


LABELS = {RFC_NEEDED: "d4c5f9", RFC_IN_REVIEW: "5319e7"}
"""The labels that the bot makes where they are missing, with their colours."""


COMMANDS = {
    Verb.RFC: (
        "`/rfc [what to change]`",
        "draft the RFC, or a new version of it; `/rfc split` opens an issue for each of its parts, "
        "`/rfc file` adds it to the pull request as a document",
        "triage",
    ),
    Verb.CONCERN: ("`/concern <title>`", "object to the RFC: `/implement` waits until it is resolved", "triage"),
    Verb.RESOLVE: ("`/resolve <title>`", "take a concern off again, by its title or number", "triage"),
    Verb.IMPLEMENT: (
        "`/implement [--pair] [v<version>]`",
        "build the RFC that you see, or that version, and open a pull request; with `--pair` it shows you its plan, and then its red tests, "
        "and waits each time",
        "write",
    ),
    Verb.APPROVE: ("`/approve [digest]`", "let an implementation with `--pair` go on from what it shows you", "write"),
    Verb.RETRY: (
        "`/retry [hint]`",
        "go on from where the last run that was stopped or failed left off, minding the hint",
        "write",
    ),
    Verb.UPDATE: (
        "`/update`",
        "merge the base branch into the pull request, resolve what conflicts, and prove everything green again",
        "write",
    ),
    Verb.REMEMBER: (
        "`/remember <rule>`",
        "on the pull request: write the rule into `AGENTS.md`, in a commit that you can review; without a rule in a review thread: what the thread taught",
        "write",
    ),
    Verb.STOP: ("`/stop`", "stop what is running here; the work so far is kept as a branch", "write"),
    Verb.STATUS: ("`/status`", "say what is going on", "anyone"),
    Verb.HELP: ("`/help`", "show this list", "anyone"),
}
"""Each command: how it is written, what it does, who may."""


STAGE_WORDS = {
    Stage.QUEUED: "waiting for its turn",
    Stage.PREPARE: "preparing the workspace",
    Stage.INVESTIGATE: "reading the code and designing",
    Stage.CRITIQUE: "letting a second reader look for what is wrong or missing",
    Stage.PLAN: "planning",
    Stage.TESTS: "writing the tests first",
    Stage.RED: "proving the tests red in a fresh container",
    Stage.BUILD: "building until every check is green",
    Stage.VERIFY: "verifying in a fresh container",
    Stage.MUTATE: "testing the tests with mutants",
    Stage.EXAMINE: "letting an examiner with fresh eyes look for what is wrong",
    Stage.PUBLISH: "publishing",
    Stage.WAITING: "waiting for your approval",
    Stage.DONE: "done",
    Stage.ASKED: "waiting for answers",
    Stage.STOPPED: "stopped",
    Stage.FAILED: "failed",
}


STAGES_OF = {
    RunKind.RFC: (Stage.PREPARE, Stage.INVESTIGATE, Stage.CRITIQUE, Stage.PUBLISH),
    RunKind.IMPLEMENT: (
        Stage.PREPARE,
        Stage.PLAN,
        Stage.CRITIQUE,
        Stage.TESTS,
        Stage.RED,
        Stage.BUILD,
        Stage.VERIFY,
        Stage.MUTATE,
        Stage.EXAMINE,
        Stage.PUBLISH,
    ),
    RunKind.REVIEW: (Stage.PREPARE, Stage.BUILD, Stage.VERIFY, Stage.PUBLISH),
    RunKind.CI: (Stage.PREPARE, Stage.BUILD, Stage.VERIFY, Stage.PUBLISH),
    RunKind.UPDATE: (Stage.PREPARE, Stage.BUILD, Stage.VERIFY, Stage.PUBLISH),
    RunKind.WARM: (Stage.PREPARE,),
}


KIND_WORDS = {
    RunKind.RFC: "the RFC",
    RunKind.IMPLEMENT: "the implementation",
    RunKind.REVIEW: "the review round",
    RunKind.CI: "the mending of CI",
    RunKind.UPDATE: "the update",
    RunKind.WARM: "the measurement of the base",
}


RED_WORDS = {
    RedKind.ASSERTION: "failed",
    RedKind.TODO: "not built yet",
    RedKind.ABORT: "aborted",
    RedKind.COMPILE: "did not compile",
}
