"""What an ATS adapter is.

One module per ATS in `notifier.ingest.ats` defines one class named `Adapter`, a subclass of the one below; the module's
docstring holds what is documented, what is only seen in code, and what is not confirmed. The methods below do what most
ATSs do, so that a module says only where its ATS departs from them.

An adapter is stateless and total. `verify`, `handshake`, `kept`, `event_key` and `question` never raise, whatever the
bytes are; the two translations raise nothing but Unreadable.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from notifier.core.asking import Answer, Api, Changes, Question
from notifier.core.change import Delivery, Event, Handshake, Verdict
from notifier.core.errors import Unreadable
from notifier.ingest import data_files, strict_json, text_secret


class Adapter(ABC):
    """One ATS's protocol."""

    #: The word in addresses, commands and the database: "greenhouse".
    name: str
    #: What people call it: "Greenhouse".
    title: str
    #: The status this ATS counts as success.
    success = 200
    #: The status for a request that is not believed: 401, or 400 for an ATS that never retries a 401.
    refusal = 401
    #: Whether the signature covers every byte of the body. Where it does not, the body is a hint and no more: what it
    #: says is read from the ATS itself (`question`).
    signs_body = True
    #: Where the ATS is asked for what its webhooks leave out; None for an ATS that is never asked.
    api: Api | None = None
    #: Where the kind of an event is named: a member of the body ("action", "payload.event_name"), or "header:<name>".
    kind_at = ""
    #: Whether the ATS can be asked for everything that changed (`changes`, `page`).
    lists_changes = False

    def new_secret(self) -> str:
        """A fresh secret in the form this ATS takes."""
        return text_secret.new()

    def check_secret(self, secret: str) -> None:
        """Raise ValueError, saying what is wrong, unless `secret` can be used with this ATS."""
        text_secret.check(secret)

    def handshake(self, delivery: Delivery) -> Handshake | None:
        """The answer to a request that only tries the address, often before the secret is known; None for any other.

        It is answered to anybody and nothing of it is kept, so only what says nothing at all may be one.
        """
        del delivery
        return None

    @abstractmethod
    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Believe or doubt the raw bytes. Any bytes give a verdict; without secrets everything is doubted."""

    @abstractmethod
    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as this ATS would send it at `now` (aware), as the event `event_id`: for samples, the demo and tests.

        The headers of `plain` stay. The body changes where the ATS puts the id or the signature into it.
        """

    def kept(self, body: bytes) -> bytes:
        """What of a believed body may be stored. The same bytes, but for an ATS that sends what nobody may know."""
        return body

    @abstractmethod
    def event_key(self, delivery: Delivery) -> str:
        """The same for every copy of one event, different for different events. Total: any believed bytes have one."""

    def question(self, delivery: Delivery, answers: Sequence[Answer]) -> Question | None:
        """What has to be asked next before the delivery can be translated, `answers` being there; None for nothing."""
        del delivery, answers
        return None

    @abstractmethod
    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """What a believed delivery says, with the answers to every `question`.

        Raises Unreadable with the path of the field at fault.
        """

    def changes(self, since: datetime, cursor: str) -> Question:
        """The page of applications that changed at or after `since` (aware), from `cursor` on ("" is the beginning).

        Only for an ATS with `lists_changes`.
        """
        raise NotImplementedError

    def page(self, answer: Answer) -> Changes:
        """The records in the answer to `changes`. Raises Unreadable with the path of the field at fault."""
        raise NotImplementedError

    def translate_pulled(self, body: bytes, received_at: datetime) -> Sequence[Event]:
        """What a record says that was read from the ATS (`notifier.pull`), in the same order as what deliveries say.

        Raises Unreadable with the path of the field at fault, and always for an ATS that is not pulled.
        """
        del body, received_at
        raise Unreadable(strict_json.WHOLE, "this ATS is not pulled")

    def kind(self, delivery: Delivery) -> str:
        """What the ATS calls this kind of event, for whoever watches a set-up; "" if it cannot be told. Total."""
        place, _, header = self.kind_at.partition(":")
        value: object = delivery.headers.get(header, "") if header else _at(delivery.body, place)
        return value if isinstance(value, str) and strict_json.PLAIN_NAME.fullmatch(value) else ""

    def schema(self) -> dict[str, object] | None:
        """The JSON Schema of the bodies, where the format is our own; None for every other."""
        return None

    def samples(self) -> dict[str, Delivery]:
        """Made-up deliveries of the documented shape by name, unsigned, for `notifier event send`: about one person,
        and in the order in which they could happen."""
        return data_files.samples(self.name)


def _at(body: bytes, place: str) -> object:
    """The member of the body at a path of names; None if there is none."""
    try:
        found: object = strict_json.read(body)
    except Unreadable:
        return None
    for name in place.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
