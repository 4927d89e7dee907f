"""The name under which one event of an ATS is kept once.

Keys stand in a unique index and in log lines, so they are short printable ASCII whatever a sender put into a header.
"""

import hashlib
import re

_USABLE = re.compile(r"[!-~]{1,200}")


def from_header(value: str) -> str:
    """The ATS's own id, as it is if it is 1 to 200 printable ASCII characters, else a digest of it."""
    return value if _USABLE.fullmatch(value) else _digest(value.encode("utf-8", "surrogatepass"))


def from_body(body: bytes) -> str:
    """A digest of the whole body, for an event that came without an id. Equal bytes say equal things."""
    return _digest(body)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
