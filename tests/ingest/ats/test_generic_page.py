"""docs/ats/generic.md: its example is run as it stands there, its values are recomputed."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from notifier.core.change import Believed, Delivery, StageChange
from notifier.core.stage import StageKind
from notifier.ingest.ats.generic import Adapter

PAGE = (Path(__file__).parents[3] / "docs" / "ats" / "generic.md").read_text("utf-8")
EXAMPLE = PAGE.split("<!-- example: begin -->\n```sh\n")[1].split("```\n<!-- example: end -->")[0]
TOOLS = [tool for tool in ("sh", "openssl", "curl", "od", "tr", "date") if shutil.which(tool)]
generic = Adapter()


class Listener(HTTPServer):
    """Keeps what it is sent and answers 200."""

    def __init__(self) -> None:
        self.kept: list[Delivery] = []
        super().__init__(("127.0.0.1", 0), Keeper)


class Keeper(BaseHTTPRequestHandler):
    """Reads one request as the web process does: headers in lower case, the body untouched."""

    server: Listener

    def do_POST(self) -> None:
        """Keep the request."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.kept.append(Delivery({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(200)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def sent(listener: Listener, secret: str) -> list[Delivery]:
    """What the example sends when a shell runs it; nothing on a machine without its tools."""
    if len(TOOLS) < 6:
        return []
    url = f"http://127.0.0.1:{listener.server_port}/hooks/ats/k3f9"
    script = EXAMPLE.replace("https://<your host>/hooks/ats/<source_key>", url).replace("whsec_<your secret>", secret)
    assert "<your" not in script
    subprocess.run(["sh", "-euc", script], check=True, capture_output=True, timeout=30)
    return listener.kept


def test_the_example_is_believed_and_understood(listener: Listener) -> None:
    secret = generic.new_secret()
    for delivery in sent(listener, secret):
        assert generic.verify(delivery, [secret], datetime.now(UTC)) == Believed(0)
        (event,) = generic.translate(delivery, datetime.now(UTC))
        assert isinstance(event, StageChange)
        assert event.stage is not None
        assert event.stage.kind is StageKind.INTERVIEW
    assert len(listener.kept) == (1 if len(TOOLS) == 6 else 0)


def test_the_body_of_the_example_is_understood_without_any_tool() -> None:
    body = re.search(r"body='(.*?)'\n", EXAMPLE, re.DOTALL)
    assert body
    (event,) = generic.translate(Delivery({}, body[1].encode()), datetime(2026, 5, 4, tzinfo=UTC))
    assert isinstance(event, StageChange)
    assert event.candidate is not None
    assert event.candidate.emails == ("noor@example.com",)


def test_the_values_to_check_one_s_own_signing_are_right() -> None:
    values = dict(
        re.findall(r"^\| `?([a-z-]+)`? \| `(.+)` \|$", PAGE.split("## Check your own signing")[1], re.MULTILINE)
    )
    then = datetime.fromtimestamp(int(values["webhook-timestamp"]), UTC)
    headers = generic.signed(
        Delivery({}, values["body"].encode()), values["secret"], then, values["webhook-id"]
    ).headers
    assert headers["webhook-signature"] == values["webhook-signature"]
