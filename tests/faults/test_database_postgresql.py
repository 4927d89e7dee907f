"""C20 to C22: PostgreSQL is killed, loses a connection at the worst moment, or cannot serve.

Webhooks are answered 503 with Retry-After, come again and have one effect; nothing is half-written.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.store import inbox, schema, sources
from notifier.store.database import Database, Tx
from tests.faults.children import wait_until
from tests.faults.crash_points import send_commit
from tests.faults.edge import Edge, count, log_lines, said, sample
from tests.faults.site import Site, arrival, site
from tests.servers import Postgres, complete, postgres_binaries
from tests.world import SECRETS, World

#: What a webhook that was not kept leaves without a row.
TABLES = ("inbox_items", "applications", "messages", "audit_entries")


class KilledPostgres(Postgres):
    """A private server that is killed and started again over the same data."""

    def kill_and_start(self) -> None:
        command: Any = self.process.args
        end = time.monotonic() + 60
        while True:
            # Its children notice within moments that it is gone; until then the next one does not start.
            self.process.kill()
            self.process.wait()
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                user=self._as.get("user"),
                group=self._as.get("group"),
            )
            try:
                self._wait()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < end, "PostgreSQL does not start again"


@pytest.fixture
def killed() -> Iterator[KilledPostgres]:
    binaries = postgres_binaries()
    reason = "no PostgreSQL of the test's own: install initdb, or the development lock"
    if binaries is None and complete():
        pytest.fail(reason)
    if binaries is None:
        pytest.skip(reason)
    server = KilledPostgres(binaries)
    yield server
    server.stop()


def test_c20_killed_five_times_under_load_it_loses_nothing_and_doubles_nothing(
    killed: KilledPostgres, tmp_path: Path
) -> None:
    killed.run("CREATE DATABASE notifier")
    db = Database(url := killed.url("notifier"), secrets=SECRETS)
    schema.upgrade(db)
    db.dispose()
    statuses: set[int] = set()
    with site(tmp_path, url) as installed, installed.worker(), installed.relay():
        for round_ in range(5):
            load = threading.Thread(target=insist, args=(installed, f"c20-{round_}-", 20, statuses))
            load.start()
            time.sleep(0.2)
            killed.kill_and_start()
            load.join(60)
        # A worker whose database is away for a while waits for it longer and longer, half a minute at most.
        installed.all_arrive_once(60)
    assert statuses == {200, 503}


def insist(installed: Site, prefix: str, number: int, statuses: set[int]) -> None:
    """Post as an ATS does: what is not answered well comes again."""
    for name in (f"{prefix}{one}" for one in range(number)):
        body, status = arrival(name), 0
        installed.posted.append(f"{name}@example.org")
        while status != 200:
            status, _ = installed.system.post("generic", body, name)
            statuses.add(status)


@pytest.fixture
def world(postgresql_url: str) -> Iterator[World]:
    made = World(postgresql_url)
    yield made
    made.close()


class CutDatabase(Database):
    """The real database; the first commit is sent, and the connection is cut before anything is answered."""

    cut = False

    def __init__(self, url: str, world: World) -> None:
        super().__init__(url, secrets=SECRETS, clock=world.clock)
        sa.event.listen(self.engine, "commit", self._committing)

    def _committing(self, connection: sa.Connection) -> None:
        writes = not connection.get_execution_options().get("reading", False)
        if writes and not self.cut:
            self.cut = True
            send_commit(connection)
            raw: Any = connection.connection.driver_connection
            raw.pgconn.finish()


def test_c21_cut_after_the_commit_was_sent_the_retry_finds_the_event(world: World, postgresql_url: str) -> None:
    whole = world.flow
    world.flow = replace(whole, db=CutDatabase(postgresql_url, world))
    edge, body = Edge(world), sample("generic")

    first = edge.post(world.generic, body)
    wait_until(lambda: count(world, "inbox_items") == 1)
    second = edge.post(world.generic, body)
    world.flow.db.dispose()
    world.flow = whole

    assert (first.status_code, first.headers["Retry-After"]) == (503, "30")
    assert (second.status_code, second.get_json()) == (200, {"status": "duplicate"})
    world.settle_down()
    assert count(world, "inbox_items") == 1


def rows(world: World) -> list[int]:
    return [count(world, table) for table in TABLES]


def asked_again(edge: Edge, body: bytes, before: list[int], error: str) -> None:
    """The webhook is asked to come again, for this reason, and nothing of it is kept."""
    with log_lines() as lines:
        answer = edge.post(edge.world.generic, body)
    assert (answer.status_code, answer.headers.get("Retry-After"), answer.get_json()) == (503, "30", {"error": 503})
    assert [line["error"] for line in said(lines, "database.away")] == [error]
    assert rows(edge.world) == before


def kept_now(edge: Edge, body: bytes) -> None:
    """The retry has the one effect."""
    assert edge.post(edge.world.generic, body).get_json() == {"status": "kept"}
    assert count(edge.world, "inbox_items") == 1


def test_c22_with_every_connection_in_use_webhooks_are_asked_to_come_again(world: World) -> None:
    edge, body = Edge(world), sample("generic")
    before = rows(world)
    with ExitStack() as all_of_them:
        for _ in range(15):
            all_of_them.enter_context(world.db.engine.connect())
        began = time.monotonic()
        answer = edge.post(world.generic, body)
        assert time.monotonic() - began < 10

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert rows(world) == before
    kept_now(edge, body)


@contextmanager
def somebody_else(world: World) -> Iterator[Tx]:
    """A transaction of another process."""
    db = Database(world.db.engine.url.render_as_string(hide_password=False), secrets=SECRETS, clock=world.clock)
    try:
        with db.begin() as tx:
            yield tx
    finally:
        db.dispose()


def impatient(world: World, setting: str) -> None:
    """Every new connection of this world has a shorter time-out than the 10 or 30 seconds it is made with."""
    world.db.dispose()
    world.keep_engine()

    def connected(connection: psycopg.Connection, _record: object) -> None:
        connection.autocommit = True
        connection.execute(f"SET {setting}".encode())
        connection.autocommit = False

    sa.event.listen(world.db.engine, "connect", connected)


@pytest.mark.parametrize(
    ("setting", "error"),
    [("statement_timeout = '300ms'", "QueryCanceled"), ("lock_timeout = '300ms'", "LockNotAvailable")],
)
def test_c22_a_statement_that_takes_too_long_is_given_up(world: World, setting: str, error: str) -> None:
    edge, body, before = Edge(world), sample("generic"), rows(world)
    impatient(world, setting)
    with somebody_else(world) as tx:
        tx.session.execute(sa.text("LOCK TABLE inbox_items IN SHARE MODE"))  # it may be read, not written
        asked_again(edge, body, before, error)
    kept_now(edge, body)


def test_c22_of_two_in_a_deadlock_the_webhook_is_asked_to_come_again(world: World) -> None:
    edge, body, before = Edge(world), sample("generic"), rows(world)
    impatient(world, "deadlock_timeout = '500ms'")
    headers = {name.lower(): value for name, value in edge.headers(world.generic, body).items()}
    key = adapters()["generic"].event_key(Delivery(headers, body))
    with ThreadPoolExecutor(1) as pool, somebody_else(world) as tx:
        # It holds what the webhook needs second, and then asks for what the webhook holds already.
        tx.session.execute(sa.text("SET deadlock_timeout = '60s'"))
        tx.session.execute(sa.text("UPDATE source_secrets SET last_used_at = NULL"))
        webhook = pool.submit(asked_again, edge, body, before, "DeadlockDetected")
        wait_until(lambda: waiting_for_a_lock(world))
        source = sources.get_source(tx, None, world.generic.id)
        assert inbox.keep(tx, source, key, Delivery(headers, body), "{}") is not None
        tx.session.rollback()  # it gives up too, so that only the webhook's own rows would be left
    webhook.result()
    kept_now(edge, body)


def waiting_for_a_lock(world: World) -> bool:
    statement = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with world.db.engine.connect() as connection:
        return bool(connection.exec_driver_sql(statement).scalar_one())
