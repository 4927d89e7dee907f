"""What the web server logs of requests that nobody can read and of those that fail: neither words nor addresses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.test_deadline import Server, answer, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as started:
        yield started


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (b"GET /sign-in/Zebedee and more HTTP/1.1\r\n\r\n", "InvalidHTTPVersion"),
        (b"Zebedee\r\n\r\n", "InvalidRequestLine"),
        (b"GET /sign-in/Zebedee HTTP/1.1\r\nZebedee Quillfeather: 1\r\n\r\n", "InvalidHeaderName"),
    ],
)
def test_of_a_request_that_is_none_the_kind_of_fault_is_logged(server: Server, request_: bytes, fault: str) -> None:
    with server.connect(request_) as connection:
        assert answer(connection).startswith(b"HTTP/1.1 400 ")

    [line] = server.log.read_text().splitlines()
    assert line.endswith(f"Refused a request that is no HTTP: {fault}")


def test_of_a_request_that_fails_the_place_is_logged(server: Server) -> None:
    with server.connect(b"GET /broken/Zebedee HTTP/1.1\r\nHost: a\r\n\r\n") as connection:
        assert answer(connection).startswith(b"HTTP/1.1 500 ")

    [line] = server.log.read_text().splitlines()
    assert "A request failed: ValueError at " in line
    assert "hasty.py:" in line
    assert "Zebedee" not in line
