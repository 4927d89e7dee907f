"""What a mail provider reports after it has taken a message: its words made ours.

Reports come in any order, any number of times, early or late, so nothing here may depend on the order in which they are
heard: the delivery state of a message is the highest that was reported (`after`), and what is known about an address
only ever gets worse by a report; an ATS that gives another address makes it good again.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from notifier.core.message import Delivery


class Heard(StrEnum):
    """What was reported.

    bounced: the mail came back. dropped: the provider did not even try. complained: the person called it spam.
    other: known and of no consequence (an open, a click), or not known.
    """

    PROCESSED = "processed"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    DROPPED = "dropped"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    OTHER = "other"


class Address(StrEnum):
    """What a report means for the address. doubtful: it failed for now. dead: it does not work."""

    UNTOUCHED = "untouched"
    DOUBTFUL = "doubtful"
    DEAD = "dead"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class Report:
    """One report about one message.

    `mid` and `att` are our ids as the provider gave them back, `env` the environment they were sent from; any may be
    missing. `provider_id` is the provider's name for the message, `message_id` the Message-ID header without brackets.
    `event_id` is the provider's id of the report (it may change when the report is repeated); `digest` is made of what
    stays the same. `why` is a word group without personal data. `raw` is this one report, for keeping.
    """

    heard: Heard
    at: datetime
    digest: str
    event_id: str = ""
    mid: str = ""
    att: str = ""
    env: str = ""
    provider_id: str = ""
    message_id: str = ""
    address: str = field(default="", repr=False)
    about: Address = Address.UNTOUCHED
    why: str = ""
    raw: bytes = field(default=b"", repr=False)


_RANK = {
    Delivery.NONE: 0,
    Delivery.PROCESSED: 1,
    Delivery.DEFERRED: 2,
    Delivery.DELIVERED: 3,
    Delivery.DROPPED: 4,
    Delivery.BOUNCED: 5,
}

_MEANS = {
    Heard.PROCESSED: Delivery.PROCESSED,
    Heard.DEFERRED: Delivery.DEFERRED,
    Heard.DELIVERED: Delivery.DELIVERED,
    Heard.BOUNCED: Delivery.BOUNCED,
    Heard.DROPPED: Delivery.DROPPED,
    # Nobody can call a message spam that did not arrive.
    Heard.COMPLAINED: Delivery.DELIVERED,
}

#: Reports that prove that the provider took the message.
TAKEN = frozenset(_MEANS)


def after(before: Delivery, heard: Heard) -> Delivery:
    """The delivery state once this was heard: the further of the two; a bounce wins even over *delivered*, because a
    server that took the mail may send it back later."""
    said = _MEANS.get(heard, Delivery.NONE)
    return said if _RANK[said] > _RANK[before] else before
