"""What a worker and a relay look at before they touch anything: whether the database is there and is ours to use.

A database that is away is waited for, because after a power cut everything comes back at once and in any order. One
with the schema of another release is refused, in one line: working on it would be guessing. What is only unwise (a
clock that is off, a SQLite file on a network disk) is said in the log and does not stop anybody.
"""

import structlog

from notifier.core.errors import DatabaseAway, Refused
from notifier.store import schema, soundness
from notifier.store.database import Database
from notifier.store.place import network_file_system
from workers.signals import Stop

log = structlog.get_logger()

#: Seconds between two tries while the database is away, at first and at most.
FIRST, LONGEST = 0.5, 30.0


def may_start(db: Database, stop: Stop, *, first: float = FIRST) -> bool:
    """Wait for the database; false if a stop was asked for meanwhile.

    Raises SystemExit with the reason (exit code 1) when this program must not use the schema that is there.
    """
    pause = first
    while not stop():
        try:
            schema.demand(db)
            _warn(db)
            return True
        except DatabaseAway as fault:
            log.warning("start.database_away", error=str(fault), again_in=pause)
            stop.wait(pause)
            pause = min(2 * pause, LONGEST)
        except Refused as fault:
            raise SystemExit(f"not started: {fault}") from fault
    return False


def _warn(db: Database) -> None:
    seconds = soundness.clock_offset(db)
    if abs(seconds) > soundness.CLOCK_TOLERANCE:
        log.warning("start.clock_off", seconds=round(seconds))
    if kind := network_file_system(db.engine.url):
        log.warning("start.network_disk", file_system=kind)
