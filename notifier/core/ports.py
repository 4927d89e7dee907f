"""What the inside needs from the outside, named here so that nothing below knows who provides it.

`notifier` imports neither rq nor redis: `workers.queues` implements Queue and is handed in by the roots.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Job(StrEnum):
    """What a worker can be woken for. A nudge carries no data: the database says what there is to do.

    plan: read the inbox. ask: the ATSs, for what webhooks leave out. send: what is due. hear: what providers reported.
    sweep: ask the ATSs what changed.
    """

    PLAN = "plan"
    ASK = "ask"
    SEND = "send"
    HEAR = "hear"
    SWEEP = "sweep"


class Queue(Protocol):
    """Wakes workers. Best effort: losing every nudge costs one relay period, never a message."""

    def nudge(self, job: Job) -> bool:
        """Ask that `job` runs soon; true if somebody was told. Never raises, never takes longer than 0.25 s."""

    def reachable(self) -> bool:
        """Whether the queue's server answers now; for /readyz only."""


#: Returns the present moment, aware, in UTC. Injected everywhere, so that tests own the time.
Clock = Callable[[], datetime]


class NoQueue:
    """A queue nobody listens to: nudges go nowhere and the relay finds the work. For tests and one-off commands."""

    def nudge(self, job: Job) -> bool:
        """Tell nobody."""
        del job
        return False

    def reachable(self) -> bool:
        """There is no server to reach."""
        return False
