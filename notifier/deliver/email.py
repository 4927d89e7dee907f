"""What is handed to a mail provider: one e-mail to one person, complete."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from notifier.core.answer import Answer


@dataclass(frozen=True, slots=True)
class Email:
    """One e-mail to one person.

    `mid` and `att` are our opaque ids of the message and of this attempt; they are all that a provider may keep with
    it. `headers` holds what goes beside From, To, Reply-To and Subject: Message-ID, Auto-Submitted, threading. Names
    and subject are free of control characters (`deliver.compose` sees to it).
    """

    mid: str
    att: str
    workspace: str
    to_address: str = field(repr=False)
    to_name: str = field(repr=False)
    from_address: str = field(repr=False)
    from_name: str = field(repr=False)
    reply_to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str = "en"
    headers: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What the providers may need, read from the configuration by the assembler. Each takes what is its own.

    `keep` stores an e-mail where signed-in people can read it (the mailbox provider's way out); it may raise.
    """

    sendgrid_api_key: str = field(default="", repr=False)
    sendgrid_api_url: str = "https://api.sendgrid.com"
    smtp_url: str = field(default="", repr=False)
    environment: str = ""
    keep: Callable[[Email, bytes], None] | None = None


class Provider(Protocol):
    """A way out. Safe to call from several threads at once; every call ends within `DEADLINE`.

    A provider module in `notifier.deliver.providers` defines `open_provider(settings: ProviderSettings) -> Provider`.
    """

    #: The word in MAIL_PROVIDER, in addresses and in the database.
    name: str
    #: How many calls may be in flight at once; a crash puts at most that many messages in doubt.
    in_flight: int

    def send(self, email: Email) -> Answer:
        """Hand one e-mail over and sort what came back. Never raises: what it cannot sort is Unknown."""

    def close(self) -> None:
        """End every kept connection. Nothing is sent afterwards."""


#: Seconds after which a call has ended, one way or another. The lease is much longer.
DEADLINE = 15.0
