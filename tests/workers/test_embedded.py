"""The private redis-server: found, started on a socket of its own, gone with its parent."""

import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from tests.redis_server import Embedded
from workers.embedded import NoRedisServer, answers, find_server, place


def test_a_server_is_found_on_this_machine() -> None:
    assert os.access(find_server(), os.X_OK)


def test_it_listens_for_this_user_only_and_keeps_nothing(server: Embedded, redis: Redis) -> None:
    path = Path(server.url.removeprefix("unix://"))

    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert redis.info("server")["tcp_port"] == 0
    assert redis.info("persistence")["rdb_last_save_time"]
    assert redis.info("memory")["maxmemory_policy"] == "noeviction"


@pytest.mark.parametrize(
    "command", ["CONFIG GET *", "PUBLISH channel text", "SUBSCRIBE channel", "KEYS *", "DEBUG JMAP"]
)
def test_it_refuses_what_nobody_needs(redis: Redis, command: str) -> None:
    # Redis 7 refuses DEBUG by itself, in other words.
    with pytest.raises(ResponseError, match=r"(?i)permission|not allowed"):
        redis.execute_command(*command.split())


def test_it_can_be_stopped_and_started_over_a_stale_socket(tmp_path: Path) -> None:
    here = place(tmp_path)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(here.socket))
    embedded = Embedded(tmp_path)

    for _ in range(2):
        embedded.start()
        assert answers(here)
        embedded.stop()
        assert not answers(here)
    embedded.stop()


def test_a_second_one_in_the_same_place_is_refused(server: Embedded) -> None:
    again = Embedded(Path(server.url.removeprefix("unix://")).parent)

    with pytest.raises(NoRedisServer, match="already"):
        again.start()


@pytest.mark.parametrize("name", ["x" * 120, "with a space", "naïve", "a=b"])
def test_a_path_that_does_not_fit_is_replaced_by_a_private_folder(tmp_path: Path, name: str) -> None:
    var = tmp_path / name
    embedded = Embedded(var)
    embedded.start()

    try:
        here = place(var)
        assert len(os.fsencode(here.socket)) <= 100
        assert stat.S_IMODE(here.folder.stat().st_mode) == 0o700
        assert Redis.from_url(embedded.url).client_info()
    finally:
        embedded.stop()
        shutil.rmtree(place(var).folder)


def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    with pytest.raises(NoRedisServer, match="others"):
        Embedded(tmp_path).start()


def test_it_ends_with_the_process_that_started_it(
    tmp_path: Path, start: Callable[..., Popen[str]], eventually: Callable[..., None]
) -> None:
    code = f"""
import time
from pathlib import Path
from tests.redis_server import Embedded
Embedded(Path({str(tmp_path)!r})).start()
time.sleep(60)
"""
    parent = start("-c", code)
    eventually(lambda: answers(place(tmp_path)))

    parent.kill()

    if sys.platform == "linux":
        eventually(lambda: not answers(place(tmp_path)))
