"""A real redis-server of the test's own, signal handlers put back, and a stand-in for the work itself."""

import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.redis_server import Embedded

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[Embedded]:
    """A private redis-server, shared by the tests of a file."""
    with tempfile.TemporaryDirectory() as folder:
        embedded = Embedded(Path(folder))
        embedded.start()
        yield embedded
        embedded.stop()


@pytest.fixture
def redis(server: Embedded) -> Iterator[Redis]:
    """A client of that server, which is empty."""
    client = Redis.from_url(server.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Puts the handlers back that a worker under test replaces."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)]
    yield
    for number, handler in before:
        signal.signal(number, handler)


@pytest.fixture
def hung() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    kept.append(listener.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(2)
        for connection in kept:
            connection.close()


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python with the given arguments in the project's folder, and kills what is left at the end."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def wait_until(true: Callable[[], object], seconds: float = 5.0) -> None:
    """Return as soon as `true()` holds; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.01)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """`wait_until`, as a fixture: test modules do not import each other."""
    return wait_until
