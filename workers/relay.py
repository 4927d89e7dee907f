"""The relay: the loop that makes losing Redis, a worker or a nudge cost seconds and never a message.

Every few seconds it lets the flow do what time alone makes happen and asks what is due. What is due is nudged. It works
by itself, in small batches between two of its own heartbeats, when nobody can be nudged, when no worker has beaten for
a while, and when something stayed due for two periods although a worker was told. Relays know nothing of each other and
any number may run: what one has claimed the others do not find.

After every look it lets go a little of what has been kept long enough, if there is anything.
"""

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from config import Config
from notifier.app import create_flow
from notifier.core.errors import DatabaseAway
from notifier.core.ports import Clock, Job
from notifier.flow.parts import Flow
from notifier.flow.retention import retain
from notifier.flow.watch import Due, beat, last_beat, watch
from notifier.store.heartbeats import FRESH
from workers.batches import batches
from workers.blame import blame
from workers.drain import Batch, drain
from workers.embedded import redis_url
from workers.queues import RedisQueue
from workers.signals import Stop
from workers.start_up import may_start

log = structlog.get_logger()

#: Seconds between two looks; also what a lost nudge costs at most.
PERIOD = 5.0

#: The shortest wait.
SHORTEST = 0.05

#: The wait after a nudge, because the next due time is seen only when what is due now has gone; and between two looks
#: while nobody else works.
SOON = 1.0

#: How much a relay takes at once when it works by itself: little, so that its own heart goes on.
ITEMS, MESSAGES = 50, 20

#: The longest wait while the database is away.
LONGEST = 30.0


@dataclass(frozen=True, slots=True)
class Post:
    """What a relay works with. Each batch does a little of one kind; `worker_beat` is any worker's newest beat.

    `retain` lets a little go and says whether there is more; without it nothing is let go.
    """

    watch: Callable[[], Due]
    batches: Mapping[Job, Batch]
    beat: Callable[[], None]
    worker_beat: Callable[[], datetime | None]
    nudge: Callable[[Job], bool]
    clock: Clock
    retain: Callable[[], bool] = lambda: False


class Relay:
    """One relay. `turn` is one look, `run` goes on until stopped."""

    def __init__(self, post: Post, stop: Stop, *, period: float = PERIOD) -> None:
        self._post = post
        self._stop = stop
        self._period = period
        self._due_since: float | None = None
        self._alone = False

    def run(self) -> None:
        """Look, act, wait; whatever goes wrong in between is logged and tried again later."""
        pause = SHORTEST
        while not self._stop():
            try:
                wait = self.turn()
                if self._post.retain():
                    wait = min(wait, SOON)
                pause = SHORTEST
            except DatabaseAway as fault:
                log.warning("relay.database_away", error=str(fault))
                wait = pause = min(2 * pause, LONGEST)
            except Exception as fault:  # the safety net must outlive every fault of what it calls
                log.warning("relay.failed", **blame(fault))
                wait = pause = min(2 * pause, LONGEST)
            self._stop.wait(wait)

    def turn(self) -> float:
        """One look at what is due, and the seconds until the next one."""
        due = self._post.watch()
        self._post.beat()
        if not due.jobs:
            self._due_since = None
            return self._until(due.next_due)
        told = [self._post.nudge(job) for job in due.jobs]
        if not self._must_work(all(told)):
            return min(SOON, self._period)
        done = drain(list(self._post.batches.values()), stopping=self._stop, seconds=self._period)
        if done:
            self._due_since = None
        return SHORTEST

    def _must_work(self, told: bool) -> bool:
        """Whether the relay does the work itself."""
        now = time.monotonic()
        if self._due_since is None:
            self._due_since = now
        beat = self._post.worker_beat()
        alone = not told or beat is None or self._post.clock() - beat > FRESH
        if alone != self._alone:
            self._alone = alone
            log.warning("relay.works_alone" if alone else "relay.has_workers", queue="reachable" if told else "away")
        return alone or now - self._due_since > 2 * self._period

    def _until(self, next_due: datetime | None) -> float:
        longest = min(SOON, self._period) if self._alone else self._period
        if next_due is None:
            return longest
        seconds = (next_due - self._post.clock()).total_seconds()
        return min(max(seconds, SHORTEST), longest)


def post_for(flow: Flow) -> Post:
    """A relay's post in this flow."""
    return Post(
        watch=partial(watch, flow),
        batches=batches(flow, items=ITEMS, messages=MESSAGES),
        beat=partial(beat, flow, "relay", f"{socket.gethostname()}:{os.getpid()}"),
        worker_beat=partial(last_beat, flow, "worker"),
        nudge=flow.queue.nudge,
        clock=flow.clock,
        retain=partial(retain, flow),
    )


def run(config: Config) -> None:
    """Be a relay until SIGTERM or SIGINT. Raises SystemExit, see `start_up`."""
    stop = Stop()
    stop.listen()
    flow = create_flow(config, RedisQueue(redis_url(config)))
    if may_start(flow.db, stop):
        Relay(post_for(flow), stop).run()
    flow.close()
