"""The every-minute reading of the ledger costs what is in hand: both databases say how they would find the rows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks.history import fill
from notifier.store.database import Database, Tx
from notifier.store.ledger import read_ledger
from notifier.store.tables import metadata
from notifier.store.waiting import read_waiting
from tests.world import SECRETS

#: Tables that only ever grow. Their rows may be found by a range of an index, never by looking at all of them.
HISTORY = {"applications", "messages", "attempts", "audit_entries", "inbox_items"}

#: Indexes read without a range that cost nothing: one holds only what is not settled, of the other the end is read.
SMALL = {"ix_applications_unsettled", "sqlite_autoindex_attempts_1", "pk_attempts"}

#: What is settled is found by these and not by the index of its state, which nearly every row shares.
NEEDED = {
    "ix_applications_unsettled",
    "ix_messages_accepted",
    "ix_messages_came_back",
    "ix_attempts_accepted",
    "ix_attempts_settled",
}

#: The two totals, which are one pass over an index each and nothing else.
TOTALS = {"applications", "inbox_items"}


def statements(db: Database) -> list[tuple[str, Any]]:
    """Every statement of one reading, as it was sent, with a worker alive so that every law is checked."""
    sent = []
    with db.read() as tx:

        @sa.event.listens_for(tx.session.connection(), "after_cursor_execute")
        def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
            if statement.startswith("SELECT"):
                sent.append((statement, parameters))

        read_ledger(tx)
        read_waiting(tx)
    return sent


@dataclass(frozen=True)
class Step:
    """How a database would find rows of a table: by which index, if by any, and whether by a range of it."""

    table: str
    index: str
    ranged: bool


def steps_of_sqlite(tx: Tx, statement: str, parameters: Any) -> Iterator[Step]:
    plan = tx.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    for line in plan.scalars(3):
        words = line.split()
        if words[1] in HISTORY:
            index = words[words.index("INDEX") + 1] if "INDEX" in words else ""
            yield Step(words[1], index, ranged=words[0] == "SEARCH")


def steps_of_postgresql(tx: Tx, statement: str, parameters: Any) -> Iterator[Step]:
    """PostgreSQL is told that there is always much to read."""
    tx.session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    plan = tx.session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    for node in _nodes((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]):
        index = node.get("Index Name", "")
        table = node.get("Relation Name") or _table_of(index)
        if table in HISTORY and node["Node Type"] != "Bitmap Heap Scan":
            yield Step(table, index, ranged="Index Cond" in node)


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def _table_of(index: str) -> str:
    return next((table for table in HISTORY for it in metadata.tables[table].indexes if it.name == index), "")


@pytest.fixture
def history(database_url: str) -> Iterator[Database]:
    """Enough of a history for a planner to have a choice."""
    db = Database(database_url, secrets=SECRETS)
    fill(db, 1000, lambda _done: None)
    yield db
    db.dispose()


def test_only_the_totals_look_at_the_whole_history_and_they_at_an_index(history: Database) -> None:
    steps_of = steps_of_postgresql if history.is_postgresql else steps_of_sqlite
    sent = statements(history)
    assert len(sent) > 10

    with history.read() as tx:
        steps = [step for statement, parameters in sent for step in steps_of(tx, statement, parameters)]

    whole = [step for step in steps if not step.ranged and step.index not in SMALL]
    assert sorted(step.table for step in whole) == sorted(TOTALS)
    assert all(step.index for step in whole)
    assert {step.index for step in steps} >= NEEDED


def test_a_history_written_for_measuring_breaks_no_law(history: Database) -> None:
    with history.read() as tx:
        assert read_ledger(tx, full=True).violations == ()
        assert read_ledger(tx).as_dict() == read_ledger(tx, full=True).as_dict()
