"""The built-in mailbox: an e-mail is kept where signed-in people can read it, and leaves nowhere.

It is what runs before a mail provider is set up, in the demo and in trials, so it answers as a provider would.
"""

from collections.abc import Callable

from notifier.core.answer import Accepted, Answer, Impossible, TryLater, Unknown
from notifier.core.errors import DatabaseAway
from notifier.deliver.email import Email, ProviderSettings
from notifier.deliver.mime import UnwritableMail, to_bytes


class Mailbox:
    """Keeps e-mails by calling `keep`."""

    name = "mailbox"
    in_flight = 16

    def __init__(self, keep: Callable[[Email, bytes], None]) -> None:
        """`keep` stores one e-mail with its bytes; DatabaseAway from it means that nothing was stored."""
        self._keep = keep

    def send(self, email: Email) -> Answer:
        """Keep it. Never raises."""
        try:
            self._keep(email, to_bytes(email))
        except UnwritableMail as fault:
            return Impossible(f"mailbox: {fault}")
        except DatabaseAway:
            return TryLater("mailbox: the database is away", counts=False)
        except Exception as fault:  # whatever else went wrong, it may have gone wrong after the storing
            return Unknown(f"mailbox: {type(fault).__name__}")
        return Accepted(email.att, email.headers.get("Message-ID", ""))

    def close(self) -> None:
        """There is no connection of its own to end."""


def open_provider(settings: ProviderSettings) -> Mailbox:
    """The mailbox. Raises ValueError where there is no place to keep e-mails."""
    if settings.keep is None:
        raise ValueError("the mailbox needs a place to keep e-mails")
    return Mailbox(settings.keep)
