"""C01 to C03: the web process is killed around the commit of a webhook, and the ATS does what an ATS does: it retries.

The web process is a real server in a process of its own, killed at the named moment; the retry meets a second one.
"""

import http.client
import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from notifier.core.change import Delivery
from notifier.core.inbox import InboxState
from notifier.ingest.registry import adapters
from notifier.store.inbox import list_items
from tests.faults import children, crash_points
from tests.faults.children import child, end_of, wait_until
from tests.faults.crash_points import Point, Step, When
from tests.processes import free_port
from tests.standins.sendgrid import SendGrid
from tests.world import World

#: Seconds within which a mail leaves although nobody was told of it.
BY_THE_RELAY = 30


@dataclass(frozen=True)
class Ats:
    """One world in real time, and its ATS, which posts one and the same event."""

    world: World
    url: str

    def post(self, port: int) -> tuple[int, str]:
        """The status and the word of the answer."""
        here, body = self.world.generic, event(self.world.clock.now)
        headers = adapters()["generic"].signed(Delivery({}, body), here.secret, datetime.now(UTC), "evt-once").headers
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("POST", f"/hooks/ats/{here.key}", body, headers)
            answer = connection.getresponse()
            return answer.status, str(json.loads(answer.read())["status"])
        finally:
            connection.close()

    def kept(self) -> list[InboxState]:
        with self.world.db.read() as tx:
            return [item.state for item in list_items(tx)]

    def settle(self) -> list[tuple[str, str]]:
        """Plan and send; what the candidate got."""
        self.world.clock.now = datetime.now(UTC)
        self.world.settle_down()
        return self.world.mails()


def event(at: datetime) -> bytes:
    data: dict[str, Any] = {
        "application": {"id": "a1"},
        "candidate": {"id": "c1", "first_name": "Ana", "email": "ana@example.org"},
        "job": {"id": "j1", "title": "Backend engineer"},
        "stage": {"id": "s1", "name": "Application Review", "kind": "applied"},
    }
    return json.dumps({"type": "application.changed", "timestamp": at.isoformat(), "data": data}).encode()


def listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture
def ats(database_url: str) -> Iterator[Ats]:
    world = World(database_url)
    world.clock.now = datetime.now(UTC)
    yield Ats(world, database_url)
    world.close()


def killed_at(ats: Ats, point: Point) -> None:
    """Post to a web process that dies there: the sender is never answered."""
    port = free_port()
    with child(crash_points.serve, ats.url, port, point) as web:
        wait_until(lambda: listens(port))
        with pytest.raises((OSError, http.client.HTTPException)):
            ats.post(port)
        assert end_of(web) == -signal.SIGKILL


def retried(ats: Ats) -> tuple[int, str]:
    port = free_port()
    with child(crash_points.serve, ats.url, port, None):
        wait_until(lambda: listens(port))
        return ats.post(port)


def test_c01_killed_before_the_commit_nothing_is_kept_and_the_retry_has_the_one_effect(ats: Ats) -> None:
    killed_at(ats, Point(When.BEFORE_COMMIT, Step.KEEP))
    assert ats.kept() == []

    assert retried(ats) == (200, "kept")
    assert len(ats.settle()) == 1


@pytest.mark.parametrize("point", [Point(When.AFTER_COMMIT, Step.KEEP), Point(When.AFTER_NUDGE)], ids=str)
def test_c02_killed_after_the_commit_and_before_the_200_the_retry_is_a_duplicate(ats: Ats, point: Point) -> None:
    killed_at(ats, point)
    assert ats.kept() == [InboxState.RECEIVED]

    assert retried(ats) == (200, "duplicate")
    assert len(ats.kept()) == len(ats.settle()) == 1


def test_c03_killed_after_the_commit_and_before_the_nudge_the_relay_sends_it(ats: Ats) -> None:
    killed_at(ats, Point(When.BEFORE_NUDGE))
    since = time.monotonic()

    with SendGrid(key="SG.key") as receiver:
        settings = crash_points.environ(ats.url, receiver.url) | {"REDIS_URL": "redis://127.0.0.1:9"}
        with child(children.relay, settings):
            wait_until(lambda: receiver.mails, BY_THE_RELAY)
        assert time.monotonic() - since < BY_THE_RELAY
        assert [mail.to for mail in receiver.mails] == ["ana@example.org"]
