"""Each law of the ledger is seen to break when somebody breaks it by hand in the database."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from notifier.core.message import Submission
from notifier.store import heartbeats
from notifier.store.applications import Application
from notifier.store.audit import AuditEntry
from notifier.store.inbox import InboxItem
from notifier.store.messages import Message
from notifier.store.submission import Attempt
from notifier.store.workspaces import pause
from tests.world import World


@pytest.fixture
def broken(world_on: World) -> World:
    """One application told of its rejection, one with a message pending, and a worker that lives."""
    world = world_on
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(days=1, hours=1)
    world.change("a2", outcome="rejected", email="eva@example.org")
    world.settle_down()
    beat(world)
    assert world.ledger().violations == ()
    return world


def beat(world: World) -> None:
    with world.db.begin() as tx:
        heartbeats.beat(tx, "worker", "w1")


def laws(world: World) -> set[str]:
    return {violation.law for violation in world.ledger().violations}


def change(world: World, table: type, **values: object) -> None:
    with world.db.begin() as tx:
        tx.session.execute(sa.update(table).values(**values))


def test_the_counts_add_up(broken: World) -> None:
    ledger = broken.ledger()

    assert (ledger.applications, ledger.outcomes, ledger.told, ledger.pending) == (2, 2, 1, 1)
    assert (ledger.inbox, ledger.planned, ledger.quarantined) == (2, 2, 0)
    assert ledger.outcomes == ledger.told + ledger.pending + ledger.held + ledger.in_doubt + ledger.open


def test_l1_an_outcome_without_any_item(broken: World) -> None:
    with broken.db.begin() as tx:
        tx.session.execute(
            sa.update(Message).where(Message.state == Submission.SCHEDULED).values(state=Submission.CANCELLED)
        )
    assert "L1" in laws(broken)


def test_l1_an_outcome_with_two_items(broken: World) -> None:
    change(broken, Application, open_reason="left_open")

    assert "L1" in laws(broken)


def test_l2_a_pending_message_of_a_superseded_version(broken: World) -> None:
    change(broken, Message, version=99)

    assert "L2" in laws(broken)


def test_l3_a_message_accepted_twice(broken: World) -> None:
    with broken.db.begin() as tx:
        attempt = tx.session.scalars(sa.select(Attempt)).one()
        tx.session.add(
            Attempt(
                id="att_2",
                workspace_id=attempt.workspace_id,
                message_id=attempt.message_id,
                fence=2,
                provider="scripted",
                started_at=tx.now,
                outcome="accepted",
                why="",
                provider_id="",
            )
        )

    assert laws(broken) == {"L3"}


def test_l4_accepted_without_an_answer(broken: World) -> None:
    change(broken, Attempt, outcome="unknown")

    assert laws(broken) == {"L4"}


def test_l5_an_item_nobody_reads_while_a_worker_lives(broken: World) -> None:
    change(broken, InboxItem, state="received")
    assert laws(broken) == {"L5"}

    broken.clock.tick(hours=1)

    assert "L5" not in laws(broken), "without a worker it waits for one"


def test_l8_sending_for_longer_than_the_lease(broken: World) -> None:
    with broken.db.begin() as tx:
        tx.session.execute(
            sa.update(Message)
            .where(Message.state == Submission.SCHEDULED)
            .values(state=Submission.SENDING, lease_until=tx.now - timedelta(minutes=5))
        )
    assert laws(broken) >= {"L8"}


def test_l9_due_and_unclaimed_unless_sending_is_paused(broken: World) -> None:
    broken.clock.tick(days=2)
    beat(broken)
    assert laws(broken) == {"L9"}

    with broken.db.begin() as tx:
        pause(tx, "everything", why="holiday", by="usr_1")

    assert laws(broken) == set()


def test_l11_a_state_without_its_audit_entry(broken: World) -> None:
    with broken.db.begin() as tx:
        tx.session.execute(sa.delete(AuditEntry).where(AuditEntry.after == "accepted"))

    assert laws(broken) == {"L11"}


def test_a_workspace_sees_its_own_ledger_only(broken: World) -> None:
    from notifier.store.ledger import read_ledger
    from notifier.store.workspaces import add_workspace

    with broken.db.begin() as tx:
        other = add_workspace(tx, "Other Co")
    with broken.db.read() as tx:
        assert read_ledger(tx, other.id).applications == 0
        assert read_ledger(tx, broken.workspace).applications == 2
