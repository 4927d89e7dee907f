"""What a reporter writes about a mail, made safe to keep and to compare.

Providers and mail servers report in their own ways, but of the same few things: an address, a Message-ID, a status by
RFC 3463, a body of JSON. An id is taken whole or not at all; cleaning it could make it name something else.
"""

import hashlib
import json
import math
import re

from notifier.core.errors import Unreadable
from notifier.deliver.address import LIMIT, address

#: Levels of lists and objects within each other. A provider's event has three.
_LEVELS = 20

#: Digits of a number; enough for every 64-bit number with its sign.
_DIGITS = 20

#: A Message-ID between its angle brackets, by what mail servers let through; far below a header line's 998 characters.
_MESSAGE_ID = re.compile(r"[!-;=?A-~]{1,200}@[!-;=?A-~]{1,200}")

#: The Message-ID that `compose` gives a mail: message, attempt, our domain.
_OURS = re.compile(r"(msg_[0-9a-z]{1,40})\.(att_[0-9a-z]{1,40})@[^@]+")

_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")

#: A reply code with the status behind it: "550 5.1.1", "550-5.1.1". A status alone may be part of an IP address.
_REPLY_STATUS = re.compile(r"(?<![0-9.])[245][0-9]{2}[ -]#?([245]\.[0-9]{1,3}\.[0-9]{1,3})(?!\.?[0-9])")

_REPLY_CODE = re.compile(r"[245][0-9]{2}(?![0-9.])")

#: Statuses by which the recipient's address is at fault: 5.1.0 to 5.1.4, 5.1.6 (moved), 5.1.10 (takes no mail).
#: 5.1.5 says the address is valid, 5.1.7 to 5.1.9 are about the sender.
_NO_SUCH_ADDRESS = re.compile(r"5\.1\.(?:[012346]|10)")


def mailbox(written: str) -> str:
    """The address in the normal form if it has one, as written if it is at least a short printable word, else empty."""
    trimmed = written.strip()
    # A report about an address that is none ("Invalid") must still name it.
    return address(trimmed) or (trimmed if is_word(trimmed, LIMIT) else "")


def is_word(written: str, most: int) -> bool:
    """Whether this is one printable word of at most so many characters. What no space is in cannot hold a sentence."""
    return 0 < len(written) <= most and written.isprintable() and " " not in written


def message_id(written: str) -> str:
    """A Message-ID without its angle brackets; empty if it is none."""
    bare = written.strip().removeprefix("<").removesuffix(">")
    return bare if _MESSAGE_ID.fullmatch(bare) else ""


def our_ids(message_id: str) -> tuple[str, str]:
    """Our ids of the message and the attempt, if we made this Message-ID; two empty strings if not."""
    ours = _OURS.fullmatch(message_id)
    return (ours[1], ours[2]) if ours else ("", "")


def status(written: str) -> str:
    """A status by RFC 3463 ("5.1.1") with which `written` begins; empty if there is none."""
    found = _STATUS.match(written.strip())
    return found[0] if found else ""


def reply_status(written: str) -> str:
    """The first status of a mail server's reply that is quoted anywhere in `written`; empty if there is none."""
    found = _REPLY_STATUS.search(written)
    return found[1] if found else ""


def reply_code(written: str) -> str:
    """The reply code ("550") with which `written` begins; empty if there is none."""
    found = _REPLY_CODE.match(written.strip())
    return found[0] if found else ""


def faults_the_address(status: str) -> bool:
    """Whether this status says that the recipient's address is wrong, not that the mail was not wanted just then."""
    return _NO_SUCH_ADDRESS.fullmatch(status) is not None


def canonical(value: object) -> bytes:
    """`value` as JSON that is the same for equal values: sorted names, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def fingerprint(*words: str) -> str:
    """One name (64 hex digits) for these words in this order, however they are parted."""
    return hashlib.sha256(canonical(words)).hexdigest()


def read_json(body: bytes) -> object:
    """The JSON in a trusted reporter's body. Forgiving: a signed event must not be lost for one odd value in it.

    Bytes that are not UTF-8 become replacement characters, numbers that no column could hold and `NaN` become text, the
    last of two equal names wins. Raises Unreadable for what is not JSON or is nested absurdly, and nothing else.
    """
    try:
        value = json.loads(
            body.decode("utf-8-sig", "replace"), parse_int=_integer, parse_float=_finite, parse_constant=str
        )
    except RecursionError:
        raise Unreadable("body", "nested too deeply") from None
    except ValueError:
        raise Unreadable("body", "not JSON") from None
    if not _within(value, _LEVELS):
        raise Unreadable("body", "nested too deeply")
    return value


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS else digits


def _finite(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _within(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_within(one, levels - 1) for one in inner)
