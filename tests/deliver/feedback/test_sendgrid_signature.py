import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.deliver.ecdsa_signature import SIGNATURE, TIMESTAMP
from notifier.deliver.feedback.sendgrid import open_feedback
from tests.deliver.feedback.signed import NOW, an_event, pem, post, private_key, public_key, sign, sign_with

FEEDBACK = open_feedback()
KEY = public_key(private_key())

#: Captured posts, where they lie beside the project.
CAPTURED = Path(__file__).parents[3] / "../shared/payloads/sendgrid/events"


def test_a_signed_post_is_believed() -> None:
    body = post(an_event(), an_event())

    assert FEEDBACK.believe(sign(body), body, [KEY], NOW)


def test_a_key_may_be_copied_with_its_frame_and_white_space() -> None:
    body, framed = post(an_event()), pem(private_key())

    for copy in (f"{KEY[:40]}\n {KEY[40:]}", framed, framed.replace("\n", "\r\n"), framed.replace("\n", "\\n")):
        assert FEEDBACK.believe(sign(body), body, [copy], NOW)


def test_during_a_rotation_either_key_counts() -> None:
    body, old = post(an_event()), private_key(1)

    assert FEEDBACK.believe(sign(body), body, ["", "no key", public_key(old), KEY], NOW)
    assert FEEDBACK.believe(sign(body, key=old), body, [KEY, public_key(old)], NOW)


def test_a_repeated_post_of_yesterday_is_believed_and_an_older_one_is_not() -> None:
    body = post(an_event())
    headers = sign(body)

    assert FEEDBACK.believe(headers, body, [KEY], NOW + timedelta(hours=26))
    assert not FEEDBACK.believe(headers, body, [KEY], NOW + timedelta(hours=26, seconds=1))


def test_a_clock_that_is_a_little_ahead_is_forgiven() -> None:
    body = post(an_event())
    headers = sign(body)

    assert FEEDBACK.believe(headers, body, [KEY], NOW - timedelta(minutes=5))
    assert not FEEDBACK.believe(headers, body, [KEY], NOW - timedelta(minutes=5, seconds=1))


def test_p12_any_changed_byte_is_a_forgery() -> None:
    body = post(an_event())
    headers = sign(body)

    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert not FEEDBACK.believe(headers, changed, [KEY], NOW)


def test_p12_the_same_json_in_other_bytes_is_a_forgery() -> None:
    body = post(an_event(), an_event())
    headers = sign(body)

    for other in (
        body.strip(),
        json.dumps(json.loads(body)).encode(),
        body.replace(b"\\u003c", b"<"),
        body + b"\n",
    ):
        assert json.loads(other) == json.loads(body)
        assert not FEEDBACK.believe(headers, other, [KEY], NOW)


def test_p12_a_digit_cannot_move_between_timestamp_and_body() -> None:
    stamp, body = str(int(NOW.timestamp())), post(an_event())
    headers = sign_with(stamp, body, private_key())

    for moved in (stamp[:-1], stamp + "1", " " + stamp, stamp + "\n", "-" + stamp, "", "٣" * 10):
        assert not FEEDBACK.believe({**headers, TIMESTAMP: moved}, body, [KEY], NOW)
    assert not FEEDBACK.believe({**headers, TIMESTAMP: stamp[:-1]}, stamp[-1:].encode() + body, [KEY], NOW)
    digit_first = sign_with(stamp, b"7" + body, private_key())
    assert not FEEDBACK.believe({**digit_first, TIMESTAMP: stamp + "7"}, body, [KEY], NOW)


def test_p12_unsigned_or_signed_by_another_is_not_believed() -> None:
    body = post(an_event())
    headers = sign(body)

    assert not FEEDBACK.believe({}, body, [KEY], NOW)
    assert not FEEDBACK.believe({SIGNATURE: headers[SIGNATURE]}, body, [KEY], NOW)
    assert not FEEDBACK.believe({TIMESTAMP: headers[TIMESTAMP]}, body, [KEY], NOW)
    assert not FEEDBACK.believe(sign(body, key=private_key(1)), body, [KEY], NOW)


def test_p12_without_a_usable_key_nothing_is_believed() -> None:
    body = post(an_event())
    other_curve = ec.generate_private_key(ec.SECP384R1())
    rsa_key = rsa.generate_private_key(65537, 2048).public_key()
    rsa_pem = rsa_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    for keys in ([], [""], ["AAAA"], ["\udcff"], [rsa_pem], [KEY[:-8]]):
        assert not FEEDBACK.believe(sign(body), body, keys, NOW)
    assert not FEEDBACK.believe(sign(body, key=other_curve), body, [public_key(other_curve)], NOW)


@pytest.mark.parametrize("signature", ["", "=", "MEQ", "é", "\udcff", "MEQCIA==", "A" * 96, "A" * 10_000])
def test_a_signature_that_is_none_is_not_believed(signature: str) -> None:
    body = post(an_event())

    assert not FEEDBACK.believe({**sign(body), SIGNATURE: signature}, body, [KEY], NOW)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([SIGNATURE, TIMESTAMP, "x"]), st.text()), st.binary(), st.lists(st.text()))
def test_no_bytes_and_no_header_raise(headers: dict[str, str], body: bytes, keys: list[str]) -> None:
    assert not FEEDBACK.believe(headers, body, [*keys, KEY], NOW)


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_no_signature_raises(signature: bytes) -> None:
    body = post(an_event())
    headers = {**sign(body), SIGNATURE: signature.hex()}

    assert not FEEDBACK.believe(headers, body, [KEY], NOW)


@pytest.mark.parametrize("name", ["signed_real_batch_11_events", "signed_real_single_dropped"])
def test_p12_a_captured_post_verifies_and_a_changed_one_does_not(name: str) -> None:
    if not CAPTURED.is_dir():
        return
    meta = json.loads((CAPTURED / f"{name}.meta.json").read_bytes())
    body = (CAPTURED / f"{name}.body").read_bytes()
    headers = {SIGNATURE: meta["signature"], TIMESTAMP: meta["timestamp"]}
    now = datetime.fromtimestamp(int(meta["timestamp"]), UTC) + timedelta(seconds=20)
    key = meta["public_key"]

    assert FEEDBACK.believe(headers, body, [KEY, key], now)
    assert not FEEDBACK.believe(headers, body.rstrip(), [key], now)
    assert not FEEDBACK.believe(headers, body.replace(b"bounce", b"bounde").replace(b"Bounced", b"Bouncec"), [key], now)
    assert not FEEDBACK.believe(headers, json.dumps(json.loads(body)).encode(), [key], now)
    assert not FEEDBACK.believe(headers, body, [], now)
    assert not FEEDBACK.believe(headers, body, [KEY], now)
    assert len(FEEDBACK.read(body)) == len(json.loads(body))
