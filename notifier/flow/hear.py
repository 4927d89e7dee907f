"""Hear what the mail system says: believe it or refuse it, keep it, and later find out whom it is about.

Keeping and reading are two steps, as with webhooks: the provider gets its answer after one commit, a worker reads. A
report may come before our own result is written, many times, and in any order; so every change here is one-way, and
doing it twice does nothing. What is about nothing of ours stays as an orphan and changes no state.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from notifier.core.errors import Unreadable
from notifier.core.ports import Job
from notifier.deliver import ecdsa_signature
from notifier.deliver.bounce_report import read_report, to_report
from notifier.deliver.hearing import feedback_for
from notifier.deliver.inbound_parse import open_post
from notifier.flow import reports
from notifier.flow.parts import Flow
from notifier.flow.receive import Receipt
from notifier.flow.reports import BY_MAIL
from notifier.store import applications, provider_events
from notifier.store.database import Tx, means_away
from notifier.store.provider_events import MAIL, EventState, ProviderEvent

log = structlog.get_logger()


def hear(flow: Flow, provider: str, headers: Mapping[str, str], body: bytes) -> Receipt:
    """Take a post of delivery events in. Raises DatabaseAway, and then nothing was kept.

    `headers` have lower-case names. What is not believed is refused with 401 and nothing is kept; what is believed and
    not understood is kept as an orphan.
    """
    feedback = feedback_for(provider)
    keys = flow.settings.event_keys.get(provider, ())
    if feedback is None or not feedback.believe(headers, body, keys, flow.clock()):
        log.info("events.rejected", provider=provider)
        return Receipt(401, "refused")
    try:
        found = feedback.read(body)
    except Unreadable as fault:
        with flow.db.begin() as tx:
            provider_events.keep_unreadable(tx, provider, hashlib.sha256(body).hexdigest(), body, fault.why)
        log.warning("events.unreadable", provider=provider, path=fault.path)
        return Receipt(feedback.success, "orphan")
    with flow.db.begin() as tx:
        kept = provider_events.keep(tx, provider, found)
    log.info("events.kept", provider=provider, kept=kept, copies=len(found) - kept)
    flow.queue.nudge(Job.HEAR)
    return Receipt(feedback.success, "kept" if kept else "duplicate")


def hear_post(flow: Flow, provider: str, headers: Mapping[str, str], body: bytes) -> Receipt:
    """Take a mail in that the provider's inbound parse posted. As `hear`; the answer of success is 200."""
    keys = flow.settings.reply_keys.get(provider, ())
    if not keys or not ecdsa_signature.believe(headers, body, keys, flow.clock()):
        log.info("mail.rejected", provider=provider)
        return Receipt(401, "refused")
    try:
        mime = open_post(headers.get("content-type", ""), body).mime
    except Unreadable as fault:
        with flow.db.begin() as tx:
            provider_events.keep_unreadable(tx, BY_MAIL, hashlib.sha256(body).hexdigest(), body, fault.why)
        log.warning("mail.unreadable", provider=provider, path=fault.path)
        return Receipt(200, "orphan")
    return Receipt(200, "kept" if hear_mail(flow, mime) else "duplicate")


def hear_mail(flow: Flow, mime: bytes) -> bool:
    """Keep a whole mail that a mail server handed in; false if it was here already. Raises DatabaseAway."""
    with flow.db.begin() as tx:
        kept = provider_events.keep_mail(tx, BY_MAIL, hashlib.sha256(mime).hexdigest(), mime)
    flow.queue.nudge(Job.HEAR)
    return kept


def hear_batch(flow: Flow, limit: int = 200) -> int:
    """Read up to `limit` reports, oldest first; returns how many. 0 means that there is nothing to do."""
    with flow.db.begin() as tx:
        rows = provider_events.take(tx, limit)
        named = []
        for row in rows:
            try:
                if row.heard != MAIL:
                    named.append((row, reports.about(flow, tx, row)))
            except DBAPIError:
                raise  # the transaction is lost
            except Exception as fault:
                _broken(tx, row, fault)
        applications.lock_ids(tx, _concerned(tx, named))
        for row, found in named:
            _safely(tx, row, partial(reports.apply, tx, row, found))
        for row in rows:
            if row.heard == MAIL:
                _safely(tx, row, partial(_unfold, tx, row))
        return len(rows)


def _safely(tx: Tx, row: ProviderEvent, effect: Callable[[], None]) -> None:
    """Let one report have its effect. One that breaks us is an orphan with its reason and stops nobody else."""
    try:
        with tx.session.begin_nested():
            effect()
    except Exception as fault:
        if isinstance(fault, DBAPIError) and means_away(fault):
            raise
        _broken(tx, row, fault)


def _broken(tx: Tx, row: ProviderEvent, fault: Exception) -> None:
    log.error("events.broken", report=row.id, exc_info=fault)
    provider_events.conclude(tx, row, EventState.ORPHAN, f"fault: {type(fault).__name__}")


def _concerned(tx: Tx, named: Sequence[tuple[ProviderEvent, reports.About | None]]) -> list[str]:
    """Every application that may be touched: a complaint or a dead address concerns all that this person has."""
    found = [about for _, about in named if about is not None]
    people = [about.candidate_id for about in found if about.candidate_id is not None]
    return [about.application_id for about in found] + applications.ids_of_candidates(tx, people)


def _unfold(tx: Tx, row: ProviderEvent) -> None:
    """A mail becomes the reports in it, which are read like any others."""
    bounces = read_report(provider_events.open_mail(tx, row))
    found = [to_report(bounce, row.received_at) for bounce in bounces]
    if not found:
        # Not a bounce: a person or a machine wrote to us. It is shown, never guessed at.
        provider_events.conclude(tx, row, EventState.ORPHAN, "no_bounce")
        return
    provider_events.keep(tx, BY_MAIL, found)
    provider_events.conclude(tx, row, EventState.APPLIED, f"reports: {len(found)}")
