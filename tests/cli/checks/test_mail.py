"""The mail provider, as far as it can be looked at without sending: a real mail server, no SendGrid."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notifier.cli.checks import mail
from notifier.cli.checks.found import Found
from tests.cli.checks.conftest import given_config
from tests.standins.smtp import MailServer, make_certificate


def key(of: ec.EllipticCurvePrivateKey) -> str:
    return of.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


def smtp(url: str) -> Found:
    return mail.provider(given_config(MAIL_PROVIDER="smtp", SMTP_URL=url, MAIL_FROM="jobs@example.com"))


def sendgrid(**more: str) -> Found:
    return mail.provider(
        given_config(MAIL_PROVIDER="sendgrid", SENDGRID_API_KEY="SG.key", MAIL_FROM="jobs@example.com", **more)
    )


def test_the_mailbox_says_that_nothing_leaves() -> None:
    found = mail.provider(given_config())

    assert found.ok
    assert "nothing leaves" in found.detail


def test_sendgrid_needs_the_key_of_its_reports() -> None:
    good = key(ec.generate_private_key(ec.SECP256R1()))

    assert not sendgrid().ok
    assert "doubts" in sendgrid().detail
    assert sendgrid(SENDGRID_EVENTS_PUBLIC_KEY=good).ok


def test_a_mail_server_is_greeted_and_gets_no_mail(server: MailServer) -> None:
    found = smtp(f"smtp://127.0.0.1:{server.port}")

    assert found.ok, found
    assert "not encrypted" in found.detail
    assert server.connections == 1
    assert server.mails == []


def test_one_that_turns_us_away_says_its_code(server: MailServer) -> None:
    server.then("EHLO", "550 5.7.1 not you")

    assert smtp(f"smtp://127.0.0.1:{server.port}").detail == "smtp: the server answers 550"


def test_one_without_encryption_or_login_says_so(server: MailServer) -> None:
    assert "no STARTTLS" in smtp(f"smtp://127.0.0.1:{server.port}?starttls=1").detail
    server.then("EHLO", "250 HELP")
    found = smtp(f"smtp://user:passwort@127.0.0.1:{server.port}")
    assert "no login" in found.detail
    assert "passwort" not in str(found)


def test_encryption_is_tried_and_must_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path)
    with MailServer(certificate=certificate) as server:
        url = f"smtp://localhost:{server.port}?starttls=1"
        assert "no trusted encryption" in smtp(url).detail
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert smtp(url).ok
        assert server.mails == []


def test_nobody_there_is_a_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    assert "cannot be used" in smtp(f"smtp://127.0.0.1:{port}").detail
