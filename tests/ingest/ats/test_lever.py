"""Lever: the documented shapes, what is asked, and what the answers mean."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.core.asking import Answer, Question
from notifier.core.change import (
    ApplicationDeleted,
    Believed,
    CandidateChanged,
    CandidateFacts,
    Delivery,
    Doubted,
    Event,
    JobFacts,
    NothingToDo,
    OwnerFacts,
    StageChange,
    StageFacts,
)
from notifier.core.cut import cut
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest.ats.lever import Adapter

PAYLOADS = Path(__file__).parents[2] / "payloads" / "lever"
NOW = datetime(2026, 2, 20, 12, 0, tzinfo=UTC)
SECRET = "a-signature-token-of-lever-0123"
OPPORTUNITY = "0bb07000-0001-4000-8000-000000000001"
CONTACT = "c047ac70-0001-4000-8000-000000000001"
REASON = "4ea50000-0001-4000-8000-000000000001"
POSTING = "90571460-0001-4000-8000-000000000001"
lever = Adapter()


def opportunity(**more: Any) -> dict[str, Any]:
    """What the API says of somebody who is in a phone screen."""
    return {
        "id": OPPORTUNITY,
        "name": "Ines Marković",
        "contact": CONTACT,
        "headline": "Employer One, Employer Two",
        "emails": ["ines.markovic@example.com", "ines@example.org"],
        "phones": [{"value": "+43 1 5550199"}],
        "createdAt": 1770022800000,
        "updatedAt": 1770286500000,
        "lastAdvancedAt": 1770286400000,
        "archived": None,
        "stage": {"id": "57a6e000-0002-4000-8000-000000000001", "text": "Phone Screen"},
        "owner": {"id": "05e40000-0001-4000-8000-000000000001", "name": "Maria Lindqvist", "email": "maria@e.example"},
        "applications": [{"id": "a9910000-0001-4000-8000-000000000001", "posting": POSTING, "comments": "private"}],
        **more,
    }


ARCHIVED = {"archived": {"reason": REASON, "archivedAt": 1770910200000}, "updatedAt": 1770910200001}
POSTED = {"id": POSTING, "text": "Field Engineer"}


def answer(record: Any) -> Answer:
    return Answer(200, json.dumps({"data": record}).encode())


def reason(text: str, kind: str = "non-hired") -> Answer:
    return answer({"id": REASON, "text": text, "type": kind})


def told(name: str, *answers: Answer) -> Event:
    (event,) = lever.translate(lever.samples()[name], NOW, answers)
    return event


def moved(name: str, *answers: Answer) -> StageChange:
    event = told(name, *answers)
    assert isinstance(event, StageChange)
    return event


def asked(name: str, *answers: Answer) -> str:
    """The path of the next question; "" for none."""
    question = lever.question(lever.samples()[name], answers)
    return question.path if question is not None else ""


def test_a_stage_change_is_asked_for_and_carries_all_its_facts() -> None:
    answers = answer(opportunity()), answer(POSTED)
    assert [asked("candidateStageChange", *answers[:number]) for number in range(3)] == [
        f"/opportunities/{OPPORTUNITY}?expand=applications&expand=stage&expand=owner",
        f"/postings/{POSTING}",
        "",
    ]
    assert told("candidateStageChange", *answers) == StageChange(
        application_id=OPPORTUNITY,
        occurred_at=datetime(2026, 2, 5, 10, 15, tzinfo=UTC),
        outcome=Outcome.NONE,
        stage=StageFacts("57a6e000-0002-4000-8000-000000000001", "Phone Screen"),
        candidate=CandidateFacts(
            CONTACT, name="Ines Marković", emails=("ines.markovic@example.com", "ines@example.org")
        ),
        job=JobFacts(POSTING, "Field Engineer"),
        owner=OwnerFacts("05e40000-0001-4000-8000-000000000001", "Maria Lindqvist", "maria@e.example"),
    )


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (reason("Underqualified"), Outcome.REJECTED),
        (reason("Withdrew"), Outcome.WITHDRAWN),
        (reason("Candidate withdrawn by e-mail"), Outcome.WITHDRAWN),
        (reason("Offer declined"), Outcome.WITHDRAWN),
        (reason("Hired", "hired"), Outcome.HIRED),
        (reason("Eingestellt", "hired"), Outcome.HIRED),
        (reason("Withdrew from another job, hired here", "hired"), Outcome.HIRED),
    ],
)
def test_an_archiving_ends_as_its_reason_says(said: Answer, outcome: Outcome) -> None:
    first = answer(opportunity(**ARCHIVED))
    assert asked("candidateArchiveChange", first) == f"/archive_reasons/{REASON}"
    assert asked("candidateArchiveChange", first, said) == f"/postings/{POSTING}"
    change = moved("candidateArchiveChange", first, said, answer(POSTED))
    assert (change.outcome, change.stage) == (outcome, None)
    assert change.job == JobFacts(POSTING, "Field Engineer")


def test_what_the_web_hook_says_is_a_hint_and_the_record_counts() -> None:
    """Whoever has seen one delivery can write "archived" under its signature."""
    change = moved("candidateArchiveChange", answer(opportunity()), answer(POSTED))
    assert change.outcome is Outcome.NONE
    assert change.stage == StageFacts("57a6e000-0002-4000-8000-000000000001", "Phone Screen")
    assert told("candidateDeleted", answer(opportunity())) == NothingToDo("still_there")


def test_an_opportunity_without_a_posting_is_moved_without_a_job() -> None:
    bare = answer(opportunity(applications=[]))
    assert asked("candidateStageChange", bare) == ""
    assert moved("candidateStageChange", bare).job is None
    gone = moved("candidateStageChange", answer(opportunity()), Answer(404, b"{}"))
    assert gone.job is None, "a missing title costs nobody their answer"


def test_a_lead_has_not_applied() -> None:
    lead = answer(opportunity(stage={"id": "lead-reached-out", "text": "Reached out"}, applications=[]))
    assert told("candidateStageChange", lead) == NothingToDo("lead")


def test_the_time_is_that_of_the_record_or_of_its_parts() -> None:
    old = opportunity(updatedAt=None, applications=[])
    assert moved("applicationCreated", answer(old)).occurred_at == datetime(2026, 2, 5, 10, 13, 20, tzinfo=UTC)
    assert moved("applicationCreated", answer(old)).arrived
    none = opportunity(updatedAt=None, lastAdvancedAt=None, createdAt=None, applications=[])
    assert moved("applicationCreated", answer(none)).occurred_at == NOW


@pytest.mark.parametrize("gone", [Answer(404, b"{}"), answer(opportunity(deletedAt=1770910200000))])
def test_a_deletion_is_believed_when_the_record_is_gone(gone: Answer) -> None:
    assert asked("candidateDeleted") == f"/opportunities/{OPPORTUNITY}"
    assert told("candidateDeleted", gone) == ApplicationDeleted(OPPORTUNITY)


def test_a_contact_brings_a_new_address() -> None:
    assert asked("contactUpdated") == f"/contacts/{CONTACT}"
    contact = answer({"id": CONTACT, "name": "Ines Marković", "emails": ["new@example.org"]})
    assert told("contactUpdated", contact) == CandidateChanged(
        CandidateFacts(CONTACT, name="Ines Marković", emails=("new@example.org",))
    )


def test_the_test_request_and_interviews_ask_nothing() -> None:
    assert asked("ping") == asked("interviewCreated") == ""
    assert told("ping") == NothingToDo("ping")
    assert told("interviewCreated") == NothingToDo("interview_changes_no_stage")


@pytest.mark.parametrize(
    ("answers", "path"),
    [
        ((), "answers.opportunity"),
        ((Answer(404, b"{}"),), "answers.opportunity"),
        ((answer(opportunity(id="another")),), "answers.opportunity.data.id"),
        ((answer(opportunity(contact=None)), answer(POSTED)), "answers.opportunity.data.contact"),
        ((answer(opportunity(updatedAt="yesterday")), answer(POSTED)), "answers.opportunity.data.updatedAt"),
        ((answer(opportunity(**ARCHIVED)),), "answers.archive_reason"),
        ((answer(opportunity(**ARCHIVED)), Answer(404, b"{}")), "answers.archive_reason"),
        ((answer(opportunity(**ARCHIVED)), answer({"id": REASON})), "answers.archive_reason.data.type"),
    ],
)
def test_what_is_missing_or_odd_is_named_and_never_taken_for_a_deletion(answers: tuple[Answer, ...], path: str) -> None:
    with pytest.raises(Unreadable) as fault:
        told("candidateArchiveChange", *answers)
    assert fault.value.path == path


@pytest.mark.parametrize("odd", ["../users", "a/b", "a?b", "a b", "", "ü", "x" * 101, "..", None, 1.5])
def test_an_id_that_leads_elsewhere_is_not_asked_for(odd: Any) -> None:
    """`data` is unsigned, so anybody may have written it."""
    body = {"event": "candidateStageChange", "data": {"opportunityId": odd}}
    assert lever.question(Delivery({}, json.dumps(body).encode()), ()) is None
    record = answer(opportunity(**{**ARCHIVED, "archived": {"reason": odd}}))
    question = lever.question(lever.samples()["candidateArchiveChange"], (record,))
    assert question is None or question.path.startswith("/postings/")


def test_only_what_is_read_is_kept_of_an_answer() -> None:
    question = lever.question(lever.samples()["candidateStageChange"], ())
    assert isinstance(question, Question)
    kept = json.dumps(cut({"data": opportunity()}, question.wanted))
    assert "Phone Screen" in kept
    for private in ("5550199", "Employer One", "private"):
        assert private not in kept


class TestSignature:
    def test_a_signature_is_good_for_three_days_and_no_longer(self) -> None:
        sent = lever.signed(lever.samples()["ping"], SECRET, NOW, "t" * 48)
        for late in (timedelta(), timedelta(hours=71), -timedelta(minutes=50)):
            assert lever.verify(sent, [SECRET], NOW + late) == Believed(0)
        for late in (timedelta(hours=73), -timedelta(minutes=70)):
            assert lever.verify(sent, [SECRET], NOW + late) == Doubted("stale")

    @pytest.mark.parametrize(
        ("member", "value", "reason"),
        [
            ("signature", None, "no_signature"),
            ("signature", "", "malformed"),
            ("signature", "z" * 64, "malformed"),
            ("signature", 7, "malformed"),
            ("signature", "0" * 64, "wrong"),
            ("token", "", "malformed"),
            ("token", None, "malformed"),
            ("token", "another", "wrong"),
            ("triggeredAt", None, "malformed"),
            ("triggeredAt", "1771588800000", "malformed"),
            ("triggeredAt", True, "malformed"),
            ("triggeredAt", 10**15, "malformed"),
            ("triggeredAt", -1, "malformed"),
            ("triggeredAt", 1771588800001, "wrong"),
        ],
    )
    def test_another_member_is_not_believed(self, member: str, value: Any, reason: str) -> None:
        body = json.loads(lever.signed(lever.samples()["ping"], SECRET, NOW, "t" * 48).body) | {member: value}
        assert lever.verify(Delivery({}, json.dumps(body).encode()), [SECRET], NOW) == Doubted(reason)

    def test_a_body_that_is_no_object_is_malformed(self) -> None:
        for body in (b"", b"[]", b"\xff", b'{"token":'):
            assert lever.verify(Delivery({}, body), [SECRET], NOW) == Doubted("malformed")

    def test_the_token_is_the_key(self) -> None:
        sent = lever.signed(lever.samples()["ping"], SECRET, NOW, "t" * 48)
        assert lever.event_key(sent) == "t" * 48
        again = lever.signed(lever.samples()["candidateHired"], SECRET, NOW, "t" * 48)
        assert lever.event_key(again) == "t" * 48, "a forged body under a seen signature is no new event"
