"""The worker: RQ's loop around our jobs, in this process.

Not forking: a fork per job costs 30 ms and most of it are imports done anew. So the flow is opened once, before the
first job, and stays. What RQ must not do here: run anything but our two functions (whoever can write to Redis could
otherwise run any function, even with JSON), obey commands published in Redis, keep tracebacks (they quote data), or end
when Redis is away. RQ's own loop ends at most Redis errors; ours starts it again.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue as RqQueue
from rq import SimpleWorker
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError, StopRequested
from rq.executions import Execution
from rq.job import Job as RqJob
from sqlalchemy.orm import configure_mappers

from config import Config
from notifier.app import create_flow
from notifier.core.ports import Job
from notifier.flow.watch import beat
from workers import jobs
from workers.batches import batches
from workers.blame import blame
from workers.embedded import redis_url
from workers.heart import Heart
from workers.queues import FUNCTIONS, JOB_TIMEOUT, QUEUE, RedisQueue
from workers.relay import Relay, post_for
from workers.signals import Stop
from workers.start_up import may_start

log = structlog.get_logger()

ALLOWED = frozenset(FUNCTIONS.values())

#: Seconds: RQ forgets a worker after this, cleans up as often, and waits for a job a little shorter.
RQ_TTL = 60

#: Seconds to wait for a connection to Redis.
CONNECT = 2.0

#: Seconds before RQ's loop is started again; doubled while it keeps ending early.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0


#: Seconds the relay's thread gets for the small batch in hand.
RELAY_GRACE = 30.0


class SafeJob(RqJob):
    """A job that can be nothing but one of ours, whatever its hash in Redis says."""

    @property
    def func(self) -> Callable[[], None]:
        """The function, if it is allowed; raises PermissionError otherwise."""
        if self.func_name not in ALLOWED or self.instance is not None or self.args or self.kwargs:
            raise PermissionError("not a job of ours")
        function: Callable[[], None] = super().func
        return function

    @property
    def success_callback(self) -> None:
        """None: ours have no callbacks, a forged one is not looked up."""

    @property
    def failure_callback(self) -> None:
        """None, as above."""

    @property
    def stopped_callback(self) -> None:
        """None, as above."""

    def send_webhooks(self, *_args: object, **_kwargs: object) -> None:
        """Call nobody: RQ's webhooks are unsigned and carry tracebacks."""


class NotifierWorker(SimpleWorker):
    """RQ's worker for our queue. `stop` ends it between two batches; `alive` is told whenever it got somewhere."""

    max_connection_wait_time = 5.0

    def __init__(self, connection: Redis, *, stop: Stop, alive: Callable[[], None]) -> None:
        super().__init__(
            [QUEUE],
            connection=connection,
            job_class=SafeJob,
            serializer="json",
            worker_ttl=RQ_TTL,
            maintenance_interval=RQ_TTL,
            default_result_ttl=0,
            log_job_description=False,
        )
        self._stop = stop
        self._alive = alive
        self._in_hand = False

    def subscribe(self) -> None:
        """Listen to no commands: anybody who can publish could stop the worker."""

    def unsubscribe(self) -> None:
        """Nothing to undo."""

    def _install_signal_handlers(self) -> None:
        signal.signal(signal.SIGTERM, self.request_stop)
        signal.signal(signal.SIGINT, self.request_stop)
        self._stop_requested = self._stop()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Finish the batch in hand, or leave at once when there is none. A second signal is the same as the first."""
        del signum, frame
        self._stop.ask()
        self._stop_requested = True
        if not self._in_hand:
            raise StopRequested

    def heartbeat(self, *args: Any, **kwargs: Any) -> None:
        """RQ beats whenever its loop turns, which is the sign of life we want too."""
        self._alive()
        super().heartbeat(*args, **kwargs)

    def execute_job(self, job: RqJob, queue: RqQueue) -> None:
        """Run one job in this process."""
        self._in_hand = True
        try:
            super().execute_job(job, queue)
        finally:
            self._in_hand = False

    def handle_exception(self, job: RqJob, *exc_info: Any) -> None:
        """Log a failed job without the text of its exception."""
        if isinstance(exc_info[1], InvalidJobOperation | NoSuchJobError):
            # Redis was emptied under it. A job says no more than "look", and the relay says so again.
            log.warning("job.forgotten", job_id=job.id)
            return
        try:
            function = job.func_name if job.func_name in ALLOWED else "not ours"
        except DeserializationError:
            function = "unreadable"
        log.error("job.failed", function=function, job_id=job.id, **blame(exc_info[1]))

    def handle_job_failure(
        self,
        job: RqJob,
        queue: RqQueue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Keep a failed job in Redis, but not its traceback."""
        del exc_string
        super().handle_job_failure(job, queue, started_job_registry, "see the worker's log", execution)


def connect(url: str) -> Redis:
    """The worker's connection. No retries inside: the loop around it waits and tries again, and looks at `stop`."""
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=CONNECT)


def listen(url: str, *, stop: Stop, alive: Callable[[], None]) -> None:
    """Take jobs from the queue at `url` until a stop is asked for, however often Redis goes away meanwhile."""
    pause = FIRST_PAUSE
    while not stop():
        started = time.monotonic()
        connection = connect(url)
        try:
            NotifierWorker(connection, stop=stop, alive=alive).work(logging_level="WARNING")
        except (RedisError, OSError) as fault:
            log.warning("worker.redis_away", error=type(fault).__name__)
        except StopRequested:
            pass  # the signal came while RQ was between two steps of its own
        finally:
            stop.listen()
            connection.close()
        alive()
        pause = FIRST_PAUSE if time.monotonic() - started > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
        stop.wait(pause)


def run(config: Config, *, with_relay: bool = False) -> None:
    """Be a worker until SIGTERM or SIGINT. Everything slow is done before the first job.

    `with_relay` is for one machine, where another process would cost 100 MB for little: the relay is a thread then, and
    works as long as this process lives, whatever its main thread does. Raises SystemExit as `start_up.may_start` does.
    """
    stop = Stop()
    stop.listen()
    url = redis_url(config)
    queue = RedisQueue(url)
    flow = create_flow(config, queue)
    if not may_start(flow.db, stop):
        flow.close()
        return
    configure_mappers()
    jobs.bind(jobs.Bench(batches(flow), queue.nudge, queue.taken, stop))
    heart = Heart(partial(beat, flow, "worker", f"{socket.gethostname()}:{os.getpid()}"), patience=JOB_TIMEOUT)
    heart.start()
    relay = threading.Thread(target=Relay(post_for(flow), stop).run, name="relay", daemon=True)
    if with_relay:
        relay.start()
    queue.nudge(Job.PLAN)  # what waited while nobody worked; and it warms the caches
    listen(url, stop=stop, alive=heart.alive)
    heart.stop()
    if with_relay:
        relay.join(RELAY_GRACE)
    flow.close()
