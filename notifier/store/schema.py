"""The schema of the database: bring it to the head, and say where it stands.

Alembic runs inside one transaction that `Database` began, so two processes that start at once upgrade one after the
other: SQLite by its write lock, PostgreSQL by an advisory lock.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from notifier.store.database import Database

FOLDER = Path(__file__).parent / "migrations"

#: Any number will do, as long as every upgrade of this product takes the same one.
_ADVISORY_LOCK = 726_011_947


def _alembic() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(FOLDER))
    return config


def head() -> str:
    """The newest revision this code knows."""
    found = ScriptDirectory.from_config(_alembic()).get_current_head()
    assert found is not None  # the folder is part of the package
    return found


def current(db: Database) -> str | None:
    """The revision the database is at; `None` for an empty one."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the database to `revision`. Safe to run from several processes at once."""
    _run(db, revision, up=True)


def downgrade(db: Database, revision: str) -> None:
    """Take the database back to `revision` ("base": empty). Data in tables that go is lost."""
    _run(db, revision, up=False)


def _run(db: Database, revision: str, *, up: bool) -> None:
    config = _alembic()
    with db.engine.begin() as connection:
        if db.is_postgresql:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, revision)
