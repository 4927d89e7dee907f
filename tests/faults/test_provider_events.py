"""P10 to P13: what SendGrid reports, over HTTP, in any order and number; and what somebody else makes up."""

import json
import random
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.core.message import Delivery, Submission
from notifier.deliver.ecdsa_signature import SIGNATURE
from notifier.store import audit, people
from tests.faults.edge import count
from tests.faults.mailing import ARRIVAL, NO, Mailing, mailing
from tests.standins.behaviours import Cut, Delay
from tests.standins.sendgrid_events import Signer, written

#: Captured posts, where they lie beside the project.
CAPTURED = Path(__file__).parents[2] / "../shared/payloads/sendgrid/events"


@pytest.fixture
def site(database_url: str) -> Iterator[Mailing]:
    with mailing(database_url) as made:
        yield made


class TestSilence:
    def test_p10_accepted_without_any_news_is_shown_after_three_days_and_never_sent_again(self, site: Mailing) -> None:
        site.tell()
        row = site.refuse()
        site.world.run_for(hours=72)
        recruiter = site.edge.recruiter()
        assert f"/messages/{row.id}" not in recruiter.get("/trouble").get_data(as_text=True)

        site.world.run_for(hours=2)

        page = recruiter.get("/trouble").get_data(as_text=True)
        assert "No news" in page
        assert f"/messages/{row.id}" in page
        site.world.run_for(days=3)
        assert site.message(NO).state is Submission.ACCEPTED
        assert len(site.mails(row)) == 1
        assert site.world.ledger().told == 1
        assert site.world.ledger().violations == ()

    @pytest.mark.parametrize("heard", ["processed", "deferred"])
    def test_p10_p13_three_days_of_trying_without_an_end_are_shown_too(self, site: Mailing, heard: str) -> None:
        site.tell()
        row = site.refuse()
        (mail,) = site.mails(row)
        for number in range(4):
            site.hear(site.event(heard, mail, number, attempt=str(number)))
            site.world.run_for(hours=20)

        assert site.message(NO).delivery == heard
        assert f"/messages/{row.id}" in site.edge.page("/trouble")
        assert len(site.mails(row)) == 1
        assert site.world.ledger().told == 1

    def test_p10_a_lost_202_and_no_news_go_once_more_only_for_what_informs(self, site: Mailing) -> None:
        site.tell("b1")
        site.plan_arrival("a1")
        site.plan_no("b1")
        site.receiver.then(Cut(), Cut())
        site.world.settle_down()
        informs, decides = site.message(ARRIVAL, "a1"), site.message(NO, "b1")
        assert {informs.state, decides.state} == {Submission.IN_DOUBT}

        site.the_feed_is_alive()
        site.world.run_for(hours=2)
        site.world.run_for(days=2)

        assert site.message(ARRIVAL, "a1").state is Submission.ACCEPTED
        assert len(site.mails(informs)) == 1
        last = site.message(NO, "b1")
        assert (last.state, last.reason) == (Submission.IN_DOUBT, "probably_not_sent")
        assert site.mails(decides) == []
        with site.world.db.read() as tx:
            reasons = [entry.reason for entry in audit.history(tx, site.world.workspace, decides.id)]
        assert reasons[-1] == "probably_not_sent"
        assert site.world.ledger().violations == ()


@pytest.mark.parametrize("read_first", [True, False])
def test_p11_an_event_that_overtakes_our_commit_is_kept_and_matched(site: Mailing, read_first: bool) -> None:
    site.plan_arrival()
    site.receiver.then(Delay(1.0))
    sending = threading.Thread(target=site.world.send)
    sending.start()
    while not site.receiver.mails:
        time.sleep(0.01)
    assert site.message(ARRIVAL).state is Submission.SENDING

    assert site.post(written([site.event("delivered", site.receiver.mails[0])])).status_code == 204
    if read_first:
        site.read()
        assert (site.message(ARRIVAL).state, site.orphans()) == (Submission.ACCEPTED, 0)
    sending.join()
    site.read()

    row = site.message(ARRIVAL)
    assert (row.state, row.delivery, site.orphans()) == (Submission.ACCEPTED, Delivery.DELIVERED, 0)
    assert row.provider_id == site.receiver.mails[0].x_message_id
    site.world.run_for(hours=2)
    assert len(site.receiver.mails) == 1
    assert site.world.ledger().violations == ()


class TestCopiesAndForgeries:
    def test_p12_forty_six_copies_in_any_order_under_any_id_have_one_effect(self, site: Mailing) -> None:
        row = site.tell()
        (mail,) = site.mails(row)
        told = [site.event(kind, mail, number) for number, kind in enumerate(("processed", "deferred", "delivered"))]
        copies = [event | {"sg_event_id": f"id-{number}"} for number in range(46) for event in told]
        random.Random(46).shuffle(copies)

        for begin in range(0, len(copies), 10):
            site.hear(*copies[begin : begin + 10])

        assert count(site.world, "provider_events") == 3
        assert site.message(ARRIVAL).delivery is Delivery.DELIVERED
        with site.world.db.read() as tx:
            trail = audit.history(tx, site.world.workspace, row.id)
        assert [entry.after for entry in trail].count("delivered") == 1
        assert site.world.ledger().violations == ()

    def test_p12_what_is_not_signed_as_it_is_is_401_and_nothing_is_kept(self, site: Mailing) -> None:
        row = site.tell()
        body = written([site.event("bounce", site.mails(row)[0])])
        now = site.world.clock.now.timestamp()
        good = site.signer.headers(body, now)
        before = site.states()

        refused = {
            "unsigned": (body, {"Content-Type": "application/json"}),
            "half signed": (body, {SIGNATURE: good["X-Twilio-Email-Event-Webhook-Signature"]}),
            "forged": (body, Signer().headers(body, now)),
            "one byte changed": (body.replace(b"bounce", b"bouncd", 1), good),
            "written anew": (json.dumps(json.loads(body)).encode(), good),
            "too old": (body, site.signer.headers(body, now - timedelta(hours=27).total_seconds())),
            "from tomorrow": (body, site.signer.headers(body, now + 3600)),
            "no base64": (body, good | {SIGNATURE: "é" * 50}),
            "unsigned garbage": (b"\xff\x00 not json", {}),
        }
        answers = {name: site.post(*request).status_code for name, request in refused.items()}

        assert answers == dict.fromkeys(refused, 401)
        assert count(site.world, "provider_events") == 0
        assert site.post(body, good).status_code == 204, "the same bytes as they were signed"
        assert site.states() == before, "kept, and not read yet"

    def test_p12_without_a_key_nothing_is_believed(self, site: Mailing) -> None:
        row = site.tell()
        site.set(event_keys={})

        assert site.post(written([site.event("bounce", site.mails(row)[0])])).status_code == 401
        assert count(site.world, "provider_events") == 0


class TestBadNews:
    @pytest.mark.parametrize(
        ("kind", "more", "address", "delivery"),
        [
            ("bounce", {}, "dead", Delivery.BOUNCED),
            ("blocked", {}, "doubtful", Delivery.BOUNCED),
            ("dropped", {}, "dead", Delivery.DROPPED),
            ("dropped", {"reason": "Spam Content"}, "good", Delivery.DROPPED),
        ],
    )
    def test_p13_what_came_back_has_told_nobody_and_is_never_resent(
        self, site: Mailing, kind: str, more: dict[str, Any], address: str, delivery: Delivery
    ) -> None:
        site.tell()
        row = site.refuse()
        assert site.world.ledger().told == 1

        site.hear(site.event(kind, site.mails(row)[0], **more))
        site.world.run_for(days=4)

        assert (site.message(NO).state, site.message(NO).delivery) == (Submission.ACCEPTED, delivery)
        assert (site.world.ledger().told, site.world.ledger().open) == (0, 1)
        assert len(site.mails(row)) == 1
        page = site.edge.page("/trouble")
        assert "These candidates have not been told, whatever was sent." in page
        assert f"/messages/{row.id}" in page
        assert self._person(site).address_state == address
        assert site.world.ledger().violations == ()

    def test_p13_a_dead_address_is_written_to_no_more(self, site: Mailing) -> None:
        row = site.tell()
        site.hear(site.event("bounce", site.mails(row)[0]))
        mails = len(site.receiver.mails)

        refused = site.refuse_planned()

        assert (refused.state, refused.reason) == (Submission.HELD, "address_dead")
        assert len(site.receiver.mails) == mails
        assert site.world.ledger().violations == ()

    def test_p13_a_complaint_stops_what_informs_and_never_what_is_owed(self, site: Mailing) -> None:
        row = site.tell()
        site.hear(site.event("spamreport", site.mails(row)[0]))
        assert self._person(site).complained_at is not None
        mails = len(site.receiver.mails)

        site.world.change("a1", stage="Screening", kind="screen", email="a1@example.org", at=site.later())
        site.world.settle_down()
        refused = site.refuse_planned()

        assert (refused.state, refused.reason) == (Submission.HELD, "complained")
        site.world.run_for(days=10)
        assert len(site.receiver.mails) == mails
        assert (site.world.ledger().held, site.world.ledger().told) == (1, 0), "the no is still owed"
        assert site.world.ledger().violations == ()

    @staticmethod
    def _person(site: Mailing) -> people.Candidate:
        found = site.world.application("a1").candidate
        assert found is not None
        return found
