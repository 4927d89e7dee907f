"""Several processes at once: nothing is lost, nothing is claimed twice, on either database."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from notifier.core.errors import DatabaseAway
from notifier.store import submission
from notifier.store.database import Database
from notifier.store.workspaces import Workspace, add_workspace
from tests.world import SECRETS, World


def test_read_then_write_loses_no_update(database_url: str) -> None:
    db = Database(database_url, secrets=SECRETS)
    with db.begin() as tx:
        workspace = add_workspace(tx, "0").id

    def count(_: int) -> None:
        with db.begin() as tx:
            row = tx.session.scalars(sa.select(Workspace).where(Workspace.id == workspace).with_for_update()).one()
            row.name = str(int(row.name) + 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(80)))

    with db.read() as tx:
        assert tx.session.get_one(Workspace, workspace).name == "80"
    db.dispose()


def test_fifty_copies_at_the_same_moment_have_one_effect(world_on: World) -> None:
    world = world_on

    with ThreadPoolExecutor(10) as pool:
        receipts = list(
            pool.map(
                lambda _: world.change("a1", stage="Application Review", kind="applied", event_id="evt-once"), range(50)
            )
        )
    world.settle_down()

    assert {receipt.status for receipt in receipts} == {200}
    assert Counter(receipt.word for receipt in receipts) == {"kept": 1, "duplicate": 49}
    assert len(world.provider.accepted) == 1


def test_another_body_under_the_same_event_id_is_named_a_conflict(world: World) -> None:
    world.change("a1", stage="Application Review", kind="applied", event_id="evt-1")

    assert world.change("a2", stage="Application Review", kind="applied", event_id="evt-1").word == "conflict"


def test_two_claimers_never_get_the_same_message(world_on: World) -> None:
    world = world_on
    for number in range(60):
        world.change(f"a{number}", stage="Application Review", kind="applied", email=f"c{number}@example.org")
    while world.plan():
        pass

    def claim(_: int) -> list[str]:
        taken: list[str] = []
        while True:
            with world.db.begin() as tx:
                found = [message.id for message in submission.claim(tx, 7, "scripted")]
            if not found:
                return taken
            taken += found

    with ThreadPoolExecutor(4) as pool:
        claimed = [mid for taken in pool.map(claim, range(4)) for mid in taken]

    assert len(claimed) == 60
    assert len(set(claimed)) == 60


def test_planners_at_once_leave_each_application_with_one_message(world_on: World) -> None:
    world = world_on
    for number in range(40):
        world.change(f"a{number % 10}", stage="Application Review", kind="applied", email="c@example.org")

    def plan(_: int) -> None:
        # A deadlock or a wait that is too long is given back to the caller, who comes again: as the workers do.
        for _attempt in range(50):
            try:
                if world.plan() == 0:
                    return
            except DatabaseAway:
                continue

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(plan, range(4)))
    world.settle_down()

    assert Counter(message.application_id for message in world.messages()) == Counter(
        {message.application_id: 1 for message in world.messages()}
    )
    assert len(world.messages()) == 10
    assert world.ledger().violations == ()


def test_an_unreachable_database_is_away_and_not_a_crash() -> None:
    import pytest

    db = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", secrets=SECRETS)
    with pytest.raises(DatabaseAway), db.begin():
        pass
