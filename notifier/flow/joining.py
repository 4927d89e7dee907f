"""Several applications of one person that end on one day: an item in the ledger for each, and one e-mail.

A *companion* is another outcome the same person is due today that would say the same in the same words but for the job:
the same wording in the same language, the same window, both approved by a person or neither. The first one due writes
the e-mail, in its own thread and under its owner's name, and names every job; the others travel in it. Each keeps its
own lease, fence, attempt and answer, so every law about a message holds for each.

- Nobody's hold is cut short for company: it is the time in which a "no" can be taken back. So the first one waits until
  its companions are due, today and never past a promised date. What a person sent off before its hold was over waits
  for nobody.
- Company changes nothing of what a message needs to leave: each has its own last look, and all pass the fence or none.
- Two workers that hold one each would write two mails. So whoever finds a companion in other hands lets its message
  come again a moment later; nobody waits in a transaction, and the two soon meet.
- What does not fit in the line that names the jobs leaves as a mail of its own.
- One that has left already has no companions any more: what is due later, though on the same day, is told in a mail of
  its own when it is due, because the first cannot be taken back and a day's delay would help nobody.
- What is sent again although it may have left, and what a worker died with, travels alone (`store.companions`).

Switched off by `join = false` in the rule that sends it; rules are read when the message leaves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import DBAPIError

from notifier.core.errors import TemplateFault
from notifier.core.message import Purpose, Submission
from notifier.core.rule import parse_hold
from notifier.decide import timing
from notifier.decide.rules import joins
from notifier.deliver.email import Email
from notifier.flow import drafting
from notifier.flow.envelope import envelope
from notifier.flow.parts import Flow, rules_of
from notifier.store import companions
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.workspaces import Workspace, get_workspace

log = structlog.get_logger()

#: How long a message keeps away from a companion in other hands: longer than composing a batch takes.
A_MOMENT = timedelta(seconds=2)

#: No day is longer, in any zone.
_LONGEST_DAY = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class Company:
    """Who may travel with a message, soonest first and locked; or when it should come again to find them."""

    members: Sequence[Message] = ()
    come_again: datetime | None = None


def near(tx: Tx, claimed: Sequence[Message]) -> dict[str, list[Message]]:
    """For each claimed outcome the others of its person, claimed with it or due within a day; one look for all."""
    outcomes = [one.id for one in claimed if one.purpose is Purpose.OUTCOME and not one.deaths and not one.sent_again]
    return companions.due_with(tx, outcomes, tx.now + _LONGEST_DAY)


def company(flow: Flow, tx: Tx, message: Message, application: Application, others: Sequence[Message]) -> Company:
    """The companions among `others`, which are near this claimed message and in no e-mail yet."""
    chosen = _companions(flow, tx, message, others)
    until = _wait_until(tx, message, application, chosen)
    if until is None:
        waiting = [one.id for one in chosen if one.state is Submission.SCHEDULED and _due(one, tx.now) <= tx.now]
        locked = companions.lock_due(tx, waiting)
        if len(locked) == len(waiting):
            ours = [one for one in chosen if one.state is Submission.SENDING]
            return Company(sorted((*ours, *locked), key=lambda one: (_due(one, tx.now), one.id)))
        until = tx.now + A_MOMENT
    return Company(come_again=until)


def compose(
    flow: Flow, tx: Tx, message: Message, application: Application, members: Sequence[Message]
) -> tuple[Email, Sequence[Message]]:
    """The e-mail, and those of the company whose jobs it can name, the soonest first. Raises as `envelope`."""
    while members:
        try:
            return envelope(flow, tx, message, application, members), members
        except TemplateFault:
            members = members[:-1]
    return envelope(flow, tx, message, application), ()


def _companions(flow: Flow, tx: Tx, message: Message, others: Sequence[Message]) -> list[Message]:
    if not others:
        return []
    workspace = get_workspace(tx, message.workspace_id)
    tonight = timing.end_of_day(tx.now.astimezone(ZoneInfo(workspace.zone)).date(), workspace.zone)
    today = [
        one
        for one in others
        if one.state in (Submission.SCHEDULED, Submission.SENDING) and _due(one, tx.now) <= tonight
    ]
    found = [one for one in today if _alike(tx, message, one, workspace)]
    return found if found and joins(rules_of(flow, tx, message.workspace_id), message.template) else []


def _alike(tx: Tx, message: Message, other: Message, workspace: Workspace) -> bool:
    if other.window is not message.window or bool(other.approved_by) != bool(message.approved_by):
        return False
    try:
        return drafting.say_the_same(tx, message, other, workspace, tx.now)
    except DBAPIError:
        raise  # the transaction is lost
    except Exception:
        # Whatever is wrong with it is told when its own turn comes, and keeps nobody else from leaving.
        log.exception("companion.broken", message=other.id)
        return False


def _wait_until(tx: Tx, message: Message, application: Application, chosen: Sequence[Message]) -> datetime | None:
    """When the last companion is due, if that is later and this message should wait for it."""
    until = max((_due(one, tx.now) for one in chosen), default=tx.now)
    promised = application.promise_due
    if until <= tx.now or (promised is not None and promised < until) or _at_once(tx, message):
        return None
    return until


def _at_once(tx: Tx, message: Message) -> bool:
    """Whether a person let it leave before its rule would have."""
    if message.approved_at is None:
        return False
    zone = get_workspace(tx, message.workspace_id).zone
    return tx.now < timing.due(message.approved_at, parse_hold(message.hold), message.window, zone, None)


def _due(message: Message, now: datetime) -> datetime:
    return message.due_at or now
