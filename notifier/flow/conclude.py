"""What becomes of a message after an answer, after a lease that ran out, or after the fence refused it.

What was surely not taken goes back to *scheduled*, what may have been taken is *in doubt*, and a message whose
application has moved on is never put back into the queue by any answer.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from notifier.core.answer import Accepted, Answer, Impossible, PauseAll, TryLater, Unknown
from notifier.core.message import WAITING, Phase, Purpose, Submission
from notifier.core.stage import Outcome
from notifier.flow.parts import Flow
from notifier.store import applications, evidence, messages, promises, submission, tries
from notifier.store.applications import Application
from notifier.store.audit import Change, record
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.submission import Attempt, Result
from notifier.store.workspaces import pause

log = structlog.get_logger()

#: A message is given up, loudly, after this many refusals by the provider or after this long.
MOST_TRIES = 6
LONGEST = timedelta(days=5)

#: A message is set aside, loudly, after so many workers died with it in hand before anything could leave.
MOST_DEATHS = 10


#: The message that takes an ending back.
SENT_IN_ERROR = "sent_in_error"

#: Why something waits for a person: an ending that had been cancelled has left.
LEFT_AFTER_ALL = "left_after_all"


def backoff(tries: int, jitter: float) -> timedelta:
    """How long to wait after the n-th refusal: 30 s doubling up to an hour, times `jitter` (0.8 to 1.2)."""
    return timedelta(seconds=min(3600.0, 30.0 * 2 ** min(tries, 10)) * jitter)


def result_of(message: Message, answer: Answer, now: datetime, first_try: datetime, jitter: float) -> Result:
    """The result that an answer means for this message, which was first tried at `first_try`."""
    attempt = message.attempt_id or ""
    match answer:
        case Accepted():
            return Result(
                attempt,
                Submission.ACCEPTED,
                "accepted",
                provider_id=answer.provider_id,
                message_id_header=answer.message_id,
            )
        case TryLater():
            if message.tries + int(answer.counts) >= MOST_TRIES or now - first_try > LONGEST:
                return Result(attempt, Submission.FAILED, "gave_up", answer.why, counts=answer.counts)
            due_at = answer.at if answer.at is not None and answer.at > now else now + backoff(message.tries, jitter)
            return Result(attempt, Submission.SCHEDULED, "try_later", answer.why, due_at, answer.counts)
        case Impossible():
            return Result(attempt, Submission.FAILED, "impossible", answer.why)
        case PauseAll():
            return Result(attempt, Submission.SCHEDULED, "pause_all", answer.why, due_at=now)
        case Unknown():
            return Result(attempt, Submission.IN_DOUBT, "unknown", answer.why)


def broken(message: Message, fault: str, now: datetime) -> Result:
    """It cannot be composed for a reason nobody foresaw: tried again later, and set aside after `MOST_TRIES`."""
    attempt, why = message.attempt_id or "", f"fault: {fault}"
    if message.tries + 1 >= MOST_TRIES:
        return Result(attempt, Submission.FAILED, "broken", why, counts=True)
    return Result(attempt, Submission.SCHEDULED, "broken", why, now + backoff(message.tries, 1.0), counts=True)


def write_answers(flow: Flow, tx: Tx, answers: Mapping[str, Answer]) -> None:
    """Write the provider's answers down, each under its own attempt; whoever lost the message changes nothing."""
    rows = _lock_applications(tx, list(answers))
    owned = submission.owned(tx, list(answers))
    for attempt_id in answers.keys() - owned.keys():
        _late(tx, attempt_id, answers[attempt_id])
    for attempt_id, message in owned.items():
        answer = answers[attempt_id]
        if isinstance(answer, PauseAll):
            pause(tx, f"provider:{flow.provider.name}", why=answer.why, by=f"provider:{flow.provider.name}")
            log.error("provider.paused", provider=flow.provider.name, why=answer.why)
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - jitter is no secret
        result = result_of(message, answer, tx.now, tries.first_try(tx, message), jitter)
        _conclude(tx, message, rows[message.application_id], result)


def give_back(tx: Tx, attempt_ids: Sequence[str]) -> None:
    """The fence refused these: nothing left. They go back, or end where their reason has gone."""
    if not attempt_ids:
        return
    rows = _lock_applications(tx, attempt_ids)
    for message in submission.owned(tx, attempt_ids).values():
        if message.phase is Phase.CLAIMED:
            _reopen(tx, message, rows[message.application_id], "fence_refused")


def reap(tx: Tx, limit: int = 200) -> int:
    """Settle messages whose lease is over: *claimed* goes back at once, *submitting* is in doubt. Returns how many."""
    found = tries.overdue(tx, limit)
    if not found:
        return 0
    rows = _lock_applications(tx, found)
    for message in submission.owned(tx, found).values():
        if message.state is not Submission.SENDING or message.lease_until is None or message.lease_until >= tx.now:
            continue  # its worker came back, or another relay was here, between the look and the lock
        if message.phase is Phase.CLAIMED:
            message.deaths += 1
            if message.deaths >= MOST_DEATHS:
                result = Result(message.attempt_id or "", Submission.FAILED, "gave_up", "workers_died")
                _conclude(tx, message, rows[message.application_id], result)
                log.error("message.set_aside", message=message.id, deaths=message.deaths)
            else:
                _reopen(tx, message, rows[message.application_id], "lease_over")
        else:
            attempt = message.attempt_id or ""
            submission.conclude(tx, message, Result(attempt, Submission.IN_DOUBT, "unknown", "worker_died"))
            log.warning("message.in_doubt", message=message.id, why="worker_died")
    return len(found)


def _lock_applications(tx: Tx, attempt_ids: Sequence[str]) -> dict[str, Application]:
    """Applications before their messages, and in one order: planners lock so too, and nobody waits in a circle."""
    return applications.lock_ids(tx, tries.applications_of(tx, attempt_ids))


def _reopen(tx: Tx, message: Message, application: Application, why: str) -> None:
    result = Result(message.attempt_id or "", Submission.SCHEDULED, "not_sent", why, due_at=tx.now)
    _conclude(tx, message, application, result)


def _conclude(tx: Tx, message: Message, application: Application, result: Result) -> None:
    current = submission.is_current(message, application)
    if result.after in (Submission.SCHEDULED, Submission.FAILED, Submission.HELD) and not current:
        result = Result(result.attempt_id, Submission.CANCELLED, result.outcome, "superseded", counts=result.counts)
    if not submission.conclude(tx, message, result):
        return
    if result.after is Submission.ACCEPTED:
        _listened(tx, message, application, tx.now)
        _told(tx, message, application, current=current)
    elif result.after is Submission.CANCELLED:
        lost(tx, message, application)


def lost(tx: Tx, message: Message, application: Application) -> None:
    """It had its reason taken away while it was on its way, so no plan has looked at what it leaves behind."""
    if message.purpose is Purpose.OUTCOME:
        _nothing_to_take_back(tx, application)
    elif message.template == SENT_IN_ERROR and application.outcome is Outcome.NONE and application.deleted_at is None:
        # They still believe in an ending that is none. The stage has changed meanwhile, so a person finds the words.
        application.owed_since = application.owed_since or tx.now
        tx.session.flush()


def prove(
    tx: Tx,
    message: Message,
    application: Application,
    attempt: Attempt,
    *,
    by: str,
    provider_id: str = "",
    header: str = "",
) -> bool:
    """It is proved that this attempt was taken: the message is *accepted*, wherever it was. Both rows are locked."""
    known = attempt.outcome in (evidence.ACCEPTED, evidence.ACCEPTED_TOO)
    if not evidence.prove(tx, message, attempt, by=by, provider_id=provider_id, header=header):
        if message.state is Submission.CANCELLED and not known:
            _left_after_all(tx, message, application, by)
        return False
    # Proof may come late: what they have heard since then counts, and not what was said before it.
    left_at = message.accepted_at or tx.now
    if application.silent_since is None or application.silent_since <= left_at:
        _listened(tx, message, application, left_at)
    _told(tx, message, application, current=submission.is_current(message, application))
    return True


def _late(tx: Tx, attempt_id: str, answer: Answer) -> None:
    """An answer to an attempt that is no longer the message's: only that it was taken is news."""
    attempt = tx.session.get(Attempt, attempt_id)
    if attempt is None or not isinstance(answer, Accepted):
        return
    message = messages.get_message(tx, None, attempt.message_id, lock=True)
    application = tx.session.get_one(Application, message.application_id)
    by = f"provider:{attempt.provider}"
    prove(tx, message, application, attempt, by=by, provider_id=answer.provider_id, header=answer.message_id)


def _listened(tx: Tx, message: Message, application: Application, at: datetime) -> None:
    """The candidate has heard from us: silence starts anew, the old promise is kept or broken, the new one made."""
    promises.heard_again(tx, application.id)
    application.silent_since = at
    application.promise_due = message.promise_due
    if message.promise_due is not None:
        promises.make(tx, application.workspace_id, application.id, message.id, message.promise_due)
    if message.approved_by:
        application.owed_since = None


def _told(tx: Tx, message: Message, application: Application, *, current: bool) -> None:
    """They know the outcome now, if that is what the message said and it is still so."""
    if message.purpose is Purpose.OUTCOME and current:
        application.told_at, application.told_how, application.told_by = tx.now, "email", message.approved_by
        application.open_reason, application.owed_since = "", None
        record(tx, [Change(application.workspace_id, application.id, "open", "told", "system", "email")])
    tx.session.flush()


def _left_after_all(tx: Tx, message: Message, application: Application, by: str) -> None:
    """A cancelled message is out all the same: a backup was put back that knew nothing of it, or its answer was late.
    If that was an ending, somebody has to know before they say anything else."""
    if message.purpose is not Purpose.OUTCOME or application.deleted_at is not None:
        return
    said = messages.of_application(tx, application.id, lock=True)
    if application.outcome is not Outcome.NONE:
        for one in said:
            if submission.is_current(one, application) and one.state in WAITING:
                one.due_at, one.approved_by, one.approved_at = None, "", None
                messages.move(tx, one, Submission.HELD, actor=by, reason=LEFT_AFTER_ALL)
        if application.open_reason:
            applications.leave_open(tx, application, LEFT_AFTER_ALL, actor=by)
    elif not any(one.template == SENT_IN_ERROR and one.state is not Submission.CANCELLED for one in said):
        application.owed_since = application.owed_since or tx.now
        record(tx, [Change(application.workspace_id, application.id, "", "owed", by, LEFT_AFTER_ALL)])
    tx.session.flush()


def _nothing_to_take_back(tx: Tx, application: Application) -> None:
    """The outcome never left, so a drafted "sent in error" has lost its reason; unless an earlier attempt may have."""
    said = messages.of_application(tx, application.id)
    if evidence.may_have_left(tx, [one.id for one in said if one.purpose is Purpose.OUTCOME]):
        return
    query = sa.select(Message).where(
        Message.application_id == application.id, Message.template == SENT_IN_ERROR, Message.accepted_at.is_(None)
    )
    drafted = list(tx.session.scalars(query.with_for_update(key_share=True)))
    messages.stop(tx, drafted, "never_left", actor="system")
