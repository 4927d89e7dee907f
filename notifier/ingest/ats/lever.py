"""Lever: web hooks that name ids only and sign none of them; everything else is read from the API.

Sources: https://hire.lever.co/developer/documentation (web hooks, opportunities, archive reasons, postings, contacts),
and public code (Embloy, Uprove, Qorva).

*Documented*: `signature` in the body as the hex HMAC-SHA256 of `token` and `triggeredAt`; the test request with empty
`data`; the events; any 2xx as success and five more tries; every member of the API's answers that is read here;
`expand`; types and texts of archive reasons; 10 requests a second (the listing of apis.io names a burst of 20).
*Seen in code*: that `toArchived` is null when somebody is unarchived; the stages whose ids begin with "lead-".
*Not confirmed*: how long the five tries take; that a try carries the token of the first; the members of `data` beyond
the ids.

Decisions:

- *`data` is a hint.* The signature covers the token and the time and nothing else, so whoever has seen one delivery can
  write another `data` under it. It is believed that something happened to an opportunity; what, Lever is asked.
- *A signature is good for three days*, because a late try is worth more than a replay costs: the token is the event
  key, so a replay is a copy, and all it could bring about is one more question.
- *An opportunity is the application*: it has one application at most, and goes through the pipeline without one as
  well. A contact is the candidate. Whoever stands in a lead's stage has not applied.
- *Endings.* An archived opportunity ended as its reason says: of the type `hired` is a hire; any other is a rejection
  unless its text says that the candidate withdrew or declined. Reasons can be renamed, so the words are looked for and
  not the whole text.
- *404 is no deletion* unless Lever said "deleted" first: an address or a key that sees less would look the same.
- What is not kept: telephone numbers, links, headlines, tags, answers, résumés. Data protection consent is about other
  jobs and is not read either.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from notifier.core.asking import Answer, Api, Proof, Question
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
    Verdict,
)
from notifier.core.cut import ALL
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest import adapter, body_id, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields
from notifier.ingest.reason import by_candidate

#: How far from now the signed time may lie: tries come late, clocks differ a little.
LATEST, EARLIEST = timedelta(days=3), timedelta(hours=1)

_MOVES = frozenset({"applicationCreated", "candidateStageChange", "candidateArchiveChange", "candidateHired"})

#: What is kept of each answer.
_OPPORTUNITY = MappingProxyType({
    "data": {
        "id": ALL, "name": ALL, "contact": ALL, "emails": ALL, "isAnonymized": ALL,
        "createdAt": ALL, "updatedAt": ALL, "lastAdvancedAt": ALL, "deletedAt": ALL,
        "archived": {"reason": ALL, "archivedAt": ALL},
        "stage": {"id": ALL, "text": ALL},
        "owner": {"id": ALL, "name": ALL, "email": ALL},
        "applications": {"id": ALL, "posting": ALL},
    },
})  # fmt: skip
_REASON = MappingProxyType({"data": {"id": ALL, "text": ALL, "type": ALL}})
_POSTING = MappingProxyType({"data": {"id": ALL, "text": ALL}})
_CONTACT = MappingProxyType({"data": {"id": ALL, "name": ALL, "emails": ALL}})

_EXPANDED = "?expand=applications&expand=stage&expand=owner"


class Adapter(adapter.Adapter):
    """Lever's protocol; see the module for what is documented and what was decided."""

    name = "lever"
    title = "Lever"
    kind_at = "event"
    signs_body = False
    api = Api(
        address="https://api.lever.co/v1",
        proof=Proof.BASIC,
        per_second=8,
        key_form="the API key as Lever shows it",
        needs="opportunities, contacts, postings, archive reasons and stages",
    )

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `signature` over `token` and `triggeredAt`, and that the time is near `now` (aware)."""
        try:
            body = strict_json.read(delivery.body)
        except Unreadable:
            return Doubted("malformed")
        written, token, triggered_at = body.get("signature"), body.get("token"), body.get("triggeredAt")
        if written is None:
            return Doubted("no_signature")
        given = signature.read_hex(written) if isinstance(written, str) else None
        whole = isinstance(triggered_at, int) and not isinstance(triggered_at, bool) and 0 <= triggered_at < 10**14
        if given is None or not isinstance(token, str) or not token or not whole:
            return Doubted("malformed")
        keys = [text_secret.key(secret) for secret in secrets]
        verdict = signature.judge([given], keys, _signed(token, str(triggered_at)))
        moment = datetime.fromtimestamp(int(str(triggered_at)) / 1000, UTC)
        if isinstance(verdict, Believed) and not now - LATEST <= moment <= now + EARLIEST:
            return Doubted("stale")
        return verdict

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as Lever would send it at `now` (aware): token, time and signature stand in the body."""
        body = strict_json.read(plain.body)
        stamp = int(now.timestamp() * 1000)
        proof = signature.digest(text_secret.key(secret), _signed(event_id, str(stamp))).hex()
        body = {**body, "token": event_id, "triggeredAt": stamp, "signature": proof}
        headers = {**plain.headers, "content-type": "application/json", "user-agent": "Lever-Webhooks"}
        return Delivery(headers, json.dumps(body, separators=(",", ":")).encode())

    def event_key(self, delivery: Delivery) -> str:
        """The token, which is signed."""
        token = body_id.read(delivery.body, "token")
        return event_key.from_header(token) if token else event_key.from_body(delivery.body)

    def question(self, delivery: Delivery, answers: Sequence[Answer]) -> Question | None:
        """The opportunity, then the reason of its ending and the posting; or the contact."""
        try:
            body = Fields(strict_json.read(delivery.body))
            event, data = body.text("event"), body.optional_nested("data")
            if not data or not data.members:
                return None
            if event == "contactUpdated":
                return Question(f"/contacts/{data.path_segment('contactId')}", _CONTACT) if not answers else None
            if event == "candidateDeleted":
                path = f"/opportunities/{data.path_segment('opportunityId')}"
                return Question(path, _OPPORTUNITY) if not answers else None
            return _next(data, answers) if event in _MOVES else None
        except Unreadable:
            return None

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """The one event a web hook tells. Raises Unreadable with the path of the field at fault."""
        body = Fields(strict_json.read(delivery.body))
        event, data = body.text("event"), body.optional_nested("data")
        if not data or not data.members:
            return (NothingToDo("ping"),)
        if event in _MOVES:
            return (_moved(event, data, answers, received_at),)
        if event == "candidateDeleted":
            return (_deleted(data, answers),)
        if event == "contactUpdated":
            return (_contact_changed(answers),)
        if event.startswith("interview"):
            return (NothingToDo("interview_changes_no_stage"),)
        return (NothingToDo("contact_without_an_opportunity" if event == "contactCreated" else "unknown_event"),)


def _signed(token: str, triggered_at: str) -> bytes:
    return f"{token}{triggered_at}".encode("utf-8", "surrogatepass")


def _next(data: Fields, answers: Sequence[Answer]) -> Question | None:
    """What is still missing about an opportunity that moved. Raises Unreadable where that cannot be told."""
    if not answers:
        return Question(f"/opportunities/{data.path_segment('opportunityId')}{_EXPANDED}", _OPPORTUNITY)
    record = _record(answers[0], "answers.opportunity")
    wanted = []
    archived = record.optional_nested("archived")
    if archived is not None and archived.has("reason"):
        wanted.append(Question(f"/archive_reasons/{archived.path_segment('reason')}", _REASON))
    applications = record.items("applications")
    if applications and applications[0].has("posting"):
        wanted.append(Question(f"/postings/{applications[0].path_segment('posting')}", _POSTING))
    return wanted[len(answers) - 1] if len(answers) <= len(wanted) else None


def _record(answer: Answer, path: str) -> Fields:
    """The record in an answer. Raises Unreadable if Lever does not know it."""
    if answer.status == 404:
        raise Unreadable(path, "Lever does not know it, or the key may not see it (404)")
    return Fields(strict_json.read(answer.body), path).nested("data")


def _moved(event: str, data: Fields, answers: Sequence[Answer], received_at: datetime) -> Event:
    opportunity_id = data.identifier("opportunityId")
    if not answers:
        raise Unreadable("answers.opportunity", "Lever was not asked")
    record = _record(answers[0], "answers.opportunity")
    if record.identifier("id") != opportunity_id:
        raise Unreadable(record.at("id"), "another opportunity than the one asked for")
    if record.has("deletedAt"):
        return ApplicationDeleted(opportunity_id)
    stage = record.optional_nested("stage")
    if stage is not None and stage.identifier("id").startswith("lead-"):
        return NothingToDo("lead")
    rest = list(answers[1:])
    archived = record.optional_nested("archived")
    outcome = Outcome.NONE
    if archived is not None:
        outcome = _outcome(rest.pop(0) if archived.has("reason") and rest else None)
    return StageChange(
        application_id=opportunity_id,
        occurred_at=_occurred_at(record, archived) or received_at,
        outcome=outcome,
        stage=StageFacts(stage.identifier("id"), stage.text("text")) if stage and archived is None else None,
        candidate=_candidate(record),
        job=_job(rest),
        owner=_owner(record),
        arrived=event == "applicationCreated",
    )


def _occurred_at(record: Fields, archived: Fields | None) -> datetime | None:
    """When the record was changed last; records that are older than that member have only the times of their parts."""
    parts = [record.optional_milliseconds(name) for name in ("createdAt", "lastAdvancedAt")]
    if archived is not None:
        parts.append(archived.optional_milliseconds("archivedAt"))
    changed = record.optional_milliseconds("updatedAt")
    return changed or max((part for part in parts if part is not None), default=None)


def _outcome(answer: Answer | None) -> Outcome:
    """How an archived opportunity ended."""
    if answer is None:
        raise Unreadable("answers.archive_reason", "archived without a reason")
    reason = _record(answer, "answers.archive_reason")
    if reason.text("type") == "hired":
        return Outcome.HIRED
    text = reason.optional_text("text")
    declined = text is not None and "offer declined" in text.casefold()
    return Outcome.WITHDRAWN if declined or by_candidate(text) else Outcome.REJECTED


def _candidate(record: Fields) -> CandidateFacts:
    """One name; nothing is guessed about which word is the first name. An anonymised person has no name."""
    return CandidateFacts(
        external_id=record.identifier("contact"),
        name=record.optional_text("name"),
        emails=record.addresses("emails") or None,
    )


def _job(rest: Sequence[Answer]) -> JobFacts | None:
    """The posting, if there is one and it could be read: a missing title costs nobody their answer."""
    if not rest or rest[0].status == 404:
        return None
    posting = _record(rest[0], "answers.posting")
    return JobFacts(posting.identifier("id"), posting.text("text"))


def _owner(record: Fields) -> OwnerFacts | None:
    owner = record.optional_nested("owner")
    name = owner.optional_text("name") if owner is not None else None
    if owner is None or name is None:
        return None
    return OwnerFacts(owner.identifier("id"), name, owner.optional_address("email") or "")


def _deleted(data: Fields, answers: Sequence[Answer]) -> Event:
    """Anybody could write "deleted" under a signature that was seen once, so Lever has to say the same."""
    if not answers:
        raise Unreadable("answers.opportunity", "Lever was not asked")
    if answers[0].status == 404 or _record(answers[0], "answers.opportunity").has("deletedAt"):
        return ApplicationDeleted(data.identifier("opportunityId"))
    return NothingToDo("still_there")


def _contact_changed(answers: Sequence[Answer]) -> Event:
    if not answers:
        raise Unreadable("answers.contact", "Lever was not asked")
    contact = _record(answers[0], "answers.contact")
    emails = contact.addresses("emails") or None
    return CandidateChanged(CandidateFacts(contact.identifier("id"), name=contact.optional_text("name"), emails=emails))
