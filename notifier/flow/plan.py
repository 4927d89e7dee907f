"""Read the inbox: translate each item, move our mirror, decide what follows, write the messages down.

A batch is one transaction. Items are translated first, then their applications are locked in one order, so that two
planners do not wait for each other in a circle; then they are worked through as they arrived. Each item has its own
savepoint: what cannot be read, or what breaks us, is quarantined with its reason and stops nobody else. A database that
cannot serve is not the item's fault: then the whole batch is given back and read again.
"""

from collections.abc import Sequence

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError

from notifier.core.candidacy import implausible
from notifier.core.change import (
    ApplicationDeleted,
    CandidateChanged,
    CandidateErased,
    CandidateMerged,
    Delivery,
    Event,
    NothingToDo,
    SourceChanged,
    StageChange,
    StagesReplaced,
)
from notifier.core.errors import Unreadable
from notifier.core.inbox import InboxState
from notifier.core.ports import Job
from notifier.flow import mirror
from notifier.flow.parts import Flow
from notifier.ingest.adapter import Adapter
from notifier.store import applications, inbox, sightings, sources
from notifier.store.database import Tx, means_away
from notifier.store.inbox import InboxItem
from notifier.store.sources import Source

log = structlog.get_logger()

#: How often an item can meet another planner that inserts what it inserts: once with each kind of row, which are a
#: candidate, an owner, a job, a stage and an application.
MEETINGS = 5


def plan_batch(flow: Flow, limit: int = 200) -> int:
    """Work through up to `limit` inbox items, oldest first; returns how many. 0 means that there is nothing to do."""
    asking = False
    with flow.db.begin() as tx:
        items = inbox.take(tx, limit)
        seen = set()
        readable: list[tuple[InboxItem, Sequence[Event]]] = []
        for item in items:
            try:
                source, delivery = (
                    sources.get_source(tx, item.workspace_id, item.source_id),
                    inbox.delivery_of(tx, item),
                )
                adapter = flow.adapters[source.ats]
                if item.origin in (inbox.WEBHOOK, inbox.CONFLICT):
                    seen.add((source.id, sightings.EVENT + (adapter.kind(delivery) or "unknown"), ""))
                events = _translate(tx, item, source, adapter, delivery)
                if events is None:
                    inbox.ask(tx, item)
                    asking = True
                else:
                    readable.append((item, events))
            except Unreadable as fault:
                inbox.move(tx, item, InboxState.QUARANTINED, reason=str(fault)[:500])
                log.warning("inbox.quarantined", item=item.id, path=fault.path)
            except DBAPIError:
                raise  # the transaction is lost
            except Exception as fault:
                _broken(tx, item, fault)
        sightings.note(tx, seen)
        applications.lock(tx, [(item.source_id, name) for item, events in readable for name in _applications(events)])
        for item, events in readable:
            _apply_safely(flow, tx, item, events)
        sweeping = any(isinstance(event, SourceChanged) for _, events in readable for event in events)
    if asking:
        flow.queue.nudge(Job.ASK)
    if sweeping:
        flow.queue.nudge(Job.SWEEP)
    return len(items)


def _translate(tx: Tx, item: InboxItem, source: Source, adapter: Adapter, delivery: Delivery) -> Sequence[Event] | None:
    """What the item says; None if the ATS has to be asked first. Raises Unreadable."""
    if item.origin == inbox.SWEEP:
        events = adapter.translate_pulled(delivery.body, item.received_at)
    else:
        answers = inbox.answers_of(tx, item)
        must_ask = adapter.api is not None and (adapter.api.required or source.api_key is not None)
        if must_ask and adapter.question(delivery, answers) is not None:
            return None
        events = adapter.translate(delivery, item.received_at, answers)
    if source.api_key is None and any(isinstance(event, SourceChanged) for event in events):
        raise Unreadable("api_key", f"{adapter.title} says only that something changed; give the source an API key")
    for event in events:
        if isinstance(event, StageChange) and implausible(event.occurred_at, item.received_at):
            raise Unreadable("occurred_at", f"implausible time {event.occurred_at:%Y-%m-%d}")
    return events


def _applications(events: Sequence[Event]) -> list[str]:
    return [event.application_id for event in events if isinstance(event, StageChange | ApplicationDeleted)]


def _apply_safely(flow: Flow, tx: Tx, item: InboxItem, events: Sequence[Event]) -> None:
    for chance in range(MEETINGS, -1, -1):
        try:
            with tx.session.begin_nested():
                state, reason = _apply(flow, tx, item, events)
                inbox.move(tx, item, state, reason=reason)
            return
        except IntegrityError:
            # Another planner inserted the same stage, job or person a moment ago: now it is there.
            if not chance:
                raise
        except Exception as fault:
            if isinstance(fault, DBAPIError) and means_away(fault):
                raise
            _broken(tx, item, fault)
            return


def _broken(tx: Tx, item: InboxItem, fault: Exception) -> None:
    """One poisonous item must not hold up the inbox; the bytes are kept and a replay tries again."""
    log.error("inbox.broken", item=item.id, exc_info=fault)
    inbox.move(tx, item, InboxState.QUARANTINED, reason=f"fault: {type(fault).__name__}")


def _apply(flow: Flow, tx: Tx, item: InboxItem, events: Sequence[Event]) -> tuple[InboxState, str]:
    """Apply every event; planned if any of them changed something, else ignored with the reasons."""
    source = sources.get_source(tx, item.workspace_id, item.source_id)
    silences = [_carry_out(flow, tx, source, event, item) for event in events]
    moved = [silence for silence in silences if silence in mirror.EFFECTS]
    if moved or any(silence == "" for silence in silences):
        return InboxState.PLANNED, ", ".join(silence for silence in silences if silence)
    return InboxState.IGNORED, ", ".join(silences) or "nothing_said"


def _carry_out(flow: Flow, tx: Tx, source: Source, event: Event, item: InboxItem) -> str:
    """Apply one event; the name of the silence, or "" when something followed."""
    match event:
        case StageChange():
            return mirror.stage_change(flow, tx, source, event, item)
        case CandidateChanged():
            return mirror.candidate_changed(flow, tx, source, event, item)
        case CandidateMerged():
            return mirror.candidate_merged(tx, source, event, item)
        case CandidateErased():
            return mirror.candidate_erased(tx, source, event, item)
        case ApplicationDeleted():
            return mirror.application_deleted(tx, source, event)
        case StagesReplaced():
            return mirror.stages_replaced(tx, source, event)
        case SourceChanged():
            return mirror.source_changed(tx, source)
        case NothingToDo():
            return event.reason
