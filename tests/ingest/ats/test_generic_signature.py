"""The generic format: Standard Webhooks 1.0.0, believed or doubted."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.change import Believed, Delivery, Doubted
from notifier.ingest.ats.generic import Adapter

PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "payloads" / "ats" / "standard-webhooks"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"twenty-four bytes of key").decode()
BODY = b'{"type":"ping"}'
generic = Adapter()


def signed(**changed: str) -> Delivery:
    """A good request, with some headers changed ("_" stands for "-")."""
    headers = generic.signed(Delivery({}, BODY), SECRET, NOW, "evt-1").headers
    return Delivery(headers | {name.replace("_", "-"): value for name, value in changed.items()}, BODY)


def signature_of(delivery: Delivery) -> str:
    return delivery.headers["webhook-signature"]


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(-301, Doubted("stale")), (-300, Believed(0)), (0, Believed(0)), (300, Believed(0)), (301, Doubted("stale"))],
)
def test_five_minutes_either_way_are_tolerated(seconds: int, verdict: Believed | Doubted) -> None:
    """W08."""
    assert generic.verify(signed(), [SECRET], NOW + timedelta(seconds=seconds)) == verdict


def test_an_old_request_that_is_not_genuine_is_wrong_and_not_stale() -> None:
    other = generic.new_secret()
    assert generic.verify(signed(), [other], NOW + timedelta(days=1)) == Doubted("wrong")


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_all_three_headers_are_needed(missing: str) -> None:
    headers = {name: value for name, value in signed().headers.items() if name != missing}
    reason = "no_signature" if missing == "webhook-signature" else "malformed"
    assert generic.verify(Delivery(headers, BODY), [SECRET], NOW) == Doubted(reason)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        " ",
        "garbage",
        "v1",
        "v1,",
        "v1,é",
        "v1,abc v1",
        "v1,a",
        "v1a,AAAA",
        "é" * 10_000,
        "v1,\ud800",
        ",",
        "v1;AAAA",
    ],
)
def test_a_signature_that_cannot_be_read_is_malformed(signature: str) -> None:
    """W05, TH2."""
    verdict = generic.verify(signed(webhook_signature=signature), [SECRET], NOW)
    assert verdict in (Doubted("malformed"), Doubted("wrong"))


@pytest.mark.parametrize("stamp", ["", "now", "-1", "1e9", "1772442000.0", "9" * 5000, "١٧٧٢٤٤٢٠٠٠", " 1772442000"])
def test_a_timestamp_is_unix_seconds_in_digits(stamp: str) -> None:
    assert generic.verify(signed(webhook_timestamp=stamp), [SECRET], NOW) == Doubted("malformed")


@pytest.mark.parametrize("changed", [{"webhook_id": "evt-2"}, {"webhook_timestamp": "1772442001"}])
def test_id_and_timestamp_are_signed_too(changed: dict[str, str]) -> None:
    assert generic.verify(signed(**changed), [SECRET], NOW) == Doubted("wrong")


def test_one_good_signature_of_a_list_is_enough() -> None:
    good, other = (
        signature_of(signed()),
        generic.signed(Delivery({}, BODY), generic.new_secret(), NOW, "evt-1").headers["webhook-signature"],
    )
    assert generic.verify(signed(webhook_signature=f"v1a,xyz {other} v1,- {good}"), [SECRET], NOW) == Believed(0)


def test_padding_may_be_missing() -> None:
    bare = signature_of(signed()).rstrip("=")
    assert generic.verify(signed(webhook_signature=bare), [SECRET], NOW) == Believed(0)


def test_a_signature_of_another_version_proves_nothing() -> None:
    other = signature_of(signed()).replace("v1,", "v1a,")
    assert generic.verify(signed(webhook_signature=other), [SECRET], NOW) == Doubted("malformed")


def test_a_secret_that_cannot_be_used_is_passed_over_and_the_next_keeps_its_number() -> None:
    assert generic.verify(signed(), ["", "whsec_", "not one", SECRET], NOW) == Believed(3)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "does not begin"),
        (SECRET.removeprefix("whsec_"), "does not begin"),
        (SECRET + "\n", "space or line end"),
        ("whsec_é", "base64"),
        ("whsec_a b", "base64"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "23 bytes"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "65 bytes"),
    ],
)
def test_an_unusable_secret_is_refused_with_its_reason(secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        generic.check_secret(secret)


@given(st.binary(min_size=24, max_size=64))
def test_every_key_of_24_to_64_bytes_can_be_used(key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    generic.check_secret(secret)
    assert generic.verify(
        Delivery(generic.signed(Delivery({}, BODY), secret, NOW, "e").headers, BODY), [secret], NOW
    ) == Believed(0)


def test_the_signed_id_is_the_key_and_the_attempt_does_not_matter() -> None:
    later = generic.signed(Delivery({}, BODY), SECRET, NOW + timedelta(hours=5), "evt-1").headers
    assert generic.event_key(signed()) == generic.event_key(Delivery(later, BODY)) == "evt-1"


def test_the_published_vector_verifies_where_it_is_at_hand() -> None:
    if PUBLISHED.exists():
        vector = json.loads((PUBLISHED / "signature-vector.json").read_bytes())
        headers = {name: value for name, value in vector.items() if name.startswith("webhook-")}
        then = datetime.fromtimestamp(int(vector["webhook-timestamp"]), UTC)
        assert generic.verify(Delivery(headers, vector["body"].encode()), [vector["secret"]], then) == Believed(0)
