"""What a pull request says of mutants: how many single mistakes the tests notice, and which they do not. Pure."""

from __future__ import annotations

from collections import Counter

from bot.comments.form import cell
from bot.domain import Annotation, Mutant, MutantFate, Mutation
from bot.rust.mutants import at

BEFORE_FINDINGS = "Tried before the examiner's findings were answered, not again after it."
BEFORE_ROUND = "Tried before this round, not again after it."
BEFORE_PUSH = "Tried before somebody pushed; what they changed was not in it."
REST_BEFORE_REVIEW = "In what the last review round did not touch, they were tried before it."
"""Why figures may not be those of the change as it is."""
SURVIVORS_AT_MOST = 10
"""So many survivors are named; the rest is counted."""


def mutation_section(mutation: Mutation) -> str:
    """A heading, one sentence of figures, and a line for each mistake that no test notices."""
    parts = [f"### Do the tests notice mistakes?\n\n{mutation_sentence(mutation)}"]
    if mutation.mutants and mutation.remark:
        parts.append(mutation.remark)
    survivors = mutation.survivors
    if survivors:
        lines = [_survivor(mutant) for mutant in survivors[:SURVIVORS_AT_MOST]]
        if len(survivors) > SURVIVORS_AT_MOST:
            lines.append(f"- … and {len(survivors) - SURVIVORS_AT_MOST} more")
        parts.append("No test notices these:\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def mutation_sentence(mutation: Mutation) -> str:
    """How many of the mutants that can be built are killed, and what was not tried."""
    viable = len(mutation.killed) + len(mutation.survivors)
    if not viable:
        if mutation.untried:
            return (
                f"There was no time to try any of the {mutation.untried} single mistakes (mutants) that fit the change."
            )
        return mutation.remark or "Nothing in the change that cargo-mutants could mutate."
    counts = Counter(mutant.fate for mutant in mutation.mutants)
    hanging = f", {counts[MutantFate.TIMEOUT]} of them by never ending" if counts[MutantFate.TIMEOUT] else ""
    untried = f" {mutation.untried} more had no time." if mutation.untried else ""
    return (
        f"{len(mutation.killed)} of {viable} single mistakes (mutants) that were planted into the change are noticed by "
        f"the tests{hanging}; {mutation.seconds:.0f} s.{untried}"
    )


def mutation_annotations(mutation: Mutation) -> tuple[Annotation, ...]:
    """The survivors at their lines, for a check run."""
    return tuple(
        Annotation(
            mutant.path,
            mutant.line,
            mutant.line,
            "notice",
            f"No test notices it: {mutant.what}." + (f" The author says: {mutant.reason}" if mutant.reason else ""),
            "A mistake that no test notices",
        )
        for mutant in mutation.survivors[:SURVIVORS_AT_MOST]
    )


def _survivor(mutant: Mutant) -> str:
    said = f" The author says: {cell(mutant.reason)}" if mutant.reason else " No reason was given."
    return f"- `{cell(at(mutant))}`: `{cell(mutant.what)}`.{said}"
