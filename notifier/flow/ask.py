"""Ask the ATS for what a webhook leaves out: names, addresses, the stage, the reason of an ending.

An item that needs it waits in the state *asking*, so an ATS that is down delays those items and nothing else. No
transaction is open while the ATS is asked, and every answer is committed as it comes. The worker that dies leaves a
lease behind, and the next one asks again: reading twice is harmless.

Nothing is given up: an item that cannot be answered stands on the dashboard with the reason until it can.
"""

from datetime import timedelta

import structlog

from notifier.core.asking import Answered, Asks, Halted, Unanswered
from notifier.core.inbox import InboxState
from notifier.core.ports import Job
from notifier.flow.parts import Flow
from notifier.ingest.adapter import Adapter
from notifier.store import askings, inbox, sources
from notifier.store.database import Tx
from notifier.store.inbox import InboxItem
from notifier.store.keyring import CannotOpen

log = structlog.get_logger()

#: The first wait after a failure, which doubles with every further one, and the longest for an item and for a source.
FIRST, LONGEST_ITEM, LONGEST_SOURCE = timedelta(minutes=1), timedelta(hours=1), timedelta(minutes=15)


def ask_batch(flow: Flow, limit: int = 50) -> int:
    """Ask for up to `limit` items of the source that has waited longest; returns how many were settled.

    Raises DatabaseAway; whatever was not committed is asked for again then.
    """
    with flow.db.begin() as tx:
        source_id = askings.due(tx)
        row = askings.claim(tx, source_id) if source_id is not None else None
        if source_id is None or row is None:
            return 0
        source = sources.get_source(tx, None, source_id)
        key, fence, failures, now = sources.open_api_key(tx, source), row.fence, row.failures, tx.now
        adapter = flow.adapters[source.ats]
        asked = {}
        for item in inbox.to_ask(tx, source_id, limit):
            try:
                asked[item.id] = _asks(adapter, tx, item)
            except CannotOpen as fault:
                # One poisonous item must not keep the others from being asked for.
                log.exception("asking.broken", item=item.id)
                inbox.quarantine(tx, item, f"fault: {type(fault).__name__}")
    assert adapter.api is not None  # the contract of `question`
    settled, halted = 0, None
    for report in flow.asker.ask(adapter.title, adapter.api, key, source.api_url, asked, now):
        if isinstance(report, Halted):
            halted = report
        else:
            settled += _note(flow, source_id, fence, report)
    with flow.db.begin() as tx:
        row = askings.owned(tx, source_id, fence)
        if row is not None and halted is not None:
            until = halted.until or tx.now + _wait(failures, LONGEST_SOURCE)
            askings.put_off(tx, row, until=max(until, tx.now + timedelta(seconds=1)), why=halted.why)
            log.warning("asking.halted", source=source_id, why=halted.why)
        elif row is not None:
            askings.release(tx, row)
    return settled


def _asks(adapter: Adapter, tx: Tx, item: InboxItem) -> Asks:
    delivery = inbox.delivery_of(tx, item)
    return lambda answers: adapter.question(delivery, answers)


def _note(flow: Flow, source_id: str, fence: int, report: Answered | Unanswered) -> int:
    """Write down what came of one item; 1 if it can be read now."""
    with flow.db.begin() as tx:
        if askings.owned(tx, source_id, fence) is None:
            return 0  # it took so long that somebody else asks now
        item = inbox.get_item(tx, None, report.item)
        if item.state is not InboxState.ASKING:
            return 0
        if isinstance(report, Unanswered):
            inbox.unanswered(tx, item, until=tx.now + _wait(item.asks, LONGEST_ITEM), why=report.why)
            log.info("asking.unanswered", item=item.id, why=report.why)
            return 0
        inbox.answered(tx, item, report.answers)
    flow.queue.nudge(Job.PLAN)
    return 1


def _wait(failures: int, longest: timedelta) -> timedelta:
    return min(FIRST * (1 << min(failures, 10)), longest)
