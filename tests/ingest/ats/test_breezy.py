"""Breezy HR: the documented envelope, two ways of signing, and what they mean."""

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
from notifier.ingest import signature
from notifier.ingest.ats.breezy import Adapter

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "whsec_0123456789abcdefghij"
breezy = Adapter()


def sample(name: str) -> Any:
    return json.loads(breezy.samples()[name].body)


def told(content: Any) -> Event:
    (event,) = breezy.translate(Delivery({}, json.dumps(content).encode()), NOW)
    return event


def test_a_change_of_status_carries_all_its_facts() -> None:
    assert told(sample("candidateStatusUpdated")) == StageChange(
        application_id="k9d2b4:p7f3a1",
        occurred_at=datetime(2026, 2, 5, 10, 15, tzinfo=UTC),
        stage=StageFacts("2", "Phone Screen"),
        candidate=CandidateFacts("k9d2b4", name="Ines Marković", emails=("ines.markovic@example.com",)),
        job=JobFacts("p7f3a1", "Field Engineer"),
    )


def test_only_an_added_candidate_arrives_and_nobody_signs() -> None:
    added, moved = told(sample("candidateAdded")), told(sample("rejected"))
    assert isinstance(added, StageChange)
    assert isinstance(moved, StageChange)
    assert (added.arrived, moved.arrived) == (True, False)
    assert (moved.outcome, moved.owner) == (None, None), "what the stage means is mapped; who clicked does not sign"


def test_a_deletion_is_no_rejection() -> None:
    assert told(sample("candidateDeleted")) == CandidateErased("k9d2b4", "deleted")
    assert told({"type": "companyUpdated"}) == NothingToDo("unknown_event")


def test_the_raw_body_and_its_compact_form_are_both_believed() -> None:
    spaced = json.dumps(sample("hired"), indent=2, ensure_ascii=False).encode()
    compact = json.dumps(sample("hired"), separators=(",", ":"), ensure_ascii=False).encode()
    for signed in (spaced, compact):
        proof = signature.digest(SECRET.encode(), signed).hex()
        assert breezy.verify(Delivery({"x-hook-signature": proof}, spaced), [SECRET], NOW) == Believed(0)
    other = signature.digest(SECRET.encode(), b"{}").hex()
    assert breezy.verify(Delivery({"x-hook-signature": other}, spaced), [SECRET], NOW) == Doubted("wrong")
    assert breezy.verify(Delivery({"x-hook-signature": other}, b'{"a":"\\ud800"}'), [SECRET], NOW) == Doubted("wrong")


def test_the_secret_is_used_with_its_prefix() -> None:
    sent = breezy.signed(breezy.samples()["hired"], SECRET, NOW, "e1")
    assert breezy.verify(sent, [SECRET.removeprefix("whsec_")], NOW) == Doubted("wrong")
    assert breezy.new_secret().startswith("whsec_")


@pytest.mark.parametrize("written", ["", "zz", "sha256=" + "0" * 64, "0" * 63])
def test_a_signature_of_another_form_is_malformed(written: str) -> None:
    assert breezy.verify(Delivery({"x-hook-signature": written}, b"{}"), [SECRET], NOW) == Doubted("malformed")


@pytest.mark.parametrize(
    ("member", "value", "path"),
    [
        ("candidate", None, "object.candidate"),
        ("candidate", {"name": "Ines"}, "object.candidate._id"),
        ("position", {"_id": ""}, "object.position._id"),
        ("stage", {"id": "1"}, "object.stage.name"),
    ],
)
def test_what_is_missing_or_odd_is_named(member: str, value: Any, path: str) -> None:
    body = sample("candidateStatusUpdated")
    body["object"][member] = value
    with pytest.raises(Unreadable) as fault:
        told(body)
    assert fault.value.path == path
