"""The same run through each way out: a real SMTP receiver, a receiver that answers like SendGrid, the mailbox.

What arrived is read from the receiver's own record.
"""

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from notifier.deliver.email import Email, ProviderSettings
from notifier.deliver.registry import open_provider
from notifier.store.database import Database
from notifier.store.mailbox import keep_mail, list_mails
from tests.standins.sendgrid import SendGrid
from tests.standins.smtp import MailServer
from tests.world import SECRETS, World

PEOPLE = {f"a{number}": f"candidate{number}@example.org" for number in range(12)}

#: (to, subject, text part, html part, Message-ID) of one mail that arrived.
Arrived = tuple[str, str, str, str, str]


def arrived(message: EmailMessage) -> Arrived:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert message.get_content_type() == "multipart/alternative"
    address = message["To"].addresses[0].addr_spec
    return address, message["Subject"], text.get_content(), html.get_content(), message["Message-ID"]


@pytest.fixture(params=["mailbox", "smtp", "sendgrid"])
def way(request: pytest.FixtureRequest, database_url: str) -> Iterator[tuple[World, Callable[[], list[Arrived]]]]:
    """A world with a real way out, and what its receiver recorded."""
    if request.param == "smtp":
        with MailServer() as server:
            provider = open_provider("smtp", ProviderSettings(smtp_url=f"smtp://127.0.0.1:{server.port}"))
            world = World(database_url, provider=provider)
            yield world, lambda: [arrived(mail.message()) for mail in server.mails]
            world.close()
    elif request.param == "sendgrid":
        with SendGrid(key="SG.key") as receiver:
            settings = ProviderSettings(sendgrid_api_key="SG.key", sendgrid_api_url=receiver.url, environment="test")
            world = World(database_url, provider=open_provider("sendgrid", settings))
            yield world, lambda: [read_payload(mail.payload) for mail in receiver.mails]
            world.close()
    else:
        db = Database(database_url, secrets=SECRETS)

        def keep(email: Email, mime: bytes) -> None:
            with db.begin() as tx:
                keep_mail(tx, email.workspace, email.mid, to=email.to_address, subject=email.subject, mime=mime)

        world = World(database_url, provider=open_provider("mailbox", ProviderSettings(keep=keep)))
        yield world, lambda: [read_mailbox(mime) for mime in mailbox(world)]
        world.close()
        db.dispose()


def mailbox(world: World) -> list[bytes]:
    with world.db.read() as tx:
        return [mail.mime for mail in list_mails(tx, [world.workspace])]


def read_mailbox(mime: bytes) -> Arrived:
    message = message_from_bytes(mime, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return arrived(message)


def read_payload(payload: dict[str, object]) -> Arrived:
    (person,) = payload["personalizations"]
    text, html = payload["content"]
    assert (text["type"], html["type"]) == ("text/plain", "text/html")
    headers = {**payload.get("headers", {}), **person.get("headers", {})}
    return (
        person["to"][0]["email"],
        payload["subject"],
        text["value"],
        html["value"],
        headers["Message-ID"],
    )


def test_each_candidate_gets_two_lines_once(way: tuple[World, Callable[[], list[Arrived]]]) -> None:
    world, record = way
    for name, email in PEOPLE.items():
        world.change(name, stage="Application Review", kind="applied", email=email, first_name=f"Ana{name}")
        world.change(name, stage="Application Review", kind="applied", email=email, event_id=f"again-{name}")
    world.settle_down()

    mails = record()
    assert sorted(to for to, *_ in mails) == sorted(PEOPLE.values())
    for to, subject, text, html, message_id in mails:
        lines = text.replace("\r\n", "\n").strip().split("\n")
        name = next(name for name, email in PEOPLE.items() if email == to)
        assert subject == "Your Backend engineer application"
        assert lines[0] == f"Hi Ana{name}, your application for Backend engineer is here."
        assert lines[1].startswith("A person will read it, and you will hear from me by Tuesday 1 December 2026")
        assert lines[2:] == ["", "Maria Lopez, Example Co. Replies reach me."]
        assert html.count("<p>") == 3
        assert 'lang="en"' in html
        assert message_id.startswith("<msg_")
    assert {message.state.value for message in world.messages()} == {"accepted"}
    assert world.ledger().violations == ()
