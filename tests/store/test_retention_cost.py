"""A pass of retention costs what is to leave, not what is kept: both databases say how they would find the rows."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks.history import fill
from notifier.core.retention import Kind
from notifier.store import retention
from notifier.store.applications import Application
from notifier.store.database import Database
from tests.world import SECRETS

#: Tables that only ever grow, as both databases name them when they would read one from end to end.
WHOLE = [
    f"{scan} {table}"
    for table in ("applications", "messages", "attempts", "inbox_items", "provider_events", "candidates")
    for scan in ("SCAN", "Seq Scan on")
]

#: What the history has much of and what stays when it is blanked: the index that holds only what was not.
BLANKED = {Kind.INBOX_BODIES: "ix_inbox_items_unblanked", Kind.LETTERS: "ix_applications_told"}


@pytest.fixture
def history(database_url: str) -> Iterator[Database]:
    """Two years of applications, half of them old enough to be blanked."""
    db = Database(database_url, secrets=SECRETS)
    fill(db, 1500, lambda _done: None)
    yield db
    db.dispose()


def looks(db: Database, kind: Kind) -> list[tuple[str, Any]]:
    """Every look of one batch, as it was sent; what is written is named by its key. Nothing of it is done."""
    sent = []
    with db.begin() as tx:

        @sa.event.listens_for(tx.session.connection(), "before_cursor_execute")
        def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
            if statement.startswith("SELECT"):
                sent.append((statement, parameters))

        retention.sweep_out(tx, kind, limit=50)
        tx.session.rollback()
    return sent


def plan(db: Database, statement: str, parameters: Any) -> str:
    """How the database would find the rows; PostgreSQL is told that there is always much to read."""
    with db.begin() as tx:
        if db.is_postgresql:
            tx.session.execute(sa.text("SET LOCAL enable_seqscan = off"))
        how = "EXPLAIN" if db.is_postgresql else "EXPLAIN QUERY PLAN"
        steps = tx.session.connection().exec_driver_sql(f"{how} {statement}", parameters).all()
    return "\n".join(str(step[-1]) for step in steps)


def test_no_kind_looks_at_the_whole_history(history: Database) -> None:
    for kind in Kind:
        found = [plan(history, *look) for look in looks(history, kind)]
        assert found, kind
        assert [(kind, scan) for scan in WHOLE for steps in found if scan in steps] == []


def test_after_a_pass_nothing_is_found_and_what_was_blanked_is_not_looked_at(history: Database) -> None:
    for kind in Kind:
        while True:
            with history.begin() as tx:
                if not retention.sweep_out(tx, kind, limit=500):
                    break

    with history.begin() as tx:
        assert [retention.count(tx, kind) for kind in Kind] == [0] * len(Kind)
        blanked = sa.select(sa.func.count()).select_from(Application).where(Application.blanked_at.is_not(None))
        assert tx.session.execute(blanked).scalar_one() > 600
        tx.session.execute(sa.text("ANALYZE"))
    for kind, index in BLANKED.items():
        assert index in plan(history, *looks(history, kind)[0])
