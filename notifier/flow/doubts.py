"""Settle what is in doubt: by silence while the feed is alive (a rule), or by a person.

A report that proves that it left settles a doubt by itself and is none of this file's business (`flow.reports`).
"""

import sqlalchemy as sa
import structlog

from notifier.core.errors import Refused
from notifier.core.message import Purpose, Submission
from notifier.core.ports import Job
from notifier.decide.doubt import HORIZON, Doubt, Verdict, harmless, verdict
from notifier.flow import conclude
from notifier.flow.parts import Flow
from notifier.store import applications, evidence, messages, provider_events, submission
from notifier.store.applications import Application
from notifier.store.audit import SYSTEM, Change, record
from notifier.store.database import Tx
from notifier.store.evidence import PROBABLY_NOT, RESTORED, SENT_AGAIN
from notifier.store.messages import Message

log = structlog.get_logger()

#: Doubts judged at one look.
BATCH = 100

#: What `send_again` answers: it leaves, or it waits for another person.
SCHEDULED, SECOND_PERSON = "scheduled", "second_person"

#: What a person lets go after that look. It waits until sending goes on, and is not brought to rest once more.
LOOKED = "restored: somebody has looked"


def settle_by_rule(tx: Tx) -> int:
    """Judge the doubts that are old enough; returns how many were settled or handed to a person."""
    found = evidence.in_doubt_since(tx, tx.now - HORIZON, BATCH)
    if not found:
        return 0
    rows = applications.lock_ids(tx, [application_id for _, application_id in found])
    return sum(_judge(tx, message_id, rows[application_id]) for message_id, application_id in found)


def _judge(tx: Tx, message_id: str, application: Application) -> bool:
    message = messages.get_message(tx, None, message_id, lock=True)
    attempt = evidence.newest_attempt(tx, message_id)
    if message.state is not Submission.IN_DOUBT or attempt is None:
        return False
    assert attempt.submitted_at is not None  # newest_attempt() asks for it
    spoken = sa.select(provider_events.feed_alive_since(attempt.provider, attempt.submitted_at))
    doubt = Doubt(
        age=tx.now - attempt.submitted_at,
        feed_alive=message.reason != RESTORED and tx.session.execute(spoken).scalar_one(),
        current=submission.is_current(message, application),
        harmless=harmless(message.purpose, message.mode),
        times=message.sent_again,
    )
    match verdict(doubt):
        case Verdict.WAIT:
            return False
        case Verdict.DROP:
            # It may be out all the same, so whatever was drafted to take it back stays with its person.
            messages.move(tx, message, Submission.CANCELLED, actor=SYSTEM, reason="superseded")
            conclude.lost(tx, message, application)
        case Verdict.AGAIN:
            _again(tx, message, by=SYSTEM)
        case Verdict.PERSON:
            message.reason = PROBABLY_NOT
            change = Change(message.workspace_id, message.id, message.state, message.state, SYSTEM, PROBABLY_NOT)
            record(tx, [change])
    log.info("doubt.judged", message=message.id, state=message.state.value, reason=message.reason)
    return True


def arrived(flow: Flow, workspace_id: str | None, message_id: str, *, by: str) -> None:
    """A person knows that it arrived: the message is *accepted* on their word. Raises Refused and NotFound."""
    with flow.db.begin() as tx:
        message, application = submission.lock_both(tx, workspace_id, message_id)
        _demand_doubt(message)
        attempt = evidence.newest_attempt(tx, message_id)
        if attempt is None:
            raise Refused("It was never handed over, so it cannot have arrived.")
        conclude.prove(tx, message, application, attempt, by=by)


def send_again(flow: Flow, workspace_id: str | None, message_id: str, *, by: str, nameless: bool = False) -> str:
    """A person has looked and wants it sent once more: the only path on which a candidate can get two.

    A rejection or an offer, or whatever else a rule has people look at, needs two different people: the first call
    notes who asks and answers "second_person", the call of another one answers "scheduled". `nameless`: whoever asks is
    not known by name (the command line), so they cannot be one of the two. Raises Refused, NotFound.
    """
    with flow.db.begin() as tx:
        message, application = submission.lock_both(tx, workspace_id, message_id)
        _demand_doubt(message)
        if not submission.is_current(message, application):
            raise Refused("The application has moved on, so this message has lost its reason.")
        two = not harmless(message.purpose, message.mode)
        if two and nameless:
            raise Refused("Two people have to want this, and each has to be known: they ask for it on the dashboard.")
        if two and not message.again_asked_by:
            message.again_asked_by = by
            change = Change(message.workspace_id, message.id, message.state, message.state, by, "send_again_asked")
            record(tx, [change])
            return SECOND_PERSON
        if message.again_asked_by == by:
            raise Refused("You have asked for this already: another person has to agree that it is sent again.")
        message.approved_by, message.approved_at = by, tx.now
        _again(tx, message, by=by, reason=LOOKED if message.reason == RESTORED else SENT_AGAIN)
    flow.queue.nudge(Job.SEND)
    return SCHEDULED


def _again(tx: Tx, message: Message, *, by: str, reason: str = SENT_AGAIN) -> None:
    evidence.give_up(tx, message, by=by)
    message.due_at, message.tries = tx.now, 0
    messages.move(tx, message, Submission.SCHEDULED, actor=by, reason=reason)


def _demand_doubt(message: Message) -> None:
    if message.state is not Submission.IN_DOUBT:
        word = message.state.value.replace("_", " ")
        raise Refused(f"It is not in doubt any more: it is {word}.")


def needs_two(message: Message) -> bool:
    """Whether sending this one again takes two people; for pages."""
    return message.purpose is Purpose.OUTCOME or not harmless(message.purpose, message.mode)
