"""A web process that reads a request before a thread gets it, and for no longer than a deadline.

gunicorn's threads read requests themselves, so eight senders of one byte a second, or of a head without a body, hold
eight threads and everybody waits; its loop hangs up politely, which takes two seconds for each client that does not.
Here the loop, which waits for all connections anyway, collects a request, and a thread gets it when all of it is there:
a slow sender costs a connection and the bytes it has sent. When either runs short, who has taken longest goes first,
so that a request that comes in one piece always finds room.

Only what is too large to be kept, which is mail, is read by a thread that waits for the network, one of a few that do
nothing else. The deadline is the same for all: PATIENCE, and a second for every RATE bytes received. It ends with the
last byte of the request: how long an answer takes, and how long a connection idles between two requests, is not its
business. A thread that answers does not wait either: answers to strangers are small enough for the kernel to take, and
who leaves them there gets no more.

It builds on gunicorn 27's gthread worker: `accept` and `enqueue_req` begin a request, `finish_request` ends it, and
`murder_pending` is called at least once a second, all of them in the loop's thread. TLS is the proxy's.
"""

import contextlib
import errno
import fcntl
import select
import selectors
import socket
import sys
import termios
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from gunicorn.http import get_parser
from gunicorn.workers.gthread import TConn, ThreadWorker

from workers.arrival import Arrival, Progress

#: Seconds a sender has for a request, and bytes that give it one second more: 55 s for a mail of 35 MB.
PATIENCE = 20.0
RATE = 1024 * 1024

#: Seconds the same sender has while the process stops, and a client to hang up after the last answer.
LINGER = 2.0

#: Bytes kept of all requests together.
ROOM = 64 * 1024 * 1024

#: Threads for requests that are too large to be kept. Each may have a mail of 35 MB in memory.
STREAMS = 4

#: Bytes of earlier answers that a client may have left untaken when it asks again: who asks in turn has taken all.
UNTAKEN = 16 * 1024

#: Bytes read at a time, so that a fast sender does not keep the loop from the others.
PIECE = 64 * 1024

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def tell(**numbers: int) -> None:
    """The line in the log."""
    import structlog  # the application has loaded it; gunicorn's first process is a quarter smaller without

    structlog.get_logger().warning("web.too_slow", **numbers)


class Source:
    """What gunicorn's parser reads from in place of the socket, once it has used up what has been collected."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._until: float | None = None

    def wait_until(self, moment: float | None) -> None:
        """Let it wait for the network until this moment of the monotonic clock; None: the whole request is there."""
        self._until = moment

    def recv(self, size: int) -> bytes:
        """The next bytes, none if there are no more. Raises TimeoutError after the deadline."""
        if self._until is None:
            return b""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        left = self._until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            if self._until:
                tell(senders=1)
            # gunicorn takes this number for a client that is gone, and does not make a report of it.
            raise TimeoutError(errno.ECONNRESET, "the sender is too slow")
        data = self._sock.recv(size)
        self._until += len(data) / RATE
        return data

    def gettimeout(self) -> float | None:
        """As of a socket."""
        return None

    def settimeout(self, seconds: float | None) -> None:
        """Asked for by gunicorn to throw away a body that nobody wanted, which is worth no waiting at all."""
        if seconds is not None and self._until is not None:
            self._until = 0.0


class Connection(TConn):  # type: ignore[misc]  # the library's class is untyped
    """A connection, and the request that is arriving on it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.source = Source(self.sock)
        self.parser = get_parser(self.cfg, self.source, self.client)
        self.initialized = self.data_ready = True  # a thread has nothing to prepare
        self.arrival = Arrival()
        self.size = 0  # bytes received of it
        self.since = 0.0  # when it began, or when there was nothing left to say

    def receive(self) -> bytes | None:
        """What is there now; None for nothing yet, no bytes when the client has hung up."""
        try:
            return bytes(self.sock.recv(PIECE, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def untaken(self) -> int:
        """Bytes of earlier answers that still wait for the client; 0 too where the system cannot tell."""
        with contextlib.suppress(OSError):
            return int.from_bytes(fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        return 0


class ReadFirst(ThreadWorker):  # type: ignore[misc]  # the library's class is untyped
    """The worker class for gunicorn."""

    patience, room = PATIENCE, ROOM

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._streams = ThreadPoolExecutor(STREAMS)
        # Connections that wait for their clients, who has waited longest first.
        self._arriving: OrderedDict[Connection, None] = OrderedDict()
        self._leaving: OrderedDict[Connection, None] = OrderedDict()
        self._bytes = 0  # received of all requests that are not answered yet
        self._late, self._told = 0, 0.0

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection."""
        try:
            sock, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # another process was quicker, or the client is gone
            return
        self.nr_conns += 1
        self._make_room()
        self.enqueue_req(Connection(self.cfg, sock, address, listener.getsockname()))

    def enqueue_req(self, conn: Connection) -> None:
        """Begin a request: on a new connection, on one that is readable again, or with bytes read after the last."""
        if conn.untaken() > UNTAKEN:
            self._part(conn)
            return
        conn.arrival, conn.since = Arrival(), time.monotonic()
        progress = self._add(conn, conn.parser.unreader.take_buffered() or conn.receive())
        if progress is Progress.PART:
            self._wait(conn, self._arriving, self._read_on)
            self._make_room()
        else:
            self._hand_over(conn, progress)

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        """Keep the connection for its next request, or see the client off, which waits for nobody."""
        self._forget(conn)
        if not fs.cancelled() and not fs.exception() and fs.result():
            super().finish_request(conn, fs)
        else:
            self._part(conn)

    def murder_pending(self) -> None:
        """Cut who is too slow, and say so at most once a second."""
        now = time.monotonic()
        patience = self.patience if self.alive else min(self.patience, LINGER)
        for room, seconds in ((self._arriving, patience), (self._leaving, LINGER)):
            while room and next(iter(room)).since + seconds <= now:
                self._cut(next(iter(room)), room)
        if self._late and now - self._told >= 1:
            tell(senders=self._late, connections=self.nr_conns)
            self._late, self._told = 0, now

    def _read_on(self, conn: Connection, _sock: socket.socket) -> None:
        if conn not in self._arriving:  # cut by what came before it in the same turn of the loop
            return
        progress = self._add(conn, conn.receive())
        if progress is Progress.PART:
            self._make_room()
        else:
            self._leave(conn, self._arriving)
            self._hand_over(conn, progress)

    def _add(self, conn: Connection, data: bytes | None) -> Progress:
        if data is None:
            return Progress.PART
        if not data:
            return Progress.GONE
        conn.size += len(data)
        self._bytes += len(data)
        return conn.arrival.add(data)

    def _hand_over(self, conn: Connection, progress: Progress) -> None:
        if progress is Progress.GONE:
            self._close(conn)
            return
        whole = progress is Progress.WHOLE
        conn.source.wait_until(None if whole else conn.since + self.patience + conn.size / RATE)
        conn.parser.unreader.unread(bytes(conn.arrival.held))
        conn.arrival = Arrival()
        done = (self.tpool if whole else self._streams).submit(self.handle, conn)
        done.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, conn, future))

    def _part(self, conn: Connection) -> None:
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        # Closed at once, the end of the answer would be lost to a client that is still sending.
        conn.since = time.monotonic()
        self._wait(conn, self._leaving, self._see_off)

    def _see_off(self, conn: Connection, _sock: socket.socket) -> None:
        if conn in self._leaving and conn.receive() == b"":
            self._leave(conn, self._leaving)
            self._close(conn)

    def _make_room(self) -> None:
        while self._bytes > self.room or self.nr_conns >= self.worker_connections:
            room = self._arriving if self._bytes > self.room else self._leaving or self._arriving
            if not room:
                return
            self._cut(next(iter(room)), room)

    def _cut(self, conn: Connection, room: "OrderedDict[Connection, None]") -> None:
        self._leave(conn, room)
        if room is self._arriving and conn.size:  # who has said nothing is not slow: browsers connect ahead
            self._late += 1
            with contextlib.suppress(OSError):
                conn.sock.send(TOO_SLOW, socket.MSG_DONTWAIT)
        self._close(conn)

    def _wait(
        self,
        conn: Connection,
        room: "OrderedDict[Connection, None]",
        then: Callable[[Connection, socket.socket], None],
    ) -> None:
        room[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(then, conn))

    def _leave(self, conn: Connection, room: "OrderedDict[Connection, None]") -> None:
        del room[conn]
        self.poller.unregister(conn.sock)

    def _close(self, conn: Connection) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: Connection) -> None:
        self._bytes -= conn.size
        conn.size = 0
