"""Run the migrations over the connection that schema.py opened, inside its transaction."""

from alembic import context

from monitor.store.schema import VERSION_TABLE
from monitor.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
