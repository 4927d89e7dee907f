"""A request is read before a thread gets it, and for no longer than a deadline; at a real server with one second."""

import contextlib
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import free_port
from tests.workers.hasty import SLOW, Hasty
from workers import web
from workers.arrival import HELD
from workers.deadline import LINGER, STREAMS

ROOT = Path(__file__).parents[2]

#: Seconds until a slow sender is cut at the latest: the loop looks once a second.
CUT = Hasty.patience + 1.5

#: Seconds in which a request is answered that nobody keeps waiting, on a busy machine.
AT_ONCE = 0.8

#: Requests that never end: the last one is too large to be kept.
DRIPPING = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc"
LARGE = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\nabc" % (2 * HELD)
UNFINISHED = {
    "half a head": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Len",
    "no body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
    "half a body": DRIPPING,
    "half a chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "no last chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    "a large body": LARGE,
}
WHOLE = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"


class Server:
    """A web process of its own, with the application of `hasty.py`; `quiet` is how many files it has open at rest."""

    quiet: int

    def __init__(self, folder: Path, **options: int) -> None:
        self.port, self.log = free_port(), folder / "log"
        words = [*web.command("127.0.0.1", self.port, 1)[:-1], "--worker-class=tests.workers.hasty.Hasty"]
        words += [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*words, "tests.workers.hasty:app"], cwd=ROOT, stdout=log, stderr=log)

    def connect(self, said: bytes = b"") -> socket.socket:
        """A connection on which this has been said."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.sendall(said)
        return connection

    def ask(self, request: bytes = WHOLE) -> float:
        """The seconds until a request on a connection of its own was answered, with 200."""
        began = time.monotonic()
        with self.connect(request) as connection:
            assert answer(connection).startswith(b"HTTP/1.1 200 ")
        return time.monotonic() - began

    def open_files(self) -> int:
        """How many files, connections among them, the process that serves has open."""
        main = self.process.pid
        child = Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").strip()
        return sum(1 for _ in Path(f"/proc/{child}/fd").iterdir())


@contextlib.contextmanager
def serving(folder: Path, **options: int) -> Iterator[Server]:
    server, began = Server(folder, **options), time.monotonic()
    try:
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                server.ask()
                break
            assert time.monotonic() - began < 20, server.log.read_text()
            time.sleep(0.02)
        server.quiet = server.open_files()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as started:
        yield started


def answer(connection: socket.socket) -> bytes:
    """What is answered next; nothing if the connection is closed."""
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


def told(connection: socket.socket, end: bytes) -> bytes:
    """What is answered, which ends so."""
    said = b""
    while not said.endswith(end):
        more = answer(connection)
        assert more, said
        said += more
    return said


@contextlib.contextmanager
def crowd(server: Server, count: int, said: bytes) -> Iterator[list[socket.socket]]:
    """So many connections on which the same has been said."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(server.connect(said)) for _ in range(count)]


class TestSlowSenders:
    @pytest.mark.parametrize("said", UNFINISHED.values(), ids=UNFINISHED)
    def test_a_request_that_does_not_end_is_cut(self, server: Server, said: bytes) -> None:
        began = time.monotonic()
        with server.connect(said) as connection:
            # The thread that waits for a large one ends its waiting, and the application decides what to say.
            assert answer(connection).startswith(b"HTTP/1.1 408 " if said != LARGE else b"")
            assert answer(connection) == b""
        assert Hasty.patience <= time.monotonic() - began < CUT

    @pytest.mark.parametrize("said", [b"POST / HTTP/1.1\r\nHost: ", DRIPPING, LARGE], ids=["head", "body", "large"])
    def test_to_go_on_dripping_does_not_help(self, server: Server, said: bytes) -> None:
        began = time.monotonic()
        with server.connect(said) as connection, contextlib.suppress(OSError):
            while time.monotonic() - began < 5:
                connection.sendall(b"0")
                time.sleep(0.05)
        assert Hasty.patience <= time.monotonic() - began < CUT + LINGER  # hung up on politely

    @pytest.mark.parametrize("said", UNFINISHED.values(), ids=UNFINISHED)
    def test_a_crowd_of_them_keeps_nobody_waiting(self, server: Server, said: bytes) -> None:
        with crowd(server, 5 * web.THREADS, said):
            assert max(server.ask() for _ in range(10)) < AT_ONCE

    def test_large_requests_wait_for_slow_large_ones_and_for_no_longer_than_the_deadline(self, server: Server) -> None:
        with crowd(server, STREAMS, LARGE):
            time.sleep(0.1)
            body = b"x" * (2 * HELD)
            waited = server.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert waited < CUT

    def test_one_that_goes_away_in_the_middle_leaves_nothing_behind(
        self, server: Server, eventually: Callable[..., None]
    ) -> None:
        for said in UNFINISHED.values():
            with crowd(server, 10, said) as connections:
                for connection in connections[::2]:  # with a reset, not with good manners
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        eventually(lambda: server.open_files() <= server.quiet, 2)

    def test_it_is_one_line_in_the_log_without_an_address(self, tmp_path: Path) -> None:
        with serving(tmp_path) as server:
            with crowd(server, 3, DRIPPING) as connections:
                for connection in connections:
                    assert answer(connection).startswith(b"HTTP/1.1 408 ")
                time.sleep(1.2)
            [line] = server.log.read_text().splitlines()
        assert "web.too_slow" in line
        assert "senders=3" in line
        assert "127.0.0.1" not in line

    def test_stopping_does_not_wait_for_them(self, tmp_path: Path) -> None:
        with serving(tmp_path) as server, crowd(server, 3, DRIPPING):
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(LINGER + 3)


class TestRoom:
    def test_when_connections_run_short_who_has_waited_longest_goes(self, tmp_path: Path) -> None:
        with serving(tmp_path, worker_connections=20) as server, crowd(server, 60, DRIPPING) as connections:
            assert server.ask() < AT_ONCE
            began = time.monotonic()
            for connection in connections[:40]:
                assert answer(connection).startswith(b"HTTP/1.1 408 ")
            assert time.monotonic() - began < AT_ONCE

    def test_when_memory_runs_short_who_has_waited_longest_goes(self, server: Server) -> None:
        said = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n" + b"x" * 590_000
        with crowd(server, 8, said) as connections:
            began = time.monotonic()
            assert answer(connections[0]).startswith(b"HTTP/1.1 408 ")
            assert server.ask() < AT_ONCE
            assert time.monotonic() - began < AT_ONCE

    def test_clients_that_do_not_hang_up_after_the_last_answer_keep_nobody_waiting(
        self, server: Server, eventually: Callable[..., None]
    ) -> None:
        said = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        with crowd(server, 20, said) as connections:
            for connection in connections:
                assert answer(connection).startswith(b"HTTP/1.1 200 ")
            assert server.ask() < AT_ONCE
            eventually(lambda: server.open_files() <= server.quiet, LINGER + 3)


def test_clients_that_do_not_take_their_answers_keep_nobody_waiting(server: Server) -> None:
    request = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(2 * web.THREADS):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", server.port))
            with contextlib.suppress(OSError):
                client.sendall(1000 * request)
        for _ in range(10):
            time.sleep(0.3)  # what the kernel takes lasts for a while
            assert server.ask() < AT_ONCE


class TestWhatIsNotCut:
    def test_an_answer_that_takes_longer(self, server: Server) -> None:
        with server.connect(WHOLE.replace(b"POST /", b"POST /slow")) as connection:
            began = time.monotonic()
            assert told(connection, b"0\r\n\r\n").count(b"piece") == 5
        assert time.monotonic() - began >= SLOW > CUT

    def test_a_connection_that_idles_between_two_requests(self, server: Server) -> None:
        with server.connect() as connection:
            for _ in range(2):
                connection.sendall(WHOLE)
                assert told(connection, b"\r\n\r\n3")
                time.sleep(Hasty.patience + 1)
            connection.sendall(WHOLE[:-1])  # each request has a deadline of its own
            time.sleep(0.5)
            connection.sendall(WHOLE[-1:])
            assert told(connection, b"\r\n\r\n3")

    @pytest.mark.parametrize("size", [HELD - 1000, HELD, 3 * HELD])
    def test_large_requests_and_what_comes_after_them(self, server: Server, size: int) -> None:
        request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (size, b"x" * size)
        with server.connect(request + WHOLE[:20]) as connection:
            assert told(connection, b"\r\n\r\n%d" % size)
            connection.sendall(WHOLE[20:] + WHOLE + WHOLE)  # one read ahead in part, and three at once
            assert told(connection, b"\r\n\r\n3").count(b"200 OK") <= 3

    def test_a_sender_that_waits_to_be_told_to_go_on(self, server: Server) -> None:
        head, body = WHOLE.split(b"\r\n\r\n")
        with server.connect(head + b"\r\nExpect: 100-continue\r\n\r\n") as connection:
            assert told(connection, b"100 Continue\r\n\r\n")
            connection.sendall(body)
            assert told(connection, b"\r\n\r\n3")

    @pytest.mark.parametrize("end", [b"0\r\n\r\n", b"0\r\nX-Sum: a\r\n\r\n", b"0;extension\r\n\r\n"])
    def test_chunks_in_pieces(self, server: Server, end: bytes) -> None:
        with server.connect(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") as connection:
            for at in range(0, len(pieces := b"2\r\nab\r\nA\r\n0123456789\r\n" + end), 3):
                connection.sendall(pieces[at : at + 3])
                time.sleep(0.01)
            assert told(connection, b"\r\n\r\n12")
            connection.sendall(WHOLE)
            assert told(connection, b"\r\n\r\n3")
