"""An OAuth 2.0 access token: how it is read, and how long it is used."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

#: How long before its end a token is not used any more, and for how long one is used that names no end.
MARGIN, _SHORT = timedelta(seconds=60), timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it ends (aware)."""

    text: str = field(repr=False)
    ends: datetime


def read_token(body: bytes, now: datetime) -> Token | None:
    """The token in an answer of the token's end point; `None` if there is none. Its end is named in two ways."""
    try:
        given = json.loads(body)
        text = given["access_token"]
        ends = given.get("expires_at") or given.get("expires_in")
        if not re.fullmatch(r"[!-~]{1,8000}", text):
            return None
        if isinstance(ends, str) and not ends.isdecimal():
            moment = datetime.fromisoformat(ends)
            return Token(text, moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
        return Token(text, now + timedelta(seconds=int(ends)) if ends else now + MARGIN + _SHORT)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
