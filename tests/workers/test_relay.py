"""The relay: nudges what is due, and works by itself when that does not help."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from notifier.core.errors import DatabaseAway
from notifier.core.ports import Job
from notifier.flow.watch import Due
from workers.drain import Batch
from workers.relay import PERIOD, SOON, Post, Relay
from workers.signals import Stop

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass
class World:
    """Inbox and outbox as counts, a queue that works or not, workers that beat or not."""

    inbox: int = 0
    outbox: int = 0
    next_due: datetime | None = None
    reachable: bool = True
    worker_beat: datetime | None = NOW
    away: int = 0
    nudged: list[Job] = field(default_factory=list)
    beats: int = 0
    looks: int = 0

    def post(self) -> Post:
        return Post(self.watch, self.batches(), self.beat, lambda: self.worker_beat, self.nudge, clock=lambda: NOW)

    def batches(self) -> dict[Job, Batch]:
        return {Job.PLAN: self.plan, Job.SEND: self.send}

    def watch(self) -> Due:
        self.looks += 1
        if self.away:
            self.away -= 1
            raise DatabaseAway("OperationalError")
        jobs = [job for job, left in ((Job.PLAN, self.inbox), (Job.SEND, self.outbox)) if left]
        return Due(tuple(jobs), NOW if self.outbox else self.next_due)

    def plan(self) -> int:
        moved = min(self.inbox, 5)
        self.inbox -= moved
        self.outbox += moved
        return moved

    def send(self) -> int:
        moved = min(self.outbox, 5)
        self.outbox -= moved
        return moved

    def beat(self) -> None:
        self.beats += 1

    def nudge(self, job: Job) -> bool:
        self.nudged.append(job)
        return self.reachable


def relay(world: World, period: float = PERIOD) -> Relay:
    return Relay(world.post(), Stop(), period=period)


def test_what_is_due_is_nudged_and_left_to_the_workers() -> None:
    world = World(inbox=3, outbox=2)

    wait = relay(world).turn()

    assert (world.nudged, world.inbox, world.outbox) == ([Job.PLAN, Job.SEND], 3, 2)
    assert wait == SOON
    assert world.beats == 1


def test_nothing_due_is_nobody_nudged() -> None:
    world = World()

    assert relay(world).turn() == PERIOD
    assert not world.nudged


@pytest.mark.parametrize(("seconds", "wait"), [(2.5, 2.5), (0.001, 0.05), (3600, PERIOD)])
def test_it_wakes_when_the_next_message_is_due(seconds: float, wait: float) -> None:
    world = World(next_due=NOW + timedelta(seconds=seconds))

    assert relay(world).turn() == pytest.approx(wait)


@pytest.mark.parametrize(
    "world",
    [
        World(inbox=12, reachable=False),
        World(inbox=12, worker_beat=None),
        World(inbox=12, worker_beat=NOW - timedelta(minutes=5)),
    ],
    ids=["no redis", "never a worker", "no worker for minutes"],
)
def test_it_works_by_itself_when_nobody_else_can(world: World) -> None:
    one = relay(world)

    one.turn()

    assert (world.inbox, world.outbox) == (0, 0)
    assert one.turn() <= SOON


def test_it_works_by_itself_when_something_stays_due_for_two_periods() -> None:
    world, period = World(outbox=7), 0.02
    one, stop = relay(world, period), Stop()

    one.turn()
    assert world.outbox == 7
    stop.wait(3 * period)
    one.turn()

    assert world.outbox == 0


def test_its_own_heart_goes_on_however_much_there_is_to_do() -> None:
    world = World(outbox=1_000_000_000, reachable=False)
    one = relay(world, 0.02)

    one.turn()
    one.turn()

    assert world.outbox > 0
    assert world.beats == 2


def test_it_goes_on_when_the_database_was_away() -> None:
    world, stop = World(away=3, outbox=1), Stop()

    def nudge(job: Job) -> bool:
        stop.ask()
        return world.nudge(job)

    Relay(Post(world.watch, world.batches(), world.beat, lambda: NOW, nudge, lambda: NOW), stop).run()

    assert (world.looks, world.nudged) == (4, [Job.SEND])


def test_any_fault_of_what_it_calls_is_outlived() -> None:
    world, stop = World(outbox=1), Stop()
    turns: list[int] = []

    def broken() -> None:
        turns.append(1)
        if len(turns) == 2:
            stop.ask()
        raise ZeroDivisionError

    Relay(Post(world.watch, world.batches(), broken, lambda: NOW, world.nudge, lambda: NOW), stop).run()

    assert len(turns) == 2
