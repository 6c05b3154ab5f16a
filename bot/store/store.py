"""One object that reads and writes what the product remembers; every method is one short transaction."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import sqlalchemy as sa

from bot.domain import (
    Actor,
    Assignment,
    Delivery,
    Message,
    MessageKind,
    Permission,
    Plan,
    Repo,
    Rfc,
    Run,
    RunKind,
    Stage,
    Target,
    Turn,
    Usage,
)
from bot.store import schema as s
from bot.store.bundles import Bundles
from bot.store.ci import CiMemory
from bot.store.codec import from_json, to_json
from bot.store.concerns import Concerns

T = TypeVar("T")
FINAL_STAGES = tuple(stage.value for stage in Stage if stage.is_final)


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """What is bound to a target once and for all: its branch, and its pull request when there is one."""

    target: Target
    branch: str | None
    pull_request: int | None


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """One exchange with the model: what the host said (`user` blocks) and, once it answered, what it said."""

    assignment: Assignment
    number: int
    user: list[dict[str, Any]]
    assistant: list[dict[str, Any]] | None
    stop: str | None
    usage: Usage
    seconds: float
    is_act_started: bool
    is_act_ended: bool


NAME = 40
"""Characters that the name of a document may have."""


class Store(Bundles, Concerns, CiMemory):
    """The product's memory; thread-safe, since every method takes its own connection."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    # --- inbox ---

    def receive(self, connection: sa.Connection, delivery: Delivery, headers: Mapping[str, str], body: bytes) -> bool:
        """Write the inbox row in the caller's transaction; False where this delivery is there already."""
        known = connection.execute(sa.select(s.inbox.c.delivery_id).where(s.inbox.c.delivery_id == delivery.id)).first()
        if known is not None:
            return False
        connection.execute(
            s.inbox.insert().values(
                delivery_id=delivery.id, name=delivery.name, headers=dict(headers), body=body, received_at=time.time()
            )
        )
        return True

    def delivery(self, delivery_id: str) -> tuple[dict[str, str], bytes]:
        """Return the headers that were kept and the raw body of a delivery that was received."""
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(s.inbox).where(s.inbox.c.delivery_id == delivery_id)).one()
        return dict(row.headers), bytes(row.body)

    def has_delivery(self, delivery_id: str) -> bool:
        with self.engine.connect() as connection:
            found = sa.select(s.inbox.c.delivery_id).where(s.inbox.c.delivery_id == delivery_id)
            return connection.execute(found).first() is not None

    def handled(self, delivery_id: str, outcome: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                s.inbox.update()
                .where(s.inbox.c.delivery_id == delivery_id)
                .values(handled_at=time.time(), outcome=outcome)
            )

    # --- targets ---

    def target(self, repository_id: int, issue: int) -> TargetRecord | None:
        with self.engine.connect() as connection:
            row = connection.execute(
                sa.select(s.targets).where(s.targets.c.repository_id == repository_id, s.targets.c.issue == issue)
            ).first()
        return None if row is None else _target_record(row)

    def target_of_pull_request(self, repository_id: int, pull_request: int) -> TargetRecord | None:
        """The target whose pull request this is; None where the bot did not open it."""
        with self.engine.connect() as connection:
            row = connection.execute(
                sa.select(s.targets).where(
                    s.targets.c.repository_id == repository_id, s.targets.c.pull_request == pull_request
                )
            ).first()
        return None if row is None else _target_record(row)

    def bind(self, target: Target, *, branch: str | None = None, pull_request: int | None = None) -> TargetRecord:
        """Remember the target's branch or pull request (and the repository's newest name)."""
        key = {"repository_id": target.repo.id, "issue": target.issue}
        values: dict[str, Any] = {
            "installation_id": target.repo.installation_id,
            "owner": target.repo.owner,
            "name": target.repo.name,
        }
        if branch is not None:
            values["branch"] = branch
        if pull_request is not None:
            values["pull_request"] = pull_request
        with self.engine.begin() as connection:
            same = sa.and_(*(s.targets.c[name] == value for name, value in key.items()))
            if connection.execute(s.targets.update().where(same).values(**values)).rowcount == 0:
                connection.execute(s.targets.insert().values(**key, **values))
            row = connection.execute(sa.select(s.targets).where(same)).one()
        return _target_record(row)

    # --- runs ---

    def open_run(self, run: Run, *, joins: str = "") -> Run:
        """Insert the run under the target's next attempt number; the same delivery gets the same run again.

        Where a run of its kind is active there that has no document `joins` yet, that one is returned instead: of however many
        deliveries at one instant, one opens a run.
        """
        repository_id, issue = run.target.repo.id, run.target.issue
        same = sa.and_(s.runs.c.repository_id == repository_id, s.runs.c.issue == issue, s.runs.c.kind == run.kind)
        with self.engine.begin() as connection:
            _take_turn(connection, f"{repository_id}#{issue}")
            row = connection.execute(sa.select(s.runs).where(same, s.runs.c.delivery_id == run.delivery_id)).first()
            if row is None and joins:
                has_begun = sa.exists().where(s.documents.c.run_id == s.runs.c.id, s.documents.c.name == joins)
                waiting = sa.select(s.runs).where(same, s.runs.c.stage.not_in(FINAL_STAGES), ~has_begun)
                row = connection.execute(waiting.order_by(s.runs.c.seq)).first()
            if row is not None:
                return _run(row)
            last = connection.execute(sa.select(sa.func.max(s.runs.c.attempt)).where(same)).scalar()
            attempt = (last or 0) + 1
            run = replace(run, attempt=attempt, id=f"{run.kind}-{repository_id}-{issue}-{attempt}")
            connection.execute(
                s.runs.insert().values(
                    id=run.id,
                    kind=run.kind,
                    repository_id=repository_id,
                    issue=issue,
                    installation_id=run.target.repo.installation_id,
                    attempt=attempt,
                    delivery_id=run.delivery_id,
                    record=to_json(run),
                    stage=run.stage,
                    opened_at=time.time(),
                )
            )
        return run

    def run(self, run_id: str) -> Run:
        with self.engine.connect() as connection:
            return _run(connection.execute(sa.select(s.runs).where(s.runs.c.id == run_id)).one())

    def priority(self, run_id: str) -> int:
        """The run's place in the order of arrival, from 1."""
        with self.engine.connect() as connection:
            return int(connection.execute(sa.select(s.runs.c.seq).where(s.runs.c.id == run_id)).scalar_one())

    def save_run(self, run: Run) -> Run:
        """Write the run's fields and stage; the first stage starts its clock, a final one stops it."""
        now = time.time()
        values: dict[str, Any] = {"record": to_json(run), "stage": run.stage}
        with self.engine.begin() as connection:
            row = connection.execute(sa.select(s.runs).where(s.runs.c.id == run.id)).one()
            if row.started_at is None and run.stage is not Stage.QUEUED:
                values["started_at"] = now
            if row.ended_at is None and run.stage.is_final:
                values["ended_at"] = now
            if row.stage != run.stage:
                connection.execute(
                    s.spans.insert().values(
                        run_id=run.id, stage=run.stage, kind="stage", name=run.stage, started_at=now, seconds=0.0
                    )
                )
            connection.execute(s.runs.update().where(s.runs.c.id == run.id).values(**values))
        return run

    def active_runs(self, repository_id: int, issue: int) -> tuple[Run, ...]:
        """The target's runs that have not ended, oldest first."""
        return self._runs(
            s.runs.c.repository_id == repository_id, s.runs.c.issue == issue, s.runs.c.stage.not_in(FINAL_STAGES)
        )

    def runs_of(self, repository_id: int, issue: int) -> tuple[Run, ...]:
        """All of the target's runs, oldest first."""
        return self._runs(s.runs.c.repository_id == repository_id, s.runs.c.issue == issue)

    def last_run(self, repository_id: int, issue: int) -> Run | None:
        runs = self.runs_of(repository_id, issue)
        return runs[-1] if runs else None

    def last_of_kind(self, repository_id: int, issue: int, kind: RunKind, *, not_by: str = "") -> Run | None:
        """The target's newest run of that kind, leaving out the one that the delivery `not_by` opened."""
        same = (s.runs.c.repository_id == repository_id, s.runs.c.issue == issue, s.runs.c.kind == kind)
        runs = self._runs(*same, s.runs.c.delivery_id != not_by)
        return runs[-1] if runs else None

    def last_done(self, repository_id: int, issue: int, kind: RunKind) -> Run | None:
        """The target's newest run of that kind that came to its good end."""
        same = (s.runs.c.repository_id == repository_id, s.runs.c.issue == issue, s.runs.c.kind == kind)
        runs = self._runs(*same, s.runs.c.stage == Stage.DONE)
        return runs[-1] if runs else None

    def runs_of_kind(self, repository_id: int, issue: int, kind: RunKind) -> tuple[Run, ...]:
        """The target's runs of that kind, oldest first."""
        return self._runs(s.runs.c.repository_id == repository_id, s.runs.c.issue == issue, s.runs.c.kind == kind)

    def runs_of_installation(self, installation_id: int) -> tuple[Run, ...]:
        return self._runs(s.runs.c.installation_id == installation_id)

    def unfinished_runs(self) -> tuple[Run, ...]:
        return self._runs(s.runs.c.stage.not_in(FINAL_STAGES))

    def _runs(self, *where: sa.ColumnElement[bool]) -> tuple[Run, ...]:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(s.runs).where(*where).order_by(s.runs.c.seq)).all()
        return tuple(_run(row) for row in rows)

    def repositories(self) -> tuple[int, ...]:
        """The ids of the repositories that runs have worked on."""
        with self.engine.connect() as connection:
            return tuple(connection.execute(sa.select(s.runs.c.repository_id).distinct()).scalars())

    def may_speak(self, run_id: str, text: str, interval: float) -> bool:
        """Whether the status comment should be edited now: the text is new and `interval` seconds have passed."""
        with self.engine.connect() as connection:
            row = connection.execute(sa.select(s.runs.c.said_at, s.runs.c.said).where(s.runs.c.id == run_id)).one()
        return row.said != text and (row.said_at is None or time.time() - row.said_at >= interval)

    def spoke(self, run_id: str, text: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(s.runs.update().where(s.runs.c.id == run_id).values(said=text, said_at=time.time()))

    # --- RFCs and documents of a run ---

    def publish_rfc(self, run_id: str, target: Target, rfc: Rfc) -> Rfc:
        """Remember a published version; the same run publishes one version only, however often it is repeated."""
        key = {"repository_id": target.repo.id, "issue": target.issue, "version": rfc.version}
        values = {"run_id": run_id, "record": to_json(rfc), "digest": rfc.digest}
        with self.engine.begin() as connection:
            same = sa.and_(*(s.rfcs.c[name] == value for name, value in key.items()))
            if connection.execute(s.rfcs.update().where(same).values(**values)).rowcount == 0:
                connection.execute(s.rfcs.insert().values(**key, **values, published_at=time.time()))
        return rfc

    def latest_rfc(self, repository_id: int, issue: int, *, not_by: str = "") -> Rfc | None:
        """The newest version of the target's RFC, leaving out the one that run `not_by` published."""
        with self.engine.connect() as connection:
            row = connection.execute(
                sa.select(s.rfcs)
                .where(s.rfcs.c.repository_id == repository_id, s.rfcs.c.issue == issue, s.rfcs.c.run_id != not_by)
                .order_by(s.rfcs.c.version.desc())
            ).first()
        return None if row is None else from_json(Rfc, row.record)

    def rfc(self, repository_id: int, issue: int, version: int) -> Rfc | None:
        """One published version."""
        with self.engine.connect() as connection:
            row = connection.execute(
                sa.select(s.rfcs).where(
                    s.rfcs.c.repository_id == repository_id, s.rfcs.c.issue == issue, s.rfcs.c.version == version
                )
            ).first()
        return None if row is None else from_json(Rfc, row.record)

    def put_document(self, run_id: str, name: str, value: Any) -> None:
        """Keep a value of a run under a name (`plan`, `baseline`, `evidence` …); a newer one replaces it.

        Raises `ValueError` where the name is longer than its column, which SQLite itself would let pass.
        """
        with self.engine.begin() as connection:
            _put_document(connection, run_id, name, value)

    def amend_document(self, run_id: str, name: str, kind: type[T], amend: Callable[[T | None], T]) -> None:
        """Replace a value by what `amend` makes of it; nobody else replaces it in between."""
        with self.engine.begin() as connection:
            _take_turn(connection, f"{run_id}/{name}")
            _put_document(connection, run_id, name, amend(_document(connection, run_id, name, kind)))

    def document(self, run_id: str, name: str, kind: type[T]) -> T | None:
        """The value of type `kind` that was kept under the name; None where there is none."""
        with self.engine.connect() as connection:
            return _document(connection, run_id, name, kind)

    def has_document(self, run_id: str, name: str) -> bool:
        with self.engine.connect() as connection:
            same = (s.documents.c.run_id == run_id, s.documents.c.name == name)
            return connection.execute(sa.select(s.documents.c.name).where(*same)).first() is not None

    def forget_document(self, run_id: str, name: str) -> None:
        """As if it had never been kept."""
        with self.engine.begin() as connection:
            connection.execute(s.documents.delete().where(s.documents.c.run_id == run_id, s.documents.c.name == name))

    def plan(self, run_id: str) -> Plan | None:
        return self.document(run_id, "plan", Plan)

    # --- turns ---

    def start_turn(self, run_id: str, assignment: Assignment, number: int, user: Sequence[Mapping[str, Any]]) -> None:
        """Write what the host says next; what was written first stays, so that a repeated step changes nothing."""
        with self.engine.begin() as connection:
            if (
                connection.execute(sa.select(s.turns.c.number).where(_is_turn(run_id, assignment, number))).first()
                is None
            ):
                connection.execute(
                    s.turns.insert().values(
                        run_id=run_id, assignment=assignment, number=number, user=[dict(b) for b in user]
                    )
                )

    def amend_turn(self, run_id: str, assignment: Assignment, number: int, user: Sequence[Mapping[str, Any]]) -> None:
        """Write what the host says next anew; only until the model has answered it."""
        with self.engine.begin() as connection:
            connection.execute(
                s.turns.update()
                .where(_is_turn(run_id, assignment, number), s.turns.c.stop.is_(None))
                .values(user=[dict(block) for block in user])
            )

    def finish_turn(self, run_id: str, assignment: Assignment, number: int, turn: Turn) -> None:
        self._update_turn(
            run_id,
            assignment,
            number,
            assistant=[dict(block) for block in turn.content],
            stop=turn.stop.value,
            usage=asdict(turn.usage),
            seconds=turn.seconds,
        )

    def start_act(self, run_id: str, assignment: Assignment, number: int) -> None:
        self._update_turn(run_id, assignment, number, act_started_at=time.time())

    def end_act(self, run_id: str, assignment: Assignment, number: int) -> None:
        self._update_turn(run_id, assignment, number, act_ended_at=time.time())

    def _update_turn(self, run_id: str, assignment: Assignment, number: int, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(s.turns.update().where(_is_turn(run_id, assignment, number)).values(**values))

    def turns(self, run_id: str, assignment: Assignment) -> tuple[StoredTurn, ...]:
        """The conversation of one assignment, in order."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.select(s.turns)
                .where(s.turns.c.run_id == run_id, s.turns.c.assignment == assignment)
                .order_by(s.turns.c.number)
            ).all()
        return tuple(_stored_turn(row) for row in rows)

    def set_aside(self, run_id: str, assignment: Assignment) -> None:
        """Let the assignment's next conversation begin afresh; the one that ended still counts as what the run has used."""
        with self.engine.begin() as connection:
            name = f"{assignment}/{len(_aside(connection, run_id, assignment)) + 1}"
            same = (s.turns.c.run_id == run_id, s.turns.c.assignment == assignment)
            connection.execute(s.turns.update().where(*same).values(assignment=name))

    def times_aside(self, run_id: str, assignment: Assignment) -> int:
        """How many conversations of the assignment were set aside."""
        with self.engine.connect() as connection:
            return len(_aside(connection, run_id, assignment))

    def all_turns(self, run_id: str) -> tuple[StoredTurn, ...]:
        """Every exchange of the run over all assignments."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.select(s.turns).where(s.turns.c.run_id == run_id).order_by(s.turns.c.assignment, s.turns.c.number)
            ).all()
        return tuple(_stored_turn(row) for row in rows)

    def usage(self, run_id: str) -> Usage:
        """What the run's turns have used so far."""
        return sum((turn.usage for turn in self.all_turns(run_id)), Usage())

    def usages(self, run_id: str) -> tuple[Usage, ...]:
        """What each turn of the run has used, without its text."""
        return self._usages(s.turns.c.run_id == run_id)

    def usages_since(self, repository_id: int, since: float) -> tuple[Usage, ...]:
        """What each turn in a repository has used that the model answered after that time of the epoch."""
        # A turn that nobody has acted on is the last of its run; it is as old as the run's end.
        is_new = sa.or_(
            s.turns.c.act_started_at >= since,
            sa.and_(
                s.turns.c.act_started_at.is_(None), sa.or_(s.runs.c.ended_at.is_(None), s.runs.c.ended_at >= since)
            ),
        )
        return self._usages(s.turns.c.run_id == s.runs.c.id, s.runs.c.repository_id == repository_id, is_new)

    def _usages(self, *where: sa.ColumnElement[bool]) -> tuple[Usage, ...]:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(s.turns.c.usage).where(*where, s.turns.c.stop.is_not(None))).scalars()
            return tuple(Usage(**(row or {})) for row in rows)

    # --- snapshots ---

    def save_snapshot(self, run_id: str, number: int, tree: str, pack: bytes) -> None:
        """Keep a tree of the run; of the numbers above 0, the workspace's own, only the newest is kept."""
        same = sa.and_(s.snapshots.c.run_id == run_id, s.snapshots.c.number == number)
        with self.engine.begin() as connection:
            if connection.execute(s.snapshots.update().where(same).values(tree=tree, pack=pack)).rowcount == 0:
                connection.execute(s.snapshots.insert().values(run_id=run_id, number=number, tree=tree, pack=pack))
            older = (s.snapshots.c.number > 0, s.snapshots.c.number < number)
            connection.execute(s.snapshots.delete().where(s.snapshots.c.run_id == run_id, *older))

    def snapshots(self, run_id: str) -> tuple[tuple[str, bytes], ...]:
        """Tree id and pack of everything that is kept of the run."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(s.snapshots).where(s.snapshots.c.run_id == run_id)).all()
        return tuple((row.tree, bytes(row.pack)) for row in rows)

    def last_snapshot(self, run_id: str) -> tuple[int, str, bytes] | None:
        """The number, tree id and pack of the run's newest snapshot."""
        with self.engine.connect() as connection:
            row = connection.execute(
                sa.select(s.snapshots)
                .where(s.snapshots.c.run_id == run_id, s.snapshots.c.number > 0)
                .order_by(s.snapshots.c.number.desc())
            ).first()
        return None if row is None else (row.number, row.tree, bytes(row.pack))

    # --- the mailbox ---

    def leave(self, run_id: str, message: Message) -> None:
        """Put a message into a run's mailbox, once for each delivery."""
        with self.engine.begin() as connection:
            known = connection.execute(sa.select(s.messages.c.id).where(s.messages.c.id == message.id)).first()
            if known is None:
                connection.execute(
                    s.messages.insert().values(
                        id=message.id,
                        run_id=run_id,
                        kind=message.kind,
                        author=message.author.login,
                        permission=int(message.permission),
                        text=message.text,
                        left_at=time.time(),
                    )
                )

    def stop_of(self, run_id: str) -> Message | None:
        """The first request to stop this run; looked for every second, so it reads one small index."""
        found = self._messages(run_id, MessageKind.STOP)
        return found[0] if found else None

    def take_steering(self, run_id: str, reader: str) -> tuple[Message, ...]:
        """The steering that nobody has read, or that the same `reader` (a turn's name) read before it was repeated."""
        with self.engine.begin() as connection:
            connection.execute(
                s.messages.update()
                .where(
                    s.messages.c.run_id == run_id,
                    s.messages.c.kind == MessageKind.STEER,
                    s.messages.c.read_by.is_(None),
                )
                .values(read_by=reader)
            )
        return self.steering_of(run_id, reader)

    def steering_of(self, run_id: str, reader: str) -> tuple[Message, ...]:
        """The steering that this `reader` has read."""
        return self._messages(run_id, MessageKind.STEER, s.messages.c.read_by == reader)

    def unread_steering(self, run_id: str) -> tuple[Message, ...]:
        """The steering that nobody has read yet."""
        return self._messages(run_id, MessageKind.STEER, s.messages.c.read_by.is_(None))

    def _messages(self, run_id: str, kind: MessageKind, *where: sa.ColumnElement[bool]) -> tuple[Message, ...]:
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.select(s.messages)
                .where(s.messages.c.run_id == run_id, s.messages.c.kind == kind, *where)
                .order_by(s.messages.c.left_at, s.messages.c.id)
            ).all()
        return tuple(
            Message(row.id, MessageKind(row.kind), Actor(row.author), Permission(row.permission), row.text)
            for row in rows
        )

    # --- time spent, workers, forgetting ---

    def record_span(self, run_id: str, stage: Stage, kind: str, name: str, started_at: float, seconds: float) -> None:
        """Note time spent: `kind` is `command`, `model`, `setup` or `stage`; `started_at` is seconds since the epoch."""
        with self.engine.begin() as connection:
            connection.execute(
                s.spans.insert().values(
                    run_id=run_id, stage=stage, kind=kind, name=name[:200], started_at=started_at, seconds=seconds
                )
            )

    def spans(self, run_id: str) -> tuple[sa.Row[Any], ...]:
        with self.engine.connect() as connection:
            return tuple(
                connection.execute(sa.select(s.spans).where(s.spans.c.run_id == run_id).order_by(s.spans.c.id)).all()
            )

    def busy_seconds(self, run_id: str) -> float:
        """How long the run's commands and its model have taken so far; waiting for services does not count."""
        with self.engine.connect() as connection:
            spent = sa.select(sa.func.sum(s.spans.c.seconds)).where(s.spans.c.run_id == run_id)
            return float(connection.execute(spent).scalar() or 0.0)

    def run_times(self) -> tuple[sa.Row[Any], ...]:
        """Every run's row with its times, oldest first: what reports are made from."""
        with self.engine.connect() as connection:
            return tuple(connection.execute(sa.select(s.runs).order_by(s.runs.c.seq)).all())

    def beat(self, worker_id: str, health: Mapping[str, Any]) -> None:
        same = s.workers.c.id == worker_id
        values = {"beat_at": self._now(), "health": dict(health)}
        with self.engine.begin() as connection:
            if connection.execute(s.workers.update().where(same).values(**values)).rowcount == 0:
                connection.execute(s.workers.insert().values(id=worker_id, **values))

    def worker_health(self) -> tuple[tuple[str, float, dict[str, Any]], ...]:
        """Each worker's id, the age of its last beat in seconds, and what it said of engine, image and model."""
        found = sa.select(s.workers, self._now().label("now")).order_by(s.workers.c.beat_at.desc())
        with self.engine.connect() as connection:
            rows = connection.execute(found).all()
        return tuple((row.id, row.now - row.beat_at, dict(row.health)) for row in rows)

    def _now(self) -> sa.ColumnElement[float]:
        """The time by one clock for all workers: the database's, where they may be on several machines."""
        if self.engine.dialect.name == "postgresql":
            return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)
        return sa.literal(time.time(), sa.Float)

    def forget_before(self, time_: float) -> None:
        """Delete deliveries that were handled, and transcripts of runs that ended, before that time of the epoch."""
        with self.engine.begin() as connection:
            connection.execute(s.inbox.delete().where(s.inbox.c.handled_at < time_))
        self.forget(self._runs(s.runs.c.ended_at < time_))

    def forget(self, runs: Iterable[Run]) -> None:
        """Delete transcripts, snapshots, documents and messages of these runs; their rows stay as a bare record."""
        ids = [run.id for run in runs]
        with self.engine.begin() as connection:
            for table in (s.turns, s.snapshots, s.documents, s.messages):
                connection.execute(table.delete().where(table.c.run_id.in_(ids)))


def _take_turn(connection: sa.Connection, what: str) -> None:
    """Until the transaction ends, whoever takes the turn of the same thing waits; on SQLite every writer does anyway."""
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], "big", signed=True)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def _put_document(connection: sa.Connection, run_id: str, name: str, value: Any) -> None:
    if len(name) > NAME:
        raise ValueError(f"{name!r} is longer than {NAME} characters")
    content = None if value is None else to_json(value)
    same = sa.and_(s.documents.c.run_id == run_id, s.documents.c.name == name)
    if connection.execute(s.documents.update().where(same).values(content=content)).rowcount == 0:
        connection.execute(s.documents.insert().values(run_id=run_id, name=name, content=content))


def _document(connection: sa.Connection, run_id: str, name: str, kind: type[T]) -> T | None:
    found = sa.select(s.documents.c.content).where(s.documents.c.run_id == run_id, s.documents.c.name == name)
    content = connection.execute(found).scalar()
    return None if content is None else from_json(kind, content)


def _aside(connection: sa.Connection, run_id: str, assignment: Assignment) -> Sequence[str]:
    of_run = sa.select(s.turns.c.assignment).where(s.turns.c.run_id == run_id).distinct()
    return (
        connection.execute(of_run.where(s.turns.c.assignment.startswith(f"{assignment}/", autoescape=True)))
        .scalars()
        .all()
    )


def _is_turn(run_id: str, assignment: Assignment, number: int) -> sa.ColumnElement[bool]:
    return sa.and_(s.turns.c.run_id == run_id, s.turns.c.assignment == assignment, s.turns.c.number == number)


def _target_record(row: sa.Row[Any]) -> TargetRecord:
    repo = Repo(row.repository_id, row.owner, row.name, row.installation_id)
    return TargetRecord(Target(repo, row.issue), row.branch, row.pull_request)


def _run(row: sa.Row[Any]) -> Run:
    return from_json(Run, {**row.record, "stage": row.stage})


def _stored_turn(row: sa.Row[Any]) -> StoredTurn:
    return StoredTurn(
        assignment=Assignment(row.assignment.partition("/")[0]),
        number=row.number,
        user=row.user,
        assistant=row.assistant,
        stop=row.stop,
        usage=Usage(**(row.usage or {})),
        seconds=row.seconds or 0.0,
        is_act_started=row.act_started_at is not None,
        is_act_ended=row.act_ended_at is not None,
    )
