"""Teamtailor: two ways of signing, what is asked, and what the answers mean."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.core.asking import Answer
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
    StageChange,
    StageFacts,
)
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome, StageKind
from notifier.ingest.ats.teamtailor import Adapter
from notifier.store import sources
from tests.faults.edge import Edge
from tests.standins.ats_api import AtsApi
from tests.world import World

PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "payloads" / "ats" / "teamtailor"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "a-key-of-a-teamtailor-webhook"
teamtailor = Adapter()


def record(kind: str, number: str, **attributes: Any) -> dict[str, Any]:
    return {"id": number, "type": kind, "attributes": {name.replace("_", "-"): it for name, it in attributes.items()}}


PERSON = record("candidates", "4401", first_name="Ines", last_name="Marković", email="ines.markovic@example.com")
STAGE = record("stages", "71", name="Team interview", stage_type="interview")
VACANCY = record("jobs", "301", title="Field Engineer")


def application(*included: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """What the API says of somebody who is in an interview."""
    stages = [] if any(one["type"] == "stages" for one in included) else [STAGE]
    everything = [*included, *stages, PERSON, VACANCY]
    names = {"candidates": "candidate", "jobs": "job", "stages": "stage", "reject-reasons": "reject-reason"}
    data = record("job-applications", "5501", **{"updated_at": "2026-02-05T11:15:00.000+01:00", **attributes})
    data["relationships"] = {names[one["type"]]: {"data": {"id": one["id"], "type": one["type"]}} for one in everything}
    return {"data": data, "included": everything}


def answer(document: dict[str, Any]) -> Answer:
    return Answer(200, json.dumps(document).encode())


def told(name: str, *answers: Answer) -> Event:
    (event,) = teamtailor.translate(teamtailor.samples()[name], NOW, answers)
    return event


def moved(name: str, document: dict[str, Any]) -> StageChange:
    event = told(name, answer(document))
    assert isinstance(event, StageChange)
    return event


def asked(name: str) -> str:
    question = teamtailor.question(teamtailor.samples()[name], ())
    return question.path if question is not None else ""


def test_an_update_is_asked_for_and_carries_all_its_facts() -> None:
    assert asked("job_application.update") == "/job-applications/5501?include=candidate,job,stage,reject-reason"
    assert told("job_application.update", answer(application())) == StageChange(
        application_id="5501",
        occurred_at=datetime(2026, 2, 5, 10, 15, tzinfo=UTC),
        stage=StageFacts("71", "Team interview", StageKind.INTERVIEW),
        candidate=CandidateFacts(
            "4401", first_name="Ines", name="Ines Marković", emails=("ines.markovic@example.com",)
        ),
        job=JobFacts("301", "Field Engineer"),
    )


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ({"rejected_by_company": True}, Outcome.REJECTED),
        ({"rejected_by_company": False}, Outcome.WITHDRAWN),
        ({}, Outcome.REJECTED),
        (None, Outcome.REJECTED),
    ],
)
def test_a_rejection_is_the_companys_unless_the_reason_says_otherwise(
    reason: dict[str, Any] | None, outcome: Outcome
) -> None:
    included = [record("reject-reasons", "9", reason="Some reason", **reason)] if reason is not None else []
    change = moved("rejected", application(*included, rejected_at="2026-02-12T16:30:00.000+01:00"))
    assert (change.outcome, change.stage) == (outcome, None)


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [("inbox", StageKind.APPLIED), ("offer", StageKind.OFFER), ("hired", StageKind.HIRED), ("in_process", None)],
)
def test_the_type_of_a_stage_says_what_it_means(kind: str, meaning: StageKind | None) -> None:
    stage = record("stages", "72", name="Whatever", stage_type=kind)
    assert moved("job_application.update", application(stage)).stage == StageFacts("72", "Whatever", meaning)


def test_who_was_sourced_has_not_applied_but_is_told_what_happens_later() -> None:
    assert told("job_application.create", answer(application(sourced=True))) == NothingToDo("prospect")
    assert moved("job_application.create", application(sourced=False)).arrived
    assert not moved("job_application.update", application(sourced=True)).arrived


def test_a_deletion_is_believed_when_the_record_is_gone() -> None:
    assert (asked("job_application.destroy"), asked("candidate.destroy")) == (
        "/job-applications/5501",
        "/candidates/4401",
    )
    gone = Answer(404, b"{}")
    assert told("job_application.destroy", gone) == ApplicationDeleted("5501")
    assert told("candidate.destroy", gone) == CandidateErased("4401", "deleted")
    assert told("job_application.destroy", answer(application())) == NothingToDo("still_there")
    assert told("candidate.destroy", answer({"data": PERSON})) == NothingToDo("still_there")


def test_a_candidate_brings_a_new_address() -> None:
    assert told("candidate.update", answer({"data": PERSON})) == CandidateChanged(
        CandidateFacts("4401", first_name="Ines", name="Ines Marković", emails=("ines.markovic@example.com",))
    )


def test_jobs_move_nobody_and_the_published_example_is_one() -> None:
    assert asked("job.update") == ""
    assert told("job.update") == NothingToDo("moves_nobody")
    if PUBLISHED.is_dir():
        body = (PUBLISHED / "job.update.json").read_bytes()
        assert teamtailor.translate(Delivery({}, body), NOW) == (NothingToDo("moves_nobody"),)


@pytest.mark.parametrize(
    ("answers", "path"),
    [
        ((), "answers.record"),
        ((Answer(404, b"{}"),), "answers.record"),
        ((answer({"data": record("job-applications", "1")}),), "answers.record.data.id"),
        ((answer({**application(), "included": []}),), "answers.record.included"),
        ((answer(application(updated_at=None)),), "answers.record.data.attributes.updated-at"),
        ((answer({"data": None}),), "answers.record.data"),
    ],
)
def test_what_is_missing_or_odd_is_named_and_never_taken_for_a_deletion(answers: tuple[Answer, ...], path: str) -> None:
    with pytest.raises(Unreadable) as fault:
        told("job_application.update", *answers)
    assert fault.value.path == path


class TestSignature:
    BODY = json.dumps({"payload": {"event_name": "job_application.update", "data": {"id": "5501"}}}).encode()

    def newer(self, stamp: int, body: bytes = BODY) -> Delivery:
        digest = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return Delivery({"tt-signature": base64.b64encode(f"t={stamp},v2={digest}".encode()).decode()}, body)

    def older(self, body: bytes = BODY, signed: str = "5501") -> Delivery:
        digest = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
        return Delivery({"teamtailor-signature": base64.b64encode(digest.encode()).decode()}, body)

    def test_both_schemes_are_believed(self) -> None:
        assert teamtailor.verify(self.newer(int(NOW.timestamp())), [SECRET], NOW) == Believed(0)
        assert teamtailor.verify(self.older(), ["another-secret-0123456789", SECRET], NOW) == Believed(1)

    def test_the_older_one_signs_the_id_of_the_record_wherever_it_stands(self) -> None:
        for body in ({"event_name": "job.update", "data": {"id": 5501}}, {"event_name": "job.update", "id": "5501"}):
            assert teamtailor.verify(self.older(json.dumps(body).encode()), [SECRET], NOW) == Believed(0)
        assert teamtailor.verify(self.older(signed="5502"), [SECRET], NOW) == Doubted("wrong")
        assert teamtailor.verify(self.older(b"{}"), [SECRET], NOW) == Doubted("malformed")

    def test_the_newer_one_covers_time_and_body(self) -> None:
        stamp = int(NOW.timestamp())
        changed = Delivery(self.newer(stamp).headers, self.BODY.replace(b"5501", b"5502"))
        assert teamtailor.verify(changed, [SECRET], NOW) == Doubted("wrong")
        assert teamtailor.verify(self.newer(stamp), [SECRET], NOW + timedelta(seconds=301)) == Doubted("stale")

    def test_a_newer_one_that_does_not_hold_is_not_saved_by_an_older_one(self) -> None:
        both = self.older().with_headers({"tt-signature": base64.b64encode(b"t=1,v2=" + b"0" * 64).decode()})
        assert teamtailor.verify(both, [SECRET], NOW) == Doubted("wrong")

    @pytest.mark.parametrize("written", ["", "zz", "é", base64.b64encode(b"t=1").decode(), "0" * 64])
    def test_a_signature_of_another_form_is_malformed(self, written: str) -> None:
        for header in ("tt-signature", "teamtailor-signature"):
            assert teamtailor.verify(Delivery({header: written}, self.BODY), [SECRET], NOW) == Doubted("malformed")

    def test_a_body_forged_around_an_older_signature_says_nothing(self, world_on: World) -> None:
        """The older signature of a record is the same for ever, so whoever saw one can write a body around it."""
        with AtsApi("Token token=key-1") as api:
            here = connect(world_on, api)
            digest = hmac.new(here.secret.encode(), b"5501", hashlib.sha256).hexdigest()
            headers = {"teamtailor-signature": base64.b64encode(digest.encode()).decode()}
            api.records["/job-applications/5501"] = application()
            body = json.dumps({"event_name": "job_application.destroy", "data": {"id": "5501"}}).encode()
            assert Edge(world_on).post(here, body, headers).status_code == 200
            world_on.settle_down()
            assert (world_on.ledger().applications, world_on.ledger().ignored) == (0, 1)


def connect(world: World, api: AtsApi) -> Any:
    here = world.add_source("teamtailor")
    with world.db.begin() as tx:
        source = sources.get_source(tx, None, here.id)
        sources.set_api_key(tx, source, "key-1")
        source.api_url = api.url
    return here


@pytest.fixture
def api() -> Iterator[AtsApi]:
    with AtsApi("Token token=key-1") as made:
        yield made


def test_an_application_and_its_rejection_become_messages(world_on: World, api: AtsApi) -> None:
    world, here = world_on, connect(world_on, api)
    inbox = record("stages", "70", name="Inbox", stage_type="inbox")
    applied = world.clock.now.isoformat()
    for number, (name, said) in enumerate([
        ("job_application.create", {"updated_at": applied}),
        ("rejected", {"updated_at": (world.clock.now + timedelta(hours=1)).isoformat(), "rejected_at": applied}),
    ]):  # fmt: skip
        world.clock.tick(hours=1)
        api.records["/job-applications/5501"] = application(inbox, **said)
        edge = Edge(world)
        assert edge.send(here, edge.genuine(here, name, f"e-{number}")).status_code == 200
        world.settle_down()
    world.run_for(days=8)

    assert world.live("5501") == [("application_received", "accepted"), ("rejected_after_application", "accepted")]
    assert {address for address, _ in world.mails()} == {"ines.markovic@example.com"}
    assert api.headers[0]["x-api-version"]
    assert world.ledger().violations == ()
