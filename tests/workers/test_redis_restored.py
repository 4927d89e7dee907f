"""Redis put back from a dump, alone: its jobs say "look at the database", and there is nothing to find."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from notifier.core.ports import Job
from tests.processes import free_port
from tests.world import World
from workers import jobs
from workers.batches import batches
from workers.embedded import find_server
from workers.queues import QUEUE, RedisQueue
from workers.signals import Stop
from workers.worker import NotifierWorker, connect


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[str]:
    """A server whose keys may be dumped and put back."""
    port = free_port()
    command = [find_server(), "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "ready to accept" in line.casefold():
            break
    yield f"redis://127.0.0.1:{port}"
    process.terminate()
    process.communicate()


def work(url: str) -> None:
    """Run what waits now."""
    worker = NotifierWorker(connect(url), stop=Stop(), alive=lambda: None)
    worker.work(burst=True, logging_level="WARNING")
    worker.connection.close()


def test_m05_a_restored_redis_sends_nothing(world: World, bare: str, own_signals: None) -> None:
    queue = RedisQueue(bare)
    jobs.bind(jobs.Bench(batches(world.flow), queue.nudge, queue.taken, Stop()))
    world.change("a1", stage="Applied", kind="applied")
    queue.nudge(Job.PLAN)
    queue.nudge(Job.SEND)
    with Redis.from_url(bare) as redis:
        dump = {key: redis.dump(key) for key in redis.scan_iter()}
        work(bare)
        assert len(world.mails()) == 1
        assert redis.llen(f"rq:queue:{QUEUE}") == 0

        redis.flushall()
        for key, value in dump.items():
            redis.restore(key, 0, value)
        assert redis.llen(f"rq:queue:{QUEUE}") == 2
        work(bare)

        assert redis.llen(f"rq:queue:{QUEUE}") == 0
    assert len(world.mails()) == 1
    assert len(world.provider.calls) == 1
    assert world.ledger().violations == ()
