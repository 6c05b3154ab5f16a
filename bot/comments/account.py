"""Where a run that did not come to its good end stands: what is kept, what was shown, and what people can do next. Pure."""

from __future__ import annotations

from bot.domain import KeptWork, LastChecks, Plan, RunKind, TaskState

CHECKS_AT_MOST = 8
"""How many checks are named; the rest is counted."""


def account(
    kind: RunKind, kept: KeptWork | None, plan: Plan | None, *, red_tests: int = 0, checks: LastChecks | None = None
) -> str:
    """What is left of the run; `kept` is None where it changed nothing."""
    if kept is None:
        return f"Nothing was changed yet, so there is nothing to keep. {_NEXT_WITHOUT[kind]}"
    return "\n\n".join([_kept_words(kept), _standing(kind, plan, red_tests, checks), _NEXT[kind]])


_NEXT = {
    RunKind.RFC: "`/rfc` asks again.",
    RunKind.IMPLEMENT: (
        "`/retry` goes on from there, and `/retry <hint>` tells the agent what to mind; `/implement` starts afresh."
    ),
    RunKind.REVIEW: "The pull request is as it was. Submit a review once more, and I begin again from there.",
    RunKind.CI: "The pull request is as it was. A comment there, or a push to it, lets me try once more when CI has run again.",
}
_NEXT_WITHOUT = {
    RunKind.RFC: "`/rfc` asks again.",
    RunKind.IMPLEMENT: "`/retry` or `/implement` begins again.",
    RunKind.REVIEW: "Submit a review once more, and I begin again.",
    RunKind.CI: "A comment here, or a push to this branch, lets me try once more when CI has run again.",
}


def _kept_words(kept: KeptWork) -> str:
    if kept.refusal:
        return f"The work so far cannot be kept as a branch: {kept.refusal} I still have it here."
    size = f"{kept.files} file{'s' if kept.files != 1 else ''} changed"
    return (
        f"The work so far, not finished and not verified, is kept on the branch [`{kept.branch}`]({kept.url}): {size}."
    )


def _standing(kind: RunKind, plan: Plan | None, red_tests: int, checks: LastChecks | None) -> str:
    proven = _red_words(red_tests) if kind is RunKind.IMPLEMENT else ""
    return " ".join(sentence for sentence in (progress(plan), proven, checks_words(checks)) if sentence)


def progress(plan: Plan | None) -> str:
    """How much of the plan is done, in one sentence; empty where there is none."""
    if plan is None or not plan.tasks:
        return ""
    done = sum(task.state is not TaskState.OPEN for task in plan.tasks)
    return f"{done} of {len(plan.tasks)} task{'s' if len(plan.tasks) != 1 else ''} of the plan {'is' if 1 in (done, len(plan.tasks)) else 'are'} done."


def _red_words(red_tests: int) -> str:
    if not red_tests:
        return "No new test was shown to fail without the change yet."
    count = "1 new test was" if red_tests == 1 else f"{red_tests} new tests were"
    return f"{count} shown to fail without the change."


def checks_words(checks: LastChecks | None) -> str:
    """What the checks showed last, in one sentence."""
    if checks is None or not checks.results:
        return "No check was run yet."
    said = []
    for result in checks.results[:CHECKS_AT_MOST]:
        command = f"`{' '.join(result.check.command.split())}`"
        if result.is_success:
            said.append(f"{command} ✅")
        else:
            same = "" if result.check.command in checks.worse else ", as on the base"
            said.append(f"{command} ❌ ({result.exit}{same})")
    more = len(checks.results) - len(said)
    return f"The checks showed last: {', '.join([*said, *([f'and {more} more'] if more else [])])}."
