"""Ids with a prefix that says what they name (`msg_…`, `app_…`), in order of time.

Time in front keeps new rows at the end of every index, and within one process ids only ever grow, so that "the last
entry" of an audit trail is the last one written. An id is a name and not a secret: whatever opens something (sign-in
link, source key) is made by `token`.
"""

import secrets
import threading
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

_lock = threading.Lock()
_last = 0


def _base32(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def _microsecond() -> int:
    """The present microsecond, or the one after the last that was given out."""
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1000)
        return _last


def new_id(prefix: str) -> str:
    """A fresh id: 55 bits of microseconds and 65 random ones, 24 characters after the prefix."""
    return f"{prefix}_{_base32(_microsecond(), 11)}{_base32(secrets.randbits(65), 13)}"


def token(bits: int = 160) -> str:
    """An unguessable word of lower-case letters and digits, for links and addresses."""
    return _base32(secrets.randbits(bits), bits // 5)
