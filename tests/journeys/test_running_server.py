"""Every Greenhouse event, posted over HTTP to the running processes, in the order in which a person would meet them."""

import json
import time
from pathlib import Path

import pytest

from notifier.store.inbox import list_items
from notifier.store.ledger import read_ledger
from notifier.store.views import list_messages
from tests.journeys.test_greenhouse_events import MEANING, OWN, PUBLISHED, PUBLISHED_MEANING
from tests.processes import System, system

#: In one installation these are about people whom another event has named before.
ABOUT_KNOWN_PEOPLE = {
    "update_candidate": ("ignored", "candidate_is_erased"),
    "merge_candidate": ("planned", "candidate_merged"),
}

FOLDERS = {"own": (OWN, MEANING), "published": (PUBLISHED, PUBLISHED_MEANING)}


def read(started: System, count: int) -> dict[str, tuple[str, str]]:
    """(state, reason) of every item by its event key, once all of them are read."""
    deadline = time.monotonic() + 20
    while True:
        with started.db.read() as tx:
            items = list_items(tx, limit=1000)
        waiting = [item for item in items if item.state.value == "received"]
        if (len(items) == count and not waiting) or time.monotonic() > deadline:
            return {item.event_key: (item.state.value, item.reason) for item in items}
        time.sleep(0.1)


@pytest.mark.parametrize("folder", [name for name, (path, _) in FOLDERS.items() if path.is_dir()])
def test_every_event_is_read_and_means_what_it_means(tmp_path: Path, folder: str) -> None:
    path, meaning = FOLDERS[folder]
    bodies = {name: (path / f"{name}.json").read_bytes() for name in meaning}
    # One application for each event that names one, so that none of them is old news to another.
    for number, name in enumerate(bodies):
        body = json.loads(bodies[name])
        application = body.get("payload", {}).get("application")
        if application is not None and name != "delete_application":
            application["id"] = 900_000 + number
            if application.get("candidate"):
                application["candidate"]["id"] = 800_000 + number
            bodies[name] = json.dumps(body).encode()
    with system(tmp_path) as started:
        for name, body in bodies.items():
            status, _ = started.post("greenhouse", body, f"evt-{name}")
            assert status == 200, name
            assert started.post("greenhouse", body + b" ", f"forged-{name}", secret="x" * 32)[0] == 401
        states = read(started, len(bodies))
        with started.db.read() as tx:
            written = sorted(view.message.template for view in list_messages(tx, None, limit=1000))
            violations = read_ledger(tx, full=True).violations

    assert {name: states[f"evt-{name}"] for name in bodies} == {
        name: ABOUT_KNOWN_PEOPLE.get(name, (state, reason)) for name, (state, reason, *_) in meaning.items()
    }
    assert written == sorted(template for *_, template, _ in meaning.values() if template)
    assert violations == ()
