"""The agent's hands: carries out one batch of tool calls, each to exactly one plain-text result.

Nothing the model sends can raise out of here: unknown tools, wrong inputs and impossible edits come back as results
that say what to do instead. What does get out is `Stopped`, and the failures of the services that the tools stand on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.agent import schemas, shell, submit, tools
from bot.agent.editor import Editor
from bot.agent.quote import printable
from bot.agent.submit import Draft, Expected, Rejected
from bot.agent.tools import BadCall
from bot.domain import Assignment, CheckScope, Plan, StopReason, TaskState, ToolCall, ToolResult, Turn
from bot.errors import Stopped, UserError
from bot.sandbox import Sandbox
from bot.sandbox.workspace import WorkspaceFiles

WHY_LIMIT = 200
"""Characters of the reason for which a task was dropped; people read it in the list of tasks."""
RESULT_LIMIT = 40_000
"""Characters of one result, whatever a tool says; the tools themselves stay well below it."""


class CheckRunner(Protocol):
    """Runs the repository's checks and tells what came of them, compact, against the base."""

    def run(self, scope: CheckScope, filter: str, should_stop: Callable[[], bool]) -> str: ...


class DependencyFetcher(Protocol):
    """Brings a crate into the sandbox's cargo home; raises `UserError` where it cannot or must not."""

    def fetch(
        self,
        name: str,
        version: str,
        features: tuple[str, ...],
        default_features: bool,
        should_stop: Callable[[], bool],
    ) -> str: ...


class Differ(Protocol):
    """Shows how the workspace differs from the base commit, in a review from the pull request's head.

    `path` is a file or directory of the workspace; empty means everything.
    """

    def diff(self, path: str) -> str: ...


@dataclass(slots=True)
class Toolbox:
    """What the tools of one assignment work on. `plan`, `draft` and `handed_in` change as calls are carried out.

    `handed_in` is what earlier submissions of an RFC hold, by field.
    """

    assignment: Assignment
    sandbox: Sandbox
    files: WorkspaceFiles
    expected: Expected = field(default_factory=Expected)
    checks: CheckRunner | None = None
    differ: Differ | None = None
    dependencies: DependencyFetcher | None = None
    plan: Plan = field(default_factory=Plan)
    handed_in: Mapping[str, object] = field(default_factory=dict)
    draft: Draft | None = None


def act(turn: Turn, toolbox: Toolbox, should_stop: Callable[[], bool]) -> tuple[ToolResult, ...]:
    """Carry out the calls of `turn` in order; one result for each, in the same order.

    After an edit that failed, only calls that look are carried out: the rest would work on code that is not there.
    After an accepted submission nothing is. Raises `Stopped` as soon as `should_stop` says so, between two calls and
    inside one.
    """
    if turn.stop is StopReason.LENGTH:
        return tuple(ToolResult(call.id, _CUT_OFF, is_error=True) for call in turn.calls)
    results: list[ToolResult] = []
    failed_edit = ""
    for call in turn.calls:
        if should_stop():
            raise Stopped("the run was stopped between two tool calls")
        if toolbox.draft is not None:
            result = ToolResult(call.id, _AFTER_SUBMISSION, is_error=True)
        elif failed_edit and not only_looks(call):
            result = ToolResult(call.id, _SKIPPED.format(edit=failed_edit), is_error=True)
        else:
            result = carry_out(call, toolbox, should_stop)
        is_edit = call.name == tools.EDITOR and not only_looks(call) and toolbox.assignment not in tools.READ_ONLY
        if result.is_error and is_edit and not failed_edit:
            failed_edit = f"{call.input.get('command', 'edit')} of {call.input.get('path', 'a file')}"
        results.append(result)
    return tuple(results)


_CUT_OFF = (
    "Not carried out: your answer reached the output limit and was cut off, so that this call may be incomplete. "
    "Send it again in smaller pieces: write a long file in several edits."
)
_AFTER_SUBMISSION = "Not carried out: the submission before it was accepted and ended this conversation."
_SKIPPED = (
    "Not carried out: the {edit} before it in the same answer failed, so that this would have worked on unedited code. "
    "Mend that edit first, then send this again."
)


def only_looks(call: ToolCall) -> bool:
    """Whether the call leaves the workspace as it is."""
    if call.name == tools.EDITOR:
        return call.input.get("command") == "view"
    return call.name in (tools.DIFF, tools.PLAN)


def carry_out(call: ToolCall, toolbox: Toolbox, should_stop: Callable[[], bool]) -> ToolResult:
    """One call; what the model did wrong becomes an `is_error` result, what a service did wrong is raised."""
    try:
        text = _dispatch(call, toolbox, should_stop)
    except (BadCall, UserError) as error:
        return ToolResult(call.id, _bounded(printable(str(error))), is_error=True)
    return ToolResult(call.id, _bounded(text))


def _dispatch(call: ToolCall, toolbox: Toolbox, should_stop: Callable[[], bool]) -> str:
    offered = [str(tool["name"]) for tool in tools.tools_for(toolbox.assignment)]
    if call.name not in offered:
        raise BadCall(f"There is no tool {call.name!r} here; there are {', '.join(offered)}.")
    match call.name:
        case tools.BASH:
            return shell.run(toolbox.sandbox, call.input, should_stop)
        case tools.EDITOR:
            return Editor(toolbox.files, is_read_only=toolbox.assignment in tools.READ_ONLY).act(call.input)
        case tools.CHECK:
            return _check(call, toolbox, should_stop)
        case tools.DIFF:
            return _diff(call, toolbox)
        case tools.PLAN:
            return _tick(call, toolbox)
        case tools.DEPENDENCY:
            return _dependency(call, toolbox, should_stop)
        case _:
            return _submit(call, toolbox)


def _check(call: ToolCall, toolbox: Toolbox, should_stop: Callable[[], bool]) -> str:
    scope, name_filter = call.input.get("scope"), call.input.get("filter", "")
    if scope not in ("quick", "full"):
        raise BadCall(f"scope is `quick` or `full`, not {scope!r}.")
    if not isinstance(name_filter, str):
        raise BadCall("filter is a part of a test's name, as text.")
    if scope == "full" and name_filter.strip():
        raise BadCall("A filter goes with `quick` only: a full check is full.")
    if toolbox.checks is None:
        raise BadCall("Checks are not available in this conversation; run cargo in bash.")
    return printable(toolbox.checks.run(CheckScope(scope), name_filter.strip(), should_stop))


def _diff(call: ToolCall, toolbox: Toolbox) -> str:
    path = call.input.get("path", "")
    if not isinstance(path, str):
        raise BadCall("path is a text: a file or a directory of the workspace.")
    if toolbox.differ is None:
        raise BadCall("The difference is not available in this conversation.")
    return printable(toolbox.differ.diff(path.strip())) or "No difference."


def _tick(call: ToolCall, toolbox: Toolbox) -> str:
    toolbox.plan = ticked(toolbox.plan, call.input)
    still_open = [task.id for task in toolbox.plan.tasks if task.state is TaskState.OPEN]
    return f"Noted. Still open: {', '.join(still_open)}." if still_open else "Noted. Every task is done or dropped."


def ticked(plan: Plan, given: dict[str, object]) -> Plan:
    """The plan after one call of the `plan` tool. Raises `BadCall` where the call makes no sense."""
    wanted, state, note = given.get("task"), given.get("state"), given.get("note", "")
    ids = [task.id for task in plan.tasks]
    if wanted not in ids:
        raise BadCall(f"There is no task {wanted!r}; there are {', '.join(ids) or 'none'}.")
    if state not in ("done", "dropped"):
        raise BadCall(f"state is `done` or `dropped`, not {state!r}.")
    if state == "dropped" and not (isinstance(note, str) and note.strip()):
        raise BadCall("A dropped task needs a note that says why.")
    why = " ".join(str(note).split())[:WHY_LIMIT] if state == "dropped" else ""
    return Plan(
        tuple(replace(task, state=TaskState(state), why=why) if task.id == wanted else task for task in plan.tasks)
    )


def _dependency(call: ToolCall, toolbox: Toolbox, should_stop: Callable[[], bool]) -> str:
    name, version = call.input.get("name"), call.input.get("version")
    features, default_features = call.input.get("features") or [], call.input.get("default_features", True)
    if not isinstance(name, str) or not isinstance(version, str) or not name.strip() or not version.strip():
        raise BadCall("name and version are needed, both as text, for example name `itoa`, version `1.0`.")
    if not isinstance(features, list) or not all(isinstance(feature, str) for feature in features):
        raise BadCall("features is a list of texts.")
    if not isinstance(default_features, bool):
        raise BadCall("default_features is true or false.")
    if toolbox.dependencies is None:
        raise BadCall("No new dependency can be fetched in this conversation.")
    fetched = toolbox.dependencies.fetch(name.strip(), version.strip(), tuple(features), default_features, should_stop)
    return printable(fetched)


STILL_OPEN = "Tasks of your plan are still open"
"""How the question about them begins, by which it is known that it was asked."""
_SUBMITTED = {True: "Taken.", False: "Received. It is verified in a fresh container now."}


def _submit(call: ToolCall, toolbox: Toolbox) -> str:
    draft = _parsed(call, toolbox)
    if isinstance(draft, Rejected):
        raise BadCall(str(draft))
    still_open = [task for task in toolbox.plan.tasks if task.state is TaskState.OPEN]
    if toolbox.expected.asks_about_tasks and still_open:
        named = ", ".join(f"{task.id} ({task.title})" for task in still_open)
        raise BadCall(
            f"{STILL_OPEN}: {named}. Do what is missing, tick with `plan` what is done, or drop with a note what is not needed; "
            "then hand in again. You are asked this once: what is open then stays open in the plan that people see."
        )
    toolbox.draft = draft
    return _SUBMITTED[toolbox.assignment in tools.READ_ONLY]


def _parsed(call: ToolCall, toolbox: Toolbox) -> Draft | Rejected:
    if call.name == schemas.INQUIRE:
        return submit.parse_inquiry(call.input)
    if toolbox.assignment is not Assignment.RFC:
        return submit.parse(toolbox.assignment, call.input, toolbox.expected)
    toolbox.handed_in = {**toolbox.handed_in, **call.input}
    return submit.parse(Assignment.RFC, toolbox.handed_in, toolbox.expected)


def _bounded(text: str) -> str:
    if len(text) <= RESULT_LIMIT:
        return text
    return f"{text[:RESULT_LIMIT]}\n[{len(text) - RESULT_LIMIT} characters left out here]"
