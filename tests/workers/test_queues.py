"""Nudging: one job for many nudges, and a webhook that never waits for Redis."""

import inspect
import os
import time
import warnings
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue as RqQueue
from rq.utils import import_attribute

from notifier.core.ports import Job
from tests.redis_server import Embedded
from workers.queues import COALESCE, FAILURE_TTL, FUNCTIONS, MOST_WAITING, PAUSE, QUEUE, RedisQueue, key
from workers.relay import PERIOD
from workers.worker import SafeJob


def waiting(redis: Redis) -> RqQueue:
    """The queue as the worker sees it."""
    return RqQueue(QUEUE, connection=redis, serializer="json", job_class=SafeJob)


def timed(queue: RedisQueue, job: Job = Job.PLAN) -> tuple[bool, float]:
    """What a nudge answered, and its seconds."""
    start = time.perf_counter()
    told = queue.nudge(job)
    return told, time.perf_counter() - start


@pytest.mark.parametrize("job", list(Job))
def test_every_job_is_a_function_without_arguments(job: Job) -> None:
    function = import_attribute(FUNCTIONS[job])

    assert not inspect.signature(function).parameters


def test_a_nudge_is_a_job_without_data(server: Embedded, redis: Redis) -> None:
    assert RedisQueue(server.url).nudge(Job.PLAN)

    [job] = waiting(redis).jobs
    assert (job.func_name, job.args, job.kwargs, job.meta) == ("workers.jobs.plan", [], {}, {})
    assert (job.result_ttl, job.failure_ttl, job.retries_left) == (0, FAILURE_TTL, None)


def test_many_nudges_are_one_job_of_each_kind(server: Embedded, redis: Redis) -> None:
    queues = [RedisQueue(server.url), RedisQueue(server.url)]

    assert all(queue.nudge(job) for _ in range(50) for queue in queues for job in Job)

    assert sorted(job.func_name for job in waiting(redis).jobs) == sorted(FUNCTIONS.values())


def test_a_nudge_after_the_job_began_is_another_job(server: Embedded, redis: Redis) -> None:
    queue = RedisQueue(server.url)
    queue.nudge(Job.PLAN)

    queue.taken(Job.PLAN)
    queue.nudge(Job.PLAN)

    assert len(waiting(redis)) == 2


def test_a_nudge_whose_job_was_lost_stands_for_less_than_a_period(server: Embedded, redis: Redis) -> None:
    RedisQueue(server.url).nudge(Job.SEND)

    assert 0 < redis.pttl(key(Job.SEND)) <= COALESCE * 1000
    assert COALESCE < PERIOD


def test_without_workers_jobs_do_not_pile_up(server: Embedded, redis: Redis) -> None:
    queue = RedisQueue(server.url)

    for _ in range(MOST_WAITING + 20):
        queue.taken(Job.PLAN)
        assert queue.nudge(Job.PLAN)

    assert len(waiting(redis)) == MOST_WAITING


def test_a_dead_redis_costs_nothing_and_raises_nothing(tmp_path: Path) -> None:
    queue = RedisQueue(f"unix://{tmp_path}/nobody.sock")

    told, seconds = timed(queue)

    assert not told
    assert seconds < 0.1
    assert not queue.reachable()
    queue.taken(Job.PLAN)


def test_a_hung_redis_costs_a_quarter_second_once_and_then_nothing(hung: str) -> None:
    queue = RedisQueue(hung)

    first, later = timed(queue), [timed(queue) for _ in range(20)]

    assert not first[0]
    assert first[1] < 0.5
    assert not any(told for told, _ in later)
    assert sum(seconds for _, seconds in later) < 0.05


def test_a_redis_that_is_back_is_found_within_the_pause(tmp_path: Path) -> None:
    now = [100.0]
    embedded = Embedded(tmp_path)
    queue = RedisQueue(embedded.url, monotonic=lambda: now[0])
    assert not queue.nudge(Job.PLAN)
    embedded.start()

    try:
        assert not queue.nudge(Job.PLAN)
        now[0] += PAUSE
        assert queue.nudge(Job.PLAN)
        assert queue.reachable()
    finally:
        embedded.stop()


def test_a_forked_process_nudges_over_a_connection_of_its_own(server: Embedded, redis: Redis) -> None:
    queue = RedisQueue(server.url)
    queue.nudge(Job.PLAN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the test runner has threads, the child touches none
        child = os.fork()
    if child == 0:
        os._exit(0 if queue.nudge(Job.SEND) else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert queue.nudge(Job.SEND)
    assert len(waiting(redis)) == 2
