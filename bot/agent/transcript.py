"""A conversation as the Messages API wants it: pure functions from what was stored to blocks and messages.

The same stored turns give the same bytes for ever: earlier messages are never written anew in another form, for the
cache's sake and because the model's thinking is bound to the exact conversation before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.agent import schemas
from bot.agent.quote import quote
from bot.domain import Assignment, Finding, Message, Mutant, StopReason, ToolResult, Turn
from bot.rust import mutants

Block = dict[str, object]

WARNING_SHARE = 0.8
"""The part of a budget after which the model is told to come to an end."""


class Means(StrEnum):
    """What a budget is counted in: turns of one conversation, minutes and US dollars of a run."""

    TURNS = "turns"
    MINUTES = "minutes"
    DOLLARS = "dollars"


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of one means is used up."""

    means: Means
    used: float
    limit: float

    @property
    def share(self) -> float:
        """The part that is used up: 1.0 and more when nothing is left."""
        return self.used / self.limit

    @property
    def left(self) -> str:
        """What is left of it, in words."""
        amount = max(self.limit - self.used, 0.0)
        match self.means:
            case Means.TURNS:
                return f"at most {amount:.0f} answers are left"
            case Means.MINUTES:
                return f"about {amount:.0f} minutes of work are left"
            case Means.DOLLARS:
                return f"about ${amount:.2f} are left"


def text_block(text: str) -> Block:
    return {"type": "text", "text": text}


def opening(message: str) -> tuple[Block, ...]:
    """The blocks of the first user message."""
    return (text_block(message),)


def reply(turn: Turn, results: Sequence[ToolResult], notes: Iterable[str]) -> tuple[Block, ...]:
    """The blocks of the user message that follows `turn`: all results first, as the API demands, then notes.

    Empty only after a paused turn without notes: then the model goes on by itself, without a user message.
    """
    blocks = [_result_block(result) for result in results]
    return (*blocks, *(text_block(note) for note in notes))


def _result_block(result: ToolResult) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": result.call_id, "content": result.text or "(no output)"}
    return block | {"is_error": True} if result.is_error else block


def messages(exchanges: Iterable[tuple[Sequence[Block], Sequence[Block] | None]]) -> tuple[dict[str, object], ...]:
    """The messages of a request, from (what we said, what the model said or None) of each turn so far."""
    listed: list[dict[str, object]] = []
    for said, answered in exchanges:
        if said and listed and listed[-1]["role"] == "user":
            # The answer before was empty. Roles alternate, so that what is said now joins what was said last.
            listed[-1] = {"role": "user", "content": [*_content(listed[-1]), *said]}
        elif said:
            listed.append({"role": "user", "content": list(said)})
        # The API sends empty text blocks, but refuses to take them back, as it does messages without content.
        content = [block for block in answered or () if not _is_empty_text(block)]
        if content:
            listed.append({"role": "assistant", "content": content})
    return tuple(listed)


def _content(message: dict[str, object]) -> list[Block]:
    content = message["content"]
    assert isinstance(content, list)
    return content


def _is_empty_text(block: Block) -> bool:
    return block.get("type") == "text" and not str(block.get("text", "")).strip()


# --- notes: what the host adds after the results ---------------------------------------------------------------------


def steering_note(message: Message) -> str:
    """What a person said to the run while it was at work."""
    quoted = quote(
        message.text,
        what="a message to you, sent on GitHub while you work",
        author=message.author,
        permission=message.permission,
        is_markdown=True,
    )
    return f"{quoted}\nTake it into account from here on, as far as its author's standing goes."


def complaint_note(findings: str) -> str:
    """What is said where a submission was accepted, but did not stand in the fresh container."""
    quoted = quote(findings, what="what was found in a fresh container")
    return f"What you handed in does not stand:\n\n{quoted}\n\nMend it in the workspace, and submit again."


def survivors_note(survivors: Sequence[Mutant]) -> str:
    """What is said where everything is green, and single mistakes in the change would not be noticed."""
    rows = [f"{id} {mutants.at(mutant)}: {mutant.what}" for id, mutant in mutants.named(survivors).items()]
    more = len(survivors) - len(rows)
    quoted = quote(
        "\n".join(rows + ([f"… and {more} more"] if more else [])), what="mistakes that no test notices (cargo-mutants)"
    )
    return (
        "Everything is green. Then single mistakes were planted into your change, one at a time in a fresh container, and "
        f"with each of these all tests still passed:\n\n{quoted}\n\n"
        "Write the assertions that fail with such a mistake and pass without it, as tests of what the RFC promises; change "
        "no code for this alone, and weaken no test. Where a mistake makes no difference that any caller could see, write no test, and say so in "
        "`survivors` with the reason: people will read it on the pull request. Run a full check, and submit again."
    )


_TO_ANSWER = {
    Assignment.RFC: (
        "Your draft is not published yet.",
        "Check each finding against the code. What holds, take into the draft, wherever it has consequences; what does "
        "not hold, or would make the design larger than the issue, decline.",
        "the fields that are different (what you leave out stays word for word)",
    ),
    Assignment.PLAN: (
        "Nobody works along your plan yet.",
        "Check each finding against the RFC and the code. What holds, take into the plan; what does not hold, or goes "
        "beyond the RFC, decline. What nobody questioned stays as it is.",
        "the whole plan",
    ),
    Assignment.BUILD: (
        "Everything is green, and your change is not published yet.",
        "Check each finding against the RFC and the code. What holds, mend, with a test that shows it; what does not hold, or "
        "goes beyond the RFC, decline with the reason: people will read it on the pull request. Weaken no test, change nothing "
        "else, and run a full check.",
        "the whole submission",
    ),
}
"""What the author of an assignment is told around a second reader's findings: how it stands, what to do, what to hand in."""


def findings_note(findings: Iterable[Finding], author: Assignment) -> str:
    """What a second reader holds against a draft that was accepted, for its author to answer."""
    rows = [
        f"{f.id} ({f.severity}), {f.place}: {f.problem}"
        + (f"\n  suggestion: {f.suggestion}" if f.suggestion else "")
        + _test_of(f)
        for f in findings
    ]
    read = "change" if author is Assignment.BUILD else "draft"
    quoted = quote("\n".join(rows), what=f"findings of a second reader, who knows the {read} but not this conversation")
    stands, task, whole = _TO_ANSWER[author]
    return (
        f"{stands} A second reader went over it with fresh eyes:\n\n{quoted}\n\n"
        f"{task} Then call `{schemas.NAMES[author]}` again with {whole} and, in `answers`, one answer for each finding."
    )


def _test_of(finding: Finding) -> str:
    if not finding.test:
        return ""
    ran = "This test fails on your change" if finding.is_confirmed else "A test for it, which could not be run"
    return f"\n  {ran}, as {finding.test_path}:\n{finding.test}"


UNHEARD = (
    "Your version is not published yet: people asked for more while you wrote it. What they said follows. Take it up, say so in "
    f"`what_changed`, and call `{schemas.NAMES[Assignment.RFC]}` again with the fields that are different."
)


CORRECTED = {
    Assignment.PLAN: (
        "Nobody works along your plan yet: people were shown it, and want something otherwise. What they said follows. Take it up, leave "
        f"the rest as it is, and call `{schemas.NAMES[Assignment.PLAN]}` again with the whole plan."
    ),
    Assignment.TESTS: (
        "Your tests were shown to fail without the change. People were shown them, and want something otherwise. What they said follows. "
        f"Take it up in the workspace, leave the rest as it is, and call `{schemas.NAMES[Assignment.TESTS]}` again with all new tests."
    ),
}
"""What an author is told whose plan or tests people did not approve; their words follow as messages."""


def edited_note(version: int, shown: str) -> str:
    """Somebody changed by hand what the author was about to replace; `shown` is the quoted difference."""
    return (
        f"Your version is not published: while you wrote it, a maintainer edited the RFC by hand, which is version {version} now:"
        f"\n\n{shown}\n\nTake these edits into your version, word for word where you can, and where they contradict what was "
        f"asked of you say so in `what_changed`. Then call `{schemas.NAMES[Assignment.RFC]}` again with the fields that are different."
    )


def ending_note(turn: Turn, assignment: Assignment) -> str:
    """What to say to a turn that called no tool but did not submit either; empty where nothing need be said."""
    name = schemas.NAMES[assignment]
    if turn.calls or turn.stop in (StopReason.PAUSE, StopReason.REFUSAL, StopReason.CONTEXT):
        return ""
    if turn.stop is StopReason.LENGTH:
        return "Your answer reached the output limit and was cut off. Go on in smaller steps, with a tool call."
    return (
        f"Nothing was handed in: this conversation ends only with a call of `{name}`. Nobody reads text outside of "
        f"it, and nobody can answer questions now. Go on with the work, or call `{name}` if it is done."
    )


def budget_note(budgets: Iterable[Budget], assignment: Assignment) -> str:
    """What is said once of budgets of which four fifths are used up (`WARNING_SHARE`); empty where there are none."""
    said = [f"{min(budget.share, 1.0):.0%} of its {budget.means} used up, {budget.left}" for budget in budgets]
    if not said:
        return ""
    return (
        f"Budget: this work has {'; '.join(said)}. Come to an end: finish what makes the work correct and complete, drop what is "
        f"only nice to have, and call `{schemas.NAMES[assignment]}`."
    )
