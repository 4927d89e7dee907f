"""W12, W14, W24 and W27 at the real server: bodies without an end, slow senders, plain http, and many at once."""

import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.core.change import Delivery
from notifier.ingest.registry import adapters
from notifier.store.inbox import list_items
from notifier.web.hooks import LIMIT
from tests.faults.children import wait_until
from tests.faults.edge import sample
from tests.processes import SECRET, System, free_port, ready, system
from tests.workers.hasty import Hasty
from workers.arrival import BODY
from workers.web import THREADS, command

#: Events a second and seconds of W27, which asks for 500 and 60: what a shared machine with two cores does in a test.
RATE, SECONDS = 100, 5

#: Where large bodies are taken.
REPLIES = "/hooks/mail/sendgrid/replies"

#: Seconds a genuine sender may have to wait while others send nothing.
MOST_WAIT = 20


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One installation for all of them; its public address is https, as it is behind a proxy."""
    with system(tmp_path_factory.mktemp("served"), MAIL_PROVIDER="mailbox") as running:
        yield running


def signed(started: System, body: bytes, event_id: str) -> dict[str, str]:
    here = started.here["greenhouse"]
    return adapters()["greenhouse"].signed(Delivery({}, body), here.secret, datetime.now(UTC), event_id).headers


def path(started: System) -> str:
    return f"/hooks/ats/{started.here['greenhouse'].key}"


def opened(started: System, headers: dict[str, str], at: str = "") -> socket.socket:
    """A connection on which the head of a request (to the source's hook) has been sent, and nothing of its body."""
    connection = socket.create_connection(("127.0.0.1", started.port), timeout=10)
    lines = [
        f"POST {at or path(started)} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{k}: {v}" for k, v in headers.items()),
        "",
        "",
    ]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def status_of(connection: socket.socket) -> int:
    answer = http.client.HTTPResponse(connection, method="POST")
    answer.begin()
    return answer.status


def kept(started: System) -> set[str]:
    with started.db.read() as tx:
        return {item.event_key for item in list_items(tx, limit=1_000_000)}


def chunks(body: bytes, size: int = 65536) -> Iterator[bytes]:
    for at in range(0, len(body), size):
        yield b"%x\r\n%b\r\n" % (len(body[at : at + size]), body[at : at + size])
    yield b"0\r\n\r\n"


class TestSizes:
    @pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413)])
    def test_w12_the_limit_holds_for_a_body_with_a_length(self, started: System, extra: int, status: int) -> None:
        body = b" " * (LIMIT + extra)
        headers = signed(started, body, f"length-{extra}") | {"Content-Length": str(len(body))}
        with closing(opened(started, headers)) as connection:
            if status == 200:
                connection.sendall(body)
            # One that is too large is refused by its length: nothing of it has to be sent.
            assert status_of(connection) == status
        assert (f"length-{extra}" in kept(started)) is (status == 200)

    @pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413)])
    def test_w12_the_limit_holds_for_a_body_in_chunks(self, started: System, extra: int, status: int) -> None:
        body = b" " * (LIMIT + extra)
        headers = signed(started, body, f"chunks-{extra}") | {"Transfer-Encoding": "chunked"}
        with closing(opened(started, headers)) as connection:
            for chunk in chunks(body):
                connection.sendall(chunk)
            assert status_of(connection) == status
        assert (f"chunks-{extra}" in kept(started)) is (status == 200)

    def test_w12_without_a_length_nothing_is_waited_for(self, started: System) -> None:
        headers = signed(started, sample("greenhouse"), "no-length")
        began = time.monotonic()
        with closing(opened(started, headers)) as connection:
            assert status_of(connection) == 401
        assert time.monotonic() - began < 1
        assert "no-length" not in kept(started)


def test_w14_senders_of_one_byte_a_second_do_not_keep_others_waiting(started: System) -> None:
    body = sample("greenhouse")
    with ExitStack() as stack:
        slow = []
        for number in range(5 * THREADS):
            headers = signed(started, body, f"slow-{number}") | {"Content-Length": str(len(body))}
            slow.append(stack.enter_context(closing(opened(started, headers))))
        waits = []
        for number in range(3):
            for connection in slow:
                connection.sendall(body[number : number + 1])
            began = time.monotonic()
            assert started.post("greenhouse", sample("greenhouse", "ping"), f"beside-{number}")[0] == 200
            waits.append(time.monotonic() - began)
            time.sleep(1)
        assert max(waits) < 2, waits
        # A slow one is served too, if it comes to its end in time.
        slow[0].sendall(body[3:])
        assert status_of(slow[0]) == 200
    # The others have hung up in the middle: nothing of them is kept.
    assert set(pings(started, THREADS)) == {200}
    assert {key for key in kept(started) if key.startswith("slow-")} == {"slow-0"}


@pytest.fixture(scope="module")
def hasty(started: System) -> Iterator[System]:
    """A second web process over the same database, in which a sender has one second for a request and not twenty."""
    port = free_port()
    words = [*command("127.0.0.1", port, 1)[:-1], "--worker-class=tests.workers.hasty.Hasty", "wsgi:app"]
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SECRET_KEY": SECRET,
        "DATABASE_URL": f"sqlite:///{started.folder}/var/notifier.db",
    }
    with (started.folder / "hasty").open("wb") as log:
        process = subprocess.Popen(words, cwd=started.folder, env=environ, stdout=log, stderr=log)
    try:
        wait_until(lambda: ready(port), 60)
        yield replace(started, port=port, process=process)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("length", [1000, 4_000_000], ids=["small", "large"])
def test_w14_when_every_thread_waits_for_a_slow_sender_they_are_cut(hasty: System, length: int) -> None:
    """Only large bodies are waited for by threads, and these threads do nothing else."""
    headers = signed(hasty, b"", "stalled") | {"Content-Length": str(length)}
    began = time.monotonic()
    with ExitStack() as stack:
        slow = [stack.enter_context(closing(opened(hasty, headers, REPLIES))) for _ in range(8 * THREADS)]
        assert pings(hasty, 1) == [200]
        # One after the other, each for as long as it may take, they would keep a thread for eight times that long.
        assert time.monotonic() - began < 4 * Hasty.patience
        assert {status_of(connection) for connection in slow} == {408 if length <= BODY else 400}


def pings(started: System, count: int) -> list[int]:
    """The answers to so many pings at once; 0 for one that was not answered in time."""

    def ping(number: int) -> int:
        body = sample("greenhouse", "ping")
        headers = signed(started, body, f"ping-{time.monotonic_ns()}-{number}")
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", started.port, timeout=MOST_WAIT)) as connection:
                connection.request("POST", path(started), body, headers)
                return connection.getresponse().status
        except TimeoutError:
            return 0

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ping, range(count)))


def test_w24_plain_http_at_the_server_is_refused_unless_signed_and_never_redirected(started: System) -> None:
    for headers in ({}, {"X-Forwarded-Proto": "http"}):
        connection = http.client.HTTPConnection("127.0.0.1", started.port, timeout=10)
        connection.request("POST", path(started), sample("greenhouse"), headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert (answer.status, answer.getheader("Location")) == (401, None)


def test_w27_under_load_every_event_that_was_answered_200_is_stored(started: System) -> None:
    total, senders = RATE * SECONDS, 8
    turn, lock, answers = iter(range(total)), threading.Lock(), dict[str, int]()
    begin = time.monotonic()

    def send(_: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", started.port, timeout=30)
        while True:
            with lock:
                number = next(turn, None)
            if number is None:
                break
            time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
            body = json.dumps({"action": "ping", "payload": {"n": number}}).encode()
            connection.request("POST", path(started), body, signed(started, body, f"load-{number}"))
            answer = connection.getresponse()
            answer.read()
            with lock:
                answers[f"load-{number}"] = answer.status
        connection.close()

    with ThreadPoolExecutor(senders) as pool:
        list(pool.map(send, range(senders)))
    took = time.monotonic() - begin

    assert set(answers.values()) == {200}
    assert len(answers) == total
    assert set(answers) <= kept(started)
    assert took < 12 * SECONDS, f"{total} events in {took:.1f} s on {os.cpu_count()} cores"
