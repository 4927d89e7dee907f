"""Teamtailor: two signatures, what is asked, and what the answers mean."""

import base64
import contextlib
import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.asking import Answer, Question
from notifier.core.change import (
    ApplicationDeleted,
    Believed,
    CandidateChanged,
    CandidateErased,
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
from notifier.core.stage import Outcome, StageKind
from notifier.ingest import signature
from notifier.ingest.ats.teamtailor import Adapter

PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "payloads" / "ats" / "teamtailor" / "job.update.json"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "a-signature-key-of-teamtailor"
UNKNOWN = Answer(404, b"{}")
teamtailor = Adapter()


def hook(event: str, record_id: str = "52001") -> Delivery:
    return Delivery({}, json.dumps({"payload": {"event_name": event, "data": {"id": record_id}}}).encode())


UPDATE = hook("job_application.update")

INBOX = {"id": "610", "type": "stages", "attributes": {"name": "Inbox", "stage-type": "Inbox", "row-order": 0}}
PHONE = {"id": "611", "type": "stages", "attributes": {"name": "Phone interview", "stage-type": "In process"}}
HIRED = {"id": "619", "type": "stages", "attributes": {"name": "Welcome!", "legacy-stage-type-name": "Hired"}}
OURS = {"id": "31", "type": "reject-reasons", "attributes": {"reason": "Not a fit", "rejected-by-company": True}}
THEIRS = {"id": "32", "type": "reject-reasons", "attributes": {"reason": "Other job", "rejected-by-company": False}}

PERSON = {
    "id": "41001",
    "type": "candidates",
    "attributes": {
        "first-name": "Ines",
        "last-name": "Marković",
        "email": "ines.markovic@example.com",
        "phone": "+49 30 000000",
        "pitch": "I fix things",
        "updated-at": "2026-02-06T08:00:00.000+01:00",
    },
}
INES = CandidateFacts("41001", first_name="Ines", name="Ines Marković", emails=("ines.markovic@example.com",))


def answered(stage: Any = PHONE, reason: Any = None, **attributes: Any) -> dict[str, Any]:
    """An application as Teamtailor would show it, with what is included."""

    def link(record: Any) -> dict[str, Any]:
        return {"links": {}, "data": {"type": record["type"], "id": record["id"]} if record else None}

    job = {
        "id": "7301",
        "type": "jobs",
        "attributes": {"title": "Field Engineer", "body": "<p>…</p>"},
        "relationships": {"user": {"data": {"type": "users", "id": "34"}}, "stages": {"links": {}}},
    }
    user = {
        "id": "34",
        "type": "users",
        "attributes": {"name": "Maria Lindqvist", "email": "maria.lindqvist@employer.example", "role": "admin"},
    }
    content = {
        "data": {
            "id": "52001",
            "type": "job-applications",
            "attributes": {
                "created-at": "2026-02-02T10:00:00.120+01:00",
                "changed-stage-at": "2026-02-05T11:15:00.400+01:00",
                "updated-at": "2026-02-05T11:15:00.500+01:00",
                "rejected-at": None,
                "sourced": False,
                "cover-letter": "Dear all",
            }
            | {name.replace("_", "-"): value for name, value in attributes.items()},
            "relationships": {
                "candidate": link(PERSON),
                "job": link(job),
                "stage": link(stage),
                "reject-reason": link(reason),
            },
        },
        "included": [one for one in (PERSON, job, user, stage, reason) if one],
    }
    return copy.deepcopy(content)


def answer(question: Question | None, content: Any) -> Answer:
    """The content cut down to what was wanted."""
    assert question is not None
    return Answer(200, json.dumps(cut(content, question.wanted)).encode())


def told(delivery: Delivery, content: Any) -> Event:
    said = answer(teamtailor.question(delivery, ()), content)
    assert teamtailor.question(delivery, [said]) is None
    (event,) = teamtailor.translate(delivery, NOW, [said])
    return event


def moved(content: Any, delivery: Delivery = UPDATE) -> StageChange:
    event = told(delivery, content)
    assert isinstance(event, StageChange)
    return event


def unknown(delivery: Delivery) -> Event:
    (event,) = teamtailor.translate(delivery, NOW, [UNKNOWN])
    return event


def test_a_stage_change_carries_all_its_facts() -> None:
    assert told(UPDATE, answered()) == StageChange(
        application_id="52001",
        occurred_at=datetime(2026, 2, 5, 10, 15, 0, 500_000, tzinfo=UTC),
        outcome=Outcome.NONE,
        stage=StageFacts("611", "Phone interview"),
        candidate=INES,
        job=JobFacts("7301", "Field Engineer"),
        owner=OwnerFacts("34", "Maria Lindqvist", "maria.lindqvist@employer.example"),
    )


def test_the_application_is_asked_for_with_all_that_belongs_to_it() -> None:
    question = teamtailor.question(UPDATE, ())
    assert question is not None
    assert (question.method, question.path) == ("GET", "/job-applications/52001")
    assert question.params == {"include": "candidate,job,job.user,stage,reject-reason"}
    said = answer(question, answered()).body.decode()
    assert "Marković" in json.loads(said)["included"][0]["attributes"]["last-name"]
    for unread in ("phone", "pitch", "cover-letter", "Dear all", "<p>", "row-order", "admin"):
        assert unread not in said


@pytest.mark.parametrize(
    ("stage", "reason", "rejected_at", "outcome"),
    [
        (PHONE, OURS, "2026-02-12T16:30:00+01:00", Outcome.REJECTED),
        (PHONE, None, "2026-02-12T16:30:00+01:00", Outcome.REJECTED),
        (PHONE, THEIRS, "2026-02-12T16:30:00+01:00", Outcome.WITHDRAWN),
        (PHONE, THEIRS, None, Outcome.NONE),
        (HIRED, None, None, Outcome.HIRED),
        (HIRED, OURS, "2026-02-12T16:30:00+01:00", Outcome.REJECTED),
    ],
)
def test_an_ending_is_hidden_in_an_update(stage: Any, reason: Any, rejected_at: Any, outcome: Outcome) -> None:
    change = moved(answered(stage, reason, rejected_at=rejected_at))
    assert change.outcome is outcome
    assert change.stage is not None, "a rejected application stays in the stage it had reached"


@pytest.mark.parametrize(("stage", "kind"), [(INBOX, StageKind.APPLIED), (PHONE, None), (HIRED, StageKind.HIRED)])
def test_only_two_stages_say_what_they_mean(stage: Any, kind: StageKind | None) -> None:
    facts = moved(answered(stage)).stage
    assert facts is not None
    assert (facts.name, facts.kind) == (stage["attributes"]["name"], kind)


def test_only_a_creation_is_the_arrival() -> None:
    assert moved(answered(INBOX), hook("job_application.create")).arrived
    assert not moved(answered(INBOX)).arrived


@pytest.mark.parametrize("rejected_at", [None, "2026-02-12T16:30:00+01:00"])
@pytest.mark.parametrize("changed", [None, "2026-02-02T10:00:00.100+01:00"])
def test_who_was_put_into_the_inbox_by_a_recruiter_has_not_applied(rejected_at: Any, changed: Any) -> None:
    content = answered(INBOX, sourced=True, rejected_at=rejected_at, changed_stage_at=changed)
    assert told(hook("job_application.create"), content) == NothingToDo("lead")


@pytest.mark.parametrize("stage", [PHONE, INBOX])
def test_who_was_sourced_and_moved_is_owed_an_answer_but_did_not_arrive(stage: Any) -> None:
    change = moved(answered(stage, OURS, sourced=True, rejected_at="2026-02-12T16:30:00Z"))
    assert change.outcome is Outcome.REJECTED
    assert not moved(answered(PHONE, sourced=True), hook("job_application.create")).arrived


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"rejected_at": "2026-02-12T16:30:00+01:00"}, datetime(2026, 2, 12, 15, 30, tzinfo=UTC)),
        ({}, datetime(2026, 2, 5, 10, 15, 0, 400_000, tzinfo=UTC)),
        ({"changed_stage_at": None}, datetime(2026, 2, 2, 9, 0, 0, 120_000, tzinfo=UTC)),
        ({"changed_stage_at": None, "created_at": None}, NOW),
    ],
)
def test_without_the_time_of_the_update_the_newest_other_counts(attributes: Any, expected: datetime) -> None:
    assert moved(answered(updated_at=None, **attributes)).occurred_at == expected


def test_what_teamtailor_does_not_say_is_not_made_up() -> None:
    content = answered(None)
    person, job, user = content["included"]
    person["attributes"] = {}
    user["attributes"] = {"name": None, "email": "maria.lindqvist@employer.example"}
    change = moved(content)
    assert (change.stage, change.owner, change.candidate) == (None, None, CandidateFacts("41001"))
    del job["relationships"]
    assert moved(content).owner is None


def test_a_deletion_is_believed_when_the_record_is_gone() -> None:
    application, candidate = hook("job_application.destroy"), hook("candidate.destroy", "41001")
    assert unknown(application) == ApplicationDeleted("52001")
    assert unknown(candidate) == CandidateErased("41001", "deleted")
    assert told(application, answered()) == NothingToDo("still_there")
    assert told(candidate, {"data": PERSON}) == NothingToDo("still_there")


def test_an_unknown_application_is_shown_and_never_taken_for_a_deletion() -> None:
    with pytest.raises(Unreadable) as fault:
        unknown(UPDATE)
    assert str(fault.value) == "answer: the ATS does not know this application (404)"
    assert unknown(hook("candidate.update")) == NothingToDo("candidate_is_gone")


def test_a_changed_candidate_is_asked_for() -> None:
    delivery = hook("candidate.update", "41001")
    question = teamtailor.question(delivery, ())
    assert question is not None
    assert (question.path, question.params) == ("/candidates/41001", {})
    assert told(delivery, {"data": PERSON}) == CandidateChanged(INES, datetime(2026, 2, 6, 7, tzinfo=UTC))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("candidate.create", "candidate_moves_nobody"),
        ("job.update", "job_moves_nobody"),
        ("job_application.archive", "unknown_event"),
        ("audit_event.create", "unknown_event"),
    ],
)
def test_what_moves_nobody_is_named_and_not_asked_for(event: str, reason: str) -> None:
    assert teamtailor.question(hook(event), ()) is None
    assert teamtailor.translate(hook(event), NOW) == (NothingToDo(reason),)


@pytest.mark.parametrize(
    "content",
    [
        {"payload": {"event_name": "job_application.update", "data": {"id": 52001}}},
        {"event_name": "job_application.update", "data": {"id": "52001"}},
        {"event_name": "job_application.update", "resource_id": "52001", "id": "7"},
        {"event_name": "job_application.update", "id": 52001},
    ],
)
def test_a_body_comes_with_the_wrapper_and_without(content: Any) -> None:
    question = teamtailor.question(Delivery({}, json.dumps(content).encode()), ())
    assert question is not None
    assert question.path == "/job-applications/52001"


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"payload": {"data": {"id": "1"}}}, "payload.event_name"),
        ({"payload": []}, "payload"),
        ({"event_name": "job_application.update"}, "id"),
        ({"payload": {"event_name": "job_application.update", "data": {}}}, "payload.data.id"),
        ({"payload": {"event_name": "job_application.update", "data": "1"}}, "payload.data"),
        ({"payload": {"event_name": "candidate.destroy", "data": {"id": [1]}}}, "payload.data.id"),
        ({"payload": {"event_name": "candidate.destroy", "data": {"id": "1"}}}, "answer"),
    ],
)
def test_what_is_missing_or_odd_in_a_web_hook_is_named(content: Any, path: str) -> None:
    with pytest.raises(Unreadable) as fault:
        teamtailor.translate(Delivery({}, json.dumps(content).encode()), NOW)
    assert fault.value.path == path


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda said: said.pop("data"), "answer.data"),
        (lambda said: said["data"].pop("attributes"), "answer.data.attributes"),
        (lambda said: said["data"]["attributes"].update({"rejected-at": True}), "answer.data.attributes.rejected-at"),
        (lambda said: said["data"]["attributes"].update({"sourced": "no"}), "answer.data.attributes.sourced"),
        (lambda said: said["data"].pop("relationships"), "answer.data.relationships.job"),
        (lambda said: said["data"]["relationships"].pop("candidate"), "answer.data.relationships.candidate"),
        (lambda said: said.pop("included"), "answer.data.relationships.job"),
        (lambda said: said.update(included={}), "answer.included"),
        (lambda said: said["included"][1]["attributes"].update(title=None), "answer.included[1].attributes.title"),
        (lambda said: said["included"][3]["attributes"].update(name=3), "answer.included[3].attributes.name"),
    ],
)
def test_what_is_missing_or_odd_in_an_answer_is_named(change: Any, path: str) -> None:
    content = answered()
    change(content)
    with pytest.raises(Unreadable) as fault:
        told(UPDATE, content)
    assert fault.value.path == path


odd = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({}) | st.just([{}])


def objects(value: Any) -> list[dict[str, Any]]:
    """Every object in a JSON value that has a member."""
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return ([value] if value and isinstance(value, dict) else []) + [one for part in inside for one in objects(part)]


@given(data=st.data())
def test_no_answer_breaks_anything(data: st.DataObject) -> None:
    content = answered(PHONE, THEIRS, rejected_at="2026-02-12T16:30:00+01:00")
    places = objects(content)
    place = places[data.draw(st.integers(0, len(places) - 1))]
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(odd)
    with contextlib.suppress(Unreadable):
        assert isinstance(told(UPDATE, content), StageChange | NothingToDo)


def v1(record_id: str, secret: str = SECRET) -> str:
    digits = signature.digest(secret.encode(), record_id.encode()).hex()
    return base64.b64encode(digits.encode()).decode()


def v2(message: bytes, at: datetime = NOW) -> str:
    stamp = str(int(at.timestamp()))
    digits = signature.digest(SECRET.encode(), stamp.encode() + b"." + message).hex()
    return base64.b64encode(f"t={stamp},v2={digits}".encode()).decode()


@pytest.mark.parametrize("header", ["tt-signature", "teamtailor-signature"])
def test_the_older_signature_covers_the_id_and_nothing_else(header: str) -> None:
    signed = UPDATE.with_headers({header: v1("52001")})
    assert teamtailor.verify(signed, ["another-key-0123456789", SECRET], NOW) == Believed(1)
    other = Delivery(signed.headers, UPDATE.body.replace(b"update", b"destroy"))
    assert teamtailor.verify(other, [SECRET], NOW + timedelta(days=9)) == Believed(0), "so the event is asked about"
    assert teamtailor.verify(Delivery(signed.headers, UPDATE.body.replace(b"52001", b"52002")), [SECRET], NOW) == (
        Doubted("wrong")
    )
    assert teamtailor.verify(Delivery(signed.headers, b"no JSON"), [SECRET], NOW) == Doubted("wrong")


def test_the_newer_signature_covers_the_raw_body() -> None:
    signed = UPDATE.with_headers({"tt-signature": v2(UPDATE.body)})
    assert teamtailor.verify(signed, [SECRET], NOW) == Believed(0)
    assert teamtailor.verify(Delivery(signed.headers, UPDATE.body + b" "), [SECRET], NOW) == Doubted("wrong")


@pytest.mark.parametrize("spaced", ["", " ", "\n  "])
def test_the_newer_signature_may_cover_the_member_payload_as_it_is_written(spaced: str) -> None:
    inner = '{"event_name":"job_application.update","data":{"id":"52001","type":"é\\u00e9", "n":1.0}}'
    body = f'{{{spaced}"payload":{spaced}{inner},{spaced}"signature":"x"}}'.encode()
    headers = {"tt-signature": v2(inner.encode())}
    assert teamtailor.verify(Delivery(headers, body), [SECRET], NOW) == Believed(0)
    assert teamtailor.verify(Delivery(headers, body.replace(b"52001", b"52002")), [SECRET], NOW) == Doubted("wrong")
    assert teamtailor.verify(Delivery(headers, body.replace(b"1.0", b"1")), [SECRET], NOW) == Doubted("wrong")


@pytest.mark.parametrize("body", [b"", b'{"payload":', b'{"payload":\xff}', b'{"payload":' + b"[" * 100_000, b"[]"])
def test_a_body_without_a_readable_payload_breaks_nothing(body: bytes) -> None:
    assert teamtailor.verify(Delivery({"tt-signature": v2(b"x")}, body), [SECRET], NOW) == Doubted("wrong")


def test_one_good_signature_of_two_is_enough() -> None:
    headers = {"tt-signature": "odd", "teamtailor-signature": v1("52001")}
    assert teamtailor.verify(UPDATE.with_headers(headers), [SECRET], NOW) == Believed(0)
    headers = {"tt-signature": v2(b"another"), "teamtailor-signature": v1("52001")}
    assert teamtailor.verify(UPDATE.with_headers(headers), [SECRET], NOW) == Believed(0)


@pytest.mark.parametrize(("seconds", "stale"), [(-301, True), (-300, False), (300, False), (301, True)])
def test_a_genuine_request_may_be_five_minutes_away(seconds: int, stale: bool) -> None:
    signed = UPDATE.with_headers({"tt-signature": v2(UPDATE.body, NOW + timedelta(seconds=seconds))})
    assert teamtailor.verify(signed, [SECRET], NOW) == (Doubted("stale") if stale else Believed(0))
    assert teamtailor.verify(signed, ["another-key-0123456789"], NOW) == Doubted("wrong")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "not base64!",
        "é",
        "0" * 64,
        base64.b64encode(b"\xff" * 64).decode(),
        base64.b64encode(b"0" * 63).decode(),
        base64.b64encode(b"t=1777636800,v1=" + b"0" * 64).decode(),
        base64.b64encode(b"t=,v2=" + b"0" * 64).decode(),
        base64.b64encode(b"t=" + b"9" * 13 + b",v2=" + b"0" * 64).decode(),
        "t=1539756759,v1=" + "0" * 64,
    ],
)
def test_a_signature_of_another_form_is_malformed(written: str) -> None:
    delivery = UPDATE.with_headers({"tt-signature": written})
    assert teamtailor.verify(delivery, [SECRET], NOW) == Doubted("malformed")


def test_the_published_example_has_the_form_of_the_older_signature() -> None:
    if not PUBLISHED.is_file():
        return
    body = PUBLISHED.read_bytes()
    delivery = Delivery({"tt-signature": json.loads(body)["signature"]}, body)
    assert teamtailor.verify(delivery, [SECRET], NOW) == Doubted("wrong")
    assert teamtailor.translate(delivery, NOW) == (NothingToDo("job_moves_nobody"),)


def test_the_key_is_that_of_the_body_whenever_it_was_signed() -> None:
    first, again = (teamtailor.signed(UPDATE, SECRET, NOW + timedelta(hours=hours), "") for hours in (0, 5))
    assert teamtailor.event_key(first) == teamtailor.event_key(again) != teamtailor.event_key(hook("job.update"))
