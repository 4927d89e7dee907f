"""Webhooks over a real connection, where a body has no length until it has ended."""

import http.client
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.serving import make_server

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.web.hooks import LIMIT
from tests.world import World


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.port
    server.shutdown()
    server.server_close()
    thread.join()


def post(world: World, port: int, body: bytes) -> int:
    headers = (
        adapters()["greenhouse"].signed(Delivery({}, body), world.greenhouse.secret, world.clock(), "evt-1").headers
    )
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
    connection.request("POST", f"/hooks/ats/{world.greenhouse.key}", body=pieces, headers=headers, encode_chunked=True)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_body_in_chunks_is_believed_like_any_other(world: World, port: int) -> None:
    assert post(world, port, b'{"action":"ping","payload":{}}') == 200


def test_a_body_in_chunks_may_be_as_large_as_any_other_and_no_larger(world: World, port: int) -> None:
    assert post(world, port, b" " * LIMIT) == 200
    assert post(world, port, b" " * (LIMIT + 1)) == 413
