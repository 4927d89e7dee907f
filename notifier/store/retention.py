"""Retention: find what has been kept long enough, a small batch at a time, and blank or remove it.

Every kind is one query that names its rows by the range of an index which holds little else, so a pass costs what is to
leave and not what is kept. A batch is one transaction with the audit entries that say how much of it left. Whatever is
cut off was not done and is found again, and what is done is not found any more: so it may be killed anywhere, and two
may run at once (rows that another one holds are skipped).

Locks are taken in the order everybody uses, and people are never waited for: somebody who changes a person's data holds
the person first and the applications second.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from notifier.core.inbox import InboxState
from notifier.core.message import Submission
from notifier.core.retention import KEEP, Kind
from notifier.core.stage import Outcome
from notifier.store import inbox, messages, people, provider_events
from notifier.store.applications import UNBLANKED_DELETED, UNBLANKED_TOLD, Application
from notifier.store.audit import SYSTEM, Change, record
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.inbox import InboxItem
from notifier.store.mailbox import MailboxMail
from notifier.store.messages import Message
from notifier.store.people import Candidate
from notifier.store.provider_events import EventState, ProviderEvent
from notifier.store.submission import Attempt
from notifier.store.users import ABSOLUTE_LIMIT, SignIn, SignInLink
from notifier.store.workspaces import Workspace

#: Webhooks that nobody will read any more.
READ = (InboxState.PLANNED, InboxState.IGNORED)

#: Messages that nothing will change any more.
SETTLED = (Submission.ACCEPTED, Submission.CANCELLED)

#: The key of a row and its workspace; "" for what belongs to the installation.
Found = sa.Select[str, str]


@dataclass(frozen=True, slots=True)
class _Leaving:
    """How one kind is found (older than a moment), whose rows are locked meanwhile, and what is done by their keys.

    `busy` says which of them must be left for another time.
    """

    find: Callable[[datetime], Found]
    lock: type[Base]
    act: Callable[[Tx, Sequence[str]], None]
    busy: Callable[[Tx, Sequence[str]], set[str]] = lambda _tx, _keys: set()


def sweep_out(tx: Tx, kind: Kind, *, limit: int = 500, by: str = SYSTEM) -> Counter[str]:
    """Blank or remove up to `limit` rows of one kind, the oldest first; returns how many, by workspace."""
    way = _WAYS[kind]
    query = way.find(tx.now - KEEP[kind].age).limit(limit).with_for_update(of=way.lock, skip_locked=True)
    found = {row[0]: row[1] for row in tx.session.execute(query)}
    for key in way.busy(tx, list(found)):
        del found[key]
    if found:
        way.act(tx, list(found))
    left = Counter(found.values())
    record(tx, [_change(kind, workspace_id, number, by) for workspace_id, number in sorted(left.items())])
    return left


def count(tx: Tx, kind: Kind) -> int:
    """How many rows of this kind have been kept long enough."""
    found = _WAYS[kind].find(tx.now - KEEP[kind].age).order_by(None).subquery()
    return tx.session.execute(sa.select(sa.func.count()).select_from(found)).scalar_one()


def _change(kind: Kind, workspace_id: str, number: int, by: str) -> Change:
    keep = KEEP[kind]
    return Change(workspace_id, f"retention:{kind}", "kept", keep.then, by, f"{number} after {keep.age.days} days")


def _removed(key: sa.orm.InstrumentedAttribute[str]) -> Callable[[Tx, Sequence[str]], None]:
    def remove(tx: Tx, keys: Sequence[str]) -> None:
        tx.session.execute(sa.delete(key.class_).where(key.in_(keys)).execution_options(synchronize_session=False))

    return remove


def _inbox_bodies(before: datetime) -> Found:
    query = sa.select(InboxItem.id, InboxItem.workspace_id)
    # A partial index serves only a query that repeats its condition in the same words; so it is with the ones below.
    whole, read = sa.text("inbox_items.blanked_at IS NULL"), _word(InboxItem.state).in_(READ)
    return query.where(whole, read, InboxItem.received_at < before).order_by(InboxItem.received_at)


def _inbox_keys(before: datetime) -> Found:
    query = sa.select(InboxItem.id, InboxItem.workspace_id)
    return query.where(InboxItem.state.in_(READ), InboxItem.received_at < before).order_by(InboxItem.received_at)


def _reports(before: datetime) -> Found:
    query = sa.select(ProviderEvent.id, sa.func.coalesce(ProviderEvent.workspace_id, ""))
    whole, applied = sa.text("provider_events.blanked_at IS NULL"), _word(ProviderEvent.state) == EventState.APPLIED
    return query.where(whole, applied, ProviderEvent.received_at < before).order_by(ProviderEvent.received_at)


def _report_rows(state: EventState) -> Callable[[datetime], Found]:
    def find(before: datetime) -> Found:
        query = sa.select(ProviderEvent.id, sa.func.coalesce(ProviderEvent.workspace_id, ""))
        query = query.where(ProviderEvent.state == state, ProviderEvent.received_at < before)
        return query.order_by(ProviderEvent.received_at)

    return find


def _provider_ids(before: datetime) -> Found:
    query = sa.select(Attempt.id, Attempt.workspace_id).join(Message, Message.id == Attempt.message_id)
    stands_open = sa.exists().where(Application.id == Message.application_id, Application.open_reason != "")
    named = sa.text("attempts.provider_id != ''")
    return query.where(named, Attempt.ended_at < before, _word(Message.state).in_(SETTLED), ~stands_open).order_by(
        Attempt.ended_at
    )


def _forget_provider_ids(tx: Tx, attempt_ids: Sequence[str]) -> None:
    for statement in (
        sa.update(Message).where(Message.attempt_id.in_(attempt_ids)).values(provider_id=""),
        sa.update(Attempt).where(Attempt.id.in_(attempt_ids)).values(provider_id=""),
    ):
        tx.session.execute(statement.execution_options(synchronize_session=False))


def _mailbox(before: datetime) -> Found:
    query = sa.select(MailboxMail.id, MailboxMail.workspace_id)
    # In doubt, it is all that a person can look at.
    live = sa.exists().where(Message.id == MailboxMail.message_id, _word(Message.state).not_in(SETTLED))
    each = MailboxMail.workspace_id.in_(sa.select(Workspace.id))
    return query.where(each, MailboxMail.kept_at < before, ~live)


def _letters(condition: str, since: sa.orm.InstrumentedAttribute[datetime | None]) -> Callable[[datetime], Found]:
    def find(before: datetime) -> Found:
        # Counted and not asked for: what is asked for (EXISTS) PostgreSQL may turn into a join with every message.
        unsettled = sa.and_(Message.application_id == Application.id, _word(Message.state).not_in(SETTLED))
        live = sa.select(sa.func.count()).select_from(Message).where(unsettled).scalar_subquery()
        ended = sa.or_(_word(Application.outcome) != Outcome.NONE, Application.deleted_at.is_not(None))
        query = sa.select(Application.id, Application.workspace_id)
        return query.where(sa.text(condition), since < before, ended, live == 0).order_by(since)

    return find


def _blank_letters(tx: Tx, application_ids: Sequence[str]) -> None:
    """Empty the letters of these applications, and those of their people whom no other application needs."""
    settled = sa.and_(Message.application_id.in_(application_ids), _word(Message.state).in_(SETTLED))
    messages.blank(tx, tx.session.scalars(sa.select(Message).where(settled).with_for_update()).all())
    update = sa.update(Application).where(Application.id.in_(application_ids)).values(blanked_at=tx.now)
    tx.session.execute(update.execution_options(synchronize_session=False))
    named = sa.select(Application.candidate_id).where(Application.id.in_(application_ids))
    for candidate in tx.session.scalars(sa.select(Candidate).where(Candidate.id.in_(named), ~_needed())).all():
        people.blank(tx, candidate)


def _needed() -> sa.ColumnElement[bool]:
    """Whether the candidate has an application that was not blanked, or has begun again since."""
    blanked = Application.blanked_at
    again = sa.and_(
        sa.or_(Application.told_at.is_(None), Application.told_at > blanked),
        sa.or_(Application.deleted_at.is_(None), Application.deleted_at > blanked),
    )
    return sa.exists().where(Application.candidate_id == Candidate.id, sa.or_(blanked.is_(None), again))


def _busy_people(tx: Tx, application_ids: Sequence[str]) -> set[str]:
    """The applications whose candidate somebody else is changing just now. The others' candidates are locked."""
    named = sa.select(Application.id, Application.candidate_id).where(
        Application.id.in_(application_ids), Application.candidate_id.is_not(None)
    )
    of = {row.id: row.candidate_id for row in tx.session.execute(named)}
    query = sa.select(Candidate.id).where(Candidate.id.in_(of.values())).order_by(Candidate.id)
    free = set(tx.session.scalars(query.with_for_update(skip_locked=True)))
    return {application for application, candidate in of.items() if candidate not in free}


def _word(column: sa.ColumnElement[Any] | sa.orm.InstrumentedAttribute[Any]) -> sa.Cast[str]:
    """A state as a plain word: SQLite takes an index by state for the better way in, which holds nearly every row."""
    return sa.cast(column, sa.String)


def _sign_in_links(before: datetime) -> Found:
    return sa.select(SignInLink.token_hash, sa.literal("")).where(SignInLink.not_after < before)


def _sign_ins(before: datetime) -> Found:
    over = sa.or_(SignIn.ended_at < before, SignIn.started_at < before - ABSOLUTE_LIMIT)
    return sa.select(SignIn.token_hash, sa.literal("")).where(over)


_WAYS: Mapping[Kind, _Leaving] = {
    Kind.INBOX_BODIES: _Leaving(_inbox_bodies, InboxItem, inbox.blank_items),
    Kind.INBOX_KEYS: _Leaving(_inbox_keys, InboxItem, _removed(InboxItem.id)),
    Kind.REPORTS: _Leaving(_reports, ProviderEvent, provider_events.blank),
    Kind.REPORT_KEYS: _Leaving(_report_rows(EventState.APPLIED), ProviderEvent, _removed(ProviderEvent.id)),
    Kind.ORPHANS: _Leaving(_report_rows(EventState.ORPHAN), ProviderEvent, _removed(ProviderEvent.id)),
    Kind.PROVIDER_IDS: _Leaving(_provider_ids, Message, _forget_provider_ids),
    Kind.MAILBOX: _Leaving(_mailbox, MailboxMail, _removed(MailboxMail.id)),
    Kind.LETTERS: _Leaving(_letters(UNBLANKED_TOLD, Application.told_at), Application, _blank_letters, _busy_people),
    Kind.DELETED_LETTERS: _Leaving(
        _letters(UNBLANKED_DELETED, Application.deleted_at), Application, _blank_letters, _busy_people
    ),
    Kind.SIGN_IN_LINKS: _Leaving(_sign_in_links, SignInLink, _removed(SignInLink.token_hash)),
    Kind.SIGN_INS: _Leaving(_sign_ins, SignIn, _removed(SignIn.token_hash)),
}
