"""Promises: the dates our messages gave to candidates, and what became of them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id


class Promise(Base):
    """A date given to a candidate by an accepted message: they hear again by `due`.

    `kept` is `None` until the candidate hears again (true or false then) or the promise falls away.
    """

    __tablename__ = "promises"
    __table_args__ = (sa.Index(None, "application_id", "kept"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    application_id: Mapped[str] = mapped_column(sa.ForeignKey("applications.id"))
    message_id: Mapped[str] = mapped_column(sa.ForeignKey("messages.id"))
    made_at: Mapped[datetime]
    due: Mapped[datetime]
    kept: Mapped[bool | None]
    closed_at: Mapped[datetime | None]


def heard_again(tx: Tx, application_id: str) -> None:
    """The candidate has heard from us now: every open promise is kept or broken by it."""
    tx.session.execute(
        sa.update(Promise)
        .where(Promise.application_id == application_id, Promise.kept.is_(None))
        .values(kept=Promise.due >= tx.now, closed_at=tx.now)
        .execution_options(synchronize_session=False)
    )


def make(tx: Tx, workspace_id: str, application_id: str, message_id: str, due: datetime) -> None:
    """A message that names the date `due` (the end of that day, in UTC) was accepted."""
    tx.session.add(
        Promise(
            id=new_id("prm"),
            workspace_id=workspace_id,
            application_id=application_id,
            message_id=message_id,
            made_at=tx.now,
            due=due,
        )
    )
    tx.session.flush()
