"""The reconciling pull: ask the ATSs what changed, and let it in by the same door as their webhooks.

A webhook that was given up is lost for good (Greenhouse tries for about fifteen hours), so an outage longer than that
loses changes unless they are read back. What is read is kept in the inbox as the ATS gave it and planned like anything
else; whatever a webhook has told already is no news then (`core.candidacy`), and what was read before is a copy.

One page at a time, and no transaction is open while the ATS is asked. The worker that dies leaves a lease behind and
the next one asks for the same page again.
"""

import json
from datetime import datetime

import structlog

from notifier.core.change import Delivery
from notifier.core.errors import Refused as Impossible
from notifier.core.ports import Job
from notifier.flow.parts import Flow
from notifier.flow.pullers import pullable, puller_of
from notifier.pull.port import Access, Later, Page, Pulled, Refused
from notifier.store import inbox, sources, sweeps
from notifier.store.applications import find_application
from notifier.store.database import Tx
from notifier.store.inbox import SWEEP
from notifier.store.sources import Source
from notifier.store.sweeps import PERIOD, Sweep

log = structlog.get_logger()


def sweep_batch(flow: Flow, source_id: str | None = None) -> int:
    """Read one page of the source that has been due longest, or of this one. Returns 1 if a page was kept, else 0.

    Raises DatabaseAway; the page is asked for again then.
    """
    with flow.db.begin() as tx:
        sweeps.ensure(tx, pullable(flow))
        claimed = sweeps.claim(tx, pullable(flow), source_id)
        if claimed is None:
            return 0
        source = sources.get_source(tx, None, claimed.source_id)
        access = Access(sources.open_api_key(tx, source), source.api_url)
        since, cursor, fence, now = claimed.since, claimed.cursor, claimed.fence, tx.now
        began_before = claimed.began_at is not None and claimed.began_at < tx.now
    answer = puller_of(flow, source.ats).page(access, since, cursor if began_before else "", now)
    with flow.db.begin() as tx:
        row = sweeps.owned(tx, source.id, fence)
        if row is None:
            return 0  # it took so long that somebody else asks for this page now
        return _keep(flow, tx, source, row, answer)


def _keep(flow: Flow, tx: Tx, source: Source, row: Sweep, answer: Page | Later | Refused) -> int:
    match answer:
        case Later():
            sweeps.put_off(tx, row, until=max(answer.at, tx.now), why=answer.why)
            log.info("sweep.later", source=source.id, why=answer.why)
            return 0
        case Refused():
            sweeps.put_off(tx, row, until=tx.now + PERIOD, why=f"refused: {answer.why}")
            log.error("sweep.refused", source=source.id, why=answer.why)
            return 0
        case Page():
            kept = sum(_let_in(tx, source, record) for record in answer.records)
            sweeps.advance(tx, row, cursor=answer.cursor, read=len(answer.records), kept=kept)
            if kept:
                log.info("sweep.kept", source=source.id, read=len(answer.records), kept=kept)
                flow.queue.nudge(Job.PLAN)
            return 1


def _let_in(tx: Tx, source: Source, record: Pulled) -> bool:
    """Keep one record, unless it is an old ending of an application that we never heard of: others have told that."""
    before_us = record.began_at is not None and record.began_at < source.created_at
    if before_us and record.subject and find_application(tx, source.id, record.subject) is None:
        return False
    delivery = Delivery({}, record.body)
    return inbox.keep(tx, source, record.key, delivery, json.dumps({}), origin=SWEEP) is not None


def sweep_now(flow: Flow, source_id: str, *, since: datetime | None = None) -> tuple[int, int, str]:
    """Read everything that changed until now: (records read, records kept that were news, why it stopped early or "").

    `since` (aware) reads back to that moment, whatever was read before. A sweep that was under way is finished first,
    and what has changed since it began is read after it. Raises Refused for a source that cannot be asked, or that
    another worker is just reading, and for a moment that has not come yet: everything before it would never be read.
    """
    with flow.db.begin() as tx:
        if since is not None and since > tx.now:
            raise Impossible("that moment has not come yet")
        source = sources.get_source(tx, None, source_id)
        if source.ats not in pullable(flow):
            raise Impossible(f"{source.ats} cannot be asked: no such API is supported for it")
        if source.api_key is None:
            raise Impossible("this source has no API key: notifier source set ID --api-key KEY")
        sweeps.ensure(tx, [source.ats])
        if since is not None:
            sweeps.rewind(tx, source_id, since)
        under_way = tx.session.get_one(Sweep, source_id).cursor != ""  # some pages of it are read, and not again
    began = flow.clock()
    read = kept = 0
    while sweep_batch(flow, source_id):
        with flow.db.read() as tx:
            row = tx.session.get_one(Sweep, source_id)
            if row.began_at is not None:
                continue
            read, kept = read + row.read, kept + row.kept
        if not under_way:
            return read, kept, ""
        under_way = False
    with flow.db.read() as tx:
        row = tx.session.get_one(Sweep, source_id)
        if row.lease_until is not None and row.lease_until > began:
            raise Impossible("another worker is just reading this source")
        return read + row.read, kept + row.kept, row.why
