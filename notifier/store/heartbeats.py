"""Heartbeats of the processes, in the database because it is the one place all of them can reach."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from notifier.store.base import Base
from notifier.store.database import Tx

#: A process that has not beaten for this long is taken for dead.
FRESH = timedelta(seconds=60)


class Heartbeat(Base):
    """`kind` is worker or relay; `name` tells copies apart."""

    __tablename__ = "heartbeats"

    kind: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


def beat(tx: Tx, kind: str, name: str) -> None:
    """This process lives now; what has been silent for a day is forgotten."""
    insert = postgresql.insert if tx.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    # In one statement: two processes may share a name, and both beat for the first time at the same moment.
    upsert = insert(Heartbeat).values(kind=kind, name=name, at=tx.now)
    tx.session.execute(upsert.on_conflict_do_update(index_elements=["kind", "name"], set_={"at": tx.now}))
    tx.session.execute(sa.delete(Heartbeat).where(Heartbeat.at < tx.now - timedelta(days=1)))


def last_beat(tx: Tx, kind: str) -> datetime | None:
    """When any process of this kind last beat."""
    return tx.session.execute(sa.select(sa.func.max(Heartbeat.at)).where(Heartbeat.kind == kind)).scalar_one_or_none()
