"""Migrations: up, down, up again on data, and nothing between the tables and the models."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from notifier.store import schema
from notifier.store.database import Database
from notifier.store.tables import metadata
from notifier.store.workspaces import add_workspace, list_workspaces
from tests.world import SECRETS


def test_the_migrations_build_exactly_the_tables_of_the_models(database_url: str) -> None:
    db = Database(database_url, secrets=SECRETS)

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, metadata)

    assert differences == []
    db.dispose()


def test_up_down_and_up_again_ends_at_the_head(database_url: str) -> None:
    db = Database(database_url, secrets=SECRETS)

    schema.downgrade(db, "base")
    assert schema.current(db) is None
    with db.engine.connect() as connection:
        assert [name for name in sa.inspect(connection).get_table_names() if name != "alembic_version"] == []
    schema.upgrade(db)

    assert schema.current(db) == schema.head()
    db.dispose()


def test_upgrading_an_up_to_date_database_keeps_its_rows(database_url: str) -> None:
    db = Database(database_url, secrets=SECRETS)
    with db.begin() as tx:
        add_workspace(tx, "Example Co")

    schema.upgrade(db)

    with db.read() as tx:
        assert [workspace.name for workspace in list_workspaces(tx)] == ["Example Co"]
    db.dispose()
