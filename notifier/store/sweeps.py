"""Sweeps: how far each source was read back from its ATS.

One row per source that can be asked. A sweep reads what changed since `since`, a page at a time, and `cursor` says
where it is; only when the last page has been kept does `since` move on, to the moment the sweep began less some. A
worker holds a source by a lease and a fence, so two of them never write each other's cursor back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.sources import Source

#: How often a source is swept.
PERIOD = timedelta(hours=1)

#: How long a worker may take for one page.
LEASE = timedelta(minutes=3)

#: What is read twice on purpose, because an ATS's clock and its search are not exact.
OVERLAP = timedelta(minutes=10)

#: How far the first sweep of a source looks back: Greenhouse gives a web hook up after 15 h 16 min.
FIRST = timedelta(days=3)


class Sweep(Base):
    """`began_at` is when the sweep under way began, `ended_at` when the last whole one ended; `read` and `kept` count
    the records of the sweep under way or of the last one; `why` says what keeps it from going on."""

    __tablename__ = "sweeps"

    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id"), primary_key=True)
    since: Mapped[datetime]
    cursor: Mapped[str] = mapped_column(default="")
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    due_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    read: Mapped[int] = mapped_column(default=0)
    kept: Mapped[int] = mapped_column(default=0)
    why: Mapped[str] = mapped_column(default="")


def ensure(tx: Tx, ats: Sequence[str]) -> None:
    """Give every source that can be asked (its ATS is among `ats` and it has a key) its row."""
    query = (
        sa.select(Source).outerjoin(Sweep, Sweep.source_id == Source.id).where(_askable(ats), Sweep.source_id.is_(None))
    )
    insert = postgresql.insert if tx.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    for source in tx.session.scalars(query).all():
        row = {
            "source_id": source.id,
            "since": tx.now - FIRST,
            "cursor": "",
            "due_at": tx.now,
            "fence": 0,
            "read": 0,
            "kept": 0,
            "why": "",
        }
        # Another worker may give it the same row at this moment.
        tx.session.execute(insert(Sweep).values(row).on_conflict_do_nothing())
    tx.session.flush()


def missing(tx: Tx, ats: Sequence[str]) -> bool:
    """Whether a source that can be asked has no row yet."""
    query = (
        sa.select(Source.id)
        .outerjoin(Sweep, Sweep.source_id == Source.id)
        .where(_askable(ats), Sweep.source_id.is_(None))
    )
    return tx.session.execute(query.limit(1)).first() is not None


def anything_due(tx: Tx, ats: Sequence[str]) -> bool:
    """Whether any source that can still be asked wants to be swept now."""
    query = sa.select(Sweep.source_id).join(Source, Source.id == Sweep.source_id).where(_askable(ats))
    return tx.session.execute(query.where(Sweep.due_at <= tx.now, _free(tx)).limit(1)).first() is not None


def claim(tx: Tx, ats: Sequence[str], source_id: str | None = None) -> Sweep | None:
    """Take the source that has been due longest, or this one whether it is due or not, for one page. One whose key was
    taken away, or whose ATS is not among `ats`, is left alone."""
    query = sa.select(Sweep).join(Source, Source.id == Sweep.source_id).where(_askable(ats), _free(tx))
    query = query.where(Sweep.due_at <= tx.now) if source_id is None else query.where(Sweep.source_id == source_id)
    query = query.order_by(Sweep.due_at, Sweep.source_id).limit(1)
    row = tx.session.scalars(query.with_for_update(of=Sweep, skip_locked=True)).one_or_none()
    if row is None:
        return None
    if row.began_at is None:
        row.began_at, row.cursor, row.read, row.kept = tx.now, "", 0, 0
    row.lease_until = tx.now + LEASE
    row.fence += 1
    tx.session.flush()
    return row


def owned(tx: Tx, source_id: str, fence: int) -> Sweep | None:
    """The row, locked, if it is still this worker's."""
    query = sa.select(Sweep).where(Sweep.source_id == source_id, Sweep.fence == fence)
    return tx.session.scalars(query.with_for_update()).one_or_none()


def advance(tx: Tx, row: Sweep, *, cursor: str, read: int, kept: int) -> None:
    """A page was kept. An empty `cursor` ends the sweep, and the next one begins where this one began."""
    row.lease_until, row.why = None, ""
    row.read += read
    row.kept += kept
    row.cursor = cursor
    if not cursor:
        began = row.began_at or tx.now
        row.since = max(row.since, began - OVERLAP)
        hurried = began < row.due_at <= tx.now
        row.began_at, row.ended_at, row.due_at = None, tx.now, tx.now if hurried else tx.now + PERIOD
    tx.session.flush()


def hurry(tx: Tx, source: Source) -> None:
    """The ATS says that something changed: sweep now, and again if a sweep is under way that may have missed it."""
    ensure(tx, [source.ats])
    row = tx.session.get(Sweep, source.id, with_for_update=True)
    if row is not None:
        row.due_at = min(row.due_at, tx.now) if row.began_at is None else tx.now
        tx.session.flush()


def put_off(tx: Tx, row: Sweep, *, until: datetime, why: str) -> None:
    """This page could not be read now; the same one is asked for again at `until`."""
    row.lease_until, row.why, row.due_at = None, why, until
    tx.session.flush()


def rewind(tx: Tx, source_id: str, since: datetime) -> None:
    """Read again from `since` on: after a restore, or for a source that was added late."""
    row = tx.session.get(Sweep, source_id, with_for_update=True)
    if row is not None:
        row.since, row.cursor, row.began_at, row.due_at, row.lease_until = since, "", None, tx.now, None
        row.fence += 1
        tx.session.flush()


def list_sweeps(tx: Tx) -> list[tuple[Source, Sweep | None]]:
    """Every source and how far it was read; `None` for one that was never asked."""
    query = sa.select(Source, Sweep).outerjoin(Sweep, Sweep.source_id == Source.id)
    return [(source, sweep) for source, sweep in tx.session.execute(query.order_by(Source.created_at, Source.id)).all()]


def stuck(tx: Tx, workspace_ids: Sequence[str]) -> list[tuple[Source, Sweep]]:
    """The sources that could not be read when they were asked last, and why; not those without a key by now."""
    query = sa.select(Source, Sweep).join(Sweep, Sweep.source_id == Source.id).where(Source.api_key.is_not(None))
    query = query.where(Source.workspace_id.in_(workspace_ids), Sweep.why != "").order_by(Source.created_at, Source.id)
    return [(source, sweep) for source, sweep in tx.session.execute(query).all()]


def _askable(ats: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.and_(Source.ats.in_(ats), Source.api_key.is_not(None))


def _free(tx: Tx) -> sa.ColumnElement[bool]:
    return sa.or_(Sweep.lease_until.is_(None), Sweep.lease_until < tx.now)
