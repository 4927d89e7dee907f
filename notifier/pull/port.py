"""What pulling from an ATS is.

Web hooks are given up after some hours (Greenhouse: about fifteen), so what happens in a longer outage is never told
unless it is asked for. One module per ATS in `notifier.pull.ats` defines one class named `Puller` that satisfies
`Puller` below. What it brings is put into the inbox like a web hook and read by the ATS's adapter (`translate_pulled`),
so there is one way in, one order of events, and no second opinion on what a state means.

Decisions:

- One call is one page, so that a worker can stop between two, and whatever was read before a failure is kept.
- The cursor is text to be stored and given back, and nobody else's business. A page that is asked for again brings the
  same again: reading twice is harmless, leaving out is not.
- The same state of a record has the same key, so that reading it again is a duplicate in the inbox.
- A record is what is true now, not what happened. Whoever begins to read an ATS sees years of endings that others have
  told, each time one is touched. `Pulled.began_at` lets the reader leave alone what it never heard of and what began
  before its time.
- Failing has two kinds, because two things follow: `Later` is tried again by itself, `Refused` needs a person.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Access:
    """How to get in: the key as the operator gave it, and the address of the API ("" means the ATS's own)."""

    api_key: str = field(repr=False)
    api_url: str = ""


@dataclass(frozen=True, slots=True)
class Pulled:
    """One record as it is now.

    `key` is the event key: 1 to 200 printable ASCII characters, the same for the same state. `body` is canonical JSON
    (ASCII, sorted names, no spaces) of the record and what belongs to it: personal data. `subject` is the ATS's id of
    the application ("" if it cannot be told). `began_at` (aware) is when the present state began, or the earliest it
    can have begun; `None` if that cannot be told.
    """

    key: str
    body: bytes = field(repr=False)
    subject: str = ""
    began_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the records that changed. `cursor` leads to the next page; "" says that this was the last one."""

    records: tuple[Pulled, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: too many requests, the ATS is down or cannot be reached. Ask for the same page at `at` (aware)."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not like this: the key is refused, lacks a permission, or is set up wrongly. `why` is shown to a person."""

    why: str


class Puller(Protocol):
    """One ATS's way of being asked. Safe to use from several threads; one instance serves every source of the ATS."""

    #: The word in addresses, commands and the database: "greenhouse".
    name: str

    def page(self, access: Access, since: datetime, cursor: str, now: datetime) -> Page | Later | Refused:
        """One page of what changed at or after `since` (aware), from `cursor` on ("" is the beginning).

        Ends within a minute. Total: never raises. `why` never holds the key or personal data.
        """
