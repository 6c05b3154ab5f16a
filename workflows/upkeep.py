"""What is done by the clock: deliveries that GitHub could not hand over are asked for again, clones are packed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.errors import Unavailable, UserError
from workflows.engine import Schedule, workflow
from workflows.steps import upkeep


@workflow("sweep_deliveries")
def sweep_deliveries(_scheduled_at: datetime, _context: Any) -> None:
    """GitHub never tries a delivery again by itself; while we were away it noted that it failed."""
    try:
        upkeep.ask_again()
    except (Unavailable, UserError) as error:
        upkeep.note("the deliveries could not be swept", str(error))


@workflow("tidy")
def tidy(_scheduled_at: datetime, _context: Any) -> None:
    """Once a night: pack the clones, keep caches within their budget, and forget workflows and deliveries that nobody will ask for again."""
    upkeep.pack_clones()
    upkeep.trim_cache()
    upkeep.forget_old()


SCHEDULES = (
    Schedule("sweep_deliveries", sweep_deliveries, "*/5 * * * *"),
    Schedule("tidy", tidy, "17 3 * * *"),
)
