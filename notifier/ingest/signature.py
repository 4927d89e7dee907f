"""HMAC-SHA256 over bytes, with several secrets at once.

Most ATSs sign this way and differ only in what they sign and how they write it down. Signatures are compared as
decoded bytes, in constant time: the case of hex digits and the padding of base64 do not matter, and no character of a
header can raise an error.
"""

import hashlib
import hmac
from collections.abc import Sequence

from notifier.core.change import Believed, Doubted, Verdict


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


def _matches(given: Sequence[bytes], expected: bytes) -> bool:
    return any(hmac.compare_digest(signature, expected) for signature in given)
