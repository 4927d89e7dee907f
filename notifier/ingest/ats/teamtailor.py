"""Teamtailor: web hooks that name a record, in two signature schemes; what became of it is read from the API.

Sources: https://partner.teamtailor.com/company_webhooks,
https://support.teamtailor.com/en/articles/8068954-webhooks-events, and public code (prepza; Singer, Airbyte and other
clients of the API).

*Documented*: the events `candidate`, `job` and `job_application`, each with `.create`, `.update` and `.destroy`; that
stage change, rejection and hire are all `job_application.update`; the wrapper `payload` with `event_name` and `data`.
*Seen in code*: the older header Teamtailor-Signature, base64 of the hex HMAC of the record's id alone; the newer
header TT-Signature, base64 of `t=<unix>,v2=<hex>` over time and raw body, five minutes long; bodies without the
wrapper; the API's `GET /job-applications/{id}` with `include`, its Authorization and X-Api-Version, and every member
read here.
*Not confirmed*: a body of an application's event; the member `rejected-by-company` of a reject reason; retries and
which status counts as success; limits of requests.

Decisions:

- *Both schemes are believed, and a body is a hint in both*: the older one signs an id, and whoever has seen one
  request could write another body around it. It is believed that something happened to that record; what, Teamtailor
  is asked.
- *404 is a deletion* only where Teamtailor says "destroy": a key that sees less would look the same.
- *Rejected* is `rejected-at`, unless the reason says that it was not the company who rejected. A hire has no member:
  the stage of that type or name is one.
- *Time* is `updated-at` of the application.
- *Key.* A digest of the body: no event id is known, and the body of a retry is the same.
- *Who was sourced has not applied*: their arrival says nothing, and what happens to them later does.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from notifier.core.asking import Answer, Api, Proof, Question
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
    Verdict,
)
from notifier.core.cut import ALL
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome, StageKind
from notifier.ingest import adapter, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields
from notifier.ingest.text import shown

#: Seconds between the signed timestamp and now, either way.
TOLERANCE = 300

_NEWER = re.compile(r"t=([0-9]{1,12}),v2=([0-9A-Fa-f]{64})")

#: What is kept of an answer: JSON:API, a record in `data` and what belongs to it in `included`.
_RELATION = MappingProxyType({"data": {"id": ALL, "type": ALL}})
_ATTRIBUTES = MappingProxyType({
    "created-at": ALL, "updated-at": ALL, "rejected-at": ALL, "sourced": ALL,
    "first-name": ALL, "last-name": ALL, "email": ALL,
    "title": ALL, "name": ALL, "stage-type": ALL, "reason": ALL, "rejected-by-company": ALL,
})  # fmt: skip
_RECORD = MappingProxyType({
    "id": ALL,
    "type": ALL,
    "attributes": _ATTRIBUTES,
    "relationships": {"candidate": _RELATION, "job": _RELATION, "stage": _RELATION, "reject-reason": _RELATION},
})  # fmt: skip
_ANSWER = MappingProxyType({"data": _RECORD, "included": _RECORD})

#: What the types of stages mean; they are Teamtailor's own, whatever a company calls the stage.
_KINDS = MappingProxyType({
    "inbox": StageKind.APPLIED,
    "screening": StageKind.SCREEN,
    "interview": StageKind.INTERVIEW,
    "offer": StageKind.OFFER,
    "hired": StageKind.HIRED,
})  # fmt: skip


class Adapter(adapter.Adapter):
    """Teamtailor's protocol; see the module for what is known and what was decided."""

    name = "teamtailor"
    title = "Teamtailor"
    kind_at = "payload.event_name"
    api = Api(
        address="https://api.teamtailor.com/v1",
        proof=Proof.TOKEN,
        per_second=4,
        key_form="the API key as Teamtailor shows it",
        needs="job applications, candidates, jobs, stages and reject reasons",
        headers={"x-api-version": "20240404"},
    )

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `TT-Signature` over time and raw body and that the time is near `now` (aware), else
        `Teamtailor-Signature` over the id of the record."""
        keys = [text_secret.key(secret) for secret in secrets]
        newer, older = delivery.headers.get("tt-signature"), delivery.headers.get("teamtailor-signature")
        if newer is None and older is None:
            return Doubted("no_signature")
        if newer is None:
            given = signature.read_hex(_plain(older or ""))
            record = _record_id(delivery.body)
            return signature.judge([given], keys, record.encode()) if given and record else Doubted("malformed")
        match = _NEWER.fullmatch(_plain(newer))
        if match is None:
            return Doubted("malformed")
        verdict = signature.judge([bytes.fromhex(match[2])], keys, match[1].encode() + b"." + delivery.body)
        # Only a genuine request is called stale: then the clocks differ, or somebody replays.
        if isinstance(verdict, Believed) and abs(now.timestamp() - int(match[1])) > TOLERANCE:
            return Doubted("stale")
        return verdict

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as Teamtailor would send it at `now` (aware) in the newer scheme; `event_id` is no part of it."""
        del event_id
        stamp = str(int(now.timestamp()))
        proof = signature.digest(text_secret.key(secret), stamp.encode() + b"." + plain.body).hex()
        written = base64.b64encode(f"t={stamp},v2={proof}".encode()).decode("ascii")
        return plain.with_headers({"content-type": "application/json", "tt-signature": written})

    def event_key(self, delivery: Delivery) -> str:
        """A digest of the body."""
        return event_key.from_body(delivery.body)

    def question(self, delivery: Delivery, answers: Sequence[Answer]) -> Question | None:
        """The record as it is now."""
        if answers:
            return None
        try:
            what, data = _event(delivery.body)
            record = data.path_segment("id")
        except Unreadable:
            return None
        if what.startswith("job_application."):
            included = "?include=candidate,job,stage,reject-reason" if what != "job_application.destroy" else ""
            return Question(f"/job-applications/{record}{included}", _ANSWER)
        return Question(f"/candidates/{record}", _ANSWER) if what in {"candidate.update", "candidate.destroy"} else None

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """The one event a web hook tells. Raises Unreadable with the path of the field at fault."""
        del received_at
        what, data = _event(delivery.body)
        record = data.identifier("id")
        if what in {"job_application.create", "job_application.update"}:
            return (_moved(what, record, answers),)
        if what == "job_application.destroy":
            return (ApplicationDeleted(record) if _gone(answers) else NothingToDo("still_there"),)
        if what == "candidate.destroy":
            return (CandidateErased(record, "deleted") if _gone(answers) else NothingToDo("still_there"),)
        if what == "candidate.update":
            return (CandidateChanged(_candidate(_answer(answers).nested("data"))),)
        known = what.startswith(("candidate.", "job."))
        return (NothingToDo("moves_nobody" if known else "unknown_event"),)


def _plain(written: str) -> str:
    """The text behind base64; "" for anything else."""
    try:
        return base64.b64decode(written.encode("ascii"), validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        return ""


def _event(body: bytes) -> tuple[str, Fields]:
    """The event's name and the record, inside the wrapper or without it. Raises Unreadable."""
    document = Fields(strict_json.read(body))
    payload = document.optional_nested("payload") or document
    what = payload.text("event_name")
    return what, payload.optional_nested("data") or payload


def _record_id(body: bytes) -> str:
    """The id of the record; "" if there is none."""
    try:
        return _event(body)[1].identifier("id")
    except Unreadable:
        return ""


def _answer(answers: Sequence[Answer]) -> Fields:
    """The answer. Raises Unreadable if Teamtailor does not know the record."""
    if not answers:
        raise Unreadable("answers.record", "Teamtailor was not asked")
    if answers[0].status == 404:
        raise Unreadable("answers.record", "Teamtailor does not know it, or the key may not see it (404)")
    return Fields(strict_json.read(answers[0].body), "answers.record")


def _gone(answers: Sequence[Answer]) -> bool:
    if not answers:
        raise Unreadable("answers.record", "Teamtailor was not asked")
    return answers[0].status == 404


def _moved(what: str, record: str, answers: Sequence[Answer]) -> Event:
    answer = _answer(answers)
    application = answer.nested("data")
    if application.identifier("id") != record:
        raise Unreadable(application.at("id"), "another application than the one asked for")
    attributes = application.nested("attributes")
    if what == "job_application.create" and attributes.optional_flag("sourced"):
        return NothingToDo("prospect")
    outcome = _outcome(attributes, _related(answer, application, "reject-reason", "reject-reasons"))
    stage = _related(answer, application, "stage", "stages")
    candidate = _related(answer, application, "candidate", "candidates")
    if candidate is None:
        raise Unreadable("answers.record.included", "the candidate is missing")
    return StageChange(
        application_id=record,
        occurred_at=attributes.time("updated-at"),
        outcome=outcome,
        stage=_stage(stage) if stage is not None and outcome is None else None,
        candidate=_candidate(candidate),
        job=_job(_related(answer, application, "job", "jobs")),
        arrived=what == "job_application.create",
    )


def _related(answer: Fields, application: Fields, name: str, kind: str) -> Fields | None:
    """The included record to which a relation leads."""
    relations = application.optional_nested("relationships")
    relation = relations.optional_nested(name) if relations is not None else None
    data = relation.optional_nested("data") if relation is not None else None
    if data is None:
        return None
    wanted = data.identifier("id")
    for record in answer.items("included"):
        if record.optional_text("type") == kind and record.identifier("id") == wanted:
            return record
    return None


def _outcome(attributes: Fields, reason: Fields | None) -> Outcome | None:
    """Rejected, withdrawn, or None: then the stage alone tells."""
    if attributes.optional_time("rejected-at") is None:
        return None
    said = reason.optional_nested("attributes") if reason is not None else None
    by_company = said.optional_flag("rejected-by-company") if said is not None else None
    return Outcome.WITHDRAWN if by_company is False else Outcome.REJECTED


def _stage(stage: Fields) -> StageFacts:
    attributes = stage.nested("attributes")
    kind = _KINDS.get(attributes.optional_text("stage-type") or "")
    return StageFacts(stage.identifier("id"), attributes.text("name"), kind)


def _candidate(candidate: Fields) -> CandidateFacts:
    attributes = candidate.nested("attributes")
    first, last = attributes.optional_text("first-name"), attributes.optional_text("last-name")
    email = attributes.optional_address("email")
    return CandidateFacts(
        external_id=candidate.identifier("id"),
        first_name=first,
        name=shown(" ".join(filter(None, (first, last)))) or None,
        emails=(email,) if email else None,
    )


def _job(job: Fields | None) -> JobFacts | None:
    title = job.nested("attributes").optional_text("title") if job is not None else None
    return JobFacts(job.identifier("id"), title) if job is not None and title else None
