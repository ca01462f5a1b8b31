"""What Alembic runs: the migrations, inside the transaction of the connection that it is handed."""

from alembic import context

from assay.actions.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
