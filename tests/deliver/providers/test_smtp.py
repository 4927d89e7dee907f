import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.core.answer import Accepted, Answer, Impossible, PauseAll, TryLater, Unknown
from notifier.deliver import wire
from notifier.deliver.email import DEADLINE
from notifier.deliver.providers.smtp import MOST_MESSAGES, TOTAL, Smtp
from notifier.deliver.smtp_server import read_smtp_url
from tests.deliver.values import an_email
from tests.standins.smtp import CUT, HANG, MailServer, make_certificate

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@contextmanager
def client(url: str, *, cafile: Path | None = None, total: float = 2.0) -> Iterator[Smtp]:
    context = wire.tls(str(cafile) if cafile else None)
    provider = Smtp(read_smtp_url(url), context=context, now=lambda: NOW, total=total)
    yield provider
    provider.close()


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as started:
        yield started


@pytest.fixture
def smtp(server: MailServer) -> Iterator[Smtp]:
    with client(f"smtp://127.0.0.1:{server.port}", total=0.6) as provider:
        yield provider


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


class TestHandingOver:
    def test_an_accepted_mail_arrives_whole(self, smtp: Smtp, server: MailServer) -> None:
        answer = smtp.send(an_email())

        assert answer == Accepted("q1", "<msg_1.att_1@example.com>")
        (mail,) = server.mails
        assert (mail.sender, mail.to) == ("maria@example.com", "ana1@example.org")
        message = mail.message()
        assert message["Message-ID"] == "<msg_1.att_1@example.com>"
        assert message["Date"] == "Tue, 24 Nov 2026 10:00:00 +0000"
        text = message.get_body(("plain",))
        assert text is not None
        assert text.get_content().replace("\r\n", "\n") == an_email().text

    def test_connections_are_kept(self, smtp: Smtp, server: MailServer) -> None:
        for number in range(5):
            assert isinstance(smtp.send(an_email(number)), Accepted)

        assert server.connections == 1

    def test_a_connection_is_renewed_before_a_server_tires_of_it(self, smtp: Smtp, server: MailServer) -> None:
        for number in range(MOST_MESSAGES + 1):
            smtp.send(an_email(number))

        assert server.connections == 2

    def test_threads_do_not_mix_their_mails_up(self, server: MailServer) -> None:
        with client(f"smtp://127.0.0.1:{server.port}", total=10.0) as provider:
            threads = [
                threading.Thread(target=lambda k=k: [provider.send(an_email(k * 10 + i)) for i in range(10)])
                for k in range(6)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert sorted(mail.to for mail in server.mails) == sorted(f"ana{number}@example.org" for number in range(60))
        assert all(f"<msg_{mail.to[3:-12]}." in mail.content.decode() for mail in server.mails)
        assert server.connections <= 6

    def test_an_international_address_travels_by_smtputf8(self, smtp: Smtp, server: MailServer) -> None:
        assert isinstance(smtp.send(an_email(to_address="josé@example.org")), Accepted)
        assert isinstance(smtp.send(an_email(2)), Accepted)

        assert server.mails[0].to == "josé@example.org"
        assert "SMTPUTF8" in server.mails[0].options
        assert server.mails[1].options == ()

    def test_a_server_without_smtputf8_cannot_take_it(self) -> None:
        with MailServer(utf8=False) as server, client(f"smtp://127.0.0.1:{server.port}") as provider:
            assert isinstance(provider.send(an_email(to_address="josé@example.org")), Impossible)
            assert server.mails == []


class TestRefusals:
    @pytest.mark.parametrize("step", ["RCPT", "DATA", "BODY"])
    def test_not_now_is_tried_later_and_counts(self, smtp: Smtp, server: MailServer, step: str) -> None:
        server.then(step, "451 4.7.1 ana1@example.org is greylisted")

        answer = smtp.send(an_email())

        assert isinstance(answer, TryLater)
        assert answer.counts
        assert answer.why.startswith("smtp: 451 4.7.1 at")
        assert server.mails == []

    def test_the_sender_not_now_burns_no_try_of_this_message(self, smtp: Smtp, server: MailServer) -> None:
        server.then("MAIL", "451 4.3.2 not now")

        assert smtp.send(an_email()) == TryLater("smtp: 451 4.3.2 at the sender", counts=False)

    @pytest.mark.parametrize("said", ["550 5.7.1 no", "553 5.1.8 unknown domain", "530 5.7.0 who?", "554 5.7.1 listed"])
    def test_the_sender_never_pauses_everything(self, smtp: Smtp, server: MailServer, said: str) -> None:
        server.then("MAIL", said)

        answer = smtp.send(an_email())

        assert answer == PauseAll(f"smtp: {said[:9]} at the sender")
        assert server.mails == []

    @pytest.mark.parametrize("said", ["552 5.3.4 too large", "555 5.5.4 unknown option"])
    def test_what_is_said_of_the_one_message_is_impossible(self, smtp: Smtp, server: MailServer, said: str) -> None:
        server.then("MAIL", said)

        assert smtp.send(an_email()) == Impossible(f"smtp: {said[:9]} at the sender")

    @pytest.mark.parametrize("step", ["RCPT", "DATA", "BODY"])
    def test_never_is_impossible(self, smtp: Smtp, server: MailServer, step: str) -> None:
        server.then(step, "550 5.1.1 no such user ana1@example.org")

        answer = smtp.send(an_email())

        assert isinstance(answer, Impossible)
        assert "ana1" not in answer.why
        assert server.mails == []

    def test_after_a_refusal_the_connection_goes_on(self, smtp: Smtp, server: MailServer) -> None:
        server.then("RCPT", "550 5.1.1 unknown")
        smtp.send(an_email(1))

        assert isinstance(smtp.send(an_email(2)), Accepted)
        assert server.connections == 1

    def test_who_are_you_pauses_everything(self, smtp: Smtp, server: MailServer) -> None:
        server.then("MAIL", "530 5.7.0 authentication required")

        assert isinstance(smtp.send(an_email()), PauseAll)

    def test_an_answer_that_is_none_before_the_message_costs_no_try(self, smtp: Smtp, server: MailServer) -> None:
        server.then("DATA", "250 what?")

        answer = smtp.send(an_email())

        assert isinstance(answer, TryLater)
        assert not answer.counts

    def test_an_answer_that_is_none_after_the_message_is_unknown(self, smtp: Smtp, server: MailServer) -> None:
        server.then("BODY", "354 go on")

        assert isinstance(smtp.send(an_email()), Unknown)


class TestBrokenLines:
    @pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT", "DATA"])
    @pytest.mark.parametrize("how", [CUT, HANG])
    def test_before_the_message_nothing_has_left(self, smtp: Smtp, server: MailServer, step: str, how: str) -> None:
        server.then(step, how)

        answer = smtp.send(an_email())

        assert isinstance(answer, TryLater)
        assert not answer.counts
        assert server.mails == []

    @pytest.mark.parametrize("step", ["BODY", "STORED"])
    @pytest.mark.parametrize("how", [CUT, HANG])
    def test_from_the_message_on_nobody_knows(self, smtp: Smtp, server: MailServer, step: str, how: str) -> None:
        server.then(step, how)

        started = time.monotonic()
        answer = smtp.send(an_email())

        assert isinstance(answer, Unknown)
        assert time.monotonic() - started < 1.5
        assert len(server.mails) == (1 if step == "STORED" else 0)

    @pytest.mark.parametrize("step", ["BODY", "STORED"])
    def test_on_a_kept_connection_a_message_is_never_written_twice(
        self, smtp: Smtp, server: MailServer, step: str
    ) -> None:
        smtp.send(an_email(1))
        server.then(step, CUT)

        assert isinstance(smtp.send(an_email(2)), Unknown)
        assert [mail.to for mail in server.mails].count("ana2@example.org") == (1 if step == "STORED" else 0)

    def test_an_idle_connection_that_was_closed_is_replaced(self, smtp: Smtp, server: MailServer) -> None:
        smtp.send(an_email(1))
        server.close_idle()

        assert isinstance(smtp.send(an_email(2)), Accepted)
        assert server.connections == 2

    @pytest.mark.parametrize("ending", ["421 4.4.2 idle for too long", CUT])
    def test_a_connection_that_ends_at_the_next_message_is_replaced(
        self, smtp: Smtp, server: MailServer, ending: str
    ) -> None:
        smtp.send(an_email(1))
        server.then("MAIL", ending)

        assert isinstance(smtp.send(an_email(2)), Accepted)
        assert server.connections == 2

    def test_nobody_at_home_costs_no_try(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with client(f"smtp://127.0.0.1:{port}") as provider:
            answer = provider.send(an_email())

        assert answer == TryLater("smtp: no session (ConnectionRefusedError)", counts=False)

    def test_a_greeting_that_is_none_costs_no_try(self) -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as other,
            client(f"smtp://127.0.0.1:{other.getsockname()[1]}") as it,
        ):

            def talk() -> None:
                connection, _ = other.accept()
                connection.sendall(b"554 no mail here\r\n")
                connection.recv(100)
                connection.close()

            thread = threading.Thread(target=talk)
            thread.start()
            answer = it.send(an_email())
            thread.join()

        assert answer == TryLater("smtp: no session (554)", counts=False)


class TestLoggingIn:
    def test_starttls_and_log_in(self, certificate: Path) -> None:
        with (
            MailServer(login=("maria", "s3cret"), certificate=certificate) as server,
            client(f"smtp://maria:s3cret@localhost:{server.port}?starttls=1", cafile=certificate) as provider,
        ):
            assert isinstance(provider.send(an_email()), Accepted)
            assert isinstance(provider.send(an_email()), Accepted)
            assert server.connections == 1

    def test_tls_from_the_first_byte(self, certificate: Path) -> None:
        with (
            MailServer(certificate=certificate, implicit_tls=True) as server,
            client(f"smtps://localhost:{server.port}", cafile=certificate) as provider,
        ):
            assert isinstance(provider.send(an_email()), Accepted)
            server.close_idle()
            assert isinstance(provider.send(an_email()), Accepted)

    def test_a_wrong_password_pauses_everything(self, certificate: Path) -> None:
        with (
            MailServer(login=("maria", "s3cret"), certificate=certificate) as server,
            client(f"smtp://maria:wrong@localhost:{server.port}?starttls=1", cafile=certificate) as provider,
        ):
            answer = provider.send(an_email())

        assert answer == PauseAll("smtp: log-in refused (535)")

    def test_no_log_in_where_one_is_needed_pauses_everything(self) -> None:
        with (
            MailServer(login=("maria", "s3cret")) as server,
            client(f"smtp://127.0.0.1:{server.port}") as provider,
        ):
            assert isinstance(provider.send(an_email()), PauseAll)

    @pytest.mark.parametrize("query", ["?starttls=1", ""])
    def test_a_server_that_does_not_encrypt_gets_nothing(self, query: str) -> None:
        scheme = "smtp" if query else "smtps"
        with MailServer() as server, client(f"{scheme}://127.0.0.1:{server.port}{query}") as provider:
            answer = provider.send(an_email())

            assert isinstance(answer, TryLater)
            assert not answer.counts
            assert server.mails == []

    def test_a_certificate_nobody_vouches_for_gets_nothing(self, certificate: Path) -> None:
        with (
            MailServer(certificate=certificate) as server,
            client(f"smtp://localhost:{server.port}?starttls=1") as provider,
        ):
            answer: Answer = provider.send(an_email())

            assert answer == TryLater("smtp: no session (SSLCertVerificationError)", counts=False)
            assert server.mails == []


def test_a_mail_that_cannot_be_written_is_impossible(smtp: Smtp, server: MailServer) -> None:
    assert isinstance(smtp.send(an_email(subject="x\r\nBcc: y")), Impossible)
    assert server.connections == 0


def test_a_call_ends_before_the_deadline() -> None:
    assert 10 < TOTAL < DEADLINE
