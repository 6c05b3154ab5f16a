"""When a base is measured that no run has asked for: after a merge, and never while somebody's run is at work."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain import Actor, Message, MessageKind, Permission, Repo, Run, RunKind, Stage, Target
from bot.errors import Unavailable
from workflows import hands
from workflows.engine import step

PAUSE = 60.0
"""Seconds after which it is looked again whether runs are at work."""


def after_merge(repo: Repo, actor: Actor, delivery_id: str) -> Sequence[Run]:
    """The run that measures the base as it is when nobody is at work; the same one however often the delivery is handled."""
    our_hands = hands.current()
    if not our_hands.settings.warms:
        return []
    return [our_hands.store.open_run(Run("", RunKind.WARM, Target(repo, 0), 0, delivery_id, actor))]


@step("wait_for_quiet")
def wait_for_quiet(run_id: str) -> None:
    """Raises `Unavailable` while somebody's run is at work or waits for its turn: the base is measured by it, or later."""
    store = hands.current().store
    if store.run(run_id).base_commit:
        return
    if any(run.kind is not RunKind.WARM and run.stage is not Stage.WAITING for run in store.unfinished_runs()):
        raise Unavailable("Somebody's run is at work.", PAUSE)


def make_way(run: Run) -> None:
    """Let somebody's run that begins have the machine for itself; called inside other steps."""
    store = hands.current().store
    if run.kind is RunKind.WARM:
        return
    for other in store.unfinished_runs():
        if other.kind is RunKind.WARM and other.base_commit:
            store.leave(
                other.id,
                Message(f"way:{run.id}:{other.id}", MessageKind.STOP, run.requested_by, Permission.WRITE, ""),
            )
