"""The built-in mailbox: where e-mails go while no mail provider is set up, readable by signed-in people."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.core.errors import NotFound
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id


class MailboxMail(Base):
    """One e-mail as it would have left, sealed. `message_id` is the id of our message: twice here means sent twice."""

    __tablename__ = "mailbox_mails"
    __table_args__ = (sa.Index(None, "workspace_id", "kept_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    message_id: Mapped[str]
    to: Mapped[bytes]
    subject: Mapped[bytes]
    mime: Mapped[bytes]
    kept_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class OpenMail:
    """A mailbox e-mail, opened."""

    id: str
    message_id: str
    to: str
    subject: str
    mime: bytes
    kept_at: datetime


def keep_mail(tx: Tx, workspace_id: str, message_id: str, *, to: str, subject: str, mime: bytes) -> None:
    """Put one e-mail into the mailbox."""
    tx.session.add(
        MailboxMail(
            id=new_id("mail"),
            workspace_id=workspace_id,
            message_id=message_id,
            to=tx.keyring.seal(to, "mailbox.to"),
            subject=tx.keyring.seal(subject, "mailbox.subject"),
            mime=tx.keyring.seal_bytes(mime, "mailbox.mime"),
            kept_at=tx.now,
        )
    )
    tx.session.flush()


def forget(tx: Tx, message_ids: list[str]) -> None:
    """Remove the e-mails of these messages, when the person is erased."""
    tx.session.execute(sa.delete(MailboxMail).where(MailboxMail.message_id.in_(message_ids)))


def _open(tx: Tx, row: MailboxMail) -> OpenMail:
    ring = tx.keyring
    return OpenMail(
        row.id,
        row.message_id,
        ring.open(row.to, "mailbox.to"),
        ring.open(row.subject, "mailbox.subject"),
        ring.open_bytes(row.mime, "mailbox.mime"),
        row.kept_at,
    )


def list_mails(tx: Tx, workspace_ids: list[str], *, limit: int = 100) -> list[OpenMail]:
    """The newest e-mails of these workspaces."""
    query = sa.select(MailboxMail).where(MailboxMail.workspace_id.in_(workspace_ids))
    query = query.order_by(MailboxMail.kept_at.desc(), MailboxMail.id.desc()).limit(limit)
    return [_open(tx, row) for row in tx.session.scalars(query)]


def get_mail(tx: Tx, workspace_ids: list[str], mail_id: str) -> OpenMail:
    """One e-mail, or NotFound."""
    row = tx.session.get(MailboxMail, mail_id)
    if row is None or row.workspace_id not in workspace_ids:
        raise NotFound(f"no mail {mail_id}")
    return _open(tx, row)
