"""After a backup was put back: nothing in it leaves by itself again.

A restored database believes in the outbox of the hour the backup was made. What was *scheduled* then has mostly left
since, what was being sent certainly has, and the provider's report that would settle a doubt was taken by a database
that is gone. So whatever could move without a person is brought to rest: *scheduled*, and what is held until a date,
becomes *held* for good; what was *sending* is *in doubt*, and so is what had only been claimed, because "nothing can
have left" was true of that hour and not of the hours since.

What waited for a person then has mostly been decided since, and nothing on the page would say so: it is *held* as well,
or if it had failed stays so, and says that somebody must look. What they let go after that look is not held once more.

Everything is paused first and in a transaction of its own, so that the rest may be done in batches, may be cut off at
any point, and may be done again: once more just before sending goes on, it also catches what was planned meanwhile from
changes that the ATS told twice.

Whoever was erased after the backup was made is back with it, and the tombstone that kept them away is lost. So the list
of tombstones lives outside as well, exported next to the backups, and everybody on it is erased again. It names people
by the ATS's own id: a person whom the backup does not know must get a tombstone too, which a hash could not give, and
the hash of a short number hides nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from notifier.core.change import CandidateErased
from notifier.core.message import Submission
from notifier.flow import mirror
from notifier.flow.doubts import LOOKED
from notifier.store import applications, messages, people, submission, tries
from notifier.store.audit import Change, record
from notifier.store.backup import RESTORED, restored_at
from notifier.store.database import Database, Tx
from notifier.store.evidence import RESTORED as LOOK
from notifier.store.messages import Message
from notifier.store.sources import Source
from notifier.store.submission import Attempt, Result
from notifier.store.workspaces import EVERYTHING, pause, pauses, resume

#: Messages handled in one transaction.
BATCH = 500

#: People erased in one transaction.
PEOPLE = 50

#: How an erasure is named that was done before the backup was put back.
AGAIN = "erased_before_restore"


@dataclass(frozen=True, slots=True)
class Rested:
    """How many messages were brought to rest (those that had failed are among the `held`), and how many are `leaving`:
    their lease is not over, so do it again."""

    held: int
    in_doubt: int
    leaving: int


def bring_to_rest(db: Database, *, by: str, batch: int = BATCH) -> Rested:
    """Pause everything and leave nothing that moves by itself. Raises DatabaseAway; what is done by then stays done."""
    with db.begin() as tx:
        _pause(tx, by)
    held = _in_batches(db, lambda tx: _hold(tx, by, batch))
    in_doubt = _in_batches(db, lambda tx: _doubt_what_was_sending(tx, batch))
    in_doubt += _in_batches(db, lambda tx: _keep_in_doubt(tx, by, batch))
    with db.read() as tx:
        query = sa.select(sa.func.count()).select_from(Message).where(Message.state == Submission.SENDING)
        return Rested(held, in_doubt, tx.session.execute(query).scalar_one())


@dataclass(frozen=True, slots=True)
class ErasedAgain:
    """What became of a list of tombstones: `erased` now, `already` so in the backup, of a source that is `unknown` in
    it: nothing of that source is here, and its ATS's webhooks are not believed."""

    erased: int
    already: int
    unknown: int


def erase_again(db: Database, tombstones: Sequence[tuple[str, str]], *, by: str) -> ErasedAgain:
    """Erase everybody listed, as (source, the ATS's id), known here or not. Raises DatabaseAway; what is done by then
    stays done, and doing it again does nothing."""
    done = []
    for start in range(0, len(tombstones), PEOPLE):
        with db.begin() as tx:
            done += [_erase(tx, source, candidate, by) for source, candidate in tombstones[start : start + PEOPLE]]
    return ErasedAgain(done.count("erased"), done.count("already"), done.count("unknown"))


def _erase(tx: Tx, source_id: str, external_id: str, by: str) -> str:
    source = tx.session.get(Source, source_id)
    if source is None:
        return "unknown"
    known = people.find_candidate(tx, source_id, external_id)
    if known is not None and known.erased_at is not None:
        return "already"
    mirror.candidate_erased(tx, source, CandidateErased(external_id, AGAIN), by=by)
    return "erased"


def _pause(tx: Tx, by: str) -> None:
    """Pause everything, as restored: another reason that was in the copy says nothing about now."""
    if any(row.scope == EVERYTHING and row.why.startswith(RESTORED) for row in pauses(tx)):
        return
    resume(tx, EVERYTHING)
    pause(tx, EVERYTHING, why=restored_at(tx.now), by=by)


def _in_batches(db: Database, some: Callable[[Tx], int]) -> int:
    """Run `some` in transactions of its own until it finds nothing; returns how many it found."""
    found = 0
    while True:
        with db.begin() as tx:
            more = some(tx)
        if not more:
            return found
        found += more


def _hold(tx: Tx, by: str, batch: int) -> int:
    unseen = sa.and_(Message.state == Submission.SCHEDULED, Message.reason != LOOKED)
    at_rest = sa.and_(Message.state.in_([Submission.HELD, Submission.FAILED]), Message.reason != LOOK)
    dated = sa.and_(Message.state == Submission.HELD, Message.due_at.is_not(None))
    rows = _locked(tx, sa.or_(unseen, Message.state == Submission.AWAITING_APPROVAL, at_rest, dated), batch)
    for message in rows:
        message.due_at, message.approved_by, message.approved_at = None, "", None
        if message.state in (Submission.HELD, Submission.FAILED):
            _say(tx, [message], by)
        else:
            messages.move(tx, message, Submission.HELD, actor=by, reason=LOOK)
    return len(rows)


def _doubt_what_was_sending(tx: Tx, batch: int) -> int:
    found = tries.overdue(tx, batch)
    applications.lock_ids(tx, tries.applications_of(tx, found))
    moved = 0
    for attempt_id, message in submission.owned(tx, found).items():
        over = message.lease_until is not None and message.lease_until < tx.now
        if message.state is Submission.SENDING and over:  # else somebody was here between the look and the lock
            _may_be_out(tx, attempt_id)
            moved += submission.conclude(tx, message, Result(attempt_id, Submission.IN_DOUBT, "unknown", LOOK))
    return moved


def _may_be_out(tx: Tx, attempt_id: str) -> None:
    """From now on this attempt counts as handed over, so that a person who knows that it arrived can say so."""
    tx.session.execute(
        sa.update(Attempt)
        .where(Attempt.id == attempt_id, Attempt.submitted_at.is_(None))
        .values(submitted_at=tx.now)
        .execution_options(synchronize_session="fetch")
    )


def _keep_in_doubt(tx: Tx, by: str, batch: int) -> int:
    rows = _locked(tx, sa.and_(Message.state == Submission.IN_DOUBT, Message.reason != LOOK), batch)
    _say(tx, rows, by)
    return len(rows)


def _say(tx: Tx, rows: Sequence[Message], by: str) -> None:
    """Say why these stay what they are."""
    for message in rows:
        message.reason = LOOK
    record(tx, [Change(row.workspace_id, row.id, row.state, row.state, by, LOOK) for row in rows])


def _locked(tx: Tx, wanted: sa.ColumnElement[bool], most: int) -> Sequence[Message]:
    """Up to `most` such messages, locked after their applications, which is the order everybody uses."""
    named = tx.session.execute(
        sa.select(Message.id, Message.application_id).where(wanted).order_by(Message.id).limit(most)
    ).all()
    if not named:
        return []
    applications.lock_ids(tx, [row.application_id for row in named])
    query = sa.select(Message).where(Message.id.in_([row.id for row in named]), wanted).order_by(Message.id)
    return tx.session.scalars(query.with_for_update(key_share=True)).all()
