"""What other code, or a worker that is lost, has left unfinished goes on as new workflows here: nobody waits until runs end.

A workflow is walked by the code that began it, or not at all: records of steps are never matched against another road.
"""

from __future__ import annotations

import logging
import re

from bot.store import Store
from workflows.engine import CONTROL, LOOKS, RUNS, WARMING, LeftBehind, Worker
from workflows.steps import lifecycle

log = logging.getLogger("rfcsmith")
STALE = 60.0
"""Seconds after which a worker that was not heard of counts as gone."""
LOST = 600.0
"""Seconds after which others go on with what a worker was in the middle of that was not heard of; well above `SILENT`.

What lies between the two is for a last beat that was long on its way, and for a last step that takes its time to die.
"""
UNNAMED = "1"
"""The version of workers from before workers told theirs."""
_AGAIN = re.compile(r"^(?P<id>.*?)(?:~(?P<times>\d+))?$", re.DOTALL)


def take_over(worker: Worker, store: Store) -> None:
    """Let everything that was left behind go on here, and end it as it was.

    In this order: after a crash in between, the new workflow is found there and the old one is ended. A run goes on as
    its next segment, which walks the road again from its start; a delivery is handled again, and CI looked at again, which
    changes nothing where it was done. What is done by the clock comes again by the clock. Several workers may do it at
    once: they find the same new ids.
    """
    others = [each for each in store.worker_health() if each[0] != worker.id]
    versions = {health.get("version", UNNAMED) for _, age, health in others if age < STALE}
    lost = {worker_id for worker_id, age, _ in others if age >= LOST}
    worker.listen(versions)
    for left in worker.left_behind(versions, lost):
        if left.queue in (RUNS, WARMING):
            run_id, segment = left.args
            lifecycle.note_rest(store, run_id, segment)
            worker.begin_again(left, f"{run_id}/{segment + 1}", (run_id, segment + 1))
        elif left.queue in (CONTROL, LOOKS):
            worker.begin_again(left, _next_id(left), left.args)
        worker.end(left)
        log.info("took over %s, which %s had begun", left.id, left.whose)


def _next_id(left: LeftBehind) -> str:
    """Counted, so that code which is rolled back and comes again finds a new id."""
    found = _AGAIN.match(left.id)
    assert found is not None, "every id matches"
    return f"{found['id']}~{int(found['times'] or 0) + 1}"
