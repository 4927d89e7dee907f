"""Let go what has been kept long enough: about once an hour, a small batch of every kind at a time.

When it was last done stands in the database among the heartbeats, so that several relays do it once between them. It is
written down only when nothing was left: a pass that was cut off, by a kill or by its being much, goes on.

A kind that breaks us keeps neither the others nor the relay from going on; it is tried again an hour later.
"""

from collections import Counter
from datetime import timedelta

import structlog

from notifier.core.errors import DatabaseAway
from notifier.core.retention import Kind
from notifier.flow.parts import Flow
from notifier.store import heartbeats, retention
from notifier.store.audit import SYSTEM
from notifier.store.database import Database

log = structlog.get_logger()

#: How long nothing is looked for after nothing was left.
PERIOD = timedelta(hours=1)

#: Rows of one kind handled in one transaction: a fraction of a second, in which others wait for SQLite's only writer.
BATCH = 200

#: The kind and the name of the heartbeat that says when nothing was left.
BEAT = ("retention", "all")


def retain(flow: Flow) -> bool:
    """One batch of every kind, each in its own transaction, if an hour has passed; true while there is more.

    Raises DatabaseAway; what is done by then stays done.
    """
    with flow.db.read() as tx:
        last = heartbeats.last_beat(tx, BEAT[0])
        if last is not None and tx.now - last < PERIOD:
            return False
    more = [_safely(flow.db, kind) for kind in Kind]
    if not any(more):
        _note(flow.db)
    return any(more)


def retain_all(db: Database, *, by: str) -> Counter[Kind]:
    """Batch after batch until nothing is left; returns how many rows of each kind left. Raises DatabaseAway."""
    done: Counter[Kind] = Counter()
    for kind in Kind:
        number = BATCH
        while number == BATCH:
            number = _batch(db, kind, by)
            done[kind] += number
    _note(db)
    return done


def due(db: Database) -> Counter[Kind]:
    """How many rows of each kind would leave now."""
    with db.read() as tx:
        return Counter({kind: retention.count(tx, kind) for kind in Kind})


def _batch(db: Database, kind: Kind, by: str) -> int:
    with db.begin() as tx:
        number = retention.sweep_out(tx, kind, limit=BATCH, by=by).total()
    if number:
        log.info("retention.done", kind=kind, rows=number)
    return number


def _safely(db: Database, kind: Kind) -> bool:
    """Whether a whole batch was found, so that there may be more."""
    try:
        return _batch(db, kind, SYSTEM) == BATCH
    except DatabaseAway:
        raise
    except Exception:
        log.exception("retention.broken", kind=kind)
        return False


def _note(db: Database) -> None:
    with db.begin() as tx:
        heartbeats.beat(tx, *BEAT)
