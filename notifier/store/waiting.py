"""Since when the oldest of each kind has been waiting: what an alarm looks at first. Each is the head of an index."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from notifier.core.inbox import InboxState
from notifier.core.message import Submission
from notifier.store import heartbeats
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.inbox import InboxItem
from notifier.store.messages import Message
from notifier.store.provider_events import EventState, ProviderEvent
from notifier.store.submission import CURRENT, Attempt


@dataclass(frozen=True, slots=True)
class Waiting:
    """The oldest of each kind, by the moment since which it waits; `None` where nothing of the kind does.

    `in_doubt` counts from the end of the attempt that left the doubt; `due` is when the message wanted to leave, paused
    or not; `received` when the unread webhook came. `worker` and `relay` are the last heartbeats (`None`: none for a
    day). `orphans` counts what providers reported about nothing of ours. `now` is the moment all were read at, by the
    same clock.
    """

    in_doubt: datetime | None
    due: datetime | None
    received: datetime | None
    worker: datetime | None
    relay: datetime | None
    orphans: int
    now: datetime


def read_waiting(tx: Tx) -> Waiting:
    """Look at every workspace."""
    doubt = (
        sa.select(sa.func.min(sa.func.coalesce(Attempt.ended_at, Attempt.started_at)))
        .join(Message, Message.attempt_id == Attempt.id)
        .where(Message.state == Submission.IN_DOUBT)
    )
    due = (
        sa.select(Message.due_at)
        .join(Application, Application.id == Message.application_id)
        .where(Message.state == Submission.SCHEDULED, Message.due_at <= tx.now, CURRENT)
        .order_by(Message.due_at)
        .limit(1)
    )
    received = sa.select(sa.func.min(InboxItem.received_at)).where(InboxItem.state == InboxState.RECEIVED)
    orphans = sa.select(sa.func.count()).select_from(ProviderEvent).where(ProviderEvent.state == EventState.ORPHAN)
    return Waiting(
        in_doubt=tx.session.execute(doubt).scalar_one(),
        due=tx.session.execute(due).scalar_one_or_none(),
        received=tx.session.execute(received).scalar_one(),
        worker=heartbeats.last_beat(tx, "worker"),
        relay=heartbeats.last_beat(tx, "relay"),
        orphans=tx.session.execute(orphans).scalar_one(),
        now=tx.now,
    )
