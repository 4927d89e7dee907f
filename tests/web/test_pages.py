"""The recruiter's pages: what they show, what they let people do, and what they refuse."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from notifier.core.message import Submission
from notifier.store.database import Database
from notifier.store.tables import metadata
from notifier.store.users import Role
from notifier.store.workspaces import add_workspace, pause
from tests.web.conftest import csrf
from tests.world import World


@pytest.fixture
def busy(world: World) -> World:
    """Something in every view: a "no" to approve, one going out, one on hold, a stage nobody mapped, a bad webhook."""
    world.change("a1", outcome="rejected", stage="Onsite", kind="interview", first_name="Ana")
    world.change("a2", outcome="rejected", email="eva@example.org", first_name="Eva")
    world.change("a3", outcome="rejected", email=None, first_name="<script>alert(1)</script>")
    world.change("a4", stage="Quokka", first_name="Gus", email="gus@example.org")
    world.post(world.generic, b"[]")
    world.settle_down()
    return world


def text(client: FlaskClient, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def press(client: FlaskClient, page: str, address: str, **form: str) -> tuple[int, str]:
    """Press a button of a page, as a browser does: with its token, then follow."""
    answer = client.post(address, data={"csrf_token": csrf(page), **form}, follow_redirects=True)
    return answer.status_code, answer.get_data(as_text=True)


def message_of(world: World, template: str, external_id: str = "a1") -> str:
    return world.message(template, external_id).id


class TestLooking:
    def test_each_view_holds_what_it_says(self, busy: World, recruiter: FlaskClient) -> None:
        assert "Ana Adler" in text(recruiter, "/")
        assert "1 message needs you" in text(recruiter, "/")
        assert "Eva Adler" in text(recruiter, "/outbox")
        assert "no valid address" in text(recruiter, "/held")
        trouble = text(recruiter, "/trouble")
        assert "Quokka" in trouble
        assert "Webhooks nobody could read" in trouble
        assert "No law is broken" in trouble

    def test_an_empty_installation_says_what_to_do_first(self, recruiter: FlaskClient) -> None:
        assert "notifier source add" in text(recruiter, "/")

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
        assert "message leaves on Tuesday 24 November at 11:00" in page
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


class TestWhoMayDoWhat:
    def test_nobody_sees_anything_before_they_sign_in(self, busy: World, anybody: FlaskClient) -> None:
        for address in ("/", "/outbox", "/held", "/trouble", "/mailbox", "/messages/x", "/applications/x"):
            answer = anybody.get(address)
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith("/sign-in")

    @pytest.mark.parametrize(
        ("role", "verb", "status"),
        [
            (Role.VIEWER, "approve", 403),
            (Role.VIEWER, "hold", 403),
            (Role.VIEWER, "cancel", 403),
            (Role.APPROVER, "cancel", 403),
            (Role.APPROVER, "told", 403),
            (Role.APPROVER, "approve", 200),
            (Role.RECRUITER, "cancel", 200),
            (Role.ADMIN, "approve", 200),
        ],
    )
    def test_a_role_may_do_what_it_says(
        self, busy: World, sign_in: Callable[..., FlaskClient], role: Role, verb: str, status: int
    ) -> None:
        client = sign_in(role, address=f"{role}@example.com")
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}"
        page = text(client, address)

        assert press(client, page, f"{address}/{verb}", how="phone")[0] == status

    def test_another_workspace_is_not_found(self, busy: World, sign_in: Callable[..., FlaskClient]) -> None:
        with busy.db.begin() as tx:
            other = add_workspace(tx, "Other Co").id
        stranger = sign_in(Role.ADMIN, address="stranger@example.com", workspace=other)
        mine = message_of(busy, "rejected_after_interview")

        assert "Ana" not in text(stranger, "/")
        text(stranger, f"/messages/{mine}", 404)
        text(stranger, f"/applications/{busy.application('a1').application.id}", 404)
        page = text(stranger, "/")
        for address in (f"/messages/{mine}/approve", f"/messages/{mine}/cancel"):
            assert press(stranger, page, address)[0] == 404

    @pytest.mark.parametrize("verb", ["approve", "hold", "cancel", "told"])
    def test_a_form_without_its_token_is_refused(self, busy: World, recruiter: FlaskClient, verb: str) -> None:
        address = f"/messages/{message_of(busy, 'rejected_after_interview')}/{verb}"

        assert recruiter.post(address).status_code == 400
        assert busy.message("rejected_after_interview").state is Submission.AWAITING_APPROVAL

    def test_everybody_is_told_that_sending_is_paused(self, busy: World, recruiter: FlaskClient) -> None:
        with busy.db.begin() as tx:
            pause(tx, "provider:sendgrid", why="SendGrid does not accept our key", by="provider:sendgrid")

        assert "SendGrid does not accept our key" in text(recruiter, "/")
