"""What is said in the threads of a review, and of the round in the end. Pure."""

from __future__ import annotations

from bot.comments.form import fenced, quoted


def reviewed_note(pull_request_url: str, commit: str, summary: str) -> str:
    """How a round ended; without a commit there is nothing to be led to."""
    done = f"Pushed as {commit[:12]}. {pull_request_url}" if commit else "Nothing had to change in the code."
    return f"{summary.strip()}\n\n{done}".strip()


def thread_reply(kind: str, text: str, commit: str, *, is_as_suggested: bool | None = None) -> str:
    """The one answer to a review thread; `kind` is `done`, `question` or `declined`.

    `is_as_suggested` tells what became of a suggestion that was applied before the agent came, None where there was none.
    """
    place = f" in {commit[:12]}" if commit else ""
    lead = ""
    if kind == "done":
        lead = f"Done{place}." if place else "Nothing had to change for it."
    if is_as_suggested:
        lead = f"Applied as suggested{place}." if place else "It stands there as suggested already."
    elif is_as_suggested is not None and kind == "done":
        lead = f"Done{place}, but not word for word as suggested."
    return f"{lead} {text.strip()}".strip()


def amendment_reply(version: int, promise: str, wording: str, text: str, *, issue: int, url: str) -> str:
    """The answer to a remark that contradicts the RFC: what it promises, what it would have to say, and how people decide.

    `url` leads to the remark, which the request names.
    """
    request = f"/rfc Instead of\n\n{quoted(promise)}\n\nlet it say\n\n{quoted(wording)}\n\nas was asked for in {url}"
    return (
        f"This contradicts version {version} of the RFC, which promises:\n\n{quoted(promise)}\n\n{text.strip()}\n\n"
        f"So I have changed nothing for it yet. The RFC would have to say instead:\n\n{quoted(wording)}\n\n"
        f"If you want that, comment this under #{issue}, and reply here when the new version stands there: then I build it. "
        f"Until then this thread waits.\n\n{fenced(request)}"
    )
