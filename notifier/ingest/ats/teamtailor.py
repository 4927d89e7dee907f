"""Teamtailor: web hooks whose older signature covers only an id, so everything but the id is asked for.

Sources: https://partner.teamtailor.com/company_webhooks and https://docs.teamtailor.com with their texts in
github.com/Teamtailor/tt-partner-docs and github.com/Teamtailor/docs, the vendor's client and its test data
(github.com/Teamtailor/teamtailor-rb), and the help pages on transparent recruitment, reject reasons and sourcing.

*Documented*: the events, the wrapper `payload` with `event_name` and `data`, the header `TT-Signature` in two versions,
any 2xx as success, that a failed delivery is not sent again; `Token token=` and `X-Api-Version`, the two resources
asked for and their members, that an application "always" has a candidate and a job, the stage types Inbox, In process
and Hired, `rejected-by-company` ("otherwise from the candidate"), and that the user of a job is its recruiter.
*Seen in code*: the header `Teamtailor-Signature` with `resource_id` or `id` and no wrapper, `legacy-stage-type-name`,
the includes `reject-reason` and `job.user`, the version 20240904, fifty requests in ten seconds.
*Not confirmed*: the body of an application's event, whether `sourced` becomes false when the person applies, what an
answer looks like after a deletion (404 is expected).

Decisions:

- *Two signatures, either is enough.* Version 2 covers the time and the body; the vendor's page has said "the raw body"
  and "the JSON of `payload`", so the raw text of that member is accepted too. Version 1 covers the id alone and can be
  replayed for ever, but says no more than "look at this one".
- *Nothing in a body is believed* but the event's name and the id; what they say is read by API. A forger who replays a
  signed id makes us read what is true.
- *Key.* A digest of the body: there is no id of an event. Documented bodies tell when the record was changed.
- *Endings.* `rejected-at` with a reason that is the candidate's own is a withdrawal, with any other or none a
  rejection; an application in a stage of the type Hired is hired. A rejected one stays in the stage it had reached.
- *A sourced application* that has not left the Inbox was put there by a recruiter: nobody has applied, nothing is owed.
- *A deletion* is believed when the record is gone. 404 for an application that was not deleted is shown to people and
  can be replayed; for a person who was changed it says nothing.
- *`transparent-recruiting-visible-at`*, before which nobody may be told of a rejection, is only in signed bodies and is
  not read: the hold of a rejection is set here (docs/ats/teamtailor.md).
- What is not read: telephone numbers, cover letters, CVs, tags, custom fields, where an application came from.
"""

import base64
import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import quote

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
    OwnerFacts,
    StageChange,
    StageFacts,
    Verdict,
)
from notifier.core.cut import ALL
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome, StageKind
from notifier.ingest import adapter, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields

#: Seconds between the signed timestamp and now, either way.
TOLERANCE = 300

#: Both headers may carry either version; one of them is enough.
_HEADERS = ("tt-signature", "teamtailor-signature")

#: A signature of version 2. The bound keeps a number of thousands of digits away from `int`.
_STAMPED = re.compile(r"t=([0-9]{1,12}),v2=([0-9A-Fa-f]{64})")

#: The start of a body whose first member is `payload`.
_WRAPPED = re.compile(r'\s*\{\s*"payload"\s*:\s*')

_DECODER = json.JSONDecoder()

_ARRIVED = "job_application.create"

#: Events that are asked for, by what they are about.
_APPLICATION_EVENTS = frozenset({_ARRIVED, "job_application.update", "job_application.destroy"})
_CANDIDATE_EVENTS = frozenset({"candidate.update", "candidate.destroy"})

#: Events by their first letters that are known and move nobody, and the reason shown for them.
_QUIET = (("candidate.", "candidate_moves_nobody"), ("job.", "job_moves_nobody"))

#: The stage types that say what a stage means; every other stage is a company's own.
_INBOX, _HIRED = "Inbox", "Hired"
_KINDS = MappingProxyType({_INBOX: StageKind.APPLIED, _HIRED: StageKind.HIRED})

#: An application is put into its first stage when it is made, give or take the milliseconds between two columns.
_AT_ONCE = timedelta(minutes=1)

# What is kept of each answer. The included records are of several types, so their members are named together.
_APPLICATION = MappingProxyType({
    "data": {
        "id": ALL,
        "attributes": {
            "created-at": ALL,
            "updated-at": ALL,
            "changed-stage-at": ALL,
            "rejected-at": ALL,
            "sourced": ALL,
        },
        "relationships": {
            "candidate": {"data": ALL},
            "job": {"data": ALL},
            "stage": {"data": ALL},
            "reject-reason": {"data": ALL},
        },
    },
    "included": {
        "id": ALL,
        "type": ALL,
        "attributes": {
            "first-name": ALL,
            "last-name": ALL,
            "email": ALL,
            "title": ALL,
            "name": ALL,
            "stage-type": ALL,
            "legacy-stage-type-name": ALL,
            "rejected-by-company": ALL,
        },
        "relationships": {"user": {"data": ALL}},
    },
})  # fmt: skip
_CANDIDATE = MappingProxyType({
    "data": {"id": ALL, "attributes": {"first-name": ALL, "last-name": ALL, "email": ALL, "updated-at": ALL}},
})  # fmt: skip

_INCLUDE = MappingProxyType({"include": "candidate,job,job.user,stage,reject-reason"})


class Adapter(adapter.Adapter):
    """Teamtailor's protocol; see the module for what is documented and what was decided."""

    name = "teamtailor"
    title = "Teamtailor"
    kind_at = "payload.event_name"
    signs_body = False
    api = Api(
        address="https://api.teamtailor.com/v1",
        proof=Proof.TOKEN,
        per_second=4,
        key_form="the key as Teamtailor shows it",
        needs="candidates and applications (an API key of the scope Admin with Read)",
        headers=MappingProxyType({"accept": "application/vnd.api+json", "x-api-version": "20240904"}),
    )

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check the signatures there are, of either version; for version 2 also that its time is near `now` (aware)."""
        written = [delivery.headers[name] for name in _HEADERS if name in delivery.headers]
        if not written:
            return Doubted("no_signature")
        proofs = [proof for one in written if (proof := _read(one)) is not None]
        if not proofs:
            return Doubted("malformed")
        keys = [text_secret.key(secret) for secret in secrets]
        for stamp, given in proofs:
            for message in _signed(stamp, delivery.body):
                verdict = signature.judge([given], keys, message)
                if isinstance(verdict, Believed):
                    # Only a genuine request is called stale: then the clocks differ, or somebody replays.
                    return Doubted("stale") if _is_stale(stamp, now) else verdict
        return Doubted("wrong")

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as Teamtailor would send it at `now` (aware), signed with version 2; an event has no id."""
        del event_id
        stamp = str(int(now.timestamp()))
        proof = signature.digest(text_secret.key(secret), _stamped(stamp, plain.body)).hex()
        written = base64.b64encode(f"t={stamp},v2={proof}".encode()).decode()
        return plain.with_headers({"content-type": "application/json", "tt-signature": written})

    def event_key(self, delivery: Delivery) -> str:
        """A digest of the body."""
        return event_key.from_body(delivery.body)

    def question(self, delivery: Delivery, answers: Sequence[Answer]) -> Question | None:
        """The record that an event is about."""
        if answers:
            return None
        try:
            event, record_id = _event(delivery.body), quote(_record_id(delivery.body), safe="")
        except Unreadable:
            return None
        if event in _APPLICATION_EVENTS:
            return Question(f"/job-applications/{record_id}", _APPLICATION, params=_INCLUDE)
        return Question(f"/candidates/{record_id}", _CANDIDATE) if event in _CANDIDATE_EVENTS else None

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """What the record says that the event is about. Raises Unreadable with the path of the field at fault."""
        event = _event(delivery.body)
        if event not in _APPLICATION_EVENTS | _CANDIDATE_EVENTS:
            reason = next((reason for start, reason in _QUIET if event.startswith(start)), "unknown_event")
            return (NothingToDo(reason),)
        record_id = _record_id(delivery.body)
        if not answers:
            raise Unreadable("answer", "not asked for yet")
        answer = Fields(strict_json.read(answers[0].body), "answer") if answers[0].status != 404 else None
        if event.endswith(".destroy"):
            return (_destroyed(event, record_id) if answer is None else NothingToDo("still_there"),)
        if event in _CANDIDATE_EVENTS:
            return (_changed(answer) if answer is not None else NothingToDo("candidate_is_gone"),)
        if answer is None:
            raise Unreadable("answer", "the ATS does not know this application (404)")
        return (_moved(event, record_id, answer, received_at),)


def _read(written: str) -> tuple[str, bytes] | None:
    """A signature: its time (empty for version 1) and its 32 bytes; None for anything else."""
    with contextlib.suppress(ValueError):  # neither base64 nor ASCII inside it
        text = base64.b64decode(written, validate=True).decode("ascii")
        if match := _STAMPED.fullmatch(text):
            return match[1], bytes.fromhex(match[2])
        if digest := signature.read_hex(text):
            return "", digest
    return None


def _signed(stamp: str, body: bytes) -> Iterator[bytes]:
    """The messages that a signature can be of."""
    if stamp:
        yield _stamped(stamp, body)
        if (inner := _payload(body)) is not None:
            yield _stamped(stamp, inner)
    else:
        with contextlib.suppress(Unreadable):
            yield _record_id(body).encode("utf-8", "surrogatepass")


def _stamped(stamp: str, body: bytes) -> bytes:
    return f"{stamp}.".encode() + body


def _payload(body: bytes) -> bytes | None:
    """The member `payload` as it is written, if it is the first one. Nothing is decided by what it says."""
    try:
        text = body.decode("utf-8")
        start = _WRAPPED.match(text)
        if start is None:
            return None
        _, end = _DECODER.raw_decode(text, start.end())
    except (ValueError, RecursionError):
        return None
    return text[start.end() : end].encode("utf-8")


def _is_stale(stamp: str, now: datetime) -> bool:
    return bool(stamp) and abs(now.timestamp() - int(stamp)) > TOLERANCE


def _message(body: bytes) -> Fields:
    """What a body says, with the wrapper or without it."""
    whole = Fields(strict_json.read(body))
    return whole.optional_nested("payload") or whole


def _event(body: bytes) -> str:
    return _message(body).text("event_name")


def _record_id(body: bytes) -> str:
    """The id that version 1 signs: the one thing in a body that can always be believed."""
    message = _message(body)
    record = message.optional_nested("data")
    if record is not None:
        return record.identifier("id")
    return message.identifier("resource_id" if message.has("resource_id") else "id")


def _destroyed(event: str, record_id: str) -> Event:
    if event in _APPLICATION_EVENTS:
        return ApplicationDeleted(record_id)
    return CandidateErased(record_id, "deleted")


def _changed(answer: Fields) -> Event:
    person = answer.nested("data")
    return CandidateChanged(_candidate(person), person.nested("attributes").optional_time("updated-at"))


def _moved(event: str, application_id: str, answer: Fields, received_at: datetime) -> Event:
    application = answer.nested("data")
    attributes, stage = application.nested("attributes"), _linked(answer, application, "stage")
    stage_type = _stage_type(stage)
    sourced = attributes.optional_flag("sourced") is True
    if sourced and stage_type == _INBOX and not _has_moved(attributes):
        return NothingToDo("lead")
    job = _always(answer, application, "job")
    return StageChange(
        application_id=application_id,
        occurred_at=_changed_at(attributes) or received_at,
        outcome=_outcome(answer, application, stage_type),
        stage=_stage(stage, stage_type),
        candidate=_candidate(_always(answer, application, "candidate")),
        job=JobFacts(job.identifier("id"), job.nested("attributes").text("title")),
        owner=_owner(_linked(answer, job, "user")),
        arrived=event == _ARRIVED and not sourced,
    )


def _has_moved(attributes: Fields) -> bool:
    made, moved = attributes.optional_time("created-at"), attributes.optional_time("changed-stage-at")
    return made is not None and moved is not None and moved - made > _AT_ONCE


def _changed_at(attributes: Fields) -> datetime | None:
    updated = attributes.optional_time("updated-at")
    if updated is not None:
        return updated
    times = (attributes.optional_time(name) for name in ("created-at", "changed-stage-at", "rejected-at"))
    return max((time for time in times if time is not None), default=None)


def _outcome(answer: Fields, application: Fields, stage_type: str | None) -> Outcome:
    if application.nested("attributes").optional_time("rejected-at") is None:
        return Outcome.HIRED if stage_type == _HIRED else Outcome.NONE
    reason = _linked(answer, application, "reject-reason")
    by_company = reason.nested("attributes").optional_flag("rejected-by-company") if reason is not None else None
    return Outcome.WITHDRAWN if by_company is False else Outcome.REJECTED


def _stage_type(stage: Fields | None) -> str | None:
    if stage is None:
        return None
    attributes = stage.nested("attributes")
    return attributes.optional_text("stage-type") or attributes.optional_text("legacy-stage-type-name")


def _stage(stage: Fields | None, stage_type: str | None) -> StageFacts | None:
    if stage is None:
        return None
    return StageFacts(stage.identifier("id"), stage.nested("attributes").text("name"), _KINDS.get(stage_type or ""))


def _candidate(person: Fields) -> CandidateFacts:
    attributes = person.nested("attributes")
    first, last = attributes.optional_text("first-name"), attributes.optional_text("last-name")
    address = attributes.optional_address("email")
    return CandidateFacts(
        external_id=person.identifier("id"),
        first_name=first,
        name=" ".join(filter(None, (first, last))) or None,
        emails=(address,) if address else None,
    )


def _owner(user: Fields | None) -> OwnerFacts | None:
    """The recruiter of the job. Users who were only invited have no name yet."""
    attributes = user.nested("attributes") if user is not None else None
    name = attributes.optional_text("name") if attributes is not None else None
    if user is None or attributes is None or name is None:
        return None
    return OwnerFacts(user.identifier("id"), name, attributes.optional_address("email") or "")


def _linked(answer: Fields, record: Fields, relation: str) -> Fields | None:
    """The included record that `record` is related to (JSON:API); None if there is none."""
    relations = record.optional_nested("relationships")
    link = relations.optional_nested(relation) if relations is not None else None
    named = link.optional_nested("data") if link is not None else None
    if named is None:
        return None
    wanted = (named.text("type"), named.identifier("id"))
    included = answer.items("included")
    return next((one for one in included if (one.text("type"), one.identifier("id")) == wanted), None)


def _always(answer: Fields, record: Fields, relation: str) -> Fields:
    """The same for a relation that is documented to be there."""
    found = _linked(answer, record, relation)
    if found is None:
        raise Unreadable(record.at(f"relationships.{relation}"), "missing, or not included")
    return found
