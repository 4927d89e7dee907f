"""What a mail provider answered, sorted by what we may do next.

Five words and no more, because there are only five things to do. The rule behind them: what was surely not handed over
may be tried again, what may have been handed over is *unknown* and is never sent again blindly.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message. `provider_id` is its name for it; `message_id` the Message-ID header if known."""

    provider_id: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class TryLater:
    """Surely not taken. `at` is when the provider wants to be asked again (aware); `counts` says whether it is a try.

    A refusal by the provider counts; a connection that never stood does not, so that an outage burns no tries.
    """

    why: str
    counts: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Impossible:
    """Refused for what it is (bad content, bad address): trying again cannot help. A person must look."""

    why: str


@dataclass(frozen=True, slots=True)
class PauseAll:
    """Refused for who we are (key, sender, account): nothing will pass, so stop everything and tell the admin."""

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been taken: time-out or cut after the request was written, any 5xx, any unexpected answer."""

    why: str


Answer = Accepted | TryLater | Impossible | PauseAll | Unknown
