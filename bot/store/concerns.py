"""Concerns about RFCs: raised once however often the delivery comes, resolved by people, numbered from 1 in each issue."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from bot.domain import Actor, Concern
from bot.store import schema as s
from bot.store.codec import from_json, to_json


class Concerns:
    """The part of the store that keeps concerns."""

    engine: sa.Engine

    def concerns(self, repository_id: int, issue: int) -> tuple[Concern, ...]:
        """All concerns of an issue, oldest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.select(s.concerns.c.record)
                .where(s.concerns.c.repository_id == repository_id, s.concerns.c.issue == issue)
                .order_by(s.concerns.c.number)
            ).scalars()
            return tuple(from_json(Concern, record) for record in rows)

    def raise_concern(
        self, repository_id: int, issue: int, title: str, author: Actor, at: datetime, key: str
    ) -> Concern:
        """Keep a concern; `key` names the request that raised it, which raises one concern only."""
        with self.engine.begin() as connection:
            known = connection.execute(sa.select(s.concerns.c.record).where(s.concerns.c.raised_by == key)).scalar()
            if known is not None:
                return from_json(Concern, known)
            highest = connection.execute(
                sa.select(sa.func.max(s.concerns.c.number)).where(
                    s.concerns.c.repository_id == repository_id, s.concerns.c.issue == issue
                )
            ).scalar()
            concern = Concern((highest or 0) + 1, title, author, at)
            connection.execute(
                s.concerns.insert().values(
                    repository_id=repository_id,
                    issue=issue,
                    number=concern.number,
                    raised_by=key,
                    record=to_json(concern),
                )
            )
        return concern

    def resolve_concern(self, repository_id: int, issue: int, number: int, by: Actor, at: datetime) -> Concern:
        """Mark a concern as resolved; one that is resolved already keeps who did it first."""
        same = sa.and_(
            s.concerns.c.repository_id == repository_id, s.concerns.c.issue == issue, s.concerns.c.number == number
        )
        with self.engine.begin() as connection:
            concern = from_json(Concern, connection.execute(sa.select(s.concerns.c.record).where(same)).scalar_one())
            if concern.is_open:
                concern = replace(concern, resolved_by=by, resolved_at=at)
                connection.execute(s.concerns.update().where(same).values(record=to_json(concern)))
        return concern
