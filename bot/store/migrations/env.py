"""Runs the migrations on the connection that `bot.store.schema.upgrade` hands over."""

from alembic import context

from bot.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="rfcsmith_schema_version",
    include_object=lambda _object, name, kind, _reflected, _other: (
        kind != "table" or (name or "").startswith("rfcsmith_")
    ),
    render_as_batch=True,
)
context.run_migrations()
