"""What the every-minute check of the ledger sees of a long history, and what only a full check does.

Everything in `history` happened a month ago. What is still in hand is seen whatever its age; what is settled is seen
when something about it carries a time within the window; a full check sees all of it.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from notifier.core.message import Delivery, Submission
from notifier.flow import settle
from notifier.store import heartbeats
from notifier.store.applications import Application
from notifier.store.audit import AuditEntry, Change, record
from notifier.store.database import Tx
from notifier.store.ledger import WINDOW, read_ledger
from notifier.store.messages import Message
from notifier.store.submission import Attempt
from tests.world import World

Break = Callable[[Tx], None]


@pytest.fixture
def history(world_on: World) -> World:
    """A month ago one application was told by mail, one by phone, and one was left waiting for its approval."""
    world = world_on
    world.change("mailed", outcome="rejected")
    world.settle_down()
    world.run_for(days=1, hours=1)
    world.change("phoned", outcome="rejected", email="gus@example.org")
    world.change("waiting", stage="Onsite", kind="interview", outcome="rejected", email="eva@example.org")
    world.settle_down()
    settle.told(world.flow, world.workspace, world.messages("phoned")[0].id, by="usr_1", how="phone")
    world.clock.tick(days=30)
    assert (laws(world), laws(world, full=True)) == (set(), set())
    return world


def laws(world: World, *, full: bool = False) -> set[str]:
    with world.db.read() as tx:
        return {violation.law for violation in read_ledger(tx, full=full).violations}


def counts(world: World, *, full: bool = False) -> dict[str, object]:
    with world.db.read() as tx:
        return {name: it for name, it in read_ledger(tx, full=full).as_dict().items() if name != "violations"}


def row(tx: Tx, external_id: str) -> Application:
    return tx.session.scalars(sa.select(Application).where(Application.external_id == external_id)).one()


def message(tx: Tx, external_id: str) -> Message:
    query = sa.select(Message).join(Application, Application.id == Message.application_id)
    return tx.session.scalars(query.where(Application.external_id == external_id)).one()


def attempt(tx: Tx, of: Message, **values: Any) -> None:
    """Another attempt at a message, by hand."""
    made = {"id": "att_2", "workspace_id": of.workspace_id, "message_id": of.id, "fence": 9, "provider": "scripted"}
    tx.session.add(
        Attempt(**made | {"started_at": tx.now, "outcome": "accepted", "why": "", "provider_id": ""} | values)
    )


def note(tx: Tx, subject: str, after: str) -> None:
    record(tx, [Change(message(tx, "mailed").workspace_id, subject, "", after)])


class TestInHand:
    """Old, but not settled: every one of them is looked at every minute."""

    def test_l1_nothing_carries_an_old_outcome(self, history: World) -> None:
        with history.db.begin() as tx:
            tx.session.delete(message(tx, "waiting"))

        assert laws(history) == {"L1"}

    def test_l1_an_old_outcome_is_carried_and_stands_open(self, history: World) -> None:
        with history.db.begin() as tx:
            row(tx, "mailed").open_reason = "left_open"

        assert laws(history) == {"L1"}

    def test_l1_an_old_outcome_is_told_by_hand_and_still_carried(self, history: World) -> None:
        with history.db.begin() as tx:
            row(tx, "waiting").told_at, row(tx, "waiting").told_how = tx.now - timedelta(days=20), "phone"

        assert laws(history) == {"L1"}

    def test_l2_an_old_message_of_a_superseded_version(self, history: World) -> None:
        with history.db.begin() as tx:
            message(tx, "waiting").version = 99

        assert laws(history) == {"L1", "L2"}

    def test_l3_an_old_message_in_hand_that_was_accepted_twice(self, history: World) -> None:
        with history.db.begin() as tx:
            long_ago = tx.now - timedelta(days=20)
            for fence in (7, 8):
                attempt(
                    tx, message(tx, "waiting"), id=f"att_{fence}", fence=fence, started_at=long_ago, ended_at=long_ago
                )

        assert laws(history) == {"L3"}

    def test_l8_sending_without_any_lease(self, history: World) -> None:
        with history.db.begin() as tx:
            message(tx, "waiting").state = Submission.SENDING

        assert laws(history) == {"L8", "L11"}

    def test_l11_an_old_message_whose_trail_ends_otherwise(self, history: World) -> None:
        with history.db.begin() as tx:
            message(tx, "waiting").state = Submission.HELD

        assert laws(history) == {"L11"}


def two_answers(tx: Tx) -> None:
    attempt(tx, message(tx, "mailed"), ended_at=tx.now)


def two_answers_without_a_time(tx: Tx) -> None:
    attempt(tx, message(tx, "mailed"))


def settled_by_a_report(tx: Tx) -> None:
    """A second answer is proved long after the first: the attempt ended a month ago, and no entry is written."""
    long_ago = tx.now - timedelta(days=30)
    attempt(tx, message(tx, "mailed"), ended_at=long_ago, settled_at=tx.now, settled_by="provider:scripted")


def told_again_by_phone(tx: Tx) -> None:
    row(tx, "mailed").told_how = "phone"
    note(tx, row(tx, "mailed").id, "told")


def accepted_now(tx: Tx) -> None:
    """Somebody else's mail was written down as this candidate's: there is neither an attempt nor an entry."""
    message(tx, "waiting").state, message(tx, "waiting").accepted_at = Submission.ACCEPTED, tx.now


def accepted_some_time(tx: Tx) -> None:
    message(tx, "waiting").state = Submission.ACCEPTED


def cancelled_when_the_application_changed(tx: Tx) -> None:
    message(tx, "mailed").state = Submission.CANCELLED
    note(tx, row(tx, "mailed").id, "screen rejected v2")


def entry_without_its_state(tx: Tx) -> None:
    note(tx, message(tx, "mailed").id, "cancelled")


def came_back_and_nobody_was_asked(tx: Tx) -> None:
    message(tx, "mailed").delivery, message(tx, "mailed").delivery_at = Delivery.BOUNCED, tx.now


@pytest.mark.parametrize(
    ("by_hand", "broken"),
    [
        (two_answers, {"L3"}),
        (two_answers_without_a_time, {"L3"}),
        (settled_by_a_report, {"L3"}),
        (told_again_by_phone, {"L1"}),
        (accepted_now, {"L4", "L11"}),
        (accepted_some_time, {"L4", "L11"}),
        (cancelled_when_the_application_changed, {"L1", "L11"}),
        (entry_without_its_state, {"L11"}),
        (came_back_and_nobody_was_asked, {"L1"}),
    ],
)
def test_a_settled_row_that_breaks_a_law_is_seen_within_the_window(
    history: World, by_hand: Break, broken: set[str]
) -> None:
    with history.db.begin() as tx:
        by_hand(tx)

    assert laws(history) == broken
    assert laws(history, full=True) == broken
    with history.db.read() as tx:
        assert {found.law for found in read_ledger(tx, history.workspace).violations} == broken


def lost_its_trail(tx: Tx) -> None:
    tx.session.execute(sa.delete(AuditEntry).where(AuditEntry.after == "accepted"))


def lost_its_answer(tx: Tx) -> None:
    tx.session.execute(sa.update(Attempt).values(outcome="unknown"))


def lost_its_message(tx: Tx) -> None:
    tx.session.execute(sa.delete(Attempt))
    tx.session.delete(message(tx, "mailed"))


@pytest.mark.parametrize(
    ("by_hand", "broken"), [(lost_its_trail, {"L11"}), (lost_its_answer, {"L4"}), (lost_its_message, {"L1"})]
)
def test_what_somebody_rewrote_without_a_trace_is_seen_by_a_full_check(
    history: World, by_hand: Break, broken: set[str]
) -> None:
    with history.db.begin() as tx:
        by_hand(tx)

    assert laws(history, full=True) == broken


@pytest.mark.parametrize("by_hand", [lost_its_trail, lost_its_answer, lost_its_message])
def test_the_same_within_the_window_is_seen_every_minute(world_on: World, by_hand: Break) -> None:
    world_on.change("mailed", outcome="rejected")
    world_on.settle_down()
    world_on.run_for(days=1, hours=1)
    world_on.clock.tick(seconds=(WINDOW - timedelta(minutes=1)).total_seconds())
    with world_on.db.begin() as tx:
        by_hand(tx)

    assert laws(world_on) == laws(world_on, full=True) != set()


def test_a_pause_of_the_provider_in_use_is_no_neglect_and_one_of_another_is(world_on: World) -> None:
    from notifier.store.workspaces import pause

    world_on.change("a1", outcome="rejected")
    world_on.settle_down()
    world_on.run_for(days=1, hours=1)
    world_on.change("a2", outcome="rejected", email="eva@example.org")
    world_on.settle_down()
    world_on.clock.tick(days=2)
    with world_on.db.begin() as tx:
        heartbeats.beat(tx, "worker", "w1")
        pause(tx, "provider:pigeon", why="never used", by="usr_1")
    assert laws(world_on) == {"L9"}

    with world_on.db.begin() as tx:
        pause(tx, "provider:scripted", why="key refused", by="provider:scripted")

    assert laws(world_on) == set()


def test_quick_and_full_count_the_same(history: World) -> None:
    assert counts(history) == counts(history, full=True)
    assert (counts(history)["told"], counts(history)["pending"]) == (2, 1)


def test_a_clock_that_is_set_back_breaks_no_law(world_on: World) -> None:
    world_on.change("a1", outcome="rejected")
    world_on.settle_down()
    world_on.clock.tick(hours=-1)
    settle.hold(world_on.flow, world_on.workspace, world_on.messages()[0].id, by="usr_1", why="wait")

    assert (laws(world_on), laws(world_on, full=True)) == (set(), set())
