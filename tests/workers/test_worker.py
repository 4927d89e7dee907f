"""The worker: runs ours and nothing else, stops between two batches, survives Redis."""

import json
import logging
import pickle
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue as RqQueue

from notifier.core.ports import Job
from tests.redis_server import Embedded
from workers import jobs
from workers.queues import QUEUE, RedisQueue
from workers.signals import Stop
from workers.worker import NotifierWorker, SafeJob, connect

Start = Callable[..., "subprocess.Popen[str]"]
STAND_IN = str(Path(__file__).with_name("stand_in.py"))


def work(server: Embedded) -> NotifierWorker:
    """Run what waits now, then return the worker."""
    worker = NotifierWorker(connect(server.url), stop=Stop(), alive=lambda: None)
    worker.work(burst=True, logging_level="WARNING")
    worker.connection.close()
    return worker


def forge(redis: Redis, data: bytes, **fields: str) -> None:
    """Put a job into the queue the way anybody who can write to Redis could."""
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    fields = {"origin": QUEUE, "created_at": moment, "timeout": "10", "status": "queued"} | fields
    redis.hset("rq:job:forged", mapping={"data": data, **fields})
    redis.rpush(f"rq:queue:{QUEUE}", "forged")


def folder_of(tmp_path: Path, files: int) -> Path:
    for name in ("todo", "done"):
        (tmp_path / name).mkdir()
    for number in range(files):
        (tmp_path / "todo" / str(number)).touch()
    return tmp_path


def count(folder: Path) -> int:
    return len(list(folder.iterdir()))


@pytest.fixture
def calls() -> list[str]:
    """What the bound doubles were called for."""
    seen: list[str] = []

    def note(word: str) -> int:
        seen.append(word)
        return 0

    jobs.bind(jobs.Bench({job: partial(note, job) for job in Job}, lambda _: True, seen.append, Stop()))
    return seen


def test_a_nudged_job_runs_and_leaves_nothing_behind(
    server: Embedded, redis: Redis, own_signals: None, calls: list[str]
) -> None:
    queue = RedisQueue(server.url)
    queue.nudge(Job.PLAN)

    work(server)

    assert calls == ["plan", "plan", "send"]
    assert not list(redis.scan_iter("rq:job:*"))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("os.system", ["touch {}"]),
        ("workers.jobs.bind", []),
        ("workers.jobs.plan", ["with an argument"]),
        ("pathlib.Path.touch", ["{}"]),
    ],
)
def test_any_other_function_is_refused(
    server: Embedded,
    redis: Redis,
    own_signals: None,
    calls: list[str],
    tmp_path: Path,
    function: str,
    arguments: list[str],
) -> None:
    touched = tmp_path / "touched"
    filled = [word.format(touched) for word in arguments]
    forge(redis, json.dumps([function, None, filled, {}]).encode())

    work(server)

    assert not touched.exists()
    assert not calls
    assert redis.hget("rq:job:forged", "status") == b"failed"


class Bomb:
    """Creates the file when unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path(self.path),)


def test_a_pickle_is_not_opened(
    server: Embedded, redis: Redis, own_signals: None, calls: list[str], tmp_path: Path
) -> None:
    bomb = pickle.dumps(Bomb(str(tmp_path / "touched")))
    forge(redis, bomb, meta=bomb, success_callback_name="os.getpid", webhooks="[]")

    work(server)

    assert not (tmp_path / "touched").exists()
    assert not calls


def test_a_forged_callback_is_not_looked_up(
    server: Embedded, redis: Redis, own_signals: None, calls: list[str]
) -> None:
    forge(
        redis,
        json.dumps(["workers.jobs.send", None, [], {}]).encode(),
        success_callback_name="workers.jobs.plan",
        failure_callback_name="workers.jobs.plan",
    )

    work(server)

    assert calls == ["send", "send"]


def test_a_failed_job_keeps_no_text_that_may_quote_somebody(
    server: Embedded,
    redis: Redis,
    own_signals: None,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def broken() -> int:
        raise ValueError("ada@example.com")

    jobs.bind(jobs.Bench(dict.fromkeys(Job, broken), lambda _: True, lambda _: None, Stop()))
    RedisQueue(server.url).nudge(Job.SEND)

    with caplog.at_level(logging.DEBUG):
        work(server)

    [failed] = RqQueue(QUEUE, connection=redis, serializer="json", job_class=SafeJob).failed_job_registry.get_job_ids()
    kept = [redis.hgetall(f"rq:job:{failed}"), redis.xrange(f"rq:results:{failed}")]
    said = capfd.readouterr()
    assert "ada@" not in str(kept) + caplog.text + said.out + said.err
    assert "ValueError" in said.out + said.err + caplog.text


def test_sigterm_finishes_the_batch_in_hand_and_hands_on_the_rest(
    server: Embedded, redis: Redis, tmp_path: Path, start: Start, eventually: Callable[..., None]
) -> None:
    folder = folder_of(tmp_path, 30)
    process = start(STAND_IN, server.url, str(folder))
    eventually(lambda: count(folder / "done") >= 2)

    process.send_signal(signal.SIGTERM)

    assert process.wait(15) == 0
    assert (folder / "stopped").exists()
    assert count(folder / "done") + count(folder / "todo") == 30
    assert count(folder / "todo") > 0
    assert redis.llen(f"rq:queue:{QUEUE}") == 1


def test_an_idle_worker_stops_at_once(
    server: Embedded, redis: Redis, tmp_path: Path, start: Start, eventually: Callable[..., None]
) -> None:
    process = start(STAND_IN, server.url, str(folder_of(tmp_path, 1)))
    eventually(lambda: redis.scard("rq:workers") and not count(tmp_path / "todo"))

    process.send_signal(signal.SIGINT)

    assert process.wait(15) == 0


def test_a_worker_that_starts_before_redis_waits_for_it(
    tmp_path: Path, start: Start, eventually: Callable[..., None]
) -> None:
    embedded = Embedded(tmp_path / "var")
    folder = folder_of(tmp_path, 2)
    process = start(STAND_IN, embedded.url, str(folder))
    eventually((folder / "ready").exists)
    embedded.start()

    try:
        RedisQueue(embedded.url).nudge(Job.PLAN)
        eventually(lambda: count(folder / "done") == 2)
        embedded.stop()
        (folder / "todo" / "late").touch()
        embedded.start()
        RedisQueue(embedded.url).nudge(Job.PLAN)
        eventually(lambda: count(folder / "done") == 3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        embedded.stop()


def test_a_job_that_cannot_even_be_read_stops_nobody(
    server: Embedded, redis: Redis, tmp_path: Path, start: Start, eventually: Callable[..., None]
) -> None:
    forge(redis, b"{}", timeout="soon", created_at="yesterday")
    folder = folder_of(tmp_path, 1)
    process = start(STAND_IN, server.url, str(folder))

    eventually(lambda: count(folder / "done") == 1)

    (folder / "todo" / "later").touch()
    RedisQueue(server.url).nudge(Job.PLAN)
    eventually(lambda: count(folder / "done") == 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
