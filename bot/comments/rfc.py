"""What is said about an RFC: the comments that hold it, its concerns, and what each round brought. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.comments.form import BODY_LIMIT, cell, fit, tokens
from bot.domain import Concern, Rfc, Usage
from bot.rfc import pages
from bot.rfc.difference import difference
from bot.rfc.draft import ConcernAnswer, Reply
from bot.rfc.drift import Drift

DIFFERENCE_LIMIT = 30_000
"""Characters of a difference: it stands in a comment beside other things."""
DRIFT_SHOWN = 12
FRAME = 8_000
"""Characters that header, concerns, footer and markers of a comment may take."""


def rfc_comments(rfc: Rfc, concerns: Sequence[Concern] = (), *, pages_held: int = 0) -> tuple[str, ...]:
    """The comments that hold a version, in order; at least `pages_held`, those that earlier versions took or reserved."""
    pieces = pages.split(rfc.body, BODY_LIMIT - FRAME)
    count = max(pages_held or pages.reserved(pieces, BODY_LIMIT - FRAME), len(pieces))
    first = _first_page(rfc, concerns, pieces)
    return (first, *(_later_page(number, count, pieces) for number in range(2, count + 1)))


def _first_page(rfc: Rfc, concerns: Sequence[Concern], pieces: Sequence[str]) -> str:
    author = f" · by @{rfc.author.login}" if rfc.author is not None else ""
    header = (
        f"## RFC: {rfc.title}\n\n"
        f"<sub>Version {rfc.version}{author} · read at `{rfc.base_commit[:12]}` · digest `{rfc.digest[:12]}`</sub>"
    )
    more = ["*It goes on in my next comment.*"] if len(pieces) > 1 else []
    footer = (
        f"{pages.FOOTER} discuss it here. `/rfc <what to change>` makes a new version, `/concern <title>` stops it, "
        "`/implement` builds exactly this one."
    )
    note = [f"<sub>{rfc.note}</sub>"] if rfc.note else []
    return "\n\n".join([header, *_concerns(concerns), pages.framed(pieces[0]), *more, footer, *note])


def _later_page(number: int, count: int, pieces: Sequence[str]) -> str:
    if number > len(pieces):
        return f"<sub>Part {number} of {count}</sub>\n\n{pages.framed('')}\n\n*Kept free for later versions of the RFC above.*"
    return f"<sub>Part {number} of {count} of the RFC above</sub>\n\n{pages.framed(pieces[number - 1])}"


def _concerns(concerns: Sequence[Concern]) -> list[str]:
    if not concerns:
        return []
    rows = ["| | Concern | Raised | Resolved |", "|---|---|---|---|"]
    for concern in concerns:
        raised = f"@{concern.author.login}, {concern.raised_at:%Y-%m-%d}"
        if concern.resolved_by is None or concern.resolved_at is None:
            rows.append(f"| 🛑 | **{cell(concern.title)}** (no. {concern.number}) | {raised} | |")
        else:
            done = f"@{concern.resolved_by.login}, {concern.resolved_at:%Y-%m-%d}"
            rows.append(f"| ✅ | {cell(concern.title)} (no. {concern.number}) | {raised} | {done} |")
    return ["\n".join(rows)]


def rfc_done_note(rfc: Rfc, url: str) -> str:
    return f"[Version {rfc.version} of the RFC]({url}) is ready for you to read."


def rfc_note(usage: Usage, files: int, tasks: int, forecast: str) -> str:
    """The line under an RFC: how large the work will be, and what the reading took."""
    size = f"{files} file{'s' if files != 1 else ''}, {tasks} task{'s' if tasks != 1 else ''}"
    return f"Forecast: {size}{f'; {forecast}' if forecast else ''}. So far: {tokens(usage)}."


def forecast_words(runs: int, token_count: int, seconds: float, dollars: float | None) -> str:
    """What building will probably take, from what it took before."""
    money = f", ${dollars:.2f}" if dollars is not None else ""
    minutes = max(1, round(seconds / 60))
    basis = "the last run here took" if runs == 1 else f"the last {runs} runs here took on average"
    return f"about {round(token_count, -3):,} tokens, {minutes} minute{'s' if minutes != 1 else ''}{money}, by what {basis}"


def round_comment(
    rfc: Rfc,
    previous: Rfc,
    *,
    what_changed: str,
    replies: Sequence[Reply] = (),
    concerns: Sequence[tuple[Concern, ConcernAnswer]] = (),
    url: str = "",
) -> str:
    """The short reply of a round: what is new and why, answers, and the difference, folded."""
    version = f"[Version {rfc.version}]({url})" if url else f"Version {rfc.version}"
    parts = [f"**{version} of the RFC.** {what_changed.strip()}".strip()]
    if replies:
        parts.append("\n".join(f"- @{reply.to}: {_inside(reply.text)}" for reply in replies))
    if concerns:
        rows = [f"- **{concern.title.strip()}**: {_inside(answer.text)}" for concern, answer in concerns]
        parts.append("To the open concerns, which stay yours to resolve (`/resolve <title>`):\n\n" + "\n".join(rows))
    return fit("\n\n".join([*parts, _difference(previous, rfc)]), BODY_LIMIT)


def edited_comment(rfc: Rfc, previous: Rfc) -> str:
    """An RFC was changed by hand: whose version it is now, and what is different."""
    who = f"@{rfc.author.login}" if rfc.author is not None else "Somebody"
    kept = "" if rfc.criteria else "\n\nI found no acceptance criteria in it."
    return (
        f"{who} edited the RFC: that is version {rfc.version} now (digest `{rfc.digest[:12]}`), "
        f"and `/implement` builds it as it stands.{kept}\n\n{_difference(previous, rfc)}"
    )


def _difference(previous: Rfc, rfc: Rfc) -> str:
    text = difference(previous.body, rfc.body)
    if not text:
        return "The text is the same as before."
    if len(text) > DIFFERENCE_LIMIT:
        text = text[:DIFFERENCE_LIMIT].rpartition("\n")[0] + "\n… (longer)"
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    summary = f"What differs from version {previous.version}"
    return f"<details>\n<summary>{summary}</summary>\n\n{fence}diff\n{text}\n{fence}\n\n</details>"


def _inside(text: str) -> str:
    return text.strip().replace("\n", "\n  ")


def drift_section(drift: Drift) -> str:
    """The pull request's paragraph on what its RFC did not foresee, and what it foresaw in vain."""
    if not drift:
        return ""
    parts = []
    if drift.unforeseen:
        parts.append("Touched, though the RFC does not name it:\n\n" + _listed(drift.unforeseen))
    if drift.untouched:
        parts.append("Named by the RFC, but untouched:\n\n" + _listed(drift.untouched))
    return "### Where the change and the RFC differ\n\n" + "\n\n".join(parts)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - DRIFT_SHOWN
    rows = [f"- {name}" for name in names[:DRIFT_SHOWN]]
    return "\n".join(rows + ([f"- and {more} more"] if more > 0 else []))
