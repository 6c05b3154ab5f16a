"""What a run may use: turns, minutes and dollars; who is told at four fifths, and what is said at the end of them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bot.agent import transcript
from bot.agent.readers import READERS
from bot.agent.transcript import WARNING_SHARE, Budget, Means
from bot.domain import Assignment, Run, RunKind, Stage
from bot.errors import UserError
from bot.model import is_priced, total
from bot.repository import PATH
from workflows import hands

SPENT = "spent"
"""The name of the document with the sentence that a run has used up what it may use."""
WARNED = "warned:{}"
"""The name of the document that tells, by assignment, at which turn the agent was warned of which budget."""
DAY = 86_400


@dataclass(frozen=True, slots=True)
class _Bound:
    """A budget with what is said when it is used up."""

    budget: Budget
    message: str
    hint: str


def check(run: Run, assignment: Assignment, number: int) -> None:
    """Raises `UserError`, and notes that the run is at its end, where turn `number` of a conversation cannot be paid for any more."""
    for bound in _bounds(run, assignment, number):
        if bound.budget.share >= 1.0:
            hands.current().store.put_document(run.id, SPENT, bound.message)
            raise UserError(bound.message, bound.hint)


def warning(run: Run, assignment: Assignment, number: int) -> str:
    """What the agent is told, once in a conversation, before turn `number`; the same again when a step is repeated."""
    store = hands.current().store
    name = WARNED.format(assignment)
    warned = store.document(run.id, name, dict[str, int]) or {}
    due = [bound.budget for bound in _bounds(run, assignment, number) if bound.budget.share >= WARNING_SHARE]
    due = [budget for budget in due if warned.get(budget.means, number) == number]
    if due:
        store.put_document(run.id, name, warned | {budget.means.value: number for budget in due})
    return transcript.budget_note(due, assignment)


def is_near_end(run: Run) -> bool:
    """Whether so much of the run's minutes or money is used up that nothing should begin that could be left out."""
    return any(bound.budget.share >= WARNING_SHARE for bound in _bounds(run, Assignment.EXAMINATION, 0))


def refuse_to_begin(run: Run) -> None:
    """Raises `UserError` where the repository has used up its day before the run has begun."""
    if run.stage is not Stage.QUEUED:
        return
    for bound in _of_the_day(run):
        if bound.budget.share >= 1.0:
            raise UserError(bound.message, bound.hint)


def dollars(run_id: str) -> float | None:
    """What the run's turns have cost so far; None where the model's price is not known."""
    our_hands = hands.current()
    return total(our_hands.settings.model, our_hands.store.usages(run_id)).dollars


def unpriced(run: Run) -> str:
    """The model's name, where a budget in money cannot be kept because its price is not known; else empty."""
    settings = hands.current().settings
    has_bound = settings.daily_dollars is not None or hands.current().config(run).max_dollars is not None
    return settings.model if has_bound and not is_priced(settings.model) else ""


def max_turns(run: Run, assignment: Assignment) -> int:
    """How many answers of the model a conversation may take."""
    limit = hands.current().config(run).max_turns or hands.MAX_TURNS
    own = READERS[assignment].max_turns if assignment in READERS else 0
    return min(limit, own or limit)


def _bounds(run: Run, assignment: Assignment, number: int) -> list[_Bound]:
    store = hands.current().store
    config = hands.current().config(run)
    again = "then `/retry`" if run.kind is RunKind.IMPLEMENT else "then ask again"
    turns = Budget(Means.TURNS, number, max_turns(run, assignment))
    bounds = [
        _Bound(
            turns,
            f"I used up {turns.limit} turns on this part without bringing it to an end.",
            f"A smaller RFC, or a hint about what is hard here, would help; {again}.",
        )
    ]
    if config.max_minutes is not None:
        minutes = Budget(Means.MINUTES, store.busy_seconds(run.id) / 60, config.max_minutes)
        said = f"I used up the {minutes.limit:g} minutes that this repository gives to one run."
        bounds.append(_Bound(minutes, said, f"`max_minutes` in `{PATH}` says how many; {again}."))
    cost = dollars(run.id)
    if config.max_dollars is not None and cost is not None:
        money = Budget(Means.DOLLARS, cost, config.max_dollars)
        said = f"I used up the ${money.limit:g} that this repository gives to one run."
        bounds.append(_Bound(money, said, f"`max_dollars` in `{PATH}` says how much; {again}."))
    return bounds + _of_the_day(run)


def _of_the_day(run: Run) -> list[_Bound]:
    our_hands = hands.current()
    limit = our_hands.settings.daily_dollars
    if limit is None:
        return []
    midnight = time.time() // DAY * DAY
    cost = total(our_hands.settings.model, our_hands.store.usages_since(run.target.repo.id, midnight)).dollars
    if cost is None:
        return []
    message = f"This repository has used up the ${limit:g} that whoever runs me gives it for a day."
    return [_Bound(Budget(Means.DOLLARS, cost, limit), message, "A new day begins at midnight UTC; ask again then.")]
