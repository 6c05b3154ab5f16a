"""The bot's answers to commands and mentions. Pure."""

from __future__ import annotations

from bot.comments.form import capital, tokens
from bot.comments.run import plan_list, stage_line
from bot.comments.vocabulary import COMMANDS, KIND_WORDS, RFC_NEEDED, STAGE_WORDS
from bot.domain import Actor, Permission, Plan, PullRequest, Rfc, Run, Usage, Verb


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
    return f"@{actor.login} {capital(KIND_WORDS[run.kind])} is at work here: {STAGE_WORDS[run.stage]}. `/stop` ends it."


def nothing_running_comment(actor: Actor) -> str:
    return f"@{actor.login} Nothing is running here, so there is nothing to stop."


def stopping_comment(actor: Actor, run: Run) -> str:
    return f"@{actor.login} Stopping {KIND_WORDS[run.kind]} now."


def steering_comment(actor: Actor) -> str:
    return f"@{actor.login} I have passed this on: the agent reads it before its next step."


def running_status_comment(run: Run, plan: Plan | None, usage: Usage) -> str:
    parts = [f"**Working on {KIND_WORDS[run.kind]}**: {STAGE_WORDS[run.stage]}.", stage_line(run)]
    if plan is not None and plan.tasks:
        parts.append(plan_list(plan))
    return "\n\n".join([*parts, f"<sub>{tokens(usage)} so far</sub>"])


def idle_status_comment(last: Run | None, rfc: Rfc | None, pull_request_url: str) -> str:
    lines = ["Nothing is running here."]
    if rfc is not None:
        lines.append(f"The RFC stands at version {rfc.version} (`{rfc.digest[:12]}`).")
    if pull_request_url:
        lines.append(f"The pull request: {pull_request_url}")
    if last is not None:
        lines.append(f"The last run was {KIND_WORDS[last.kind]}, attempt {last.attempt}: {STAGE_WORDS[last.stage]}.")
    return "\n\n".join(lines)
