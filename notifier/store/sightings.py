"""What a source was seen to do: one row per kind of thing, with the first and the last time.

Three kinds of rows, told apart by the beginning of `what`: `event:<kind>` a webhook of that kind was read,
`handshake:<word>` the address was tried, `refused:<reason>` something was not believed; `detail` then says what is
probably wrong. A set-up that is being watched lives from it, so it is kept up as things come, and rarely: a row that
was written within the last minute is left as it is, because a thousand webhooks a second must not wait for one row.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from notifier.store.base import Base
from notifier.store.database import Tx

#: How old the last sighting must be before a newer one is written.
EXACT_TO = timedelta(minutes=1)

EVENT, HANDSHAKE, REFUSED = "event:", "handshake:", "refused:"


class Sighting(Base):
    """One kind of thing that a source did, and when first and last."""

    __tablename__ = "source_sightings"

    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id"), primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)
    detail: Mapped[str] = mapped_column(default="")
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]


def note(tx: Tx, seen: Iterable[tuple[str, str, str]]) -> None:
    """Keep up these (source id, what, detail). What was seen within the last minute is not written again."""
    insert = postgresql.insert if tx.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    for source_id, what, detail in sorted(set(seen)):
        row = {"source_id": source_id, "what": what, "detail": detail, "first_at": tx.now, "last_at": tx.now}
        statement = insert(Sighting).values(row)
        tx.session.execute(
            statement.on_conflict_do_update(
                index_elements=["source_id", "what"],
                set_={"last_at": tx.now, "detail": detail},
                where=sa.or_(Sighting.last_at < tx.now - EXACT_TO, Sighting.detail != detail),
            )
        )


def fresh(tx: Tx, source_id: str, what: str) -> bool:
    """Whether this was seen within the last minute, so that it need not be written."""
    row = tx.session.get(Sighting, (source_id, what))
    return row is not None and row.last_at > tx.now - EXACT_TO


def of_source(tx: Tx, source_id: str) -> list[Sighting]:
    """Everything this source was seen to do, the newest first."""
    query = sa.select(Sighting).where(Sighting.source_id == source_id)
    return list(tx.session.scalars(query.order_by(Sighting.last_at.desc(), Sighting.what)))
