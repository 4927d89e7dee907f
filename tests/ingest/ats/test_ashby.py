"""Ashby: the documented shapes and what they mean."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifier.core.asking import Answer
from notifier.core.change import (
    Believed,
    CandidateErased,
    CandidateFacts,
    CandidateMerged,
    Delivery,
    Doubted,
    Event,
    JobFacts,
    NothingToDo,
    OwnerFacts,
    StageChange,
    StageFacts,
    StagesReplaced,
)
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest.ats.ashby import Adapter

PAYLOADS = Path(__file__).parents[2] / "payloads" / "ashby"
PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "payloads" / "ats" / "ashby"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
APPLICATION = "a5b1c9d0-0001-4000-8000-000000000001"
CANDIDATE = "c0ffee00-0001-4000-8000-000000000001"
SECRET = "a-secret-of-ashby-0123456789"
ashby = Adapter()


def sample(name: str) -> Any:
    """A sample, parsed, to be changed by a test."""
    return json.loads(ashby.samples()[name].body)


def delivery(content: Any) -> Delivery:
    return Delivery({}, json.dumps(content).encode())


def told(content: Any, *answers: Answer) -> Event:
    (event,) = ashby.translate(delivery(content), NOW, answers)
    return event


def moved(content: Any, *answers: Answer) -> StageChange:
    event = told(content, *answers)
    assert isinstance(event, StageChange)
    return event


def test_a_stage_change_carries_all_its_facts() -> None:
    assert told(sample("candidateStageChange")) == StageChange(
        application_id=APPLICATION,
        occurred_at=datetime(2026, 2, 5, 10, 15, tzinfo=UTC),
        outcome=Outcome.NONE,
        stage=StageFacts("57a6e000-0002-4000-8000-000000000001", "Phone Screen"),
        candidate=CandidateFacts(CANDIDATE, name="Ines Marković", emails=("ines.markovic@example.com",)),
        job=JobFacts("70b00000-0001-4000-8000-000000000001", "Field Engineer"),
        owner=OwnerFacts("05e40000-0001-4000-8000-000000000001", "Maria Lindqvist", "maria.lindqvist@employer.example"),
    )


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("rejected", Outcome.REJECTED),
        ("withdrawn", Outcome.WITHDRAWN),
        ("unarchived", Outcome.NONE),
        ("candidateHire", Outcome.HIRED),
    ],
)
def test_an_ending_is_hidden_in_the_status(name: str, outcome: Outcome) -> None:
    change = moved(sample(name))
    assert change.outcome is outcome
    assert (change.stage is None) == (outcome is not Outcome.NONE), "an ending stands in no stage"


@pytest.mark.parametrize("reason", [None, {"reasonType": "Other"}, {"reasonType": "RejectedByOrg"}, {}])
def test_an_archiving_without_the_candidates_word_is_the_employers(reason: Any) -> None:
    body = sample("rejected")
    body["data"]["application"]["archiveReason"] = reason
    assert moved(body).outcome is Outcome.REJECTED


def test_only_a_submission_is_the_arrival() -> None:
    assert moved(sample("applicationSubmit")).arrived
    assert not moved(sample("candidateStageChange")).arrived


def test_a_lead_has_not_applied() -> None:
    body = sample("applicationSubmit")
    body["data"]["application"]["status"] = "Lead"
    assert told(body) == NothingToDo("lead")


def test_one_hire_is_three_web_hooks_with_three_keys_and_one_meaning() -> None:
    bodies = [sample("candidateHire") | {"action": action} for action in ("candidateHire", "applicationUpdate")]
    assert len({ashby.event_key(delivery(body)) for body in bodies}) == 2
    assert moved(bodies[0]) == moved(bodies[1])


def test_a_missing_address_is_asked_for_and_taken_from_the_answer() -> None:
    body = json.loads((PAYLOADS / "candidateStageChange.no_address.json").read_bytes())
    question = ashby.question(delivery(body), ())
    assert question is not None
    assert (question.method, question.path, question.json) == ("POST", "/candidate.info", {"id": CANDIDATE})

    said = {"success": True, "results": {"id": CANDIDATE, "emailAddresses": [{"value": "ines@example.org"}]}}
    answer = Answer(200, json.dumps(said).encode())
    assert ashby.question(delivery(body), [answer]) is None
    assert moved(body, answer).candidate == CandidateFacts(
        CANDIDATE, name="Ines Marković", emails=("ines@example.org",)
    )
    for nothing in (Answer(200, b'{"success":false}'), Answer(404, b"{}")):
        candidate = moved(body, nothing).candidate
        assert candidate is not None
        assert candidate.emails is None, "what is known of the address stays"


def test_nothing_is_asked_for_what_is_there_or_is_not_needed() -> None:
    for name in ashby.samples():
        assert ashby.question(delivery(sample(name)), ()) is None


def test_records_of_people_and_plans() -> None:
    assert told(sample("candidateDelete")) == CandidateErased("c0ffee00-0002-4000-8000-000000000001", "deleted")
    assert told(sample("candidateMerge")) == CandidateMerged(
        CANDIDATE,
        CandidateFacts("c0ffee00-0002-4000-8000-000000000001", name="Ines Marković", emails=("ines@example.org",)),
    )
    assert told(sample("interviewPlanTransition")) == StagesReplaced((
        ("57a6e000-0002-4000-8000-000000000001", "57a6e000-0012-4000-8000-000000000001"),
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("member", "value", "path"),
    [
        ("status", "Paused", "data.application.status"),
        ("status", None, "data.application.status"),
        ("updatedAt", None, "data.application.updatedAt"),
        ("updatedAt", "2026-02-05", "data.application.updatedAt"),
        ("candidate", None, "data.application.candidate"),
        ("currentInterviewStage", None, "data.application.currentInterviewStage"),
        ("job", "Field Engineer", "data.application.job"),
        ("hiringTeam", {}, "data.application.hiringTeam"),
    ],
)
def test_what_is_missing_or_odd_is_named(member: str, value: Any, path: str) -> None:
    body = sample("candidateStageChange")
    body["data"]["application"][member] = value
    with pytest.raises(Unreadable) as fault:
        told(body)
    assert fault.value.path == path


@pytest.mark.parametrize(
    "written",
    ["", "sha256", "sha256=", "sha256=zz", "sha1=" + "0" * 64, "0" * 64, "sha256= " + "0" * 63, "SHA256=" + "0" * 64],
)
def test_a_signature_of_another_form_is_malformed(written: str) -> None:
    assert ashby.verify(Delivery({"ashby-signature": written}, b"{}"), [SECRET], NOW) == Doubted("malformed")


def test_a_signature_is_believed_in_either_case() -> None:
    signed = ashby.signed(ashby.samples()["rejected"], SECRET, NOW, "e-1")
    digits = signed.headers["ashby-signature"].removeprefix("sha256=").upper()
    assert ashby.verify(signed.with_headers({"ashby-signature": f"sha256={digits}"}), [SECRET], NOW) == Believed(0)


def test_the_published_ping_is_a_handshake_and_nothing_else_is() -> None:
    if PUBLISHED.is_dir():
        assert ashby.handshake(Delivery({}, (PUBLISHED / "ping.json").read_bytes())) is not None
    for name, plain in ashby.samples().items():
        assert (ashby.handshake(plain) is not None) == (name == "ping")
