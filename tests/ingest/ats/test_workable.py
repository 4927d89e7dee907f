"""Workable: the documented keys, the wrapper seen in code, and what they mean."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from notifier.core.change import (
    Believed,
    CandidateErased,
    CandidateFacts,
    Delivery,
    Doubted,
    Event,
    JobFacts,
    NothingToDo,
    StageChange,
    StageFacts,
)
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest import signature
from notifier.ingest.ats.workable import Adapter

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "the-token-of-an-account-0123"
workable = Adapter()


def sample(name: str) -> Any:
    return json.loads(workable.samples()[name].body)


def told(content: Any) -> Event:
    (event,) = workable.translate(Delivery({}, json.dumps(content).encode()), NOW)
    return event


def moved(content: Any) -> StageChange:
    event = told(content)
    assert isinstance(event, StageChange)
    return event


def test_a_move_carries_all_its_facts() -> None:
    assert told(sample("candidate_moved")) == StageChange(
        application_id="19a2b3c4d5",
        occurred_at=datetime(2026, 2, 5, 10, 15, tzinfo=UTC),
        outcome=Outcome.NONE,
        stage=StageFacts("Phone Screen", "Phone Screen"),
        candidate=CandidateFacts(
            "19a2b3c4d5", first_name="Ines", name="Ines Marković", emails=("ines.markovic@example.com",)
        ),
        job=JobFacts("A1B2C3D4E5", "Field Engineer"),
    )
    assert moved(sample("candidate_created")).arrived


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("disqualified", Outcome.REJECTED),
        ("requalified", Outcome.NONE),
        ("withdrawn", Outcome.WITHDRAWN),
        ("hired", Outcome.NONE),
    ],
)
def test_an_ending_is_hidden_in_a_move(name: str, outcome: Outcome) -> None:
    change = moved(sample(name))
    assert change.outcome is outcome
    assert (change.stage is None) == (outcome in (Outcome.REJECTED, Outcome.WITHDRAWN))
    if name == "hired":
        assert change.stage == StageFacts("Hired", "Hired"), "its name says it"


def test_a_deletion_is_no_rejection() -> None:
    assert told(sample("candidate_deleted")) == CandidateErased("19a2b3c4d5", "deleted", ("19a2b3c4d5",))


def test_what_a_body_leaves_out_stays_as_it_is() -> None:
    body = sample("candidate_moved")
    body["data"] = {"id": "1", "stage": "Phone Screen"}
    change = moved(body)
    assert (change.outcome, change.candidate, change.job) == (None, CandidateFacts("1"), None)


def test_the_state_is_ordered_by_the_moment_of_sending() -> None:
    body = sample("disqualified")
    del body["fired_at"]
    assert moved(body).occurred_at == datetime(2026, 2, 12, 15, 30, tzinfo=UTC), "else by the newest part"
    for name in ("updated_at", "disqualified_at", "created_at"):
        del body["data"][name]
    assert moved(body).occurred_at == NOW, "else by its arrival"


def test_employees_and_unknown_events_move_nobody() -> None:
    assert told({"event_type": "employee_created"}) == NothingToDo("employee_moves_nobody")
    assert told({"event_type": "new"}) == NothingToDo("unknown_event")


def test_a_signature_is_believed_in_hex_and_in_base64() -> None:
    sent = workable.signed(workable.samples()["hired"], SECRET, NOW, "w1")
    digest = signature.digest(SECRET.encode(), sent.body)
    for written in (digest.hex(), digest.hex().upper(), base64.b64encode(digest).decode()):
        assert workable.verify(sent.with_headers({"x-workable-signature": written}), [SECRET], NOW) == Believed(0)
    for written in ("", "sha256=" + digest.hex(), digest.hex()[:-1], "é" * 64):
        odd = sent.with_headers({"x-workable-signature": written})
        assert workable.verify(odd, [SECRET], NOW) == Doubted("malformed")


@pytest.mark.parametrize(
    ("member", "value", "path"),
    [
        ("id", None, "data.id"),
        ("disqualified", "yes", "data.disqualified"),
        ("stage", 7, "data.stage"),
        ("job", "engineer", "data.job"),
        ("email", 7, "data.email"),
    ],
)
def test_what_is_missing_or_odd_is_named(member: str, value: Any, path: str) -> None:
    body = sample("candidate_moved")
    body["data"][member] = value
    with pytest.raises(Unreadable) as fault:
        told(body)
    assert fault.value.path == path
