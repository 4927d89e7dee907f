"""Planners that meet rows for the first time at the same moment: each gets on, and nothing is read twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from notifier.flow.plan import plan_batch
from notifier.store.people import Candidate, Owner
from notifier.store.stages import Stage
from tests.world import World

ROUNDS, PLANNERS = 6, 4


@pytest.mark.parametrize("kind", ["postgresql"])
def test_one_item_may_meet_others_at_each_row_it_inserts(kind: str, request: pytest.FixtureRequest) -> None:
    """One person applies for several jobs at once, and nothing of it is known: whoever is second waits at one row after
    the other and finds each there."""
    world = World(request.getfixturevalue(f"{kind}_url"))
    for number in range(ROUNDS):
        for application in range(PLANNERS):
            world.change(
                f"a{number}-{application}",
                stage=f"Round {number}",
                kind="interview",
                candidate={"id": f"c{number}", "first_name": "Ana", "name": "Ana Adler", "email": "ana@example.org"},
                job={"id": f"j{number}", "title": "Backend engineer"},
                at=world.clock.now + timedelta(seconds=number),
            )
        with ThreadPoolExecutor(PLANNERS) as planners:
            assert sum(planners.map(lambda _: plan_batch(world.flow, limit=1), range(PLANNERS))) == PLANNERS

    with world.db.read() as tx:
        counted = [tx.session.query(table).count() for table in (Candidate, Owner, Stage)]
    assert counted == [ROUNDS, 1, ROUNDS]
    assert len({message.application_id for message in world.messages()}) == ROUNDS * PLANNERS
    assert world.ledger().violations == ()
    world.close()
