"""Every sentence that the bot says on GitHub; pure, snapshot-tested. One function per situation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.domain import (
    Actor,
    CheckResult,
    Criterion,
    Evidence,
    Permission,
    Plan,
    Proof,
    PullRequest,
    RedKind,
    Rfc,
    Run,
    RunKind,
    Stage,
    TaskState,
    Usage,
    Verb,
)

BODY_LIMIT = 60_000
"""Characters; GitHub refuses bodies above 65,536, and the hidden marker needs a little room."""

_CLOSING_ROOM = 400
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")

RFC_NEEDED = "rfc-needed"
RFC_IN_REVIEW = "rfc-in-review"
LABELS = {RFC_NEEDED: "d4c5f9", RFC_IN_REVIEW: "5319e7"}
"""The labels that the bot makes where they are missing, with their colours."""

COMMANDS = {
    Verb.RFC: ("`/rfc [what to change]`", "draft the RFC, or a new version of it", "triage"),
    Verb.IMPLEMENT: ("`/implement`", "build what the latest RFC says and open a pull request", "write"),
    Verb.STOP: ("`/stop`", "stop what is running here; the work so far is kept", "write"),
    Verb.STATUS: ("`/status`", "say what is going on", "anyone"),
    Verb.HELP: ("`/help`", "show this list", "anyone"),
}
"""Each command: how it is written, what it does, who may."""

STAGE_WORDS = {
    Stage.QUEUED: "waiting for its turn",
    Stage.PREPARE: "preparing the workspace",
    Stage.INVESTIGATE: "reading the code and designing",
    Stage.PLAN: "planning",
    Stage.TESTS: "writing the tests first",
    Stage.RED: "proving the tests red in a fresh container",
    Stage.BUILD: "building until every check is green",
    Stage.VERIFY: "verifying in a fresh container",
    Stage.PUBLISH: "publishing",
    Stage.DONE: "done",
    Stage.STOPPED: "stopped",
    Stage.FAILED: "failed",
}

STAGES_OF = {
    RunKind.RFC: (Stage.PREPARE, Stage.INVESTIGATE, Stage.PUBLISH),
    RunKind.IMPLEMENT: (
        Stage.PREPARE,
        Stage.PLAN,
        Stage.TESTS,
        Stage.RED,
        Stage.BUILD,
        Stage.VERIFY,
        Stage.PUBLISH,
    ),
    RunKind.REVIEW: (Stage.PREPARE, Stage.BUILD, Stage.VERIFY, Stage.PUBLISH),
}

KIND_WORDS = {
    RunKind.RFC: "the RFC",
    RunKind.IMPLEMENT: "the implementation",
    RunKind.REVIEW: "the review round",
}

RED_WORDS = {RedKind.ASSERTION: "failed", RedKind.ABORT: "aborted", RedKind.COMPILE: "did not compile"}


# --- small answers ---------------------------------------------------------------------------------------------------


def help_comment(app_slug: str) -> str:
    rows = "\n".join(f"| {usage} | {meaning} | {who} |" for usage, meaning, who in COMMANDS.values())
    return (
        "Write a command at the start of a line, or mention me:\n\n"
        f"| command | what it does | who may |\n|---|---|---|\n{rows}\n\n"
        f"`@{app_slug} implement` works as well. Labelling an issue `{RFC_NEEDED}` asks for an RFC."
    )


def user_error_comment(actor: Actor, message: str, hint: str) -> str:
    return f"@{actor.login} {message}" + (f"\n\n{hint}" if hint else "")


def not_allowed_comment(actor: Actor, verb: Verb, needed: Permission) -> str:
    return f"@{actor.login} Thank you, but `/{verb}` needs {needed.name.lower()} permission in this repository."


def no_rfc_comment(actor: Actor) -> str:
    return (
        f"@{actor.login} There is no RFC here to build yet. Label the issue `{RFC_NEEDED}` or comment `/rfc`, "
        "discuss the draft, and then `/implement` builds exactly what it says."
    )


def already_open_comment(actor: Actor, pull_request: PullRequest) -> str:
    return (
        f"@{actor.login} There is an open pull request for this already: {pull_request.html_url}. Review it there and "
        "I will update it, or close it and `/implement` again."
    )


def already_running_comment(actor: Actor, run: Run) -> str:
    return (
        f"@{actor.login} {_capital(KIND_WORDS[run.kind])} is at work here: {STAGE_WORDS[run.stage]}. `/stop` ends it."
    )


def nothing_running_comment(actor: Actor) -> str:
    return f"@{actor.login} Nothing is running here, so there is nothing to stop."


def stopping_comment(actor: Actor, run: Run) -> str:
    return f"@{actor.login} Stopping {KIND_WORDS[run.kind]} now."


def steering_comment(actor: Actor) -> str:
    return f"@{actor.login} I have passed this on: the agent reads it before its next step."


def running_status_comment(run: Run, plan: Plan | None, usage: Usage) -> str:
    parts = [f"**Working on {KIND_WORDS[run.kind]}**: {STAGE_WORDS[run.stage]}.", _stage_line(run)]
    if plan is not None and plan.tasks:
        parts.append(_plan_list(plan))
    return "\n\n".join([*parts, f"<sub>{_tokens(usage)} so far</sub>"])


def idle_status_comment(last: Run | None, rfc: Rfc | None, pull_request_url: str) -> str:
    lines = ["Nothing is running here."]
    if rfc is not None:
        lines.append(f"The RFC stands at version {rfc.version} (`{rfc.digest[:12]}`).")
    if pull_request_url:
        lines.append(f"The pull request: {pull_request_url}")
    if last is not None:
        lines.append(f"The last run was {KIND_WORDS[last.kind]}, attempt {last.attempt}: {STAGE_WORDS[last.stage]}.")
    return "\n\n".join(lines)


# --- a run -----------------------------------------------------------------------------------------------------------


def status_comment(run: Run, plan: Plan | None, note: str = "", *, links: str = "") -> str:
    """The one comment of a run, edited in place: where it stands, its plan with ticks, and what came of it."""
    head = {
        Stage.DONE: f"✅ **{_capital(KIND_WORDS[run.kind])} is done.**",
        Stage.STOPPED: f"⏹️ **{_capital(KIND_WORDS[run.kind])} was stopped.**",
        Stage.FAILED: f"❌ **{_capital(KIND_WORDS[run.kind])} could not be finished.**",
    }.get(run.stage, f"⏳ **Working on {KIND_WORDS[run.kind]}**: {STAGE_WORDS[run.stage]}.")
    parts = [head]
    if note:
        parts.append(note)
    if not run.stage.is_final:
        parts.append(_stage_line(run))
    if plan is not None and plan.tasks and run.stage is not Stage.FAILED:
        parts.append(_plan_list(plan))
    if links:
        parts.append(links)
    if not run.stage.is_final:
        parts.append("<sub>Comments here reach the agent when they mention me; `/stop` ends the run.</sub>")
    return "\n\n".join(parts)


def _stage_line(run: Run) -> str:
    stages = STAGES_OF[run.kind]
    if run.stage not in stages:
        return " → ".join(stage.value for stage in stages)
    here = stages.index(run.stage)
    return " → ".join(
        f"**{stage.value}**" if number == here else f"~~{stage.value}~~" if number < here else stage.value
        for number, stage in enumerate(stages)
    )


def _plan_list(plan: Plan) -> str:
    marks = {TaskState.OPEN: "[ ]", TaskState.DONE: "[x]", TaskState.DROPPED: "[x]"}
    lines = []
    for task in plan.tasks:
        criteria = f" ({', '.join(task.criteria)})" if task.criteria else ""
        struck = "~~" if task.state is TaskState.DROPPED else ""
        lines.append(f"- {marks[task.state]} {struck}{task.title}{criteria}{struck}")
    return "\n".join(lines)


def stopped_note(actor: Actor, branch_url: str) -> str:
    kept = f" The work so far is kept on {branch_url}." if branch_url else ""
    return f"@{actor.login} asked me to stop.{kept}"


def failed_note(message: str, hint: str) -> str:
    return f"{message}" + (f"\n\n{hint}" if hint else "")


def bug_note(run_id: str) -> str:
    return f"Something broke on my side; this is not your fault. The operator finds the details under `{run_id}`."


def unavailable_note(message: str, minutes: int) -> str:
    return f"{message} I will go on in about {minutes} minute{'s' if minutes != 1 else ''}, from where I am."


# --- the RFC ---------------------------------------------------------------------------------------------------------


def rfc_comment(rfc: Rfc, usage: Usage) -> str:
    """The RFC as people read it: header, document, and what to do next."""
    header = (
        f"## RFC: {rfc.title}\n\n"
        f"<sub>Version {rfc.version} · read at `{rfc.base_commit[:12]}` · digest `{rfc.digest[:12]}`</sub>"
    )
    footer = (
        "---\n**Next:** discuss it here. `/rfc <what to change>` makes a new version; "
        "`/implement` builds exactly this one.\n\n"
        f"<sub>{_tokens(usage)}</sub>"
    )
    return fit(f"{header}\n\n{rfc.body}", BODY_LIMIT - len(footer) - 2) + f"\n\n{footer}"


def rfc_done_note(rfc: Rfc, url: str) -> str:
    return f"[Version {rfc.version} of the RFC]({url}) is ready for you to read."


# --- the pull request ------------------------------------------------------------------------------------------------


def pull_request_body(
    *,
    issue: int,
    summary: str,
    deviations: str,
    notes: str,
    rfc: Rfc | None,
    rfc_url: str,
    evidence: Evidence,
    usage: Usage,
) -> str:
    """What a reviewer reads first: what and why, the promise and its proof, the checks."""
    parts = [summary.strip(), f"Closes #{issue}."]
    if rfc is not None:
        version = f"version {rfc.version} of the RFC"
        link = f"[{version}]({rfc_url})" if rfc_url else version
        parts.append(f"Built from {link} (digest `{rfc.digest[:12]}`).")
    if deviations.strip():
        parts.append(f"### Where this departs from the RFC\n\n{deviations.strip()}")
    if notes.strip():
        parts.append(f"### Worth knowing\n\n{notes.strip()}")
    if rfc is not None:
        parts.append(f"### Every promise and its proof\n\n{_trace_table(rfc.criteria, evidence)}")
    parts.append(f"### Checks, run in a fresh container without a network\n\n{_check_table(evidence.checks)}")
    if evidence.passed_after:
        parts.append(f"{evidence.passed_after} tests pass; {evidence.passed_before} passed before.")
    parts.append(
        "Review it as you would a colleague's: comment on lines, submit the review, and I will answer every thread.\n\n"
        f"<sub>{_tokens(usage)}</sub>"
    )
    return fit("\n\n".join(parts), BODY_LIMIT)


def _trace_table(criteria: Sequence[Criterion], evidence: Evidence) -> str:
    rows = ["| | What must hold | Test | Without it | With it |", "|---|---|---|---|---|"]
    for criterion in criteria:
        proofs = [proof for proof in evidence.proofs if criterion.id in proof.criteria]
        kept = [test for criterion_id, test in evidence.kept if criterion_id == criterion.id]
        if not proofs and kept:
            rows.append(f"| **{criterion.id}** | {_cell(criterion.text)} | `{_cell(kept[0])}` | 🟢 held | 🟢 holds |")
        elif not proofs:
            rows.append(f"| **{criterion.id}** | {_cell(criterion.text)} | – | | **not proven by a test** |")
        for number, proof in enumerate(proofs):
            first = (f"**{criterion.id}**", _cell(criterion.text)) if number == 0 else ("", "")
            rows.append(f"| {first[0]} | {first[1]} | {_proof_cells(proof)} |")
    others = [proof for proof in evidence.proofs if not proof.criteria]
    rows += [
        f"| | {'' if number else '*other new tests*'} | {_proof_cells(proof)} |" for number, proof in enumerate(others)
    ]
    return "\n".join(rows)


def _proof_cells(proof: Proof) -> str:
    return f"`{_cell(proof.test)}` | 🔴 {RED_WORDS[proof.red]} | {'🟢 passes' if proof.is_green else '🔴 fails'}"


def _check_table(results: Iterable[CheckResult]) -> str:
    rows = ["| | Command | Time |", "|---|---|---|"]
    for result in results:
        mark = "✅" if result.is_success else "⚠️"
        words = "" if result.is_success else f" ({result.exit}, as on the base)"
        rows.append(f"| {mark} | `{_cell(result.check.command)}`{words} | {result.seconds:.1f} s |")
    return "\n".join(rows)


def opened_note(pull_request: PullRequest) -> str:
    return f"The pull request is #{pull_request.number}. I am looking forward to your review."


def reviewed_note(pull_request_url: str, commit: str, summary: str) -> str:
    done = f"Pushed as {commit[:12]}." if commit else "Nothing had to change in the code."
    return f"{summary.strip()}\n\n{done} {pull_request_url}".strip()


def thread_reply(kind: str, text: str, commit: str) -> str:
    """The one answer to a review thread; `kind` is `done`, `question` or `declined`."""
    lead = {"done": f"Done in {commit[:12]}. " if commit else "Done. ", "question": "", "declined": ""}[kind]
    return f"{lead}{text.strip()}"


def evidence_title(evidence: Evidence) -> str:
    green = sum(proof.is_green for proof in evidence.proofs)
    checks = sum(result.is_success for result in evidence.checks)
    parts = [f"{green} new tests red, then green"] if evidence.proofs else []
    return ", ".join([*parts, f"{checks} of {len(evidence.checks)} checks green"])


def evidence_summary(evidence: Evidence) -> str:
    """The check run's summary: the same facts as in the pull request, shorter."""
    green = sum(proof.is_green for proof in evidence.proofs)
    lines = []
    if evidence.proofs:
        lines.append(f"{green} of {len(evidence.proofs)} new tests were red without the change and are green with it.")
    return "\n\n".join([*lines, _check_table(evidence.checks)])


# --- form ------------------------------------------------------------------------------------------------------------


def quoted(text: str) -> str:
    """Somebody's words as a quotation."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def fit(text: str, limit: int) -> str:
    """Cut `text` to `limit` characters at a line's end, closing what is open there: code, `<details>`, a hidden remark."""
    if len(text) <= limit:
        return text
    notice = "\n\n*(cut here: it is longer than GitHub takes)*"
    room = limit - len(notice) - _CLOSING_ROOM
    kept = text[:room].rsplit("\n", 1)[0]
    fence, plain = _open_fence(kept)
    closing = f"\n{fence}" if fence else ""
    if plain.rfind("<!--") > plain.rfind("-->"):
        closing += "\n-->"
    closing += "\n\n</details>" * max(0, plain.count("<details>") - plain.count("</details>"))
    return (kept + closing)[: limit - len(notice)] + notice


def _open_fence(text: str) -> tuple[str, str]:
    """The code fence that is open at the end of `text` ("" if none), and the lines that are not code."""
    fence, plain = "", []
    for line in text.splitlines():
        match = _FENCE.match(line)
        if fence:
            is_end = match is not None and match[1].startswith(fence) and not match[2].strip()
            fence = "" if is_end else fence
        elif match is not None and not (match[1].startswith("`") and "`" in match[2]):
            fence = match[1]
        else:
            plain.append(line)
    return fence, "\n".join(plain)


def _cell(text: str) -> str:
    """Text for a table's cell, word for word: GitHub takes `\\|` for a bar also inside of code."""
    return text.strip().replace("|", "\\|").replace("\n", "<br>")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _tokens(usage: Usage) -> str:
    return (
        f"{usage.input + usage.cache_written:,} tokens read, {usage.cached:,} from the cache, {usage.output:,} written"
    )
