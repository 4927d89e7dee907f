"""A stand-in for SendGrid's v3 Mail Send: a real HTTP server that checks, records and, when told, misbehaves.

In a test::

    with SendGrid() as sendgrid:
        sendgrid.then(Refuse(429, {"Retry-After": "7"}), Cut())
        ...                              # two requests are answered so, the next ones well
        assert [mail.to for mail in sendgrid.mails] == ["ana@example.org"]

By hand, for other processes: ``python -m tests.standins.sendgrid --port 8025 --record mails.jsonl``. Every accepted
mail is one line of JSON in that file, on the disk before the answer leaves, so that what a client believes can be
compared with what was taken. What SendGrid would refuse is refused as it would (``sendgrid_rules``).

With ``--events http://127.0.0.1:8000/hooks/mail/sendgrid/events --key-file events.key`` it reports, in signed posts
to that address, what becomes of every mail it took (``sendgrid_events``). The file gets the key to verify them with.
"""

import argparse
import itertools
import json
import os
import secrets
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.standins.behaviours import Behaviour, CloseAfter, Cut, Delay, Drip, Hang, Refuse, Truncate
from tests.standins.sendgrid_events import Events, Habits
from tests.standins.sendgrid_rules import MOST_BYTES, TOO_LARGE, problems


@dataclass(frozen=True)
class Mail:
    """One accepted mail."""

    x_message_id: str
    payload: dict[str, Any]

    @property
    def to(self) -> str:
        return str(self.payload["personalizations"][0]["to"][0]["email"])

    @property
    def custom_args(self) -> dict[str, str]:
        given: dict[str, str] = self.payload["personalizations"][0].get("custom_args", {})
        return given

    def text(self) -> str:
        return str(self.payload["content"][0]["value"])


class SendGrid:
    """The server. `key` empty takes any key; `delay` seconds pass before every answer; `events` tell of taken mails."""

    def __init__(
        self,
        *,
        port: int = 0,
        key: str = "",
        record: Path | None = None,
        delay: float = 0.0,
        events: Events | None = None,
    ) -> None:
        self.key = key
        self.delay = delay
        self.events = events
        self.mails: list[Mail] = []
        self.refused: list[Any] = []
        self.requests = itertools.count()
        self.connections = 0
        self.in_hand: dict[int, bytes] = {}
        self._behaviours: deque[Behaviour] = deque()
        self._always: Behaviour | None = None
        self._lock = threading.Lock()
        self._record = record.open("ab") if record is not None else None
        self._server = _Server(("127.0.0.1", port), self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def then(self, *behaviours: Behaviour) -> None:
        """Answer the next requests so, in this order."""
        self._behaviours.extend(behaviours)

    def always(self, behaviour: Behaviour | None) -> None:
        """Answer every request so, from now on; `None` ends it."""
        self._always = behaviour

    def start(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        if self.events is not None:
            self.events.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.end_connections()
        self._server.server_close()
        if self.events is not None:
            self.events.stop()
        if self._record is not None:
            self._record.close()

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()

    def behaviour(self) -> Behaviour | None:
        with self._lock:
            return self._behaviours.popleft() if self._behaviours else self._always

    def take(self, payload: dict[str, Any]) -> Mail:
        """Accept a mail: in memory, and on the disk before anybody is answered."""
        mail = Mail(secrets.token_urlsafe(16), payload)
        with self._lock:
            self.mails.append(mail)
            if self._record is not None:
                line = {"x_message_id": mail.x_message_id, "at": time.time(), "payload": payload}
                self._record.write(json.dumps(line).encode() + b"\n")
                self._record.flush()
                os.fsync(self._record.fileno())
        if self.events is not None:
            self.events.tell(mail.x_message_id, mail.to, mail.custom_args)
        return mail

    def answering(self, word: str) -> bool:
        """Whether a request with this word in it has come and is not answered yet."""
        return any(word.encode() in body for body in list(self.in_hand.values()))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], sendgrid: SendGrid) -> None:
        self.sendgrid = sendgrid
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, peer = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(connection)
        self.sendgrid.connections += 1
        return connection, peer

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        for connection in list(self._open):
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    wbufsize = -1  # one write an answer

    def do_POST(self) -> None:
        server: Any = self.server
        sendgrid: SendGrid = server.sendgrid
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        number = next(sendgrid.requests)
        sendgrid.in_hand[number] = body
        try:
            self._answer(sendgrid, body)
        finally:
            del sendgrid.in_hand[number]

    def _answer(self, sendgrid: SendGrid, body: bytes) -> None:
        time.sleep(sendgrid.delay)
        behaviour = sendgrid.behaviour()
        if isinstance(behaviour, Refuse | Cut | Hang) and not behaviour.taken:
            self._fail(behaviour)
            return
        payload = self._checked(sendgrid, body)
        if payload is not None:
            self._accept(sendgrid.take(payload), behaviour)

    def _checked(self, sendgrid: SendGrid, body: bytes) -> dict[str, Any] | None:
        """The mail, or `None` after it was refused."""
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        if self.path != "/v3/mail/send":
            self._refuse(404, ["not found"])
        elif scheme != "Bearer" or not key or (sendgrid.key and key != sendgrid.key):
            self._refuse(401, ["the key is invalid, expired or revoked"])
        elif len(body) > MOST_BYTES:
            self._refuse(413, [], body=TOO_LARGE)
        else:
            return self._well_formed(sendgrid, body)
        return None

    def _well_formed(self, sendgrid: SendGrid, body: bytes) -> dict[str, Any] | None:
        try:
            mail = json.loads(body.decode("utf-8"))
        except UnicodeDecodeError:
            self._refuse(415, ["Invalid UTF8 in request"])
            return None
        except ValueError:
            self._refuse(400, ["Bad Request"])
            return None
        if found := problems(mail):
            sendgrid.refused.append(mail)
            self._refuse(400, [message for message, _ in found], fields=[place for _, place in found])
            return None
        return dict(mail)

    def _accept(self, mail: Mail, behaviour: Behaviour | None) -> None:
        if isinstance(behaviour, Delay):
            time.sleep(behaviour.seconds)
        if isinstance(behaviour, Refuse | Cut | Hang):
            self._fail(behaviour)
            return
        if isinstance(behaviour, Drip):
            for byte in f"HTTP/1.1 202 Accepted\r\nX-Message-Id: {mail.x_message_id}\r\nContent-Length: 0\r\n\r\n":
                time.sleep(behaviour.pause)
                self.connection.sendall(byte.encode())
            return
        announced = 100 if isinstance(behaviour, Truncate) else 0
        self.send_response(202)
        self.send_header("X-Message-Id", mail.x_message_id)
        self.send_header("Content-Length", str(announced))
        self.end_headers()
        if isinstance(behaviour, Truncate):
            self.wfile.write(b"half a bo")
        self.close_connection = isinstance(behaviour, Truncate | CloseAfter)

    def _fail(self, behaviour: Refuse | Cut | Hang) -> None:
        if isinstance(behaviour, Refuse):
            self._refuse(behaviour.code, ["made to refuse"], behaviour.headers, behaviour.body)
            return
        time.sleep(behaviour.seconds if isinstance(behaviour, Hang) else 0)
        self.close_connection = True

    def _refuse(
        self,
        code: int,
        messages: list[str],
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        fields: list[str] | None = None,
    ) -> None:
        named = fields or [""] * len(messages)
        errors = [
            {"message": message, "field": place or None, "help": None}
            for message, place in zip(messages, named, strict=True)
        ]
        written = json.dumps({"errors": errors}).encode() if body is None else body
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json" if body is None else "text/html")
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until stopped, recording what is accepted."""
    options = argparse.ArgumentParser(prog="python -m tests.standins.sendgrid", description=__doc__)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--record", type=Path, required=True, help="append accepted mails to this file")
    options.add_argument("--delay", type=float, default=0.0, help="milliseconds before every answer")
    options.add_argument("--key", default="", help="the only key that is let in; without it any is")
    options.add_argument("--events", default="", metavar="URL", help="post there, signed, what becomes of the mails")
    options.add_argument("--key-file", type=Path, help="write there the key that the posts are verified with")
    chosen = options.parse_args()
    events = Events(chosen.events, Habits(late=2.0, copies=2, renamed=0.5, shuffled=True)) if chosen.events else None
    if events is not None and chosen.key_file is not None:
        chosen.key_file.write_text(events.public_key + "\n", encoding="ascii")
    settings = {"port": chosen.port, "key": chosen.key, "record": chosen.record, "delay": chosen.delay / 1000}
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with SendGrid(**settings, events=events) as sendgrid:
        print(sendgrid.url, flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
