"""What is said around an RFC's investigation: questions instead of a design, and what a second reader found. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.comments.form import fit
from bot.domain import Finding, FindingAnswer, Inquiry

NOTE_LIMIT = 20_000
"""Characters: it stands in a comment beside other things."""


def inquiry_comment(inquiry: Inquiry) -> str:
    """The questions with which an RFC was not written, as a comment of their own: only people can answer them."""
    questions = "\n".join(f"{number}. {_inside(text, 3)}" for number, text in enumerate(inquiry.questions, 1))
    return (
        "I read the issue and the code, and I would have to invent what is wanted here. So instead of an RFC, "
        f"what I need to know:\n\n{questions}\n\n"
        f"<details>\n<summary>What I found out so far</summary>\n\n{fit(inquiry.findings, NOTE_LIMIT)}\n\n</details>\n\n"
        "Short answers are enough. Then comment `/rfc`, or put them right behind it, and I go on from there."
    )


def inquired_note(url: str) -> str:
    return f"I have [questions]({url}) first."


def second_reader_note(findings: Sequence[Finding], answers: Iterable[FindingAnswer], what: str = "draft") -> str:
    """What a second reader questioned of a draft or plan, and what became of it; empty if nothing was."""
    if not findings:
        return ""
    by_id = {answer.finding: answer for answer in answers}
    rows, taken = [], 0
    for finding in findings:
        answer = by_id.get(finding.id)
        is_taken = answer is not None and answer.is_taken
        taken += is_taken
        verdict = "*taken in*" if is_taken else "**not taken in**"
        why = f": {_inside(answer.text)}" if answer is not None else ""
        rows.append(f"- **{_inside(finding.place)}**: {_inside(finding.problem)}\n  {verdict}{why}")
    count = f"{len(findings)} point{'s' if len(findings) != 1 else ''}"
    outcome = "all taken in" if taken == len(findings) else f"{taken} taken in, {len(findings) - taken} not"
    listed = fit("\n".join(rows), NOTE_LIMIT)
    return (
        f"<details>\n<summary>A second reader questioned {count} of the {what} before you: {outcome}</summary>\n\n"
        f"{listed}\n\n</details>"
    )


def _inside(text: str, indent: int = 2) -> str:
    """Text inside of a list item: further lines belong to it."""
    return text.strip().replace("\n", "\n" + " " * indent)
