"""Merge and Kombo: a notification makes the source due, and what changed is read from a real server."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from notifier.core.inbox import InboxState
from notifier.core.ports import Job
from notifier.flow.sweep import sweep_batch, sweep_now
from notifier.flow.watch import watch
from notifier.ingest.registry import adapters
from notifier.store import sources, sweeps
from tests.faults.edge import items
from tests.standins.ats_api import AtsApi
from tests.standins.behaviours import Refuse
from tests.world import Here, World

KEY, ACCOUNT = "key-1", "account-1"
PATH = {"merge": "/applications", "kombo": "/ats/applications"}
HEADER = {"merge": "x-account-token", "kombo": "x-integration-id"}
NOTICE = {"merge": "applicationChanged", "kombo": "dataChanged"}
both = pytest.mark.parametrize("ats", ["merge", "kombo"])


class Office:
    """A world with a source of Merge or Kombo, and what its API says."""

    def __init__(self, world: World, api: AtsApi, ats: str) -> None:
        self.world, self.api, self.ats = world, api, ats
        self.here: Here = world.add_source(ats)
        with world.db.begin() as tx:
            source = sources.get_source(tx, None, self.here.id)
            sources.set_api_key(tx, source, f"{KEY}:{ACCOUNT}")
            source.api_url = api.url
        world.clock.tick(days=4)  # the first sweep looks back three days, and this is not about it
        self.notices = 0
        self.say()

    def say(self, *applications: dict[str, Any], following: str | None = None) -> None:
        rows = list(applications)
        if self.ats == "merge":
            self.api.records[PATH["merge"]] = {"next": following, "previous": None, "results": rows}
        else:
            self.api.records[PATH["kombo"]] = {"status": "success", "data": {"next": following, "results": rows}}

    def application(
        self, name: str, *, stage: str = "Application Review", applied_ago: timedelta = timedelta(), **more: Any
    ) -> dict[str, Any]:
        now = self.world.clock.now
        moment, applied = (at.isoformat().replace("+00:00", "Z") for at in (now, now - applied_ago))
        candidate = {
            "id": f"c-{name}",
            "first_name": "Ana",
            "last_name": "Adler",
            "phone_numbers": [{"value": "5550199"}],
        }
        facts: dict[str, Any] = {
            "id": name,
            "current_stage": {"id": stage, "name": stage},
            "job": {"id": "j", "name": "Engineer"},
        }
        if self.ats == "merge":
            candidate["email_addresses"] = [{"value": f"{name}@example.org"}]
            facts |= {"modified_at": moment, "applied_at": applied, "rejected_at": None, "reject_reason": None}
        else:
            candidate["email_addresses"] = [{"email_address": f"{name}@example.org", "type": "PRIVATE"}]
            facts |= {"changed_at": moment, "remote_created_at": applied, "outcome": "PENDING", "rejected_at": None}
        return {**facts, "candidate": candidate, **more}

    def rejected(self, name: str, reason: str = "Too little experience", **more: Any) -> dict[str, Any]:
        moment = self.world.clock.now.isoformat().replace("+00:00", "Z")
        if self.ats == "merge":
            return self.application(name, rejected_at=moment, reject_reason={"id": "r", "name": reason}, **more)
        return self.application(name, outcome="DECLINED", rejected_at=moment, rejection_reason_name=reason, **more)

    def notify(self) -> None:
        """The web hook, as a new one each time."""
        self.notices += 1
        body = json.loads(adapters()[self.ats].samples()[NOTICE[self.ats]].body)
        body["data"]["number"] = self.notices
        assert self.world.post(self.here, body).status == 200

    def go(self) -> None:
        """What workers do when they are nudged."""
        self.world.plan()
        while sweep_batch(self.world.flow):
            pass
        self.world.settle_down()

    def tell(self, *applications: dict[str, Any]) -> None:
        self.say(*applications)
        self.notify()
        self.go()


@pytest.fixture
def api() -> Iterator[AtsApi]:
    with AtsApi(f"Bearer {KEY}") as made:
        yield made


@pytest.fixture
def office(world_on: World, api: AtsApi, ats: str) -> Office:
    return Office(world_on, api, ats)


@both
def test_a_notification_is_read_and_becomes_a_message(office: Office, api: AtsApi) -> None:
    office.say(office.application("a1"))
    office.notify()
    office.world.plan()
    assert Job.SWEEP in office.world.queue.nudges
    assert Job.SWEEP in watch(office.world.flow).jobs
    office.go()

    assert office.world.live("a1") == [("application_received", "accepted")]
    assert [address for address, _ in office.world.mails()] == ["a1@example.org"]
    assert {(item.state, item.reason) for item in items(office.world)} == {
        (InboxState.PLANNED, "source_is_read"),
        (InboxState.PLANNED, ""),
    }
    assert api.headers[-1]["authorization"] == f"Bearer {KEY}"
    assert api.headers[-1][HEADER[office.ats]] == ACCOUNT
    assert office.world.ledger().violations == ()


@both
def test_only_what_changed_is_asked_for_and_every_page_is_read(office: Office, api: AtsApi) -> None:
    office.say(office.application("a1"), following="cursor-2")
    office.notify()
    office.world.plan()
    assert sweep_batch(office.world.flow) == 1
    office.world.clock.tick(seconds=1)
    office.say(office.application("a2"))
    assert sweep_batch(office.world.flow) == 1
    office.go()

    first, second = (parse_qs(urlsplit(line.split()[1]).query) for line in api.requests[:2])
    since = first["modified_after" if office.ats == "merge" else "updated_after"][0]
    assert since.startswith(f"{office.world.clock.now - timedelta(days=3):%Y-%m-%d}")
    assert ("cursor" in first, second["cursor"]) == (False, ["cursor-2"])
    assert {item.state for item in items(office.world)} == {InboxState.PLANNED}
    assert {address for address, _ in office.world.mails()} == {"a1@example.org", "a2@example.org"}


@both
@pytest.mark.parametrize(
    ("reason", "template"),
    [("Too little experience", "rejected_after_application"), ("Candidate withdrew", "withdrawn_ack")],
)
def test_an_ending_is_told_by_what_its_reason_says(office: Office, reason: str, template: str) -> None:
    office.tell(office.application("a1"))
    office.world.clock.tick(hours=1)
    office.tell(office.rejected("a1", reason))
    office.world.run_for(days=8)

    assert (template, "accepted") in office.world.live("a1")
    assert office.world.ledger().violations == ()


@both
def test_a_hire_is_told_and_one_taken_back_stops_a_no(office: Office) -> None:
    office.tell(office.application("a1"), office.application("a2"))
    office.world.clock.tick(hours=1)
    hired = office.application("a1", stage="Hired", **({"outcome": "HIRED"} if office.ats == "kombo" else {}))
    office.tell(hired, office.rejected("a2"))
    office.world.clock.tick(hours=1)
    office.tell(office.application("a2"))
    office.world.run_for(days=8)

    assert "hired_handoff" in [template for template, _ in office.world.live("a1")]
    assert not [template for template, _ in office.world.live("a2") if template.startswith("rejected")]


@both
def test_whoever_applied_before_us_hears_of_the_next_move_and_not_of_the_past(office: Office) -> None:
    long_ago = timedelta(days=90)
    office.tell(office.application("a1", applied_ago=long_ago))
    assert office.world.messages("a1") == []
    assert [item.reason for item in items(office.world) if item.reason != "source_is_read"] == ["before_us"]

    office.world.clock.tick(hours=1)
    office.tell(office.application("a1", stage="Phone Screen", applied_ago=long_ago))
    assert len(office.world.live("a1")) == 1
    assert office.world.ledger().violations == ()


@both
def test_an_ending_before_us_is_left_alone(office: Office) -> None:
    ended = office.rejected("a1")
    long_ago = (office.world.clock.now - timedelta(days=90)).isoformat().replace("+00:00", "Z")
    office.tell({**ended, "rejected_at": long_ago})
    assert [item.reason for item in items(office.world)] == ["source_is_read"]


@both
def test_a_deletion_is_no_rejection(office: Office) -> None:
    office.tell(office.application("a1"))
    office.world.clock.tick(hours=1)
    moment = office.world.clock.now.isoformat().replace("+00:00", "Z")
    gone = {"remote_was_deleted": True} if office.ats == "merge" else {"remote_deleted_at": moment}
    office.tell(office.application("a1", **gone))

    assert office.world.application("a1").application.deleted_at is not None
    assert office.world.live("a1") == [("application_received", "accepted")]


@both
def test_a_notification_during_a_sweep_brings_another(office: Office) -> None:
    office.say(office.application("a1"), following="more")
    office.notify()
    office.world.plan()
    assert sweep_batch(office.world.flow) == 1
    office.world.clock.tick(seconds=5)
    office.notify()
    office.world.plan()
    office.world.clock.tick(seconds=5)
    office.say()
    assert sweep_batch(office.world.flow) == 1, "the rest of the sweep under way"
    office.say(office.application("a2"))
    assert sweep_batch(office.world.flow) == 1, "and a new one at once"
    office.world.settle_down()
    assert office.world.live("a2") == [("application_received", "accepted")]


@both
def test_a_storm_of_notifications_is_one_sweep(office: Office, api: AtsApi) -> None:
    office.say(office.application("a1"))
    for _ in range(20):
        office.notify()
    office.go()
    assert len(api.requests) == 1


@both
def test_a_lost_notification_costs_an_hour_and_no_candidate(office: Office) -> None:
    office.tell()
    office.world.clock.tick(minutes=30)
    office.say(office.application("a1"))
    office.world.clock.tick(minutes=31)
    assert Job.SWEEP in watch(office.world.flow).jobs
    office.go()
    assert office.world.live("a1") == [("application_received", "accepted")]


@both
def test_a_record_nobody_understands_is_quarantined_and_the_others_are_read(office: Office) -> None:
    moment = {"modified_at": None} if office.ats == "merge" else {"changed_at": None}
    office.tell(office.application("a1"), office.application("a2", **moment))
    assert office.world.live("a1") == [("application_received", "accepted")]
    (bad,) = (item for item in items(office.world) if item.state is InboxState.QUARANTINED)
    assert bad.reason.split(":")[0] in {"modified_at", "changed_at"}


@both
@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (Refuse(401), "the key is refused (401)"),
        (Refuse(404), "404 for the list of changes"),
        (Refuse(500), "out of order (500)"),
        (Refuse(429, {"Retry-After": "60"}), "too many requests"),
        (Refuse(200, body=b'{"results": 7, "data": 7}'), "is not understood"),
    ],
)
def test_an_api_that_does_not_answer_is_said(office: Office, api: AtsApi, behaviour: Refuse, why: str) -> None:
    api.always(behaviour)
    office.notify()
    office.go()
    with office.world.db.read() as tx:
        ((_, sweep),) = sweeps.stuck(tx, [office.world.workspace])
    assert why in sweep.why
    assert KEY not in sweep.why
    api.always(None)
    office.say(office.application("a1"))
    assert sweep_now(office.world.flow, office.here.id) == (1, 1, "")


@both
def test_without_a_key_the_notification_is_kept_for_later(office: Office) -> None:
    with office.world.db.begin() as tx:
        sources.set_api_key(tx, sources.get_source(tx, None, office.here.id), "")
    office.notify()
    office.go()
    (item,) = items(office.world)
    assert (item.state, item.reason.split(":")[0]) == (InboxState.QUARANTINED, "api_key")


@both
def test_nothing_that_is_not_read_is_kept(office: Office) -> None:
    office.tell(office.application("a1"))
    with office.world.db.read() as tx:
        bodies = [tx.keyring.open_bytes(item.body, "inbox.body") for item in items(office.world)]
    assert any(b"a1@example.org" in body for body in bodies)
    assert not any(b"5550199" in body for body in bodies)


def test_the_data_of_merges_web_hooks_is_not_kept(world: World) -> None:
    here = world.add_source("merge")
    body = json.loads(adapters()["merge"].samples()["applicationChanged"].body)
    body["hook"]["event"], body["data"] = "EEOC.added", {"race": "WHITE", "gender": "FEMALE"}
    world.post(here, body)
    (item,) = items(world)
    with world.db.read() as tx:
        kept = tx.keyring.open_bytes(item.body, "inbox.body")
    assert b"EEOC.added" in kept
    assert b"WHITE" not in kept
    assert b"FEMALE" not in kept
