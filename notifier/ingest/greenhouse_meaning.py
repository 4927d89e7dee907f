"""What Greenhouse's words mean, wherever they stand: in a web hook or in a record that was pulled.

Both ways must say the same of the same change, so what they share is said once: outcomes, people, and the order of
meanings at equal times.

Decision: times are compared in whole seconds. Published web hooks have no more, the API has thousandths; half a second
must not make a rejection that was pulled later than the web hook of its undoing. Within a second the meaning decides.
"""

from datetime import datetime, timedelta

from notifier.core.change import CandidateFacts, OwnerFacts
from notifier.core.errors import Unreadable
from notifier.core.stage import Outcome
from notifier.ingest.fields import Fields
from notifier.ingest.text import shown

#: The actions of web hooks that move an application, in the order of their meaning at equal times.
RANK_OF_ACTION = {
    "new_candidate_application": 0,
    "candidate_stage_change": 1,
    "application_updated": 1,
    "reject_candidate": 3,
    "unreject_candidate": 5,
    "hire_candidate": 6,
    "unhire_candidate": 8,
}

#: The same for a state that was pulled: just above the action that leads to it, because it was read later than that,
#: and below the action that undoes it, because nobody knows whether that was done before the state was read.
RANK_OF_STATE = {Outcome.NONE: 2, Outcome.REJECTED: 4, Outcome.WITHDRAWN: 4, Outcome.HIRED: 7}

#: Two columns written by one action may differ by a second (the published new application shows it).
ONE_ACTION = timedelta(seconds=5)

#: "active" in web hooks is "in_process" in Harvest v3.
_STATUS = {
    "active": Outcome.NONE,
    "in_process": Outcome.NONE,
    "rejected": Outcome.REJECTED,
    "hired": Outcome.HIRED,
}

_CANDIDATES_DECISION = "they rejected us"

#: A private address first, and one that an employer may read last.
_ADDRESS_ORDER = {"personal": 0, "work": 2}
_OTHER_ADDRESS = 1


def in_seconds(moment: datetime | None) -> datetime | None:
    """The time as it takes part in the order."""
    return moment.replace(microsecond=0) if moment is not None else None


def outcome_of(status: str, path: str) -> Outcome:
    """What a status says. Raises Unreadable, naming `path`, if it is not known."""
    if status not in _STATUS:
        raise Unreadable(path, "not active, in_process, rejected or hired")
    return _STATUS[status]


def is_candidates_decision(reason: Fields | None) -> bool:
    """Whether a rejection reason is of the type "They rejected us": nobody is told "no" who said it.

    Web hooks give the type's name, Harvest v3 its key as well (THEY_REJECTED_US), which nobody can rename.
    """
    kind = reason.optional_nested("type") if reason else None
    said = [kind.optional_text(member) or "" for member in ("key", "name")] if kind else []
    return any(text.casefold().replace("_", " ") == _CANDIDATES_DECISION for text in said)


def candidate_facts(candidate: Fields, private: str) -> CandidateFacts:
    """The person; `private` is the name of the member that says so.

    Members that are left out stay None, so that what is known stays.
    """
    first = candidate.optional_text("first_name")
    last = candidate.optional_text("last_name")
    return CandidateFacts(
        external_id=candidate.identifier("id"),
        first_name=first,
        name=shown(" ".join(filter(None, (first, last)))) or None,
        emails=_addresses(candidate) if candidate.has("email_addresses") else None,
        can_email=candidate.optional_flag("can_email"),
        private=candidate.optional_flag(private),
    )


def owner_facts(recruiter: Fields | None, coordinator: Fields | None, address: str) -> OwnerFacts | None:
    """The recruiter, else the coordinator; a person without a name cannot sign. `address` names the member with it."""
    for person in (recruiter, coordinator):
        name = person.optional_text("name") if person else None
        if person and name:
            return OwnerFacts(person.identifier("id"), name, person.optional_address(address) or "")
    return None


def _addresses(candidate: Fields) -> tuple[str, ...]:
    """All addresses in the order of `_ADDRESS_ORDER`; Greenhouse's own order decides within a type."""
    entries = sorted(
        candidate.items("email_addresses"),
        key=lambda entry: _ADDRESS_ORDER.get(entry.optional_text("type") or "", _OTHER_ADDRESS),
    )
    return tuple(address for entry in entries if (address := entry.optional_address("value")))
