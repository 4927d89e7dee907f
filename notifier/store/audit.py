"""The audit trail: who changed which state, when, from what to what. Written in the same transaction as the change.

`actor` is "system", "ats:<source id>", "provider:<name>" or the id of a user; never a name or an address. States and
reasons only, so that the trail may outlive the person it is about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id

SYSTEM = "system"


class AuditEntry(Base):
    """One change of one state. `before` and `after` are words of the subject's state machine."""

    __tablename__ = "audit_entries"
    __table_args__ = (sa.Index(None, "subject", "at"), sa.Index(None, "workspace_id", "at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str]
    subject: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")


@dataclass(frozen=True, slots=True)
class Change:
    """One entry to be written."""

    workspace_id: str
    subject: str
    before: str
    after: str
    actor: str = SYSTEM
    reason: str = ""


def record(tx: Tx, changes: Sequence[Change]) -> None:
    """Write entries for changes made in this transaction, in one statement."""
    if not changes:
        return
    rows = [
        {
            "id": new_id("aud"),
            "workspace_id": change.workspace_id,
            "subject": change.subject,
            "at": tx.now,
            "actor": change.actor,
            "before": change.before,
            "after": change.after,
            "reason": change.reason,
        }
        for change in changes
    ]
    tx.session.execute(sa.insert(AuditEntry), rows)


def delivery_of(message_id: str) -> str:
    """The subject under which the delivery of a message is kept: a second state machine, apart from its submission."""
    return f"{message_id}/delivery"


def history(tx: Tx, workspace_id: str, subject: str) -> list[AuditEntry]:
    """What happened to one subject and, for a message, to its delivery, oldest first."""
    query = sa.select(AuditEntry).where(
        AuditEntry.workspace_id == workspace_id, AuditEntry.subject.in_([subject, delivery_of(subject)])
    )
    return list(tx.session.scalars(query.order_by(AuditEntry.at, AuditEntry.id)))
