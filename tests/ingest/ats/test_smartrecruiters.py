"""SmartRecruiters: what is signed, what is asked, and what the answers mean."""

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.asking import Answer, Question
from notifier.core.change import (
    Believed,
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
from notifier.core.cut import cut
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome, StageKind
from notifier.ingest.ats.smartrecruiters import Adapter

PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "payloads" / "ats" / "smartrecruiters"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "a-secret-of-smartrecruiters"
CANDIDATE = "6d1f0a52-0001-4000-8000-000000000001"
JOB = "b7a3c9e4-0001-4000-8000-000000000001"
UNKNOWN = Answer(404, b"{}")
smartrecruiters = Adapter()

#: The published example of a signature, whose digest was recomputed.
VECTOR_SECRET = "HeBVky2bccvvkcXPimH8c"
VECTOR = Delivery(
    {
        "content-type": "application/json",
        "smartrecruiters-signature": "v1=2e9291f10d44ca10204a4cd81b05d73b6a316b2b605d4e2e0e0b37b40198ce1f",
        "smartrecruiters-timestamp": "1574080897",
        "event-id": "123",
        "link": "<http://smartrecruiters.com/endpoint>; rel=self",
        "event-name": "application.created",
        "event-version": "v201910",
    },
    b'{"job_id":"jid","candidate_id":"cid"}',
)
VECTOR_TIME = datetime.fromtimestamp(1574080897, UTC)


def delivery(event: str = "application.status.updated", body: Any = None) -> Delivery:
    content = {"job_id": JOB, "candidate_id": CANDIDATE} if body is None else body
    return Delivery({"event-name": event, "event-version": "v201910"}, json.dumps(content).encode())


def answered(*entries: tuple[str, str], status: str = "", sub_status: str | None = None) -> dict[str, Any]:
    """What SmartRecruiters says by path, of an application with these entries in its history, oldest first."""
    application: dict[str, Any] = {"status": status or entries[-1][0], "url": "https://example.org", "source": "Web"}
    if sub_status is not None:
        application["subStatus"] = sub_status
    history = [{"changedOn": at, "status": status, "actions": {}} for status, at in entries]
    return {
        f"/candidates/{CANDIDATE}/jobs/{JOB}": application,
        f"/candidates/{CANDIDATE}/jobs/{JOB}/status/history": {"totalFound": len(history), "content": history},
        f"/candidates/{CANDIDATE}": {
            "id": CANDIDATE,
            "firstName": "Ines",
            "lastName": "Marković",
            "email": "ines.markovic@example.com",
            "phoneNumber": "+49 30 000000",
        },
        f"/jobs/{JOB}": {"id": JOB, "title": "Field Engineer", "refNumber": "R-1", "status": "INTERVIEW"},
    }


APPLIED = ("NEW", "2026-02-02T09:00:00.000Z")
INTERVIEW = ("INTERVIEW", "2026-02-05T10:15:00.000Z")
REJECTED = ("REJECTED", "2026-02-12T15:30:00.250Z")


def asked(hook: Delivery, said: Mapping[str, Any]) -> list[Answer]:
    """The answers to every question, asked one after another and cut down to what was wanted."""
    answers: list[Answer] = []
    while (question := smartrecruiters.question(hook, answers)) is not None:
        assert question.method == "GET"
        content = said.get(question.path)
        answers.append(UNKNOWN if content is None else answer(question, content))
    return answers


def answer(question: Question, content: Any) -> Answer:
    return Answer(200, json.dumps(cut(content, question.wanted)).encode())


def told(hook: Delivery, said: Mapping[str, Any]) -> Event:
    (event,) = smartrecruiters.translate(hook, NOW, asked(hook, said))
    return event


def moved(hook: Delivery, said: Mapping[str, Any]) -> StageChange:
    event = told(hook, said)
    assert isinstance(event, StageChange)
    return event


def test_a_status_change_carries_all_its_facts() -> None:
    assert told(delivery(), answered(APPLIED, INTERVIEW)) == StageChange(
        application_id=f"{CANDIDATE}:{JOB}",
        occurred_at=datetime(2026, 2, 5, 10, 15, tzinfo=UTC),
        outcome=Outcome.NONE,
        stage=StageFacts("INTERVIEW", "Interview", StageKind.INTERVIEW),
        candidate=CandidateFacts(
            CANDIDATE, first_name="Ines", name="Ines Marković", emails=("ines.markovic@example.com",)
        ),
        job=JobFacts(JOB, "Field Engineer"),
    )


def test_everything_is_asked_below_our_own_address_and_only_what_is_read_is_kept() -> None:
    hook = delivery().with_headers({"link": "<https://elsewhere.example/candidates/1>; rel=self"})
    answers = asked(hook, answered(APPLIED))
    assert [json.loads(one.body) for one in answers] == [
        {"status": "NEW"},
        {"content": [{"changedOn": "2026-02-02T09:00:00.000Z", "status": "NEW"}]},
        {"firstName": "Ines", "lastName": "Marković", "email": "ines.markovic@example.com"},
        {"title": "Field Engineer"},
    ]
    question = smartrecruiters.question(delivery(body={"job_id": "j/../1?x", "candidate_id": 7}), ())
    assert question is not None
    assert question.path == "/candidates/7/jobs/j%2F..%2F1%3Fx"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("HIRED", Outcome.HIRED), ("REJECTED", Outcome.REJECTED), ("WITHDRAWN", Outcome.WITHDRAWN)],
)
def test_an_ending_is_hidden_in_the_status_and_stands_in_no_stage(status: str, outcome: Outcome) -> None:
    change = moved(delivery(), answered(APPLIED, (status, "2026-02-12T15:30:00Z"), sub_status="Any"))
    assert (change.outcome, change.stage, change.undoes) == (outcome, None, False)


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("NEW", StageFacts("NEW", "New", StageKind.APPLIED)),
        ("IN_REVIEW", StageFacts("IN_REVIEW", "In review", StageKind.SCREEN)),
        ("OFFERED", StageFacts("OFFERED", "Offered", StageKind.OFFER)),
    ],
)
def test_a_main_status_says_what_it_means(status: str, stage: StageFacts) -> None:
    assert moved(delivery(), answered((status, "2026-02-12T15:30:00Z"))).stage == stage


def test_what_a_companys_own_step_means_is_not_said() -> None:
    change = moved(delivery(), answered(APPLIED, INTERVIEW, sub_status="Feedback"))
    assert change.stage == StageFacts("INTERVIEW:Feedback", "Feedback")


def test_only_a_creation_is_the_arrival() -> None:
    assert moved(delivery("application.created"), answered(APPLIED)).arrived
    assert not moved(delivery(), answered(APPLIED)).arrived


@pytest.mark.parametrize("status", ["LEAD", "TRANSFERRED", "REJECTED", "WITHDRAWN"])
def test_who_was_never_more_than_a_lead_has_not_applied(status: str) -> None:
    said = answered(("LEAD", "2026-02-01T08:00:00Z"), (status, "2026-02-02T08:00:00Z"))
    assert told(delivery("application.created"), said) == NothingToDo("lead")
    assert len(asked(delivery("application.created"), said)) == 2, "neither name nor address is asked for"


def test_a_lead_of_whom_there_is_no_history_has_not_applied() -> None:
    said = answered(("LEAD", "2026-02-01T08:00:00Z"))
    del said[f"/candidates/{CANDIDATE}/jobs/{JOB}/status/history"]
    assert told(delivery(), said) == NothingToDo("lead")


@pytest.mark.parametrize("status", ["LEAD", "TRANSFERRED"])
def test_a_reassignment_takes_a_rejection_back_and_is_no_news(status: str) -> None:
    change = moved(delivery(), answered(APPLIED, REJECTED, (status, "2026-02-13T08:00:00Z")))
    assert (change.outcome, change.stage, change.undoes) == (Outcome.NONE, None, True)
    assert change.occurred_at == datetime(2026, 2, 13, 8, tzinfo=UTC)


@pytest.mark.parametrize("entries", [(APPLIED, REJECTED), (REJECTED, APPLIED)])
def test_the_newest_entry_of_the_history_gives_the_time_wherever_it_stands(entries: Any) -> None:
    change = moved(delivery(), answered(*entries, status="REJECTED"))
    assert change.occurred_at == datetime(2026, 2, 12, 15, 30, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "history",
    [None, {}, {"content": []}, {"content": [{"changedOn": INTERVIEW[1], "status": "INTERVIEW"}]}, {"content": [{}]}],
)
def test_a_history_that_does_not_know_the_status_leaves_the_time_of_arrival(history: Any) -> None:
    said = answered(APPLIED, REJECTED) | {f"/candidates/{CANDIDATE}/jobs/{JOB}/status/history": history}
    assert moved(delivery(), said).occurred_at == NOW


def test_an_unknown_application_is_shown_and_never_taken_for_a_deletion() -> None:
    assert asked(delivery(), {}) == [UNKNOWN]
    with pytest.raises(Unreadable) as fault:
        told(delivery(), {})
    assert str(fault.value) == "answer: the ATS does not know this application (404)"


def test_a_person_or_job_that_has_gone_meanwhile_is_not_made_up() -> None:
    said = answered(APPLIED, REJECTED)
    del said[f"/candidates/{CANDIDATE}"], said[f"/jobs/{JOB}"]
    change = moved(delivery(), said)
    assert (change.candidate, change.job) == (CandidateFacts(CANDIDATE), None)


def test_without_answers_nothing_is_believed_of_an_application() -> None:
    with pytest.raises(Unreadable) as fault:
        smartrecruiters.translate(delivery(), NOW)
    assert fault.value.path == "answer"


@pytest.mark.parametrize("member", ["candidate_id", "id"])
def test_a_deleted_candidate_is_erased_without_a_question(member: str) -> None:
    hook = delivery("candidate.deleted", {member: CANDIDATE})
    assert smartrecruiters.question(hook, ()) is None
    assert smartrecruiters.translate(hook, NOW) == (CandidateErased(CANDIDATE, "deleted"),)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("application.fields.updated", "details_move_nobody"),
        ("application.onboarding-status.updated", "details_move_nobody"),
        ("candidate.updated", "candidate_changes_are_asked_with_the_next_stage"),
        ("offer.approval.approved", "offer_changes_no_stage"),
        ("interview.canceled", "interview_changes_no_stage"),
        ("job.updated", "job_moves_nobody"),
        ("position.deleted", "job_moves_nobody"),
        ("something.new", "unknown_event"),
    ],
)
def test_what_moves_nobody_is_named_and_not_asked_for(event: str, reason: str) -> None:
    hook = delivery(event, {"id": "1"})
    assert smartrecruiters.question(hook, ()) is None
    assert smartrecruiters.translate(hook, NOW) == (NothingToDo(reason),)


@pytest.mark.parametrize(
    ("hook", "path"),
    [
        (Delivery({}, b'{"job_id":"j","candidate_id":"c"}'), "event-name"),
        (delivery(body={"id": "1"}), "candidate_id"),
        (delivery(body={"candidate_id": "c"}), "job_id"),
        (delivery(body={"candidate_id": True, "job_id": "j"}), "candidate_id"),
        (delivery("candidate.deleted", {}), "id"),
        (delivery("candidate.deleted", {"candidate_id": ["c"]}), "candidate_id"),
    ],
)
def test_what_is_missing_or_odd_in_a_web_hook_is_named(hook: Delivery, path: str) -> None:
    assert smartrecruiters.question(hook, ()) is None
    with pytest.raises(Unreadable) as fault:
        smartrecruiters.translate(hook, NOW)
    assert fault.value.path == path


@pytest.mark.parametrize(
    ("asked_at", "content", "path"),
    [
        (f"/candidates/{CANDIDATE}/jobs/{JOB}", {}, "answer.application.status"),
        (f"/candidates/{CANDIDATE}/jobs/{JOB}", {"status": "PAUSED"}, "answer.application.status"),
        (f"/candidates/{CANDIDATE}/jobs/{JOB}", {"status": "NEW", "subStatus": 7}, "answer.application.subStatus"),
        (f"/candidates/{CANDIDATE}/jobs/{JOB}/status/history", {"content": {}}, "answer.history.content"),
        (
            f"/candidates/{CANDIDATE}/jobs/{JOB}/status/history",
            {"content": [{"changedOn": "2026-02-02", "status": "NEW"}]},
            "answer.history.content[0].changedOn",
        ),
        (f"/candidates/{CANDIDATE}", {"firstName": 1}, "answer.candidate.firstName"),
        (f"/candidates/{CANDIDATE}", {"email": []}, "answer.candidate.email"),
        (f"/jobs/{JOB}", {"title": " "}, "answer.job.title"),
    ],
)
def test_what_is_missing_or_odd_in_an_answer_is_named(asked_at: str, content: Any, path: str) -> None:
    with pytest.raises(Unreadable) as fault:
        told(delivery(), answered(APPLIED) | {asked_at: content})
    assert fault.value.path == path


odd = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({}) | st.just([{}])


@given(data=st.data())
def test_no_answer_breaks_anything(data: st.DataObject) -> None:
    said = answered(APPLIED, REJECTED)
    content = said[data.draw(st.sampled_from(sorted(said)))]
    content[data.draw(st.sampled_from(sorted(content)))] = data.draw(odd)
    with contextlib.suppress(Unreadable):
        assert isinstance(told(delivery(), said), StageChange | NothingToDo)


def test_the_published_example_of_a_signature_is_believed() -> None:
    assert smartrecruiters.verify(VECTOR, ["another-secret-01234", VECTOR_SECRET], VECTOR_TIME) == Believed(1)
    if PUBLISHED.is_dir():
        assert (PUBLISHED / "application.created.json").read_bytes().strip() == VECTOR.body
    for header in ("event-id", "event-name", "event-version", "link"):
        assert smartrecruiters.verify(VECTOR.with_headers({header: "x"}), [VECTOR_SECRET], VECTOR_TIME) == Doubted(
            "wrong"
        ), "each header is signed"


def test_one_signature_of_several_is_enough_and_other_schemes_are_passed_over() -> None:
    right = VECTOR.headers["smartrecruiters-signature"]
    for several in (f"v1={'0' * 64};{right}", f"{right};v1={'0' * 64}", f"v2=abc; {right};"):
        hook = VECTOR.with_headers({"smartrecruiters-signature": several})
        assert smartrecruiters.verify(hook, [VECTOR_SECRET], VECTOR_TIME) == Believed(0)


@pytest.mark.parametrize("written", ["", "v1", "v1=", "v1=zz", "v2=" + "0" * 64, "0" * 64, "v1= " + "0" * 63, ";;"])
def test_a_signature_of_another_form_is_malformed(written: str) -> None:
    hook = VECTOR.with_headers({"smartrecruiters-signature": written})
    assert smartrecruiters.verify(hook, [VECTOR_SECRET], VECTOR_TIME) == Doubted("malformed")


@pytest.mark.parametrize("stamp", ["", "-1", "now", "1574080897.0", "9" * 13, "١٥٧٤٠٨٠٨٩٧"])
def test_a_timestamp_of_another_form_is_malformed(stamp: str) -> None:
    hook = VECTOR.with_headers({"smartrecruiters-timestamp": stamp})
    assert smartrecruiters.verify(hook, [VECTOR_SECRET], VECTOR_TIME) == Doubted("malformed")


@pytest.mark.parametrize(("seconds", "stale"), [(-301, True), (-300, False), (300, False), (301, True)])
def test_a_genuine_request_may_be_five_minutes_away(seconds: int, stale: bool) -> None:
    verdict = smartrecruiters.verify(VECTOR, [VECTOR_SECRET], VECTOR_TIME + timedelta(seconds=seconds))
    assert verdict == (Doubted("stale") if stale else Believed(0))
    assert smartrecruiters.verify(VECTOR, [SECRET], VECTOR_TIME + timedelta(seconds=seconds)) == Doubted("wrong")


def test_an_absent_header_is_signed_as_nothing() -> None:
    signed = smartrecruiters.signed(Delivery({"event-name": "job.created"}, b"{}"), SECRET, NOW, "e-1")
    assert "link" not in signed.headers
    assert smartrecruiters.verify(signed, [SECRET], NOW) == Believed(0)
    assert smartrecruiters.verify(signed.with_headers({"link": ""}), [SECRET], NOW) == Believed(0)


def test_the_key_is_the_signed_id() -> None:
    assert smartrecruiters.event_key(VECTOR) == "123"


def test_the_request_that_activates_is_answered_with_its_own_secret() -> None:
    hook = Delivery({"x-hook-secret": "4jn8fs9011jj8"}, b"")
    assert smartrecruiters.handshake(hook) == Handshake("hook_secret", 200, {"X-Hook-Secret": "4jn8fs9011jj8"})
    assert smartrecruiters.handshake(VECTOR) is None


@pytest.mark.parametrize("value", ["", "x" * 513, "a\r\nSet-Cookie: b", "é", "\x00"])
def test_what_must_not_be_echoed_is_no_handshake(value: str) -> None:
    assert smartrecruiters.handshake(Delivery({"x-hook-secret": value}, b"")) is None
