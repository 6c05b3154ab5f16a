"""Where a run that did not come to its good end stands: what is kept, what was shown, and what people can do next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.comments.form import BODY_LIMIT, cell, closing_only, fit, tokens
from bot.comments.pull_request import Source, built_from
from bot.comments.vocabulary import RED_WORDS
from bot.domain import KeptWork, LastChecks, Plan, RedKind, RunKind, TaskState, Usage

UNFINISHED = "[unfinished] "
"""What the title of a pull request begins with whose work is not done."""

CHECKS_AT_MOST = 8
"""How many checks are named; the rest is counted."""


def account(
    kind: RunKind, kept: KeptWork | None, plan: Plan | None, *, red_tests: int = 0, checks: LastChecks | None = None
) -> str:
    """What is left of the run; `kept` is None where it changed nothing."""
    if kept is None:
        return f"Nothing was changed yet, so there is nothing to keep. {_NEXT_WITHOUT[kind]}"
    way_on = _NEXT_OF_DRAFT if kept.pull_request else _NEXT[kind]
    return "\n\n".join([_kept_words(kept), _standing(kind, plan, red_tests, checks), way_on])


_NEXT = {
    RunKind.RFC: "`/rfc` asks again.",
    RunKind.IMPLEMENT: (
        "`/retry` goes on from there, and `/retry <hint>` tells the agent what to mind; `/implement` starts afresh."
    ),
    RunKind.REVIEW: "The pull request is as it was. Submit a review once more, and I begin again from there.",
    RunKind.CI: "The pull request is as it was. A comment there, or a push to it, lets me try once more when CI has run again.",
    RunKind.UPDATE: "The pull request is as it was. `/update` there tries again.",
}
_NEXT_OF_DRAFT = (
    "`/retry` goes on with it, and `/retry <hint>` tells the agent what to mind; a review there works as well. Close it, and "
    "`/implement` starts afresh."
)
_NEXT_WITHOUT = {
    RunKind.RFC: "`/rfc` asks again.",
    RunKind.IMPLEMENT: "`/retry` or `/implement` begins again.",
    RunKind.REVIEW: "Submit a review once more, and I begin again.",
    RunKind.CI: "A comment here, or a push to this branch, lets me try once more when CI has run again.",
    RunKind.UPDATE: "`/update` tries again.",
}


def _kept_words(kept: KeptWork) -> str:
    if kept.refusal:
        return f"The work so far cannot be kept as a branch: {kept.refusal} I still have it here."
    size = f"{kept.files} file{'s' if kept.files != 1 else ''} changed"
    if kept.pull_request:
        said = f"What there is, not finished and not verified, is [pull request #{kept.pull_request}]({kept.url}), a draft: {size}."
    else:
        said = f"The work so far, not finished and not verified, is kept on the branch [`{kept.branch}`]({kept.url}): {size}."
    return " ".join(part for part in (said, _as_before_words(kept.as_before)) if part)


def _as_before_words(paths: Sequence[str]) -> str:
    """That files which tell everybody how to work were left alone; "" where the agent had not touched any."""
    named = ", ".join(f"`{cell(path)}`" for path in paths)
    return f"Left as before, because nobody asked for a change of the rules there: {named}." if paths else ""


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


def unfinished_body(
    *,
    issue: int,
    why: str,
    source: Source | None,
    plan: Plan | None,
    red: Mapping[str, RedKind],
    checks: LastChecks | None,
    usage: Usage,
    as_before: Sequence[str] = (),
) -> str:
    """The body of a pull request whose work ended with its budget: what is missing first, and nothing that was not shown."""
    parts = [
        f"> [!WARNING]\n> This is not finished: {' '.join(why.split())} Nothing in it was verified in a fresh container, so do not merge it.",
        f"Work on #{issue}, which it does not close." + (f" {built_from(source)}" if source is not None else ""),
        f"### What is missing\n\n{_missing(plan, red, checks)}",
        *([_as_before_words(as_before)] if as_before else []),
    ]
    if red:
        rows = "\n".join(f"| `{cell(test)}` | 🔴 {RED_WORDS[kind]} | not shown |" for test, kind in red.items())
        parts.append(f"### What was shown\n\n| Test | Without the change | With it |\n|---|---|---|\n{rows}")
    parts.append(
        f"`/retry`, here or under #{issue}, goes on with it and marks this pull request as ready when everything is shown and CI is green. A review "
        "works as well: I answer every thread."
    )
    parts.append(f"<sub>{tokens(usage)}</sub>")
    return fit(closing_only("\n\n".join(parts)), BODY_LIMIT)


def _missing(plan: Plan | None, red: Mapping[str, RedKind], checks: LastChecks | None) -> str:
    """What is not done, not proven and not green, a line each."""
    tasks = plan.tasks if plan is not None else ()
    lines = [f"- Not done: {task.title}" for task in tasks if task.state is TaskState.OPEN]
    if not tasks:
        lines.append("- There was no plan yet.")
    if not red:
        lines.append("- No new test was shown to fail without the change.")
    elif len(red) == 1:
        lines.append("- The new test was not shown to pass with the change.")
    else:
        lines.append(f"- The {len(red)} new tests were not shown to pass with the change.")
    results = checks.results if checks is not None else ()
    lines += [f"- Fails: `{' '.join(r.check.command.split())}` ({r.exit})" for r in results if not r.is_success]
    lines.append(f"- {checks_words(checks)} That was in the agent's own container, and perhaps of an earlier state.")
    return "\n".join(lines)
