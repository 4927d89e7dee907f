"""How alembic reaches the database: `store.schema` hands the connection over, so there is no configuration file."""

from alembic import context

from notifier.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
context.run_migrations()
