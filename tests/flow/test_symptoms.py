"""Signs that something is wrong although everything runs."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from notifier.core.answer import Unknown
from notifier.core.change import Delivery
from notifier.flow import symptoms
from notifier.store import inbox, sources
from notifier.store.database import Tx
from tests.world import World

Answer = TypeVar("Answer")


def ask(world: World, question: Callable[[Tx], Answer]) -> Answer:
    with world.db.read() as tx:
        return question(tx)


class TestSilentSources:
    """The world begins on a Tuesday at 10:00, in UTC; its sources are as old as it is."""

    @pytest.mark.parametrize(
        ("hours", "silent"),
        [
            (1.9, []),
            (2.1, ["generic", "greenhouse"]),
            (7.9, ["generic", "greenhouse"]),
            (8.1, []),  # after six
            (24, []),  # at ten the day has had one hour
            (26, ["generic", "greenhouse"]),
            (4 * 24 + 4, []),  # Saturday
        ],
    )
    def test_two_working_hours_without_a_webhook_are_silence(
        self, world_on: World, hours: float, silent: list[str]
    ) -> None:
        world_on.clock.tick(hours=hours)

        assert sorted(ask(world_on, symptoms.silent_sources)) == silent

    def test_a_webhook_ends_it_for_its_own_source_whatever_became_of_it(self, world: World) -> None:
        world.clock.tick(hours=3)
        world.post(world.generic, b"[]")
        world.plan()

        assert ask(world, symptoms.silent_sources) == ["greenhouse"]

    def test_what_a_sweep_had_to_fetch_does_not_end_it(self, world: World) -> None:
        world.clock.tick(hours=3)
        with world.db.begin() as tx:
            source = sources.get_source(tx, world.workspace, world.generic.id)
            assert inbox.keep(tx, source, "key", Delivery({}, b"{}"), "{}", origin=inbox.SWEEP)

        assert "generic" in ask(world, symptoms.silent_sources)


def test_a_doubt_counts_after_an_hour(world_on: World) -> None:
    world_on.provider.answer = lambda _: Unknown("no answer")
    world_on.change("a1", stage="Applied", kind="applied")
    world_on.settle_down()

    world_on.clock.tick(minutes=59)
    assert ask(world_on, symptoms.old_doubts) == 0
    world_on.clock.tick(minutes=2)
    assert ask(world_on, symptoms.old_doubts) == 1


def test_what_could_not_be_read_is_counted(world: World) -> None:
    world.post(world.generic, b"[]")
    world.plan()

    assert ask(world, symptoms.quarantined) == 1
