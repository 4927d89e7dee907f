"""`notifier event`: where a signed sample may go, and what its answer means."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from notifier.core.change import Believed, Delivery
from notifier.ingest.registry import adapters
from notifier.store.database import system_clock
from tests.cli.conftest import Terminal
from tests.world import World


class Receiver:
    """A web server that remembers what it got and answers what it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[str, Delivery]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append((self.path, Delivery(headers, body)))
                self.send_response(receiver.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver(terminal: Terminal) -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    terminal.environ |= {"BASE_URL": made.url, "no_proxy": "127.0.0.1"}
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.mark.parametrize("ats", list(adapters()))
def test_every_sample_of_every_ats_is_believed_at_the_sources_own_address(
    ats: str, terminal: Terminal, receiver: Receiver
) -> None:
    source = terminal.json("source", "add", ats)
    adapter = adapters()[ats]

    for sample, plain in adapter.samples().items():
        handshake = adapter.handshake(plain)
        receiver.status = handshake.status if handshake is not None else adapter.success
        sent = terminal.json("event", "send", sample, "--source", source["id"])

        path, delivery = receiver.got[-1]
        assert (sent["status"], sent["url"]) == (receiver.status, source["url"])
        assert path == f"/hooks/ats/{source['key']}"
        assert adapter.verify(delivery, [source["secret"]], system_clock()) == Believed(0)
    assert len({adapter.event_key(delivery) for _, delivery in receiver.got}) == len(adapter.samples())


@pytest.mark.parametrize("status", [302, 307, 401, 503])
def test_any_other_answer_is_a_failure_and_a_redirect_is_not_followed(
    status: int, terminal: Terminal, receiver: Receiver, world: World
) -> None:
    receiver.status = status

    sent = terminal.json("event", "send", "ping", "--source", world.generic.id, status=1)

    assert sent["status"] == status
    assert len(receiver.got) == 1


def test_the_newest_secret_signs(terminal: Terminal, receiver: Receiver, world: World) -> None:
    newest = terminal.json("source", "rotate", world.generic.id)["secret"]

    terminal.run("event", "send", "ping", "--source", world.generic.id)

    (_, delivery) = receiver.got[0]
    assert adapters()["generic"].verify(delivery, [newest], system_clock()) == Believed(0)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "127.0.0.1/x", "http://", "http://h:99999/", "http://[x/", ""]
)
def test_only_web_addresses_are_sent_to(url: str, terminal: Terminal, world: World) -> None:
    terminal.fails("event", "send", "ping", "--source", world.generic.id, "--url", url, status=2)


def test_an_address_that_does_not_answer_is_one_line(terminal: Terminal, receiver: Receiver, world: World) -> None:
    receiver.server.server_close()

    said = terminal.fails("event", "send", "ping", "--source", world.generic.id)

    assert "gave no answer" in said
    assert len(said.splitlines()) == 1


def test_unknown_names_are_refused(terminal: Terminal, world: World) -> None:
    terminal.fails("event", "send", "ping", "--source", "src_nobody")
    assert "applied" in terminal.fails("event", "send", "nothing", "--source", world.generic.id, status=2)
    terminal.fails("event", "send", "ping", status=2)
    assert {"ats": "generic", "sample": "applied"} in terminal.json("event", "list")
