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
from tests.store.test_ledger_cost import scans_of_postgresql, scans_of_sqlite
from tests.world import SECRETS


@pytest.fixture
def history(database_url: str) -> Iterator[Database]:
    """Two years of applications, half of them old enough to be blanked."""
    db = Database(database_url, secrets=SECRETS)
    fill(db, 1500, lambda _done: None)
    yield db
    db.dispose()


def statements(db: Database) -> list[tuple[Kind, str, Any]]:
    """Every look of one batch of every kind, as it was sent. What is written is named by its key."""
    sent = []
    for kind in Kind:
        with db.begin() as tx:

            @sa.event.listens_for(tx.session.connection(), "before_cursor_execute")
            def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any, k: Kind = kind) -> None:
                if statement.startswith("SELECT"):
                    sent.append((k, statement, parameters))

            retention.sweep_out(tx, kind, limit=50)
            tx.session.rollback()
    return sent


def test_no_kind_looks_at_the_whole_history(history: Database) -> None:
    scans = scans_of_postgresql if history.is_postgresql else scans_of_sqlite
    sent = statements(history)
    assert {kind for kind, _, _ in sent} == set(Kind)

    found = set()
    for kind, statement, parameters in sent:
        with history.begin() as tx:
            found |= {(kind, scan) for scan in scans(tx, statement, parameters)}
            tx.session.rollback()

    assert found == set()


def test_after_a_pass_nothing_is_found_and_nothing_is_looked_at(history: Database) -> None:
    for kind in Kind:
        while True:
            with history.begin() as tx:
                if not retention.sweep_out(tx, kind, limit=500):
                    break

    with history.read() as tx:
        assert [retention.count(tx, kind) for kind in Kind] == [0] * len(Kind)
        blanked = sa.select(sa.func.count()).select_from(Application).where(Application.blanked_at.is_not(None))
        assert tx.session.execute(blanked).scalar_one() > 600
