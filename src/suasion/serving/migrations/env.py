"""Run by Alembic; serving/database.py hands the connection in."""

from alembic import context

from suasion.serving.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
