"""About once an hour, a batch of every kind at a time, whoever does it and however often it is cut off."""

import pytest
import sqlalchemy as sa

from notifier.core.errors import DatabaseAway
from notifier.core.retention import Kind
from notifier.flow import retention
from notifier.flow.retention import BATCH, PERIOD, due, retain, retain_all
from notifier.store import heartbeats
from notifier.store.heartbeats import Heartbeat
from notifier.store.inbox import InboxItem
from tests.store.retained import entries, told
from tests.world import World


def old_webhooks(world: World, number: int = 3, days: int = 91) -> None:
    """So many webhooks whose bodies have been kept long enough."""
    for one in range(number):
        world.change(f"a{one}", stage="Applied", kind="applied")
    world.plan()
    world.clock.tick(days=days)


def many_old_webhooks(world: World, number: int) -> None:
    """The same written in bulk."""
    old_webhooks(world, 1)
    with world.db.begin() as tx:
        (item,) = tx.session.scalars(sa.select(InboxItem)).all()
        columns = {column.name: getattr(item, column.name) for column in sa.inspect(InboxItem).columns}
        rows = [columns | {"id": f"inb_{one}", "event_key": f"more {one}"} for one in range(number - 1)]
        tx.session.execute(sa.insert(InboxItem), rows)


def blanked(world: World) -> int:
    query = sa.select(sa.func.count()).select_from(InboxItem).where(InboxItem.blanked_at.is_not(None))
    with world.db.read() as tx:
        return tx.session.execute(query).scalar_one()


def last_done(world: World) -> object:
    with world.db.read() as tx:
        return heartbeats.last_beat(tx, retention.BEAT[0])


def test_it_is_done_once_and_noted(world_on: World) -> None:
    old_webhooks(world_on)

    assert retain(world_on.flow) is False

    assert blanked(world_on) == 3
    assert last_done(world_on) == world_on.clock.now


def test_within_the_hour_nobody_looks_again(world: World) -> None:
    old_webhooks(world, days=1)
    retain(world.flow)
    world.clock.tick(days=90)
    with world.db.begin() as tx:
        heartbeats.beat(tx, *retention.BEAT)
    world.clock.now += PERIOD
    world.clock.tick(seconds=-1)

    retain(world.flow)
    assert blanked(world) == 0

    world.clock.tick(seconds=1)
    retain(world.flow)
    assert blanked(world) == 3


def test_another_relay_finds_that_it_was_done(world: World) -> None:
    retain(world.flow)
    with world.db.begin() as tx:
        before = tx.session.execute(sa.text("SELECT total_changes()")).scalar_one()

    assert retain(world.flow) is False

    with world.db.begin() as tx:
        assert tx.session.execute(sa.text("SELECT total_changes()")).scalar_one() == before


def test_much_goes_a_batch_at_a_time_and_is_noted_at_the_end(world_on: World) -> None:
    many_old_webhooks(world_on, 2 * BATCH + 10)

    more = [retain(world_on.flow) for _ in range(3)]

    assert more == [True, True, False]
    assert blanked(world_on) == 2 * BATCH + 10
    assert last_done(world_on) == world_on.clock.now
    batches = [reason.partition(" ")[0] for *_, reason in entries(world_on)]
    assert batches == [str(BATCH), str(BATCH), "10"]


def test_a_pass_that_was_cut_off_goes_on_without_waiting(world: World) -> None:
    many_old_webhooks(world, BATCH + 1)
    assert retain(world.flow) is True
    assert last_done(world) is None

    assert retain(world.flow) is False
    assert blanked(world) == BATCH + 1


def test_a_kind_that_breaks_us_keeps_nobody_from_going_on(world_on: World) -> None:
    """A row as a newer program wrote it: its kind is left for the next hour, and the others go."""
    told(world_on)
    with world_on.db.begin() as tx:
        tx.session.execute(sa.text("UPDATE messages SET mode = 'at_will'"))
    world_on.clock.tick(days=380)

    assert retain(world_on.flow) is False

    assert due(world_on.db)[Kind.LETTERS] == 1
    assert blanked(world_on) == 1
    assert last_done(world_on) == world_on.clock.now


def test_a_database_that_is_away_is_said_to_be(world: World) -> None:
    with world.db.begin() as tx:
        tx.session.execute(sa.text("DROP TABLE heartbeats"))

    with pytest.raises(DatabaseAway):
        retain(world.flow)


def test_all_of_it_at_once_for_whoever_asks(world_on: World) -> None:
    many_old_webhooks(world_on, BATCH + 2)
    counted = due(world_on.db)
    assert counted[Kind.INBOX_BODIES] == BATCH + 2

    assert retain_all(world_on.db, by="command line") == counted

    assert due(world_on.db).total() == 0
    assert blanked(world_on) == BATCH + 2
    assert last_done(world_on) == world_on.clock.now


def test_counting_changes_nothing(world: World) -> None:
    old_webhooks(world)
    due(world.db)

    assert (blanked(world), entries(world), last_done(world)) == (0, [], None)


def test_its_note_is_no_process_that_lives(world: World) -> None:
    retain(world.flow)

    with world.db.read() as tx:
        kinds = [row.kind for row in tx.session.scalars(sa.select(Heartbeat))]
        assert kinds == ["retention"]
        assert heartbeats.last_beat(tx, "worker") is None
