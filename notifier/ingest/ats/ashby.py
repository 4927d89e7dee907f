"""Ashby: one web hook per event type, signed over the body; no time and no old stage.

Sources: https://developers.ashbyhq.com/docs/common-payload-data, …/docs/related-webhooks, …/docs/retries,
…/docs/setting-up-webhooks, the changelog, and an OpenAPI mirror of the payloads (github.com/api-evangelist/ashby).

*Documented*: the signature, the ping and that it needs a 200, `webhookActionId` as the same over retries and over
related web hooks, every member read here, any 2xx as success, at most ten attempts, and that 401, 403, 404, 405 and 410
are never retried.
*Not confirmed*: whether a real ping carries `webhookActionId`; the words in `hiringTeam[].role`; a whole sample body.

Decisions:

- *400 for what is not believed*: with 401 every event would be lost while a secret is wrong.
- *Key.* (`webhookActionId`, `action`): one hire is three web hooks with one id. The three say the same of one
  application, so the second and the third are no news. A digest of the body where there is no id.
- *Endings are hidden* in `application.status`: no event is called rejected, archived or unarchived. Archived with a
  reason of the type RejectedByCandidate was the candidate's decision; RejectedByOrg, Other and no reason at all are the
  employer's. A lead has not applied.
- *The stage* is read of an active application only: an archived one stands in a stage called "Archived", which is an
  ending and no stage.
- *One name.* Nothing is guessed about which word is the first name.
- *A missing address* is asked for (`candidate.info`) where there is an API key, else the message waits for one.
- What is not read: telephone numbers, custom fields, the submitter's address, where the application came from.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from notifier.core.asking import Answer, Api, Proof, Question
from notifier.core.change import (
    CandidateErased,
    CandidateFacts,
    CandidateMerged,
    Delivery,
    Event,
    Handshake,
    JobFacts,
    NothingToDo,
    OwnerFacts,
    StageChange,
    StageFacts,
    StagesReplaced,
    Verdict,
)
from notifier.core.cut import ALL
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest import adapter, body_id, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields

#: Actions whose `data.application` says where an application is now.
_MOVES = frozenset({"applicationSubmit", "applicationUpdate", "candidateStageChange", "candidateHire"})

#: Actions by their first letters that are known and move nobody, and the reason shown for them.
_QUIET = (
    ("interviewSchedule", "interview_changes_no_stage"),
    ("offer", "offer_changes_no_stage"),
    ("job", "job_moves_nobody"),
    ("opening", "job_moves_nobody"),
    ("survey", "survey_moves_nobody"),
    ("signatureRequest", "offer_changes_no_stage"),
    ("pushToHRIS", "offer_changes_no_stage"),
)

_OUTCOMES = MappingProxyType({"Active": Outcome.NONE, "Hired": Outcome.HIRED, "Archived": Outcome.REJECTED})

#: What is kept of an answer of candidate.info.
_CANDIDATE = MappingProxyType({
    "success": ALL,
    "results": {"id": ALL, "primaryEmailAddress": {"value": ALL}, "emailAddresses": {"value": ALL}},
})  # fmt: skip


class Adapter(adapter.Adapter):
    """Ashby's protocol; see the module for what is documented and what was decided."""

    name = "ashby"
    title = "Ashby"
    kind_at = "action"
    refusal = 400
    api = Api(
        address="https://api.ashbyhq.com",
        proof=Proof.BASIC,
        per_second=5,
        key_form="the key as Ashby shows it",
        needs="candidates (candidatesRead)",
        required=False,
    )

    def handshake(self, delivery: Delivery) -> Handshake | None:
        """The ping, which comes when a web hook is made or changed, signed or not."""
        return Handshake("ping") if _is_ping(delivery.body) else None

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `Ashby-Signature` over the raw body. There is no timestamp to check, so `now` is not used."""
        del now
        return signature.of_body(delivery, "ashby-signature", secrets, _read)

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as Ashby would send it; `now` is no part of it."""
        del now
        body = plain.body if _is_ping(plain.body) else body_id.written(plain.body, "webhookActionId", event_id)
        proof = signature.digest(text_secret.key(secret), body).hex()
        headers = {"content-type": "application/json", "ashby-signature": f"sha256={proof}"}
        return Delivery({**plain.headers, **headers}, body)

    def event_key(self, delivery: Delivery) -> str:
        """The id and the action, else a digest of the body."""
        given = body_id.read(delivery.body, "webhookActionId")
        if not given:
            return event_key.from_body(delivery.body)
        return event_key.from_header(f"{given}:{body_id.read(delivery.body, 'action')}")

    def question(self, delivery: Delivery, answers: Sequence[Answer]) -> Question | None:
        """The candidate, where an application comes without an address."""
        try:
            body = Fields(strict_json.read(delivery.body))
            if answers or body.text("action") not in _MOVES:
                return None
            application = body.nested("data").nested("application")
            candidate = application.nested("candidate")
            if application.text("status") == "Lead" or _addresses(candidate):
                return None
            return Question("/candidate.info", _CANDIDATE, method="POST", json={"id": candidate.identifier("id")})
        except Unreadable:
            return None

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """The one event a web hook tells. Raises Unreadable with the path of the field at fault."""
        del received_at
        body = Fields(strict_json.read(delivery.body))
        action = body.text("action")
        if action == "ping":
            return (NothingToDo("ping"),)
        if action in _MOVES:
            return (_moved(action, body.nested("data").nested("application"), answers),)
        if action in _RECORDS:
            return (_RECORDS[action](body.nested("data")),)
        return (NothingToDo(next((reason for start, reason in _QUIET if action.startswith(start)), "unknown_event")),)


def _is_ping(body: bytes) -> bool:
    return body_id.read(body, "action") == "ping"


def _read(written: str) -> bytes | None:
    scheme, equals, digits = written.partition("=")
    return signature.read_hex(digits) if scheme == "sha256" and equals else None


def _moved(action: str, application: Fields, answers: Sequence[Answer]) -> Event:
    status = application.text("status")
    if status == "Lead":
        return NothingToDo("lead")
    if status not in _OUTCOMES:
        raise Unreadable(application.at("status"), "not Active, Archived, Hired or Lead")
    return StageChange(
        application_id=application.identifier("id"),
        occurred_at=application.time("updatedAt"),
        outcome=_outcome(status, application),
        stage=_stage(application) if status == "Active" else None,
        candidate=_candidate(application.nested("candidate"), answers),
        job=_job(application),
        owner=_owner(application),
        arrived=action == "applicationSubmit",
    )


def _outcome(status: str, application: Fields) -> Outcome:
    reason = application.optional_nested("archiveReason") if status == "Archived" else None
    if reason is not None and reason.optional_text("reasonType") == "RejectedByCandidate":
        return Outcome.WITHDRAWN
    return _OUTCOMES[status]


def _stage(application: Fields) -> StageFacts:
    stage = application.nested("currentInterviewStage")
    return StageFacts(stage.identifier("id"), stage.text("title"))


def _candidate(candidate: Fields, answers: Sequence[Answer]) -> CandidateFacts:
    emails = _addresses(candidate)
    for answer in answers if not emails else ():
        results = Fields(strict_json.read(answer.body)).optional_nested("results")
        emails = _addresses(results) if results is not None else ()
    return CandidateFacts(
        external_id=candidate.identifier("id"),
        name=candidate.optional_text("name"),
        emails=emails or None,
    )


def _addresses(candidate: Fields) -> tuple[str, ...]:
    """The primary address first; in the answer of the API the others after it."""
    primary = candidate.optional_nested("primaryEmailAddress")
    entries = ((primary,) if primary is not None else ()) + candidate.items("emailAddresses")
    return tuple(dict.fromkeys(address for entry in entries if (address := entry.optional_address("value"))))


def _job(application: Fields) -> JobFacts:
    job = application.nested("job")
    return JobFacts(job.identifier("id"), job.text("title"))


def _owner(application: Fields) -> OwnerFacts | None:
    """The recruiter of the hiring team, else its hiring manager. The words for roles are each company's own."""
    team = application.items("hiringTeam")
    for word in ("recruiter", "hiring manager"):
        for member in team:
            name = " ".join(filter(None, (member.optional_text("firstName"), member.optional_text("lastName"))))
            if word in (member.optional_text("role") or "").casefold() and name:
                return OwnerFacts(member.identifier("userId"), name, member.optional_address("email") or "")
    return None


def _deleted(data: Fields) -> Event:
    return CandidateErased(data.nested("candidate").identifier("id"), "deleted")


def _merged(data: Fields) -> Event:
    old, new = data.nested("deletedCandidate"), data.nested("mergedCandidate")
    emails = _addresses(new)
    facts = CandidateFacts(new.identifier("id"), name=new.optional_text("name"), emails=emails or None)
    return CandidateMerged(old.identifier("id"), facts)


def _transition(data: Fields) -> Event:
    """An interview plan took the place of another; every stage has a successor."""
    mappings = data.items("interviewStageMappings")
    return StagesReplaced(
        tuple((one.identifier("fromInterviewStageId"), one.identifier("toInterviewStageId")) for one in mappings)
    )


#: The actions about records that move nobody to another stage.
_RECORDS: Mapping[str, Callable[[Fields], Event]] = MappingProxyType({
    "candidateDelete": _deleted,
    "candidateMerge": _merged,
    "interviewPlanTransition": _transition,
})  # fmt: skip
