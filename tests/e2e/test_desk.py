"""The dashboard as a person meets it: readable by everybody, on a phone, by keyboard, without a script."""

import gzip
from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response, ViewportSize, expect

from notifier.core.message import Submission
from tests.e2e.conftest import Desk

PHONE: ViewportSize = {"width": 320, "height": 640}
WIDE: ViewportSize = {"width": 1280, "height": 720}


def on_a_phone(page: Page) -> None:
    """Without colours of anybody's choice, 320 pixels wide (WCAG 2.2, 1.4.10)."""
    page.emulate_media(color_scheme="light", forced_colors="none")
    page.set_viewport_size(PHONE)


#: How a page may be looked at.
LOOKS: dict[str, Callable[[Page], None]] = {
    "light": lambda page: page.emulate_media(color_scheme="light", forced_colors="none"),
    "dark": lambda page: page.emulate_media(color_scheme="dark"),
    "forced": lambda page: page.emulate_media(color_scheme="light", forced_colors="active"),
    "phone": on_a_phone,
}


#: axe leaves this one out by default: whatever is pressed is at least 24 pixels high and wide (WCAG 2.2, 2.5.8).
RULES = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}

#: What a reader may set for themselves, and nothing may be cut off by it (WCAG 2.2, 1.4.12).
SPACING = """
* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
p { margin-bottom: 2em !important }
"""


def every_page(desk: Desk) -> list[str]:
    application = desk.world.application("a1").application.id
    paths = ["/", "/outbox", "/held", "/trouble", "/mailbox", f"/mailbox/{desk.mail}", f"/applications/{application}"]
    paths += ["/sign-in", "/sign-in/no-such-link", "/nothing"]
    messages = [desk.message("rejected_after_interview"), desk.message("interview_next_steps", "a5")]
    return [desk.address + path for path in paths] + messages


def faults_of(page: Page) -> list[tuple[str, str, str, str]]:
    """(address, look, rule, element) of what axe finds on this page, however it is looked at."""
    page.set_viewport_size(WIDE)
    faults = []
    for name, look in LOOKS.items():
        look(page)
        found = Axe().run(page, options=RULES).response["violations"]
        faults += [(page.url, name, fault["id"], fault["nodes"][0]["html"]) for fault in found]
    return faults


def test_no_page_has_an_accessibility_fault_light_dark_in_forced_colours_or_on_a_phone(desk: Desk) -> None:
    page = desk.sit_down()
    faults = []
    for address in every_page(desk):
        page.goto(address)
        faults += faults_of(page)
    assert faults == []


def test_no_page_scrolls_sideways_on_a_narrow_phone(desk: Desk) -> None:
    page = desk.sit_down(viewport={"width": 320, "height": 640})
    assert too_wide(desk, page, spacing="") == []


def test_nothing_is_cut_off_when_a_reader_spaces_the_text(desk: Desk) -> None:
    # The browser of a reader who does this does not ask our policy, so this one must not either.
    page = desk.sit_down(viewport={"width": 320, "height": 640}, bypass_csp=True)
    assert too_wide(desk, page, spacing=SPACING) == []


def too_wide(desk: Desk, page: Page, *, spacing: str) -> list[tuple[str, int]]:
    """(address, width) of the pages that scroll sideways, with everything on them folded out."""
    found = []
    for address in every_page(desk):
        page.goto(address)
        if spacing:
            page.add_style_tag(content=spacing)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            found.append((address, width))
    return found


def test_a_no_is_approved_held_and_told_by_keyboard_alone(desk: Desk) -> None:
    page = desk.sit_down()
    press_until(page, lambda: focused(page) == "Ana Adler")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ana Adler")

    press_until(page, lambda: focused(page) == "Approve")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("message leaves at 11:00")
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
    responses: list[Response] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", lambda response: responses.extend([response]))
    for address in every_page(desk):
        responses.clear()
        page.goto(address)
        asked = [one for one in responses if not one.url.startswith("data:")]
        assert all(one.url.startswith(desk.address) for one in asked)
        assert len(asked) <= 4, address
        assert sum(len(gzip.compress(one.body())) for one in asked) <= 30_000, address
    # The browser itself notes that the page which does not exist, and the link which has ended, are no good.
    assert [one for one in complaints if "status of 404" not in one and "status of 410" not in one] == []


def test_what_is_refused_is_said_in_words(desk: Desk) -> None:
    first, second = desk.sit_down(), desk.sit_down()
    for page in (first, second):
        page.goto(desk.message("rejected_after_interview"))
    first.get_by_role("button", name="Approve").click()
    second.get_by_role("button", name="Approve").click()

    expect(second.get_by_role("alert")).to_contain_text("Nothing was changed. It is already approved")
