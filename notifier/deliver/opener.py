"""An opener for urllib that keeps its connections.

urllib opens a connection for every request, follows redirects with the Authorization header, and takes a proxy from the
environment. This opener does none of that. What it keeps is urllib's distinction, on which everything rests: `URLError`
means that the request was not handed over completely, so it may be tried again; whatever else is raised means that
nobody knows. A kept connection is looked at before it is used again, and a request is written a second time only if
writing it the first time failed.
"""

import http.client
import io
import ssl
import time
import urllib.request
import urllib.response
from email.message import Message
from urllib.error import URLError
from urllib.parse import urlsplit

from notifier.deliver import wire
from notifier.deliver.pool import Pool

#: Seconds a connection may idle. The shortest common keep-alive of a server is five.
IDLE = 4.0

#: Bytes of an answer that are read; the longest known ones are a page of HTML.
MOST_ANSWER = 256 * 1024


class Answered(urllib.response.addinfourl):
    """An answer that has been read to its end."""

    def __init__(self, body: bytes, headers: Message, url: str, code: int, reason: str) -> None:
        """As `addinfourl`, with the reason phrase, which urllib looks for in `msg`."""
        super().__init__(io.BytesIO(body), headers, url, code)
        self.msg = reason


class KeepAlive(urllib.request.AbstractHTTPHandler):
    """Exchanges requests and answers with one host over a few kept connections."""

    def __init__(self, base: str, *, most: int, context: ssl.SSLContext) -> None:
        """`base` is the address whose host is connected to; `context` is one made by `wire.tls`."""
        super().__init__()
        parts = urlsplit(base)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._context = context if parts.scheme == "https" else None
        self._pool = Pool[http.client.HTTPConnection](most=most, idle=IDLE, usable=_usable, close=_close)

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Add Content-Length and Host, as urllib does."""
        return self.do_request_(request)

    https_request = http_request

    def http_open(self, request: urllib.request.Request) -> Answered:
        """One exchange, within the request's time-out as a whole."""
        until = time.monotonic() + (request.timeout or wire.CONNECT)
        connection = self._written(request, until)
        try:
            response = connection.getresponse()
            body = _read(response)
        except BaseException:
            connection.close()
            raise
        if response.will_close or not response.isclosed():
            connection.close()
        else:
            self._pool.give(connection)
        return Answered(body, response.headers, request.full_url, response.status, response.reason)

    https_open = http_open

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()

    def _written(self, request: urllib.request.Request, until: float) -> http.client.HTTPConnection:
        """A connection to which the request was written whole. Raises URLError if there is none."""
        kept = self._pool.take()
        if kept is not None:
            try:
                return _write(kept, request, until)
            except OSError:
                kept.close()
        try:
            fresh = http.client.HTTPConnection(self._host, self._port)
            fresh.auto_open = 0
            fresh.sock = wire.connect(self._host, self._port, until, self._context)
        except OSError as fault:
            raise URLError(fault) from fault
        try:
            return _write(fresh, request, until)
        except OSError as fault:
            fresh.close()
            raise URLError(fault) from fault


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: it is raised as HTTPError."""

    def redirect_request(self, *_: object) -> None:
        """Go nowhere."""


def opener(keep_alive: KeepAlive) -> urllib.request.OpenerDirector:
    """An opener with this way out and no other: no proxies, no redirects, no files, no cookies."""
    director = urllib.request.OpenerDirector()
    for handler in (
        keep_alive,
        _NoRedirect(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        director.add_handler(handler)
    return director


def _write(
    connection: http.client.HTTPConnection, request: urllib.request.Request, until: float
) -> http.client.HTTPConnection:
    assert isinstance(connection.sock, wire.TimedSocket)  # the pool and _written know no other
    connection.sock.until = until
    headers = {**request.unredirected_hdrs, **request.headers}
    connection.request(request.get_method(), request.selector, request.data, headers)
    return connection


def _read(response: http.client.HTTPResponse) -> bytes:
    if response.length is None:
        return response.read(MOST_ANSWER)
    if response.length > MOST_ANSWER:
        raise http.client.HTTPException("the answer is too long")
    # Not read(n): that takes a body which ends too early for a whole one.
    return response.read()


def _usable(connection: http.client.HTTPConnection) -> bool:
    return connection.sock is not None and wire.quiet(connection.sock)


def _close(connection: http.client.HTTPConnection) -> None:
    connection.close()
