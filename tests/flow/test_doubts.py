"""Doubts: settled by a report, by a rule when the feed was alive and silent, or by people."""

from collections.abc import Iterator

import pytest

from notifier.core.answer import Answer, Unknown
from notifier.core.errors import Refused
from notifier.core.feedback import Heard
from notifier.core.message import Delivery, Submission
from notifier.deliver.email import Email
from notifier.flow import doubts
from notifier.flow.restore import bring_to_rest
from notifier.store import audit, workspaces
from notifier.store.evidence import PROBABLY_NOT, RESTORED
from notifier.store.workspaces import EVERYTHING
from tests.flow.reported import hear, lost, never, rejected, report, told
from tests.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    built = World(database_url)
    yield built
    built.close()


class TestDoubts:
    def test_c06_a_report_settles_a_doubt(self, world: World) -> None:
        lost(world)
        mail = told(world)
        assert world.message("application_received").state is Submission.IN_DOUBT

        hear(world, report(mail, Heard.PROCESSED, world))

        row = world.message("application_received")
        assert (row.state, row.delivery) == (Submission.ACCEPTED, Delivery.PROCESSED)
        assert world.application().application.promise_due is not None
        assert world.ledger().violations == ()

    def test_p11_a_report_that_comes_before_our_own_result_is_kept_and_counts(self, world: World) -> None:
        def reports_at_once(email: Email) -> Answer:
            hear(world, report(email, Heard.DELIVERED, world))
            return Unknown("cut after the report")

        world.provider.answer = reports_at_once
        told(world)

        row = world.message("application_received")
        assert (row.state, row.delivery) == (Submission.ACCEPTED, Delivery.DELIVERED)
        assert world.ledger().violations == ()

    def test_a_report_cancels_a_retry_that_is_due(self, world: World) -> None:
        never(world)
        mail = told(world)
        doubts.send_again(world.flow, None, mail.mid, by="usr_a")
        assert world.message("application_received").state is Submission.SCHEDULED

        hear(world, report(mail, Heard.DELIVERED, world))
        world.settle_down()

        assert world.message("application_received").state is Submission.ACCEPTED
        assert len(world.provider.calls) == 1

    def test_silence_says_nothing_while_the_feed_is_silent(self, world: World) -> None:
        never(world)
        told(world)

        world.run_for(hours=5)

        assert world.message("application_received").state is Submission.IN_DOUBT

    def test_p10_what_only_informs_goes_out_once_more_when_the_feed_was_alive(self, world: World) -> None:
        never(world)
        told(world, "a1")
        lost(world)
        world.clock.tick(minutes=1)
        other = told(world, "a2")
        hear(world, report(other, Heard.PROCESSED, world))

        world.run_for(minutes=30)
        assert world.message("application_received").state is Submission.IN_DOUBT
        world.run_for(minutes=31)

        assert [mail.to_address for mail in world.provider.accepted].count(
            "ana@example.org"
        ) == 2  # a2's and the second
        assert world.message("application_received").sent_again == 1

    @pytest.mark.parametrize("heard", [Heard.BOUNCED, Heard.COMPLAINED, Heard.OTHER])
    def test_a_feed_that_does_not_tell_what_was_taken_proves_nothing_by_its_silence(
        self, world: World, heard: Heard
    ) -> None:
        never(world)
        told(world, "a1")
        lost(world)
        world.clock.tick(minutes=1)
        hear(world, report(told(world, "a2", email="bo@example.org"), heard, world))

        world.run_for(hours=3)

        assert world.message("application_received").state is Submission.IN_DOUBT

    def test_what_a_rule_sends_again_does_not_leave_when_the_feed_would_have_forgotten(self, world: World) -> None:
        never(world)
        told(world, "a1")
        world.clock.tick(minutes=1)
        lost(world)
        hear(world, report(told(world, "a2", email="bo@example.org"), Heard.PROCESSED, world))
        world.clock.tick(hours=23)
        world.watch()
        assert world.message("application_received").state is Submission.SCHEDULED

        world.clock.tick(hours=2)  # as if it had been paused
        world.settle_down()

        row = world.message("application_received")
        assert (row.state, row.reason) == (Submission.HELD, "too_late")
        assert [mail.to_address for mail in world.provider.accepted] == ["bo@example.org"]

    def test_a_doubt_that_waits_for_a_person_stands_in_nobodys_way(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doubts, "BATCH", 1)
        never(world)
        told(world, "a1")
        bring_to_rest(world.db, by="command line")
        with world.db.begin() as tx:
            workspaces.resume(tx, EVERYTHING)
        world.clock.tick(minutes=1)
        told(world, "a2", email="bo@example.org")
        world.clock.tick(minutes=1)
        lost(world)
        hear(world, report(told(world, "a3", email="cy@example.org"), Heard.PROCESSED, world))

        world.run_for(hours=2)

        assert world.message("application_received", "a1").state is Submission.IN_DOUBT
        assert world.message("application_received", "a2").sent_again == 1

    @pytest.mark.parametrize("restored", [True, False])
    def test_a_doubt_whose_reason_has_gone_ends_though_it_waited_for_a_person(
        self, world: World, restored: bool
    ) -> None:
        never(world)
        told(world)
        rejected(world)
        if restored:
            bring_to_rest(world.db, by="command line")
        else:
            world.clock.tick(minutes=1)
            lost(world)
            hear(world, report(told(world, "a2", email="bo@example.org"), Heard.PROCESSED, world))
            world.run_for(hours=2)
        assert world.message("rejected_after_application").reason in (PROBABLY_NOT, RESTORED)

        world.change(outcome="none", stage="Review", kind="applied")
        world.plan()
        world.run_for(hours=2)

        row = world.message("rejected_after_application")
        assert (row.state, row.reason) == (Submission.CANCELLED, "superseded")
        assert world.message("sent_in_error").state is Submission.AWAITING_APPROVAL
        assert world.ledger().violations == ()

    def test_a_no_in_doubt_waits_for_a_person_whatever_the_feed_says(self, world: World) -> None:
        told(world, "a1")
        never(world)
        rejected(world, "a1")
        lost(world)
        other = told(world, "a2", email="bo@example.org")
        hear(world, report(other, Heard.PROCESSED, world))
        calls = len(world.provider.calls)

        world.run_for(hours=2)
        world.run_for(days=2)

        row = world.message("rejected_after_application")
        assert (row.state, row.reason) == (Submission.IN_DOUBT, "probably_not_sent")
        assert [mail for mail in world.provider.calls[calls:] if mail.mid == row.id] == []
        assert world.ledger().violations == ()

    def test_it_is_sent_again_only_once_by_a_rule(self, world: World) -> None:
        never(world)
        told(world, "a1")
        for _ in range(3):
            world.clock.tick(minutes=1)
            lost(world)
            name = f"b{world.clock.now:%d%H%M}"
            hear(world, report(told(world, name, email=f"{name}@example.org"), Heard.PROCESSED, world))
            never(world)
            world.run_for(minutes=70)

        row = world.message("application_received")
        assert (row.state, row.reason, row.sent_again) == (Submission.IN_DOUBT, "probably_not_sent", 1)

    def test_o05_a_doubt_that_lost_its_reason_is_dropped_and_the_apology_stays(self, world: World) -> None:
        told(world)
        never(world)
        rejected(world)
        world.change(outcome="none", stage="Review", kind="applied", at=world.clock.now)
        world.plan()
        lost(world)
        other = told(world, "a2", email="bo@example.org")
        hear(world, report(other, Heard.PROCESSED, world))

        world.run_for(hours=2)

        assert world.message("rejected_after_application").state is Submission.CANCELLED
        assert world.message("sent_in_error").state is Submission.AWAITING_APPROVAL
        assert world.ledger().violations == ()


class TestPeopleSettle:
    def test_a_person_says_that_it_arrived(self, world: World) -> None:
        told(world)
        never(world)
        mail = rejected(world)

        doubts.arrived(world.flow, None, mail.mid, by="usr_a")

        assert world.message("rejected_after_application").state is Submission.ACCEPTED
        assert world.ledger().told == 1
        assert world.ledger().violations == ()

    def test_a_no_is_sent_again_by_two_people_only(self, world: World) -> None:
        told(world)
        never(world)
        mail = rejected(world)

        assert doubts.send_again(world.flow, None, mail.mid, by="usr_a") == doubts.SECOND_PERSON
        with pytest.raises(Refused, match="another person"):
            doubts.send_again(world.flow, None, mail.mid, by="usr_a")
        assert world.message("rejected_after_application").state is Submission.IN_DOUBT
        assert doubts.send_again(world.flow, None, mail.mid, by="usr_b") == doubts.SCHEDULED

        with world.db.read() as tx:
            trail = audit.history(tx, world.workspace, mail.mid)
        assert [(entry.actor, entry.reason) for entry in trail[-2:]] == [
            ("usr_a", "send_again_asked"),
            ("usr_b", "sent_again"),
        ]

    def test_what_both_attempts_brought_is_shown_and_breaks_no_law(self, world: World) -> None:
        never(world)
        mail = told(world)
        doubts.send_again(world.flow, None, mail.mid, by="usr_a")
        world.settle_down()
        second = world.provider.calls[-1]

        hear(world, report(second, Heard.DELIVERED, world))
        hear(world, report(mail, Heard.DELIVERED, world))

        assert world.message("application_received").state is Submission.ACCEPTED
        assert world.ledger().violations == ()

    @pytest.mark.parametrize("verb", [doubts.arrived, doubts.send_again])
    def test_what_is_not_in_doubt_is_refused(self, world: World, verb: object) -> None:
        mail = told(world)
        with pytest.raises(Refused, match="not in doubt"):
            verb(world.flow, None, mail.mid, by="usr_a")  # type: ignore[operator]  # both take this
