"""A schema as another release of the program would have left it."""

import sqlalchemy as sa

from notifier.store.database import Database


def left_by_a_newer_program(db: Database, *, revision: str, floor: str) -> None:
    """The revision the newer program's migrations ended at, and the oldest one whose program may still use it."""
    with db.begin() as tx:
        for statement in (
            "CREATE TABLE IF NOT EXISTS schema_floor (id INTEGER PRIMARY KEY, revision VARCHAR NOT NULL)",
            "DELETE FROM schema_floor",
            "INSERT INTO schema_floor VALUES (1, :floor)",
            "UPDATE alembic_version SET version_num = :revision",
        ):
            tx.session.execute(sa.text(statement), {"floor": floor, "revision": revision})
