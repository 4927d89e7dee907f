"""One database, two kinds of transaction, one clock.

SQLite: WAL, one writer. SQLAlchemy's default begins no transaction on SELECT, and two read-then-write transactions then
lose an update; so every writing transaction begins IMMEDIATE and waits its turn, and reading ones begin plain and wait
for nobody. PostgreSQL: rows are claimed with SKIP LOCKED, and its clock is the one that counts: several machines never
agree on theirs.

Whatever means "the database is away" becomes DatabaseAway, so that the edge can answer 503 and keep nothing.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.orm import Session

from notifier.core.errors import DatabaseAway
from notifier.core.ports import Clock
from notifier.store.keyring import KeyRing

#: Milliseconds a SQLite writer waits for its turn before it is told that the database is locked.
BUSY_TIMEOUT = 10_000

#: Seconds after which the PostgreSQL clock is looked at again; between looks the machine's monotonic clock carries on.
CLOCK_PERIOD = 60.0


class Tx:
    """An open transaction: the session, the moment it is for, and the key ring."""

    def __init__(self, session: Session, now: datetime, keyring: KeyRing) -> None:
        self.session = session
        self.now = now
        self.keyring = keyring


class DatabaseClock:
    """The database's own time, asked for once a minute and carried on by the monotonic clock in between.

    A machine whose wall clock jumps neither sends early nor takes leases away from others.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._base: datetime | None = None
        self._at = 0.0

    def __call__(self) -> datetime:
        """The present moment, aware, in UTC. Raises DatabaseAway."""
        with self._lock:
            mono = time.monotonic()
            if self._base is None or mono - self._at > CLOCK_PERIOD:
                try:
                    with self._engine.connect() as connection:
                        self._base = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
                except (sa.exc.DBAPIError, sa.exc.TimeoutError) as fault:
                    raise DatabaseAway(type(fault).__name__) from fault
                self._at = mono = time.monotonic()
            return self._base.astimezone(UTC) + timedelta(seconds=mono - self._at)


def system_clock() -> datetime:
    """This machine's time, aware, in UTC."""
    return datetime.now(UTC)


def _sqlite(url: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:" and not path.startswith("file:"):  # a URI says itself whether a file is made
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise DatabaseAway(f"its folder cannot be made: {fault.strerror}") from fault
    kwargs: dict[str, Any] = {}
    if not path or path == ":memory:":
        kwargs["poolclass"] = sa.StaticPool
    engine = sa.create_engine(
        url,
        hide_parameters=True,  # an error message must not carry a person's name
        connect_args={"timeout": BUSY_TIMEOUT / 1000, "isolation_level": None, "check_same_thread": False},
        **kwargs,
    )

    @sa.event.listens_for(engine, "connect")
    def set_pragmas(dbapi_connection: Any, _record: Any) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={BUSY_TIMEOUT}",
            "foreign_keys=ON",
        ):
            dbapi_connection.execute("PRAGMA " + pragma)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: str) -> Engine:
    return sa.create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=5,
        pool_timeout=5,
        connect_args={"connect_timeout": 5, "options": "-c statement_timeout=30000 -c lock_timeout=10000"},
    )


def make_engine(url: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql+psycopg://…`; raises ValueError for anything else."""
    dialect = make_url(url).get_backend_name()
    if dialect == "sqlite":
        return _sqlite(url)
    if dialect == "postgresql":
        return _postgresql(url)
    raise ValueError(f"{dialect} is not supported: sqlite or postgresql")


def means_away(fault: sa.exc.DBAPIError) -> bool:
    """Whether the database could not serve (connection, lock, dead-lock, disk, time-out): trying again may help."""
    # Data that does not fit, a broken constraint and wrong SQL are our own faults and must be loud; the rest
    # (connection, lock, disk, time-out, shut-down, a file that is no database) is the database being unable to serve.
    if fault.connection_invalidated or isinstance(fault, sa.exc.OperationalError | sa.exc.InterfaceError):
        return True
    return type(fault) is sa.exc.DatabaseError


class Database:
    """Opens transactions. One per process; safe to share between threads.

    `secrets` is the ring of SECRET_KEY and its fallbacks, newest first; `clock` replaces the default (the database's
    own on PostgreSQL, the machine's on SQLite, which lives on one host). `engine` is one of `make_engine` that already
    knows this product's statements, in place of a new one for `url`.
    """

    def __init__(
        self, url: str, *, secrets: Sequence[str], clock: Clock | None = None, engine: Engine | None = None
    ) -> None:
        self.engine = engine or make_engine(url)
        self.keyring = KeyRing(secrets)
        self.is_postgresql = self.engine.dialect.name == "postgresql"
        self.clock: Clock = clock or (DatabaseClock(self.engine) if self.is_postgresql else system_clock)
        self._readers = self.engine.execution_options(reading=True)

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """A writing transaction: committed at the end of the block, rolled back on any exception."""
        with self._transaction(self.engine) as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A reading transaction: never waits for a writer, writes nothing."""
        with self._transaction(self._readers) as tx:
            yield tx

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Tx]:
        try:
            # On PostgreSQL the clock may have to ask the database, which must not take a second connection.
            now = self.clock() if self.is_postgresql else None
            with Session(engine, expire_on_commit=False) as session, session.begin():
                session.connection()
                # A writer of SQLite may have waited long for its turn: its moment is when the turn came.
                yield Tx(session, now or self.clock(), self.keyring)
        except sa.exc.DBAPIError as fault:
            if means_away(fault):
                raise DatabaseAway(type(fault.orig).__name__) from fault
            raise
        except sa.exc.TimeoutError as fault:
            raise DatabaseAway("no connection was free in time") from fault

    def dispose(self) -> None:
        """Close every connection; the object can be used again afterwards (needed after a fork)."""
        self.engine.dispose()
