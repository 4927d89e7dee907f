"""Who asks an ATS on behalf of a source, and what keeps it from answering.

One row per source that has been asked. A worker holds a source by a lease and a fence, so that the ATS's limit of
requests is kept by whoever asks, whatever the number of workers. What concerns one webhook alone stands at the webhook
(`store.inbox`); what concerns the source, such as a refused key or an ATS that is down, stands here.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.inbox import InboxItem
from notifier.store.sources import Source

#: How long a worker may ask for one batch.
LEASE = timedelta(minutes=3)


class Asking(Base):
    """`not_before` is when the ATS may be asked again, `why` what keeps it from answering ("": nothing), `failures` how
    often in a row it did."""

    __tablename__ = "askings"

    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id"), primary_key=True)
    not_before: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    why: Mapped[str] = mapped_column(default="")


def due(tx: Tx) -> str | None:
    """A source with a webhook that wants to be asked for now and that nobody is asking for; None if there is none."""
    query = (
        sa.select(InboxItem.source_id)
        .outerjoin(Asking, Asking.source_id == InboxItem.source_id)
        .where(InboxItem.asks_at <= tx.now, sa.or_(Asking.source_id.is_(None), _free(tx)))
        .order_by(InboxItem.asks_at)
        .limit(1)
    )
    return tx.session.execute(query).scalar_one_or_none()


def claim(tx: Tx, source_id: str) -> Asking | None:
    """Take the source for one batch; None if somebody else has it, or if it must not be asked yet."""
    insert = postgresql.insert if tx.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    first = {"source_id": source_id, "not_before": tx.now, "fence": 0, "failures": 0, "why": ""}
    tx.session.execute(insert(Asking).values(first).on_conflict_do_nothing())
    query = sa.select(Asking).where(Asking.source_id == source_id, _free(tx)).with_for_update(skip_locked=True)
    row = tx.session.scalars(query).one_or_none()
    if row is not None:
        row.lease_until = tx.now + LEASE
        row.fence += 1
        tx.session.flush()
    return row


def owned(tx: Tx, source_id: str, fence: int) -> Asking | None:
    """The row, locked, if it is still this worker's."""
    query = sa.select(Asking).where(Asking.source_id == source_id, Asking.fence == fence)
    return tx.session.scalars(query.with_for_update()).one_or_none()


def release(tx: Tx, row: Asking) -> None:
    """The batch is done and the ATS answered."""
    row.lease_until, row.why, row.failures = None, "", 0
    tx.session.flush()


def put_off(tx: Tx, row: Asking, *, until: datetime, why: str) -> None:
    """The ATS must not be asked before `until`."""
    row.lease_until, row.why, row.not_before = None, why, until
    row.failures += 1
    tx.session.flush()


def hurry(tx: Tx, source_id: str) -> None:
    """Ask again at once: after a new key, or because somebody wants it. A batch under way goes on."""
    row = tx.session.get(Asking, source_id, with_for_update=True)
    if row is not None:
        row.not_before, row.failures = tx.now, 0
    again = sa.update(InboxItem).where(InboxItem.source_id == source_id, InboxItem.asks_at.is_not(None))
    tx.session.execute(again.values(asks_at=tx.now).execution_options(synchronize_session=False))
    tx.session.flush()


def waiting(tx: Tx, workspace_ids: Sequence[str] | None = None) -> list[tuple[Source, int, datetime, str]]:
    """Each source with webhooks that wait for its ATS: how many, since when the oldest came, and why."""
    piles = (
        sa.select(
            InboxItem.source_id,
            sa.func.count().label("number"),
            sa.func.min(InboxItem.received_at).label("since"),
            sa.func.max(InboxItem.reason).label("reason"),
        )
        .where(InboxItem.asks_at.is_not(None))
        .group_by(InboxItem.source_id)
        .subquery()
    )
    query = (
        sa.select(Source, piles.c.number, piles.c.since, piles.c.reason, Asking.why)
        .join(piles, piles.c.source_id == Source.id)
        .outerjoin(Asking, Asking.source_id == Source.id)
        .order_by(Source.created_at, Source.id)
    )
    if workspace_ids is not None:
        query = query.where(Source.workspace_id.in_(workspace_ids))
    return [
        (source, number, since, why or reason) for source, number, since, reason, why in tx.session.execute(query).all()
    ]


def _free(tx: Tx) -> sa.ColumnElement[bool]:
    return sa.and_(Asking.not_before <= tx.now, sa.or_(Asking.lease_until.is_(None), Asking.lease_until < tx.now))
