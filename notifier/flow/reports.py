"""What one report changes: the doubt it settles, the delivery it tells of, the address and the person it is about.

A report is matched by our own ids first; by the provider's name for the message where those are missing; and by address
and recency only for a bounce that carries nothing else (SendGrid's asynchronous ones) and that the provider signed.
"""

import re
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from notifier.core import feedback
from notifier.core.feedback import TAKEN, Address, Heard, Report
from notifier.core.message import NOT_TOLD, WAITING, Purpose, Submission
from notifier.core.stage import Outcome
from notifier.decide.doubt import harmless
from notifier.flow import conclude
from notifier.flow.again import CAME_BACK
from notifier.flow.parts import Flow
from notifier.store import applications, evidence, messages, people, provider_events, submission
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.provider_events import EventState, ProviderEvent
from notifier.store.submission import Attempt

log = structlog.get_logger()

#: How old a mail may be for a bounce that names nothing but the address; SendGrid tries for 72 hours.
RECENT = timedelta(days=4)

#: Our Message-ID: the message, the attempt, and our domain (`deliver.compose`).
_OURS = re.compile(r"(msg_[a-z0-9]{10,40})\.(att_[a-z0-9]{10,40})@", re.ASCII)

#: An id of an attempt as we make them; another one was never ours, whoever signed it.
_ATTEMPT = re.compile(r"att_[a-z0-9]{10,40}", re.ASCII)

#: The provider named for what came as a mail, whichever server handed it in. Such a report is signed by nobody.
BY_MAIL = "mail"

_STATE_OF_ADDRESS = {Address.DEAD: "dead", Address.DOUBTFUL: "doubtful"}


@dataclass(frozen=True, slots=True)
class About:
    """Whom a report is about. `attempt_ids` are those it speaks of: one, or all that travelled in one e-mail; none
    where the attempt is not known here though its message is (a backup was put back)."""

    report: Report
    message_id: str
    attempt_ids: tuple[str, ...]
    application_id: str
    candidate_id: str | None


def about(flow: Flow, tx: Tx, row: ProviderEvent) -> About | None:
    """Find out; nothing is locked or changed yet. `None` for an orphan."""
    report = provider_events.open_report(tx, row)
    # Nobody can tell of what has not happened yet; such a time would outlive whatever people decide.
    report = replace(report, at=min(report.at, row.received_at))
    attempts, message_id = _named(tx, row.provider, report)
    # An attempt that is known here was ours under whatever name this installation had then.
    if report.env and report.env != flow.settings.environment and report.att not in {one.id for one in attempts}:
        return None
    message = tx.session.get(Message, attempts[0].message_id if attempts else message_id or "")
    if message is None or (report.mid and report.mid not in {message_id, *(one.message_id for one in attempts)}):
        return None  # nothing of ours, or an attempt of one message under the name of another
    application = tx.session.get_one(Application, message.application_id)
    if not attempts and not report.att:
        attempts = evidence.find_attempts(tx, evidence.probable_attempt(tx, message) or "")
    forgotten = _ATTEMPT.fullmatch(report.att) and report.mid and row.provider != BY_MAIL and report.heard in TAKEN
    if application.deleted_at is not None or not (attempts or forgotten):
        return None  # erased since; or a message that was never handed over
    return About(report, message.id, tuple(one.id for one in attempts), application.id, application.candidate_id)


def _named(tx: Tx, provider: str, report: Report) -> tuple[list[Attempt], str | None]:
    """The attempts a report names, or at least the message."""
    ours = _OURS.match(report.message_id)
    mid, att = (report.mid, report.att) if report.mid or report.att else ours.groups() if ours else ("", "")
    if att and (attempts := evidence.find_attempts(tx, att)):
        return attempts, None
    if mid:
        return [], mid
    if report.provider_id and (found := evidence.of_provider_id(tx, provider, report.provider_id)):
        return [], found
    nameless = not (mid or att or report.provider_id)
    if nameless and provider != BY_MAIL and report.heard in (Heard.BOUNCED, Heard.DROPPED) and report.address:
        people_there = people.with_address(tx, report.address)
        return [], evidence.newest_to(tx, people_there, provider, report.at - RECENT) if people_there else None
    return [], None


def apply(tx: Tx, row: ProviderEvent, found: About | None) -> None:
    """Let a report have its effect. The applications it concerns are locked. Doing it again does nothing."""
    if found is None:
        provider_events.conclude(tx, row, EventState.ORPHAN, "unknown_message")
        log.warning("events.orphan", provider=row.provider, report=row.id)
        return
    actor = provider_events.actor(row.provider)
    for attempt_id in found.attempt_ids or (_remembered(tx, row, found),):
        attempt = tx.session.get_one(Attempt, attempt_id)
        message = messages.get_message(tx, None, attempt.message_id, lock=True)
        application = tx.session.get_one(Application, message.application_id)
        _one(tx, message, application, attempt, found.report, actor)
        row.workspace_id, row.message_id = message.workspace_id, row.message_id or message.id
        row.attempt_id = row.attempt_id or attempt.id
    _person(tx, found, actor)
    provider_events.conclude(tx, row, EventState.APPLIED)


def _remembered(tx: Tx, row: ProviderEvent, found: About) -> str:
    """Write down an attempt that this database has forgotten: it is older than the mail, because it was restored. The
    report before this one may have done so, since nothing was locked when we looked who is meant."""
    if known := evidence.find_attempts(tx, found.report.att):
        return known[0].id
    message = messages.get_message(tx, None, found.message_id, lock=True)
    log.warning("events.attempt_remembered", message=message.id, provider=row.provider)
    return evidence.remember(tx, message, found.report.att, provider=row.provider, at=found.report.at).id


def _one(tx: Tx, message: Message, application: Application, attempt: Attempt, report: Report, actor: str) -> None:
    if report.heard in TAKEN:
        header = f"<{report.message_id}>" if report.message_id else ""
        conclude.prove(tx, message, application, attempt, by=actor, provider_id=report.provider_id, header=header)
    if report.heard is Heard.COMPLAINED:
        message.complained = True
    if message.attempt_id != attempt.id:
        return  # an attempt that was given up; the message's own delivery is that of the one that counts
    _delivered(tx, message, application, report, actor)


def _delivered(tx: Tx, message: Message, application: Application, report: Report, actor: str) -> None:
    before = message.delivery
    after = feedback.after(before, report.heard)
    if after is before:
        return
    messages.deliver(tx, message, after, at=report.at, actor=actor, reason=report.why)
    if after not in NOT_TOLD or before in NOT_TOLD or message.state is not Submission.ACCEPTED:
        return
    if message.purpose is Purpose.STATUS:
        # A person has to find another way: the clock would only write to the same address.
        if application.outcome is Outcome.NONE and application.deleted_at is None:
            application.owed_since = application.owed_since or tx.now
    elif submission.is_current(message, application) and application.told_how == "email":
        applications.came_back(tx, application, CAME_BACK, actor=actor)


def _person(tx: Tx, found: About, actor: str) -> None:
    report = found.report
    candidate = tx.session.get(people.Candidate, found.candidate_id) if found.candidate_id else None
    if candidate is None or candidate.erased_at is not None:
        return
    message = tx.session.get_one(Message, found.message_id)
    kept = messages.open_snapshot(tx, message)
    address = report.address or (str(kept["to_address"]) if kept else "")
    if report.about in _STATE_OF_ADDRESS:
        people.fault_address(tx, candidate, address, _STATE_OF_ADDRESS[report.about])
    elif report.heard is Heard.DELIVERED and candidate.address_state == "doubtful":
        people.fault_address(tx, candidate, address, "good")
    if report.about is Address.COMPLAINED or report.heard in (Heard.COMPLAINED, Heard.UNSUBSCRIBED):
        people.complain(tx, candidate, report.at)
        _quiet(tx, candidate, actor)


def _quiet(tx: Tx, candidate: people.Candidate, actor: str) -> None:
    """What only informs is stopped; an offer, or what a decision owes, waits for a person who sees the complaint."""
    for row in applications.of_candidate(tx, candidate.id):
        pending = messages.of_application(tx, row.id, lock=True)
        messages.stop(tx, [one for one in pending if harmless(one.purpose, one.mode)], "complained", actor=actor)
        for message in pending:
            undecided = message.state is Submission.SCHEDULED and not message.approved_by
            if undecided or (message.purpose is Purpose.STATUS and message.state in WAITING):
                message.due_at, message.approved_by, message.approved_at = None, "", None
                messages.move(tx, message, Submission.HELD, actor=actor, reason="complained")
        if row.outcome is Outcome.NONE and row.deleted_at is None and row.promise_due is not None:
            row.owed_since = row.owed_since or tx.now
