"""The signature SendGrid puts on what it posts: ECDSA over P-256 with SHA-256, of the timestamp and the raw body.

Both its event webhook and its inbound parse sign so. The vendor's own class is not used: it takes text instead of
bytes, raises on a bad header and knows no time limit (measured). Here every bad input is simply not believed.

Decision: a post may be 26 hours old. SendGrid repeats a refused post for 24 hours and does not say whether it signs it
anew; five minutes, the usual advice, could throw true reports away. A repeated post does no harm: its events are known
by then.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

#: Both headers, as they are looked up: in lower case.
SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"

#: How far a post's timestamp may lie behind and ahead of our clock.
PAST = timedelta(hours=26)
AHEAD = timedelta(minutes=5)

#: Characters of a signature; DER needs at most 72 bytes for this curve, which are 96 of base64.
_LONGEST_SIGNATURE = 200

#: Exactly ten digits, so that none can be moved between the timestamp and the body.
_SECONDS = re.compile(r"[0-9]{10}")

#: What people copy along with a key: the PEM frame, white space, the `\n` of an environment file.
_AROUND_A_KEY = re.compile(r"-----[A-Z ]*-----|\\[nr]|\s")


@lru_cache(maxsize=16)
def public_key(written: str) -> ec.EllipticCurvePublicKey | None:
    """The P-256 key that `written` holds as base64 of its DER form, in a PEM frame or not; `None` if it holds none."""
    try:
        der = base64.b64decode(_AROUND_A_KEY.sub("", written), validate=True)
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1) else None


def believe(headers: Mapping[str, str], body: bytes, keys: Sequence[str], now: datetime) -> bool:
    """Whether one of `keys` signed exactly these bytes at about this time. Any input gives an answer, nothing raises.

    `headers` have lower-case names; `body` is what came over the wire, line ends included.
    """
    timestamp = headers.get(TIMESTAMP) or ""
    if not _SECONDS.fullmatch(timestamp):
        return False
    if not -AHEAD <= now - datetime.fromtimestamp(int(timestamp), UTC) <= PAST:
        return False
    signature = _signature(headers.get(SIGNATURE) or "")
    message = timestamp.encode("ascii") + body
    return any(_signed(key, signature, message) for key in map(public_key, keys) if key is not None)


def _signature(written: str) -> bytes:
    """The bytes of a signature; none at all if it is not base64. No bytes are no signature."""
    try:
        return base64.b64decode(written, validate=True) if len(written) <= _LONGEST_SIGNATURE else b""
    except ValueError:
        return b""


def _signed(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
