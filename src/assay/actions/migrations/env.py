"""What Alembic runs: the migrations, inside the transaction of the connection that it is handed."""

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], version_table=given["version_table"])
context.run_migrations()
