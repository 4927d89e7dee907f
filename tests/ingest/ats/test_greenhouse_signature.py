"""Greenhouse: which bytes are believed, and the key of an event."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.core.change import Believed, Delivery, Doubted, NothingToDo
from notifier.ingest.ats.greenhouse import Adapter

PAYLOADS = Path(__file__).parents[2] / "payloads" / "greenhouse"
PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "payloads" / "ats" / "greenhouse"

NOW = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "a secret for tests only"
greenhouse = Adapter()


def headers(data: bytes) -> dict[str, str]:
    return greenhouse.signed(Delivery({}, data), SECRET, NOW, "id-1").headers


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "no_signature"),
        ("", "malformed"),
        ("sha256", "malformed"),
        ("sha256 ", "malformed"),
        ("sha256 zz", "malformed"),
        ("sha1 " + "0" * 64, "malformed"),
        ("sha256  " + "0" * 64, "malformed"),
        ("sha256 " + "00 " * 21 + "00", "malformed"),
        ("sha256 " + "\u0660" * 64, "malformed"),
        ("é" * 10_000, "malformed"),
        ("sha256 " + "0" * 64 + "\n", "malformed"),
        ("sha256 " + "0" * 64, "wrong"),
    ],
)
def test_a_bad_signature_is_doubted_with_its_reason(given: str | None, reason: str) -> None:
    """W02, W03, W05."""
    delivery = Delivery({} if given is None else {"signature": given}, b"{}")
    assert greenhouse.verify(delivery, [SECRET], NOW) == Doubted(reason)


def test_the_case_of_the_digits_does_not_matter() -> None:
    algorithm, digits = headers(b"{}")["signature"].split(" ")
    delivery = Delivery({"signature": f"{algorithm} {digits.upper()}"}, b"{}")
    assert greenhouse.verify(delivery, [SECRET], NOW) == Believed(0)


def test_the_same_meaning_in_other_bytes_is_not_believed() -> None:
    """W06."""
    data = b'{"action": "ping"}'
    assert greenhouse.verify(Delivery(headers(data), b'{"action":"ping"}'), [SECRET], NOW) == Doubted("wrong")


def test_the_header_s_id_is_the_key_and_the_body_s_digest_where_it_is_missing() -> None:
    one, other = b'{"action":"ping"}', b'{"action":"pong"}'
    assert greenhouse.event_key(Delivery(headers(one), one)) == greenhouse.event_key(Delivery(headers(other), other))
    assert greenhouse.event_key(Delivery({}, one)) == greenhouse.event_key(Delivery({"greenhouse-event-id": ""}, one))
    assert greenhouse.event_key(Delivery({}, one)) != greenhouse.event_key(Delivery({}, other))


def test_the_captured_ping_verifies_where_it_is_at_hand() -> None:
    if PUBLISHED.exists():
        vector = json.loads((PUBLISHED / "ping.signature-vector.json").read_bytes())
        data = (PUBLISHED / "ping.json").read_bytes()
        delivery = Delivery({"signature": vector["header"].removeprefix("Signature: ")}, data)
        assert greenhouse.verify(delivery, ["another one", vector["secret_key"]], NOW) == Believed(1)
        assert greenhouse.translate(delivery, NOW) == (NothingToDo("ping"),)


def test_our_own_ping_verifies_by_a_digest_that_another_program_made() -> None:
    """The digest was made with `openssl dgst -sha256 -hmac` over the fixture's bytes."""
    digest = "e7f37b77ad68a3fb8e5f10af2955d839ff0582cdc774f8cc5fb85e0f0f84ecf9"
    delivery = Delivery({"signature": f"sha256 {digest}"}, (PAYLOADS / "ping.json").read_bytes())
    assert greenhouse.verify(delivery, [SECRET], NOW) == Believed(0)
