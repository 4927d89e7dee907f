"""How the Redis behind the queue is set up, asked of real servers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import Config
from notifier.cli.context import RedisFacts
from tests.processes import free_port
from tests.redis_server import Embedded
from tests.world import SECRETS
from workers.embedded import find_server
from workers.redis_facts import reached_openly, redis_facts


def config(redis_url: str) -> Config:
    return Config(secret_key=SECRETS[0], redis_url=redis_url)


@pytest.fixture
def loose(tmp_path: Path) -> Iterator[str]:
    """A server that evicts, and keeps what it is told."""
    port = free_port()
    options = ["--port", str(port), "--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru", "--appendonly", "yes"]
    process = subprocess.Popen([find_server(), *options, "--dir", str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "ready to accept" in line.casefold():
            break
    yield f"redis://127.0.0.1:{port}"
    process.terminate()
    process.communicate()


def test_the_private_one_says_everything_although_it_may_not_be_configured(server: Embedded) -> None:
    facts = redis_facts(config(server.url))

    assert facts.why == ""
    assert facts.policy == "noeviction"
    assert not facts.persistent
    assert facts.limit == 64 * 1024 * 1024
    assert 0 < facts.used < facts.limit
    assert not facts.open


def test_what_somebody_else_has_set_up_is_told(loose: str) -> None:
    facts = redis_facts(config(loose))

    assert (facts.policy, facts.persistent, facts.limit) == ("allkeys-lru", True, 50 * 1024 * 1024)
    assert not facts.private
    assert not facts.open


def test_nobody_there_or_nobody_answering_is_a_reason(tmp_path: Path, hung: str) -> None:
    assert redis_facts(config(f"unix://{tmp_path}/nobody.sock")) == RedisFacts(why="ConnectionError")
    assert redis_facts(config(hung)).why == "TimeoutError"
    assert redis_facts(config("redis://127.0.0.1:1/notanumber")).why


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("redis://127.0.0.1:1", False),
        ("redis://localhost:1", False),
        ("redis://192.0.2.1:1", True),
        ("redis://:secret@192.0.2.1:1", False),
        ("rediss://redis.example.com:1", True),
        ("unix:///run/redis.sock", False),
    ],
)
def test_s02_one_on_another_machine_without_a_password_is_open(url: str, is_open: bool) -> None:
    assert reached_openly(url) is is_open
