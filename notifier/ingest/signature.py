"""HMAC-SHA256 over bytes, with several secrets at once.

Most ATSs sign this way and differ only in what they sign and how they write it down. Signatures are compared as
decoded bytes, in constant time: the case of hex digits and the padding of base64 do not matter, and no character of a
header can raise an error.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence

from notifier.core.change import Believed, Delivery, Doubted, Verdict
from notifier.ingest import text_secret

_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{43}=?")


def digest(key: bytes, message: bytes) -> bytes:
    """The 32 bytes that prove `message` to whoever knows `key`."""
    return hmac.digest(key, message, hashlib.sha256)


def judge(given: Sequence[bytes], keys: Sequence[bytes], message: bytes) -> Verdict:
    """Believe `message` if one of the signatures `given` was made with one of `keys`; a rotation has two of each.

    An empty key stands for a secret that cannot be used and never matches: anybody could sign with it.
    """
    for index, key in enumerate(keys):
        if key and _matches(given, digest(key, message)):
            return Believed(index)
    return Doubted("wrong")


def of_body(delivery: Delivery, header: str, secrets: Sequence[str], read: Callable[[str], bytes | None]) -> Verdict:
    """The usual scheme: `header` holds the HMAC of the raw body, keyed with the secret's text; `read` takes it down."""
    written = delivery.headers.get(header)
    if written is None:
        return Doubted("no_signature")
    given = read(written)
    if given is None:
        return Doubted("malformed")
    return judge([given], [text_secret.key(secret) for secret in secrets], delivery.body)


def read_hex(written: str) -> bytes | None:
    """32 bytes written as hex digits in either case; None for anything else.

    `bytes.fromhex` alone would also take spaces between the digits.
    """
    return bytes.fromhex(written) if _HEX.fullmatch(written) else None


def read_base64(written: str) -> bytes | None:
    """32 bytes in base64 of either alphabet, with or without padding; None for anything else."""
    if not _BASE64.fullmatch(written):
        return None
    return base64.urlsafe_b64decode(written.rstrip("=").translate(_URLSAFE) + "=")


def written_base64url(proof: bytes) -> str:
    """The bytes in the URL-safe alphabet, with padding."""
    return base64.urlsafe_b64encode(proof).decode("ascii")


_URLSAFE = str.maketrans("+/", "-_")


def _matches(given: Sequence[bytes], expected: bytes) -> bool:
    return any(hmac.compare_digest(signature, expected) for signature in given)
