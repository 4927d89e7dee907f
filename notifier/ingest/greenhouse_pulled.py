"""A Greenhouse application as it was read from the API: one body that `notifier.pull` joined from its lists.

The body: `application` (id, candidate_id, prospect, status, created_at, updated_at, last_activity_at, rejected_at),
`candidate` (id, first_name, last_name, email_addresses, can_email, private), `job` (id, name), `stage` (id, name,
entered_at), `rejection_reason` (type), `recruiter` and `coordinator` (id, name, primary_email). All but the application
may be null.

Decision, the order among web hooks. A web hook tells an action; what was pulled is a state, true since an action and up
to the moment it was read. So that neither takes away what the other knows better:

- *Rejected* stands at the time its web hook would have: `rejected_at`, or `last_activity_at` where both are of one
  action. Not later, although it was true later: the undoing carries `last_activity_at` only, which a rejection may have
  moved last, and an undoing that came to be older than the rejection would let the mail go.
- *In process* and *hired* stand at `updated_at`, which moves with every change. `last_activity_at` would be too early:
  the published undoing of a rejection does not move it, so an undoing whose web hook is lost would stay lost.
- At equal times the rank decides (`greenhouse_meaning`).

So: what was read after the last change is the newest of all, whatever was lost. A web hook of the same change says
nothing new before or after it (O15). And a web hook whose time lies before the change it tells (a hire by an offer that
was accepted earlier, an undone hire) can look old after a pull that lies between; the next pull says it.
"""

from collections.abc import Sequence
from datetime import datetime

from notifier.core.change import CandidateFacts, Event, JobFacts, NothingToDo, StageChange, StageFacts
from notifier.core.stage import Outcome
from notifier.ingest import strict_json
from notifier.ingest.fields import Fields
from notifier.ingest.greenhouse_meaning import (
    ONE_ACTION,
    RANK_OF_STATE,
    candidate_facts,
    in_seconds,
    is_candidates_decision,
    outcome_of,
    owner_facts,
)


def events(body: bytes, received_at: datetime) -> Sequence[Event]:
    """The one event a pulled application tells. Raises Unreadable with the path of the field at fault."""
    record = Fields(strict_json.read(body))
    application = record.nested("application")
    status = application.text("status")
    # A prospect that was converted goes on under an application of its own.
    if application.optional_flag("prospect") or status == "converted":
        return (NothingToDo("prospect"),)
    outcome = outcome_of(status, application.at("status"))
    if outcome is Outcome.REJECTED and is_candidates_decision(record.optional_nested("rejection_reason")):
        outcome = Outcome.WITHDRAWN
    stage = record.optional_nested("stage")
    return (
        StageChange(
            application_id=application.identifier("id"),
            occurred_at=in_seconds(_occurred_at(outcome, application)) or received_at,
            sequence=RANK_OF_STATE[outcome],
            outcome=outcome,
            stage=StageFacts(stage.identifier("id"), stage.text("name")) if stage else None,
            candidate=_candidate(record, application),
            job=_job(record),
            owner=owner_facts(
                record.optional_nested("recruiter"), record.optional_nested("coordinator"), "primary_email"
            ),
            arrived=outcome is Outcome.NONE and _only_arrived(application, stage),
        ),
    )


def _occurred_at(outcome: Outcome, application: Fields) -> datetime | None:
    """Where the state stands in the order; None if no time is given. See the module for why."""
    active = application.optional_time("last_activity_at")
    changed = application.optional_time("updated_at")
    rejected = application.optional_time("rejected_at")
    if outcome in (Outcome.REJECTED, Outcome.WITHDRAWN):
        one_action = active is not None and rejected is not None and abs(active - rejected) <= ONE_ACTION
        return active if one_action else rejected or active or changed
    return max((moment for moment in (active, changed) if moment is not None), default=None)


def _only_arrived(application: Fields, stage: Fields | None) -> bool:
    """Whether nothing happened to the application since it came in: then the state is its arrival."""
    created = application.optional_time("created_at")
    entered = stage.optional_time("entered_at") if stage else None
    begun = entered or application.optional_time("last_activity_at")
    return created is not None and begun is not None and begun - created <= ONE_ACTION


def _candidate(record: Fields, application: Fields) -> CandidateFacts:
    """The person; only the id if the key's user may not see them, so that what is known stays."""
    candidate = record.optional_nested("candidate")
    if candidate is None:
        return CandidateFacts(application.identifier("candidate_id"))
    return candidate_facts(candidate, "private")


def _job(record: Fields) -> JobFacts | None:
    """A job without a name is left out: its title would be read."""
    job = record.optional_nested("job")
    title = job.optional_text("name") if job else None
    return JobFacts(job.identifier("id"), title) if job and title else None
