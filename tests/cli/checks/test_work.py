"""Who does the work, and what waits for a person; the rest is in the tests of the whole doctor."""

import sqlalchemy as sa

from notifier.cli.checks import work
from notifier.core.answer import Unknown
from tests.world import World


def test_a_silent_source_is_a_note_that_names_it(world: World) -> None:
    world.clock.tick(hours=3)

    found = work.sources(world.db)

    assert found.ok
    assert found.detail == "no webhook for 2 hours: greenhouse, generic"
    assert "notifier sweep" in found.fix


def test_an_old_doubt_and_an_unread_webhook_are_faults(world: World) -> None:
    world.provider.answer = lambda _: Unknown("no answer")
    world.change("a1", stage="Applied", kind="applied")
    world.post(world.generic, b"[]")
    world.settle_down()
    assert work.doubts(world.db).ok
    world.clock.tick(hours=2)

    assert work.doubts(world.db).detail == "1 messages are in doubt for more than an hour"
    assert not work.doubts(world.db).ok
    assert work.quarantine(world.db).detail.startswith("1 signed webhooks")


def test_a_broken_law_is_named_with_its_number(world: World) -> None:
    world.change("a1", stage="Applied", kind="applied", outcome="rejected")
    world.settle_down()
    with world.db.begin() as tx:
        tx.session.execute(sa.text("DELETE FROM audit_entries"))

    assert work.laws(world.db).detail == "broken: L11 (1)"
