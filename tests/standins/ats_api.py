"""A stand-in for the API of any ATS that is asked record by record: a real HTTP server that answers what it was given.

In a test::

    with AtsApi("Basic a2V5Og==") as api:
        api.records["/opportunities/o1"] = {"data": {...}}
        api.then(Refuse(429, {"Retry-After": "7"}))
        ...                                # ask api.url
        api.requests                       # ["GET /opportunities/o1?expand=stage", ...]

What is not there is answered with 404, another key with 401. Query strings do not choose the record but are kept in
`requests`. `clients` holds the OAuth 2.0 clients ("<id>:<secret>") that get a token at a path that ends with `/token`.
"""

import json
import secrets
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.standins.behaviours import Behaviour, Cut, Delay, Hang, Refuse

#: Believes every request, for a test that is not about keys.
ANYBODY = "*"


class AtsApi:
    """The server. `authorization` is the header it believes, or ANYBODY; with `clients` a token's does instead.

    `at` are the moments (monotonic) of the requests, `busiest` the most that were under way at once, `connections` how
    many were opened. `slow` are paths that are answered after so many seconds.
    """

    def __init__(self, authorization: str = "", *, clients: tuple[str, ...] = ()) -> None:
        self.authorization = authorization
        self.clients = clients
        self.records: dict[str, Any] = {}
        self.slow: dict[str, float] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.at: list[float] = []
        self.tokens = 0
        self.busiest = 0
        self.connections = 0
        self._busy = 0
        self._token = ""
        self._behaviours: deque[Behaviour] = deque()
        self._always: Behaviour | None = None
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def then(self, *behaviours: Behaviour) -> None:
        """Answer the next requests so, in this order."""
        self._behaviours.extend(behaviours)

    def always(self, behaviour: Behaviour | None) -> None:
        """Answer every request so, from now on; `None` ends it."""
        self._always = behaviour

    def forget(self) -> None:
        """End the token, as a restart on their side might."""
        self._token = ""

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def begin(self, line: str, headers: dict[str, str], body: bytes) -> Behaviour | None:
        """Note a request; what to do instead of answering well."""
        with self._lock:
            self.requests.append(line)
            self.headers.append(headers)
            self.bodies.append(body)
            self.at.append(time.monotonic())
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
            return self._behaviours.popleft() if self._behaviours else self._always

    def end(self) -> None:
        with self._lock:
            self._busy -= 1

    def token(self, form: dict[str, str]) -> tuple[int, Any]:
        """Answer the token's end point."""
        self.tokens += 1
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        if f"{form.get('client_id')}:{form.get('client_secret')}" not in self.clients:
            return 401, {"error": "invalid_client"}
        self._token = secrets.token_urlsafe(24)
        return 200, {"access_token": self._token, "token_type": "Bearer", "expires_in": 1799}

    def record(self, path: str, authorization: str) -> tuple[int, Any]:
        """Answer a question for a record."""
        believed = {self.authorization} - {""} | ({f"Bearer {self._token}"} if self._token else set())
        if authorization not in believed and self.authorization != ANYBODY:
            return 401, {"code": "Unauthorized"}
        time.sleep(self.slow.get(path, 0.0))
        if path not in self.records:
            return 404, {"code": "ResourceNotFound", "message": "not found"}
        return 200, self.records[path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], api: AtsApi) -> None:
        self.api = api
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.api.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write an answer

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def _handle(self, body: bytes) -> None:
        server: Any = self.server
        api: AtsApi = server.api
        headers = {name.lower(): value for name, value in self.headers.items()}
        behaviour = api.begin(f"{self.command} {self.path}", headers, body)
        try:
            self._behave(api, behaviour, body)
        finally:
            api.end()

    def _behave(self, api: AtsApi, behaviour: Behaviour | None, body: bytes) -> None:
        if isinstance(behaviour, Refuse):
            self._answer(behaviour.code, behaviour.body or b'{"message":"made to refuse"}', behaviour.headers)
            return
        if isinstance(behaviour, Cut | Hang):
            time.sleep(behaviour.seconds if isinstance(behaviour, Hang) else 0)
            self.close_connection = True
            return
        if isinstance(behaviour, Delay):
            time.sleep(behaviour.seconds)
        path = urlsplit(self.path).path
        if path.endswith("/token") and api.clients:
            status, answer = api.token(dict(parse_qsl(body.decode())))
        else:
            status, answer = api.record(path, self.headers.get("Authorization", ""))
        self._answer(status, json.dumps(answer).encode(), {})

    def _answer(self, status: int, body: bytes, headers: Any) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
