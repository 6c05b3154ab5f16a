"""After a merge: the base is measured while nobody's run is at work, so that the next run begins warm."""

from __future__ import annotations

from workflows.engine import WARMING, workflow
from workflows.frame import run_to_its_end
from workflows.steps import preparation, warming


@workflow("warm")
def warm(run_id: str, segment: int) -> None:
    run_to_its_end(run_id, segment, warm, _road, queue=WARMING)


def _road(run_id: str) -> None:
    warming.wait_for_quiet(run_id)
    preparation.locate(run_id)
    preparation.check_out(run_id)
    preparation.fetch_dependencies(run_id)
    preparation.measure_base(run_id)
