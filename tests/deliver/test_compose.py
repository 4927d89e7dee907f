import html
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.errors import Refused
from notifier.deliver.compose import Parts, as_html, as_text, compose
from notifier.deliver.template import Rendered
from notifier.deliver.text import CONTROLS

PARTS = Parts(
    mid="msg_1",
    att="att_1",
    workspace="wsp_1",
    company="Example Co.",
    owner_name="Maria Lopez",
    owner_email="maria@example.com",
    candidate_name="Ana Žižek",
    candidate_address="ana@example.org",
    mail_from="jobs@example.com",
    mail_from_name="Example Jobs",
    message_id_domain="notifier.example.com",
    approved_by_person=False,
)
LINES = Rendered("Your Nurse application", ("Ana, one <b>.", "Two & three."))


def visible(page: str) -> list[str]:
    """The paragraphs of a page as a reader sees them."""
    return [html.unescape(re.sub(r"<[^>]+>", "", found)) for found in re.findall(r"<p>(.*)</p>", page)]


class TestWords:
    def test_the_text_is_two_lines_a_blank_one_and_the_signature(self) -> None:
        email = compose(PARTS, LINES)

        assert email.text == ("Ana, one <b>.\nTwo & three.\n\nMaria Lopez, Example Co. Replies reach me.\n")

    def test_the_html_says_the_same(self) -> None:
        email = compose(PARTS, LINES)

        assert visible(email.html) == [line for line in email.text.splitlines() if line]

    def test_the_page_names_its_language_and_has_no_looks(self) -> None:
        page = compose(PARTS, LINES).html

        assert page.startswith('<!doctype html>\n<html lang="en" dir="auto">')
        assert '<meta name="color-scheme" content="light dark">' in page
        assert "<title>Your Nurse application</title>" in page
        assert not re.search(r"<(img|table|font|style|script|b)\b|style=|color:", page)

    def test_only_known_links_can_be_clicked(self) -> None:
        link = "https://calendar.example.net/?a=1&b=2"
        page = compose(PARTS, Rendered("S", ("Ana https://evil.example", f"Here: {link}"), (link,))).html

        assert re.findall(r'<a href="([^"]*)"', page) == ["https://calendar.example.net/?a=1&amp;b=2"]
        assert visible(page)[1] == f"Here: {link}"

    def test_a_link_within_a_link_is_one_link(self) -> None:
        page = as_html("S", ("https://a.example/x",), "en", ("https://a.example", "https://a.example/x"))

        assert page.count("<a ") == 1

    def test_the_candidates_page_stands_in_the_last_line(self) -> None:
        email = compose(replace(PARTS, status_link="https://n.example/s/abc"), LINES)

        assert email.text.endswith("Replies reach me. Where you are: https://n.example/s/abc\n")
        assert '<a href="https://n.example/s/abc">' in email.html

    def test_a_subject_is_one_line_of_at_most_150_characters(self) -> None:
        subject = compose(PARTS, Rendered("Your\r\nBcc: x " + "\U0001f600" * 1000, LINES.lines)).subject

        assert len(subject) <= 150
        assert "\n" not in subject

    @given(st.text(), st.text())
    def test_text_and_html_agree_whatever_is_written(self, first: str, second: str) -> None:
        lines = tuple(" ".join(CONTROLS.sub(" ", words).split()) for words in (first, second))

        assert visible(as_html("S", lines, "en")) == as_text(lines, "x").splitlines()[:2]


class TestPeople:
    def test_it_comes_from_the_owner_whose_domain_is_ours(self) -> None:
        email = compose(PARTS, LINES)

        assert (email.from_name, email.from_address) == ("Maria Lopez", "maria@example.com")
        assert email.reply_to == "maria@example.com"

    def test_an_owner_elsewhere_lends_the_name_and_gets_the_replies(self) -> None:
        email = compose(replace(PARTS, owner_email="maria@agency.example"), LINES)

        assert (email.from_name, email.from_address) == ("Maria Lopez", "jobs@example.com")
        assert email.reply_to == "maria@agency.example"

    def test_without_an_owner_the_installation_writes(self) -> None:
        email = compose(replace(PARTS, owner_name="", owner_email=""), LINES)

        assert (email.from_name, email.from_address) == ("Example Jobs", "jobs@example.com")
        assert email.reply_to == "jobs@example.com"
        assert email.text.endswith("Example Co. Replies reach us.\n")

    def test_without_any_name_the_company_writes(self) -> None:
        email = compose(replace(PARTS, owner_name="", mail_from_name="", company="Booking.com"), LINES)

        assert email.from_name == "Booking.com"

    def test_replies_can_be_led_elsewhere(self) -> None:
        assert compose(replace(PARTS, reply_to="r+abc@replies.example"), LINES).reply_to == "r+abc@replies.example"

    def test_names_are_fit_for_headers(self) -> None:
        email = compose(
            replace(PARTS, candidate_name="Žižek, Ana;\r\nBcc: x@y.example", owner_name="Lopez, Maria\x00"), LINES
        )

        assert (email.to_name, email.from_name) == ("Žižek Ana Bcc:", "Lopez Maria")

    def test_addresses_travel_in_ascii(self) -> None:
        assert compose(replace(PARTS, candidate_address="ana@faß.de"), LINES).to_address == "ana@xn--fa-hia.de"

    @pytest.mark.parametrize("address", ["", "ana", "ana@example.org, bob@example.org", "Ana <ana@example.org>"])
    def test_without_one_usable_address_there_is_no_mail(self, address: str) -> None:
        with pytest.raises(Refused):
            compose(replace(PARTS, candidate_address=address), LINES)


class TestHeaders:
    def test_the_message_id_is_ours_and_opaque(self) -> None:
        assert compose(PARTS, LINES).headers["Message-ID"] == "<msg_1.att_1@notifier.example.com>"

    def test_what_no_person_approved_says_so(self) -> None:
        headers = compose(PARTS, LINES).headers

        assert headers["Auto-Submitted"] == "auto-generated"
        assert headers["X-Auto-Response-Suppress"] == "OOF, AutoReply"

    def test_what_a_person_approved_does_not(self) -> None:
        headers = compose(replace(PARTS, approved_by_person=True), LINES).headers

        assert set(headers) == {"Message-ID"}

    def test_one_application_is_one_conversation(self) -> None:
        headers = compose(replace(PARTS, previous_message_ids=("<a@x>", "<b@x>")), LINES).headers

        assert headers["In-Reply-To"] == "<b@x>"
        assert headers["References"] == "<a@x> <b@x>"

    def test_a_long_conversation_keeps_its_beginning_and_its_end(self) -> None:
        ids = tuple(f"<{number}@x>" for number in range(50))

        headers = compose(replace(PARTS, previous_message_ids=ids), LINES).headers

        assert headers["References"] == "<0@x> <45@x> <46@x> <47@x> <48@x> <49@x>"

    @pytest.mark.parametrize("odd", ["", "x", "<a@x>\r\nBcc: y", "<a b@x>", "<é@x>", "<" + "a" * 900 + "@x>"])
    def test_what_is_no_message_id_is_left_out(self, odd: str) -> None:
        assert "References" not in compose(replace(PARTS, previous_message_ids=(odd,)), LINES).headers


def test_the_same_parts_make_the_same_mail() -> None:
    assert compose(PARTS, LINES) == compose(PARTS, LINES)


def test_an_e_mail_shows_no_person_in_a_log() -> None:
    shown = repr(compose(PARTS, LINES)) + repr(LINES) + repr(PARTS)

    assert not re.search(r"ana|maria|nurse", shown, re.IGNORECASE)
