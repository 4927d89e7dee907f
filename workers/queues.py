"""The queue: one, in Redis, carrying nothing but "look at the database".

One queue, because RQ pops safely (BLMOVE into an intermediate list) only from a single one; with two a worker killed
at the wrong moment loses the job for good. A job has no arguments, no retry, no fixed id and no schedule: the database
knows what is due, so a lost job costs one period of the relay and a doubled one finds nothing to do.

Many nudges become one job. The first sets a key and enqueues, those after it see the key and know that a job waits; the
job removes the key *before* it looks at the database, so whoever saw the key had committed before that look. A key
without a job behind it (the process died between the two steps, the job was popped and lost) expires after `COALESCE`
seconds, which is less than a period of the relay, so the relay's next nudge gets through.

Nudging is best effort and must never make a webhook wait: short time-outs, no retries, and after a failure one try a
second for the whole process.
"""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue as RqQueue
from rq.serializers import JSONSerializer

from notifier.core.ports import Job

log = structlog.get_logger()

#: The only queue there is.
QUEUE = "notifier"

#: What a worker may run, by full dotted name, and nothing else.
FUNCTIONS: Mapping[Job, str] = MappingProxyType({job: f"workers.jobs.{job}" for job in Job})

#: Seconds a job may run: half a minute of batches and the batch in hand, however slow the mail provider is.
JOB_TIMEOUT = 600

#: Seconds a failed job stays to be looked at; a finished one leaves at once.
FAILURE_TTL = 86_400

#: Seconds for which a nudge stands for those after it. Less than the relay's period, or lost nudges would add up.
COALESCE = 2

#: With this many jobs waiting there is nobody to tell; without a limit a day without workers would fill Redis.
MOST_WAITING = 50

#: Seconds the web process may lose on connecting, and on each answer.
PATIENCE = 0.25

#: Seconds without a try after a failure.
PAUSE = 1.0


def key(job: Job) -> str:
    """The key that says that `job` waits."""
    return f"notifier:nudged:{job}"


class RedisQueue:
    """`notifier.core.ports.Queue` over Redis and RQ.

    `url` is redis://, rediss:// or unix://. Nothing is connected before the first nudge, and redis-py opens new
    connections after a fork, so one may be made before worker processes are forked.
    """

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = Redis.from_url(
            url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE
        )
        self._queue = RqQueue(QUEUE, connection=self._client, serializer=JSONSerializer)
        self._monotonic = monotonic
        self._away = False
        self._try_at = 0.0

    def nudge(self, job: Job) -> bool:
        """Ask that `job` runs soon; true if a job for it waits now. Never raises, never waits for an absent Redis."""
        if self._away:
            now = self._monotonic()
            if now < self._try_at:
                return False
            self._try_at = now + PAUSE  # this caller looks whether Redis is back, the others need not wait for it
        try:
            self._tell(job)
        except (RedisError, OSError) as fault:
            self._failed(fault)
            return False
        if self._away:
            self._away = False
            log.info("queue.back")
        return True

    def _tell(self, job: Job) -> None:
        with self._client.pipeline(transaction=False) as pipe:
            pipe.set(key(job), 1, nx=True, ex=COALESCE)
            pipe.llen(self._queue.key)
            first, waiting = pipe.execute()
        if first and waiting < MOST_WAITING:
            self._queue.enqueue_call(FUNCTIONS[job], timeout=JOB_TIMEOUT, result_ttl=0, failure_ttl=FAILURE_TTL)

    def _failed(self, fault: Exception) -> None:
        self._try_at = self._monotonic() + PAUSE
        if not self._away:
            self._away = True
            log.warning("queue.away", error=type(fault).__name__)

    def taken(self, job: Job) -> None:
        """Called by the job before it looks at the database: from now on a nudge means another job."""
        try:
            self._client.delete(key(job))
        except (RedisError, OSError) as fault:
            log.warning("queue.away", error=type(fault).__name__)  # the key expires by itself

    def reachable(self) -> bool:
        """Whether Redis answers within `PATIENCE`; for /readyz."""
        try:
            return bool(self._client.ping())
        except (RedisError, OSError):
            return False
