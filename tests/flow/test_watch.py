"""The watch: what time makes happen goes on for everybody, whatever one workspace or one person breaks on."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from notifier.core.message import Submission
from notifier.flow import settle
from notifier.store import submission
from notifier.store.messages import Message
from notifier.store.submission import LEASE
from notifier.store.wording import keep_rules
from tests.flow.reported import told
from tests.world import World

#: Rules of an earlier version, or of a folder of templates that is not there any more.
GONE = '[[rule]]\non = "silence"\nsend = "a_template_that_is_gone"\nmode = "auto"\n'


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    built = World(database_url)
    yield built
    built.close()


def test_rules_that_name_a_template_which_is_gone_stop_no_other_duty(world: World) -> None:
    told(world)
    told(world, "a2", email="bo@example.org")
    world.change("a3", stage="Review", kind="applied", email="cy@example.org")
    world.plan()
    with world.db.begin() as tx:
        submission.claim(tx, 1, "scripted")
        keep_rules(tx, world.workspace, GONE, by="usr_a")

    world.clock.tick(days=9, seconds=LEASE.total_seconds())
    world.watch()

    assert world.message("application_received", "a3").state is Submission.SCHEDULED
    for name in ("a1", "a2"):
        assert world.application(name).application.owed_since is not None
    assert world.ledger().violations == ()


def test_what_cannot_be_released_stays_on_hold_and_the_others_go_on(world: World) -> None:
    for name in ("a1", "a2"):
        world.change(name, stage="Review", kind="applied", email=f"{name}@example.org")
    world.plan()
    for message in world.messages():
        until = world.clock.now.replace(hour=23)
        settle.hold(world.flow, world.workspace, message.id, by="usr_a", why="", until=until)
    broken = world.message("application_received", "a1")
    with world.db.begin() as tx:
        tx.session.execute(sa.update(Message).where(Message.id == broken.id).values(placeholders=b"no such key"))

    world.run_for(days=1)

    row = world.message("application_received", "a1")
    assert (row.state, row.reason, row.due_at) == (Submission.HELD, "fault: CannotOpen", None)
    assert world.message("application_received", "a2").state is Submission.ACCEPTED
