"""How a request shows the key, and which headers go with it: asked over HTTP."""

import base64
import dataclasses
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from notifier.core.asking import Answer, Answered, Api, Proof, Question
from notifier.core.cut import ALL
from notifier.pull.asked import AtsAsker

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
KEY = "key-of-a-test"
API = Api("https://ats.example", Proof.BEARER, 100, "the key", "everything")


class Ats:
    """Answers everything with one object and remembers the headers."""

    def __init__(self) -> None:
        self.headers: list[Mapping[str, str]] = []
        ats = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ats.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(200)
                self.send_header("Content-Length", "8")
                self.end_headers()
                self.wfile.write(b'{"id":1}')

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def ats() -> Iterator[Ats]:
    made = Ats()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def asked(ats: Ats, api: Api) -> Mapping[str, str]:
    """The headers of one question."""
    asker = AtsAsker()
    question = Question("/things/1", {"id": ALL})
    reports = list(asker.ask("An ATS", api, KEY, ats.url, {"item": lambda answers: None if answers else question}, NOW))
    asker.close()
    assert reports == [Answered("item", (Answer(200, b'{"id":1}'),))]
    return ats.headers[-1]


@pytest.mark.parametrize(
    ("proof", "written"),
    [
        (Proof.BASIC, "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()),
        (Proof.BEARER, f"Bearer {KEY}"),
        (Proof.TOKEN, f"Token token={KEY}"),
    ],
)
def test_a_plain_key_is_shown_as_the_ats_wants_it(ats: Ats, proof: Proof, written: str) -> None:
    assert asked(ats, dataclasses.replace(API, proof=proof))["authorization"] == written


def test_a_key_may_stand_in_a_header_of_its_own(ats: Ats) -> None:
    sent = asked(ats, dataclasses.replace(API, proof=Proof.HEADER, key_header="x-smarttoken"))
    assert sent["x-smarttoken"] == KEY
    assert "authorization" not in sent


def test_an_ats_may_want_another_kind_of_answer_than_plain_json(ats: Ats) -> None:
    assert asked(ats, API)["accept"] == "application/json"
    sent = asked(ats, dataclasses.replace(API, headers={"accept": "application/vnd.api+json", "x-api-version": "1"}))
    assert (sent["accept"], sent["x-api-version"]) == ("application/vnd.api+json", "1")
