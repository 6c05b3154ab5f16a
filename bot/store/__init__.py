"""What the product remembers, in the same database as the durable engine; no other module speaks SQL."""

from bot.store.schema import metadata, open_engine, upgrade
from bot.store.store import Store, StoredTurn, TargetRecord

__all__ = ["Store", "StoredTurn", "TargetRecord", "metadata", "open_engine", "upgrade"]
