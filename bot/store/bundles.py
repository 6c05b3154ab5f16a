"""The archives of evidence, by digest: kept until their repository takes the App away."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from bot.domain import Run
from bot.store import schema as s


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """An archive that is kept: its SHA-256, its run, and whether strangers may have it."""

    digest: str
    run_id: str
    is_public: bool


class Bundles:
    """The part of the store that keeps archives of evidence."""

    engine: sa.Engine

    def keep_bundle(self, run: Run, digest: str, content: bytes, *, is_public: bool) -> StoredBundle:
        """Keep an archive; the same again changes nothing. Where the repository is private now, none of its is public any more."""
        repository_id = run.target.repo.id
        values = {"run_id": run.id, "repository_id": repository_id, "is_public": is_public, "content": content}
        with self.engine.begin() as connection:
            if not is_public:
                same = s.bundles.c.repository_id == repository_id
                connection.execute(s.bundles.update().where(same).values(is_public=False))
            known = connection.execute(sa.select(s.bundles.c.digest).where(s.bundles.c.digest == digest)).first()
            if known is None:
                connection.execute(s.bundles.insert().values(digest=digest, created_at=time.time(), **values))
        return StoredBundle(digest, run.id, is_public)

    def bundle(self, digest: str, *, only_public: bool = False) -> bytes | None:
        """The archive's bytes; None where there is none, or none that strangers may have."""
        same = [s.bundles.c.digest == digest, *([s.bundles.c.is_public] if only_public else [])]
        with self.engine.connect() as connection:
            content = connection.execute(sa.select(s.bundles.c.content).where(*same)).scalar()
        return None if content is None else bytes(content)

    def bundle_of_run(self, run_id: str) -> StoredBundle | None:
        """What is kept of a run's archive, without its bytes."""
        with self.engine.connect() as connection:
            row = connection.execute(
                sa.select(s.bundles.c.digest, s.bundles.c.run_id, s.bundles.c.is_public)
                .where(s.bundles.c.run_id == run_id)
                .order_by(s.bundles.c.created_at.desc())
            ).first()
        return None if row is None else StoredBundle(row.digest, row.run_id, bool(row.is_public))

    def newest_bundle(self, repository_id: int, issue: int) -> str | None:
        """The digest of the newest archive of an issue's runs."""
        with self.engine.connect() as connection:
            return connection.execute(
                sa.select(s.bundles.c.digest)
                .join(s.runs, s.runs.c.id == s.bundles.c.run_id)
                .where(s.runs.c.repository_id == repository_id, s.runs.c.issue == issue)
                .order_by(s.bundles.c.created_at.desc())
            ).scalar()

    def forget_bundles(self, repository_id: int) -> None:
        """Delete the archives of a repository."""
        with self.engine.begin() as connection:
            connection.execute(s.bundles.delete().where(s.bundles.c.repository_id == repository_id))
