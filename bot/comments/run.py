"""What is said about a run: its one status comment, and how it ended. Pure."""

from __future__ import annotations

from bot.comments.form import capital
from bot.comments.vocabulary import KIND_WORDS, STAGE_WORDS, STAGES_OF
from bot.domain import Actor, Plan, Run, Stage, Task, TaskState


def status_comment(run: Run, plan: Plan | None, note: str = "", *, links: str = "", remark: str = "") -> str:
    """The one comment of a run, edited in place: where it stands, its plan with ticks, and what came of it."""
    head = {
        Stage.WAITING: f"⏸️ **{capital(KIND_WORDS[run.kind])} waits for your approval.**",
        Stage.DONE: f"✅ **{capital(KIND_WORDS[run.kind])} is done.**",
        Stage.ASKED: f"❓ **{capital(KIND_WORDS[run.kind])} waits for your answers.**",
        Stage.STOPPED: f"⏹️ **{capital(KIND_WORDS[run.kind])} was stopped.**",
        Stage.FAILED: f"❌ **{capital(KIND_WORDS[run.kind])} could not be finished.**",
    }.get(run.stage, f"⏳ **Working on {KIND_WORDS[run.kind]}**: {STAGE_WORDS[run.stage]}.")
    parts = [head]
    if note:
        parts.append(note)
    if remark:
        parts.append(remark)
    if not run.stage.is_final and run.stage is not Stage.WAITING:
        parts.append(stage_line(run))
    if plan is not None and plan.tasks:
        parts.append(plan_list(plan))
    if links:
        parts.append(links)
    if not run.stage.is_final:
        parts.append("<sub>Comments here reach the agent when they mention me; `/stop` ends the run.</sub>")
    return "\n\n".join(parts)


def stage_line(run: Run) -> str:
    stages = STAGES_OF[run.kind]
    if run.stage not in stages:
        return " → ".join(stage.value for stage in stages)
    here = stages.index(run.stage)
    return " → ".join(
        f"**{stage.value}**" if number == here else f"~~{stage.value}~~" if number < here else stage.value
        for number, stage in enumerate(stages)
    )


def plan_list(plan: Plan) -> str:
    return "\n".join(task_line(task) for task in plan.tasks)


def task_line(task: Task) -> str:
    mark = "[ ]" if task.state is TaskState.OPEN else "[x]"
    criteria = f" ({', '.join(task.criteria)})" if task.criteria else ""
    struck = "~~" if task.state is TaskState.DROPPED else ""
    why = f": {task.why}" if task.why else ""
    return f"- {mark} {struck}{task.title}{criteria}{struck}{why}"


def resumed_remark(attempt: int, *, is_same_base: bool, has_red_tests: bool) -> str:
    """Said in the status comment of a run that goes on from an earlier one."""
    if is_same_base:
        proven = "; its tests are proven red already" if has_red_tests else ""
        return f"Goes on from attempt {attempt}, with its work in the workspace{proven}."
    again = ", and its tests have to be shown red again" if has_red_tests else ""
    return f"Goes on from attempt {attempt}, whose work was brought onto the present base{again}."


def started_over_remark(attempt: int) -> str:
    """The kept work of an earlier run cannot be used."""
    return f"Starts over: the base has moved, and what attempt {attempt} left does not fit onto it any more."


def joined_remark(head: str, conflicts: int) -> str:
    """Said in the status comment of a run that found somebody's push on its branch when it wanted to push."""
    if not conflicts:
        return f"Somebody pushed {head[:12]} meanwhile. My work is on top of it, and was verified again there."
    files = "one file" if conflicts == 1 else f"{conflicts} files"
    return f"Somebody pushed {head[:12]} meanwhile, which did not fit with my work in {files}. I brought the two together on top of it."


def unpriced_remark(model: str) -> str:
    """A budget in money is set, and nobody here knows what the model costs."""
    return f"I do not know the price of the model `{model}`, so no budget in dollars bounds this run; turns and minutes do."


def stopped_note(actor: Actor) -> str:
    return f"@{actor.login} asked me to stop."


_ENDINGS = {
    "closed": "closed the issue",
    "deleted": "deleted the issue",
    "transferred": "moved the issue to another repository",
    "unlabeled": "took the label off",
    "merged": "merged the pull request",
    "abandoned": "closed the pull request",
    "suspend": "suspended the App",
    "removed": "took the App away from this repository",
}


def ended_note(actor: Actor, ending: str) -> str:
    """What somebody did that ends a run, without asking for its end; `ending` is one of the keys above."""
    return f"I stopped because @{actor.login} {_ENDINGS[ending]}."


def failed_note(message: str, hint: str) -> str:
    return f"{message}" + (f"\n\n{hint}" if hint else "")


def bug_note(run_id: str, *, can_be_retried: bool = False) -> str:
    again = " `/retry` tries to go on from what was done by then." if can_be_retried else ""
    return (
        f"Something broke on my side; this is not your fault. The operator finds the details under `{run_id}`.{again}"
    )


def unavailable_note(message: str, minutes: int) -> str:
    return f"{message} I will go on in about {minutes} minute{'s' if minutes != 1 else ''}, from where I am."
