import base64
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from notifier.core.answer import Accepted, Unknown
from notifier.deliver.providers.sendgrid import SendGrid
from tests.deliver.values import an_email
from tests.standins import sendgrid as standin
from tests.standins.behaviours import Cut, Refuse
from tests.standins.sendgrid_events import SIGNATURE, TIMESTAMP, Events, Habits, Signer, event_of, written

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


class Listener:
    """Receives posts and answers each with the next status it was given, then with 204; 0 closes without a word."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.refused: list[tuple[dict[str, str], bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hooks/mail/sendgrid/events"

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event that was taken, in the order in which it came."""
        return [event for _, body in self.taken for event in json.loads(body)]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = listener.statuses.pop(0) if listener.statuses else 204
                (listener.taken if status == 204 else listener.refused).append((dict(self.headers), body))
                if status:
                    self.send_response(status)
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.stop()


@contextmanager
def reporting(listener: Listener, habits: Habits | None = None) -> Iterator[tuple[SendGrid, standin.SendGrid, Events]]:
    """A provider, the stand-in that takes its mails, and the events of that."""
    events = Events(listener.url, habits, seed=7)
    with standin.SendGrid(events=events) as receiver:
        provider = SendGrid("SG.key", receiver.url, environment="test", now=lambda: NOW)
        yield provider, receiver, events
        provider.close()


def verify(public_key: str, headers: dict[str, str], body: bytes) -> None:
    """Raise InvalidSignature unless the post was signed so."""
    key = serialization.load_der_public_key(base64.b64decode(public_key, validate=True))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = base64.b64decode(headers[SIGNATURE], validate=True)
    key.verify(signature, headers[TIMESTAMP].encode() + body, ec.ECDSA(hashes.SHA256()))


class TestTheBytes:
    def test_events_stand_on_lines_of_their_own_and_a_line_end_closes_the_post(self) -> None:
        assert written([{"a": 1}, {"b": "x"}]) == b'[{"a":1},\r\n{"b":"x"}]\r\n'

    def test_what_a_browser_could_take_for_a_tag_is_escaped(self) -> None:
        body = written([{"smtp-id": "<a@b>", "reason": "A & B, größer"}])

        assert body == '[{"smtp-id":"\\u003ca@b\\u003e","reason":"A \\u0026 B, größer"}]\r\n'.encode()
        assert json.loads(body) == [{"smtp-id": "<a@b>", "reason": "A & B, größer"}]

    def test_time_and_raw_bytes_are_signed(self) -> None:
        signer = Signer()
        body = written([{"event": "processed"}])
        headers = signer.headers(body, 1_795_000_000.9)

        assert headers[TIMESTAMP] == "1795000000"
        verify(signer.public_key, headers, body)
        for changed in (body.rstrip(), json.dumps(json.loads(body)).encode(), body + b" "):
            with pytest.raises(InvalidSignature):
                verify(signer.public_key, headers, changed)
        with pytest.raises(InvalidSignature):
            verify(Signer().public_key, headers, body)

    def test_custom_arguments_lie_at_the_top_and_replace_nothing(self) -> None:
        event = event_of("bounce", 0, "x-1", "ana@example.org", {"mid": "msg_1", "event": "mine"}, 1.5)

        assert event["mid"] == "msg_1"
        assert event["event"] == "bounce"
        assert event["timestamp"] == 1
        assert event["sg_message_id"].startswith("x-1.filter")
        assert event["smtp-id"].startswith("<x-1@")
        assert event["type"] == "bounce"

    def test_a_refusal_of_one_mail_is_a_bounce_of_its_own_type(self) -> None:
        event = event_of("blocked", 0, "x-1", "ana@example.org", {}, 1.0)

        assert (event["event"], event["type"]) == ("bounce", "blocked")


class TestTelling:
    def test_a_taken_mail_is_processed_and_then_delivered(self, listener: Listener) -> None:
        with reporting(listener) as (provider, receiver, events):
            answer = provider.send(an_email())
            assert events.idle(5)

        (mail,) = receiver.mails
        assert answer == Accepted(mail.x_message_id)
        assert [event["event"] for event in listener.events] == ["processed", "delivered"]
        for event in listener.events:
            assert event["email"] == mail.to
            assert {name: event[name] for name in mail.custom_args} == mail.custom_args
            assert event["sg_message_id"].partition(".")[0] == mail.x_message_id
        for headers, body in listener.taken:
            verify(events.public_key, headers, body)
            assert abs(time.time() - int(headers[TIMESTAMP])) < 10

    def test_another_end_can_be_told_for_an_address(self, listener: Listener) -> None:
        with reporting(listener) as (provider, receiver, events):
            events.say("ana1@example.org", "processed", "deferred", "bounce")
            events.say("ana2@example.org")
            for number in (1, 2):
                provider.send(an_email(number))
            assert events.idle(5)

        assert len(receiver.mails) == 2
        assert [(event["email"], event["event"]) for event in listener.events] == [
            ("ana1@example.org", kind) for kind in ("processed", "deferred", "bounce")
        ]

    def test_what_was_taken_is_told_although_the_caller_never_heard(self, listener: Listener) -> None:
        with reporting(listener) as (provider, receiver, events):
            receiver.then(Cut(taken=True), Refuse(503, taken=True), Cut(), Refuse(503))
            answers = [provider.send(an_email(number)) for number in range(4)]
            assert events.idle(5)

        assert all(isinstance(answer, Unknown) for answer in answers)
        assert {event["mid"] for event in listener.events} == {"msg_0", "msg_1"}

    @pytest.mark.parametrize("status", [0, 401, 503])
    def test_a_post_that_is_not_taken_is_made_again_as_it_was(self, listener: Listener, status: int) -> None:
        listener.statuses = [status, status]
        with reporting(listener) as (provider, _, events):
            provider.send(an_email())
            assert events.idle(5)

        assert [event["event"] for event in listener.events] == ["processed", "delivered"]
        assert {body for _, body in listener.refused} == {listener.taken[0][1]}
        assert [post.status for post in events.posts] == [status, status, 204]

    def test_a_post_is_made_again_although_nobody_listened_at_first(self, listener: Listener) -> None:
        listener.stop()
        with reporting(listener) as (provider, _, events):
            provider.send(an_email())
            assert not events.idle(0.3)

        assert {post.status for post in events.posts} == {0}

    def test_it_repeats_renames_and_shuffles_but_loses_nothing(self, listener: Listener) -> None:
        listener.statuses = [500]
        habits = Habits(late=0.3, copies=3, renamed=0.5, shuffled=True, batch=7, posters=2)
        with reporting(listener, habits) as (provider, _, events):
            for number in range(20):
                provider.send(an_email(number))
            assert events.idle(10)

        told = Counter((event["mid"], event["event"]) for event in listener.events)
        assert set(told) == {(f"msg_{number}", kind) for number in range(20) for kind in ("processed", "delivered")}
        assert max(told.values()) > 1
        ids = Counter(event["sg_event_id"] for event in listener.events)
        assert len(ids) > len(told)  # copies under other ids
        assert max(ids.values()) > 1  # and copies under the same one
        assert all(len(json.loads(body)) <= 7 for _, body in listener.taken)
        order = [event["event"] for event in listener.events]
        assert order != sorted(order, reverse=True)


class TestByHand:
    def test_it_writes_the_key_and_posts_where_it_is_told(self, listener: Listener, tmp_path: Path) -> None:
        record, key = tmp_path / "mails.jsonl", tmp_path / "events.key"
        command = [sys.executable, "-m", "tests.standins.sendgrid", "--record", str(record)]
        command += ["--events", listener.url, "--key-file", str(key)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            provider = SendGrid("SG.key", process.stdout.readline().strip(), environment="test", now=lambda: NOW)
            provider.send(an_email())
            provider.close()
            deadline = time.monotonic() + 10
            while {event["event"] for event in listener.events} != {"processed", "delivered"}:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)

        assert process.returncode == 0
        for headers, body in listener.taken:
            verify(key.read_text().strip(), headers, body)
