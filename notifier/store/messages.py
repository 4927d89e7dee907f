"""Messages: the outbox. One row per message, one mover for a person's or a plan's decisions.

The business identity (application, version, template, ordinal) is unique, so planning twice cannot make two messages.
How a message leaves (claim, fence, result) is in `store.submission`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.core.errors import NotFound
from notifier.core.message import STOPPABLE, Delivery, Phase, Purpose, Submission, check_move
from notifier.core.rule import Mode, Window
from notifier.store.audit import Change, delivery_of, record
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id
from notifier.store.keyring import CannotOpen


class Message(Base):
    """One e-mail to one candidate about one application.

    `version` is the application's version this message is about (the outcome's version for an outcome). `urgent_at`
    orders the queue: the promise this message must keep, else when it was planned. `hold` is how long it waits in the
    outbox once it is decided ("2m"). `placeholders` are sealed, and so is `snapshot`, the e-mail as it was handed over.
    `template_id` names the very wording that was planned, whatever is edited later. `deaths` counts the workers that
    died with it in hand, `sent_again` how often it went out again while in doubt; `again_asked_by` asked for that and
    waits for a second person. `text_hash` is the SHA-256 of the text that was handed over, once `snapshot` was blanked.
    `note` is sealed: what a person wrote when they held or cancelled it, which never goes into the audit trail.
    """

    __tablename__ = "messages"
    __table_args__ = (
        sa.UniqueConstraint("application_id", "version", "template", "ordinal"),
        sa.Index("ix_messages_due", "state", "due_at", "id"),
        sa.Index("ix_messages_lease", "state", "lease_until"),
        sa.Index(None, "workspace_id", "state", "urgent_at", "id"),
        sa.Index(
            "ix_messages_provider_id",
            "provider_id",
            sqlite_where=sa.text("provider_id != ''"),
            postgresql_where=sa.text("provider_id != ''"),
        ),
        sa.Index(
            "ix_messages_accepted",
            "state",
            "accepted_at",
            sqlite_where=sa.text("state = 'accepted'"),
            postgresql_where=sa.text("state = 'accepted'"),
        ),
        sa.Index(
            "ix_messages_came_back",
            "workspace_id",
            "delivery_at",
            sqlite_where=sa.text("delivery IN ('bounced', 'dropped')"),
            postgresql_where=sa.text("delivery IN ('bounced', 'dropped')"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    application_id: Mapped[str] = mapped_column(sa.ForeignKey("applications.id"))
    version: Mapped[int]
    purpose: Mapped[Purpose]
    template: Mapped[str]
    language: Mapped[str]
    template_id: Mapped[str] = mapped_column(sa.ForeignKey("template_versions.id"))
    ordinal: Mapped[int] = mapped_column(default=1)
    mode: Mapped[Mode]
    hold: Mapped[str]
    window: Mapped[Window]
    state: Mapped[Submission]
    phase: Mapped[Phase]
    reason: Mapped[str] = mapped_column(default="")
    due_at: Mapped[datetime | None]
    urgent_at: Mapped[datetime]
    promise_days: Mapped[int | None]
    promise_due: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    attempt_id: Mapped[str | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0, server_default="0")
    sent_again: Mapped[int] = mapped_column(default=0, server_default="0")
    again_asked_by: Mapped[str] = mapped_column(default="", server_default="")
    placeholders: Mapped[bytes]
    snapshot: Mapped[bytes | None]
    note: Mapped[bytes | None]
    text_hash: Mapped[str | None]
    approved_by: Mapped[str] = mapped_column(default="")
    approved_at: Mapped[datetime | None]
    provider: Mapped[str] = mapped_column(default="")
    provider_id: Mapped[str] = mapped_column(default="")
    message_id_header: Mapped[str] = mapped_column(default="")
    accepted_at: Mapped[datetime | None]
    delivery: Mapped[Delivery]
    delivery_at: Mapped[datetime | None]
    complained: Mapped[bool] = mapped_column(default=False)
    replied: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


def seal_values(tx: Tx, values: Mapping[str, str]) -> bytes:
    """Placeholders and their values, for keeping."""
    return tx.keyring.seal(json.dumps(dict(values), ensure_ascii=False), "message.placeholders")


def open_values(tx: Tx, message: Message) -> dict[str, str]:
    """The placeholders of a message and their values."""
    values: dict[str, str] = json.loads(tx.keyring.open(message.placeholders, "message.placeholders"))
    return values


def keep_snapshot(tx: Tx, message: Message, email: Mapping[str, object]) -> None:
    """Remember the e-mail as it is about to be handed over: what was said is proof, and must not change later."""
    message.snapshot = tx.keyring.seal(json.dumps(email, ensure_ascii=False), "message.snapshot")


def open_snapshot(tx: Tx, message: Message) -> dict[str, Any] | None:
    """The e-mail as it was handed over, or nothing while it never was."""
    if message.snapshot is None:
        return None
    email: dict[str, Any] = json.loads(tx.keyring.open(message.snapshot, "message.snapshot"))
    return email


def keep_note(tx: Tx, message: Message, words: str) -> None:
    """Keep what a person wrote for the team about this message in place of what was there; spaces alone are none."""
    message.note = tx.keyring.seal(words.strip(), "message.note") if words.strip() else None


def open_note(tx: Tx, message: Message) -> str:
    """What a person wrote for the team about this message, or ""."""
    return tx.keyring.open(message.note, "message.note") if message.note is not None else ""


def add(tx: Tx, message: Message, *, actor: str, reason: str = "") -> Message:
    """Insert a message made by a plan; the caller fills every column but id, phase, delivery and created_at."""
    message.id = new_id("msg")
    message.phase = Phase.NONE
    message.delivery = Delivery.NONE
    message.created_at = tx.now
    tx.session.add(message)
    tx.session.flush()
    record(tx, [Change(message.workspace_id, message.id, "", message.state, actor, reason or message.reason)])
    return message


def move(tx: Tx, message: Message, after: Submission, *, actor: str, reason: str = "") -> None:
    """The one mover for decisions of a person or a plan. Raises IllegalMove; leaving *sending* is `submission`'s."""
    check_move(message.state, after)
    change = Change(message.workspace_id, message.id, message.state, after, actor, reason)
    message.state, message.reason = after, reason
    tx.session.flush()
    record(tx, [change])


def deliver(tx: Tx, message: Message, after: Delivery, *, at: datetime, actor: str, reason: str = "") -> None:
    """The one mover of what the mail system reports; `core.feedback.after` says where to."""
    change = Change(message.workspace_id, delivery_of(message.id), message.delivery, after, actor, reason)
    message.delivery, message.delivery_at = after, at
    tx.session.flush()
    record(tx, [change])


def get_message(tx: Tx, workspace_id: str | None, message_id: str, *, lock: bool = False) -> Message:
    """The message, or NotFound. `lock` keeps claimers and other people away until the end of the transaction."""
    query = sa.select(Message).where(Message.id == message_id)
    row = tx.session.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if row is None or (workspace_id is not None and row.workspace_id != workspace_id):
        raise NotFound(f"no message {message_id}")
    return row


def of_application(tx: Tx, application_id: str, *, lock: bool = False) -> Sequence[Message]:
    """Every message of an application, oldest first; locked against claimers when a plan is about to cancel some."""
    query = sa.select(Message).where(Message.application_id == application_id)
    query = query.order_by(Message.created_at, Message.id)
    return list(tx.session.scalars(query.with_for_update(key_share=True) if lock else query))


def stop(tx: Tx, messages: Sequence[Message], reason: str, *, actor: str) -> list[Message]:
    """Cancel those that have not left and are not leaving; returns them."""
    stopped = [message for message in messages if message.state in STOPPABLE]
    for message in stopped:
        move(tx, message, Submission.CANCELLED, actor=actor, reason=reason)
    return stopped


def blank(tx: Tx, messages: Sequence[Message]) -> None:
    """Empty what was said, filled in and noted; states, times, our ids and the hash of the text stay as proof."""
    for message in messages:
        message.text_hash = _text_hash(tx, message) or message.text_hash
        message.placeholders = seal_values(tx, {})
        message.snapshot = None
        message.note = None
        message.message_id_header = ""
    tx.session.flush()


def _text_hash(tx: Tx, message: Message) -> str | None:
    """The SHA-256 of the text as it was handed over; nothing where none was, or where its key is lost."""
    try:
        email = open_snapshot(tx, message)
    except CannotOpen:
        return None  # nobody can read it any more, so nobody can prove it either
    return None if email is None else hashlib.sha256(str(email["text"]).encode()).hexdigest()


def sent_before(tx: Tx, application_id: str) -> list[str]:
    """The Message-ID headers of what this candidate already got about this application, oldest first."""
    query = (
        sa.select(Message.message_id_header)
        .where(Message.application_id == application_id, Message.accepted_at.is_not(None))
        .order_by(Message.accepted_at)
    )
    return [header for header in tx.session.scalars(query) if header]
