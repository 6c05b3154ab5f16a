"""The bash tool: one command in the agent's container, its output as plain text under a one-line header."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.agent.quote import printable
from bot.agent.tools import BadCall
from bot.domain import CommandResult, Interrupted, Timeout
from bot.errors import Stopped
from bot.sandbox import Sandbox

DEFAULT_TIMEOUT = 600.0
LONGEST_TIMEOUT = 1_800.0
"""Seconds that a command may take."""

KEEP = 16_000
"""Bytes of output that the model gets to see; the rest is left out of the middle, and the header says so."""

# The container outlives a command but no process does, so that the directory is remembered in a file. It is the agent's
# own file: if a command spoils it, the next one starts in the workspace. One line, so that line numbers in errors stay
# true.
_DIRECTORY = '"${TMPDIR:-/tmp}/.directory"'
_PROLOGUE = f"trap 'pwd >{_DIRECTORY} 2>/dev/null' EXIT; cd -- \"$(cat {_DIRECTORY} 2>/dev/null)\" 2>/dev/null; "


def run(sandbox: Sandbox, given: Mapping[str, object], should_stop: Callable[[], bool]) -> str:
    """Carry out one call of the tool. Raises `BadCall` for a bad input, `Stopped` on a stop."""
    if given.get("restart") is True:
        sandbox.run(f"rm -f {_DIRECTORY}", timeout=30.0, should_stop=should_stop)
        return "The next command starts in /workspace again. Files are as they were; no process was left to end."
    command = given.get("command")
    if not isinstance(command, str) or not command.strip():
        raise BadCall("command is missing: give the bash command to run.")
    if "\0" in command:
        raise BadCall("The command holds a NUL character.")
    result = sandbox.run(_PROLOGUE + command, timeout=_timeout(given), keep=KEEP, should_stop=should_stop)
    if isinstance(result.exit, Interrupted):
        raise Stopped("the run was stopped while a command was at work")
    return describe(result)


def describe(result: CommandResult) -> str:
    """A result as the model reads it: how it ended, how long it took, what is missing, then the output."""
    head = f"[{result.exit}, {result.seconds:.1f} s"
    if result.omitted:
        head += (
            f"; {result.omitted} bytes of output left out where marked: "
            "look at it in parts (`sed -n '120,180p'`, or a file under /tmp), or narrow it with rg"
        )
    if isinstance(result.exit, Timeout):
        head += "; everything it started was ended"
    output = printable(result.output.replace("\r\n", "\n").replace("\r", "\n")).rstrip()
    return f"{head}]\n{output}" if output else f"{head}; no output]"


def _timeout(given: Mapping[str, object]) -> float:
    wanted = given.get("timeout")
    if isinstance(wanted, int | float) and not isinstance(wanted, bool) and wanted > 0:
        return min(float(wanted), LONGEST_TIMEOUT)
    return DEFAULT_TIMEOUT
