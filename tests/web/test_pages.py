"""The recruiter's pages: what they show, what they let people do, and what they refuse."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from notifier.core.message import Submission
from notifier.deliver.mime import to_bytes
from notifier.flow.envelope import envelope
from notifier.store.database import Database
from notifier.store.mailbox import keep_mail
from notifier.store.tables import metadata
from notifier.store.users import Role
from tests.web.conftest import message_of, press, text
from tests.world import World


class TestLooking:
    def test_each_view_holds_what_it_says(self, busy: World, recruiter: FlaskClient) -> None:
        assert "Ana Adler" in text(recruiter, "/")
        assert "1 person needs you" in text(recruiter, "/")
        assert "Eva Adler" in text(recruiter, "/outbox")
        assert "no valid address" in text(recruiter, "/held")
        trouble = text(recruiter, "/trouble")
        assert "Quokka" in trouble
        assert "Webhooks nobody could read" in trouble
        assert "No law is broken" in trouble

    def test_an_empty_installation_says_what_to_do_first(self, recruiter: FlaskClient) -> None:
        assert "notifier source add" in text(recruiter, "/")

    def test_an_empty_queue_says_what_happens_by_itself(self, world: World, recruiter: FlaskClient) -> None:
        world.change("a2", outcome="rejected")
        world.settle_down()
        page = text(recruiter, "/")
        assert "Nobody is waiting for your decision." in page
        assert "The next message leaves by itself <time datetime=" in page
        assert '<a href="/outbox">See all that go out</a>' in page

    def test_two_messages_to_one_person_are_one_person_who_waits(self, world: World, recruiter: FlaskClient) -> None:
        same = {"candidate": {"id": "c1", "first_name": "Ana", "name": "Ana Adler", "email": "ana@example.org"}}
        world.change("a1", outcome="rejected", stage="Onsite", kind="interview", **same)
        world.change("a2", outcome="rejected", stage="Onsite", kind="interview", **same)
        world.change("a3", outcome="rejected", stage="Onsite", kind="interview", first_name="Eva")
        world.settle_down()
        assert "2 people need you." in text(recruiter, "/")

    def test_who_is_past_their_date_is_counted_first_and_said_in_words(
        self, world: World, sign_in: Callable[..., FlaskClient]
    ) -> None:
        world.change("a1", stage="Phone screen", kind="screen", first_name="Eva", email="eva@example.org")
        world.settle_down()
        world.run_for(minutes=30)
        promised = world.application("a1").application.promise_due
        assert promised is not None
        world.change("b1", outcome="rejected", stage="Onsite", kind="interview", first_name="Gus")
        world.clock.now = promised - timedelta(hours=1)
        world.change("a1", outcome="rejected", stage="Onsite", kind="interview", first_name="Eva")
        world.settle_down()
        world.clock.now = promised + timedelta(hours=30)

        page = text(sign_in(), "/")

        assert "1 is past the date you gave them." in page
        assert '<strong class="late">2 days late</strong>' in page

    def test_a_message_on_hold_says_until_when(self, busy: World, recruiter: FlaskClient) -> None:
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}"
        press(recruiter, text(recruiter, address), f"{address}/hold", until="monday", why="panel")
        assert "on hold until <time" in text(recruiter, "/held")
        assert "It comes back <time" in text(recruiter, address)
        assert "(<bdi>panel</bdi>)" in text(recruiter, "/held")
        assert "Note for the team: <bdi>panel</bdi>" in text(recruiter, address)

    def test_what_happened_says_who_did_it(self, busy: World, sign_in: Callable[..., FlaskClient]) -> None:
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}"
        jonas = sign_in(address="jonas@example.com")
        press(jonas, text(jonas, address), f"{address}/approve")
        assert "you: awaiting approval to scheduled (approved)" in text(jonas, address)
        assert "jonas@example.com: awaiting approval to scheduled (approved)" in text(sign_in(), address)

    def test_a_mail_of_the_mailbox_is_text_headers_and_source(self, busy: World, recruiter: FlaskClient) -> None:
        with busy.db.begin() as tx:
            view = busy.view(message_of(busy, "rejected_after_interview"))
            email = envelope(busy.flow, tx, view.message, view.application)
            mime = to_bytes(email)
            keep_mail(tx, busy.workspace, view.message.id, to=email.to_address, subject=email.subject, mime=mime)
        listed = text(recruiter, "/mailbox")
        assert "ana@example.org" in listed
        page = text(recruiter, "/mailbox/" + listed.split('href="/mailbox/')[1].split('"')[0])
        assert "we have chosen someone else" in page
        assert "Message-ID" in page
        assert "&lt;html" in page
        assert "<html lang" in page.split("<body>")[0], "the mail's own HTML is text here"

    def test_a_name_is_shown_and_never_run(self, busy: World, recruiter: FlaskClient) -> None:
        page = text(recruiter, "/held")
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page

    def test_a_message_is_shown_as_it_will_leave(self, busy: World, recruiter: FlaskClient) -> None:
        page = text(recruiter, f"/messages/{message_of(busy, 'rejected_after_interview')}")
        assert "Ana, we have chosen someone else for Backend engineer." in page
        assert "Maria Lopez, Example Co. Replies reach me." in page

    def test_an_application_shows_its_messages_and_its_clocks(self, busy: World, recruiter: FlaskClient) -> None:
        page = text(recruiter, f"/applications/{busy.application('a1').application.id}")
        assert "No, after interview" in page
        assert "Silent since" in page

    def test_a_long_queue_is_paged(self, world: World, recruiter: FlaskClient) -> None:
        for number in range(55):
            world.change(
                f"b{number}", outcome="rejected", stage="Onsite", kind="interview", first_name=f"N{number:02}x"
            )
        world.settle_down()

        first = text(recruiter, "/")
        more = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
        second = text(recruiter, more)

        shown = {number for number in range(55) for page in (first, second) if f"N{number:02}x" in page}
        assert shown == set(range(55))
        assert "Next 50" not in second

    def test_no_get_changes_anything(self, busy: World, app: Flask, recruiter: FlaskClient) -> None:
        before = everything(busy.db)
        ids = [message.id for message in busy.messages()]
        for rule in app.url_map.iter_rules():
            if "GET" not in rule.methods or rule.endpoint == "static":
                continue
            for value in (*ids, busy.application("a1").application.id, "nobody"):
                recruiter.get(str(rule).replace("<message_id>", value).replace("<application_id>", value)
                              .replace("<token>", value).replace("<mail_id>", value))  # fmt: skip
                if "<" not in str(rule):
                    break
        assert everything(busy.db) == before


def everything(db: Database) -> dict[str, list[object]]:
    with db.engine.connect() as connection:
        return {
            name: sorted(map(str, connection.execute(sa.select(table)).all()))
            for name, table in metadata.tables.items()
        }


class TestDeciding:
    def test_approving_says_when_it_leaves(self, busy: World, recruiter: FlaskClient) -> None:
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}"

        status, page = press(recruiter, text(recruiter, address), f"{address}/approve")

        assert status == 200
        assert "message leaves at 11:00. Until then you can still hold it in Going out." in page
        assert busy.message("rejected_after_interview").state is Submission.SCHEDULED

    def test_a_second_approval_is_refused_in_words(self, busy: World, recruiter: FlaskClient) -> None:
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}"
        page = text(recruiter, address)
        press(recruiter, page, f"{address}/approve")

        status, again = press(recruiter, page, f"{address}/approve")

        assert status == 409
        assert "already approved" in again

    def test_missing_values_are_asked_for_and_filled_in(self, world: World, recruiter: FlaskClient) -> None:
        world.change("a1", stage="Onsite", kind="interview")
        world.settle_down()
        address = f"/messages/{message_of(world, 'interview_next_steps')}"
        page = text(recruiter, address)
        assert 'name="value-link"' in page

        values = {
            "value-link": "https://meet.example.com/x",
            "value-duration": "1 hour",
            "value-interview_kind": "a call",
        }
        status, after = press(recruiter, page, f"{address}/approve", **values)

        assert status == 200, after
        assert world.message("interview_next_steps").state is Submission.SCHEDULED
        assert "https://meet.example.com/x" in after

    def test_what_was_typed_is_still_there_when_something_else_is_missing(
        self, world: World, recruiter: FlaskClient
    ) -> None:
        world.change("a1", stage="Onsite", kind="interview")
        world.settle_down()
        address = f"/messages/{message_of(world, 'interview_next_steps')}"
        page = text(recruiter, address)

        status, after = press(recruiter, page, f"{address}/approve", **{"value-link": "https://meet.example.com/x"})

        assert status == 409
        assert "Nothing was changed." in after
        assert "Still missing: duration" in after
        assert 'value="https://meet.example.com/x"' in after
        assert world.message("interview_next_steps").state is Submission.AWAITING_APPROVAL

    def test_a_value_too_long_for_a_letter_is_refused(self, world: World, recruiter: FlaskClient) -> None:
        world.change("a1", stage="Onsite", kind="interview")
        world.settle_down()
        address = f"/messages/{message_of(world, 'interview_next_steps')}"
        status, after = press(
            recruiter, text(recruiter, address), f"{address}/approve", **{"value-duration": "x" * 1001}
        )
        assert (status, "The duration is longer than 1000 characters." in after) == (409, True)

    @pytest.mark.parametrize(("how", "day"), [("", ""), ("pigeon", ""), ("phone", "tomorrow"), ("phone", "2027-01-01")])
    def test_how_and_when_they_were_told_is_checked(
        self, busy: World, recruiter: FlaskClient, how: str, day: str
    ) -> None:
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}"
        status, after = press(recruiter, text(recruiter, address), f"{address}/told", how=how, day=day)
        assert (status, "Nothing was changed." in after) == (409, True)
        assert busy.message("rejected_after_interview").state is Submission.AWAITING_APPROVAL

    def test_hold_cancel_and_told(self, busy: World, recruiter: FlaskClient) -> None:
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}"
        page = text(recruiter, address)
        _, held = press(recruiter, page, f"{address}/hold", until="monday", why="panel")
        assert "It comes back on Monday 30 November at 09:00" in held

        status, told = press(recruiter, page, f"{address}/told", how="phone")

        assert (status, "is marked as told" in told) == (200, True)
        assert busy.application("a1").item == "told"
        other = f"/messages/{message_of(busy, 'rejected_after_application', 'a2')}"
        _, cancelled = press(recruiter, page, f"{other}/cancel", why="I will call")
        assert "is cancelled" in cancelled
        assert "Nobody has told them" in text(recruiter, "/trouble")
        application = busy.application("a2").application.id
        press(recruiter, page, f"/applications/{application}/told", how="in_person")
        assert busy.application("a2").item == "told"
        assert busy.ledger().violations == ()

    def test_a_stage_is_mapped_and_a_webhook_read_again(self, busy: World, sign_in: Callable[..., FlaskClient]) -> None:
        admin = sign_in(Role.ADMIN, address="admin@example.com")
        page = text(admin, "/trouble")
        stage = page.split('action="/stages/')[1].split("/")[0]
        _, mapped = press(admin, page, f"/stages/{stage}/map", kind="screen")
        assert "now means screen" in mapped
        item = page.split('action="/inbox/')[1].split("/")[0]
        _, again = press(admin, page, f"/inbox/{item}/replay")
        assert "being read again" in again
