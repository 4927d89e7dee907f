"""The laws of the ledger as queries: each finds the ids of what breaks it.

L2, L5, L8 and L9 speak of work in hand: few rows, which an index by state holds together. L1, L3, L4 and L11 speak of
everything that ever happened, so checking all of it costs more the longer an installation lives. A *quick* check asks
for the applications there is something to check about (`touched`), each source of them a range of an index:

- whatever is not settled, of any age: messages that are neither accepted nor cancelled, outcomes that nobody has been
  told of or that stand open;
- whatever changed since a moment: named by the audit trail, accepted, come back, an attempt accepted or settled;
- whatever should carry such a time and does not;

and checks everything about these, by their ids and a batch at a time: so no database ever has a reason to read a whole
table instead. What a quick check cannot see is a settled row rewritten behind the product's back, without a trace on
it, on its application or in the audit trail. A *full* check looks at everything and sees that too.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from notifier.core.inbox import InboxState
from notifier.core.message import STOPPABLE, Submission
from notifier.core.stage import Outcome
from notifier.store import heartbeats
from notifier.store.applications import Application
from notifier.store.audit import AuditEntry
from notifier.store.database import Tx
from notifier.store.inbox import InboxItem
from notifier.store.messages import Message
from notifier.store.submission import CURRENT, Attempt, not_paused
from notifier.store.views import CARRIER
from notifier.store.workspaces import Workspace

#: The laws, in the order in which they are told.
LAWS = ("L1", "L2", "L3", "L4", "L5", "L8", "L9", "L11")

#: A table whose rows belong to a workspace.
Scoped = type[Application] | type[Message] | type[Attempt] | type[AuditEntry] | type[InboxItem]

#: How long the relay may take to come round.
RELAY_PERIOD = timedelta(seconds=15)

#: Ids named in one query.
BATCH = 1000

#: Messages that are still in somebody's hands.
IN_HAND = (*sorted(STOPPABLE), Submission.SENDING, Submission.IN_DOUBT)

# A partial index serves a query only if that repeats its condition in the same words, so these are words, not values.

#: Outcomes that are not settled: the condition of `ix_applications_unsettled`.
UNSETTLED = sa.text(
    "applications.outcome != 'none' AND (applications.told_at IS NULL OR applications.open_reason != '')"
)

#: The conditions of `ix_messages_accepted`, `ix_messages_came_back` and `ix_attempts_accepted`.
_ACCEPTED = sa.text("messages.state = 'accepted'")
_CAME_BACK = sa.text("messages.delivery IN ('bounced', 'dropped')")
_ANSWERED = sa.text("attempts.outcome = 'accepted'")


def within(table: Scoped, workspace_id: str | None) -> tuple[sa.ColumnElement[bool], ...]:
    """What restricts a query to one workspace: nothing where all are meant."""
    return () if workspace_id is None else (table.workspace_id == workspace_id,)


def each_of(table: Scoped, workspace_id: str | None) -> sa.ColumnElement[bool]:
    """The same for an index that begins with the workspace: it becomes a range for each."""
    if workspace_id is None:
        return table.workspace_id.in_(sa.select(Workspace.id))
    return table.workspace_id == workspace_id


def touched(tx: Tx, workspace_id: str | None, since: datetime) -> set[str]:
    """The ids of the applications that a quick check looks at."""
    unsettled = sa.select(Application.id).where(UNSETTLED, each_of(Application, workspace_id))
    trail = sa.select(AuditEntry.subject).where(each_of(AuditEntry, workspace_id), AuditEntry.at >= since)
    applications: set[str] = set(tx.session.scalars(unsettled))
    messages: set[str] = set()
    for subject in tx.session.scalars(trail):
        if subject.startswith("app_"):
            applications.add(subject)
        elif subject.startswith("msg_"):
            messages.add(subject.partition("/")[0])  # what stands behind it is another thing about that message
    for of_attempt in (
        Attempt.settled_at >= since,
        sa.and_(_ANSWERED, Attempt.ended_at >= since),
        sa.and_(_ANSWERED, Attempt.ended_at.is_(None)),
    ):
        query = sa.select(Attempt.message_id).where(of_attempt, *within(Attempt, workspace_id))
        messages.update(tx.session.scalars(query))
    came_back = sa.and_(_CAME_BACK, each_of(Message, workspace_id))
    for of_message in (
        Message.state.in_(IN_HAND),
        sa.and_(_ACCEPTED, Message.accepted_at >= since),
        sa.and_(_ACCEPTED, Message.accepted_at.is_(None)),
        sa.and_(came_back, Message.delivery_at >= since),
        sa.and_(came_back, Message.delivery_at.is_(None)),
        *(Message.id.in_(batch) for batch in batches(messages)),
    ):
        query = sa.select(Message.application_id).where(of_message, *within(Message, workspace_id))
        applications.update(tx.session.scalars(query))
    return applications


def batches(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """The ids in order and in handfuls."""
    rest = iter(sorted(ids))
    while batch := list(islice(rest, BATCH)):
        yield batch


def in_hand(tx: Tx, workspace_id: str | None) -> dict[str, sa.Select[str]]:
    """The laws about work in hand. Without a worker that lives nothing is expected to be read or claimed, so L5 and L9
    are left out then."""
    found = {"L2": _superseded(workspace_id), "L8": _stuck(tx, workspace_id)}
    alive = heartbeats.last_beat(tx, "worker")
    if alive is not None and tx.now - alive < heartbeats.FRESH:
        found |= {"L5": _unread(tx, workspace_id), "L9": _unclaimed(tx, workspace_id)}
    return found


def of_all(workspace_id: str | None, applications: Sequence[str] | None = None) -> dict[str, sa.Select[str]]:
    """The laws about everything, asked of these applications and their messages only (`None`: of all)."""
    message = sa.select(Message.id).where(*within(Message, workspace_id))
    application = sa.select(Application.id).where(*within(Application, workspace_id))
    if applications is not None:
        message = message.where(Message.application_id.in_(applications))
        application = application.where(Application.id.in_(applications))
    # The cast keeps SQLite from taking the index by state, which holds nearly every message, for the better way in.
    state = sa.cast(Message.state, sa.String)
    # A clock may be set back, and no two machines agree on theirs: either order of the trail is believed.
    trail_says = [sa.func.coalesce(last, "") for last in (_last_word(AuditEntry.at), _last_word())]
    return {
        "L1": application.where(Application.outcome != Outcome.NONE, _items() != 1),
        "L3": message.where(_number_of(Attempt.outcome == "accepted") > 1),
        "L4": message.where(state == Submission.ACCEPTED.value, _number_of(Attempt.outcome == "accepted") == 0),
        "L11": message.where(*(last_word != state for last_word in trail_says)),
    }


def _items() -> sa.ColumnElement[int]:
    """How many items an outcome has: messages that carry it, a person who told them, a reason why it stands open."""
    carriers = sa.select(sa.func.count()).select_from(Message).where(CARRIER).correlate(Application).scalar_subquery()
    by_hand = sa.case((sa.and_(Application.told_at.is_not(None), Application.told_how != "email"), 1), else_=0)
    left_open = sa.case((Application.open_reason != "", 1), else_=0)
    return carriers + by_hand + left_open


def _number_of(attempts: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    query = sa.select(sa.func.count()).where(Attempt.message_id == Message.id, attempts)
    return query.correlate(Message).scalar_subquery()


def _last_word(*before_id: InstrumentedAttribute[datetime]) -> sa.ScalarSelect[str]:
    """What the trail of a message ends with, in the order of these columns and then of the entries' ids."""
    query = sa.select(AuditEntry.after).where(AuditEntry.subject == Message.id)
    query = query.order_by(*(column.desc() for column in (*before_id, AuditEntry.id))).limit(1)
    return query.correlate(Message).scalar_subquery()


def _superseded(workspace_id: str | None) -> sa.Select[str]:
    query = sa.select(Message.id).join(Application, Application.id == Message.application_id)
    return query.where(Message.state.in_(STOPPABLE), ~CURRENT, *within(Message, workspace_id))


def _unread(tx: Tx, workspace_id: str | None) -> sa.Select[str]:
    return sa.select(InboxItem.id).where(
        InboxItem.state == InboxState.RECEIVED,
        InboxItem.received_at < tx.now - 4 * RELAY_PERIOD,
        *within(InboxItem, workspace_id),
    )


def _stuck(tx: Tx, workspace_id: str | None) -> sa.Select[str]:
    over = sa.or_(Message.lease_until.is_(None), Message.lease_until < tx.now - RELAY_PERIOD)
    return sa.select(Message.id).where(Message.state == Submission.SENDING, over, *within(Message, workspace_id))


def _unclaimed(tx: Tx, workspace_id: str | None) -> sa.Select[str]:
    query = sa.select(Message.id).join(Application, Application.id == Message.application_id)
    # The pause of the provider that is in use must not be taken for neglect. Which one that is, the last attempt says.
    newest = sa.select(Attempt.provider).order_by(Attempt.id.desc()).limit(1)
    return query.where(
        Message.state == Submission.SCHEDULED,
        Message.due_at < tx.now - 2 * RELAY_PERIOD,
        CURRENT,
        *within(Message, workspace_id),
        not_paused(tx.session.scalars(newest).one_or_none() or ""),
    )
