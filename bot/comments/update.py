"""What is said when the base is merged into a pull request. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.comments.form import cell
from bot.domain import Actor


def no_pull_request_comment(actor: Actor) -> str:
    """`/update` where nothing is to be updated."""
    return f"@{actor.login} There is no open pull request of mine here that I could update. `/implement` makes one."


def conflict_remark(base: str, base_commit: str, conflicts: Sequence[str]) -> str:
    """Why an update began that nobody asked for."""
    return (
        f"`{base}` moved to {base_commit[:12]} and does not merge cleanly with this pull request any more ({_files(conflicts)}), so I "
        f"merge it in without being asked. `/stop` ends this; `update_on_conflict = false` in `.github/rfcsmith.toml` turns it off."
    )


def conflict_comment(base: str, base_commit: str, conflicts: Sequence[str], updates: int) -> str:
    """The base conflicts again, after as many updates as are made without a person."""
    return (
        f"`{base}` at {base_commit[:12]} does not merge cleanly with this pull request ({_files(conflicts)}). I have merged it "
        f"{updates} times since a person last acted here, so now I wait: `/update` lets me merge it again."
    )


def up_to_date_note(branch: str, base: str) -> str:
    return f"Already up to date: `{branch}` holds everything that `{base}` has."


def updated_note(base: str, base_commit: str, conflicts: Sequence[str], summary: str, pushed: str) -> str:
    """What was merged, what did not fit, how it was resolved; `summary` is the agent's, "" where none was needed."""
    merged = f"`{base}` at {base_commit[:12]} is merged in. Everything was verified again, and pushed as {pushed[:12]}."
    if not conflicts:
        found = "Git found no conflict."
    else:
        found = f"In conflict: {_files(conflicts)}. Please look at how they were resolved."
    return "\n\n".join(part for part in (merged, found, summary) if part)


def _files(paths: Sequence[str]) -> str:
    return ", ".join(f"`{cell(path).replace('`', chr(39))}`" for path in paths)
