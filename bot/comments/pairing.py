"""What a paired run shows before it goes on, and what is said to those who approve it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.comments.form import BODY_LIMIT, capital, fenced, fit, quoted
from bot.comments.run import task_line
from bot.comments.vocabulary import KIND_WORDS, RED_WORDS, STAGE_WORDS
from bot.domain import Actor, Assignment, Criterion, Plan, RedKind, Run

SHORT = 12
"""So many characters of a digest are shown."""
_PARTS = {Assignment.PLAN: "the plan", Assignment.TESTS: "the tests"}
_IT = {Assignment.PLAN: "it", Assignment.TESTS: "them"}
_NEXT = {Assignment.PLAN: "the tests are written", Assignment.TESTS: "it is built"}


def plan_comment(actor: Actor, plan: Plan, notes: str, *, digest: str, slug: str) -> str:
    """The plan for people to approve: each task with its criteria and files, and what its author says to it."""
    lines = [
        task_line(task) + (f": {', '.join(f'`{file}`' for file in task.files)}" if task.files else "")
        for task in plan.tasks
    ]
    parts = [f"@{actor.login} **This is the plan.** Nothing is written yet.", "\n".join(lines)]
    if notes.strip():
        parts.append(quoted(notes))
    return fit("\n\n".join([*parts, _ways_on(Assignment.PLAN, digest, slug)]), BODY_LIMIT)


def red_tests_comment(
    actor: Actor,
    criteria: Sequence[Criterion],
    kinds: Mapping[str, RedKind],
    proving: Mapping[str, Sequence[str]],
    *,
    difference: str,
    digest: str,
    slug: str,
) -> str:
    """The red tests for people to approve, by criterion; `kinds` and `proving` tell why each is red and for which criteria.

    `difference` comes last: it is what is cut where all of it is longer than GitHub takes.
    """
    lines = []
    for criterion in criteria:
        keys = [key for key in kinds if criterion.id in proving[key]]
        lines += [f"- **{criterion.id}** {criterion.text}", *(_red_line(key, kinds[key]) for key in keys)]
        lines += [] if keys else ["  - no new test"]
    known = {criterion.id for criterion in criteria}
    others = [key for key in kinds if known.isdisjoint(proving[key])]
    lines += ["- **For no criterion of the RFC**", *(_red_line(key, kinds[key]) for key in others)] if others else []
    parts = [
        f"@{actor.login} **These are the tests.** Each was run in a fresh container without the change, and fails.",
        "\n".join(lines),
        _ways_on(Assignment.TESTS, digest, slug),
        f"<details>\n<summary>The tests, and the stubs that they need, as a difference</summary>\n\n{fenced(difference, 'diff')}\n\n</details>",
    ]
    return fit("\n\n".join(parts), BODY_LIMIT)


def _red_line(key: str, kind: RedKind) -> str:
    return f"  - 🔴 `{key}`: {RED_WORDS[kind]}"


def _ways_on(part: Assignment, digest: str, slug: str) -> str:
    short = digest[:SHORT]
    return (
        f"`/approve`, and {_NEXT[part]}; `/approve {short}` means exactly what is shown here. `@{slug} <what should be otherwise>` changes "
        f"{_IT[part]}, and I show you {_IT[part]} again. `/stop` ends the run. I wait as long as you like."
    )


def waiting_note(part: Assignment, digest: str, url: str) -> str:
    """What a run waits for, in its status comment and in the answer to `/status`."""
    return f"[{capital(_PARTS[part])}]({url}) (`{digest[:SHORT]}`) wait{'s' if part is Assignment.PLAN else ''} there for `/approve`, or for what should be otherwise."


def approved_comment(actor: Actor, part: Assignment, *, has_words: bool) -> str:
    """Somebody approved; `has_words` says that they said something besides."""
    words = " What you said besides reaches the agent before its next step." if has_words else ""
    return f"@{actor.login} Thank you, now {_NEXT[part]}.{words}"


def nothing_to_approve_comment(actor: Actor, run: Run | None) -> str:
    """Nothing waits for an approval; `run` is the paired one that is at work, if there is one."""
    if run is None:
        return (
            f"@{actor.login} Nothing waits for an approval here. `/implement --pair` shows you the plan, and then the tests, and waits "
            "for `/approve` each time."
        )
    return (
        f"@{actor.login} There is nothing to approve at this moment. {capital(KIND_WORDS[run.kind])} is at work: {STAGE_WORDS[run.stage]}. "
        "What is to be approved is shown here first."
    )


def corrected_meanwhile_comment(actor: Actor, part: Assignment) -> str:
    """Somebody approved what somebody else wanted otherwise before."""
    return f"@{actor.login} Something was asked for otherwise before you wrote this. I take it up, and show you {_PARTS[part]} again; approve {_IT[part]} then."


def not_what_waits_comment(actor: Actor, part: Assignment, digest: str, url: str) -> str:
    """Somebody approved what was shown before, or by another digest, or where nobody can tell what they saw."""
    return (
        f"@{actor.login} I am not sure that you mean what waits now: [{_PARTS[part]} `{digest[:SHORT]}`]({url}). Read {_IT[part]}, "
        f"then `/approve {digest[:SHORT]}`."
    )
