"""A worker and a relay as they run in production: processes over a database, with Redis and without."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.core.ports import Job
from notifier.store import heartbeats, mailbox
from tests.redis_server import Embedded
from tests.world import SECRETS, World
from workers.queues import RedisQueue

ROOT = Path(__file__).parents[2]
Begin = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def begin(sqlite_url: str, tmp_path: Path) -> Iterator[Begin]:
    """Starts one of our processes on the test's database; ends what is left."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: str, redis_url: str) -> "subprocess.Popen[bytes]":
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": sqlite_url,
            "SECRET_KEY": SECRETS[0],
            "REDIS_URL": redis_url,
        }
        started.append(subprocess.Popen([sys.executable, "-m", "workers.main", *arguments], cwd=tmp_path, env=environ))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def now(world: World) -> World:
    """The world at this very moment, because processes have clocks of their own."""
    world.clock.now = datetime.now(UTC)
    return world


def mails(world: World) -> int:
    with world.db.read() as tx:
        return len(mailbox.list_mails(tx, [world.workspace]))


def beats(world: World, kind: str) -> bool:
    with world.db.read() as tx:
        return heartbeats.last_beat(tx, kind) is not None


def test_a_nudged_worker_plans_and_sends(
    server: Embedded, now: World, begin: Begin, eventually: Callable[..., None]
) -> None:
    worker = begin("worker", redis_url=server.url)
    eventually(lambda: beats(now, "worker"), 20)
    now.change(stage="Inbox", kind="applied")

    RedisQueue(server.url).nudge(Job.PLAN)

    eventually(lambda: mails(now) == 1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(5) == 0


@pytest.mark.parametrize("arguments", [["relay"], ["worker", "--with-relay"]])
def test_without_redis_the_relay_does_the_work(
    now: World, begin: Begin, tmp_path: Path, eventually: Callable[..., None], arguments: list[str]
) -> None:
    now.change(stage="Inbox", kind="applied")

    process = begin(*arguments, redis_url=f"unix://{tmp_path}/nobody.sock")

    eventually(lambda: mails(now) == 1, 20)
    assert beats(now, "relay")
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
