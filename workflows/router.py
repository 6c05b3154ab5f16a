"""One tiny workflow per delivery: it starts a run, lets one go on, leaves a message for the one at work, or answers."""

from __future__ import annotations

from bot.domain import RunKind
from bot.errors import Conflict, Unavailable, UserError
from workflows.ci import mend_ci
from workflows.engine import RUNS, WARMING, enqueue_look, enqueue_route, enqueue_run, workflow
from workflows.implement import implement
from workflows.review import review
from workflows.rfc import rfc
from workflows.steps import reception
from workflows.update import update
from workflows.warm import warm

WORKFLOWS = {
    RunKind.RFC: rfc,
    RunKind.IMPLEMENT: implement,
    RunKind.REVIEW: review,
    RunKind.CI: mend_ci,
    RunKind.UPDATE: update,
    RunKind.WARM: warm,
}
TRIALS = 12
"""How often a delivery is tried while GitHub does not answer."""


@workflow("route")
def route(delivery_id: str, trial: int) -> None:
    """Handle one delivery; the id of the workflow is the delivery's own, so that a redelivery changes nothing."""
    try:
        opened = reception.receive(delivery_id)
    except (Unavailable, Conflict) as error:
        pause = error.retry_after if isinstance(error, Unavailable) else 0.0
        if trial < TRIALS:
            enqueue_route(route, delivery_id, trial + 1, delay=max(pause, min(2.0**trial, 300.0)))
        return
    except UserError as error:
        reception.explain(delivery_id, error.message, error.hint)
        return
    except Exception as error:  # noqa: BLE001  the workflow's outermost frame
        reception.apologise(delivery_id, repr(error))
        return
    for run in opened:
        if run["kind"] == "look":
            enqueue_look(run)
            continue
        enqueue_run(
            WORKFLOWS[RunKind(run["kind"])],
            run["id"],
            run["segment"],
            partition=run["partition"],
            priority=run["priority"],
            delay=run["delay"],
            queue=WARMING if run["kind"] == RunKind.WARM else RUNS,
        )
