"""A backup as any tool makes it: every row of one database in another. Everything that stands in one, opened. And a
process that lets things go and is killed on the way."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from notifier.core.ports import Clock
from notifier.core.retention import Kind
from notifier.flow.retention import retain_all
from notifier.store.audit import SYSTEM
from notifier.store.database import Database, Tx
from notifier.store.keyring import CannotOpen
from notifier.store.tables import metadata
from tests.faults.crash_points import SharedClock
from tests.world import SECRETS

#: What rows are sealed for.
SEALED = (
    *("source.secret", "source.api_key", "user.address", "candidate.address", "owner.address", "inbox.body"),
    *("inbox.headers", "message.placeholders", "message.snapshot", "mailbox.to", "mailbox.subject", "mailbox.mime"),
    *("event.report", "event.mail"),
)

#: Ids of entries differ from run to run, and everything else must not.
UNEQUAL = ("audit_entries", "id")


def copied(db: Database, url: str) -> Database:
    """The same rows in the migrated empty database at `url`, with the same clock."""
    copy = Database(url, secrets=SECRETS, clock=db.clock)
    with db.read() as source, copy.begin() as target:
        for table in metadata.sorted_tables:
            target.session.execute(sa.delete(table))
            rows = [dict(row._mapping) for row in source.session.execute(sa.select(table))]
            if rows:
                target.session.execute(sa.insert(table), rows)
    return copy


def contents(db: Database) -> dict[str, list[str]]:
    """Every row of every table, one text a row, with everything sealed opened."""
    with db.read() as tx:
        return {
            table.name: sorted(
                repr([_opened(db, value) for name, value in row._mapping.items() if (table.name, name) != UNEQUAL])
                for row in tx.session.execute(sa.select(table))
            )
            for table in metadata.sorted_tables
        }


def _opened(db: Database, value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    for name in SEALED:
        try:
            return name, db.keyring.open_bytes(value, name)
        except CannotOpen:
            continue
    return value


def mentions(db: Database, *words: str) -> list[str]:
    """The tables in which any of the words stands somewhere, sealed or not."""
    found = contents(db)
    return sorted(name for name, rows in found.items() if any(word in row for word in words for row in rows))


@dataclass(frozen=True, slots=True)
class Cut:
    """Where retention is killed: "before", "in" or "after" the commit of the transaction that is this kind's."""

    when: str
    kind: Kind


class CutDatabase(Database):
    """The real database; its process is killed at the cut. Retention has one writing transaction for each kind."""

    def __init__(self, url: str, clock: Clock, cut: Cut) -> None:
        super().__init__(url, secrets=SECRETS, clock=clock)
        self._cut = cut
        self._left = list(Kind).index(cut.kind) + 1
        sa.event.listen(self.engine, "commit", self._committing)

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        self._left -= 1
        with super().begin() as tx:
            yield tx
            self._kill("before")
        self._kill("after")

    def _committing(self, _connection: sa.Connection) -> None:
        # The commit is a call that lets other threads run: the signal comes while it is under way.
        threading.Thread(target=self._kill, args=("in",)).start()

    def _kill(self, when: str) -> None:
        if self._left == 0 and self._cut.when == when:
            os.kill(os.getpid(), signal.SIGKILL)


def retain(url: str, seconds: Any, cut: Cut | None) -> None:
    """Be a process that lets everything go, killed at `cut`."""
    clock = SharedClock(seconds)
    db = Database(url, secrets=SECRETS, clock=clock) if cut is None else CutDatabase(url, clock, cut)
    retain_all(db, by=SYSTEM)
    db.dispose()
