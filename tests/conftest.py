"""What many tests need: a migrated database of each kind, and a world with people in it."""

import fcntl
import gc
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.store import schema
from notifier.store.database import Database
from tests.emptying import empty, shape_of
from tests.servers import GivenPostgres, Postgres, complete, postgres_binaries
from tests.world import SECRETS, World

_numbers = itertools.count(1)


def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: two for a processor, because much of the time a test waits for other processes."""
    return len(os.sched_getaffinity(0)) * 2


def pytest_collection_finish() -> None:
    """Have the collector of garbage pass by what stays until the end, and come less often: a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


class Databases:
    """Hands out fresh migrated databases, copied from one migrated template per kind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template: Path | None = None
        self._server: Postgres | GivenPostgres | None = None
        self._free: list[str] = []
        self._shape: object = None

    def sqlite(self, path: Path) -> str:
        if self._template is None:
            self._template = self._folder / "template.db"
            self._migrate(f"sqlite:///{self._template}")
        shutil.copy(self._template, path)
        return f"sqlite:///{path}"

    def postgresql(self) -> str:
        """A new one."""
        # Several test processes may share one server, so every name carries the process.
        template = f"notifier_template_{os.getpid()}"
        if self._server is None:
            self._server = self._find_server()
            self._server.run(f"CREATE DATABASE {template}")
            self._migrate(self._server.url(template))
            self._shape = shape_of(self._server.url(template))
        name = f"notifier_test_{os.getpid()}_{next(_numbers)}"
        self._server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._server.url(name)

    def lend_postgresql(self) -> str:
        """One that somebody gave back, empty again, else a new one."""
        return self._free.pop() if self._free else self.postgresql()

    def give_back(self, url: str) -> None:
        """Empty it and keep it for the next, unless more than rows would remain: that takes a tenth of the time of
        making one."""
        if empty(url, self._shape):
            self._free.append(url)

    @staticmethod
    def _find_server() -> Postgres | GivenPostgres:
        given = os.environ.get("TEST_DATABASE_URL")
        if given:
            return GivenPostgres(given)
        binaries = postgres_binaries()
        if binaries is None:
            reason = "no PostgreSQL: set TEST_DATABASE_URL, or install initdb, or the development lock"
            pytest.fail(reason) if complete() else pytest.skip(reason)  # one clear line where it is missing
        return Postgres(binaries)

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()

    @staticmethod
    def _migrate(url: str) -> None:
        db = Database(url, secrets=SECRETS)
        schema.upgrade(db)
        db.dispose()


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    found = Databases(tmp_path_factory.mktemp("databases"))
    yield found
    found.stop()


@pytest.fixture(autouse=True)
def company(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests run beside each other in several processes, but for one that is marked `alone`: it waits for those under
    way, and the others wait for it. Whoever wants in passes the gate first, so that it is not kept waiting for ever."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    how = fcntl.LOCK_EX if request.node.get_closest_marker("alone") else fcntl.LOCK_SH
    with (shared / "gate").open("w") as gate, (shared / "room").open("w") as room:
        fcntl.flock(gate, how)
        fcntl.flock(room, how)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield


@pytest.fixture
def sqlite_url(databases: Databases, tmp_path: Path) -> str:
    return databases.sqlite(tmp_path / "notifier.db")


@pytest.fixture
def postgresql_url(databases: Databases) -> Iterator[str]:
    url = databases.lend_postgresql()
    yield url
    databases.give_back(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    """One employer with one Greenhouse source and one generic source, on SQLite, with a clock of its own."""
    made = World(sqlite_url)
    yield made
    made.close()


@pytest.fixture
def world_on(database_url: str) -> Iterator[World]:
    """The same world, on each kind of database in turn."""
    made = World(database_url)
    yield made
    made.close()
