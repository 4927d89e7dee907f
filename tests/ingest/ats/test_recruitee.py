"""Recruitee: the members seen in code, the documented test request, and what they mean."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifier.core.change import (
    CandidateErased,
    CandidateFacts,
    Delivery,
    Doubted,
    Event,
    Handshake,
    JobFacts,
    NothingToDo,
    StageChange,
    StageFacts,
)
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest.ats.recruitee import Adapter

PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "payloads" / "ats" / "recruitee"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "a-secret-of-recruitee-0123456"
recruitee = Adapter()


def sample(name: str) -> Any:
    return json.loads(recruitee.samples()[name].body)


def delivery(content: Any) -> Delivery:
    return Delivery({}, json.dumps(content).encode())


def told(content: Any) -> Event:
    (event,) = recruitee.translate(delivery(content), NOW)
    return event


def moved(content: Any) -> StageChange:
    event = told(content)
    assert isinstance(event, StageChange)
    return event


def test_a_stage_change_carries_all_its_facts() -> None:
    assert told(sample("stage_changed")) == StageChange(
        application_id="700101:3301",
        occurred_at=datetime(2026, 2, 5, 10, 15, tzinfo=UTC),
        outcome=Outcome.NONE,
        stage=StageFacts("902", "Phone Screen"),
        candidate=CandidateFacts("700101", name="Ines Marković", emails=("ines.markovic@example.com",)),
        job=JobFacts("3301", "Field Engineer"),
    )


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("disqualified", Outcome.REJECTED), ("withdrawn", Outcome.WITHDRAWN), ("requalified", Outcome.NONE)],
)
def test_an_ending_is_a_subtype(name: str, outcome: Outcome) -> None:
    change = moved(sample(name))
    assert (change.outcome, change.undoes) == (outcome, name == "requalified")


def test_one_candidate_in_two_offers_has_two_applications() -> None:
    other = sample("disqualified")
    other["payload"]["offer"]["id"] = 3302
    assert moved(other).application_id != moved(sample("disqualified")).application_id


def test_an_event_without_a_time_is_as_old_as_its_arrival() -> None:
    body = sample("stage_changed")
    del body["created_at"]
    assert moved(body).occurred_at == NOW


def test_a_deletion_is_no_rejection() -> None:
    assert told(sample("candidate_deleted")) == CandidateErased("700101", "deleted")


def test_other_events_move_nobody() -> None:
    assert told({"event_type": "candidate_assigned"}) == NothingToDo("moves_nobody")
    assert told({"event_type": "something_else"}) == NothingToDo("unknown_event")


def test_whatever_says_that_it_is_a_test_is_answered_and_is_no_event() -> None:
    """The example events of "Test payload" look like real ones but for this member."""
    for body in ({"test": True}, sample("disqualified") | {"test": True}):
        assert recruitee.handshake(delivery(body)) == Handshake("ping")
    for body in ({"test": False}, {"test": "true"}, {"test": 1}, sample("disqualified")):
        assert recruitee.handshake(delivery(body)) is None
    if PUBLISHED.is_dir():
        assert recruitee.handshake(Delivery({}, (PUBLISHED / "test.json").read_bytes())) is not None


@pytest.mark.parametrize("written", ["", "zz", "sha256=" + "0" * 64, "0" * 63, " " + "0" * 63])
def test_a_signature_of_another_form_is_malformed(written: str) -> None:
    assert recruitee.verify(Delivery({"x-recruitee-signature": written}, b"{}"), [SECRET], NOW) == Doubted("malformed")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"event_subtype": "archived"}, "event_subtype"),
        ({"event_subtype": None}, "event_subtype"),
        ({"payload": None}, "payload"),
        ({"payload": {"offer": {"id": 1}}}, "payload.candidate"),
        ({"payload": {"candidate": {"id": 1}}}, "payload.offer"),
        ({"payload": {"candidate": {"id": 1, "emails": "a@b"}, "offer": {"id": 1}}}, "payload.candidate.emails"),
        (
            {"payload": {"candidate": {"id": 1}, "offer": {"id": 1}, "details": {"to_stage": {"id": 1}}}},
            "payload.details.to_stage.name",
        ),
    ],
)
def test_what_is_missing_or_odd_is_named(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Unreadable) as fault:
        told(sample("stage_changed") | change)
    assert fault.value.path == path
