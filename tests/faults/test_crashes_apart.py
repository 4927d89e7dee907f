"""C19 and C27: one part that is gone for an hour, and one message that breaks whoever touches it."""

import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from notifier.core.answer import Accepted, Answer
from notifier.core.message import Submission
from notifier.deliver.email import Email
from notifier.flow.conclude import MOST_DEATHS, MOST_TRIES, backoff, reap
from notifier.flow.send import send_batch
from notifier.flow.watch import beat
from notifier.store import submission
from notifier.store.inbox import InboxItem
from notifier.store.messages import Message
from notifier.store.people import Candidate
from notifier.store.submission import LEASE
from tests.faults.edge import Edge, log_lines, said
from tests.world import FakeClock, World
from workers.relay import Relay, post_for
from workers.signals import Stop

#: C19: e-mails per second that the provider allows, and how many wait when the relay is back.
RATE, BACKLOG = 40.0, 60

#: Seconds it may take for them, which at that rate are one and a half, on a machine that has much else to do.
CAUGHT_UP = 18


class RunningClock(FakeClock):
    """Time that passes, from another hour on."""

    def __init__(self, start: datetime) -> None:
        self._start, self._began = start, time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._began)


def test_c19_a_relay_that_is_gone_is_named_within_two_minutes(world: World) -> None:
    client = Edge(world).app.test_client()
    beat(world.flow, "relay", "one")
    assert client.get("/readyz").get_json()["checks"]["relay"]["ok"] is True

    world.clock.tick(minutes=2)

    body = client.get("/readyz").get_json()
    assert (body["ok"], body["checks"]["relay"]["ok"]) == (False, False)


def test_c19_after_an_hour_the_relay_catches_up_at_the_rate_the_provider_allows(world: World) -> None:
    for number in range(BACKLOG):
        world.change(f"a{number}", stage="Application Review", kind="applied", email=f"c{number}@example.org")
    world.plan()
    world.db.clock = clock = RunningClock(world.clock.now + timedelta(hours=1))
    flow = replace(world.flow, clock=clock, settings=replace(world.flow.settings, mail_rate=RATE))
    left: list[float] = []

    def note(email: Email) -> Answer:
        left.append(time.monotonic())
        return Accepted(email.att, email.headers["Message-ID"])

    world.provider.answer = note
    relay, end = Relay(post_for(flow), Stop()), time.monotonic() + CAUGHT_UP
    while len(left) < BACKLOG and time.monotonic() < end:
        relay.turn()

    assert sorted(email.to_address for email in world.provider.accepted) == sorted(
        f"c{number}@example.org" for number in range(BACKLOG)
    )
    # As many as are called together may leave at once; between those it keeps to the rate.
    at_once = world.provider.in_flight
    assert max(sum(start <= one < start + 1 for one in left) for start in left) <= RATE + at_once
    assert world.ledger().violations == ()


@pytest.fixture
def three(world_on: World) -> World:
    """Three messages that are due."""
    for number in range(3):
        world_on.change(f"a{number}", stage="Application Review", kind="applied", email=f"c{number}@example.org")
    world_on.plan()
    return world_on


def others_have_left(world: World) -> bool:
    return [world.messages(name)[0].state for name in ("a0", "a2")] == [Submission.ACCEPTED] * 2


def test_c27_a_message_that_cannot_be_composed_is_set_aside_after_some_tries_and_the_others_flow(three: World) -> None:
    world = three
    with world.db.begin() as tx:
        # Its words were sealed under a key that nobody has any more.
        poison = tx.session.get_one(Message, world.messages("a1")[0].id)
        poison.placeholders = b"0000" + poison.placeholders[4:]
    with log_lines() as lines:
        world.settle_down()
    assert [line["message"] for line in said(lines, "message.broken")] == [poison.id]
    assert others_have_left(world)

    for tries in range(1, MOST_TRIES):
        poison = world.messages("a1")[0]
        assert (poison.state, poison.tries) == (Submission.SCHEDULED, tries)
        world.run_for(seconds=backoff(tries, 1.0).total_seconds())

    poison = world.messages("a1")[0]
    assert (poison.state, poison.reason) == (Submission.FAILED, "fault: CannotOpen")
    world.run_for(hours=2)
    assert len(world.provider.calls) == 2
    assert world.ledger().violations == ()
    assert "fault: CannotOpen" in Edge(world).page("/trouble")


def test_c27_what_cannot_be_opened_of_a_person_or_a_webhook_stops_nobody_else(three: World) -> None:
    world = three
    with world.db.begin() as tx:
        tx.session.execute(sa.update(Candidate).where(Candidate.external_id == "c-a1").values(address=b"no such key"))
    world.change("a3", stage="Application Review", kind="applied", email="c3@example.org")
    with world.db.begin() as tx:
        tx.session.execute(sa.update(InboxItem).where(InboxItem.state == "received").values(body=b"no such key"))
    world.change("a4", stage="Application Review", kind="applied", email="c4@example.org")
    world.settle_down()

    assert others_have_left(world)
    assert world.messages("a4")[0].state is Submission.ACCEPTED
    assert (world.messages("a1")[0].state, world.messages("a1")[0].tries) == (Submission.SCHEDULED, 1)
    page = Edge(world).page("/trouble")
    assert "fault: CannotOpen" in page


def test_c27_a_message_with_which_workers_die_before_it_leaves_goes_last_and_is_set_aside(world_on: World) -> None:
    world = world_on

    def killed() -> list[str]:
        """The messages that were in the hands of a worker when it was killed, long ago."""
        with world.db.begin() as tx:
            claimed = [message.id for message in submission.claim(tx, 20, world.provider.name)]
        world.clock.tick(seconds=LEASE.total_seconds() + 1)
        with world.db.begin() as tx:
            reap(tx)
        return claimed

    world.change("a1", stage="Application Review", kind="applied")
    world.plan()
    poison = world.messages("a1")[0].id
    deaths = [killed() for _ in range(MOST_DEATHS - 1)]
    world.change("a2", stage="Application Review", kind="applied", email="eva@example.org")
    world.plan()
    other = world.messages("a2")[0].id
    with log_lines() as lines:
        deaths += [killed() for _ in range(2)]

    assert deaths == [[poison]] * (MOST_DEATHS - 1) + [[other], [poison]]
    assert [line["message"] for line in said(lines, "message.set_aside")] == [poison]
    assert (world.messages("a1")[0].state, world.messages("a1")[0].reason) == (Submission.FAILED, "workers_died")
    world.run_for(hours=2)
    assert [email.to_address for email in world.provider.accepted] == ["eva@example.org"]
    assert "workers died" in Edge(world).page("/trouble")
    assert world.ledger().violations == ()


def test_c27_with_a_queue_that_is_never_empty_what_a_worker_died_with_has_its_turn(world_on: World) -> None:
    world = world_on
    world.change("a1", stage="Application Review", kind="applied")
    world.plan()
    with world.db.begin() as tx:
        submission.claim(tx, 20, world.provider.name)
    world.clock.tick(seconds=LEASE.total_seconds() + 1)
    with world.db.begin() as tx:
        reap(tx)

    for number in range(8):
        world.change(f"b{number}", stage="Application Review", kind="applied", email=f"b{number}@example.org")
        world.change(f"c{number}", stage="Application Review", kind="applied", email=f"c{number}@example.org")
        world.plan()
        assert send_batch(world.flow, 1) == 1
        world.clock.tick(minutes=1)

    assert world.messages("a1")[0].state is Submission.ACCEPTED
