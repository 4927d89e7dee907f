"""What is probably wrong with a delivery that was not believed: for whoever sets a source up.

A set-up fails at the secret more often than anywhere else, and "wrong signature" helps nobody. So the usual mistakes
are tried: a space or line end beside the secret, an older secret, the secret of another source, a body that was written
anew on its way. Nothing of it changes the answer, and nothing is kept but these words.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from notifier.core.change import Believed, Delivery, Doubted
from notifier.ingest.adapter import Adapter

#: What people paste along with a secret.
_BESIDE = ("\n", "\r\n", " ", "\t")


def suspect(
    adapter: Adapter,
    delivery: Delivery,
    verdict: Doubted,
    now: datetime,
    *,
    valid: Sequence[str],
    ended: Sequence[str],
    others: Sequence[str],
) -> str:
    """One sentence. `valid` and `ended` are the source's secrets, `others` those of the other sources of this ATS."""

    def believes(secrets: Sequence[str], sent: Delivery = delivery) -> bool:
        usable = [secret for secret in secrets if secret]
        found = adapter.verify(sent, usable, now)
        return isinstance(found, Believed) or found == Doubted("stale")

    if verdict.reason == "no_signature":
        return f"{adapter.title} signs nothing: no secret is set there, or something on the way takes the header away"
    if verdict.reason == "stale":
        return "the signature holds and its time is too far from now: is the clock of this machine right?"
    if verdict.reason == "malformed":
        return "the signature has another form: is this the address of a source of this ATS?"
    if believes([secret + more for secret in valid for more in _BESIDE] + [f" {secret}" for secret in valid]):
        return "the secret was entered with a space or a line end beside it"
    if believes(ended):
        return "an older secret of this source is in use, and its time is over"
    if believes(others):
        return "the secret of another source is in use"
    if any(believes(valid, Delivery(delivery.headers, body)) for body in _rewritten(delivery.body)):
        return "something on the way writes the body anew, so that the signature does not fit it any more"
    return "another secret is in use"


def _rewritten(body: bytes) -> list[bytes]:
    """The body as a proxy or a script may have found it before."""
    try:
        document = json.loads(body)
        return [
            json.dumps(document, separators=(",", ":"), ensure_ascii=plain).encode("utf-8") for plain in (True, False)
        ]
    except (ValueError, RecursionError):
        return []
