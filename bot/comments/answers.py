"""The bot's answers to commands and mentions. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.comments.account import checks_words
from bot.comments.form import capital, fit, quoted, tokens
from bot.comments.run import plan_list, stage_line
from bot.comments.vocabulary import COMMANDS, KIND_WORDS, RFC_NEEDED, STAGE_WORDS
from bot.domain import (
    Actor,
    Concern,
    Criterion,
    KeptWork,
    LastChecks,
    Permission,
    Plan,
    PullRequest,
    Rfc,
    Run,
    RunKind,
    Stage,
    Usage,
    Verb,
)

SAID_LIMIT = 1_500
"""Characters of what the agent says to a remark."""


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


def already_open_comment(actor: Actor, pull_request: PullRequest, *, is_unfinished: bool = False) -> str:
    if is_unfinished:
        return (
            f"@{actor.login} There is an unfinished pull request for this: {pull_request.html_url}. `/retry` goes on with it; or "
            "close it and `/implement` again."
        )
    return (
        f"@{actor.login} There is an open pull request for this already: {pull_request.html_url}. Review it there and "
        "I will update it, or close it and `/implement` again."
    )


def already_running_comment(actor: Actor, run: Run) -> str:
    if run.stage is Stage.WAITING:
        return f"@{actor.login} {capital(KIND_WORDS[run.kind])} waits for your approval here: `/approve` lets it go on, `/stop` ends it."
    return f"@{actor.login} {capital(KIND_WORDS[run.kind])} is at work here: {STAGE_WORDS[run.stage]}. `/stop` ends it."


def nothing_to_retry_comment(actor: Actor) -> str:
    return (
        f"@{actor.login} Nothing was stopped or failed here that I could go on with. `/implement` builds the RFC, and `/status` "
        "tells how things stand."
    )


def going_on_comment(actor: Actor, issue: int) -> str:
    """Said on a pull request, because the run tells how it stands under the issue."""
    return f"@{actor.login} I go on with it. How it stands is told under #{issue}."


def nothing_running_comment(actor: Actor) -> str:
    return f"@{actor.login} Nothing is running here, so there is nothing to stop."


def remember_elsewhere_comment(actor: Actor) -> str:
    """`/remember` where there is no open pull request of the bot's to put the rule into."""
    return (
        f"@{actor.login} A rule goes into an open pull request of mine, where it can be reviewed like everything else. "
        "Say `/remember` there."
    )


def nothing_to_remember_comment(actor: Actor) -> str:
    """`/remember` without a rule, and without a thread that taught one."""
    return (
        f"@{actor.login} Which rule? Write it behind the command, as in `/remember Public functions never panic`, or reply "
        "`/remember` in the review thread that taught it."
    )


def stopping_comment(actor: Actor, run: Run) -> str:
    return f"@{actor.login} Stopping {KIND_WORDS[run.kind]} now."


def steering_comment(actor: Actor) -> str:
    return f"@{actor.login} I have passed this on: the agent reads it before its next step."


def approved_with_remarks_comment(actor: Actor, slug: str) -> str:
    """An approval may mean that the remarks are for later, so nothing is done without a word."""
    return (
        f"@{actor.login} You approved, and left remarks. Shall I take them up now? Reply `@{slug} yes, please`, "
        "and I answer each of them; otherwise I leave everything as it is."
    )


def heard_comment(actor: Actor, said: str) -> str:
    """The agent has read what somebody said while it works; `said` is its own text in the turn that followed."""
    if not said:
        return f"@{actor.login} The agent has read this, and works on with it in mind."
    return f"@{actor.login} The agent has read this. It says:\n\n{quoted(fit(said, SAID_LIMIT))}"


def unheard_comment(actor: Actor, kind: RunKind) -> str:
    """The run ended without reading what somebody said."""
    again = " `/retry <hint>` hands it to a run that goes on." if kind is RunKind.IMPLEMENT else ""
    return f"@{actor.login} {capital(KIND_WORDS[kind])} came to its end before the agent could read this.{again}"


def running_status_comment(
    run: Run,
    plan: Plan | None,
    usage: Usage,
    *,
    checks: LastChecks | None,
    dollars: float | None,
    url: str,
    note: str = "",
) -> str:
    """Where a run stands; `dollars` is None where the model's price is not known, `url` leads to its status comment.

    `note` says what it waits for, if it does.
    """
    parts = [f"**Working on {KIND_WORDS[run.kind]}**: {STAGE_WORDS[run.stage]}.", note or stage_line(run)]
    if plan is not None and plan.tasks:
        parts.append(plan_list(plan))
    if run.kind is not RunKind.RFC:
        parts.append(checks_words(checks))
    if url:
        parts.append(f"[How it goes on]({url})")
    money = f"about ${dollars:.2f}" if dollars is not None else "at a price that I do not know"
    return "\n\n".join([*parts, f"<sub>{tokens(usage)} so far, {money}</sub>"])


def idle_status_comment(last: Run | None, rfc: Rfc | None, pull_request_url: str, kept: KeptWork | None = None) -> str:
    """How things stand where no run is at work; `kept` is what the last one left."""
    lines = ["Nothing is running here."]
    if rfc is not None:
        lines.append(f"The RFC stands at version {rfc.version} (`{rfc.digest[:12]}`).")
    if pull_request_url:
        lines.append(f"The pull request: {pull_request_url}")
    if last is not None:
        lines.append(f"The last run was {KIND_WORDS[last.kind]}, attempt {last.attempt}: {STAGE_WORDS[last.stage]}.")
    if kept is not None and kept.branch:
        lines.append(f"Its unfinished work is on [`{kept.branch}`]({kept.url}).")
    return "\n\n".join(lines)


# --- rounds of an RFC ------------------------------------------------------------------------------------------------


def nothing_to_design_comment(actor: Actor) -> str:
    return (
        f"@{actor.login} There is nothing here yet that I could design from. Write into the issue what is wrong or missing, "
        "and for whom; then ask again."
    )


def taken_into_round_comment(actor: Actor) -> str:
    return f"@{actor.login} I take this into the round that is under way."


def concern_raised_comment(actor: Actor, concern: Concern) -> str:
    return (
        f"@{actor.login} Noted as concern no. {concern.number}. `/implement` waits until somebody resolves it "
        f"(`/resolve {concern.title}`); `/rfc` asks for a version that meets it."
    )


def concern_resolved_comment(actor: Actor, concern: Concern, left: Sequence[Concern]) -> str:
    open_ones = f" Still open: {_titles(left)}." if left else " No concern is open."
    return f"@{actor.login} “{concern.title}” is resolved.{open_ones}"


def open_concerns_comment(actor: Actor, concerns: Sequence[Concern]) -> str:
    """Why `/implement` does not start: each open concern by its title."""
    count = "A concern is" if len(concerns) == 1 else f"{len(concerns)} concerns are"
    return (
        f"@{actor.login} {count} open: {_titles(concerns)}. Ask for a version that meets it with `/rfc`, or take it off with "
        "`/resolve <title>`; then `/implement`."
    )


def _titles(concerns: Sequence[Concern]) -> str:
    return ", ".join(f"“{concern.title}” (@{concern.author.login})" for concern in concerns)


def no_such_version_comment(actor: Actor, wanted: int | None, latest: Rfc) -> str:
    if wanted is None:
        return (
            f"@{actor.login} The RFC was published after you wrote this, so you cannot have read it. "
            f"`/implement v{latest.version}` builds it."
        )
    return f"@{actor.login} There is no version {wanted} of the RFC; the newest is version {latest.version}."


def newer_version_comment(actor: Actor, seen: Rfc, latest: Rfc) -> str:
    """The RFC changed between what the person saw and now: which one is meant?"""
    return (
        f"@{actor.login} Version {latest.version} of the RFC came while you wrote this; you have probably read version "
        f"{seen.version}. `/implement v{latest.version}` builds the new one, `/implement v{seen.version}` the one before."
    )


def round_running_comment(actor: Actor, run: Run, latest: Rfc) -> str:
    state = "waits for more to be said" if run.stage is Stage.QUEUED else "is at work"
    return (
        f"@{actor.login} A new round of the RFC {state}. Wait for version {latest.version + 1}, or build version "
        f"{latest.version} as it stands with `/implement v{latest.version}`."
    )


def rfc_changed_question(version: int, latest: Rfc) -> tuple[str, str]:
    """The RFC changed while it was built: what is the case, and what people can do."""
    who = f"@{latest.author.login} changed it" if latest.author is not None else "a newer version was published"
    return (
        f"I was building version {version} of the RFC, and {who} meanwhile: version {latest.version} stands there now. "
        "Nothing was published.",
        f"`/implement v{latest.version}` builds the new one, `/implement v{version}` the old one all the same.",
    )


def ground_moved_question(broken: Sequence[str], why: str) -> tuple[str, str]:
    """The base moved from under the design, and the planner does not trust it any more."""
    listed = "\n".join(f"- {sentence}" for sentence in broken)
    return (
        f"The code has changed since the RFC was written, and the design does not stand any more: {why.strip()}\n\n"
        f"No longer as the RFC says:\n\n{listed}",
        "`/rfc` makes a version for the code as it is now.",
    )


def no_parts_comment(actor: Actor) -> str:
    return (
        f"@{actor.login} The RFC proposes no parts. `/rfc propose parts that can be built one after the other` asks for them; "
        "then `/rfc split` opens their issues."
    )


def split_comment(actor: Actor, numbers: Sequence[int], *, are_linked: bool) -> str:
    """The parts of an RFC have issues of their own now."""
    listed = "\n".join(f"- [ ] #{number}" for number in numbers)
    first = f"I draft the RFC of #{numbers[0]} now; each next one when its predecessor is accepted with `/implement`."
    linked = "" if are_linked else " (This GitHub has no sub-issues, so this list stands in for them.)"
    return (
        f"@{actor.login} One issue for each part, in the order in which to build them:\n\n{listed}\n\n{first}{linked}"
    )


def part_issue_body(summary: str, parent: int, criteria: Sequence[Criterion], before: int | None) -> str:
    """The issue of one part of a larger RFC."""
    order = f" It comes after #{before}." if before is not None else ""
    listed = "\n".join(f"- {criterion.text}" for criterion in criteria)
    return f"{summary.strip()}\n\nA part of #{parent}, whose RFC has the whole picture.{order}\n\nIt has to fulfil:\n\n{listed}"


def filing_comment(actor: Actor, path: str) -> str:
    return f"@{actor.login} The pull request will also add the RFC as `{path}`."


def no_folder_comment(actor: Actor) -> str:
    return (
        f"@{actor.login} I find no folder for RFCs here. Make one with a template in it (`rfcs/0000-template.md`), or name "
        "the template with `rfc_template` in `.github/rfcsmith.toml`."
    )
