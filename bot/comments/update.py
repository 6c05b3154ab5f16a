"""What is said when the base is merged into a pull request. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.comments.form import cell
from bot.domain import Actor


def no_pull_request_comment(actor: Actor) -> str:
    """`/update` where nothing is to be updated."""
    return f"@{actor.login} There is no open pull request of mine here that I could update. `/implement` makes one."


def up_to_date_note(branch: str, base: str) -> str:
    return f"Already up to date: `{branch}` holds everything that `{base}` has."


def updated_note(base: str, base_commit: str, conflicts: Sequence[str], summary: str, pushed: str) -> str:
    """What was merged, what did not fit, how it was resolved; `summary` is the agent's, "" where none was needed."""
    merged = f"`{base}` at {base_commit[:12]} is merged in. Everything was verified again, and pushed as {pushed[:12]}."
    if not conflicts:
        found = "Git found no conflict."
    else:
        names = ", ".join(f"`{cell(path).replace('`', chr(39))}`" for path in conflicts)
        found = f"In conflict: {names}. Please look at how they were resolved."
    return "\n\n".join(part for part in (merged, found, summary) if part)
