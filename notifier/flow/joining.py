"""Several applications of one person that end on one day: an item in the ledger for each, and one e-mail.

A *companion* is another outcome the same person is due today that would say the same in the same words but for the job:
the same wording in the same language, the same window, both approved by a person or neither. The first one due writes
the e-mail, in its own thread and under its owner's name, and names every job; the others travel in it. Each keeps its
own lease, fence, attempt and answer, so every law about a message holds for each.

- Nobody's hold is cut short for company: it is the time in which a "no" can be taken back. So the first one waits until
  its companions are due, today and never past a promised date. What a person sent off before its hold was over waits
  for nobody.
- Company changes nothing of what a message needs to leave: each has its own last look, and all pass the fence or none.
- What does not fit in the line that names the jobs leaves as a mail of its own.
- One that has left already has no companions any more: what is due later, though on the same day, is told in a mail of
  its own when it is due, because the first cannot be taken back and a day's delay would help nobody.
- What is sent again although it may have left, and what a worker died with, travels alone (`store.companions`).

Switched off by `join = false` in the rule that sends it; rules are read when the message leaves.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import DBAPIError

from notifier.core.errors import TemplateFault
from notifier.core.message import Purpose
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

#: No day is longer, in any zone.
_LONGEST_DAY = timedelta(hours=26)


def near(tx: Tx, claimed: Sequence[Message]) -> dict[str, list[Message]]:
    """For each claimed outcome what its person is due within a day besides it; one look for all of them."""
    outcomes = [one.id for one in claimed if one.purpose is Purpose.OUTCOME and not one.deaths and not one.sent_again]
    return companions.due_with(tx, outcomes, tx.now + _LONGEST_DAY)


def choose(flow: Flow, tx: Tx, message: Message, others: Sequence[Message]) -> list[Message]:
    """Those of `others` that are companions of a claimed message."""
    if not others:
        return []
    workspace = get_workspace(tx, message.workspace_id)
    tonight = timing.end_of_day(tx.now.astimezone(ZoneInfo(workspace.zone)).date(), workspace.zone)
    today = [one for one in others if one.due_at is not None and one.due_at <= tonight]
    found = [one for one in today if _are_companions(tx, message, one, workspace)]
    return found if found and joins(rules_of(flow, tx, message.workspace_id), message.template) else []


def _are_companions(tx: Tx, message: Message, other: Message, workspace: Workspace) -> bool:
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


def wait_until(tx: Tx, message: Message, application: Application, chosen: Sequence[Message]) -> datetime | None:
    """When the last companion is due, if this message should wait for it."""
    due_at = max((one.due_at for one in chosen if one.due_at is not None), default=tx.now)
    promised = application.promise_due
    if due_at <= tx.now or (promised is not None and promised < due_at):
        return None
    return None if _at_once(tx, message) else due_at


def _at_once(tx: Tx, message: Message) -> bool:
    """Whether a person let it leave before its rule would have."""
    if message.approved_at is None:
        return False
    zone = get_workspace(tx, message.workspace_id).zone
    return tx.now < timing.due(message.approved_at, parse_hold(message.hold), message.window, zone, None)


def compose(
    flow: Flow, tx: Tx, message: Message, application: Application, others: Sequence[Message]
) -> tuple[Email, Sequence[Message]]:
    """The e-mail for a message and as many of the others as it can name, the first ones first. Raises as `envelope`."""
    while others:
        try:
            return envelope(flow, tx, message, application, others), others
        except TemplateFault:
            others = others[:-1]
    return envelope(flow, tx, message, application), ()
