"""What mail providers reported, kept as it came before anybody acts on it.

The same report comes three times on average and up to dozens of times, and its id may change on the way, so two keys
know it: the provider's id and a digest of what it says. Whatever has either is a copy and is not kept again. A report
about nothing of ours is an *orphan*: kept, shown, and never a change of any state.

A mail that a mail server handed in (a bounce, perhaps) is kept here as well, whole, until it has been read.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Mapped, aliased, mapped_column

from notifier.core.feedback import Address, Heard, Report
from notifier.store.audit import SYSTEM
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id
from notifier.store.submission import Attempt

#: What `heard` says of a whole mail that was handed in.
MAIL = "mail"


class EventState(StrEnum):
    """received: not read yet. applied: it is about a message of ours, and counted. orphan: about nothing of ours."""

    RECEIVED = "received"
    APPLIED = "applied"
    ORPHAN = "orphan"


class ProviderEvent(Base):
    """One report. `report` is sealed: it quotes an address. `message_id` is our message, once that is known.
    `blanked_at` is when the report was emptied."""

    __tablename__ = "provider_events"
    __table_args__ = (
        sa.UniqueConstraint("provider", "digest"),
        sa.UniqueConstraint("provider", "event_id"),
        sa.Index(None, "state", "received_at", "id"),
        sa.Index(None, "attempt_id", "heard"),
        sa.Index("ix_provider_events_unblanked", "received_at", sqlite_where=sa.text("blanked_at IS NULL"),
                 postgresql_where=sa.text("blanked_at IS NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str | None] = mapped_column(sa.ForeignKey("workspaces.id"))
    provider: Mapped[str]
    event_id: Mapped[str | None]
    digest: Mapped[str]
    heard: Mapped[str]
    happened_at: Mapped[datetime]
    received_at: Mapped[datetime]
    state: Mapped[EventState]
    reason: Mapped[str] = mapped_column(default="")
    message_id: Mapped[str | None] = mapped_column(sa.ForeignKey("messages.id"), index=True)
    attempt_id: Mapped[str | None]
    report: Mapped[bytes]
    blanked_at: Mapped[datetime | None]


def keep(tx: Tx, provider: str, reports: Sequence[Report]) -> int:
    """Keep what was not kept before; returns how many that were."""
    # Two posts with the same reports in another order would wait for each other in a circle.
    rows = [
        _row(tx, provider, report.digest, report.event_id, report.heard.value, report.at, _sealed(tx, report))
        for report in sorted(reports, key=lambda report: report.digest)
    ]
    return sum(_insert(tx, row) for row in rows)


def keep_mail(tx: Tx, provider: str, digest: str, mime: bytes) -> bool:
    """Keep a whole mail; false if it was here already."""
    return bool(_insert(tx, _row(tx, provider, digest, "", MAIL, tx.now, tx.keyring.seal_bytes(mime, "event.mail"))))


def keep_unreadable(tx: Tx, provider: str, digest: str, body: bytes, why: str) -> None:
    """Keep a believed post that nobody understands, as an orphan."""
    row = _row(tx, provider, digest, "", Heard.OTHER.value, tx.now, tx.keyring.seal_bytes(body, "event.mail"))
    _insert(tx, row | {"state": EventState.ORPHAN, "reason": f"unreadable: {why}"[:200]})


def take(tx: Tx, limit: int) -> Sequence[ProviderEvent]:
    """Up to `limit` reports nobody has read yet, oldest first, locked until the end of the transaction; of whole mails,
    which may be tens of megabytes each, only one."""
    query = (
        sa.select(ProviderEvent.id, ProviderEvent.heard)
        .where(ProviderEvent.state == EventState.RECEIVED)
        .order_by(ProviderEvent.received_at, ProviderEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = tx.session.execute(query).all()
    mails = [row.id for row in found if row.heard == MAIL]
    taken = {row.id for row in found} - set(mails[1:])
    rows = sa.select(ProviderEvent).where(ProviderEvent.id.in_(taken))
    return list(tx.session.scalars(rows.order_by(ProviderEvent.received_at, ProviderEvent.id)))


def open_report(tx: Tx, row: ProviderEvent) -> Report:
    """The report as it was read."""
    kept = json.loads(tx.keyring.open(row.report, "event.report"))
    raw = kept.pop("raw", "").encode("ascii")
    kept |= {"heard": Heard(kept["heard"]), "about": Address(kept["about"]), "at": row.happened_at}
    return Report(**kept, raw=raw)


def open_mail(tx: Tx, row: ProviderEvent) -> bytes:
    """The mail as it was handed in."""
    return tx.keyring.open_bytes(row.report, "event.mail")


def conclude(tx: Tx, row: ProviderEvent, state: EventState, reason: str = "") -> None:
    """The one mover of a report: from *received* to what became of it."""
    row.state, row.reason = state, reason
    tx.session.flush()


def blank(tx: Tx, event_ids: Sequence[str]) -> None:
    """Take the address and the provider's words out of these reports; what was heard, when and of which message stays.

    What has no message in it any more (a mail that was unfolded into reports) is empty afterwards.
    """
    for row in tx.session.scalars(sa.select(ProviderEvent).where(ProviderEvent.id.in_(event_ids))):
        if row.heard == MAIL:
            row.report = tx.keyring.seal_bytes(b"", "event.mail")
        else:
            row.report = _sealed(tx, Report(Heard(row.heard), row.happened_at, row.digest))
        row.blanked_at = tx.now
    tx.session.flush()


def blank_of(tx: Tx, message_ids: Sequence[str]) -> None:
    """The same with every report about these messages, when the person is erased."""
    blank(tx, list(tx.session.scalars(sa.select(ProviderEvent.id).where(ProviderEvent.message_id.in_(message_ids)))))


#: Another attempt than the one in question. Made once: it takes as long as the query.
_Later = aliased(Attempt)


def feed_alive_since(
    provider: str | InstrumentedAttribute[str], submitted_at: datetime | InstrumentedAttribute[datetime | None]
) -> sa.ColumnElement[bool]:
    """The condition that the provider has told of taking a message that was handed over later than `submitted_at`: the
    feed was alive then, and tells of every message. One that is set to tell of bounces only proves nothing by its
    silence."""
    return sa.exists().where(
        ProviderEvent.state == EventState.APPLIED,
        ProviderEvent.heard.in_([Heard.PROCESSED, Heard.DELIVERED]),
        ProviderEvent.received_at > submitted_at,
        ProviderEvent.provider == provider,
        _Later.id == ProviderEvent.attempt_id,
        _Later.provider == provider,
        _Later.submitted_at > submitted_at,
    )


def of_message(tx: Tx, workspace_id: str, message_id: str) -> list[ProviderEvent]:
    """Every report about a message, in the order of what it tells."""
    query = sa.select(ProviderEvent).where(
        ProviderEvent.message_id == message_id, ProviderEvent.workspace_id == workspace_id
    )
    return list(tx.session.scalars(query.order_by(ProviderEvent.happened_at, ProviderEvent.id)))


def list_events(tx: Tx, state: EventState | None = None, *, limit: int = 50) -> list[ProviderEvent]:
    """The newest reports. Orphans belong to no workspace, so only whoever runs the installation reads this list."""
    query = sa.select(ProviderEvent).order_by(ProviderEvent.received_at.desc(), ProviderEvent.id.desc()).limit(limit)
    if state is not None:
        query = query.where(ProviderEvent.state == state)
    return list(tx.session.scalars(query))


def anything_received(tx: Tx) -> bool:
    """Whether any report waits to be read."""
    query = sa.select(ProviderEvent.id).where(ProviderEvent.state == EventState.RECEIVED).limit(1)
    return tx.session.execute(query).first() is not None


def actor(provider: str) -> str:
    """How the audit trail names a provider."""
    return f"provider:{provider}" if provider else SYSTEM


def _sealed(tx: Tx, report: Report) -> bytes:
    kept = {name: value for name, value in asdict(report).items() if name != "at"}
    kept["raw"] = report.raw.decode("ascii")
    return tx.keyring.seal(json.dumps(kept, ensure_ascii=False), "event.report")


def _row(
    tx: Tx, provider: str, digest: str, event_id: str, heard: str, happened_at: datetime, report: bytes
) -> dict[str, object]:
    return {
        "id": new_id("evt"),
        "provider": provider,
        "event_id": event_id or None,
        "digest": digest,
        "heard": heard,
        "happened_at": happened_at,
        "received_at": tx.now,
        "state": EventState.RECEIVED,
        "reason": "",
        "report": report,
    }


def _insert(tx: Tx, row: dict[str, object]) -> int:
    insert = postgresql.insert if tx.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    kept = tx.session.execute(insert(ProviderEvent).values(row).on_conflict_do_nothing().returning(ProviderEvent.id))
    return int(kept.first() is not None)
