"""A long history for benchmarks: a database full of applications that were told long ago, and a few under way.

Rows are written in bulk and not through the flow, which would take days; what is written is what the flow would have
written, so that the ledger finds no law broken.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any

import psycopg
import sqlalchemy as sa

from notifier.store.database import Database
from notifier.store.heartbeats import Heartbeat
from notifier.store.sources import add_source
from notifier.store.tables import metadata
from notifier.store.workspaces import add_workspace

#: How far back the history goes.
YEARS = 2

#: One application in this many is not settled; they are spread over the whole history.
LIVE = 100

#: Bytes of what is kept sealed: a letter with its placeholders, and a webhook's body.
LETTER, BODY = 1200, 900

#: Applications written in one transaction.
BATCH = 2000

#: A table's name and one row of it.
Row = tuple[str, dict[str, Any]]

#: Writes rows, by table, parents first, in a transaction.
Insert = Callable[[dict[str, list[dict[str, Any]]]], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Whose rows they are, and where their history begins and ends."""

    workspace_id: str
    source_id: str
    template_id: str
    start: datetime
    end: datetime


def fill(db: Database, applications: int, progress: Callable[[int], None]) -> None:
    """Write the history into an empty migrated database, oldest first, and leave it as a database at rest is."""
    rows = application_rows(_place(db), applications)
    with (_copying if db.is_postgresql else _inserting)(db) as insert:
        for done in range(0, applications, BATCH):
            batch: dict[str, list[dict[str, Any]]] = {}
            for table, row in chain.from_iterable(islice(rows, BATCH)):
                batch.setdefault(table, []).append(row)
            insert({table.name: batch[table.name] for table in metadata.sorted_tables if table.name in batch})
            progress(min(applications, done + BATCH))


def application_rows(place: Place, applications: int) -> Iterator[list[Row]]:
    """Everything about one application after the other."""
    step = (place.end - place.start) / applications
    for number in range(applications):
        yield _Story(place, number, place.start + number * step).rows


def _place(db: Database) -> Place:
    with db.begin() as tx:
        workspace = add_workspace(tx, "Long History Co")
        source = add_source(tx, workspace.id, "generic", name="generic", secret="x" * 32, sending="live")
        # Alive for as long as anybody measures, so that every law is checked.
        tx.session.add(Heartbeat(kind="worker", name="benchmark", at=tx.now + timedelta(days=1)))
        version = metadata.tables["template_versions"]
        row = {"id": "tpl_1", "key": "in_review", "language": "en", "digest": "d", "source": "", "created_at": tx.now}
        tx.session.execute(sa.insert(version).values(**row))
        return Place(workspace.id, source.id, "tpl_1", tx.now - timedelta(days=365 * YEARS), tx.now)


class _Story:
    """What happened to one application. Every hundredth is not settled; its number says what it waits for."""

    def __init__(self, place: Place, number: int, at: datetime) -> None:
        self.place, self.number, self.at = place, number, at
        self.id = f"app_{number:024d}"
        self.rows: list[Row] = []
        self.waits_for = ""
        if number % LIVE == LIVE - 1:
            waits = ("nothing", "approval", "nothing", "its_time", "a_person", "nothing", "evidence", "repair")
            self.waits_for = waits[number // LIVE % len(waits)]
        self._tell()

    def _tell(self) -> None:
        under_way = self.waits_for == "nothing"
        self._application(under_way=under_way)
        for part in range(2 + self.number % 2):
            self._webhook(part)
        for part in range(self.number % 3):
            self._message(part, "status", "accepted")
        if under_way or self.waits_for == "a_person" or self._by_phone:
            return
        state = {"approval": "awaiting_approval", "its_time": "scheduled", "evidence": "in_doubt", "repair": "failed"}
        self._message(9, "outcome", state.get(self.waits_for, "accepted"))

    @property
    def _by_phone(self) -> bool:
        return not self.waits_for and self.number % 33 == 0

    def _application(self, *, under_way: bool) -> None:
        told = not self.waits_for
        how = ("phone" if self._by_phone else "email") if told else ""
        outcome = "none" if under_way else ("rejected", "rejected", "withdrawn", "rejected", "hired")[self.number % 5]
        self._add(
            "applications",
            id=self.id,
            source_id=self.place.source_id,
            external_id=str(self.number),
            kind="screen",
            outcome=outcome,
            outcome_version=0 if under_way else 2,
            version=2,
            order_at=self.at,
            order_sequence=0,
            order_key="k",
            stage_order_at=self.at,
            stage_order_sequence=0,
            stage_order_key="k",
            told_at=self.at if told else None,
            told_how=how,
            open_reason="message_cancelled" if self.waits_for == "a_person" else "",
            silent_since=self.at,
            created_at=self.at,
        )
        self._audit(self.id, "applied none v1", f"screen {outcome} v2", "open" if not told else "told")

    def _webhook(self, part: int) -> None:
        item = f"inb_{self.number:020d}{part:04d}"
        ignored = self.number % 7 == 0 and part == 1
        self._add(
            "inbox_items",
            id=item,
            source_id=self.place.source_id,
            event_key=f"{self.number}-{part}",
            headers=b"h" * 60,
            body=b"b" * BODY,
            body_hash=b"0" * 32,
            state="ignored" if ignored else "planned",
            received_at=self.at,
            planned_at=self.at,
            candidate_id=f"cand_{self.number:022d}",
        )
        self._audit(item, "ignored" if ignored else "planned")

    def _message(self, part: int, purpose: str, state: str) -> None:
        message = f"msg_{self.number:020d}{part:04d}"
        tried = state in ("accepted", "in_doubt", "failed")
        attempt = f"att_{self.number:020d}{part:04d}" if tried else None
        self._add(
            "messages",
            id=message,
            application_id=self.id,
            version=2 if purpose == "outcome" else 1,
            purpose=purpose,
            template=f"template_{part}",
            language="en",
            template_id=self.place.template_id,
            mode="auto",
            hold="",
            window="any",
            state=state,
            phase="",
            due_at=self.place.end + timedelta(days=1) if state == "scheduled" else self.at,
            urgent_at=self.at,
            attempt_id=attempt,
            attempts=int(tried),
            placeholders=b"p" * 200,
            snapshot=b"s" * LETTER,
            provider="sendgrid" if tried else "",
            accepted_at=self.at if state == "accepted" else None,
            delivery="delivered" if state == "accepted" else "none",
            created_at=self.at,
        )
        self._audit(message, "scheduled", *(["sending"] if tried else []), *([] if state == "scheduled" else [state]))
        if attempt is not None:
            self._attempt(attempt, message, {"in_doubt": "unknown", "failed": "impossible"}.get(state, state))

    def _attempt(self, attempt: str, message: str, outcome: str) -> None:
        self._add(
            "attempts",
            id=attempt,
            message_id=message,
            fence=1,
            provider="sendgrid",
            started_at=self.at,
            submitted_at=self.at,
            ended_at=self.at,
            outcome=outcome,
        )

    def _audit(self, subject: str, *words: str) -> None:
        before = ""
        for place, after in enumerate(words):
            entry = f"aud_{subject.replace('_', '')[:27]}{place}"
            at = self.at + timedelta(milliseconds=place)
            self._add("audit_entries", id=entry, subject=subject, at=at, actor="system", before=before, after=after)
            before = after

    def _add(self, table: str, **values: Any) -> None:
        self.rows.append((table, {"workspace_id": self.place.workspace_id, **values}))


def _columns(table: str, row: dict[str, Any]) -> tuple[list[str], list[Any]]:
    """The names of the columns to write, quoted: the row's own, and those whose value the models know; and these."""
    constants = {
        column.name: column.default.arg
        for column in metadata.tables[table].columns
        if column.name not in row and isinstance(column.default, sa.ColumnDefault) and column.default.is_scalar
    }
    return [f'"{name}"' for name in [*row, *constants]], list(constants.values())


@contextmanager
def _inserting(db: Database) -> Iterator[Insert]:
    connection = sqlite3.connect(str(db.engine.url.database), isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-500000")

    def insert(batch: dict[str, list[dict[str, Any]]]) -> None:
        connection.execute("BEGIN")
        for table, rows in batch.items():
            names, constants = _columns(table, rows[0])
            marks = ", ".join("?" * len(names))
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - our own names
                ((*map(_text, row.values()), *constants) for row in rows),
            )
        connection.execute("COMMIT")

    yield insert
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _text(value: Any) -> Any:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value


@contextmanager
def _copying(db: Database) -> Iterator[Insert]:
    with psycopg.connect(db.engine.url.set(drivername="postgresql").render_as_string(False), autocommit=True) as found:

        def insert(batch: dict[str, list[dict[str, Any]]]) -> None:
            with found.transaction(), found.cursor() as cursor:
                for table, rows in batch.items():
                    names, constants = _columns(table, rows[0])
                    with cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN".encode()) as copy:
                        for row in rows:
                            copy.write_row((*row.values(), *constants))

        yield insert
        found.execute("VACUUM ANALYZE")
        found.execute("CHECKPOINT")
