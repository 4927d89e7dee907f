"""Events in SendGrid's shape and posts in its byte format, signed with a key made for the test."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from notifier.deliver.ecdsa_signature import SIGNATURE, TIMESTAMP

MID, ATT = "msg_01jd5x8k2v9qa7m3c6r0t4w1hz", "att_01jd5x8k7n2bf5g8p1s6y9e3kd"

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)


@lru_cache
def private_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    """One of several keys, the same throughout a test run."""
    return ec.generate_private_key(ec.SECP256R1())


def public_key(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(*form)).decode()


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(*form).decode()


def sign(body: bytes, at: datetime = NOW, key: ec.EllipticCurvePrivateKey | None = None) -> dict[str, str]:
    return sign_with(str(int(at.timestamp())), body, key or private_key())


def sign_with(timestamp: str, body: bytes, key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    signature = key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: timestamp}


def post(*events: Mapping[str, Any]) -> bytes:
    """As SendGrid writes it: events parted by a comma and a line end, a line end behind, `<` and `>` escaped."""
    each = (json.dumps(event, separators=(",", ":")) for event in events)
    return ("[" + ",\r\n".join(each) + "]\r\n").replace("<", "\\u003c").replace(">", "\\u003e").encode()


def an_event(**changes: Any) -> dict[str, Any]:
    """A delivered mail; a change to `None` leaves the field out."""
    event = {
        "email": "ana.silva@mail.example",
        "timestamp": 1795516200,
        "mid": MID,
        "att": ATT,
        "env": "notifier.northwind.example",
        "smtp-id": "<q3Zk8vXwT1mB5nR7cY2dLg@ismtpd0047p1iad1.sendgrid.net>",
        "event": "delivered",
        "sg_event_id": "ZGVsaXZlcmVkLTAtNzY1NDMyMS1xM1prOHZYdw",
        "sg_message_id": "q3Zk8vXwT1mB5nR7cY2dLg.filterdrecv-6c4f7d9b8-x2k4p-1-6924BC21-3B.0",
        "response": "250 2.0.0 OK ana.silva@mail.example",
        **changes,
    }
    return {name: value for name, value in event.items() if value is not None}
