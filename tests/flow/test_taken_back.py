"""An ending that was told in error is taken back, whatever happens before somebody has approved the words."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.core.answer import TryLater, Unknown
from notifier.core.feedback import Address, Heard
from notifier.core.message import Submission
from notifier.deliver.email import Email
from notifier.flow import settle
from notifier.flow.restore import bring_to_rest
from notifier.store import evidence, workspaces
from notifier.store.audit import history
from notifier.store.submission import attempts_of
from notifier.store.workspaces import EVERYTHING
from tests.flow.reported import hear, rejected, report, told
from tests.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    built = World(database_url)
    yield built
    built.close()


def back(world: World) -> None:
    """The last ending was an error."""
    world.clock.tick(minutes=1)
    world.change(outcome="none", stage="Review", kind="applied")
    world.plan()


def told_in_error(world: World) -> Email:
    """A "no" that has left, and was none."""
    told(world)
    mail = rejected(world)
    back(world)
    assert world.message("sent_in_error").state is Submission.AWAITING_APPROVAL
    return mail


class TestSeveralEndings:
    def test_what_was_told_first_is_taken_back_though_the_ats_changed_it_before(self, world: World) -> None:
        told(world)
        rejected(world)
        world.clock.tick(minutes=1)
        world.change(outcome="withdrawn")
        world.plan()

        back(world)

        assert ("withdrawn_ack", "cancelled") in [(one.template, one.state) for one in world.messages("a1")]
        assert world.message("sent_in_error").state is Submission.AWAITING_APPROVAL
        assert world.ledger().violations == ()

    def test_a_no_between_that_never_left_does_not_lose_the_first(self, world: World) -> None:
        told_in_error(world)
        world.clock.tick(minutes=1)
        world.change(outcome="rejected")
        world.plan()
        assert world.message("sent_in_error").state is Submission.CANCELLED

        back(world)

        assert world.message("sent_in_error").state is Submission.AWAITING_APPROVAL

    @pytest.mark.parametrize("how", ["sent", "told"])
    def test_what_was_taken_back_once_is_not_taken_back_again(self, world: World, how: str) -> None:
        told_in_error(world)
        row = world.message("sent_in_error")
        if how == "sent":
            settle.approve(world.flow, None, row.id, by="usr_a", now=True)
            world.settle_down()
        else:
            settle.told(world.flow, None, row.id, by="usr_a", how="phone")
        world.clock.tick(minutes=1)
        world.change(outcome="rejected")
        world.plan()

        back(world)
        world.clock.tick(minutes=1)
        world.change(stage="Screening", kind="screen")
        world.plan()

        assert [one.id for one in world.messages("a1") if one.template == "sent_in_error"] == [row.id]


class TestALaterStage:
    @pytest.mark.parametrize(
        ("stage", "kind"), [("Screening", "screen"), ("Second look", "applied"), ("Somewhere", "unmapped")]
    )
    def test_the_words_name_the_new_stage_and_nothing_else_says_so_before(
        self, world: World, stage: str, kind: str
    ) -> None:
        told_in_error(world)
        world.clock.tick(minutes=1)

        world.change(stage=stage, kind=kind)
        world.run_for(minutes=5)

        waiting = [pair for pair in world.live() if pair[1] != "accepted"]
        assert waiting == [("sent_in_error", "awaiting_approval")]
        row = world.message("sent_in_error")
        settle.approve(world.flow, None, row.id, by="usr_a", now=True)
        world.settle_down()
        assert "sent by mistake" in world.provider.accepted[-1].text
        assert world.ledger().violations == ()

    def test_an_offer_is_drafted_beside_it(self, world: World) -> None:
        told_in_error(world)
        world.clock.tick(minutes=1)

        world.change(stage="Offer", kind="offer")
        world.run_for(minutes=5)

        waiting = sorted(pair for pair in world.live() if pair[1] != "accepted")
        assert waiting == [("offer_coming", "awaiting_approval"), ("sent_in_error", "awaiting_approval")]

    def test_what_was_cancelled_by_a_person_stays_cancelled(self, world: World) -> None:
        told_in_error(world)
        settle.cancel(world.flow, None, world.message("sent_in_error").id, by="usr_a", why="I telephoned")
        world.clock.tick(minutes=1)

        world.change(stage="Screening", kind="screen")
        world.plan()

        assert ("sent_in_error", "awaiting_approval") not in world.live()

    @pytest.mark.parametrize("answer", [TryLater("busy", counts=True), Unknown("cut")])
    def test_while_it_is_on_its_way_and_does_not_arrive_a_person_owes_the_word(
        self, world: World, answer: TryLater | Unknown
    ) -> None:
        told_in_error(world)

        def moved_meanwhile(_: Email) -> TryLater | Unknown:
            world.clock.tick(seconds=1)
            world.change(stage="Screening", kind="screen")
            world.plan()
            return answer

        world.provider.answer = moved_meanwhile
        settle.approve(world.flow, None, world.message("sent_in_error").id, by="usr_a", now=True)
        world.send()
        world.run_for(hours=2)

        assert world.message("sent_in_error").state is Submission.CANCELLED
        assert world.application().application.owed_since is not None
        assert world.ledger().violations == ()


class TestAComplaint:
    def test_leaves_what_takes_an_ending_back_to_a_person(self, world: World) -> None:
        mail = told_in_error(world)

        hear(world, report(mail, Heard.COMPLAINED, world, about=Address.COMPLAINED))
        assert world.message("sent_in_error").state is Submission.HELD
        world.clock.tick(minutes=1)
        world.change(stage="Screening", kind="screen")
        world.plan()

        row = world.message("sent_in_error")
        assert (row.state, row.reason) == (Submission.HELD, "complained")
        settle.approve(world.flow, None, row.id, by="usr_a", now=True)
        world.settle_down()
        assert world.message("sent_in_error").state is Submission.ACCEPTED

    @pytest.mark.parametrize("approved", [True, False])
    def test_leaves_an_offer_to_a_person_who_knows_of_it(self, world: World, approved: bool) -> None:
        mail = told(world)
        world.clock.tick(minutes=1)
        world.change(stage="Offer", kind="offer")
        world.plan()
        if approved:
            settle.approve(world.flow, None, world.message("offer_coming").id, by="usr_a")

        hear(world, report(mail, Heard.COMPLAINED, world, about=Address.COMPLAINED))
        world.run_for(days=1)

        row = world.message("offer_coming")
        assert (row.state, row.reason) == (Submission.HELD, "complained")

    def test_leaves_a_later_offer_to_a_person(self, world: World) -> None:
        mail = told(world)
        hear(world, report(mail, Heard.COMPLAINED, world, about=Address.COMPLAINED))
        world.clock.tick(minutes=1)

        world.change(stage="Offer", kind="offer")
        world.plan()

        row = world.message("offer_coming")
        assert (row.state, row.reason) == (Submission.HELD, "complained")


class TestItLeftAfterAll:
    """A backup was put back that knew nothing of it; the report comes after the ending was taken back, or changed."""

    def left_after_the_backup(self, world: World) -> Email:
        told(world)
        world.clock.tick(minutes=1)
        world.change(outcome="rejected")
        world.plan()
        row = world.message("rejected_after_application")
        bring_to_rest(world.db, by="command line")
        with world.db.begin() as tx:
            workspaces.resume(tx, EVERYTHING)
        return replace(world.provider.accepted[-1], mid=row.id, att="att_0123456789abcdef")

    def test_m04_an_ending_that_was_taken_back_unseen_is_owed_a_word(self, world: World) -> None:
        mail = self.left_after_the_backup(world)
        back(world)
        assert world.message("rejected_after_application").state is Submission.CANCELLED
        assert world.application().application.owed_since is None

        hear(world, report(mail, Heard.DELIVERED, world))

        row = world.application().application
        assert row.owed_since == world.clock.now
        with world.db.read() as tx:
            assert history(tx, world.workspace, row.id)[-1].reason == "left_after_all"
        assert world.ledger().violations == ()

    def test_m04_a_second_no_waits_for_a_person_who_knows(self, world: World) -> None:
        mail = self.left_after_the_backup(world)
        back(world)
        world.clock.tick(minutes=1)
        world.change(outcome="rejected")
        world.plan()
        assert world.message("rejected_after_application").state is Submission.SCHEDULED

        hear(world, report(mail, Heard.DELIVERED, world))

        row = world.message("rejected_after_application")
        assert (row.state, row.reason) == (Submission.HELD, "left_after_all")
        assert world.ledger().violations == ()

    def test_m04_what_a_person_cancelled_stands_open_with_what_is_known_now(self, world: World) -> None:
        mail = self.left_after_the_backup(world)
        row = world.message("rejected_after_application")
        settle.cancel(world.flow, None, row.id, by="usr_a", why="I telephone")

        hear(world, report(mail, Heard.PROCESSED, world), report(mail, Heard.DELIVERED, world))

        assert world.application().application.open_reason == "left_after_all"
        assert world.ledger().violations == ()


class TestALateProof:
    def test_does_not_bring_an_older_promise_back(self, world: World) -> None:
        takes = world.provider.answer
        world.provider.answer = lambda _: Unknown("cut")
        mail = told(world)
        world.provider.answer = takes
        world.clock.tick(days=1)
        world.change(stage="Screening", kind="screen")
        world.plan()
        world.clock.tick(hours=2)
        world.send()
        before = world.application().application
        assert before.promise_due is not None

        hear(world, report(mail, Heard.DELIVERED, world))

        after = world.application().application
        assert (after.promise_due, after.silent_since) == (before.promise_due, before.silent_since)

    def test_an_answer_counts_though_the_clock_went_back_meanwhile(self, world: World) -> None:
        told(world)
        world.clock.tick(minutes=-30)
        world.change(stage="Screening", kind="screen", at=world.clock.now + timedelta(hours=1))
        world.plan()
        due_at = world.message("in_review").due_at
        assert due_at is not None
        world.clock.now = min(due_at, world.clock.now + timedelta(minutes=20))
        world.send()

        row = world.message("in_review")
        assert row.state is Submission.ACCEPTED
        assert world.application().application.promise_due == row.promise_due

    def test_counts_silence_from_the_hour_at_which_it_left(self, world: World) -> None:
        world.provider.answer = lambda _: Unknown("cut")
        mail = told(world)
        left_at = world.clock.now
        world.clock.tick(hours=3)

        hear(world, report(mail, Heard.DELIVERED, world))

        row = world.application().application
        assert row.silent_since == left_at
        with world.db.read() as tx:
            (attempt,) = attempts_of(tx, world.workspace, mail.mid)
        assert attempt.outcome == evidence.ACCEPTED
        assert attempt.settled_at == left_at + timedelta(hours=3)
