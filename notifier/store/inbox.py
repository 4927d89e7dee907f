"""The inbox: every believed webhook, as it came, before anybody reads it.

One INSERT that does nothing on conflict is the whole of taking a webhook in; (source, event key) unique is the whole of
"the same event has one effect" at the door. The body is sealed: it holds a candidate's data.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from notifier.core.asking import Answer
from notifier.core.change import Delivery
from notifier.core.errors import NotFound
from notifier.core.inbox import InboxState, check_move
from notifier.store.audit import SYSTEM, Change, record
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id
from notifier.store.sources import Source

#: How an item came: the ATS sent it, sent it under a name that another body has already, we asked for it, or somebody
#: imported it from a table.
WEBHOOK, CONFLICT, SWEEP, IMPORT = "webhook", "conflict", "sweep", "import"

#: How long people are shown that one name was given to two bodies.
SHOW_CONFLICTS = timedelta(days=7)


class InboxItem(Base):
    """One webhook, or one record that a sweep read. `body_hash` tells a true copy from another body under the same key.
    `candidate_id` is whom it is about, once it was read, so that erasing the person finds it. `blanked_at` is when its
    content was emptied. `answers` (sealed) are what the ATS said to what was asked for it; while it is *asking*,
    `asks_at` is when it is asked for next, and `asks` how often it was."""

    __tablename__ = "inbox_items"
    __table_args__ = (
        sa.UniqueConstraint("source_id", "event_key"),
        sa.Index(None, "state", "received_at", "id"),
        sa.Index(None, "workspace_id", "state", "received_at"),
        sa.Index(None, "received_at"),
        sa.Index("ix_inbox_items_asking", "source_id", "asks_at", "id", sqlite_where=sa.text("asks_at IS NOT NULL"),
                 postgresql_where=sa.text("asks_at IS NOT NULL")),
        sa.Index("ix_inbox_items_unblanked", "received_at", sqlite_where=sa.text("blanked_at IS NULL"),
                 postgresql_where=sa.text("blanked_at IS NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id"))
    event_key: Mapped[str]
    headers: Mapped[bytes]
    body: Mapped[bytes]
    body_hash: Mapped[bytes]
    state: Mapped[InboxState]
    reason: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime]
    planned_at: Mapped[datetime | None]
    candidate_id: Mapped[str | None] = mapped_column(index=True)
    origin: Mapped[str] = mapped_column(default=WEBHOOK, server_default=WEBHOOK)
    blanked_at: Mapped[datetime | None]
    answers: Mapped[bytes | None]
    asks: Mapped[int] = mapped_column(default=0, server_default="0")
    asks_at: Mapped[datetime | None]


def keep(
    tx: Tx, source: Source, event_key: str, delivery: Delivery, headers: str, *, origin: str = WEBHOOK
) -> str | None:
    """Insert the item and return its id, or `None` when this event is here already. `headers` is JSON of the few
    headers the adapter needs again when the item is read."""
    insert = postgresql.insert if tx.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = (
        insert(InboxItem)
        .values(
            id=new_id("inb"),
            workspace_id=source.workspace_id,
            source_id=source.id,
            event_key=event_key,
            headers=tx.keyring.seal(headers, "inbox.headers"),
            body=tx.keyring.seal_bytes(delivery.body, "inbox.body"),
            body_hash=hashlib.sha256(delivery.body).digest(),
            state=InboxState.RECEIVED,
            reason="",
            received_at=tx.now,
            origin=origin,
        )
        .on_conflict_do_nothing(index_elements=["source_id", "event_key"])
        .returning(InboxItem.id)
    )
    return tx.session.execute(statement).scalar_one_or_none()


def blank(tx: Tx, candidate_id: str) -> None:
    """Empty every webhook about this candidate; keys and hashes stay, so that a copy is still known as one."""
    _blank(tx, InboxItem.candidate_id == candidate_id)


def blank_items(tx: Tx, item_ids: Sequence[str]) -> None:
    """Empty these webhooks in the same way."""
    _blank(tx, InboxItem.id.in_(item_ids))


def _blank(tx: Tx, which: sa.ColumnElement[bool]) -> None:
    tx.session.execute(
        sa.update(InboxItem)
        .where(which)
        .values(
            body=tx.keyring.seal_bytes(b"", "inbox.body"),
            headers=tx.keyring.seal("{}", "inbox.headers"),
            answers=None,
            blanked_at=tx.now,
        )
        .execution_options(synchronize_session=False)
    )


def same_body(tx: Tx, source_id: str, event_key: str, body: bytes) -> bool:
    """Whether the item kept under this key has this very body (false: another body under the same key)."""
    query = sa.select(InboxItem.body_hash).where(InboxItem.source_id == source_id, InboxItem.event_key == event_key)
    return tx.session.execute(query).scalar_one_or_none() == hashlib.sha256(body).digest()


def take(tx: Tx, limit: int) -> Sequence[InboxItem]:
    """Up to `limit` items nobody has read yet, oldest first, locked until the end of the transaction."""
    query = (
        sa.select(InboxItem)
        .where(InboxItem.state == InboxState.RECEIVED)
        .order_by(InboxItem.received_at, InboxItem.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(tx.session.scalars(query))


def move(tx: Tx, item: InboxItem, after: InboxState, *, reason: str = "", actor: str = SYSTEM) -> None:
    """The one mover of an inbox item."""
    check_move(item.state, after)
    change = Change(item.workspace_id, item.id, item.state.value, after.value, actor, reason)
    item.state = after
    item.reason = reason
    item.planned_at = tx.now if after is InboxState.PLANNED else None
    tx.session.flush()
    record(tx, [change])


def ask(tx: Tx, item: InboxItem) -> None:
    """The ATS has to be asked before the item can be read."""
    move(tx, item, InboxState.ASKING)
    item.answers, item.asks, item.asks_at = None, 0, tx.now
    tx.session.flush()


def to_ask(tx: Tx, source_id: str, limit: int) -> Sequence[InboxItem]:
    """Up to `limit` items of a source that want to be asked for now, the one that has waited longest first."""
    query = sa.select(InboxItem).where(InboxItem.source_id == source_id, InboxItem.asks_at <= tx.now)
    return list(tx.session.scalars(query.order_by(InboxItem.asks_at, InboxItem.id).limit(limit)))


def answered(tx: Tx, item: InboxItem, answers: Sequence[Answer]) -> None:
    """The ATS has said all that was asked: the item is to be read."""
    said = json.dumps([[answer.status, answer.body.decode("ascii")] for answer in answers])
    item.answers = tx.keyring.seal(said, "inbox.answers")
    item.asks_at = None
    move(tx, item, InboxState.RECEIVED)


def delivery_of(tx: Tx, item: InboxItem) -> Delivery:
    """What was kept of the webhook. Raises CannotOpen."""
    headers = json.loads(tx.keyring.open(item.headers, "inbox.headers"))
    return Delivery(headers, tx.keyring.open_bytes(item.body, "inbox.body"))


def answers_of(tx: Tx, item: InboxItem) -> list[Answer]:
    """What the ATS said for this item; nothing if it was not asked."""
    if item.answers is None:
        return []
    said = json.loads(tx.keyring.open(item.answers, "inbox.answers"))
    return [Answer(status, body.encode()) for status, body in said]


def unanswered(tx: Tx, item: InboxItem, *, until: datetime, why: str) -> None:
    """The ATS did not say it; the item is asked for again at `until`."""
    item.asks, item.asks_at, item.reason = item.asks + 1, until, why
    tx.session.flush()


def quarantine(tx: Tx, item: InboxItem, reason: str) -> None:
    """The item cannot even be asked for; a person has to look."""
    item.asks_at = None
    move(tx, item, InboxState.QUARANTINED, reason=reason)


def get_item(tx: Tx, workspace_id: str | None, item_id: str) -> InboxItem:
    """The item, or NotFound."""
    item = tx.session.get(InboxItem, item_id)
    if item is None or (workspace_id is not None and item.workspace_id != workspace_id):
        raise NotFound(f"no inbox item {item_id}")
    return item


def list_items(
    tx: Tx, workspace_id: str | None = None, *, state: InboxState | None = None, limit: int = 200
) -> list[InboxItem]:
    """The newest items, without their bodies' contents being opened."""
    query = sa.select(InboxItem).order_by(InboxItem.received_at.desc(), InboxItem.id.desc()).limit(limit)
    if workspace_id is not None:
        query = query.where(InboxItem.workspace_id == workspace_id)
    if state is not None:
        query = query.where(InboxItem.state == state)
    return list(tx.session.scalars(query))


def conflicts(tx: Tx, workspace_ids: Sequence[str], *, limit: int = 50) -> list[InboxItem]:
    """The newest items of the last days whose name another body had already. They were read like any others; that a
    name is given twice is a fault of the sender that somebody should know of."""
    query = sa.select(InboxItem).where(
        InboxItem.workspace_id.in_(workspace_ids),
        InboxItem.origin == CONFLICT,
        InboxItem.received_at > tx.now - SHOW_CONFLICTS,
    )
    return list(tx.session.scalars(query.order_by(InboxItem.received_at.desc(), InboxItem.id).limit(limit)))


def anything_received(tx: Tx) -> bool:
    """Whether any item waits to be read."""
    query = sa.select(InboxItem.id).where(InboxItem.state == InboxState.RECEIVED).limit(1)
    return tx.session.execute(query).first() is not None
