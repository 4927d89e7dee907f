"""SmartRecruiters: web hooks that hold ids and nothing else, signed with their headers; everything is asked for.

Sources: https://developers.smartrecruiters.com/docs/receiving-webhook-notifications, …/docs/webhooks-security,
…/docs/rate-limiting, …/docs/authentication-api-key, …/docs/authentication-oauth-client-credential,
…/docs/authentication-access-scopes, …/docs/get-candidate-application-status (what each status means),
…/reference/subscriptionsgeneratesecretkey-1 (the signature with an example), the help pages on statuses and delayed
rejections, and the vendor's own example (github.com/smartrecruiters/sr-webhooks-client).

*Documented*: the signature, the handshake, the event's name, version and id in headers, the body of
application.created, 202 within 5 s as the only success, ten more attempts within about a day, the key in
`X-SmartToken` or an OAuth 2.0 client's token, ten requests a second, and what the nine statuses mean.
*Seen in code*: the questions below `/candidates` and the members of their answers (davejcameron/smartrecruiters and
roksela/smartrecruiters-python-client, made from the vendor's OpenAPI), and how the statuses are written.
*Not confirmed*: the body of application.status.updated (taken for that of application.created) and of candidate.deleted
(`candidate_id` or `id`); that a redelivery is stamped anew; the order of a status history.

Decisions:

- *Whom we ask.* The header `Link` holds the address of the resource. It is signed and never followed: paths are built
  from the ids, so the key goes to the source's own address and nowhere else.
- *The time* is that of the newest entry of the status history, if it is the entry of the status that was read. Else the
  status was changed between two questions, and the time is that of arrival.
- *Key.* `event-id`, which is signed and the same over redeliveries.
- *A lead* has not applied, so nothing is owed, not even after "Rejected". Who has applied and is a lead again was
  reassigned, which takes back a rejection; so does a transfer to another job. Neither is an ending or any news.
- *The kind of a stage* is said for a main status only. What a company's own sub-status means is mapped by a person:
  else each step within "Interview" would be an interview of its own.
- *404* for an application is shown to people and can be replayed. It is never taken for a deletion: a wrong address of
  the API would delete everybody.
- What is not read: telephone numbers, location, education, experience, ratings, reasons, the hiring team.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from types import MappingProxyType
from urllib.parse import quote

from notifier.core.asking import Answer, Api, Proof, Question
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
    Verdict,
)
from notifier.core.cut import ALL
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome, StageKind
from notifier.ingest import adapter, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields

#: Seconds between the signed timestamp and now, either way.
TOLERANCE = 300

#: Unix seconds. The upper bound keeps a number of thousands of digits away from `int`.
_TIMESTAMP = re.compile(r"[0-9]{1,12}")

#: What may be echoed into an answer: anybody can send it.
_HOOK_SECRET = re.compile(r"[ -~]{1,512}")

#: The headers that are signed after the body, in their order.
_SIGNED_HEADERS = ("event-id", "event-name", "event-version", "link")

_ARRIVED = "application.created"

#: Events that say that an application is somewhere, perhaps somewhere else than before.
_MOVES = frozenset({_ARRIVED, "application.status.updated"})

_DELETED = "candidate.deleted"

#: Events by their first letters that are known and move nobody, and the reason shown for them.
_QUIET = (
    ("application.", "details_move_nobody"),
    ("candidate.", "candidate_changes_are_asked_with_the_next_stage"),
    ("offer.", "offer_changes_no_stage"),
    ("interview.", "interview_changes_no_stage"),
    ("job.", "job_moves_nobody"),
    ("position.", "job_moves_nobody"),
)

_OUTCOMES = MappingProxyType({
    "HIRED": Outcome.HIRED,
    "REJECTED": Outcome.REJECTED,
    "WITHDRAWN": Outcome.WITHDRAWN,
})  # fmt: skip

#: The statuses of an application that is under way: what people call them, and what they mean.
_STAGES = MappingProxyType({
    "NEW": ("New", StageKind.APPLIED),
    "IN_REVIEW": ("In review", StageKind.SCREEN),
    "INTERVIEW": ("Interview", StageKind.INTERVIEW),
    "OFFERED": ("Offered", StageKind.OFFER),
})  # fmt: skip

_LEAD = "LEAD"

#: The statuses in which nobody is considered for this job by their own application: no stage and no ending.
_NOWHERE = frozenset({_LEAD, "TRANSFERRED"})

_STATUSES = frozenset({*_OUTCOMES, *_STAGES, *_NOWHERE})

#: The statuses that nobody has who is no more than a lead.
_APPLIED = frozenset({*_STAGES, "HIRED"})

# What is kept of each answer.
_APPLICATION = MappingProxyType({"status": ALL, "subStatus": ALL})
_HISTORY = MappingProxyType({"content": {"changedOn": ALL, "status": ALL}})
_CANDIDATE = MappingProxyType({"firstName": ALL, "lastName": ALL, "email": ALL})
_JOB = MappingProxyType({"title": ALL})


class Adapter(adapter.Adapter):
    """SmartRecruiters' protocol; see the module for what is documented and what was decided."""

    name = "smartrecruiters"
    title = "SmartRecruiters"
    kind_at = "header:event-name"
    success = 202
    api = Api(
        address="https://api.smartrecruiters.com",
        proof=Proof.HEADER,
        key_header="x-smarttoken",
        token_address="https://api.smartrecruiters.com/identity/oauth/token",  # noqa: S106 - an address
        per_second=8,
        key_form="the API key, or <client id>:<client secret> of an OAuth client",
        needs="candidates and jobs (candidates_read, jobs_read)",
    )

    def handshake(self, delivery: Delivery) -> Handshake | None:
        """The request that activates a subscription, before it has a secret: its header is sent back."""
        value = delivery.headers.get("x-hook-secret", "")
        return Handshake("hook_secret", headers={"X-Hook-Secret": value}) if _HOOK_SECRET.fullmatch(value) else None

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `smartrecruiters-signature` over the body and headers, and that the timestamp is near `now` (aware)."""
        written = delivery.headers.get("smartrecruiters-signature")
        if written is None:
            return Doubted("no_signature")
        given, stamp = _signatures(written), delivery.headers.get("smartrecruiters-timestamp", "")
        if not (given and _TIMESTAMP.fullmatch(stamp)):
            return Doubted("malformed")
        verdict = signature.judge(given, [text_secret.key(secret) for secret in secrets], _message(delivery, stamp))
        # Only a genuine request is called stale: then the clocks differ, or somebody replays.
        if isinstance(verdict, Believed) and abs(now.timestamp() - int(stamp)) > TOLERANCE:
            return Doubted("stale")
        return verdict

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as SmartRecruiters would send it at `now` (aware); the name of the event is among its headers."""
        stamp = str(int(now.timestamp()))
        stamped = plain.with_headers({
            "content-type": "application/json",
            "event-id": event_id,
            "smartrecruiters-timestamp": stamp,
        })  # fmt: skip
        proof = signature.digest(text_secret.key(secret), _message(stamped, stamp)).hex()
        return stamped.with_headers({"smartrecruiters-signature": f"v1={proof}"})

    def event_key(self, delivery: Delivery) -> str:
        """The signed `event-id`, else a digest of the body."""
        given = delivery.headers.get("event-id", "")
        return event_key.from_header(given) if given else event_key.from_body(delivery.body)

    def question(self, delivery: Delivery, answers: Sequence[Answer]) -> Question | None:
        """The application and its history; then the person and the job, unless nothing follows."""
        try:
            if delivery.headers.get("event-name") not in _MOVES:
                return None
            candidate_id, job_id = _ids(delivery.body)
            if len(answers) == 1 and answers[0].status == 404:
                return None
            if len(answers) == 2 and _is_lead(answers):
                return None
        except Unreadable:
            return None
        candidate, job = quote(candidate_id, safe=""), quote(job_id, safe="")
        questions = (
            Question(f"/candidates/{candidate}/jobs/{job}", _APPLICATION),
            Question(f"/candidates/{candidate}/jobs/{job}/status/history", _HISTORY),
            Question(f"/candidates/{candidate}", _CANDIDATE),
            Question(f"/jobs/{job}", _JOB),
        )
        return questions[len(answers)] if len(answers) < len(questions) else None

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """The one event a web hook tells. Raises Unreadable with the path of the field at fault."""
        body, event = Fields(strict_json.read(delivery.body)), delivery.headers.get("event-name", "")
        if not event:
            raise Unreadable("event-name", "missing among the headers")
        if event in _MOVES:
            return (_moved(event, _ids(delivery.body), received_at, answers),)
        if event == _DELETED:
            member = "candidate_id" if body.has("candidate_id") else "id"
            return (CandidateErased(body.identifier(member), "deleted"),)
        return (NothingToDo(next((reason for start, reason in _QUIET if event.startswith(start)), "unknown_event")),)


def _signatures(written: str) -> list[bytes]:
    """The `v1` signatures of the list: one for every key that is good now. Other schemes are passed over."""
    parts = (part.strip().partition("=") for part in written.split(";"))
    found = (signature.read_hex(digits) for scheme, _, digits in parts if scheme == "v1")
    return [one for one in found if one is not None]


def _message(delivery: Delivery, stamp: str) -> bytes:
    headers = (delivery.headers.get(name, "") for name in _SIGNED_HEADERS)
    return b".".join([stamp.encode(), delivery.body, *(header.encode("utf-8", "surrogatepass") for header in headers)])


def _ids(body: bytes) -> tuple[str, str]:
    message = Fields(strict_json.read(body))
    return message.identifier("candidate_id"), message.identifier("job_id")


def _said(answers: Sequence[Answer], index: int, what: str) -> Fields | None:
    """An answer; None if SmartRecruiters does not know the thing."""
    if len(answers) <= index:
        raise Unreadable("answer", "not asked for yet")
    answer = answers[index]
    return None if answer.status == 404 else Fields(strict_json.read(answer.body), f"answer.{what}")


def _application(answers: Sequence[Answer]) -> tuple[Fields, str]:
    application = _said(answers, 0, "application")
    if application is None:
        raise Unreadable("answer", "the ATS does not know this application (404)")
    status = application.text("status")
    if status not in _STATUSES:
        raise Unreadable(application.at("status"), "not a status that is known")
    return application, status


def _history(answers: Sequence[Answer]) -> tuple[Fields, ...]:
    history = _said(answers, 1, "history")
    return history.items("content") if history is not None else ()


def _is_lead(answers: Sequence[Answer]) -> bool:
    """Whether they were never more than a lead. A history that does not say so leaves them an applicant."""
    _, status = _application(answers)
    seen = {status, *(entry.optional_text("status") for entry in _history(answers))}
    return _LEAD in seen and not seen & _APPLIED


def _moved(event: str, ids: tuple[str, str], received_at: datetime, answers: Sequence[Answer]) -> Event:
    application, status = _application(answers)
    if _is_lead(answers):
        return NothingToDo("lead")
    candidate_id, job_id = ids
    return StageChange(
        application_id=f"{candidate_id}:{job_id}",
        occurred_at=_changed_at(status, _history(answers)) or received_at,
        outcome=_OUTCOMES.get(status, Outcome.NONE),
        stage=_stage(application, status),
        candidate=_candidate(candidate_id, _said(answers, 2, "candidate")),
        job=_job(job_id, _said(answers, 3, "job")),
        arrived=event == _ARRIVED,
        undoes=status in _NOWHERE,
    )


def _changed_at(status: str, entries: Sequence[Fields]) -> datetime | None:
    """When this status began; None if the history does not say it, or not yet."""
    times = [(at, entry.optional_text("status")) for entry in entries if (at := entry.optional_time("changedOn"))]
    began, newest = max(times, key=itemgetter(0), default=(None, None))
    return began if newest == status else None


def _stage(application: Fields, status: str) -> StageFacts | None:
    """The sub-status where there is one, which is a step of the company's own, else the status."""
    if status not in _STAGES:
        return None
    step = application.optional_text("subStatus")
    if step is not None:
        return StageFacts(f"{status}:{step}", step)
    name, kind = _STAGES[status]
    return StageFacts(status, name, kind)


def _candidate(external_id: str, person: Fields | None) -> CandidateFacts:
    if person is None:
        return CandidateFacts(external_id)
    first, last = person.optional_text("firstName"), person.optional_text("lastName")
    address = person.optional_address("email")
    return CandidateFacts(
        external_id=external_id,
        first_name=first,
        name=" ".join(filter(None, (first, last))) or None,
        emails=(address,) if address else None,
    )


def _job(external_id: str, job: Fields | None) -> JobFacts | None:
    return JobFacts(external_id, job.text("title")) if job is not None else None
