"""W12, W13, W15 to W18 and W22 to W24: bodies nobody should send, and addresses nobody should use."""

import gzip
import json
import tracemalloc

import pytest

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.web.hooks import LIMIT
from tests.faults.edge import (
    Edge,
    count,
    every_ats,
    every_sealing_ats,
    here_of,
    items,
    log_lines,
    said,
    sample,
    sample_of,
)
from tests.world import World

#: W15: bytes that are not one JSON document in UTF-8.
NOT_JSON = {
    "no JSON": b"name=Ana&stage=Onsite",
    "truncated": b'{"type":"application.changed","data":{"applica',
    "empty": b"",
    "only spaces": b" \n ",
    "byte-order mark": b'\xef\xbb\xbf{"type":"ping"}',
    "UTF-16": '{"type":"ping"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"type":"ping"}'.encode("utf-16-le"),
    "Latin-1": b'{"type":"caf\xe9"}',
    "trailing bytes": b'{"type":"ping"} {}',
    "trailing NUL": b'{"type":"ping"}\x00',
    "single quotes": b"{'type':'ping'}",
}

#: W16: JSON, or nearly, that readers disagree about or break on.
TRICKS = {
    "duplicate keys": b'{"type":"ping","type":"application.changed"}',
    "duplicate keys inside": b'{"type":"application.changed","data":{"application":{"id":"a1","id":"a2"}}}',
    "NaN": b'{"type":"application.changed","n":NaN}',
    "minus infinity": b'{"type":"application.changed","n":-Infinity}',
    "1e999": b'{"type":"application.changed","n":1e999}',
    "5,000 digits": b'{"type":"application.changed","n":' + b"7" * 5000 + b"}",
    "100k lists": b'{"type":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100k objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "100k open lists": b"[" * 100_000,
}

#: W18: JSON whose top level is no object.
NO_OBJECT = {"list": b'[{"type":"ping"}]', "string": b'"ping"', "null": b"null", "number": b"7", "true": b"true"}


def assert_quarantined(world: World, ats: str, bodies: dict[str, bytes]) -> None:
    """Signed: answered with success, kept, shown as unreadable, without any effect. Unsigned: refused."""
    edge, here = Edge(world), here_of(world, ats)
    for name, body in bodies.items():
        assert edge.post(here, body, {}).status_code == adapters()[ats].refusal, name
    assert items(world) == []

    for name, body in bodies.items():
        delivery = edge.signed(here, body, f"evt-{name}".replace(" ", "-"))
        assert edge.send(here, delivery).status_code == adapters()[ats].success, name
    world.settle_down()

    kept = items(world)
    assert [(item.state.value, bool(item.reason)) for item in kept] == [("quarantined", True)] * len(bodies)
    assert not [item.reason for item in kept if item.reason.startswith("fault:")], (
        "foreseen, and no bug that was caught"
    )
    with world.db.read() as tx:
        assert {tx.keyring.open_bytes(item.body, "inbox.body") for item in kept} == set(bodies.values())
    assert (count(world, "applications"), count(world, "messages")) == (0, 0)


@every_sealing_ats
def test_w15_what_is_not_json_is_quarantined(world: World, ats: str) -> None:
    assert_quarantined(world, ats, NOT_JSON)


@every_sealing_ats
def test_w16_json_that_readers_disagree_about_is_quarantined(world: World, ats: str) -> None:
    assert_quarantined(world, ats, TRICKS)


@every_sealing_ats
def test_w18_a_top_level_that_is_no_object_is_quarantined(world: World, ats: str) -> None:
    assert_quarantined(world, ats, NO_OBJECT)


def test_w15_an_unreadable_body_is_shown_with_its_reason(world: World) -> None:
    world.post(world.greenhouse, NOT_JSON["UTF-16"])
    world.settle_down()
    page = Edge(world).page("/trouble")

    assert "Webhooks nobody could read" in page
    assert "body: not UTF-8" in page


def test_w15_an_unreadable_body_does_not_stop_the_next_one(world_on: World) -> None:
    world = world_on
    for number, body in enumerate([*NOT_JSON.values(), *TRICKS.values(), *NO_OBJECT.values()]):
        world.post(world.generic, body, event_id=f"bad-{number}")
    world.change("a1", stage="Application Review", kind="applied")
    world.settle_down()

    assert world.live() == [("application_received", "accepted")]
    assert world.ledger().violations == ()


@every_ats
def test_w12_the_largest_body_is_read_and_one_byte_more_is_refused(world: World, ats: str) -> None:
    edge, here = Edge(world), here_of(world, ats)
    plain = sample_of(ats)

    def padded(letters: int) -> Delivery:
        body = json.dumps({**json.loads(plain.body), "padding": "x" * letters}, separators=(",", ":")).encode()
        return edge.signed(here, body, headers=plain.headers)

    largest = padded(LIMIT - len(padded(0).body))
    assert len(largest.body) == LIMIT
    assert edge.send(here, largest).status_code == adapters()[ats].success
    assert edge.post(here, largest.body + b" ", largest.headers).status_code == 413
    assert len(items(world)) == 1
    world.plan()
    assert items(world)[0].state.value != "quarantined"


@every_ats
def test_w13_an_encoded_body_is_refused_unread(world: World, ats: str) -> None:
    edge, here = Edge(world), here_of(world, ats)
    genuine = edge.genuine(here)
    squeezed = gzip.compress(genuine.body)
    for encoding in ("gzip", "deflate", "br", "gzip, gzip"):
        headers = genuine.headers | {"content-encoding": encoding}
        assert edge.post(here, squeezed, headers).status_code == 415
    assert items(world) == []


def test_w13_a_bomb_costs_no_memory(world: World) -> None:
    edge, here = Edge(world), world.greenhouse
    # A gigabyte of zeros in a megabyte: many small streams, one after another, are one stream.
    stream = gzip.compress(b"\0" * 1024 * 1024)
    bomb = stream * min(1000, LIMIT // len(stream))
    headers = edge.headers(here, bomb) | {"content-encoding": "gzip"}
    edge.post(here, bomb, headers)
    tracemalloc.start()
    try:
        status = edge.post(here, bomb, headers).status_code
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert status == 415
    assert peak < 4 * 1024 * 1024, peak


@pytest.mark.parametrize("ats", [name for name, ats in adapters().items() if "ping" in ats.samples()])
def test_w22_a_ping_is_answered_and_moves_nothing(world: World, ats: str) -> None:
    """A handshake is answered to anybody and nothing of it is kept; a signed ping is kept and says nothing."""
    edge, here = Edge(world), here_of(world, ats)
    handshake = adapters()[ats].handshake(sample_of(ats, "ping"))
    expected = handshake.status if handshake is not None else adapters()[ats].success
    assert edge.send(here, edge.genuine(here, "ping")).status_code == expected
    world.settle_down()

    kept = [] if handshake is not None else [("ignored", "ping")]
    assert [(item.state.value, item.reason) for item in items(world)] == kept
    assert (count(world, "applications"), count(world, "messages")) == (0, 0)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_w23_another_method_is_not_allowed(world: World, method: str) -> None:
    edge, here, body = Edge(world), world.greenhouse, sample("greenhouse")
    answer = edge.app.test_client().open(
        f"/hooks/ats/{here.key}", method=method, data=body, headers=edge.headers(here, body)
    )

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert items(world) == []


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_w23_a_form_is_not_taken(world: World, kind: str) -> None:
    edge, here, body = Edge(world), world.greenhouse, sample("greenhouse")

    assert edge.post(here, body, edge.headers(here, body) | {"content-type": kind}).status_code == 415
    assert items(world) == []


def test_w24_plain_http_is_never_answered_with_a_redirect_that_would_repeat_the_body(world: World) -> None:
    """Behind a proxy every request arrives as http, so the application cannot refuse it; it must not redirect it."""
    edge, here, body = Edge(world, base_url="https://notifier.example.com"), world.greenhouse, sample("greenhouse")
    with log_lines() as lines:
        unsigned = edge.post(here, body, {}, base_url="http://localhost")
        signed = edge.post(here, body, base_url="http://localhost")

    assert (unsigned.status_code, signed.status_code) == (401, 200)
    for answer in (unsigned, signed):
        assert "Location" not in answer.headers
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert [line["reason"] for line in said(lines, "webhook.rejected")] == ["no_signature"]


def deep(levels: int) -> bytes:
    return json.dumps({"type": "ping"}).encode()[:-1] + b',"x":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize("levels", [10, 300, 900, 1_000, 3_000, 30_000])
def test_w16_nesting_of_any_depth_ends_in_words_and_never_in_a_crash(world: World, levels: int) -> None:
    edge, here, body = Edge(world), world.generic, deep(levels)
    assert edge.post(here, body).status_code == 200
    world.plan()

    (item,) = items(world)
    assert (item.state.value, item.reason) in {
        ("ignored", "ping"),
        ("quarantined", "body: nested too deeply"),
    }
