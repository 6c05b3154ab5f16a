"""The tools of each assignment, as the Messages API wants them; their order never changes, for the cache's sake.

The descriptions are part of the prompt: they say what a tool does, what its limits are, and when it is the right one.
"""

from __future__ import annotations

from typing import Any

from bot.agent import schemas
from bot.agent.readers import READERS
from bot.domain import Assignment

BASH = "bash"
EDITOR = "str_replace_based_edit_tool"
CHECK = "check"
DIFF = "diff"
PLAN = "plan"
DEPENDENCY = "dependency"

READ_ONLY = frozenset([Assignment.RFC, Assignment.PLAN, *READERS])
"""The assignments that only read: their workspace is mounted read-only, and the editor only views."""

Tool = dict[str, Any]


class BadCall(Exception):
    """A tool call that cannot be carried out; the message is the result and tells the model what to do instead."""


# Anthropic's own tools: the model knows their schemas, they take no description of ours.
_BASH: Tool = {"type": "bash_20250124", "name": BASH}
_EDITOR: Tool = {"type": "text_editor_20250728", "name": EDITOR}

_CHECK: Tool = {
    "name": CHECK,
    "description": (
        "Runs the repository's own checks (rustfmt, clippy, tests, documentation tests) and reports what is new "
        "against the base commit: failures with their diagnostics, root causes first, the number of tests that really "
        "ran, and each command's real exit. Findings that the base has as well are counted, not shown. First it "
        "formats the files that you changed, except those that were not formatted on the base, and names the ones "
        "that it touched. Prefer it to running cargo in bash: it cannot lose an exit code, and it says so when a "
        "filter matched no test. `quick` takes rustfmt, clippy and the unit and integration tests; `full` takes "
        "everything that CI requires and that can run here, and must be green before you submit."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "scope": {"type": "string", "enum": ["quick", "full"], "description": "How much is run."},
            "filter": {
                "type": "string",
                "description": "Run only tests whose name contains this, and no other check. With `quick` only.",
            },
        },
        "required": ["scope"],
        "additionalProperties": False,
    },
}
_DIFF: Tool = {
    "name": DIFF,
    "description": (
        "Shows what this work changes, as a unified diff of the workspace against the base commit (in a review round: "
        "against the pull request's head): every file that would be published, also one that you did not mean to "
        "leave behind. Look at it before you submit."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Only this file or directory; everything if left out."},
        },
        "additionalProperties": False,
    },
}
_PLAN: Tool = {
    "name": PLAN,
    "description": (
        "Ticks a task of the plan off, or drops it. People watch the plan on GitHub while you work: tick a task when "
        "it is done, not at the end. People read why one was dropped."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "task": {"type": "string", "description": "The task's id, for example T2."},
            "state": {"type": "string", "enum": ["done", "dropped"]},
            "note": {"type": "string", "description": "Why it was dropped, in a sentence."},
        },
        "required": ["task", "state"],
        "additionalProperties": False,
    },
}
_DEPENDENCY: Tool = {
    "name": DEPENDENCY,
    "description": (
        "Downloads a crate from the registry, with all it depends on, so that cargo finds it offline. This is the "
        "only way to a crate that is not there yet. It changes no file: afterwards add the crate to Cargo.toml "
        "yourself. Use it only for a dependency that the agreed design names, or to try one that a design may need."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "The crate's name in the registry."},
            "version": {"type": "string", "description": "A version requirement as in Cargo.toml, for example 1.4."},
            "features": {"type": "array", "items": {"type": "string"}, "description": "Features to turn on."},
            "default_features": {
                "type": "boolean",
                "description": "Whether default features stay on; true if left out.",
            },
        },
        "required": ["name", "version"],
        "additionalProperties": False,
    },
}

_SUBMIT_DESCRIPTIONS = {
    Assignment.RFC: (
        "Hands in the design and ends this conversation; it is posted on the issue for people to discuss. Citations "
        "are checked against the base commit, and you are told if one does not hold. When you hand it in again, give only the "
        "fields that are different: what you leave out stays as you handed it in."
    ),
    Assignment.CRITIQUE: (
        "Hands in your findings and ends this conversation. They go to the author of the draft, who answers each one. "
        "No finding is a good result where there is none."
    ),
    Assignment.PLAN: "Hands in the plan and ends this conversation. Every acceptance criterion must belong to a task.",
    Assignment.PLAN_CRITIQUE: (
        "Hands in your findings and ends this conversation. They go to the author of the plan, who answers each one. "
        "No finding is the usual result."
    ),
    Assignment.TESTS: (
        "Hands in the tests that you have written into the workspace and ends this conversation. They are then run in "
        "a fresh container without the change, where each of them must fail."
    ),
    Assignment.BUILD: (
        "Hands in the finished change and ends this conversation. It is then verified in a fresh container and opened "
        "as a pull request. Call it only after a full check was green and you have looked at the whole diff."
    ),
    Assignment.EXAMINATION: (
        "Hands in your findings and ends this conversation. Each test is run in a fresh container against the change; the "
        "author answers what holds. No finding is a good result where there is none."
    ),
    Assignment.REVIEW: (
        "Hands in the answers to the review, with the change as it now stands in the workspace, and ends this "
        "conversation. Call it only after a full check was green and you have looked at the whole diff."
    ),
    Assignment.UPDATE: (
        "Hands in the merge as it now stands in the workspace, and ends this conversation. Call it only after a full "
        "check was green and no mark of a conflict is left."
    ),
    Assignment.CI: (
        "Hands in what was wrong on CI, with the change as it now stands in the workspace, and ends this conversation. "
        "Call it only after a full check was green and you have looked at the whole diff."
    ),
}


_INQUIRE: Tool = {
    "name": schemas.INQUIRE,
    "description": (
        "Asks people instead of handing in a design, and ends this conversation. Only for an issue from which nobody "
        "could tell what is wanted, even after reading the code: then a few questions are worth more than an invented "
        "design. Where the goal is clear and only details are open, design it, and put these into `questions`."
    ),
    "input_schema": schemas.INQUIRY,
}


def offers(assignment: Assignment, name: str) -> bool:
    """Whether an assignment has the tool of this name."""
    return any(tool["name"] == name for tool in tools_for(assignment))


def tools_for(assignment: Assignment) -> tuple[Tool, ...]:
    """The tool definitions of an assignment, always the same and in the same order."""
    submission: Tool = {
        "name": schemas.NAMES[assignment],
        "description": _SUBMIT_DESCRIPTIONS[assignment],
        "input_schema": schemas.SCHEMAS[assignment],
    }
    if assignment is Assignment.RFC:
        return (_BASH, _EDITOR, _DEPENDENCY, submission, _INQUIRE)
    if assignment in READ_ONLY:
        return (_BASH, _EDITOR, submission)
    ticks = (_PLAN,) if assignment in (Assignment.TESTS, Assignment.BUILD) else ()
    return (_BASH, _EDITOR, _CHECK, _DIFF, *ticks, _DEPENDENCY, submission)
