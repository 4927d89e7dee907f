"""`notifier ledger`: the exit code says whether a law is broken, and `--full` looks at what was settled, too."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from notifier.store.applications import Application
from notifier.store.audit import AuditEntry
from notifier.store.messages import Message
from notifier.store.submission import Attempt
from tests.cli.conftest import Terminal
from tests.world import World

#: The contract, and what was added to it.
KEYS = {"applications", "outcomes", "told", "pending", "held", "in_doubt", "open", "inbox", "planned", "quarantined"}
MORE = {"received", "asking", "ignored", "violations"}


@pytest.fixture
def told_long_ago(world: World) -> World:
    """Somebody was told of a rejection years before this program's clock, and then the trail of it was lost."""
    world.clock.now -= timedelta(weeks=520)
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(days=1, hours=1)
    with world.db.begin() as tx:
        tx.session.execute(sa.delete(AuditEntry).where(AuditEntry.after == "accepted"))
    return world


def test_every_minute_and_once_a_night(terminal: Terminal, told_long_ago: World) -> None:
    quick = terminal.json("ledger")
    assert set(quick) == KEYS | MORE
    assert (quick["told"], quick["violations"]) == (1, [])

    full = terminal.json("ledger", "--full", status=1)

    (message,) = told_long_ago.messages()
    assert full["violations"] == [{"law": "L11", "subject": message.id}]
    assert {name: full[name] for name in KEYS} == {name: quick[name] for name in KEYS}
    assert f"L11 is broken by {message.id}" in terminal.run("ledger", "--full", status=1)


def test_what_is_in_hand_is_looked_at_whatever_its_age(terminal: Terminal, told_long_ago: World) -> None:
    with told_long_ago.db.begin() as tx:
        tx.session.execute(sa.delete(Attempt))
        tx.session.execute(sa.delete(Message))
        tx.session.execute(sa.update(Application).values(told_at=None, told_how=""))

    found = terminal.json("ledger", status=1)

    assert [violation["law"] for violation in found["violations"]] == ["L1"]
    assert (found["told"], found["open"]) == (0, 1)


def test_a_workspace_can_be_checked_fully(terminal: Terminal, told_long_ago: World) -> None:
    other = terminal.json("workspace", "add", "Second Co")["id"]

    assert terminal.json("ledger", "--full", "--workspace", other)["violations"] == []
    terminal.json("ledger", "--full", "--workspace", told_long_ago.workspace, status=1)
