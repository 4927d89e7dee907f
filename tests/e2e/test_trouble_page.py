"""What stands still, in a real browser: the page of a message in doubt, and the trouble page with everything on it."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from notifier.core.answer import Accepted, Unknown
from notifier.core.feedback import Address, Heard, Report
from notifier.core.message import Submission
from notifier.deliver.email import Email
from notifier.flow import doubts
from notifier.flow.hear import hear_batch
from notifier.store import provider_events, sources, sweeps, users
from notifier.store.users import Role
from tests.e2e.conftest import Desk
from tests.e2e.test_desk import SPACING, faults_of, focused, press_until
from tests.world import World

NO = "rejected_after_application"

SECTIONS = (
    *("Failed, or in doubt", "Came back", "No news", "Nobody has told them", "Stages nobody has mapped"),
    *("Webhooks nobody could read", "One name, two webhooks", "The ATS cannot be asked"),
    *("Reports about nothing of ours", "Nobody answers for them", "The ledger"),
)


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    """A world with one of everything that can stand still; the desk adds what is usual."""
    made = World(sqlite_url)
    made.flow = replace(made.flow, settings=replace(made.flow.settings, event_keys={"scripted": ("a key",)}))
    silent_and_returned(made)
    in_doubt(made)
    unread(made)
    yield made
    made.close()


def refuse(world: World, *names: str) -> None:
    for name in names:
        world.change(name, outcome="rejected", first_name=name.title(), email=f"{name}@example.org", owner=False)
    world.plan()
    due_at = [world.message(NO, name).due_at for name in names]
    world.clock.now = max(at for at in due_at if at is not None)
    world.run_for(minutes=1)


def silent_and_returned(world: World) -> None:
    refuse(world, "silent", "returned")
    mail = next(mail for mail in world.provider.accepted if mail.to_address == "returned@example.org")
    hear(world, Report(Heard.BOUNCED, world.clock.now, "1" * 64, mid=mail.mid, att=mail.att, about=Address.DEAD))
    hear(world, Report(Heard.DELIVERED, world.clock.now, "2" * 64, mid="msg_unknown00000", att="att_unknown00000"))
    world.run_for(hours=74)


def in_doubt(world: World) -> None:
    """Two, and somebody has asked to send the second one again."""
    world.provider.answer = lambda email: Unknown("time_out")
    refuse(world, "doubtful", "asked")
    world.provider.answer = accepted
    with world.db.begin() as tx:
        other = users.invite(tx, "tom@example.com", world.workspace, Role.RECRUITER).id
    doubts.send_again(world.flow, None, world.message(NO, "asked").id, by=other)


def accepted(email: Email) -> Accepted:
    return Accepted(f"p-{email.att}", email.headers["Message-ID"])


def unread(world: World) -> None:
    """A name that was given twice, and an ATS that lets us in no more."""
    for name in ("twice", "other"):
        world.change(
            name, stage="Review", kind="applied", event_id="evt-twice", email=f"{name}@example.org", owner=False
        )
    with world.db.begin() as tx:
        sources.set_api_key(tx, sources.get_source(tx, None, world.greenhouse.id), "id:secret")
        sweeps.ensure(tx, ["greenhouse"])
        row = sweeps.claim(tx, ["greenhouse"], world.greenhouse.id)
        assert row is not None
        sweeps.put_off(tx, row, until=tx.now + timedelta(hours=1), why="refused: greenhouse: no access token")


def hear(world: World, report: Report) -> None:
    with world.db.begin() as tx:
        provider_events.keep(tx, "scripted", [report])
    while hear_batch(world.flow):
        pass


def addresses(desk: Desk) -> list[str]:
    returned = desk.world.application("returned").application.id
    doubts_ = [desk.message(NO, name) for name in ("doubtful", "asked", "returned", "silent")]
    return [f"{desk.address}/trouble", *doubts_, f"{desk.address}/applications/{returned}"]


def test_the_trouble_page_has_every_section(desk: Desk) -> None:
    page = desk.sit_down(Role.ADMIN)
    page.goto(f"{desk.address}/trouble")

    assert tuple(page.get_by_role("heading", level=2).all_inner_texts()) == SECTIONS


def test_no_page_about_trouble_has_an_accessibility_fault_however_it_is_looked_at(desk: Desk) -> None:
    page = desk.sit_down(Role.ADMIN)
    faults = []
    for address in addresses(desk):
        page.goto(address)
        fold_out(page)
        faults += faults_of(page)
    assert faults == []


@pytest.mark.parametrize("spacing", ["", SPACING], ids=["usual", "spaced"])
def test_no_page_about_trouble_scrolls_sideways_on_a_narrow_phone(desk: Desk, spacing: str) -> None:
    page = desk.sit_down(Role.ADMIN, viewport={"width": 320, "height": 640}, bypass_csp=True)
    wide = []
    for address in addresses(desk):
        page.goto(address)
        if spacing:
            page.add_style_tag(content=spacing)
        fold_out(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        wide += [(address, width)] if width > 320 else []
    assert wide == []


def test_pages_about_trouble_are_small_and_complain_of_nothing(desk: Desk) -> None:
    page = desk.sit_down(Role.ADMIN)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for address in addresses(desk):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200
        assert len(gzip.compress(answer.body())) <= 10_000, address
    assert complaints == []


def test_a_doubt_is_settled_by_keyboard_alone(desk: Desk) -> None:
    page = desk.sit_down()
    page.goto(desk.message(NO, "doubtful"))
    press_until(page, lambda: focused(page) == "Send again")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("A second person has to agree")

    press_until(page, lambda: focused(page) == "It arrived")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("message counts as sent")
    assert desk.world.message(NO, "doubtful").state is Submission.ACCEPTED


def test_a_second_person_agrees_without_javascript(desk: Desk) -> None:
    page = desk.sit_down(java_script_enabled=False)
    page.goto(desk.message(NO, "asked"))
    expect(page.get_by_text("tom@example.com").first).to_be_visible()
    page.get_by_role("button", name="Agree: send it again").click()

    expect(page.get_by_role("status")).to_contain_text("is sent again now")
    assert desk.world.message(NO, "asked").state is Submission.SCHEDULED


def fold_out(page: Page) -> None:
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
