"""C14 to C18 and C26: Redis loses everything, is full, brings the past back, and too many ask it for work.

Real `notifier web`, worker and relay processes with a redis-server of the test's own. Whatever Redis does, each
candidate gets one mail.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis
from rq import Queue as RqQueue
from rq.serializers import JSONSerializer

from notifier.core.ports import Job
from tests.conftest import Databases
from tests.faults.children import wait_until
from tests.faults.site import Site, site
from workers.queues import FUNCTIONS, QUEUE

WAITING = f"rq:queue:{QUEUE}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def installed(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One installation for all of them, on each kind of database; only its workers and relays come and go."""
    folder = tmp_path_factory.mktemp(request.param)
    url = databases.postgresql() if request.param == "postgresql" else databases.sqlite(folder / "notifier.db")
    with site(folder, url) as made:
        yield made


#: For what the kind of database cannot change.
once = pytest.mark.parametrize("installed", ["postgresql"], indirect=True)


@pytest.fixture
def redis(installed: Site) -> Iterator[Redis]:
    with installed.redis.client() as client:
        client.flushall()
        yield client


@once
def test_c14_emptied_again_and_again_under_load_it_loses_nothing(installed: Site, redis: Redis) -> None:
    with installed.worker(), installed.relay():
        for round_ in range(10):
            installed.arrive(f"c14-{round_}-", 3)
            redis.flushall()
        installed.all_arrive_once()


@once
def test_c15_full_it_costs_the_webhooks_nothing_and_mail_flows(installed: Site, redis: Redis) -> None:
    for log in (installed.web_log, installed.log):
        log.write_bytes(b"")
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 1)
    with installed.relay():
        took = installed.arrive("c15-", 10)
        installed.all_arrive_once()
    redis.config_set("maxmemory", 0)

    assert max(took) < 1
    assert "queue.away" in installed.web_log.read_text()
    assert "relay.works_alone" in installed.log.read_text()


@once
def test_c16_started_again_with_nothing_kept_it_loses_nothing(installed: Site, redis: Redis) -> None:
    with installed.worker(), installed.relay():
        installed.arrive("c16-a-", 5)
        installed.redis.kill()
        installed.arrive("c16-b-", 5)
        installed.redis.start()
        assert redis.dbsize() <= 2, "nothing of what it knew has come back"
        installed.arrive("c16-c-", 5)
        installed.all_arrive_once()


@once
def test_c17_filled_with_the_past_the_jobs_of_then_find_nothing_to_do(installed: Site, redis: Redis) -> None:
    installed.arrive("c17-", 5)
    # A nudge is best effort, and left out on a busy machine; here a job surely waits.
    RqQueue(QUEUE, connection=redis, serializer=JSONSerializer).enqueue_call(FUNCTIONS[Job.PLAN], result_ttl=0)
    past = installed.redis.save()
    with installed.worker():
        installed.all_arrive_once()
    installed.redis.kill()
    installed.redis.put_back(past)
    installed.redis.start()
    assert redis.llen(WAITING) > 0, "the jobs of then wait again"

    with installed.worker(), installed.relay():
        wait_until(lambda: redis.llen(WAITING) == 0)
        installed.arrive("c17-later-", 1)
        installed.all_arrive_once()


def test_c18_two_relays_and_eight_workers_send_nothing_twice(installed: Site, redis: Redis) -> None:
    with ExitStack() as crowd:
        for _ in range(8):
            crowd.enter_context(installed.worker())
        for _ in range(2):
            crowd.enter_context(installed.relay())
        # Every worker has a job of its own to look with, at the same moment, again and again.
        queue = RqQueue(QUEUE, connection=redis, serializer=JSONSerializer)
        for number in range(8):
            installed.arrive(f"c18-{number}-", 3)
            queue.enqueue_many([RqQueue.prepare_data(name, result_ttl=0) for name in FUNCTIONS.values()] * 4)
        installed.all_arrive_once(60)


@once
def test_c26_a_job_that_is_there_twice_finds_nothing_to_claim(installed: Site, redis: Redis) -> None:
    installed.arrive("c26-", 3)
    [job, *_] = redis.lrange(WAITING, 0, -1)
    redis.rpush(WAITING, job, job)
    RqQueue(QUEUE, connection=redis, serializer=JSONSerializer).enqueue_call(FUNCTIONS[Job.PLAN], result_ttl=0)

    with installed.worker():
        wait_until(lambda: redis.llen(WAITING) == 0)
        installed.all_arrive_once()


@once
def test_c26_a_forged_job_is_refused_and_named_and_the_next_one_runs(installed: Site, redis: Redis) -> None:
    installed.log.write_bytes(b"")
    touched = installed.folder / "touched"
    forged = json.dumps(["os.system", None, [f"touch {touched}"], {}]).encode()
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    job: Any = {"data": forged, "origin": QUEUE, "created_at": moment, "timeout": "10", "status": "queued"}
    redis.hset("rq:job:forged", mapping=job)
    redis.rpush(WAITING, "forged")
    installed.arrive("c26-after-", 1)

    with installed.worker():
        installed.all_arrive_once()
        wait_until(lambda: redis.hget("rq:job:forged", "status") == b"failed")

    said = installed.log.read_text()
    assert ("job.failed" in said, "PermissionError" in said) == (True, True)
    assert not touched.exists()
