"""JSON from outside, read once and strictly.

Python's reader takes more than JSON: the last of two equal names wins, `NaN` and `1e999` become floats, UTF-16 is
guessed, and deep nesting or a number of thousands of digits ends in an exception nobody expects. A signed body that
plays such a trick is not understood, so it is refused here and quarantined: the bytes are kept, nothing is guessed.

Decision: strings are *not* cleaned here. `fields` cleans what people read and refuses odd characters in ids, because
cleaning an id could turn it into another one.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import NoReturn

from notifier.core.cut import canonical, cut
from notifier.core.errors import Unreadable

#: How errors name the whole document; names of members are relative to it.
WHOLE = "body"

#: Enough for every 64-bit number with its sign; a longer one is not a number any ATS means.
_DIGITS = 20

#: A member name that may be repeated in an error. Anything else could be personal data used as a key.
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def read(body: bytes) -> dict[str, object]:
    """The JSON object in `body`: UTF-8 without a byte-order mark, nothing after it, every name once.

    Raises Unreadable for anything else, whatever the bytes are.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError:
        raise Unreadable(WHOLE, "not UTF-8") from None
    except RecursionError:
        raise Unreadable(WHOLE, "nested too deeply") from None
    except ValueError:
        raise Unreadable(WHOLE, "not JSON") from None
    if not isinstance(value, dict):
        raise Unreadable(WHOLE, "the top level is not an object")
    return value


def only(body: bytes, members: Mapping[str, object]) -> bytes:
    """The body with only these members (`notifier.core.cut`), in canonical form.

    What is no JSON object cannot be taken apart: it stays as it is, is quarantined, and goes with the time.
    """
    try:
        return canonical(cut(read(body), members))
    except Unreadable:
        return body


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a name that appears twice: which of the two was signed for is anybody's guess."""
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise Unreadable(name if PLAIN_NAME.fullmatch(name) else WHOLE, "the name appears twice in one object")
        members[name] = value
    return members


def _integer(digits: str) -> int:
    """Refuse numbers that no database column and no id could hold."""
    if len(digits) > _DIGITS:
        raise Unreadable(WHOLE, "a number has too many digits")
    return int(digits)


def _finite(digits: str) -> float:
    """Refuse 1e999, which Python reads as infinity."""
    value = float(digits)
    if not math.isfinite(value):
        raise Unreadable(WHOLE, "a number is too large")
    return value


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN, Infinity and -Infinity, which are not JSON."""
    raise Unreadable(WHOLE, f"{name} is not JSON")
