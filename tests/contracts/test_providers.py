"""What every mail provider promises, against a real receiver of its kind.

A provider added to the folder needs a bench here: how it is opened, what its receiver got, and how the receiver is made
to vanish, to say nothing, or to take a mail and lose the answer.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, ClassVar

import pytest

from notifier.core.answer import Accepted, Impossible, TryLater, Unknown
from notifier.core.errors import DatabaseAway
from notifier.deliver import wire
from notifier.deliver.email import Email, Provider
from notifier.deliver.providers.mailbox import Mailbox
from notifier.deliver.providers.sendgrid import SendGrid
from notifier.deliver.providers.smtp import Smtp
from notifier.deliver.registry import provider_names
from notifier.deliver.smtp_server import read_smtp_url
from tests.deliver.values import an_email
from tests.standins import sendgrid as sendgrid_standin
from tests.standins.behaviours import Cut, Hang
from tests.standins.smtp import CUT, HANG, MailServer

#: To, subject, text, HTML of a mail as its receiver got it.
Got = tuple[str, str, str, str]


def now() -> datetime:
    return datetime(2026, 11, 24, 10, tzinfo=UTC)


def read(raw: bytes) -> Got:
    message = message_from_bytes(raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    text, page = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    return message["To"].addresses[0].addr_spec, str(message["Subject"]), text, page


class Bench(ABC):
    """One provider and its receiver."""

    provider: Provider

    @abstractmethod
    def got(self) -> list[Got]: ...

    @abstractmethod
    def vanish(self) -> None: ...

    @abstractmethod
    def take_and_lose_the_answer(self) -> None: ...

    @abstractmethod
    def fall_silent(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...


class MailboxBench(Bench):
    """A list."""

    def __init__(self) -> None:
        self._kept: list[Got] = []
        self._faults: list[Callable[[], None]] = []
        self.provider = Mailbox(self._keep)

    def _keep(self, email: Email, mime: bytes) -> None:
        if self._faults and self._faults[0] == self._gone:
            self._gone()
        self._kept.append(read(mime))
        if self._faults:
            self._faults.pop()()

    def _gone(self) -> None:
        raise DatabaseAway("gone")

    def _lost(self) -> None:
        raise ConnectionResetError

    def got(self) -> list[Got]:
        return self._kept

    def vanish(self) -> None:
        self._faults.append(self._gone)

    def take_and_lose_the_answer(self) -> None:
        self._faults.append(self._lost)

    fall_silent = take_and_lose_the_answer

    def close(self) -> None:
        """There is nothing to close."""


class SmtpBench(Bench):
    """A mail server."""

    def __init__(self) -> None:
        self._server = MailServer().start()
        self._running = True
        server = read_smtp_url(f"smtp://127.0.0.1:{self._server.port}")
        self.provider = self._smtp = Smtp(server, context=wire.tls(), now=now, total=0.5)

    def got(self) -> list[Got]:
        return [read(mail.content) for mail in self._server.mails]

    def vanish(self) -> None:
        self._server.stop()
        self._running = False

    def take_and_lose_the_answer(self) -> None:
        self._server.then("STORED", CUT)

    def fall_silent(self) -> None:
        self._server.then("STORED", HANG)

    def close(self) -> None:
        self._smtp.close()
        if self._running:
            self._server.stop()


class SendGridBench(Bench):
    """SendGrid's API."""

    def __init__(self) -> None:
        self._server = sendgrid_standin.SendGrid().start()
        self._running = True
        self.provider = self._sendgrid = SendGrid("SG.x", self._server.url, environment="test", now=now, total=0.5)

    def got(self) -> list[Got]:
        return [
            (mail.to, mail.payload["subject"], *(part["value"] for part in mail.payload["content"]))
            for mail in self._server.mails
        ]

    def vanish(self) -> None:
        self._server.stop()
        self._running = False

    def take_and_lose_the_answer(self) -> None:
        self._server.then(Cut(taken=True))

    def fall_silent(self) -> None:
        self._server.then(Hang(1.0, taken=True))

    def close(self) -> None:
        self._sendgrid.close()
        if self._running:
            self._server.stop()


BENCHES: dict[str, type[Bench]] = {"mailbox": MailboxBench, "smtp": SmtpBench, "sendgrid": SendGridBench}


def test_every_provider_has_a_bench() -> None:
    assert set(BENCHES) == set(provider_names())


@pytest.fixture(params=provider_names())
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = BENCHES[request.param]()
    yield made
    made.close()


class TestEveryProvider:
    EMAIL: ClassVar[Email] = an_email(
        subject="Für Ana: “Nurse”", text="Ana, eins.\n.zwei\n\nMaria\n", html="<p>ß</p>\n"
    )

    def test_it_is_named_as_its_file(self, bench: Bench, request: pytest.FixtureRequest) -> None:
        assert bench.provider.name == request.node.callspec.params["bench"]
        assert bench.provider.in_flight >= 1

    def test_an_accepted_mail_arrived_once_and_whole(self, bench: Bench) -> None:
        answer = bench.provider.send(self.EMAIL)

        assert isinstance(answer, Accepted)
        assert answer.provider_id
        assert bench.got() == [(self.EMAIL.to_address, self.EMAIL.subject, self.EMAIL.text, self.EMAIL.html)]

    def test_a_receiver_that_is_gone_costs_no_try(self, bench: Bench) -> None:
        bench.vanish()

        answer = bench.provider.send(self.EMAIL)

        assert isinstance(answer, TryLater)
        assert not answer.counts
        assert bench.got() == []

    @pytest.mark.parametrize("how", ["take_and_lose_the_answer", "fall_silent"])
    def test_a_lost_answer_is_unknown_and_nothing_is_sent_again(self, bench: Bench, how: str) -> None:
        bench.provider.send(an_email(1))
        getattr(bench, how)()

        answer = bench.provider.send(self.EMAIL)

        assert isinstance(answer, Unknown)
        assert len(bench.got()) == 2

    def test_it_goes_on_after_a_lost_answer(self, bench: Bench) -> None:
        bench.take_and_lose_the_answer()
        bench.provider.send(an_email(1))

        assert isinstance(bench.provider.send(an_email(2)), Accepted)

    def test_as_many_as_it_says_can_be_in_flight(self, bench: Bench) -> None:
        barrier, answers = threading.Barrier(bench.provider.in_flight), []

        def send(number: int) -> None:
            barrier.wait()
            answers.append(bench.provider.send(an_email(number)))

        threads = [threading.Thread(target=send, args=(number,)) for number in range(bench.provider.in_flight)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        # On a busy machine half a second may pass before the last one is answered; nothing may be lost or doubled.
        assert len({to for to, *_ in bench.got()}) == len(bench.got())
        assert len(bench.got()) >= sum(isinstance(answer, Accepted) for answer in answers)

    @pytest.mark.parametrize(
        "broken",
        [
            {"subject": "x\r\nBcc: y@example.org"},
            {"to_name": "Ana\r\nBcc: y@example.org"},
            {"to_address": "a@example.org, b@example.org"},
            {"headers": {"X-A": "x\r\nBcc: y@example.org"}},
        ],
    )
    def test_what_compose_would_never_make_does_not_leave(self, bench: Bench, broken: dict[str, Any]) -> None:
        assert isinstance(bench.provider.send(an_email(**broken)), Impossible)
        assert bench.got() == []

    def test_an_e_mail_that_is_none_is_no_exception(self, bench: Bench) -> None:
        answer = bench.provider.send(None)

        assert isinstance(answer, Unknown)

    def test_no_answer_names_a_person(self, bench: Bench) -> None:
        answers = [bench.provider.send(an_email(subject="Ana\r\nBcc: x"))]
        bench.take_and_lose_the_answer()
        answers.append(bench.provider.send(self.EMAIL))
        bench.vanish()
        answers.append(bench.provider.send(self.EMAIL))

        for answer in answers:
            assert not any(word in getattr(answer, "why", "").lower() for word in ("ana", "žižek", "maria", "@"))
