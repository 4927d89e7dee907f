"""O13 and O14: clock changes of a country, and clocks that jump."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from notifier.core.message import Submission
from notifier.flow import conclude
from notifier.flow.send import send_batch
from notifier.store import submission
from notifier.store.database import Database
from notifier.store.messages import Message
from tests.faults.edge import items
from tests.world import SECRETS, FakeClock, World

BERLIN = ZoneInfo("Europe/Berlin")

NO = "rejected_after_application"

HOUR = timedelta(hours=1)


def in_berlin(url: str, begin: datetime) -> World:
    """A world in Berlin whose clock stands at this moment."""
    world = World(url, zone="Europe/Berlin")
    world.clock.now = begin.astimezone(UTC)
    return world


def when_sent(world: World, *, steps: int, **step: float) -> list[datetime]:
    """The moments at which the provider was called while time passed step by step."""
    moments: list[datetime] = []
    for _ in range(steps):
        before = len(world.provider.calls)
        world.run_for(**step)
        moments += [world.clock.now] * (len(world.provider.calls) - before)
    return moments


class TestLocalTime:
    @pytest.mark.parametrize(
        ("friday", "monday"),
        [
            # Summer time begins on the Sunday between: 10:00 is 09:00 UTC, then 08:00 UTC.
            (datetime(2026, 3, 27, 10, tzinfo=BERLIN), datetime(2026, 3, 30, 8, tzinfo=UTC)),
            # It ends on the Sunday between: 08:00 UTC, then 09:00 UTC.
            (datetime(2026, 10, 23, 10, tzinfo=BERLIN), datetime(2026, 10, 26, 9, tzinfo=UTC)),
        ],
    )
    def test_o13_a_hold_over_a_weekend_with_a_clock_change_is_due_once_at_the_same_local_time(
        self, database_url: str, friday: datetime, monday: datetime
    ) -> None:
        world = in_berlin(database_url, friday)
        world.change("a1", outcome="rejected")
        world.settle_down()

        assert world.message(NO).due_at == monday
        assert when_sent(world, steps=3 * 24 + 6, hours=1) == [monday]
        assert world.ledger().violations == ()
        world.close()

    def test_o13_in_the_hour_that_comes_twice_a_message_leaves_once(self, database_url: str) -> None:
        world = in_berlin(database_url, datetime(2026, 10, 25, 2, 58, tzinfo=BERLIN))
        world.change("a1", outcome="withdrawn")
        world.settle_down()
        due = world.message("withdrawn_ack").due_at

        assert due == datetime(2026, 10, 25, 1, 0, tzinfo=UTC), "02:58 in summer time, and two minutes"
        assert when_sent(world, steps=90, minutes=2) == [due]
        world.close()

    def test_o13_moments_are_stored_in_utc(self, database_url: str) -> None:
        world = in_berlin(database_url, datetime(2026, 7, 3, 10, tzinfo=BERLIN))
        world.change("a1", outcome="rejected", at=world.clock.now.astimezone(ZoneInfo("Asia/Kolkata")))
        world.settle_down()
        with world.db.engine.connect() as connection:
            if world.db.is_postgresql:
                connection.exec_driver_sql("SET TIME ZONE 'UTC'")
            stored = connection.exec_driver_sql(
                "SELECT CAST(due_at AS text), CAST(order_at AS text) FROM messages, applications"
            ).one()

        assert [text.replace("T", " ")[:16] for text in stored] == ["2026-07-06 08:00", "2026-07-03 08:00"]
        world.close()

    def test_o13_a_leap_second_has_its_place_in_the_order(self, world_on: World) -> None:
        world = world_on
        for stamp, outcome in (
            ("2016-12-31T23:59:60Z", "rejected"),
            ("2016-12-31T23:59:58Z", "withdrawn"),
            ("2017-01-01T00:00:00Z", "none"),
        ):
            world.post(
                world.generic,
                {
                    "type": "application.changed",
                    "timestamp": stamp,
                    "data": {"application": {"id": "a1"}, "outcome": outcome},
                },
            )
        world.settle_down()

        assert [item.reason for item in items(world)] == ["", "stale", ""]
        assert world.application().application.order_at == datetime(2017, 1, 1, tzinfo=UTC)
        assert [message.state for message in world.messages()] == [Submission.CANCELLED]


class TestJumps:
    """World.clock is the clock that counts: the database's, on PostgreSQL."""

    def test_o14_a_step_back_delays_by_the_step_and_doubles_nothing(self, world_on: World) -> None:
        world = world_on
        world.change("a1", outcome="rejected")
        world.settle_down()
        due = world.message(NO).due_at
        assert due is not None
        world.clock.now = due - timedelta(minutes=1)
        world.watch()
        world.clock.now -= HOUR

        # In true time the step cost an hour: 61 minutes of it, and the message is there.
        moments = when_sent(world, steps=90, minutes=1)
        assert moments == [due]
        assert world.ledger().violations == ()

    def test_o14_a_step_forward_ends_leases_early_and_still_sends_once(self, world_on: World) -> None:
        world = world_on
        world.change("a1", stage="Application Review", kind="applied")
        world.plan()
        with world.db.begin() as tx:
            (paused,) = submission.claim(tx, 10, "scripted")
            late = paused.attempt_id or ""
        world.clock.now += HOUR
        world.watch()
        world.settle_down()

        with world.db.begin() as tx:
            assert submission.submit(tx, [late]) == set(), "the first worker wakes up and may not send"
            conclude.give_back(tx, [late])
        world.settle_down()
        assert len(world.provider.calls) == 1
        assert world.live() == [("application_received", "accepted")]

    def test_o14_a_step_back_while_a_worker_is_dead_lengthens_its_lease_by_the_step(self, world_on: World) -> None:
        world = world_on
        world.change("a1", stage="Application Review", kind="applied")
        world.plan()
        with world.db.begin() as tx:
            assert len(submission.claim(tx, 10, "scripted")) == 1
        world.clock.now -= HOUR
        moments = when_sent(world, steps=90, minutes=1)

        assert len(moments) == 1
        assert moments[0] - (world.clock.now - timedelta(minutes=90)) <= HOUR + submission.LEASE + timedelta(minutes=1)

    @pytest.mark.parametrize("hours", [-1, 1])
    def test_o14_two_workers_an_hour_apart_never_claim_the_same(self, world_on: World, hours: int) -> None:
        world = world_on
        for number in range(40):
            world.change(f"a{number}", stage="Application Review", kind="applied", email=f"c{number}@example.org")
        while world.plan():
            pass
        there = Database(
            world.db.engine.url.render_as_string(hide_password=False),
            secrets=SECRETS,
            clock=FakeClock(world.clock.now + hours * HOUR),
        )
        flows = [world.flow, replace(world.flow, db=there, clock=there.clock)]
        world.clock.tick(hours=1)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: [send_batch(flows[n % 2], 3) for _ in range(10)], range(4)))
        world.settle_down()
        there.dispose()

        assert set(Counter(email.to_address for email in world.provider.calls).values()) == {1}
        assert len(world.provider.accepted) == 40
        assert world.ledger().violations == ()

    @pytest.mark.parametrize("hours", [-1, 1])
    def test_o14_a_machine_an_hour_off_goes_by_the_databases_clock(self, postgresql_url: str, hours: int) -> None:
        """The database's clock is moved, which to this machine is the same as its own being moved the other way."""
        world = World(postgresql_url)
        name = sa.make_url(postgresql_url).database
        with world.db.engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
                f"$$ SELECT pg_catalog.clock_timestamp() + interval '{hours} hours' $$"
            )
            connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET search_path = public, pg_catalog')
        there = Database(postgresql_url, secrets=SECRETS)
        now = there.clock()
        assert abs(now - datetime.now(UTC) - hours * HOUR) < timedelta(seconds=10)
        flow = replace(world.flow, db=there, clock=there.clock)
        world.clock.now = now - timedelta(minutes=1)
        world.change("a1", stage="Application Review", kind="applied")
        world.plan()

        def due(moment: datetime) -> None:
            with world.db.begin() as tx:
                tx.session.scalars(sa.select(Message)).one().due_at = moment

        due(now + timedelta(minutes=30))
        assert send_batch(flow) == 0, "not due by the database, whatever this machine believes"
        due(now - timedelta(seconds=1))
        assert send_batch(flow) == 1
        assert len(world.provider.accepted) == 1
        there.dispose()
        world.close()
