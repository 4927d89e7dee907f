"""Asking an ATS for what its webhook left out: who is asked, what is asked, what came back.

An adapter only says what it needs; the request is sent by `notifier.pull.asked`, outside every transaction. So an
adapter stays a function of bytes, and an ATS that is asked is one file like any other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Proof(StrEnum):
    """How a request shows the API key.

    basic: HTTP Basic with the key as the user and no password. bearer: `Authorization: Bearer <key>`. token:
    `Authorization: Token token=<key>`. header: a header of its own (`Api.key_header`).
    """

    BASIC = "basic"
    BEARER = "bearer"
    TOKEN = "token"  # noqa: S105 - the name of a scheme
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Api:
    """Where an ATS is asked, how a request is proved, and how much it bears.

    `address` is the base of every path. `proof` shows a plain key. `token_address` is where the id and secret of an
    OAuth 2.0 client ("<id>:<secret>") are exchanged for a token; empty where the ATS has none. `per_second` is how
    many requests an account allows in a second. `key_header` is where a plain key stands with Proof.HEADER. `headers`
    go with every request. `key_form` tells people what to write as the key, and `needs` what the key must be allowed
    to read. `account_header` carries what follows the first colon of the key, where an ATS wants the account named as
    well. `required`: without a key nothing can be read; else what a webhook leaves out stays unknown.
    """

    address: str
    proof: Proof
    per_second: float
    key_form: str
    needs: str
    token_address: str = ""
    key_header: str = ""
    account_header: str = ""
    required: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """One request: `method` GET or POST, a `path` below the API's address, and what goes with it.

    `wanted` are the members of the answer that are kept (`notifier.core.cut`); the rest is thrown away unread.
    """

    path: str
    wanted: Mapping[str, object]
    method: str = "GET"
    params: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: an HTTP status of 200 or 404, and the members that were wanted (nothing for 404)."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Changed:
    """One record of a list of changes, cut down to what is read.

    `subject` is the ATS's id of the application, `moment` the text by which the ATS says when the record changed,
    `body` canonical JSON. `began_at` (aware) is when an ending began, or the earliest it can have begun; None for what
    goes on.
    """

    subject: str
    moment: str
    body: bytes = field(repr=False)
    began_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """A page of changes; `cursor` leads to the next one, "" says that this was the last."""

    records: tuple[Changed, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """Every question of one webhook was answered."""

    item: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """This webhook's question was not answered now; others' may be. `why` holds neither the key nor personal data."""

    item: str
    why: str


@dataclass(frozen=True, slots=True)
class Halted:
    """The ATS answers nothing now: it is down, has had enough requests, or refuses the key. Ask again at `until`
    (aware), or after some time of the asker's choosing."""

    why: str
    until: datetime | None = None


#: What is asked for one webhook: the answers so far lead to the next question, or to None when all is answered.
Asks = Callable[[Sequence[Answer]], Question | None]


class Ask(Protocol):
    """Asks ATSs. Safe to use from several threads."""

    def ask(
        self, who: str, api: Api, api_key: str, api_url: str, asked: Mapping[str, Asks], now: datetime
    ) -> Iterator[Answered | Unanswered | Halted]:
        """Ask what each webhook (by its id) needs, several at once and no faster than the ATS bears.

        Each is reported as soon as it is settled; after Halted nothing follows. `who` begins every `why`; `api_url`
        replaces the ATS's own address ("": it does not). Ends within a minute. Never raises.
        """

    def close(self) -> None:
        """Close every connection."""
