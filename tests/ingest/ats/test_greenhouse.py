"""Greenhouse: the published shapes and what they mean."""

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
from notifier.core.stage import Outcome
from notifier.ingest.ats.greenhouse import Adapter

PAYLOADS = Path(__file__).parents[2] / "payloads" / "greenhouse"
PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "payloads" / "ats" / "greenhouse"

NOW = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)
greenhouse = Adapter()


def body(name: str) -> Any:
    """The fixture, parsed, to be changed by a test."""
    return json.loads((PAYLOADS / f"{name}.json").read_bytes())


def told(content: Any) -> Event:
    """The one event of a body."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (event,) = greenhouse.translate(Delivery({}, data), NOW)
    return event


def moved(content: Any) -> StageChange:
    event = told(content)
    assert isinstance(event, StageChange)
    return event


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_stage_change_carries_all_its_facts() -> None:
    assert told(body("candidate_stage_change")) == StageChange(
        application_id="66001",
        occurred_at=at("2025-04-03T10:15:30"),
        sequence=1,
        outcome=Outcome.NONE,
        stage=StageFacts("4402", "Portfolio talk"),
        candidate=CandidateFacts(
            external_id="33001",
            first_name="Lena",
            name="Lena Fuchs",
            emails=("lena.fuchs@example.org", "lena@fuchs.example", "lena@desk.example"),
            can_email=True,
            private=False,
        ),
        job=JobFacts("2201", "Storyboard Artist"),
        owner=OwnerFacts("311", "Ruth Castell", "ruth.castell@studio.example"),
    )


@pytest.mark.parametrize(
    ("name", "outcome", "time", "stage"),
    [
        ("new_candidate_application", Outcome.NONE, "2025-04-01T07:00:00", "4401"),
        ("application_updated", Outcome.NONE, "2025-04-01T07:00:00", "4401"),
        ("reject_candidate", Outcome.REJECTED, "2025-04-08T16:00:05", "4402"),
        ("reject_candidate_withdrawn", Outcome.WITHDRAWN, "2025-04-09T16:00:05", "4402"),
        ("unreject_candidate", Outcome.NONE, "2025-04-08T16:00:05", "4402"),
        ("hire_candidate", Outcome.HIRED, "2025-04-14T12:30:00", None),
        ("unhire_candidate", Outcome.NONE, "2025-04-15T08:00:00", "4404"),
    ],
)
def test_every_move_has_its_outcome_time_and_stage(name: str, outcome: Outcome, time: str, stage: str | None) -> None:
    event = moved(body(name))
    assert (event.application_id, event.outcome, event.occurred_at) == ("66001", outcome, at(time))
    assert (event.stage.external_id if event.stage else None) == stage


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("merge_candidate", CandidateMerged("33003", CandidateFacts("33001"))),
        ("delete_candidate", CandidateErased("33003", "deleted", ("66003", "66004"))),
        ("candidate_anonymized", CandidateErased("33001", "anonymized")),
        ("delete_application", ApplicationDeleted("66001")),
        ("new_prospect_application", NothingToDo("prospect")),
        ("offer_created", NothingToDo("offer_changes_no_stage")),
        ("offer_deleted", NothingToDo("offer_changes_no_stage")),
        ("interview_deleted", NothingToDo("interview_changes_no_stage")),
        ("department_deleted", NothingToDo("organization_moves_nobody")),
        ("ping", NothingToDo("ping")),
    ],
)
def test_events_that_move_nobody_are_told_apart(name: str, event: Event) -> None:
    assert told(body(name)) == event


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("offer_approved", "offer_changes_no_stage"),
        ("offer_updated", "offer_changes_no_stage"),
        ("scorecard_deleted", "scorecard_changes_no_stage"),
        ("job_post_created", "job_moves_nobody"),
        ("office_deleted", "organization_moves_nobody"),
        ("candidate_sent_flowers", "unknown_event"),
    ],
)
def test_other_actions_are_silences_with_a_name(action: str, reason: str) -> None:
    assert told({"action": action, "payload": None}) == NothingToDo(reason)


def test_an_update_says_only_what_it_carries() -> None:
    event = told(body("update_candidate"))
    assert event == CandidateChanged(
        CandidateFacts("33001", "Lena", "Lena Fuchs", emails=("lena.new@example.org",), can_email=None, private=None)
    )


def test_do_not_contact_and_missing_facts_are_kept_apart() -> None:
    event = moved(body("application_updated"))
    assert event.candidate
    assert (event.candidate.can_email, event.candidate.private, event.candidate.emails) == (False, True, ())
    assert event.job is None
    assert event.owner == OwnerFacts("313", "Omar Vale", "omar.vale@studio.example")


def test_a_prospect_is_left_alone_whatever_the_action() -> None:
    content = body("reject_candidate")
    content["payload"]["application"]["prospect"] = True
    assert told(content) == NothingToDo("prospect")


@pytest.mark.parametrize("name", ["full_name", "email_addresses"])
def test_anonymising_who_somebody_is_erases_them(name: str) -> None:
    content = {"action": "candidate_anonymized", "payload": {"candidate_id": 5, "anonymized_fields": ["tags", name]}}
    assert told(content) == CandidateErased("5", "anonymized")


def test_anonymising_other_fields_erases_nobody_and_an_empty_list_everybody() -> None:
    content: Any = {"action": "candidate_anonymized", "payload": {"candidate_id": 5, "anonymized_fields": ["tags"]}}
    assert told(content) == NothingToDo("anonymized_other_fields")
    content["payload"]["anonymized_fields"] = []
    assert told(content) == CandidateErased("5", "anonymized")


def test_the_attribute_table_s_name_for_the_deleted_applications_is_read_too() -> None:
    content = {"action": "delete_candidate", "payload": {"person": {"id": 5, "application_ids": [1, 2]}}}
    assert told(content) == CandidateErased("5", "deleted", ("1", "2"))


def test_the_status_counts_more_than_the_action() -> None:
    content = body("candidate_stage_change")
    content["payload"]["application"]["status"] = "rejected"
    assert moved(content).outcome is Outcome.REJECTED
    content["payload"]["application"]["status"] = None
    assert moved(content).outcome is None


def test_an_unknown_status_is_not_guessed() -> None:
    content = body("candidate_stage_change")
    content["payload"]["application"]["status"] = "converted"
    with pytest.raises(Unreadable) as refused:
        told(content)
    assert refused.value.path == "payload.application.status"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("payload.application.id", None),
        ("payload.application.last_activity_at", "2025-04-03T10:15:30"),
        ("payload.application.candidate.can_email", "false"),
        ("payload.application.candidate.id", True),
        ("payload.application.current_stage.name", " "),
        ("payload.application.jobs", {}),
        ("payload.application", None),
        ("payload", "text"),
        ("action", 1),
    ],
)
def test_a_broken_field_is_named_with_its_path(path: str, value: object) -> None:
    content = body("candidate_stage_change")
    *parents, last = path.split(".")
    inner = content
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    with pytest.raises(Unreadable) as refused:
        told(content)
    assert refused.value.path == path


def test_names_and_titles_are_safe_to_show() -> None:
    """W17, W21, TH9."""
    content = body("candidate_stage_change")
    application = content["payload"]["application"]
    application["candidate"] |= {"first_name": "Ana\r\nBcc: x@example.com", "last_name": "\u202e\x00\ud800" + "n" * 999}
    application["jobs"][0]["name"] = "Dev\u0000eloper\u2028(all)"
    event = moved(content)
    assert event.candidate
    assert event.candidate.first_name == "Ana Bcc: x@example.com"
    assert event.candidate.name == ("Ana Bcc: x@example.com " + "n" * 200)[:200]
    assert event.job == JobFacts("2201", "Developer (all)")


def test_every_fixture_is_translated() -> None:
    names = [file.stem for file in PAYLOADS.glob("*.json")]
    assert len(names) == 19
    for name in names:
        assert told((PAYLOADS / f"{name}.json").read_bytes())


def test_the_published_payloads_are_read_where_they_are_at_hand() -> None:
    expected = {
        "candidate_stage_change": Outcome.NONE,
        "hire_candidate": Outcome.HIRED,
        "new_candidate_application": Outcome.NONE,
        "reject_candidate": Outcome.REJECTED,
        "unreject_candidate": Outcome.NONE,
    }
    for name, outcome in expected.items() if PUBLISHED.exists() else ():
        event = moved((PUBLISHED / f"{name}.json").read_bytes())
        assert (event.outcome, event.job is not None, event.candidate is not None) == (outcome, True, True)
