"""Replies: what candidates wrote back. The text is sealed.

The table stands from the first migration on, because a reply stops silence and starts the owed clock; nothing writes to
it before replies are received.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.store.base import Base


class Reply(Base):
    """One reply to one application. `answered_at` is when a person answered it."""

    __tablename__ = "replies"

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    application_id: Mapped[str] = mapped_column(sa.ForeignKey("applications.id"), index=True)
    message_id: Mapped[str | None] = mapped_column(sa.ForeignKey("messages.id"))
    text: Mapped[bytes]
    received_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
