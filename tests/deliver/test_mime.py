import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.deliver import text
from notifier.deliver.mime import UnwritableMail, needs_utf8, to_bytes
from tests.deliver.values import an_email

#: Text that compose lets through: no controls, one line.
LINES = st.text(st.characters(exclude_categories=("Cs", "Cc"))).map(text.one_line)


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def parts(message: EmailMessage) -> dict[str, str]:
    return {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in message.iter_parts()}


def test_the_library_reads_back_what_was_written() -> None:
    email = an_email()

    message = read(to_bytes(email, datetime(2026, 11, 24, 10, tzinfo=UTC)))

    assert message["From"] == "Maria Lopez <maria@example.com>"
    assert message["To"] == "Ana Žižek <ana1@example.org>"
    assert message["Reply-To"] == "maria@example.com"
    assert message["Subject"] == email.subject
    assert message["Date"] == "Tue, 24 Nov 2026 10:00:00 +0000"
    assert message["Message-ID"] == email.headers["Message-ID"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert parts(message) == {"text/plain": email.text, "text/html": email.html}
    assert [part["Content-Language"] for part in message.iter_parts()] == ["en", "en"]


def test_text_stands_before_html() -> None:
    message = read(to_bytes(an_email()))

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@given(subject=LINES, name=LINES, first=LINES)
def test_any_words_arrive_as_they_were(subject: str, name: str, first: str) -> None:
    subject, name = text.header(subject), text.header_name(name)
    email = an_email(subject=subject, to_name=name, text=f"{first}\nTwo.\n", html=f"<p>{first}</p>\n")

    raw = to_bytes(email)
    message = read(raw)

    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    # Read by the library's older parser: the newer one puts spaces between encoded words within a name.
    assert str(make_header(decode_header(str(message_from_bytes(raw)["Subject"])))).split() == subject.split()
    written, address = parseaddr(str(message_from_bytes(raw)["To"]))
    assert str(make_header(decode_header(written))).split() == name.split()
    assert address == email.to_address
    assert parts(message) == {"text/plain": email.text, "text/html": email.html}


def test_a_quoted_name_keeps_its_signs() -> None:
    message = read(to_bytes(an_email(to_name='A "B" (C) \\ D.')))

    assert message["To"].addresses[0].display_name == 'A "B" (C) \\ D.'


def test_a_long_thread_is_folded() -> None:
    ids = " ".join(f"<{number}{'x' * 70}@example.com>" for number in range(6))

    raw = to_bytes(an_email(headers={"References": ids}))

    assert read(raw)["References"] == ids
    assert max(map(len, raw.split(b"\r\n"))) < 120


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "x\r\nBcc: y"},
        {"to_name": "x\nBcc: y"},
        {"from_name": "é\r\nBcc: y"},
        {"headers": {"X": "a\r\nBcc: y"}},
        {"headers": {"X\r\nBcc": "y"}},
        {"to_address": "a@example.org, b@example.org"},
        {"to_address": "a@example.org>\r\nBcc: <b@example.org"},
        {"to_address": ""},
        {"reply_to": "a b@example.org"},
    ],
)
def test_nobody_is_added_through_a_header(changed: dict[str, Any]) -> None:
    with pytest.raises(UnwritableMail):
        to_bytes(an_email(**changed))


def test_the_refusal_quotes_nothing() -> None:
    with pytest.raises(UnwritableMail) as caught:
        to_bytes(an_email(to_name="Ana\nBcc: y"))

    assert "Ana" not in str(caught.value)


def test_only_a_local_part_beyond_ascii_needs_a_modern_server() -> None:
    assert not needs_utf8(an_email())
    assert needs_utf8(an_email(to_address="josé@example.org"))
    assert "josé@example.org" in to_bytes(an_email(to_address="josé@example.org")).decode()


def test_a_message_is_small() -> None:
    assert len(to_bytes(an_email())) < 1500


def test_no_line_of_a_body_is_taken_for_a_boundary() -> None:
    email = an_email(text="--=_att_2--\n--\nTwo.\n")

    assert parts(read(to_bytes(email)))["text/plain"] == email.text
    assert not re.search("att_2", to_bytes(an_email()).decode())
