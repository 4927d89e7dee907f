"""The ledger: is every application with an outcome told, or open on somebody's list? Checked in SQL.

L1 exactly one live item per outcome. L2 nothing pending for a superseded version. L3 at most one accepted attempt per
message. L4 accepted means an attempt that says so. L5 no kept item stays unread while a worker lives.
L8 nothing is *sending* longer than its lease and one relay period. L9 nothing due stays unclaimed while a worker lives.
L11 every message's state is the one its audit trail ends with.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta

import sqlalchemy as sa

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
from notifier.store.views import CARRIER, ITEM

#: How long the relay may take to come round.
RELAY_PERIOD = timedelta(seconds=15)

#: How many examples of one broken law are named.
EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """A law and the id of what breaks it."""

    law: str
    subject: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The counts, and what breaks a law. `inbox` counts every item kept; `received` those not read yet."""

    applications: int
    outcomes: int
    told: int
    pending: int
    held: int
    in_doubt: int
    open: int
    inbox: int
    received: int
    planned: int
    ignored: int
    quarantined: int
    violations: tuple[Violation, ...]

    def as_dict(self) -> dict[str, object]:
        """As the command line prints it."""
        return asdict(self) | {"violations": [asdict(violation) for violation in self.violations]}


def read_ledger(tx: Tx, workspace_id: str | None = None) -> Ledger:
    """Count and check, for one workspace or for all."""
    items = _items(tx, workspace_id)
    inbox = _inbox(tx, workspace_id)
    applications = sa.select(sa.func.count()).select_from(Application).where(_in(Application, workspace_id))
    return Ledger(
        applications=tx.session.execute(applications).scalar_one(),
        outcomes=sum(items.values()),
        told=items.get("told", 0),
        pending=items.get("pending", 0),
        held=items.get("held", 0),
        in_doubt=items.get("in_doubt", 0),
        open=items.get("open", 0),
        inbox=sum(inbox.values()),
        received=inbox.get(InboxState.RECEIVED, 0),
        planned=inbox.get(InboxState.PLANNED, 0),
        ignored=inbox.get(InboxState.IGNORED, 0),
        quarantined=inbox.get(InboxState.QUARANTINED, 0),
        violations=tuple(
            Violation(law, subject)
            for law, query in _laws(tx, workspace_id)
            for subject in tx.session.execute(query.limit(EXAMPLES)).scalars()
        ),
    )


def _in(table: type[Application | Message | InboxItem], workspace_id: str | None) -> sa.ColumnElement[bool]:
    return sa.true() if workspace_id is None else table.workspace_id == workspace_id


def _items(tx: Tx, workspace_id: str | None) -> dict[str, int]:
    query = (
        sa.select(ITEM.label("item"), sa.func.count().label("number"))
        .select_from(Application)
        .outerjoin(Message, CARRIER)
        .where(Application.outcome != Outcome.NONE, _in(Application, workspace_id))
        .group_by("item")
    )
    return {row.item: row.number for row in tx.session.execute(query)}


def _inbox(tx: Tx, workspace_id: str | None) -> dict[InboxState, int]:
    query = sa.select(InboxItem.state, sa.func.count().label("number")).group_by(InboxItem.state)
    query = query.where(_in(InboxItem, workspace_id))
    return {row.state: row.number for row in tx.session.execute(query)}


def _laws(tx: Tx, workspace_id: str | None) -> list[tuple[str, sa.Select[str]]]:
    carriers = sa.select(sa.func.count()).select_from(Message).where(CARRIER).correlate(Application).scalar_subquery()
    by_hand = sa.case((sa.and_(Application.told_at.is_not(None), Application.told_how != "email"), 1), else_=0)
    left_open = sa.case((Application.open_reason != "", 1), else_=0)
    accepted = sa.select(sa.func.count()).where(Attempt.message_id == Message.id, Attempt.outcome == "accepted")
    last_word = (
        sa.select(AuditEntry.after)
        .where(AuditEntry.subject == Message.id)
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(1)
        .correlate(Message)
        .scalar_subquery()
    )
    alive = heartbeats.last_beat(tx, "worker")
    worker_lives = alive is not None and tx.now - alive < heartbeats.FRESH
    message_in, of_application = _in(Message, workspace_id), Application.id == Message.application_id
    unclaimed = (
        sa.select(Message.id)
        .join(Application, of_application)
        .where(
            Message.state == Submission.SCHEDULED,
            Message.due_at < tx.now - 2 * RELAY_PERIOD,
            CURRENT,
            sa.literal(worker_lives),
            message_in,
            *(not_paused(provider) for provider in _providers(tx)),
        )
    )
    return [
        ("L1", sa.select(Application.id).where(
            Application.outcome != Outcome.NONE, carriers + by_hand + left_open != 1, _in(Application, workspace_id))),
        ("L2", sa.select(Message.id).join(Application, of_application).where(
            Message.state.in_(STOPPABLE), ~CURRENT, message_in)),
        ("L3", sa.select(Message.id).where(accepted.scalar_subquery() > 1, message_in)),
        ("L4", sa.select(Message.id).where(
            Message.state == Submission.ACCEPTED, accepted.scalar_subquery() == 0, message_in)),
        ("L5", sa.select(InboxItem.id).where(
            InboxItem.state == InboxState.RECEIVED, InboxItem.received_at < tx.now - 4 * RELAY_PERIOD,
            sa.literal(worker_lives), _in(InboxItem, workspace_id))),
        ("L8", sa.select(Message.id).where(
            Message.state == Submission.SENDING, Message.lease_until < tx.now - RELAY_PERIOD, message_in)),
        ("L9", unclaimed),
        ("L11", sa.select(Message.id).where(
            sa.or_(last_word.is_(None), last_word != sa.cast(Message.state, sa.String)), message_in)),
    ]  # fmt: skip


def _providers(tx: Tx) -> list[str]:
    """Providers that messages have been claimed for, so that a pause of one of them is not taken for neglect."""
    return list(tx.session.scalars(sa.select(Message.provider).where(Message.provider != "").distinct()))
