"""Asking an ATS for what a webhook leaves out, against a real server: what is delayed, what is not, what is kept."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from notifier.core.inbox import InboxState
from notifier.core.ports import Job
from notifier.flow.ask import ask_batch
from notifier.flow.replay import replay
from notifier.flow.watch import watch
from notifier.pull.asked import AtsAsker
from notifier.store import askings, sources
from notifier.store.inbox import InboxItem, get_item
from tests.faults.edge import Edge, items
from tests.standins.ats_api import AtsApi
from tests.standins.behaviours import Cut, Hang, Refuse
from tests.world import Here, World

KEY = "lever-key-1"
BASIC = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()


@pytest.fixture
def api() -> Iterator[AtsApi]:
    with AtsApi(BASIC) as made:
        yield made


@pytest.fixture
def here(world_on: World, api: AtsApi) -> Here:
    return add_lever(world_on, api)


def add_lever(world: World, api: AtsApi, key: str = KEY) -> Here:
    made = world.add_source("lever")
    with world.db.begin() as tx:
        source = sources.get_source(tx, None, made.id)
        sources.set_api_key(tx, source, key)
        source.api_url = api.url
    return made


def record(world: World, api: AtsApi, name: str, *, email: str | None = None, **more: Any) -> None:
    """What the API says of an opportunity that is in its application review."""
    api.records["/postings/p1"] = {"data": {"id": "p1", "text": "Field engineer"}}
    api.records[f"/opportunities/{name}"] = {
        "data": {
            "id": name,
            "name": "Ana Adler",
            "contact": f"contact-{name}",
            "emails": [email or f"{name}@example.org"],
            "phones": [{"value": "+43 1 5550199"}],
            "updatedAt": int(world.clock.now.timestamp() * 1000),
            "archived": None,
            "stage": {"id": "applicant-new", "text": "New applicant"},
            "owner": {"id": "u1", "name": "Maria Lopez", "email": "maria@example.com"},
            "applications": [{"id": f"application-{name}", "posting": "p1"}],
            **more,
        }
    }


def archived(world: World, api: AtsApi, name: str, text: str = "Underqualified") -> None:
    api.records["/archive_reasons/r1"] = {"data": {"id": "r1", "text": text, "type": "non-hired"}}
    record(world, api, name, archived={"reason": "r1", "archivedAt": int(world.clock.now.timestamp() * 1000)})


def tell(world: World, here: Here, name: str, event: str = "applicationCreated") -> None:
    """Lever's web hook about an opportunity."""
    assert world.post(here, {"event": event, "data": {"opportunityId": name}}).status == 200


def only(world: World) -> InboxItem:
    (item,) = items(world)
    return item


def test_ids_become_a_message_to_the_right_person(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    record(world, api, "o1", email="ana@example.org")
    tell(world, here, "o1")
    world.plan()
    assert only(world).state is InboxState.ASKING
    assert Job.ASK in world.queue.nudges
    world.settle_down()

    assert only(world).state is InboxState.PLANNED
    assert world.live("o1") == [("application_received", "accepted")]
    assert [address for address, _ in world.mails()] == ["ana@example.org"]
    assert world.ledger().violations == ()


def test_a_rejection_is_told_and_one_taken_back_is_not(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    for name in ("o1", "o2"):
        record(world, api, name)
        tell(world, here, name)
    world.settle_down()
    world.clock.tick(hours=1)
    for name in ("o1", "o2"):
        archived(world, api, name)
        tell(world, here, name, "candidateArchiveChange")
    world.settle_down()
    world.clock.tick(minutes=5)
    record(world, api, "o2")
    tell(world, here, "o2", "candidateArchiveChange")
    world.settle_down()
    world.run_for(days=8)

    assert ("rejected_after_application", "accepted") in world.live("o1")
    assert not [template for template, _ in world.live("o2") if template.startswith("rejected")]
    assert world.ledger().violations == ()


def test_a_forged_body_under_a_seen_signature_says_nothing(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    record(world, api, "o1")
    record(world, api, "o2")
    tell(world, here, "o2")
    world.settle_down()
    body = json.dumps({"event": "applicationCreated", "data": {"opportunityId": "o1"}}).encode()
    genuine = Edge(world).signed(here, body, "seen")
    forged = genuine.body.replace(b"applicationCreated", b"candidateDeleted").replace(b'"o1"', b'"o2"')
    words = [Edge(world).post(here, one, genuine.headers).get_json()["status"] for one in (genuine.body, forged)]
    assert words == ["kept", "duplicate"], "after the genuine one it is a copy"

    another = Edge(world).signed(here, body, "seen-and-held-back")
    forged = another.body.replace(b"applicationCreated", b"candidateDeleted").replace(b'"o1"', b'"o2"')
    assert Edge(world).post(here, forged, another.headers).get_json()["status"] == "kept"
    world.settle_down()
    assert [item.reason for item in items(world) if item.state is InboxState.IGNORED] == ["still_there"]
    assert world.application("o2").application.deleted_at is None


@pytest.mark.parametrize(
    "behaviour", [Refuse(500), Refuse(503, {"Retry-After": "90"}), Cut(), Refuse(200, body=b"<html>")]
)
def test_what_is_not_answered_is_asked_again_by_itself(
    world_on: World, api: AtsApi, here: Here, behaviour: Any
) -> None:
    world = world_on
    record(world, api, "o1")
    api.then(behaviour)
    tell(world, here, "o1")
    world.settle_down()
    item = only(world)
    assert (item.state, item.asks) == (InboxState.ASKING, 1)
    assert item.reason.startswith("Lever: ")
    assert ask_batch(world.flow) == 0, "not before its time"
    watch(world.flow)
    assert Job.ASK not in watch(world.flow).jobs

    world.clock.tick(minutes=2)
    assert Job.ASK in watch(world.flow).jobs
    world.settle_down()
    assert only(world).state is InboxState.PLANNED
    assert world.ledger().violations == ()


def test_a_limit_of_requests_stops_all_of_the_source_until_the_moment_named(
    world_on: World, api: AtsApi, here: Here
) -> None:
    world = world_on
    for name in ("o1", "o2", "o3"):
        record(world, api, name)
        tell(world, here, name)
    api.always(Refuse(429, {"Retry-After": "300"}))
    world.settle_down()
    so_far = len(api.requests)
    api.always(None)
    world.clock.tick(seconds=290)
    assert ask_batch(world.flow) == 0
    assert len(api.requests) == so_far

    world.clock.tick(seconds=20)
    world.settle_down()
    assert [item.state for item in items(world)] == [InboxState.PLANNED] * 3


def test_a_key_that_is_refused_is_said_and_a_new_one_is_used_at_once(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    api.authorization = "Basic another"
    record(world, api, "o1")
    tell(world, here, "o1")
    world.settle_down()
    with world.db.read() as tx:
        ((source, number, _, why),) = askings.waiting(tx, [world.workspace])
    assert (source.id, number) == (here.id, 1)
    assert "the key is refused (401)" in why
    assert KEY not in why

    api.authorization = BASIC
    with world.db.begin() as tx:
        askings.hurry(tx, here.id)
    world.settle_down()
    assert only(world).state is InboxState.PLANNED


def test_without_a_key_nothing_is_asked_and_it_is_said(world_on: World, api: AtsApi) -> None:
    world = world_on
    here = add_lever(world, api, key="")
    tell(world, here, "o1")
    world.settle_down()
    with world.db.read() as tx:
        ((_, _, _, why),) = askings.waiting(tx)
    assert "there is no API key" in why
    assert api.requests == []
    assert only(world).state is InboxState.ASKING


def test_an_ats_that_is_down_delays_its_own_items_and_nothing_else(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    api.always(Hang(3.0))
    for number in range(12):
        tell(world, here, f"o{number}")
    world.plan()
    world.change("a1", stage="Application Review", kind="applied")
    started = time.monotonic()
    tell(world, here, "late")
    assert time.monotonic() - started < 1, "a webhook never waits for an ATS"
    world.plan()
    world.send()
    assert world.live("a1") == [("application_received", "accepted")]

    started = time.monotonic()
    assert ask_batch(world.flow) == 0
    assert time.monotonic() - started < 11, "within the patience of a batch"
    assert {item.state for item in items(world) if item.source_id == here.id} == {InboxState.ASKING}


def test_one_slow_record_does_not_hold_up_the_others(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    for name in ("slow", "o1", "o2", "o3"):
        record(world, api, name)
        tell(world, here, name)
    api.slow["/opportunities/slow"] = 2.5
    world.plan()
    assert ask_batch(world.flow) == 3
    states = {item.state for item in items(world)}
    assert states == {InboxState.RECEIVED, InboxState.ASKING}
    (left,) = (item for item in items(world) if item.state is InboxState.ASKING)
    assert left.reason == "Lever: no answer in time"


def test_requests_keep_their_distance_and_share_connections(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    for number in range(20):
        record(world, api, f"o{number}")
        tell(world, here, f"o{number}")
    world.plan()
    assert ask_batch(world.flow) == 20
    took = api.at[-1] - api.at[0]
    assert took >= 19 / 8 - 0.3, "Lever allows ten a second, we ask eight"
    assert api.connections <= 8
    assert api.busiest <= 8


def test_what_nobody_reads_is_not_kept_and_what_is_kept_is_sealed(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    record(world, api, "o1", email="ana@example.org")
    tell(world, here, "o1")
    world.plan()
    ask_batch(world.flow)
    item = only(world)
    assert item.answers is not None
    assert b"ana@example.org" not in item.answers
    with world.db.read() as tx:
        plain = tx.keyring.open(item.answers, "inbox.answers")
    assert "ana@example.org" in plain
    assert "5550199" not in plain


def test_an_unknown_record_is_quarantined_and_a_replay_asks_anew(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    tell(world, here, "o1")
    world.settle_down()
    item = only(world)
    assert (item.state, item.reason.split(":")[0]) == (InboxState.QUARANTINED, "answers.opportunity")

    record(world, api, "o1")
    replay(world.flow, None, item.id, by="person")
    world.settle_down()
    assert only(world).state is InboxState.PLANNED


def test_two_workers_ask_for_a_source_one_after_the_other(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    tell(world, here, "o1")
    world.plan()
    with world.db.begin() as tx:
        assert askings.claim(tx, here.id) is not None
    assert ask_batch(world.flow) == 0, "its lease holds"
    assert api.requests == []
    world.clock.tick(minutes=4)
    record(world, api, "o1")
    world.settle_down()
    assert only(world).state is InboxState.PLANNED, "whoever died left a lease behind, and it ended"


def test_an_erased_person_is_not_asked_for_into_being(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    record(world, api, "o1")
    tell(world, here, "o1")
    world.settle_down()
    record(world, api, "o1", deletedAt=int(world.clock.now.timestamp() * 1000))
    tell(world, here, "o1", "candidateDeleted")
    world.settle_down()
    assert world.application("o1").application.deleted_at is not None
    assert world.ledger().violations == ()


def test_the_webhook_of_an_ats_that_is_down_for_a_day_is_read_in_the_end(
    world_on: World, api: AtsApi, here: Here
) -> None:
    world = world_on
    api.always(Refuse(503))
    tell(world, here, "o1")
    world.settle_down()
    for _ in range(24):
        world.clock.tick(hours=1)
        world.settle_down()
    waits = only(world).asks_at
    assert waits is not None
    assert waits - world.clock.now <= timedelta(hours=1)
    api.always(None)
    record(world, api, "o1")
    world.clock.tick(hours=1, minutes=1)
    world.settle_down()
    assert only(world).state is InboxState.PLANNED


def test_the_asker_ends_its_thread_and_can_be_used_again(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    asker = world.flow.asker
    assert isinstance(asker, AtsAsker)
    record(world, api, "o1")
    tell(world, here, "o1")
    world.settle_down()
    asker.close()
    asker.close()
    record(world, api, "o2")
    tell(world, here, "o2")
    world.settle_down()
    assert [item.state for item in items(world)] == [InboxState.PLANNED] * 2


def test_a_redirect_is_not_followed_with_the_key_in_hand(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    with AtsApi(BASIC) as elsewhere:
        api.always(Refuse(302, {"Location": f"{elsewhere.url}/opportunities/o1"}))
        tell(world, here, "o1")
        world.settle_down()
        assert elsewhere.requests == []
    assert only(world).state is InboxState.ASKING


def test_an_address_that_is_not_encrypted_gets_no_key(world_on: World, api: AtsApi, here: Here) -> None:
    world = world_on
    with world.db.begin() as tx:
        sources.get_source(tx, None, here.id).api_url = "http://api.lever.example"
    tell(world, here, "o1")
    world.settle_down()
    with world.db.read() as tx:
        ((_, _, _, why),) = askings.waiting(tx)
    assert "https" in why


def test_an_item_that_cannot_be_opened_or_is_asked_for_wrongly_stops_no_other(
    world_on: World, api: AtsApi, here: Here
) -> None:
    world = world_on
    for name in ("o1", "o2", "o3"):
        record(world, api, name)
        tell(world, here, name)
    world.plan()
    poisoned, broken, good = (item.id for item in items(world))
    with world.db.begin() as tx:
        get_item(tx, None, poisoned).body = b"no such key"
    api.records["/opportunities/o2"] = {"data": {"archived": {"reason": "r"}, "applications": 7}}
    world.settle_down()

    states = {item.id: (item.state, item.reason) for item in items(world)}
    assert states[poisoned] == (InboxState.QUARANTINED, "fault: CannotOpen")
    assert states[broken][0] is InboxState.QUARANTINED
    assert states[good][0] is InboxState.PLANNED
