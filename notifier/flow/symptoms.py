"""Signs that something is wrong although everything runs: a source that fell silent, a doubt that nobody settles.

Read only, and cheap: index ranges and counts, never a body.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from notifier.core.inbox import InboxState
from notifier.core.message import Submission
from notifier.core.rule import Window
from notifier.decide.timing import is_open
from notifier.store import askings
from notifier.store.database import Tx
from notifier.store.inbox import WEBHOOK, InboxItem
from notifier.store.messages import Message
from notifier.store.sources import list_sources
from notifier.store.submission import Attempt
from notifier.store.sweeps import PERIOD, list_sweeps
from notifier.store.workspaces import get_workspace

#: How long an ATS may say nothing in working hours; the shortest known time after which one gives up is 15 hours.
SILENT = timedelta(hours=2)

#: How long a source may go without being read to its end: three times the period, as for two that were put off.
UNREAD = 3 * PERIOD

#: How old a doubt may get; the provider's report and the reaper have long been here by then.
DOUBT = timedelta(hours=1)


def silent_sources(tx: Tx) -> list[str]:
    """The names of sources without a webhook for `SILENT`, where all of that was in their workspace's working hours."""
    since = tx.now - SILENT
    quiet = []
    for source in list_sources(tx):
        zone = get_workspace(tx, source.workspace_id).zone
        working = all(is_open(at, Window.WORKING_HOURS, zone) for at in (since, tx.now))
        if working and source.created_at < since and not _heard(tx, source.workspace_id, source.id, since):
            quiet.append(source.name)
    return quiet


def _heard(tx: Tx, workspace_id: str, source_id: str, since: datetime) -> bool:
    # Every state is named so that the index over workspace, state and time serves.
    query = sa.select(InboxItem.id).where(
        InboxItem.workspace_id == workspace_id,
        InboxItem.state.in_(list(InboxState)),
        InboxItem.received_at >= since,
        InboxItem.source_id == source_id,
        InboxItem.origin == WEBHOOK,  # what a sweep had to fetch is no sign that the webhook works
    )
    return tx.session.execute(query.limit(1)).first() is not None


def unread_sources(tx: Tx) -> list[str]:
    """The sources with an API key that were not read back for `UNREAD`, and why as far as that is known."""
    late = []
    for source, sweep in list_sweeps(tx):
        last = sweep.ended_at if sweep is not None else None
        if source.api_key is not None and (last or source.created_at) < tx.now - UNREAD:
            why = sweep.why if sweep is not None else ""
            ended = f"last read {last:%Y-%m-%d %H:%M} UTC" if last is not None else "never read"
            late.append(f"{source.name}: {ended}{f', {why}' if why else ''}")
    return late


def unanswered_sources(tx: Tx) -> list[str]:
    """The sources with webhooks for which their ATS has not said for `DOUBT` what they leave out, and why."""
    return [
        f"{source.name}: {number} since {since:%Y-%m-%d %H:%M} UTC{f', {why}' if why else ''}"
        for source, number, since, why in askings.waiting(tx)
        if since < tx.now - DOUBT
    ]


def old_doubts(tx: Tx) -> int:
    """How many messages are in doubt about an attempt that began more than `DOUBT` ago."""
    query = (
        sa.select(sa.func.count())
        .select_from(Message)
        .join(Attempt, Attempt.id == Message.attempt_id)
        .where(Message.state == Submission.IN_DOUBT, Attempt.started_at < tx.now - DOUBT)
    )
    return tx.session.execute(query).scalar_one()


def quarantined(tx: Tx) -> int:
    """How many signed webhooks could not be read."""
    query = sa.select(sa.func.count()).select_from(InboxItem).where(InboxItem.state == InboxState.QUARANTINED)
    return tx.session.execute(query).scalar_one()
