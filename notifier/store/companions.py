"""Outcomes of one person that are due together: what `flow.joining` lets travel in one e-mail."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from notifier.core.message import Purpose, Submission
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.messages import Message

#: A current outcome that may travel with others. What a worker died with travels alone, and so does what is sent again
#: although it may have left: nobody gets the words of the others twice for its sake.
_SOCIABLE = (
    Message.purpose == Purpose.OUTCOME,
    Message.deaths == 0,
    Message.sent_again == 0,
    Message.version == Application.outcome_version,
    Application.deleted_at.is_(None),
)


def due_with(tx: Tx, claimed_ids: Sequence[str], until: datetime) -> dict[str, list[Message]]:
    """For each of these claimed messages the other outcomes of its person that are claimed with it, or that nobody has
    claimed and that are due until then; soonest first. Nothing is locked."""
    if not claimed_ids:
        return {}
    own, its = aliased(Message), aliased(Application)
    # The cast keeps a database from going by the state, which many share: a person has few applications.
    waiting = sa.and_(sa.cast(Message.state, sa.String) == Submission.SCHEDULED.value, Message.due_at <= until)
    query = (
        sa.select(own.id, Message)
        .join(its, its.id == own.application_id)
        .join(Application, Application.candidate_id == its.candidate_id)
        .join(Message, Message.application_id == Application.id)
        .where(own.id.in_(claimed_ids), Message.id != own.id, *_SOCIABLE)
        .where(sa.or_(waiting, Message.id.in_(claimed_ids)))
        .order_by(Message.due_at, Message.id)
    )
    found: dict[str, list[Message]] = {}
    for message_id, message in tx.session.execute(query):
        found.setdefault(message_id, []).append(message)
    return found


def lock_due(tx: Tx, message_ids: Sequence[str]) -> list[Message]:
    """Those of these that are due and in nobody's hands, locked; soonest first."""
    if not message_ids:
        return []
    query = (
        sa.select(Message)
        .join(Application, Application.id == Message.application_id)
        .where(Message.id.in_(message_ids), *_SOCIABLE)
        .where(Message.state == Submission.SCHEDULED, Message.due_at <= tx.now)
        .order_by(Message.due_at, Message.id)
        .with_for_update(of=Message, skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    return list(tx.session.scalars(query))
