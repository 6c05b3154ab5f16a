"""The durable engine: the only module that knows DBOS; everything that is enqueued is enqueued here.

A step never lets an expected error cross the database: it records what happened as a plain value, and the workflow gets
the same `UserError`, `Question`, `Paused`, `Stopped`, `Unavailable` or `Conflict` again however often the step's record is read. Other
errors are bugs; DBOS records them as it likes, and only the workflow's outermost frame sees them.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

import sqlalchemy as sa
from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    SetEnqueueOptions,
    SetWorkflowID,
    WorkflowStatus,
)

from bot.errors import Conflict, Paused, Question, Stopped, Unavailable, UserError

log = logging.getLogger("rfcsmith")
P = ParamSpec("P")
R = TypeVar("R")

APPLICATION = "rfcsmith"
CONTROL = "control"
RUNS = "runs"
LOOKS = "looks"
WARMING = "warming"
PRODUCT = Path(__file__).resolve().parent.parent
_POLL = 0.25
_UNFINISHED = ["PENDING", "ENQUEUED", "DELAYED"]
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A workflow that runs by the clock: `cron` is in UTC, five fields."""

    name: str
    workflow: Callable[[datetime, Any], None]
    cron: str


def step(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a durable step; `name` is what the record of a running workflow is matched by, so it never changes."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        def recorded(*args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
            try:
                return observed(*args, **kwargs)
            finally:
                if _leaving.is_set():
                    threading.Event().wait()

        def observed(*args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
            try:
                return {"value": function(*args, **kwargs)}
            except UserError as error:
                return {"user_error": [error.message, error.hint]}
            except Question as error:
                return {"question": [error.message, error.hint]}
            except Paused as error:
                return {"paused": str(error)}
            except Stopped as error:
                return {"stopped": str(error)}
            except Unavailable as error:
                return {"unavailable": [error.message, error.retry_after]}
            except Conflict as error:
                return {"conflict": str(error)}
            except Exception:
                log.exception("step %s%r broke", name, args)
                raise

        durable = DBOS.step(name=name)(recorded)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            outcome: Any = durable(*args, **kwargs)
            if "user_error" in outcome:
                raise UserError(*outcome["user_error"])
            if "question" in outcome:
                raise Question(*outcome["question"])
            if "paused" in outcome:
                raise Paused(outcome["paused"])
            if "stopped" in outcome:
                raise Stopped(outcome["stopped"])
            if "unavailable" in outcome:
                raise Unavailable(*outcome["unavailable"])
            if "conflict" in outcome:
                raise Conflict(outcome["conflict"])
            value: R = outcome["value"]
            return value

        return call

    return decorate


_leaving = threading.Event()


def leave() -> None:
    """Let no step of this process come to its end any more: what its tools do from now on, dying, is not recorded.

    The process must end after this; the steps are done again at the next launch.
    """
    _leaving.set()


def workflow(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a durable workflow under a name that never changes."""
    durable = DBOS.workflow(name=name)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        made: Callable[P, R] = durable(function)
        _workflows[name] = made
        return made

    return decorate


_workflows: dict[str, Callable[..., Any]] = {}
"""The workflows of this process by name: every road may ask for a look at CI, and that look may start such a road."""


def enqueue_run(
    function: Callable[[str, int], None],
    run_id: str,
    segment: int,
    *,
    partition: str,
    priority: int,
    delay: float = 0.0,
    queue: str = RUNS,
) -> None:
    """Enqueue segment `segment` of a run, from a workflow; runs of one partition come one at a time, in order."""
    options = SetEnqueueOptions(queue_partition_key=partition, priority=priority, delay_seconds=delay or None)
    with SetWorkflowID(f"{run_id}/{segment}"), options:
        DBOS.enqueue_workflow(queue, function, run_id, segment)


def wake_run(run_id: str, segment: int) -> None:
    """Let a segment that waits for its time come at once; nothing happens to one that has begun."""
    DBOS.set_workflow_delay(f"{run_id}/{segment}", delay_seconds=0.0)


def enqueue_route(function: Callable[[str, int], None], delivery_id: str, trial: int, *, delay: float) -> None:
    """Enqueue a delivery once more, from its own workflow, after `delay` seconds."""
    with SetWorkflowID(f"{delivery_id}/{trial}"), SetEnqueueOptions(delay_seconds=delay or None):
        DBOS.enqueue_workflow(CONTROL, function, delivery_id, trial)


def enqueue_look(due: Mapping[str, Any], trial: int = 1) -> None:
    """Enqueue a look at a pull request's CI (`due` is a step's order); looks at one issue's come one at a time."""
    options = SetEnqueueOptions(queue_partition_key=due["partition"], delay_seconds=due["delay"] or None)
    with SetWorkflowID(due["id"]), options:
        DBOS.enqueue_workflow(LOOKS, _workflows["look_at_ci"], due["repository_id"], due["pull_request"], trial)


def code_version(product: Path = PRODUCT) -> str:
    """The version of the code that walks workflows: a digest of the product's own sources, as they are now."""
    digest = hashlib.sha256()
    for path in sorted(path for name in ("bot", "workflows") for path in (product / name).rglob("*.py")):
        digest.update(f"{path.relative_to(product)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:12]


def migrate(database_url: str) -> None:
    """Bring the engine's own tables up to date."""
    DBOS.migrate(database_url)


def forget_workflows(before: datetime) -> None:
    """Delete the records of workflows that ended and were made before that time; ids of theirs may be used again."""
    finished = DBOS.list_workflows(
        status=_FINISHED, end_time=before.isoformat(), load_input=False, load_output=False, limit=1000
    )
    if finished:
        DBOS.delete_workflows([status.workflow_id for status in finished])


class Enqueuer:
    """The receiver's side: enqueues `route` in the same transaction that writes the inbox row, and runs nothing."""

    def __init__(self, database_url: str) -> None:
        self._client = DBOSClient(
            system_database_url=database_url,
            application_name=APPLICATION,
            serializer=DBOSPortableJSONSerializer(),
            lazy=True,
            retry_connection_errors=False,
        )

    def route(self, connection: sa.Connection, delivery_id: str) -> None:
        self._client.enqueue_in_transaction(
            connection,
            {"workflow_name": "route", "queue_name": CONTROL, "workflow_id": delivery_id},
            delivery_id,
            1,
        )

    def unfinished(self) -> tuple[str, ...]:
        """The ids of workflows that have not come to their end."""
        return tuple(
            status.workflow_id
            for status in self._client.list_workflows(status=_UNFINISHED, load_input=False, load_output=False)
        )

    def close(self) -> None:
        self._client.destroy()


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A workflow that nobody goes on with as it is: other code, or a worker that is lost, began or enqueued it; `delay` is in seconds."""

    id: str
    name: str
    whose: str
    args: tuple[Any, ...]
    queue: str
    partition: str | None
    priority: int | None
    delay: float


class Worker:
    """The worker's side: takes the lock (one worker on SQLite), launches DBOS and its queues, recovers what was running."""

    def __init__(self, database_url: str, *, worker_id: str, concurrency: int, version: str) -> None:
        self.id = worker_id
        self.version = version
        self._database_url = database_url
        self._concurrency = concurrency
        self._lock: IO[str] | None = None

    def take_lock(self) -> None:
        """Claim the database; raises `UserError` where another worker has this SQLite file."""
        self._lock = _take_lock(self._database_url)

    def launch(self, schedules: Sequence[Schedule]) -> None:
        """Start executing, first of all what was running when the last worker of this id ended."""
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": self._database_url,
            "application_version": self.version,
            "executor_id": self.id,
            "log_level": "WARNING",
            "serializer": DBOSPortableJSONSerializer(),
            "notification_listener_polling_interval_sec": _POLL,
        }
        DBOS(config=config)
        DBOS.launch()
        # Launching does not do it for a version that was there before, which a roll-back brings again.
        DBOS.set_latest_application_version(self.version)
        DBOS.register_queue(CONTROL, worker_concurrency=8, polling_interval_sec=_POLL)
        DBOS.register_queue(
            RUNS, partition_concurrency=1, worker_concurrency=self._concurrency, polling_interval_sec=_POLL
        )
        DBOS.register_queue(LOOKS, partition_concurrency=1, worker_concurrency=4, polling_interval_sec=_POLL)
        # Apart from people's runs, whose slots it never takes.
        DBOS.register_queue(WARMING, partition_concurrency=1, worker_concurrency=1, polling_interval_sec=_POLL)

        DBOS.apply_schedules(
            [
                {"schedule_name": s.name, "workflow_fn": s.workflow, "schedule": s.cron, "context": None}
                for s in schedules
            ]
        )

    @property
    def is_alone(self) -> bool:
        """Whether no other worker can be there, as on SQLite."""
        return self._lock is not None

    def left_behind(self, versions: Collection[str], lost: Collection[str]) -> tuple[LeftBehind, ...]:
        """The workflows that nobody will end; `versions` are those of the other workers that are alive, `lost` the ids of those that are gone.

        What another worker of Postgres has begun is its own until it counts as lost; on SQLite there is no other.
        """
        found = DBOS.list_workflows(status=_UNFINISHED, load_output=False)
        return tuple(self._left_behind(status) for status in found if self._is_left_behind(status, versions, lost))

    def _is_left_behind(self, status: WorkflowStatus, versions: Collection[str], lost: Collection[str]) -> bool:
        if status.name not in _workflows:
            # Code that was rolled back does not know it, and leaves it to the code that does.
            return False
        is_our_code = status.app_version in (None, self.version)
        if status.status == "PENDING":
            is_own = status.executor_id == self.id
            return not is_our_code if is_own else self.is_alone or status.executor_id in lost
        return not is_our_code and (self.is_alone or status.app_version not in versions)

    def _left_behind(self, status: WorkflowStatus) -> LeftBehind:
        is_others = status.status == "PENDING" and status.executor_id != self.id
        until = status.delay_until_epoch_ms if status.status == "DELAYED" else None
        return LeftBehind(
            id=status.workflow_id,
            name=status.name,
            whose=f"the worker {status.executor_id}" if is_others else "other code",
            args=tuple(status.input["args"]) if status.input is not None else (),
            queue=status.queue_name or "",
            partition=status.queue_partition_key,
            priority=status.priority,
            delay=max(0.0, until / 1000 - time.time()) if until is not None else 0.0,
        )

    def begin_again(self, left: LeftBehind, workflow_id: str, args: Sequence[Any]) -> None:
        """Enqueue this code's own workflow in the place of one that was left behind; nothing happens where it is there already."""
        options = SetEnqueueOptions(
            queue_partition_key=left.partition, priority=left.priority or None, delay_seconds=left.delay or None
        )
        with SetWorkflowID(workflow_id), options:
            DBOS.enqueue_workflow(left.queue, _workflows[left.name], *args)

    def end(self, left: LeftBehind) -> None:
        """Let nobody ever go on with it."""
        DBOS.cancel_workflow(left.id)

    def listen(self, versions: Collection[str]) -> None:
        """See to it that deliveries reach a worker that lives: they go to the code that was started last."""
        latest = DBOS.get_latest_application_version()["version_name"]
        if latest != self.version and latest not in versions:
            DBOS.set_latest_application_version(self.version)

    def shutdown(self, patience: int = 0) -> None:
        """Stop executing; what has not ended within `patience` seconds is recovered at the next launch."""
        DBOS.destroy(workflow_completion_timeout_sec=patience)
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _take_lock(database_url: str) -> IO[str] | None:
    """Two workers on one SQLite file would break the promise of one run for each target at a time."""
    url = sa.make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    path = Path(url.database + ".worker.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise UserError(
            f"Another worker has the database {url.database}.",
            "SQLite takes one worker; stop the other one, or set DATABASE_URL to a Postgres database.",
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock
