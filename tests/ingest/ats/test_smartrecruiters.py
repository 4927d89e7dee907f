"""SmartRecruiters: what is signed, the handshake, what is asked, and what the answers mean."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier.core.asking import Answer
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
from notifier.core.stage import Outcome, StageKind
from notifier.ingest.ats.smartrecruiters import Adapter
from notifier.store import sources
from tests.faults.edge import Edge
from tests.standins.ats_api import AtsApi
from tests.world import World

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SECRET = "a-secret-key-of-a-subscription"
CANDIDATE, JOB = "c0ffee00-0001-4000-8000-000000000001", "70b00000-0001-4000-8000-000000000001"
smartrecruiters = Adapter()


def answer(**members: Any) -> Answer:
    return Answer(200, json.dumps(members).encode())


PERSON = answer(id=CANDIDATE, firstName="Ines", lastName="Marković", email="ines.markovic@example.com")
VACANCY = answer(id=JOB, title="Field Engineer")


def told(name: str, *answers: Answer) -> Event:
    (event,) = smartrecruiters.translate(smartrecruiters.samples()[name], NOW, answers)
    return event


def at(status: str, **more: Any) -> StageChange:
    event = told("application.status.updated", answer(status=status, **more), PERSON, VACANCY)
    assert isinstance(event, StageChange)
    return event


def test_ids_are_asked_for_one_after_the_other_and_become_all_the_facts() -> None:
    plain = smartrecruiters.samples()["application.status.updated"]
    answers = (answer(status="INTERVIEW", subStatus="Second interview"), PERSON, VACANCY)
    questions = [smartrecruiters.question(plain, answers[:number]) for number in range(4)]
    assert [question.path if question else "" for question in questions] == [
        f"/candidates/{CANDIDATE}/jobs/{JOB}",
        f"/candidates/{CANDIDATE}",
        f"/jobs/{JOB}",
        "",
    ]
    assert told("application.status.updated", *answers) == StageChange(
        application_id=f"{CANDIDATE}:{JOB}",
        occurred_at=NOW,
        outcome=Outcome.NONE,
        stage=StageFacts("INTERVIEW:Second interview", "Second interview", StageKind.INTERVIEW),
        candidate=CandidateFacts(
            CANDIDATE, first_name="Ines", name="Ines Marković", emails=("ines.markovic@example.com",)
        ),
        job=JobFacts(JOB, "Field Engineer"),
    )


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("HIRED", Outcome.HIRED), ("REJECTED", Outcome.REJECTED), ("WITHDRAWN", Outcome.WITHDRAWN)],
)
def test_an_ending_is_a_status_and_no_stage(status: str, outcome: Outcome) -> None:
    change = at(status, subStatus="Whatever")
    assert (change.outcome, change.stage) == (outcome, None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [("NEW", StageKind.APPLIED), ("IN_REVIEW", StageKind.SCREEN), ("OFFERED", StageKind.OFFER)],
)
def test_a_status_means_the_same_in_every_company(status: str, kind: StageKind) -> None:
    assert at(status).stage == StageFacts(status, status.replace("_", " ").title(), kind)


def test_who_has_not_applied_or_was_moved_elsewhere_hears_nothing() -> None:
    assert told("application.created", answer(status="LEAD"), PERSON, VACANCY) == NothingToDo("lead")
    moved = told("application.status.updated", answer(status="TRANSFERRED"), PERSON, VACANCY)
    assert moved == NothingToDo("transferred_to_another_job")


def test_other_events_move_nobody_and_a_deletion_is_no_rejection() -> None:
    assert told("interview.created") == NothingToDo("interview_changes_no_stage")
    assert told("candidate.deleted") == CandidateErased(CANDIDATE, "deleted")
    created = told("application.created", answer(status="NEW"), PERSON, Answer(404, b"{}"))
    assert isinstance(created, StageChange)
    assert (created.arrived, created.job) == (True, None)


@pytest.mark.parametrize(
    ("answers", "path"),
    [
        ((), "answers.application"),
        ((Answer(404, b"{}"), PERSON, VACANCY), "answers.application"),
        ((answer(status="PAUSED"), PERSON, VACANCY), "answers.application.status"),
        ((answer(), PERSON, VACANCY), "answers.application.status"),
        ((answer(status="NEW"), Answer(404, b"{}"), VACANCY), "answers.candidate"),
        ((answer(status="NEW"), answer(email=7), VACANCY), "answers.candidate.email"),
    ],
)
def test_what_is_missing_or_odd_is_named_and_never_taken_for_a_deletion(answers: tuple[Answer, ...], path: str) -> None:
    with pytest.raises(Unreadable) as fault:
        told("application.status.updated", *answers)
    assert fault.value.path == path


@pytest.mark.parametrize("odd", ["../jobs", "a/b", "a?b", "", None, 1.5])
def test_an_id_that_leads_elsewhere_is_not_asked_for(odd: Any) -> None:
    plain = smartrecruiters.samples()["application.created"]
    body = json.dumps({"candidate_id": odd, "job_id": JOB}).encode()
    assert smartrecruiters.question(Delivery(plain.headers, body), ()) is None


class TestSignature:
    def test_what_is_signed_is_what_is_documented(self) -> None:
        """Timestamp, body, id, name, version and link, joined by dots; an absent header is empty."""
        headers = {
            "smartrecruiters-timestamp": str(int(NOW.timestamp())),
            "event-id": "e-1",
            "event-name": "application.created",
            "link": "<https://api.example/x>; rel=self",
        }
        body = b'{"job_id":"jid","candidate_id":"cid"}'
        message = b".".join([
            headers["smartrecruiters-timestamp"].encode(), body, b"e-1", b"application.created", b"",
            b"<https://api.example/x>; rel=self",
        ])  # fmt: skip
        digest = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
        for written in (f"v1={digest}", f"v1={'0' * 64};v1={digest.upper()}", f"v2=zz; v1={digest}"):
            delivery = Delivery({**headers, "smartrecruiters-signature": written}, body)
            assert smartrecruiters.verify(delivery, [SECRET], NOW) == Believed(0)

    @pytest.mark.parametrize("header", ["event-id", "event-name", "event-version", "link", "smartrecruiters-timestamp"])
    def test_every_signed_header_counts(self, header: str) -> None:
        sent = smartrecruiters.signed(smartrecruiters.samples()["application.created"], SECRET, NOW, "e-1")
        value = "1777000000" if header.endswith("timestamp") else "another"
        changed = sent.with_headers({header: value})
        assert smartrecruiters.verify(changed, [SECRET], NOW) == Doubted("wrong")

    def test_a_late_one_is_stale(self) -> None:
        sent = smartrecruiters.signed(smartrecruiters.samples()["application.created"], SECRET, NOW, "e-1")
        assert smartrecruiters.verify(sent, [SECRET], NOW + timedelta(seconds=299)) == Believed(0)
        assert smartrecruiters.verify(sent, [SECRET], NOW + timedelta(seconds=301)) == Doubted("stale")

    @pytest.mark.parametrize("written", ["", "v1", "v1=", "v1=zz", "v2=" + "0" * 64, "0" * 64, ";;"])
    def test_a_signature_of_another_form_is_malformed(self, written: str) -> None:
        headers = {"smartrecruiters-signature": written, "smartrecruiters-timestamp": "1777000000"}
        assert smartrecruiters.verify(Delivery(headers, b"{}"), [SECRET], NOW) == Doubted("malformed")


def test_the_handshake_sends_the_secret_back_over_http(world: World) -> None:
    edge, here = Edge(world), world.add_source("smartrecruiters")
    answered = edge.post(here, b"{}", {"X-Hook-Secret": "a-hook-secret"})
    assert (answered.status_code, answered.headers["X-Hook-Secret"]) == (200, "a-hook-secret")
    for odd in ("", "x" * 513, "a b"):
        refused = edge.post(here, b"{}", {"X-Hook-Secret": odd})
        assert (refused.status_code, "X-Hook-Secret" in refused.headers) == (401, False)


@pytest.fixture
def api() -> Iterator[AtsApi]:
    with AtsApi(clients=("client-1:s3cret",)) as made:
        yield made


class TestAsked:
    """Over HTTP: a token by client credentials, or an API key in a header of its own."""

    def test_a_status_becomes_a_message_by_a_token(self, world_on: World, api: AtsApi) -> None:
        self._connect(world_on, api, "client-1:s3cret")
        self._application(api, "NEW")
        self._tell("application.created")
        api.forget()
        self._application(api, "REJECTED")
        self._tell("application.status.updated")
        self.world.run_for(days=8)

        assert ("rejected_after_application", "accepted") in self.world.live(f"{CANDIDATE}:{JOB}")
        assert {address for address, _ in self.world.mails()} == {"ines.markovic@example.com"}
        assert api.tokens == 2, "one token for all questions, and a new one when it ended"
        assert self.world.ledger().violations == ()

    def test_a_wrong_client_is_said(self, world_on: World, api: AtsApi) -> None:
        self._connect(world_on, api, "client-1:wrong")
        self._tell("application.created")
        assert self.world.ledger().asking == 1
        assert not [line for line in api.requests if "/candidates" in line]

    def test_a_plain_key_stands_in_its_own_header(self, world_on: World, api: AtsApi) -> None:
        self._connect(world_on, api, "plain-key")
        self._tell("application.created")
        assert api.headers[0]["x-smarttoken"] == "plain-key"
        assert "authorization" not in api.headers[0]

    def _connect(self, world: World, api: AtsApi, key: str) -> None:
        self.world, self.here, self.number = world, world.add_source("smartrecruiters"), 0
        with world.db.begin() as tx:
            source = sources.get_source(tx, None, self.here.id)
            sources.set_api_key(tx, source, key)
            source.api_url = api.url

    @staticmethod
    def _application(api: AtsApi, status: str) -> None:
        api.records[f"/candidates/{CANDIDATE}/jobs/{JOB}"] = {"status": status, "actions": {}}
        api.records[f"/candidates/{CANDIDATE}"] = {**json.loads(PERSON.body), "phoneNumber": "5550199"}
        api.records[f"/jobs/{JOB}"] = json.loads(VACANCY.body)

    def _tell(self, name: str) -> None:
        self.number += 1
        self.world.clock.tick(minutes=1)
        edge = Edge(self.world)
        answered = edge.send(self.here, edge.genuine(self.here, name, f"e-{self.number}"))
        assert answered.status_code == 202
        self.world.settle_down()
