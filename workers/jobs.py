"""What RQ calls: one function per thing a worker can be woken for.

Each looks at the database until nothing is left, and stops early when the process shall stop or after half a minute, so
that RQ's own upkeep gets its turn; then it nudges, and it or another worker goes on.

The functions are found by name and take no arguments, so what they work with is bound once per process, by the worker.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from notifier.core.errors import DatabaseAway
from notifier.core.ports import Job
from workers.batches import THEN
from workers.drain import Batch, drain

log = structlog.get_logger()

#: Seconds after which a job lets RQ have its turn.
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What the jobs of this process work with.

    Each batch does some of one kind of work; `nudge` and `taken` are the queue's; `stopping`: this process shall stop.
    """

    batches: Mapping[Job, Batch]
    nudge: Callable[[Job], bool]
    taken: Callable[[Job], None]
    stopping: Callable[[], bool]


_bound: list[Bench] = []


def bind(bench: Bench) -> None:
    """Give the jobs of this process what they work with."""
    _bound[:] = [bench]


def plan() -> None:
    """Read what webhooks brought, and send what became due by it."""
    _work(Job.PLAN)


def ask() -> None:
    """Ask the ATSs for what webhooks leave out, and act on it."""
    _work(Job.ASK)


def send() -> None:
    """Send what is due."""
    _work(Job.SEND)


def hear() -> None:
    """Read what providers reported."""
    _work(Job.HEAR)


def sweep() -> None:
    """Ask the ATSs what changed, and act on it."""
    _work(Job.SWEEP)


def _work(job: Job) -> None:
    [bench] = _bound
    bench.taken(job)
    batches = [bench.batches[one] for one in (job, *THEN[job])]
    try:
        done = drain(batches, stopping=bench.stopping, seconds=SECONDS)
    except DatabaseAway as fault:
        # No failed job is kept: the relay asks again as soon as the database answers.
        log.warning("job.database_away", job=job, error=str(fault))
        return
    if not done:
        bench.nudge(job)
