"""What was tried so far: how much at a provider, since when for one message, and what is overdue."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from notifier.core.message import Submission
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.submission import Attempt


def begun_since(tx: Tx, provider: str, since: datetime) -> int:
    """How many e-mails were begun for this provider since then, by any worker: what MAIL_RATE is measured against."""
    query = sa.select(sa.func.count()).where(
        Attempt.provider == provider, Attempt.started_at > since, Attempt.joined_to.is_(None)
    )
    return tx.session.execute(query).scalar_one()


def first_try(tx: Tx, message: Message) -> datetime:
    """When this message was first tried since it was last approved."""
    query = sa.select(sa.func.min(Attempt.started_at)).where(Attempt.message_id == message.id)
    if message.approved_at is not None:
        query = query.where(Attempt.started_at >= message.approved_at)
    return tx.session.execute(query).scalar_one_or_none() or tx.now


def applications_of(tx: Tx, attempt_ids: Sequence[str]) -> list[str]:
    """The applications these attempts belong to, for locking them before their messages."""
    query = sa.select(Message.application_id).join(Attempt, Attempt.message_id == Message.id)
    return list(tx.session.scalars(query.where(Attempt.id.in_(attempt_ids)).distinct()))


def overdue(tx: Tx, limit: int) -> Sequence[str]:
    """The attempts whose lease is over: their worker is gone, or as good as gone."""
    query = (
        sa.select(Message.attempt_id)
        .where(Message.state == Submission.SENDING, Message.lease_until < tx.now)
        .order_by(Message.lease_until)
        .limit(limit)
    )
    return [attempt_id for attempt_id in tx.session.scalars(query) if attempt_id is not None]
