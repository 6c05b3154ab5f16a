"""The steps of what is done by the clock."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import UTC, datetime, timedelta

from workflows import hands
from workflows.engine import forget_workflows, step

log = logging.getLogger("rfcsmith")
LOOK_BACK = timedelta(hours=6)
"""How far back failed deliveries are looked for; GitHub itself remembers three days."""
TRIES = 4
"""How often a delivery may have failed before it is left alone."""
KEPT = timedelta(days=30)
"""How long the records of finished workflows and handled deliveries are kept; GitHub redelivers for three days."""


@step("ask_again")
def ask_again() -> int:
    """Ask GitHub again for deliveries that failed and are not in the inbox; returns how many."""
    our_hands = hands.current()
    attempts = our_hands.github.deliveries(since=datetime.now(UTC) - LOOK_BACK)
    arrived = {attempt.delivery_id for attempt in attempts if 200 <= attempt.status_code < 300}
    tries = Counter(attempt.delivery_id for attempt in attempts)
    newest = {attempt.delivery_id: attempt.id for attempt in reversed(attempts)}
    wanted = [
        attempt_id
        for delivery_id, attempt_id in newest.items()
        if delivery_id not in arrived and tries[delivery_id] < TRIES and not our_hands.store.has_delivery(delivery_id)
    ]
    for attempt_id in wanted:
        our_hands.github.redeliver(attempt_id)
    if wanted:
        log.info("asked GitHub for %d deliveries again", len(wanted))
    return len(wanted)


@step("note")
def note(what: str, why: str) -> None:
    log.warning("%s: %s", what, why)


@step("pack_clones")
def pack_clones() -> None:
    our_hands = hands.current()
    for repository_id in our_hands.store.repositories():
        our_hands.git.maintain(repository_id)


@step("trim_cache")
def trim_cache() -> None:
    hands.current().trim()


@step("forget_old")
def forget_old() -> None:
    """Delete what nobody will ask for again: handled deliveries, finished workflows, transcripts of old runs."""
    before = datetime.now(UTC) - KEPT
    hands.current().store.forget_before(before.timestamp())
    forget_workflows(before)
