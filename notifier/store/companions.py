"""Outcomes of one person that are due together: what `flow.joining` lets travel in one e-mail.

Two workers must not take two of them at the same moment, or each would write a mail of its own. So of all that a person
is due only the first can be claimed (`first_of_person`), and whoever has it finds the others (`due_with`) and takes
along what nobody else holds (`lock_due`). What is not taken along has its turn with the next claim.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from notifier.core.message import Purpose, Submission
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.messages import Message


def first_of_person(now: datetime) -> sa.ColumnElement[bool]:
    """Nothing that this person is due about another outcome comes before this message; for a query of both tables.

    It looks as a claim looks, so what is in the way is claimed by somebody now and soon out of the way.
    """
    other, its = aliased(Message), aliased(Application)
    before = (
        sa.select(other.id)
        .join(its, its.id == other.application_id)
        .where(
            its.candidate_id == Application.candidate_id,
            *_waiting(other, its),
            other.due_at <= now,
            sa.tuple_(other.due_at, other.id) < sa.tuple_(Message.due_at, Message.id),
        )
        .limit(1)
        .correlate(Message, Application)
    )
    # A scalar is asked row by row, by index; what EXISTS is turned into may read everything that is scheduled.
    return sa.or_(Message.purpose != Purpose.OUTCOME, before.scalar_subquery().is_(None))


def due_with(tx: Tx, message_ids: Sequence[str], until: datetime) -> dict[str, list[Message]]:
    """For each of these messages the outcomes that its person is due until then, soonest first; nothing is locked."""
    if not message_ids:
        return {}
    own, its = aliased(Message), aliased(Application)
    query = (
        sa.select(own.id, Message)
        .join(its, its.id == own.application_id)
        .join(Application, Application.candidate_id == its.candidate_id)
        .join(Message, Message.application_id == Application.id)
        .where(own.id.in_(message_ids), Message.id != own.id, *_waiting(Message, Application), Message.due_at <= until)
        .order_by(Message.due_at, Message.id)
    )
    found: dict[str, list[Message]] = {}
    for message_id, message in tx.session.execute(query):
        found.setdefault(message_id, []).append(message)
    return found


def lock_due(tx: Tx, message_ids: Sequence[str]) -> list[Message]:
    """Those of these that are due and in nobody's hands, locked, soonest first."""
    if not message_ids:
        return []
    query = (
        sa.select(Message)
        .join(Application, Application.id == Message.application_id)
        .where(Message.id.in_(message_ids), *_waiting(Message, Application), Message.due_at <= tx.now)
        .order_by(Message.due_at, Message.id)
        .with_for_update(of=Message, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(tx.session.scalars(query))


def _waiting(message: type[Message], application: type[Application]) -> tuple[sa.ColumnElement[bool], ...]:
    """A current outcome that waits to be claimed. What a worker died with travels alone, and so does what is sent
    again although it may have left: its reader must not get the others' words twice."""
    return (
        message.purpose == Purpose.OUTCOME,
        # The cast keeps a database from going by the state, which much may share: a person has few applications.
        sa.cast(message.state, sa.String) == Submission.SCHEDULED.value,
        message.deaths == 0,
        message.sent_again == 0,
        message.version == application.outcome_version,
        application.deleted_at.is_(None),
    )
