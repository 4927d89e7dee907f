"""How a message leaves: claim, fence, result. With `evidence` the only code that moves a message that may be out.

Two committed steps stand before every call of a provider. *Claimed*: one worker owns the message for the length of a
lease, nothing can have left. *Submitting*: from here on the call may have been made. A worker that dies in the first
costs a lease; one that dies in the second leaves the message *in doubt*, which is never sent again blindly. Every later
write names the attempt it belongs to, so that a worker thought dead cannot change what others did meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from notifier.core.message import Phase, Purpose, Submission
from notifier.store.applications import Application, get_application
from notifier.store.audit import SYSTEM, Change, record
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id
from notifier.store.messages import Message, get_message
from notifier.store.workspaces import EVERYTHING, Pause

#: Outcomes of attempts that never came to a call.
NOTHING_DONE = frozenset({"not_sent", "broken", "gave_up"})

#: How long a claim holds. Much longer than a batch takes, so that a slow call is not taken for a dead worker.
LEASE = timedelta(minutes=3)

#: What must be left of the lease when the call begins: the deadline of a call, and some.
CALL_LIMIT = timedelta(seconds=20)


class Attempt(Base):
    """One attempt to hand a message over: when, with which fence, and what came back.

    `settled_by` says who settled it if it was not the provider's answer: a provider's report, a rule ("system") or a
    person. `joined_to` is the attempt in whose e-mail this one travelled.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        sa.UniqueConstraint("message_id", "fence"),
        sa.Index(None, "provider", "started_at"),
        sa.Index(
            "ix_attempts_accepted",
            "ended_at",
            sqlite_where=sa.text("outcome = 'accepted'"),
            postgresql_where=sa.text("outcome = 'accepted'"),
        ),
        sa.Index(
            "ix_attempts_settled",
            "settled_at",
            sqlite_where=sa.text("settled_at IS NOT NULL"),
            postgresql_where=sa.text("settled_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_attempts_provider_id",
            "ended_at",
            sqlite_where=sa.text("provider_id != ''"),
            postgresql_where=sa.text("provider_id != ''"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    message_id: Mapped[str] = mapped_column(sa.ForeignKey("messages.id"))
    fence: Mapped[int]
    provider: Mapped[str]
    started_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(default="")
    why: Mapped[str] = mapped_column(default="")
    provider_id: Mapped[str] = mapped_column(default="")
    settled_by: Mapped[str] = mapped_column(default="", server_default="")
    settled_at: Mapped[datetime | None]
    joined_to: Mapped[str | None] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Result:
    """What becomes of one attempt. `due_at` only where the message is scheduled again; `counts` makes it a try."""

    attempt_id: str
    after: Submission
    outcome: str
    why: str = ""
    due_at: datetime | None = None
    counts: bool = False
    provider_id: str = ""
    message_id_header: str = ""


#: A message is current while its application still stands where it stood when the message was planned.
CURRENT = sa.and_(
    Application.deleted_at.is_(None),
    sa.or_(
        sa.and_(Message.purpose == Purpose.OUTCOME, Message.version == Application.outcome_version),
        sa.and_(Message.purpose == Purpose.STATUS, Message.version == Application.version),
    ),
)


def is_current(message: Message, application: Application) -> bool:
    """CURRENT for rows in hand."""
    version = application.outcome_version if message.purpose is Purpose.OUTCOME else application.version
    return message.version == version and application.deleted_at is None


def not_paused(provider: str | InstrumentedAttribute[str]) -> sa.ColumnElement[bool]:
    """Nothing stops this message from leaving: neither everything, nor its workspace, nor this provider is paused."""
    scopes = sa.or_(
        Pause.scope == EVERYTHING,
        Pause.scope == sa.literal("provider:") + provider,
        Pause.scope == sa.literal("workspace:") + Message.workspace_id,
    )
    return ~sa.exists().where(scopes)


def lock_both(tx: Tx, workspace_id: str | None, message_id: str) -> tuple[Message, Application]:
    """The message and its application, both locked, the application first as everywhere; or NotFound."""
    found = get_message(tx, workspace_id, message_id)
    application = get_application(tx, workspace_id, found.application_id, lock=True)
    tx.session.expire(found)
    return get_message(tx, workspace_id, message_id, lock=True), application


def claim(tx: Tx, limit: int, provider: str) -> Sequence[Message]:
    """Take up to `limit` due messages for this worker, soonest first, each with a lease, a fence and an attempt row.

    Whatever was in the hands of a worker when it died may be what it died of: it travels alone, and when nothing else
    is due. But it is not left behind for ever by a queue that is never empty: after a lease's length it is its turn.
    """
    query = (
        sa.select(Message)
        .join(Application, Application.id == Message.application_id)
        .where(Message.state == Submission.SCHEDULED, Message.due_at <= tx.now, CURRENT, not_paused(provider))
        .order_by(Message.due_at, Message.id)
    )
    suspect = query.where(Message.deaths > 0)
    taken = (
        _lock_some(tx, suspect.where(Message.due_at < tx.now - LEASE), min(limit, 1))
        or _lock_some(tx, query.where(Message.deaths == 0), limit)
        or _lock_some(tx, suspect, min(limit, 1))
    )
    take(tx, taken, provider)
    return taken


def take(tx: Tx, taken: Sequence[Message], provider: str) -> None:
    """Make these due messages, locked by the caller, this worker's own: lease, fence and attempt row for each."""
    attempts, changes = [], []
    for message in taken:
        message.state, message.phase, message.reason = Submission.SENDING, Phase.CLAIMED, ""
        message.fence += 1
        message.attempts += 1
        message.attempt_id = new_id("att")
        message.lease_until = tx.now + LEASE
        message.provider = provider
        attempts.append(
            Attempt(
                id=message.attempt_id,
                workspace_id=message.workspace_id,
                message_id=message.id,
                fence=message.fence,
                provider=provider,
                started_at=tx.now,
                outcome="",
                why="",
                provider_id="",
            )
        )
        changes.append(Change(message.workspace_id, message.id, Submission.SCHEDULED, Submission.SENDING, SYSTEM))
    tx.session.flush()
    tx.session.add_all(attempts)
    tx.session.flush()
    record(tx, changes)


def join(tx: Tx, travelling: Sequence[Message], attempt_id: str) -> None:
    """These claimed messages travel in the e-mail of that attempt."""
    joined = [message.attempt_id for message in travelling]
    tx.session.execute(sa.update(Attempt).where(Attempt.id.in_(joined)).values(joined_to=attempt_id))


def _lock_some(tx: Tx, query: sa.Select[Message], limit: int) -> list[Message]:
    return list(tx.session.scalars(query.limit(limit).with_for_update(of=Message, skip_locked=True, key_share=True)))


def submit(tx: Tx, attempt_ids: Sequence[str]) -> set[str]:
    """The fence: mark these attempts as *submitting* and return those that may be called now.

    An attempt is left out when its lease is nearly over, when somebody else owns the message, when the application has
    moved on, when sending has been paused since, or when one that travels in the same e-mail is left out. Nothing may
    be called before this transaction is committed.
    """
    if not attempt_ids:
        return set()
    # The applications are held still first and looked at in a second statement: a planner that is just taking the
    # rejection back either finishes before that look, or waits until the fence is passed.
    named = (
        sa.select(Application.id)
        .join(Message, Message.application_id == Application.id)
        .where(Message.attempt_id.in_(attempt_ids))
        .order_by(Application.id)
    )
    tx.session.execute(named.with_for_update(of=Application, read=True))
    still_current = sa.exists().where(Application.id == Message.application_id, CURRENT)
    returned = tx.session.scalars(
        sa.update(Message)
        .where(
            Message.attempt_id.in_(attempt_ids),
            Message.state == Submission.SENDING,
            Message.phase == Phase.CLAIMED,
            Message.lease_until > tx.now + CALL_LIMIT,
            still_current,
            not_paused(Message.provider),
        )
        .values(phase=Phase.SUBMITTING)
        .returning(Message.attempt_id)
        .execution_options(synchronize_session=False)
    )
    allowed = {attempt_id for attempt_id in returned if attempt_id is not None}
    allowed -= _left_behind(tx, attempt_ids, allowed)
    tx.session.execute(sa.update(Attempt).where(Attempt.id.in_(allowed)).values(submitted_at=tx.now))
    return allowed


def _left_behind(tx: Tx, attempt_ids: Sequence[str], allowed: set[str]) -> set[str]:
    """Those whose e-mail also carries one that may not leave: still this worker's, and *claimed* as before."""
    if allowed.issuperset(attempt_ids):
        return set()
    e_mail = sa.func.coalesce(Attempt.joined_to, Attempt.id)
    stopped = sa.select(e_mail).where(Attempt.id.in_(set(attempt_ids) - allowed))
    behind = set(tx.session.scalars(sa.select(Attempt.id).where(Attempt.id.in_(allowed), e_mail.in_(stopped))))
    tx.session.execute(
        sa.update(Message)
        .where(Message.attempt_id.in_(behind))
        .values(phase=Phase.CLAIMED)
        .execution_options(synchronize_session=False)
    )
    return behind


def owned(tx: Tx, attempt_ids: Sequence[str]) -> Mapping[str, Message]:
    """The messages whose present attempt is one of these, locked, by attempt."""
    query = (
        sa.select(Message)
        .where(
            Message.attempt_id.in_(attempt_ids),
            Message.state.in_([Submission.SENDING, Submission.IN_DOUBT]),
        )
        .with_for_update(key_share=True)
    )
    return {message.attempt_id: message for message in tx.session.scalars(query) if message.attempt_id}


def conclude(tx: Tx, message: Message, result: Result) -> bool:
    """Write one result. A late *accepted* settles a doubt; any other late result must not touch it.

    Returns whether the message moved. The caller got `message` from `owned` in this transaction, so it is fenced.
    """
    if message.state is Submission.IN_DOUBT and result.after is not Submission.ACCEPTED:
        return False
    before = message.state
    message.state, message.phase = result.after, Phase.NONE
    message.reason = result.why if result.after is not Submission.ACCEPTED else ""
    message.lease_until = None
    message.tries += int(result.counts)
    if result.outcome not in NOTHING_DONE:
        message.deaths = 0  # whatever it is, it does not kill workers
    if result.due_at is not None or result.after is Submission.HELD:
        message.due_at = result.due_at  # what is held for good has no moment at which it comes back by itself
    if result.after is Submission.ACCEPTED:
        message.accepted_at = tx.now
        message.provider_id = result.provider_id
        message.message_id_header = result.message_id_header
    tx.session.execute(
        sa.update(Attempt)
        .where(Attempt.id == result.attempt_id)
        .values(ended_at=tx.now, outcome=result.outcome, why=result.why, provider_id=result.provider_id)
    )
    record(tx, [Change(message.workspace_id, message.id, before, result.after, SYSTEM, result.why)])
    return True


def next_due(tx: Tx, provider: str) -> datetime | None:
    """When the next message wants to leave; the past if one is due already, `None` if none is scheduled or may."""
    query = (
        sa.select(Message.due_at)
        .join(Application, Application.id == Message.application_id)
        .where(Message.state == Submission.SCHEDULED, Message.due_at.is_not(None), CURRENT, not_paused(provider))
        .order_by(Message.due_at)
        .limit(1)
    )
    return tx.session.execute(query).scalar_one_or_none()


def attempts_of(tx: Tx, workspace_id: str, message_id: str) -> list[Attempt]:
    """Every attempt at a message, oldest first."""
    query = sa.select(Attempt).where(Attempt.workspace_id == workspace_id, Attempt.message_id == message_id)
    return list(tx.session.scalars(query.order_by(Attempt.fence)))
