"""Hearing: what is signed is kept, what it is about is found out, and every effect is one-way."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from notifier.core.errors import Refused
from notifier.core.feedback import Address, Heard
from notifier.core.message import Delivery, Submission
from notifier.flow import settle
from notifier.flow.again import write_again
from notifier.flow.hear import hear_batch, hear_mail
from notifier.store import provider_events
from notifier.store.provider_events import ProviderEvent
from tests.flow.reported import candidate, hear, orphans, rejected, report, told
from tests.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    built = World(database_url)
    yield built
    built.close()


class TestDelivery:
    def test_the_same_reports_in_any_order_and_number_end_the_same(self, world: World) -> None:
        mail = told(world)
        all_of = [report(mail, heard, world) for heard in (Heard.DELIVERED, Heard.PROCESSED, Heard.DEFERRED)]

        hear(world, *all_of, *all_of)
        hear(world, *reversed(all_of))

        row = world.message("application_received")
        assert row.delivery is Delivery.DELIVERED
        with world.db.read() as tx:
            assert len(provider_events.of_message(tx, world.workspace, row.id)) == 3

    def test_p12_a_copy_under_another_id_is_a_copy(self, world: World) -> None:
        mail = told(world)
        one = report(mail, Heard.DELIVERED, world)
        for number in range(46):
            hear(world, replace(one, event_id=f"id-{number}"))

        with world.db.read() as tx:
            assert len(provider_events.list_events(tx)) == 1

    def test_p14_a_report_about_nothing_of_ours_is_an_orphan(self, world: World) -> None:
        mail = told(world)
        before = world.message("application_received")
        hear(
            world,
            replace(report(mail, Heard.BOUNCED, world), mid="msg_unknown", att="att_unknown", digest="1" * 64),
            replace(report(mail, Heard.BOUNCED, world), env="staging", att="att_of_staging", digest="2" * 64),
            replace(report(mail, Heard.PROCESSED, world), att="hello-world", digest="4" * 64),
            replace(report(mail, Heard.BOUNCED, world), mid="msg_other", digest="3" * 64),
        )

        assert orphans(world) == 4
        assert world.message("application_received").delivery is before.delivery

    def test_reports_about_what_left_under_an_earlier_name_of_this_installation_count(self, world: World) -> None:
        mail = told(world)
        world.flow = replace(world.flow, settings=replace(world.flow.settings, environment="new.example.com"))

        hear(world, report(mail, Heard.DELIVERED, world))

        assert world.message("application_received").delivery is Delivery.DELIVERED

    def test_a_time_that_has_not_come_yet_is_the_time_it_was_told(self, world: World) -> None:
        mail = told(world)

        hear(world, report(mail, Heard.COMPLAINED, world, at=world.clock.now + timedelta(days=60_000)))

        with world.db.read() as tx:
            assert candidate(tx, world).complained_at == world.clock.now

    def test_a_report_that_cannot_be_opened_stops_no_other(self, world: World) -> None:
        one, other = told(world), told(world, "a2", email="bo@example.org")
        with world.db.begin() as tx:
            provider_events.keep(tx, "scripted", [report(one, Heard.DELIVERED, world)])
            tx.session.execute(sa.update(ProviderEvent).values(report=b"sealed under a key that is gone"))

        hear(world, report(other, Heard.DELIVERED, world))

        assert world.message("application_received", "a2").delivery is Delivery.DELIVERED
        assert orphans(world) == 1

    def test_m04_a_report_about_what_left_after_the_backup_proves_that_it_left(self, world: World) -> None:
        told(world)
        world.clock.tick(minutes=1)
        world.change(outcome="rejected")
        world.plan()
        row = world.message("rejected_after_application")
        assert row.state is Submission.SCHEDULED
        mail = replace(world.provider.accepted[-1], mid=row.id, att="att_0123456789abcdef")

        hear(world, report(mail, Heard.DELIVERED, world))
        world.run_for(days=3)

        after = world.message("rejected_after_application")
        assert (after.state, after.delivery) == (Submission.ACCEPTED, Delivery.DELIVERED)
        assert [call.mid for call in world.provider.calls].count(row.id) == 0
        assert world.ledger().told == 1
        assert world.ledger().violations == ()

    @pytest.mark.parametrize("at_once", [True, False])
    def test_m04_of_two_reports_about_a_forgotten_attempt_both_count(self, world: World, at_once: bool) -> None:
        told(world)
        world.clock.tick(minutes=1)
        world.change(outcome="rejected")
        world.plan()
        row = world.message("rejected_after_application")
        mail = replace(world.provider.accepted[-1], mid=row.id, att="att_0123456789abcdef")
        both = [report(mail, Heard.PROCESSED, world), report(mail, Heard.BOUNCED, world, about=Address.DEAD)]

        for together in [both] if at_once else [[one] for one in reversed(both)]:
            hear(world, *together)

        assert world.message("rejected_after_application").delivery is Delivery.BOUNCED
        assert (world.ledger().told, world.ledger().open, orphans(world)) == (0, 1, 0)
        assert world.ledger().violations == ()

    def test_a_report_about_a_message_that_never_left_is_an_orphan(self, world: World) -> None:
        told(world)
        world.clock.tick(minutes=1)
        world.change(outcome="rejected")
        world.plan()
        row = world.message("rejected_after_application")
        hear(world, replace(report(world.provider.accepted[-1], Heard.DELIVERED, world), mid=row.id, att=""))

        assert orphans(world) == 1
        assert world.message("rejected_after_application").state is Submission.SCHEDULED

    def test_p13_a_bounced_no_stands_open_and_the_address_is_dead(self, world: World) -> None:
        told(world)
        mail = rejected(world)
        assert world.ledger().told == 1

        hear(world, report(mail, Heard.BOUNCED, world, about=Address.DEAD, why="5.1.1"))

        assert (world.ledger().told, world.ledger().open) == (0, 1)
        assert world.application().application.open_reason == "came_back"
        assert world.ledger().violations == ()
        with world.db.read() as tx:
            assert candidate(tx, world).address_state == "dead"
        with pytest.raises(Refused, match="address dead"):
            write_again(world.flow, None, world.application().application.id, by="usr_a")

    def test_a_late_bounce_wins_over_delivered_and_delivered_never_over_a_bounce(self, world: World) -> None:
        told(world)
        mail = rejected(world)
        hear(world, report(mail, Heard.DELIVERED, world))
        hear(world, report(mail, Heard.BOUNCED, world, about=Address.DOUBTFUL))
        hear(world, report(mail, Heard.DEFERRED, world))

        assert world.message("rejected_after_application").delivery is Delivery.BOUNCED
        assert world.ledger().open == 1

    def test_telling_by_phone_settles_what_came_back(self, world: World) -> None:
        told(world)
        mail = rejected(world)
        hear(world, report(mail, Heard.BOUNCED, world, about=Address.DEAD))

        settle.told(world.flow, None, mail.mid, by="usr_a", how="phone")

        assert (world.ledger().told, world.ledger().open) == (1, 0)
        assert world.ledger().violations == ()

    def test_another_address_from_the_ats_drafts_it_again_for_approval(self, world: World) -> None:
        told(world)
        mail = rejected(world)
        hear(world, report(mail, Heard.BOUNCED, world, about=Address.DEAD))

        world.clock.tick(minutes=1)
        world.change(stage="Review", kind="applied", outcome="rejected", email="ana.new@example.org")
        world.plan()

        row = world.message("rejected_after_application")
        assert (row.state, row.ordinal, row.reason) == (Submission.AWAITING_APPROVAL, 2, "came_back")
        settle.approve(world.flow, None, row.id, by="usr_a", now=True)
        world.settle_down()
        assert world.provider.accepted[-1].to_address == "ana.new@example.org"
        assert world.ledger().told == 1
        assert world.ledger().violations == ()

    def test_a_bounce_that_names_only_the_address_is_matched_by_recency(self, world: World) -> None:
        told(world)
        mail = rejected(world)
        bare = replace(report(mail, Heard.BOUNCED, world, about=Address.DEAD), mid="", att="", env="")

        hear(world, bare)

        assert world.message("rejected_after_application").delivery is Delivery.BOUNCED

    def test_a_mail_that_nobody_signed_is_never_matched_by_address(self, world: World) -> None:
        mail = told(world)
        hear(world, replace(report(mail, Heard.BOUNCED, world), mid="", att="", env=""), provider="mail")

        assert orphans(world) == 1
        assert world.message("application_received").delivery is Delivery.NONE

    def test_of_whole_mails_only_one_is_in_hand_at_once(self, world: World) -> None:
        mail = told(world)
        with world.db.begin() as tx:
            for number in range(3):
                provider_events.keep_mail(tx, "mail", str(number) * 64, b"Subject: hello\r\n\r\nhello")
            provider_events.keep(tx, "scripted", [report(mail, Heard.DELIVERED, world)])

        assert [hear_batch(world.flow) for _ in range(4)] == [2, 1, 1, 0]
        assert orphans(world) == 3


class TestComplaints:
    def test_a_complaint_stops_what_informs_and_not_what_is_owed(self, world: World) -> None:
        mail = told(world)
        hear(world, report(mail, Heard.COMPLAINED, world, about=Address.COMPLAINED))
        assert world.application().application.owed_since is not None

        world.clock.tick(minutes=1)
        world.change(stage="Screening", kind="screen")
        world.settle_down()
        assert len(world.messages("a1")) == 1

        rejected(world)
        row = world.message("rejected_after_application")
        assert (row.state, row.reason) == (Submission.HELD, "complained")
        settle.approve(world.flow, None, row.id, by="usr_a", now=True)
        world.settle_down()
        assert world.message("rejected_after_application").state is Submission.ACCEPTED
        assert world.ledger().violations == ()

    def test_what_was_pending_is_stopped_or_held_at_once(self, world: World) -> None:
        mail = told(world)
        world.clock.tick(minutes=1)
        world.change(outcome="rejected")
        world.plan()
        assert world.message("rejected_after_application").state is Submission.SCHEDULED

        hear(world, report(mail, Heard.COMPLAINED, world, about=Address.COMPLAINED))

        assert world.message("rejected_after_application").state is Submission.HELD
        assert world.message("application_received").complained
        assert world.ledger().violations == ()


BOUNCE = """\
From: MAILER-DAEMON@mx.example.net
To: hiring@example.com
Subject: Undelivered
MIME-Version: 1.0
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

It could not be delivered.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1

--b1
Content-Type: text/rfc822-headers

Message-ID: {message_id}
To: {address}

--b1--
"""


class TestMail:
    def test_a_bounce_that_comes_as_a_mail_opens_the_outcome(self, world: World) -> None:
        told(world)
        mail = rejected(world)
        mime = BOUNCE.format(address=mail.to_address, message_id=mail.headers["Message-ID"]).replace("\n", "\r\n")

        assert hear_mail(world.flow, mime.encode())
        while hear_batch(world.flow):
            pass

        assert world.message("rejected_after_application").delivery is Delivery.BOUNCED
        assert world.ledger().open == 1
        assert not hear_mail(world.flow, mime.encode())

    def test_a_mail_that_is_no_bounce_is_kept_and_shown(self, world: World) -> None:
        hear_mail(world.flow, b"From: ana@example.org\r\nSubject: Thanks\r\n\r\nThank you!\r\n")
        hear_batch(world.flow)

        assert orphans(world) == 1


def test_reports_wait_no_longer_than_the_relay_takes_to_come_round(world: World) -> None:
    mail = told(world)
    with world.db.begin() as tx:
        provider_events.keep(tx, "scripted", [report(mail, Heard.DELIVERED, world)])
        assert provider_events.anything_received(tx)
        assert timedelta(0) <= tx.now - world.clock.now
