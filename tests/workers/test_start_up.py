"""Before a worker or a relay touches anything: the database is there, and its schema may be used."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notifier.store import heartbeats, schema
from notifier.store.database import Database
from tests.schemas import left_by_a_newer_program
from tests.world import SECRETS, World
from workers.signals import Stop
from workers.start_up import may_start

ROOT = Path(__file__).parents[2]
PROCESSES = [["worker"], ["worker", "--with-relay"], ["relay"]]
Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starts one of our processes without a Redis; ends what is left."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, database: str) -> "subprocess.Popen[str]":
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database,
            "SECRET_KEY": SECRETS[0],
            "REDIS_URL": f"unix://{tmp_path}/nobody.sock",
        }
        command = [sys.executable, "-m", "workers.main", *arguments]
        started.append(
            subprocess.Popen(
                command, cwd=tmp_path, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("arguments", PROCESSES)
@pytest.mark.parametrize(
    ("revision", "floor", "words"),
    [("0000", "0000", "run: notifier db upgrade"), ("9999", "9998", "use the newer program")],
)
def test_s03_a_schema_of_another_release_is_one_line_and_exit_1(
    world: World, sqlite_url: str, begin: Begin, arguments: list[str], revision: str, floor: str, words: str
) -> None:
    left_by_a_newer_program(world.db, revision=revision, floor=floor)

    process = begin(*arguments, database=sqlite_url)
    out, said = process.communicate(timeout=30)

    assert process.returncode == 1
    assert re.fullmatch(f"not started: the database is at revision {revision}.*{words}\n", said)
    assert out == ""
    with world.db.read() as tx:
        assert heartbeats.last_beat(tx, arguments[0]) is None


@pytest.mark.parametrize("arguments", PROCESSES)
def test_s03_m02_a_newer_schema_that_leaves_room_is_worked_on(
    world: World, sqlite_url: str, begin: Begin, eventually: Callable[..., None], arguments: list[str]
) -> None:
    """The old program goes on while the new one rolls out."""
    left_by_a_newer_program(world.db, revision="9999", floor=schema.head())

    process = begin(*arguments, database=sqlite_url)

    def beats() -> bool:
        with world.db.read() as tx:
            return heartbeats.last_beat(tx, arguments[0]) is not None

    eventually(beats, 30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


@pytest.mark.parametrize("arguments", PROCESSES)
def test_s05_a_database_that_is_away_is_waited_for_until_told_to_stop(begin: Begin, arguments: list[str]) -> None:
    process = begin(*arguments, database="postgresql://nobody@127.0.0.1:1/none")
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "start.database_away" in line

    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


class Waiting(Stop):
    """Remembers how long it was to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return super().wait(seconds)


def test_s05_it_goes_on_as_soon_as_the_database_is_there(tmp_path: Path, sqlite_url: str) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    hidden = file.rename(tmp_path / "hidden")
    file.mkdir()  # what is no file cannot be opened
    db, stop = Database(sqlite_url, secrets=SECRETS), Waiting()

    def bring_back() -> None:
        time.sleep(0.3)
        file.rmdir()
        hidden.rename(file)

    thread = threading.Thread(target=bring_back)
    thread.start()
    assert may_start(db, stop, first=0.05)
    thread.join()
    db.dispose()

    assert stop.waits[:2] == [0.05, 0.1]


def test_a_stop_ends_the_waiting(tmp_path: Path, sqlite_url: str) -> None:
    stop = Stop()
    stop.ask()
    db = Database(sqlite_url, secrets=SECRETS)

    assert not may_start(db, stop)

    db.dispose()
