"""Greenhouse Recruiting: one web hook per event type, signed over the body and nothing else.

Sources: https://developers.greenhouse.io/webhooks.html and the texts behind it (github.com/grnhse/greenhouse-api-docs).

*Documented*: the signature, the ping, every action and member read here, 200 as the only success, up to seven attempts
in fifteen hours. The reason types "We rejected them", "They rejected us" and "None specified" are in the Harvest
documentation and on the help pages.
*Not confirmed*: that the header `Greenhouse-Event-ID` stays the same over retries; that a web hook's
`rejection_reason.type` carries those three names (the published example has another); which activity moves
`last_activity_at`; whether `offer.resolved_at` can be dated back by a recruiter.

Decisions:

- *Key.* The header's id; a digest of the body where it is missing. The header is not signed, so a replay can carry a
  new id and be kept again. It then says what was said before, at the same time: a change that is not newer than what is
  known is a silence (`core.candidacy`), so nothing follows. What carries no time cannot be shown to be old; that is
  listed in docs/ats/greenhouse.md.
- *Time.* A body has no time of its own event. The nearest ones order it: `last_activity_at`, for a rejection the later
  of it and `rejected_at`, for a hire `offer.resolved_at`. Only where none is given the time of arrival stands in: the
  event is true and must have a place in the order, and arrival is the only one left.
- *Equal times.* The published rejection and its undoing carry the same `last_activity_at`, so at equal times the
  meaning decides (`notifier.ingest.greenhouse_meaning`).
- *Withdrawn.* A rejection of the type "They rejected us" was the candidate's decision: nobody is told "no" who said it.
- What is not read: answers, demographic data, custom fields, attachments, notes, scorecards, salaries.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from notifier.core.asking import Answer
from notifier.core.change import (
    ApplicationDeleted,
    CandidateChanged,
    CandidateErased,
    CandidateFacts,
    CandidateMerged,
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
from notifier.core.stage import Outcome
from notifier.ingest import adapter, event_key, greenhouse_pulled, signature, strict_json, text_secret
from notifier.ingest.fields import Fields
from notifier.ingest.greenhouse_meaning import (
    ONE_ACTION,
    RANK_OF_ACTION,
    candidate_facts,
    in_seconds,
    is_candidates_decision,
    outcome_of,
    owner_facts,
)

#: "sha256", one space, 64 hex digits. `bytes.fromhex` alone would also take spaces between the digits.
_SIGNATURE = re.compile(r"sha256 ([0-9A-Fa-f]{64})")

#: What the action itself means where the body has no status (documented for hires only).
_OUTCOME_OF_ACTION = {
    "reject_candidate": Outcome.REJECTED,
    "unreject_candidate": Outcome.NONE,
    "hire_candidate": Outcome.HIRED,
    "unhire_candidate": Outcome.NONE,
}

#: Anonymising these takes away who the candidate is or how to reach them; other fields are none of our business.
_IDENTIFYING = frozenset({"full_name", "email_addresses"})

#: Actions by their first letters that are known and move nobody, and the reason shown for them.
_QUIET = (
    ("ping", "ping"),
    ("new_prospect_application", "prospect"),
    ("offer_", "offer_changes_no_stage"),
    ("interview_", "interview_changes_no_stage"),
    ("scorecard_", "scorecard_changes_no_stage"),
    ("job_", "job_moves_nobody"),
    ("department_", "organization_moves_nobody"),
    ("office_", "organization_moves_nobody"),
)


class Adapter(adapter.Adapter):
    """Greenhouse's protocol; see the module for what is documented and what was decided."""

    name = "greenhouse"
    title = "Greenhouse"
    kind_at = "action"

    def verify(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> Verdict:
        """Check `Signature` over the raw body. There is no timestamp to check, so `now` is not used."""
        del now
        given = delivery.headers.get("signature")
        if given is None:
            return Doubted("no_signature")
        match = _SIGNATURE.fullmatch(given)
        if match is None:
            return Doubted("malformed")
        return signature.judge([bytes.fromhex(match[1])], [text_secret.key(one) for one in secrets], delivery.body)

    def signed(self, plain: Delivery, secret: str, now: datetime, event_id: str) -> Delivery:
        """`plain` as Greenhouse would send it; `now` is no part of it."""
        del now
        proof = signature.digest(text_secret.key(secret), plain.body).hex()
        return plain.with_headers({
            "content-type": "application/json",
            "greenhouse-event-id": event_id,
            "signature": f"sha256 {proof}",
        })  # fmt: skip

    def event_key(self, delivery: Delivery) -> str:
        """The header's id, else a digest of the body."""
        given = delivery.headers.get("greenhouse-event-id", "")
        return event_key.from_header(given) if given else event_key.from_body(delivery.body)

    def translate(self, delivery: Delivery, received_at: datetime, answers: Sequence[Answer] = ()) -> Sequence[Event]:
        """The one event a web hook tells. Raises Unreadable with the path of the field at fault."""
        del answers
        body = Fields(strict_json.read(delivery.body))
        action = body.text("action")
        if action in RANK_OF_ACTION:
            return (_moved(action, body.nested("payload").nested("application"), received_at),)
        if action in _RECORDS:
            return (_RECORDS[action](body.nested("payload")),)
        reasons = (reason for start, reason in _QUIET if action.startswith(start))
        return (NothingToDo(next(reasons, "unknown_event")),)

    def translate_pulled(self, body: bytes, received_at: datetime) -> Sequence[Event]:
        """What an application read from the API says. Raises Unreadable with the path of the field at fault."""
        return greenhouse_pulled.events(body, received_at)


def _moved(action: str, application: Fields, received_at: datetime) -> Event:
    """What an action of RANK_OF_ACTION says about its application."""
    if application.optional_flag("prospect"):
        return NothingToDo("prospect")
    candidate = application.optional_nested("candidate")
    return StageChange(
        application_id=application.identifier("id"),
        occurred_at=in_seconds(_occurred_at(action, application)) or received_at,
        sequence=RANK_OF_ACTION[action],
        outcome=_outcome(action, application),
        stage=_stage(application),
        candidate=candidate_facts(candidate, "is_private") if candidate else None,
        job=_job(application),
        owner=_owner(candidate) if candidate else None,
        arrived=action == "new_candidate_application",
        undoes=action in ("unreject_candidate", "unhire_candidate"),
    )


def _occurred_at(action: str, application: Fields) -> datetime | None:
    """The time in the body that is nearest to the event; None if there is none."""
    active = application.optional_time("last_activity_at")
    if action == "new_candidate_application":
        return active or application.optional_time("applied_at")
    if action == "hire_candidate":
        offer = application.optional_nested("offer")
        return (offer.optional_time("resolved_at") if offer else None) or active
    rejected = application.optional_time("rejected_at") if action == "reject_candidate" else None
    if active and rejected:
        # A rejection must not become later than its undoing, which carries `last_activity_at` only.
        return rejected if rejected > active + ONE_ACTION else active
    return active or rejected


def _outcome(action: str, application: Fields) -> Outcome | None:
    """How the application ended, by its status, else by the action; a rejection may be a withdrawal."""
    status = application.optional_text("status")
    outcome = outcome_of(status, application.at("status")) if status else _OUTCOME_OF_ACTION.get(action)
    if outcome is Outcome.REJECTED and is_candidates_decision(application.optional_nested("rejection_reason")):
        return Outcome.WITHDRAWN
    return outcome


def _stage(application: Fields) -> StageFacts | None:
    """The current stage; hires and prospects have none. What it means is mapped by people, not here."""
    stage = application.optional_nested("current_stage")
    return StageFacts(stage.identifier("id"), stage.text("name")) if stage else None


def _job(application: Fields) -> JobFacts | None:
    """The first job, else the deprecated single one. A job without a name is left out: its title would be read."""
    jobs = application.items("jobs")
    job = jobs[0] if jobs else application.optional_nested("job")
    title = job.optional_text("name") if job else None
    return JobFacts(job.identifier("id"), title) if job and title else None


def _owner(candidate: Fields) -> OwnerFacts | None:
    return owner_facts(candidate.optional_nested("recruiter"), candidate.optional_nested("coordinator"), "email")


def _updated(payload: Fields) -> Event:
    return CandidateChanged(candidate_facts(payload.nested("candidate"), "is_private"))


def _merged(payload: Fields) -> Event:
    person = payload.nested("person")
    return CandidateMerged(person.identifier("id"), CandidateFacts(person.identifier("new_candidate_id")))


def _deleted(payload: Fields) -> Event:
    """The example names the list one way and the attribute table another."""
    person = payload.nested("person")
    applications = person.identifiers("deleted_application_ids") or person.identifiers("application_ids")
    return CandidateErased(person.identifier("id"), "deleted", applications)


def _anonymized(payload: Fields) -> Event:
    """An empty or absent list counts as everything: when in doubt the person is forgotten."""
    fields = payload.identifiers("anonymized_fields")
    if fields and _IDENTIFYING.isdisjoint(fields):
        return NothingToDo("anonymized_other_fields")
    return CandidateErased(payload.identifier("candidate_id"), "anonymized")


def _application_deleted(payload: Fields) -> Event:
    return ApplicationDeleted(payload.nested("application").identifier("id"))


#: The actions about records of people and applications that move nobody to another stage.
_RECORDS: Mapping[str, Callable[[Fields], Event]] = {
    "update_candidate": _updated,
    "merge_candidate": _merged,
    "delete_candidate": _deleted,
    "candidate_anonymized": _anonymized,
    "delete_application": _application_deleted,
}
