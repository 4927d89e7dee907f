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
  meaning decides: `_RANK`.
- *Withdrawn.* A rejection of the type "They rejected us" was the candidate's decision: nobody is told "no" who said it.
- What is not read: answers, demographic data, custom fields, attachments, notes, scorecards, salaries.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

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
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest import data_files, event_key, signature, strict_json, text_secret
from notifier.ingest.fields import Fields
from notifier.ingest.text import shown

#: "sha256", one space, 64 hex digits. `bytes.fromhex` alone would also take spaces between the digits.
_SIGNATURE = re.compile(r"sha256 ([0-9A-Fa-f]{64})")

#: The actions that move an application, in the order of their meaning at equal times.
_RANK = {
    "new_candidate_application": 0,
    "candidate_stage_change": 1,
    "application_updated": 1,
    "reject_candidate": 2,
    "unreject_candidate": 3,
    "hire_candidate": 4,
    "unhire_candidate": 5,
}

_STATUS = {"active": Outcome.NONE, "rejected": Outcome.REJECTED, "hired": Outcome.HIRED}

#: What the action itself means where the body has no status (documented for hires only).
_OUTCOME_OF_ACTION = {
    "reject_candidate": Outcome.REJECTED,
    "unreject_candidate": Outcome.NONE,
    "hire_candidate": Outcome.HIRED,
    "unhire_candidate": Outcome.NONE,
}

_CANDIDATES_DECISION = "they rejected us"

#: A private address first, and one that an employer may read last.
_ADDRESS_ORDER = {"personal": 0, "work": 2}
_OTHER_ADDRESS = 1

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

#: Two columns written by one action may differ by a second (the published new application shows it). A rejection must
#: not become later than its undoing, which carries `last_activity_at` only, because of that.
_ONE_ACTION = timedelta(seconds=5)


class Adapter:
    """Greenhouse's protocol; see the module for what is documented and what was decided."""

    name = "greenhouse"
    title = "Greenhouse"
    success = 200
    refusal = 401

    def new_secret(self) -> str:
        """A fresh secret key for a web hook."""
        return text_secret.new()

    def check_secret(self, secret: str) -> None:
        """Raise ValueError, saying what is wrong, unless `secret` can be the secret key of a web hook."""
        text_secret.check(secret)

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

    def sign(self, body: bytes, secret: str, now: datetime, event_id: str) -> dict[str, str]:
        """The headers Greenhouse would send with `body`; `now` is not part of them."""
        del now
        return {
            "content-type": "application/json",
            "greenhouse-event-id": event_id,
            "signature": f"sha256 {signature.digest(text_secret.key(secret), body).hex()}",
        }

    def event_key(self, delivery: Delivery) -> str:
        """The header's id, else a digest of the body."""
        given = delivery.headers.get("greenhouse-event-id", "")
        return event_key.from_header(given) if given else event_key.from_body(delivery.body)

    def translate(self, delivery: Delivery, received_at: datetime) -> Sequence[Event]:
        """The one event a web hook tells. Raises Unreadable with the path of the field at fault."""
        body = Fields(strict_json.read(delivery.body))
        action = body.text("action")
        if action in _RANK:
            return (_moved(action, body.nested("payload").nested("application"), received_at),)
        if action in _RECORDS:
            return (_RECORDS[action](body.nested("payload")),)
        reasons = (reason for start, reason in _QUIET if action.startswith(start))
        return (NothingToDo(next(reasons, "unknown_event")),)

    def samples(self) -> dict[str, bytes]:
        """Made-up bodies by action, about one person and in the order in which they could happen."""
        return data_files.samples(self.name)


def _moved(action: str, application: Fields, received_at: datetime) -> Event:
    """What an action of `_RANK` says about its application."""
    if application.optional_flag("prospect"):
        return NothingToDo("prospect")
    candidate = application.optional_nested("candidate")
    return StageChange(
        application_id=application.identifier("id"),
        occurred_at=_occurred_at(action, application) or received_at,
        sequence=_RANK[action],
        outcome=_outcome(action, application),
        stage=_stage(application),
        candidate=_candidate(candidate) if candidate else None,
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
        return rejected if rejected > active + _ONE_ACTION else active
    return active or rejected


def _outcome(action: str, application: Fields) -> Outcome | None:
    """How the application ended, by its status, else by the action; a rejection may be a withdrawal."""
    status = application.optional_text("status")
    if status is not None and status not in _STATUS:
        raise Unreadable(application.at("status"), "not active, rejected or hired")
    outcome = _STATUS[status] if status else _OUTCOME_OF_ACTION.get(action)
    if outcome is Outcome.REJECTED and _was_candidates_decision(application):
        return Outcome.WITHDRAWN
    return outcome


def _was_candidates_decision(application: Fields) -> bool:
    reason = application.optional_nested("rejection_reason")
    kind = reason.optional_nested("type") if reason else None
    return kind is not None and (kind.optional_text("name") or "").casefold() == _CANDIDATES_DECISION


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


def _candidate(candidate: Fields) -> CandidateFacts:
    """The person. Members that an event leaves out stay None, so that what is known stays."""
    first = candidate.optional_text("first_name")
    last = candidate.optional_text("last_name")
    return CandidateFacts(
        external_id=candidate.identifier("id"),
        first_name=first,
        name=shown(" ".join(filter(None, (first, last)))) or None,
        emails=_addresses(candidate) if candidate.has("email_addresses") else None,
        can_email=candidate.optional_flag("can_email"),
        private=candidate.optional_flag("is_private"),
    )


def _addresses(candidate: Fields) -> tuple[str, ...]:
    """All addresses in the order of `_ADDRESS_ORDER`; Greenhouse's own order decides within a type."""
    entries = sorted(
        candidate.items("email_addresses"),
        key=lambda entry: _ADDRESS_ORDER.get(entry.optional_text("type") or "", _OTHER_ADDRESS),
    )
    return tuple(address for entry in entries if (address := entry.optional_address("value")))


def _owner(candidate: Fields) -> OwnerFacts | None:
    """The recruiter, else the coordinator; a person without a name cannot sign."""
    for role in ("recruiter", "coordinator"):
        person = candidate.optional_nested(role)
        name = person.optional_text("name") if person else None
        if person and name:
            return OwnerFacts(person.identifier("id"), name, person.optional_address("email") or "")
    return None


def _updated(payload: Fields) -> Event:
    return CandidateChanged(_candidate(payload.nested("candidate")))


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
