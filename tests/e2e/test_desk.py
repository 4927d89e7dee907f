"""The dashboard as a person meets it: readable by everybody, on a phone, by keyboard, without a script."""

import gzip
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from notifier.core.message import Submission
from tests.e2e.conftest import Desk

LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
    "phone": {"viewport": {"width": 320, "height": 640}},
}


def every_page(desk: Desk) -> list[str]:
    application = desk.world.application("a1").application.id
    paths = ["/", "/outbox", "/held", "/trouble", "/mailbox", f"/applications/{application}", "/sign-in", "/nothing"]
    messages = [desk.message("rejected_after_interview"), desk.message("interview_next_steps", "a5")]
    return [desk.address + path for path in paths] + messages


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_has_an_accessibility_fault(desk: Desk, look: str) -> None:
    page = desk.sit_down(**LOOKS[look])
    faults = []
    for address in every_page(desk):
        page.goto(address)
        found = Axe().run(page)
        faults += [(address, fault["id"], fault["nodes"][0]["html"]) for fault in found.response["violations"]]
    assert faults == []


def test_no_page_scrolls_sideways_on_a_narrow_phone(desk: Desk) -> None:
    page = desk.sit_down(viewport={"width": 320, "height": 640})
    wide = []
    for address in every_page(desk):
        page.goto(address)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            wide.append((address, width))
    assert wide == []


def test_a_no_is_approved_held_and_told_by_keyboard_alone(desk: Desk) -> None:
    page = desk.sit_down()
    press_until(page, lambda: focused(page) == "Ana Adler")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ana Adler")

    press_until(page, lambda: focused(page) == "Approve")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("message leaves on Tuesday 24 November at 11:00")
    assert desk.world.message("rejected_after_interview").state is Submission.SCHEDULED

    press_until(page, lambda: focused(page) == "Hold")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("is on hold")

    press_until(page, lambda: focused(page) == "Already told")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("is marked as told")
    assert desk.world.application("a1").item == "told"


def focused(page: Page) -> str:
    text: str = page.evaluate("document.activeElement.textContent.trim()")
    return text


def press_until(page: Page, arrived: Callable[[], bool]) -> None:
    for _ in range(60):
        if arrived():
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard never got there")


def test_everything_works_without_javascript(desk: Desk) -> None:
    page = desk.sit_down(java_script_enabled=False)
    page.goto(desk.message("rejected_after_interview"))
    page.get_by_role("button", name="Approve").click()

    expect(page.get_by_role("status")).to_contain_text("message leaves")


def test_pages_are_small_ask_nobody_else_and_complain_of_nothing(desk: Desk) -> None:
    page = desk.sit_down()
    complaints: list[str] = []
    asked: list[str] = []
    sizes: list[int] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda response: sizes.append(len(gzip.compress(response.body()))))
    page.goto(desk.address + "/")

    assert complaints == []
    assert all(url.startswith((desk.address, "data:")) for url in asked)
    assert len([url for url in asked if not url.startswith("data:")]) <= 4
    assert sum(sizes) <= 30_000


def test_what_is_refused_is_said_in_words(desk: Desk) -> None:
    first, second = desk.sit_down(), desk.sit_down()
    for page in (first, second):
        page.goto(desk.message("rejected_after_interview"))
    first.get_by_role("button", name="Approve").click()
    second.get_by_role("button", name="Approve").click()

    expect(second.get_by_role("alert")).to_contain_text("Nothing was changed. It is already approved")
