import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from notifier.core.answer import Accepted, Answer, Impossible, PauseAll, TryLater, Unknown
from notifier.deliver.email import DEADLINE
from notifier.deliver.providers.sendgrid import TOTAL, SendGrid, payload
from tests.deliver.values import an_email
from tests.standins import sendgrid as standin
from tests.standins.behaviours import CloseAfter, Cut, Delay, Drip, Hang, Refuse, Truncate
from tests.standins.sendgrid_rules import problems

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@contextmanager
def client(url: str, total: float = 0.6) -> Iterator[SendGrid]:
    provider = SendGrid("SG.key", url, environment="test", now=lambda: NOW, total=total)
    yield provider
    provider.close()


@pytest.fixture
def server() -> Iterator[standin.SendGrid]:
    with standin.SendGrid(key="SG.key") as started:
        yield started


@pytest.fixture
def sendgrid(server: standin.SendGrid) -> Iterator[SendGrid]:
    with client(server.url) as provider:
        yield provider


class TestHandingOver:
    def test_an_accepted_mail_arrives_whole(self, sendgrid: SendGrid, server: standin.SendGrid) -> None:
        answer = sendgrid.send(an_email())

        (mail,) = server.mails
        assert answer == Accepted(mail.x_message_id)
        assert mail.payload == payload(an_email(), "test")

    def test_only_opaque_ids_are_kept_beside_the_mail(self) -> None:
        given = payload(an_email(), "staging.example")

        assert given["personalizations"][0]["custom_args"] == {"mid": "msg_1", "att": "att_1", "env": "staging.example"}
        assert "categories" not in given

    def test_every_tracking_is_off(self) -> None:
        settings = payload(an_email(), "test")["tracking_settings"]

        assert set(settings) == {"click_tracking", "open_tracking", "subscription_tracking"}
        assert not any(setting["enable"] for setting in settings.values())

    def test_the_request_is_one_that_sendgrid_takes(self) -> None:
        assert problems(payload(an_email(), "test")) == []
        assert problems(payload(an_email(to_name="", from_name=""), "")) == []

    def test_reserved_headers_are_left_to_sendgrid(self) -> None:
        headers = payload(an_email(headers={"Subject": "x", "Message-ID": "<a@b>"}), "test")["headers"]

        assert headers == {"Message-ID": "<a@b>", "Content-Language": "en"}

    def test_connections_are_kept(self, sendgrid: SendGrid, server: standin.SendGrid) -> None:
        for number in range(5):
            assert isinstance(sendgrid.send(an_email(number)), Accepted)

        assert server.connections == 1

    def test_a_refusal_does_not_cost_the_connection(self, sendgrid: SendGrid, server: standin.SendGrid) -> None:
        server.then(Refuse(429), Refuse(400), Refuse(500))
        for number in range(4):
            sendgrid.send(an_email(number))

        assert server.connections == 1
        assert len(server.mails) == 1

    def test_an_idle_connection_that_was_closed_is_replaced(self, sendgrid: SendGrid, server: standin.SendGrid) -> None:
        server.then(CloseAfter())
        sendgrid.send(an_email(1))
        time.sleep(0.05)

        assert isinstance(sendgrid.send(an_email(2)), Accepted)
        assert server.connections == 2
        assert len(server.mails) == 2

    def test_threads_do_not_mix_their_mails_up(self, server: standin.SendGrid) -> None:
        answers: dict[int, Answer] = {}
        with client(server.url, total=10.0) as provider:

            def send(first: int) -> None:
                for number in range(first, first + 10):
                    answers[number] = provider.send(an_email(number))

            threads = [threading.Thread(target=send, args=(first,)) for first in range(0, 80, 10)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert len(server.mails) == 80
        for mail in server.mails:
            number = int(mail.custom_args["mid"].removeprefix("msg_"))
            assert mail.to == f"ana{number}@example.org"
            assert answers[number] == Accepted(mail.x_message_id)
        assert server.connections <= 8


class TestRefusals:
    @pytest.mark.parametrize("code", [400, 413, 415])
    def test_a_message_refused_for_itself_is_impossible(
        self, sendgrid: SendGrid, server: standin.SendGrid, code: int
    ) -> None:
        server.then(Refuse(code))

        assert isinstance(sendgrid.send(an_email()), Impossible)

    @pytest.mark.parametrize("code", [300, 301, 302, 303, 307, 308, 401, 403, 404, 405, 406])
    def test_refused_for_who_we_are_pauses_everything(
        self, sendgrid: SendGrid, server: standin.SendGrid, code: int
    ) -> None:
        server.then(Refuse(code, {"Location": f"{server.url}/v3/mail/send"} if code < 400 else {}))

        assert isinstance(sendgrid.send(an_email()), PauseAll)
        assert server.mails == []
        assert next(server.requests) == 1

    @pytest.mark.parametrize("code", [408, 429])
    def test_not_now_is_tried_later_and_counts(self, sendgrid: SendGrid, server: standin.SendGrid, code: int) -> None:
        server.then(Refuse(code, {"Retry-After": "7"}))

        answer = sendgrid.send(an_email())

        assert isinstance(answer, TryLater)
        assert answer.counts
        assert answer.at == NOW + timedelta(seconds=7)

    @pytest.mark.parametrize("code", [200, 201, 204, 402, 409, 418, 422, 500, 501, 502, 503, 504, 599])
    def test_anything_else_is_unknown(self, sendgrid: SendGrid, server: standin.SendGrid, code: int) -> None:
        server.then(Refuse(code, body=b""))

        assert sendgrid.send(an_email()) == Unknown(f"sendgrid: {code}")

    def test_a_wrong_key_pauses_everything(self, server: standin.SendGrid) -> None:
        provider = SendGrid("SG.wrong", server.url, environment="", now=lambda: NOW)

        assert isinstance(provider.send(an_email()), PauseAll)
        provider.close()

    def test_a_request_sendgrid_would_not_take_is_impossible(
        self, sendgrid: SendGrid, server: standin.SendGrid
    ) -> None:
        answer = sendgrid.send(an_email(to_name="Žižek, Ana"))

        assert answer == Impossible("sendgrid: 400 the message is refused (personalizations.0.to.0.name)")
        assert server.mails == []


class TestBrokenLines:
    @pytest.mark.parametrize(
        "behaviour",
        [Cut(), Cut(taken=True), Hang(2.0), Hang(2.0, taken=True), Truncate(), Drip(0.02)],
        ids=repr,
    )
    @pytest.mark.parametrize("kept", [False, True])
    def test_once_the_request_is_written_nobody_knows(
        self, sendgrid: SendGrid, server: standin.SendGrid, behaviour: Cut | Hang | Truncate | Drip, kept: bool
    ) -> None:
        if kept:
            sendgrid.send(an_email(1))
        server.then(behaviour)
        before = len(server.mails)

        started = time.monotonic()
        answer = sendgrid.send(an_email(2))

        assert isinstance(answer, Unknown)
        assert time.monotonic() - started < 1.5
        assert len(server.mails) - before <= 1

    def test_a_slow_answer_within_the_limit_is_an_answer(self, sendgrid: SendGrid, server: standin.SendGrid) -> None:
        server.then(Delay(0.4))

        assert isinstance(sendgrid.send(an_email()), Accepted)

    def test_nobody_at_home_costs_no_try(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with client(f"http://127.0.0.1:{port}") as provider:
            assert provider.send(an_email()) == TryLater("sendgrid: not reached (ConnectionRefusedError)", counts=False)

    def test_a_name_that_does_not_exist_costs_no_try(self) -> None:
        with client("http://nowhere.invalid") as provider:
            assert provider.send(an_email()) == TryLater("sendgrid: not reached (gaierror)", counts=False)

    def test_no_tls_costs_no_try(self, server: standin.SendGrid) -> None:
        with client(server.url.replace("http:", "https:")) as provider:
            answer = provider.send(an_email())

        assert isinstance(answer, TryLater)
        assert not answer.counts
        assert server.mails == []

    def test_an_answer_that_is_no_http_is_unknown(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:

            def talk() -> None:
                connection, _ = other.accept()
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")
                connection.close()

            thread = threading.Thread(target=talk)
            thread.start()
            with client(f"http://127.0.0.1:{other.getsockname()[1]}") as provider:
                assert isinstance(provider.send(an_email()), Unknown)
            thread.join()


class TestDiscretion:
    def test_a_proxy_in_the_environment_is_not_asked(self, server: standin.SendGrid) -> None:
        script = (
            "import sys; from datetime import datetime, UTC; "
            "from notifier.deliver.providers.sendgrid import SendGrid; from tests.deliver.values import an_email; "
            "print(SendGrid('SG.key', sys.argv[1], environment='', now=lambda: datetime.now(UTC)).send(an_email()))"
        )
        proxied = os.environ | {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}

        ran = subprocess.run(
            [sys.executable, "-c", script, server.url], env=proxied, capture_output=True, text=True, check=True
        )

        assert ran.stdout.startswith("Accepted(")

    def test_the_librarys_logger_never_shows_the_key(
        self, sendgrid: SendGrid, server: standin.SendGrid, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.then(Refuse(400))
        with caplog.at_level(logging.DEBUG):
            sendgrid.send(an_email())
            sendgrid.send(an_email())

        assert caplog.text == ""
        assert logging.getLogger("python_http_client").level == logging.WARNING

    def test_the_key_is_sent_only_to_the_host_that_was_named(
        self, sendgrid: SendGrid, server: standin.SendGrid
    ) -> None:
        with standin.SendGrid() as elsewhere:
            server.then(Refuse(302, {"Location": f"{elsewhere.url}/v3/mail/send"}))
            sendgrid.send(an_email())

            assert elsewhere.connections == 0


def test_a_call_ends_before_the_deadline_and_waits_for_a_slow_provider() -> None:
    assert 14 < TOTAL < DEADLINE
