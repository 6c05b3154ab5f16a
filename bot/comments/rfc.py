"""What is said about an RFC: the comment that holds it, and its rounds. Pure."""

from __future__ import annotations

from bot.comments.form import BODY_LIMIT, fit, tokens
from bot.domain import Rfc, Usage


def rfc_comment(rfc: Rfc, usage: Usage) -> str:
    """The RFC as people read it: header, document, and what to do next."""
    header = (
        f"## RFC: {rfc.title}\n\n"
        f"<sub>Version {rfc.version} · read at `{rfc.base_commit[:12]}` · digest `{rfc.digest[:12]}`</sub>"
    )
    footer = (
        "---\n**Next:** discuss it here. `/rfc <what to change>` makes a new version; "
        "`/implement` builds exactly this one.\n\n"
        f"<sub>{tokens(usage)}</sub>"
    )
    return fit(f"{header}\n\n{rfc.body}", BODY_LIMIT - len(footer) - 2) + f"\n\n{footer}"


def rfc_done_note(rfc: Rfc, url: str) -> str:
    return f"[Version {rfc.version} of the RFC]({url}) is ready for you to read."
