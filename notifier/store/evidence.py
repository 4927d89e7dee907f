"""Evidence: what proves that an attempt was taken, and what becomes of a message in doubt.

A provider's answer may be lost, so it is not the only proof: the provider's own report names the attempt, a late answer
does, or a person looked. Whatever proves it makes the message *accepted* from whichever state it is in, because a retry
of what has left would be the second mail. What is not proved stays in doubt until a rule or a person decides.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from notifier.core.message import Phase, Submission, check_move
from notifier.store.applications import Application
from notifier.store.audit import SYSTEM, Change, record
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.provider_events import feed_alive_since
from notifier.store.submission import CURRENT, Attempt

#: Words of an attempt's outcome and its reason that others look for.
ACCEPTED, ACCEPTED_TOO, UNKNOWN, SENT_AGAIN = "accepted", "accepted_too", "unknown", "sent_again"

#: Why a message stays in doubt though the feed was alive and said nothing of it.
PROBABLY_NOT = "probably_not_sent"

#: In doubt because a backup was put back: the reports of the hours since then are lost, so silence says nothing.
RESTORED = "restored: look whether it left"


def prove(tx: Tx, message: Message, attempt: Attempt, *, by: str, provider_id: str = "", header: str = "") -> bool:
    """It is proved that the provider took this attempt: by its own report, by a late answer, or by a person (`by`).

    Returns whether the message became *accepted* by it. The caller has locked application and message. A second
    attempt that was taken as well, because a person had chosen to send again, is noted as *accepted_too*.
    """
    if header and not message.message_id_header:
        message.message_id_header = header
    if attempt.outcome in (ACCEPTED, ACCEPTED_TOO):
        return False
    chosen = _chosen_again(tx, message) and _taken_before(tx, message)
    attempt.outcome = ACCEPTED_TOO if chosen else ACCEPTED
    attempt.settled_by, attempt.settled_at = by, tx.now
    attempt.ended_at = attempt.ended_at or tx.now
    attempt.provider_id = attempt.provider_id or provider_id
    if message.state in (Submission.ACCEPTED, Submission.CANCELLED):
        tx.session.flush()
        return False
    before = message.state
    check_move(before, Submission.ACCEPTED)
    message.state, message.phase, message.reason = Submission.ACCEPTED, Phase.NONE, ""
    message.attempt_id, message.lease_until, message.due_at = attempt.id, None, None
    message.accepted_at = attempt.submitted_at or tx.now
    message.provider_id = attempt.provider_id
    message.again_asked_by = ""
    tx.session.flush()
    record(tx, [Change(message.workspace_id, message.id, before, Submission.ACCEPTED, by, "proved")])
    return True


def remember(tx: Tx, message: Message, attempt_id: str, *, provider: str, at: datetime) -> Attempt:
    """An attempt that only the provider knows of. It takes a fence of its own, so whoever has the message in hand now
    gets it past no other step. The caller has locked application and message."""
    message.fence += 1
    attempt = Attempt(
        id=attempt_id,
        workspace_id=message.workspace_id,
        message_id=message.id,
        fence=message.fence,
        provider=provider,
        started_at=at,
        submitted_at=at,
        outcome="",
        why="",
        provider_id="",
    )
    tx.session.add(attempt)
    tx.session.flush()
    return attempt


def give_up(tx: Tx, message: Message, *, by: str) -> None:
    """Whoever sends a message in doubt again stops waiting for the attempt in hand: the one path that may duplicate."""
    tx.session.execute(
        sa.update(Attempt)
        .where(Attempt.id == message.attempt_id)
        .values(settled_by=by, settled_at=tx.now, why=SENT_AGAIN)
        .execution_options(synchronize_session="fetch")
    )
    message.sent_again += 1
    message.again_asked_by = ""


def _chosen_again(tx: Tx, message: Message) -> bool:
    query = sa.select(Attempt.id).where(
        Attempt.message_id == message.id, Attempt.why == SENT_AGAIN, Attempt.settled_by != SYSTEM
    )
    return tx.session.execute(query.limit(1)).first() is not None


def _taken_before(tx: Tx, message: Message) -> bool:
    query = sa.select(Attempt.id).where(Attempt.message_id == message.id, Attempt.outcome == ACCEPTED)
    return tx.session.execute(query.limit(1)).first() is not None


def may_have_left(tx: Tx, message_ids: Sequence[str]) -> set[str]:
    """Which of these messages the provider took, or may have taken, at any attempt and whatever they are now."""
    if not message_ids:
        return set()
    open_call = sa.and_(Attempt.outcome == "", Attempt.submitted_at.is_not(None))
    query = sa.select(Attempt.message_id).where(
        Attempt.message_id.in_(message_ids),
        sa.or_(Attempt.outcome.in_([ACCEPTED, ACCEPTED_TOO, UNKNOWN]), open_call),
    )
    return set(tx.session.scalars(query))


def find_attempts(tx: Tx, attempt_id: str) -> list[Attempt]:
    """The attempt with this id and those that travelled in the same e-mail, whichever of them it is; the one whose
    e-mail it was first."""
    attempt = tx.session.get(Attempt, attempt_id)
    if attempt is None:
        return []
    own = attempt.joined_to or attempt.id
    query = sa.select(Attempt).where(sa.or_(Attempt.id == own, Attempt.joined_to == own))
    return list(tx.session.scalars(query.order_by(Attempt.joined_to.is_not(None), Attempt.id)))


def newest_attempt(tx: Tx, message_id: str) -> Attempt | None:
    """The last attempt at a message that was handed over, or may have been."""
    query = sa.select(Attempt).where(Attempt.message_id == message_id, Attempt.submitted_at.is_not(None))
    return tx.session.scalars(query.order_by(Attempt.fence.desc()).limit(1)).one_or_none()


def probable_attempt(tx: Tx, message: Message) -> str | None:
    """The attempt that a report means which names only the message: the one that was taken, else the last of those that
    were handed over."""
    if message.state is Submission.ACCEPTED:
        return message.attempt_id
    newest = newest_attempt(tx, message.id)
    return newest.id if newest is not None else None


def of_provider_id(tx: Tx, provider: str, provider_id: str) -> str | None:
    """The message that the provider took under this name."""
    query = sa.select(Message.id).where(Message.provider_id == provider_id, Message.provider == provider)
    return tx.session.scalars(query.limit(1)).one_or_none()


def newest_to(tx: Tx, candidate_ids: Sequence[str], provider: str, since: datetime) -> str | None:
    """The newest message these candidates got through this provider since then."""
    query = (
        sa.select(Message.id)
        .join(Application, Application.id == Message.application_id)
        .where(
            Application.candidate_id.in_(candidate_ids),
            Message.state == Submission.ACCEPTED,
            Message.provider == provider,
            Message.accepted_at >= since,
        )
        .order_by(Message.accepted_at.desc())
        .limit(1)
    )
    return tx.session.scalars(query).one_or_none()


def in_doubt_since(tx: Tx, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
    """(message, application) of doubts about attempts handed over before then about which something can be said now,
    oldest first: their reason has gone, or the feed has spoken since and no look was had at them yet. Whatever must
    wait for a person or for the feed does not stand in the way of the others."""
    unjudged = sa.and_(
        Message.reason.not_in([PROBABLY_NOT, RESTORED]), feed_alive_since(Attempt.provider, Attempt.submitted_at)
    )
    query = (
        sa.select(Message.id, Message.application_id)
        .join(Attempt, Attempt.id == Message.attempt_id)
        .join(Application, Application.id == Message.application_id)
        .where(Message.state == Submission.IN_DOUBT, Attempt.submitted_at < before, sa.or_(~CURRENT, unjudged))
        .order_by(Attempt.submitted_at, Message.id)
        .limit(limit)
    )
    return [(row.id, row.application_id) for row in tx.session.execute(query)]
