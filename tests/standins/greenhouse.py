"""A stand-in for Greenhouse's Harvest API v3: a real HTTP server with tokens, lists, cursors and limits.

In a test::

    with Greenhouse() as greenhouse:
        greenhouse.account.hire_staff(at=MONDAY)
        greenhouse.account.apply(66001, at=MONDAY)
        greenhouse.then(Refuse(429, {"Retry-After": "7"}))
        ...                               # ask greenhouse.url with greenhouse.key

By hand, for other processes: ``python -m tests.standins.greenhouse --port 8026``; its account holds a few applications.
What Greenhouse is documented to refuse is refused: a cursor with company, a parameter it does not know, more than fifty
ids, an ended token, a list that is not permitted.
"""

import argparse
import base64
import json
import secrets
import signal
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.standins.behaviours import Behaviour, Cut, Delay, Drip, Hang, Refuse, Truncate
from tests.standins.greenhouse_account import FILTERS, Account, Row, problem, wanted, written

#: Requests in a window, and its seconds.
LIMIT, WINDOW = 50, 30


class Greenhouse:
    """The server. `permitted`: the lists the key may read (all, to begin with). `limit`: requests in a window.

    `link` is the Link header of a last page, `endless` a list whose pages lead to themselves, and `knows_defaults` says
    whether the parameter `include_defaults` is known.
    """

    def __init__(self, *, port: int = 0, client_id: str = "client-1", secret: str = "", limit: int = LIMIT) -> None:
        self.client_id = client_id
        # Its own unless it is given: tokens are kept by address and key, and a port is soon another server's.
        self.secret = secret or secrets.token_hex(8)
        self.limit = limit
        self.permitted = set(FILTERS)
        self.account = Account()
        self.requests: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.token_life = timedelta(hours=1)
        self.knows_defaults = True
        self.endless = ""
        self.link = ""
        self._token = ""
        self._window = (0.0, 0)
        self._cursors: dict[str, tuple[dict[str, str], int]] = {}
        self._behaviours: deque[Behaviour] = deque()
        self._always: Behaviour | None = None
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def key(self) -> str:
        """The key as an operator would give it."""
        return f"{self.client_id}:{self.secret}"

    def then(self, *behaviours: Behaviour) -> None:
        """Answer the next requests so, in this order; the question for a token is one."""
        self._behaviours.extend(behaviours)

    def always(self, behaviour: Behaviour | None) -> None:
        """Answer every request so, from now on; `None` ends it."""
        self._always = behaviour

    def forget(self) -> None:
        """End the token and every cursor, as a restart on their side might."""
        self._token = ""
        self._cursors.clear()

    def start(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()

    def behaviour(self) -> Behaviour | None:
        with self._lock:
            return self._behaviours.popleft() if self._behaviours else self._always

    def token(self, authorization: str, form: dict[str, str]) -> tuple[int, Row]:
        """Answer the token's end point. A new token ends the one before."""
        self.forms.append(form)
        if authorization != "Basic " + base64.b64encode(self.key.encode()).decode():
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        self._token = secrets.token_urlsafe(24)
        ends = datetime.now(UTC) + self.token_life
        return 200, {"access_token": self._token, "token_type": "Bearer", "expires_at": written(ends)}

    def count(self) -> tuple[int, int]:
        """Count a request: how many are left in this window (-1: it is one too many), and when the next begins."""
        with self._lock:
            begun, used = self._window
            if time.time() >= begun + WINDOW:
                begun, used = time.time(), 0
            self._window = (begun, used + 1)
            return max(self.limit - used - 1, -1), int(begun + WINDOW) + 1

    def page(self, name: str, authorization: str, params: dict[str, str]) -> tuple[int, Any, str]:
        """Answer a list: the status, the body, and the cursor of the next page."""
        if not self._token or authorization != f"Bearer {self._token}":
            return 401, {"message": "Unauthorized", "errors": ["Token could not be decoded."]}, ""
        if name not in FILTERS:
            return 404, {"message": "Resource not found"}, ""
        if name not in self.permitted:
            return 403, {"message": "Forbidden", "errors": [f"missing scope harvest:{name}:list"]}, ""
        begun = params, 2**63
        if "cursor" in params:
            if len(params) > 1:
                return 422, {"errors": ["When passing a cursor, do not include other query params."]}, ""
            if params["cursor"] not in self._cursors:
                return 422, {"errors": ["The cursor is not valid."]}, ""
            begun = self._cursors[params["cursor"]]
        elif wrong := problem(name, params, knows_defaults=self.knows_defaults):
            return 422, {"errors": [wrong]}, ""
        return 200, *self._rows(name, *begun)

    def _rows(self, name: str, params: dict[str, str], below: int) -> tuple[list[Row], str]:
        """The records of a page whose ids are below `below`, and the cursor of the next page."""
        size = int(params.get("per_page", "100"))
        rows = [row for row in tuple(self.account.lists[name].values()) if row["id"] < below and wanted(row, params)]
        # The newest id first, whatever was asked for.
        rows = sorted(rows, key=lambda row: int(row["id"]), reverse=True)
        if len(rows) <= size and name != self.endless:
            return rows, ""
        cursor = base64.urlsafe_b64encode(secrets.token_bytes(60)).decode()
        self._cursors[cursor] = (params, below if name == self.endless else rows[size - 1]["id"])
        return rows[:size], cursor


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], greenhouse: Greenhouse) -> None:
        self.greenhouse = greenhouse
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    wbufsize = -1  # one write an answer

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()))
        self._handle(form)

    def do_GET(self) -> None:
        self._handle(None)

    def _handle(self, form: dict[str, str] | None) -> None:
        server: Any = self.server
        greenhouse: Greenhouse = server.greenhouse
        greenhouse.requests.append(self.path)
        behaviour = greenhouse.behaviour()
        if isinstance(behaviour, Refuse):
            body = json.dumps({"message": "made to refuse"}).encode() if behaviour.body is None else behaviour.body
            self._answer(behaviour.code, body, behaviour.headers)
            return
        if isinstance(behaviour, Cut | Hang):
            time.sleep(behaviour.seconds if isinstance(behaviour, Hang) else 0)
            self.close_connection = True
            return
        if isinstance(behaviour, Delay):
            time.sleep(behaviour.seconds)
        self._well(greenhouse, form, behaviour)

    def _well(self, greenhouse: Greenhouse, form: dict[str, str] | None, behaviour: Behaviour | None) -> None:
        place, authorization = urlsplit(self.path), self.headers.get("Authorization", "")
        if form is not None:
            status, answer = greenhouse.token(authorization, form) if place.path == "/token" else (404, {})
            self._answer(status, json.dumps(answer).encode(), {}, behaviour)
            return
        left, next_window = greenhouse.count()
        headers = {
            "X-RateLimit-Limit": str(greenhouse.limit),
            "X-RateLimit-Remaining": str(max(left, 0)),
            "X-RateLimit-Reset": str(next_window),
        }
        if left < 0:
            headers["Retry-After"] = str(max(1, int(next_window - time.time())))
            self._answer(429, b'{"message":"Rate limit exceeded"}', headers)
            return
        name = place.path.removeprefix("/v3/")
        status, answer, cursor = greenhouse.page(name, authorization, dict(parse_qsl(place.query)))
        if cursor:
            headers["Link"] = f'<{greenhouse.url}/v3/{name}?cursor={cursor}>; rel="next"'
        elif greenhouse.link:
            headers["Link"] = greenhouse.link
        self._answer(status, json.dumps(answer).encode(), headers, behaviour)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str], behaviour: Behaviour | None = None) -> None:
        if isinstance(behaviour, Drip):
            for byte in f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n":
                time.sleep(behaviour.pause)
                self.connection.sendall(byte.encode())
            return
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if isinstance(behaviour, Truncate) else body)
        self.close_connection = isinstance(behaviour, Truncate)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until stopped, with three people in the account: one applied, one was moved, one was rejected."""
    options = argparse.ArgumentParser(prog="python -m tests.standins.greenhouse", description=__doc__)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--client-id", default="client-1")
    options.add_argument("--secret", default="s3cret")
    chosen = options.parse_args()
    greenhouse = Greenhouse(port=chosen.port, client_id=chosen.client_id, secret=chosen.secret)
    now = datetime.now(UTC)
    greenhouse.account.hire_staff(now)
    for number in (66001, 66002, 66003):
        greenhouse.account.apply(number, now)
    greenhouse.account.move(66002, 4402, now + timedelta(seconds=10))
    greenhouse.account.reject(66003, now + timedelta(seconds=10))
    stopped = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stopped.set())
    with greenhouse:
        print(f"{greenhouse.url} {greenhouse.key}", flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
