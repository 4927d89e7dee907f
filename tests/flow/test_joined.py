"""What becomes of messages that travel in one e-mail: at the fence, after the answer, in doubt, in what is heard."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.core.answer import Accepted, Impossible, TryLater
from notifier.core.feedback import Heard
from notifier.core.message import Delivery
from notifier.flow import doubts, settle
from notifier.flow.send import send_batch
from tests.flow.joint import (
    BACKEND,
    DATA,
    FRONTEND,
    NO,
    BetweenClaimAndFence,
    attempts,
    items,
    lines,
    no,
    reject,
    states,
    two,
)
from tests.flow.reported import hear, lost, never, report
from tests.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A world in which a "no" for two jobs is due."""
    built = World(database_url)
    two(built)
    built.clock.tick(days=1)
    yield built
    built.close()


class TestFence:
    @pytest.mark.parametrize(("back", "stays", "job"), [("a2", "a1", BACKEND), ("a1", "a2", FRONTEND)])
    def test_one_that_is_taken_back_after_the_claim_stops_the_mail_for_both(
        self, world: World, back: str, stays: str, job: str
    ) -> None:
        def undo() -> None:
            assert states(world, "a1", "a2") == ["sending", "sending"]
            world.change(back, outcome="none", stage="Screening", kind="screen")
            world.plan()

        send_batch(replace(world.flow, db=BetweenClaimAndFence(world, undo)))

        assert lines(world) == []
        assert [attempts(world, stays)[-1].submitted_at, world.message(NO, back).state] == [None, "cancelled"]
        world.settle_down()
        assert lines(world) == [no(job)]
        assert items(world, stays) == ["told"]
        assert world.ledger().violations == ()

    def test_a_worker_that_dies_after_the_claim_costs_company_and_nothing_else(self, world: World) -> None:
        class Killed(BaseException):
            pass

        def die() -> None:
            raise Killed

        with pytest.raises(Killed):
            send_batch(replace(world.flow, db=BetweenClaimAndFence(world, die)))
        world.run_for(minutes=4)

        # What a worker died with travels alone, and so do those who travelled with it.
        assert sorted(lines(world)) == [no(BACKEND), no(FRONTEND)]
        assert items(world, "a1", "a2") == ["told", "told"]
        assert world.ledger().violations == ()


class TestAnswers:
    def test_a_mail_that_is_put_off_is_put_off_for_both_and_stays_one(self, world: World) -> None:
        later = world.clock.now + timedelta(minutes=10)
        world.provider.answer = lambda _: TryLater("busy", counts=True, at=later)
        world.settle_down()
        assert [(one.state, one.due_at, one.tries) for one in world.messages()] == [("scheduled", later, 1)] * 2

        world.provider.answer = lambda email: Accepted(f"p-{email.att}")
        world.run_for(minutes=10)

        assert lines(world) == [no(BACKEND, FRONTEND)] * 2
        assert items(world, "a1", "a2") == ["told", "told"]
        assert world.ledger().violations == ()

    def test_without_a_time_to_come_again_it_stays_one_too(self, world: World) -> None:
        world.provider.answer = lambda _: TryLater("busy", counts=True)
        world.settle_down()
        world.provider.answer = lambda email: Accepted(f"p-{email.att}")
        world.run_for(minutes=1)
        world.run_for(minutes=1)

        # The one that may try first writes it, and waits for the other.
        assert lines(world)[0] == no(BACKEND, FRONTEND)
        assert lines(world)[1:] in ([no(BACKEND, FRONTEND)], [no(FRONTEND, BACKEND)])
        assert items(world, "a1", "a2") == ["told", "told"]

    def test_a_mail_that_is_refused_stands_open_for_both(self, world: World) -> None:
        world.provider.answer = lambda _: Impossible("bad content")
        world.settle_down()

        assert states(world, "a1", "a2") == ["failed", "failed"]
        assert items(world, "a1", "a2") == ["open", "open"]
        assert world.ledger().violations == ()


class TestDoubt:
    def test_a_report_about_the_mail_settles_both(self, world: World) -> None:
        lost(world)
        world.settle_down()
        assert states(world, "a1", "a2") == ["in_doubt", "in_doubt"]

        hear(world, report(world.provider.accepted[0], Heard.DELIVERED, world))

        assert items(world, "a1", "a2") == ["told", "told"]
        assert [one.delivery for one in world.messages()] == [Delivery.DELIVERED] * 2
        assert world.ledger().violations == ()

    @pytest.mark.parametrize(("again", "other", "job"), [("a1", "a2", BACKEND), ("a2", "a1", FRONTEND)])
    def test_one_that_is_sent_again_is_sent_alone(self, world: World, again: str, other: str, job: str) -> None:
        never(world)
        world.settle_down()
        world.provider.answer = lambda email: Accepted(f"p-{email.att}")
        # Another "no" that a person sends off just before does not take it along either.
        reject(world, "a3", DATA)
        third = world.message(NO, "a3").id
        settle.hold(world.flow, world.workspace, third, by="usr_1", why="wait")
        settle.approve(world.flow, world.workspace, third, by="usr_1", now=True)
        world.clock.tick(seconds=1)
        for person in ("usr_1", "usr_2"):
            doubts.send_again(world.flow, world.workspace, world.message(NO, again).id, by=person)
        send_batch(world.flow, 1)
        world.settle_down()

        assert lines(world) == [no(BACKEND, FRONTEND), no(DATA), no(job)]
        assert items(world, again, other) == ["told", "in_doubt"]
        assert world.ledger().violations == ()

    def test_a_person_who_saw_it_arrive_settles_one_message(self, world: World) -> None:
        lost(world)
        world.settle_down()
        doubts.arrived(world.flow, world.workspace, world.message(NO, "a2").id, by="usr_1")

        assert items(world, "a1", "a2") == ["in_doubt", "told"]
        assert world.ledger().violations == ()


class TestReports:
    @pytest.mark.parametrize(
        "named",
        [
            {},
            {"att": ""},
            {"mid": "", "att": "", "env": ""},
        ],
        ids=["by our ids", "by the message", "by the provider's name"],
    )
    def test_a_mail_that_comes_back_opens_both(self, world: World, named: dict[str, str]) -> None:
        world.settle_down()
        (mail,) = world.provider.accepted
        hear(world, report(mail, Heard.BOUNCED, world, provider_id=f"p-{mail.att}", **named))

        assert items(world, "a1", "a2") == ["open", "open"]
        assert [one.delivery for one in world.messages()] == [Delivery.BOUNCED] * 2
        assert world.ledger().violations == ()

    def test_a_bounce_that_names_nothing_but_the_address_opens_both(self, world: World) -> None:
        world.settle_down()
        (mail,) = world.provider.accepted
        hear(world, report(mail, Heard.BOUNCED, world, mid="", att="", env=""))

        assert items(world, "a1", "a2") == ["open", "open"]
        assert world.ledger().violations == ()
