"""SmartRecruiters: web hooks that carry ids, signed with their time, name and link; the rest is asked for.

Sources: https://developers.smartrecruiters.com/docs/receiving-webhook-notifications, …/docs/webhooks-security,
…/reference/subscriptionsgeneratesecretkey-1, https://github.com/smartrecruiters/sr-webhooks-client, and for the
Candidate API public clients that were made from the vendor's description.

*Documented*: the signature over timestamp, body, event-id, event-name, event-version and link, an absent header being
empty text; several signatures at once while a key is replaced; the handshake with X-Hook-Secret and 200; 202 within
five seconds as the only success; ten more tries within about two days; that a body holds ids only and the resource
shows what is true now.
*Seen in generated clients*: `GET /candidates/{id}/jobs/{jobId}` (an application: `status`, `subStatus`), `GET
/candidates/{id}` (`firstName`, `lastName`, `email`), `GET /jobs/{id}` (`title`); the statuses; the header
X-SmartToken for an API key, and client credentials for OAuth.
*Not confirmed*: the body of `application.status.updated` (the ids of the other application events are read); limits
of requests.

Decisions:

- *The link is signed and not followed*: the key goes to the address of the API and nowhere else, by the ids in the
  body.
- *An application* is a candidate and a job.
- *The status is the ATS's own word* for where somebody stands, the same in every company: it says what the stage
  means.
- *Time* is the moment of arrival: neither the body nor the answers have one that is documented, and the answer is not
  older than the web hook. An answer that comes late says what is true then, so it misleads nobody.
- *404 is no deletion*: a key that sees less would look the same.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

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
from notifier.ingest.text import shown

#: Seconds between the signed timestamp and now, either way.
TOLERANCE = 300

#: Headers that are signed with the body, in this order.
_SIGNED = ("event-id", "event-name", "event-version", "link")

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_HOOK_SECRET = re.compile(r"[!-~]{1,512}")

_MOVES = frozenset({"application.created", "application.status.updated"})

#: Events by their first letters that are known and move nobody, and the reason shown for them.
_QUIET = (
    ("application.", "application_details_move_nobody"),
    ("candidate.", "candidate_is_asked_for_with_the_next_move"),
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

_KINDS = MappingProxyType({
    "NEW": StageKind.APPLIED,
    "IN_REVIEW": StageKind.SCREEN,
    "INTERVIEW": StageKind.INTERVIEW,
    "OFFERED": StageKind.OFFER,
})  # fmt: skip

#: What is kept of each answer.
_APPLICATION = MappingProxyType({"status": ALL, "subStatus": ALL})
_CANDIDATE = MappingProxyType({"id": ALL, "firstName": ALL, "lastName": ALL, "email": ALL})
_JOB = MappingProxyType({"id": ALL, "title": ALL})


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
        token_address="https://www.smartrecruiters.com/identity/oauth/token",  # noqa: S106 - an address
        per_second=8,
        key_form="the API key, or <client id>:<client secret> of an OAuth client",
        needs="candidates, applications and jobs",
    )

    def handshake(self, delivery: Delivery) -> Handshake | None:
        """What the activation of a subscription waits for: its secret, sent back."""
        value = delivery.headers.get("x-hook-secret", "")
        return Handshake("handshake", 200, {"X-Hook-Secret": value}) if _HOOK_SECRET.fullmatch(value) else None

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `smartrecruiters-signature` over what it covers, and that the timestamp is near `now` (aware)."""
        written = delivery.headers.get("smartrecruiters-signature")
        if written is None:
            return Doubted("no_signature")
        stamp = delivery.headers.get("smartrecruiters-timestamp", "")
        given = [proof for item in written.split(";") if (proof := _read(item.strip())) is not None]
        if not given or not _TIMESTAMP.fullmatch(stamp):
            return Doubted("malformed")
        keys = [text_secret.key(secret) for secret in secrets]
        verdict = signature.judge(given, keys, _signed(delivery, stamp))
        # Only a genuine request is called stale: then the clocks differ, or somebody replays.
        if isinstance(verdict, Believed) and abs(now.timestamp() - int(stamp)) > TOLERANCE:
            return Doubted("stale")
        return verdict

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as SmartRecruiters would send it at `now` (aware)."""
        stamp = str(int(now.timestamp()))
        named = plain.with_headers({"content-type": "application/json", "event-id": event_id})
        proof = signature.digest(text_secret.key(secret), _signed(named, stamp)).hex()
        return named.with_headers({"smartrecruiters-timestamp": stamp, "smartrecruiters-signature": f"v1={proof}"})

    def event_key(self, delivery: Delivery) -> str:
        """The event's id, which is signed."""
        given = delivery.headers.get("event-id", "")
        return event_key.from_header(given) if given else event_key.from_body(delivery.body)

    def question(self, delivery: Delivery, answers: Sequence[Answer]) -> Question | None:
        """The application, then the candidate and the job."""
        try:
            if delivery.headers.get("event-name") not in _MOVES:
                return None
            body = Fields(strict_json.read(delivery.body))
            candidate, job = body.path_segment("candidate_id"), body.path_segment("job_id")
        except Unreadable:
            return None
        questions = (
            Question(f"/candidates/{candidate}/jobs/{job}", _APPLICATION),
            Question(f"/candidates/{candidate}", _CANDIDATE),
            Question(f"/jobs/{job}", _JOB),
        )
        return questions[len(answers)] if len(answers) < len(questions) else None

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """The one event a web hook tells. Raises Unreadable with the path of the field at fault."""
        body = Fields(strict_json.read(delivery.body))
        what = delivery.headers.get("event-name", "")
        if not what:
            raise Unreadable("event-name", "the header is missing")
        if what in _MOVES:
            return (_moved(what, body, answers, received_at),)
        if what == "candidate.deleted":
            return (CandidateErased(body.identifier("candidate_id" if body.has("candidate_id") else "id"), "deleted"),)
        return (NothingToDo(next((reason for start, reason in _QUIET if what.startswith(start)), "unknown_event")),)


def _read(item: str) -> bytes | None:
    version, equals, digits = item.partition("=")
    return signature.read_hex(digits) if version == "v1" and equals else None


def _signed(delivery: Delivery, stamp: str) -> bytes:
    """What is signed. Headers are text of one byte a character where they come from a server."""
    rest = ".".join(delivery.headers.get(name, "") for name in _SIGNED).encode("utf-8", "surrogatepass")
    return stamp.encode() + b"." + delivery.body + b"." + rest


def _record(answers: Sequence[Answer], index: int, path: str) -> Fields:
    """The record in an answer. Raises Unreadable if SmartRecruiters does not know it."""
    if len(answers) <= index:
        raise Unreadable(path, "SmartRecruiters was not asked")
    if answers[index].status == 404:
        raise Unreadable(path, "SmartRecruiters does not know it, or the key may not see it (404)")
    return Fields(strict_json.read(answers[index].body), path)


def _moved(what: str, body: Fields, answers: Sequence[Answer], received_at: datetime) -> Event:
    candidate, job = body.identifier("candidate_id"), body.identifier("job_id")
    application = _record(answers, 0, "answers.application")
    status = application.text("status")
    if status == "LEAD":
        return NothingToDo("lead")
    if status == "TRANSFERRED":
        return NothingToDo("transferred_to_another_job")
    if status not in _OUTCOMES and status not in _KINDS:
        raise Unreadable(application.at("status"), "not a status that is documented")
    outcome = _OUTCOMES.get(status, Outcome.NONE)
    return StageChange(
        application_id=f"{candidate}:{job}",
        occurred_at=received_at,
        outcome=outcome,
        stage=_stage(application, status) if outcome is Outcome.NONE else None,
        candidate=_candidate(_record(answers, 1, "answers.candidate"), candidate),
        job=_job(answers, job),
        arrived=what == "application.created",
    )


def _stage(application: Fields, status: str) -> StageFacts:
    """The status, and the company's own step inside it where there is one."""
    step = application.optional_text("subStatus")
    return StageFacts(f"{status}:{step}" if step else status, step or status.replace("_", " ").title(), _KINDS[status])


def _candidate(record: Fields, candidate: str) -> CandidateFacts:
    first, last = record.optional_text("firstName"), record.optional_text("lastName")
    email = record.optional_address("email")
    name = shown(" ".join(filter(None, (first, last)))) or None
    return CandidateFacts(candidate, first_name=first, name=name, emails=(email,) if email else None)


def _job(answers: Sequence[Answer], job: str) -> JobFacts | None:
    """The job, if it could be read: a missing title costs nobody their answer."""
    if len(answers) < 3 or answers[2].status == 404:
        return None
    title = _record(answers, 2, "answers.job").optional_text("title")
    return JobFacts(job, title) if title else None
