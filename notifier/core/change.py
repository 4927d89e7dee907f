"""What an ATS told us, in our words.

An adapter translates one webhook into a sequence of these events. They carry the ATS's own ids and times and nothing
the ATS did not say: an absent fact is `None`, never a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from notifier.core.stage import Outcome, StageKind


@dataclass(frozen=True, slots=True)
class CandidateFacts:
    """The person, as the ATS describes them.

    `emails` holds every address in the order of preference, unchecked. `can_email` false means the ATS forbids
    writing to them; `private` means the ATS hides the person from most of its own users. `None` in `emails`,
    `can_email`, `private`, `first_name` or `name` means that the ATS did not say, so what is known stays.
    """

    external_id: str
    first_name: str | None = None
    name: str | None = None
    emails: tuple[str, ...] | None = None
    can_email: bool | None = None
    private: bool | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class JobFacts:
    """The vacancy. `title` is what the candidate reads."""

    external_id: str
    title: str


@dataclass(frozen=True, slots=True)
class StageFacts:
    """The stage the application is in now. `kind` only where the ATS itself says what the stage means."""

    external_id: str
    name: str
    kind: StageKind | None = None


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """The recruiter who signs. `email` may be empty where the ATS gives a name only, and so may `external_id`: then the
    address tells recruiters apart, and without one the name does."""

    external_id: str
    name: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class StageChange:
    """An application is now here.

    `occurred_at` (aware) is the ATS's own time, never the time of arrival unless the ATS gives none; `sequence` breaks
    ties at equal times where the ATS or the meaning of the event gives an order (a rejection comes before its undoing).
    `outcome` is `None` where the event says nothing about it: then the kind of the stage decides. `arrived` says that
    the event is the arrival of the application itself, whatever the first stage of that job is called; `undoes` that it
    takes an ending back, which is never news by itself. `applied_at` (aware) is when the application came, where a
    record says so that was read without an event: whoever applied before we were here is not told that they did.
    """

    application_id: str
    occurred_at: datetime
    sequence: int = 0
    outcome: Outcome | None = None
    stage: StageFacts | None = None
    candidate: CandidateFacts | None = None
    job: JobFacts | None = None
    owner: OwnerFacts | None = None
    arrived: bool = False
    undoes: bool = False
    applied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CandidateChanged:
    """The person's data changed; no application moved. `occurred_at` is `None` where the ATS gives no time."""

    candidate: CandidateFacts
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CandidateMerged:
    """Two records of one person became one; what was owed to the old one is owed to the new one."""

    external_id: str
    into: CandidateFacts


@dataclass(frozen=True, slots=True)
class CandidateErased:
    """The person was deleted or anonymised in the ATS. Deleting is not rejecting: nobody is written to."""

    external_id: str
    how: str
    application_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplicationDeleted:
    """The application was deleted in the ATS. Deleting is not rejecting: nobody is written to."""

    application_id: str


@dataclass(frozen=True, slots=True)
class StagesReplaced:
    """Stages of a job got new ids, each the successor of an old one: (old id, new id). Nobody was moved."""

    stages: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """Something changed at this source and the ATS does not say what: the source is to be read."""


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """A known event that moves nobody. `reason` is one lower_case word group, shown in the inbox."""

    reason: str


Event = (
    StageChange
    | CandidateChanged
    | CandidateMerged
    | CandidateErased
    | ApplicationDeleted
    | StagesReplaced
    | SourceChanged
    | NothingToDo
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP request from an ATS: header names in lower case, the body's bytes as they came."""

    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def with_headers(self, more: Mapping[str, str]) -> "Delivery":
        """The same body under more headers."""
        return Delivery({**self.headers, **more}, self.body)


@dataclass(frozen=True, slots=True)
class Believed:
    """The signature holds; `secret_index` says which of the secrets offered (0 is the first)."""

    secret_index: int


@dataclass(frozen=True, slots=True)
class Doubted:
    """The request is not believed. `reason` (no_signature, malformed, wrong, stale) is for the log only."""

    reason: str


Verdict = Believed | Doubted


@dataclass(frozen=True, slots=True)
class Handshake:
    """The answer to a request that only tries the address: an HTTP status, and headers the ATS waits for. `word` is
    what it is called in the log and the answer: ping, or verify."""

    word: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
