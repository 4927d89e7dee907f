"""What people decide about messages: approve, hold, cancel, "already told". One transaction each.

Every decision locks the application and then its message, so that two people who press at the same moment get one
effect and one honest sentence. A decision that comes too late is refused in words and changes nothing.
"""

from collections.abc import Mapping
from datetime import datetime

from notifier.core.errors import Refused
from notifier.core.message import NOT_TOLD, STOPPABLE, WAITING, Purpose, Submission
from notifier.core.ports import Job
from notifier.core.rule import Trigger
from notifier.core.stage import Outcome
from notifier.flow import drafting
from notifier.flow.doubts import LOOKED
from notifier.flow.parts import Flow, rules_of
from notifier.store import applications, messages, sources, submission
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.evidence import RESTORED
from notifier.store.messages import Message

#: Why a message was cancelled that a person did not want.
CANCELLED_BY_HAND = "cancelled_by_hand"

#: What can still be approved: what waits for it, what is held, and what failed and may be tried again.
APPROVABLE = frozenset({Submission.AWAITING_APPROVAL, Submission.HELD, Submission.FAILED})

#: How a candidate can have been told by hand.
BY_HAND = ("phone", "in_person", "own_mail")

#: What a person reads when they come too late.
TOO_LATE = {
    Submission.SCHEDULED: "It is already approved and in the outbox.",
    Submission.SENDING: "It is leaving at this very moment.",
    Submission.ACCEPTED: "It has already been sent.",
    Submission.IN_DOUBT: "It may already have left: look at the evidence first.",
    Submission.CANCELLED: "It was cancelled.",
    Submission.AWAITING_APPROVAL: "It waits for approval.",
    Submission.HELD: "It is on hold.",
    Submission.FAILED: "It failed.",
}


def approve(
    flow: Flow,
    workspace_id: str | None,
    message_id: str,
    *,
    by: str,
    values: Mapping[str, str] | None = None,
    now: bool = False,
) -> None:
    """Let it leave after its hold and within its window; `now` skips both. `values` fills missing placeholders.

    Raises Refused when it is too late, when a value is still missing, or when nothing may leave.
    """
    with flow.db.begin() as tx:
        message, application = submission.lock_both(tx, workspace_id, message_id)
        if message.state not in APPROVABLE:
            raise Refused(TOO_LATE[message.state])
        if not submission.is_current(message, application):
            raise Refused("The application has moved on, so this message has lost its reason.")
        source = sources.get_source(tx, message.workspace_id, application.source_id)
        if flow.settings.shadow or source.sending == "shadow":
            raise Refused("This source is in shadow mode: everything is drafted and nothing leaves.")
        _fill(tx, message, values or {})
        if missing := drafting.missing_values(tx, message):
            raise Refused("Still missing: " + ", ".join(missing))
        message.approved_by, message.approved_at, message.tries, message.deaths = by, tx.now, 0, 0
        reason = LOOKED if message.reason == RESTORED else "approved"
        drafting.schedule(tx, message, application, by=by, reason=reason, at_once=now)
    flow.queue.nudge(Job.SEND)


def hold(
    flow: Flow, workspace_id: str | None, message_id: str, *, by: str, why: str, until: datetime | None = None
) -> None:
    """Keep it back, for good or until a moment (aware); also the way to undo an approval before it leaves.

    `why` is for the team: it is kept sealed with the message, until the candidate is erased.
    """
    with flow.db.begin() as tx:
        message, _ = submission.lock_both(tx, workspace_id, message_id)
        if message.state not in WAITING:
            raise Refused(TOO_LATE[message.state])
        if until is not None and until <= tx.now:
            raise Refused("A hold ends in the future.")
        message.due_at = until
        message.approved_by, message.approved_at = "", None
        messages.keep_note(tx, message, why)
        messages.move(tx, message, Submission.HELD, actor=by, reason="held_by_hand")


def cancel(flow: Flow, workspace_id: str | None, message_id: str, *, by: str, why: str) -> None:
    """It will not be sent. If it carried an outcome, the candidate still has to be told: that stays on the list.

    `why` is for the team: it is kept sealed with the message, until the candidate is erased.
    """
    with flow.db.begin() as tx:
        message, application = submission.lock_both(tx, workspace_id, message_id)
        if message.state not in STOPPABLE:
            raise Refused(TOO_LATE[message.state])
        messages.keep_note(tx, message, why)
        messages.move(tx, message, Submission.CANCELLED, actor=by, reason=CANCELLED_BY_HAND)
        if _carries_outcome(message, application):
            applications.leave_open(tx, application, "message_cancelled", actor=by)
        elif message.template in _against_silence(flow, tx, message):
            # Nobody writes by the clock what a person has just stopped: from now on they owe the word.
            application.owed_since = application.owed_since or tx.now


def told(
    flow: Flow, workspace_id: str | None, message_id: str, *, by: str, how: str, at: datetime | None = None
) -> None:
    """The candidate has been told already, by `how` (phone, in_person or own_mail) at `at`: no second message."""
    with flow.db.begin() as tx:
        message, application = submission.lock_both(tx, workspace_id, message_id)
        came_back = message.state is Submission.ACCEPTED and message.delivery in NOT_TOLD
        if not came_back and message.state not in STOPPABLE | {Submission.IN_DOUBT}:
            raise Refused(TOO_LATE[message.state])
        when = _checked_time(tx, how, at)
        if not came_back:
            # What came back stays what it is: a mail that left and did not arrive.
            messages.move(tx, message, Submission.CANCELLED, actor=by, reason=f"told_{how}")
        if _carries_outcome(message, application):
            _end_others(tx, application, by=by, reason=f"told_{how}")
            applications.tell(tx, application, how=how, by=by, at=when)
        else:
            # They have heard: the date that was promised is kept, and silence is counted anew.
            application.silent_since, application.owed_since, application.promise_due = when, None, None


def told_application(
    flow: Flow, workspace_id: str | None, application_id: str, *, by: str, how: str, at: datetime | None = None
) -> None:
    """As `told`, for an outcome that stands open without any message."""
    with flow.db.begin() as tx:
        application = applications.get_application(tx, workspace_id, application_id, lock=True)
        if application.outcome is Outcome.NONE or not application.open_reason:
            raise Refused("Nothing stands open here.")
        applications.tell(tx, application, how=how, by=by, at=_checked_time(tx, how, at))


def _carries_outcome(message: Message, application: Application) -> bool:
    return (
        message.purpose is Purpose.OUTCOME
        and application.outcome is not Outcome.NONE
        and message.version == application.outcome_version
    )


def _end_others(tx: Tx, application: Application, *, by: str, reason: str) -> None:
    """What came back may have been written again since; it has lost its reason with the first. Raises Refused."""
    for one in messages.of_application(tx, application.id, lock=True):
        if not _carries_outcome(one, application):
            continue
        if one.state is Submission.SENDING:
            raise Refused(TOO_LATE[one.state])
        if one.state in STOPPABLE | {Submission.IN_DOUBT}:
            messages.move(tx, one, Submission.CANCELLED, actor=by, reason=reason)


def _against_silence(flow: Flow, tx: Tx, message: Message) -> set[str]:
    """The templates that are written because nothing else was."""
    rules = rules_of(flow, tx, message.workspace_id)
    return {rule.template for rule in rules if rule.trigger in (Trigger.SILENCE, Trigger.PROMISE_AT_RISK)}


def _checked_time(tx: Tx, how: str, at: datetime | None) -> datetime:
    if how not in BY_HAND:
        raise Refused(f"How were they told? One of: {', '.join(BY_HAND)}")
    if at is not None and at > tx.now:
        raise Refused("They cannot have been told in the future.")
    return at or tx.now


def _fill(tx: Tx, message: Message, values: Mapping[str, str]) -> None:
    if not values:
        return
    names = drafting.placeholder_names(tx, message)
    unknown = sorted(set(values) - names)
    if unknown:
        raise Refused("This message has no place for: " + ", ".join(unknown))
    cleaned = {name: " ".join(value.split()) for name, value in values.items() if value.strip()}
    message.placeholders = messages.seal_values(tx, messages.open_values(tx, message) | cleaned)
