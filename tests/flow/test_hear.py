"""Hearing: what is signed is kept, what it is about is found out, and every effect is one-way."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.core.answer import Answer, Unknown
from notifier.core.feedback import Address, Heard, Report
from notifier.core.message import Delivery, Submission
from notifier.deliver.email import Email
from notifier.flow import doubts, settle
from notifier.flow.again import write_again
from notifier.flow.hear import hear_batch, hear_mail
from notifier.core.errors import Refused
from notifier.store import audit, provider_events
from notifier.store.database import Tx
from notifier.store.people import Candidate
from notifier.store.provider_events import EventState
from tests.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    built = World(database_url)
    yield built
    built.close()


def told(world: World, name: str = "a1", *, kind: str = "applied", **more: object) -> Email:
    """One message that has left for an application; the e-mail as the provider got it."""
    world.change(name, stage="Review", kind=kind, **more)
    world.run_for(minutes=5)
    return next(mail for mail in reversed(world.provider.calls) if world.view(mail.mid).application.external_id == name)


def rejected(world: World, name: str = "a1", **more: object) -> Email:
    """A "no" that has left."""
    world.change(name, outcome="rejected", **more)
    world.plan()
    due_at = world.message("rejected_after_application", name).due_at
    if due_at is not None:
        world.clock.now = due_at
    world.run_for(minutes=1)
    return world.provider.calls[-1]


def report(mail: Email, heard: Heard, world: World, **more: object) -> Report:
    seed = f"{mail.att} {heard} {more}"
    told_of = Report(
        heard=heard,
        at=world.clock.now,
        digest=hashlib.sha256(seed.encode()).hexdigest(),
        mid=mail.mid,
        att=mail.att,
        env="test",
        address=mail.to_address,
    )
    return replace(told_of, **more)


def hear(world: World, *reports: Report, provider: str = "scripted") -> None:
    with world.db.begin() as tx:
        provider_events.keep(tx, provider, reports)
    while hear_batch(world.flow):
        pass


def lost(world: World) -> None:
    """From now on the provider takes every mail and its answer never reaches us."""

    def answer(email: Email) -> Answer:
        world.provider.accepted.append(email)
        return Unknown("cut")

    world.provider.answer = answer


def never(world: World) -> None:
    """From now on no mail is taken, and nobody says so."""
    world.provider.answer = lambda _: Unknown("cut")


def candidate(tx: Tx, world: World, name: str = "a1") -> Candidate:
    found = world.application(name).candidate
    assert found is not None
    return tx.session.get_one(Candidate, found.id)


def orphans(world: World) -> int:
    with world.db.read() as tx:
        return len(provider_events.list_events(tx, EventState.ORPHAN))


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
            replace(report(mail, Heard.BOUNCED, world), env="staging", digest="2" * 64),
            replace(report(mail, Heard.BOUNCED, world), mid="msg_other", digest="3" * 64),
        )

        assert orphans(world) == 3
        assert world.message("application_received").delivery is before.delivery

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
