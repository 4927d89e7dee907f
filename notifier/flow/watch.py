"""The safety net: what time alone makes happen, and what is due now. Called by the relay every few seconds.

Everything here is found by looking at the database and nothing is remembered between two calls, so any number of relays
may watch at once and none of them is needed for correctness by the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError

from notifier.core.candidacy import Standing
from notifier.core.message import STOPPABLE, Purpose, Submission
from notifier.core.ports import Job
from notifier.core.rule import Trigger
from notifier.core.stage import Outcome, StageKind
from notifier.decide import timing
from notifier.decide.plan import Situation, draft_for
from notifier.decide.rules import find
from notifier.flow import conclude, doubts, drafting
from notifier.flow.parts import Flow, rules_of
from notifier.flow.pullers import pullable
from notifier.store import (
    applications,
    askings,
    heartbeats,
    inbox,
    messages,
    people,
    provider_events,
    sources,
    submission,
    sweeps,
)
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.workspaces import get_workspace

log = structlog.get_logger()

#: Rows handled in one transaction.
BATCH = 100

#: Working days after which an unapproved "no" after an interview is owed and stands first in the queue.
APPROVE_WITHIN = 2

#: Working days of silence after which a candidate without any promised date hears from us.
SILENT_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Due:
    """What there is to do. `next_due` is when the next scheduled message wants to leave (`None`: none is scheduled)."""

    jobs: tuple[Job, ...]
    next_due: datetime | None


def watch(flow: Flow) -> Due:
    """Reap dead leases, settle doubts, release what was held until now, keep promises; then say what is due."""
    # Those two wait for applications that others hold, so each lets go of its own before the next.
    for duty in (conclude.reap, doubts.settle_by_rule):
        with flow.db.begin() as tx:
            duty(tx)
    with flow.db.begin() as tx:
        _release_held(tx)
        _note_owed(tx)
        _break_silence(flow, tx)
    with flow.db.read() as tx:
        next_due = submission.next_due(tx, flow.provider.name)
        is_due = {
            Job.PLAN: inbox.anything_received(tx),
            Job.ASK: askings.due(tx) is not None,
            Job.SEND: next_due is not None and next_due <= tx.now,
            Job.HEAR: provider_events.anything_received(tx),
            Job.SWEEP: sweeps.anything_due(tx, pullable(flow)) or sweeps.missing(tx, pullable(flow)),
        }
        return Due(tuple(job for job, due in is_due.items() if due), next_due)


def beat(flow: Flow, kind: str, name: str) -> None:
    """This process ("worker" or "relay") lives."""
    with flow.db.begin() as tx:
        heartbeats.beat(tx, kind, name)


def last_beat(flow: Flow, kind: str) -> datetime | None:
    """When any process of this kind last beat, for the relay to know whether somebody else will do the work."""
    with flow.db.read() as tx:
        return heartbeats.last_beat(tx, kind)


def _release_held(tx: Tx) -> None:
    query = (
        sa.select(Message)
        .where(Message.state == Submission.HELD, Message.due_at <= tx.now)
        .order_by(Message.due_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    )
    for message in tx.session.scalars(query).all():
        row = tx.session.get_one(Application, message.application_id)
        if fault := _fault(tx, partial(drafting.release, tx, row, message, actor="system"), message=message.id):
            # It stays on hold, where somebody sees why; and it is not looked at again by the clock.
            message.due_at, message.reason = None, f"fault: {fault}"


def _note_owed(tx: Tx) -> None:
    """A promise broken without a word, or a "no" nobody has approved in time, is owed by a person from then on."""
    open_row = sa.and_(Application.owed_since.is_(None), Application.deleted_at.is_(None))
    untold = sa.and_(Application.outcome == Outcome.NONE, Application.promise_due < tx.now)
    broken = sa.select(Application).where(open_row, untold)
    for row in tx.session.scalars(broken.limit(BATCH).with_for_update(skip_locked=True, key_share=True)).all():
        row.owed_since = row.promise_due
    # Four calendar days cover two working days and a weekend; the exact day is checked below.
    waiting = (
        sa.select(Message, Application)
        .join(Application, Application.id == Message.application_id)
        .where(
            open_row,
            Message.state == Submission.AWAITING_APPROVAL,
            Message.purpose == Purpose.OUTCOME,
            Message.created_at < tx.now - timedelta(days=APPROVE_WITHIN),
        )
        .order_by(Message.created_at)
        .limit(BATCH)
        .with_for_update(of=Application, skip_locked=True, key_share=True)
    )
    for message, row in tx.session.execute(waiting).all():
        zone = get_workspace(tx, row.workspace_id).zone
        last = timing.promise_day(message.created_at, APPROVE_WITHIN, zone)
        if timing.end_of_day(last, zone) <= tx.now:
            row.owed_since = tx.now
    tx.session.flush()


def _break_silence(flow: Flow, tx: Tx) -> None:
    """Applications whose promised date comes near, or that were never given one: tell them, or ask their owner."""
    near = tx.now + timedelta(days=1)
    quiet = tx.now - timedelta(days=SILENT_AT_MOST)
    under_way = sa.exists().where(
        Message.application_id == Application.id,
        Message.state.in_([*STOPPABLE, Submission.SENDING, Submission.IN_DOUBT]),
        Message.state != Submission.FAILED,
    )
    query = (
        sa.select(Application)
        .where(
            Application.outcome == Outcome.NONE,
            Application.deleted_at.is_(None),
            # What a person owes is not said by the clock, and must not keep others from being looked at.
            Application.owed_since.is_(None),
            sa.or_(
                Application.promise_due < near,
                sa.and_(Application.promise_due.is_(None), Application.silent_since < quiet),
            ),
            Application.kind.not_in([StageKind.ON_HOLD, StageKind.UNMAPPED, StageKind.HIRED]),
            ~under_way,
        )
        .order_by(sa.nulls_last(Application.promise_due), Application.silent_since)
        .limit(BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    )
    for row in tx.session.scalars(query).all():
        if _fault(tx, partial(_say_something, flow, tx, row), application=row.id):
            row.owed_since = tx.now  # no message by the clock: a person says the word


def _fault(tx: Tx, duty: Callable[[], None], **about: str) -> str:
    """Do it for one of many; whatever it breaks on (rules that name a template which is gone, a person sealed under a
    key that is gone) stops nobody else. Returns the name of the fault, or an empty text."""
    try:
        with tx.session.begin_nested():
            duty()
    except DBAPIError:
        raise  # the transaction is lost
    except Exception as fault:
        log.exception("watch.broken", **about)
        return type(fault).__name__
    return ""


def _say_something(flow: Flow, tx: Tx, row: Application) -> None:
    book = rules_of(flow, tx, row.workspace_id)
    standing = applications.standing(row)
    if row.promise_due is None and _silent_working_days(tx, row) < SILENT_AT_MOST:
        return
    candidate = tx.session.get(people.Candidate, row.candidate_id) if row.candidate_id else None
    if candidate is not None and candidate.complained_at is not None:
        # They want no more mail by the clock; whoever is responsible finds another way.
        row.owed_since = tx.now
        return
    ats_writes = sources.get_source(tx, row.workspace_id, row.source_id).ats_writes
    for trigger in (Trigger.SILENCE, Trigger.PROMISE_AT_RISK):
        rule = find(book, trigger, row.kind, interviewed=row.interviewed)
        if rule is None or rule.template in ats_writes or drafting.count_of(tx, row.id, rule.template) >= rule.at_most:
            continue
        ordinal = len([m for m in messages.of_application(tx, row.id) if m.template == rule.template]) + 1
        draft = draft_for(rule, _situation(flow, tx, row, standing), purpose=Purpose.STATUS, version=standing.version)
        drafting.write(flow, tx, row, draft, actor="system", ordinal=ordinal)
        return
    # The rules have nothing more to say, so a person has to.
    row.owed_since = tx.now


def _silent_working_days(tx: Tx, row: Application) -> int:
    if row.silent_since is None:
        return 0
    zone = get_workspace(tx, row.workspace_id).zone
    for days in range(SILENT_AT_MOST):
        if timing.end_of_day(timing.promise_day(row.silent_since, days, zone), zone) > tx.now:
            return days
    return SILENT_AT_MOST


def _situation(flow: Flow, tx: Tx, row: Application, standing: Standing) -> Situation:
    source = sources.get_source(tx, row.workspace_id, row.source_id)
    candidate = tx.session.get(people.Candidate, row.candidate_id) if row.candidate_id else None
    return Situation(
        now=tx.now,
        zone=get_workspace(tx, row.workspace_id).zone,
        before=standing,
        after=standing,
        silence="",
        arrived=False,
        undoes=False,
        obstacle=people.reach(tx, candidate).obstacle if candidate is not None else "unknown_candidate",
        shadow=flow.settings.shadow or source.sending == "shadow",
        ats_writes=frozenset(source.ats_writes),
        told=False,
        promise_due=row.promise_due,
        messages=[],
    )
