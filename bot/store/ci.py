"""What is remembered of repositories' own CI: the pull requests that are watched, and the commands that it taught."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable

import sqlalchemy as sa

from bot.domain import Check, CiWatch
from bot.store import schema as s
from bot.store.codec import from_json, to_json

LEARNED_AT_MOST = 12
"""So many commands of one repository are kept; the oldest goes."""


class CiMemory:
    """The part of the store that keeps watches and learned checks."""

    engine: sa.Engine

    def ci_watch(self, repository_id: int, pull_request: int) -> CiWatch | None:
        """The watch over a pull request; None where there is none."""
        same = (s.ci_watches.c.repository_id == repository_id, s.ci_watches.c.pull_request == pull_request)
        return self._watch(*same)

    def ci_watches(self, repository_id: int) -> tuple[CiWatch, ...]:
        """All watches over pull requests of the repository, in their order."""
        found = sa.select(s.ci_watches.c.record).where(s.ci_watches.c.repository_id == repository_id)
        with self.engine.connect() as connection:
            records = connection.execute(found.order_by(s.ci_watches.c.pull_request)).scalars()
            return tuple(from_json(CiWatch, record) for record in records)

    def ci_watch_of(self, repository_id: int, head_sha: str) -> CiWatch | None:
        """The watch over the pull request whose head is this commit."""
        return self._watch(s.ci_watches.c.repository_id == repository_id, s.ci_watches.c.head_sha == head_sha)

    def put_ci_watch(self, watch: CiWatch) -> CiWatch:
        """Keep the watch, in place of an earlier one over the same pull request."""
        repository_id = watch.target.repo.id
        same = sa.and_(s.ci_watches.c.repository_id == repository_id, s.ci_watches.c.pull_request == watch.pull_request)
        values = {"head_sha": watch.head_sha, "record": to_json(watch)}
        with self.engine.begin() as connection:
            if connection.execute(s.ci_watches.update().where(same).values(**values)).rowcount == 0:
                key = {"repository_id": repository_id, "pull_request": watch.pull_request}
                connection.execute(s.ci_watches.insert().values(**key, **values))
        return watch

    def forget_ci_watch(self, repository_id: int, pull_request: int) -> None:
        """End the watch over a pull request."""
        same = (s.ci_watches.c.repository_id == repository_id, s.ci_watches.c.pull_request == pull_request)
        with self.engine.begin() as connection:
            connection.execute(s.ci_watches.delete().where(*same))

    def learned_checks(self, repository_id: int) -> tuple[Check, ...]:
        """The commands that the repository's CI taught, oldest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.select(s.learned_checks.c.record)
                .where(s.learned_checks.c.repository_id == repository_id)
                .order_by(s.learned_checks.c.learned_at, s.learned_checks.c.digest)
            ).scalars()
            return tuple(from_json(Check, record) for record in rows)

    def learn_checks(self, repository_id: int, checks: Iterable[Check]) -> None:
        """Keep commands for later runs in this repository, each once; of too many the oldest are forgotten."""
        table = s.learned_checks
        with self.engine.begin() as connection:
            for check in checks:
                digest = hashlib.sha256(repr((check.command, check.env, check.directory)).encode()).hexdigest()
                same = (table.c.repository_id == repository_id, table.c.digest == digest)
                if connection.execute(sa.select(table.c.digest).where(*same)).first() is None:
                    values = {"record": to_json(check), "learned_at": time.time()}
                    connection.execute(table.insert().values(repository_id=repository_id, digest=digest, **values))
            known = connection.execute(
                sa.select(table.c.digest)
                .where(table.c.repository_id == repository_id)
                .order_by(table.c.learned_at.desc(), table.c.digest)
            ).scalars()
            for digest in list(known)[LEARNED_AT_MOST:]:
                same = (table.c.repository_id == repository_id, table.c.digest == digest)
                connection.execute(table.delete().where(*same))

    def forget_ci(self, repository_id: int) -> None:
        """Delete what was kept of a repository's CI."""
        with self.engine.begin() as connection:
            for table in (s.ci_watches, s.learned_checks):
                connection.execute(table.delete().where(table.c.repository_id == repository_id))

    def _watch(self, *where: sa.ColumnElement[bool]) -> CiWatch | None:
        with self.engine.connect() as connection:
            found = sa.select(s.ci_watches.c.record).where(*where).order_by(s.ci_watches.c.pull_request.desc())
            record = connection.execute(found).scalars().first()
        return None if record is None else from_json(CiWatch, record)
