"""Everything that does not know about durability; see docs/architecture.md for the rings."""
