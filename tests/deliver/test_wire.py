import socket
import threading
import time
from collections.abc import Iterator

import pytest

from notifier.deliver import wire


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


def soon(seconds: float) -> float:
    return time.monotonic() + seconds


def test_a_connection_that_nobody_takes_is_an_oserror() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = port_of(server)

    with pytest.raises(ConnectionRefusedError):
        wire.connect("127.0.0.1", port, soon(1))


def test_a_name_that_does_not_exist_is_an_oserror() -> None:
    with pytest.raises(OSError, match=r".+"):
        wire.connect("nowhere.invalid", 25, soon(1))


def test_nothing_is_connected_after_the_deadline(listener: socket.socket) -> None:
    with pytest.raises(TimeoutError):
        wire.connect("127.0.0.1", port_of(listener), soon(-1))


def test_a_drip_does_not_outlast_the_deadline(listener: socket.socket) -> None:
    client = wire.connect("127.0.0.1", port_of(listener), soon(0.3))
    server, _ = listener.accept()

    def drip() -> None:
        for _ in range(20):
            time.sleep(0.05)
            try:
                server.sendall(b"x")
            except OSError:
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    started = time.monotonic()
    with client, client.makefile("rb") as reader, pytest.raises(TimeoutError):
        reader.readline()
    assert time.monotonic() - started < 0.6
    server.close()
    dripping.join()


def test_an_open_and_silent_connection_is_quiet(listener: socket.socket) -> None:
    client = wire.connect("127.0.0.1", port_of(listener), soon(5))
    server, _ = listener.accept()

    assert wire.quiet(client)
    server.close()
    time.sleep(0.02)
    assert not wire.quiet(client)
    client.close()
    assert not wire.quiet(client)


def test_an_answer_nobody_asked_for_is_not_quiet(listener: socket.socket) -> None:
    client = wire.connect("127.0.0.1", port_of(listener), soon(5))
    server, _ = listener.accept()
    server.sendall(b"421 closing\r\n")
    time.sleep(0.02)

    assert not wire.quiet(client)
    client.close()
    server.close()


def test_a_handshake_that_never_comes_ends_in_time(listener: socket.socket) -> None:
    started = time.monotonic()

    with pytest.raises(OSError, match=r".+"):
        wire.connect("127.0.0.1", port_of(listener), soon(0.2), wire.tls())

    assert time.monotonic() - started < 1.0
