"""The schema of the database: bring it to the head, and say where it stands.

Alembic runs inside one transaction that `Database` began, so two processes that start at once upgrade one after the
other: SQLite by its write lock, PostgreSQL by an advisory lock. It is loaded only for that: looking where the schema
stands is one query, and the newest revision is the highest number among the files.
"""

from pathlib import Path

import sqlalchemy as sa

from notifier.store.database import Database

FOLDER = Path(__file__).parent / "migrations"

#: Any number will do, as long as every upgrade of this product takes the same one.
_ADVISORY_LOCK = 726_011_947


def head() -> str:
    """The newest revision this code knows: "0001" of `0001_first_tables.py`."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))


def current(db: Database) -> str | None:
    """The revision the database is at; `None` for an empty one. Raises DatabaseAway."""
    with db.read() as tx:
        connection = tx.session.connection()
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        return found


def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the database to `revision`. Safe to run from several processes at once."""
    _run(db, revision, up=True)


def downgrade(db: Database, revision: str) -> None:
    """Take the database back to `revision` ("base": empty). Data in tables that go is lost."""
    _run(db, revision, up=False)


def _run(db: Database, revision: str, *, up: bool) -> None:
    from alembic import command
    from alembic.config import Config as AlembicConfig

    config = AlembicConfig()
    config.set_main_option("script_location", str(FOLDER))
    with db.engine.begin() as connection:
        if db.is_postgresql:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, revision)
