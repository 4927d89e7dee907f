"""C23 and C24: SQLite is locked by another writer, and the disk is full.

A writer waits 10 seconds for its turn, which lies between the 8 and the 15 seconds of the catalogue. The test's
connections wait half a second instead, and the lock is held as much shorter; the constant itself is asserted. The disk
is full by SQLite's own limit on the pages of the file, which ends in the same SQLITE_FULL as a full file system.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from notifier.core.errors import DatabaseAway
from notifier.store.database import BUSY_TIMEOUT
from tests.faults.edge import Edge, count
from tests.faults.site import arrival
from tests.world import World

#: How much shorter everything is here than in the catalogue.
SHORTER = 20


def every_connection(world: World, *pragmas: str) -> None:
    """From now on every connection of this world is made with these, too."""
    world.db.dispose()
    world.keep_engine()

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            connection.execute("PRAGMA " + pragma)

    sa.event.listen(world.db.engine, "connect", connected)


@contextmanager
def locked(world: World, seconds: float) -> Iterator[None]:
    """Another process writes for so long."""
    connection = sqlite3.connect(str(world.db.engine.url.database), isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(seconds, connection.execute, ["COMMIT"])
    timer.start()
    try:
        yield
    finally:
        timer.join()
        connection.close()


def test_c23_locked_for_eight_seconds_it_waits_for_fifteen_it_gives_up_in_between() -> None:
    assert 8_000 < BUSY_TIMEOUT < 15_000


def test_c23_locked_for_less_than_the_patience_of_a_writer_the_webhook_waits(world: World) -> None:
    edge = Edge(world)
    every_connection(world, f"busy_timeout={BUSY_TIMEOUT // SHORTER}")
    began = time.monotonic()
    with locked(world, 0.25):
        answer = edge.post(world.generic, arrival("a1", world.clock.now))
        assert time.monotonic() - began > 0.2

    assert answer.get_json() == {"status": "kept"}
    assert count(world, "inbox_items") == 1


def test_c23_locked_for_longer_the_webhook_is_asked_to_come_again(world: World) -> None:
    edge, body = Edge(world), arrival("a1", world.clock.now)
    every_connection(world, f"busy_timeout={BUSY_TIMEOUT // SHORTER}")
    with locked(world, 15 / SHORTER):
        answer = edge.post(world.generic, body)
        assert edge.app.test_client().get("/readyz").get_json()["checks"]["database"]["ok"], "reading waits for nobody"

    assert (answer.status_code, answer.headers["Retry-After"], answer.get_json()) == (503, "30", {"error": 503})
    assert count(world, "inbox_items") == 0
    assert edge.post(world.generic, body).get_json() == {"status": "kept"}


def test_c24_when_the_disk_is_full_what_was_acknowledged_is_there_and_nothing_is_half_written(world: World) -> None:
    edge = Edge(world)
    pages = _pages(world)
    every_connection(world, f"max_page_count={pages + 40}")
    acknowledged = []
    for number in range(1000):
        body = arrival(f"a{number}", world.clock.now)
        answer = edge.post(world.generic, body, edge.headers(world.generic, body, f"evt-{number}"))
        if answer.status_code != 200:
            break
        acknowledged.append(f"evt-{number}")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert len(acknowledged) > 5, "there was room for some"
    assert _kept(world) == acknowledged
    # The workers, too: whatever does not fit any more is given back whole.
    with pytest.raises(DatabaseAway):
        world.settle_down()
    assert world.ledger().violations == ()
    assert _check(world) == "ok"


def test_c24_when_there_is_room_again_everything_goes_on(world: World) -> None:
    edge = Edge(world)
    pages = _pages(world)
    every_connection(world, f"max_page_count={pages + 10}")
    number, status = 0, 200
    while status == 200:
        number += 1
        body = arrival(f"a{number}", world.clock.now)
        status = edge.post(world.generic, body, edge.headers(world.generic, body, f"evt-{number}")).status_code
    assert status == 503

    every_connection(world, "max_page_count=100000")
    assert edge.post(world.generic, body, edge.headers(world.generic, body, f"evt-{number}")).status_code == 200
    world.settle_down()
    assert sorted(address for address, _ in world.mails()) == sorted(
        f"a{one}@example.org" for one in range(1, number + 1)
    )
    assert _check(world) == "ok"


def _pages(world: World) -> int:
    with world.db.engine.connect() as connection:
        return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


def _kept(world: World) -> list[str]:
    with world.db.engine.connect() as connection:
        statement = "SELECT event_key FROM inbox_items ORDER BY id"
        return [str(key) for key in connection.exec_driver_sql(statement).scalars()]


def _check(world: World) -> str:
    """What SQLite says of its own file."""
    path = Path(str(world.db.engine.url.database))
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
