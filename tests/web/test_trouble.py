"""What stands still until a person looks: shown with its reason, and settled from the page."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from notifier.core.answer import Impossible, Unknown
from notifier.core.feedback import Address, Heard, Report
from notifier.flow.hear import hear_batch
from notifier.store import heartbeats, provider_events
from notifier.store.users import Role
from notifier.store.workspaces import pause
from tests.web.conftest import message_of, press, text
from tests.world import World

SignIn = Callable[..., FlaskClient]


def test_an_empty_page_says_so(world: World, recruiter: FlaskClient) -> None:
    assert "Nothing is in trouble." in text(recruiter, "/trouble")


@pytest.mark.parametrize(("answer", "word"), [(Unknown("time_out"), "in doubt"), (Impossible("bad content"), "failed")])
def test_what_could_not_be_handed_over_is_listed(
    world: World, sign_in: SignIn, answer: Unknown | Impossible, word: str
) -> None:
    world.provider.answer = lambda email: answer
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(hours=72)

    page = text(sign_in(), "/trouble")

    assert "Failed, or in doubt" in page
    assert "Ana Adler" in page
    assert word in page


def test_what_is_in_doubt_is_never_offered_for_sending_again(world: World, sign_in: SignIn) -> None:
    world.provider.answer = lambda email: Unknown("time_out")
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(hours=72)

    address = f"/messages/{message_of(world, 'rejected_after_application')}"
    recruiter = sign_in()
    page = text(recruiter, address)

    assert "It may have left" in page
    assert "/approve" not in page
    assert press(recruiter, page, f"{address}/approve")[0] == 409
    assert press(recruiter, page, f"{address}/told", how="phone")[0] == 200


def test_what_came_back_is_listed_as_not_told(world: World, sign_in: SignIn) -> None:
    world.change("a1", outcome="rejected")
    world.settle_down()
    world.run_for(hours=72)
    mail = world.provider.accepted[-1]
    bounced = Report(Heard.BOUNCED, world.clock.now, "1" * 64, mid=mail.mid, att=mail.att, about=Address.DEAD)
    with world.db.begin() as tx:
        provider_events.keep(tx, "scripted", [bounced])
    hear_batch(world.flow)

    page = text(sign_in(), "/trouble")

    assert "These candidates have not been told, whatever was sent." in page
    assert "Ana Adler" in page


def test_applications_without_an_owner_are_counted(world: World, recruiter: FlaskClient) -> None:
    world.change("a1", stage="Phone screen", kind="screen", owner=False)
    world.change("a2", stage="Phone screen", kind="screen", owner=False)
    world.change("a3", stage="Phone screen", kind="screen")
    world.settle_down()
    assert "2 applications under way have no owner" in text(recruiter, "/trouble")


def test_an_open_outcome_is_told_from_the_list(busy: World, recruiter: FlaskClient) -> None:
    address = f"/messages/{message_of(busy, 'rejected_after_application', 'a2')}"
    _, cancelled = press(recruiter, text(recruiter, address), f"{address}/cancel", why="I will call")
    assert "They still have to be told: you find them in Trouble." in cancelled
    page = text(recruiter, "/trouble")
    assert 'aria-label="Already told: Eva Adler"' in page
    told = f"/applications/{busy.application('a2').application.id}/told"

    status, after = press(recruiter, page, told, how="phone", day="2026-11-23")

    assert (status, "Eva is marked as told." in after) == (200, True)
    application = busy.application("a2").application
    assert application.told_at is not None
    assert application.told_at.isoformat() == "2026-11-23T12:00:00+00:00"
    status, again = press(recruiter, page, told, how="phone")
    assert (status, "Nothing stands open here." in again) == (409, True)


def test_a_list_that_is_cut_says_so(world: World, recruiter: FlaskClient) -> None:
    for number in range(49):
        world.post(world.generic, f"[{number}]".encode())
    world.settle_down()
    assert "The first 50 are shown" not in text(recruiter, "/trouble")
    world.post(world.generic, b"[49]")
    world.settle_down()
    assert "The first 50 are shown" in text(recruiter, "/trouble")


def test_a_webhook_that_is_not_quarantined_is_not_read_again(busy: World, sign_in: SignIn) -> None:
    admin = sign_in(Role.ADMIN, address="admin@example.com")
    page = text(admin, "/trouble")
    item = page.split('action="/inbox/')[1].split("/")[0]
    assert press(admin, page, f"/inbox/{item}/replay")[0] == 200

    status, again = press(admin, page, f"/inbox/{item}/replay")

    assert status == 409
    assert "Nothing was changed." in again
    assert "Only a quarantined webhook can be read again" in again


@pytest.mark.parametrize("kind", ["", "unmapped", "nonsense"])
def test_a_stage_is_mapped_to_something(busy: World, recruiter: FlaskClient, kind: str) -> None:
    page = text(recruiter, "/trouble")
    stage = page.split('action="/stages/')[1].split("/")[0]
    assert press(recruiter, page, f"/stages/{stage}/map", kind=kind)[0] == 400


def test_the_ledger_says_how_old_it_is(busy: World, recruiter: FlaskClient, app: Flask) -> None:
    page = text(recruiter, "/trouble")
    assert "3 applications have an outcome" in page
    assert "No law is broken." in page
    assert 'As of <time datetime="2026-11-24T10:00:00+00:00">' in page


class TestBanners:
    def test_a_pause_is_told_to_everybody_it_concerns(self, world: World, recruiter: FlaskClient) -> None:
        with world.db.begin() as tx:
            pause(tx, "provider:sendgrid", why="SendGrid does not accept our key.", by="provider:sendgrid")
            pause(tx, f"workspace:{world.workspace}", why="paused_by_hand", by="command line")
            pause(tx, "workspace:another", why="none of their business", by="command line")
        page = text(recruiter, "/")
        assert (
            "<strong>Sending is paused for sendgrid:</strong> SendGrid does not accept our key. Messages wait" in page
        )
        assert "<strong>Sending is paused for Example Co:</strong> paused by hand." in page
        assert "none of their business" not in page

    def test_a_calm_queue_does_not_hide_that_nobody_sends(self, world: World, recruiter: FlaskClient) -> None:
        page = text(recruiter, "/")
        assert "No worker is running:" in page
        assert "No relay is running:" in page
        with world.db.begin() as tx:
            heartbeats.beat(tx, "worker", "w1")
            heartbeats.beat(tx, "relay", "r1")
        assert "is running:" not in text(recruiter, "/")
        world.clock.now += heartbeats.FRESH * 2
        assert "No worker is running:" in text(recruiter, "/")
