"""The generic format: what a body means, and that every mistake of a sender is named."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifier.core.change import (
    ApplicationDeleted,
    CandidateChanged,
    CandidateErased,
    CandidateFacts,
    CandidateMerged,
    Delivery,
    Event,
    JobFacts,
    NothingToDo,
    OwnerFacts,
    StageChange,
    StageFacts,
)
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome, StageKind
from notifier.ingest.ats.generic import Adapter

PAYLOADS = Path(__file__).parents[2] / "payloads" / "generic"
PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "payloads" / "ats" / "standard-webhooks"
NOW = datetime(2025, 5, 8, tzinfo=UTC)


def told(content: object) -> Event:
    """The one event of a body."""
    (event,) = Adapter().translate(Delivery({}, json.dumps(content).encode()), NOW)
    return event


def fixture(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_bytes())


def change(**data: object) -> dict[str, object]:
    """An application.changed body around `data`."""
    return {"type": "application.changed", "timestamp": "2025-05-06T12:00:00Z", "data": data}


def test_a_full_change_carries_all_its_facts() -> None:
    assert told(fixture("application.changed")) == StageChange(
        application_id="7",
        occurred_at=datetime(2025, 5, 6, 12, 0, tzinfo=UTC),
        sequence=3,
        outcome=Outcome.NONE,
        stage=StageFacts("trial", "Trial shift", StageKind.FINAL),
        candidate=CandidateFacts(
            external_id="p-7",
            first_name="Şule",
            name="Şule Demir",
            emails=("sule.demir@example.org", "sule@desk.example"),
            can_email=True,
            private=False,
            language="de-AT",
        ),
        job=JobFacts("j/1", "Baker (night)"),
        owner=OwnerFacts("", "Iva Horn", "iva@bakery.example"),
    )


@pytest.mark.parametrize(
    ("name", "event"),
    [
        (
            "application.changed.least",
            StageChange("7", datetime(2025, 5, 6, 12, 0, 0, 500000, tzinfo=UTC), outcome=Outcome.REJECTED),
        ),
        ("application.deleted", ApplicationDeleted("7")),
        (
            "candidate.changed",
            CandidateChanged(CandidateFacts("p-7", emails=()), datetime(2025, 5, 7, 12, 0, tzinfo=UTC)),
        ),
        ("candidate.merged", CandidateMerged("p-8", CandidateFacts("p-7", name="Şule Demir"))),
        ("candidate.erased", CandidateErased("p-7", "erased", ("7", "8"))),
    ],
)
def test_every_type_says_what_it_carries_and_nothing_else(name: str, event: Event) -> None:
    assert told(fixture(name)) == event


def test_a_ping_needs_nothing_but_its_type() -> None:
    assert told({"type": "ping"}) == NothingToDo("ping")
    assert told({"type": "ping", "data": 1}) == NothingToDo("ping")


def test_a_type_that_is_not_ours_is_ignored_with_a_reason() -> None:
    assert told({"type": "contact.created", "timestamp": "x", "data": None}) == NothingToDo("unknown_event")


def test_the_published_bodies_are_ignored_with_a_reason_where_they_are_at_hand() -> None:
    for name in ("contact.created.full", "contact.created.thin", "example.event") if PUBLISHED.exists() else ():
        assert told(json.loads((PUBLISHED / f"{name}.json").read_bytes())) == NothingToDo("unknown_event")


def test_more_members_in_the_envelope_do_not_matter() -> None:
    assert isinstance(told(change(application={"id": 1}) | {"version": 2}), StageChange)


@pytest.mark.parametrize(
    ("email", "emails"),
    [
        ({}, None),
        ({"email": None}, None),
        ({"email": "a@x.com"}, ("a@x.com",)),
        ({"email": "a@x.com", "emails": ["b@x.com", "a@x.com"]}, ("a@x.com", "b@x.com")),
        ({"emails": []}, ()),
        ({"email": "a@x.com\r\nBcc: b@x.com"}, ()),
    ],
)
def test_addresses_not_said_and_no_addresses_are_kept_apart(email: dict[str, Any], emails: tuple[str, ...]) -> None:
    event = told(change(application={"id": 1}, candidate={"id": 2, **email}))
    assert isinstance(event, StageChange)
    assert event.candidate == CandidateFacts("2", emails=emails)


@pytest.mark.parametrize(
    ("owner", "external_id"),
    [
        ({"name": "Iva"}, ""),
        ({"name": "Iva", "email": "iva@x.com"}, ""),
        ({"name": "Iva", "email": "iva@x.com", "id": 9}, "9"),
    ],
)
def test_an_owner_may_come_without_an_id(owner: dict[str, Any], external_id: str) -> None:
    event = told(change(application={"id": 1}, owner=owner))
    assert isinstance(event, StageChange)
    assert event.owner == OwnerFacts(external_id, "Iva", owner.get("email", ""))


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({}, "data.application"),
    ({"application": {}}, "data.application.id"),
    ({"application": {"id": 1, "sequence": -1}}, "data.application.sequence"),
    ({"application": {"id": 1}, "outcom": "rejected"}, "data.outcom"),
    ({"application": {"id": 1}, "outcome": "lost"}, "data.outcome"),
    ({"application": {"id": 1}, "stage": {"id": 1}}, "data.stage.name"),
    ({"application": {"id": 1}, "stage": {"id": 1, "name": "x", "kind": "unmapped"}}, "data.stage.kind"),
    ({"application": {"id": 1}, "job": {"id": 1, "name": "x"}}, "data.job.name"),
    ({"application": {"id": 1}, "candidate": {"id": 1, "can_mail": False}}, "data.candidate.can_mail"),
    ({"application": {"id": 1}, "candidate": {"id": 1, "can_email": "no"}}, "data.candidate.can_email"),
    ({"application": {"id": 1}, "candidate": {"id": 1, "emails": "a@x.com"}}, "data.candidate.emails"),
    ({"application": {"id": 1}, "candidate": {"id": 1, "language": "German"}}, "data.candidate.language"),
    ({"application": {"id": 1}, "owner": {"email": "a@x.com"}}, "data.owner.name"),
]


@pytest.mark.parametrize(("data", "path"), MISTAKES)
def test_a_mistake_is_named_with_its_path(data: dict[str, Any], path: str) -> None:
    with pytest.raises(Unreadable) as refused:
        told(change(**data))
    assert refused.value.path == path


@pytest.mark.parametrize("timestamp", [None, "2025-05-06T12:00:00", "2025-05-06", 1746532800])
def test_a_change_needs_a_time_with_a_zone(timestamp: object) -> None:
    with pytest.raises(Unreadable) as refused:
        told(change(application={"id": 1}) | {"timestamp": timestamp})
    assert refused.value.path == "timestamp"
