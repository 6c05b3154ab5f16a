"""One conversation with the model: its brief, its turns, its batches of tool calls, and its accepted submission."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.agent import schemas, submit, toolbox, transcript
from bot.agent.readers import READERS
from bot.agent.submit import Expected
from bot.agent.tools import DEPENDENCY, READ_ONLY, offers, tools_for
from bot.checking import Baseline
from bot.domain import Assignment, Finding, Inquiry, Plan, Run, Stage, StopReason, Task, TaskState, ToolCall, Turn
from bot.errors import UserError
from bot.model import ModelRequest
from bot.store import StoredTurn
from bot.tooling import CheckTool, DependencyTool, DiffTool
from bot.workbench import Kept, Seat, Workbench
from workflows import hands
from workflows.engine import step
from workflows.steps import briefs, budgets, lifecycle, steering
from workflows.steps.records import INQUIRY, TASK, Submitted, Ticked, agreed_criteria, rfc_of, shown_findings

log = logging.getLogger("rfcsmith")

STAGES = {
    Assignment.RFC: Stage.INVESTIGATE,
    Assignment.CRITIQUE: Stage.CRITIQUE,
    Assignment.PLAN: Stage.PLAN,
    Assignment.PLAN_CRITIQUE: Stage.CRITIQUE,
    Assignment.TESTS: Stage.TESTS,
    Assignment.BUILD: Stage.BUILD,
    Assignment.EXAMINATION: Stage.EXAMINE,
    Assignment.REVIEW: Stage.BUILD,
    Assignment.CI: Stage.BUILD,
    Assignment.UPDATE: Stage.BUILD,
}


TICKS = 18
"""So many ticks of tasks become commits of their own; what comes later is in the last one."""
IDLE_TURNS = 4
"""So many answers in a row without a tool call end a conversation."""


@step("begin")
def begin(run_id: str, assignment_name: str) -> int | None:
    """The turn at which the conversation goes on, after composing its brief if need be; None where it is over."""
    assignment = Assignment(assignment_name)
    our_hands = hands.current()
    store = our_hands.store
    if store.document(run_id, Submitted.name(assignment), int) is not None:
        return None
    run = lifecycle.enter(store.run(run_id), STAGES[assignment])
    turns = store.turns(run_id, assignment)
    if turns:
        return turns[-1].number
    bench = our_hands.workbenches.at_hand(run_id)
    if bench is not None:
        bench.vacate(_seat(assignment))
    lifecycle.remark_unpriced(run)
    composed = briefs.compose(run, assignment)
    store.put_document(run_id, f"system:{assignment}", composed.system)
    store.start_turn(run_id, assignment, 0, transcript.opening(composed.message))
    return 0


def _seat(assignment: Assignment) -> Seat:
    """Where it works: what one conversation leaves in a container must not lead another one astray."""
    if assignment in READERS:
        return Seat.READER
    return Seat.DESIGNER if assignment in READ_ONLY else Seat.AUTHOR


@step("ask")
def ask(run_id: str, assignment_name: str, number: int) -> None:
    """Let the model answer turn `number`; an answer that is recorded already is not asked for again."""
    assignment = Assignment(assignment_name)
    our_hands = hands.current()
    store = our_hands.store
    turns = store.turns(run_id, assignment)
    run = store.run(run_id)
    if turns[number].assistant is None:
        _complete(run, assignment, turns, number)
    steering.tell_read(run, assignment, number)


def _complete(run: Run, assignment: Assignment, turns: tuple[StoredTurn, ...], number: int) -> None:
    our_hands = hands.current()
    store, run_id = our_hands.store, run.id
    budgets.check(run, assignment, number)
    user = _with_steering(run_id, assignment, turns[number])
    exchanges = [(stored.user, stored.assistant) for stored in turns[:number]] + [(user, None)]
    request = ModelRequest(
        system=store.document(run_id, f"system:{assignment}", str) or "",
        tools=tools_for(assignment),
        messages=transcript.messages(exchanges),
        user_id=run_id,
    )
    started_at = time.time()
    try:
        answer = our_hands.model.complete(request, should_stop=stop_watch(run_id))
    finally:
        store.record_span(run_id, run.stage, "model", assignment, started_at, time.time() - started_at)
    store.finish_turn(run_id, assignment, number, answer)
    if answer.refusal:
        store.put_document(run_id, "refusal", answer.refusal)


def _with_steering(run_id: str, assignment: Assignment, turn: StoredTurn) -> list[dict[str, Any]]:
    """Add what people said meanwhile to what is about to be sent; the same again when the step is repeated."""
    store = hands.current().store
    if assignment in READERS:
        # People talk to the author; whoever only reads the draft must not take their words away.
        return turn.user
    messages = store.take_steering(run_id, f"{assignment}/{turn.number}")
    notes = [transcript.text_block(transcript.steering_note(message)) for message in messages]
    missing = [note for note in notes if note not in turn.user]
    if not missing:
        return turn.user
    user = [*turn.user, *missing]
    store.amend_turn(run_id, assignment, turn.number, user)
    return user


@step("act")
def act(run_id: str, assignment_name: str, number: int) -> int | None:
    """Carry out turn `number`'s calls once; returns the next turn, or None where the submission was accepted."""
    assignment = Assignment(assignment_name)
    our_hands = hands.current()
    store = our_hands.store
    turns = store.turns(run_id, assignment)
    if len(turns) > number + 1:
        return _next(run_id, assignment, number)
    stored = turns[number]
    turn = _turn(stored)
    _refuse_dead_ends(turn, store.document(run_id, "refusal", str) or "")
    _refuse_idleness(turns)
    run = store.run(run_id)
    workbench = our_hands.workbenches.open(run)
    if stored.is_act_started:
        workbench.roll_back()
    store.start_act(run_id, assignment, number)
    box = _toolbox(run, assignment, workbench)
    results = toolbox.act(turn, box, stop_watch(run_id))
    if assignment not in READ_ONLY and any(_may_change(call) for call in turn.calls):
        workbench.take_snapshot()
    if box.plan.tasks:
        if assignment is Assignment.BUILD:
            _note_ticks(run_id, number, store.plan(run_id) or Plan(), box.plan, workbench)
        store.put_document(run_id, "plan", box.plan)
    if box.draft is not None:
        store.put_document(run_id, INQUIRY if isinstance(box.draft, Inquiry) else f"draft:{assignment}", box.draft)
        if isinstance(box.draft, submit.PlanDraft):
            store.put_document(run_id, "plan", Plan(_with_ticks(run_id, box.draft.tasks)))
        store.put_document(run_id, Submitted.name(assignment), number)
    warning = budgets.warning(run, assignment, len(turns))
    notes = [note for note in (transcript.ending_note(turn, assignment), warning) if note]
    store.start_turn(run_id, assignment, number + 1, transcript.reply(turn, results, notes))
    store.end_act(run_id, assignment, number)
    lifecycle.speak(run)
    return _next(run_id, assignment, number)


def _with_ticks(run_id: str, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """The tasks of a plan; what an earlier run has done of it stays ticked where the task is still there."""
    ticked = hands.current().store.document(run_id, "ticked", tuple[Ticked, ...]) or ()
    titles = {title for each in ticked for title in each.titles}
    return tuple(replace(task, state=TaskState.DONE) if task.title in titles else task for task in tasks)


def _note_ticks(run_id: str, number: int, before: Plan, after: Plan, workbench: Workbench) -> None:
    """Keep the workspace as it is when tasks are ticked: each becomes a commit. The same again when the step is repeated."""
    store = hands.current().store
    earlier = [ticked for ticked in store.document(run_id, "ticked", tuple[Ticked, ...]) or () if ticked.turn < number]
    told = {task.id for task in before.tasks if task.state is TaskState.DONE}
    titles = tuple(task.title for task in after.tasks if task.state is TaskState.DONE and task.id not in told)
    if titles and len(earlier) < TICKS:
        tree = workbench.take_snapshot()
        workbench.keep(Kept.TASKS + len(earlier), tree)
        store.put_document(run_id, "ticked", (*earlier, Ticked(number, titles, tree)))


def _may_change(call: ToolCall) -> bool:
    """Whether the workspace may be another one after the call."""
    return not toolbox.only_looks(call) and not call.name.startswith("submit_")


def _next(run_id: str, assignment: Assignment, number: int) -> int | None:
    submitted = hands.current().store.document(run_id, Submitted.name(assignment), int)
    return None if submitted == number else number + 1


def _turn(stored: StoredTurn) -> Turn:
    content = stored.assistant or []
    calls = tuple(
        ToolCall(block["id"], block["name"], block["input"]) for block in content if block.get("type") == "tool_use"
    )
    return Turn(tuple(content), StopReason(stored.stop), calls, "", stored.usage, stored.seconds)


def _refuse_dead_ends(turn: Turn, refusal: str) -> None:
    if turn.stop is StopReason.REFUSAL:
        why = f" It says: {refusal}" if refusal else ""
        raise UserError(f"The model declined to go on with this.{why}", "Put it in other words, and ask again.")
    if turn.stop is StopReason.CONTEXT:
        raise UserError("This grew too large for one conversation.", "A smaller RFC would help.")


def _refuse_idleness(turns: tuple[StoredTurn, ...]) -> None:
    """A model that only talks, although it was told that nobody listens, will not hand anything in."""
    recent = turns[-IDLE_TURNS:]
    if len(recent) == IDLE_TURNS and not any(_calls(turn) or turn.stop == StopReason.PAUSE.value for turn in recent):
        raise UserError(
            f"The model answered {IDLE_TURNS} times without doing anything or handing anything in.",
            "Ask again; if it happens once more, put the request in other words.",
        )


def _calls(turn: StoredTurn) -> bool:
    return any(block.get("type") == "tool_use" for block in turn.assistant or ())


def _toolbox(run: Run, assignment: Assignment, workbench: Workbench) -> toolbox.Toolbox:
    our_hands = hands.current()

    def read(path: str) -> bytes | None:
        return our_hands.git.read(run.target.repo.id, run.base_commit, path)

    expected = Expected(
        criteria=agreed_criteria(run),
        rfc=rfc_of(run) if assignment is Assignment.REVIEW else None,
        threads=briefs.thread_ids(run),
        findings=tuple(finding.id for finding in _findings(run, assignment)),
        has_moved=assignment is Assignment.PLAN and bool(our_hands.store.document(run.id, "moved", tuple[str, ...])),
        is_revision=assignment is Assignment.RFC and briefs.previous_rfc(run) is not None,
        tolerates_wrong_places=_refusals(run.id, assignment) >= REFUSALS,
        asks_about_tasks=assignment is Assignment.BUILD and not _was_told(run.id, assignment, toolbox.STILL_OPEN),
        read=read if assignment is Assignment.RFC else None,
    )
    baseline = our_hands.store.document(run.id, "baseline", Baseline) or Baseline()
    return toolbox.Toolbox(
        assignment=assignment,
        sandbox=workbench.sandbox(_seat(assignment)),
        files=workbench.files,
        expected=expected,
        checks=None if assignment in READ_ONLY else CheckTool(workbench, baseline),
        differ=DiffTool(workbench),
        dependencies=DependencyTool(workbench) if offers(assignment, DEPENDENCY) else None,
        plan=our_hands.store.plan(run.id) or Plan(),
        handed_in=_handed_in(run.id) if assignment is Assignment.RFC else {},
    )


def _findings(run: Run, assignment: Assignment) -> tuple[Finding, ...]:
    """Those that a submission is about: to be answered, or in a review open."""
    is_review = assignment is Assignment.REVIEW
    return briefs.open_findings(run) if is_review else shown_findings(run.id, assignment)


def _was_told(run_id: str, assignment: Assignment, words: str) -> bool:
    """Whether a tool has answered with an error that begins so."""
    return any(
        block.get("is_error") and str(block.get("content")).startswith(words)
        for turn in hands.current().store.turns(run_id, assignment)
        for block in turn.user
    )


def _handed_in(run_id: str) -> dict[str, object]:
    """What the submissions of an RFC before the present turn hold, by field; the later ones count."""
    held: dict[str, object] = {}
    for turn in hands.current().store.turns(run_id, Assignment.RFC)[:-1]:
        if turn.stop != StopReason.LENGTH.value:
            name = schemas.NAMES[Assignment.RFC]
            held |= {
                k: v for block in turn.assistant or () if block.get("name") == name for k, v in block["input"].items()
            }
    return held


REOPENED = "reopened:{}"
"""The name of the document with the number of the turn that a reopened conversation goes on with, by its assignment."""
REFUSALS = 2
"""How often places that do not stand send an RFC back; after that they are marked as not verified."""


def _refusals(run_id: str, assignment: Assignment) -> int:
    """How many submissions were sent back since the conversation began, or was reopened."""
    store = hands.current().store
    since = store.document(run_id, REOPENED.format(assignment), int) or 0
    name = schemas.NAMES[assignment]
    turns = [turn for turn in store.turns(run_id, assignment)[:-1] if turn.number >= since]
    return sum(any(block.get("name") == name for block in turn.assistant or ()) for turn in turns)


def complain(run_id: str, assignment: Assignment, text: str) -> None:
    """Reopen a conversation whose submission did not stand, saying why; called inside the proving steps."""
    reopen(run_id, assignment, transcript.complaint_note(text))


def reopen(run_id: str, assignment: Assignment, note: str) -> None:
    """Let a conversation that ended with a submission go on with `note`; called inside other steps."""
    store = hands.current().store
    if store.document(run_id, Submitted.name(assignment), int) is None:
        return
    turns = store.turns(run_id, assignment)
    if not turns:
        # Nothing had to be asked until now: the brief will say it.
        store.put_document(run_id, TASK, note)
        store.put_document(run_id, Submitted.name(assignment), None)
        return
    last = turns[-1]
    block = transcript.text_block(note)
    if block not in last.user:
        store.amend_turn(run_id, assignment, last.number, [*last.user, block])
    store.put_document(run_id, REOPENED.format(assignment), last.number)
    store.put_document(run_id, Submitted.name(assignment), None)


def stop_watch(run_id: str) -> Callable[[], bool]:
    """Asks the mailbox at most once a second whether a human wants the run to stop."""
    store = hands.current().store
    asked_at = 0.0
    is_stopped = False

    def should_stop() -> bool:
        nonlocal asked_at, is_stopped
        if not is_stopped and time.monotonic() - asked_at >= 1.0:
            asked_at = time.monotonic()
            is_stopped = store.stop_of(run_id) is not None
        return is_stopped

    return should_stop
