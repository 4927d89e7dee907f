"""What every ATS adapter keeps to, whichever it is: tried on each one the registry finds."""

import contextlib
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.core.change import Believed, Delivery, Doubted, Event, NothingToDo, StageChange
from notifier.core.errors import Unreadable
from notifier.ingest.adapter import Adapter
from notifier.ingest.registry import adapters
from notifier.pull.registry import puller_names

DOCS = Path(__file__).parents[2] / "docs" / "ats"
PAYLOADS = Path(__file__).parents[1] / "payloads"
NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)

every_ats = pytest.mark.parametrize("ats", adapters().values(), ids=adapters().keys())
every_sample = pytest.mark.parametrize(
    ("ats", "plain"),
    [
        pytest.param(ats, plain, id=f"{ats.name}-{name}")
        for ats in adapters().values()
        for name, plain in ats.samples().items()
    ],
)
quick = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])

any_text = st.text(st.characters(), max_size=60)
header_names = st.sampled_from(
    sorted(
        {"x-other"}
        | {
            name
            for ats in adapters().values()
            for plain in ats.samples().values()
            for name in ats.signed(plain, ats.new_secret(), NOW, "e").headers
        }
    )
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | any_text
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3), max_leaves=8
)
anything = st.dictionaries(any_text, values, max_size=4).map(lambda document: json.dumps(document).encode())


@st.composite
def spoilt(draw: st.DrawFn, ats: Adapter) -> bytes:
    """A sample in which something somewhere is replaced by anything, or taken away."""
    body: Any = json.loads(draw(st.sampled_from([plain.body for plain in ats.samples().values()])))
    place = body
    while inner := [part for part in _parts(place) if part and isinstance(part, dict | list)]:
        if not draw(st.integers(0, 3)):
            break
        place = draw(st.sampled_from(inner))
    keys = range(len(place)) if isinstance(place, list) else sorted(place)
    key = draw(st.sampled_from(keys))
    if draw(st.booleans()):
        place[key] = draw(values)
    else:
        del place[key]
    return json.dumps(body).encode()


def texts(value: object) -> list[str]:
    """Every string in an event that is not empty."""
    if isinstance(value, str):
        return [value] if value else []
    return [text for part in value for text in texts(part)] if isinstance(value, tuple) else []


def _parts(place: Any) -> list[Any]:
    return list(place.values() if isinstance(place, dict) else place)


@every_ats
def test_an_ats_says_its_name_and_its_two_answers(ats: Adapter) -> None:
    assert ats.name.isascii()
    assert ats.title
    assert 200 <= ats.success < 300
    assert 400 <= ats.refusal < 500


@every_ats
def test_an_ats_has_a_page_that_tells_the_address_and_how_to_make_the_source(ats: Adapter) -> None:
    page = (DOCS / f"{ats.name}.md").read_text("utf-8")
    assert f"notifier source add {ats.name}" in page
    assert "https://<your host>/hooks/ats/<source_key>" in page


@every_ats
def test_a_new_secret_is_usable_and_never_the_same(ats: Adapter) -> None:
    made = {ats.new_secret() for _ in range(20)}
    assert len(made) == 20
    for secret in made:
        ats.check_secret(secret)
        assert len(secret) >= 32


@every_ats
@pytest.mark.parametrize("secret", ["", " ", "short", "é" * 40, "\x00" * 40])
def test_an_unusable_secret_is_refused(ats: Adapter, secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        ats.check_secret(secret)


@every_ats
@quick
@given(data=st.data())
def test_any_bytes_and_headers_give_a_verdict(ats: Adapter, data: st.DataObject) -> None:
    """W05, W15, TH1, TH2: never an exception, and never believed without the secret."""
    headers = data.draw(st.dictionaries(header_names, any_text, max_size=5))
    secrets = [*data.draw(st.lists(any_text, max_size=2)), ats.new_secret()]
    verdict = ats.verify(Delivery(headers, data.draw(st.binary())), secrets, NOW)
    assert isinstance(verdict, Doubted)
    assert verdict.reason in {"no_signature", "malformed", "wrong", "stale"}


@every_ats
@quick
@given(
    data=st.data(),
    event_id=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300),
)
def test_whatever_is_signed_is_believed_and_has_a_bounded_key(ats: Adapter, data: st.DataObject, event_id: str) -> None:
    # Where the signature stands in the body, only a true JSON object can carry one.
    plain = st.dictionaries(any_text, any_text | st.booleans(), max_size=4).map(lambda one: json.dumps(one).encode())
    body = data.draw(st.binary() | anything if ats.signs_body else plain)
    secret = ats.new_secret()
    delivery = ats.signed(Delivery({}, body), secret, NOW, event_id)
    assert ats.verify(delivery, [secret], NOW) == Believed(0)
    key = ats.event_key(delivery)
    assert 0 < len(key) <= 200
    assert all("!" <= character <= "~" for character in key)


@every_ats
@quick
@given(data=st.data())
def test_any_headers_have_a_key(ats: Adapter, data: st.DataObject) -> None:
    headers = data.draw(st.dictionaries(header_names, any_text, max_size=5))
    assert ats.event_key(Delivery(headers, data.draw(st.binary())))


@every_ats
@quick
@given(data=st.data())
def test_any_body_is_translated_or_unreadable_and_nothing_else(ats: Adapter, data: st.DataObject) -> None:
    """W15 to W19: bytes, JSON of any shape, and samples with something wrong in them."""
    body = data.draw(st.binary() | anything | spoilt(ats) | spoilt(ats))
    with contextlib.suppress(Unreadable):
        for event in ats.translate(Delivery({}, body), NOW):
            assert isinstance(event, get_args(Event))
            for text in texts(dataclasses.astuple(event)):
                assert text.encode("utf-8")
                assert not any(ord(character) < 32 for character in text)


@every_ats
@quick
@given(data=st.data())
def test_any_pulled_record_is_translated_or_unreadable_and_nothing_else(ats: Adapter, data: st.DataObject) -> None:
    """And whoever is not pulled understands none."""
    body = data.draw(st.binary() | anything | spoilt(ats))
    with contextlib.suppress(Unreadable):
        for event in ats.translate_pulled(body, NOW):
            assert ats.lists_changes or ats.name in puller_names()
            assert isinstance(event, get_args(Event))


@every_ats
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xef\xbb\xbf{}", b"{}", b'{"a":' * 100_000, b"\xff"])
def test_what_is_no_event_is_unreadable(ats: Adapter, body: bytes) -> None:
    with pytest.raises(Unreadable):
        ats.translate(Delivery({}, body), NOW)
    with pytest.raises(Unreadable):
        ats.translate_pulled(body, NOW)


@every_sample
def test_a_sample_signs_verifies_and_translates(ats: Adapter, plain: Delivery) -> None:
    secret = ats.new_secret()
    delivery = ats.signed(plain, secret, NOW, "event-1")
    assert ats.verify(delivery, [ats.new_secret(), secret], NOW) == Believed(1)
    assert ats.kept(ats.kept(delivery.body)) == ats.kept(delivery.body)
    if ats.handshake(delivery) is not None or ats.question(delivery, ()) is not None:
        return
    (event,) = ats.translate(delivery, NOW)
    if isinstance(event, StageChange):
        assert event.occurred_at.tzinfo is UTC
        assert event.occurred_at <= NOW
    if isinstance(event, NothingToDo):
        assert event.reason.replace("_", "").islower()
        assert event.reason != "unknown_event"


@every_sample
def test_a_changed_sample_is_not_believed(ats: Adapter, plain: Delivery) -> None:
    """W03, W04, W06: one byte, the same meaning in other bytes, another secret, no secret at all."""
    secret = ats.new_secret()
    genuine = ats.signed(plain, secret, NOW, "event-1")
    body, middle = genuine.body, len(genuine.body) // 2
    changed = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    spaced = json.dumps(json.loads(body), indent=1).encode()
    for other in (changed, spaced, body + b"\n", body[:-1], b"") if ats.signs_body else ():
        assert ats.verify(Delivery(genuine.headers, other), [secret], NOW) == Doubted("wrong")
    assert ats.verify(genuine, [ats.new_secret()], NOW) == Doubted("wrong")
    assert ats.verify(genuine, [], NOW) == Doubted("wrong")
    assert ats.verify(plain, [secret], NOW) == Doubted("no_signature")


@every_sample
def test_a_copy_has_the_same_key_and_another_event_another(ats: Adapter, plain: Delivery) -> None:
    """W09: the same over retries, which are stamped later and may be signed with the next secret."""
    first = ats.signed(plain, ats.new_secret(), NOW, "event-1")
    again = ats.signed(plain, ats.new_secret(), NOW + timedelta(hours=15), "event-1")
    assert ats.event_key(first) == ats.event_key(again)
    other = ats.signed(plain, ats.new_secret(), NOW, "event-2")
    names_events = b"event-2" in other.body or "event-2" in other.headers.values()
    assert (ats.event_key(first) != ats.event_key(other)) == names_events


@every_ats
@quick
@given(data=st.data())
def test_no_body_breaks_what_is_asked_of_it_at_the_door(ats: Adapter, data: st.DataObject) -> None:
    """A handshake, what may be kept, what has to be asked: each has an answer for any bytes under any headers."""
    headers = data.draw(st.dictionaries(header_names, any_text, max_size=5))
    body = data.draw(st.binary() | anything | spoilt(ats))
    delivery = Delivery(headers, body)
    if (handshake := ats.handshake(delivery)) is not None:
        assert 200 <= handshake.status < 300
        assert all(text.isascii() and text.isprintable() for text in handshake.headers.values())
    assert isinstance(ats.kept(body), bytes)
    question = ats.question(delivery, ())
    assert question is None or ats.api is not None


@every_ats
def test_the_fixtures_are_translated(ats: Adapter) -> None:
    files = sorted((PAYLOADS / ats.name).glob("*.json"))
    assert files
    for file in files:
        assert ats.translate(fixture(file.read_bytes()), NOW), file.name


def fixture(content: bytes) -> Delivery:
    """A fixture is a body, or an object of `headers` and `body` where an ATS tells something in headers."""
    document = json.loads(content)
    if isinstance(document, dict) and document.keys() == {"headers", "body"}:
        return Delivery(document["headers"], json.dumps(document["body"]).encode())
    return Delivery({}, content)
