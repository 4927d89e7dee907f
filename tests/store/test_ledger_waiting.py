"""Since when the oldest of each kind waits."""

from datetime import timedelta

from notifier.core.answer import Unknown
from notifier.store import heartbeats
from notifier.store.waiting import Waiting, read_waiting
from tests.world import World


def waiting(world: World) -> Waiting:
    with world.db.read() as tx:
        return read_waiting(tx)


def test_where_nothing_waits_there_is_no_oldest(world_on: World) -> None:
    found = waiting(world_on)

    assert (found.in_doubt, found.due, found.received, found.worker, found.relay) == (None,) * 5
    assert found.now == world_on.clock.now


def test_the_oldest_unread_webhook(world_on: World) -> None:
    world_on.change("a1", stage="Onsite")
    first = world_on.clock.now
    world_on.clock.tick(minutes=5)
    world_on.change("a2", stage="Onsite")
    assert waiting(world_on).received == first

    world_on.settle_down()

    assert waiting(world_on).received is None


def test_the_oldest_message_that_is_due_and_unclaimed(world_on: World) -> None:
    world_on.change("a1", outcome="rejected")
    world_on.settle_down()
    assert waiting(world_on).due is None, "it is scheduled, and its time has not come"
    due = world_on.messages()[0].due_at
    world_on.clock.tick(days=2)
    assert waiting(world_on).due == due

    world_on.change("a1", outcome="none", stage="Screening", kind="screen")
    world_on.plan()

    assert waiting(world_on).due is None, "its reason has gone"


def test_a_doubt_is_as_old_as_the_attempt_that_left_it(world_on: World) -> None:
    world_on.provider.answer = lambda _email: Unknown("timed out")
    world_on.change("a1", outcome="rejected")
    world_on.settle_down()
    world_on.run_for(days=1, hours=1)
    since = world_on.clock.now

    world_on.clock.tick(hours=3)

    assert waiting(world_on).in_doubt == since


def test_the_heartbeats_of_each_kind_of_process(world_on: World) -> None:
    for kind, name in (("worker", "w1"), ("relay", "r1"), ("worker", "w2")):
        world_on.clock.tick(minutes=1)
        with world_on.db.begin() as tx:
            heartbeats.beat(tx, kind, name)

    found = waiting(world_on)

    assert (found.worker, found.relay) == (found.now, found.now - timedelta(minutes=1))
