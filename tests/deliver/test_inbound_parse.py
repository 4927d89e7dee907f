import email
import json
import time
from contextlib import suppress
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.core.errors import Unreadable
from notifier.deliver import ecdsa_signature
from notifier.deliver.bounce_report import read_report
from notifier.deliver.inbound_parse import MOST_BYTES, MOST_FIELDS, open_post
from tests.deliver.feedback.signed import NOW, private_key, public_key, sign

FORM = "multipart/form-data; boundary=xYzZY"

ENVELOPE = b'{"to":["r+k3v9@reply.northwind.example"],"from":"ana.silva@mail.example"}'

MAIL = (
    b"From: Ana Silva <ana.silva@mail.example>\r\nTo: somebody@else.example\r\nSubject: Re: Your application\r\n"
    b"Content-Type: text/plain; charset=windows-1252\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Caf\xe9, \x80 5\r\n\r\n--\r\nAna\r\n"
)

DSN = Path(__file__).parents[1] / "payloads/dsn"
CAPTURED = Path(__file__).parents[2] / "../shared/payloads/sendgrid/inbound"


def form(*fields: tuple[str, bytes], line_end: bytes = b"\r\n") -> bytes:
    """A form as SendGrid posts it. A field's name may carry further headers of its part."""
    parts = [
        b"--xYzZY"
        + line_end
        + b'Content-Disposition: form-data; name="'
        + name.encode()
        + line_end * 2
        + value
        + line_end
        for name, value in fields
    ]
    return b"".join(parts) + b"--xYzZY--" + line_end


def named(name: str, content_type: str = "") -> str:
    return f'{name}"' + (f'; filename="x"\r\nContent-Type: {content_type}' if content_type else "")


def a_post(*more: tuple[str, bytes], mail: bytes = MAIL, envelope: bytes = ENVELOPE) -> bytes:
    return form(
        (named("dkim"), b"{@mail.example : pass}"), (named("email"), mail), (named("envelope"), envelope), *more
    )


class TestRawMode:
    def test_the_mail_comes_out_byte_for_byte(self) -> None:
        assert open_post(FORM, a_post()).mime == MAIL

    @pytest.mark.parametrize("end", [b"", b"\r\n", b"\n", b"\r\n\r\n", b"\r", b"--", b"\r\n--xYz"])
    def test_the_end_of_the_mail_is_its_own(self, end: bytes) -> None:
        assert open_post(FORM, a_post(mail=MAIL + end)).mime == MAIL + end

    def test_recipients_and_sender_are_the_envelopes(self) -> None:
        opened = open_post(FORM, a_post((named("to"), b"somebody@else.example"), (named("from"), b"x@y.example")))

        assert opened.recipients == ("r+k3v9@reply.northwind.example",)
        assert opened.sender == "ana.silva@mail.example"

    @pytest.mark.parametrize(
        ("envelope", "recipients", "sender"),
        [
            (b'{"to":["A@b.example","A@b.example","c@d.example"],"from":""}', ("A@b.example", "c@d.example"), ""),
            (b'{"to":"a@b.example","from":["c"]}', (), ""),
            (b'{"to":[1,null,"","two words","x\\u0000y"],"from":null}', (), ""),
            (b"[]", (), ""),
            (b"{", (), ""),
            (b"[" * 100_000, (), ""),
            (b"\xff", (), ""),
        ],
    )
    def test_an_odd_envelope_names_nobody_it_does_not_name(
        self, envelope: bytes, recipients: tuple[str, ...], sender: str
    ) -> None:
        opened = open_post(FORM, a_post(envelope=envelope))

        assert (opened.recipients, opened.sender, opened.mime) == (recipients, sender, MAIL)

    def test_a_mail_without_an_envelope_is_still_read(self) -> None:
        opened = open_post(FORM, form((named("email"), MAIL)))

        assert (opened.mime, opened.recipients, opened.sender) == (MAIL, (), "")

    def test_only_so_many_recipients_are_looked_at(self) -> None:
        envelope = json.dumps({"to": [f"a{number}@b.example" for number in range(5000)], "from": ""}).encode()

        assert len(open_post(FORM, a_post(envelope=envelope)).recipients) == 100

    def test_a_form_with_bare_line_feeds_is_read(self) -> None:
        body = form((named("email"), b"Subject: x\n\nText.\n"), (named("envelope"), ENVELOPE), line_end=b"\n")

        assert open_post(FORM, body).mime == b"Subject: x\n\nText.\n"

    def test_a_form_that_breaks_off_keeps_what_there_is(self) -> None:
        body = a_post()[: -len(b"--xYzZY--\r\n")]

        assert open_post(FORM, body).recipients == ("r+k3v9@reply.northwind.example",)

    @pytest.mark.parametrize(
        "header", ['multipart/form-data; boundary="xYzZY"', "Multipart/Form-Data;  Boundary=xYzZY ; x=y"]
    )
    def test_the_content_type_may_be_written_in_any_way(self, header: str) -> None:
        assert open_post(header, a_post()).mime == MAIL

    def test_no_name_or_address_is_shown_by_accident(self) -> None:
        assert "ana" not in repr(open_post(FORM, a_post())).lower()


class TestRefusing:
    @pytest.mark.parametrize(
        ("header", "body"),
        [
            ("", a_post()),
            ("application/json", a_post()),
            ("multipart/form-data", a_post()),
            ('multipart/form-data; boundary=""', a_post()),
            ("multipart/form-data; boundary=other", a_post()),
            ("multipart/mixed; boundary=xYzZY", a_post()),
            (FORM, b""),
            (FORM, b"--xYzZY--"),
            (FORM, form((named("envelope"), ENVELOPE))),
            (FORM, form((named("email"), MAIL), ("", b"a field without a name"))),
            (FORM, form(*((named(f"f{number}"), b"") for number in range(MOST_FIELDS + 1)))),
        ],
    )
    def test_what_is_no_such_form_is_unreadable(self, header: str, body: bytes) -> None:
        with pytest.raises(Unreadable):
            open_post(header, body)

    def test_a_mail_cannot_bring_an_envelope_of_its_own(self) -> None:
        forged = (
            b'Text.\r\n--xYzZY\r\nContent-Disposition: form-data; name="envelope"\r\n\r\n{"to":["r+other@x.example"]}'
        )

        with pytest.raises(Unreadable, match="a field comes twice"):
            open_post(FORM, a_post(mail=MAIL + forged))

    def test_what_is_too_large_is_not_even_looked_at(self) -> None:
        with pytest.raises(Unreadable, match="too large"):
            open_post(FORM, bytes(MOST_BYTES + 1))

    @settings(deadline=None)
    @given(st.text(), st.binary())
    def test_no_bytes_raise_anything_but_unreadable(self, header: str, body: bytes) -> None:
        for tried in (header, FORM):
            with suppress(Unreadable):
                open_post(tried, b"--xYzZY\r\n" + body)

    @settings(deadline=None)
    @given(st.dictionaries(st.sampled_from(["email", "envelope", "headers", "text", "html", "charsets"]), st.binary()))
    def test_a_form_with_any_fields_is_opened_or_unreadable(self, fields: dict[str, bytes]) -> None:
        try:
            opened = open_post(FORM, form(*((named(name), value) for name, value in fields.items())))
        except Unreadable:
            return
        assert isinstance(opened.mime, bytes)

    @pytest.mark.parametrize(
        "unit", [b"--xYzZY", b"\n--xYzZ", b"\n--xYzZYx", b"\r\n", b"\t", b"\n--xYzZY" + b" " * 50 + b"x"]
    )
    def test_time_grows_with_the_size_only(self, unit: bytes) -> None:
        body = a_post(mail=unit * (1_000_000 // len(unit)))
        started = time.perf_counter()

        open_post(FORM, body)

        assert time.perf_counter() - started < 3


class TestDefaultMode:
    HEADERS = (
        b"From: Ana Silva <ana.silva@mail.example>\r\nSubject: Re: Your\r\n application\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/alternative;\r\n boundary=gone\r\nIn-Reply-To: <a@b.example>\r\n"
    )

    def test_headers_and_text_become_a_mail_again(self) -> None:
        charsets = b'{"text":"windows-1252"}'
        body = form(
            (named("headers"), self.HEADERS), (named("text"), b"Caf\xe9, \x80 5"), (named("charsets"), charsets)
        )

        mail = email.message_from_bytes(open_post(FORM, body).mime, policy=default)

        assert mail["Subject"] == "Re: Your application"
        assert mail["In-Reply-To"] == "<a@b.example>"
        assert mail.get_content_type() == "text/plain"
        assert mail.get_content() == "Café, € 5"
        assert not mail.defects

    def test_the_html_is_taken_where_there_is_no_text(self) -> None:
        body = form((named("headers"), self.HEADERS), (named("html"), b"<p>Yes</p>"))

        mail = email.message_from_bytes(open_post(FORM, body).mime, policy=default)

        assert (mail.get_content_type(), mail.get_content()) == ("text/html", "<p>Yes</p>")

    @pytest.mark.parametrize(
        "charset", ["nonsense", "punycode", "hex", "undefined", "unicode_escape", "a\x00", 5, None, "x" * 99]
    )
    def test_a_charset_that_is_none_costs_no_mail(self, charset: object) -> None:
        charsets = json.dumps({"text": charset}).encode()
        body = form((named("headers"), self.HEADERS), (named("text"), "Café".encode()), (named("charsets"), charsets))

        assert email.message_from_bytes(open_post(FORM, body).mime, policy=default).get_content() == "Café"

    def test_a_delivery_report_is_read_from_its_pieces(self) -> None:
        kind = b'multipart/report; report-type=delivery-status;\r\n boundary="gone"'
        headers = b"Subject: Undelivered\r\nContent-Type: " + kind + b"\r\n"
        about_ana = b"Final-Recipient: rfc822; ana@mail.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        states = b"Reporting-MTA: dns; x\r\n\r\n" + about_ana
        body = form(
            (named("headers"), headers),
            (named("text"), b"It failed."),
            (named("attachment1", "message/delivery-status"), states),
            (named("attachment2", "image/png"), b"\x89PNG"),
            (named("attachment3", "message/rfc822"), b"Message-ID: <msg_1.att_1@northwind.example>\r\n\r\nHello"),
        )

        first, second = open_post(FORM, body).mime, open_post(FORM, body).mime
        (bounce,) = read_report(first)

        assert first == second
        assert (bounce.recipient, bounce.status, bounce.mid) == ("ana@mail.example", "5.1.1", "msg_1")
        assert b"PNG" not in first


@pytest.mark.parametrize("name", ["failed_two_recipients", "empty_status", "delayed"])
def test_a_bounce_is_the_same_by_post_as_by_mail(name: str) -> None:
    mime = (DSN / f"{name}.eml").read_bytes()

    assert read_report(open_post(FORM, a_post(mail=mime)).mime) == read_report(mime) != ()


def test_a_signed_post_is_believed_on_its_raw_bytes() -> None:
    body, key = a_post(), public_key(private_key())

    assert ecdsa_signature.believe(sign(body), body, [key], NOW)
    assert not ecdsa_signature.believe(sign(body), body.replace(b"\r\n", b"\n"), [key], NOW)


@pytest.mark.parametrize("path", sorted(CAPTURED.glob("*.multipart")) or [None], ids=lambda path: path and path.stem)
def test_every_published_post_is_opened(path: Path | None) -> None:
    if path is None:
        return
    body = path.read_bytes()
    if b'name="email"' not in body and b'name="headers"' not in body:
        with pytest.raises(Unreadable):
            open_post(FORM, body)
        return

    opened = open_post(FORM, body)

    mail = email.message_from_bytes(opened.mime, policy=default)
    assert mail["From"]
    assert mail["Subject"]
    assert mail.get_body(("plain",)) is not None
    assert len(opened.recipients) == (b'name="envelope"' in body)
