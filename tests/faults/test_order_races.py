"""O03: a "no" is taken back in the same millisecond as it is claimed."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from notifier.core.errors import DatabaseAway
from notifier.core.message import Submission
from notifier.flow.plan import plan_batch
from notifier.flow.send import send_batch
from notifier.store.views import list_messages
from tests.faults.edge import items
from tests.world import World

NO = "rejected_after_application"

#: Races on each of the two databases; HYPOTHESIS_PROFILE=long runs the 1,000 in all that the catalogue asks for. So
#: many run at one moment, which is how a worker claims and a planner reads: in batches.
RACES = 500 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 200
TOGETHER = 5

#: Seconds by which the start of the two is moved against each other after each race.
STEP = 0.004

Step = Callable[[], object]


def at_once(pool: ThreadPoolExecutor, first: Step, second: Step, apart: float) -> None:
    """Run both at the same moment, the second (or, if negative, the first) so many seconds later. A database that
    cannot serve is asked again, as workers do."""
    gate = threading.Barrier(2)

    def run(step: Step, wait: float) -> None:
        gate.wait()
        time.sleep(max(0.0, wait))
        for _ in range(20):
            try:
                step()
            except DatabaseAway:
                continue
            return
        raise AssertionError("the database never served")

    for done in [pool.submit(run, first, -apart), pool.submit(run, second, apart)]:
        done.result()


def test_o03_an_undoing_in_the_same_millisecond_as_the_claim_ends_in_one_of_two_ways(world_on: World) -> None:
    world = world_on
    for number in range(RACES):
        world.change(f"a{number}", outcome="rejected", email=f"c{number}@example.org", owner=False)
        world.clock.tick(seconds=20)
        if number % 50 == 49:
            # One by one: each "no" is due at a moment of its own.
            world.plan()
    with world.db.read() as tx:
        due = {
            view.application.external_id: view.message.due_at
            for view in list_messages(tx, None, limit=RACES)
            if view.message.due_at is not None
        }
    assert len(due) == RACES

    apart = 0.0
    with ThreadPoolExecutor(2) as pool:
        for number in range(RACES):
            world.clock.now = max(world.clock.now, due[f"a{number}"])
            world.change(f"a{number}", outcome="none", owner=False)
            if number % TOGETHER == TOGETHER - 1:
                left = len(world.provider.accepted)
                at_once(pool, lambda: send_batch(world.flow, TOGETHER), lambda: plan_batch(world.flow, TOGETHER), apart)
                # Whoever was late gets a start the next time, so on any machine they meet where neither is sure to win.
                apart += STEP if len(world.provider.accepted) == left else -STEP
    world.clock.tick(minutes=4)
    world.watch()
    world.settle_down()

    ways = Counter(how_it_ended(world).values())
    assert set(ways) == {("cancelled", 0, 0), ("accepted", 1, 1)}, ways
    assert sum(ways.values()) == RACES
    assert [item.reason for item in items(world) if item.state.value == "quarantined"] == []
    assert world.ledger().violations == ()


def how_it_ended(world: World) -> dict[str, tuple[str, int, int]]:
    """(state of the "no", mails with a "no" that left, items "already out") of every application."""
    left = Counter(email.to_address for email in world.provider.accepted if "not take" in email.text)
    with world.db.read() as tx:
        views = list_messages(tx, None, limit=10 * RACES)
    out = Counter(
        view.application.external_id
        for view in views
        if view.message.template == "sent_in_error" and view.message.state is not Submission.CANCELLED
    )
    return {
        name: (view.message.state.value, left[f"c{name[1:]}@example.org"], out[name])
        for view in views
        if view.message.template == NO and (name := view.application.external_id)
    }
