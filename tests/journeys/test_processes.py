"""The same journeys through the real processes: SQLite with the private Redis, and PostgreSQL with a Redis of its own.

Webhooks go in through HTTP, mails come out at a receiver that answers like SendGrid; its record is what counts.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.store.ledger import read_ledger
from notifier.store.views import list_applications, list_messages
from tests.processes import System, system
from tests.standins.sendgrid import SendGrid

STEPS: dict[str, list[dict[str, Any]]] = {
    "arrives": [{"stage": {"id": "s1", "name": "Applied", "kind": "applied"}}],
    "is refused by hand": [
        {"stage": {"id": "s1", "name": "Applied", "kind": "applied"}},
        {"stage": {"id": "s3", "name": "Onsite", "kind": "interview"}},
        {"stage": {"id": "s3", "name": "Onsite", "kind": "interview"}, "outcome": "rejected"},
    ],
    "is refused and reopened": [
        {"stage": {"id": "s1", "name": "Applied", "kind": "applied"}},
        {"stage": {"id": "s1", "name": "Applied", "kind": "applied"}, "outcome": "rejected"},
        {"stage": {"id": "s1", "name": "Applied", "kind": "applied"}, "outcome": "none"},
    ],
    "sits where nobody knows": [{"stage": {"id": "s9", "name": "Quokka"}}],
}

#: (template, state, reason) of every message in the end.
EXPECTED = {
    "arrives": [("application_received", "accepted", "")],
    "is refused by hand": [
        ("application_received", "accepted", ""),
        ("interview_next_steps", "cancelled", "rejected"),
        ("rejected_after_interview", "awaiting_approval", ""),
    ],
    "is refused and reopened": [
        ("application_received", "accepted", ""),
        ("rejected_after_application", "cancelled", "no_longer_rejected"),
    ],
    "sits where nobody knows": [],
}


@pytest.fixture(params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[System, SendGrid]]:
    with SendGrid(key="SG.key") as receiver:
        settings = {
            "MAIL_PROVIDER": "sendgrid",
            "SENDGRID_API_KEY": "SG.key",
            "SENDGRID_API_URL": receiver.url,
            "MAIL_FROM": "Example Co <jobs@example.com>",
        }
        if request.param == "postgresql":
            from tests.redis_server import Embedded

            settings["DATABASE_URL"] = request.getfixturevalue("postgresql_url")
            redis = Embedded(tmp_path / "redis")
            redis.start()
            with system(tmp_path, REDIS_URL=redis.url, **settings) as started:
                yield started, receiver
            redis.stop()
        else:
            with system(tmp_path, **settings) as started:
                yield started, receiver


def body(name: str, step: dict[str, Any], at: datetime) -> bytes:
    data = {
        "application": {"id": name},
        "candidate": {"id": f"c-{name}", "first_name": "Ana", "email": f"{name.replace(' ', '.')}@example.org"},
        "job": {"id": "j1", "title": "Backend engineer"},
        **step,
    }
    return json.dumps({"type": "application.changed", "timestamp": at.isoformat(), "data": data}).encode()


def ended(started: System) -> dict[str, list[tuple[str, str, str]]]:
    """The messages of every journey, oldest first."""
    with started.db.read() as tx:
        found: dict[str, list[tuple[str, str, str]]] = {
            view.application.external_id: [] for view in list_applications(tx, None)
        }
        views = sorted(list_messages(tx, None, limit=1000), key=lambda view: view.message.id)
        for view in views:
            row = view.message
            found[view.application.external_id].append((row.template, row.state.value, row.reason))
    return found


def test_journeys_end_the_same_on_either_database(running: tuple[System, SendGrid]) -> None:
    started, receiver = running
    begin = datetime.now(UTC) - timedelta(minutes=10)
    for number in range(3):
        for name, steps in STEPS.items():
            if number < len(steps):
                event = body(name, steps[number], begin + timedelta(minutes=number))
                for _copy in range(2):
                    status, _ = started.post("generic", event, f"{name}-{number}")
                    assert status == 200
        time.sleep(0.5)

    deadline = time.monotonic() + 20
    while ended(started) != EXPECTED and time.monotonic() < deadline:
        time.sleep(0.1)

    assert ended(started) == EXPECTED
    with started.db.read() as tx:
        assert read_ledger(tx, full=True).violations == ()
    arrived = Counter(mail.to for mail in receiver.mails)
    assert arrived == {
        "arrives@example.org": 1,
        "is.refused.by.hand@example.org": 1,
        "is.refused.and.reopened@example.org": 1,
    }
