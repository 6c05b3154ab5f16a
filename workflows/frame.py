"""The one outermost frame of every run: whatever happens on the road, the run ends in words."""

from __future__ import annotations

from collections.abc import Callable

from bot.errors import Conflict, Paused, Question, Stopped, Unavailable, UserError
from workflows.engine import RUNS, enqueue_look, enqueue_run
from workflows.steps import ci, keeping, lifecycle, pairing


def run_to_its_end(
    run_id: str,
    segment: int,
    workflow: Callable[[str, int], None],
    road: Callable[[str], None],
    *,
    queue: str = RUNS,
) -> None:
    """Walk the road, settle what came of it, and say so.

    Where a service does not answer, this segment ends and the next one is enqueued with a delay: a waiting run holds
    no slot. The road is walked again from its start then; everything that was done is found done. Where the run waits for
    people, whoever answers lets the next segment be enqueued. A run that has waited too often fails of that, in words as well.
    """
    try:
        if not lifecycle.is_settled(run_id):
            _walk(run_id, road)
        lifecycle.say_outcome(run_id)
        look = ci.after_run(run_id)
        if look is not None:
            enqueue_look(look)
        return
    except Paused:
        due = pairing.rest(run_id, segment)
    except (Unavailable, Conflict) as error:
        retry_after = error.retry_after if isinstance(error, Unavailable) else 1.0
        due = lifecycle.pause(run_id, segment, str(error), retry_after)
        if due is None and not lifecycle.is_settled(run_id):
            _walk(run_id, _dead_end(str(error)), is_last=True)
            due = lifecycle.pause(run_id, segment, str(error), 0.0)
    if due is not None:
        enqueue_run(
            workflow,
            run_id,
            segment + 1,
            partition=due["partition"],
            priority=due["priority"],
            delay=due["seconds"],
            queue=queue,
        )


def _dead_end(message: str) -> Callable[[str], None]:
    """The road of a run that waits no longer: one that was stopped, or failed before, ends of that all the same."""

    def road(_run_id: str) -> None:
        raise UserError(message, lifecycle.GIVEN_UP)

    return road


def _walk(run_id: str, road: Callable[[str], None], *, is_last: bool = False) -> None:
    try:
        try:
            lifecycle.heed_stop(run_id)
            road(run_id)
            lifecycle.settle_done(run_id)
        except Stopped:
            keeping.keep(run_id, "", "", is_last=is_last)
            lifecycle.settle_stopped(run_id)
        except Question as error:
            lifecycle.settle_asked(run_id, error.message, error.hint)
        except UserError as error:
            keeping.keep(run_id, error.message, error.hint, is_last=is_last)
            lifecycle.settle_failed(run_id, error.message, error.hint)
    except (Paused, Unavailable, Conflict):
        raise
    except Exception as error:  # noqa: BLE001  the workflow's outermost frame
        lifecycle.settle_broken(run_id, repr(error))
