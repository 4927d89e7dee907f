"""The schema of the database: bring it to the head, and say whether this program may use the one that is there.

Alembic runs inside one transaction that `Database` began, so two processes that start at once upgrade one after the
other: SQLite by its write lock, PostgreSQL by an advisory lock. It is loaded only for that: looking where the schema
stands is one query, and the newest revision is the highest number among the files.

A migration only adds, so that a worker of the release before goes on while the new one rolls out. How far back that
holds is data and not code, because the old program cannot know the new one's migrations: the *floor*, a row that
migrations write, is the oldest revision whose program may use the database as it is. What an old program still needs is
taken away one release later, by a migration that raises the floor.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.core.errors import Refused
from notifier.store.database import Database

FOLDER = Path(__file__).parent / "migrations"

#: Any number will do, as long as every upgrade of this product takes the same one.
_ADVISORY_LOCK = 726_011_947

#: Read and never mapped: a program that is older than this table must find out that it is not there.
_FLOOR = sa.table("schema_floor", sa.column("id"), sa.column("revision"))


class Compatibility(StrEnum):
    """How this program and the schema of a database fit together."""

    OK = "ok"
    BEHIND = "behind"
    AHEAD_COMPATIBLE = "ahead_compatible"
    AHEAD_INCOMPATIBLE = "ahead_incompatible"
    EMPTY = "empty"

    @property
    def usable(self) -> bool:
        """Whether this program may work on that database."""
        return self in (Compatibility.OK, Compatibility.AHEAD_COMPATIBLE)


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where a schema stands: its revision, and the oldest one whose program may use it ("" for an empty database)."""

    revision: str
    floor: str

    @property
    def compatibility(self) -> Compatibility:
        # Revisions are numbered, "0001", "0002", so their order is that of their texts.
        newest = head()
        if not self.revision:
            return Compatibility.EMPTY
        if self.revision == newest:
            return Compatibility.OK
        if self.revision < newest:
            return Compatibility.BEHIND
        return Compatibility.AHEAD_COMPATIBLE if self.floor <= newest else Compatibility.AHEAD_INCOMPATIBLE


def head() -> str:
    """The newest revision this code knows: "0001" of `0001_first_tables.py`."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))


def current(db: Database) -> str | None:
    """The revision the database is at; `None` for an empty one. Raises DatabaseAway."""
    with db.read() as tx:
        return _standing(tx.session.connection()).revision or None


def floor(db: Database) -> str:
    """The oldest revision whose program may use this database; "" for an empty one. Raises DatabaseAway.

    A schema that says nothing about it is for the program of its own revision only.
    """
    with db.read() as tx:
        return _standing(tx.session.connection()).floor


def check(db: Database) -> Compatibility:
    """Whether this program may use the database as it is. Raises DatabaseAway."""
    with db.read() as tx:
        return _standing(tx.session.connection()).compatibility


def demand(db: Database) -> None:
    """Raise Refused, in words that name the way out, unless this program may use the database. Raises DatabaseAway."""
    with db.read() as tx:
        found = _standing(tx.session.connection())
    if found.compatibility is Compatibility.AHEAD_INCOMPATIBLE:
        raise Refused(
            f"the database is at revision {found.revision}, this program knows {head()}: use the newer program"
        )
    if not found.compatibility.usable:
        at = found.revision or "none"
        raise Refused(f"the database is at revision {at} and {head()} is needed; run: notifier db upgrade")


def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the database to `revision`. Safe to run from several processes at once.

    What a newer program has upgraded already, and left usable for this one, stays as it is. Raises Refused for a
    database that this program does not know.
    """
    _run(db, revision, up=True)


def downgrade(db: Database, revision: str) -> None:
    """Take the database back to `revision` ("base": empty). Data in tables that go is lost."""
    _run(db, revision, up=False)


def _standing(connection: Connection) -> _Standing:
    tables = sa.inspect(connection)
    if not tables.has_table("alembic_version"):
        return _Standing("", "")
    revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none() or ""
    floor = None
    if tables.has_table(_FLOOR.name):
        floor = connection.execute(sa.select(_FLOOR.c.revision).where(_FLOOR.c.id == 1)).scalar_one_or_none()
    return _Standing(revision, floor or revision)


def _run(db: Database, revision: str, *, up: bool) -> None:
    from alembic import command
    from alembic.config import Config as AlembicConfig
    from alembic.util import CommandError

    config = AlembicConfig()
    config.set_main_option("script_location", str(FOLDER))
    with db.engine.begin() as connection:
        if db.is_postgresql:
            # The limits are for programs: a long history takes its time, and who upgrades second waits for the first.
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
            # But nobody queues behind a table that some long query holds: then this fails, and is done again.
            connection.execute(sa.text("SET LOCAL lock_timeout = 10000"))
        if up and revision == "head" and _standing(connection).compatibility is Compatibility.AHEAD_COMPATIBLE:
            return
        config.attributes["connection"] = connection
        try:
            (command.upgrade if up else command.downgrade)(config, revision)
        except CommandError as fault:
            raise Refused(f"the database cannot be upgraded: {fault}") from fault
