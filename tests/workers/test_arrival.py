"""Telling that a request has wholly arrived, however it is cut into pieces; gunicorn's own parser is the judge."""

import time
from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from hypothesis import given
from hypothesis import strategies as st

from workers.arrival import HELD, Arrival, Progress

PEER = ("127.0.0.1", 1)

#: What requests and things like requests are made of.
WORDS = st.sampled_from(
    [
        *(b"GET / HTTP/1.1", b"POST /a HTTP/1.1", b"POST /a HTTP/1.0", b"\r\n", b"\r\n", b"\r\n\r\n", b"\n", b" ", b""),
        *(b"Host: a\r\n", b"Content-Length: 3\r\n", b"content-length:5\r\n", b"Content-Length: +3\r\n", b"X: y\r\n"),
        *(b"Content-Length: \xb23\r\n", b"Content_Length: 9\r\n", b"Content-Length: 3, 3\r\n", b" folded\r\n"),
        *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Expect: 100-continue\r\n"),
        *(
            b"abc",
            b"3\r\nabc\r\n",
            b"5;x=y\r\nhello\r\n",
            b"0\r\n\r\n",
            b"0\r\n",
            b"-3\r\n",
            b"Trailer: a\r\n",
            b"\x00",
        ),
    ]
)
BODIES = st.binary(max_size=300)


def taken(data: bytes, cuts: list[int]) -> list[tuple[int, Progress]]:
    """What is told after each piece, with the bytes received by then."""
    arrival, told = Arrival(), []
    for begin, end in pairwise(sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})):
        told.append((end, arrival.add(data[begin:end])))
    assert bytes(arrival.held) == data
    return told


def in_chunks(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def by_length(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:\t%d \r\nX-A: b\r\n\r\n%b" % (len(body), body)


def by_chunks(body: bytes, size: int) -> bytes:
    return b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nHost: a\r\n\r\n" + in_chunks(body, size)


REQUESTS = st.one_of(
    st.just(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    BODIES.map(by_length),
    st.builds(by_chunks, BODIES, st.integers(1, 300)),
)


@given(REQUESTS, st.lists(st.integers(0, 1000)))
def test_a_request_is_whole_with_its_last_byte_and_not_before(request: bytes, cuts: list[int]) -> None:
    told = taken(request, [*cuts, len(request) - 1])
    assert [progress for _, progress in told] == [Progress.PART] * (len(told) - 1) + [Progress.WHOLE]


@given(REQUESTS, st.binary(min_size=1))
def test_what_comes_after_it_is_kept_for_the_next(request: bytes, more: bytes) -> None:
    arrival = Arrival()
    assert arrival.add(request + more) is Progress.WHOLE
    assert bytes(arrival.held) == request + more


def readable(data: bytes) -> bool:
    """Whether gunicorn reads a whole request from these bytes, and never asks for more."""
    asked = False

    class Source:
        rest = data

        def recv(self, size: int) -> bytes:
            nonlocal asked
            piece, self.rest = self.rest[:size], self.rest[size:]
            asked = asked or not piece
            return piece

    try:
        request = next(RequestParser(Config(), Source(), PEER))
        request.body.read()
    except Exception:  # it refuses in a dozen ways
        return False
    return not asked


@given(st.lists(WORDS, max_size=12).map(b"".join), st.lists(st.integers(0, 200), max_size=4))
def test_what_gunicorn_can_read_is_never_kept_waiting(data: bytes, cuts: list[int]) -> None:
    if readable(data):
        assert taken(data, cuts)[-1][1] is not Progress.PART


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: %d" % (HELD + 1),
        b"Content-Length: 99999999999999999999999",
        b"Content-Length: 1\r\nContent-Length: 2",
        b"Content-Length: 1\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Content-Length: 1\r\nExpect: 100-continue",
        b"Content-Length: minus one",
    ],
)
def test_what_is_not_plain_is_left_to_gunicorn(head: bytes) -> None:
    assert Arrival().add(b"POST / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n") is Progress.LARGE


@pytest.mark.parametrize(
    "body", [b"g\r\n", b"-1\r\n", b"123456789\r\n", b"5;a=b\r\n", b"0\r\nX-Sum: a\r\n", b"fffff" * 3]
)
def test_odd_chunks_are_left_to_gunicorn(body: bytes) -> None:
    arrival = Arrival()
    arrival.add(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert arrival.add(body + b" " * 10) is Progress.LARGE


@pytest.mark.parametrize("begin", [b"", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % HELD])
def test_no_more_than_so_much_is_kept(begin: bytes) -> None:
    arrival, last, pieces = Arrival(), Progress.PART, 0
    arrival.add(begin)
    while last is Progress.PART:
        last, pieces = arrival.add(b"x" * 65536), pieces + 1
    assert last is Progress.LARGE
    assert len(arrival.held) <= HELD + 65536


@pytest.mark.parametrize("piece", [b"1\r\na\r\n", b"X: y\r\n", b" "], ids=["chunks", "fields", "blanks"])
def test_the_work_grows_with_the_bytes_and_not_with_the_pieces(piece: bytes) -> None:
    """A hundred thousand pieces cost a moment: nothing is looked at again."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if b"a" in piece else b"")
    arrival = Arrival()
    arrival.add(head)
    began = time.process_time()
    for _ in range(100_000):
        if arrival.add(piece) is not Progress.PART:
            break
    assert time.process_time() - began < 2
