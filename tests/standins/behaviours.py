"""What a stand-in for an HTTP provider can be told to do instead of answering well."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Refuse:
    """Read the request and answer `code`; `taken`: the mail was accepted all the same."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    taken: bool = False


@dataclass(frozen=True)
class Cut:
    """Read the request and close the connection without a word; `taken`: the mail was accepted before."""

    taken: bool = False


@dataclass(frozen=True)
class Hang:
    """Read the request and stay silent for so many seconds, then close; `taken`: the mail was accepted before."""

    seconds: float
    taken: bool = False


@dataclass(frozen=True)
class Truncate:
    """Take the mail, answer 202, and close in the middle of the body that was announced."""


@dataclass(frozen=True)
class Drip:
    """Take the mail and send the answer one byte at a time, with a pause before each."""

    pause: float


@dataclass(frozen=True)
class Delay:
    """Answer well, after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class CloseAfter:
    """Answer well and close the connection without having announced it, as a server does with idle ones."""


Behaviour = Refuse | Cut | Hang | Truncate | Drip | Delay | CloseAfter
